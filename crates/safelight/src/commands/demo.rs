//! `safelight demo`: the stack, the sample photos through it, a table of what became of them.

use std::process::ExitCode;
use std::time::Duration;

use chassis::Shutdown;
use clap::Args;

use crate::args::StackArgs;
use crate::client::Client;
use crate::commands::push::{self, Parcel, Pushed};
use crate::commands::up::{self, UpArgs};
use crate::output::{self, Form};
use crate::samples::{self, Sample};
use crate::stack::Stack;

const RESULT_WAIT: Duration = Duration::from_secs(120);

/// How to run the demo.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    up: UpArgs,

    /// Stop after the table; the exit code says whether every sample ended as it should
    #[arg(long)]
    exit: bool,
}

/// Runs the demo. Exit code 0 only if every sample ended as it should.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals()?;
    output::message("starting S3, DynamoDB, Kafka, the registry and the three stations ...");
    let stack = Stack::start(args.up.plan(), shutdown.clone()).await?;
    let (addresses, data) = (stack.addresses().clone(), args.up.data.clone());
    up::announce_kafka(&addresses);
    let running = tokio::spawn(stack.run());
    let pushed = push_samples(StackArgs {
        data,
        url: Some(addresses.http.clone()),
        token: None,
        customer: proto::CustomerId::parse("demo")?,
    })
    .await;
    let all_as_they_should = pushed?;
    if args.exit {
        shutdown.trigger();
    } else {
        up::announce_page(&addresses, &args.up)?;
        output::message("serving until Ctrl-C");
    }
    running.await??;
    Ok(if all_as_they_should { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Pushes every sample and prints the table; returns whether each ended as it should.
async fn push_samples(stack: StackArgs) -> anyhow::Result<bool> {
    let samples = samples::all();
    let parcels =
        samples.iter().map(|sample| Parcel::Bytes(sample.name.clone(), sample.bytes.clone().into()));
    let pushed = push::push(&Client::open(&stack)?, parcels.collect(), RESULT_WAIT).await?;
    push::print(Form::Table, &pushed)?;
    let wrong: Vec<&str> = samples
        .iter()
        .zip(&pushed)
        .filter(|(sample, pushed)| !ended_as_it_should(sample, pushed))
        .map(|(sample, _)| sample.name.as_str())
        .collect();
    if wrong.is_empty() {
        output::message("every sample ended as it should: `truncated.jpg` is cut short on purpose");
    } else {
        output::message(format!("these samples did not end as they should: {}", wrong.join(", ")));
    }
    Ok(wrong.is_empty())
}

fn ended_as_it_should(sample: &Sample, pushed: &Pushed) -> bool {
    match sample.failure {
        Some(reason) => pushed.status == "failed" && pushed.reason.as_deref() == Some(reason),
        None => pushed.status == "processed" && pushed.renditions > 0,
    }
}
