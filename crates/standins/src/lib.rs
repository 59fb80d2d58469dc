//! The laptop's servers: what stands behind the endpoints where there is no AWS and no company around.
//!
//! Owns S3, DynamoDB, the schema registry, the token issuer and the Kafka child of the local stack, each durable in a
//! folder, and the making of Kafka's topics anywhere. Knows nothing about stations: those meet these servers as they
//! meet the real ones.

pub mod dynamodb;
pub mod issuer;
pub mod kafka;
pub mod registry;
pub mod s3;
mod secret;

pub use secret::write_private;
