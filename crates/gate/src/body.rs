//! How slowly a body may come. Owns stall, rate and time limits on the bytes a client sends; the length is the handler's
//! affair, because only it knows what it takes.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures::stream::{Stream, StreamExt as _, unfold};
use tokio::time::Instant;

use crate::problem::Problem;

/// Waiting that the rate does not count, wherever in the body it falls: neither a slow start on a mobile line nor a pause
/// within the stall limit is a fault.
const RATE_GRACE: Duration = Duration::from_secs(30);

/// The limits on how slowly a body may come.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The longest wait for more bytes.
    pub stall_max: Duration,
    /// The average that must hold over all waiting but the first thirty seconds.
    pub bytes_per_sec_min: u64,
    /// The longest time for the whole body.
    pub time_max: Duration,
}

/// Says why a body ended before its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// The client sends too slowly.
    #[error("the body came too slowly")]
    TooSlow,
    /// The connection broke, or the framing is wrong.
    #[error("the body broke off")]
    Broken,
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Problem {
        match fault {
            BodyFault::TooSlow => Problem::too_slow(),
            BodyFault::Broken => Problem::malformed("the body broke off"),
        }
    }
}

struct Pacing {
    body: BodyDataStream,
    limits: BodyLimits,
    begun: Instant,
    /// What was spent on waiting for the client; time in which we were busy is not the client's.
    waited: Duration,
    bytes: u64,
    over: bool,
}

/// Returns the body's bytes within `limits`. The first fault ends the stream.
pub fn limited(
    body: Body,
    limits: BodyLimits,
) -> impl Stream<Item = Result<Bytes, BodyFault>> + Send + 'static {
    let pacing = Pacing {
        body: body.into_data_stream(),
        limits,
        begun: Instant::now(),
        waited: Duration::ZERO,
        bytes: 0,
        over: false,
    };
    unfold(pacing, |mut pacing| async move {
        if pacing.over {
            return None;
        }
        let item = pacing.next().await?;
        pacing.over = item.is_err();
        Some((item, pacing))
    })
}

impl Pacing {
    async fn next(&mut self) -> Option<Result<Bytes, BodyFault>> {
        let asked = Instant::now();
        let deadline = (asked + self.limits.stall_max).min(self.begun + self.limits.time_max);
        let next = tokio::time::timeout_at(deadline, self.body.next()).await;
        self.waited += asked.elapsed();
        match next {
            Err(_) => Some(Err(BodyFault::TooSlow)),
            Ok(None) => None,
            Ok(Some(Err(_))) => Some(Err(BodyFault::Broken)),
            Ok(Some(Ok(chunk))) => {
                self.bytes += chunk.len() as u64;
                Some(if self.is_slow() { Err(BodyFault::TooSlow) } else { Ok(chunk) })
            }
        }
    }

    fn is_slow(&self) -> bool {
        let counted = self.waited.saturating_sub(RATE_GRACE.max(self.limits.stall_max));
        self.bytes < self.limits.bytes_per_sec_min.saturating_mul(counted.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BodyLimits = BodyLimits {
        stall_max: Duration::from_secs(15),
        bytes_per_sec_min: 100,
        time_max: Duration::from_secs(60),
    };

    fn dripping(bytes: usize, pause: Duration) -> Body {
        Body::from_stream(unfold((), move |()| async move {
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>(Bytes::from(vec![0; bytes])), ()))
        }))
    }

    async fn end_of(body: Body) -> (BodyFault, Duration) {
        let begun = Instant::now();
        let items: Vec<_> = limited(body, LIMITS).collect().await;
        (items.last().unwrap().clone().unwrap_err(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_body_ends_at_the_stall_limit() {
        let (fault, after) = end_of(dripping(1, Duration::from_secs(3600))).await;
        assert_eq!((fault, after.as_secs()), (BodyFault::TooSlow, 15));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripping_body_ends_after_the_grace() {
        let (fault, after) = end_of(dripping(1, Duration::from_secs(1))).await;
        assert_eq!((fault, after.as_secs()), (BodyFault::TooSlow, 31));
    }

    /// A body of chunks that each come after their pause.
    fn paused(chunks: &'static [(u64, usize)]) -> Body {
        let chunks = futures::stream::iter(chunks).then(async |&(pause_secs, bytes)| {
            tokio::time::sleep(Duration::from_secs(pause_secs)).await;
            Ok::<_, std::io::Error>(Bytes::from(vec![0; bytes]))
        });
        Body::from_stream(chunks)
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_within_the_stall_limit_is_no_fault_wherever_it_falls() {
        for chunks in [
            &[(14, 1), (14, 1), (1, 5000)][..],
            &[(0, 1), (14, 1000), (1, 1000)],
            &[(10, 1000), (10, 1000), (10, 1000), (14, 0), (1, 1)],
            &[(10, 1000), (10, 1000), (10, 1000), (10, 1000), (14, 1)],
        ] {
            let items: Vec<_> = limited(paused(chunks), LIMITS).collect().await;
            assert!(items.iter().all(Result::is_ok), "{chunks:?}: {:?}", items.last());
        }
        let (fault, _) = end_of(paused(&[(14, 1), (14, 1), (14, 1)])).await;
        assert_eq!(fault, BodyFault::TooSlow, "pauses without end are too slow");
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_waits_for_the_client_is_not_the_clients() {
        let mut body = Box::pin(limited(
            Body::from_stream(futures::stream::repeat_with(|| {
                Ok::<_, std::io::Error>(Bytes::from_static(b"x"))
            })),
            BodyLimits { time_max: Duration::from_secs(3600), ..LIMITS },
        ));
        for _ in 0..100 {
            assert_eq!(body.next().await, Some(Ok(Bytes::from_static(b"x"))));
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_body_ends_at_the_time_limit() {
        let (fault, after) = end_of(dripping(1000, Duration::from_secs(1))).await;
        assert_eq!((fault, after.as_secs()), (BodyFault::TooSlow, 60));
    }

    #[tokio::test]
    async fn a_whole_body_passes_unchanged() {
        let items: Vec<_> = limited(Body::from("abc"), LIMITS).collect().await;
        assert_eq!(items, [Ok(Bytes::from("abc"))]);
    }
}
