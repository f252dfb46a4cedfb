//! Measures the memory of a lease: one process takes part in the elections of many leases and holds them all.
//!
//! `cargo run --release --bin memory -- [LEASES]`
//!
//! The API server is the one of `LEASE_TEST_KUBECONFIG` (`tests/kube-apiserver/run` sets it), otherwise an embedded one in
//! another process, without TLS. The result is resident memory, including the transport's buffers, which differ between the two
//! servers. Nothing is asserted, because the result depends on the allocator and on the machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lease_runtime::clock::{Clock, SystemClock};
use lease_runtime::embedded::EmbeddedApi;
use lease_runtime::{Candidate, LeaderTask, LeaseSpec, Term};

const SPEC: LeaseSpec = LeaseSpec::unnamed();

#[tokio::main]
async fn main() {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("serve") {
        return serve().await;
    }
    let leases = argument.map_or(1000, |leases| leases.parse().expect("usage: memory [LEASES]"));
    let server = std::env::var_os("LEASE_TEST_KUBECONFIG").is_none().then(Server::start);
    let kubeconfig = match &server {
        Some(server) => server.kubeconfig.clone(),
        None => std::env::var_os("LEASE_TEST_KUBECONFIG").map(PathBuf::from).unwrap_or_default(),
    };
    let candidate = Candidate::builder().kubeconfig(kubeconfig).identity("memory").build().await.expect("no candidate");
    let held = Arc::new(AtomicUsize::new(0));
    // Memory that does not depend on the number of leases.
    candidate.add(task(0, &held));
    let until = candidate.clone();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move { until.run_until(async { ended.await.unwrap_or_default() }).await });
    let before = settled(&held, 1).await;
    let began = SystemClock.now();
    for number in 1..=leases {
        candidate.add(task(number, &held));
    }
    let after = settled(&held, leases + 1).await;
    println!(
        "{leases} leases held after {:.1?}: {} KiB resident, {} KiB with one, {:.1} KiB a lease",
        SystemClock.now().since(began),
        after,
        before,
        (after as f64 - before as f64) / leases as f64
    );
    let _ = end.send(());
    running.await.expect("the candidate panicked").expect("the candidate failed");
}

fn task(number: usize, held: &Arc<AtomicUsize>) -> LeaderTask<()> {
    let held = held.clone();
    let body = move |term: Term| {
        held.fetch_add(1, Ordering::Relaxed);
        async move { term.cancelled().await }
    };
    LeaderTask::new("memory", SPEC, body).lease(format!("memory-{number}"))
}

/// Waits until this many leases are held and have been renewed several times. Returns the resident memory in KiB.
async fn settled(held: &AtomicUsize, wanted: usize) -> usize {
    let began = SystemClock.now();
    while held.load(Ordering::Relaxed) < wanted {
        assert!(
            SystemClock.now().since(began) < Duration::from_secs(120),
            "only {held:?} leases are held after two minutes"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    resident()
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("no /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("no VmRSS");
    line.trim().trim_end_matches("kB").trim().parse().expect("VmRSS is not a number")
}

/// An API server in another process, so that its memory is not counted.
struct Server {
    process: Child,
    kubeconfig: PathBuf,
}

impl Server {
    fn start() -> Server {
        let program = std::env::current_exe().expect("no program");
        let mut command = Command::new(program);
        let mut process = command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("no server");
        let mut line = String::new();
        let output = process.stdout.take().expect("no output");
        BufReader::new(output).read_line(&mut line).expect("no kubeconfig");
        Server { process, kubeconfig: line.trim().into() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server ends when its input ends.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

async fn serve() {
    let server = EmbeddedApi::new().serve(([127, 0, 0, 1], 0)).await.expect("no server");
    let file = std::env::temp_dir().join(format!("memory-{}", std::process::id()));
    std::fs::write(&file, server.kubeconfig()).expect("no file");
    println!("{}", file.display());
    std::io::stdout().flush().expect("no output");
    let waited = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    let _ = (waited, std::fs::remove_file(file));
    server.stop().await;
}
