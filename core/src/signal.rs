//! Signals: raised anywhere, handled in one place.
//!
//! A [`Table`] has lines. [`raise`](Table::raise) marks a line and wakes the dispatcher; it is safe in an
//! interrupt and in a signal handler. The handlers run later, where the program calls [`Dispatcher::dispatch`], in
//! the order of the lines' priorities. Nothing runs behind the program's back, so that a handler may do anything.
//!
//! ```
//! use ringway_core::signal::{Raised, Handler, Table};
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! static SIGNALS: Table<8, 4> = Table::new();
//! const TICK: u32 = 0;
//! static TICKS: AtomicU64 = AtomicU64::new(0);
//! static ON_TICK: Handler = Handler::new(&|tick: &Raised| {
//!     TICKS.fetch_add(tick.count, Ordering::Relaxed);
//! });
//!
//! // Once, at the start:
//! SIGNALS.set_handler(TICK, Some(&ON_TICK))?;
//! let mut dispatcher = SIGNALS.dispatcher().expect("only this place dispatches");
//! // In the interrupt:
//! SIGNALS.raise(TICK)?;
//! SIGNALS.raise(TICK)?;
//! // In the main loop:
//! assert_eq!(dispatcher.dispatch(), 1); // two raises, one delivery
//! assert_eq!(TICKS.load(Ordering::Relaxed), 2);
//! # Ok::<(), ringway_core::Error>(())
//! ```
//!
//! # What a line keeps
//!
//! - **Plain raises are counted, and coalesce**: one delivery tells how many there were. The count is of 64 bits and
//!   exact.
//! - **Raises with a payload queue**, up to `DEPTH` a line, and are delivered one by one, in order, each with its
//!   [`Payload`]. A full queue gives the payload back: [`RaiseError::Full`]. Each line has a queue of its own, so
//!   that a noisy line takes no place from a quiet one, nor delays one of higher priority.
//! - A line that is **masked**, or has **no handler**, stays pending: nothing is dropped.
//!
//! Of one line, the plain raises are delivered before the payloads that are there.
//!
//! # Progress
//!
//! | call | progress |
//! |---|---|
//! | `raise`, `raise_with`, `end_dispatcher`, `set_mask`, `set_handler`, `set_priority`, `pending` | wait-free: a fixed number of atomic operations, no loop, wherever another context is suspended |
//! | `mask`, `unmask` | the same number of operations, but lock-free on most processors: few can change bits and answer with the old ones in one instruction, the others retry when another context changed the mask meanwhile |
//! | `dispatch`, `dispatch_one`, `try_wait` | never sleep, and look at each line once per delivery; a raiser that is suspended between reserving its place in a line's queue and filling it delays the payloads behind its own, on that line, until it goes on |
//! | `pause`, `wait`, `poll_pause`, `poll_wait`, `pause_async`, `wait_async` | sleep |
//!
//! That is the table's own part: waking a dispatcher that sleeps is [`Wake::wake`]'s. On a processor that has
//! load-linked and store-conditional instead of atomic instructions (ARM before 8.1), every read-modify-write may retry; on
//! a target without compare-and-swap it is a short critical section.
//!
//! # What happens before what
//!
//! What a context did before it raised is seen by the handler that gets this raise, whether or not the raise was
//! coalesced with others. A raise made after [`set_handler`](Table::set_handler) returned is handled by
//! that handler, or by a later one. What was done before [`unmask`](Table::unmask) is seen by the handlers that it lets
//! run.

mod dispatcher;
mod queue;
mod set;

#[cfg(all(test, not(loom)))]
mod tests;

pub use dispatcher::Dispatcher;
pub use set::{Lines, SignalSet};

use crate::Error;
use crate::sync::{AtomicPtr, AtomicU32, Ordering, RmwU32, array_of, const_unless_loom};
use crate::wait::{Doorbell, Spin, Wait, Wake};
use core::fmt;
use core::ptr;
use queue::Queue;
use set::AtomicSet;

/// A table of `LINES` signal lines, each with a queue of `DEPTH` payloads. `W` says how the dispatcher sleeps.
///
/// `LINES` is 1 to 64. `DEPTH` is a power of two, or 0: no payloads, only counts. Other sizes do not compile.
///
/// Memory on a 32-bit target: 24 bytes, 28 for each line, 20 for each payload, and the size of `W`. A new table is all
/// zeroes, so that a `static` one lies in `.bss` and takes no place in the image.
///
/// ```
/// use ringway_core::signal::{SignalSet, Table};
/// static SIGNALS: Table<32, 0> = Table::new();
/// SIGNALS.raise(7)?;
/// assert_eq!(SIGNALS.pending(), SignalSet::line(7));
/// # Ok::<(), ringway_core::Error>(())
/// ```
///
/// ```compile_fail
/// static TOO_MANY: ringway_core::signal::Table<65, 0> = ringway_core::signal::Table::new();
/// ```
///
/// ```compile_fail
/// static NOT_A_POWER: ringway_core::signal::Table<1, 3> = ringway_core::signal::Table::new();
/// ```
pub struct Table<const LINES: usize, const DEPTH: usize, W: Wake = Spin> {
    /// Lines with something to deliver. A bit may be set with nothing left behind it, never the other way round.
    pending: AtomicSet,
    masked: AtomicSet,
    /// [`FREE`], [`TAKEN`] while there is a dispatcher, [`ENDED`] once it was told to end.
    taken: AtomicU32,
    bell: Doorbell<W>,
    lines: [Line<DEPTH>; LINES],
}

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const ENDED: u32 = 2;

#[derive(Debug)]
struct Line<const DEPTH: usize> {
    /// Plain raises since the last delivery, modulo 2^32.
    count: RmwU32,
    /// How often `count` wrapped.
    wraps: RmwU32,
    priority: RmwU32,
    /// Null, or a `&'static Handler`.
    handler: AtomicPtr<Handler>,
    queue: Queue<DEPTH>,
}

/// What to do with a delivery: one pointer, so that a change of handler is one step, and function and context
/// are never of two different handlers.
///
/// ```
/// use ringway_core::signal::{Raised, Handler};
/// static COUNT: Handler = Handler::new(&|delivery: &Raised| {
///     assert!(delivery.line < 8);
/// });
/// ```
pub struct Handler {
    run: &'static (dyn Fn(&Raised) + Sync),
}

impl Handler {
    /// A handler that runs this function. It runs where the dispatcher dispatches, and may raise, mask, unmask and
    /// change handlers, its own too.
    ///
    /// ```
    /// use ringway_core::signal::{Raised, Handler};
    /// fn on_reset(_: &Raised) {}
    /// static ON_RESET: Handler = Handler::new(&on_reset);
    /// ```
    pub const fn new(run: &'static (dyn Fn(&Raised) + Sync)) -> Self {
        Handler { run }
    }

    /// Runs the handler, here and now: from one handler to the one before it.
    ///
    /// ```
    /// use ringway_core::signal::{Raised, Handler};
    /// static FIRST: Handler = Handler::new(&|_: &Raised| ());
    /// static SECOND: Handler = Handler::new(&|delivery: &Raised| FIRST.run(delivery));
    /// ```
    pub fn run(&self, delivery: &Raised) {
        (self.run)(delivery);
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}

/// What travels with a queued raise. The names are those of `siginfo_t`; without an operating system, they are the
/// program's to fill.
///
/// ```
/// use ringway_core::signal::Payload;
/// let payload = Payload { sender: 7, ..Payload::new(42) };
/// assert_eq!((payload.value, payload.sender, payload.user), (42, 7, 0));
/// ```
#[doc(alias = "siginfo_t")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Payload {
    /// A number, or the bits of a pointer (`si_value`).
    pub value: usize,
    /// Who raised: a process (`si_pid`), a core, a task.
    pub sender: u32,
    /// On whose behalf (`si_uid`).
    pub user: u32,
    /// Why (`si_code`): negative for a signal that a program sent, positive for one from the kernel.
    pub code: i32,
}

impl Payload {
    /// A payload with a value and nothing else.
    ///
    /// ```
    /// use ringway_core::signal::Payload;
    /// assert_eq!(Payload::new(42).value, 42);
    /// ```
    pub const fn new(value: usize) -> Self {
        Payload { value, sender: 0, user: 0, code: 0 }
    }
}

/// One delivery of a line: to its handler, or to who waited for it.
///
/// ```
/// use ringway_core::signal::{SignalSet, Table};
/// let table = <Table<4, 0>>::new();
/// table.raise(3)?;
/// table.raise(3)?;
/// let delivery = table.dispatcher().unwrap().try_wait(SignalSet::line(3)).unwrap();
/// assert_eq!((delivery.line, delivery.count, delivery.payload), (3, 2, None));
/// # Ok::<(), ringway_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Raised {
    /// Which line.
    pub line: u32,
    /// How many raises this delivery stands for: at least 1, and 1 if there is a payload. Exact: the count does not
    /// wrap before 2^64 raises.
    pub count: u64,
    /// What came with the raise, if it was a [`raise_with`](Table::raise_with).
    pub payload: Option<Payload>,
}

/// Why a payload was not queued. The payload is in it.
///
/// ```
/// use ringway_core::signal::{Payload, RaiseError, Table};
/// let table = <Table<1, 2>>::new();
/// assert_eq!(table.raise_with(0, Payload::new(1)), Ok(()));
/// assert_eq!(table.raise_with(0, Payload::new(2)), Ok(()));
/// assert_eq!(table.raise_with(0, Payload::new(3)), Err(RaiseError::Full(Payload::new(3))));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RaiseError {
    /// The line's queue is full; what is in it is still delivered.
    Full(Payload),
    /// The table has no such line.
    NoSuchLine {
        /// How many lines it has: 0 to `lines - 1`.
        lines: u32,
        /// The payload.
        payload: Payload,
    },
}

impl RaiseError {
    /// The payload that was not queued.
    ///
    /// ```
    /// use ringway_core::signal::{Payload, RaiseError};
    /// assert_eq!(RaiseError::Full(Payload::new(3)).payload(), Payload::new(3));
    /// ```
    pub const fn payload(&self) -> Payload {
        match *self {
            RaiseError::Full(payload) | RaiseError::NoSuchLine { payload, .. } => payload,
        }
    }
}

impl fmt::Display for RaiseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RaiseError::Full(_) => f.write_str(
                "the line's queue is full: dispatch first, raise without a payload, or count the loss",
            ),
            RaiseError::NoSuchLine { lines, .. } => Error::NoSuchLine { lines: *lines }.fmt(f),
        }
    }
}

impl core::error::Error for RaiseError {}

impl From<RaiseError> for Error {
    /// The error alone, without the payload.
    fn from(error: RaiseError) -> Self {
        match error {
            RaiseError::Full(_) => Error::WouldBlock,
            RaiseError::NoSuchLine { lines, .. } => Error::NoSuchLine { lines },
        }
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> Default for Table<LINES, DEPTH, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const DEPTH: usize> Line<DEPTH> {
    const_unless_loom! {
        fn new() -> Self {
            Line {
                count: RmwU32::new(0),
                wraps: RmwU32::new(0),
                priority: RmwU32::new(0),
                handler: AtomicPtr::new(ptr::null_mut()),
                queue: Queue::new(),
            }
        }
    }

    /// Counts a raise.
    fn count_one(&self) {
        // Release: partner is the acquire in `take_count`. The dispatcher may count this raise before it sees the
        // line's bit for it, when the bit is set for another.
        if self.count.fetch_add(1, Ordering::Release) == u32::MAX {
            // Relaxed: who sees the wrap takes the count after it, and acquires what came before from there.
            self.wraps.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The raises counted, which are counted no longer. One that is just wrapping the count is counted with the next.
    fn take_count(&self) -> u64 {
        // Relaxed: as in `count_one`.
        let wraps = self.wraps.swap(0, Ordering::Relaxed);
        // Acquire: partner is the release in `count_one`. What came before a raise that is counted is seen by the
        // handler.
        let count = self.count.swap(0, Ordering::Acquire);
        (u64::from(wraps) << 32) | u64::from(count)
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> Table<LINES, DEPTH, W> {
    /// How many lines there are.
    const COUNT: u32 = {
        assert!(LINES >= 1 && LINES <= 64, "LINES is 1 to 64");
        LINES as u32
    };

    const_unless_loom! {
        /// A table without handlers.
        ///
        /// ```
        /// use ringway_core::signal::Table;
        /// use ringway_core::wait::{Async, Spin};
        /// static SIGNALS: Table<16, 8> = Table::new();
        /// static AWAITED: Table<16, 8, Async<Spin>> = Table::new();
        /// ```
        pub fn new() -> Self {
            // Looked at here, so that a table with other LINES does not compile.
            let _ = Self::COUNT;
            Table {
                pending: AtomicSet::new(),
                masked: AtomicSet::new(),
                taken: AtomicU32::new(0),
                bell: Doorbell::new(),
                lines: array_of!(Line::new(); LINES),
            }
        }
    }

    fn line(&self, line: u32) -> Result<&Line<DEPTH>, Error> {
        self.lines.get(line as usize).ok_or(Error::NoSuchLine { lines: Self::COUNT })
    }

    /// The lines that were raised and not delivered yet, masked ones too (`sigpending`). A moment later it may
    /// be otherwise.
    ///
    /// ```
    /// use ringway_core::signal::{SignalSet, Table};
    /// let table = <Table<4, 0>>::new();
    /// table.raise(2)?;
    /// assert_eq!(table.pending(), SignalSet::line(2));
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    #[doc(alias = "sigpending")]
    pub fn pending(&self) -> SignalSet {
        // Relaxed: tells, and passes nothing on.
        self.pending.load(Ordering::Relaxed)
    }

    /// The lines that are masked.
    ///
    /// ```
    /// use ringway_core::signal::{SignalSet, Table};
    /// let table = <Table<4, 0>>::new();
    /// table.mask(SignalSet::line(2));
    /// assert_eq!(table.masked(), SignalSet::line(2));
    /// ```
    pub fn masked(&self) -> SignalSet {
        // Relaxed: tells, and passes nothing on.
        self.masked.load(Ordering::Relaxed)
    }

    /// Masks the lines: their handlers do not run until they are unmasked; raises are kept. Returns what was masked
    /// before (`SIG_BLOCK`).
    ///
    /// Takes effect with the next delivery: a handler that is running, or was chosen to run just now in another
    /// context, still runs. Lines in the lower 32 and the upper 32 are masked in two steps.
    ///
    /// ```
    /// use ringway_core::signal::{SignalSet, Table};
    /// let table = <Table<4, 0>>::new();
    /// let before = table.mask(SignalSet::line(2));
    /// // … nothing interrupts on line 2 here …
    /// table.set_mask(before);
    /// ```
    #[doc(alias = "SIG_BLOCK")]
    pub fn mask(&self, lines: SignalSet) -> SignalSet {
        // Relaxed: it withholds, and passes nothing on.
        self.masked.insert(lines, Ordering::Relaxed)
    }

    /// Sets the handler of a line, and returns the one before, which may still run for a delivery that was chosen
    /// before the change. `None`: the line keeps its raises until it has a handler, or until they are waited for.
    ///
    /// # Errors
    /// [`Error::NoSuchLine`].
    ///
    /// ```
    /// use ringway_core::signal::{Handler, Raised, Table};
    /// static ON_TICK: Handler = Handler::new(&|_: &Raised| ());
    /// let table = <Table<4, 0>>::new();
    /// assert!(table.set_handler(0, Some(&ON_TICK))?.is_none());
    /// assert!(table.set_handler(0, None)?.is_some());
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    #[doc(alias = "sigaction")]
    pub fn set_handler(
        &self,
        line: u32,
        handler: Option<&'static Handler>,
    ) -> Result<Option<&'static Handler>, Error>
    where
        W: Wait,
    {
        let new = handler.map_or(ptr::null(), ptr::from_ref).cast_mut();
        // Release: partners are the acquire in `take_handled` and the one here, in who gets this handler back: both
        // see what it consists of. Acquire: that partner, the other way.
        let old = self.line(line)?.handler.swap(new, Ordering::AcqRel);
        // Raises that had to wait for a handler have one now.
        self.bell.ring();
        // SAFETY: only null and `&'static Handler` are ever stored.
        Ok(unsafe { old.cast_const().as_ref() })
    }

    /// Sets the priority of a line, and returns the one before. The higher is delivered first; lines of equal
    /// priority take turns. Every line starts at 0.
    ///
    /// # Errors
    /// [`Error::NoSuchLine`].
    ///
    /// ```
    /// use ringway_core::signal::{SignalSet, Table};
    /// let table = <Table<4, 0>>::new();
    /// table.set_priority(3, 10)?;
    /// table.raise(0)?;
    /// table.raise(3)?;
    /// let mut dispatcher = table.dispatcher().unwrap();
    /// assert_eq!(dispatcher.try_wait(SignalSet::all()).unwrap().line, 3);
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    pub fn set_priority(&self, line: u32, priority: u8) -> Result<u8, Error> {
        // Relaxed: a number by itself. What comes back is what was put in: 8 bits.
        Ok(self.line(line)?.priority.swap(priority.into(), Ordering::Relaxed) as u8)
    }

    /// The right to dispatch, for one place at a time: `None` while another has it. It is given back when dropped.
    ///
    /// ```
    /// use ringway_core::signal::Table;
    /// let table = <Table<4, 0>>::new();
    /// let dispatcher = table.dispatcher().unwrap();
    /// assert!(table.dispatcher().is_none());
    /// drop(dispatcher);
    /// assert!(table.dispatcher().is_some());
    /// ```
    pub fn dispatcher(&self) -> Option<Dispatcher<'_, LINES, DEPTH, W>> {
        // Acquire: partner is the release in `drop`, by the dispatcher before this one, whose places in the queues
        // we go on from. Failure, relaxed: there is one. An exchange rather than a swap, so that a failed try writes nothing.
        self.taken
            .compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            // Made only if it is ours: dropping it gives it back.
            .then(|| Dispatcher { table: self, last: u32::MAX })
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> Table<LINES, DEPTH, W> {
    /// Raises a line: one more, coalesced with those that are not delivered yet. Any context; wait-free.
    ///
    /// # Errors
    /// [`Error::NoSuchLine`].
    ///
    /// ```
    /// use ringway_core::signal::Table;
    /// static SIGNALS: Table<4, 0> = Table::new();
    /// assert!(SIGNALS.raise(3).is_ok());
    /// assert!(SIGNALS.raise(4).is_err());
    /// ```
    #[inline]
    pub fn raise(&self, line: u32) -> Result<(), Error> {
        self.line(line)?.count_one();
        self.announce(line);
        Ok(())
    }

    /// Raises a line with a payload, which is queued. Any context; wait-free.
    ///
    /// # Errors
    /// [`RaiseError::Full`] if `DEPTH` payloads of this line wait, [`RaiseError::NoSuchLine`]; both give the payload
    /// back. `Full` may also come while other raises of the line are just finding it full, though a place was
    /// freed in between.
    ///
    /// ```
    /// use ringway_core::signal::{Payload, SignalSet, Table};
    /// let table = <Table<4, 2>>::new();
    /// table.raise_with(3, Payload::new(42))?;
    /// let delivery = table.dispatcher().unwrap().try_wait(SignalSet::line(3)).unwrap();
    /// assert_eq!(delivery.payload, Some(Payload::new(42)));
    /// # Ok::<(), ringway_core::signal::RaiseError>(())
    /// ```
    #[doc(alias = "sigqueue")]
    #[inline]
    pub fn raise_with(&self, line: u32, payload: Payload) -> Result<(), RaiseError> {
        self.line(line)
            .map_err(|_| RaiseError::NoSuchLine { lines: Self::COUNT, payload })?
            .queue
            .push(payload)
            .map_err(RaiseError::Full)?;
        self.announce(line);
        Ok(())
    }

    /// Ends the dispatcher that there is: once it has delivered what was raised before, its forms
    /// that sleep answer [`Error::Closed`]. Whether there was one that nobody had ended before. The
    /// next one is not concerned. Any context.
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::signal::Table;
    /// static SIGNALS: Table<4, 0> = Table::new();
    /// let mut dispatcher = SIGNALS.dispatcher().unwrap();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| while dispatcher.pause() != Err(Error::Closed) {});
    ///     assert!(SIGNALS.end_dispatcher());
    /// });
    /// ```
    pub fn end_dispatcher(&self) -> bool {
        // Release: partner is the acquire in `has_ended`: the dispatcher sees what was raised before.
        let ended =
            self.taken.compare_exchange(TAKEN, ENDED, Ordering::Release, Ordering::Relaxed).is_ok();
        if ended {
            self.bell.ring();
        }
        ended
    }

    fn announce(&self, line: u32) {
        // Release: partner is the acquire in `open`. Who clears the bit sees what was counted or queued before
        // it was set, and leaves nothing behind.
        self.pending.insert_line(line, Ordering::Release);
        self.bell.ring();
    }

    /// Lets the lines' handlers run again, and wakes the dispatcher for what is pending. Returns what was masked
    /// before (`SIG_UNBLOCK`).
    ///
    /// ```
    /// use ringway_core::signal::{SignalSet, Table};
    /// let table = <Table<4, 0>>::new();
    /// table.mask(SignalSet::of(&[1, 2]));
    /// assert_eq!(table.unmask(SignalSet::line(1)), SignalSet::of(&[1, 2]));
    /// assert_eq!(table.masked(), SignalSet::line(2));
    /// ```
    #[doc(alias = "SIG_UNBLOCK")]
    pub fn unmask(&self, lines: SignalSet) -> SignalSet {
        // Release: partner is the acquire in `unmasked`: the handlers see what was done while they were kept away.
        let before = self.masked.remove(lines, Ordering::Release);
        self.bell.ring();
        before
    }

    /// Masks exactly these lines, and returns what was masked before (`SIG_SETMASK`): puts a mask back.
    ///
    /// ```
    /// use ringway_core::signal::{SignalSet, Table};
    /// let table = <Table<4, 0>>::new();
    /// let before = table.set_mask(SignalSet::line(1));
    /// assert_eq!(table.set_mask(before), SignalSet::line(1));
    /// ```
    #[doc(alias = "SIG_SETMASK")]
    pub fn set_mask(&self, lines: SignalSet) -> SignalSet {
        // Release: as in `unmask`.
        let before = self.masked.swap(lines, Ordering::Release);
        self.bell.ring();
        before
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> fmt::Debug for Table<LINES, DEPTH, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("lines", &LINES)
            .field("depth", &DEPTH)
            .field("pending", &self.pending())
            .field("masked", &self.masked())
            .finish_non_exhaustive()
    }
}

#[cfg(any(test, loom))]
impl<const LINES: usize, const DEPTH: usize, W: Wake> Table<LINES, DEPTH, W> {
    /// A table as if each line had handed out `tickets` places in its queue, and counted `count` raises that are not
    /// announced; for tests of what happens when these wrap.
    #[doc(hidden)]
    pub fn starting_at(tickets: u32, count: u32) -> Self {
        let mut table = Table::new();
        for line in &mut table.lines {
            line.queue.start_at(tickets);
            line.count.set(count);
        }
        table
    }
}
