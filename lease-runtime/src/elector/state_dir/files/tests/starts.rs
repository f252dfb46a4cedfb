//! Many processes start while another asks after them all the time.

use std::sync::atomic::AtomicBool;
use std::thread;

use super::*;

/// How many starts, and where: 300 in the directory for temporary files. For more:
///
/// ```sh
/// STATE_DIR_STARTS=4000 STATE_DIR_PARENT=/dev/shm cargo test -p lease-runtime --lib -- a_process_that_starts
/// ```
fn size() -> (u64, PathBuf) {
    let starts = std::env::var("STATE_DIR_STARTS").map_or(300, |starts| starts.parse().expect("a number"));
    let parent = std::env::var_os("STATE_DIR_PARENT").map_or_else(std::env::temp_dir, PathBuf::from);
    (starts, parent)
}

/// Between its first system call and its name, the file of a process has no lock. An answer at that instant must not be that the
/// process is dead.
#[test]
fn a_process_that_starts_is_not_taken_for_dead() {
    let (starts, parent) = size();
    let scratch = Scratch::within(&parent);
    let directory = scratch.directory();
    let (begun, over) = (AtomicU64::new(0), AtomicBool::new(false));
    // The processes up to this one may be dead.
    let ended = AtomicU64::new(0);
    let [asked, alive, dead] = [const { AtomicU64::new(0) }; 3];
    let ask = || {
        while !over.load(Ordering::SeqCst) {
            let number = begun.load(Ordering::SeqCst);
            match directory.ask(&identity(number)) {
                Answer::Dead { .. } => {
                    assert!(ended.load(Ordering::SeqCst) >= number, "{number} lives, and was taken for dead");
                    dead.fetch_add(1, Ordering::SeqCst);
                }
                Answer::Alive => drop(alive.fetch_add(1, Ordering::SeqCst)),
                Answer::Unknown => {}
                Answer::Unclear(cause) => panic!("{cause}"),
            }
            asked.fetch_add(1, Ordering::SeqCst);
        }
    };
    thread::scope(|scope| {
        let asker = scope.spawn(ask);
        // An answer to a question of before must have come back, too.
        let is_asked = || {
            let before = asked.load(Ordering::SeqCst);
            while asked.load(Ordering::SeqCst) < before + 2 && !asker.is_finished() {
                thread::yield_now();
            }
        };
        for number in 1..=starts {
            begun.store(number, Ordering::SeqCst);
            let (file, _) = directory.write(&identity(number)).unwrap();
            is_asked();
            ended.store(number, Ordering::SeqCst);
            drop(file);
            is_asked();
            fs::remove_file(scratch.join(name(number))).unwrap();
        }
        over.store(true, Ordering::SeqCst);
    });
    let [asked, alive, dead] = [asked, alive, dead].map(AtomicU64::into_inner);
    println!("{starts} starts in {}: asked {asked} times, {alive} alive, {dead} dead", parent.display());
    assert!(alive >= starts && dead >= starts, "a start that nobody has seen");
}
