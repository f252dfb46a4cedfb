//! The options of the command.

/// What to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Options {
    pub(crate) seeds: u64,
    pub(crate) from: u64,
    /// The length of a run in simulated time.
    pub(crate) seconds: u64,
    /// Run this seed alone, and print its trace.
    pub(crate) seed: Option<u64>,
    /// Simulate so many days with long timings instead.
    pub(crate) days: Option<u64>,
    /// Every kind of event must have occurred.
    pub(crate) complete: bool,
}

/// The command line is not valid.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum OptionError {
    /// This option is not known.
    #[error("unknown option {0:?}: use --seeds N, --from SEED, --seconds S, --large, --year or --days N")]
    Unknown(String),
    /// This option needs a number.
    #[error("{0} needs a number")]
    NoNumber(String),
    /// The runs would have no time for faults.
    #[error("--seconds must be at least {SHORTEST}: the last minutes of a run have no faults")]
    TooShort,
}

const SHORTEST: u64 = 400;
/// How many seeds are enough to see every kind of event.
const COMPLETE: u64 = 300;

impl Options {
    pub(crate) fn from_args(
        mut args: impl Iterator<Item = String>,
        seed: Option<String>,
    ) -> Result<Options, OptionError> {
        let mut options = Options { seeds: 2_000, from: 0, seconds: 600, seed: None, days: None, complete: false };
        if let Some(seed) = seed {
            options.seed = Some(seed.parse().map_err(|_| OptionError::NoNumber("SEED".to_owned()))?);
        }
        while let Some(arg) = args.next() {
            let mut number = || {
                let number = args.next().and_then(|number| number.parse().ok());
                number.ok_or_else(|| OptionError::NoNumber(arg.clone()))
            };
            match arg.as_str() {
                "--seeds" => options.seeds = number()?,
                "--from" => options.from = number()?,
                "--seconds" => options.seconds = number()?,
                "--year" => options.days = Some(365),
                "--days" => options.days = Some(number()?),
                "--large" => options.seeds = 200_000,
                _ => return Err(OptionError::Unknown(arg)),
            }
        }
        if options.seconds < SHORTEST {
            return Err(OptionError::TooShort);
        }
        options.complete = options.seeds >= COMPLETE && options.seconds >= 600;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options, OptionError> {
        Options::from_args(text.split_whitespace().map(str::to_owned), None)
    }

    #[test]
    fn options_are_read_in_any_order() {
        let options = read("--from 7 --seeds 3").expect("options");
        assert_eq!((options.from, options.seeds, options.seconds, options.complete), (7, 3, 600, false));
        assert!(read("").expect("options").complete);
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(read("--sedes 3"), Err(OptionError::Unknown("--sedes".to_owned())));
        assert_eq!(read("--seeds"), Err(OptionError::NoNumber("--seeds".to_owned())));
        assert_eq!(read("--seconds 10"), Err(OptionError::TooShort));
    }
}
