//! The attribute of `lease-runtime`.
