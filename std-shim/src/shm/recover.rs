//! Putting right what a dead participant held, part by part, without knowing what the parts hold.

use super::Sleep;
use crate::lock::{Barrier, BoundedSemaphore, Mutex, ReentrantMutex, RwLock};
use ringway_core::participant::Participant;
use ringway_core::region::{Entry, Kind, View};
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::ring::{Ring, queue};
use ringway_core::wait::{Nobody, Wake};
use std::ptr::NonNull;

/// Puts right what `dead` held in every part; returns how many things it was.
///
/// # Safety
/// `dead` takes no further step in the region, and what it wrote is visible.
pub(super) unsafe fn recover(view: &View<'_>, me: Participant, dead: Participant) -> usize {
    let parts = view.entries().map(|entry| Described { at: view.at(&entry), entry, me, dead });
    // SAFETY: the caller's word, for each part.
    parts.map(|part| unsafe { part.recover() }).sum()
}

/// A part, as the directory describes it, and who is to put it right.
struct Described {
    at: NonNull<u8>,
    entry: Entry,
    me: Participant,
    dead: Participant,
}

impl Described {
    /// # Safety
    /// As [`recover`].
    unsafe fn recover(&self) -> usize {
        type Sleeper = Sleep;
        let kind = self.entry.description.kind;
        // SAFETY, of all blocks here: the caller's word; and the kind says what lies there, and how it begins.
        match (kind.base(), kind.waits()) {
            (Kind::RING | Kind::BYTE_RING | Kind::MESSAGE_RING, true) => {
                // SAFETY: as above: every ring begins with the same header, which is all that is touched.
                unsafe { self.beginning::<Ring<u8, 1, Sleeper>>() }
            }
            (Kind::RING | Kind::BYTE_RING | Kind::MESSAGE_RING, false) => {
                // SAFETY: as above.
                unsafe { self.beginning::<Ring<u8, 1, Nobody>>() }
            }
            // A latest value is a broadcast in memory, and every broadcast begins with the same words.
            // SAFETY: as above.
            (Kind::BROADCAST | Kind::LATEST, true) => unsafe {
                self.beginning::<Broadcast<u8, 1, Sleeper>>()
            },
            // SAFETY: as above.
            (Kind::BROADCAST | Kind::LATEST, false) => unsafe {
                self.beginning::<Broadcast<u8, 1, Nobody>>()
            },
            // SAFETY: as above.
            (Kind::QUEUE, true) => unsafe { self.queue::<Sleeper>() },
            // SAFETY: as above.
            (Kind::QUEUE, false) => unsafe { self.queue::<Nobody>() },
            // What a mutex protects comes behind its words.
            // SAFETY: as above.
            (Kind::MUTEX, _) => unsafe { self.beginning::<Mutex<(), Sleep>>() },
            // SAFETY: as above.
            (Kind::REENTRANT_MUTEX, _) => unsafe { self.beginning::<ReentrantMutex<(), Sleep>>() },
            (Kind::RW_LOCK, _) => self.seats().map_or(0, |(at, readers)| {
                // SAFETY: as above.
                unsafe { RwLock::<(), 1, Sleep>::recover_at(at, readers, self.dead) }.into()
            }),
            (Kind::BOUNDED_SEMAPHORE, _) => self.seats().map_or(0, |(at, permits)| {
                // SAFETY: as above.
                unsafe { BoundedSemaphore::<1, Sleep>::recover_at(at, permits, self.dead) }
            }),
            (Kind::BARRIER, _) => self.seats().map_or(0, |(at, parties)| {
                // SAFETY: as above.
                unsafe { Barrier::<1, Sleep>::recover_at(at, parties, self.dead) }.into()
            }),
            // Nobody holds a semaphore, a condition, an event or an integer: whoever waits looks again by itself. And what
            // this version does not know says that the directory was overwritten.
            _ => 0,
        }
    }

    /// Puts right a part that begins as an `L` does.
    ///
    /// # Safety
    /// As [`recover`](Self::recover); and it does, and no more of it is touched.
    unsafe fn beginning<L: Held>(&self) -> usize {
        if (self.entry.description.size as usize) < size_of::<L>() {
            return 0;
        }
        // SAFETY: the caller's word, and the check.
        let beginning = unsafe { self.at.cast::<L>().as_ref() };
        // SAFETY: the caller's word.
        unsafe { beginning.recover(self.dead) }
    }

    /// Where a part is that begins as an `L` does, which has one seat of 4 bytes, and how many it has; `None` when it is too
    /// small for as many as it says.
    fn seats<L>(&self) -> Option<(NonNull<L>, usize)> {
        let seats = self.entry.description.capacity as usize;
        let more = seats.checked_sub(1)?.checked_mul(4)?;
        // What is a seat in a part of two may be padding in one of one.
        let padding = align_of::<L>() - 4;
        let size = self.entry.description.size as usize;
        (size_of::<L>().checked_add(more)? <= size + padding).then_some((self.at.cast(), seats))
    }

    /// # Safety
    /// As [`recover`](Self::recover), of a queue.
    unsafe fn queue<W: Wake>(&self) -> usize {
        let Some(capacity) = queue_capacity(&self.entry) else { return 0 };
        // SAFETY: a queue of so many slots, by the caller's word and the check.
        let queue = unsafe { queue::Untyped::<W>::at(self.at, capacity) };
        // SAFETY: the caller's word.
        unsafe { queue.recover(self.me, self.dead) }
    }
}

/// What can be put right by its beginning alone.
trait Held {
    /// # Safety
    /// As [`recover`].
    unsafe fn recover(&self, dead: Participant) -> usize;
}

macro_rules! held {
    ($([$($parameters:tt)*] $ty:ty;)*) => {
        $(
            impl<$($parameters)*> Held for $ty {
                unsafe fn recover(&self, dead: Participant) -> usize {
                    // SAFETY: the caller's word.
                    unsafe { <$ty>::recover(self, dead) }.into()
                }
            }
        )*
    };
}

held! {
    [W: Wake] Ring<u8, 1, W>;
    [W: Wake] Broadcast<u8, 1, W>;
    [] Mutex<(), Sleep>;
    [] ReentrantMutex<(), Sleep>;
}

/// How many slots a queue has, if it is as large as it says.
pub(super) fn queue_capacity(entry: &Entry) -> Option<usize> {
    let capacity = entry.description.capacity as usize;
    let words = queue::Untyped::<Nobody>::size(capacity)?;
    (words <= entry.description.size as usize).then_some(capacity)
}
