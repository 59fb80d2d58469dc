//! Owns the words between a station and its worker: a frame is two little-endian lengths, a JSON header and a body.
//! Checks every word of an answer against the question; a worker that a file has taken over may say anything.

use std::io::{self, Read, Write};
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::{
    Alpha, Developed, Encoded, Extras, Format, Limits, Plan, Reason, Size, SourceFormat, SourceInfo,
};

/// What a worker writes once it is confined and ready for its first job.
pub(super) const READY: &[u8; 8] = b"darkrm01";
/// Bytes of a frame's two lengths: header, body.
pub(super) const LENGTHS_BYTES: usize = 8;
/// Bytes of a JSON header.
pub(super) const HEADER_BYTES_MAX: usize = 64 << 10;
/// Characters of a rejection's detail.
const DETAIL_CHARS_MAX: usize = 200;
/// Bytes that a rendition's file may have beside its pixels.
const CONTAINER_BYTES_MAX: u64 = 64 << 10;

/// Bytes of a ThumbHash.
const THUMBHASH_BYTES: RangeInclusive<usize> = 5..=25;

/// The header of a job; its body is the original.
#[derive(Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) plan: Plan,
    pub(super) limits: Limits,
}

/// The header of an answer; its body is the renditions' bytes, one after the other.
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

/// Lengths and header of a frame whose body has `body_bytes` bytes.
pub(super) fn frame_head(header: &impl Serialize, body_bytes: usize) -> io::Result<Vec<u8>> {
    let header = serde_json::to_vec(header)?;
    if header.len() > HEADER_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the plan is too long for a frame"));
    }
    let length = |bytes: usize| u32::try_from(bytes).map_err(io::Error::other);
    let mut head = length(header.len())?.to_le_bytes().to_vec();
    head.extend(length(body_bytes)?.to_le_bytes());
    head.extend(header);
    Ok(head)
}

/// Splits a frame's two lengths.
pub(super) fn lengths(bytes: [u8; LENGTHS_BYTES]) -> (usize, usize) {
    let [h0, h1, h2, h3, b0, b1, b2, b3] = bytes;
    (u32::from_le_bytes([h0, h1, h2, h3]) as usize, u32::from_le_bytes([b0, b1, b2, b3]) as usize)
}

/// Reads one job, blocking; `None` at the end of the stream. The station is trusted with the lengths.
pub(super) fn read_question(from: &mut impl Read) -> io::Result<Option<(Question, Vec<u8>)>> {
    let mut head = [0; LENGTHS_BYTES];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let (header_bytes, body_bytes) = lengths(head);
    let mut header = vec![0; header_bytes];
    from.read_exact(&mut header)?;
    let mut body = vec![0; body_bytes];
    from.read_exact(&mut body)?;
    Ok(Some((serde_json::from_slice(&header)?, body)))
}

/// Writes renditions as an answer.
pub(super) fn write_developed(to: &mut impl Write, developed: &Developed) -> io::Result<()> {
    let header_of = |made: &Encoded| RenditionHeader {
        name: made.name.clone(),
        format: made.format,
        width: made.width,
        height: made.height,
        bytes: made.bytes.len() as u64,
    };
    let renditions = developed.renditions.iter().map(header_of).collect();
    let body_bytes = developed.renditions.iter().map(|made| made.bytes.len()).sum();
    let answer = Answer::Developed { source: developed.source, renditions, extras: developed.extras.clone() };
    to.write_all(&frame_head(&answer, body_bytes)?)?;
    developed.renditions.iter().try_for_each(|made| to.write_all(&made.bytes))?;
    to.flush()
}

/// Writes a rejection as an answer.
pub(super) fn write_rejected(to: &mut impl Write, reason: Reason, detail: String) -> io::Result<()> {
    to.write_all(&frame_head(&Answer::Rejected { reason, detail }, 0)?)?;
    to.flush()
}

/// The most bytes that the renditions of a plan can have: no encoder needs more than five bytes a pixel, PNG's mark of
/// each row included.
pub(super) fn body_bytes_max(plan: &Plan, limits: &Limits) -> u64 {
    let pixels = |size: Size| size.pixels_max().min(limits.decode_pixels_max);
    let bytes = |size| pixels(size).saturating_mul(5).saturating_add(CONTAINER_BYTES_MAX);
    plan.renditions.iter().map(|rendition| bytes(rendition.size)).fold(0, u64::saturating_add)
}

/// What was asked: an answer is held against it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) original: &'a [u8],
    pub(super) plan: &'a Plan,
    pub(super) limits: &'a Limits,
}

/// What a worker said, believed.
pub(super) enum Said {
    Developed(Developed),
    Rejected(Reason, String),
}

/// Checks an answer. Fails, naming what is wrong, unless it is exactly an answer to what was asked.
pub(super) fn check(asked: Asked<'_>, header: &[u8], body: &[u8]) -> Result<Said, &'static str> {
    let answer = serde_json::from_slice(header).map_err(|_| "an answer that is no answer")?;
    match answer {
        Answer::Rejected { reason, detail } => Ok(Said::Rejected(reason, printable(&detail))),
        Answer::Developed { source, renditions, extras } => {
            check_source(asked, source)?;
            let renditions = check_renditions(asked.plan, source, &renditions, body)?;
            check_extras(asked.plan, &extras)?;
            Ok(Said::Developed(Developed { source, renditions, extras }))
        }
    }
}

fn check_source(asked: Asked<'_>, source: SourceInfo) -> Result<(), &'static str> {
    let pixels = u64::from(source.width) * u64::from(source.height);
    let within = pixels > 0
        && pixels <= asked.limits.decode_pixels_max
        && source.width.max(source.height) <= asked.limits.side_pixels_max;
    let detected = SourceFormat::detect(asked.original) == Some(source.format);
    if within && detected { Ok(()) } else { Err("a source that cannot be") }
}

fn check_renditions(
    plan: &Plan,
    source: SourceInfo,
    made: &[RenditionHeader],
    mut body: &[u8],
) -> Result<Vec<Encoded>, &'static str> {
    if made.len() != plan.renditions.len() {
        return Err("another number of renditions than planned");
    }
    let mut renditions = Vec::with_capacity(made.len());
    for (planned, made) in plan.renditions.iter().zip(made) {
        let size = planned.size_of(source.width, source.height);
        // A JPEG has no alpha; of the others only their pixels say.
        let by_rule = |alpha| planned.format.format(source.format, alpha) == made.format;
        let ruled = by_rule(Alpha::Opaque) || (source.format != SourceFormat::Jpeg && by_rule(Alpha::Sheer));
        if made.name != planned.name || (made.width, made.height) != size || !ruled {
            return Err("a rendition that was not planned");
        }
        let bytes;
        let length = usize::try_from(made.bytes).map_err(|_| "an impossible length")?;
        (bytes, body) = body.split_at_checked(length).ok_or("less data than announced")?;
        let detected = match made.format {
            Format::Jpeg => SourceFormat::Jpeg,
            Format::Webp => SourceFormat::Webp,
            Format::Png => SourceFormat::Png,
        };
        if SourceFormat::detect(bytes) != Some(detected) {
            return Err("a rendition that is not what it claims");
        }
        renditions.push(Encoded {
            name: planned.name.clone(),
            format: made.format,
            width: made.width,
            height: made.height,
            bytes: bytes.to_vec(),
        });
    }
    if body.is_empty() { Ok(renditions) } else { Err("more data than announced") }
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
    use crate::Rendition;
    use proptest::prelude::*;

    const ORIGINAL: &[u8] = &[0xff, 0xd8, 0xff, 0xe0];

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

    fn heard(said: &Developed) -> Result<Said, &'static str> {
        let mut frame = Vec::new();
        write_developed(&mut frame, said).unwrap();
        let (head, rest) = frame.split_first_chunk::<LENGTHS_BYTES>().unwrap();
        let (header, body) = rest.split_at(lengths(*head).0);
        check(Asked { original: ORIGINAL, plan: &plan(), limits: &Limits::DEFAULT }, header, body)
    }

    #[test]
    fn an_honest_answer_is_believed() {
        assert!(matches!(heard(&developed()), Ok(Said::Developed(said)) if said == developed()));
    }

    #[test]
    fn a_lie_is_not() {
        let lies: [fn(&mut Developed); 12] = [
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
            |lie| lie.renditions.clear(),
        ];
        for (number, lie) in lies.iter().enumerate() {
            let mut said = developed();
            lie(&mut said);
            assert!(heard(&said).is_err(), "lie {number}");
        }
    }

    #[test]
    fn a_detail_is_short_and_printable() {
        assert_eq!(printable("a\r\n\u{1b}[2Jb\u{202e}"), "a???[2Jb?");
        assert_eq!(printable(&"x".repeat(9_000)).len(), DETAIL_CHARS_MAX);
    }

    proptest! {
        #[test]
        fn a_question_round_trips(side in 1u32..5_000, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let plan = Plan::from(vec![Rendition::new("n", side, 7)]);
            let question = Question { plan: plan.clone(), limits: Limits::DEFAULT };
            let mut frame = frame_head(&question, body.len()).unwrap();
            frame.extend(&body);
            let (read, original) = read_question(&mut frame.as_slice()).unwrap().unwrap();
            prop_assert_eq!((read.plan, read.limits, original), (plan, Limits::DEFAULT, body));
        }

        #[test]
        fn noise_is_never_believed_and_never_panics(header in proptest::collection::vec(any::<u8>(), 0..80)) {
            let asked = Asked { original: ORIGINAL, plan: &plan(), limits: &Limits::DEFAULT };
            prop_assert!(check(asked, &header, b"").is_err());
        }
    }
}
