//! The one place where signals are handled.

use super::handler::Handler;
use super::payload::Raised;
use super::set::SignalSet;
use super::table::{ENDED, FREE, Line, TAKEN, Table};
use crate::Error;
use crate::sync::Ordering;
use crate::wait::{Register, Wait, Wake};
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

/// The one place where a table's signals are handled. From [`Table::dispatcher`].
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
    /// The line delivered last, after which equals take turns.
    last: u32,
}

impl<'a, const LINES: usize, const DEPTH: usize, W: Wake> Dispatcher<'a, LINES, DEPTH, W> {
    /// The right to dispatch, if nobody has it.
    pub(super) fn of(table: &'a Table<LINES, DEPTH, W>) -> Option<Self> {
        // Acquire: partner is the release in `drop`, by the dispatcher before this one, whose
        // places in the queues we go on from. Failure, relaxed: there is one. An exchange rather
        // than a swap, so that a failed try writes nothing.
        table
            .taken
            .compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            // Made only if it is ours: dropping it gives it back.
            .then(|| Dispatcher { table, last: u32::MAX })
    }

    /// The most that one table can have pending: a count and a full queue in each line.
    const MOST: usize = LINES.saturating_mul(DEPTH.saturating_add(1));

    /// Runs the handlers of what is pending, highest priority first, and returns how many
    /// deliveries there were. Never sleeps.
    ///
    /// A raise that comes meanwhile takes part, by its priority. Yet the deliveries of one call are
    /// never more than the table can have pending at once, so that a handler which raises its own
    /// line comes to an end.
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

    /// Runs one handler, that of the highest priority, and returns what was delivered. `None` if no
    /// line is pending, unmasked and with a handler.
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
            let (number, line) = self.choose(self.unmasked(), |line| {
                // Relaxed: `take_handled` looks again, in order.
                !line.handler.load(Ordering::Relaxed).is_null()
            })?;
            if let Some((handler, delivery)) = self.take_handled(number, line) {
                handler.run(&delivery);
                return Some(delivery);
            }
        }
    }

    /// Takes one delivery of any line of the set, masked or not, without running its handler
    /// (`sigwait`). Never sleeps.
    ///
    /// Mask the lines that are waited for in this way, else [`dispatch`](Self::dispatch) may have
    /// them first.
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
            self.open(number);
            if let Some(delivery) = self.take(number, line) {
                return Some(delivery);
            }
        }
    }

    fn unmasked(&self) -> SignalSet {
        // Acquire: partner is the release in `unmask` and `set_mask`.
        !self.table.masked.load(Ordering::Acquire)
    }

    /// Among these lines the one that is pending, fit, and of the highest priority.
    fn choose(
        &self,
        among: SignalSet,
        fit: impl Fn(&Line<DEPTH>) -> bool,
    ) -> Option<(u32, &'a Line<DEPTH>)> {
        let candidates = among & self.table.pending();
        // Those after the last one come first: of equals, the first is taken. Without a last one,
        // all are.
        let after = SignalSet::from_bits_retain(match self.last {
            u32::MAX => u64::MAX,
            last => u64::MAX.wrapping_shl(last) & !SignalSet::line(last).bits(),
        });
        let mut best: Option<(u32, u32, &Line<DEPTH>)> = None;
        for number in (candidates & after).lines().chain((candidates & !after).lines()) {
            let Some(line) = self.table.line(number).ok().filter(|line| fit(line)) else {
                continue;
            };
            // Relaxed: a number by itself.
            let priority = line.priority.load(Ordering::Relaxed);
            if best.is_none_or(|(highest, ..)| priority > highest) {
                best = Some((priority, number, line));
            }
        }
        best.map(|(_, number, line)| (number, line))
    }

    /// Clears the line's bit, before looking at what is behind it: what comes later sets it again.
    fn open(&self, number: u32) {
        // Acquire: partner is the release in `announce`.
        self.table.pending.remove_line(number, Ordering::Acquire);
    }

    /// Sets the line's bit for what was left behind it.
    fn close(&self, number: u32) {
        // Relaxed: the bit is for ourselves; what is behind it was acquired already.
        self.table.pending.insert_line(number, Ordering::Relaxed);
    }

    /// A delivery and the handler for it; nothing is taken if the handler is gone.
    fn take_handled(
        &mut self,
        number: u32,
        line: &Line<DEPTH>,
    ) -> Option<(&'static Handler, Raised)> {
        self.open(number);
        // After the bit was cleared, so that a raise which follows a change of handlers meets the
        // new one.
        // Acquire: partner is the release in `set_handler`.
        let handler = line.handler.load(Ordering::Acquire);
        // SAFETY: only null and `&'static Handler` are ever stored.
        let Some(handler) = (unsafe { handler.cast_const().as_ref() }) else {
            self.close(number);
            return None;
        };
        Some((handler, self.take(number, line)?))
    }

    /// What is behind a line whose bit was cleared: the count, or else the first payload.
    fn take(&mut self, number: u32, line: &Line<DEPTH>) -> Option<Raised> {
        let count = line.take_count();
        // SAFETY: there is one dispatcher, and it is borrowed exclusively.
        let payload = if count == 0 { Some(unsafe { line.queue.pop() }?) } else { None };
        // SAFETY: as above.
        if unsafe { line.queue.has_next() } {
            self.close(number);
        }
        self.last = number;
        Some(Raised { line: number, count: count.max(1), payload })
    }

    /// Deliveries, if there are any.
    fn try_pause(&mut self) -> Option<usize> {
        Some(self.dispatch()).filter(|deliveries| *deliveries > 0)
    }

    /// One look of a form that sleeps: what was found, or that this is over.
    fn look<R>(
        &mut self,
        mut find: impl FnMut(&mut Self) -> Option<R>,
    ) -> Option<Result<R, Error>> {
        if let Some(found) = find(self) {
            return Some(Ok(found));
        }
        // Acquire: partner is the release in `end_dispatcher`; what was raised before is found now.
        if self.table.taken.load(Ordering::Acquire) != ENDED {
            return None;
        }
        Some(find(self).ok_or(Error::Closed))
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wait> Dispatcher<'_, LINES, DEPTH, W> {
    /// Sleeps until there is something to handle, then [`dispatch`](Self::dispatch)es; returns how
    /// many deliveries there were, at least 1 (`pause`).
    ///
    /// # Errors
    /// [`Error::Closed`] when [another context ended it](Table::end_dispatcher).
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

    /// [`pause`](Self::pause), at most until `deadline` (`None`: for ever).
    ///
    /// # Errors
    /// [`Error::TimedOut`] if nothing was there to handle until then, [`Error::Closed`] as there.
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
        self.table.bell.wait_until(deadline, || self.look(Self::try_pause))?
    }

    /// Sleeps until any line of the set is raised, masked or not, and takes the delivery without
    /// running the handler (`sigwait`). Of an empty set, it waits until it is ended.
    ///
    /// Mask the lines that are waited for in this way, else [`dispatch`](Self::dispatch) may have
    /// them first.
    ///
    /// # Errors
    /// [`Error::Closed`] when [another context ended it](Table::end_dispatcher).
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

    /// [`wait`](Self::wait), at most until `deadline` (`None`: for ever; `sigtimedwait`).
    ///
    /// # Errors
    /// [`Error::TimedOut`] if none was raised until then, [`Error::Closed`] as there.
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
        self.table.bell.wait_until(deadline, || self.look(|this| this.try_wait(any_of)))?
    }

    fn sleep<R>(&mut self, mut find: impl FnMut(&mut Self) -> Option<R>) -> Result<R, Error> {
        loop {
            // Without a deadline there is no time-out; should a `Wait` say so nevertheless, it
            // waits on.
            if let Ok(answer) = self.table.bell.wait_until(None, || self.look(&mut find)) {
                return answer;
            }
        }
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Register> Dispatcher<'_, LINES, DEPTH, W> {
    /// The task's form of [`pause`](Self::pause). Cancel-safe: a task that stops polling takes
    /// nothing with it.
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
        self.table.bell.poll_until(cx, || self.look(Self::try_pause))
    }

    /// [`pause`](Self::pause) for a task. Cancel-safe, as [`poll_pause`](Self::poll_pause).
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    pub fn pause_async(&mut self) -> impl Future<Output = Result<usize, Error>> {
        poll_fn(|cx| self.poll_pause(cx))
    }

    /// The task's form of [`wait`](Self::wait). Cancel-safe: a task that stops polling takes
    /// nothing with it.
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
        self.table.bell.poll_until(cx, || self.look(|this| this.try_wait(any_of)))
    }

    /// [`wait`](Self::wait) for a task. Cancel-safe, as [`poll_wait`](Self::poll_wait).
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_async(&mut self, any_of: SignalSet) -> impl Future<Output = Result<Raised, Error>> {
        poll_fn(move |cx| self.poll_wait(cx, any_of))
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> Drop for Dispatcher<'_, LINES, DEPTH, W> {
    fn drop(&mut self) {
        // Release: partner is the acquire in `dispatcher`, of the next one.
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
