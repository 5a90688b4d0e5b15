//! The regions that this process is attached to: found by an address in them, for a sleeper, and all of them, for a fork.

use super::region::{Attachment, Reserved};
use crate::Result;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

static ATTACHED: Mutex<Vec<Weak<Attachment>>> = Mutex::new(Vec::new());

fn attached() -> MutexGuard<'static, Vec<Weak<Attachment>>> {
    // A panic in between leaves the list as good as it was.
    ATTACHED.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn add(attachment: &Arc<Attachment>) {
    let mut list = attached();
    list.retain(|known| known.strong_count() > 0);
    list.push(Arc::downgrade(attachment));
}

/// The region in which `address` lies.
pub(super) fn at(address: usize) -> Option<Arc<Attachment>> {
    // Not used under the lock: a recovery may take its time, and dropping the last handle takes locks of its own.
    attached().iter().filter_map(Weak::upgrade).find(|one| one.contains(address))
}

/// Takes a place in every region for the child of a fork, which is another participant.
///
/// # Errors
/// When a region has no place left: then the fork must not be.
pub(crate) fn before_fork() -> Result<Vec<Reserved>> {
    let all: Vec<_> = attached().iter().filter_map(Weak::upgrade).collect();
    // What a plain fork left of its parent's is nobody's here.
    all.into_iter()
        .filter(|one| one.is_ours())
        .collect::<Vec<_>>()
        .into_iter()
        .map(Attachment::reserve)
        .collect()
}
