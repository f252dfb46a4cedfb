//! Which expressions are accepted, and what they mean.

mod advised;
mod days;
mod refused;

use super::parse;

fn check(text: &str) -> Result<(), String> {
    parse(text).map(drop).map_err(|error| error.to_string())
}

#[test]
fn taken() {
    let fine = "* * * * *\n*/5 * * * *\n*/59 * * * *\n0 2 * * *\n0 2,14 * * *\n0-10/5,30 8-18/2 1,15 JAN,jul-Sep *\n\
                0 0 * * MON-FRI\n0 0 * * 5-7\n0 0 * * 0-7\n0 0 * * 7\n0 0 29 2 *\n0 0 13 * +5\n0 0 15-21 * +FRI\n\
                *\t*  *\t* *\n  0 2 * * *  \n00 002 * * *\n*/1 * * * *\n5-5 * * * *\n0 0 */2 * *\n0 0 */1 * MON\n*/20,7 * * * *\n\
                0 0 L * *\n0 0 15,L * *\n0 0 * * MON#2\n0 0 * * 1#2\n0 0 * * FRI#L,MON\n0 0 L * +FRI#L\n0 0 29 2 +MON#5\n@hourly\n@daily\n@midnight\n@weekly\n@monthly\n@yearly\n@annually\n  @daily";
    for expression in fine.split('\n') {
        assert_eq!(check(expression), Ok(()), "{expression:?}");
    }
}

#[test]
fn patterns_are_read() {
    for (text, canonical) in [
        ("* * * * *", "* * * * *"),
        ("  */15\t0  *\tJAN sun ", "*/15 0 * 1 0"),
        ("00 007 01 1 *", "0 7 1 1 *"),
        ("0 0 * jan-Mar MON-FRI", "0 0 * 1-3 1-5"),
        ("0 0 * * 5-7", "0 0 * * 5-7"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("*/59 */23 */30 */11 *", "*/59 */23 */30 */11 *"),
        ("1-2/1 3-3 * * *", "1-2 3 * * *"),
        ("*/20,7 * * * *", "*/20,7 * * * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 30,31 2,4 *", "0 0 30,31 2,4 *"),
        ("0 0 13 * +FRI", "0 0 13 * +5"),
        ("0 0 */2 * +1", "0 0 */2 * +1"),
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        (" @midnight\t", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("0 0 l * *", "0 0 L * *"),
        ("0 0 1,15,L * *", "0 0 1,15,L * *"),
        ("0 0 * * mon#2", "0 0 * * 1#2"),
        ("0 0 * * 7#1,SUN#05", "0 0 * * 0#1,0#5"),
        ("0 0 * * FRI#l", "0 0 * * 5#L"),
        ("0 0 L * +FRI,MON#5", "0 0 L * +5,1#5"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), canonical, "{text:?}");
    }
}

#[test]
fn fixed_times_are_distinguished_from_wildcards() {
    for (text, wildcard) in [
        ("0 2 * * *", false),
        ("0-59 0-23 * * *", false),
        ("0 2 */2 * *", false),
        ("0 2 L * *", false),
        ("0 2 * * MON#2", false),
        ("* 2 * * *", true),
        ("0 * * * *", true),
        ("0 */2 * * *", true),
        ("*/20,5 2 * * *", true),
        ("@hourly", true),
        ("@daily", false),
    ] {
        assert_eq!(parse(text).unwrap().is_wildcard(), wildcard, "{text:?}");
    }
}

#[test]
fn the_shortest_time_between_two_ticks() {
    let shortest = |expression| parse(expression).expect("it is one").shortest_minutes();
    let all = [
        ("* * * * *", 1),
        ("*/5 * * * *", 5),
        ("*/25 * * * *", 10),
        ("0,45 * * * *", 15),
        ("7 * * * *", 60),
        ("7 */4 * * *", 240),
        ("7 8-18 * * *", 60),
        ("0 2 * * *", 1440),
        ("0 2,14 * * *", 720),
        ("0 0 1 * *", 1440),
        ("@hourly", 60),
    ];
    for (expression, minutes) in all {
        assert_eq!(shortest(expression), minutes, "{expression}");
    }
}
