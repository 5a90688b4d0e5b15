//! Which owners and modes a region may have for this process to attach to it by name.

use crate::Cause;
use rustix::fs::Stat;

/// The owners and the mode that a region may have.
///
/// Anybody may put a file of any name into `/dev/shm`, and every user that may write a region can
/// write all of it. So a file is checked before this process attaches to it by name. Its owner must
/// be this process's effective user or root, and its mode must allow no more users than the caller
/// does. [`Region::open`](super::Region::open) accepts regions that their owner alone may use. For
/// a region that users share, say so:
///
/// ```
/// use ringway::shm::{Access, Layout, Region, Ring};
/// let name = format!("ringway-doc-access-{}", std::process::id());
/// let layout = Layout::new(4).part::<Ring<u32, 64>>("samples")?;
/// // For the members of this process's group too; made by whichever of them comes first.
/// let access = Access::new(0o660).of_any_owner();
/// let first = Region::open_or_create(&name, access, &layout)?;
/// assert!(Region::open(&name).is_err(), "it did not say that others may write");
/// let second = Region::open_with(&name, access)?;
/// # Ok::<(), ringway::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    mode: u32,
    any_owner: bool,
}

impl Access {
    /// Allows regions of this user or root, with the permissions `mode`.
    ///
    /// A new region gets exactly this mode; an existing one may have no more permissions. Each user
    /// that may read must be able to write: a mode such as `0o644` is refused, because a reader
    /// could hold up the others with locks on the file.
    pub const fn new(mode: u32) -> Self {
        Access { mode, any_owner: false }
    }

    /// Allows regions of any other user too.
    ///
    /// Use it only if all users that could create this name trust each other.
    pub const fn of_any_owner(self) -> Self {
        Access { any_owner: true, ..self }
    }

    pub(super) const fn mode(self) -> u32 {
        self.mode
    }

    /// Checks that this is a mode for a region.
    pub(super) fn check_mode(self) -> Result<(), Cause> {
        let readers = (self.mode >> 2) & 0o111;
        let writers = (self.mode >> 1) & 0o111;
        let is_odd = readers != writers || self.mode & !0o666 != 0;
        if is_odd { Err(Cause::UnevenMode { mode: self.mode }) } else { Ok(()) }
    }

    /// Checks that this process may attach to this file.
    pub(crate) fn check(self, file: &Stat) -> Result<(), Cause> {
        let owner = file.st_uid;
        let us = rustix::process::geteuid().as_raw();
        if !self.any_owner && owner != us && owner != 0 {
            return Err(Cause::OtherOwner { user: owner });
        }
        let mode = file.st_mode & 0o777;
        Access { mode, ..self }.check_mode()?;
        // The owner's permissions do not count: only group and others are compared.
        if mode & !self.mode & 0o077 != 0 {
            return Err(Cause::TooOpen { mode, allowed: self.mode });
        }
        Ok(())
    }
}

impl From<u32> for Access {
    fn from(mode: u32) -> Self {
        Access::new(mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_gives_each_class_both_rights_or_neither() {
        for good in [0, 0o600, 0o660, 0o666, 0o606] {
            assert_eq!(Access::new(good).check_mode(), Ok(()), "{good:o}");
        }
        for bad in [0o644, 0o640, 0o622, 0o400, 0o700, 0o1600, 0o604] {
            assert_eq!(Access::new(bad).check_mode(), Err(Cause::UnevenMode { mode: bad }));
        }
    }
}
