//! What is a proof of death, and what is not.

use super::*;

#[test]
fn a_free_lock_of_the_same_file_is_a_proof() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    let (file, entry) = directory.write(&identity(1)).unwrap();
    assert_eq!(scratch.names(), [name(1)]);
    assert!(matches!(directory.ask(&identity(1)), Answer::Alive));
    assert_eq!(fs::read_to_string(scratch.join(name(1))).unwrap(), entry.to_line());
    drop(file);
    assert!(matches!(directory.ask(&identity(1)), Answer::Dead { in_a_row: 0 }));
    // Others may ask at the same instant.
    let other = fs::File::open(scratch.join(name(1))).unwrap();
    other.try_lock_shared().unwrap();
    assert!(is_dead(&directory, 1));
    assert!(is_unknown(&directory, 2), "no file");
}

#[test]
fn the_lock_is_that_of_the_process_and_not_of_a_candidate() {
    let scratch = Scratch::new();
    drop(StateFiles::announce(&scratch, &identity(1)).unwrap());
    assert!(matches!(scratch.directory().ask(&identity(1)), Answer::Alive));
}

#[test]
fn a_file_that_says_something_else_is_no_proof() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    let path = scratch.join(name(1));
    // Each change is made in the file itself, so that its inode stays.
    let changed_by = |change: &dyn Fn(&str) -> Vec<u8>| {
        leave_a_dead_one(&directory, 1);
        let content = change(&fs::read_to_string(&path).unwrap());
        fs::write(&path, &content).unwrap();
        assert!(is_unknown(&directory, 1), "{}", String::from_utf8_lossy(&content));
    };
    changed_by(&|_| b"".to_vec());
    changed_by(&|_| b"\0\xff{".to_vec());
    changed_by(&|_| b"[]".to_vec());
    changed_by(&|_| b"{}".to_vec());
    changed_by(&|line| line.as_bytes()[..line.len() / 2].to_vec());
    changed_by(&|line| format!("{line}{line}").into_bytes());
    let changed = |from: &str, to: &str| {
        changed_by(&|line| {
            assert!(line.contains(from), "{line}");
            line.replace(from, to).into_bytes()
        });
    };
    changed("\"v\":1", "\"v\":2");
    changed("\"in_a_row\":0", "\"in_a_row\":\"0\"");
    changed(&directory.boot, "ba102545-fdb0-4e7d-aba8-a0c178f39aa9");
    changed("orders-7d9f6b5c4", "orders-7d9f6b5c5");
    changed("\"identity\":\"orders-", "\"identity\":\"");
    changed("\"identity\":\"", "\"identity\":\"more-");
}

#[test]
fn a_file_at_another_place_is_no_proof() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    let path = scratch.join(name(1));
    // A copy, and a file that was put in the place of the right one.
    let copies = Scratch::new();
    leave_a_dead_one(&directory, 1);
    fs::copy(&path, copies.join(name(1))).unwrap();
    assert!(is_unknown(&copies.directory(), 1), "another inode");
    fs::rename(copies.join(name(1)), scratch.join("x")).unwrap();
    fs::rename(scratch.join("x"), &path).unwrap();
    assert!(is_unknown(&directory, 1), "another inode in its place");
    // A whole directory that is moved on its file system still has the same files.
    leave_a_dead_one(&directory, 2);
    let moved = scratch.join("moved");
    fs::create_dir(&moved).unwrap();
    fs::rename(scratch.join(name(2)), moved.join(name(2))).unwrap();
    assert!(is_dead(&Directory::open(&moved).unwrap(), 2));
}

#[test]
fn a_copy_of_a_living_directory_is_no_proof() {
    let scratch = Scratch::new();
    let (_file, _) = scratch.directory().write(&identity(1)).unwrap();
    let copies = Scratch::new();
    fs::copy(scratch.join(name(1)), copies.join(name(1))).unwrap();
    assert!(is_unknown(&copies.directory(), 1));
}

#[test]
fn something_other_than_a_file_is_no_proof() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    leave_a_dead_one(&directory, 1);
    fs::rename(scratch.join(name(1)), scratch.join("target")).unwrap();
    std::os::unix::fs::symlink(scratch.join("target"), scratch.join(name(1))).unwrap();
    assert!(is_unknown(&directory, 1), "a link");
    fs::create_dir(scratch.join(name(2))).unwrap();
    assert!(is_unknown(&directory, 2), "a directory");
    let pipe = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(&directory.fd, name(3), pipe, rustix::fs::Mode::RWXU, 0).unwrap();
    // Without waiting for somebody who writes into it.
    assert!(is_unknown(&directory, 3), "a pipe");
    let _socket = std::os::unix::net::UnixListener::bind(scratch.join(name(4))).unwrap();
    assert!(is_unknown(&directory, 4), "a socket");
}

#[test]
fn nothing_but_the_digits_at_the_end_becomes_a_path() {
    let scratch = Scratch::new();
    let inner = scratch.join("inner");
    fs::create_dir(&inner).unwrap();
    // What a wrong path would lead to.
    leave_a_dead_one(&scratch.directory(), 1);
    let directory = Directory::open(&inner).unwrap();
    let long = format!("a_{}", "0".repeat(5000));
    for holder in [
        "",
        "a",
        "a_",
        "_0000000000000001",
        "0000000000000001",
        "a_../0000000000000001",
        "a_000000000000001",
        "a_00000000000000001",
        "a_000000000000000A",
        "a_000000000000000g",
        "a_000000000000000\0",
        "a_00000000000000é",
        "a_0000000000000001\n",
        "../_0000000000000001/",
        &long,
    ] {
        assert_eq!(nonce::Nonce::of(holder), None, "{holder:?}");
        assert!(matches!(directory.ask(holder), Answer::Unknown), "{holder:?}");
    }
    for holder in ["../a_0000000000000001", "/_0000000000000001", "a\0_0000000000000001"] {
        assert_eq!(nonce::Nonce::of(holder).unwrap().name(), name(1));
        assert!(matches!(directory.ask(holder), Answer::Unknown), "{holder:?}");
    }
}
