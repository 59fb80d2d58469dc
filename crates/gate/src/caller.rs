//! Who is calling, and what the caller may do. Knows nothing about how that was found out.

use proto::CustomerId;
use serde::Deserialize;

use crate::problem::Problem;

/// A verified caller. As an extractor it answers 401, 429 or 503 by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// For whom the caller acts.
    pub customer: CustomerId,
    /// What the caller may do.
    pub role: Role,
}

/// What a caller may do. Each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Post and see the customer's own images.
    Customer,
    /// Ask questions in SQL as well.
    Analyst,
    /// Run the place.
    Operator,
}

impl Role {
    /// Returns the name used in tokens.
    pub fn name(self) -> &'static str {
        match self {
            Role::Customer => "customer",
            Role::Analyst => "analyst",
            Role::Operator => "operator",
        }
    }
}

impl Caller {
    /// Refuses with 403 unless the caller has `role` or a higher one.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role { Ok(()) } else { Err(Problem::forbidden()) }
    }
}
