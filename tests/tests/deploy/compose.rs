//! Reads `docker-compose.yml` into services, with anchors and merges resolved. Judges nothing.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::root;

/// A service that is built from this repository.
pub(crate) struct Built {
    pub(crate) name: String,
    /// The Dockerfile's stage, which is named like its one binary.
    pub(crate) target: String,
    pub(crate) command: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) healthcheck: Vec<String>,
}

const TO_JSON: &str = "import json, sys\nfrom ruamel.yaml import YAML\n\
    print(json.dumps(YAML(typ='safe', pure=True).load(open(sys.argv[1]))))";

/// The whole file as JSON, read by the Python environment of the tests: a YAML parser of our own would be one more
/// thing to doubt.
pub(crate) fn compose() -> Value {
    let cache = env::var_os("SAFELIGHT_CACHE").map_or_else(|| root().join(".cache"), PathBuf::from);
    let python = cache.join("venv/bin/python");
    let output = Command::new(&python)
        .args(["-c", TO_JSON])
        .arg(root().join("docker-compose.yml"))
        .output()
        .unwrap_or_else(|error| {
            panic!("{}: {error}; `deploy/tools/install.sh test` makes it", python.display())
        });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

/// Every service with its name.
pub(crate) fn services(compose: &Value) -> Vec<(String, Value)> {
    let services = compose["services"].as_object().expect("a compose file has services");
    services.iter().map(|(name, service)| (name.clone(), service.clone())).collect()
}

/// The services that run our binaries.
pub(crate) fn built(compose: &Value) -> Vec<Built> {
    services(compose)
        .into_iter()
        .filter_map(|(name, service)| {
            let target = service["build"]["target"].as_str()?.to_owned();
            let environment = service["environment"].as_object().into_iter().flatten();
            Some(Built {
                name,
                target,
                command: strings(&service["command"]),
                environment: environment.map(|(name, value)| (name.clone(), text(value))).collect(),
                healthcheck: strings(&service["healthcheck"]["test"]),
            })
        })
        .collect()
}

/// The entries of a list of scalars; none where there is no list.
pub(crate) fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
