//! Who may come in over HTTP: tokens, limits, problem+json, the accept loop.
//!
//! Owns everything between the socket and a station's handler: connection and body time-outs, verified callers and their
//! rate, the shape of refusals, trace context, security headers, sealed cursors. Knows no route and no image.

mod body;
mod caller;
mod claims;
mod config;
mod connection;
mod door;
mod expect;
mod harden;
mod keys;
mod linger;
mod metrics;
mod problem;
mod rate;
mod seal;
mod serve;
mod trace;
mod verifier;

#[cfg(test)]
mod forged_tokens;
#[cfg(test)]
mod refused_heads;

pub use body::{BodyFault, BodyLimits, limited};
pub use caller::{Caller, Role};
pub use config::{GateArgs, SealArgs};
pub use harden::harden;
pub use keys::KeysUnavailable;
pub use problem::{Problem, ProblemBody};
pub use seal::{InvalidSealKey, Seal};
pub use serve::serve;
pub use trace::TraceParent;
pub use verifier::Verifier;
