//! Holds the harness to its word, in seconds: a short run of the engines that need nothing fetched gives a whole report.

use std::process::Command;

use serde_json::Value;

/// Figures that need no peer.
const OWN: &[&str] = &[
    "jpeg3_vs_image_crate",
    "jpeg3_vs_image_fir",
    "peak_mib_jpeg3",
    "sandbox_overhead",
    "sandbox_overhead_200kb",
];
/// Figures that are asked for, `null` where a peer is not there.
const ALL: &[&str] = &[
    "jpeg3_vs_sharp",
    "jpeg3_vs_sharp_chained",
    "thumb_vs_sharp",
    "thumb_progressive_vs_sharp",
    "webp3_alpha_vs_sharp_chained",
    "webp3_jpeg_vs_sharp_chained",
    "jpeg3_vs_vips",
    "peak_vs_sharp",
];

#[test]
fn a_short_run_reports_every_figure_that_needs_no_peer() {
    let folder = tempfile::tempdir().expect("a test has a folder");
    let (path, chart) = (folder.path().join("bench/report.json"), folder.path().join("chart.svg"));
    let run = Command::new(env!("CARGO_BIN_EXE_bench"))
        .arg("--short")
        .arg("--report")
        .arg(&path)
        .arg("--chart")
        .arg(&chart)
        .env("SAFELIGHT_CACHE", folder.path())
        .output()
        .expect("the bench runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

    let report: Value = serde_json::from_slice(&std::fs::read(&path).expect("a report")).expect("JSON");
    for key in OWN {
        assert!(report[key].is_number(), "{key}: {}", report[key]);
    }
    for key in ALL {
        assert!(report.get(key).is_some_and(Value::is_null), "{key}: {:?}", report.get(key));
    }
    let mine = &report["tasks"]["jpeg3"];
    assert!(mine["safelight"]["cpu_ms"].as_f64() < mine["image"]["cpu_ms"].as_f64(), "{mine}");
    assert!(report["peak_mib_jpeg3"].as_f64().expect("a number") > 1.0, "{report}");
    assert!(std::fs::read_to_string(&chart).expect("a chart").contains("12 MP JPEG to 3 JPEG"));
    let table = String::from_utf8(run.stdout).expect("tables are text");
    assert!(table.contains("safelight-worker") && table.contains("sandbox_overhead"), "{table}");
}
