//! Stale regions, which nobody is attached to any more: removing their names, or reusing their
//! files.

use super::file::{CREATE, File, REMOVE, name_of};
use super::mapping::Mapping;
use super::{Access, Layout};
use crate::error::{On, Tried};
use crate::{Cause, CoreError, Error, Result};
use ringway_core::region::{self, MAX_START};

/// Removes the name of a region.
///
/// Attached processes go on with the region, and nobody else can find it.
///
/// # Errors
/// [`CoreError::NotFound`] when nothing has this name; [`Cause::Region`](crate::Cause::Region) or
/// [`Cause::WrongFile`] when it is no region; [`Cause::Stale`] when this process may not remove it:
/// in `/dev/shm` only its owner and root may.
///
/// ```
/// use ringway::CoreError;
/// assert!(ringway::shm::unlink("ringway-doc-nothing").unwrap_err().is(CoreError::NotFound));
/// ```
#[doc(alias = "shm_unlink")]
pub fn unlink(name: &str) -> Result<()> {
    remove(name, |_| Ok(()))
}

/// Removes the name of a region, if `may_go` returns `Ok` while nobody can attach or detach.
pub(super) fn remove(name: &str, may_go: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    let name = name_of(name, REMOVE)?;
    let file = File::named(name, REMOVE)?;
    file.check_region(REMOVE)
        .and_then(|()| file.lock_table())
        .and_then(|()| may_go(&file))
        .and_then(|()| file.unlink())
        .on(name)
}

/// Frees a name that nobody uses any more for a new region.
///
/// If this process may not remove the name, and may reuse the file, it returns the file. The caller
/// then lays it out anew; the file holds its table lock.
///
/// # Errors
/// [`CoreError::AddressInUse`] when somebody uses the name; [`Cause::Stale`] when nobody does, and
/// this process can neither remove nor reuse the file, perhaps because an observer has it.
pub(super) fn free_name(name: &str, access: Access) -> Result<Option<File>> {
    let taken = || Error::new(CREATE, CoreError::AddressInUse);
    let file = match File::named(name, CREATE) {
        Ok(file) => file,
        // Another process has just removed it: the name is free.
        Err(error) if error.is(CoreError::NotFound) => return Ok(None),
        Err(error) if matches!(error.cause(), Cause::WrongFile { .. }) => return Err(taken()),
        Err(error) => return Err(error),
    };
    if file.not_a_region()?.is_some() {
        return Err(taken());
    }
    file.lock_table()?;
    // This process holds the table lock, so that nobody attaches, and the answer stays true.
    if file.is_used() {
        return Err(taken());
    }
    match file.unlink() {
        Err(error) if matches!(error.cause(), Cause::Stale { .. }) => {
            let stat = file.stat()?;
            // A new file would have exactly this mode, and nobody would look at it.
            let fits = access.check(&stat).is_ok()
                && stat.st_mode & 0o777 == access.mode()
                && !file.is_observed();
            if fits { Ok(Some(file)) } else { Err(error) }
        }
        Err(error) if !error.is(CoreError::NotFound) => Err(error),
        _ => Ok(None),
    }
}

/// Lays out a file anew. The caller holds its table lock, and nobody is attached to it.
pub(super) fn lay_out_anew(file: &File, layout: &Layout) -> Result<()> {
    let size = layout.size();
    let image = Mapping::private(size)?;
    // SAFETY: `image` is a private mapping of this length, zeroed, that lives until the end of this
    // function. Nothing but this slice accesses it.
    let memory = unsafe { std::slice::from_raw_parts_mut(image.at().as_ptr(), image.length()) };
    layout.write(memory).tried(CREATE)?;
    let start = memory.get(..size.min(MAX_START)).ok_or(region::Error::Corrupt).tried(CREATE)?;
    file.overwrite(size as u64, start)
}
