//! What each command does. One file a command.

pub(crate) mod demo;
pub(crate) mod issuer;
pub(crate) mod openapi;
pub(crate) mod provision;
pub(crate) mod push;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod token;
pub(crate) mod up;
