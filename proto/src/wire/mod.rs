//! Between the facts and their Protobuf form. Everything that comes from a wire is checked here, field by field.

mod failed;
mod processed;
mod source;
mod uploaded;

use crate::event::Malformed;

/// Decodes a Protobuf message or says that it is none.
fn decode<M: prost::Message + Default>(bytes: &[u8]) -> Result<M, Malformed> {
    M::decode(bytes).map_err(|error| Malformed(format!("not a Protobuf message: {error}")))
}

fn required<T>(name: &str, field: Option<T>) -> Result<T, Malformed> {
    field.ok_or_else(|| Malformed::field(name, "missing"))
}

fn parsed<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, Malformed>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| Malformed::field(name, error))
}

#[cfg(test)]
mod tests;
