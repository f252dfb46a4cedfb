//! Systems that have no state directory: they have no boot id that it could use, or other locks.

use std::path::Path;
use std::time::Duration;

use super::answer::Answer;
use super::unusable::Unusable;

/// What no process can have here.
pub(crate) enum NoStateFiles {}

impl NoStateFiles {
    pub(super) fn announce(_: &Path, _: &str) -> Result<NoStateFiles, Unusable> {
        Err(Unusable::System)
    }

    pub(super) fn ask(&self, _: &str) -> Answer {
        match *self {}
    }

    pub(super) fn follows(&self, _: u8) -> bool {
        match *self {}
    }

    pub(super) fn has_led_for(&self, _: Duration) {
        match *self {}
    }

    pub(super) fn is_held(&self) -> bool {
        match *self {}
    }
}
