//! Owns the table of S3 operations that the store answers; one file per noun holds what each does.
//!
//! Operations that are not in the table answer `NotImplemented`, as the protocol crate does by itself.

mod buckets;
mod copy;
mod delete;
mod get;
mod lifecycle;
mod list;
mod listing;
pub(super) mod multipart;
mod parts;
mod pending;
mod put;
mod tags;
pub(super) mod uploads;
mod versions;

use std::pin::Pin;

use s3s::dto;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::Store;

/// The store as the protocol crate calls it.
#[derive(Debug, Clone)]
pub(super) struct Backend(pub(super) Store);

type OpFuture<'f, T> = Pin<Box<dyn Future<Output = S3Result<S3Response<T>>> + Send + 'f>>;

// The trait is declared through `async_trait`; this is what its methods look like underneath.
macro_rules! operations {
    ($($operation:ident: $input:ident -> $output:ident = $function:path;)*) => {
        impl S3 for Backend {
            $(fn $operation<'s, 'f>(&'s self, request: S3Request<dto::$input>) -> OpFuture<'f, dto::$output>
            where
                's: 'f,
                Self: 'f,
            {
                Box::pin($function(self.0.clone(), request))
            })*
        }
    };
}

operations! {
    create_bucket: CreateBucketInput -> CreateBucketOutput = buckets::create;
    head_bucket: HeadBucketInput -> HeadBucketOutput = buckets::head;
    list_buckets: ListBucketsInput -> ListBucketsOutput = buckets::list;
    delete_bucket: DeleteBucketInput -> DeleteBucketOutput = buckets::delete;
    get_bucket_location: GetBucketLocationInput -> GetBucketLocationOutput = buckets::location;
    get_bucket_versioning: GetBucketVersioningInput -> GetBucketVersioningOutput = buckets::versioning;
    put_bucket_versioning: PutBucketVersioningInput -> PutBucketVersioningOutput = buckets::set_versioning;
    get_bucket_lifecycle_configuration: GetBucketLifecycleConfigurationInput
        -> GetBucketLifecycleConfigurationOutput = lifecycle::get;
    put_bucket_lifecycle_configuration: PutBucketLifecycleConfigurationInput
        -> PutBucketLifecycleConfigurationOutput = lifecycle::put;
    delete_bucket_lifecycle: DeleteBucketLifecycleInput -> DeleteBucketLifecycleOutput = lifecycle::delete;
    put_object: PutObjectInput -> PutObjectOutput = put::put;
    get_object: GetObjectInput -> GetObjectOutput = get::get;
    head_object: HeadObjectInput -> HeadObjectOutput = get::head;
    copy_object: CopyObjectInput -> CopyObjectOutput = copy::copy;
    delete_object: DeleteObjectInput -> DeleteObjectOutput = delete::one;
    delete_objects: DeleteObjectsInput -> DeleteObjectsOutput = delete::many;
    list_objects_v2: ListObjectsV2Input -> ListObjectsV2Output = list::v2;
    list_objects: ListObjectsInput -> ListObjectsOutput = list::v1;
    list_object_versions: ListObjectVersionsInput -> ListObjectVersionsOutput = versions::list;
    get_object_tagging: GetObjectTaggingInput -> GetObjectTaggingOutput = tags::get;
    put_object_tagging: PutObjectTaggingInput -> PutObjectTaggingOutput = tags::put;
    delete_object_tagging: DeleteObjectTaggingInput -> DeleteObjectTaggingOutput = tags::delete;
    create_multipart_upload: CreateMultipartUploadInput -> CreateMultipartUploadOutput = multipart::create;
    complete_multipart_upload: CompleteMultipartUploadInput -> CompleteMultipartUploadOutput = multipart::complete;
    abort_multipart_upload: AbortMultipartUploadInput -> AbortMultipartUploadOutput = multipart::abort;
    list_multipart_uploads: ListMultipartUploadsInput -> ListMultipartUploadsOutput = uploads::list;
    upload_part: UploadPartInput -> UploadPartOutput = parts::upload;
    list_parts: ListPartsInput -> ListPartsOutput = parts::list;
}
