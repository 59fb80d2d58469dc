//! The whole street: end-to-end stories, the fault proxy, the independent checker.
