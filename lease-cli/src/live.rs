//! `list --watch`: the list again whenever a Lease changes.
//!
//! From the first renewal that this process sees on, it knows by its own clock how long ago that was, as a candidate does.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use kube::api::WatchEvent;
use lease_protocol::election::shown;
use lease_runtime::clock::{Clock, Moment, SystemClock};
use tokio::time::{sleep, timeout};

use crate::cluster::{Cluster, ListedLeases};
use crate::error::CliError;
use crate::lease::LeaseView;
use crate::list::{HEADER, row};
use crate::table::table;
use crate::timers::now;

/// After so long without an event, the connection may be dead, and the Leases are listed again.
const SILENCE: Duration = Duration::from_secs(30);
/// The pause after a connection that has broken.
const PAUSE: Duration = Duration::from_secs(1);
/// A terminal shows the ages of a quiet list anew this often.
const REDRAWN: Duration = Duration::from_secs(1);

type Name = (String, String);

/// Prints until the process is ended, or the output is closed.
pub(crate) async fn run(cluster: &Cluster, everywhere: bool) -> Result<(), CliError> {
    let mut view = LiveView {
        leases: BTreeMap::new(),
        listed: false,
        headed: false,
        broken: None,
        terminal: io::stdout().is_terminal(),
    };
    view.begin()?;
    loop {
        let ended = follow(cluster, everywhere, &mut view).await;
        match ended {
            Ok(()) => {}
            // A mistake of the user, which the first attempt shows.
            Err(error @ CliError::Request { .. }) if view.listed => view.broken(&error)?,
            Err(error) => return Err(error),
        }
        sleep(PAUSE).await;
    }
}

/// Lists the Leases and watches them, until the watch ends.
async fn follow(cluster: &Cluster, everywhere: bool, view: &mut LiveView) -> Result<(), CliError> {
    let ListedLeases { leases, version } = cluster.leases(everywhere).await?;
    let changed = view.replace(leases, SystemClock.now());
    view.show(&changed)?;
    let mut events = pin!(cluster.watch(everywhere, &version).await?);
    let mut heard = SystemClock.now();
    loop {
        let pause = if view.terminal { REDRAWN } else { SILENCE };
        let Ok(event) = timeout(pause, events.next()).await else {
            if SystemClock.now().since(heard) >= SILENCE {
                return Ok(());
            }
            view.show(&[])?;
            continue;
        };
        heard = SystemClock.now();
        match event {
            Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                let changed = view.take(LeaseView::read(&object), heard);
                view.show(&changed)?;
            }
            Some(Ok(WatchEvent::Deleted(object))) => view.delete(&LeaseView::read(&object))?,
            Some(Ok(WatchEvent::Bookmark(_))) => {}
            // It has ended, or it cannot be continued from here. The list shows what it has missed.
            Some(Ok(WatchEvent::Error(_)) | Err(_)) | None => return Ok(()),
        }
    }
}

/// The Leases as they were seen last.
struct LiveView {
    leases: BTreeMap<Name, SeenLease>,
    /// They were listed once.
    listed: bool,
    /// The header is printed.
    headed: bool,
    /// Why they cannot be read at the moment.
    broken: Option<String>,
    terminal: bool,
}

struct SeenLease {
    lease: LeaseView,
    /// When this process saw the last renewal happen.
    renewed: Option<Moment>,
}

impl LiveView {
    /// Takes a list, and returns the names of the Leases that differ.
    fn replace(&mut self, leases: Vec<LeaseView>, now: Moment) -> Vec<Name> {
        self.broken = None;
        let names: Vec<Name> = leases.iter().map(name).collect();
        self.leases.retain(|name, _| names.contains(name));
        let changed = leases.into_iter().flat_map(|lease| self.take(lease, now)).collect();
        self.listed = true;
        changed
    }

    /// Takes a state of a Lease, and returns its name if it differs.
    fn take(&mut self, lease: LeaseView, now: Moment) -> Vec<Name> {
        let name = name(&lease);
        let renewed = match self.leases.get(&name) {
            Some(before) if before.lease == lease => return Vec::new(),
            Some(before) if before.lease.renewal() == lease.renewal() => before.renewed,
            Some(_) => Some(now),
            // A Lease of the first list may have been renewed long ago.
            None => self.listed.then_some(now),
        };
        self.leases.insert(name.clone(), SeenLease { lease, renewed });
        vec![name]
    }

    fn delete(&mut self, lease: &LeaseView) -> Result<(), CliError> {
        let name = name(lease);
        if self.leases.remove(&name).is_some() && !self.terminal {
            let mut cells = HEADER.map(|_| "-".to_owned());
            (cells[0], cells[1], cells[2]) = (name.0, name.1, "deleted".to_owned());
            return print(&without_header(&table(HEADER, &[cells])));
        }
        self.show(&[])
    }

    fn begin(&self) -> Result<(), CliError> {
        if self.terminal { print("\u{1b}[2J") } else { Ok(()) }
    }

    /// Prints the whole table on a terminal, and the rows of these Leases elsewhere.
    fn show(&mut self, changed: &[Name]) -> Result<(), CliError> {
        let rows: Vec<_> = self.leases.values().map(|seen| seen.row(SystemClock.now())).collect();
        let text = table(HEADER, &rows);
        if self.terminal {
            return print(&redrawn(&text, self.broken.as_deref()));
        }
        if !std::mem::replace(&mut self.headed, true) {
            return print(&text);
        }
        let lines = text.lines().skip(1).zip(self.leases.keys());
        let lines = lines.filter(|(_, name)| changed.contains(name)).map(|(line, _)| format!("{line}\n"));
        print(&lines.collect::<String>())
    }

    /// The Leases cannot be read. Says so once.
    fn broken(&mut self, error: &CliError) -> Result<(), CliError> {
        let first = self.broken.is_none();
        self.broken = Some(error.to_string());
        if !self.terminal && first {
            eprintln!("warning: {error}; trying again");
        }
        if self.terminal { self.show(&[]) } else { Ok(()) }
    }
}

impl SeenLease {
    fn row(&self, at: Moment) -> [String; 10] {
        row(&self.lease, self.renewed.map(|renewed| at.since(renewed)), now())
    }
}

fn name(lease: &LeaseView) -> Name {
    (lease.namespace.clone(), lease.name.clone())
}

/// The text at the top of a terminal, in the place of what was there.
fn redrawn(text: &str, broken: Option<&str>) -> String {
    let broken = broken.map(|why| format!("not up to date: {}", shown(why)));
    let lines: String = text.lines().chain(broken.as_deref()).map(|line| format!("{line}\u{1b}[K\n")).collect();
    format!("\u{1b}[H{lines}\u{1b}[J")
}

fn without_header(text: &str) -> String {
    text.split_once('\n').map_or_else(String::new, |(_, rows)| rows.to_owned())
}

fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;
    use serde_json::json;

    use super::*;

    fn lease(name: &str, renewed: &str) -> LeaseView {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "namespace": "jobs", "name": name },
            "spec": { "holderIdentity": "a\u{1b}[2J", "leaseDurationSeconds": 15, "renewTime": renewed },
        }))
        .unwrap();
        LeaseView::read(&object)
    }

    fn view(terminal: bool) -> LiveView {
        LiveView { leases: BTreeMap::new(), listed: false, headed: false, broken: None, terminal }
    }

    #[test]
    fn a_renewal_counts_from_when_it_was_seen() {
        let (mut view, at) = (view(false), |seconds| Moment::ZERO + Duration::from_secs(seconds));
        let cells = |view: &LiveView, at| {
            let [.., renewed, left, _, _, _] = view.leases.values().next().unwrap().row(at);
            (renewed, left)
        };
        view.replace(vec![lease("billing", "2026-01-01T00:00:00Z")], at(10));
        assert!(cells(&view, at(11)).0.starts_with('~'), "it may be long ago");
        assert_eq!(view.take(lease("billing", "2026-01-01T00:00:00Z"), at(12)).len(), 0);
        assert_eq!(view.take(lease("billing", "1971-01-01T00:00:00Z"), at(13)).len(), 1);
        assert_eq!(cells(&view, at(17)), ("4s".to_owned(), "11s".to_owned()));
        assert_eq!(cells(&view, at(28)), ("15s".to_owned(), "expired".to_owned()));
        // Listed again after the connection has broken, it is not renewed by that.
        view.replace(vec![lease("billing", "1971-01-01T00:00:00Z"), lease("new", "2026-01-01T00:00:00Z")], at(20));
        assert_eq!(cells(&view, at(21)).0, "8s");
        view.replace(Vec::new(), at(30));
        assert!(view.leases.is_empty());
    }

    #[test]
    fn a_terminal_is_redrawn_and_others_control_nothing_in_it() {
        let rows = [HEADER.map(|_| "a\u{1b}[2J\n".to_owned())];
        let text = redrawn(&table(HEADER, &rows), Some("no answer\u{1b}[2J"));
        assert!(text.starts_with("\u{1b}[HNAMESPACE") && text.ends_with("\u{1b}[K\n\u{1b}[J"), "{text:?}");
        assert_eq!(text.matches('\u{1b}').count(), 5, "{text:?}");
        assert!(text.contains("not up to date: no answer\\u{1b}[2J"), "{text:?}");
    }
}
