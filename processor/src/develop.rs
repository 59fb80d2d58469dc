//! From an original's bytes to its renditions' bytes, in a worker process. Owns the bridge between the async station
//! and the blocking pool, and the translation of the darkroom's words into the house's.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use conveyor::Fault;
use darkroom::worker::{Failure, Pool};
use darkroom::{Developed, Extras, Plan, SourceFormat};
use proto::{Colour, CustomerId, Format, Picture, Placeholder, Reason, ThumbHash};
use tokio::sync::OwnedSemaphorePermit;

use crate::metrics;

/// An original and the permit to have it in memory.
pub(crate) struct InHand {
    pub(crate) original: Bytes,
    pub(crate) permit: OwnedSemaphorePermit,
}

/// Why nothing was developed.
pub(crate) enum NotDeveloped {
    /// The original is wrong, or the world.
    Fault(Box<Fault>),
    /// The host killed, stopped or starved the worker.
    Disturbed { reason: Reason, detail: String },
}

/// Develops an original in a worker of the customer. Waits for a free worker; is bounded by the darkroom's limits after.
/// Gives the permit back with the renditions. Let go of, the work goes on to its end and keeps the permit until then: what
/// is abandoned counts like everything else.
pub(crate) async fn develop(
    pool: &Arc<Pool>,
    customer: &CustomerId,
    InHand { original, permit }: InHand,
    plan: &Plan,
) -> Result<(Developed, OwnedSemaphorePermit), NotDeveloped> {
    let (pool, customer, plan) = (Arc::clone(pool), customer.to_string(), plan.clone());
    let begun = Instant::now();
    let developing = tokio::task::spawn_blocking(move || {
        let developed = pool.develop(&customer, &original, &plan);
        metrics::worker_deaths(&pool);
        developed.map(|developed| (developed, permit))
    });
    match developing.await {
        Ok(Ok(developed_and_permit)) => {
            metrics::rendered(begun.elapsed());
            Ok(developed_and_permit)
        }
        Ok(Err(Failure::Rejected { reason, detail })) => {
            Err(NotDeveloped::Fault(Box::new(Fault::reject(reason_of(reason), detail))))
        }
        Ok(Err(Failure::Disturbed { reason, detail })) => {
            Err(NotDeveloped::Disturbed { reason: reason_of(reason), detail })
        }
        Ok(Err(unavailable @ Failure::Unavailable(_))) => {
            Err(NotDeveloped::Fault(Box::new(Fault::retry(unavailable))))
        }
        // A panic goes on where panics over one record are counted.
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(ended) => Err(NotDeveloped::Fault(Box::new(Fault::retry(ended)))),
        },
    }
}

/// Returns what the original turned out to be, in the words of the facts.
pub(crate) fn picture(developed: &Developed) -> Picture {
    let format = match developed.source.format {
        SourceFormat::Jpeg => Format::Jpeg,
        SourceFormat::Png => Format::Png,
        SourceFormat::Gif => Format::Gif,
        SourceFormat::Webp => Format::Webp,
    };
    Picture { format, width: developed.source.width, height: developed.source.height }
}

/// Returns a rendition's format in the words of the facts.
pub(crate) fn format(format: darkroom::Format) -> Format {
    match format {
        darkroom::Format::Jpeg => Format::Jpeg,
        darkroom::Format::Webp => Format::Webp,
        darkroom::Format::Png => Format::Png,
    }
}

/// Returns what stands for the image, in the words of the facts.
pub(crate) fn placeholder(extras: &Extras) -> Placeholder {
    Placeholder {
        // The pool has checked how long it is.
        thumbhash: extras.thumbhash.clone().and_then(|bytes| ThumbHash::new(bytes).ok()),
        dominant_colour: extras.dominant_colour.map(Colour),
    }
}

fn reason_of(reason: darkroom::Reason) -> Reason {
    match reason {
        darkroom::Reason::UnsupportedFormat => Reason::UnsupportedFormat,
        darkroom::Reason::Corrupt => Reason::Corrupt,
        darkroom::Reason::Truncated => Reason::Truncated,
        darkroom::Reason::PixelsTooMany => Reason::PixelsTooMany,
        darkroom::Reason::DimensionsTooLarge => Reason::DimensionsTooLarge,
        darkroom::Reason::DecodeTimeout => Reason::DecodeTimeout,
        darkroom::Reason::DecodeMemory => Reason::DecodeMemory,
        darkroom::Reason::DecoderCrashed => Reason::DecoderCrashed,
    }
}
