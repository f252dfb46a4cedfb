//! Candidates with a state directory. In virtual time, and with files of processes that never were.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::*;
use crate::elector::ElectorError;
use crate::elector::tests::log::Lines;
use crate::spec::Overrides;
use lease_protocol::election::Taken;

/// So long that nobody in these tests waits until a lease has run out by accident.
const LONG: Duration = Duration::from_secs(600);
const DEAD: &str = "z_00000000000000aa";

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lease-runtime-deaths-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    fn file(&self, identity: &str) -> PathBuf {
        self.0.join(identity.rsplit('_').next().unwrap())
    }

    /// Leaves the file of a process that has announced this identity and is dead.
    fn leave(&self, identity: &str, in_a_row: u8) {
        let file = fs::File::create(self.file(identity)).unwrap();
        let metadata = file.metadata().unwrap();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let (boot, inode) = (boot.trim(), [metadata.dev(), metadata.ino()]);
        let entry = json!({ "v": 1, "identity": identity, "boot": boot, "inode": inode, "in_a_row": in_a_row });
        fs::write(self.file(identity), entry.to_string()).unwrap();
    }

    fn in_a_row(&self, candidate: &Candidate) -> u64 {
        let entry = fs::read(self.file(&candidate.inner.identity)).unwrap();
        serde_json::from_slice::<serde_json::Value>(&entry).unwrap()["in_a_row"].as_u64().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl World {
    async fn remembering(&self, name: &str, path: &Path) -> Candidate {
        let client = self.api.client_as(name, "default");
        let builder = Candidate::builder().identity(name).client(client).clock(self.clock.clone());
        builder.state_dir(path).build().await.unwrap()
    }

    fn held_by(&self, lease: &str, holder: &str) {
        let spec = json!({ "holderIdentity": holder, "leaseDurationSeconds": 600, "leaseTransitions": 3 });
        self.api.put_lease("default", lease, &json!({ "metadata": { "name": lease }, "spec": spec }));
    }
}

fn long(lease: LeaseSpec) -> LeaseSpec {
    lease.lease_duration(LONG)
}

fn taken(candidate: &Candidate, lease: &str) -> Option<Taken> {
    candidate.status(lease).unwrap().borrow().taken
}

#[tokio::test(start_paused = true)]
async fn the_leases_of_a_dead_process_are_taken_at_once() {
    let (world, scratch, lines) = (World::new(), Scratch::new(), Lines::default());
    let _captured = lines.capture();
    scratch.leave(DEAD, 0);
    world.held_by("ledger", DEAD);
    world.held_by("shard", DEAD);
    let candidate = world.remembering("a", &scratch.0).await;
    candidate.add(world.obedient("one", long(LEDGER)));
    candidate.add(world.obedient("two", long(SHARD)));
    let began = world.clock.now();
    let running = Running::start(&candidate);
    world.story.grown_to(2).await;
    assert!(world.clock.now().since(began) < LONG / 100);
    for lease in ["ledger", "shard"] {
        assert_eq!(taken(&candidate, lease), Some(Taken::ProvenDead));
        assert_eq!(world.holder(lease).as_deref(), Some("a"));
    }
    let proven = format!("{DEAD} is proven dead: its lock is free");
    assert_eq!(lines.matching(&["INFO", &proven, "lease=ledger"]), 1, "{:?}", lines.all());
    assert_eq!(lines.matching(&["INFO", "acquired lease, started leading", "taken=proven_dead"]), 2);
    // It has followed one process, however many leases that had.
    assert_eq!(scratch.in_a_row(&candidate), 1);
    seconds(301).await;
    assert_eq!(scratch.in_a_row(&candidate), 0, "it has led for five minutes");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_holder_of_whom_nothing_is_known_is_waited_for() {
    let (world, scratch) = (World::new(), Scratch::new());
    // A file of somebody else, and one that is no proof.
    scratch.leave(DEAD, 0);
    scratch.leave("y_00000000000000bb", 0);
    fs::write(scratch.file("y_00000000000000bb"), "{}").unwrap();
    world.held_by("ledger", "y_00000000000000bb");
    world.held_by("shard", "another program");
    let candidate = world.remembering("a", &scratch.0).await;
    candidate.add(world.obedient("one", long(LEDGER)));
    candidate.add(world.obedient("two", long(SHARD)));
    let running = Running::start(&candidate);
    seconds(599).await;
    assert_eq!(world.story.lines(), [""; 0]);
    seconds(2).await;
    assert_eq!(world.story.lines().len(), 2);
    assert_eq!([taken(&candidate, "ledger"), taken(&candidate, "shard")], [Some(Taken::RanOut); 2]);
    assert_eq!(scratch.in_a_row(&candidate), 0);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_three_in_a_row_the_next_one_waits() {
    let (world, scratch, lines) = (World::new(), Scratch::new(), Lines::default());
    let _captured = lines.capture();
    scratch.leave(DEAD, 3);
    world.held_by("ledger", DEAD);
    let candidate = world.remembering("a", &scratch.0).await;
    candidate.add(world.obedient("one", long(LEDGER)));
    let running = Running::start(&candidate);
    seconds(599).await;
    assert_eq!(world.story.lines(), [""; 0]);
    assert_eq!(
        lines.matching(&["WARN", DEAD, "this replica waits until the lease has run out"]),
        1,
        "{:?}",
        lines.all()
    );
    seconds(2).await;
    assert_eq!((world.story.lines().len(), taken(&candidate, "ledger")), (1, Some(Taken::RanOut)));
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_lives_is_waited_for_until_it_releases() {
    let (world, scratch) = (World::new(), Scratch::new());
    let first = world.remembering("a", &scratch.0).await;
    first.add(world.obedient("one", long(LEDGER)));
    let first_runs = Running::start(&first);
    world.story.grown_to(1).await;
    assert_eq!(taken(&first, "ledger"), Some(Taken::Created));
    let second = world.remembering("b", &scratch.0).await;
    second.add(world.obedient("two", long(LEDGER)));
    let second_runs = Running::start(&second);
    seconds(3600).await;
    assert_eq!(world.story.lines(), ["one began"]);
    first_runs.end().await.unwrap();
    assert_eq!(world.story.grown_to(3).await[1..], ["one ended, lease held", "two began"]);
    assert_eq!(taken(&second, "ledger"), Some(Taken::Released));
    second_runs.end().await.unwrap();
}

/// Otherwise a process that dies right after its first request leaves a holder of whom nothing is known.
#[tokio::test(start_paused = true)]
async fn the_lock_is_held_before_the_first_request() {
    let (world, scratch) = (World::new(), Scratch::new());
    let path = scratch.0.clone();
    let wrong: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = wrong.clone();
    world.api.inject_with(move |request| {
        let files: Vec<_> = fs::read_dir(&path).unwrap().map(|file| file.unwrap().path()).collect();
        let is_locked = |file: &PathBuf| {
            let refused = fs::File::open(file).unwrap().try_lock_shared();
            matches!(refused, Err(fs::TryLockError::WouldBlock))
        };
        if !matches!(&files[..], [file] if is_locked(file)) {
            note.lock().unwrap().push(format!("{request:?}: {files:?}"));
        }
        None
    });
    let candidate = world.remembering("a", &scratch.0).await;
    assert!(scratch.file(&candidate.inner.identity).exists());
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    running.end().await.unwrap();
    assert!(world.api.requests().total() > 2);
    assert_eq!(*wrong.lock().unwrap(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_cannot_be_used_is_warned_of_once_and_elections_go_on() {
    let (world, scratch, lines) = (World::new(), Scratch::new(), Lines::default());
    let _captured = lines.capture();
    scratch.leave(DEAD, 0);
    world.held_by("ledger", DEAD);
    let candidate = world.remembering("a", &scratch.0.join("missing")).await;
    candidate.add(world.obedient("one", long(LEDGER)));
    let running = Running::start(&candidate);
    seconds(602).await;
    assert_eq!((world.story.lines().len(), taken(&candidate, "ledger")), (1, Some(Taken::RanOut)));
    running.end().await.unwrap();
    let parts =
        ["the state directory cannot be used", "missing", "there is no such directory: mount an `emptyDir` there"];
    assert_eq!((lines.matching(&parts), lines.count("WARN")), (1, 1), "{:?}", lines.all());
}

#[tokio::test(start_paused = true)]
async fn the_deployment_names_the_directory_and_an_election_that_is_off_uses_none() {
    let (world, program, deployment) = (World::new(), Scratch::new(), Scratch::new());
    let overrides = Overrides::default().state_dir(&deployment.0);
    for overrides in [overrides.clone(), overrides.election(false)] {
        let builder = Candidate::builder().client(world.api.client("default")).clock(world.clock.clone());
        drop(builder.state_dir(&program.0).overrides(overrides).build().await.unwrap());
        let files = [&program, &deployment].map(|scratch| fs::read_dir(&scratch.0).unwrap().count());
        assert_eq!(files, [0, 1]);
    }
}

/// Some other code of the process has closed the file, so others may take the process for dead while it runs bodies.
#[tokio::test(start_paused = true)]
async fn a_process_that_loses_its_lock_gives_its_leases_up() {
    let (world, scratch, lines) = (World::new(), Scratch::new(), Lines::default());
    let _captured = lines.capture();
    let candidate = world.remembering("a", &scratch.0).await;
    candidate.add(world.stubborn("one", long(LEDGER)).grace(LONG));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    candidate.inner.elector.lose_lock();
    world.story.grown_to(2).await;
    assert_eq!(world.story.lines()[1], "one dropped, lease held");
    let Err(Error::Election { cause, .. }) = within(60, running.task).await.unwrap() else { panic!("it goes on") };
    assert!(matches!(*cause, ElectorError::LockLost), "{cause}");
    assert_eq!(lines.matching(&["ERROR", "was closed by other code of this process"]), 1, "{:?}", lines.all());
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
}

#[tokio::test(start_paused = true)]
async fn a_process_without_its_lock_takes_no_lease() {
    let (world, scratch) = (World::new(), Scratch::new());
    world.held_by("ledger", "another program");
    let candidate = world.remembering("a", &scratch.0).await;
    candidate.add(world.obedient("one", long(LEDGER)));
    let running = Running::start(&candidate);
    seconds(10).await;
    candidate.inner.elector.lose_lock();
    assert!(matches!(within(60, running.task).await.unwrap(), Err(Error::Election { .. })));
    assert_eq!(world.story.lines(), [""; 0]);
}
