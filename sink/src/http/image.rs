//! One image. Owns who may see it and the promise that nobody sees 404 between 202 and the row.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use depot::Bucket;
use gate::{Caller, Problem, ProblemBody};
use proto::{ImageId, ObjectKey, UnixMillis};

use super::views::{Views, not_a_name, unavailable};
use crate::image::Image;
use crate::original;
use crate::table::{Row, RowError};

/// Returns what is known about an image of the caller's customer.
#[utoipa::path(
    get,
    operation_id = "get_image",
    path = "/v1/images/{id}",
    tag = "images",
    params(("id" = String, Path, description = "The image's id")),
    responses(
        (status = 200, body = Image),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "Unknown, expired, or another customer's"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("bearer" = []))
)]
pub(super) async fn get(
    caller: Caller,
    State(views): State<Views>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Image>, Problem> {
    let Path(id) = id.map_err(not_a_name)?;
    let id: ImageId = id.parse().map_err(|_| Problem::not_found())?;
    match find(&views, &caller, id).await? {
        Some(row) => Ok(Json(Image::of_row(&row))),
        None => original_of(&views, &caller, id).await.map(Json),
    }
}

/// Returns the row, if there is one that the caller may see. Answers 404 for a row that the caller may not see.
pub(super) async fn find(views: &Views, caller: &Caller, id: ImageId) -> Result<Option<Row>, Problem> {
    let row = views.table.row(id).await.map_err(|error| refusal(caller, error))?;
    let Some(row) = row else { return Ok(None) };
    let source = &row.fact.source;
    if source.customer_id != caller.customer || source.is_expired(UnixMillis::now()) {
        return Err(Problem::not_found());
    }
    Ok(Some(row))
}

/// A row that cannot be read is our fault, and to anybody but its customer an unknown image like any other.
fn refusal(caller: &Caller, error: RowError) -> Problem {
    match error {
        RowError::Unavailable(cause) => unavailable(cause),
        RowError::Unreadable { ref customer, .. } if customer.as_ref() != Some(&caller.customer) => {
            tracing::error!("answer 404 to a stranger: {:#}", anyhow::Error::new(error));
            Problem::not_found()
        }
        RowError::Unreadable { .. } => {
            tracing::error!("answer 500: {:#}", anyhow::Error::new(error));
            Problem::internal()
        }
    }
}

/// Looks for the original itself: the fact is on its way, or the upload has not been completed.
async fn original_of(views: &Views, caller: &Caller, id: ImageId) -> Result<Image, Problem> {
    // The key is made of the caller's customer, so another customer's image is not found here either.
    let key = ObjectKey::original(&caller.customer, id);
    let stored = views.depot.head(Bucket::Originals, &key).await.map_err(unavailable)?;
    let stored = stored.ok_or_else(Problem::not_found)?;
    let is_alive = original::expires_at(&stored).is_some_and(|at| at > UnixMillis::now());
    let image = Image::of_original(&caller.customer, id, &stored).filter(|_| is_alive);
    let image = image.ok_or_else(Problem::not_found)?;
    match views.table.erased(&[id]).await.map_err(unavailable)?.contains(&id) {
        true => Err(Problem::not_found()),
        false => Ok(image),
    }
}
