//! The first part of a body, looked at before anything is stored. Owns which bytes are an accepted image, how long a body
//! may be, and what a header may announce. Holds at most one part.

use bytes::{Bytes, BytesMut};
use depot::PART_BYTES;
use futures::stream::{BoxStream, StreamExt as _};
use proto::{Format, Picture};

use crate::config::IngestArgs;
use crate::picture::{Glance, glance};

/// How far into a file its size is looked for.
const HEAD_BYTES_MAX: usize = 256 * 1024;
const START_BYTES: usize = 64 * 1024;
/// What must have come at most before the head is looked at again: every look walks it from the start.
const LOOK_BYTES: usize = 4 * 1024;

/// A body, as the HTTP side hands it over.
pub(crate) type Body = BoxStream<'static, Result<Bytes, Refused>>;

/// Says why a body is not taken. Nothing of it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no byte in it.
    Empty,
    /// The connection broke, or the framing is wrong; says how.
    Malformed(&'static str),
    /// It came too slowly.
    TooSlow,
    /// It is longer than accepted.
    TooLarge,
    /// It is not an accepted image by its bytes.
    UnsupportedFormat,
    /// Its header announces more pixels than accepted.
    PixelsTooMany,
}

/// How much is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    bytes_max: u64,
    pixels_max: u64,
    side_max: u32,
}

impl Limits {
    pub(crate) fn of(args: &IngestArgs) -> Limits {
        Limits {
            bytes_max: args.file_bytes_max,
            pixels_max: args.decode_pixels_max,
            side_max: args.side_pixels_max,
        }
    }

    fn admits(self, width: u32, height: u32) -> bool {
        width.max(height) <= self.side_max && u64::from(width) * u64::from(height) <= self.pixels_max
    }
}

/// A body whose first part has passed.
pub(crate) struct Screened {
    /// By magic number.
    pub(crate) format: Format,
    /// As the header announces it; none where it announces nothing readable.
    pub(crate) picture: Option<Picture>,
    /// The first part, or the whole body if it is no longer than that.
    pub(crate) first: Bytes,
    /// What follows; none if the body is whole. Ends in [`Refused::TooLarge`] beyond the limit.
    pub(crate) rest: Option<Body>,
}

/// Reads up to one part of `body` and refuses as early as its bytes allow.
pub(crate) async fn screen(mut body: Body, limits: Limits) -> Result<Screened, Refused> {
    let mut look = Look { limits, format: None, size: None, settled: false, looked_bytes: 0 };
    let mut first = BytesMut::with_capacity(START_BYTES);
    let mut surplus = None;
    while first.len() < PART_BYTES {
        let Some(chunk) = body.next().await else { break };
        let mut chunk = chunk?;
        if (first.len() + chunk.len()) as u64 > limits.bytes_max {
            return Err(Refused::TooLarge);
        }
        let taken = chunk.split_to(chunk.len().min(PART_BYTES - first.len()));
        first.extend_from_slice(&taken);
        if look.is_due(first.len()) {
            look.at(&first)?;
        }
        surplus = (!chunk.is_empty()).then_some(chunk);
    }
    let format = look.end(&first)?;
    let picture = look.size.map(|(width, height)| Picture { format, width, height });
    let rest = if first.len() < PART_BYTES { None } else { rest(&first, surplus, body, limits).await? };
    Ok(Screened { format, picture, first: first.freeze(), rest })
}

/// What is known of the image so far.
struct Look {
    limits: Limits,
    format: Option<Format>,
    size: Option<(u32, u32)>,
    settled: bool,
    /// How long the head was at the last look.
    looked_bytes: usize,
}

impl Look {
    /// Says whether another look at a head that has come to `length` may find more, and is worth the walk.
    fn is_due(&self, length: usize) -> bool {
        let more = length - self.looked_bytes;
        let is_enough = more >= (self.looked_bytes / 2).min(LOOK_BYTES) || length >= HEAD_BYTES_MAX;
        !self.settled && more > 0 && is_enough
    }

    fn at(&mut self, head: &[u8]) -> Result<(), Refused> {
        if head.len() < Format::SNIFF_BYTES {
            return Ok(());
        }
        self.looked_bytes = head.len();
        let format = Format::sniff(head).ok_or(Refused::UnsupportedFormat)?;
        self.format = Some(format);
        match glance(format, &head[..head.len().min(HEAD_BYTES_MAX)]) {
            Glance::Size { width, height } if !self.limits.admits(width, height) => {
                return Err(Refused::PixelsTooMany);
            }
            Glance::Size { width, height } => {
                self.size = Some((width, height));
                self.settled = true;
            }
            Glance::Unreadable => self.settled = true,
            Glance::NeedsMore => self.settled = head.len() >= HEAD_BYTES_MAX,
        }
        Ok(())
    }

    fn end(&mut self, whole: &[u8]) -> Result<Format, Refused> {
        if whole.is_empty() {
            return Err(Refused::Empty);
        }
        if !self.settled {
            self.at(whole)?;
        }
        // A file shorter than the longest magic number may still be one: the processor will call it truncated.
        self.format.or_else(|| Format::sniff(whole)).ok_or(Refused::UnsupportedFormat)
    }
}

/// Returns what follows a full first part; none if nothing does.
async fn rest(
    first: &BytesMut,
    surplus: Option<Bytes>,
    mut body: Body,
    limits: Limits,
) -> Result<Option<Body>, Refused> {
    // One chunk ahead tells a body of exactly one part from a longer one.
    let next = match surplus {
        Some(surplus) => surplus,
        None => loop {
            match body.next().await.transpose()? {
                None => return Ok(None),
                Some(chunk) if chunk.is_empty() => {}
                Some(chunk) => break chunk,
            }
        },
    };
    let mut bytes = first.len() as u64;
    let ahead = futures::stream::once(async move { Ok(next) });
    let counted = ahead.chain(body).map(move |chunk: Result<Bytes, Refused>| {
        let chunk = chunk?;
        bytes += chunk.len() as u64;
        if bytes > limits.bytes_max { Err(Refused::TooLarge) } else { Ok(chunk) }
    });
    Ok(Some(counted.boxed()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    const LIMITS: Limits = Limits { bytes_max: 20 << 20, pixels_max: 50_000_000, side_max: 16_384 };

    fn body(bytes: &[u8], chunk_bytes: usize) -> Body {
        let chunks: Vec<_> =
            bytes.chunks(chunk_bytes).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        futures::stream::iter(chunks).boxed()
    }

    async fn refused(bytes: &[u8]) -> Option<Refused> {
        screen(body(bytes, 1000), LIMITS).await.err()
    }

    fn png_of(length: usize) -> Vec<u8> {
        let mut bytes = sample::png(10, 10);
        bytes.resize(length, 7);
        bytes
    }

    #[tokio::test]
    async fn bytes_decide_what_is_an_image() {
        assert_eq!(refused(b"").await, Some(Refused::Empty));
        assert_eq!(
            refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>").await,
            Some(Refused::UnsupportedFormat)
        );
        assert_eq!(refused(b"hello").await, Some(Refused::UnsupportedFormat));
        assert_eq!(refused(b"\xff\xd8\xff").await, None);
        assert_eq!(refused(&sample::gif(1, 1)).await, None);
    }

    #[tokio::test]
    async fn a_header_that_announces_too_much_is_refused_before_the_rest_is_read() {
        let endless = futures::stream::iter([Ok(Bytes::from(sample::png(10_000, 10_000)))]);
        let endless = endless.chain(futures::stream::pending()).boxed();
        assert_eq!(screen(endless, LIMITS).await.err(), Some(Refused::PixelsTooMany));
        assert_eq!(refused(&sample::png(16_385, 1)).await, Some(Refused::PixelsTooMany));
        assert_eq!(refused(&sample::png(16_384, 1)).await, None);
        assert_eq!(refused(&sample::jpeg(60_000, 60_000, 65_000)).await, Some(Refused::PixelsTooMany));
    }

    #[tokio::test]
    async fn a_size_that_comes_byte_by_byte_is_found() {
        let screened = screen(body(&sample::jpeg(640, 480, 300), 1), LIMITS).await.ok().unwrap();
        assert_eq!(screened.picture, Some(Picture { format: Format::Jpeg, width: 640, height: 480 }));
        assert!(screened.rest.is_none());
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_looked_at_seldom_and_once_more_at_its_end() {
        // Segments without end: there is always more to walk and never a size.
        let head = [&b"\xff\xd8"[..], &b"\xff\xfe\0\x02".repeat(HEAD_BYTES_MAX / 4)].concat();
        let mut look = Look { limits: LIMITS, format: None, size: None, settled: false, looked_bytes: 0 };
        let mut looks = 0;
        for length in 1..=head.len() {
            if look.is_due(length) {
                look.at(&head[..length]).unwrap();
                looks += usize::from(length >= Format::SNIFF_BYTES);
            }
        }
        assert!(look.settled && looks < 100, "{looks} looks");

        let mut look = Look { limits: LIMITS, format: None, size: None, settled: false, looked_bytes: 0 };
        let png = sample::png(640, 480);
        look.at(&png[..20]).unwrap();
        assert!(!look.is_due(25) && look.size.is_none());
        look.end(&png[..25]).unwrap();
        assert_eq!(look.size, Some((640, 480)));
    }

    #[tokio::test]
    async fn first_and_rest_join_to_the_body() {
        for length in [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 5] {
            let bytes = png_of(length);
            let screened = screen(body(&bytes, 1_000_000), LIMITS).await.ok().unwrap();
            let mut joined = screened.first.to_vec();
            assert_eq!(screened.rest.is_some(), length > PART_BYTES, "{length}");
            if let Some(mut rest) = screened.rest {
                while let Some(chunk) = rest.next().await {
                    joined.extend_from_slice(&chunk.unwrap());
                }
            }
            assert!(joined == bytes, "{length}");
        }
    }

    #[tokio::test]
    async fn the_limit_holds_in_the_first_part_and_after_it() {
        let small = Limits { bytes_max: 100, ..LIMITS };
        assert!(screen(body(&png_of(100), 7), small).await.is_ok());
        assert_eq!(screen(body(&png_of(101), 7), small).await.err(), Some(Refused::TooLarge));
        let large = Limits { bytes_max: PART_BYTES as u64 + 5, ..LIMITS };
        let screened = screen(body(&png_of(PART_BYTES + 6), 4096), large).await.ok().unwrap();
        let items: Vec<_> = screened.rest.unwrap().collect().await;
        assert_eq!(items.last(), Some(&Err(Refused::TooLarge)));
    }
}
