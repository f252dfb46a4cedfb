//! The bodies of continuous tasks.

use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use lease_runtime::Term;
use tokio::time::{advance, sleep};

use super::Fair;
use super::work::Work;
use crate::engine::Here;
use crate::journal::{Event, LeaseName};

/// Works until the term ends, and misbehaves as the run says.
pub(super) async fn work(term: Term, here: Arc<Here>, work: Arc<Work>, fair: Fair) -> Result<(), &'static str> {
    while work.stubborn || !term.is_cancelled() {
        sleep(work.beat).await;
        if fair.is_fair() {
            continue;
        }
        if here.chance(work.failing) {
            return Err("by chance");
        }
        misbehave(&term, &here, &work).await;
    }
    // A body that returns would be done, and not run in the next term.
    term.cancelled().await;
    Ok(())
}

async fn misbehave(term: &Term, here: &Here, work: &Work) {
    if here.chance(work.panicking) {
        // Without the message on stderr.
        resume_unwind(Box::new("by chance"));
    }
    if here.chance(work.stepping_down) {
        term.step_down();
    }
    if here.chance(work.blocking) {
        let most = u64::try_from(work.longest_block.as_millis()).unwrap_or(u64::MAX);
        block(Duration::from_millis(here.random(1, most))).await;
    }
}

/// Blocks its thread inside one poll: time passes, and nothing else of the process runs.
async fn block(time: Duration) {
    std::future::poll_fn(|context| {
        // Its first poll moves the clock at once. It would then let other tasks run.
        let _ = pin!(advance(time)).poll(context);
        Poll::Ready(())
    })
    .await;
}

/// The first step of a sequence: done once in each term.
pub(super) async fn short() {
    sleep(Duration::from_millis(300)).await;
}

/// The lower layer of a stack. It takes some time to end.
pub(super) async fn layer(term: Term, here: Arc<Here>, lease: LeaseName) {
    term.cancelled().await;
    here.write(Event::Asked { who: here.who, lease, token: term.fencing_token().get() });
    sleep(Duration::from_millis(800)).await;
}
