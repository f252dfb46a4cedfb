//! Directories that cannot be used. Each has one line that says why and what to do.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

fn refused(path: &Path) -> String {
    let refused = StateFiles::announce(path, &identity(1)).err().expect("it is refused");
    refused.to_string()
}

#[test]
fn what_is_no_directory_is_said_in_one_line() {
    let scratch = Scratch::new();
    assert_eq!(
        refused(&scratch.join("missing")),
        "there is no such directory: mount an `emptyDir` there, or create it"
    );
    assert_eq!(refused(Path::new("")), "there is no such directory: mount an `emptyDir` there, or create it");
    fs::write(scratch.join("file"), "").unwrap();
    assert_eq!(refused(&scratch.join("file")), "it is no directory: name the directory itself");
    assert!(refused(Path::new("/proc/self")).starts_with("its file system is procfs, whose locks do not prove"));
}

/// The user `root` may write everywhere.
#[test]
fn a_directory_without_permission_is_said_in_one_line() {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        return;
    }
    let scratch = Scratch::new();
    fs::set_permissions(&*scratch, fs::Permissions::from_mode(0o500)).unwrap();
    assert!(refused(&scratch).starts_with("this process may not create a file in it: let the user of the process"));
    fs::set_permissions(&*scratch, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn what_the_system_refuses_is_said_in_one_line() {
    let says = |kind: i32| Unusable::at("write a file", io::Error::from_raw_os_error(kind)).to_string();
    let [access, read_only, full, quota, input] = [
        rustix::io::Errno::ACCESS,
        rustix::io::Errno::ROFS,
        rustix::io::Errno::NOSPC,
        rustix::io::Errno::DQUOT,
        rustix::io::Errno::IO,
    ]
    .map(|errno| says(errno.raw_os_error()));
    assert!(access.starts_with("this process may not write a file in it: let"), "{access}");
    assert!(
        read_only.starts_with("it cannot be written, because its file system is mounted read-only: mount"),
        "{read_only}"
    );
    assert!(full.starts_with("there is no room in it for a file of 1 KiB: raise"), "{full}");
    assert_eq!(full, quota);
    assert!(input.starts_with("this process cannot write a file in it (Input/output error"), "{input}");
    assert!(![access, read_only, full, quota, input].iter().any(|line| line.contains('\n')));
}

#[test]
fn an_identity_without_a_nonce_has_no_file() {
    let scratch = Scratch::new();
    assert!(StateFiles::announce(&scratch, "orders-7d9f6b5c4-x2x8p").is_err());
    assert!(scratch.names().is_empty());
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    let scratch = Scratch::new();
    // Its name is taken by something that no file can replace.
    fs::create_dir(scratch.join(name(1))).unwrap();
    assert!(refused(&scratch).starts_with("this process cannot rename a file in it ("), "{}", refused(&scratch));
    assert_eq!(scratch.names(), [name(1)]);
    // Another process is about to take the same name: its draft is not touched.
    let draft = format!(".{}.new", name(2));
    fs::write(scratch.join(&draft), "").unwrap();
    assert!(StateFiles::announce(&scratch, &identity(2)).is_err());
    assert_eq!(scratch.names(), [draft, name(1)]);
}

/// Others must not read which leases this process took part in, and must not hold the lock.
#[test]
fn the_file_is_of_its_user_alone() {
    let scratch = Scratch::new();
    let (_file, _) = scratch.directory().write(&identity(1)).unwrap();
    assert_eq!(fs::metadata(scratch.join(name(1))).unwrap().permissions().mode() & 0o777, 0o600);
}
