//! Arbitrary text in the annotation of a task.
//!
//! ```sh
//! cargo +nightly fuzz run tick_record -- -max_total_time=60
//! ```
#![no_main]

use lease_runtime::TaskTicks;
use lease_protocol::ticks::TickRecord;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let annotations = [("tick.lease-runtime.dev/task".to_owned(), text.to_owned())].into();
    for ticks in TaskTicks::all(&annotations).values() {
        let _ = (ticks.state(), ticks.last(), ticks.running(), ticks.next(), ticks.counts(), ticks.trouble());
    }
    let Ok(record) = TickRecord::decode(text) else { return };
    let written = record.encode();
    assert!(written.len() < 512, "{written}");
    TickRecord::decode(&written).expect("an encoded record can be read");
});
