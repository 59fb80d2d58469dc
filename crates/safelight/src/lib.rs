//! The operator's command and the all-in-one local stack.
