//! What the processor does with an `ImageUploaded`: redeem, develop, deposit, publish.

use std::sync::Arc;

use bytes::Bytes;
use conveyor::{Fault, Handler, Headers, PublishError, Publisher, Record, Rejection, Subject};
use darkroom::worker::Pool;
use depot::{Depot, RedeemError};
use proto::{ClaimCheck, Codec, ImageProcessed, ImageUploaded, Reason, Source, UnixMillis};
use tokio::sync::Semaphore;

use crate::develop::{InHand, NotDeveloped, develop, picture, placeholder};
use crate::metrics;
use crate::recipes::Recipes;
use crate::setbacks::{Setbacks, Verdict, subject};
use crate::store::{Stored, store};

/// Turns originals into renditions.
pub(crate) struct Processor {
    pub(crate) codec: Arc<Codec>,
    pub(crate) depot: Depot,
    pub(crate) publisher: Publisher,
    pub(crate) pool: Arc<Pool>,
    pub(crate) recipes: Recipes,
    /// The largest original that is redeemed at all.
    pub(crate) file_bytes_max: u64,
    /// Images that may be in memory, as originals or as renditions that are not stored yet.
    pub(crate) images_in_memory: Arc<Semaphore>,
    /// Images that the host spoilt the work on.
    pub(crate) setbacks: Setbacks,
}

impl Handler for Processor {
    async fn handle(&self, record: &Record) -> Result<(), Fault> {
        let uploaded: ImageUploaded = self.codec.decode(&record.value).await?;
        let source = &uploaded.source;
        if source.is_expired(UnixMillis::now()) {
            tracing::info!(image.id = %source.image_id, "expired before it was processed: dropped");
            return Ok(());
        }
        match self.process(&uploaded).await {
            Ok(processed) => {
                self.setbacks.forget(subject(&uploaded));
                self.publish(&processed, record, &uploaded).await
            }
            Err(fault) => Err(about(fault, &uploaded)),
        }
    }

    /// Counts every image as the longest original: the record is a few hundred bytes of it.
    fn bytes_of(&self, _: &Record) -> u64 {
        self.file_bytes_max.max(1)
    }
}

impl Processor {
    async fn process(&self, uploaded: &ImageUploaded) -> Result<ImageProcessed, Fault> {
        let source = &uploaded.source;
        let plan = self.recipes.plan(&source.recipe).ok_or_else(|| {
            Fault::reject(Reason::RecipeUnknown, format!("this processor has no recipe `{}`", source.recipe))
        })?;
        // Until the last rendition is stored: while S3 is slow, what is developed would pile up.
        let permit = Arc::clone(&self.images_in_memory).acquire_owned().await.map_err(Fault::retry)?;
        let original = self.redeem(&source.original).await?;
        let in_hand = InHand { original, permit };
        let developed = develop(&self.pool, &source.customer_id, in_hand, plan).await;
        let (developed, permit) = developed.map_err(|cause| self.judge(cause, uploaded))?;
        let (picture, placeholder) = (picture(&developed), placeholder(&developed.extras));
        let Stored { renditions, engine } = store(&self.depot, source, developed.renditions).await?;
        drop(permit);
        let source = Source { picture: Some(picture), ..source.clone() };
        let (attempt, processed_at) = (uploaded.attempt, UnixMillis::now());
        Ok(ImageProcessed { source, attempt, renditions, placeholder, engine, processed_at })
    }

    /// Tells the original's fault from the host's, which has an end too: a file whose like no host can bear must not be
    /// tried for ever.
    fn judge(&self, cause: NotDeveloped, uploaded: &ImageUploaded) -> Fault {
        let (reason, detail) = match cause {
            NotDeveloped::Fault(fault) => {
                if matches!(*fault, Fault::Reject(_)) {
                    self.setbacks.forget(subject(uploaded));
                }
                return *fault;
            }
            NotDeveloped::Disturbed { reason, detail } => (reason, detail),
        };
        match self.setbacks.count(subject(uploaded)) {
            Verdict::TryAgain => Fault::Retry(anyhow::anyhow!("the host is the cause: {detail}")),
            Verdict::GiveUp(tries) => Fault::reject(
                reason,
                format!(
                    "the host is the cause, not the file: {detail}; {tries} tries, each with a new worker"
                ),
            ),
        }
    }

    async fn redeem(&self, original: &ClaimCheck) -> Result<Bytes, Fault> {
        self.depot.redeem(original, self.file_bytes_max).await.map_err(|error| match error {
            RedeemError::Missing => Fault::reject(Reason::OriginalMissing, "the original is gone"),
            RedeemError::Corrupt(why) => Fault::reject(Reason::ChecksumMismatch, why),
            RedeemError::Unavailable(cause) => Fault::retry(cause),
        })
    }

    async fn publish(
        &self,
        processed: &ImageProcessed,
        record: &Record,
        uploaded: &ImageUploaded,
    ) -> Result<(), Fault> {
        let published = self.publisher.publish(processed, &Headers::following(record)).await;
        published.map_err(|error| match error {
            rejected @ PublishError::Rejected { .. } => {
                about(Fault::reject(Reason::MessageMalformed, format!("{rejected}")), uploaded)
            }
            unavailable => Fault::retry(unavailable),
        })?;
        let source = &processed.source;
        tracing::info!(image.id = %source.image_id, renditions = processed.renditions.len(), "processed");
        Ok(())
    }
}

/// Says of which image a rejection is, so that the dead letter alone tells the whole row.
fn about(fault: Fault, uploaded: &ImageUploaded) -> Fault {
    let Fault::Reject(rejection) = fault else {
        return fault;
    };
    metrics::rejected(rejection.reason);
    let subject = Subject { source: uploaded.source.clone(), attempt: uploaded.attempt };
    Fault::Reject(Rejection { subject: Some(subject), ..rejection })
}
