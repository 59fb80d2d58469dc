//! The sink over real sockets: S3 by versitygw, librdkafka's broker, DynamoDB's protocol, an issuer.

mod figures;
mod station;
mod stream;
mod sweep;
mod views;
