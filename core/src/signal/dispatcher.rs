//! The dispatcher: the one place where a table's signals are handled.

use super::cells::sealed::Cells as _;
use super::cells::{Cells, ENDED, FREE, Head, TAKEN, ViewCells};
use super::payload::Raised;
use super::set::{FINDS_BITS, InTurn, SignalSet, Steps};
use super::state::{Line, LineRef};
use super::table::TableInner;
use crate::Error;
use crate::sync::Ordering;
use crate::wait::{Register, Wait, Wake};
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

/// The one place where a table's signals are handled, from
/// [`Table::dispatcher`](super::Table::dispatcher).
///
/// ```
/// use ringway_core::signal::{SignalSet, Table};
/// static SIGNALS: Table<4, 0> = Table::new();
/// let mut dispatcher = SIGNALS.dispatcher().unwrap();
/// std::thread::scope(|s| {
///     s.spawn(|| SIGNALS.raise(1));
///     assert_eq!(dispatcher.wait(SignalSet::line(1)).unwrap().count, 1);
/// });
/// ```
#[must_use = "the right to dispatch is given back at once"]
pub struct Dispatcher<R: TableRef> {
    table: R,
    /// The line after the one delivered last. Lines of equal priority take turns from there.
    next: u32,
}

/// How a dispatcher refers to its table: `&Table<LINES, DEPTH, W>`, or `TableView<W>`.
pub trait TableRef: sealed::TableRef {}

impl<R: sealed::TableRef> TableRef for R {}

/// The cells of the table that `R` refers to.
type CellsOf<R> = <R as sealed::TableRef>::Cells;
/// How its dispatcher sleeps.
type WakeOf<R> = <CellsOf<R> as super::cells::sealed::Cells>::Wake;

impl<C: Cells> sealed::TableRef for &TableInner<C> {
    type Cells = C;

    #[inline(always)]
    fn cells(&self) -> &C {
        TableInner::cells(self)
    }
}

impl<'t, W: Wake> sealed::TableRef for TableInner<ViewCells<'t, W>> {
    type Cells = ViewCells<'t, W>;

    #[inline(always)]
    fn cells(&self) -> &ViewCells<'t, W> {
        TableInner::cells(self)
    }
}

mod sealed {
    /// The methods of [`TableRef`](super::TableRef).
    pub trait TableRef: Copy {
        /// The cells of the table.
        type Cells: crate::signal::cells::Cells;

        fn cells(&self) -> &Self::Cells;
    }
}

impl<R: TableRef> Dispatcher<R> {
    /// Takes the right to dispatch, if it is free.
    pub(super) fn of(table: R) -> Option<Self> {
        // Acquire: partner is the release in the previous dispatcher's `drop`. This dispatcher
        // continues from that one's positions in the queues. Failure, relaxed: another dispatcher
        // exists, and this call reads nothing of it. A compare-exchange and not a swap, so that a
        // failed attempt writes nothing.
        table
            .cells()
            .head()
            .taken
            .compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            // Build it only after a success: dropping a `Dispatcher` frees the right.
            .then(|| Dispatcher { table, next: 0 })
    }

    #[inline(always)]
    fn head(&self) -> &Head<WakeOf<R>> {
        self.table.cells().head()
    }

    /// The most deliveries one table can have pending: a count and a full queue for each line.
    #[inline(always)]
    fn most(&self) -> usize {
        let cells = self.table.cells();
        // It does not overflow: that many lines and slots lie in memory.
        (cells.lines() as usize).wrapping_mul(cells.depth().wrapping_add(1))
    }

    /// Runs the pending handlers, highest priority first, and returns the number of deliveries.
    ///
    /// Never sleeps. A raise that comes during the call takes part, by its priority. One call makes
    /// at most as many deliveries as the table can have pending at once, so a handler that raises
    /// its own line does not keep the call from returning.
    ///
    /// ```
    /// use ringway_core::signal::{Raised, Handler, Table};
    /// static TABLE: Table<4, 0> = Table::new();
    /// static AGAIN: Handler = Handler::new(&|again: &Raised| {
    ///     TABLE.raise(again.line).expect("the line that we are on");
    /// });
    /// TABLE.set_handler(0, Some(&AGAIN))?;
    /// TABLE.raise(0)?;
    /// assert_eq!(TABLE.dispatcher().unwrap().dispatch(), 4);
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    pub fn dispatch(&mut self) -> usize {
        (0..self.most()).take_while(|_| self.dispatch_one().is_some()).count()
    }

    /// Runs the pending handler of the highest priority, and returns what it delivered.
    ///
    /// Returns `None` if no line is pending, unmasked and has a handler. Never sleeps.
    ///
    /// ```
    /// use ringway_core::signal::{Handler, Raised, Table};
    /// static NOTHING: Handler = Handler::new(&|_: &Raised| ());
    /// let table = <Table<4, 0>>::new();
    /// table.set_handler(2, Some(&NOTHING))?;
    /// table.raise(2)?;
    /// let mut dispatcher = table.dispatcher().unwrap();
    /// assert_eq!(dispatcher.dispatch_one().map(|delivery| delivery.line), Some(2));
    /// assert_eq!(dispatcher.dispatch_one(), None);
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    pub fn dispatch_one(&mut self) -> Option<Raised> {
        loop {
            let table = self.table;
            let words = &table.cells().head().words;
            let unmasked = words.unmasked(CellsOf::<R>::MOST_LINES);
            let chosen = choose(table.cells(), self.next, unmasked, Line::is_handled)?;
            // SAFETY: the table has one dispatcher, and `&mut self` borrows it exclusively, so no
            // other call of `take` or `take_handled` runs at the same time. `choose` has seen the
            // line among the pending ones.
            let taken = unsafe { words.take_handled(chosen) };
            if let Some((handler, delivery)) = taken {
                self.next = chosen.number.wrapping_add(1);
                handler.run(&delivery);
                return Some(delivery);
            }
        }
    }

    /// Takes one delivery of any line in `any_of`, masked or not, without running its handler.
    ///
    /// This is `sigwait` without the sleep. Mask the lines that you wait for in this way; otherwise
    /// [`dispatch`](Self::dispatch) may take their deliveries first.
    ///
    /// ```
    /// use ringway_core::signal::{SignalSet, Table};
    /// let table = <Table<4, 0>>::new();
    /// table.raise(1)?;
    /// let mut dispatcher = table.dispatcher().unwrap();
    /// assert_eq!(dispatcher.try_wait(SignalSet::line(2)), None);
    /// assert_eq!(dispatcher.try_wait(SignalSet::of(&[1, 2])).unwrap().line, 1);
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    pub fn try_wait(&mut self, any_of: SignalSet) -> Option<Raised> {
        loop {
            let table = self.table;
            let chosen = choose(table.cells(), self.next, any_of, |_| true)?;
            // SAFETY: the table has one dispatcher, and `&mut self` borrows it exclusively, so no
            // other call of `take` or `take_handled` runs at the same time. `choose` has seen the
            // line among the pending ones.
            if let Some(delivery) = unsafe { table.cells().head().words.take(chosen) } {
                self.next = chosen.number.wrapping_add(1);
                return Some(delivery);
            }
        }
    }

    /// Dispatches; returns the number of deliveries if there were any.
    fn try_pause(&mut self) -> Option<usize> {
        Some(self.dispatch()).filter(|deliveries| *deliveries > 0)
    }

    /// Tries once, for a form that sleeps: returns what `find` found, or that the dispatcher was
    /// ended.
    // A small image has it once, not in each place where a form looks.
    #[cfg_attr(not(target_has_atomic = "32"), inline(never))]
    fn find_or_ended<T>(
        &mut self,
        mut find: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Result<T, Error>> {
        if let Some(found) = find(self) {
            return Some(Ok(found));
        }
        // Acquire: partner is the release in `Table::end_dispatcher`. The second `find` sees every
        // raise made before it.
        if self.head().taken.load(Ordering::Acquire) != ENDED {
            return None;
        }
        Some(find(self).ok_or(Error::Closed))
    }
}

impl<R: TableRef, W: Wait> Dispatcher<R>
where
    R::Cells: Cells<Wake = W>,
{
    /// Sleeps until there is something to handle, then [`dispatch`](Self::dispatch)es (`pause`).
    ///
    /// Returns the number of deliveries, at least 1.
    ///
    /// # Errors
    /// [`Error::Closed`] when [another context ended this
    /// dispatcher](super::Table::end_dispatcher).
    ///
    /// ```
    /// use ringway_core::signal::{Handler, Raised, Table};
    /// static SIGNALS: Table<4, 0> = Table::new();
    /// static NOTHING: Handler = Handler::new(&|_: &Raised| ());
    /// SIGNALS.set_handler(1, Some(&NOTHING))?;
    /// std::thread::scope(|s| {
    ///     s.spawn(|| SIGNALS.raise(1));
    ///     assert_eq!(SIGNALS.dispatcher().unwrap().pause(), Ok(1));
    /// });
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    #[doc(alias = "sigsuspend")]
    pub fn pause(&mut self) -> Result<usize, Error> {
        self.sleep(Self::try_pause)
    }

    /// [`pause`](Self::pause) that waits at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the deadline passed with nothing to handle. [`Error::Closed`] when
    /// [another context ended this dispatcher](super::Table::end_dispatcher).
    ///
    /// ```
    /// use ringway_core::{Error, signal::Table};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let table = Table::<4, 0, SpinClock<Hundred>>::new();
    /// assert_eq!(table.dispatcher().unwrap().pause_deadline(Some(50)), Err(Error::TimedOut));
    /// ```
    pub fn pause_deadline(&mut self, deadline: Option<W::Deadline>) -> Result<usize, Error> {
        let table = self.table;
        table.cells().head().bell.wait_until(deadline, || self.find_or_ended(Self::try_pause))?
    }

    /// Sleeps until a line of `any_of` is raised, masked or not, and takes the delivery
    /// (`sigwait`).
    ///
    /// Does not run the handler. With an empty set, it sleeps until the dispatcher is ended.
    ///
    /// Mask the lines that you wait for in this way; otherwise [`dispatch`](Self::dispatch) may
    /// take their deliveries first.
    ///
    /// # Errors
    /// [`Error::Closed`] when [another context ended this
    /// dispatcher](super::Table::end_dispatcher).
    ///
    /// ```
    /// use ringway_core::signal::{SignalSet, Table};
    /// static SIGNALS: Table<4, 0> = Table::new();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| SIGNALS.raise(1));
    ///     let mut dispatcher = SIGNALS.dispatcher().unwrap();
    ///     assert_eq!(dispatcher.wait(SignalSet::of(&[1, 2])).unwrap().line, 1);
    /// });
    /// ```
    #[doc(alias = "sigwait")]
    pub fn wait(&mut self, any_of: SignalSet) -> Result<Raised, Error> {
        self.sleep(|this| this.try_wait(any_of))
    }

    /// [`wait`](Self::wait) that waits at most until `deadline` (`None`: for ever; `sigtimedwait`).
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the deadline passed and no line of the set was raised.
    /// [`Error::Closed`] when [another context ended this
    /// dispatcher](super::Table::end_dispatcher).
    ///
    /// ```
    /// use ringway_core::Error;
    /// use ringway_core::signal::{SignalSet, Table};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let table = Table::<4, 0, SpinClock<Hundred>>::new();
    /// let mut dispatcher = table.dispatcher().unwrap();
    /// assert_eq!(dispatcher.wait_deadline(SignalSet::all(), Some(50)), Err(Error::TimedOut));
    /// ```
    #[doc(alias = "sigtimedwait")]
    pub fn wait_deadline(
        &mut self,
        any_of: SignalSet,
        deadline: Option<W::Deadline>,
    ) -> Result<Raised, Error> {
        let table = self.table;
        table
            .cells()
            .head()
            .bell
            .wait_until(deadline, || self.find_or_ended(|this| this.try_wait(any_of)))?
    }

    fn sleep<T>(&mut self, mut find: impl FnMut(&mut Self) -> Option<T>) -> Result<T, Error> {
        let table = self.table;
        loop {
            // There is no deadline, so no wait can time out. If an implementation of `Wait` says so
            // anyway, wait on.
            if let Ok(answer) =
                table.cells().head().bell.wait_until(None, || self.find_or_ended(&mut find))
            {
                return answer;
            }
        }
    }
}

impl<R: TableRef, W: Register> Dispatcher<R>
where
    R::Cells: Cells<Wake = W>,
{
    /// The form of [`pause`](Self::pause) that a task polls.
    ///
    /// Cancel-safe: a task that stops polling takes nothing with it.
    ///
    /// ```
    /// use ringway_core::signal::Table;
    /// use ringway_core::wait::{Async, Spin};
    /// use std::task::{Context, Waker};
    /// let table = Table::<4, 0, Async<Spin>>::new();
    /// let mut dispatcher = table.dispatcher().unwrap();
    /// assert!(dispatcher.poll_pause(&mut Context::from_waker(Waker::noop())).is_pending());
    /// ```
    pub fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        let table = self.table;
        table.cells().head().bell.poll_until(cx, || self.find_or_ended(Self::try_pause))
    }

    /// [`pause`](Self::pause) for a task. Cancel-safe: a task that stops polling takes nothing with
    /// it.
    ///
    /// # Errors
    /// [`Error::Closed`] when [another context ended this
    /// dispatcher](super::Table::end_dispatcher).
    pub fn pause_async(&mut self) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(|cx| self.poll_pause(cx))
    }

    /// The form of [`wait`](Self::wait) that a task polls.
    ///
    /// Cancel-safe: a task that stops polling takes nothing with it.
    ///
    /// ```
    /// use ringway_core::signal::{SignalSet, Table};
    /// use ringway_core::wait::{Async, Spin};
    /// use std::task::{Context, Waker};
    /// let table = Table::<4, 0, Async<Spin>>::new();
    /// let mut dispatcher = table.dispatcher().unwrap();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(dispatcher.poll_wait(&mut cx, SignalSet::all()).is_pending());
    /// table.raise(2)?;
    /// assert!(dispatcher.poll_wait(&mut cx, SignalSet::all()).is_ready());
    /// # Ok::<(), ringway_core::Error>(())
    /// ```
    pub fn poll_wait(
        &mut self,
        cx: &mut Context<'_>,
        any_of: SignalSet,
    ) -> Poll<Result<Raised, Error>> {
        let table = self.table;
        table
            .cells()
            .head()
            .bell
            .poll_until(cx, || self.find_or_ended(|this| this.try_wait(any_of)))
    }

    /// [`wait`](Self::wait) for a task. Cancel-safe: a task that stops polling takes nothing with
    /// it.
    ///
    /// # Errors
    /// [`Error::Closed`] when [another context ended this
    /// dispatcher](super::Table::end_dispatcher).
    pub fn wait_async(&mut self, any_of: SignalSet) -> impl Future<Output = Result<Raised, Error>> {
        poll_fn(move |cx| self.poll_wait(cx, any_of))
    }
}

impl<R: TableRef> Drop for Dispatcher<R> {
    fn drop(&mut self) {
        // Release: partner is the acquire in `Dispatcher::of`, when the next dispatcher is made.
        self.head().taken.store(FREE, Ordering::Release);
    }
}

impl<R: TableRef + fmt::Debug> fmt::Debug for Dispatcher<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("table", &self.table).finish_non_exhaustive()
    }
}

/// The pending, eligible line of the highest priority among these lines. Among equals, the first
/// from the line `next` on.
#[inline]
fn choose<C: Cells>(
    cells: &C,
    next: u32,
    among: SignalSet,
    eligible: impl Fn(&Line) -> bool,
) -> Option<LineRef<'_>> {
    let candidates = among & cells.head().words.pending(C::MOST_LINES);
    if C::IS_VIEW && !FINDS_BITS {
        highest(cells, Steps::new(candidates, next, cells.lines()), eligible)
    } else if C::MOST_LINES <= u32::BITS as usize {
        highest(cells, InTurn::<u32>::new(candidates, next, C::LAST), eligible)
    } else {
        highest(cells, InTurn::<u64>::new(candidates, next, C::LAST), eligible)
    }
}

/// The first of the eligible lines with the highest priority among them.
#[inline(always)]
fn highest<C: Cells>(
    cells: &C,
    numbers: impl Iterator<Item = u32>,
    eligible: impl Fn(&Line) -> bool,
) -> Option<LineRef<'_>> {
    // One above the priority of the best line: 0 while there is none.
    let (mut above, mut best) = (0, 0);
    for number in numbers {
        let number = cells.known(number);
        let Some(of) = cells.line(number).filter(|of| eligible(of.line)) else { continue };
        let priority = of.line.priority();
        if priority >= above {
            (above, best) = (priority.wrapping_add(1), number);
            // Often all lines have one priority. There is none above it to look for.
            if priority >= cells.head().words.ceiling() {
                break;
            }
        }
    }
    if above == 0 {
        return None;
    }
    cells.line(best)
}
