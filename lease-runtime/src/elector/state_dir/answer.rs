//! What is known of another process.

use std::io;

/// What a look at the file of an identity says about its process.
#[derive(Debug)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "elsewhere nobody answers"))]
pub(crate) enum Answer {
    /// No instruction of the process will be executed any more. This never becomes false.
    Dead {
        /// How many processes followed each other by proof of death, up to this one.
        in_a_row: u8,
    },
    /// The process lives, or is not quite gone: it is worth to ask again.
    Alive,
    /// The directory will never say anything about this identity.
    Unknown,
    /// The system could not look. It may be able to later.
    Unclear(io::Error),
}
