//! What the ends of a pipe share: the bytes, who is there, and the lock of the writers.

use super::super::try_lock::TryLock;
use super::super::{Event, State};
use crate::Error;
use crate::finally::Finally;
#[cfg(not(loom))]
use crate::ring::InPlace;
use crate::ring::bytes::{ByteRing, Consumer, Producer};
use crate::sync::{AtomicU32, CachePadded, Cached, Ordering, RmwU32, const_unless_loom};
use crate::wait::{Doorbell, Wake};
use core::mem::ManuallyDrop;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
use core::panic::RefUnwindSafe;

/// How the ends of a pipe come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::channel) enum Opened {
    /// Both at once, and further writers from writers alone. So a writer that sees itself to be the
    /// only one stays so until it clones itself, and needs no lock: nobody else can hold it.
    Together,
    /// Each by itself, at any time: a FIFO.
    Apart,
}

/// A pipe, or what a FIFO opens to: a byte ring, and who has its ends.
#[derive(Debug)]
pub(in crate::channel) struct Shared<const N: usize, W: Wake> {
    ring: ByteRing<N, W>,
    /// Who is there, see [`Ends`]. On a line of its own: both sides read it at every turn, and it
    /// changes seldom.
    ends: CachePadded<RmwU32>,
    writing: CachePadded<Writing>,
    opened: Opened,
}

/// What the writers share among themselves.
#[derive(Debug)]
struct Writing {
    lock: TryLock,
    /// The room that the writer before knew of. Relaxed: it belongs to the writer that holds the
    /// lock, and the lock orders it.
    room: AtomicU32,
}

impl Writing {
    const_unless_loom! {
        fn new() -> Self {
            Writing { lock: TryLock::new(), room: AtomicU32::new(0) }
        }
    }
}

/// What the word of ends says: two bits, and below them the number of writers.
#[derive(Debug, Clone, Copy)]
pub(in crate::channel) struct Ends(u32);

/// The reader is there.
const READER: u32 = 1 << 31;
/// The writer did not go, it was torn off: a socket's, whose listener closed before it was
/// accepted.
const RESET: u32 = 1 << 30;
const MAX_WRITERS: u32 = 1 << 16;

impl Ends {
    pub(in crate::channel) const fn writers(self) -> u32 {
        self.0 & !(READER | RESET)
    }

    pub(in crate::channel) const fn reader(self) -> bool {
        self.0 & READER != 0
    }

    pub(in crate::channel) const fn nobody(self) -> bool {
        self.0 & !RESET == 0
    }

    /// Where the reader is in its life, once everything is read.
    pub(super) fn reader_state(self) -> State {
        let event = match self.writers() {
            0 if self.0 & RESET != 0 => Event::Reset,
            0 => Event::PeerShutSend,
            _ => return State::READER,
        };
        State::READER.on(event).unwrap_or(State::READER)
    }

    /// Where a writer is in its life.
    pub(super) fn writer_state(self) -> State {
        if self.reader() {
            return State::WRITER;
        }
        State::WRITER.on(Event::PeerShutRecv).unwrap_or(State::WRITER)
    }
}

// A panic of a waker leaves it as after the call: such code runs last, and what it must not prevent
// is left to a guard.
impl<const N: usize, W: Wake> RefUnwindSafe for Shared<N, W> {}

impl<const N: usize, W: Wake> Shared<N, W> {
    pub(in crate::channel) const ATOMIC: usize = if N < 4096 { N } else { 4096 };

    const_unless_loom! {
        pub(in crate::channel) fn new(opened: Opened) -> Self {
            Shared {
                ring: ByteRing::new(),
                ends: CachePadded(RmwU32::new(0)),
                writing: CachePadded(Writing::new()),
                opened,
            }
        }
    }

    /// Makes it in `place`.
    #[cfg(not(loom))]
    pub(super) fn init(place: &mut MaybeUninit<Self>, opened: Opened) {
        let at = place.as_mut_ptr();
        // SAFETY: within the place, which is ours; here and below.
        let ring = unsafe { &raw mut (*at).ring };
        // SAFETY: as above.
        let ends = unsafe { &raw mut (*at).ends };
        // SAFETY: as above.
        let writing = unsafe { &raw mut (*at).writing };
        // SAFETY: as above.
        let how = unsafe { &raw mut (*at).opened };
        // SAFETY: as above; nothing else refers to these bytes.
        ByteRing::init(unsafe { &mut *ring.cast::<MaybeUninit<ByteRing<N, W>>>() });
        // SAFETY: as above.
        unsafe { ends.write(CachePadded(RmwU32::new(0))) };
        // SAFETY: as above.
        unsafe { writing.write(CachePadded(Writing::new())) };
        // SAFETY: as above.
        unsafe { how.write(opened) };
    }
}

impl<const N: usize, W: Wake> Shared<N, W> {
    /// Who is there.
    #[inline(always)]
    pub(in crate::channel) fn ends(&self) -> Ends {
        // Acquire: partner is the release in `leave_writer`. The reader that sees the last writer
        // gone sees all it wrote; the writer that sees itself alone sees what those did under the
        // lock who went.
        Ends(self.ends.0.load(Ordering::Acquire))
    }

    /// Lets a reader and a writer in, if there is nobody.
    pub(in crate::channel) fn open_both(&self) -> Result<(), Error> {
        // Relaxed: the exchange below says whether it is still so.
        let before = self.ends.0.load(Ordering::Relaxed);
        if !Ends(before).nobody() {
            return Err(Error::Taken);
        }
        // Acquire: partner is the release in `leave_reader` and `leave_writer`. The ends before are
        // done with the ring.
        self.ends
            .0
            .compare_exchange(before, READER | 1, Ordering::Acquire, Ordering::Relaxed)
            .map_err(|_| Error::Taken)?;
        self.discard();
        Ok(())
    }

    pub(in crate::channel) fn own_both(&mut self) {
        self.ends.0.set(READER | 1);
        self.discard();
    }

    /// Drops what nobody read, and wakes nobody, as nobody is there. For the one who just opened a
    /// pipe that had no end open.
    fn discard(&self) {
        // SAFETY: nobody else has an end, hence there is no consumer, and opening acquired what the
        // last one did.
        let mut half = unsafe { self.ring.lend_consumer() };
        half.discard();
    }

    /// Lets the reader in; the answer is who was there. One enters at a time ([`Opened::Apart`]).
    pub(in crate::channel) fn enter_reader(&self) -> Result<Ends, Error> {
        // Acquire: partner is the release in `leave_reader`, whose position we go on from, and in
        // `leave_writer`.
        let before = Ends(self.ends.0.fetch_or(READER, Ordering::Acquire));
        if before.reader() {
            return Err(Error::Taken);
        }
        if before.nobody() {
            self.discard();
        }
        Ok(before)
    }

    /// Lets a writer in; the answer is who was there. One enters at a time ([`Opened::Apart`]).
    pub(in crate::channel) fn enter_writer(&self) -> Result<Ends, Error> {
        // Acquire: partner is the release in `leave_reader`, whose position `discard` goes on from.
        let before = self.count_writer(Ordering::Acquire)?;
        if before.nobody() {
            self.discard();
        }
        Ok(before)
    }

    /// Counts one more writer, for one who is there already.
    pub(super) fn clone_writer(&self) -> Result<(), Error> {
        // Relaxed: the new writer goes on from what the one that makes it saw.
        self.count_writer(Ordering::Relaxed).map(drop)
    }

    fn count_writer(&self, order: Ordering) -> Result<Ends, Error> {
        let before = Ends(self.ends.0.fetch_add(1, order));
        if before.writers() >= MAX_WRITERS {
            self.leave_writer();
            return Err(Error::Exhausted);
        }
        Ok(before)
    }

    /// What the reader sleeps on.
    pub(in crate::channel) fn readers_bell(&self) -> &Doorbell<W> {
        self.ring.consumers_bell()
    }

    /// What the writers sleep on.
    pub(in crate::channel) fn writers_bell(&self) -> &Doorbell<W> {
        self.ring.producers_bell()
    }

    pub(in crate::channel) fn leave_reader(&self) {
        // Release: partner is the acquire in `open_both`. We are done with the ring.
        self.ends.0.fetch_and(!READER, Ordering::Release);
        self.writers_bell().ring();
    }

    pub(in crate::channel) fn leave_writer(&self) {
        // Release: partner is the acquire in `ends` and `open_both`. What we wrote is seen by who
        // sees us gone.
        let before = Ends(self.ends.0.fetch_sub(1, Ordering::Release));
        if before.writers() == 1 {
            self.readers_bell().ring();
        }
    }

    /// [`leave_writer`](Self::leave_writer) for the only writer, whom the reader finds torn off
    /// rather than gone.
    pub(in crate::channel) fn reset_writer(&self) {
        // Sets the bit and takes the writer off the count in one step. Relaxed: this writer never
        // wrote.
        self.ends.0.fetch_add(RESET - 1, Ordering::Relaxed);
        self.readers_bell().ring();
    }

    /// The half of the only reader.
    ///
    /// # Safety
    /// The caller is the one who set `READER` last and has not left.
    pub(super) unsafe fn reading(&self) -> ManuallyDrop<Consumer<&ByteRing<N, W>>> {
        // SAFETY: `READER` is set for one reader at a time, and setting it acquired what the one
        // before released when it left.
        unsafe { self.ring.lend_consumer() }
    }

    /// Does `work` with the writers' half; `None` while another writer holds the lock. The table
    /// says why a writer cannot send: [`Error::BrokenPipe`].
    ///
    /// # Safety
    /// The caller is a writer: counted, and not left.
    #[inline(always)]
    pub(super) unsafe fn writing<'a, R>(
        &'a self,
        work: impl FnOnce(&mut Producer<&'a ByteRing<N, W>>) -> R,
    ) -> Option<Result<R, Error>> {
        let ends = self.ends();
        if let Err(error) = ends.writer_state().on(Event::Send) {
            return Some(Err(error));
        }
        let alone = self.opened == Opened::Together && ends.writers() == 1;
        let Writing { lock, room } = &self.writing.0;
        if !alone && !lock.try_lock() {
            return None;
        }
        let unlock = || {
            if !alone && lock.unlock() {
                self.writers_bell().ring();
            }
        };
        // Should the reader's waker panic.
        let panics = Finally(unlock);
        // SAFETY: one writer at a time has the lock, which acquires what the one before released; a
        // writer that is alone acquired the same when it looked at the ends, and stays alone
        // meanwhile (`Opened::Together`).
        let mut half = unsafe { self.ring.lend_producer(room.load(Ordering::Relaxed)) };
        if Cached::ENABLED {
            // Nothing is known until the end. The reader's waker runs before that, and should it
            // panic, the next writer must not go on with more room than there is: it looks.
            room.store(0, Ordering::Relaxed);
        }
        let done = work(&mut half);
        core::mem::forget(panics);
        room.store(half.known_room(), Ordering::Relaxed);
        unlock();
        Some(Ok(done))
    }
}
