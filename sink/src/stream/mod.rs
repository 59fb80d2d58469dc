//! The live stream: what happened to a customer's images, as it happens.
//!
//! Each instance reads all partitions without a group and shows a record only when its row names that record as the one
//! applied, so the stream never shows what a read would not, and nothing twice. An event's id is a position in Kafka:
//! any instance can go on from it. Knows nothing about HTTP.

mod catch_up;
mod feed;
mod hub;
mod live;
mod position;
mod recent;
mod seats;
mod waiting;
mod watch;
mod written;

pub(crate) use catch_up::{Archive, catch_up_permits};
pub(crate) use feed::{Feed, Frame};
pub(crate) use hub::Hub;
pub(crate) use live::{Live, LiveParts, Refused};
pub(crate) use recent::Recent;
pub(crate) use seats::Seats;
pub(crate) use watch::Watch;
