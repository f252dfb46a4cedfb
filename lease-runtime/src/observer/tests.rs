use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use super::*;
use crate::lease::LeaseId;

fn event(lag: u64) -> LeaseEvent {
    LeaseEvent::ElectorTurned { lag: Duration::from_secs(lag) }
}

#[test]
fn without_an_observer_no_event_is_made() {
    for port in [ObserverPort::default(), ObserverPort::here(Vec::new()), ObserverPort::thread(Vec::new()).unwrap()] {
        assert!(!port.is_wanted());
        port.tell(|| panic!("nobody observes"));
    }
}

#[test]
fn an_observer_that_blocks_delays_nobody_and_learns_how_much_it_missed() {
    let (release, blocked) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let (sender, events) = mpsc::channel();
    let blocked = Mutex::new(Some(blocked));
    let observer = move |event: &LeaseEvent| {
        if let Some(blocked) = blocked.lock().unwrap_or_else(PoisonError::into_inner).take() {
            begun.send(()).unwrap();
            let _ = blocked.recv();
        }
        sender.send(event.clone()).unwrap();
    };
    let port = ObserverPort::thread(vec![Arc::new(observer)]).unwrap();
    port.tell(|| event(0));
    has_begun.recv().unwrap();
    let room = ROOM as u64;
    for lag in 1..=room + 11 {
        port.tell(|| event(lag));
    }
    release.send(()).unwrap();
    for lag in 0..=room {
        assert_eq!(events.recv().unwrap(), event(lag));
    }
    port.tell(|| event(0));
    assert_eq!(events.recv().unwrap(), LeaseEvent::Dropped { events: 11 });
    assert_eq!(events.recv().unwrap(), event(0));
}

#[test]
fn a_panic_of_an_observer_ends_nothing() {
    let (sender, events) = mpsc::channel();
    let sound = move |event: &LeaseEvent| sender.send(event.clone()).unwrap();
    let panics = |_: &LeaseEvent| panic!("seeded");
    let port = ObserverPort::thread(vec![Arc::new(panics), Arc::new(sound)]).unwrap();
    port.tell(|| event(1));
    port.tell(|| LeaseEvent::Added { lease: LeaseId::new("default", "ledger") });
    assert_eq!(events.recv().unwrap(), event(1));
    assert_eq!(events.recv().unwrap(), LeaseEvent::Added { lease: LeaseId::new("default", "ledger") });
}
