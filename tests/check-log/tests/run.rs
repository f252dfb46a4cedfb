//! A run of three replicas against the Lease API in this process, and its log.

use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use lease_runtime::embedded::{EmbeddedApi, Fault, RequestMatcher};
use lease_runtime::{Candidate, CatchUp, LeaderTask, LeaseSpec, Standing, Term};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The lines of the run.
pub(crate) fn lines() -> &'static [String] {
    static LINES: LazyLock<Vec<String>> = LazyLock::new(run);
    &LINES
}

const SPEC: LeaseSpec = LeaseSpec::new("ledger").lease_duration(Duration::from_secs(3));

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn run() -> Vec<String> {
    let written = Written::default();
    let writer = {
        let written = written.clone();
        move || written.clone()
    };
    let level = tracing_subscriber::EnvFilter::new("off,lease_runtime=trace");
    tracing_subscriber::fmt().json().with_env_filter(level).with_writer(writer).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(handovers());
    let bytes = written.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(bytes).expect("text").lines().map(str::to_owned).collect()
}

/// The first replica releases the lease, the second loses it, the third leads at the end.
async fn handovers() {
    let api = EmbeddedApi::new();
    let a = Replica::start(&api, "a").await;
    a.leads().await;
    let b = Replica::start(&api, "b").await;
    a.works().await;
    a.leave().await;
    b.leads().await;
    let c = Replica::start(&api, "c").await;
    b.works().await;
    api.inject(RequestMatcher::any().caller("b"), Fault::drop_connection());
    api.break_watches(|watch| watch.caller == "b");
    c.leads().await;
    c.works().await;
    c.leave().await;
    api.clear_faults();
    b.leave().await;
}

struct Replica {
    candidate: Candidate,
    leave: oneshot::Sender<()>,
    run: JoinHandle<Result<(), lease_runtime::Error>>,
}

impl Replica {
    async fn start(api: &EmbeddedApi, name: &str) -> Replica {
        let builder = Candidate::builder().identity(name).client(api.client_as(name, "default")).namespace("default");
        let candidate = builder.build().await.expect("a candidate");
        candidate.add(LeaderTask::new("sync", SPEC, |term: Term| async move { term.cancelled().await }));
        candidate.add(LeaderTask::scheduled("migrate", SPEC, |_, _| async {}).once());
        let every = Duration::from_secs(1);
        candidate.add(LeaderTask::scheduled("poll", SPEC, |_, _| async {}).every(every).catch_up(CatchUp::None));
        let (leave, left) = oneshot::channel();
        let run = tokio::spawn({
            let candidate = candidate.clone();
            async move {
                candidate
                    .run_until(async move {
                        let _ = left.await;
                    })
                    .await
            }
        });
        Replica { candidate, leave, run }
    }

    async fn leads(&self) {
        let mut status = self.candidate.status("ledger").expect("its lease");
        let leads = status.wait_for(|status| matches!(status.standing, Standing::Leader(_)));
        tokio::time::timeout(Duration::from_secs(30), leads).await.expect("a leader").expect("a status");
    }

    /// Long enough for renewals and for a tick.
    async fn works(&self) {
        tokio::time::sleep(Duration::from_millis(2200)).await;
    }

    async fn leave(self) {
        let _ = self.leave.send(());
        self.run.await.expect("does not panic").expect("leaves in order");
    }
}
