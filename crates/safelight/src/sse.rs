//! Reads Server-Sent Events off a byte stream. Owns the framing only (WHATWG HTML, 9.2.6).

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// `event:`; empty means `message`.
    pub(crate) name: String,
    /// `data:`, lines joined by a newline.
    pub(crate) data: String,
}

/// Bytes one unfinished event may take; a stream beyond it is not one of ours.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// Collects bytes and gives out whole events.
#[derive(Debug, Default)]
pub(crate) struct SseReader {
    pending: Vec<u8>,
}

impl SseReader {
    /// Adds bytes and returns the events that are complete now. Fails if one event grows beyond 1 MiB.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<SseEvent>> {
        self.pending.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.pending.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.pending.drain(..end + 2).collect();
            events.extend(parse(&String::from_utf8_lossy(&block)));
        }
        anyhow::ensure!(self.pending.len() <= EVENT_BYTES_MAX, "an event of the stream is larger than 1 MiB");
        Ok(events)
    }
}

fn parse(block: &str) -> Option<SseEvent> {
    let mut event = SseEvent::default();
    let mut data = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => event.name = value.to_owned(),
            "data" => data.push(value),
            _ => {}
        }
    }
    if data.is_empty() {
        return None;
    }
    event.data = data.join("\n");
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_however_the_bytes_are_cut() {
        let text = b": hello\n\nevent: image\nid: 7\ndata: {\"a\":\ndata: 1}\n\ndata: x\n\n";
        for cut in 0..text.len() {
            let mut reader = SseReader::default();
            let mut events = reader.push(&text[..cut]).unwrap();
            events.extend(reader.push(&text[cut..]).unwrap());
            assert_eq!(events.len(), 2, "cut at {cut}");
            assert_eq!(events[0], SseEvent { name: "image".to_owned(), data: "{\"a\":\n1}".to_owned() });
        }
    }
}
