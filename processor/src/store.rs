//! Puts renditions where they belong. Owns what it means that one lies there already: whichever engine made it, it is the
//! rendition.

use std::num::NonZeroU32;

use conveyor::Fault;
use darkroom::{ENGINE_VERSION, Encoded};
use depot::{Bucket, Deposit, DepositError, Depot};
use futures::future::try_join_all;
use proto::{ObjectKey, RenditionFact, Source};

use crate::develop::format;

/// In an object's metadata: the version of the engine that made it.
const ENGINE: &str = "engine";

/// Stored renditions, and who made them.
pub(crate) struct Stored {
    /// In the order in which they were made.
    pub(crate) renditions: Vec<RenditionFact>,
    /// The oldest engine among them; none if one of them does not say.
    pub(crate) engine: Option<NonZeroU32>,
}

/// Stores all renditions of an image. What lies there already is adopted.
pub(crate) async fn store(depot: &Depot, source: &Source, made: Vec<Encoded>) -> Result<Stored, Fault> {
    let stored = try_join_all(made.into_iter().map(|encoded| store_one(depot, source, encoded))).await?;
    let (renditions, engines): (Vec<_>, Vec<_>) = stored.into_iter().unzip();
    // None comes before any version.
    Ok(Stored { renditions, engine: engines.into_iter().min().flatten() })
}

async fn store_one(
    depot: &Depot,
    source: &Source,
    encoded: Encoded,
) -> Result<(RenditionFact, Option<NonZeroU32>), Fault> {
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
        metadata: &[(ENGINE, ENGINE_VERSION.to_string())],
    };
    let (object, engine) = match depot.deposit(deposit, encoded.bytes.into()).await {
        Ok(check) => (check, Some(ENGINE_VERSION)),
        Err(DepositError::Taken(stored)) => (*stored, engine_of(depot, &key).await?),
        Err(DepositError::Unavailable(cause)) => return Err(Fault::retry(cause)),
    };
    let Encoded { name, width, height, .. } = encoded;
    Ok((RenditionFact { name, format, width, height, object }, engine))
}

async fn engine_of(depot: &Depot, key: &ObjectKey) -> Result<Option<NonZeroU32>, Fault> {
    let stored = depot.head(Bucket::Renditions, key).await.map_err(Fault::retry)?;
    Ok(stored.and_then(|stored| stored.metadata.get(ENGINE)?.parse().ok()))
}
