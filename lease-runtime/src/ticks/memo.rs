//! Records that were read a moment ago.
//!
//! Between two writes the same text is read several times: to find out what to start, whether to write, and what. Reading
//! is most of what a simulation of months does.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::codec::Unreadable;
use super::record::TickRecord;

/// So many are remembered by each thread, at most 512 bytes of text and about as much again.
const REMEMBERED: usize = 32;

type Read = Result<TickRecord, Unreadable>;

thread_local! {
    static RECENT: RefCell<VecDeque<(String, Read)>> = const { RefCell::new(VecDeque::new()) };
}

/// As [`TickRecord::decode`], of which it is a function of the text alone.
pub(super) fn decode(text: &str) -> Read {
    RECENT.with_borrow_mut(|recent| {
        if let Some((_, read)) = recent.iter().rev().find(|(known, _)| known == text) {
            return read.clone();
        }
        let read = TickRecord::decode(text);
        if text.len() <= super::names::RECORD_BYTES {
            if recent.len() == REMEMBERED {
                recent.pop_front();
            }
            recent.push_back((text.to_owned(), read.clone()));
        }
        read
    })
}
