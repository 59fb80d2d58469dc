//! A form's one file. Owns the form's rules: exactly one file, bounded text fields before and behind it that are ignored, and
//! an end. Streams the file; holds of everything else no more than its bound.

mod cutter;
mod params;
mod part;

use axum::body::Body as HttpBody;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt as _, unfold};
use gate::{BodyFault, BodyLimits};

use self::cutter::{Cutter, Piece, Unreadable};
use self::params::Params;
use self::part::Part;
use crate::http::body::refused_of;
use crate::screen::{Body, Refused};

/// What text fields, part headers and boundaries may add to the image.
pub(crate) const FORM_BYTES_MAX: u64 = 64 * 1024;
const KIND: &[u8] = b"multipart/form-data";
/// RFC 2046, 5.1.1.
const BOUNDARY_BYTES_MAX: usize = 70;

const UNREADABLE: Refused = Refused::Malformed("the form cannot be read");
const NO_FILE: Refused = Refused::Malformed("the form has no file");
const MORE_THAN_ONE: Refused = Refused::Malformed("the form has more than one file");
const TOO_MUCH_AROUND: Refused = Refused::Malformed("too much lies around the form's file");

/// Returns the boundary that a `Content-Type` names; none if it names no form. Fails, saying how, if the form could not be read.
pub(super) fn boundary(content_type: &[u8]) -> Result<Option<String>, &'static str> {
    let params = Params::parse(content_type);
    if !params.kind.eq_ignore_ascii_case(KIND) {
        return Ok(None);
    }
    let boundary = params.get("boundary").ok_or("the form names no boundary")?;
    let is_text = boundary.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    if !is_text || boundary.is_empty() || boundary.len() > BOUNDARY_BYTES_MAX {
        return Err("a boundary has 1 to 70 characters");
    }
    Ok(Some(String::from_utf8_lossy(boundary).into_owned()))
}

/// Returns the bytes of the form's file and the name that came with it. Whatever else is wrong with the form ends the bytes
/// with a refusal.
pub(super) async fn open(
    body: HttpBody,
    boundary: &str,
    limits: BodyLimits,
) -> Result<(Option<String>, Body), Refused> {
    let chunks = gate::limited(body, limits).boxed();
    let mut form = Form { chunks, cutter: Cutter::new(boundary), is_file_open: false, file_bytes: 0 };
    let filename = loop {
        match form.next().await? {
            Piece::Head(head) => {
                if let Part::File(filename) = Part::of(&head) {
                    break filename;
                }
            }
            Piece::Content(_) => {}
            Piece::End => return Err(NO_FILE),
        }
    };
    form.is_file_open = true;
    let bytes = unfold(Some(form), |form| async move {
        let mut form = form?;
        match form.file_chunk().await {
            Ok(None) => None,
            Ok(Some(chunk)) => Some((Ok(chunk), Some(form))),
            Err(refused) => Some((Err(refused), None)),
        }
    });
    Ok((filename, bytes.boxed()))
}

struct Form {
    chunks: BoxStream<'static, Result<Bytes, BodyFault>>,
    cutter: Cutter,
    is_file_open: bool,
    file_bytes: u64,
}

impl Form {
    /// Returns the file's next bytes; none once it is over and the form has ended properly: only then does the image count as
    /// whole.
    async fn file_chunk(&mut self) -> Result<Option<Bytes>, Refused> {
        let next = match self.next().await? {
            Piece::Content(chunk) => return Ok(Some(chunk)),
            next => next,
        };
        self.is_file_open = false;
        self.pass_fields(next).await?;
        self.pass_epilogue().await?;
        Ok(None)
    }

    async fn pass_fields(&mut self, mut piece: Piece) -> Result<(), Refused> {
        while piece != Piece::End {
            if let Piece::Head(head) = &piece
                && Part::of(head) != Part::Field
            {
                return Err(MORE_THAN_ONE);
            }
            piece = self.next().await?;
        }
        Ok(())
    }

    async fn pass_epilogue(&mut self) -> Result<(), Refused> {
        while let Some(chunk) = self.chunks.next().await {
            self.cutter.push(&chunk.map_err(refused_of)?);
            self.check_around()?;
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Piece, Refused> {
        loop {
            let piece = self.cutter.next().map_err(|Unreadable| UNREADABLE)?;
            if let (true, Some(Piece::Content(chunk))) = (self.is_file_open, &piece) {
                self.file_bytes += chunk.len() as u64;
            }
            self.check_around()?;
            if let Some(piece) = piece {
                return Ok(piece);
            }
            let chunk = self.chunks.next().await.ok_or(UNREADABLE)?;
            self.cutter.push(&chunk.map_err(refused_of)?);
        }
    }

    fn check_around(&self) -> Result<(), Refused> {
        let around_bytes = self.cutter.passed_bytes() - self.file_bytes;
        if around_bytes > FORM_BYTES_MAX { Err(TOO_MUCH_AROUND) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
