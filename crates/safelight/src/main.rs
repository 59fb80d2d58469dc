//! `safelight`: the operator's command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The all-in-one stack starts this very binary as its pixel workers.
    darkroom::worker::run_if_worker();
    safelight::cli::main()
}
