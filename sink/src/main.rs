//! The `sink` station as a process of its own.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let config = sink::Config::parse();
    let chassis = config.chassis.clone();
    chassis::main("sink", &chassis, async |frame| sink::run(config, frame).await)
}
