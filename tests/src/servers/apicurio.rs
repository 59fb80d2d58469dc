//! Apicurio Registry.

use std::path::Path;

use super::child::{Child, Home, JVM, text};
use crate::tools::cached;

/// A running Apicurio Registry that remembers nothing.
pub struct Apicurio {
    child: Child,
}

impl Apicurio {
    /// Starts it and returns once it answers.
    pub async fn start() -> Apicurio {
        let home = Home::new();
        let jar = text(&cached("apicurio-2.6.13").join("apicurio-registry-app-2.6.13.Final-runner.jar"));
        let listen = format!("-Dquarkus.http.port={}", home.port);
        let args = ["-Xmx384m", "-Dquarkus.http.host=127.0.0.1", &listen, "-jar", &jar];
        let child = home.start(Path::new("java"), &[&JVM[..], &args].concat());
        let mut registry = Apicurio { child };
        registry.child.answers("/apis/ccompat/v7/subjects", |status| status.is_success()).await;
        registry
    }

    /// Returns a URL of it.
    pub fn url(&self, path: &str) -> String {
        self.child.url(path)
    }

    /// Returns a URL of its Confluent-compatible side.
    pub fn compatible_url(&self, path: &str) -> String {
        self.url(&format!("/apis/ccompat/v7{path}"))
    }
}
