//! What the ends of a pipe share: the bytes, which ends are open, and the writers' lock.

use super::super::try_lock::TryLock;
use super::super::{Event, State};
use crate::Error;
use crate::finally::Finally;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::ring::bytes::{ByteRing, Consumer, Producer};
use crate::sync::{AtomicU32, CachePadded, Ordering, RmwU32, Roomy, const_unless_loom, roomy};
use crate::wait::{Doorbell, Wake};
use core::mem::ManuallyDrop;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::panic::RefUnwindSafe;

/// The shared part of a pipe or FIFO: a byte ring, and the record of its open ends.
#[derive(Debug)]
pub(in crate::channel) struct Shared<const N: usize, W: Wake> {
    ring: ByteRing<N, W>,
    /// The open ends, as the word of [`Ends`].
    ///
    /// It has a cache line of its own: both sides read it in every call, and it seldom changes.
    ends: CachePadded<RmwU32>,
    writing: CachePadded<Writing>,
}

/// What the writers share among themselves.
#[derive(Debug)]
struct Writing {
    lock: TryLock,
    /// The room that the last writer knew of, where writers know any.
    ///
    /// Relaxed: only the writer that holds the lock accesses it, and the lock orders the accesses.
    room: Roomy<AtomicU32>,
}

impl Writing {
    const_unless_loom! {
        fn new() -> Self {
            Writing { lock: TryLock::new(), room: roomy!(AtomicU32::new(0)) }
        }
    }
}

/// The word that records the open ends: three bits, and above them the number of writers.
#[derive(Debug, Clone, Copy)]
pub(in crate::channel) struct Ends(u32);

/// The reader is open.
const READER: u32 = 1;
/// Both ends were opened at once; only writers make further writers.
///
/// So a writer that sees that it is the only one stays the only one until it clones itself. It
/// needs no lock: nobody else can hold it. The ends of a FIFO are opened separately, at any time.
const TOGETHER: u32 = 1 << 1;
/// The writer did not close; the connection was torn down.
///
/// A socket's listener sets this when it closes before it accepted the connection.
const RESET: u32 = 1 << 2;
/// One writer.
const WRITER: u32 = 1 << 3;
const MAX_WRITERS: u32 = 1 << 16;

/// The word while both ends of a pipe are open, and it has one writer.
const ONE_TO_ONE: u32 = READER | TOGETHER | WRITER;

impl Ends {
    pub(in crate::channel) const fn writers(self) -> u32 {
        self.0 / WRITER
    }

    pub(in crate::channel) const fn reader(self) -> bool {
        self.0 & READER != 0
    }

    pub(in crate::channel) const fn nobody(self) -> bool {
        self.0 & !(TOGETHER | RESET) == 0
    }

    /// Returns the state of the reader once it has read everything.
    pub(super) fn reader_state(self) -> State {
        let event = match self.writers() {
            0 if self.0 & RESET != 0 => Event::Reset,
            0 => Event::PeerShutSend,
            _ => return State::READER,
        };
        State::READER.on(event).unwrap_or(State::READER)
    }

    /// Returns the state of a writer.
    pub(super) fn writer_state(self) -> State {
        if self.reader() {
            return State::WRITER;
        }
        State::WRITER.on(Event::PeerShutRecv).unwrap_or(State::WRITER)
    }
}

// If a waker panics, this is as after the call. Wakers run last in a call; a guard does what must
// be done even after a panic.
impl<const N: usize, W: Wake> RefUnwindSafe for Shared<N, W> {}

impl<const N: usize, W: Wake> Shared<N, W> {
    pub(in crate::channel) const ATOMIC: usize = if N < 4096 { N } else { 4096 };

    const_unless_loom! {
        pub(in crate::channel) fn new() -> Self {
            Shared {
                ring: ByteRing::new(),
                ends: CachePadded(RmwU32::new(0)),
                writing: CachePadded(Writing::new()),
            }
        }
    }

    /// Initializes `place`.
    #[cfg(not(loom))]
    pub(super) fn init(place: &mut MaybeUninit<Self>) {
        let at = place.as_mut_ptr();
        // SAFETY: `at` points to `place`, which is borrowed exclusively and large enough for all
        // the fields.
        let ring = unsafe { &raw mut (*at).ring };
        // SAFETY: `at` points to `place`, borrowed exclusively and large enough for all the fields.
        let ends = unsafe { &raw mut (*at).ends };
        // SAFETY: `at` points to `place`, borrowed exclusively and large enough for all the fields.
        let writing = unsafe { &raw mut (*at).writing };
        // SAFETY: `ring` points to the field's bytes within `place`, which is borrowed exclusively;
        // no other reference to these bytes exists. `MaybeUninit` may hold uninitialized bytes.
        ByteRing::init(unsafe { &mut *ring.cast::<MaybeUninit<ByteRing<N, W>>>() });
        // SAFETY: `ends` points into `place`, aligned and exclusively borrowed.
        unsafe { ends.write(CachePadded(RmwU32::new(0))) };
        // SAFETY: `writing` points into `place`, aligned and exclusively borrowed.
        unsafe { writing.write(CachePadded(Writing::new())) };
    }
}

impl<const N: usize, W: Wake> Shared<N, W> {
    /// Returns which ends are open.
    #[inline(always)]
    pub(in crate::channel) fn ends(&self) -> Ends {
        // Acquire: partner is the release in `leave`. A reader that sees the last writer
        // closed sees all it wrote. A writer that sees itself alone sees what the closed writers
        // did under the lock.
        Ends(self.ends.0.load(Ordering::Acquire))
    }

    /// Records a reader and a writer, if no end is open.
    pub(in crate::channel) fn open_both(&self) -> Result<(), Error> {
        // Acquire: partner is the release in `leave`. The earlier ends are done with the ring.
        self.ends
            .0
            .update_if(Ordering::Acquire, |before| Ends(before).nobody().then_some(ONE_TO_ONE))
            .map_err(|_| Error::Taken)?;
        self.discard();
        Ok(())
    }

    pub(in crate::channel) fn own_both(&mut self) {
        self.ends.0.set(ONE_TO_ONE);
        self.discard();
    }

    /// Discards unread bytes. The caller has just opened a pipe that had no end open.
    ///
    /// It wakes nobody, because no other end is open.
    fn discard(&self) {
        // SAFETY: the caller has just opened a pipe without an open end, so that no consumer
        // exists; opening acquired what the last consumer released when it left.
        let mut half = unsafe { self.ring.lend_consumer() };
        half.discard();
    }

    /// Records the reader; returns which ends were open before.
    ///
    /// One context at a time may call it or `enter_writer`, under the registry's lock.
    pub(in crate::channel) fn enter_reader(&self) -> Result<Ends, Error> {
        // Acquire: partner is the release in `leave`. The new reader goes on from the position of
        // the one that left.
        let before = Ends(self.ends.0.fetch_or(READER, Ordering::Acquire));
        if before.reader() {
            return Err(Error::Taken);
        }
        if before.nobody() {
            self.discard();
        }
        Ok(before)
    }

    /// Records one more writer; returns which ends were open before.
    ///
    /// One context at a time may call it or `enter_reader`, under the registry's lock.
    pub(in crate::channel) fn enter_writer(&self) -> Result<Ends, Error> {
        // Acquire: partner is the release in `leave`. `discard` goes on from the position of the
        // reader that left.
        let before = self.count_writer(Ordering::Acquire)?;
        if before.nobody() {
            self.discard();
        }
        Ok(before)
    }

    /// Counts one more writer. The caller is a writer.
    pub(super) fn clone_writer(&self) -> Result<(), Error> {
        // Relaxed: the new writer goes on from what the cloned writer saw.
        self.count_writer(Ordering::Relaxed).map(drop)
    }

    fn count_writer(&self, order: Ordering) -> Result<Ends, Error> {
        let before = Ends(self.ends.0.fetch_add(WRITER, order));
        if before.writers() >= MAX_WRITERS {
            self.leave_writer();
            return Err(Error::Exhausted);
        }
        Ok(before)
    }

    /// The doorbell that the reader sleeps on.
    pub(in crate::channel) fn readers_bell(&self) -> &Doorbell<W> {
        self.ring.consumers_bell()
    }

    /// The doorbell that the writers sleep on.
    pub(in crate::channel) fn writers_bell(&self) -> &Doorbell<W> {
        self.ring.producers_bell()
    }

    pub(in crate::channel) fn leave_reader(&self) {
        self.leave(READER);
        self.writers_bell().ring();
    }

    pub(in crate::channel) fn leave_writer(&self) {
        if self.leave(WRITER).writers() == 1 {
            self.readers_bell().ring();
        }
    }

    /// Takes an open end, `READER` or `WRITER`, out of the word; returns which were open before.
    #[cfg_attr(any(no_cas, not(target_has_atomic = "32")), inline(never))]
    fn leave(&self, end: u32) -> Ends {
        // Release: partner is the acquire in `ends`, `open_both`, `enter_reader` and
        // `enter_writer`. A context that sees this end closed sees that it is done with the ring,
        // and what it wrote.
        Ends(self.ends.0.fetch_sub(end, Ordering::Release))
    }

    /// Closes the only writer so that the reader finds a reset, not the end of file.
    pub(in crate::channel) fn reset_writer(&self) {
        // The subtraction sets `RESET` and takes the writer from the count in one step. Relaxed:
        // this writer never wrote.
        self.ends.0.fetch_sub(WRITER - RESET, Ordering::Relaxed);
        self.readers_bell().ring();
    }

    /// Returns the consumer's half of the ring for the reader.
    ///
    /// # Safety
    /// The caller set `READER` last, has not left since, and uses at most one such half at a time.
    pub(super) unsafe fn reading(&self) -> ManuallyDrop<Consumer<&ByteRing<N, W>>> {
        // SAFETY: the caller set `READER`, which one reader at a time does, and uses one half at a
        // time. Setting it acquired what the earlier reader released when it left.
        unsafe { self.ring.lend_consumer() }
    }

    /// Does `work` with the producer's half; `None` while another writer holds the lock.
    ///
    /// If the writer cannot send, [`State::on`] says why: [`Error::BrokenPipe`].
    ///
    /// # Safety
    /// The caller is a writer: it is counted in `ends` and has not left.
    #[inline(always)]
    pub(super) unsafe fn writing<'a, R>(
        &'a self,
        work: impl FnOnce(&mut Producer<&'a ByteRing<N, W>>) -> R,
    ) -> Option<Result<R, Error>> {
        let ends = self.ends();
        let alone = ends.0 == ONE_TO_ONE;
        if !alone {
            if let Err(error) = ends.writer_state().on(Event::Send) {
                return Some(Err(error));
            }
            if !self.writing.0.lock.try_lock() {
                return None;
            }
        }
        let leave = || {
            if !alone {
                self.leave_writing();
            }
        };
        // `work` may run the reader's waker; if that panics, this guard unlocks.
        let panics = Finally(leave);
        let room = self.writing.0.room.by_ref().get();
        let known = room.map_or(0, |room| room.load(Ordering::Relaxed));
        // SAFETY: one context at a time has the producer's half. Either this writer holds the lock,
        // and locking acquired what the last holder released. Or this writer is alone and stays
        // alone until it clones itself (`TOGETHER`), and loading the ends acquired what closed
        // writers released.
        let mut half = unsafe { self.ring.lend_producer(known) };
        if let Some(room) = room {
            // Until `work` is done, the known room is 0. The reader's waker runs within `work`. If
            // it panics, the next writer must not count on more room than there is; with 0 it looks
            // at the ring.
            room.store(0, Ordering::Relaxed);
        }
        let done = work(&mut half);
        core::mem::forget(panics);
        if let Some(room) = room {
            room.store(half.known_room(), Ordering::Relaxed);
        }
        leave();
        Some(Ok(done))
    }

    /// Releases the lock that [`writing`](Self::writing) took, because this writer may not be the
    /// only one.
    #[cfg_attr(any(no_cas, not(target_has_atomic = "32")), inline(never))]
    fn leave_writing(&self) {
        if self.writing.0.lock.unlock() {
            self.writers_bell().ring();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::wait::Spin;

    /// Whether a second writer may write while the first one does.
    fn lets_in_another(shared: &Shared<8, Spin>) -> bool {
        // SAFETY: the caller counted a writer, and none leaves.
        let write = || unsafe { shared.writing(|_| ()) };
        // SAFETY: as above; nobody uses a half in there.
        let done = unsafe { shared.writing(|_| write().is_some()) };
        done.expect("nobody writes yet").expect("the reader is open")
    }

    #[test]
    fn only_a_writer_that_stays_alone_takes_no_lock() {
        let pipe = Shared::<8, Spin>::new();
        pipe.open_both().unwrap();
        assert!(lets_in_another(&pipe), "there is nobody else, so there is no lock");
        pipe.clone_writer().unwrap();
        assert!(!lets_in_another(&pipe));
        // Another writer may open a FIFO at any time.
        let fifo = Shared::<8, Spin>::new();
        fifo.enter_reader().unwrap();
        fifo.enter_writer().unwrap();
        assert!(!lets_in_another(&fifo));
    }
}
