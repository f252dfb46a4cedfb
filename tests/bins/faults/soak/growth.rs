//! Whether a replica has grown: the medians of the second and of the last quarter of its samples, compared.

use super::sample::Sample;
use crate::figures::median;
use crate::role::Role;

/// A quantity, and how much more of it the last quarter may have.
struct Quantity {
    name: &'static str,
    of: fn(&Sample) -> u64,
    /// This many more, and this many hundredths of what there was.
    margin: (u64, u64),
}

const QUANTITIES: [Quantity; 4] = [
    // A closure of tokio's blocking threads may or may not be there when a quarter ends.
    Quantity { name: "threads", of: |sample| sample.threads, margin: (2, 0) },
    Quantity { name: "sockets", of: |sample| sample.sockets, margin: (1, 0) },
    Quantity { name: "files", of: |sample| sample.files, margin: (1, 0) },
    // The allocator returns memory late.
    Quantity { name: "KiB of memory", of: |sample| sample.memory, margin: (512, 5) },
];

/// A median of fewer counts of tasks may be one that was taken while a term began or ended.
const FEW: usize = 3;

/// What has grown.
pub(crate) fn growth(samples: &[Sample]) -> Vec<String> {
    let mut members: Vec<&str> = samples.iter().map(|sample| sample.member.as_str()).collect();
    members.sort_unstable();
    members.dedup();
    let mut grown = Vec::new();
    for member in &members {
        let own: Vec<&Sample> = samples.iter().filter(|sample| sample.member == *member).collect();
        grown.extend(QUANTITIES.iter().filter_map(|quantity| growth_of(quantity, member, &own)));
    }
    grown.extend(Role::ALL.into_iter().flat_map(|role| growth_of_tasks(role, &members, samples)));
    if samples.is_empty() {
        grown.push("nothing was checked: there are no samples".to_owned());
    }
    grown
}

fn growth_of(quantity: &Quantity, member: &str, samples: &[&Sample]) -> Option<String> {
    let middle = |number: usize| median(quarter(samples, number).iter().map(|sample| (quantity.of)(sample)).collect());
    let (Some(before), Some(after)) = (middle(1), middle(3)) else {
        return Some(format!("{member} was looked at {} times, which is too few", samples.len()));
    };
    let (more, hundredths) = quantity.margin;
    let most = before + more + before * hundredths / 100;
    let name = quantity.name;
    (after > most).then(|| {
        format!("{member} has grown: {before} {name} in the second quarter, {after} in the last, {most} allowed")
    })
}

/// The samples of one quarter, counted from 0. Those of all members are in the order of time.
fn quarter<T>(samples: &[T], number: usize) -> &[T] {
    let (from, to) = (samples.len() * number / 4, samples.len() * (number + 1) / 4);
    samples.get(from..to).unwrap_or_default()
}

/// In one role, all members have the same number of tasks, and not one more at the end. So each member is compared with the one that
/// had the fewest in this role before. It may not have had the role itself.
fn growth_of_tasks(role: Role, members: &[&str], samples: &[Sample]) -> Vec<String> {
    let middle = |number: usize, member: &str| -> Option<u64> {
        let own = quarter(samples, number).iter().filter(|sample| sample.member == member);
        let in_role = own.filter_map(|sample| sample.tasks).filter(|tasks| tasks.role == role);
        let counts: Vec<u64> = in_role.map(|tasks| tasks.count).collect();
        if counts.len() < FEW { None } else { median(counts) }
    };
    let before = members.iter().filter_map(|member| middle(1, member)).min();
    let after: Vec<(&str, u64)> = members.iter().filter_map(|member| Some((*member, middle(3, member)?))).collect();
    let Some(before) = before.filter(|_| !after.is_empty()) else {
        return if samples.is_empty() {
            vec![]
        } else {
            vec![format!("the tasks of a {role} were counted too few times")]
        };
    };
    let grown = after.into_iter().filter(|(_, after)| *after > before);
    let told = grown.map(|(member, after)| {
        format!("{member} has grown: a {role} had {before} tasks in the second quarter, and it has {after} in the last")
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::role::Tasks;

    /// Two members. Who leads changes every 50 samples.
    fn samples(memory: impl Fn(u64) -> u64, tasks: impl Fn(u64, Role) -> u64) -> Vec<Sample> {
        let sample = |index: u64, member: u64| {
            let role = if index / 50 % 2 == member { Role::Leader } else { Role::Follower };
            Sample {
                member: ["a", "b"][member as usize].to_owned(),
                at: Duration::from_secs(index),
                threads: 5,
                tasks: Some(Tasks { role, count: tasks(index, role) }),
                sockets: 2,
                files: 12,
                memory: memory(index),
            }
        };
        (0..400).flat_map(|index| [0, 1].map(|member| sample(index, member))).collect()
    }

    fn steady(_: u64, role: Role) -> u64 {
        if role == Role::Leader { 6 } else { 3 }
    }

    #[test]
    fn what_goes_up_and_down_has_not_grown() {
        assert_eq!(growth(&samples(|index| 20_000 + index % 7 * 1000, steady)), [""; 0]);
    }

    #[test]
    fn what_goes_up_has_grown() {
        let grown = growth(&samples(|index| 20_000 + index * 20, steady));
        let told = |member| {
            format!("{member} has grown: 23000 KiB of memory in the second quarter, 27000 in the last, 24662 allowed")
        };
        assert_eq!(grown, [told("a"), told("b")]);
    }

    #[test]
    fn a_start_that_takes_memory_is_not_growth() {
        assert_eq!(growth(&samples(|index| if index < 80 { 10_000 } else { 20_000 }, steady)), [""; 0]);
    }

    #[test]
    fn one_task_more_in_one_role_has_grown() {
        for role in Role::ALL {
            let one_more = |index, of| steady(index, of) + u64::from(of == role && index >= 250);
            let before = steady(0, role);
            let told = |member| {
                format!(
                    "{member} has grown: a {role} had {before} tasks in the second quarter, and it has {} in the last",
                    before + 1
                )
            };
            assert_eq!(growth(&samples(|_| 20_000, one_more)), [told("a"), told("b")]);
        }
    }

    #[test]
    fn a_member_that_leads_only_at_the_end_has_not_grown() {
        let mut samples = samples(|_| 20_000, steady);
        let role = |sample: &Sample| match (sample.member.as_str(), sample.at.as_secs() < 300) {
            ("a", true) | ("b", false) => Role::Leader,
            _ => Role::Follower,
        };
        for sample in &mut samples {
            let role = role(sample);
            sample.tasks = Some(Tasks { role, count: steady(0, role) });
        }
        assert_eq!(growth(&samples), [""; 0]);
    }

    #[test]
    fn tasks_that_were_not_counted_are_not_a_success() {
        let mut samples = samples(|_| 20_000, steady);
        samples.iter_mut().for_each(|sample| sample.tasks = None);
        assert_eq!(growth(&samples).len(), 2);
    }

    #[test]
    fn no_samples_are_not_a_success() {
        assert_eq!(growth(&[]).len(), 1);
    }
}
