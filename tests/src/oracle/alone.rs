//! What one thread needs that plays all participants: their numbers, its own number, and a way of
//! waiting that never sleeps.

use ringway_core::lock::ThreadId;
use ringway_core::participant::Participant;
use ringway_core::region::SharedWait;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::{BellWord, TimedOut, Wait, Wake};
use std::num::NonZeroU32;

/// Participant `number`.
pub(super) fn participant(number: u16) -> Participant {
    Participant::new(number).expect("it is a participant's number")
}

/// The only thread that takes reentrant mutexes here.
#[derive(Debug)]
pub(super) struct Only;

// SAFETY: a single thread uses each of the mutexes here, so one number names it.
unsafe impl ThreadId for Only {
    fn thread_id() -> NonZeroU32 {
        NonZeroU32::MIN
    }
}

/// A way of waiting by which each deadline is past. Its structures have doorbells.
#[derive(Debug)]
pub(super) struct Late;

impl Wake for Late {
    type Word = BellWord;

    const INIT: Self = Late;

    fn wake(&self, _: &AtomicU32, _: u32) {}

    fn is_unwinding(&self) -> bool {
        std::thread::panicking()
    }
}

impl Wait for Late {
    type Deadline = ();

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<()>) -> Result<(), TimedOut> {
        Err(TimedOut)
    }
}

// SAFETY: the type has no bytes, and its `wait` never sleeps.
unsafe impl SharedWait for Late {}
