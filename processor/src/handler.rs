//! What the processor does with an `ImageUploaded`: redeem, develop, deposit, publish.

use std::sync::Arc;

use bytes::Bytes;
use conveyor::{Fault, Handler, Headers, PublishError, Publisher, Record, Rejection};
use darkroom::worker::Pool;
use darkroom::{Developed, Encoded};
use depot::{Bucket, Deposit, DepositError, Depot, RedeemError};
use futures::future::try_join_all;
use proto::{
    ClaimCheck, Codec, ImageProcessed, ImageUploaded, ObjectKey, Reason, RenditionFact, Source, UnixMillis,
};
use tokio::sync::Semaphore;

use crate::develop::{InHand, develop, format, picture, placeholder};
use crate::metrics;
use crate::recipes::Recipes;

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
            Ok(processed) => self.publish(&processed, record, &uploaded).await,
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
        let (developed, permit) = develop(&self.pool, &source.customer_id, in_hand, plan).await?;
        let (picture, placeholder) = (picture(&developed), placeholder(&developed.extras));
        let renditions = self.deposit_all(source, developed).await?;
        drop(permit);
        let source = Source { picture: Some(picture), ..source.clone() };
        let processed_at = UnixMillis::now();
        Ok(ImageProcessed { source, attempt: uploaded.attempt, renditions, placeholder, processed_at })
    }

    async fn redeem(&self, original: &ClaimCheck) -> Result<Bytes, Fault> {
        self.depot.redeem(original, self.file_bytes_max).await.map_err(|error| match error {
            RedeemError::Missing => Fault::reject(Reason::OriginalMissing, "the original is gone"),
            RedeemError::Corrupt(why) => Fault::reject(Reason::ChecksumMismatch, why),
            RedeemError::Unavailable(cause) => Fault::retry(cause),
        })
    }

    async fn deposit_all(&self, source: &Source, developed: Developed) -> Result<Vec<RenditionFact>, Fault> {
        try_join_all(developed.renditions.into_iter().map(|encoded| self.deposit(source, encoded))).await
    }

    async fn deposit(&self, source: &Source, encoded: Encoded) -> Result<RenditionFact, Fault> {
        let format = format(encoded.format);
        let key = ObjectKey::Rendition {
            customer: source.customer_id.clone(),
            id: source.image_id,
            recipe: source.recipe.clone(),
            name: encoded.name.clone(),
            format,
        };
        let deposit = Deposit {
            bucket: Bucket::Renditions,
            key: &key,
            content_type: format.media_type(),
            metadata: &[],
        };
        let object = match self.depot.deposit(deposit, encoded.bytes.into()).await {
            Ok(check) => check,
            // Another build of the same engine may differ in a bit: what lies there first is the rendition.
            Err(DepositError::Taken(stored)) => *stored,
            Err(DepositError::Unavailable(cause)) => return Err(Fault::retry(cause)),
        };
        let Encoded { name, width, height, .. } = encoded;
        Ok(RenditionFact { name, format, width, height, object })
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
    Fault::Reject(Rejection { subject: Some((uploaded.source.clone(), uploaded.attempt)), ..rejection })
}
