//! The log of a real run passes. Each copy that breaks a rule fails, and names the rule and the line.

mod run;

use std::io::Cursor;
use std::process::Command;

use lease_check_log::{Check, Report, Rule, Settings};

fn check(lines: &[String]) -> Report {
    let mut check = Check::default();
    check.stream("log", Cursor::new(lines.join("\n"))).expect("memory");
    check.finish(Settings::default())
}

/// The number of the line with these parts, counted from 0: the first, or that many after it.
fn line(lines: &[String], nth: usize, parts: &[&str]) -> usize {
    let matching = |line: &String| parts.iter().all(|part| line.contains(part));
    let found = lines.iter().enumerate().filter(|(_, line)| matching(line)).nth(nth);
    found.unwrap_or_else(|| panic!("the run has no such line: {parts:?}")).0
}

const BEGUN: &str = "acquired lease, started leading";
const ENDED: &str = "all tasks stopped";

/// The value of a field, as it is written.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {line}"));
    rest.split([',', '}']).next().unwrap_or_default().trim_matches('"')
}

fn with_field(line: &str, name: &str, value: &str) -> String {
    line.replace(&format!("\"{name}\":{}", field(line, name)), &format!("\"{name}\":{value}"))
}

/// The rules that the copy breaks, each with its line, counted from 1.
fn broken(lines: &[String]) -> Vec<(Rule, u64)> {
    check(lines).violations.iter().map(|violation| (violation.rule, violation.place.line)).collect()
}

/// Breaks the run, and expects a violation of this rule, perhaps with others, at the line that `edit` returns (from 0).
#[track_caller]
fn breaks(rule: Rule, edit: impl FnOnce(&mut Vec<String>) -> usize) {
    let mut lines = run::lines().to_vec();
    let at = edit(&mut lines) as u64 + 1;
    let broken = broken(&lines);
    assert!(broken.contains(&(rule, at)), "{rule} at line {at} is not found, but {broken:?}");
}

#[test]
fn a_real_run_passes() {
    let report = check(run::lines());
    assert!(report.is_good(), "{report:#?}");
    assert_eq!((report.leases, report.replicas, report.terms, report.handovers), (1, 3, 3, 2));
    assert_eq!(report.answered, 3, "each term is compared with an answer");
    assert!(report.renewals > 0 && report.releases > 0 && report.runs > 3 && report.at_most_once > 0, "{report:#?}");
    assert_eq!((report.unreadable, report.cut_off), (0, 0));
}

#[test]
fn a_term_begins_after_the_answer_to_its_replica() {
    for nth in 0..3 {
        breaks(Rule::Begin, |lines| {
            let begun = line(lines, nth, &[BEGUN]);
            let (identity, token) = (field(&lines[begun], "identity"), field(&lines[begun], "term"));
            let is_it = |line: &&String| field(line, "identity") == identity && field(line, "revision") == token;
            let answers = lines.iter().filter(|line| line.contains("a request was answered"));
            let answer = answers.clone().find(is_it).expect("the answer with the token");
            let answered = line(lines, 0, &[answer]);
            lines.swap(begun, answered);
            answered
        });
    }
}

#[test]
fn a_term_begins_after_the_end_of_the_last_one_of_its_replica() {
    breaks(Rule::Begin, |lines| {
        let begun = line(lines, 0, &[BEGUN]);
        let again = with_field(&lines[begun], "term", "1000000");
        lines.insert(begun + 1, again);
        begun + 1
    });
}

#[test]
fn a_token_is_used_once() {
    breaks(Rule::Token, |lines| {
        let (first, second) = (line(lines, 0, &[BEGUN]), line(lines, 1, &[BEGUN]));
        lines[second] = with_field(&lines[second], "term", field(&lines[first], "term"));
        second
    });
}

#[test]
fn tokens_grow() {
    breaks(Rule::Token, |lines| {
        let ended = line(lines, 0, &[ENDED]);
        let begun = &lines[line(lines, 0, &[BEGUN])];
        let again = with_field(begun, "term", "1");
        lines.insert(ended + 1, again);
        ended + 1
    });
}

#[test]
fn a_term_is_renewed_while_it_lasts() {
    breaks(Rule::End, |lines| {
        let renewed = lines[line(lines, 0, &["renewed lease"])].clone();
        let ended = line(lines, 0, &[ENDED]);
        lines.insert(ended + 1, renewed);
        ended + 1
    });
}

#[test]
fn a_term_begins_after_the_end_of_the_term_of_another_replica() {
    // The first replica released the lease, and the second lost it.
    for nth in [1, 2] {
        breaks(Rule::Overlap, |lines| {
            let (before, begun) = (line(lines, nth - 1, &[BEGUN]), line(lines, nth, &[BEGUN]));
            let early = field(&lines[before], "timestamp").to_owned();
            let at = format!("\"{}\"", field(&lines[begun], "timestamp"));
            lines[begun] = lines[begun].replace(&at, &format!("\"{early}\""));
            begun
        });
    }
}

#[test]
fn the_tolerance_is_for_terms_that_nearly_meet() {
    let mut lines = run::lines().to_vec();
    let begun = line(&lines, 1, &[BEGUN]);
    let early = field(&lines[line(&lines, 0, &[BEGUN])], "timestamp").to_owned();
    let at = format!("\"{}\"", field(&lines[begun], "timestamp"));
    lines[begun] = lines[begun].replace(&at, &format!("\"{early}\""));
    let mut check = Check::default();
    check.stream("log", Cursor::new(lines.join("\n"))).expect("memory");
    let report = check.finish(Settings { tolerance: std::time::Duration::from_secs(60) });
    assert!(report.is_good() && report.shortest_handover.is_some_and(|shortest| shortest < -0.1), "{report:#?}");
}

/// Removes this line of a replica and what it says later, as if it was killed then.
fn kill(lines: &mut Vec<String>, at: usize) {
    let own = format!("\"identity\":\"{}\"", field(&lines[at], "identity"));
    let mut kept = 0..at;
    lines.retain(|line| kept.next().is_some() || !line.contains(&own));
}

/// Nobody had to wait for the end of its term, because it was proven dead.
#[test]
fn a_process_that_was_proven_dead_has_no_term_any_more() {
    let mut lines = run::lines().to_vec();
    let identity = field(&lines[line(&lines, 1, &[BEGUN])], "identity").to_owned();
    let early = field(&lines[line(&lines, 0, &["renewed lease", &identity])], "timestamp").to_owned();
    let lost = line(&lines, 0, &["lost lease", &identity]);
    kill(&mut lines, lost);
    let begun = line(&lines, 2, &[BEGUN]);
    for (name, value) in [("timestamp", &*early), ("taken", "proven_dead")] {
        let before = format!("\"{name}\":\"{}\"", field(&lines[begun], name));
        lines[begun] = lines[begun].replace(&before, &format!("\"{name}\":\"{value}\""));
    }
    assert_eq!(broken(&lines), []);
    assert_eq!(check(&lines).unlogged_ends, 1);
}

/// A process that is stopped while it releases the lease writes its last lines when it continues.
#[test]
fn a_term_may_end_long_before_its_line_is_written() {
    let mut lines = run::lines().to_vec();
    for part in [ENDED, "released lease"] {
        let at = line(&lines, 0, &[part]);
        let late = format!("\"{}\"", field(&lines[line(&lines, 2, &[BEGUN])], "timestamp"));
        lines[at] = lines[at].replace(&format!("\"{}\"", field(&lines[at], "timestamp")), &late);
    }
    assert_eq!(broken(&lines), []);
}

/// The next replica has seen that the lease was free. How long the term had lasted is in no line.
#[test]
fn a_process_may_be_killed_before_it_has_logged_the_end_of_its_term() {
    let mut lines = run::lines().to_vec();
    let ended = line(&lines, 0, &[ENDED]);
    kill(&mut lines, ended);
    let report = check(&lines);
    assert_eq!((report.unlogged_ends, report.handovers), (1, 1), "{report:#?}");
    assert_eq!(broken(&lines), []);
}

#[test]
fn a_process_that_was_killed_has_its_term_until_it_expires() {
    breaks(Rule::Overlap, |lines| {
        let identity = field(&lines[line(lines, 1, &[BEGUN])], "identity").to_owned();
        let early = field(&lines[line(lines, 0, &["renewed lease", &identity])], "timestamp").to_owned();
        kill(lines, line(lines, 0, &["lost lease", &identity]));
        let begun = line(lines, 2, &[BEGUN]);
        let at = format!("\"{}\"", field(&lines[begun], "timestamp"));
        lines[begun] = lines[begun].replace(&at, &format!("\"{early}\""));
        begun
    });
}

#[test]
fn a_lease_is_released_after_the_end_of_the_term() {
    breaks(Rule::Release, |lines| {
        let (ended, released) = (line(lines, 0, &[ENDED]), line(lines, 0, &["released lease"]));
        lines.swap(ended, released);
        ended
    });
}

#[test]
fn a_run_starts_before_its_term_ends() {
    for what in ["task started", "tick started"] {
        breaks(Rule::Run, |lines| {
            let started = lines.remove(line(lines, 0, &[what]));
            let ended = line(lines, 0, &[ENDED]);
            lines.insert(ended + 1, started);
            ended + 1
        });
    }
}

#[test]
fn a_run_starts_in_a_term_of_its_replica() {
    breaks(Rule::Run, |lines| {
        let started = line(lines, 0, &["task started"]);
        lines[started] = with_field(&lines[started], "term", "1000000");
        started
    });
}

/// A process that is killed may have logged the start of a task, and not yet the term.
#[test]
fn a_process_may_end_before_it_has_logged_its_term() {
    let mut lines = run::lines().to_vec();
    // Two threads write these lines, so either may be the first.
    let (started, begun) = (line(&lines, 0, &["task started"]), line(&lines, 0, &[BEGUN]));
    lines.truncate(started.max(begun) + 1);
    lines.remove(begun);
    assert_eq!((check(&lines).cut_off, broken(&lines)), (1, Vec::new()));
}

#[test]
fn a_tick_with_at_most_once_starts_once() {
    breaks(Rule::Repeated, |lines| {
        let started = line(lines, 0, &["tick started", "at_most_once"]);
        let again = lines[started].clone();
        lines.insert(started + 1, again);
        started + 1
    });
}

#[test]
fn a_tick_that_was_given_back_may_start_again() {
    let mut lines = run::lines().to_vec();
    let started = line(&lines, 0, &["tick started", "at_most_once"]);
    let again = lines[started].clone();
    let given_back = again.replace("tick started", "tick given back: its body has not begun");
    lines.splice(started + 1..started + 1, [given_back, again]);
    assert_eq!(broken(&lines), []);
}

#[test]
fn a_log_with_gaps_proves_nothing() {
    breaks(Rule::Complete, |lines| {
        let dropped =
            r#"{"timestamp":"2026-01-01T00:00:00Z","target":"lease_runtime","fields":{"message":"..","dropped":3}}"#;
        lines.insert(5, dropped.to_owned());
        5
    });
}

#[test]
fn other_lines_are_skipped_and_prefixes_are_allowed() {
    let mut lines = run::lines().to_vec();
    lines.iter_mut().for_each(|line| line.insert_str(0, "[pod/ledger-0/main] "));
    lines.insert(0, "lease_runtime starts".to_owned());
    lines.insert(0, r#"{"target":"app","fields":{"message":"lease_runtime"}}"#.to_owned());
    // Torn, as at the end of a process that was killed.
    let torn = &lines[lines.len() - 1];
    lines.push(torn[..torn.len() - 1].to_owned());
    let (report, plain) = (check(&lines), check(run::lines()));
    assert!(report.is_good(), "{report:#?}");
    assert_eq!((report.unreadable, report.own, report.lines), (1, plain.own, plain.lines + 3));
}

/// The program: exit codes, and the line that it names.
#[test]
fn the_program_fails_on_a_violation_and_on_a_log_without_terms() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = |name: &str, lines: &[String]| {
        let file = folder.join(name);
        std::fs::write(&file, lines.join("\n")).expect("a file for the log");
        let mut program = Command::new(env!("CARGO_BIN_EXE_lease-check-log"));
        let output = program.args(["--tolerance", "200ms"]).arg(&file).output().expect("the program");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"), file)
    };
    let mut lines = run::lines().to_vec();
    let (code, text, _) = program("good", &lines);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("terms: 3"), "{text}");

    let (ended, released) = (line(&lines, 0, &[ENDED]), line(&lines, 0, &["released lease"]));
    lines.swap(ended, released);
    let (code, text, file) = program("bad", &lines);
    assert_eq!(code, Some(1));
    assert!(text.starts_with(&format!("{}:{}: release: ", file.display(), ended + 1)), "{text}");

    assert_eq!(program("empty", &["hello".to_owned()]).0, Some(1));
}
