//! The image's bytes out of a request, raw or as the field `file` of a form. Owns the form's rules: one field, that one.

use axum::body::Body as HttpBody;
use bytes::Bytes;
use futures::stream::{StreamExt as _, unfold};
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
    let chunks = gate::limited(body, limits);
    let mut form = Multipart::with_constraints(chunks, boundary, constraints);
    let field = form
        .next_field()
        .await
        .map_err(refusal_of)?
        .ok_or(Refused::Malformed("the form has no field `file`"))?;
    let filename = field.file_name().map(str::to_owned);
    let reading = Some((form, field));
    let bytes = unfold(reading, |reading| async move {
        let (form, field) = reading?;
        match step(form, field).await {
            Ok(None) => None,
            Ok(Some((chunk, next))) => Some((Ok(chunk), Some(next))),
            Err(refused) => Some((Err(refused), None)),
        }
    });
    Ok((filename, bytes.boxed()))
}

type Reading = (Multipart<'static>, Field<'static>);

async fn step(
    mut form: Multipart<'static>,
    mut field: Field<'static>,
) -> Result<Option<(Bytes, Reading)>, Refused> {
    if let Some(chunk) = field.chunk().await.map_err(refusal_of)? {
        return Ok(Some((chunk, (form, field))));
    }
    // The form must end here, and properly, before the image counts as whole.
    drop(field);
    match form.next_field().await.map_err(refusal_of)? {
        None => Ok(None),
        Some(_) => Err(Refused::Malformed("the form has more than one field")),
    }
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
        multer::Error::StreamReadFailed(cause) => cause
            .downcast::<BodyFault>()
            .map_or(Refused::Malformed("the body broke off"), |fault| refused_of(*fault)),
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
}
