//! Ingest's routes. Owns the one place in this station where requests and answers are known.

mod answer;
mod body;
mod form;
mod post_image;

use std::sync::Arc;

pub use axum::Router;
use axum::extract::FromRef;
use gate::{BodyLimits, Verifier};
use tokio_util::task::TaskTracker;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admission::Admission;
use crate::intake::Intake;

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) verifier: Verifier,
    pub(crate) admission: Arc<Admission>,
    pub(crate) intake: Arc<Intake>,
    /// Uploads run apart from their connections, so that what is stored is also published when the client is gone.
    pub(crate) uploads: TaskTracker,
    pub(crate) body: BodyLimits,
    pub(crate) file_bytes_max: u64,
}

impl FromRef<Desk> for Verifier {
    fn from_ref(desk: &Desk) -> Verifier {
        desk.verifier.clone()
    }
}

fn documented() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(post_image::post_image))
}

/// Returns the routes.
pub(crate) fn router(desk: Desk) -> Router {
    let (router, _) = documented().split_for_parts();
    // The handler counts the bytes itself and refuses with a problem.
    router.layer(axum::extract::DefaultBodyLimit::disable()).with_state(desk)
}

/// Returns the OpenAPI description of this station's routes, to be merged with the sink's.
pub fn openapi() -> utoipa::openapi::OpenApi {
    documented().into_openapi()
}
