//! The rules that one action alone can break.

/// A rule that one action alone can break.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Broken {
    TokenDidNotGrow,
    ReleasedWithBodies,
    CompetedWithBodies,
    TwoTermsInOneProcess,
    /// A write that was to replace a Lease brought a deleted one back.
    Resurrected,
    /// A lower bound above all revisions there are.
    BoundTooHigh,
    /// Revisions seemed to go backwards, which they never do here.
    Disqualified,
}
