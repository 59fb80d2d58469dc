//! Owns the words between a station and its worker: a frame is a little-endian length and a JSON header; pixels and
//! files go through shared memory. Checks every word of an answer against the question; a worker that a file has taken
//! over may say anything.

use std::io::{self, Read, Write};
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::Confinement;
use crate::formats::pam::is_pam;
use crate::{
    Developed, Encoded, Extent, Extras, Format, Limits, Plan, Reason, Rendition, Size, SourceFormat,
    SourceInfo,
};

/// Bytes of a frame's length.
pub(super) const LENGTH_BYTES: usize = 4;
/// Room for the renditions of one original, whatever the plan; pages exist once they are touched.
pub(super) const OUTPUT_BYTES_MAX: u64 = 256 << 20;
/// Bytes of a JSON header.
pub(super) const HEADER_BYTES_MAX: usize = 64 << 10;
/// Characters of a rejection's detail.
const DETAIL_CHARS_MAX: usize = 200;
/// Bytes that a rendition's file may have beside its pixels.
const CONTAINER_BYTES_MAX: u64 = 64 << 10;
const RGB_BYTES: usize = 3;
const RGBA_BYTES: usize = 4;

/// Bytes of a ThumbHash.
const THUMBHASH_BYTES: RangeInclusive<usize> = 5..=25;

/// A worker's first words, once it is confined and ready for a job.
#[derive(Serialize, Deserialize)]
pub(super) struct Ready {
    pub(super) confinement: Confinement,
}

/// A job; the original lies in the input memory.
#[derive(Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) original_bytes: u64,
    pub(super) plan: Plan,
    pub(super) limits: Limits,
}

/// An answer; the renditions, files or pixels for a program, lie in the output memory, one after the other.
#[derive(Serialize, Deserialize)]
pub(super) enum Answer {
    Developed { source: SourceInfo, renditions: Vec<RenditionHeader>, extras: Extras },
    Rejected { reason: Reason, detail: String },
}

#[derive(Serialize, Deserialize)]
pub(super) struct RenditionHeader {
    name: String,
    format: Format,
    width: u32,
    height: u32,
    bytes: u64,
}

/// Length and header of a frame.
pub(super) fn frame(header: &impl Serialize) -> io::Result<Vec<u8>> {
    let header = serde_json::to_vec(header)?;
    if header.len() > HEADER_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the plan is too long for a frame"));
    }
    let length = u32::try_from(header.len()).map_err(io::Error::other)?;
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend(header);
    Ok(frame)
}

/// A frame's length.
pub(super) fn length(bytes: [u8; LENGTH_BYTES]) -> usize {
    u32::from_le_bytes(bytes) as usize
}

/// Splits the first frame's header off.
pub(super) fn split_frame(frames: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = frames.split_first_chunk()?;
    rest.split_at_checked(length(*head))
}

/// Reads one job, blocking; `None` at the end of the stream. The station is trusted with the length.
pub(super) fn read_question(from: &mut impl Read) -> io::Result<Option<Question>> {
    let mut head = [0; LENGTH_BYTES];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut header = vec![0; length(head)];
    from.read_exact(&mut header)?;
    Ok(Some(serde_json::from_slice(&header)?))
}

/// Writes a frame whole.
pub(super) fn write(to: &mut impl Write, header: &impl Serialize) -> io::Result<()> {
    to.write_all(&frame(header)?)?;
    to.flush()
}

impl Answer {
    /// What is said of renditions that lie in the output memory.
    pub(super) fn developed(developed: &Developed) -> Self {
        let header_of = |made: &Encoded| RenditionHeader {
            name: made.name.clone(),
            format: made.format,
            width: made.width,
            height: made.height,
            bytes: made.bytes.len() as u64,
        };
        let renditions = developed.renditions.iter().map(header_of).collect();
        Self::Developed { source: developed.source, renditions, extras: developed.extras.clone() }
    }
}

/// The most bytes that the renditions of a plan can have: no encoder needs more than five bytes a pixel, PNG's mark of
/// each row included; pixels for a program are four.
pub(super) fn output_bytes_max(plan: &Plan, limits: &Limits) -> u64 {
    let pixels = |size: Size| size.pixels_max().min(limits.decode_pixels_max);
    let bytes = |size| pixels(size).saturating_mul(5).saturating_add(CONTAINER_BYTES_MAX);
    let all = plan.renditions.iter().map(|rendition| bytes(rendition.size)).fold(0, u64::saturating_add);
    all.min(OUTPUT_BYTES_MAX)
}

/// What was asked: an answer is held against it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// By the original's magic number.
    pub(super) format: Option<SourceFormat>,
    pub(super) plan: &'a Plan,
    pub(super) limits: &'a Limits,
}

/// Why an answer is not believed.
#[derive(Debug)]
pub(super) enum Doubt {
    /// The worker lies, or cannot speak.
    Lie(&'static str),
    /// The renditions cannot be read.
    Unreadable(io::Error),
}

impl From<&'static str> for Doubt {
    fn from(lie: &'static str) -> Self {
        Self::Lie(lie)
    }
}

/// What a worker said, believed.
pub(super) enum Said {
    Developed(Developed),
    Rejected(Reason, String),
}

/// Checks an answer and fetches its renditions with `read(at, bytes)`. Fails, naming what is wrong, unless it is
/// exactly an answer to what was asked. What is read is checked after it was read: the memory may still change.
pub(super) fn check(
    asked: Asked<'_>,
    header: &[u8],
    read: impl Fn(u64, usize) -> io::Result<Vec<u8>>,
) -> Result<Said, Doubt> {
    let answer = serde_json::from_slice(header).map_err(|_| "an answer that is no answer")?;
    match answer {
        Answer::Rejected { reason, detail } => Ok(Said::Rejected(reason, printable(&detail))),
        Answer::Developed { source, renditions, extras } => {
            check_source(asked, source)?;
            check_plan(asked, source, &renditions)?;
            check_extras(asked.plan, &extras)?;
            let renditions = fetch(renditions, read)?;
            if !asked
                .plan
                .renditions
                .iter()
                .zip(&renditions)
                .all(|(planned, made)| is_kept(planned, made, source))
            {
                return Err(Doubt::Lie("a rendition that is not what it claims"));
            }
            Ok(Said::Developed(Developed { source, renditions, extras }))
        }
    }
}

fn check_source(asked: Asked<'_>, source: SourceInfo) -> Result<(), &'static str> {
    let pixels = source.size().pixels();
    let within = pixels > 0
        && pixels <= asked.limits.decode_pixels_max
        && source.size().longer_side() <= asked.limits.side_pixels_max;
    if within && asked.format == Some(source.format) { Ok(()) } else { Err("a source that cannot be") }
}

/// The renditions are those of the plan, and no more bytes than they can have.
fn check_plan(asked: Asked<'_>, source: SourceInfo, made: &[RenditionHeader]) -> Result<(), &'static str> {
    if made.len() != asked.plan.renditions.len() {
        return Err("another number of renditions than planned");
    }
    for (planned, made) in asked.plan.renditions.iter().zip(made) {
        let size = planned.size_of(source.size());
        let ruled = planned.format.allows(source.format, made.format);
        if made.name != planned.name || Extent::new(made.width, made.height) != size || !ruled {
            return Err("a rendition that was not planned");
        }
    }
    let bytes = made.iter().map(|made| made.bytes).fold(0, u64::saturating_add);
    let within = bytes <= output_bytes_max(asked.plan, asked.limits);
    if within { Ok(()) } else { Err("more data than renditions can have") }
}

fn fetch(
    made: Vec<RenditionHeader>,
    read: impl Fn(u64, usize) -> io::Result<Vec<u8>>,
) -> Result<Vec<Encoded>, Doubt> {
    let mut at = 0;
    let mut renditions = Vec::with_capacity(made.len());
    for RenditionHeader { name, format, width, height, bytes: length } in made {
        let bytes = usize::try_from(length).map_err(|_| "an impossible length")?;
        let bytes = read(at, bytes).map_err(Doubt::Unreadable)?;
        at += length;
        renditions.push(Encoded { name, format, width, height, bytes });
    }
    Ok(renditions)
}

/// A file of the format that it claims; for a program pixels, to the byte as many as the rendition has.
fn is_kept(planned: &Rendition, made: &Encoded, source: SourceInfo) -> bool {
    if planned.program.is_none() {
        return SourceFormat::detect(&made.bytes).and_then(SourceFormat::of_rendition) == Some(made.format);
    }
    let is_of = |depth| is_pam(&made.bytes, Extent::new(made.width, made.height), depth);
    let may_be_sheer = source.format != SourceFormat::Jpeg && made.format != Format::Jpeg;
    is_of(RGB_BYTES) || (may_be_sheer && is_of(RGBA_BYTES))
}

fn check_extras(plan: &Plan, extras: &Extras) -> Result<(), &'static str> {
    let hash = extras.thumbhash.as_ref().map(Vec::len);
    let hashed = if plan.thumbhash {
        hash.is_some_and(|bytes| THUMBHASH_BYTES.contains(&bytes))
    } else {
        hash.is_none()
    };
    // A picture that nobody sees has no dominant colour.
    let coloured = plan.dominant_colour || extras.dominant_colour.is_none();
    if hashed && coloured { Ok(()) } else { Err("extras that were not planned") }
}

/// Text from a worker as it may reach logs and people: short, printable ASCII.
pub(super) fn printable(text: &str) -> String {
    let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(DETAIL_CHARS_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FormatRule, Program, ProgramInput, pam_header};
    use proptest::prelude::*;

    fn plan() -> Plan {
        Plan { thumbhash: true, ..vec![Rendition::new("thumb", 10, 80)].into() }
    }

    fn developed() -> Developed {
        Developed {
            source: SourceInfo { format: SourceFormat::Jpeg, width: 40, height: 20 },
            renditions: vec![Encoded {
                name: "thumb".into(),
                format: Format::Jpeg,
                width: 10,
                height: 5,
                bytes: vec![0xff, 0xd8, 0xff, 0xdb, 1, 2, 3],
            }],
            extras: Extras { thumbhash: Some(vec![1; 7]), dominant_colour: None },
        }
    }

    fn asked(plan: &Plan) -> Asked<'_> {
        Asked { format: Some(SourceFormat::Jpeg), plan, limits: &Limits::DEFAULT }
    }

    fn heard(said: &Developed) -> Result<Said, Doubt> {
        heard_of(&plan(), said)
    }

    fn heard_of(plan: &Plan, said: &Developed) -> Result<Said, Doubt> {
        let frame = frame(&Answer::developed(said)).unwrap();
        let output: Vec<u8> = said.renditions.iter().flat_map(|made| made.bytes.clone()).collect();
        check(asked(plan), &frame[LENGTH_BYTES..], |at, bytes| {
            let at = usize::try_from(at).unwrap();
            output.get(at..at + bytes).map(<[u8]>::to_vec).ok_or(io::ErrorKind::UnexpectedEof.into())
        })
    }

    #[test]
    fn an_honest_answer_is_believed() {
        assert!(matches!(heard(&developed()), Ok(Said::Developed(said)) if said == developed()));
    }

    #[test]
    fn a_lie_is_not() {
        let lies: [fn(&mut Developed); 13] = [
            |lie| lie.source.format = SourceFormat::Png,
            |lie| lie.source.width = 0,
            |lie| lie.source.height = 60_000,
            |lie| lie.renditions[0].name = "../thumb".into(),
            |lie| lie.renditions[0].width = 11,
            |lie| lie.renditions[0].format = Format::Webp,
            |lie| {
                lie.renditions[0].format = Format::Webp;
                lie.renditions[0].bytes = b"RIFF\x04\0\0\0WEBP".to_vec();
            },
            |lie| lie.extras.thumbhash = None,
            |lie| lie.extras.thumbhash = Some(vec![1; 26]),
            |lie| lie.extras.dominant_colour = Some([1, 2, 3]),
            |lie| lie.renditions[0].bytes = b"<script>".to_vec(),
            |lie| lie.renditions[0].bytes.resize(1 << 20, 0),
            |lie| lie.renditions.clear(),
        ];
        for (number, lie) in lies.iter().enumerate() {
            let mut said = developed();
            lie(&mut said);
            assert!(heard(&said).is_err(), "lie {number}");
        }
    }

    /// The plan for a program that reads pixels, and a worker's answer of `depth` bytes a pixel.
    fn pixels(format: Format, depth: usize) -> (Plan, Developed) {
        let program =
            Program { path: "/opt/x".into(), args: vec![], input: ProgramInput::Pixels, allow: vec![] };
        let mut plan = plan();
        plan.renditions[0].program = Some(program);
        plan.renditions[0].format = FormatRule::Exactly(format);
        let mut said = developed();
        said.renditions[0].format = format;
        said.renditions[0].bytes = [pam_header(10, 5, depth), vec![9; 50 * depth]].concat();
        (plan, said)
    }

    #[test]
    fn pixels_are_believed_for_a_program_alone_and_to_the_byte() {
        let (plan, said) = pixels(Format::Png, 3);
        assert!(matches!(heard_of(&plan, &said), Ok(Said::Developed(heard)) if heard == said));
        let believed = |lie: fn(&mut Encoded)| {
            let mut said = said.clone();
            lie(&mut said.renditions[0]);
            heard_of(&plan, &said).is_ok()
        };
        assert!(!believed(|made| made.bytes.push(0)));
        assert!(!believed(|made| made.bytes.truncate(made.bytes.len() - 1)));
        assert!(!believed(|made| made.bytes = b"\x89PNG\r\n\x1a\n and so on".to_vec()));
        assert!(!believed(|made| made.bytes = [pam_header(5, 10, 3), vec![9; 150]].concat()));
        assert!(heard_of(&Plan { renditions: vec![unprogrammed(&plan)], ..plan.clone() }, &said).is_err());
        // The source is a JPEG: it has no alpha.
        let (plan, said) = pixels(Format::Png, 4);
        assert!(heard_of(&plan, &said).is_err());
    }

    fn unprogrammed(plan: &Plan) -> Rendition {
        Rendition { program: None, ..plan.renditions[0].clone() }
    }

    #[test]
    fn frames_are_split_within_bounds() {
        let frames = [frame(&1).unwrap(), frame(&22).unwrap()].concat();
        let (first, rest) = split_frame(&frames).unwrap();
        assert_eq!((first, split_frame(rest)), (&b"1"[..], Some((&b"22"[..], &b""[..]))));
        assert_eq!(split_frame(&rest[..rest.len() - 1]), None);
        assert_eq!(split_frame(&[0xff; 5]), None);
    }

    #[test]
    fn a_detail_is_short_and_printable() {
        assert_eq!(printable("a\r\n\u{1b}[2Jb\u{202e}"), "a???[2Jb?");
        assert_eq!(printable(&"x".repeat(9_000)).len(), DETAIL_CHARS_MAX);
    }

    #[test]
    fn a_question_round_trips() {
        let question = Question { original_bytes: 9, plan: plan(), limits: Limits::DEFAULT };
        let mut frames = frame(&question).unwrap();
        frames.extend(frame(&question).unwrap());
        let mut from = frames.as_slice();
        for _ in 0..2 {
            let read = read_question(&mut from).unwrap().unwrap();
            assert_eq!((read.original_bytes, read.plan, read.limits), (9, plan(), Limits::DEFAULT));
        }
        assert!(read_question(&mut from).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn noise_is_never_believed_and_never_panics(header in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(check(asked(&plan()), &header, |_, _| Ok(Vec::new())).is_err());
        }
    }
}
