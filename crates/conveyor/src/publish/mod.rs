//! The way into Kafka: facts with their headers, and dead letters. Owns deadlines and what a refusal means; retries
//! nothing.

mod headers;
mod letter;
mod publisher;

pub use headers::Headers;
pub(crate) use letter::post;
pub use publisher::{PublishError, Published, Publisher};
