//! `safelight push`: uploads files or folders, waits for their ends and prints one row each.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use futures::stream::{StreamExt as _, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::args::{OutputArgs, StackArgs};
use crate::client::{Client, Image, Upload};
use crate::output::{self, Form, bytes_text, printable};

const UPLOADS_AT_ONCE_MAX: usize = 4;

/// What to upload.
#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// Files, or folders whose files are taken (not those of their folders)
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Seconds to wait for an image's result
    #[arg(long, default_value_t = 120)]
    wait_secs: u64,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What became of one file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pushed {
    /// The file's name.
    pub(crate) file: String,
    /// `processed`, `failed` or `refused`.
    pub(crate) status: String,
    /// The reason of a failure, the code of a refusal.
    pub(crate) reason: Option<String>,
    /// How many renditions there are.
    pub(crate) renditions: usize,
    /// Bytes uploaded.
    pub(crate) bytes_in: u64,
    /// Bytes of all renditions.
    pub(crate) bytes_out: u64,
    /// From the acknowledged id's moment to the last rendition, milliseconds.
    pub(crate) milliseconds: Option<i64>,
    /// The image.
    pub(crate) id: Option<String>,
}

/// A file to push, read when its turn comes.
pub(crate) enum Parcel {
    /// On disk.
    File(PathBuf),
    /// In memory.
    Bytes(String, Bytes),
}

/// Pushes and prints; fails when a file was refused or failed.
pub(crate) async fn run(args: PushArgs) -> anyhow::Result<ExitCode> {
    let files = files(&args.paths)?;
    let client = Client::open(&args.stack)?;
    let parcels = files.into_iter().map(Parcel::File).collect();
    let pushed = push(&client, parcels, Duration::from_secs(args.wait_secs)).await?;
    print(args.output.output, &pushed)?;
    let all_processed = pushed.iter().all(|pushed| pushed.status == "processed");
    Ok(if all_processed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Uploads every parcel, a few at once, and waits for each one's end. Results come in the order of the parcels.
pub(crate) async fn push(
    client: &Client,
    parcels: Vec<Parcel>,
    wait: Duration,
) -> anyhow::Result<Vec<Pushed>> {
    let bar = Arc::new(progress_bar(parcels.len() as u64)?);
    let one = |parcel| {
        let (client, bar) = (client.clone(), Arc::clone(&bar));
        async move {
            let pushed = push_one(&client, parcel, wait).await;
            bar.inc(1);
            pushed
        }
    };
    let pushed = futures::stream::iter(parcels).map(one).buffered(UPLOADS_AT_ONCE_MAX).try_collect().await;
    bar.finish_and_clear();
    pushed
}

/// Prints one row a file.
pub(crate) fn print(form: Form, pushed: &[Pushed]) -> anyhow::Result<()> {
    let columns = ["file", "status", "renditions", "bytes in", "bytes out", "ms"];
    output::rows(form, pushed, &columns, |pushed| {
        let status = match &pushed.reason {
            Some(reason) => format!("{}: {reason}", pushed.status),
            None => pushed.status.clone(),
        };
        vec![
            printable(&pushed.file),
            status,
            pushed.renditions.to_string(),
            bytes_text(pushed.bytes_in),
            bytes_text(pushed.bytes_out),
            pushed.milliseconds.map_or_else(|| "-".to_owned(), |millis| millis.to_string()),
        ]
    })
}

fn progress_bar(length: u64) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} images  {elapsed}")?;
    Ok(ProgressBar::new(length).with_style(style))
}

async fn push_one(client: &Client, parcel: Parcel, wait: Duration) -> anyhow::Result<Pushed> {
    let (file, bytes) = match parcel {
        Parcel::Bytes(name, bytes) => (name, bytes),
        Parcel::File(path) => (name_of(&path), read(&path).await?),
    };
    let bytes_in = bytes.len() as u64;
    match client.upload(&file, bytes).await? {
        Upload::Accepted(id) => Ok(ended(file, &client.ended(id, wait).await?)),
        Upload::Refused { code, detail } => Ok(Pushed {
            file,
            status: "refused".to_owned(),
            reason: Some(if detail.is_empty() { code } else { format!("{code} ({detail})") }),
            renditions: 0,
            bytes_in,
            bytes_out: 0,
            milliseconds: None,
            id: None,
        }),
    }
}

fn ended(file: String, image: &Image) -> Pushed {
    Pushed {
        file,
        status: image.status.clone(),
        reason: image.failure.as_ref().map(|failure| failure.reason.clone()),
        renditions: image.renditions.len(),
        bytes_in: image.source.bytes,
        bytes_out: image.renditions.iter().map(|rendition| rendition.bytes).sum(),
        milliseconds: milliseconds(image),
        id: Some(image.id.to_string()),
    }
}

fn milliseconds(image: &Image) -> Option<i64> {
    let moment = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let took = moment(image.processed_at.as_deref()?)? - moment(&image.uploaded_at)?;
    i64::try_from(took.whole_milliseconds()).ok()
}

async fn read(path: &Path) -> anyhow::Result<Bytes> {
    Ok(tokio::fs::read(path).await.with_context(|| format!("read `{}`", path.display()))?.into())
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let is_dir = std::fs::metadata(path).with_context(|| format!("find `{}`", path.display()))?.is_dir();
        if !is_dir {
            files.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).with_context(|| format!("read `{}`", path.display()))? {
            let path = entry?.path();
            let is_hidden = name_of(&path).starts_with('.');
            if path.is_file() && !is_hidden {
                inside.push(path);
            }
        }
        inside.sort();
        files.extend(inside);
    }
    anyhow::ensure!(!files.is_empty(), "there are no files to push");
    Ok(files)
}
