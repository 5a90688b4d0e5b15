//! The words and the slots of a lock for readers and writers.

use crate::finally::Finally;
use crate::lock::word::{self, HOLDER, Word};
use crate::participant::Participant;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::wait::{Doorbell, Wake};

/// A slot without a reader. Any other value encodes the reader, see [`word::name`].
pub(super) const EMPTY: u32 = 0;

#[derive(Debug)]
#[repr(C)]
pub(super) struct Words<W: Wake> {
    pub(super) writer: Word<W>,
    /// Rung for readers that wait, and for the writer that waits for readers to leave.
    pub(super) bell: Doorbell<W>,
}

impl<W: Wake> Words<W> {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Words { writer: Word::new(), bell: Doorbell::new() }
        }
    }

    /// Frees a reader's slot.
    pub(super) fn give_back(&self, slot: &AtomicU32) {
        // SYNC POINT with the load in `no_readers`, release: the reader has finished using the
        // value.
        slot.store(EMPTY, Ordering::Release);
        self.bell.ring();
    }

    /// Releases what `dead` holds as a writer or as a reader, and wakes all that wait; whether it
    /// held anything.
    ///
    /// # Safety
    /// `dead` takes no further step, and what it wrote is visible here. The value is
    /// [`Plain`](crate::plain::Plain).
    pub(super) unsafe fn recover(&self, slots: &[AtomicU32], dead: Participant) -> bool {
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible here.
        let mut held = unsafe { self.writer.recover_silently(dead) };
        for slot in slots {
            // Relaxed load: the caller sees what `dead` wrote. SYNC POINT of the exchange with the
            // load in `no_readers`, release: the dead reader takes no further step. If the exchange
            // fails, another caller recovered the slot, and perhaps a reader took it since.
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

/// Whether there are no readers. The caller is the writer that has the word.
pub(super) fn no_readers(slots: &[AtomicU32]) -> Option<()> {
    // SYNC POINT with `give_back` and `recover`, acquire: a reader that left has finished using the
    // value.
    slots.iter().all(|slot| slot.load(Ordering::Acquire) == EMPTY).then_some(())
}
