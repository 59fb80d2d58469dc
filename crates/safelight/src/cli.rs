//! The command line. Owns its words; each command's work is in `commands`.

use std::process::ExitCode;

use chassis::LogFormat;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::{demo, issuer, provision, push, status, tail, token, up};
use crate::output;

/// Runs and operates Safelight.
#[derive(Debug, Parser)]
#[command(name = "safelight", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole stack in this process, durable in one folder, until Ctrl-C
    Up(up::UpArgs),
    /// Run the stack, push the sample photos through it, print what became of them, keep serving
    Demo(demo::DemoArgs),
    /// Upload files or folders and wait for their renditions
    Push(push::PushArgs),
    /// Print a bearer token of the local stack's issuer
    Token(token::TokenArgs),
    /// Print what is known of an image
    Status(status::StatusArgs),
    /// Print results as they come
    Tail(tail::TailArgs),
    /// Create topics, schemas, buckets and the table where they are missing
    Provision(Box<provision::ProvisionArgs>),
    /// Serve the token issuer alone, for stacks made of containers
    Issuer(issuer::IssuerArgs),
    /// Print the API's description (OpenAPI 3.1)
    Openapi,
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Parses the command line and runs the command. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Who runs servers wants their log; who runs a command wants its result. `RUST_LOG` overrides both.
    let serves = matches!(cli.command, Command::Up(_) | Command::Issuer(_));
    chassis::init_logs(LogFormat::Text, if serves { "info" } else { "error" });
    chassis::raise_descriptor_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => return failed(&cause.into()),
    };
    let ended = runtime.block_on(run(cli.command));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match ended {
        Ok(code) => code,
        Err(cause) => failed(&cause),
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(args) => up::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Push(args) => push::run(args).await,
        Command::Token(args) => token::run(&args),
        Command::Status(args) => status::run(args).await,
        Command::Tail(args) => tail::run(args).await,
        Command::Provision(args) => provision::run(*args).await,
        Command::Issuer(args) => issuer::run(args).await,
        Command::Openapi => {
            output::data(crate::commands::openapi::text()?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "safelight", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn failed(cause: &anyhow::Error) -> ExitCode {
    output::message(format!("safelight: {cause:#}"));
    let is_usage = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<chassis::Misconfigured>() || cause.is::<clap::Error>()
    };
    if cause.chain().any(is_usage) { ExitCode::from(2) } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
