//! `safelight token`: a bearer token of the local stack's issuer.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use proto::CustomerId;

use crate::output;
use standins::issuer::{Issuer, Role};

/// What the token says.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Data folder of the stack whose issuer signs
    #[arg(long, value_name = "DIR", default_value = ".safelight")]
    data: PathBuf,

    /// Customer whose images the token opens
    #[arg(long, default_value = "demo")]
    customer: CustomerId,

    /// What its bearer may do
    #[arg(long, value_enum, default_value_t = Role::Customer)]
    role: Role,

    /// Hours until it expires
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=720))]
    hours: u64,
}

/// Prints the bare token.
pub(crate) fn run(args: &TokenArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        args.data.is_dir(),
        "there is no stack in `{}`: run `safelight up` first",
        args.data.display()
    );
    let lifetime = Duration::from_secs(args.hours * 3600);
    output::data(Issuer::open(&args.data)?.token(&args.customer, args.role, lifetime)?);
    Ok(ExitCode::SUCCESS)
}
