//! What the attribute expands to, written by hand.
//!
//! ```sh
//! cargo run --example by_hand
//! ```
//!
//! Two tasks do the same: `count` is annotated, `count_by_hand` is what `#[leader_only(lease = "by-hand")]` makes of it. They run one
//! after the other against the Lease API in this process, and print the same lines under another fencing token.

use std::time::Duration;

use lease_runtime::embedded::EmbeddedApi;
use lease_runtime::{Candidate, LeaderTask, LeaseSpec, Term, leader_only};

/// Counts to `to`, and then is done.
#[leader_only(lease = "by-hand", lease_duration = "6s")]
async fn count(term: Term, to: u32) {
    for number in 1..=to {
        println!("  {number} under fencing token {}", term.fencing_token());
    }
}

/// The same without the attribute: the function stays as it is, inside of one that returns a task.
fn count_by_hand(to: u32) -> LeaderTask<()> {
    async fn count(term: Term, to: u32) {
        for number in 1..=to {
            println!("  {number} under fencing token {}", term.fencing_token());
        }
    }
    // A constant, so that a wrong name or timing is an error of the compiler.
    const LEASE: LeaseSpec = LeaseSpec::new("by-hand").lease_duration(Duration::from_secs(6));
    // Called at the start of each term, hence the clone: each term begins with fresh arguments.
    LeaderTask::new("count", LEASE, move |term| count(term, Clone::clone(&to)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = EmbeddedApi::new();
    for (name, task) in [("annotated", count(3)), ("by hand", count_by_hand(3))] {
        println!("{name}:");
        let candidate = Candidate::builder().client(api.client("default")).namespace("default").build().await?;
        candidate.add(task);
        // Returns when the task is over, and with it the work for this lease: it is released for the next one.
        candidate.run().await?;
    }
    Ok(())
}
