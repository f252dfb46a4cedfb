//! Reconcile functions of a controller, which runs them in tasks of its own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Term;
use super::guard::{Ended, Guarded};
use super::polled::PolledBody;

/// Why a guarded reconcile has no result: the error type of [`Term::reconciler`].
///
/// Its text and its source are those of what it holds.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError<E> {
    /// The reconcile function failed with this error.
    #[error(transparent)]
    Failed(E),
    /// The term ended before the reconcile did, or the reconcile panicked.
    #[error(transparent)]
    Ended(Ended),
}

/// A guarded call of a reconcile function, made by the closure of [`Term::reconciler`].
#[must_use = "futures do nothing unless polled"]
pub struct Reconcile<T, E>(Guarded<dyn Future<Output = Result<T, E>> + Send>);

impl Term {
    /// Wraps a reconcile function so that each call of it ends with the term. The closure takes the same two arguments, so
    /// `Controller::run` of kube-runtime takes it.
    ///
    /// A controller spawns each reconcile as a task of its own. Without this, such a task is outside of the guard of the body. The
    /// lease can pass to another replica while it is still being polled. With it, each poll of a reconcile is compared with the
    /// deadline, and the lease is not released before all reconciles are gone. A reconcile that is inside a poll at the hard
    /// stop is an overrun, as a body would be: see [`OnOverrun`](crate::OnOverrun).
    ///
    /// The function is called in the first poll of its future. A panic does not end the controller: its error policy gets it as
    /// [`ReconcileError::Ended`].
    ///
    /// Also pass [`cancelled_owned`](Self::cancelled_owned) to `Controller::graceful_shutdown_on`. The controller then starts no
    /// reconciles while the term ends, and returns when those that it started are done.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use lease_runtime::{ReconcileError, Term};
    /// # struct Pod; struct Ctx; struct Action;
    /// # #[derive(Debug, thiserror::Error)] #[error("refused")] struct Refused;
    /// async fn reconcile(pod: Arc<Pod>, ctx: Arc<Ctx>) -> Result<Action, Refused> {
    ///     Ok(Action)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (term, control) = Term::for_test();
    /// let guarded = term.reconciler(reconcile);
    /// assert!(guarded(Arc::new(Pod), Arc::new(Ctx)).await.is_ok());
    /// control.expire();
    /// assert!(matches!(guarded(Arc::new(Pod), Arc::new(Ctx)).await, Err(ReconcileError::Ended(_))));
    /// # }
    /// ```
    pub fn reconciler<F, A, B, Fut, T, E>(
        &self,
        reconcile: F,
    ) -> impl Fn(A, B) -> Reconcile<T, E> + Clone + Send + Sync + 'static + use<F, A, B, Fut, T, E>
    where
        F: Fn(A, B) -> Fut + Send + Sync + 'static,
        A: Send + 'static,
        B: Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: 'static,
        E: 'static,
    {
        let (term, reconcile) = (self.clone(), Arc::new(reconcile));
        move |object, context| {
            let reconcile = Arc::clone(&reconcile);
            let call = async move { reconcile(object, context).await };
            Reconcile(Guarded::child(&term, Box::pin(PolledBody::child(&term).around(call))))
        }
    }
}

impl<T, E> Future for Reconcile<T, E> {
    type Output = Result<T, ReconcileError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Reconcile(guarded) = &mut *self;
        Pin::new(guarded).poll(cx).map(|ended| match ended {
            Ok(result) => result.map_err(ReconcileError::Failed),
            Err(ended) => Err(ReconcileError::Ended(ended)),
        })
    }
}

impl<T, E> fmt::Debug for Reconcile<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reconcile(guarded) = self;
        f.debug_tuple("Reconcile").field(guarded).finish()
    }
}

#[cfg(test)]
mod tests;
