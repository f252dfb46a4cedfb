//! The fencing token, and the forms in which it travels to a target and back.

use std::fmt;
use std::str::FromStr;

/// The highest token. etcd counts its revisions with signed numbers.
const HIGHEST: u64 = i64::MAX.cast_unsigned();

/// A number that grows with every term of a lease, over all replicas, and also if the Lease was deleted in between.
///
/// Pass it to the system that the leader writes to, and let that system refuse a token below the highest it has seen.
/// This closes the gaps that no program on the leader's side can close, such as a request that was already under way
/// when the term ended. The token is the `resourceVersion` of the write that began the term. Restoring etcd from a
/// backup sets it back.
///
/// A token fits into a signed number, so `i64::from(token)` loses nothing: SQL's `BIGINT` is signed. As text, `{token}` is a
/// decimal number, and `{token:020}` has zeros in front, so that texts are in the order of their numbers. A target reads
/// a token with `parse` or `try_from`.
///
/// With the feature `serde`, a token is a text of digits in formats that people read, such as JSON, because many
/// readers of JSON round numbers above 2<sup>53</sup>. In other formats it is a `u64`. Both forms are read in all formats
/// that tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken(u64);

impl FencingToken {
    /// The token with this number, for tests and for numbers that surely are tokens. It checks nothing: use `try_from` for
    /// a number that has come from elsewhere.
    ///
    /// No term has the token zero. A number above [`i64::MAX`] becomes [`i64::MAX`].
    pub const fn new(number: u64) -> FencingToken {
        if number > HIGHEST { FencingToken(HIGHEST) } else { FencingToken(number) }
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// The number itself.
impl From<FencingToken> for u64 {
    fn from(token: FencingToken) -> u64 {
        token.0
    }
}

/// The number itself, for targets that store signed numbers, like SQL's `BIGINT`. No token is too high for it.
impl From<FencingToken> for i64 {
    fn from(token: FencingToken) -> i64 {
        token.0.cast_signed()
    }
}

/// For a target that has received or stored a number. An error for zero, and for a number above [`i64::MAX`].
impl TryFrom<u64> for FencingToken {
    type Error = NotAFencingToken;

    fn try_from(number: u64) -> Result<FencingToken, NotAFencingToken> {
        match number {
            0 => Err(NotAFencingToken::NotPositive),
            1..=HIGHEST => Ok(FencingToken(number)),
            _ => Err(NotAFencingToken::TooHigh),
        }
    }
}

/// For a target that has stored a signed number. An error for zero and for negative numbers.
impl TryFrom<i64> for FencingToken {
    type Error = NotAFencingToken;

    fn try_from(number: i64) -> Result<FencingToken, NotAFencingToken> {
        u64::try_from(number).map_err(|_| NotAFencingToken::NotPositive)?.try_into()
    }
}

/// For a target that has received a text: ASCII digits, with or without zeros in front. An error for all else, as a sign or a
/// blank, and for numbers that are no tokens.
impl FromStr for FencingToken {
    type Err = NotAFencingToken;

    fn from_str(text: &str) -> Result<FencingToken, NotAFencingToken> {
        if text.is_empty() {
            return Err(NotAFencingToken::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAFencingToken::NotDigits);
        }
        // Nothing else is wrong with digits.
        text.parse::<u64>().map_err(|_| NotAFencingToken::TooHigh)?.try_into()
    }
}

/// The decimal number. Width and fill apply to it, as in `{:020}`.
impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FencingToken({})", self.0)
    }
}

/// Ends the text of each error.
const WHAT_A_TOKEN_IS: &str = "a fencing token is a number from 1 to 9223372036854775807, in decimal digits";

/// The error for a number or a text that is not a [`FencingToken`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAFencingToken {
    /// The text is empty.
    #[error("the text is empty: {WHAT_A_TOKEN_IS}")]
    Empty,
    /// The text contains something other than ASCII digits, such as a sign, a blank or a letter.
    #[error("the text contains something other than the digits 0 to 9: {WHAT_A_TOKEN_IS}")]
    NotDigits,
    /// The number is zero or negative.
    #[error("the number is not positive: {WHAT_A_TOKEN_IS}")]
    NotPositive,
    /// The number is above [`i64::MAX`].
    #[error("the number is too high: {WHAT_A_TOKEN_IS}")]
    TooHigh,
}

#[cfg(feature = "serde")]
mod serde_forms {
    use std::fmt;

    use serde::de::{Deserialize, Deserializer, Error, Visitor};
    use serde::ser::{Serialize, Serializer};

    use super::{FencingToken, WHAT_A_TOKEN_IS};

    /// As digits in formats that people read, and as a `u64` in others.
    impl Serialize for FencingToken {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_u64(self.0) }
        }
    }

    /// From digits or a number.
    impl<'de> Deserialize<'de> for FencingToken {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FencingToken, D::Error> {
            if deserializer.is_human_readable() {
                deserializer.deserialize_any(EitherForm)
            } else {
                // A format without types in its data has to be told what to read.
                deserializer.deserialize_u64(EitherForm)
            }
        }
    }

    struct EitherForm;

    impl Visitor<'_> for EitherForm {
        type Value = FencingToken;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(WHAT_A_TOKEN_IS)
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<FencingToken, E> {
            number.try_into().map_err(E::custom)
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<FencingToken, E> {
            number.try_into().map_err(E::custom)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<FencingToken, E> {
            text.parse().map_err(E::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: FencingToken = FencingToken::new(HIGHEST);

    #[test]
    fn a_token_goes_to_a_target_and_comes_back() {
        for token in [FencingToken::new(1), FencingToken::new(7), MAX] {
            assert_eq!(token.to_string().parse(), Ok(token));
            assert_eq!(format!("{token:020}").parse(), Ok(token));
            assert_eq!(FencingToken::try_from(i64::from(token)), Ok(token));
            assert_eq!(FencingToken::try_from(u64::from(token)), Ok(token));
        }
        assert_eq!((i64::from(MAX), u64::from(MAX), MAX.get()), (i64::MAX, HIGHEST, HIGHEST));
        assert_eq!((HIGHEST, FencingToken::new(u64::MAX)), (9_223_372_036_854_775_807, MAX));
    }

    #[test]
    fn a_number_that_is_no_token_is_refused() {
        assert_eq!(FencingToken::try_from(0_u64), Err(NotAFencingToken::NotPositive));
        assert_eq!(FencingToken::try_from(HIGHEST + 1), Err(NotAFencingToken::TooHigh));
        assert_eq!(FencingToken::try_from(u64::MAX), Err(NotAFencingToken::TooHigh));
        for number in [0, -1, i64::MIN] {
            assert_eq!(FencingToken::try_from(number), Err(NotAFencingToken::NotPositive), "{number}");
        }
    }

    #[test]
    fn a_text_that_is_no_token_is_refused() {
        for (text, error) in [
            ("", NotAFencingToken::Empty),
            ("+7", NotAFencingToken::NotDigits),
            ("-7", NotAFencingToken::NotDigits),
            (" 7", NotAFencingToken::NotDigits),
            ("7\n", NotAFencingToken::NotDigits),
            ("0x7", NotAFencingToken::NotDigits),
            ("7.0", NotAFencingToken::NotDigits),
            ("1_000", NotAFencingToken::NotDigits),
            ("\u{667}", NotAFencingToken::NotDigits),
            ("0", NotAFencingToken::NotPositive),
            ("000", NotAFencingToken::NotPositive),
            ("9223372036854775808", NotAFencingToken::TooHigh),
            ("18446744073709551616", NotAFencingToken::TooHigh),
        ] {
            assert_eq!(text.parse::<FencingToken>(), Err(error), "{text:?}");
        }
        let shown =
            "the number is not positive: a fencing token is a number from 1 to 9223372036854775807, in decimal digits";
        assert_eq!(NotAFencingToken::NotPositive.to_string(), shown);
    }

    #[test]
    fn texts_of_one_width_are_in_the_order_of_the_numbers() {
        let tokens = [1, 9, 10, 99, 105, HIGHEST - 1, HIGHEST].map(FencingToken::new);
        let texts = tokens.map(|token| format!("{token:020}"));
        assert!(tokens.is_sorted() && texts.is_sorted(), "{texts:?}");
        assert_eq!(texts[4], "00000000000000000105");
        assert_eq!(format!("{:*<5}|{:>5}", tokens[1], tokens[2]), "9****|   10");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_token_is_digits_where_people_read_it() {
        use serde_test::{Configure, Token, assert_de_tokens, assert_de_tokens_error, assert_tokens};

        let token = FencingToken::new(7);
        assert_tokens(&token.readable(), &[Token::Str("7")]);
        assert_tokens(&token.compact(), &[Token::U64(7)]);
        for other in [Token::U64(7), Token::I64(7), Token::U8(7), Token::String("007")] {
            assert_de_tokens(&token.readable(), &[other]);
        }
        assert_de_tokens(&token.compact(), &[Token::Str("7")]);
        let shown = NotAFencingToken::NotPositive.to_string();
        for none in [Token::U64(0), Token::I64(-1), Token::Str("0")] {
            assert_de_tokens_error::<serde_test::Readable<FencingToken>>(&[none], &shown);
            assert_de_tokens_error::<serde_test::Compact<FencingToken>>(&[none], &shown);
        }
        assert!(serde_json::from_str::<FencingToken>("7.0").is_err());
        assert_eq!(serde_json::to_string(&MAX).ok().as_deref(), Some("\"9223372036854775807\""));
    }
}
