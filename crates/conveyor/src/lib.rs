//! Kafka: consume, handle, publish, commit; and tail.
