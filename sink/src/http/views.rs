//! What the handlers stand on.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use axum::extract::rejection::PathRejection;
use depot::Depot;
use gate::{Problem, Seal, Verifier};
use time::Date;

use crate::config::SinkArgs;
use crate::facts::Facts;
use crate::stream::{Live, Recent};
use crate::table::Table;

/// When to come back to a read that could not be answered.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(2);

/// Everything a handler may use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Views(Arc<ViewsParts>);

/// The parts of [`Views`].
pub(crate) struct ViewsParts {
    pub(crate) verifier: Verifier,
    pub(crate) seal: Seal,
    pub(crate) table: Table,
    pub(crate) depot: Depot,
    pub(crate) facts: Facts,
    pub(crate) live: Live,
    pub(crate) recent: Arc<Recent>,
    pub(crate) args: SinkArgs,
}

impl From<ViewsParts> for Views {
    fn from(parts: ViewsParts) -> Views {
        Views(Arc::new(parts))
    }
}

impl std::ops::Deref for Views {
    type Target = ViewsParts;

    fn deref(&self) -> &ViewsParts {
        &self.0
    }
}

impl FromRef<Views> for Verifier {
    fn from_ref(views: &Views) -> Verifier {
        views.verifier.clone()
    }
}

impl ViewsParts {
    /// Returns the first day that a list may find anything on.
    pub(super) fn oldest_day(&self, today: Date) -> Date {
        today - time::Duration::days(i64::from(self.args.days_back()))
    }
}

/// Answers 404 for a path that is no text, `%ff` say: nothing has such a name.
pub(super) fn not_a_name(_: PathRejection) -> Problem {
    Problem::not_found()
}

/// Answers 503 for a store that is away, and logs why.
pub(super) fn unavailable(cause: impl Into<anyhow::Error>) -> Problem {
    tracing::warn!("answer 503: {:#}", cause.into());
    Problem::unavailable(UNAVAILABLE_RETRY)
}
