//! The list of a customer's images, newest first, page by page. Owns the cursor: sealed, and of use to one customer only.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use gate::{Caller, Problem, ProblemBody, Seal};
use proto::{CustomerId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::views::{Views, unavailable};
use crate::image::Image;
use crate::order::Status;
use crate::table::{ListPage, Mark, Wanted};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// What to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only images of this status: `uploaded`, `processed` or `failed`.
    status: Option<String>,
    /// How many images, 1 to 200; 50 unless said.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of images, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImageList {
    images: Vec<Image>,
    /// Where the next page begins; null at the end. A page may be short, even empty, before the end.
    next_cursor: Option<String>,
}

/// Returns the images of the caller's customer, newest first.
#[utoipa::path(
    get,
    operation_id = "list_images",
    path = "/v1/images",
    tag = "images",
    params(ListQuery),
    responses(
        (status = 200, body = ImageList),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("bearer" = []))
)]
pub(super) async fn get(
    caller: Caller,
    State(views): State<Views>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<ImageList>, Problem> {
    let Query(query) = query.map_err(|error| Problem::malformed(error.body_text()))?;
    let now = UnixMillis::now();
    let mark = match &query.cursor {
        Some(cursor) => mark_of(&views.seal, &caller.customer, cursor)?,
        // Ids are minted by other machines: some may be a moment ahead of midnight here.
        None => Mark { day: now.date().next_day().unwrap_or(now.date()), after: None },
    };
    let wanted = Wanted {
        status: status_of(query.status.as_deref())?,
        limit: limit_of(query.limit)?,
        oldest: views.oldest_day(now.date()),
        customer: caller.customer,
        now,
    };
    let recent = views.recent.of(&wanted.customer);
    let ListPage { rows, next } = views.table.list(&wanted, mark, &recent).await.map_err(unavailable)?;
    let next_cursor = next.map(|mark| cursor_of(&views.seal, &wanted.customer, mark));
    Ok(Json(ImageList { images: rows.iter().map(Image::of_row).collect(), next_cursor }))
}

fn status_of(name: Option<&str>) -> Result<Option<Status>, Problem> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(None) };
    let status = Status::parse(name);
    status.map(Some).ok_or_else(|| Problem::malformed("`status` is one of `uploaded`, `processed`, `failed`"))
}

fn limit_of(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    match (1..=LIMIT_MAX).contains(&limit) {
        true => Ok(limit),
        false => Err(Problem::malformed(format!("`limit` is 1 to {LIMIT_MAX}"))),
    }
}

fn context(customer: &CustomerId) -> String {
    format!("list:{customer}")
}

fn cursor_of(seal: &Seal, customer: &CustomerId, mark: Mark) -> String {
    seal.seal(&context(customer), mark.to_string().as_bytes())
}

fn mark_of(seal: &Seal, customer: &CustomerId, cursor: &str) -> Result<Mark, Problem> {
    let opened = seal.open(&context(customer), cursor).and_then(|bytes| String::from_utf8(bytes).ok());
    let mark = opened.and_then(|text| text.parse().ok());
    mark.ok_or_else(|| Problem::malformed("`cursor` is not one of this list's"))
}
