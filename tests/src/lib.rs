//! What tests stand on. For stories: the binaries as processes, a stack in a folder of its own, a client. For the tests of
//! one station too: servers, replies, the live stream, waiting.
//!
//! Owns cleaning up: whatever a story starts dies with it, however it ends.

pub mod api;
pub mod events;
pub mod kafka;
pub mod latency;
pub mod load;
pub mod port;
pub mod process;
pub mod reply;
pub mod servers;
pub mod stack;
pub mod stations;
pub mod stream;
pub mod tools;
pub mod wait;
