//! The table: its lines, and the calls that raise, mask and configure them.

use super::cells::{Cells, ENDED, FixedCells, TAKEN};
use super::handler::Handler;
use super::payload::{Payload, RaiseError};
use super::set::SignalSet;
use super::state::Line;
use crate::Error;
use crate::sync::{Ordering, const_unless_loom};
use crate::wait::{Spin, Wake};
use core::fmt;

/// A table of `LINES` signal lines, each with a queue of `DEPTH` payloads.
///
/// `W` says how the dispatcher sleeps.
///
/// `LINES` is 1 to 64. `DEPTH` is a power of two up to 2^30, or 0: counts only, no payloads. On a
/// target without compare-and-swap it is at most 2^15. Other sizes do not compile. Where they are
/// known only at run time, use a [`TableView`](super::TableView).
///
/// Memory on a 32-bit target: 24 bytes, 28 for each line, 20 for each payload, and the size of a
/// [`Doorbell<W>`](crate::wait::Doorbell). Without compare-and-swap it is 16 for each line and 16
/// for each payload. A new table is all zeroes, so a `static` table lies in `.bss` and takes no
/// room in the image.
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
pub type Table<const LINES: usize, const DEPTH: usize, W = Spin> =
    TableInner<FixedCells<LINES, DEPTH, W>>;

/// A table of signal lines, with constant sizes or with sizes that are known at run time.
///
/// Use it as [`Table<LINES, DEPTH, W>`](Table) or as [`TableView<W>`](super::TableView).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct TableInner<C> {
    cells: C,
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> Default for Table<LINES, DEPTH, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> Table<LINES, DEPTH, W> {
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
            TableInner { cells: FixedCells::new() }
        }
    }
}

impl<C> TableInner<C> {
    /// The table that consists of these cells.
    #[inline(always)]
    pub(super) fn of(cells: C) -> Self {
        TableInner { cells }
    }

    #[inline(always)]
    pub(super) fn cells(&self) -> &C {
        &self.cells
    }
}

impl<C: Cells> TableInner<C> {
    /// The words of a line.
    #[inline(always)]
    fn line(&self, line: u32) -> Result<&Line, Error> {
        let found = self.cells.line(line).ok_or(Error::NoSuchLine { lines: self.cells.lines() });
        Ok(found?.line)
    }

    /// The lines that were raised and not yet delivered, masked ones too (`sigpending`).
    ///
    /// Another context may change the answer at any moment.
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
        self.cells.head().words.pending(C::MOST_LINES)
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
        self.cells.head().words.masked()
    }

    /// Masks the lines, and returns the mask before (`SIG_BLOCK`).
    ///
    /// The handlers of masked lines do not run; the table keeps their raises until they are
    /// unmasked.
    ///
    /// The mask takes effect with the next delivery. A handler that is running, or that the
    /// dispatcher has just chosen in another context, still runs. The lines 0 to 31 and 32 to 63
    /// are masked in two steps.
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
        self.cells.head().words.mask(lines)
    }

    /// Sets the handler of a line, and returns the handler before.
    ///
    /// The handler before may still run for a delivery that was chosen before the change. With
    /// `None`, the line keeps its raises until it has a handler, or until the dispatcher waits for
    /// them.
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
    ) -> Result<Option<&'static Handler>, Error> {
        let before = self.cells.head().words.set_handler(self.line(line)?, handler);
        // Wake the dispatcher: raises that had no handler may have one now.
        self.cells.head().bell.ring();
        Ok(before)
    }

    /// Sets the priority of a line, and returns the priority before.
    ///
    /// The dispatcher delivers the highest priority first. Lines of equal priority take turns.
    /// Every line starts at 0.
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
        Ok(self.cells.head().words.set_priority(self.line(line)?, priority))
    }

    /// Raises a line; coalesces with the raises not yet delivered. Wait-free, from any context.
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
        self.cells.head().words.raise(line, self.line(line)?);
        self.cells.head().bell.ring();
        Ok(())
    }

    /// Raises a line with a payload, which is queued. Wait-free, from any context.
    ///
    /// # Errors
    /// Both give the payload back: [`RaiseError::Full`] if `DEPTH` payloads of this line wait,
    /// [`RaiseError::NoSuchLine`]. While other raises of the line fail with `Full`, this call may
    /// fail with `Full` too, even though a slot became free meanwhile.
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
        let Some(found) = self.cells.line(line) else {
            return Err(RaiseError::NoSuchLine { lines: self.cells.lines(), payload });
        };
        self.cells.head().words.raise_with(found, payload).map_err(RaiseError::Full)?;
        self.cells.head().bell.ring();
        Ok(())
    }

    /// Ends the current dispatcher; returns whether there was one that was not ended yet.
    ///
    /// The dispatcher first delivers what was raised before. Then its sleeping forms return
    /// [`Error::Closed`]. The next dispatcher is not affected. Any context may call it.
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
        // Release: partner is the acquire in `Dispatcher::find_or_ended`. The dispatcher sees what
        // was raised before this call.
        let ended = self
            .cells
            .head()
            .taken
            .compare_exchange(TAKEN, ENDED, Ordering::Release, Ordering::Relaxed)
            .is_ok();
        if ended {
            self.cells.head().bell.ring();
        }
        ended
    }

    /// Unmasks the lines, wakes the dispatcher, and returns the mask before (`SIG_UNBLOCK`).
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
        let before = self.cells.head().words.unmask(lines);
        self.cells.head().bell.ring();
        before
    }

    /// Masks exactly these lines, and returns the mask before (`SIG_SETMASK`).
    ///
    /// Use it to put an earlier mask back.
    ///
    /// ```
    /// use ringway_core::signal::{SignalSet, Table};
    /// let table = <Table<4, 0>>::new();
    /// let before = table.set_mask(SignalSet::line(1));
    /// assert_eq!(table.set_mask(before), SignalSet::line(1));
    /// ```
    #[doc(alias = "SIG_SETMASK")]
    pub fn set_mask(&self, lines: SignalSet) -> SignalSet {
        let before = self.cells.head().words.set_mask(lines);
        self.cells.head().bell.ring();
        before
    }
}

impl<C: Cells> fmt::Debug for TableInner<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("lines", &self.cells.lines())
            .field("depth", &self.cells.depth())
            .field("pending", &self.pending())
            .field("masked", &self.masked())
            .finish_non_exhaustive()
    }
}

#[cfg(any(test, loom))]
impl<const LINES: usize, const DEPTH: usize, W: Wake> Table<LINES, DEPTH, W> {
    /// A table whose lines have handed out `tickets` tickets and counted `count` raises.
    ///
    /// The raises are not announced. For tests of counters that wrap.
    #[doc(hidden)]
    pub fn starting_at(tickets: u32, count: u32) -> Self {
        let mut table = Table::new();
        table.cells.start_at(tickets, count);
        table
    }
}
