//! The `ingest` station as a process of its own.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let config = ingest::Config::parse();
    let chassis = config.chassis.clone();
    chassis::main("ingest", &chassis, async |frame| ingest::run(config, frame).await)
}
