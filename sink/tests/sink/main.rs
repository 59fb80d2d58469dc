//! The sink over real sockets: S3 by versitygw, librdkafka's broker, DynamoDB's protocol, an issuer.

mod stream;
mod street;
mod views;
