//! Holds the compose file against the other files: mounted paths exist, stages and services that are named are there,
//! images and toolchain are pinned, and what the tests run against has the version that the compose file runs.

use serde_json::Value;

use crate::compose::{built, compose, services, strings};
use crate::{assert_none, read, root, words};

/// The stages of the Dockerfile that can be built.
fn stages(dockerfile: &str) -> Vec<&str> {
    dockerfile
        .lines()
        .filter(|line| line.starts_with("FROM "))
        .filter_map(|line| line.split(" AS ").nth(1))
        .collect()
}

/// An image reference is pinned when its tag holds a version.
fn is_pinned(image: &str) -> bool {
    let tag = image.rsplit('/').next().and_then(|name| name.split_once(':')).map(|(_, tag)| tag);
    tag.is_some_and(|tag| tag.matches('.').count() >= 1 && tag.contains(|c: char| c.is_ascii_digit()))
}

/// The host's side of a bind mount.
fn bind(volume: &str) -> Option<&str> {
    volume.split(':').next().filter(|source| source.starts_with('.'))
}

#[test]
fn every_mounted_path_and_every_stage_exists() {
    let compose = compose();
    let dockerfile = read("deploy/Dockerfile");
    let mut faults = Vec::new();
    for (name, service) in services(&compose) {
        let volumes = strings(&service["volumes"]);
        let missing =
            volumes.iter().filter_map(|volume| bind(volume)).filter(|path| !root().join(path).exists());
        faults.extend(missing.map(|path| format!("{name}: {path} does not exist")));
    }
    for service in built(&compose) {
        let installs = dockerfile.contains(&format!("/usr/local/bin/{0}\n", service.target));
        if !stages(&dockerfile).contains(&service.target.as_str()) || !installs {
            faults.push(format!("{}: the Dockerfile has no stage `{}`", service.name, service.target));
        }
    }
    assert_none("docker-compose.yml", &faults);
}

#[test]
fn every_image_is_pinned_and_every_port_is_on_loopback() {
    let mut faults = Vec::new();
    for (name, service) in services(&compose()) {
        if let Some(image) = service["image"].as_str().filter(|image| !is_pinned(image)) {
            faults.push(format!("{name}: {image} is not pinned"));
        }
        let open = strings(&service["ports"]).into_iter().filter(|port| !port.starts_with("127.0.0.1:"));
        faults.extend(open.map(|port| format!("{name}: {port} is open to the network")));
    }
    let bases = read("deploy/Dockerfile");
    let bases = bases
        .lines()
        .filter_map(|line| line.strip_prefix("FROM "))
        .map(|line| line.split(' ').next().unwrap_or(line));
    let stages = read("deploy/Dockerfile");
    let unpinned = bases.filter(|base| !is_pinned(base) && !self::stages(&stages).contains(base));
    faults.extend(unpinned.map(|base| format!("Dockerfile: {base} is not pinned")));
    assert_none("images and ports", &faults);
}

#[test]
fn a_station_can_be_scaled() {
    let compose = compose();
    let fixed = |service: &Value| !service["ports"].is_null() || !service["container_name"].is_null();
    let stations = services(&compose)
        .into_iter()
        .filter(|(name, _)| ["ingest", "processor", "sink"].contains(&name.as_str()));
    let faults = stations
        .filter(|(_, service)| fixed(service))
        .map(|(name, _)| format!("{name} has a fixed name or port"));
    assert_none("scale", &faults.collect::<Vec<_>>());
}

#[test]
fn the_proxy_and_prometheus_ask_services_that_exist() {
    let compose = compose();
    let known: Vec<String> = services(&compose).into_iter().map(|(name, _)| name).collect();
    let proxy = read("deploy/proxy/Caddyfile");
    let prometheus = read("deploy/prometheus/prometheus.yml");
    let upstreams = proxy
        .lines()
        .filter_map(|line| line.trim().strip_prefix("dynamic a "))
        .filter_map(|rest| rest.split(' ').next());
    let targets = prometheus
        .lines()
        .filter_map(|line| line.split("names: [").nth(1))
        .filter_map(|rest| rest.split(']').next());
    let asked: Vec<&str> = upstreams.chain(targets).collect();
    assert_eq!(asked.len(), 5, "two upstreams and three targets: {asked:?}");
    let faults = asked.iter().filter(|name| !known.iter().any(|service| service == *name));
    assert_none("services", &faults.map(|name| format!("there is no service {name}")).collect::<Vec<_>>());
}

#[test]
fn what_the_tests_run_against_is_what_the_compose_file_runs() {
    let compose = compose();
    let version = |service: &str| {
        let image = compose["services"][service]["image"].as_str().expect("the service has an image");
        let tag = image.rsplit(':').next().expect("the image has a tag");
        tag.trim_start_matches('v').trim_end_matches(".Final").to_owned()
    };
    let places = [
        ("kafka", "deploy/tools/fetch-kafka.sh"),
        ("kafka", "deploy/tools/kafka/pom.xml"),
        ("registry", "deploy/tools/fetch-apicurio.sh"),
        ("s3", "deploy/tools/fetch-versitygw.sh"),
        ("dynamodb", "deploy/tools/fetch-dynamodb-local.sh"),
    ];
    let faults = places.iter().filter(|(service, path)| {
        let text = read(path);
        !words(&text, |c| c.is_ascii_digit() || c == '.').any(|word| word == version(service))
    });
    let faults = faults.map(|(service, path)| format!("{path} does not name {service} {}", version(service)));
    assert_none("versions", &faults.collect::<Vec<_>>());
}

#[test]
fn the_image_is_built_by_the_pinned_toolchain_from_every_member() {
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().expect("TOML");
    let channel = toolchain["toolchain"]["channel"].as_str().expect("a channel");
    let dockerfile = read("deploy/Dockerfile");
    assert!(
        dockerfile.contains(&format!("FROM rust:{channel}-")),
        "the Dockerfile builds with another Rust than {channel}"
    );
    assert!(
        dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={channel}\n")),
        "the Dockerfile names another Rust than {channel}"
    );
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let members = manifest["workspace"]["members"].as_array().expect("members");
    let seen = read("deploy/Dockerfile.dockerignore");
    let unseen = members
        .iter()
        .filter_map(|member| member.as_str()?.split('/').next())
        .filter(|folder| !seen.lines().any(|line| line == format!("!{folder}")));
    assert_none(
        "Dockerfile.dockerignore",
        &unseen.map(|folder| format!("hides {folder}")).collect::<Vec<_>>(),
    );
}

#[test]
fn an_image_without_a_version_is_found() {
    for image in ["caddy", "caddy:latest", "prom/prometheus:v3", "localhost:5000/caddy"] {
        assert!(!is_pinned(image), "{image}");
    }
    assert!(is_pinned("ghcr.io/versity/versitygw:v1.8.0") && is_pinned("localhost:5000/caddy:2.11.1"));
    assert_eq!(bind("./deploy/a.yml:/a.yml:ro"), Some("./deploy/a.yml"));
    assert_eq!(bind("kafka:/var/lib/kafka"), None);
}
