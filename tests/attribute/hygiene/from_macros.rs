//! Functions that macros generate, completely or in parts.

use std::sync::Arc;

use lease_runtime::{Term, leader_only};

macro_rules! whole {
    ($name:ident) => {
        #[leader_only(lease = "whole")]
        pub(crate) async fn $name(term: Term, mut number: u8) {
            number += 1;
            let _ = (term, number);
        }
    };
}
whole!(whole);

macro_rules! parts {
    ($vis:vis $name:ident, $lease:expr, $grace:literal, $param:ident: $ty:ty, $pat:pat, $body:block) => {
        #[leader_only(lease = $lease, grace = $grace)]
        $vis async fn $name($param: $ty, $pat: (u8, u8), term: Term) -> Result<(), std::fmt::Error> {
            let _ = term;
            #[allow(unused_braces)]
            $body
        }
    };
}
parts!(pub(crate) parts, "parts", "3s", number: Option<u8>, (left, right), {
    let _ = (number, left, right);
    Ok(())
});

macro_rules! body {
    ($name:ident $body:block) => {
        #[leader_only(lease = "body")]
        pub(crate) async fn $name() $body
    };
}
body!(body {});

macro_rules! method {
    ($ty:ident, $name:ident) => {
        impl $ty {
            #[leader_only(lease = "method")]
            pub(crate) async fn $name(self: Arc<Self>, term: Term) {
                let _ = (self, term);
            }
        }
    };
}
pub(crate) struct Made;
method!(Made, made);

macro_rules! through_crate {
    () => {
        #[leader_only(lease = "through", crate = $crate::from_macros::reexport::runtime)]
        pub(crate) async fn through() {}
    };
}
pub(crate) mod reexport {
    pub(crate) use lease_runtime as runtime;
}
through_crate!();
