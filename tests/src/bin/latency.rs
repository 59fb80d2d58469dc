//! Prints how long an upload takes to become visible beyond the work on its pixels, at idle, on both brokers.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::Value;
use street::latency::Latency;

const UPLOADS: usize = 200;
/// The goal for the median, in milliseconds, by broker.
const GOALS: [(&str, u32); 2] = [("apache", 20), ("embedded", 30)];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut rows = Vec::new();
    println!("{UPLOADS} uploads one after the other; milliseconds");
    println!(
        "kafka      pixels  flush   202: p50   p99   visible: p50   p99   beyond pixels: p50   p99   goal p50"
    );
    for (kafka, goal) in GOALS {
        let row = Latency::measure(kafka, UPLOADS).await.to_json();
        print(&row, goal);
        rows.push(row);
    }
    let path = target()?.join("latency.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&rows)?)
        .with_context(|| format!("write {}", path.display()))?;
    println!("written to {}", path.display());
    Ok(())
}

fn print(row: &Value, goal: u32) {
    let of = |name: &str, part: &str| row[name][part].as_f64().unwrap_or_default();
    println!(
        "{:<9}  {:>6.1}  {:>5.1}   {:>8.1}  {:>4.1}   {:>12.1}  {:>4.1}   {:>18.1}  {:>4.1}   {goal:>8}",
        row["kafka"].as_str().unwrap_or_default(),
        row["pixels_ms"].as_f64().unwrap_or_default(),
        row["disk_flush_ms"].as_f64().unwrap_or_default(),
        of("acknowledged_ms", "p50"),
        of("acknowledged_ms", "p99"),
        of("visible_ms", "p50"),
        of("visible_ms", "p99"),
        of("beyond_pixels_ms", "p50"),
        of("beyond_pixels_ms", "p99"),
    );
}

/// The build's folder: this program lies in its `release/`.
fn target() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.ancestors().nth(2).context("a program lies in target/release/")?.to_owned())
}
