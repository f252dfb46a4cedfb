//! Processes that are killed, stopped, and that leave children behind.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

/// Set in the processes that these tests start, and nowhere else: where they announce themselves.
const DIRECTORY: &str = "LEASE_RUNTIME_TEST_STATE_DIR";

/// A process of this test binary, which runs one ignored test.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(scratch: &Scratch, test: &str) -> Process {
        Process::of(Command::new(std::env::current_exe().unwrap()), scratch, test)
    }

    fn of(mut program: Command, scratch: &Scratch, test: &str) -> Process {
        let mut child = program
            .args(["--exact", &format!("elector::state_dir::files::tests::processes::{test}")])
            .args(["--ignored", "--nocapture"])
            .env(DIRECTORY, &scratch.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Process { child, lines }
    }

    /// Waits until it says this, and returns what follows on the line.
    fn says(&mut self, wanted: &str) -> String {
        for line in &mut self.lines {
            let line = line.unwrap();
            if let Some((_, rest)) = line.split_once(wanted) {
                return rest.trim().to_owned();
            }
        }
        panic!("it ended without saying {wanted:?}");
    }

    fn signal(&self, name: &str) {
        signal(&self.child.id().to_string(), name);
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(process: &str, name: &str) {
    assert!(Command::new("kill").args([name, process]).status().unwrap().success());
}

/// Waits until the process that started this one is gone.
fn wait_for_the_end() {
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn announces_itself() {
    let Some(path) = std::env::var_os(DIRECTORY) else { return };
    match StateFiles::announce(Path::new(&path), &identity(1)) {
        Ok(_state_dir) => println!("announced"),
        Err(unusable) => println!("unusable: {unusable}"),
    }
    wait_for_the_end();
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn announces_itself_with_a_child_and_threads() {
    let Some(path) = std::env::var_os(DIRECTORY) else { return };
    for _ in 0..8 {
        std::thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
    let _state_dir = StateFiles::announce(Path::new(&path), &identity(1)).unwrap();
    let mut child = Command::new("sleep").arg("600").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    println!("child {}", child.id());
    wait_for_the_end();
    // This process is killed before.
    let _ = child.kill().and_then(|()| child.wait());
}

#[test]
fn a_process_is_dead_when_it_is_killed_and_not_before() {
    let scratch = Scratch::new();
    let directory = scratch.directory();
    let mut process = Process::start(&scratch, "announces_itself");
    process.says("announced");
    assert!(matches!(directory.ask(&identity(1)), Answer::Alive));
    process.signal("-STOP");
    assert!(matches!(directory.ask(&identity(1)), Answer::Alive), "a process that is stopped may go on");
    process.kill();
    assert!(is_dead(&directory, 1));
}

#[test]
fn a_child_of_a_dead_process_does_not_keep_its_lock() {
    let scratch = Scratch::new();
    let mut process = Process::start(&scratch, "announces_itself_with_a_child_and_threads");
    let child = process.says("child ");
    process.kill();
    assert!(is_dead(&scratch.directory(), 1));
    // It was there all the time.
    signal(&child, "-KILL");
}

/// A limit stands in for a disk without room: the file can be created and not written.
#[test]
fn a_file_that_cannot_be_written_is_removed_again() {
    let scratch = Scratch::new();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    let mut process = Process::of(shell, &scratch, "announces_itself");
    let said = process.says("unusable: ");
    assert!(said.starts_with("this process cannot write a file in it (File too large"), "{said}");
    assert!(scratch.names().is_empty());
}
