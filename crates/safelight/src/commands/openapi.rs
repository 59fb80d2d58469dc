//! `safelight openapi`: one description of the whole API, merged from the stations that answer it.

/// Returns the merged description as JSON, ending in a newline as the committed file does.
pub(crate) fn text() -> anyhow::Result<String> {
    let mut api = ingest::openapi();
    api.merge(sink::openapi());
    Ok(api.to_pretty_json()?)
}
