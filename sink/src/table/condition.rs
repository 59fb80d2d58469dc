//! The order of facts as the condition that DynamoDB checks at the moment of writing. A test holds it to the function.

use crate::order::Status;

/// Returns [`replaces`](crate::order::replaces) as a ConditionExpression over `#status` and `#attempt` with the values that
/// [`values_of`] names.
pub(super) fn condition_of(status: Status) -> &'static str {
    match status {
        Status::Processed => {
            "attribute_not_exists(pk) OR #status = :uploaded OR (#status = :failed AND #attempt <> :attempt) \
             OR (#status = :processed AND #attempt < :attempt)"
        }
        Status::Failed => {
            "attribute_not_exists(pk) OR (#status = :uploaded AND #attempt <= :attempt) \
             OR (#status = :failed AND #attempt < :attempt)"
        }
        Status::Uploaded => {
            "attribute_not_exists(pk) OR (#status IN (:uploaded, :failed) AND #attempt < :attempt)"
        }
    }
}

/// Returns the states that [`condition_of`] compares with; DynamoDB refuses values that no expression uses.
pub(super) fn values_of(status: Status) -> &'static [Status] {
    match status {
        Status::Processed => &[Status::Uploaded, Status::Failed, Status::Processed],
        Status::Failed | Status::Uploaded => &[Status::Uploaded, Status::Failed],
    }
}
