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
fn in_place_an_event_of_an_observer_comes_after_the_one_it_was_told() {
    let port = Arc::new(std::sync::OnceLock::<ObserverPort>::new());
    let (first, second) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (inner, to_first, to_second) = (port.clone(), first.clone(), second.clone());
    let telling = move |told: &LeaseEvent| {
        to_first.lock().unwrap().push(told.clone());
        if *told == event(1) {
            inner.get().unwrap().tell(|| event(3));
        }
    };
    let hearing = move |told: &LeaseEvent| to_second.lock().unwrap().push(told.clone());
    let port = port.get_or_init(|| ObserverPort::here(vec![Arc::new(telling), Arc::new(hearing)]));
    port.put(|| event(1));
    port.put(|| event(2));
    assert!(first.lock().unwrap().is_empty(), "nobody is told under a lock");
    port.deliver();
    for told in [first, second] {
        assert_eq!(*told.lock().unwrap(), [event(1), event(2), event(3)]);
    }
}

#[test]
fn in_place_a_panic_of_an_observer_does_not_stop_the_events() {
    let (sender, events) = mpsc::channel();
    let observer = move |told: &LeaseEvent| {
        sender.send(told.clone()).unwrap();
        assert_ne!(*told, event(1), "an observer panics");
    };
    let port = ObserverPort::here(vec![Arc::new(observer)]);
    port.tell(|| event(1));
    port.tell(|| event(2));
    assert_eq!(events.try_iter().collect::<Vec<_>>(), [event(1), event(2)]);
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

/// To wake the thread for each of them would cost more than all metrics.
/// The thread takes nothing until it is sent something, so nothing else would ever make room.
#[test]
fn renewals_that_use_up_all_room_are_sent_with_an_event_that_is_dropped() {
    let (batches, taken) = mpsc::channel();
    let waiting = Waiting { batches, count: Arc::default(), batch: Mutex::default() };
    for _ in 0..ROOM {
        waiting.put(LeaseEvent::RenewalEnded {
            lease: LeaseId::new("default", "ledger"),
            result: RenewalResult::Ok,
            duration: Duration::ZERO,
            margin: Duration::ZERO,
        });
    }
    assert!(taken.try_recv().is_err());
    waiting.put(event(1));
    assert_eq!(taken.try_recv().map(|batch| batch.len()), Ok(ROOM));
    waiting.put(event(2));
    assert!(taken.try_recv().is_err(), "an empty batch wakes nobody");
}

#[test]
fn renewals_that_succeed_come_with_the_next_event() {
    let (sender, events) = mpsc::channel();
    let observer = move |event: &LeaseEvent| sender.send(event.clone()).unwrap();
    let port = ObserverPort::thread(vec![Arc::new(observer)]).unwrap();
    let renewal = |result| LeaseEvent::RenewalEnded {
        lease: LeaseId::new("default", "ledger"),
        result,
        duration: Duration::from_millis(3),
        margin: Duration::from_secs(7),
    };
    let Some(Delivery::Thread(waiting)) = port.0.as_deref() else { panic!("it has a thread") };
    let waits = || waiting.batch().events.len();
    port.tell(|| renewal(RenewalResult::Ok));
    port.tell(|| renewal(RenewalResult::Ok));
    assert_eq!(waits(), 2);
    port.tell(|| event(1));
    assert_eq!(waits(), 0);
    // One that failed may be about to end a term.
    port.tell(|| renewal(RenewalResult::Timeout));
    assert_eq!(waits(), 0);
    port.tell(|| renewal(RenewalResult::Ok));
    drop(port);
    let [ok, failed] = [renewal(RenewalResult::Ok), renewal(RenewalResult::Timeout)];
    assert_eq!(events.iter().collect::<Vec<_>>(), [ok.clone(), ok.clone(), event(1), failed, ok]);
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
