//! Trace context: W3C `traceparent`, taken from the caller when valid, minted otherwise.

use std::fmt;

use aws_lc_rs::rand;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use tracing::Instrument as _;

/// The trace a request belongs to and the span that caused it (W3C Trace Context, level 1). Its text goes into Kafka headers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    flags: u8,
}

impl TraceParent {
    /// Starts a new, sampled trace.
    pub fn mint() -> TraceParent {
        let mut bytes = [0; 24];
        rand::fill(&mut bytes).expect("the system gives random bytes");
        let (trace, span) = bytes.split_at(16);
        TraceParent {
            // An id of zero is invalid.
            trace: u128::from_be_bytes(trace.try_into().expect("16 bytes")).max(1),
            span: u64::from_be_bytes(span.try_into().expect("8 bytes")).max(1),
            flags: 1,
        }
    }

    /// Parses a `traceparent` header; refuses what the specification calls invalid.
    pub fn parse(text: &str) -> Option<TraceParent> {
        let parts: Vec<&str> = text.splitn(5, '-').collect();
        let [version, trace, span, flags] = parts[..4.min(parts.len())] else { return None };
        let (version, trace) = (hex(version, 2)?, hex(trace, 32)?);
        let (span, flags) = (hex(span, 16)?, hex(flags, 2)?);
        // Later versions may append fields; this one may not. 0xff is never a version.
        if version == 0xff || trace == 0 || span == 0 || (version == 0 && parts.len() > 4) {
            return None;
        }
        Some(TraceParent {
            trace,
            span: u64::try_from(span).expect("16 digits"),
            flags: u8::try_from(flags).expect("2 digits") & 1,
        })
    }

    /// Returns the same trace under a new span.
    #[must_use]
    pub fn child(self) -> TraceParent {
        TraceParent { span: TraceParent::mint().span, ..self }
    }

    /// Returns the trace id: 32 lower-case hexadecimal digits.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }

    fn of(headers: &HeaderMap) -> Option<TraceParent> {
        let mut values = headers.get_all("traceparent").iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        TraceParent::parse(value.to_str().ok()?)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceParent({self})")
    }
}

fn hex(digits: &str, length: usize) -> Option<u128> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let valid = digits.len() == length && digits.bytes().all(is_hex);
    valid.then(|| u128::from_str_radix(digits, 16).ok()).flatten()
}

/// Puts a [`TraceParent`] into the request's extensions and runs the rest inside a span that carries `trace.id`.
pub(crate) async fn trace(mut request: Request, next: Next) -> Response {
    let parent = TraceParent::of(request.headers()).map_or_else(TraceParent::mint, TraceParent::child);
    request.extensions_mut().insert(parent);
    let span = tracing::info_span!("request", trace.id = parent.trace_id());
    next.run(request).instrument(span).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_header_is_continued_under_a_new_span() {
        let parent = TraceParent::parse(VALID).unwrap();
        assert_eq!(parent.to_string(), VALID);
        assert_eq!(parent.child().trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(parent.child(), parent);
    }

    #[test]
    fn a_later_version_may_say_more() {
        assert!(TraceParent::parse(&format!("cc{}-more", &VALID[2..])).is_some());
    }

    #[test]
    fn invalid_headers_are_not_believed() {
        let zero_trace = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let zero_span = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", "0".repeat(16));
        let (upper, more) = (VALID.to_uppercase(), format!("{VALID}-x"));
        let ff = format!("ff{}", &VALID[2..]);
        for bad in [
            "",
            "00",
            "00-1-2-3",
            "----",
            &zero_trace,
            &zero_span,
            &upper,
            &more,
            &ff,
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(TraceParent::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn minted_ids_parse_and_differ() {
        let minted = TraceParent::mint();
        assert_eq!(TraceParent::parse(&minted.to_string()), Some(minted));
        assert_ne!(minted, TraceParent::mint());
    }
}
