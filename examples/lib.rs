//! The examples of lease-runtime: one story per file. See the README beside this file.
