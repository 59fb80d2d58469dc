//! The original: whose it is, where it lies, how it came in.

use crate::{ClaimCheck, CustomerId, Format, ImageId, RecipeId, UnixMillis};

/// The original of an image, the same in every fact about it, so that each fact alone tells the whole row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The image.
    pub image_id: ImageId,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// Where its bytes lie.
    pub original: ClaimCheck,
    /// The way it came in.
    pub channel: Channel,
    /// As the customer named it.
    pub filename: Option<String>,
    /// What it shows to whoever has looked into the bytes; none before.
    pub picture: Option<Picture>,
    /// The recipe pinned at upload.
    pub recipe: RecipeId,
    /// The id's timestamp.
    pub uploaded_at: UnixMillis,
    /// From when on nobody may read it.
    pub expires_at: UnixMillis,
}

/// Format and size of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// By its magic number.
    pub format: Format,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// The way an original came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Posted to the API.
    Api,
    /// Put with a presigned URL and completed.
    Presigned,
    /// Announced by a storage notification, or found by the sweep.
    Notification,
    /// Sent by another team over Kafka.
    Kafka,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Channel; 4] = [Channel::Api, Channel::Presigned, Channel::Notification, Channel::Kafka];

    /// Returns the name used in metadata, rows and SQL.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Api => "api",
            Channel::Presigned => "presigned",
            Channel::Notification => "notification",
            Channel::Kafka => "kafka",
        }
    }

    /// Returns the channel of this name.
    pub fn parse(name: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

impl Source {
    /// Says whether the image's time is over at `now`: it is dropped everywhere then, whatever fact brings it.
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at <= now
    }
}
