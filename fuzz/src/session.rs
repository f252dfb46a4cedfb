//! One run of a target: its corpus, its budget and its figures.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::script;

/// How many inputs a target makes if `FUZZ_SECONDS` is not set.
const INPUTS: u64 = 4_000;
/// The processor time that one input may take. All take milliseconds at most.
const LONGEST: Duration = Duration::from_secs(2);
/// How many bytes of the script an input is made of at most.
const SCRIPT: usize = 64;
/// How often an input that fails is made smaller.
const SHRINKS: usize = 60;

/// What is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The folder of its inputs in `fuzz/corpus`.
    pub name: &'static str,
    /// Words that mean something to the code, which are written into inputs.
    pub words: &'static [&'static str],
    /// Runs the code and checks what must hold. The result says what the input was taken for.
    pub check: fn(&[u8]) -> &'static str,
    /// The results that a run must see. Without them, the run says nothing about the code behind.
    pub reaches: &'static [&'static str],
}

/// Runs a target: first with each input of its corpus, then with inputs that are made from them, for `FUZZ_SECONDS`. Prints its
/// figures. `FUZZ_SEED` repeats a run.
///
/// # Panics
///
/// If there is no corpus, if a check fails, or if a result is missing that the target must reach. An input that fails is made
/// smaller and kept in `fuzz/failed`.
pub fn run(target: &Target) {
    #[cfg(fuzzing_libfuzzer)]
    if crate::guided::is_asked() {
        return crate::guided::run(target);
    }
    let mut run = Run::new(target);
    let corpus = corpus(target);
    for (path, input) in &corpus {
        if let Err(panic) = run.attempt(input) {
            eprintln!("the input {} of the corpus fails", path.display());
            resume_unwind(panic);
        }
    }
    let corpus: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    let (budget, seed) = (Budget::asked(), seed());
    let mut rng = fastrand::Rng::with_seed(seed);
    for number in 0_u64.. {
        if budget.is_used_up(number, run.begun) {
            break;
        }
        let mut bytes = [0; SCRIPT];
        rng.fill(&mut bytes);
        let input = script::input(&corpus, target.words, &bytes);
        if let Err(panic) = run.attempt(&input) {
            eprintln!("FUZZ_SEED={seed} leads to this");
            let smaller = run.shrink(input);
            keep(target, &smaller);
            resume_unwind(panic);
        }
    }
    run.report(&corpus, seed);
}

pub(crate) struct Run<'a> {
    target: &'a Target,
    results: BTreeMap<&'static str, u64>,
    begun: Instant,
}

impl Run<'_> {
    pub(crate) fn new(target: &Target) -> Run<'_> {
        Run { target, results: BTreeMap::new(), begun: now() }
    }

    pub(crate) fn attempt(&mut self, input: &[u8]) -> std::thread::Result<()> {
        let check = self.target.check;
        let result = catch_unwind(AssertUnwindSafe(|| {
            let before = processor_time();
            let result = check(input);
            let took = processor_time().saturating_sub(before);
            assert!(took <= LONGEST, "an input of {} bytes takes {took:?}", input.len());
            result
        }))?;
        *self.results.entry(result).or_default() += 1;
        Ok(())
    }

    /// Leaves out parts as long as it still fails.
    pub(crate) fn shrink(&mut self, mut input: Vec<u8>) -> Vec<u8> {
        let (mut part, mut at) = (input.len().div_ceil(2), 0);
        for _ in 0..SHRINKS {
            if at >= input.len() {
                (part, at) = (part.div_ceil(2), 0);
            }
            let mut smaller = input.clone();
            drop(smaller.drain(at..(at + part).min(input.len())));
            match self.attempt(&smaller) {
                Err(_) => input = smaller,
                Ok(()) => at += part,
            }
        }
        input
    }

    fn report(&self, corpus: &[Vec<u8>], seed: u64) {
        let seconds = now().duration_since(self.begun).as_secs_f64();
        let (inputs, size) = (self.results.values().sum::<u64>(), corpus.iter().map(Vec::len).sum::<usize>());
        println!(
            "fuzz {}: {inputs} inputs in {seconds:.1} s, {:.0} in a second; corpus {} files, {size} bytes; seed {seed}; {:?}",
            self.target.name,
            inputs as f64 / seconds,
            corpus.len(),
            self.results,
        );
        let missing: Vec<_> =
            self.target.reaches.iter().filter(|result| !self.results.contains_key(**result)).collect();
        assert!(missing.is_empty(), "no input of {} was {missing:?}", self.target.name);
    }
}

fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(root().join("corpus").join(target.name)).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "the target {} has no corpus", target.name);
    paths.into_iter().filter_map(|path| fs::read(&path).ok().map(|input| (path, input))).collect()
}

pub(crate) fn keep(target: &Target, input: &[u8]) {
    let path = root().join("failed").join(target.name);
    match fs::create_dir_all(root().join("failed")).and_then(|()| fs::write(&path, input)) {
        Ok(()) => eprintln!("the input is in {}: copy it to fuzz/corpus/{}", path.display(), target.name),
        Err(error) => eprintln!("the input cannot be kept ({error}): {input:?}"),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// How long a target runs, besides its corpus.
enum Budget {
    Time(Duration),
    Inputs(u64),
}

impl Budget {
    /// A number of inputs if `FUZZ_SECONDS` is not set: with the same seed, these are the same inputs on each machine.
    fn asked() -> Budget {
        match std::env::var("FUZZ_SECONDS") {
            Ok(seconds) => {
                let seconds = seconds.parse().expect("FUZZ_SECONDS must be a number of seconds");
                Budget::Time(Duration::from_secs_f64(seconds))
            }
            Err(_) => Budget::Inputs(INPUTS),
        }
    }

    fn is_used_up(&self, number: u64, begun: Instant) -> bool {
        match self {
            Budget::Time(time) => now().duration_since(begun) >= *time,
            Budget::Inputs(inputs) => number >= *inputs,
        }
    }
}

/// The same for all runs if it is not set, so that a test does not fail by chance.
fn seed() -> u64 {
    match std::env::var("FUZZ_SEED").as_deref() {
        Ok("random") => fastrand::u64(..),
        Ok(seed) => seed.parse().expect("FUZZ_SEED must be a number or `random`"),
        Err(_) => 1,
    }
}

#[allow(clippy::disallowed_methods, reason = "measures a run, and no code of an election depends on it")]
fn now() -> Instant {
    Instant::now()
}

/// The processor time of this thread. Other programs on the machine do not change it.
#[cfg(unix)]
#[allow(clippy::disallowed_methods, reason = "measures a run, and no code of an election depends on it")]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

#[cfg(not(unix))]
fn processor_time() -> Duration {
    Duration::ZERO
}
