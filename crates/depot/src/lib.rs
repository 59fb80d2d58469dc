//! S3: deposit bytes for a claim check, redeem it for the same bytes, verified at both ends.
//!
//! Owns every call to S3: checksums, conditional writes, multipart, time-outs, the SDK's own retries, and the claims
//! behind `Idempotency-Key`. Refuses buckets that are not its two. Knows nothing about images, HTTP or Kafka.

mod chunks;
mod claim;
mod client;
mod config;
mod deposit;
mod error;
mod listing;
mod metrics;
mod multipart;
mod provision;
mod redeem;
mod strays;

pub use claim::Claimed;
pub use client::{Bucket, CheckError, Depot};
pub use config::{DepotArgs, Endpoint};
pub use deposit::{Deposit, DepositError};
pub use error::Unavailable;
pub use listing::{Listing, Stored};
pub use multipart::{PART_BYTES, StreamError};
pub use redeem::{ByteRange, ObjectStream, RedeemError};
