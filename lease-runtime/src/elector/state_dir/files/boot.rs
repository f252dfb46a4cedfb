//! Which start of the machine this is.

use std::fs;

use crate::elector::state_dir::unusable::Unusable;

const PATH: &str = "/proc/sys/kernel/random/boot_id";

/// A name that the kernel chooses at random when it starts. It is the same in all containers of a machine.
pub(super) fn id() -> Result<String, Unusable> {
    let text = fs::read_to_string(PATH).map_err(|cause| Unusable::NoBootId { reason: cause.to_string() })?;
    checked(&text)
}

fn checked(text: &str) -> Result<String, Unusable> {
    let id = text.trim();
    // A system that imitates the kernel may have a file without a name in it.
    let is_uuid = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_set = id.bytes().any(|byte| !matches!(byte, b'0' | b'-'));
    match is_uuid && is_set {
        true => Ok(id.to_owned()),
        false => Err(Unusable::NoBootId { reason: "it is no UUID".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_one_name_for_each_start() {
        assert_eq!(id().unwrap(), id().unwrap());
        for text in
            ["", "\n", "00000000-0000-0000-0000-000000000000", "ba102545-fdb0-4e7d-aba8", "x".repeat(36).as_str()]
        {
            assert!(checked(text).unwrap_err().to_string().contains("no UUID"), "{text:?}");
        }
    }
}
