//! The words of reasons, for metrics.

use std::collections::BTreeSet;

use super::*;

#[test]
fn each_reason_has_a_word_of_its_own_without_the_holder() {
    let lost = [
        LossReason::NotRenewed,
        LossReason::TakenBy("somebody".to_owned()),
        LossReason::HolderCleared,
        LossReason::Overwritten,
        LossReason::Deleted,
        LossReason::WentBackwards,
    ];
    let given_up = [
        StopReason::Shutdown,
        StopReason::Finished,
        StopReason::SteppedDown,
        StopReason::StepDownRequested,
        StopReason::Withdrawn,
        StopReason::GroupFailed,
        StopReason::Replaced,
        StopReason::RuntimeGone,
    ];
    let reasons: Vec<StopReason> = lost.map(StopReason::from).into_iter().chain(given_up).collect();
    let words: BTreeSet<&str> = reasons.iter().map(StopReason::as_str).collect();
    assert_eq!(words.len(), reasons.len(), "{words:?}");
    assert!(words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_')), "{words:?}");
    assert!(!words.contains("somebody"));
}

/// `kubectl`, JSON and metrics have the same words.
#[cfg(feature = "serde")]
#[test]
fn the_words_are_those_of_serde() {
    for reason in [StopReason::Shutdown, StopReason::SteppedDown, StopReason::RuntimeGone] {
        assert_eq!(serde_json::to_value(&reason).unwrap(), reason.as_str());
    }
    let lost = StopReason::from(LossReason::HolderCleared);
    assert_eq!(serde_json::to_value(&lost).unwrap()["lost"], lost.as_str());
}

#[test]
fn a_replica_that_steps_down_leaves_the_lease_to_others() {
    assert!(StopReason::SteppedDown.is_step_down() && StopReason::StepDownRequested.is_step_down());
    for reason in [StopReason::Shutdown, StopReason::Withdrawn, StopReason::from(LossReason::NotRenewed)] {
        assert!(!reason.is_step_down(), "{reason}");
    }
}
