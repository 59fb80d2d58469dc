//! The words: messages, topics, codec, claim check, object keys.
//!
//! Owns how every fact looks on the wire and where every object lies in S3. Text and bytes from outside become
//! typed values here, once, or are refused here with a reason. Knows nothing about S3, Kafka or HTTP clients.

mod claim_check;
mod codec;
mod colour;
mod coordinates;
mod event;
mod facts;
mod format;
mod hash;
mod ids;
mod key;
mod moment;
mod recipe;
mod schema;
mod topic;
mod wire;

pub use claim_check::ClaimCheck;
pub use codec::{Codec, DecodeError, EncodeError, InvalidRegistry};
pub use colour::{Colour, InvalidColour};
pub use coordinates::{Coordinates, InvalidCoordinates};
pub use event::{Event, Malformed};
pub use facts::{
    Channel, DeadRecord, ImageFailed, ImageProcessed, ImageUploaded, InvalidReason, InvalidThumbHash,
    Picture, Placeholder, Reason, RenditionFact, Source, ThumbHash,
};
pub use format::{Format, InvalidFormat};
pub use hash::{Hasher, InvalidSha256, Sha256};
pub use ids::{CustomerId, ImageId, InvalidCustomer, InvalidImageId};
pub use key::{InvalidKey, ObjectKey};
pub use moment::UnixMillis;
pub use recipe::{
    CopyrightSpec, FormatSpec, GravitySpec, InvalidRecipe, InvalidRecipes, ProgramInputSpec, ProgramSpec,
    Recipe, RecipeBook, RecipeId, RenditionSpec, SharpenSpec, SizeSpec,
};
pub use schema::{InvalidSchema, file_descriptor};
pub use topic::{PARTITIONS_LOCAL, Topic};

/// The generated Protobuf types, exactly as they go over the wire. Everything else in this crate is parsed from them.
#[expect(
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    reason = "generated; the .proto files carry the documentation"
)]
mod v1 {
    include!("safelight.v1.rs");
}
