//! The table: its lines, what raises them and what holds them back.

use super::handler::Handler;
use super::payload::{Payload, RaiseError};
use super::queue::Queue;
use super::set::{AtomicSet, SignalSet};
use crate::Error;
use crate::sync::{AtomicPtr, AtomicU32, Ordering, RmwU32, array_of, const_unless_loom};
use crate::wait::{Doorbell, Spin, Wait, Wake};
use core::fmt;
use core::ptr;

/// A table of `LINES` signal lines, each with a queue of `DEPTH` payloads. `W` says how the
/// dispatcher sleeps.
///
/// `LINES` is 1 to 64. `DEPTH` is a power of two, or 0: no payloads, only counts. Other sizes do
/// not compile.
///
/// Memory on a 32-bit target: 24 bytes, 28 for each line, 20 for each payload, and the size of `W`.
/// A new table is all zeroes, so that a `static` one lies in `.bss` and takes no place in the
/// image.
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
    /// Lines with something to deliver. A bit may be set with nothing left behind it, never the
    /// other way round.
    pub(super) pending: AtomicSet,
    pub(super) masked: AtomicSet,
    /// [`FREE`], [`TAKEN`] while there is a dispatcher, [`ENDED`] once it was told to end.
    pub(super) taken: AtomicU32,
    pub(super) bell: Doorbell<W>,
    lines: [Line<DEPTH>; LINES],
}

pub(super) const FREE: u32 = 0;
pub(super) const TAKEN: u32 = 1;
pub(super) const ENDED: u32 = 2;

#[derive(Debug)]
pub(super) struct Line<const DEPTH: usize> {
    /// Plain raises since the last delivery, modulo 2^32.
    count: RmwU32,
    /// How often `count` wrapped.
    wraps: RmwU32,
    pub(super) priority: RmwU32,
    /// Null, or a `&'static Handler`.
    pub(super) handler: AtomicPtr<Handler>,
    pub(super) queue: Queue<DEPTH>,
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
        // Release: partner is the acquire in `take_count`. The dispatcher may count this raise
        // before it sees the line's bit for it, when the bit is set for another.
        if self.count.fetch_add(1, Ordering::Release) == u32::MAX {
            // Relaxed: who sees the wrap takes the count after it, and acquires what came before
            // from there.
            self.wraps.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The raises counted, which are counted no longer. One that is just wrapping the count is
    /// counted with the next.
    pub(super) fn take_count(&self) -> u64 {
        // Relaxed: as in `count_one`.
        let wraps = self.wraps.swap(0, Ordering::Relaxed);
        // Acquire: partner is the release in `count_one`. What came before a raise that is counted
        // is seen by the handler.
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

    pub(super) fn line(&self, line: u32) -> Result<&Line<DEPTH>, Error> {
        self.lines.get(line as usize).ok_or(Error::NoSuchLine { lines: Self::COUNT })
    }

    /// The lines that were raised and not delivered yet, masked ones too (`sigpending`). A moment
    /// later it may be otherwise.
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

    /// Masks the lines: their handlers do not run until they are unmasked; raises are kept. Returns
    /// what was masked before (`SIG_BLOCK`).
    ///
    /// Takes effect with the next delivery: a handler that is running, or was chosen to run just
    /// now in another context, still runs. Lines in the lower 32 and the upper 32 are masked in two
    /// steps.
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

    /// Sets the handler of a line, and returns the one before, which may still run for a delivery
    /// that was chosen before the change. `None`: the line keeps its raises until it has a handler,
    /// or until they are waited for.
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
        // Release: partners are the acquire in `take_handled` and the one here, in who gets this
        // handler back: both see what it consists of. Acquire: that partner, the other way.
        let old = self.line(line)?.handler.swap(new, Ordering::AcqRel);
        // Raises that had to wait for a handler have one now.
        self.bell.ring();
        // SAFETY: only null and `&'static Handler` are ever stored.
        Ok(unsafe { old.cast_const().as_ref() })
    }

    /// Sets the priority of a line, and returns the one before. The higher is delivered first;
    /// lines of equal priority take turns. Every line starts at 0.
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

    /// Raises a line: one more, coalesced with those that are not delivered yet. Any context;
    /// wait-free.
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
    /// [`RaiseError::Full`] if `DEPTH` payloads of this line wait, [`RaiseError::NoSuchLine`]; both
    /// give the payload back. `Full` may also come while other raises of the line are just finding
    /// it full, though a place was freed in between.
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
        // Release: partner is the acquire in `has_ended`: the dispatcher sees what was raised
        // before.
        let ended =
            self.taken.compare_exchange(TAKEN, ENDED, Ordering::Release, Ordering::Relaxed).is_ok();
        if ended {
            self.bell.ring();
        }
        ended
    }

    fn announce(&self, line: u32) {
        // Release: partner is the acquire in `open`. Who clears the bit sees what was counted or
        // queued before it was set, and leaves nothing behind.
        self.pending.insert_line(line, Ordering::Release);
        self.bell.ring();
    }

    /// Lets the lines' handlers run again, and wakes the dispatcher for what is pending. Returns
    /// what was masked before (`SIG_UNBLOCK`).
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
        // Release: partner is the acquire in `unmasked`: the handlers see what was done while they
        // were kept away.
        let before = self.masked.remove(lines, Ordering::Release);
        self.bell.ring();
        before
    }

    /// Masks exactly these lines, and returns what was masked before (`SIG_SETMASK`): puts a mask
    /// back.
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
    /// A table as if each line had handed out `tickets` places in its queue, and counted `count`
    /// raises that are not announced; for tests of what happens when these wrap.
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
