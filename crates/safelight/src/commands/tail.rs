//! `safelight tail`: results as they come, off the live stream.

use std::process::ExitCode;

use clap::Args;
use futures::TryStreamExt as _;

use crate::cli::{OutputArgs, StackArgs};
use crate::client::{Client, Image};
use crate::commands::status::renditions;
use crate::output::{self, Form, printable};
use crate::sse::SseReader;

/// Whose results.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints a line for each event until the stream ends or Ctrl-C.
pub(crate) async fn run(args: TailArgs) -> anyhow::Result<ExitCode> {
    let mut stream = Box::pin(Client::open(&args.stack)?.stream().await?);
    let mut reader = SseReader::default();
    loop {
        let bytes = tokio::select! {
            bytes = stream.try_next() => bytes?,
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
        };
        let Some(bytes) = bytes else {
            anyhow::bail!("the stream ended");
        };
        for event in reader.push(&bytes)? {
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
