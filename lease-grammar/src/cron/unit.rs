//! The units of the fields.

/// What a field counts.
pub(super) struct Unit {
    /// The unit with its article.
    pub(super) name: &'static str,
    pub(super) first: u8,
    pub(super) last: u8,
    /// The last value that `*` includes. 7 is another name for Sunday, so it is not included.
    pub(super) last_of_all: u8,
    /// The names of the values, from the first on.
    pub(super) names: &'static [&'static str],
    /// The unit of a duration that is as long as one value.
    pub(super) duration: Option<char>,
}

impl Unit {
    /// Whether this is the unit of the given field.
    pub(super) fn is(&self, field: usize) -> bool {
        self.name == UNITS[field].name
    }
}

pub(super) static UNITS: [Unit; 5] = [
    Unit { name: "a minute", first: 0, last: 59, last_of_all: 59, names: &[], duration: Some('m') },
    Unit { name: "an hour", first: 0, last: 23, last_of_all: 23, names: &[], duration: Some('h') },
    Unit { name: "a day of the month", first: 1, last: 31, last_of_all: 31, names: &[], duration: None },
    Unit {
        name: "a month",
        first: 1,
        last: 12,
        last_of_all: 12,
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        duration: None,
    },
    Unit {
        name: "a day of the week",
        first: 0,
        last: 7,
        last_of_all: 6,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        duration: None,
    },
];

pub(super) const DAY: usize = 2;
pub(super) const MONTH: usize = 3;
pub(super) const WEEKDAY: usize = 4;

pub(super) const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// How many days each month has, in a leap year.
pub(super) const LONGEST: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
