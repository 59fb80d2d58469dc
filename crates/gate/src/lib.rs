//! Who may come in over HTTP: tokens, limits, problem+json, the accept loop.
