//! What the run tells a candidate to do in its next effect: lines on standard input.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a body does between the comparison of the clock and its effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Its process stops, until somebody continues it.
    Stop,
    /// It blocks its thread.
    Block(Duration),
    /// It steps down.
    StepDown,
    /// The order before is not carried out any more.
    Nothing,
}

/// The latest order.
#[derive(Clone, Default)]
pub(crate) struct Orders(Arc<Mutex<Option<Order>>>);

impl Orders {
    pub(crate) fn from_stdin() -> Orders {
        let orders = Orders::default();
        let own = orders.clone();
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                own.set(line.parse().ok());
            }
        });
        orders
    }

    fn set(&self, order: Option<Order>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = order;
    }

    /// The order, once.
    pub(crate) fn take(&self) -> Option<Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Order::Stop => f.write_str("stop"),
            Order::Block(span) => write!(f, "block {}", span.as_millis()),
            Order::StepDown => f.write_str("step-down"),
            Order::Nothing => f.write_str("nothing"),
        }
    }
}

impl FromStr for Order {
    type Err = std::num::ParseIntError;

    fn from_str(line: &str) -> Result<Order, Self::Err> {
        Ok(match line.split_once(' ') {
            Some((_, millis)) => Order::Block(Duration::from_millis(millis.parse()?)),
            None if line == "stop" => Order::Stop,
            None if line == "step-down" => Order::StepDown,
            None => Order::Nothing,
        })
    }
}
