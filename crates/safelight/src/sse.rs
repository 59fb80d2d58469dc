//! Reads Server-Sent Events off a byte stream. Owns the framing only (WHATWG HTML, 9.2.6). A block without data is no
//! event and is handed over all the same: its id says where a quiet stream is.

/// What stands between two empty lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SseBlock {
    /// `event:`; empty means `message`.
    pub(crate) name: String,
    /// `data:`, lines joined by a newline; none in a block that is no event.
    pub(crate) data: Option<String>,
    /// `id:`; none where the block has no id of its own and the one before it counts on.
    pub(crate) id: Option<String>,
}

/// Bytes one unfinished block may take; a stream beyond it is not one of ours.
const BLOCK_BYTES_MAX: usize = 1 << 20;

/// Collects bytes and gives out whole blocks.
#[derive(Debug, Default)]
pub(crate) struct SseReader {
    /// The line that has not ended yet.
    line: Vec<u8>,
    ended_with_return: bool,
    block: SseBlock,
    block_bytes: usize,
}

impl SseReader {
    /// Adds bytes, cut anywhere, and returns the blocks that are whole now. Fails if one grows beyond 1 MiB.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<SseBlock>> {
        let mut blocks = Vec::new();
        for byte in bytes {
            // A line feed behind a return belongs to the end of the same line.
            let is_second_half = *byte == b'\n' && std::mem::take(&mut self.ended_with_return);
            self.ended_with_return = *byte == b'\r';
            match byte {
                b'\n' if is_second_half => {}
                b'\n' | b'\r' => blocks.extend(self.end_line()),
                _ => {
                    self.line.push(*byte);
                    self.block_bytes += 1;
                    anyhow::ensure!(
                        self.block_bytes <= BLOCK_BYTES_MAX,
                        "an event of the stream is larger than 1 MiB"
                    );
                }
            }
        }
        Ok(blocks)
    }

    /// Takes the line that has ended. Returns the block if that was its end.
    fn end_line(&mut self) -> Option<SseBlock> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            self.block_bytes = 0;
            return Some(std::mem::take(&mut self.block));
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.block.data) {
            ("event", _) => value.clone_into(&mut self.block.name),
            ("data", Some(data)) => {
                data.push('\n');
                data.push_str(value);
            }
            ("data", data) => *data = Some(value.to_owned()),
            ("id", _) if !value.contains('\0') => self.block.id = Some(value.to_owned()),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(name: &str, data: Option<&str>, id: Option<&str>) -> SseBlock {
        SseBlock { name: name.to_owned(), data: data.map(str::to_owned), id: id.map(str::to_owned) }
    }

    #[test]
    fn blocks_come_whole_however_the_bytes_are_cut_and_the_lines_end() {
        let text = b": hello\n\nevent: image\nid: 7\ndata: {\"a\":\ndata: 1}\n\n: alive\r\nid: 8\r\n\r\ndata\rid: x\0y\r\r";
        let blocks = [
            block("", None, None),
            block("image", Some("{\"a\":\n1}"), Some("7")),
            block("", None, Some("8")),
            block("", Some(""), None),
        ];
        for cut in 0..=text.len() {
            let mut reader = SseReader::default();
            let mut read = reader.push(&text[..cut]).unwrap();
            read.extend(reader.push(&text[cut..]).unwrap());
            assert_eq!(read, blocks, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_bounded_is_one_block_and_not_the_stream() {
        let mut reader = SseReader::default();
        let half = vec![b'x'; BLOCK_BYTES_MAX / 2];
        for _ in 0..8 {
            reader.push(&half).unwrap();
            reader.push(b"\n\n").unwrap();
        }
        reader.push(&half).unwrap();
        reader.push(b"\n").unwrap();
        assert!(reader.push(&half).is_ok() && reader.push(b"x").is_err());
    }
}
