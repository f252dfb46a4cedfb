//! The expansion of the attribute, written by hand.
//!
//! ```sh
//! cargo run --example by_hand
//! ```
//!
//! Two tasks do the same: `count` is annotated, and `count_by_hand` is the expansion of `#[leader_only(lease = "by-hand")]`. They
//! run one after the other against the Lease API in this process. Both print the same lines, with different fencing tokens.

use std::time::Duration;

use lease_runtime::embedded::EmbeddedApi;
use lease_runtime::{Candidate, LeaderTask, LeaseSpec, Term, leader_only};

/// Counts to `to` and returns.
#[leader_only(lease = "by-hand", lease_duration = "6s")]
async fn count(term: Term, to: u32) {
    for number in 1..=to {
        println!("  {number} under fencing token {}", term.fencing_token());
    }
}

/// The same without the attribute: the function is unchanged, inside a function that returns a task.
fn count_by_hand(to: u32) -> LeaderTask<()> {
    async fn count(term: Term, to: u32) {
        for number in 1..=to {
            println!("  {number} under fencing token {}", term.fencing_token());
        }
    }
    // A constant, so that the compiler refuses a wrong name or timing.
    const LEASE: LeaseSpec = LeaseSpec::new("by-hand").lease_duration(Duration::from_secs(6));
    // The closure is called at the start of each run, so each run gets a clone of the arguments.
    LeaderTask::new("count", LEASE, move |term| count(term, Clone::clone(&to)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = EmbeddedApi::new();
    for (name, task) in [("annotated", count(3)), ("by hand", count_by_hand(3))] {
        println!("{name}:");
        let candidate = Candidate::builder().client(api.client("default")).namespace("default").build().await?;
        candidate.add(task);
        // Returns when the task has ended. The lease has no other task, so it is released, and the next candidate acquires it.
        candidate.run().await?;
    }
    Ok(())
}
