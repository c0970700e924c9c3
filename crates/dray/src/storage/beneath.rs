//! Files below a folder, and never beside it: the system itself follows the path from the folder's descriptor and
//! refuses what leads out, so that no link and no rename in between can lead elsewhere.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

/// How often a path is followed again that others change meanwhile.
#[cfg(target_os = "linux")]
const TRIES: usize = 8;

/// Opens what is at a path below a folder. The path has no empty part, no `.` and no `..`.
pub(super) fn open(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{ResolveFlags, openat2};
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..TRIES {
            match openat2(root, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                // An old system, or a container that does not let it be called.
                Err(Errno::NOSYS | Errno::PERM) => return walk(root, path, flags),
                opened => return opened,
            }
        }
        Err(Errno::AGAIN)
    }
    #[cfg(not(target_os = "linux"))]
    walk(root, path, flags)
}

/// The same step by step; links are not followed at all.
fn walk(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let (folders, name) = path.rsplit_once('/').map_or((None, path), |(folders, name)| (Some(folders), name));
    let mut folder: Option<OwnedFd> = None;
    for part in folders.into_iter().flat_map(|folders| folders.split('/')) {
        let at = folder.as_ref().map_or(root, |folder| folder.as_fd());
        let into = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let next = openat(at, part, into, Mode::empty())?;
        folder = Some(next);
    }
    let at = folder.as_ref().map_or(root, |folder| folder.as_fd());
    openat(at, name, flags | OFlags::NOFOLLOW, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways keep within; only the first follows links that stay within.
    #[test]
    fn no_way_leads_out() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), at("out")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), at("out-file")).unwrap();
        std::os::unix::fs::symlink("../../..", at("a/b/up")).unwrap();
        std::os::unix::fs::symlink("b/file", at("a/within")).unwrap();
        let folder = std::fs::File::open(root.path()).unwrap();
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        for path in ["out/secret", "out-file", "a/b/up", "a/b/up/tmp", "out"] {
            assert!(open(folder.as_fd(), path, flags).is_err(), "{path}");
            assert!(walk(folder.as_fd(), path, flags).is_err(), "{path}");
        }
        for path in ["a/b/file", "a/b"] {
            assert!(open(folder.as_fd(), path, flags).is_ok(), "{path}");
            assert!(walk(folder.as_fd(), path, flags).is_ok(), "{path}");
        }
        assert!(walk(folder.as_fd(), "a/within", flags).is_err());
        if cfg!(target_os = "linux") {
            assert!(open(folder.as_fd(), "a/within", flags).is_ok());
        }
    }
}
