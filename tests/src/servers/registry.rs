//! The laptop's schema registry, in this process.

use std::path::Path;

/// A running registry that remembers nothing.
pub struct Registry {
    /// Its address.
    pub url: String,
}

impl Registry {
    /// Starts it without a schema.
    pub async fn start() -> Registry {
        let registry = standins::registry::Registry::open(Path::new(":memory:")).expect("memory suffices");
        Registry { url: super::serve(registry.router()).await }
    }
}
