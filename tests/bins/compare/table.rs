//! The table.

use std::borrow::Cow;
use std::fmt;

use crate::spread::Spread;

/// The unit of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    Seconds,
    Mebibytes,
    AMinute,
    Count,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: Cow<'static, str>,
    pub(crate) unit: Unit,
    pub(crate) ours: Option<f64>,
    pub(crate) client_go: Option<f64>,
    /// The target: the value of lease-runtime is at most this.
    pub(crate) target: Option<f64>,
}

impl Row {
    /// Whether lease-runtime misses the target.
    pub(crate) fn is_missed(&self) -> bool {
        matches!((self.ours, self.target), (Some(ours), Some(target)) if ours > target)
    }

    fn ratio(&self) -> String {
        match (self.ours, self.client_go) {
            (Some(ours), Some(client_go)) if ours > 0.0 && client_go > 0.0 && (ours + client_go).is_finite() => {
                match client_go / ours {
                    ratio if ratio >= 10.0 => format!("{ratio:.0}"),
                    ratio => format!("{ratio:.2}"),
                }
            }
            _ => "-".to_owned(),
        }
    }

    fn verdict(&self) -> &'static str {
        match (self.ours, self.target) {
            (Some(_), Some(_)) if self.is_missed() => "MISSED",
            (Some(_), Some(_)) => "met",
            _ => "",
        }
    }
}

/// A row with one value for each kind.
pub(crate) fn single<T>(
    what: impl Into<Cow<'static, str>>,
    unit: Unit,
    both: &[Option<T>; 2],
    value: impl Fn(&T) -> Option<f64>,
    target: Option<f64>,
) -> Row {
    let [ours, client_go] = both.each_ref().map(|of| of.as_ref().and_then(&value));
    Row { what: what.into(), unit, ours, client_go, target }
}

/// Mean and maximum of one quantity, as two rows.
pub(crate) fn pair<T>(
    [mean, max]: [&'static str; 2],
    unit: Unit,
    both: &[Option<T>; 2],
    spread: impl Fn(&T) -> &Spread,
    [mean_target, max_target]: [Option<f64>; 2],
) -> [Row; 2] {
    [
        single(mean, unit, both, |it| spread(it).mean(), mean_target),
        single(max, unit, both, |it| spread(it).max(), max_target),
    ]
}

/// Prints as an aligned table.
pub(crate) struct Table<'a>(pub(crate) &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
        let head = ("", "ours", "client-go", "ratio", "target", "");
        writeln!(f, "{:width$} {:>11} {:>11} {:>7} {:>12} {}", head.0, head.1, head.2, head.3, head.4, head.5)?;
        for row in self.0 {
            let value = |value: Option<f64>| match (value, row.unit) {
                (None, _) => "-".to_owned(),
                (Some(value), _) if value.is_infinite() => "never".to_owned(),
                (Some(value), Unit::Seconds) => format!("{value:.3} s"),
                (Some(value), Unit::Mebibytes) => format!("{value:.1} MiB"),
                (Some(value), Unit::AMinute) => format!("{value:.2} /min"),
                (Some(value), Unit::Count) => format!("{value:.0}"),
            };
            let target = row.target.map_or(String::new(), |target| format!("<= {}", value(Some(target))));
            let (ours, client_go) = (value(row.ours), value(row.client_go));
            let (ratio, verdict) = (row.ratio(), row.verdict());
            writeln!(f, "{:width$} {ours:>11} {client_go:>11} {ratio:>7} {target:>12} {verdict}", row.what)?;
        }
        Ok(())
    }
}
