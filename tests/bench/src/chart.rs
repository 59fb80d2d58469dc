//! Owns the README's chart: bars of the report's figures as an SVG that can be read on light and on dark.

use std::fmt::Write as _;

use serde_json::Value;

use crate::figures::OURS;

const WIDTH: f64 = 760.0;
const LABELS: f64 = 150.0;
const BARS: f64 = 500.0;
const LINE: f64 = 22.0;
const HEAD: f64 = 34.0;
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.head{font-weight:600}.bar{fill:#8c959f}\
    .ours{fill:#1f6feb}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#6e7681}.ours{fill:#58a6ff}}";

/// One panel: a heading, and bars of name and value.
struct Panel {
    heading: String,
    unit: &'static str,
    bars: Vec<(String, f64)>,
}

/// Draws what of the report there is: CPU time of the main tasks, and images a second of the services.
pub(crate) fn draw(report: &Value) -> String {
    let tasks = [
        ("jpeg3", "12 MP JPEG to 3 JPEG"),
        ("thumb_progressive", "12 MP progressive JPEG to a thumbnail"),
        ("webp3_alpha", "6 MP PNG with alpha to 3 WebP"),
    ];
    let mut panels: Vec<Panel> = tasks.iter().map(|(task, what)| cpu(report, task, what)).collect();
    panels.push(services(report));
    panels.retain(|panel| !panel.bars.is_empty());

    let height: f64 = panels.iter().map(|panel| HEAD + LINE * panel.bars.len() as f64 + 10.0).sum();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"The bench\"><style>{STYLE}</style>\n"
    );
    let mut top = 0.0;
    for panel in &panels {
        top = panel.draw(&mut svg, top);
    }
    svg.push_str("</svg>\n");
    svg
}

fn cpu(report: &Value, task: &str, what: &str) -> Panel {
    let engines = report["tasks"][task].as_object();
    let bars =
        engines.into_iter().flatten().filter_map(|(name, of)| Some((name.clone(), of["cpu_ms"].as_f64()?)));
    let mut bars: Vec<_> = bars.collect();
    bars.sort_by(|one, other| one.1.total_cmp(&other.1));
    Panel { heading: format!("{what}: CPU ms on one core, less is better"), unit: "ms", bars }
}

fn services(report: &Value) -> Panel {
    let names = [
        (OURS, "service_images_per_sec"),
        ("ipx", "ipx_images_per_sec"),
        ("thumbor", "thumbor_images_per_sec"),
    ];
    let bar = |(name, key): &(&str, &str)| Some(((*name).to_owned(), report[*key].as_f64()?));
    let heading = "As a service, all cores: 12 MP images a second, more is better".to_owned();
    Panel { heading, unit: "/s", bars: names.iter().filter_map(bar).collect() }
}

impl Panel {
    fn draw(&self, svg: &mut String, top: f64) -> f64 {
        let _ = writeln!(
            svg,
            "<text class=\"head\" x=\"0\" y=\"{}\">{}</text>",
            top + 20.0,
            escaped(&self.heading)
        );
        let largest = self.bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
        for (at, (name, value)) in self.bars.iter().enumerate() {
            let y = top + HEAD + LINE * at as f64;
            let width = BARS * value / largest;
            let class = if name.starts_with(OURS) { "bar ours" } else { "bar" };
            let (text, after, unit) = (y + 13.0, LABELS + width + 6.0, self.unit);
            let _ = writeln!(
                svg,
                "<text x=\"{0}\" y=\"{text}\" text-anchor=\"end\">{1}</text><rect class=\"{class}\" x=\"{LABELS}\" \
                 y=\"{y}\" width=\"{width:.1}\" height=\"16\" rx=\"2\"/><text x=\"{after:.1}\" \
                 y=\"{text}\">{value:.1} {unit}</text>",
                LABELS - 8.0,
                escaped(name),
            );
        }
        top + HEAD + LINE * self.bars.len() as f64 + 10.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bars_are_as_long_as_their_values_and_ours_stands_out() {
        let report = json!({
            "tasks": {"jpeg3": {"safelight": {"cpu_ms": 50.0}, "a<b": {"cpu_ms": 100.0}}},
            "service_images_per_sec": null,
        });
        let svg = draw(&report);
        assert!(svg.contains("class=\"bar ours\" x=\"150\" y=\"34\" width=\"250.0\""), "{svg}");
        assert!(svg.contains("width=\"500.0\"") && svg.contains("a&lt;b"), "{svg}");
        assert!(!svg.contains("As a service"), "{svg}");
    }
}
