//! The page and its assets, embedded in the binary. Owns the content policy: only this origin's own files run, and
//! nothing else is loaded or talked to.

use std::borrow::Cow;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use axum::routing::get;
use gate::Problem;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::range::none_match_names;
use super::views::{Views, not_a_name};

const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
     connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The merged description of ingest's and sink's routes, as committed.
const OPENAPI: &str = include_str!("../../openapi.json");

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Dist;

pub(super) fn routes() -> Router<Views> {
    Router::new()
        .route("/", get(async |headers: HeaderMap| file("index.html", &headers)))
        .route("/assets/{*path}", get(asset))
        .route("/openapi.json", get(description))
}

async fn asset(path: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Result<Response, Problem> {
    let Path(path) = path.map_err(not_a_name)?;
    file(&format!("assets/{path}"), &headers)
}

async fn description() -> Response {
    let head = Response::builder().header(CONTENT_TYPE, "application/json").header(CACHE_CONTROL, "no-cache");
    head.body(Body::from(OPENAPI)).expect("the headers are ours and valid")
}

fn file(path: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let EmbeddedFile { data, metadata } = Dist::get(path).ok_or_else(Problem::not_found)?;
    let etag = format!("\"{}\"", hex::encode(metadata.sha256_hash()));
    let known = headers.get(IF_NONE_MATCH).and_then(|header| header.to_str().ok());
    let head = Response::builder()
        .header(CONTENT_TYPE, media_type(path))
        .header(CONTENT_SECURITY_POLICY, CONTENT_POLICY)
        .header(
            CACHE_CONTROL,
            if is_hashed(path) { "public, max-age=31536000, immutable" } else { "no-cache" },
        )
        .header(ETAG, &etag);
    let response = match known.is_some_and(|known| none_match_names(known, &etag)) {
        true => head.status(StatusCode::NOT_MODIFIED).body(Body::empty()),
        false => head.body(Body::from(bytes_of(data))),
    };
    Ok(response.expect("the headers are ours and valid"))
}

fn bytes_of(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    }
}

/// Says whether the name changes with the content (`app-BYBGJTB5.js`), so that it may be kept for ever.
fn is_hashed(path: &str) -> bool {
    let stem = path.rsplit('/').next().and_then(|name| name.split_once('.')).map(|(stem, _)| stem);
    let hash = stem.and_then(|stem| stem.rsplit_once('-')).map(|(_, hash)| hash);
    hash.is_some_and(|hash| {
        hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        assert!(is_hashed("assets/app-BYBGJTB5.js"));
        for path in ["index.html", "assets/licenses.txt", "assets/app-latest.js", "assets/x-12.js"] {
            assert!(!is_hashed(path), "{path}");
        }
    }

    #[test]
    fn the_page_and_everything_it_names_is_embedded() {
        let page = Dist::get("index.html").expect("the page is built");
        let text = String::from_utf8(page.data.into_owned()).unwrap();
        let named: Vec<_> = text.split('"').filter_map(|part| part.strip_prefix("/assets/")).collect();
        assert!(named.len() >= 2, "{named:?}");
        for name in named {
            assert!(Dist::get(&format!("assets/{name}")).is_some(), "{name}");
        }
    }
}
