//! `safelight openapi`: one description of the whole API, merged from the stations that answer it.

/// Returns the merged description as JSON, without a newline at its end. The sink's brings the title and the security
/// scheme.
pub(crate) fn text() -> anyhow::Result<String> {
    let mut api = sink::openapi();
    api.merge(ingest::openapi());
    Ok(api.to_pretty_json()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    const COMMITTED: &str = include_str!("../../../../sink/openapi.json");

    fn operations(api: &Value) -> Vec<(String, &Value)> {
        let paths = api["paths"].as_object().unwrap();
        let each = paths.iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().iter().map(move |(method, what)| (format!("{method} {path}"), what))
        });
        each.collect()
    }

    #[test]
    fn the_committed_description_is_the_codes_own() {
        let made = super::text().unwrap() + "\n";
        assert!(
            made == COMMITTED,
            "sink/openapi.json differs from the code: run `make openapi` and commit it"
        );
    }

    #[test]
    fn both_stations_are_described_with_their_refusals() {
        let api: Value = serde_json::from_str(COMMITTED).unwrap();
        assert_eq!(api["info"]["title"], "Safelight");
        assert_eq!(api["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
        let operations = operations(&api);
        for name in ["post /v1/images", "get /v1/images/{id}", "get /v1/stream", "get /v1/stats"] {
            assert!(operations.iter().any(|(found, _)| found == name), "{name}");
        }
        let ids: BTreeSet<&str> =
            operations.iter().filter_map(|(_, what)| what["operationId"].as_str()).collect();
        assert_eq!(ids.len(), operations.len(), "every operation has an id of its own: {ids:?}");
        for (name, operation) in &operations {
            assert_eq!(operation["security"], json!([{ "bearer": [] }]), "{name}");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let is_problem = answer["content"].get("application/problem+json").is_some();
                assert_eq!(status.as_str() >= "400", is_problem, "{name} answers {status}");
            }
        }
    }
}
