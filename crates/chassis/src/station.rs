//! The life of a station: the one lifecycle that `ingest`, `processor` and `sink` share.
//!
//! Exit codes: 0 stopped as asked, 1 failed, 2 wrong configuration.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::{
    ChassisArgs, Health, Misconfigured, Shutdown, admin, healthcheck, raise_descriptor_limit, telemetry,
};

/// Beyond the drain: closing clients and leaving the consumer group.
const CLOSING: Duration = Duration::from_secs(10);
const EXIT_MISCONFIGURED: u8 = 2;

/// What the chassis hands to a station: its health and the word to stop.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The process's readiness; components are added by the station.
    pub health: Health,
    /// The word to stop.
    pub shutdown: Shutdown,
    /// How long a drain may take.
    pub drain: Duration,
}

/// Runs a station as a process: logs, signals, admin port, exit code. Ends the process when a drain passes its deadline.
pub fn main<F>(name: &'static str, args: &ChassisArgs, run: F) -> ExitCode
where
    F: AsyncFnOnce(Frame) -> anyhow::Result<()>,
{
    if args.healthcheck {
        return healthcheck::ask(args.admin_addr);
    }
    telemetry::init_logs(args.log_format, "info");
    raise_descriptor_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => return exit_code(name, &Err(cause.into())),
    };
    let ended = runtime.block_on(async {
        let shutdown = Shutdown::on_signals().context("listen to signals")?;
        run_framed(args, shutdown, run).await
    });
    let code = exit_code(name, &ended);
    // A blocking call that hangs must not keep a process alive that has drained.
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

/// Runs `run` between an announced admin port and the drain's deadline.
pub async fn run_framed<F>(args: &ChassisArgs, shutdown: Shutdown, run: F) -> anyhow::Result<()>
where
    F: AsyncFnOnce(Frame) -> anyhow::Result<()>,
{
    let page = telemetry::init_metrics();
    let health = Health::new();
    let listener = TcpListener::bind(args.admin_addr)
        .await
        .map_err(|cause| Misconfigured(format!("bind SAFELIGHT_ADMIN_ADDR {}: {cause}", args.admin_addr)))?;
    tracing::info!(admin.addr = %listener.local_addr()?, "admin port open");
    // The admin port outlives the drain, so that an operator can watch it.
    let admin_shutdown = Shutdown::new();
    let admin = tokio::spawn(admin::serve(listener, health.clone(), page, admin_shutdown.clone()));
    watch_deadline(health.clone(), shutdown.clone(), args.drain() + CLOSING);
    let frame = Frame { health, shutdown, drain: args.drain() };
    let ended = run(frame).await;
    admin_shutdown.trigger();
    admin.abort();
    ended
}

/// Turns readiness off at the word, and ends the process when the deadline passes.
fn watch_deadline(health: Health, shutdown: Shutdown, deadline: Duration) {
    tokio::spawn(async move {
        shutdown.triggered().await;
        health.drain();
        tokio::time::sleep(deadline).await;
        tracing::error!(deadline_secs = deadline.as_secs(), "drain passed its deadline: ending the process");
        std::process::exit(1);
    });
}

fn exit_code(name: &str, ended: &anyhow::Result<()>) -> ExitCode {
    let Err(cause) = ended else {
        tracing::info!(station = name, "stopped");
        return ExitCode::SUCCESS;
    };
    tracing::error!(station = name, "{cause:#}");
    if cause.chain().any(|cause| cause.is::<Misconfigured>()) {
        return ExitCode::from(EXIT_MISCONFIGURED);
    }
    ExitCode::FAILURE
}
