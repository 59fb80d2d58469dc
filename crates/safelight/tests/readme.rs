//! The README says what is true now: its table of settings is made from the stations' own command lines.

use std::collections::BTreeMap;
use std::path::Path;

use clap::CommandFactory as _;

const BEGIN: &str = "<!-- settings: made by `make readme` -->\n";
const END: &str = "<!-- end of settings -->\n";

#[test]
fn the_table_of_settings_is_that_of_the_stations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a table of settings");
    let (table, after) = rest.split_once(END).expect("the table ends");
    let fresh = settings();
    if std::env::var_os("SAFELIGHT_REGENERATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{fresh}{END}{after}")).unwrap();
        return;
    }
    assert!(table == fresh, "run `make readme`");
}

fn settings() -> String {
    let stations = [ingest::Config::command(), processor::Config::command(), sink::Config::command()];
    let mut rows: BTreeMap<String, (String, String, Vec<String>)> = BTreeMap::new();
    for station in &stations {
        for argument in station.get_arguments() {
            let Some(name) = argument.get_env().map(|name| name.to_string_lossy().into_owned()) else {
                continue;
            };
            let default: Vec<_> =
                argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
            let is_machines = name == "SAFELIGHT_WORKERS";
            let default = if is_machines { "processors".to_owned() } else { default.join(",") };
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let row = rows.entry(name).or_insert_with(|| (default, help, Vec::new()));
            row.2.push(station.get_name().to_owned());
        }
    }
    let mut table = "| variable | default | who | meaning |\n|---|---|---|---|\n".to_owned();
    for (name, (default, help, who)) in rows {
        let who = if who.len() == stations.len() { "all".to_owned() } else { who.join(", ") };
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        table.push_str(&format!("| `{name}` | {default} | {who} | {} |\n", help.replace('|', "\\|")));
    }
    table
}
