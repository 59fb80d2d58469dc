//! The image's bytes out of a request, raw or as the field `file` of a form. Owns the form's rules: one field, that one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

use axum::body::Body as HttpBody;
use bytes::Bytes;
use futures::stream::{Stream, StreamExt as _, poll_fn, unfold};
use gate::{BodyFault, BodyLimits};
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::screen::{Body, Refused};

/// The image's field in a form.
const FIELD: &str = "file";
/// What boundaries and part headers may add to the image.
pub(crate) const FORM_BYTES_MAX: u64 = 64 * 1024;

/// Returns a raw body's bytes.
pub(crate) fn raw(body: HttpBody, limits: BodyLimits) -> Body {
    gate::limited(body, limits).map(|chunk| chunk.map_err(refused_of)).boxed()
}

/// Returns the bytes of the form's field and the file name that came with it. Another field, before or after it, ends the
/// bytes with a refusal.
pub(crate) async fn form(
    body: HttpBody,
    boundary: String,
    limits: BodyLimits,
    bytes_max: u64,
) -> Result<(Option<String>, Body), Refused> {
    let sizes = SizeLimit::new().whole_stream(bytes_max.saturating_add(FORM_BYTES_MAX)).per_field(bytes_max);
    let constraints = Constraints::new().allowed_fields(vec![FIELD]).size_limit(sizes);
    let around = Arc::new(Around::default());
    let chunks = bounded(gate::limited(body, limits), Arc::clone(&around));
    let mut form = Multipart::with_constraints(chunks, boundary, constraints);
    let field = form
        .next_field()
        .await
        .map_err(refusal_of)?
        .ok_or(Refused::Malformed("the form has no field `file`"))?;
    around.field_opens();
    let filename = field.file_name().map(str::to_owned);
    let reading = Some(Reading { form, field, around });
    let bytes = unfold(reading, |reading| async move {
        match step(reading?).await {
            Ok(None) => None,
            Ok(Some((chunk, next))) => Some((Ok(chunk), Some(next))),
            Err(refused) => Some((Err(refused), None)),
        }
    });
    Ok((filename, bytes.boxed()))
}

/// A form whose one field is open.
struct Reading {
    form: Multipart<'static>,
    field: Field<'static>,
    around: Arc<Around>,
}

async fn step(mut reading: Reading) -> Result<Option<(Bytes, Reading)>, Refused> {
    if let Some(chunk) = reading.field.chunk().await.map_err(refusal_of)? {
        return Ok(Some((chunk, reading)));
    }
    // The form must end here, and properly, before the image counts as whole.
    let Reading { mut form, field, around } = reading;
    drop(field);
    around.field_is_over();
    match form.next_field().await.map_err(refusal_of)? {
        None => Ok(None),
        Some(_) => Err(Refused::Malformed("the form has more than one field")),
    }
}

/// What of a form has come while no field is open. The parser keeps all of it in memory.
#[derive(Default)]
struct Around {
    is_field_open: AtomicBool,
    bytes: AtomicU64,
}

impl Around {
    fn field_opens(&self) {
        self.is_field_open.store(true, Ordering::Relaxed);
    }

    fn field_is_over(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        self.is_field_open.store(false, Ordering::Relaxed);
    }

    fn count(&self, chunk: &Bytes) {
        if !self.is_field_open.load(Ordering::Relaxed) {
            self.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
    }

    /// Says whether what came before the last chunk is too much: that one may not have been looked at yet.
    fn is_too_much(&self, last_bytes: u64) -> bool {
        let looked_at = self.bytes.load(Ordering::Relaxed).saturating_sub(last_bytes);
        !self.is_field_open.load(Ordering::Relaxed) && looked_at >= FORM_BYTES_MAX
    }
}

/// Says why a form's bytes end early.
#[derive(Debug, thiserror::Error)]
enum FormFault {
    #[error("read the body")]
    Body(BodyFault),
    #[error("find the field within {FORM_BYTES_MAX} bytes")]
    TooMuchAround,
}

/// Passes the chunks on, one for each time it is asked, and none when too much lies around the field. The parser takes
/// whatever is ready before it looks at any of it; one chunk may hold the whole field, so it is let through to be looked at.
fn bounded(
    chunks: impl Stream<Item = Result<Bytes, BodyFault>> + Send + 'static,
    around: Arc<Around>,
) -> impl Stream<Item = Result<Bytes, FormFault>> + Send + 'static {
    let mut chunks = Box::pin(chunks);
    let (mut gave_one, mut last_bytes) = (false, 0);
    poll_fn(move |context| {
        if std::mem::take(&mut gave_one) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if around.is_too_much(last_bytes) {
            return Poll::Ready(Some(Err(FormFault::TooMuchAround)));
        }
        let next = chunks.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(chunk))) = &next {
            around.count(chunk);
            (gave_one, last_bytes) = (true, chunk.len() as u64);
        }
        next.map_err(FormFault::Body)
    })
}

fn refused_of(fault: BodyFault) -> Refused {
    match fault {
        BodyFault::TooSlow => Refused::TooSlow,
        BodyFault::Broken => Refused::Malformed("the body broke off"),
    }
}

fn refusal_of(error: multer::Error) -> Refused {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            Refused::TooLarge
        }
        multer::Error::UnknownField { .. } => Refused::Malformed("the form has a field other than `file`"),
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<FormFault>().map(|fault| *fault) {
            Ok(FormFault::TooMuchAround) => Refused::Malformed("too much lies around the form's field"),
            Ok(FormFault::Body(fault)) => refused_of(fault),
            Err(_) => Refused::Malformed("the body broke off"),
        },
        _ => Refused::Malformed("the form cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: BodyLimits = BodyLimits {
        stall_max: Duration::from_secs(15),
        bytes_per_sec_min: 1,
        time_max: Duration::from_secs(60),
    };

    fn part(name: &str, bytes: &str) -> String {
        format!(
            "--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a.png\"\r\n\r\n{bytes}\r\n"
        )
    }

    async fn read(text: String, bytes_max: u64) -> Result<(Option<String>, Vec<u8>), Refused> {
        let (filename, mut body) = form(HttpBody::from(text), "b".to_owned(), LIMITS, bytes_max).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok((filename, bytes))
    }

    #[tokio::test]
    async fn the_field_file_is_the_image() {
        let read = read(format!("{}--b--\r\n", part("file", "bytes")), 100).await;
        assert_eq!(read, Ok((Some("a.png".to_owned()), b"bytes".to_vec())));
    }

    #[tokio::test]
    async fn every_other_form_is_refused() {
        let malformed = |how| Err(Refused::Malformed(how));
        let whole = part("file", "bytes");
        for (text, refused) in [
            (
                format!("{}--b--", part("customer_id", "x")),
                malformed("the form has a field other than `file`"),
            ),
            (
                format!("{whole}{}--b--", part("state", "x")),
                malformed("the form has a field other than `file`"),
            ),
            (format!("{whole}{whole}--b--"), malformed("the form has more than one field")),
            ("--b--".to_owned(), malformed("the form has no field `file`")),
            (whole.clone(), malformed("the form cannot be read")),
            (whole[..whole.len() - 4].to_owned(), malformed("the form cannot be read")),
            (String::new(), malformed("the form cannot be read")),
            (format!("{}--b--", part("file", &"x".repeat(101))), Err(Refused::TooLarge)),
        ] {
            assert_eq!(read(text.clone(), 100).await, refused, "{text}");
        }
    }
    /// Reads a form of these parts in chunks of 16 KiB and says how much of it was taken in.
    async fn read_chunked(parts: &[&[u8]]) -> (Result<Vec<u8>, Refused>, usize) {
        let whole = parts.concat();
        let chunks: Vec<Bytes> = whole.chunks(16 << 10).map(Bytes::copy_from_slice).collect();
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&taken);
        let stream = futures::stream::iter(chunks).map(move |chunk| {
            counted.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            Ok::<_, std::io::Error>(chunk)
        });
        let read = async {
            let body = HttpBody::from_stream(stream);
            let (_, mut body) = form(body, "b".to_owned(), LIMITS, 20 << 20).await?;
            let mut bytes = Vec::new();
            while let Some(chunk) = body.next().await {
                bytes.extend_from_slice(&chunk?);
            }
            Ok(bytes)
        };
        let read = read.await;
        (read, usize::try_from(taken.load(Ordering::Relaxed)).unwrap())
    }

    #[tokio::test]
    async fn no_more_is_held_around_the_field_than_a_form_needs() {
        let (image, junk) = (vec![b'x'; 1 << 20], vec![b'y'; 8 << 20]);
        let whole = part("file", "");
        let (head, tail) = whole.as_bytes().split_at(whole.len() - 2);
        let most = usize::try_from(FORM_BYTES_MAX).unwrap() + (32 << 10);
        let (read, taken) = read_chunked(&[&junk, b"\r\n", head, &image, tail, b"--b--\r\n"]).await;
        assert_eq!(read, Err(Refused::Malformed("too much lies around the form's field")));
        assert!(taken <= most, "{taken}");

        let end_never_comes = [tail, b"--b", &junk].concat();
        let (read, taken) = read_chunked(&[head, &image, &end_never_comes]).await;
        assert!(matches!(read, Err(Refused::Malformed(_))), "{read:?}");
        assert!(taken <= image.len() + most, "{taken}");

        let headers_never_end = [&b"--b\r\ncontent-disposition: "[..], &junk].concat();
        let (read, taken) = read_chunked(&[&headers_never_end]).await;
        assert!(matches!(read, Err(Refused::Malformed(_))), "{read:?}");
        assert!(taken <= most, "{taken}");

        let (read, _) = read_chunked(&[&junk[..50_000], b"\r\n", head, &image, tail, b"--b--\r\n"]).await;
        assert!(read == Ok(image.clone()));
        let (filename, mut body) = form(
            HttpBody::from([head, &image, tail, b"--b--\r\n"].concat()),
            "b".to_owned(),
            LIMITS,
            20 << 20,
        )
        .await
        .ok()
        .unwrap();
        assert_eq!(filename.as_deref(), Some("a.png"));
        let mut length = 0;
        while let Some(chunk) = body.next().await {
            length += chunk.unwrap().len();
        }
        assert_eq!(length, image.len(), "one chunk may hold it all");
    }
}
