//! Checks the log of replicas: `lease-check-log [--tolerance DURATION] FILE...`. `-` is standard input.
//!
//! Prints each violation with its file and line, and what was checked. The exit code is 1 if there is a violation or if the log has no
//! term, and 2 if a file cannot be read.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use lease_check_log::{Check, Settings};

const USAGE: &str = "\
usage: lease-check-log [--tolerance DURATION] FILE...

Checks the log of replicas against the rules of the election and of the ticks.
Each FILE has a JSON object of tracing-subscriber in each line. `-` is standard
input. The lines of one replica must be in order, from the start of its process.
At level `lease_runtime=trace` the log also shows renewals and answers, and the
check is stricter.

    --tolerance DURATION   by how much the calendars of two replicas may differ,
                           and a line may be late (default: 100ms)
";

/// How many violations are printed.
const PRINTED: usize = 100;

fn main() -> ExitCode {
    let (settings, files) = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            eprint!("{}{USAGE}", wrong.map_or(String::new(), |wrong| format!("error: {wrong}\n\n")));
            return ExitCode::from(2);
        }
    };
    match run(settings, &files) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// The settings and the files, or what is wrong. Nothing is wrong if help is wanted.
fn arguments(arguments: impl IntoIterator<Item = String>) -> Result<(Settings, Vec<PathBuf>), Option<String>> {
    let (mut settings, mut files) = (Settings::default(), Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--help" | "-h" => return Err(None),
            "--tolerance" => settings.tolerance = duration(&arguments.next().unwrap_or_default()).map_err(Some)?,
            option if option.starts_with("--") => return Err(Some(format!("no such option: {option}"))),
            file => files.push(PathBuf::from(file)),
        }
    }
    if files.is_empty() { Err(Some("no file is named".to_owned())) } else { Ok((settings, files)) }
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = lease_grammar::duration::parse(text);
    duration.map(Duration::from).map_err(|wrong| format!("--tolerance {text:?}: {}, as in `250ms`", wrong.what))
}

fn run(settings: Settings, files: &[PathBuf]) -> Result<bool, lease_check_log::Error> {
    let mut check = Check::default();
    for file in files {
        if file == Path::new("-") {
            let cause = |cause| lease_check_log::Error { path: "standard input".into(), cause };
            check.stream("-", io::stdin().lock()).map_err(cause)?;
        } else {
            check.file(file)?;
        }
    }
    let report = check.finish(settings);
    report.violations.iter().take(PRINTED).for_each(|violation| println!("{violation}"));
    if report.violations.len() > PRINTED {
        println!("and {} more", report.violations.len() - PRINTED);
    }
    print!("{}", report.figures(settings.tolerance));
    if report.terms == 0 {
        eprintln!("error: no term in the log, so nothing was checked: is it JSON, at level info or lower?");
    }
    Ok(report.is_good())
}
