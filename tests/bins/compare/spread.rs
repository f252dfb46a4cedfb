//! Mean and extremes of measured values.

use std::time::Duration;

/// Some values of one quantity.
#[derive(Clone, Default, Debug)]
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    pub(crate) fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    pub(crate) fn max(&self) -> Option<f64> {
        self.0.iter().copied().reduce(f64::max)
    }

    pub(crate) fn min(&self) -> Option<f64> {
        self.0.iter().copied().reduce(f64::min)
    }
}

impl FromIterator<f64> for Spread {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Spread {
        Spread(values.into_iter().collect())
    }
}

impl FromIterator<Duration> for Spread {
    fn from_iter<I: IntoIterator<Item = Duration>>(values: I) -> Spread {
        values.into_iter().map(|value| value.as_secs_f64()).collect()
    }
}

/// `count` waits that cover `span` evenly, each at a random place in its share, in random order. If each wait were random in the
/// whole span, their mean would add more noise to a measured mean than everything else.
pub(crate) fn evenly(count: usize, span: Duration) -> Vec<Duration> {
    let mut waits: Vec<Duration> =
        (0..count).map(|i| span.mul_f64((i as f64 + fastrand::f64()) / count as f64)).collect();
    fastrand::shuffle(&mut waits);
    waits
}
