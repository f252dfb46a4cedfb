//! The file systems on which a free lock proves a death.

use std::os::fd::AsFd;

use crate::elector::state_dir::unusable::Unusable;

/// Those whose locks the kernel of this machine keeps by itself, by the magic number of `statfs(2)`.
const LOCAL: [u32; 8] = [
    0xef53,      // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683e, // btrfs
    0xf2f5_2010, // f2fs
    0x2fc1_2fc1, // zfs
    0xca45_1a4e, // bcachefs
    0x0102_1994, // tmpfs
    0x794c_7630, // overlayfs
];

/// Names for the message. Here another machine or another program keeps the locks, or nothing can be written.
const OTHERS: [(u32, &str); 22] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0x6573_5546, "FUSE or virtiofs"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x2003_0528, "OrangeFS"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x7461_636f, "OCFS2"),
    (0x0116_1970, "GFS2"),
    (0x786f_4256, "a folder of VirtualBox"),
    (0xbacb_acbc, "a folder of VMware"),
    (0x8584_58f6, "ramfs"),
    (0x7371_7368, "squashfs"),
    (0x9fa0, "procfs"),
    (0x6265_6572, "sysfs"),
    (0x0027_e0eb, "a cgroup"),
];

/// Whether an open file or directory is on such a file system.
pub(super) fn check(file: impl AsFd) -> Result<(), Unusable> {
    let facts = rustix::fs::fstatfs(file).map_err(|cause| Unusable::at("look at its file system", cause))?;
    // All magic numbers have 32 bits. Some systems give them more room, and extend the sign.
    #[allow(clippy::unnecessary_cast, reason = "the type depends on the system")]
    let magic = (facts.f_type as u64 & 0xffff_ffff) as u32;
    of_magic(magic)
}

fn of_magic(magic: u32) -> Result<(), Unusable> {
    if LOCAL.contains(&magic) {
        return Ok(());
    }
    let name = OTHERS.iter().find(|(other, _)| *other == magic).map(|(_, name)| *name);
    Err(Unusable::FileSystem { name, magic })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_refused_by_name_and_unknown_ones_by_number() {
        let says = |magic| of_magic(magic).unwrap_err().to_string();
        assert_eq!(
            says(0x6969),
            "its file system is NFS, whose locks do not prove that a process is dead: use an `emptyDir`, or a local disk"
        );
        assert!(says(0x6573_5546).starts_with("its file system is FUSE or virtiofs, whose"));
        assert!(says(0x1234).starts_with("its file system is unknown (0x1234), so its locks"), "{}", says(0x1234));
        for magic in LOCAL {
            assert_eq!(of_magic(magic).ok(), Some(()));
            assert!(OTHERS.iter().all(|(other, _)| *other != magic));
        }
    }

    #[test]
    fn the_file_system_is_that_of_the_open_file() {
        let file = std::fs::File::open("/proc/self/status").unwrap();
        assert!(check(&file).unwrap_err().to_string().contains("procfs"));
    }
}
