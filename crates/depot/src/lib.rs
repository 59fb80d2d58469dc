//! S3: deposit bytes for a claim check, redeem it for the same bytes.
