//! One upload from its first byte to its fact. Owns the order of effects: screen, claim, store, publish; and what a retry
//! with the same Idempotency-Key means. Knows nothing about HTTP.

use std::time::{Duration, Instant};

use bytes::Bytes;
use conveyor::{Headers, PublishError, Publisher};
use depot::{Bucket, Claimed, Deposit, DepositError, Depot, Stored, StreamError};
use futures::stream::StreamExt as _;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use proto::{
    Channel, ClaimCheck, CustomerId, ImageId, ImageUploaded, ObjectKey, RecipeBook, Sha256, Source,
    UnixMillis,
};

use crate::config::IngestArgs;
use crate::screen::{Body, Limits, Refused, Screened, screen};
use crate::worlds::{World, Worlds};

/// How long a claim may stand without an original where the retry's own body is whole in memory: nothing but one PutObject
/// lies between the two then, and taking over too early costs only that PutObject again.
const WHOLE_CLAIM_TIME_MAX: Duration = Duration::from_secs(10);
/// How soon a retry may find that the first upload is through.
const IN_FLIGHT_WAIT_MAX: Duration = Duration::from_secs(5);

/// Everything about an upload but its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// From the verified token.
    pub(crate) customer: CustomerId,
    /// Minted before the first byte was read.
    pub(crate) id: ImageId,
    pub(crate) filename: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) traceparent: Option<String>,
}

impl Upload {
    /// Names the upload, the same for all its retries where they can be told.
    fn name(&self) -> String {
        match &self.idempotency_key {
            Some(key) => ObjectKey::claim(&self.customer, key).to_string(),
            None => self.id.to_string(),
        }
    }
}

/// An acknowledged upload: its bytes are in S3, its fact in Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) id: ImageId,
    pub(crate) sha256: Sha256,
    pub(crate) bytes: u64,
    /// Whether an earlier upload with the same key brought it.
    pub(crate) is_repeat: bool,
}

/// Says why an upload is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    /// The body is not taken; nothing is stored.
    #[error("refuse the body: {0:?}")]
    Refused(Refused),
    /// Another upload with the same key is under way; look again after this time.
    #[error("find another upload with the same key under way")]
    InFlight(Duration),
    /// The key stands for other bytes.
    #[error("find other bytes under the same key")]
    OtherBody,
    /// The key stands for an image whose time is over.
    #[error("find an expired image under the same key")]
    KeyExpired,
    /// It may be stored or not.
    #[error("lose sight of the upload")]
    OutcomeUnknown(#[source] anyhow::Error),
    /// A mistake of ours.
    #[error("fail")]
    Failed(#[source] anyhow::Error),
}

/// Takes uploads in.
pub(crate) struct Intake {
    depot: Depot,
    publisher: Publisher,
    worlds: Worlds,
    limits: Limits,
    recipes: RecipeBook,
    retention: Duration,
    upload_time_max: Duration,
}

/// What the Idempotency-Key means for this upload.
enum Standing {
    /// Store the bytes under this id.
    Store(ImageId),
    /// Store the bytes under this id, which another attempt claimed. It may be slow rather than gone.
    TakeOver(ImageId),
    /// An original lies there already.
    Found(Box<Found>),
}

/// The original that an earlier upload with the same key brought.
struct Found {
    id: ImageId,
    check: ClaimCheck,
    stored: Stored,
}

impl Intake {
    pub(crate) fn new(args: &IngestArgs, recipes: RecipeBook, worlds: Worlds) -> Intake {
        let (depot, publisher) = worlds.clients();
        Intake {
            depot,
            publisher,
            worlds,
            limits: Limits::of(args),
            recipes,
            retention: args.retention(),
            upload_time_max: args.upload_time_max(),
        }
    }

    /// Takes one upload in. Returns only after S3 and all replicas of Kafka have it.
    pub(crate) async fn accept(&self, upload: Upload, body: Body) -> Result<Accepted, IntakeError> {
        let taking = Box::pin(self.accept_untimed(upload, body));
        match tokio::time::timeout(self.upload_time_max, taking).await {
            Ok(result) => result,
            Err(late) => Err(IntakeError::OutcomeUnknown(late.into())),
        }
    }

    async fn accept_untimed(&self, upload: Upload, body: Body) -> Result<Accepted, IntakeError> {
        // The claim comes after the first part, so that a refused or broken small body never holds a key.
        let screened = screen(body, self.limits).await.map_err(IntakeError::Refused)?;
        let patience = match screened.rest {
            Some(_) => self.upload_time_max,
            None => self.upload_time_max.min(WHOLE_CLAIM_TIME_MAX),
        };
        let begun = Instant::now();
        match self.standing(&upload, patience).await? {
            Standing::Store(id) => {
                let source = self.store(&upload, id, screened).await?;
                let may_be_taken_over =
                    upload.idempotency_key.is_some() && begun.elapsed() >= WHOLE_CLAIM_TIME_MAX / 2;
                let source = if may_be_taken_over { self.as_stored(&upload, source).await? } else { source };
                self.publish(source, &upload, false).await
            }
            Standing::TakeOver(id) => {
                let source = self.store(&upload, id, screened).await?;
                let source = self.as_stored(&upload, source).await?;
                self.publish(source, &upload, false).await
            }
            Standing::Found(found) => {
                let sha256 = hash(&screened.first, screened.rest).await.map_err(IntakeError::Refused)?;
                if sha256 != found.check.sha256 {
                    return Err(IntakeError::OtherBody);
                }
                let source = Source { picture: screened.picture, ..self.source_again(&upload, *found) };
                self.publish(source, &upload, true).await
            }
        }
    }

    /// Finds out what the key means. A claim without an original is waited for until it is older than `patience`.
    async fn standing(&self, upload: &Upload, patience: Duration) -> Result<Standing, IntakeError> {
        let Some(key) = &upload.idempotency_key else {
            return Ok(Standing::Store(upload.id));
        };
        let claim = ObjectKey::claim(&upload.customer, key);
        let lost = |error| self.lost(error, upload);
        let (id, age) = match self.depot.claim(&claim, upload.id).await.map_err(lost)? {
            Claimed::Won => return Ok(Standing::Store(upload.id)),
            Claimed::Lost { id, age } => (id, age),
        };
        if age >= self.retention {
            return Err(IntakeError::KeyExpired);
        }
        let original = ObjectKey::original(&upload.customer, id);
        match self.depot.find(Bucket::Originals, &original).await.map_err(lost)? {
            Some((check, stored)) => Ok(Standing::Found(Box::new(Found { id, check, stored }))),
            None if age < patience => Err(IntakeError::InFlight((patience - age).min(IN_FLIGHT_WAIT_MAX))),
            // Whoever claimed it is gone: the same id, so that there is still only one image.
            None => Ok(Standing::TakeOver(id)),
        }
    }

    async fn store(&self, upload: &Upload, id: ImageId, screened: Screened) -> Result<Source, IntakeError> {
        let key = ObjectKey::original(&upload.customer, id);
        let metadata = self.metadata(upload, id);
        let Screened { format, picture, first, rest } = screened;
        let deposit = Deposit {
            bucket: Bucket::Originals,
            key: &key,
            content_type: format.media_type(),
            metadata: &metadata,
        };
        let result = match rest {
            None => self.depot.deposit(deposit, first).await.map_err(StreamError::Deposit),
            Some(rest) => {
                let body = futures::stream::once(async move { Ok(first) }).chain(rest).boxed();
                self.depot.deposit_stream(deposit, body).await
            }
        };
        let original = result.map_err(|error| match error {
            StreamError::Body(refused) => IntakeError::Refused(refused),
            // Another attempt with the same key stored other bytes meanwhile.
            StreamError::Deposit(DepositError::Taken(_)) => IntakeError::OtherBody,
            StreamError::Deposit(DepositError::Unavailable(error)) => self.lost(error, upload),
        })?;
        self.worlds.trust(World::S3);
        Ok(Source { picture, ..self.fresh_source(upload, id, original) })
    }

    /// Returns the source as the stored object says it: of two attempts with one key either may have stored it, and both
    /// publish the same fact.
    async fn as_stored(&self, upload: &Upload, source: Source) -> Result<Source, IntakeError> {
        let key = &source.original.key;
        match self.depot.head(Bucket::Originals, key).await.map_err(|error| self.lost(error))? {
            Some(stored) => {
                let Source { image_id: id, original: check, picture, .. } = source;
                Ok(Source { picture, ..self.source_again(upload, Found { id, check, stored }) })
            }
            None => Err(IntakeError::OutcomeUnknown(anyhow::anyhow!("the original that was stored is gone"))),
        }
    }

    fn metadata(&self, upload: &Upload, id: ImageId) -> Vec<(&'static str, String)> {
        let mut metadata = vec![
            ("channel", Channel::Api.name().to_owned()),
            ("recipe", self.recipes.of(&upload.customer).to_string()),
            ("expires-at-unix-ms", id.uploaded_at().plus(self.retention).0.to_string()),
        ];
        if let Some(filename) = &upload.filename {
            metadata.push(("filename", utf8_percent_encode(filename, NON_ALPHANUMERIC).to_string()));
        }
        if let Some(key) = &upload.idempotency_key {
            metadata.push(("claim", Sha256::of(key.as_bytes()).to_hex()));
        }
        metadata
    }

    fn fresh_source(&self, upload: &Upload, id: ImageId, original: ClaimCheck) -> Source {
        Source {
            image_id: id,
            customer_id: upload.customer.clone(),
            original,
            channel: Channel::Api,
            filename: upload.filename.clone(),
            picture: None,
            recipe: self.recipes.of(&upload.customer).clone(),
            uploaded_at: id.uploaded_at(),
            expires_at: id.uploaded_at().plus(self.retention),
        }
    }

    /// Returns the source that the first upload with this key published: its own metadata say it again, all but the
    /// picture, which the same bytes say again.
    fn source_again(&self, upload: &Upload, Found { id, check, stored }: Found) -> Source {
        let said = |name: &str| stored.metadata.get(name).map(String::as_str);
        let fresh = self.fresh_source(upload, id, check);
        let filename = said("filename").and_then(|text| percent_decode_str(text).decode_utf8().ok());
        Source {
            filename: filename.map(String::from),
            channel: said("channel").and_then(Channel::parse).unwrap_or(fresh.channel),
            recipe: said("recipe").and_then(|text| text.parse().ok()).unwrap_or(fresh.recipe),
            expires_at: said("expires-at-unix-ms")
                .and_then(|text| text.parse().ok())
                .map_or(fresh.expires_at, UnixMillis),
            ..fresh
        }
    }

    async fn publish(
        &self,
        source: Source,
        upload: &Upload,
        is_repeat: bool,
    ) -> Result<Accepted, IntakeError> {
        let accepted = Accepted {
            id: source.image_id,
            sha256: source.original.sha256,
            bytes: source.original.bytes,
            is_repeat,
        };
        let headers = Headers::traced(upload.traceparent.as_deref());
        match self.publisher.publish(&ImageUploaded { source, attempt: 0 }, &headers).await {
            Ok(_) => {
                self.worlds.trust(World::Kafka);
                Ok(accepted)
            }
            Err(error @ PublishError::Rejected { .. }) => Err(IntakeError::Failed(error.into())),
            // The queue is full: the broker is there, and the sweep or a retry publishes what S3 holds.
            Err(error @ PublishError::Overloaded { .. }) => Err(IntakeError::OutcomeUnknown(error.into())),
            Err(error @ PublishError::Unavailable { .. }) => {
                self.worlds.doubt(World::Kafka, &upload.name());
                Err(IntakeError::OutcomeUnknown(error.into()))
            }
        }
    }

    fn lost(&self, error: depot::Unavailable, upload: &Upload) -> IntakeError {
        if !error.is_of_key() {
            self.worlds.doubt(World::S3, &upload.name());
        }
        IntakeError::OutcomeUnknown(error.into())
    }
}

async fn hash(first: &Bytes, rest: Option<Body>) -> Result<Sha256, Refused> {
    let mut hasher = Sha256::hasher();
    hasher.update(first);
    if let Some(mut rest) = rest {
        while let Some(chunk) = rest.next().await {
            hasher.update(&chunk?);
        }
    }
    Ok(hasher.finish())
}
