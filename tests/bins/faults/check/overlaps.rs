//! S1: no effect of a term once a later term has had one.

use std::time::Duration;

use lease_runtime::clock::Moment;

use super::effects::Effect;
use super::stops::Stop;

/// A process that was stopped between the comparison of the clock and the effect begins the effect when it is continued: at most
/// this much later, on a busy machine.
const CONTINUES: Duration = Duration::from_millis(100);

#[derive(Clone, Default, Debug)]
pub(super) struct Overlaps {
    pub(super) violations: Vec<String>,
    pub(super) explained: Vec<String>,
}

/// The effects that end after a later term has begun. A stop explains one of them: the one that it interrupts. The next poll
/// would have compared the clock.
pub(super) fn find(effects: &[Effect], stops: &[Stop]) -> Overlaps {
    let mut unused = stops.to_vec();
    let mut overlaps = Overlaps::default();
    let mut later: Option<(u64, Moment)> = None;
    for group in effects.chunk_by(|a, b| a.token == b.token).rev() {
        let first = group.iter().map(|effect| effect.enter).min().unwrap_or(Moment::FAR);
        if let Some((next, begun)) = later {
            for effect in group.iter().filter(|effect| effect.leave >= begun) {
                tell(effect, next, begun, &mut unused, &mut overlaps);
            }
        }
        if later.is_none_or(|(_, begun)| first < begun) {
            later = group.first().map(|effect| (effect.token, first));
        }
    }
    overlaps
}

fn tell(effect: &Effect, next: u64, begun: Moment, unused: &mut Vec<Stop>, overlaps: &mut Overlaps) {
    let stop = unused.iter().position(|stop| explains(stop, effect, begun)).map(|index| unused.swap_remove(index));
    let (from, to) = (ago(effect.enter, begun), ago(effect.leave, begun));
    let what = format!(
        "term {} (process {}) had an effect from {from} to {to}, where 0 is the first effect of term {next}",
        effect.token, effect.pid
    );
    match stop {
        Some(stop) => overlaps.explained.push(format!(
            "{what}; {} from {} to {}",
            stop.how,
            ago(stop.from, begun),
            ago(stop.to, begun)
        )),
        None => overlaps.violations.push(format!("two at once: {what}")),
    }
}

/// Whether the process was stopped inside this effect, or right before it, and the other term began during that stop or later.
fn explains(stop: &Stop, effect: &Effect, begun: Moment) -> bool {
    stop.pid == effect.pid && stop.from <= effect.leave && effect.enter <= stop.to + CONTINUES && stop.from <= begun
}

/// A time beside another one, in seconds.
fn ago(at: Moment, zero: Moment) -> String {
    if at == Moment::FAR {
        return "the end".to_owned();
    }
    let (sign, span) = if at < zero { ('-', zero.since(at)) } else { ('+', at.since(zero)) };
    format!("{sign}{:.4} s", span.as_secs_f64())
}
