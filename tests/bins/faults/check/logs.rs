//! The rules of `tests/check-log`, on the logs of the processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lease_check_log::{Check, Settings};

use crate::error::{Context, Result};

/// All processes read the same calendar.
const TOLERANCE: Duration = Duration::from_millis(5);

/// In the line about the beginning of a term whose last holder was proven dead.
const BY_PROOF: &str = r#""taken":"proven_dead""#;

pub(super) struct Logs {
    pub(super) violations: Vec<String>,
    pub(super) figures: String,
}

/// Reads `*.jsonl` in this folder.
pub(super) fn check(folder: &Path) -> Result<Logs> {
    let mut check = Check::default();
    let mut proven = 0;
    for file in files(folder)? {
        check.file(&file)?;
        let text = std::fs::read_to_string(&file).context(|| file.display().to_string())?;
        proven += text.lines().filter(|line| line.contains(BY_PROOF)).count();
    }
    let report = check.finish(Settings { tolerance: TOLERANCE });
    let mut violations: Vec<String> = report.violations.iter().map(|violation| format!("log: {violation}")).collect();
    if report.terms == 0 {
        violations.push("nothing was checked: there are no terms in the logs".to_owned());
    }
    let figures = format!("{}terms that began by a proof of death: {proven}", report.figures(TOLERANCE));
    Ok(Logs { violations, figures })
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
