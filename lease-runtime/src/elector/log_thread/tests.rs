use std::sync::mpsc;

use super::*;

fn log_thread() -> LogThread {
    let log_thread = LogThread::start().unwrap();
    log_thread.log_for_this_thread();
    log_thread
}

#[test]
fn lines_are_written_in_order_by_another_thread() {
    let log_thread = log_thread();
    let (sender, receiver) = mpsc::channel();
    for line in 0..1000 {
        let sender = sender.clone();
        say(Level::INFO, move || sender.send((line, std::thread::current().name().map(str::to_owned))).unwrap());
    }
    drop((sender, log_thread));
    let said: Vec<_> = receiver.iter().collect();
    assert!(said.iter().all(|(_, thread)| thread.as_deref() == Some("lease-log")));
    assert!(said.iter().map(|(line, _)| *line).eq(0..1000));
}

#[test]
fn a_line_that_blocks_delays_nothing_and_unimportant_lines_are_dropped_first() {
    let log_thread = log_thread();
    let (release, blocked) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    say(Level::ERROR, move || {
        begun.send(()).unwrap();
        let _ = blocked.recv();
    });
    has_begun.recv().unwrap();
    let (sender, receiver) = mpsc::channel();
    for level in [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR] {
        for _ in 0..ROOM {
            let sender = sender.clone();
            say(level, move || sender.send(level).unwrap());
        }
    }
    assert_eq!(log_thread.0.waiting().dropped, 4 * u64::try_from(ROOM).unwrap());
    drop((release, sender, log_thread));
    let said: Vec<_> = receiver.iter().collect();
    let count = |level| said.iter().filter(|said| **said == level).count();
    assert_eq!(
        [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR].map(count),
        [ROOM / 2, 0, ROOM / 4, ROOM / 4, 0]
    );
}

#[test]
fn a_line_that_panics_does_not_end_the_log() {
    let log_thread = log_thread();
    let (sender, receiver) = mpsc::channel();
    say(Level::WARN, || panic!("the subscriber fell over"));
    say(Level::WARN, move || sender.send(()).unwrap());
    receiver.recv().unwrap();
    drop(log_thread);
}

#[tokio::test]
async fn the_end_waits_for_earlier_lines_but_not_forever() {
    let log_thread = log_thread();
    let (release, blocked) = mpsc::channel::<()>();
    say(Level::INFO, move || assert!(blocked.recv().is_err()));
    let log_flush = log_thread.log_flush();
    // Returns although the line is stuck.
    log_flush.caught_up().await;
    assert_eq!(*log_thread.0.said.borrow(), 0);
    drop(release);
    let mut said = log_thread.0.said.subscribe();
    said.wait_for(|said| *said == 1).await.unwrap();
    log_flush.caught_up().await;
}

/// A thread without a log thread writes its lines itself.
#[test]
fn other_threads_write_their_lines_themselves() {
    let here = std::thread::current().id();
    let (sender, receiver) = mpsc::channel();
    say(Level::INFO, move || sender.send(std::thread::current().id()).unwrap());
    assert_eq!(receiver.try_recv().unwrap(), here);
}
