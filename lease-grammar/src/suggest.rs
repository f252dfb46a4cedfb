//! Finds the word that was probably meant.

/// Normalizes a word: `leaseDuration`, `lease-duration` and `LEASE_DURATION` become the same.
pub fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether `word` is one of `words`, which are separated by spaces.
pub fn is_among(word: &str, words: &str) -> bool {
    let word = plain(word);
    words.split_whitespace().any(|other| plain(other) == word)
}

/// The value of the name that is spelled like `word`, except for at most one letter in three.
pub fn closest<'a, T>(word: &str, names: impl Iterator<Item = (&'a str, T)>) -> Option<T> {
    let word = plain(word);
    names
        .map(|(name, of)| (distance(&word, &plain(name)), name, of))
        .filter(|(distance, name, _)| *distance <= name.len() / 3)
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., of)| of)
}

/// Formats a list: "`a`, `b` and `c`".
pub fn list<'a>(words: impl Iterator<Item = &'a str>, last: &str) -> String {
    let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((end, start)) if !start.is_empty() => format!("{} {last} {end}", start.join(", ")),
        _ => words.concat(),
    }
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour to get from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    rows[a.len()][b.len()]
}
