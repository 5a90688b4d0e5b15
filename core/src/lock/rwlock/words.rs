//! The words of a lock for readers and writers, and its slots.

use crate::finally::Finally;
use crate::lock::word::{self, HOLDER, Word};
use crate::participant::Participant;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::wait::{Doorbell, Wake};

/// A slot without a reader. Otherwise it is its reader's name.
pub(super) const EMPTY: u32 = 0;

#[derive(Debug)]
#[repr(C)]
pub(super) struct Words<W: Wake> {
    pub(super) writer: Word<W>,
    /// Rung for all that wait but for the next writer.
    pub(super) bell: Doorbell<W>,
}

impl<W: Wake> Words<W> {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Words { writer: Word::new(), bell: Doorbell::new() }
        }
    }

    /// A reader leaves.
    pub(super) fn give_back(&self, slot: &AtomicU32) {
        // SYNC POINT with the acquire in `are_gone`, release: the reader is done with the value.
        slot.store(EMPTY, Ordering::Release);
        self.bell.ring();
    }

    /// If `dead` writes, the lock is free again, and the next ones are told; its slots are empty.
    /// Wakes those that wait. Whether it held anything.
    ///
    /// # Safety
    /// `dead` takes no further step, and what it wrote is visible here. The value is
    /// [`Plain`](crate::plain::Plain).
    pub(super) unsafe fn recover(&self, slots: &[AtomicU32], dead: Participant) -> bool {
        // SAFETY: `dead` takes no further step, and what it wrote is visible here.
        let mut held = unsafe { self.writer.recover_unheard(dead) };
        for slot in slots {
            // Relaxed: the dead one's slot is as new as it left it. SYNC POINT with the acquire in
            // `are_gone`, release. When it fails, another recovered it, or it is somebody else's.
            let name = word::name(dead);
            held |= slot.load(Ordering::Relaxed) & HOLDER == name
                && slot.compare_exchange(name, EMPTY, Ordering::Release, Ordering::Relaxed).is_ok();
        }
        let readers = Finally(|| self.bell.wake_all());
        self.writer.wake_all();
        drop(readers);
        held
    }
}

/// Whether there are no readers. For a writer that has the word.
pub(super) fn are_gone(slots: &[AtomicU32]) -> Option<()> {
    // SYNC POINT with the release of the one that leaves, acquire. It is done with the value.
    slots.iter().all(|slot| slot.load(Ordering::Acquire) == EMPTY).then_some(())
}
