//! The body's tokens keep their places: `line!()` and `column!()` return those of the user's code.

use lease_runtime::{Term, leader_only};

type Places = Result<[(u32, u32); 3], ()>;

macro_rules! here {
    () => {
        (line!(), column!())
    };
}

const PLAIN: u32 = line!();
async fn plain() -> Places {
    let inside = async { here!() };
    Ok([here!(), (line!(), column!()), inside.await])
}

const ANNOTATED: u32 = line!() + 1;
#[leader_only(lease = "spans")]
async fn annotated() -> Places {
    let inside = async { here!() };
    Ok([here!(), (line!(), column!()), inside.await])
}

#[tokio::test]
async fn a_body_stays_where_it_was_written() {
    let below = |places: Places, start: u32| places.map(|places| places.map(|(line, column)| (line - start, column)));
    let annotated = annotated().run_body(Term::for_test().0).await;
    assert_eq!(below(annotated, ANNOTATED), below(plain().await, PLAIN));
}
