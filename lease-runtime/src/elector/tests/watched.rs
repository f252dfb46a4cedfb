//! The election and the watchdog, when they disagree about a deadline.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::log::Lines;
use super::*;
use crate::embedded::Fault;

/// The election read the clock before the renew deadline and carried out a renewal after it. The bodies have been asked to end, so
/// the term must not continue.
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

/// The bodies may be gone before the election notices the deadline.
#[tokio::test(start_paused = true)]
async fn the_election_goes_on_after_bodies_that_the_watchdog_has_ended() {
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

/// A log may block, so an action must have taken effect before it is logged.
#[tokio::test(start_paused = true)]
async fn actions_come_before_their_log_lines() {
    let world = World::new();
    let a = Rc::new(RefCell::new(world.replica("a")));
    let led: Rc<RefCell<Option<Led>>> = Rc::default();
    let heard = Rc::new(Cell::new(0));
    let _capture = Lines::default().capture_and({
        let (a, led, heard) = (a.clone(), led.clone(), heard.clone());
        move |line| {
            if line.contains("acquired lease") {
                assert_eq!(a.borrow().election.terms.len(), 1, "logged before the term began");
                heard.set(heard.get() + 1);
            } else if line.contains("lost lease") {
                assert!(
                    led.borrow().as_ref().unwrap().term.is_cancelled(),
                    "logged before the bodies were asked to end"
                );
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
