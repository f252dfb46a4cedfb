//! What names, labels and timings must be: the text of each rule. [`names`](crate::names) and [`timing`](crate::timing)
//! find which rule is broken.

/// A rule for names and timings, and the remedy if it is broken.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident: $sentence:literal, $remedy:literal;)*) => {
        /// The text of a rule and of its remedy.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// The rule, as half a sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $(Rule::$rule => $sentence,)* }
            }

            /// The remedy.
            pub const fn remedy(self) -> &'static str {
                match self { $(Rule::$rule => $remedy,)* }
            }

            /// The rule and its remedy. Constants cannot format, so the actual numbers are not in the text. They are in
            /// the code at the caret.
            pub const fn message(self) -> &'static str {
                match self { $(Rule::$rule => concat!($sentence, ": ", $remedy),)* }
            }
        }
    };
}

rules! {
    /// A lease has a name.
    LeaseNameEmpty: "a lease must have a name", "name it after the work, as in \"ledger\"";
    /// A lease's name has at most 253 characters.
    LeaseNameLength: "a lease's name must have at most 253 characters", "shorten it";
    /// A lease's name is a DNS subdomain.
    LeaseNameForm:
        "a lease's name must consist of lower-case letters, digits, `-` and `.`, a letter or digit at both ends of each part",
        "write it as in \"ledger-sync\"";
    /// A namespace has a name.
    NamespaceEmpty: "a namespace must have a name", "leave it out to use the candidate's own";
    /// A namespace's name has at most 63 characters.
    NamespaceLength: "a namespace must have at most 63 characters", "check the name with `kubectl get namespaces`";
    /// A namespace's name is a DNS label.
    NamespaceForm:
        "a namespace must consist of lower-case letters, digits and `-`, a letter or digit at both ends",
        "check the name with `kubectl get namespaces`";
    /// A Service's name is a DNS label.
    ServiceName:
        "a Service's name must consist of 1 to 63 lower-case letters, digits and `-`, a letter or digit at both ends",
        "check the name with `kubectl get services`";
    /// A label with a lease's name in it has at most 63 characters after the domain.
    LeaderLabelLength:
        "the name of a lease with leader_label must have at most 63 characters, because it becomes part of a label",
        "shorten it, or use leader_service instead";
    /// A label's key is a name, with or without a domain before it.
    LabelKey:
        "a label's key must be a name of at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends, and may have a \
         domain and a `/` before it",
        "write it as in \"team\" or \"example.com/team\"";
    /// A label's value has at most 63 characters of a few kinds.
    LabelValue:
        "a label's value must consist of at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends",
        "shorten it, or put a longer text into an annotation of the pod";
    /// The lease duration is not zero.
    LeaseDurationZero: "lease_duration must be at least one second", "15s is usual";
    /// The lease duration is in whole seconds.
    LeaseDurationWhole: "lease_duration must be in whole seconds, as the Lease carries it", "round it up";
    /// The lease duration fits the Lease's field.
    LeaseDurationLength: "lease_duration must be at most 2147483647 seconds, as the Lease carries it", "15s is usual";
    /// The renew deadline is not zero.
    RenewDeadlineZero: "renew_deadline must not be zero", "two thirds of lease_duration is usual";
    /// A holder asks its bodies to end before it stops them.
    RenewDeadlineLength:
        "renew_deadline must be less than lease_duration / 1.25, the point at which the holder stops hard",
        "lower renew_deadline, or raise lease_duration";
    /// The retry period is not zero.
    RetryPeriodZero: "retry_period must not be zero", "2/15 of lease_duration is usual";
    /// A failed renewal is tried again before the renew deadline.
    RetryPeriodLength:
        "retry_period * 1.2 must be less than renew_deadline, or a failed renewal is not tried again in time",
        "lower retry_period, or raise renew_deadline";
    /// A takeover delay is no outage.
    TakeoverDelayLength: "takeover_delay must be at most an hour", "5s is usual, or leave it out";
}
