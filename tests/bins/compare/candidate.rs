//! The candidate of lease-runtime, with the flags and the events of the contender on client-go.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lease_runtime::{Candidate, Term, leader_only, shutdown_signal};
use lease_tests::log::Pen;
use tracing_subscriber::EnvFilter;

use crate::error::Result;

/// The work of the leader: the same loop as in the contender.
#[leader_only(lease = "compare", lease_duration = "15s", renew_deadline = "10s", retry_period = "2s")]
async fn lead(term: Term, pen: Arc<Pen>) {
    let body = Body::start(&pen, term.fencing_token().get());
    while !term.is_cancelled() {
        pen.write("beat", body.token, "");
        tokio::select! {
            biased;
            () = term.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
    }
}

/// The work of the leader of one lease of many. Without beats, which would be more work than all of the elections.
#[leader_only(lease = "compare", lease_duration = "15s", renew_deadline = "10s", retry_period = "2s")]
async fn lead_quietly(term: Term, pen: Arc<Pen>, lease: String) {
    let _body = Quiet::start(&pen, &lease, term.fencing_token().get());
    term.cancelled().await;
}

pub(crate) async fn run(arguments: impl Iterator<Item = String>) -> Result<ExitCode> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_env_filter(filter).init();

    let mut flags = Flags::parse(arguments)?;
    let identity = flags.take("identity")?;
    let pen = Arc::new(Pen::open(Path::new(&flags.take("events")?), &identity)?);
    let lease = flags.take("lease")?;
    let leases = flags.0.remove("leases").map(|leases| leases.parse::<usize>()).transpose()?;
    let candidate = Candidate::builder()
        .kubeconfig(flags.take("kubeconfig")?)
        .namespace(flags.take("namespace")?)
        .identity(identity)
        .build()
        .await?;
    flags.done()?;
    match leases {
        None => {
            candidate.add(lead(Arc::clone(&pen)).lease(lease));
        }
        Some(leases) => {
            for name in (0..leases).map(|number| format!("{lease}-{number}")) {
                candidate.add(lead_quietly(Arc::clone(&pen), name.clone()).lease(name));
            }
        }
    }
    pen.write("ready", 0, "");
    candidate.run_until(shutdown_signal()).await?;
    Ok(ExitCode::SUCCESS)
}

/// Logs the end of a body when it is dropped, for any reason.
struct Body<'a> {
    pen: &'a Pen,
    token: u64,
}

impl Body<'_> {
    fn start(pen: &Pen, token: u64) -> Body<'_> {
        pen.write("started", token, "");
        Body { pen, token }
    }
}

impl Drop for Body<'_> {
    fn drop(&mut self) {
        self.pen.write("stopped", self.token, "");
    }
}

/// Logs the end of a body of one of many leases.
struct Quiet<'a> {
    pen: &'a Pen,
    lease: &'a str,
    token: u64,
}

impl Quiet<'_> {
    fn start<'a>(pen: &'a Pen, lease: &'a str, token: u64) -> Quiet<'a> {
        pen.write_under(lease, "started", token, "");
        Quiet { pen, lease, token }
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        self.pen.write_under(self.lease, "stopped", self.token, "");
    }
}

/// `--flag=value`, each once.
struct Flags(BTreeMap<String, String>);

impl Flags {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Flags> {
        let mut flags = BTreeMap::new();
        for argument in arguments {
            let (name, value) = argument
                .strip_prefix("--")
                .and_then(|flag| flag.split_once('='))
                .ok_or_else(|| format!("`{argument}` is not of the form --flag=value"))?;
            flags.insert(name.to_owned(), value.to_owned());
        }
        Ok(Flags(flags))
    }

    fn take(&mut self, name: &str) -> Result<String> {
        Ok(self.0.remove(name).ok_or_else(|| format!("--{name}= is missing"))?)
    }

    fn done(self) -> Result<()> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("there is no flag --{name}").into()),
        }
    }
}
