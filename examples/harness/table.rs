//! Summaries of the log.

use std::collections::BTreeMap;

use lease_runtime::clock::Moment;

use super::Entry;

/// Prints a table. Columns of numbers, with or without a unit, are aligned to the right.
pub fn print_table(head: &[&str], rows: &[Vec<String>]) {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let columns: Vec<(usize, bool)> = head
        .iter()
        .enumerate()
        .map(|(column, title)| {
            let width = cells(column).map(|cell| cell.chars().count()).chain([title.chars().count()]).max();
            let is_number = |cell: &String| cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit());
            (width.unwrap_or_default(), cells(column).all(is_number))
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&columns).map(|(cell, (width, right))| match right {
            true => format!("| {cell:>width$} "),
            false => format!("| {cell:<width$} "),
        });
        println!("{}|", cells.collect::<String>());
    };
    println!();
    line(&mut head.iter().copied());
    println!("{}|", columns.iter().map(|(width, _)| format!("|{}", "-".repeat(width + 2))).collect::<String>());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    println!();
}

/// How many terms there were, and how many entries were written in a term after a later one of the same lease had begun.
pub fn overlaps(log: &[Entry]) -> (usize, usize) {
    // Fencing tokens grow from term to term, so a correct log has the terms in the order of their tokens.
    let mut began: BTreeMap<(&str, u64), Moment> = BTreeMap::new();
    let work = || log.iter().filter(|entry| entry.token > 0);
    for entry in work() {
        let first = began.entry((&entry.lease, entry.token)).or_insert(entry.at);
        *first = (*first).min(entry.at);
    }
    let overlaps = work().filter(|entry| {
        let lease = entry.lease.as_str();
        let later = began.range((lease, entry.token + 1)..=(lease, u64::MAX)).map(|(_, at)| *at).min();
        later.is_some_and(|at| entry.at >= at)
    });
    (began.len(), overlaps.count())
}
