//! A leader that dies again and again.

use super::*;

const MINUTES: Duration = Duration::from_secs(60);

/// What the file of an identity says about processes that followed each other.
fn written(scratch: &Scratch, number: u64) -> u8 {
    entry::Announcement::read(&fs::read(scratch.join(name(number))).unwrap()).unwrap().in_a_row
}

#[test]
fn the_fourth_in_a_row_waits() {
    let scratch = Scratch::new();
    let mut in_a_row = 0;
    for number in 1..=3 {
        let own = StateFiles::announce(&scratch, &identity(number)).unwrap();
        assert_eq!(written(&scratch, number), 0, "it has followed nobody yet");
        assert!(own.follows(in_a_row));
        in_a_row = written(&scratch, number);
        assert_eq!(u64::from(in_a_row), number);
    }
    let own = StateFiles::announce(&scratch, &identity(4)).unwrap();
    assert!(!own.follows(in_a_row) && !own.follows(9));
    // Its own successor may follow at once again: this process did not.
    assert_eq!(written(&scratch, 4), 0);
}

#[test]
fn who_takes_many_leases_of_one_process_follows_once() {
    let scratch = Scratch::new();
    let own = StateFiles::announce(&scratch, &identity(1)).unwrap();
    assert!((0..10).all(|_| own.follows(1)));
    assert!(own.follows(0));
    assert_eq!(written(&scratch, 1), 2);
}

#[test]
fn a_term_of_five_minutes_counts_from_zero_again() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    let (file, entry) = directory.write(&identity(1)).unwrap();
    let own = Announced::new(Box::leak(Box::new(file.try_clone().unwrap())), entry);
    assert!(own.follows(2));
    own.has_led_for(4 * MINUTES);
    assert_eq!(written(&scratch, 1), 3);
    own.has_led_for(5 * MINUTES);
    assert_eq!(written(&scratch, 1), 0);
    // What was written again is still the file of this process.
    assert_eq!(fs::read(scratch.join(name(1))).unwrap().iter().filter(|byte| **byte == b'\n').count(), 1);
}

#[test]
fn what_is_written_again_is_still_a_proof() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    {
        let (file, entry) = directory.write(&identity(1)).unwrap();
        // As `Announced` does, which keeps its file open.
        use std::os::unix::fs::FileExt;
        file.write_all_at(entry::Announcement { in_a_row: 2, ..entry }.to_line().as_bytes(), 0).unwrap();
    }
    assert!(matches!(directory.ask(&identity(1)), Answer::Dead { in_a_row: 2 }));
}

/// Some code of the process has closed a descriptor that is not its own, and opened something else under the same number.
#[test]
fn a_descriptor_that_is_another_file_now_is_noticed() {
    let scratch = Scratch::new();
    let own = StateFiles::announce(&scratch, &identity(1)).unwrap();
    assert!(own.is_held());
    let (file, entry) = scratch.directory().write(&identity(2)).unwrap();
    let other: &fs::File = Box::leak(Box::new(fs::File::create(scratch.join("other")).unwrap()));
    let replaced = Announced::new(other, entry);
    assert!(!replaced.is_held());
    // The other file is not written to.
    replaced.follows(0);
    assert_eq!(fs::read(scratch.join("other")).unwrap(), b"");
    drop(file);
    // That the file has lost its name does not matter: nobody can ask for it.
    fs::remove_file(scratch.join(name(1))).unwrap();
    assert!(own.is_held());
}
