//! The words: messages, topics, codec, claim check, object keys.
