//! A barrier: each party waits for all.

mod state;

use super::handle::{Caller, Forms, Handle, User, has_forms};
use super::slots::Slots;
#[cfg(not(loom))]
use super::slots::write_slots;
use super::word::{self, HOLDER};
use crate::Error;
use crate::finally::Finally;
use crate::participant::Participant;
#[cfg(not(loom))]
use crate::storage::{self, InMemory};
use crate::sync::{AtomicU32, Ordering, array_of, const_unless_loom};
use crate::wait::{Doorbell, Register, Spin, TimedOut, Wait, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::future::poll_fn;
#[cfg(not(loom))]
use core::ptr::NonNull;
use core::task::Poll;
use state::{Phase, ROUND_SHIFT, State, next};

/// A barrier at which `N` parties meet, again and again. See [`BarrierInner`].
///
/// ```
/// use ringway_core::lock::Barrier;
/// static START: Barrier<3> = Barrier::new();
/// let mut numbers: Vec<usize> = std::thread::scope(|s| {
///     let parties = [(); 3].map(|()| s.spawn(|| START.wait().unwrap()));
///     parties.map(|party| party.join().unwrap()).into()
/// });
/// numbers.sort();
/// assert_eq!(numbers, [0, 1, 2]);
/// ```
#[doc(alias = "pthread_barrier_t")]
pub type Barrier<const N: usize, W = Spin> = BarrierInner<[AtomicU32; N], W>;

/// A [`Barrier`] whose number of parties is known when the program runs.
///
/// `&Barrier<N, W>` coerces to a reference to it. To create one on the heap or in memory of the
/// caller, see [`InMemory`](crate::storage::InMemory).
///
/// ```
/// use ringway_core::lock::{Barrier, BarrierView};
/// fn parties(barrier: &BarrierView) -> usize {
///     barrier.parties()
/// }
/// assert_eq!(parties(&Barrier::<3>::new()), 3);
/// ```
pub type BarrierView<W = Spin> = BarrierInner<[AtomicU32], W>;

/// The type behind [`Barrier`] and [`BarrierView`].
///
/// Its parties meet, again and again: [`wait`](Forms::wait) returns when all have called it. As
/// Python's `Barrier`.
///
/// If a party gives up, aborts or dies while it waits, the barrier is broken. All that wait get
/// [`Error::Broken`], and so do all that come later, until somebody [resets](Forms::reset) the
/// barrier. A party that dies before it reaches the barrier is not on record there, and the others
/// wait for it: give them a deadline, or call [`abort`](Forms::abort) in its arrival.
///
/// *Fairness*: a party that comes for the next round waits until all have left the round before, so
/// that no party is overtaken by a whole round.
///
/// Memory: 8 bytes, and 4 bytes for each party.
///
/// # How it works
///
/// A party arrives by exchanging a slot from empty to its own number and the round. The party that
/// finds all slots taken in this round ends the round. A party that leaves gives its slot back,
/// marked with the next round, and the party that finds all slots given back opens that round. So
/// each step is on record, and any party can make it.
///
/// Rounds are counted modulo 2^18 (262,144). This matters for a party that holds no slot and is
/// suspended in the middle of a step. If the others are a multiple of 2^18 rounds further, and in
/// the same phase, when it goes on, it makes its step for their round: it can open a round early,
/// or break or reset a round that it never saw. A party that holds a slot cannot do so, since no
/// round ends without it.
///
/// ```text
///   Filling r ──all slots taken in r──► Draining r ──all given back──► Filling r+1
///      │ ╲ reset                        │ abort   ▲ reset
///      │  ╰──► Resetting r ─all back─╮  ▼         │
///      │                 ▲           │  Aborted r ┴─all given back──► Broken r+1
///      │ abort, timeout, │ reset     ╰────────────────────────────► Filling r+1
///      ▼ death           │
///   Broken r ────────────╯
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct BarrierInner<S: Slots + ?Sized, W: Wake> {
    state: AtomicU32,
    bell: Doorbell<W>,
    /// Each has a participant encoded by [`word::name`], or 0, in its low bits. Above them is the
    /// round in which it was taken, or the next round in which it can be.
    slots: S,
}

/// A slot that a party took, and the round.
#[derive(Clone, Copy)]
struct Arrival<'a> {
    slot: &'a AtomicU32,
    index: usize,
    round: u32,
}

/// How a round ended for a party that had a slot in it.
enum Ended {
    Complete,
    Broken,
    /// The barrier was reset before the party took its slot: the round was not this party's.
    Before,
}

impl<const N: usize, W: Wake> Barrier<N, W> {
    /// Fails to compile for a barrier that cannot work.
    pub(crate) const VALID: () = {
        assert!(N > 0, "a barrier needs a party");
    };

    const_unless_loom! {
        /// A barrier to which no party has come yet.
        ///
        /// ```compile_fail
        /// use ringway_core::lock::Barrier;
        /// static NOBODY: Barrier<0> = Barrier::new();
        /// ```
        pub fn new() -> Self {
            const { Self::VALID };
            BarrierInner {
                state: AtomicU32::new(0),
                bell: Doorbell::new(),
                slots: array_of!(AtomicU32::new(0); N),
            }
        }
    }
}

// SAFETY: `from_raw` points to `at`, and the layout is that of this `repr(C)` type: the state, the
// bell, then the slots. `init_at` writes all of them.
#[cfg(not(loom))]
unsafe impl<W: Wake> InMemory for BarrierView<W> {
    fn layout(slots: usize) -> Option<Layout> {
        // The state and the bell.
        let (words, _) = Layout::new::<AtomicU32>().extend(Layout::new::<Doorbell<W>>()).ok()?;
        storage::layout::<AtomicU32>(words, slots)
    }

    fn from_raw(at: NonNull<u8>, slots: usize) -> Option<NonNull<Self>> {
        Self::layout(slots)?;
        NonNull::new(storage::slice(at, slots) as *mut Self)
    }

    unsafe fn init_at(at: NonNull<u8>, slots: usize) -> Option<NonNull<Self>> {
        let lock = Self::from_raw(at, slots)?;
        let to = lock.as_ptr();
        // SAFETY: the caller guarantees memory of `layout(slots)` at `at`, in which the state lies.
        let state_at = unsafe { &raw mut (*to).state };
        // SAFETY: the state lies in memory that the caller guarantees and nobody else uses, and is
        // aligned.
        unsafe { state_at.write(AtomicU32::new(0)) };
        // SAFETY: the caller guarantees memory of `layout(slots)` at `at`, in which the bell lies.
        let bell_at = unsafe { &raw mut (*to).bell };
        // SAFETY: the bell lies in memory that the caller guarantees and nobody else uses, and is
        // aligned.
        unsafe { bell_at.write(Doorbell::new()) };
        // SAFETY: the caller guarantees memory of `layout(slots)` at `at`, in which the slots lie.
        let slots_at = unsafe { &raw mut (*to).slots };
        // SAFETY: the slots lie in memory that the caller guarantees and nobody else uses, and are
        // aligned.
        unsafe { write_slots(slots_at) };
        Some(lock)
    }
}

impl<const N: usize, W: Wake> Default for Barrier<N, W> {
    fn default() -> Self {
        Barrier::new()
    }
}

has_forms! { BarrierInner<S, W> where S: Slots + ?Sized, W: Wake }

impl<S: Slots + ?Sized, W: Wake> BarrierInner<S, W> {
    /// Returns a handle by which `participant` uses the barrier.
    pub fn handle(&self, participant: Participant) -> Handle<'_, BarrierView<W>> {
        Handle::new(Caller { lock: self, me: participant }.view())
    }

    /// Breaks the barrier if `dead` waits at it, and frees its slot; returns whether it had a slot.
    ///
    /// Wakes all that wait.
    ///
    /// # Safety
    /// `dead` takes no further step with this barrier: its process has ended (or its context was
    /// reset), and what it wrote is visible here, as it is once the operating system has reported
    /// its end.
    pub unsafe fn recover(&self, dead: Participant) -> bool {
        let mut held = false;
        for slot in self.slots.as_slice() {
            // Relaxed: the caller sees what `dead` wrote.
            let seen = slot.load(Ordering::Relaxed);
            if seen & HOLDER != word::name(dead) {
                continue;
            }
            // Break first: if this process dies in between, the slot is still on record, so that
            // the next call of `recover` does it again.
            let round = seen >> ROUND_SHIFT;
            self.change_silently(|state| {
                let breaks = state.phase == Phase::Filling && state.round == round;
                breaks.then_some(state.with(Phase::Broken))
            });
            // SYNC POINT with the load of the slot in `arrive`, release: a party that sees the slot
            // free sees the round's end. If the exchange fails, another caller recovered the slot.
            let given_back = given_back(round);
            held |= slot
                .compare_exchange(seen, given_back, Ordering::Release, Ordering::Relaxed)
                .is_ok();
        }
        self.settle_silently();
        self.bell.wake_all();
        held
    }

    fn state(&self) -> State {
        // SYNC POINT with `exchange`, acquire: what the parties did before the last of them came is
        // seen.
        State::unpack(self.state.load(Ordering::Acquire))
    }

    /// Exchanges the state `from` for `to`; whether it was `from`.
    fn exchange(&self, from: State, to: State) -> bool {
        // SYNC POINT with the load in `state`, release: what this party has seen and done is seen
        // by those that see `to`.
        self.state
            .compare_exchange(from.word, to.word, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether all parties have come in `round`.
    fn is_full(&self, round: u32) -> bool {
        let mut slots = self.slots.as_slice().iter();
        // SYNC POINT with the exchange of the slot in `arrive`, acquire: what each party did before
        // it came is seen.
        slots.all(|slot| is_taken_in(slot.load(Ordering::Acquire), round))
    }

    fn is_empty(&self) -> bool {
        let mut slots = self.slots.as_slice().iter();
        // Relaxed: the caller has seen the round's end or its reset. If a slot looks empty because
        // this load is too old, its party came after that; such a party finds out by itself that
        // the round is over.
        slots.all(|slot| slot.load(Ordering::Relaxed) & HOLDER == 0)
    }

    /// Exchanges the state for `to` of it, repeatedly until that succeeds or `to` says `None`;
    /// whether it succeeded. The caller rings the bell once it has finished with the words.
    fn change_silently(&self, to: impl Fn(State) -> Option<State>) -> bool {
        loop {
            let state = self.state();
            let Some(to) = to(state) else { return false };
            if self.exchange(state, to) {
                return true;
            }
        }
    }

    /// Opens the next round if all have left the last; whether it did. The caller rings the bell.
    fn settle_silently(&self) -> bool {
        self.change_silently(|state| state.drained().filter(|_| self.is_empty()))
    }
}

impl<S: Slots + ?Sized, W: Wake, U: User<BarrierInner<S, W>> + ?Sized>
    Forms<BarrierInner<S, W>, U>
{
    /// The number of parties that a round needs.
    pub fn parties(&self) -> usize {
        self.caller().lock.slots.as_slice().len()
    }

    /// The number of parties that wait for the others. It may change meanwhile.
    ///
    /// ```
    /// # use ringway_core::lock::Barrier;
    /// assert_eq!(<Barrier<2>>::new().waiting(), 0);
    /// ```
    #[doc(alias = "n_waiting")]
    pub fn waiting(&self) -> usize {
        let state = self.caller().lock.state();
        if state.phase != Phase::Filling {
            return 0;
        }
        // Relaxed: an estimate; nothing is read on the strength of it.
        let taken = |slot: &&AtomicU32| is_taken_in(slot.load(Ordering::Relaxed), state.round);
        self.caller().lock.slots.as_slice().iter().filter(taken).count()
    }

    /// Whether the barrier is broken.
    #[doc(alias = "broken")]
    pub fn is_broken(&self) -> bool {
        matches!(self.caller().lock.state().phase, Phase::Broken | Phase::Aborted)
    }

    /// Breaks the barrier. Never waits.
    ///
    /// For a caller that learns that not all parties will come. A round to which all came ends
    /// well, and the next round is broken.
    ///
    /// ```
    /// # use ringway_core::{Error, lock::Barrier};
    /// let barrier = <Barrier<2>>::new();
    /// barrier.abort();
    /// assert_eq!(barrier.wait(), Err(Error::Broken));
    /// ```
    pub fn abort(&self) {
        let barrier = self.caller().lock;
        let changed = barrier.change_silently(|state| match state.phase {
            Phase::Filling | Phase::Resetting => Some(state.with(Phase::Broken)),
            Phase::Draining => Some(state.with(Phase::Aborted)),
            Phase::Broken | Phase::Aborted => None,
        });
        if changed {
            barrier.bell.ring();
        }
    }

    /// Makes the barrier whole again. Never waits.
    ///
    /// All that wait get [`Error::Broken`]. When they have left, the next round begins.
    pub fn reset(&self) {
        let barrier = self.caller().lock;
        let changed = barrier.change_silently(|state| match state.phase {
            Phase::Filling | Phase::Broken => Some(state.with(Phase::Resetting)),
            Phase::Aborted => Some(state.with(Phase::Draining)),
            Phase::Draining | Phase::Resetting => None,
        });
        let settled = barrier.settle_silently();
        if changed || settled {
            barrier.bell.ring();
        }
    }
}

impl<S: Slots + ?Sized, W: Wait, U: User<BarrierInner<S, W>> + ?Sized>
    Forms<BarrierInner<S, W>, U>
{
    /// Waits until all parties wait.
    ///
    /// Returns a number from 0 to [`parties`](Self::parties) - 1, a different one to each party.
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub fn wait(&self) -> Result<usize, Error> {
        self.caller().view().wait_deadline(None)
    }

    /// Waits until all parties wait, at most until `deadline` (`None`: for ever).
    ///
    /// Returns a number from 0 to [`parties`](Self::parties) - 1, a different one to each party.
    ///
    /// # Errors
    /// [`Error::Broken`]; [`Error::TimedOut`] when not all came in time. A timeout breaks the round
    /// for the others too, unless this party could not even take a slot because the round before
    /// had not ended.
    ///
    /// ```
    /// use ringway_core::{Error, lock::Barrier, wait::SpinClock};
    /// # struct Hundred;
    /// # impl ringway_core::wait::Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let barrier = Barrier::<2, SpinClock<Hundred>>::new();
    /// assert_eq!(barrier.wait_deadline(Some(50)), Err(Error::TimedOut));
    /// assert_eq!(barrier.wait(), Err(Error::Broken));
    /// barrier.reset();
    /// assert!(!barrier.is_broken());
    /// ```
    pub fn wait_deadline(&self, deadline: Option<W::Deadline>) -> Result<usize, Error> {
        self.caller().view().wait_deadline(deadline)
    }
}

impl<S: Slots + ?Sized, W: Register, U: User<BarrierInner<S, W>> + ?Sized>
    Forms<BarrierInner<S, W>, U>
{
    /// [`wait`](Self::wait) for a task.
    ///
    /// Dropping it while it waits breaks the barrier for the others, as a timeout does.
    ///
    /// # Errors
    /// [`Error::Broken`].
    ///
    /// ```
    /// use ringway_core::{Error, lock::Barrier, wait::Async};
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    /// let barrier = Barrier::<2, Async>::new();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut first = pin!(barrier.wait_async());
    /// assert!(first.as_mut().poll(&mut cx).is_pending());
    /// assert_eq!(pin!(barrier.wait_async()).poll(&mut cx), Poll::Ready(Ok(1)));
    /// assert_eq!(first.poll(&mut cx), Poll::Ready(Ok(0)));
    /// ```
    pub fn wait_async(&self) -> impl Future<Output = Result<usize, Error>> {
        self.caller().view().wait_async()
    }
}

impl<'a, S: Slots + ?Sized, W: Wake> Caller<'a, BarrierInner<S, W>> {
    /// The same barrier as a view.
    fn view(self) -> Caller<'a, BarrierView<W>> {
        let parties = self.lock.slots.as_slice().len();
        let view =
            core::ptr::slice_from_raw_parts(core::ptr::from_ref(self.lock).cast::<()>(), parties);
        // SAFETY: the pointer is to the same barrier, with the number of slots of its last field,
        // and a view has the same layout; the barrier is borrowed for `'a`.
        Caller { lock: unsafe { &*(view as *const BarrierView<W>) }, me: self.me }
    }
}

fn is_taken_in(slot: u32, round: u32) -> bool {
    slot & HOLDER != 0 && slot >> ROUND_SHIFT == round
}

/// The word of an empty slot that was taken in `round`.
fn given_back(round: u32) -> u32 {
    next(round) << ROUND_SHIFT
}

impl<'a, W: Wake> Caller<'a, BarrierView<W>> {
    /// Tries once to take a slot in this round; `None` if this round takes no party now.
    fn arrive(self) -> Option<Result<Arrival<'a>, Error>> {
        let barrier = self.lock;
        if barrier.settle_silently() {
            barrier.bell.ring();
        }
        for (index, slot) in barrier.slots.iter().enumerate() {
            // SYNC POINT with `leave` and `recover`, acquire: if this party sees a slot that was
            // given back, it sees below that the slot's round is over, and does not take the slot
            // for that round.
            let seen = slot.load(Ordering::Acquire);
            if seen & HOLDER != 0 {
                continue;
            }
            let State { phase, round, .. } = barrier.state();
            match phase {
                Phase::Filling => {}
                Phase::Broken | Phase::Aborted => return Some(Err(Error::Broken)),
                Phase::Draining | Phase::Resetting => return None,
            }
            let mine = round << ROUND_SHIFT | word::name(self.me);
            // SYNC POINT with the loads in `is_full`, release: what this party did before it came
            // is seen.
            if slot.compare_exchange(seen, mine, Ordering::Release, Ordering::Relaxed).is_ok() {
                return Some(Ok(Arrival { slot, index, round }));
            }
        }
        barrier.is_broken().then_some(Err(Error::Broken))
    }

    /// Ends the round if all have come; how it ended for the party that has the slot, `None` if it
    /// has not ended.
    fn ended(self, arrival: Arrival<'a>) -> Option<Ended> {
        let barrier = self.lock;
        loop {
            let state = barrier.state();
            if state.round != arrival.round {
                // A round does not end while one of its slots is taken, so that this slot was taken
                // after its round's end.
                return Some(Ended::Before);
            }
            match state.phase {
                Phase::Draining | Phase::Aborted => return Some(Ended::Complete),
                Phase::Broken | Phase::Resetting => return Some(Ended::Broken),
                Phase::Filling => {}
            }
            if !barrier.is_full(arrival.round) {
                return None;
            }
            if barrier.exchange(state, state.with(Phase::Draining)) {
                barrier.bell.ring();
                return Some(Ended::Complete);
            }
        }
    }

    /// Breaks the round, unless it has ended meanwhile.
    fn give_up(self, arrival: Arrival<'a>) -> Result<Ended, TimedOut> {
        loop {
            if let Some(ended) = self.ended(arrival) {
                return Ok(ended);
            }
            let filling = State::new(Phase::Filling, arrival.round);
            if self.lock.exchange(filling, filling.with(Phase::Broken)) {
                self.lock.bell.ring();
                return Err(TimedOut);
            }
        }
    }

    /// Breaks the round, unless it has ended, and gives the slot back.
    #[cold]
    fn abandon(self, arrival: Arrival<'a>) {
        if cfg!(loom) {
            // In the models, a thread that unwinds stands for a dead process, which takes no
            // further step.
            return;
        }
        let filling = State::new(Phase::Filling, arrival.round);
        self.lock.exchange(filling, filling.with(Phase::Broken));
        self.leave(arrival);
    }

    /// Gives the slot back, once the round is over.
    fn leave(self, arrival: Arrival<'a>) {
        // SYNC POINT with the load of the slot in `arrive`, release: a party that sees the slot
        // free sees the round's end.
        arrival.slot.store(given_back(arrival.round), Ordering::Release);
        self.lock.settle_silently();
        // Neither of the last two parties that leave may have seen the other leave. Then a party
        // that waits for the next round opens it.
        self.lock.bell.ring();
    }

    /// The result for the party that had the slot; `None` if the round was not its own.
    fn outcome(arrival: Arrival<'a>, ended: Ended) -> Option<Result<usize, Error>> {
        match ended {
            Ended::Complete => Some(Ok(arrival.index)),
            Ended::Broken => Some(Err(Error::Broken)),
            Ended::Before => None,
        }
    }
}

impl<'a, W: Wait> Caller<'a, BarrierView<W>> {
    fn wait_deadline(self, deadline: Option<W::Deadline>) -> Result<usize, Error> {
        let bell = &self.lock.bell;
        loop {
            let arrival = bell.wait_until(deadline, || self.arrive())??;
            // If waiting or waking panics, this gives the slot back, so that the others do not wait
            // for this party.
            let abandoned = Finally(|| self.abandon(arrival));
            // Of the last two parties that arrive, one sees the slots of both, since each checks
            // again after the bell's fence.
            let ended = bell.wait_until(deadline, || self.ended(arrival));
            let ended = ended.or_else(|TimedOut| self.give_up(arrival));
            core::mem::forget(abandoned);
            self.leave(arrival);
            if let Some(outcome) = Self::outcome(arrival, ended?) {
                return outcome;
            }
        }
    }
}

impl<'a, W: Register> Caller<'a, BarrierView<W>> {
    fn wait_async(self) -> impl Future<Output = Result<usize, Error>> {
        let bell = &self.lock.bell;
        let mut waits = None;
        poll_fn(move |cx| {
            loop {
                let (arrival, abandoned) = match waits.take() {
                    Some(waits) => waits,
                    None => match bell.poll_until(cx, || self.arrive()) {
                        // Dropping the future abandons the slot.
                        Poll::Ready(Ok(arrival)) => {
                            (arrival, Finally(move || self.abandon(arrival)))
                        }
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => return Poll::Pending,
                    },
                };
                let Poll::Ready(ended) = bell.poll_until(cx, || self.ended(arrival)) else {
                    waits = Some((arrival, abandoned));
                    return Poll::Pending;
                };
                core::mem::forget(abandoned);
                self.leave(arrival);
                if let Some(outcome) = Self::outcome(arrival, ended) {
                    return Poll::Ready(outcome);
                }
            }
        })
    }
}
