//! Systems that have no state directory: they have no boot id that it could use, or other locks.

use std::path::Path;
use std::time::Duration;

use super::answer::Answer;
use super::unusable::Unusable;

/// What no process can have here.
pub(crate) enum NoStateDir {}

impl NoStateDir {
    pub(crate) fn announce(_: &Path, _: &str) -> Result<NoStateDir, Unusable> {
        Err(Unusable::System)
    }

    pub(crate) fn ask(&self, _: &str) -> Answer {
        match *self {}
    }

    pub(crate) fn follows(&self, _: u8) -> bool {
        match *self {}
    }

    pub(crate) fn has_led_for(&self, _: Duration) {
        match *self {}
    }

    pub(crate) fn is_held(&self) -> bool {
        match *self {}
    }
}
