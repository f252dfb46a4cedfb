//! The part of an identity that names its file.

/// The random digits at the end of an identity. Nothing else of an identity becomes a part of a path: any program can write any text
/// into a Lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Nonce<'a>(&'a str);

/// How many digits it has.
const DIGITS: usize = 16;

impl<'a> Nonce<'a> {
    /// Of an identity that ends with `_` and 16 hexadecimal digits, as the candidate makes it. `None` for all others.
    pub(super) fn of(identity: &'a str) -> Option<Nonce<'a>> {
        let (before, digits) = identity.rsplit_once('_')?;
        (!before.is_empty()).then_some(())?;
        Nonce::read(digits)
    }

    /// Of a name in the directory.
    pub(super) fn read(name: &'a str) -> Option<Nonce<'a>> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (name.len() == DIGITS && name.bytes().all(is_digit)).then_some(Nonce(name))
    }

    /// The name of the file.
    pub(super) fn name(self) -> &'a str {
        self.0
    }

    /// The name of the file while its process has not got the lock and has not written it.
    pub(super) fn draft(self) -> String {
        format!(".{}.new", self.0)
    }

    /// Of a draft in the directory.
    pub(super) fn read_draft(name: &'a str) -> Option<Nonce<'a>> {
        Nonce::read(name.strip_prefix('.')?.strip_suffix(".new")?)
    }
}
