//! Photos as ingest and processor would have left them: objects in S3, facts to publish.

use bytes::Bytes;
use conveyor::Headers;
use depot::{Bucket, Deposit};
use proto::{
    Channel, ClaimCheck, CustomerId, DeadRecord, Format, ImageFailed, ImageId, ImageProcessed, ImageUploaded,
    ObjectKey, Picture, Placeholder, Reason, Recipe, RenditionFact, Sha256, Source, UnixMillis,
};

use super::Street;

/// Of originals, unless something else is set.
const BUCKET: &str = "safelight-originals";
pub(crate) const ORIGINAL: &[u8] = b"the bytes of an original";
pub(crate) const THUMB: &[u8] = b"the bytes of a thumb";

/// An image whose original lies in S3.
#[derive(Clone)]
pub(crate) struct Photo {
    pub(crate) source: Source,
}

impl Photo {
    pub(crate) fn id(&self) -> String {
        self.source.image_id.to_string()
    }

    pub(crate) fn path(&self) -> String {
        format!("/v1/images/{}", self.source.image_id)
    }

    pub(crate) fn uploaded(&self, attempt: u32) -> ImageUploaded {
        ImageUploaded { source: self.source.clone(), attempt }
    }

    pub(crate) fn failed(&self, attempt: u32) -> ImageFailed {
        ImageFailed {
            source: Some(self.source.clone()),
            attempt,
            reason: Reason::Truncated,
            detail: "ends early".to_owned(),
            failed_at: UnixMillis::now(),
            original: DeadRecord::default(),
        }
    }
}

impl Street {
    /// Puts an original into S3 and tells nobody.
    pub(crate) async fn photo(&self, customer: &str, lives_ms: i64) -> Photo {
        self.photo_of(ImageId::mint(), customer, lives_ms).await
    }

    /// Puts the original of a given image into S3 and tells nobody.
    pub(crate) async fn photo_of(&self, image_id: ImageId, customer: &str, lives_ms: i64) -> Photo {
        let customer_id = CustomerId::parse(customer).expect("a valid customer");
        let uploaded_at = image_id.uploaded_at();
        let expires_at = UnixMillis(uploaded_at.0 + lives_ms);
        let (key, recipe) = (ObjectKey::original(&customer_id, image_id), Recipe::default_recipe().id());
        let metadata = [
            ("channel", "api".to_owned()),
            ("filename", "a%20b.jpg".to_owned()),
            ("recipe", recipe.to_string()),
            ("expires-at-unix-ms", expires_at.0.to_string()),
        ];
        let deposit =
            Deposit { bucket: Bucket::Originals, key: &key, content_type: "image/jpeg", metadata: &metadata };
        let original = self.depot.deposit(deposit, Bytes::from_static(ORIGINAL)).await.expect("an original");
        let filename = Some("a b.jpg".to_owned());
        let channel = Channel::Api;
        let source = Source {
            image_id,
            customer_id,
            original,
            channel,
            filename,
            picture: None,
            recipe,
            uploaded_at,
            expires_at,
        };
        Photo { source }
    }

    /// Returns an image whose original nobody will read: it is only listed, and there may be thousands of them.
    pub(crate) fn listed(&self, customer: &str, lives_ms: i64) -> Photo {
        let (customer_id, image_id) =
            (CustomerId::parse(customer).expect("a valid customer"), ImageId::mint());
        let uploaded_at = image_id.uploaded_at();
        let key = ObjectKey::original(&customer_id, image_id);
        self.s3.lay(BUCKET, &key.to_string(), ORIGINAL);
        let original = ClaimCheck {
            bucket: BUCKET.to_owned(),
            key,
            version: None,
            etag: String::new(),
            bytes: ORIGINAL.len() as u64,
            sha256: Sha256::of(ORIGINAL),
        };
        let source = Source {
            image_id,
            customer_id,
            original,
            channel: Channel::Api,
            filename: None,
            picture: None,
            recipe: Recipe::default_recipe().id(),
            uploaded_at,
            expires_at: UnixMillis(uploaded_at.0 + lives_ms),
        };
        Photo { source }
    }

    /// Puts a thumb into S3 and returns the fact about it.
    pub(crate) async fn processed(&self, photo: &Photo, attempt: u32) -> ImageProcessed {
        let source = Source {
            picture: Some(Picture { format: Format::Jpeg, width: 800, height: 600 }),
            ..photo.source.clone()
        };
        let key = ObjectKey::Rendition {
            customer: source.customer_id.clone(),
            id: source.image_id,
            recipe: source.recipe.clone(),
            name: "thumb".to_owned(),
            format: Format::Jpeg,
        };
        let deposit =
            Deposit { bucket: Bucket::Renditions, key: &key, content_type: "image/jpeg", metadata: &[] };
        let object = self.depot.deposit(deposit, Bytes::from_static(THUMB)).await.expect("a thumb");
        let thumb =
            RenditionFact { name: "thumb".to_owned(), format: Format::Jpeg, width: 320, height: 240, object };
        ImageProcessed {
            source,
            attempt,
            renditions: vec![thumb],
            placeholder: Placeholder::default(),
            engine: None,
            processed_at: UnixMillis::now(),
        }
    }

    pub(crate) async fn publish<E: proto::Event>(&self, event: &E) {
        self.publisher.publish(event, &Headers::default()).await.expect("the fact is taken");
    }
}
