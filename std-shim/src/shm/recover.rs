//! Putting right what a dead participant held, part by part, without knowing what the parts hold.

use super::Sleep;
use crate::lock::{Barrier, BoundedSemaphore, Mutex, ReentrantMutex, RwLock};
use ringway_core::participant::Participant;
use ringway_core::region::{Entry, Kind, View};
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::ring::{Ring, queue};
use ringway_core::wait::{Bell, Doorbell, Polled};
use std::ptr::NonNull;

/// Puts right what `dead` held in every part; returns how many things it was.
///
/// # Safety
/// `dead` takes no further step in the region, and what it wrote is visible.
pub(super) unsafe fn recover(view: &View<'_>, me: Participant, dead: Participant) -> usize {
    let parts = view.entries();
    // SAFETY: the caller's word, for each part.
    parts.map(|entry| unsafe { recover_part(view.at(&entry), &entry, me, dead) }).sum()
}

/// # Safety
/// As [`recover`]; and `at` is where the part is that `entry` describes.
unsafe fn recover_part(
    at: NonNull<u8>,
    entry: &Entry,
    me: Participant,
    dead: Participant,
) -> usize {
    let kind = entry.description.kind;
    match kind.base() {
        // SAFETY: the caller's word.
        Kind::RING | Kind::BYTE_RING | Kind::MESSAGE_RING if kind.waits() => unsafe {
            ring::<Doorbell<Sleep>>(at, entry, dead)
        },
        // SAFETY: as above.
        Kind::RING | Kind::BYTE_RING | Kind::MESSAGE_RING => unsafe {
            ring::<Polled>(at, entry, dead)
        },
        // SAFETY: as above.
        Kind::QUEUE if kind.waits() => unsafe { queue::<Doorbell<Sleep>>(at, entry, me, dead) },
        // SAFETY: as above.
        Kind::QUEUE => unsafe { queue::<Polled>(at, entry, me, dead) },
        // SAFETY: as above.
        Kind::BROADCAST | Kind::LATEST if kind.waits() => unsafe {
            broadcast::<Doorbell<Sleep>>(at, entry, dead)
        },
        // SAFETY: as above.
        Kind::BROADCAST | Kind::LATEST => unsafe { broadcast::<Polled>(at, entry, dead) },
        // SAFETY: as above.
        Kind::MUTEX => unsafe { fixed(at, entry, |lock: &Mutex<(), Sleep>| lock.recover(dead)) },
        // SAFETY: as above.
        Kind::REENTRANT_MUTEX => unsafe {
            fixed(at, entry, |lock: &ReentrantMutex<(), Sleep>| lock.recover(dead))
        },
        // SAFETY: as above.
        Kind::RW_LOCK => unsafe {
            let readers = entry.description.capacity as usize;
            seats::<RwLock<(), 1, Sleep>>(at, entry)
                .map_or(0, |at| usize::from(RwLock::recover_at(at, readers, dead)))
        },
        // SAFETY: as above.
        Kind::BOUNDED_SEMAPHORE => unsafe {
            let permits = entry.description.capacity as usize;
            seats::<BoundedSemaphore<1, Sleep>>(at, entry)
                .map_or(0, |at| BoundedSemaphore::<1, _>::recover_at(at, permits, dead))
        },
        // SAFETY: as above.
        Kind::BARRIER => unsafe {
            let parties = entry.description.capacity as usize;
            seats::<Barrier<1, Sleep>>(at, entry)
                .map_or(0, |at| usize::from(Barrier::<1, _>::recover_at(at, parties, dead)))
        },
        // Nobody holds them: whoever waits looks again by itself.
        Kind::SEMAPHORE | Kind::CONDITION | Kind::EVENT | Kind::ATOMIC | Kind::WORDS => 0,
        // Not one of this version's kinds: its directory was overwritten.
        _ => 0,
    }
}

/// # Safety
/// As [`recover_part`], of a ring of values or of bytes.
unsafe fn ring<B: Bell>(at: NonNull<u8>, entry: &Entry, dead: Participant) -> usize {
    let at = at.cast::<Ring<u8, 1, B>>();
    if (entry.description.size as usize) < size_of::<Ring<u8, 1, B>>() {
        return 0;
    }
    // SAFETY: every ring begins with the same header, which is all that a recovery touches, and is no smaller than this one;
    // the rest is the caller's word.
    unsafe { at.as_ref().recover(dead) }
}

/// # Safety
/// As [`recover_part`], of a broadcast, or of a latest value, which is the same in memory.
unsafe fn broadcast<B: Bell>(at: NonNull<u8>, entry: &Entry, dead: Participant) -> usize {
    let at = at.cast::<Broadcast<u8, 1, B>>();
    if (entry.description.size as usize) < size_of::<Broadcast<u8, 1, B>>() {
        return 0;
    }
    // SAFETY: every broadcast begins with the same words, which are all that a recovery touches, and is no smaller than this
    // one; the rest is the caller's word.
    unsafe { at.as_ref().recover(dead) }
}

/// # Safety
/// As [`recover_part`], of a part that begins as `L` does, and is no larger than what `recover` touches.
unsafe fn fixed<L>(at: NonNull<u8>, entry: &Entry, recover: impl FnOnce(&L) -> bool) -> usize {
    if (entry.description.size as usize) < size_of::<L>() {
        return 0;
    }
    // SAFETY: the words of such a lock come first, whatever it protects; and the check.
    usize::from(recover(unsafe { at.cast::<L>().as_ref() }))
}

/// Where a part is that begins as `L` does, which has one seat of 4 bytes; `None` when it is too small for as many seats as
/// it says.
fn seats<L>(at: NonNull<u8>, entry: &Entry) -> Option<NonNull<L>> {
    let more = (entry.description.capacity as usize).saturating_sub(1).checked_mul(4)?;
    // A lock of more than one seat may end in what is padding in one of one seat.
    let padding = align_of::<L>() - 4;
    let fits = size_of::<L>().checked_add(more)? <= entry.description.size as usize + padding;
    fits.then_some(at.cast())
}

/// # Safety
/// As [`recover_part`], of a queue.
unsafe fn queue<B: Bell>(
    at: NonNull<u8>,
    entry: &Entry,
    me: Participant,
    dead: Participant,
) -> usize {
    let Some(capacity) = queue_capacity(entry) else { return 0 };
    // SAFETY: a queue of so many slots, by the caller's word and the check.
    let queue = unsafe { queue::Untyped::<B>::at(at, capacity) };
    // SAFETY: the caller's word.
    unsafe { queue.recover(me, dead) }
}

/// How many slots a queue has, if it is as large as it says.
pub(super) fn queue_capacity(entry: &Entry) -> Option<usize> {
    let capacity = entry.description.capacity as usize;
    let words = queue::Untyped::<Polled>::size(capacity)?;
    (words <= entry.description.size as usize).then_some(capacity)
}
