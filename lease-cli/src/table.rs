//! Columns.

use lease_protocol::election::shown;

/// A table with a header. Every cell is escaped: names of holders are the text of others.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| shown(cell).to_string())).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.fold(header[column].chars().count(), Ord::max)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = line(&header, &widths);
    for row in &rows {
        text.push_str(&line(&row.each_ref().map(String::as_str), &widths));
    }
    text
}

fn line<const N: usize>(cells: &[&str; N], widths: &[usize; N]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(&format!("{cell:width$}   "));
    }
    format!("{}\n", line.trim_end())
}

/// What a cell shows instead of nothing.
pub(crate) fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_others_cannot_forge_a_row() {
        let rows = [["a".to_owned(), "x\nb   y\u{1b}[2J\u{202e}".to_owned()]];
        let text = table(["NAME", "HOLDER"], &rows);
        assert_eq!(text, "NAME   HOLDER\na      x\\nb   y\\u{1b}[2J\\u{202e}\n");
    }
}
