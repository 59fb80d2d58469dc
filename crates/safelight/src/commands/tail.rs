//! `safelight tail`: results as they come, off the live stream.

use std::process::ExitCode;

use clap::Args;

use crate::args::{OutputArgs, StackArgs};
use crate::client::{Client, Image};
use crate::commands::status::renditions;
use crate::follow::Follower;
use crate::output::{self, Form, printable};

/// Whose results.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints a line for each event until Ctrl-C. A connection that ends is followed by another, which goes on where it ended.
pub(crate) async fn run(args: TailArgs) -> anyhow::Result<ExitCode> {
    let mut follower = Follower::new(|| Client::open(&args.stack));
    loop {
        let events = tokio::select! {
            events = follower.next() => events?,
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
        };
        for event in events {
            print(args.output.output, &event.name, &event.data)?;
        }
    }
}

fn print(form: Form, name: &str, data: &str) -> anyhow::Result<()> {
    if form != Form::Table {
        let data: serde_json::Value = serde_json::from_str(data)?;
        output::data(serde_json::json!({"event": name, "data": data}));
        return Ok(());
    }
    if name != "image" {
        output::data(format!("{name:<9}  {}", printable(data)));
        return Ok(());
    }
    let image: Image = serde_json::from_str(data)?;
    let outcome = image.failure.as_ref().map_or_else(|| renditions(&image), |failure| failure.reason.clone());
    let filename = printable(image.source.filename.as_deref().unwrap_or("-"));
    output::data(format!("{:<9}  {}  {filename}  {outcome}", image.status, image.id));
    Ok(())
}
