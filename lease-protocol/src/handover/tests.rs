//! Which requests reach which term, and what each write says.

use super::*;

const OWN: OwnTerm<'static> = OwnTerm { identity: "a", transitions: 3 };

fn request(holder: &str, transitions: i32, to: Option<&str>) -> Annotations {
    let request = StepDownRequest { holder: holder.to_owned(), transitions, to: to.map(str::to_owned) };
    Annotations::from([(STEP_DOWN.to_owned(), request.text())])
}

fn edits(write: HolderWrite, annotations: &Annotations) -> Vec<(String, Option<String>)> {
    let mut edits = Edits::new();
    let says = edit(write, annotations, OWN, &mut edits);
    assert_eq!(says, !edits.is_empty());
    edits.into_iter().collect()
}

fn removed(name: &str) -> (String, Option<String>) {
    (name.to_owned(), None)
}

#[test]
fn a_request_reaches_the_term_that_it_names_and_no_other() {
    assert_eq!(asked(&request("a", 3, None), OWN), Asked::StepDown { to: None });
    assert_eq!(asked(&request("a", 3, Some("b")), OWN), Asked::StepDown { to: Some("b".to_owned()) });
    for other in [request("a", 2, None), request("a", 4, None), request("b", 3, None), Annotations::new()] {
        assert_eq!(asked(&other, OWN), Asked::Nothing, "{other:?}");
    }
}

#[test]
fn a_request_that_cannot_be_read_asks_for_nothing() {
    let long = "x".repeat(MOST_REQUEST);
    for text in [
        "",
        "null",
        "a",
        "{}",
        r#"{"holder":"a"}"#,
        r#"{"holder":"a","transitions":"3"}"#,
        r#"{"holder":"a","transitions":4294967299}"#,
        r#"{"holder":"a","transitions":3,"to":7}"#,
        r#"{"holder":"a","transitions":3,"to":""}"#,
        r#"{"holder":"a","transitions":3,"to":"a"}"#,
        r#"{"holder":"a","transitions":3,"to":"b\n"}"#,
        &format!(r#"{{"holder":"a","transitions":3,"to":"{}"}}"#, "b".repeat(256)),
        &format!(r#"{{"holder":"a","transitions":3,"why":"{long}"}}"#),
    ] {
        let annotations = Annotations::from([(STEP_DOWN.to_owned(), text.to_owned())]);
        assert!(matches!(asked(&annotations, OWN), Asked::Unreadable(_)), "{text}");
        assert_eq!(edits(HolderWrite::Renew, &annotations), [removed(STEP_DOWN)], "{text}");
        assert_eq!(edits(HolderWrite::Release, &annotations), [removed(STEP_DOWN)], "{text}");
    }
}

#[test]
fn a_request_stays_until_the_release_which_names_the_successor() {
    let transfer = request("a", 3, Some("b"));
    assert_eq!(edits(HolderWrite::Renew, &transfer), []);
    let named = (TRANSFER_TO.to_owned(), Some("b".to_owned()));
    assert_eq!(edits(HolderWrite::Release, &transfer), [removed(STEP_DOWN), named]);
    assert_eq!(edits(HolderWrite::Release, &request("a", 3, None)), [removed(STEP_DOWN)]);
}

#[test]
fn the_next_write_removes_a_request_for_another_term() {
    for write in [HolderWrite::Acquire, HolderWrite::Renew, HolderWrite::Release] {
        for other in [request("a", 2, Some("b")), request("b", 3, Some("c"))] {
            assert_eq!(edits(write, &other), [removed(STEP_DOWN)], "{write:?}");
        }
        assert_eq!(edits(write, &Annotations::new()), []);
    }
    // The term that a request names begins with the acquisition, and the request was there before it.
    assert_eq!(edits(HolderWrite::Acquire, &request("a", 3, None)), [removed(STEP_DOWN)]);
}

#[test]
fn a_successor_is_removed_when_somebody_holds_the_lease_or_nobody_asked() {
    let named = Annotations::from([(TRANSFER_TO.to_owned(), "b".to_owned())]);
    for write in [HolderWrite::Acquire, HolderWrite::Renew, HolderWrite::Release] {
        assert_eq!(edits(write, &named), [removed(TRANSFER_TO)], "{write:?}");
    }
}

#[test]
fn a_successor_is_an_identity() {
    let named = |text: &str| Annotations::from([(TRANSFER_TO.to_owned(), text.to_owned())]);
    assert_eq!(successor(&named("pod-7_8f1c")), Some("pod-7_8f1c"));
    assert_eq!(successor(&named(&"b".repeat(255))).map(str::len), Some(255));
    for text in ["", "a\nb", "\u{1b}[2J", "a\u{202e}b", &"b".repeat(256)] {
        assert_eq!(successor(&named(text)), None, "{text:?}");
    }
    assert_eq!(successor(&Annotations::new()), None);
}
