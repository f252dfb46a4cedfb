//! Finds a body that waits for a task which cannot run before that body has ended.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::elector::LeaseStatus;
use crate::error::Error;
use crate::lease::LeaseId;
use crate::term::polled::PolledBody;
use lease_protocol::election::shown;
use lease_protocol::ticks::TaskTicks;

/// A task that can be awaited. Where it was added is known later.
#[derive(Default)]
pub(crate) struct AwaitedTask {
    put: OnceLock<TaskPlacement>,
    /// Cancelled when that is known. Any number of futures may wait for it.
    known: CancellationToken,
}

/// Where a task was added.
#[derive(Clone)]
pub(super) struct TaskPlacement {
    pub(super) lease: LeaseId,
    /// The identity of its candidate.
    pub(super) identity: Arc<str>,
    pub(super) task: Arc<str>,
    /// The names of its bodies.
    pub(super) bodies: Arc<[Arc<str>]>,
    pub(super) status: watch::Receiver<LeaseStatus>,
}

impl AwaitedTask {
    /// It was added where `other` was added.
    pub(crate) fn put_as(&self, other: &AwaitedTask) {
        other.put.get().cloned().into_iter().for_each(|put| self.put(put));
    }

    /// It was added here.
    pub(super) fn put(&self, put: TaskPlacement) {
        let _ = self.put.set(put);
        self.known.cancel();
    }
}

/// Checks whether the wait for a task can end. Belongs to one waiting future.
#[derive(Default)]
pub(crate) struct DeadlockCheck {
    /// Resolves when it is known where the task was added.
    known: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// Resolves when the candidate of the waiting body turns out to hold the lease.
    held_by_us: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
    said: bool,
}

impl DeadlockCheck {
    /// Returns the error if the body that is being polled waits for itself. Call it when the task is not over.
    ///
    /// A body waits for itself if it waits for its own task. It also does if it waits for a task of its own lease that belongs to
    /// another candidate, which cannot get the lease before the body has ended. Two leases of one name may belong to two clusters.
    /// So this is an error only when the other candidate has seen this one as the holder.
    pub(crate) fn check(
        &mut self,
        target: &Arc<AwaitedTask>,
        completed: &CancellationToken,
        cx: &mut Context<'_>,
    ) -> Option<Error> {
        let place = PolledBody::here()?;
        if target.put.get().is_none() {
            let known = self.known.get_or_insert_with(|| Box::pin(target.known.clone().cancelled_owned()));
            if known.as_mut().poll(cx).is_pending() {
                return None;
            }
        }
        self.known = None;
        let put = target.put.get()?;
        if put.lease != place.lease {
            return None;
        }
        let same_candidate = put.identity == place.identity;
        if let Some(warming) = &place.warming {
            let waits = warming.upgrade().filter(|_| same_candidate)?;
            place.wait_within(&waits, &put.task, completed);
            return None;
        }
        let itself = match same_candidate {
            // The other tasks of this candidate run beside this body.
            true => put.bodies.contains(&place.task),
            false => self.is_held_by(&place, put, cx),
        };
        itself.then(|| self.error(&place, put))
    }

    fn is_held_by(&mut self, place: &Arc<PolledBody>, put: &TaskPlacement, cx: &mut Context<'_>) -> bool {
        let held = self.held_by_us.get_or_insert_with(|| {
            let (mut status, identity, task) = (put.status.clone(), place.identity.clone(), put.task.clone());
            Box::pin(async move {
                let held = status.wait_for(|now| {
                    let done = now.ticks.get(&*task).is_some_and(TaskTicks::is_done);
                    now.holder.as_deref() == Some(&*identity) && !done
                });
                if held.await.is_err() {
                    std::future::pending::<()>().await;
                }
            })
        });
        let is_held = held.as_mut().poll(cx).is_ready();
        if is_held {
            self.held_by_us = None;
        }
        is_held
    }

    fn error(&mut self, place: &PolledBody, put: &TaskPlacement) -> Error {
        let (task, awaited) = (place.task.to_string(), put.task.to_string());
        let error = Error::WaitsForItself { task, awaited, lease: place.lease.clone() };
        if !std::mem::replace(&mut self.said, true) {
            tracing::error!(
                target: "lease_runtime",
                lease = %place.lease.name,
                namespace = %place.lease.namespace,
                identity = %shown(&place.identity),
                task = %place.task,
                awaited = %put.task,
                error = %error,
                "a body waits for a task that cannot run before the body has ended"
            );
        }
        error
    }
}

/// Resolves when a task is done.
pub(super) struct Completed {
    completed: Pin<Box<WaitForCancellationFutureOwned>>,
    token: CancellationToken,
    target: Arc<AwaitedTask>,
    wait: DeadlockCheck,
}

impl Completed {
    pub(super) fn of(token: &CancellationToken, target: &Arc<AwaitedTask>) -> Completed {
        Completed {
            completed: Box::pin(token.clone().cancelled_owned()),
            token: token.clone(),
            target: target.clone(),
            wait: DeadlockCheck::default(),
        }
    }
}

impl Future for Completed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.completed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        // This future returns no error. The error is logged, and the wait goes on.
        drop(this.wait.check(&this.target, &this.token, cx));
        Poll::Pending
    }
}
