//! The rules that a single action can break.

/// A rule that a single action can break.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Broken {
    TokenDidNotGrow,
    ReleasedWithBodies,
    CompetedWithBodies,
    TwoTermsInOneProcess,
    /// A write that was to replace a Lease created a deleted one again.
    Resurrected,
    /// A lower bound is above all revisions that exist.
    BoundTooHigh,
    /// Revisions seemed to go backwards, which they never do in this model.
    Disqualified,
}
