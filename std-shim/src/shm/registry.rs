//! The regions that this process is attached to.
//!
//! A sleeper finds its region by an address in it; a fork needs all of them.

use super::vigil::Vigil;
use crate::Result;
use crate::sys::lock;
use std::sync::{Arc, Mutex, Weak};

/// A region that this process is attached to.
pub(super) trait AttachedRegion: Send + Sync {
    /// Whether `address` lies in it.
    fn contains(&self, address: usize) -> bool;

    /// Whether this process is the one that attached, and not a copy that a plain fork made.
    fn is_ours(&self) -> bool;

    /// The words by which the region's sleepers share the checks for dead participants.
    fn vigil(&self) -> Vigil<'_>;

    /// Checks for dead participants, unless somebody has within the bound. `at_last`: the caller is
    /// about to give up waiting, and checks even if the last check is more recent than that (see
    /// [`Vigil::is_due`]).
    fn reap_if_due(&self, at_last: bool);

    /// Takes a place for the child of a fork that is to come.
    fn reserve(self: Arc<Self>) -> Result<Box<dyn Reserved>>;
}

/// A place that was taken for the child of a fork that is to come.
pub(crate) trait Reserved {
    /// In the child: turns the copied attachment of the parent into one of this place.
    ///
    /// # Errors
    /// When the kernel refuses to exchange the descriptors.
    fn in_child(self: Box<Self>) -> Result<()>;

    /// In the parent: leaves the place to the child.
    fn in_parent(self: Box<Self>);
}

static ATTACHED: Mutex<Vec<Weak<dyn AttachedRegion>>> = Mutex::new(Vec::new());

pub(super) fn add(attachment: Arc<dyn AttachedRegion>) {
    let mut list = lock(&ATTACHED);
    list.retain(|known| known.strong_count() > 0);
    list.push(Arc::downgrade(&attachment));
}

/// The region that contains `address`.
pub(super) fn at(address: usize) -> Option<Arc<dyn AttachedRegion>> {
    // The caller uses the region after the lock is released: a recovery may take long, and dropping
    // the last handle takes other locks.
    lock(&ATTACHED).iter().filter_map(Weak::upgrade).find(|one| one.contains(address))
}

/// Takes a place in every region for the child of a fork, which will be another participant.
///
/// # Errors
/// When a region has no place left. The caller must not fork then.
pub(crate) fn before_fork() -> Result<Vec<Box<dyn Reserved>>> {
    let all: Vec<_> = lock(&ATTACHED).iter().filter_map(Weak::upgrade).collect();
    // An attachment that a plain fork copied from the parent does not belong to this process.
    all.into_iter().filter(|one| one.is_ours()).map(AttachedRegion::reserve).collect()
}
