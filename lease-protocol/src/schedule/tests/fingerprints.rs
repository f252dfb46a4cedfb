//! Fingerprints and error messages of patterns. lease-grammar tests which texts are patterns.

use super::*;

/// Records in clusters contain these fingerprints, so the fingerprint of a pattern must never change.
#[test]
fn fingerprints_stay_the_same() {
    for (text, fingerprint) in [
        ("* * * * *", "b3287128"),
        ("  */15\t0  *\tJAN sun ", "4444a730"),
        ("00 007 01 1 *", "fa5afe39"),
        ("0 0 * jan-Mar MON-FRI", "7cbbe40a"),
        ("0 0 * * 5-7", "18f2175d"),
        ("0 0 * * 7", "6e7727ea"),
        ("*/59 */23 */30 */11 *", "67ab76fa"),
        ("1-2/1 3-3 * * *", "f8af3035"),
        ("*/20,7 * * * *", "81b94a20"),
        ("*/1 */1 * * *", "b3287128"),
        ("0 0 29 2 *", "87224a05"),
        ("0 0 30,31 2,4 *", "5f6a701f"),
        ("0 0 13 * +FRI", "fefe7568"),
        ("0 0 */2 * +1", "2b263a77"),
        ("0 0 15-21 * +fri", "580aee02"),
        ("5,1,5 8-18/2 1,15,28-31 * *", "105e647a"),
        ("0 0 * * 0,7,6-7", "db12a640"),
        ("@hourly", "1f1dc94a"),
        ("@daily", "ee4e4248"),
        ("@weekly", "6e7727ea"),
        ("@monthly", "5a309765"),
        ("@yearly", "fef46120"),
    ] {
        assert_eq!(cron(text, "Europe/Prague").fingerprint(), fingerprint, "{text:?}");
    }
}

#[test]
fn an_error_shows_the_pattern_the_part_and_the_remedy() {
    let error = Schedule::cron("0 0 * * MONDAY", "UTC").unwrap_err();
    let text = r#"cron = "0 0 * * MONDAY": `MONDAY` is not a day of the week: write `cron = "0 0 * * MON"`"#;
    assert_eq!(error.to_string(), text);
    let ScheduleError::Cron { pattern, at, .. } = error else { panic!("{error:?}") };
    assert_eq!(&pattern[at], "MONDAY");
}
