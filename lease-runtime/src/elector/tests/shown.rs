//! Text of others in a Lease or an answer cannot forge log lines.

use super::log::Lines;
use super::*;
use crate::embedded::Fault;

/// No line begins with such text, and none is longer than a few texts of three hundred characters.
fn assert_tame(lines: &Lines) {
    for line in lines.all() {
        assert!(!line.contains(['\n', '\r', '\u{1b}', '\u{202e}']), "{line:?}");
        assert!(line.chars().count() < 1000, "{line}");
    }
}

const FORGED: &str = "b`\nERROR payments: ledger corrupted, page the CFO lease=\"ledger\"\u{1b}[31m\u{202e}\n`";

#[tokio::test(start_paused = true)]
async fn a_holder_cannot_forge_the_log() {
    for holder in [FORGED.to_owned(), "x".repeat(100_000)] {
        let lines = Lines::default();
        let _guard = lines.capture();
        let world = World::new();
        let (mut a, mut b) = (world.replica("a"), world.replica("b"));
        let led = tokio::select! { led = a.term() => led, led = b.term() => led };
        secs(5).await;
        world.api.edit_lease(NAMESPACE, LEASE, |lease| lease["spec"]["holderIdentity"] = holder.clone().into());
        led.term.cancelled().await;
        secs(5).await;
        assert!(lines.matching(&["the lease is held by `"]) > 0, "{lines:?}");
        assert!(lines.matching(&["new leader observed"]) > 0, "{lines:?}");
        assert_tame(&lines);
        // A program gets the unchanged value.
        assert_eq!(a.status().holder.as_deref(), Some(&*holder));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_cannot_forge_the_log() {
    let lines = Lines::default();
    let _guard = lines.capture();
    let world = World::new();
    let mut a = world.replica("a");
    let denied = format!("User \"eve{FORGED}\" cannot get{FORGED} resource \"leases\" {}", "again ".repeat(1000));
    for (code, message) in [(500, FORGED), (403, FORGED), (403, &denied), (401, FORGED), (429, FORGED)] {
        let fault = world.api.inject(RequestMatcher::any(), Fault::status(code).message(message));
        let status = a.status_until(|status| status.problem.is_some()).await;
        let problem = status.problem.unwrap();
        assert!(!problem.to_string().contains(['\r', '\u{1b}', '\u{202e}']), "{problem}");
        assert!(!format!("{problem:?}").contains("\nERROR"), "{problem:?}");
        fault.remove();
        a.status_until(|status| status.problem.is_none()).await;
    }
    for line in lines.all() {
        // The Role in a refusal has lines of its own, and quotes what it took from the server.
        assert!(!line.contains("\nERROR") && !line.contains(['\r', '\u{1b}', '\u{202e}']), "{line:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_record_of_an_unknown_task_cannot_forge_the_log() {
    let lines = Lines::default();
    let _guard = lines.capture();
    let log = super::super::log::ElectionLog::new(LeaseId::new(NAMESPACE, LEASE), "a".into());
    log.unknown_tasks(&[FORGED.to_owned(), "y".repeat(100_000)]);
    log.unknown_requests(&[FORGED.to_owned()], &[FORGED.to_owned(), "z".repeat(100_000)]);
    log.tick_trouble(FORGED);
    assert_eq!(lines.all().len(), 3);
    assert_tame(&lines);
}
