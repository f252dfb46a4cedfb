//! Names in Kubernetes: of leases, namespaces, labels and tasks.

use crate::Rule;

/// The longest name of a Lease: the limit of any DNS subdomain.
const LONGEST_LEASE_NAME: usize = 253;
/// The longest DNS label, which is also the longest part of a Kubernetes label.
const LONGEST_LABEL: usize = 63;

/// The rule that a lease's name breaks. A lease's name is a DNS subdomain.
pub const fn broken_by_lease_name(lease: &str) -> Option<Rule> {
    if lease.is_empty() {
        Some(Rule::LeaseNameEmpty)
    } else if lease.len() > LONGEST_LEASE_NAME {
        Some(Rule::LeaseNameLength)
    } else if !is_dns(lease.as_bytes(), true) {
        Some(Rule::LeaseNameForm)
    } else {
        None
    }
}

/// The namespace and the lease, if a lease's name was written as both with a `/` between them, as status lookups accept it.
/// Without the namespace in a place of its own, the corrected name would be that of another lease.
pub fn namespace_and_lease(name: &str) -> Option<(&str, &str)> {
    let (namespace, lease) = name.split_once('/')?;
    (broken_by_namespace(namespace).is_none() && broken_by_lease_name(lease).is_none()).then_some((namespace, lease))
}

/// The rule that a namespace breaks. A namespace is a DNS label.
pub const fn broken_by_namespace(namespace: &str) -> Option<Rule> {
    if namespace.is_empty() {
        Some(Rule::NamespaceEmpty)
    } else if namespace.len() > LONGEST_LABEL {
        Some(Rule::NamespaceLength)
    } else if !is_dns(namespace.as_bytes(), false) {
        Some(Rule::NamespaceForm)
    } else {
        None
    }
}

/// The rule that the name of a Service breaks. It is a DNS label.
pub const fn broken_by_service(service: &str) -> Option<Rule> {
    if service.len() > LONGEST_LABEL || !is_dns(service.as_bytes(), false) { Some(Rule::ServiceName) } else { None }
}

/// The rule that a lease's name breaks as the name of a label. The characters of a valid name are valid there.
pub const fn broken_by_leader_label(lease: &str) -> Option<Rule> {
    if lease.len() > LONGEST_LABEL { Some(Rule::LeaderLabelLength) } else { None }
}

/// The rule that a label breaks.
pub fn broken_by_label(key: &str, value: &str) -> Option<Rule> {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    let domain_fits = domain.is_none_or(|domain| broken_by_lease_name(domain).is_none());
    if !domain_fits || !is_label_text(name) {
        Some(Rule::LabelKey)
    } else if !value.is_empty() && !is_label_text(value) {
        Some(Rule::LabelValue)
    } else {
        None
    }
}

/// The rule that a task's name breaks. The name becomes part of an annotation's name on the Lease, so it must be valid
/// there. The text continues "a task's name".
pub fn broken_by_task_name(name: &str) -> Option<&'static str> {
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    if name.is_empty() {
        Some("must not be empty")
    } else if name.len() > LONGEST_LABEL {
        Some("must have at most 63 characters")
    } else if !name.chars().all(|c| is_alphanumeric(c) || matches!(c, '-' | '_' | '.')) {
        Some("must consist of ASCII letters, digits, `-`, `_` and `.`")
    } else if !name.starts_with(is_alphanumeric) || !name.ends_with(is_alphanumeric) {
        Some("must start and end with a letter or digit")
    } else {
        None
    }
}

fn is_label_text(text: &str) -> bool {
    let is_edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= LONGEST_LABEL
        && is_edge(text.bytes().next())
        && is_edge(text.bytes().last())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Whether `name` is a DNS label of RFC 1123, or several of them between dots if `dots`.
const fn is_dns(name: &[u8], dots: bool) -> bool {
    // True where a label begins or ends: before the first byte, at each dot, and after the last byte.
    let mut at_edge = true;
    let mut after_dash = false;
    let mut i = 0;
    while i < name.len() {
        match name[i] {
            b'a'..=b'z' | b'0'..=b'9' => {
                at_edge = false;
                after_dash = false;
            }
            b'-' if !at_edge => after_dash = true,
            b'.' if dots && !at_edge && !after_dash => at_edge = true,
            _ => return false,
        }
        i += 1;
    }
    !at_edge && !after_dash
}

/// How a kind of name is called, and what it may consist of.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// What has such a name.
    of: &'static str,
    /// What it consists of, as half a sentence.
    form: &'static str,
    dots: bool,
    max_len: usize,
    broken: fn(&str) -> Option<Rule>,
    /// The remedy for an empty name.
    if_empty: &'static str,
}

impl Name {
    /// The name of a lease.
    pub const LEASE: Name = Name {
        of: "a lease's name",
        form: "lower-case letters, digits, `-` and `.`, a letter or digit at both ends of each part",
        dots: true,
        max_len: LONGEST_LEASE_NAME,
        broken: broken_by_lease_name,
        if_empty: "name it after the work, as in \"ledger\"",
    };

    /// A namespace.
    pub const NAMESPACE: Name = Name {
        of: "a namespace",
        form: "lower-case letters, digits and `-`, a letter or digit at both ends",
        dots: false,
        max_len: LONGEST_LABEL,
        broken: broken_by_namespace,
        if_empty: "leave it out for the candidate's own",
    };

    /// The name of a Service.
    pub const SERVICE: Name = Name {
        of: "a Service's name",
        form: "lower-case letters, digits and `-`, a letter or digit at both ends",
        dots: false,
        max_len: LONGEST_LABEL,
        broken: broken_by_service,
        if_empty: "name the Service whose traffic goes to the leader, as in \"orders\"",
    };

    /// Checks a name that is given in pieces. Whatever is inserted between them counts as valid.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write instead.
    pub fn check_pieces<'a>(self, pieces: impl IntoIterator<Item = &'a str>, text: &str) -> Result<(), String> {
        let Name { of, form, dots, max_len, broken, if_empty } = self;
        if text.is_empty() {
            return Err(format!("{of} must not be empty: {if_empty}"));
        }
        let name = pieces.into_iter().collect::<Vec<_>>().join("0");
        if broken(&name).is_none() {
            return Ok(());
        }
        let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_allowed = |c: char| is_alphanumeric(c) || c == '-' || (dots && c == '.');
        if dots && namespace_and_lease(&name).is_some() {
            let (namespace, lease) = text.split_once('/').unwrap_or_default();
            return Err(format!("{of} cannot contain `/`: write `lease = {lease:?}, namespace = {namespace:?}`"));
        }
        if let Some(wrong) = name.chars().find(|c| !is_allowed(*c)) {
            let instead = corrected(text, is_allowed);
            return Err(format!("{of} cannot contain `{wrong}`, but consists of {form}: write it as in {instead:?}"));
        }
        let ends_well = |part: &&str| part.starts_with(is_alphanumeric) && part.ends_with(is_alphanumeric);
        if let Some(part) = name.split('.').find(|part| !ends_well(part)) {
            let parts = if dots { " of each part" } else { "" };
            let place = match part {
                "" => "beside the `.`",
                _ if part.ends_with(is_alphanumeric) => "before the `-`",
                _ => "after the `-`",
            };
            return Err(format!("{of} has a letter or digit at both ends{parts}: put one, or an argument, {place}"));
        }
        Err(format!("{of} has at most {max_len} characters, and this one {}: shorten it", name.len()))
    }
}

/// Converts the text outside of braces into a valid form.
fn corrected(text: &str, is_allowed: impl Fn(char) -> bool) -> String {
    let mut depth = 0_usize;
    let correct = |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => {
                let lower = c.to_ascii_lowercase();
                return if is_allowed(lower) { lower } else { '-' };
            }
            _ => {}
        }
        c
    };
    text.chars().map(correct).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All names of up to four of these characters.
    fn names() -> impl Iterator<Item = String> {
        const CHARACTERS: [&str; 6] = ["a", "0", "-", ".", "A", "_"];
        (0..7_usize.pow(4)).map(|number| {
            let digits = (0..4).map(|place| number / 7_usize.pow(place) % 7);
            digits.filter_map(|digit| CHARACTERS.get(digit)).copied().collect()
        })
    }

    #[test]
    fn what_breaks_a_rule_is_explained() {
        let kinds = [Name::LEASE, Name::NAMESPACE, Name::SERVICE];
        for (kind, name) in names().flat_map(|name| kinds.map(|kind| (kind, name.clone()))) {
            match ((kind.broken)(&name), kind.check_pieces([name.as_str()], &name)) {
                (None, Ok(())) => {}
                (Some(_), Err(says)) => assert!(!says.contains("at most"), "{name:?}: {says}"),
                (rule, says) => panic!("{name:?} breaks {rule:?}, but the message is {says:?}"),
            }
        }
        let long = "a".repeat(254);
        assert!(Name::LEASE.check_pieces([long.as_str()], &long).unwrap_err().contains("at most 253"));
    }

    #[test]
    fn a_namespace_before_the_name_of_a_lease_goes_to_its_own_key() {
        let error = Name::LEASE.check_pieces(["finance/ledger"], "finance/ledger").unwrap_err();
        assert_eq!(error, "a lease's name cannot contain `/`: write `lease = \"ledger\", namespace = \"finance\"`");
        for other in ["a/b/c", "/ledger", "finance/", "finance.eu/ledger"] {
            assert!(!Name::LEASE.check_pieces([other], other).unwrap_err().contains("namespace ="), "{other:?}");
        }
    }

    #[test]
    fn a_name_of_a_task_ends_in_letters_or_digits() {
        for (name, rule) in [
            ("", Some("must not be empty")),
            ("Nightly_report.v2-a", None),
            ("a b", Some("must consist of ASCII letters, digits, `-`, `_` and `.`")),
            ("-a", Some("must start and end with a letter or digit")),
            ("a.", Some("must start and end with a letter or digit")),
        ] {
            assert_eq!(broken_by_task_name(name), rule, "{name:?}");
        }
        assert_eq!(broken_by_task_name(&"a".repeat(64)), Some("must have at most 63 characters"));
    }
}
