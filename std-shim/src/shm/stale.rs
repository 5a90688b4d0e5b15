//! Names of regions that nobody is attached to any more: removed, or laid out anew.

use super::file::{CREATE, File, REMOVE, name_of};
use super::mapping::Mapping;
use super::{Access, Layout};
use crate::error::{On, Tried};
use crate::{Cause, CoreError, Error, Result};
use ringway_core::region::{self, MAX_START};

/// Removes the name of a region. Who is attached goes on, and nobody else finds it.
///
/// # Errors
/// [`CoreError::NotFound`] when nothing has this name; [`Cause::Region`](crate::Cause::Region)
/// or [`Cause::WrongFile`] when it is no region; [`Cause::Stale`] when this process may not remove
/// it: in `/dev/shm` its owner may, and root.
///
/// ```
/// use ringway::CoreError;
/// assert!(ringway::shm::unlink("ringway-doc-nothing").unwrap_err().is(CoreError::NotFound));
/// ```
#[doc(alias = "shm_unlink")]
pub fn unlink(name: &str) -> Result<()> {
    remove(name, |_| Ok(()))
}

/// Removes the name of a region that `may_go`, which is asked while nobody can attach or detach.
pub(super) fn remove(name: &str, may_go: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    let name = name_of(name, REMOVE)?;
    let file = File::named(name, REMOVE)?;
    file.check_region(REMOVE)
        .and_then(|()| file.take_table())
        .and_then(|()| may_go(&file))
        .and_then(|()| file.unlink())
        .on(name)
}

/// Has a name that nobody uses any more be free for a new region. Where the name has to stay, its
/// file is to be laid out anew, whose table is ours then.
///
/// # Errors
/// [`CoreError::AddressInUse`] when somebody uses it; [`Cause::Stale`] when nobody does, and this
/// process can do nothing about it.
pub(super) fn make_way(name: &str, access: Access) -> Result<Option<File>> {
    let taken = || Error::new(CREATE, CoreError::AddressInUse);
    let file = match File::named(name, CREATE) {
        Ok(file) => file,
        // Removed meanwhile: as good.
        Err(error) if error.is(CoreError::NotFound) => return Ok(None),
        Err(error) if matches!(error.cause(), Cause::WrongFile { .. }) => return Err(taken()),
        Err(error) => return Err(error),
    };
    if file.is_no_region()?.is_some() {
        return Err(taken());
    }
    file.take_table()?;
    // With the table ours, nobody attaches; so the answer stays true.
    if file.is_used() {
        return Err(taken());
    }
    match file.unlink() {
        Err(error) if matches!(error.cause(), Cause::Stale { .. }) => {
            let stat = file.stat()?;
            // A new one would have exactly this mode.
            let fits = access.check(&stat).is_ok() && stat.st_mode & 0o777 == access.mode();
            if fits { Ok(Some(file)) } else { Err(error) }
        }
        Err(error) if !error.is(CoreError::NotFound) => Err(error),
        _ => Ok(None),
    }
}

/// Lays a file out anew that nobody is attached to, and whose table is ours.
pub(super) fn lay_out_anew(file: &File, layout: &Layout) -> Result<()> {
    let size = layout.size();
    let image = Mapping::private(size)?;
    // SAFETY: memory of our own, zeroed, of this length, which nobody else uses.
    let memory = unsafe { std::slice::from_raw_parts_mut(image.at().as_ptr(), image.length()) };
    layout.write(memory).tried(CREATE)?;
    let start = memory.get(..size.min(MAX_START)).ok_or(region::Error::Corrupt).tried(CREATE)?;
    file.overwrite(size as u64, start)
}
