//! The operator's command and the all-in-one local stack.

pub mod dynamodb;
pub mod s3;
