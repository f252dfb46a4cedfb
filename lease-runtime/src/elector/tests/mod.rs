//! Elections against an API server in this process.
