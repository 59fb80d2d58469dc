//! The processor as a process of its own.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    darkroom::worker::run_if_worker();
    let config = processor::Config::parse();
    chassis::main("processor", &config.chassis.clone(), async |frame| processor::run(config, frame).await)
}
