//! Making the buckets where they are missing. Owns nothing a running station needs; called by provisioning alone.

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};

use crate::client::{Bucket, Depot};
use crate::error::{Unavailable, unavailable};

/// S3's oldest region, which may not be named when a bucket is made.
const REGION_UNNAMED: &str = "us-east-1";

impl Depot {
    /// Makes both buckets where they are missing; making them twice is making them once. Fails if S3 is away or refuses.
    pub async fn provision(&self) -> Result<(), Unavailable> {
        for bucket in [Bucket::Originals, Bucket::Renditions] {
            self.make(self.bucket(bucket)).await?;
        }
        Ok(())
    }

    async fn make(&self, name: &str) -> Result<(), Unavailable> {
        let region = self.s3.config().region().map(ToString::to_string);
        let elsewhere = region.filter(|region| region != REGION_UNNAMED).map(|region| {
            let place = BucketLocationConstraint::from(region.as_str());
            CreateBucketConfiguration::builder().location_constraint(place).build()
        });
        let made =
            self.s3.create_bucket().bucket(name).set_create_bucket_configuration(elsewhere).send().await;
        match made {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.code(), Some("BucketAlreadyOwnedByYou" | "BucketAlreadyExists")) => {
                Ok(())
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}
