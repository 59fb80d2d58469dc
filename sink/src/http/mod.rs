//! The sink's routes: one image, the list, renditions, the live stream, the statistics, the page.
//!
//! Owns how rows become answers. Every answer about an image is authorised by the row's customer; another customer's
//! image and an unknown one give the same bytes. Knows nothing about Kafka.

mod image;
mod list;
mod openapi;
mod page;
mod range;
mod rendition;
mod stats;
mod stream;
mod views;

pub use axum::Router;
pub use openapi::openapi;

pub(crate) use views::{Views, ViewsParts};

/// Returns the sink's router.
pub(crate) fn router(views: Views) -> Router {
    let (api, _) = openapi::routes().split_for_parts();
    api.merge(page::routes()).with_state(views)
}
