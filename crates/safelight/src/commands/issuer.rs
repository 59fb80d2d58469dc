//! `safelight issuer`: the local token issuer alone, for stacks made of containers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use chassis::{Misconfigured, Shutdown};
use clap::Args;
use tokio::net::TcpListener;

use crate::output;
use standins::issuer::Issuer;

/// Where.
#[derive(Debug, Args)]
pub(crate) struct IssuerArgs {
    /// Address of `/.well-known/jwks.json`
    #[arg(long, default_value = "127.0.0.1:8090")]
    http: SocketAddr,

    /// Folder of the signing key; `safelight token --data` signs with the same one
    #[arg(long, value_name = "DIR", default_value = ".safelight")]
    data: PathBuf,
}

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(args: IssuerArgs) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals()?;
    std::fs::create_dir_all(&args.data)?;
    let listener = TcpListener::bind(args.http)
        .await
        .map_err(|cause| Misconfigured(format!("listen on `--http {}`: {cause}", args.http)))?;
    let base = format!("http://{}", listener.local_addr()?);
    let router = Issuer::open(&args.data)?.router(&base);
    output::message(format!("issuer  {base}/.well-known/jwks.json"));
    axum::serve(listener, router).with_graceful_shutdown(async move { shutdown.triggered().await }).await?;
    Ok(ExitCode::SUCCESS)
}
