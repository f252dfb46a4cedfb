//! The election and the watchdog, where they do not come to the same.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::log::Lines;
use super::*;
use crate::embedded::Fault;

/// As when the election read the clock before the renew deadline and carried out a renewal after it: the bodies have been
/// asked to end, and the term must not go on without them.
#[tokio::test(start_paused = true)]
async fn a_term_that_the_watchdog_has_ended_is_over_for_the_election_too() {
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    secs(7).await;
    let term_state = led.term.state().clone();
    assert!(term_state.enforce(term_state.deadlines().cancel_at).notify);
    term_state.notify();
    assert!(led.term.is_cancelled() && a.status().standing == Standing::Leader(led.term.fencing_token()));
    let status = a.status_until(|status| status.standing == Standing::Draining).await;
    assert_eq!(status.last_stop, Some(StopReason::Lost(lease_protocol::election::LossReason::NotRenewed)));
    assert_eq!(world.holder().as_deref(), Some("a"), "bodies that use their grace need the lease");
    drop(led);
    // It takes part as before.
    let (led, took) = a.term_after().await;
    assert!(led.goes_on() && took <= Duration::from_secs(1), "{took:?}");
}

/// The bodies may be gone before the election has found out.
#[tokio::test(start_paused = true)]
async fn bodies_that_the_watchdog_has_ended_are_not_taken_for_lost() {
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    secs(7).await;
    let term_state = led.term.state().clone();
    term_state.enforce(term_state.deadlines().cancel_at);
    drop(led);
    let (led, _) = a.term_after().await;
    assert!(led.goes_on());
    assert_eq!(a.status().last_stop, Some(StopReason::Lost(lease_protocol::election::LossReason::NotRenewed)));
}

/// A log may block: what a line tells has taken effect when it is said.
#[tokio::test(start_paused = true)]
async fn deeds_come_before_words() {
    let world = World::new();
    let a = Rc::new(RefCell::new(world.replica("a")));
    let led: Rc<RefCell<Option<Led>>> = Rc::default();
    let heard = Rc::new(Cell::new(0));
    let _capture = Lines::default().capture_and({
        let (a, led, heard) = (a.clone(), led.clone(), heard.clone());
        move |line| {
            if line.contains("acquired lease") {
                assert_eq!(a.borrow().election.terms.len(), 1, "said before the term began");
                heard.set(heard.get() + 1);
            } else if line.contains("lost lease") {
                assert!(led.borrow().as_ref().unwrap().term.is_cancelled(), "said before the bodies were asked to end");
                heard.set(heard.get() + 1);
            }
        }
    });
    secs(1).await;
    let (term, alive) = a.borrow_mut().election.terms.try_recv().unwrap();
    led.replace(Some(Led { term, _alive: alive }));
    secs(7).await;
    world.api.inject(RequestMatcher::any(), Fault::hang());
    world.api.break_watches(|_| true);
    secs(12).await;
    assert_eq!(heard.get(), 2);
}
