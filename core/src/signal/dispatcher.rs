//! The dispatcher: the one place where a table's signals are handled.

use super::payload::Raised;
use super::set::{InTurn, SignalSet};
use super::state::Line;
use super::table::{ENDED, FREE, TAKEN, Table};
use crate::Error;
use crate::sync::Ordering;
use crate::wait::{Register, Wait, Wake};
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

/// The one place where a table's signals are handled, from [`Table::dispatcher`].
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
pub struct Dispatcher<'a, const LINES: usize, const DEPTH: usize, W: Wake> {
    table: &'a Table<LINES, DEPTH, W>,
    /// The line after the one delivered last. Lines of equal priority take turns from there.
    next: u32,
}

impl<'a, const LINES: usize, const DEPTH: usize, W: Wake> Dispatcher<'a, LINES, DEPTH, W> {
    /// Takes the right to dispatch, if it is free.
    pub(super) fn of(table: &'a Table<LINES, DEPTH, W>) -> Option<Self> {
        // Acquire: partner is the release in the previous dispatcher's `drop`. This dispatcher
        // continues from that one's positions in the queues. Failure, relaxed: another dispatcher
        // exists, and this call reads nothing of it. A compare-exchange and not a swap, so that a
        // failed attempt writes nothing.
        table
            .taken
            .compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            // Build it only after a success: dropping a `Dispatcher` frees the right.
            .then(|| Dispatcher { table, next: 0 })
    }

    /// The most deliveries one table can have pending: a count and a full queue for each line.
    const MOST: usize = LINES.saturating_mul(DEPTH.saturating_add(1));

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
        (0..Self::MOST).take_while(|_| self.dispatch_one().is_some()).count()
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
            let (number, line) = self.choose(self.table.state.unmasked(), Line::is_handled)?;
            // SAFETY: the table has one dispatcher, and `&mut self` borrows it exclusively, so no
            // other call of `take` or `take_handled` runs at the same time. `choose` has seen the
            // line among the pending ones.
            let taken = unsafe { self.table.state.take_handled(number, line) };
            if let Some((handler, delivery)) = taken {
                self.next = number.wrapping_add(1);
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
            let (number, line) = self.choose(any_of, |_| true)?;
            // SAFETY: the table has one dispatcher, and `&mut self` borrows it exclusively, so no
            // other call of `take` or `take_handled` runs at the same time. `choose` has seen the
            // line among the pending ones.
            if let Some(delivery) = unsafe { self.table.state.take(number, line) } {
                self.next = number.wrapping_add(1);
                return Some(delivery);
            }
        }
    }

    /// The pending, eligible line of the highest priority among these lines.
    #[inline]
    fn choose(
        &self,
        among: SignalSet,
        eligible: impl Fn(&Line<DEPTH>) -> bool,
    ) -> Option<(u32, &'a Line<DEPTH>)> {
        let candidates = among & self.table.state.pending();
        if LINES <= u32::BITS as usize {
            self.highest(InTurn::<u32, LINES>::new(candidates, self.next), eligible)
        } else {
            self.highest(InTurn::<u64, LINES>::new(candidates, self.next), eligible)
        }
    }

    /// The first of the eligible lines with the highest priority among them.
    #[inline(always)]
    fn highest(
        &self,
        lines: impl Iterator<Item = u32>,
        eligible: impl Fn(&Line<DEPTH>) -> bool,
    ) -> Option<(u32, &'a Line<DEPTH>)> {
        let state = &self.table.state;
        // One above the priority of the best line: 0 while there is none.
        let (mut above, mut best) = (0, 0);
        for number in lines {
            // Changes nothing, and tells the compiler that a table of 2^n lines has this line.
            let number = number % LINES.next_power_of_two() as u32;
            let Some(line) = state.line(number).filter(|line| eligible(line)) else { continue };
            let priority = line.priority();
            if priority >= above {
                (above, best) = (priority.wrapping_add(1), number);
                // Often all lines have one priority. There is none above it to look for.
                if priority >= state.ceiling() {
                    break;
                }
            }
        }
        if above == 0 {
            return None;
        }
        Some((best, state.line(best)?))
    }

    /// Dispatches; returns the number of deliveries if there were any.
    fn try_pause(&mut self) -> Option<usize> {
        Some(self.dispatch()).filter(|deliveries| *deliveries > 0)
    }

    /// Tries once, for a form that sleeps: returns what `find` found, or that the dispatcher was
    /// ended.
    fn find_or_ended<R>(
        &mut self,
        mut find: impl FnMut(&mut Self) -> Option<R>,
    ) -> Option<Result<R, Error>> {
        if let Some(found) = find(self) {
            return Some(Ok(found));
        }
        // Acquire: partner is the release in `Table::end_dispatcher`. The second `find` sees every
        // raise made before it.
        if self.table.taken.load(Ordering::Acquire) != ENDED {
            return None;
        }
        Some(find(self).ok_or(Error::Closed))
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wait> Dispatcher<'_, LINES, DEPTH, W> {
    /// Sleeps until there is something to handle, then [`dispatch`](Self::dispatch)es (`pause`).
    ///
    /// Returns the number of deliveries, at least 1.
    ///
    /// # Errors
    /// [`Error::Closed`] when [another context ended this dispatcher](Table::end_dispatcher).
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
    /// [another context ended this dispatcher](Table::end_dispatcher).
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
        self.table.bell.wait_until(deadline, || self.find_or_ended(Self::try_pause))?
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
    /// [`Error::Closed`] when [another context ended this dispatcher](Table::end_dispatcher).
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
    /// [`Error::Closed`] when [another context ended this dispatcher](Table::end_dispatcher).
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
        self.table.bell.wait_until(deadline, || self.find_or_ended(|this| this.try_wait(any_of)))?
    }

    fn sleep<R>(&mut self, mut find: impl FnMut(&mut Self) -> Option<R>) -> Result<R, Error> {
        loop {
            // There is no deadline, so no wait can time out. If an implementation of `Wait` says so
            // anyway, wait on.
            if let Ok(answer) = self.table.bell.wait_until(None, || self.find_or_ended(&mut find)) {
                return answer;
            }
        }
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Register> Dispatcher<'_, LINES, DEPTH, W> {
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
        self.table.bell.poll_until(cx, || self.find_or_ended(Self::try_pause))
    }

    /// [`pause`](Self::pause) for a task. Cancel-safe: a task that stops polling takes nothing with
    /// it.
    ///
    /// # Errors
    /// [`Error::Closed`] when [another context ended this dispatcher](Table::end_dispatcher).
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
        self.table.bell.poll_until(cx, || self.find_or_ended(|this| this.try_wait(any_of)))
    }

    /// [`wait`](Self::wait) for a task. Cancel-safe: a task that stops polling takes nothing with
    /// it.
    ///
    /// # Errors
    /// [`Error::Closed`] when [another context ended this dispatcher](Table::end_dispatcher).
    pub fn wait_async(&mut self, any_of: SignalSet) -> impl Future<Output = Result<Raised, Error>> {
        poll_fn(move |cx| self.poll_wait(cx, any_of))
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> Drop for Dispatcher<'_, LINES, DEPTH, W> {
    fn drop(&mut self) {
        // Release: partner is the acquire in `Dispatcher::of`, when the next dispatcher is made.
        self.table.taken.store(FREE, Ordering::Release);
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> fmt::Debug
    for Dispatcher<'_, LINES, DEPTH, W>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("table", self.table).finish_non_exhaustive()
    }
}
