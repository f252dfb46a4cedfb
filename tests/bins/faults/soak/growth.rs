//! Whether a replica has grown: the medians of the second and of the last quarter of its samples, compared.

use super::sample::Sample;
use crate::figures::median;

/// A quantity, and how much more of it the last quarter may have.
struct Quantity {
    name: &'static str,
    of: fn(&Sample) -> u64,
    /// This many more, and this many hundredths of what there was.
    margin: (u64, u64),
}

const QUANTITIES: [Quantity; 5] = [
    // A closure of tokio's blocking threads may or may not be there when a quarter ends.
    Quantity { name: "threads", of: |sample| sample.threads, margin: (2, 0) },
    // A leader has up to four more than a candidate that waits, and who leads differs from one quarter to the next.
    Quantity { name: "tasks", of: |sample| sample.tasks, margin: (4, 0) },
    Quantity { name: "sockets", of: |sample| sample.sockets, margin: (1, 0) },
    Quantity { name: "files", of: |sample| sample.files, margin: (1, 0) },
    // The allocator returns memory late.
    Quantity { name: "KiB of memory", of: |sample| sample.memory, margin: (512, 5) },
];

/// What has grown.
pub(crate) fn growth(samples: &[Sample]) -> Vec<String> {
    let mut members: Vec<&str> = samples.iter().map(|sample| sample.member.as_str()).collect();
    members.sort_unstable();
    members.dedup();
    let mut grown = Vec::new();
    for member in members {
        let own: Vec<&Sample> = samples.iter().filter(|sample| sample.member == member).collect();
        grown.extend(QUANTITIES.iter().filter_map(|quantity| growth_of(quantity, member, &own)));
    }
    if samples.is_empty() {
        grown.push("nothing was checked: there are no samples".to_owned());
    }
    grown
}

fn growth_of(quantity: &Quantity, member: &str, samples: &[&Sample]) -> Option<String> {
    let quarter = |number: usize| {
        let (from, to) = (samples.len() * number / 4, samples.len() * (number + 1) / 4);
        median(samples.get(from..to).unwrap_or_default().iter().map(|sample| (quantity.of)(sample)).collect())
    };
    let (Some(before), Some(after)) = (quarter(1), quarter(3)) else {
        return Some(format!("{member} was looked at {} times, which is too few", samples.len()));
    };
    let (more, hundredths) = quantity.margin;
    let most = before + more + before * hundredths / 100;
    let name = quantity.name;
    (after > most).then(|| {
        format!("{member} has grown: {before} {name} in the second quarter, {after} in the last, {most} allowed")
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn samples(memory: impl Fn(u64) -> u64) -> Vec<Sample> {
        let sample = |index: u64| Sample {
            member: "a".to_owned(),
            at: Duration::from_secs(index),
            threads: 5,
            tasks: 7,
            sockets: 2,
            files: 12,
            memory: memory(index),
        };
        (0..400).map(sample).collect()
    }

    #[test]
    fn what_goes_up_and_down_has_not_grown() {
        assert_eq!(growth(&samples(|index| 20_000 + index % 7 * 1000)), [""; 0]);
    }

    #[test]
    fn what_goes_up_has_grown() {
        let grown = growth(&samples(|index| 20_000 + index * 20));
        assert_eq!(grown, ["a has grown: 23000 KiB of memory in the second quarter, 27000 in the last, 24662 allowed"]);
    }

    #[test]
    fn a_start_that_takes_memory_is_not_growth() {
        assert_eq!(growth(&samples(|index| if index < 80 { 10_000 } else { 20_000 })), [""; 0]);
    }

    #[test]
    fn no_samples_are_not_a_success() {
        assert_eq!(growth(&[]).len(), 1);
    }
}
