//! The statistics of the caller's customer; for analysts and operators, of all.

use axum::Json;
use axum::extract::State;
use gate::{Caller, Problem, ProblemBody, Role};

use super::views::{Views, unavailable};
use crate::facts::Stats;

/// Returns counts, bytes and latencies.
#[utoipa::path(
    get,
    operation_id = "get_stats",
    path = "/v1/stats",
    tag = "statistics",
    responses(
        (status = 200, body = Stats),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("bearer" = []))
)]
pub(super) async fn get(caller: Caller, State(views): State<Views>) -> Result<Json<Stats>, Problem> {
    let of = match caller.role {
        Role::Customer => Some(caller.customer),
        Role::Analyst | Role::Operator => None,
    };
    views.facts.stats(of).await.map(Json).map_err(unavailable)
}
