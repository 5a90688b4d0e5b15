//! The regions that this process is attached to: found by an address in them, for a sleeper, and
//! all of them, for a fork.

use super::vigil::Vigil;
use crate::Result;
use crate::sys::lock;
use std::sync::{Arc, Mutex, Weak};

/// A region that this process is attached to.
pub(super) trait AttachedRegion: Send + Sync {
    /// Whether `address` lies in it.
    fn contains(&self, address: usize) -> bool;

    /// Whether this process is the one that attached, and no copy of it that a plain fork made.
    fn is_ours(&self) -> bool;

    /// How those who sleep there share the work of looking after the dead.
    fn vigil(&self) -> Vigil<'_>;

    /// Looks for the dead, unless somebody did so within the bound. One that is about to give up
    /// waiting looks `at_last`, which is no reason to look seldom.
    fn look_after_the_dead(&self, at_last: bool);

    /// Takes a place for the child of a fork.
    fn reserve(self: Arc<Self>) -> Result<Box<dyn Reserved>>;
}

/// A place that was taken for the child of a fork which is about to be.
pub(crate) trait Reserved {
    /// In the child: what was the parent's attachment is this place now.
    ///
    /// # Errors
    /// When the kernel refuses to exchange the descriptors.
    fn in_child(self: Box<Self>) -> Result<()>;

    /// In the parent: the child has it.
    fn in_parent(self: Box<Self>);
}

static ATTACHED: Mutex<Vec<Weak<dyn AttachedRegion>>> = Mutex::new(Vec::new());

pub(super) fn add(attachment: Arc<dyn AttachedRegion>) {
    let mut list = lock(&ATTACHED);
    list.retain(|known| known.strong_count() > 0);
    list.push(Arc::downgrade(&attachment));
}

/// The region in which `address` lies.
pub(super) fn at(address: usize) -> Option<Arc<dyn AttachedRegion>> {
    // Not used under the lock: a recovery may take its time, and dropping the last handle takes
    // locks of its own.
    lock(&ATTACHED).iter().filter_map(Weak::upgrade).find(|one| one.contains(address))
}

/// Takes a place in every region for the child of a fork, which is another participant.
///
/// # Errors
/// When a region has no place left: then the fork must not be.
pub(crate) fn before_fork() -> Result<Vec<Box<dyn Reserved>>> {
    let all: Vec<_> = lock(&ATTACHED).iter().filter_map(Weak::upgrade).collect();
    // What a plain fork left of its parent's is nobody's here.
    all.into_iter().filter(|one| one.is_ours()).map(AttachedRegion::reserve).collect()
}
