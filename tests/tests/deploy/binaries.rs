//! Holds the compose file against the built binaries: every variable is one they know, every command one they have,
//! and the environment of a station is one it starts with.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::compose::{Built, built, compose};
use crate::{assert_none, words};

/// Read by the AWS SDK and by the log filter, not by our own configuration.
const READ_BY_OTHERS: &[&str] = &[
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
    "RUST_LOG",
];

/// The binary that cargo built beside this test.
pub(crate) fn binary(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let path = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps").join(name);
    assert!(path.exists(), "{} is not built: `make build` builds it", path.display());
    path
}

fn run(service: &Built, arguments: &[&str]) -> Output {
    Command::new(binary(&service.target))
        .args(arguments)
        .env_clear()
        .envs(service.environment.iter().map(|(name, value)| (name, value)))
        .output()
        .expect("the binary starts")
}

/// The subcommand with which the container starts; none for a station.
fn subcommand(service: &Built) -> Option<&str> {
    service.command.first().map(String::as_str)
}

fn help(service: &Built) -> Result<String, String> {
    let mut arguments: Vec<&str> = subcommand(service).into_iter().collect();
    arguments.push("--help");
    let output = run(service, &arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!(
        "{}: `{} {}` fails: {}",
        service.name,
        service.target,
        arguments.join(" "),
        first_line(&output.stderr)
    ))
}

fn first_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).lines().next().unwrap_or_default().to_owned()
}

/// What a service sets that its binary does not know.
fn unknown_variables(service: &Built, help: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let known: Vec<&str> = words(help, is_name).collect();
    service
        .environment
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !known.contains(name) && !READ_BY_OTHERS.contains(name))
        .map(|name| format!("{}: `{}` does not know {name}", service.name, service.target))
        .collect()
}

/// The long options of a command line that its help does not name.
fn unknown_options(service: &Built, help: &str) -> Vec<String> {
    let known: Vec<&str> = words(help, |c| c.is_ascii_alphanumeric() || c == '-').collect();
    let options = service.command.iter().chain(&service.healthcheck).filter(|word| word.starts_with("--"));
    options
        .filter(|option| !known.contains(&option.as_str()))
        .map(|option| format!("{}: `{}` does not know {option}", service.name, service.target))
        .collect()
}

#[test]
fn every_variable_command_and_option_in_the_compose_file_is_known_to_its_binary() {
    let services = built(&compose());
    assert!(services.len() >= 4, "only {} services are built here", services.len());
    let faults = |service: &Built| match help(service) {
        Ok(help) => [unknown_variables(service, &help), unknown_options(service, &help)].concat(),
        Err(fault) => vec![fault],
    };
    assert_none("docker-compose.yml", &services.iter().flat_map(faults).collect::<Vec<_>>());
}

#[test]
fn every_station_accepts_the_environment_that_the_compose_file_gives_it() {
    let services = built(&compose());
    let stations: Vec<_> = services.iter().filter(|service| subcommand(service).is_none()).collect();
    assert_eq!(stations.len(), 3, "three stations run without a subcommand");
    // The configuration is read first: wrong usage is 2, and nobody at the admin address is 1.
    let faults = |service: &&Built| {
        let nowhere = run(service, &["--healthcheck", "--admin-addr", "127.0.0.1:1"]);
        let code = nowhere.status.code();
        (code != Some(1)).then(|| format!("{}: exit {code:?}: {}", service.name, first_line(&nowhere.stderr)))
    };
    assert_none("environments", &stations.iter().filter_map(faults).collect::<Vec<_>>());
}

#[test]
fn every_health_check_asks_the_binary_that_the_container_runs() {
    let faults = |service: &Built| {
        let expected =
            ["CMD".to_owned(), format!("/usr/local/bin/{}", service.target), "--healthcheck".to_owned()];
        (service.healthcheck != expected).then(|| format!("{}: {:?}", service.name, service.healthcheck))
    };
    let services = built(&compose());
    let stations = services.iter().filter(|service| subcommand(service).is_none());
    assert_none("health checks", &stations.filter_map(faults).collect::<Vec<_>>());
}

#[test]
fn a_variable_and_an_option_that_no_help_names_are_found() {
    let service = Built {
        name: "sink".to_owned(),
        target: "sink".to_owned(),
        command: vec!["--htp".to_owned()],
        environment: ["SAFELIGHT_TABLE", "SAFELIGHT_TABLES", "AWS_REGION"]
            .map(|name| (name.to_owned(), String::new()))
            .into(),
        healthcheck: vec!["CMD".to_owned(), "--healthcheck".to_owned()],
    };
    let help = "  --http ADDR\n  --healthcheck\n  --table [env: SAFELIGHT_TABLE=images]";
    assert_eq!(unknown_variables(&service, help), ["sink: `sink` does not know SAFELIGHT_TABLES"]);
    assert_eq!(unknown_options(&service, help), ["sink: `sink` does not know --htp"]);
}
