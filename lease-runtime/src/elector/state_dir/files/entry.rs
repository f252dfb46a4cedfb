//! What a file of the state directory says.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use serde_json::{Value, json};

/// The version of the format.
const VERSION: u64 = 1;

/// The content of a file: whose it is, and where it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Announcement {
    /// The whole identity, of which the name has only the end.
    pub(super) identity: String,
    /// The boot id of the machine. Locks do not outlive the machine, and a file does.
    pub(super) boot: String,
    /// The file itself. Nobody holds the lock of a copy.
    pub(super) file: FileId,
    /// How many processes of this directory followed each other by proof of death, this one included.
    pub(super) in_a_row: u8,
}

/// A file of this machine, as long as the machine runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> FileId {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl Announcement {
    /// The most that `in_a_row` counts. One digit: a file that is written again keeps its length.
    pub(super) const MOST_IN_A_ROW: u8 = 9;

    pub(super) fn to_line(&self) -> String {
        let Announcement { identity, boot, file, in_a_row } = self;
        let in_a_row = (*in_a_row).min(Announcement::MOST_IN_A_ROW);
        let inode = [file.device, file.inode];
        let entry = json!({ "v": VERSION, "identity": identity, "boot": boot, "inode": inode, "in_a_row": in_a_row });
        format!("{entry}\n")
    }

    /// `None` if a part is missing, or if another version wrote it.
    pub(super) fn read(line: &[u8]) -> Option<Announcement> {
        let entry: Value = serde_json::from_slice(line).ok()?;
        let text = |key: &str| entry[key].as_str().map(str::to_owned);
        let [device, inode] = entry["inode"].as_array()?.as_slice() else { return None };
        (entry["v"].as_u64() == Some(VERSION)).then_some(())?;
        Some(Announcement {
            identity: text("identity")?,
            boot: text("boot")?,
            file: FileId { device: device.as_u64()?, inode: inode.as_u64()? },
            in_a_row: u8::try_from(entry["in_a_row"].as_u64()?).ok()?,
        })
    }
}
