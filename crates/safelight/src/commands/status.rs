//! `safelight status ID`: what is known of an image.

use std::process::ExitCode;

use clap::Args;
use proto::ImageId;

use crate::args::{OutputArgs, StackArgs};
use crate::client::{Client, Image};
use crate::output::{self, bytes_text, printable};

/// Which image.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Id of the image
    id: ImageId,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints the image; fails when there is none for this caller.
pub(crate) async fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let Some(image) = Client::open(&args.stack)?.image(args.id).await? else {
        anyhow::bail!("there is no image {} for this customer", args.id);
    };
    output::rows(
        args.output.output,
        &[image],
        &["status", "file", "source", "renditions", "expires"],
        cells,
    )?;
    Ok(ExitCode::SUCCESS)
}

fn cells(image: &Image) -> Vec<String> {
    let source = &image.source;
    let size = source.width.zip(source.height).map_or(String::new(), |(w, h)| format!(" {w}x{h}"));
    vec![
        image
            .failure
            .as_ref()
            .map_or_else(|| image.status.clone(), |failure| format!("failed: {}", failure.reason)),
        printable(source.filename.as_deref().unwrap_or("-")),
        format!("{}{size} {}", source.format.as_deref().unwrap_or("?"), bytes_text(source.bytes)),
        renditions(image),
        image.expires_at.clone(),
    ]
}

/// Returns `large 2048x1536, medium 1024x768, ...`.
pub(crate) fn renditions(image: &Image) -> String {
    let each = image.renditions.iter().map(|r| format!("{} {}x{}", r.name, r.width, r.height));
    each.collect::<Vec<_>>().join(", ")
}
