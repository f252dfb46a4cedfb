//! Files that nobody needs any more.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

const HOUR: i64 = 3600;

fn now(scratch: &Scratch) -> i64 {
    fs::write(scratch.join("now"), "").unwrap();
    let now = fs::metadata(scratch.join("now")).unwrap().ctime();
    fs::remove_file(scratch.join("now")).unwrap();
    now
}

#[test]
fn a_file_stays_for_an_hour_after_its_process_was_found_dead() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    leave_a_dead_one(&directory, 1);
    let now = now(&scratch);
    // It was written long ago and nobody has looked since: its process may have led for days, and have died just now.
    for later in [100 * HOUR, HOUR, 0] {
        directory.tidy(now + later).unwrap();
        assert!(is_dead(&directory, 1), "{later}");
        fs::set_permissions(scratch.join(name(1)), fs::Permissions::from_mode(0o600)).unwrap();
    }
    directory.tidy(now).unwrap();
    directory.tidy(now + HOUR).unwrap();
    assert!(is_dead(&directory, 1));
    directory.tidy(now + HOUR + 2).unwrap();
    assert!(scratch.names().is_empty());
}

#[test]
fn a_living_process_keeps_its_file() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    let (_file, _) = directory.write(&identity(1)).unwrap();
    for _ in 0..3 {
        directory.tidy(now(&scratch) + 100 * HOUR).unwrap();
    }
    assert!(matches!(directory.ask(&identity(1)), Answer::Alive));
    assert_eq!(fs::metadata(scratch.join(name(1))).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_64_that_were_found_last_stay() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    for number in 0..tidy::MOST as u64 + 10 {
        leave_a_dead_one(&directory, number);
    }
    directory.tidy(now(&scratch)).unwrap();
    assert_eq!(scratch.names().len(), tidy::MOST);
    // The start of a process tidies up.
    leave_a_dead_one(&directory, 1000);
    drop(StateFiles::announce(&scratch, &identity(1001)).unwrap());
    assert_eq!(scratch.names().len(), tidy::MOST + 1);
}

#[test]
fn a_draft_is_left_alone_for_an_hour() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    let draft = scratch.join(format!(".{}.new", name(1)));
    let file = fs::File::create(&draft).unwrap();
    let now = now(&scratch);
    directory.tidy(now + HOUR).unwrap();
    assert!(draft.exists());
    file.try_lock().unwrap();
    directory.tidy(now + 2 * HOUR).unwrap();
    assert!(draft.exists(), "its process lives");
    drop(file);
    directory.tidy(now + 2 * HOUR).unwrap();
    assert!(!draft.exists());
}

#[test]
fn the_files_of_others_stay() {
    let scratch = Scratch::new();
    for other in ["notes.txt", ".hidden", "0000", "000000000000000G", ".000000000000000G.new", ".0000000000000001"] {
        fs::write(scratch.join(other), "").unwrap();
    }
    fs::create_dir(scratch.join(name(7))).unwrap();
    let names = scratch.names();
    for _ in 0..2 {
        scratch.directory().tidy(now(&scratch) + 100 * HOUR).unwrap();
    }
    assert_eq!(scratch.names(), names);
}
