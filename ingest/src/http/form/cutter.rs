//! Cutting a form into its parts (RFC 2046, 5.1.1; RFC 7578). Owns where a part's head and content begin and end, however the
//! bytes come in chunks; knows neither HTTP nor what the parts mean. Holds an unfinished head, or less than a delimiter.

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memmem::Finder;

const LINE_END: &[u8] = b"\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";
const CLOSE: &[u8] = b"--";

/// The next piece of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Bytes of the part whose head came last; before the first head, what nobody needs.
    Content(Bytes),
    /// A part begins: its header lines.
    Head(Bytes),
    /// The form is closed. What still follows means nothing.
    End,
}

/// Says that this is no form: a delimiter is followed by what may not follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

enum State {
    Content,
    /// Behind the boundary, before the end of its line.
    Delimiter,
    Head,
    End,
}

/// Takes chunks and gives pieces.
pub(super) struct Cutter {
    delimiter: Finder<'static>,
    state: State,
    buffer: BytesMut,
    /// How much of an unfinished head has been searched for its end.
    searched: usize,
    taken_bytes: u64,
}

impl Cutter {
    pub(super) fn new(boundary: &str) -> Cutter {
        let delimiter = format!("\r\n--{boundary}");
        Cutter {
            delimiter: Finder::new(delimiter.as_bytes()).into_owned(),
            state: State::Content,
            // The first delimiter may open the form; all others begin with the end of a line.
            buffer: BytesMut::from(LINE_END),
            searched: 0,
            taken_bytes: LINE_END.len() as u64,
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.taken_bytes += chunk.len() as u64;
        self.buffer.extend_from_slice(chunk);
    }

    /// Returns how many bytes are behind us: given away, or certain to belong to no content.
    pub(super) fn passed_bytes(&self) -> u64 {
        match self.state {
            State::Content => self.taken_bytes - self.buffer.len() as u64,
            State::Delimiter | State::Head | State::End => self.taken_bytes,
        }
    }

    /// Returns the next piece; none until more bytes have been pushed.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Unreadable> {
        loop {
            match self.state {
                State::Content => match self.delimiter.find(&self.buffer) {
                    Some(0) => {
                        self.buffer.advance(self.delimiter.needle().len());
                        self.state = State::Delimiter;
                    }
                    Some(at) => return Ok(Some(Piece::Content(self.buffer.split_to(at).freeze()))),
                    None => return Ok(self.free_content()),
                },
                State::Delimiter => {
                    if let Some(piece) = self.end_of_delimiter()? {
                        return Ok(piece);
                    }
                }
                State::Head => return Ok(self.head()),
                State::End => return Ok(None),
            }
        }
    }

    /// Gives away what cannot be the beginning of a delimiter.
    fn free_content(&mut self) -> Option<Piece> {
        let free = (self.buffer.len() + 1).saturating_sub(self.delimiter.needle().len());
        (free > 0).then(|| Piece::Content(self.buffer.split_to(free).freeze()))
    }

    /// Steps over the delimiter's line. The outer none means that a head follows.
    fn end_of_delimiter(&mut self) -> Result<Option<Option<Piece>>, Unreadable> {
        if self.buffer.starts_with(CLOSE) {
            self.state = State::End;
            return Ok(Some(Some(Piece::End)));
        }
        let padding = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest = &self.buffer[padding..];
        if rest.starts_with(LINE_END) {
            self.buffer.advance(padding);
            self.state = State::Head;
            return Ok(None);
        }
        let may_still_end = LINE_END.starts_with(rest) || (padding == 0 && CLOSE.starts_with(rest));
        if may_still_end { Ok(Some(None)) } else { Err(Unreadable) }
    }

    /// The line end of the delimiter is the first half of an empty head's end.
    fn head(&mut self) -> Option<Piece> {
        let from = self.searched.saturating_sub(HEAD_END.len() - 1);
        let Some(at) = memchr::memmem::find(&self.buffer[from..], HEAD_END) else {
            self.searched = self.buffer.len();
            return None;
        };
        let head = self.buffer.split_to(from + at + HEAD_END.len()).freeze();
        (self.state, self.searched) = (State::Content, 0);
        Some(Piece::Head(head))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a form's pieces come to: each part's head and content, what stands before them, and whether it was closed.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Cut {
        before: Vec<u8>,
        parts: Vec<(String, Vec<u8>)>,
        is_closed: bool,
        is_unreadable: bool,
    }

    fn cut<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Cut {
        let (mut cutter, mut cut) = (Cutter::new("b"), Cut::default());
        for chunk in chunks {
            cutter.push(chunk);
            loop {
                match cutter.next() {
                    Ok(None) => break,
                    Ok(Some(Piece::End)) => cut.is_closed = true,
                    Ok(Some(Piece::Head(head))) => {
                        cut.parts.push((String::from_utf8(head.to_vec()).unwrap(), Vec::new()));
                    }
                    Ok(Some(Piece::Content(bytes))) => match cut.parts.last_mut() {
                        Some((_, content)) => content.extend_from_slice(&bytes),
                        None => cut.before.extend_from_slice(&bytes),
                    },
                    Err(Unreadable) => {
                        cut.is_unreadable = true;
                        return cut;
                    }
                }
            }
        }
        cut
    }

    fn whole(form: &[u8]) -> Cut {
        cut(std::iter::once(form))
    }

    #[test]
    fn parts_end_at_their_delimiters_and_nowhere_else() {
        let form = b"before\r\n--b \t\r\na: 1\r\nb: 2\r\n\r\none\r\n--\r\n-b\r\r\n--b\r\n\r\n\r\n--b--behind";
        let parts = vec![
            ("\r\na: 1\r\nb: 2\r\n\r\n".to_owned(), b"one\r\n--\r\n-b\r".to_vec()),
            ("\r\n\r\n".to_owned(), Vec::new()),
        ];
        let expected = Cut { before: b"\r\nbefore".to_vec(), parts, is_closed: true, is_unreadable: false };
        assert_eq!(whole(form), expected);
    }

    #[test]
    fn what_is_no_form_is_never_closed() {
        for form in
            ["", "b", "--b", "--b-", "--b\r\n\r\n--b--", "--b\r\na: 1\r\n--b--", "-b--", "\n--b\n\nx\n--b--"]
        {
            assert!(!whole(form.as_bytes()).is_closed, "{form:?}");
        }
        for form in ["--bx", "--b -", "--b\n", "--b\rx", "--b-\r\n", "--b\r\n\r\nx\r\n--b2--"] {
            assert!(whole(form.as_bytes()).is_unreadable, "{form:?}");
        }
    }

    proptest! {
        #[test]
        fn chunks_of_any_size_are_cut_alike(
            form in proptest::collection::vec(
                proptest::sample::select(vec!["\r\n", "\r", "\n", "-", "--", "b", "--b", "\r\n--b", "\r\n--b--", "\r\n--b\r\n\r\n", " ", "x"]),
                0..40,
            ),
            chunk_bytes in 1_usize..12,
        ) {
            let form = format!("--b{}", form.concat());
            prop_assert_eq!(whole(form.as_bytes()), cut(form.as_bytes().chunks(chunk_bytes)));
        }
    }
}
