//! A place where each waits for all.

mod state;

use super::handle::{By, Forms, Handle, User, has_forms};
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

/// `N` parties meet, again and again. See [`BarrierInner`].
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

/// A [`Barrier`] for as many parties as are known when the program runs. It is made on the heap or
/// in memory at hand, see [`InMemory`](crate::storage::InMemory), and `&Barrier<N, W>` coerces to
/// it.
///
/// ```
/// use ringway_core::lock::{Barrier, BarrierView};
/// fn parties(barrier: &BarrierView) -> usize {
///     barrier.parties()
/// }
/// assert_eq!(parties(&Barrier::<3>::new()), 3);
/// ```
pub type BarrierView<W = Spin> = BarrierInner<[AtomicU32], W>;

/// What a [`Barrier`] and a [`BarrierView`] are: its parties meet, again and again.
/// [`wait`](Forms::wait) returns when all have called it. As Python's.
///
/// If one of them gives up, aborts or dies while it waits, the barrier is broken: whoever waits
/// gets [`Error::Broken`], and so does who comes, until it is [reset](Forms::reset). A party that
/// dies on its way to the barrier is not on record there, so that others wait for it: give them a
/// deadline, or [`abort`](Forms::abort) for it.
///
/// *Fairness*: who comes for the next round waits until all have left the one before, so that
/// nobody is overtaken by a whole round.
///
/// Memory: 4 bytes a party and 8 bytes.
///
/// # How it works
///
/// A party takes a slot by exchanging it from empty to its name and the round. That is its arrival.
/// Whoever finds all slots taken in this round ends it; whoever leaves gives its slot back, marked
/// with the next round, and whoever finds all given back opens that. So each step is on record, and
/// can be made by anybody.
///
/// Rounds are counted modulo 2^18 (262,144). A party that is suspended in the middle of one step,
/// holds no slot, and goes on when the others are a multiple of that many rounds further and in the
/// same phase, makes its step for their round: it can then open a round early, or break or reset
/// one that it never saw. One that holds a slot cannot, since no round passes without it.
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
    /// Each: the round that it was taken in (or: will be next) above the name of who took it, or 0.
    slots: S,
}

/// A slot that was taken, and when.
#[derive(Clone, Copy)]
struct Place<'a> {
    slot: &'a AtomicU32,
    index: usize,
    round: u32,
}

/// How a round ended for one that had a slot in it.
enum Ended {
    Complete,
    Broken,
    /// It was reset before the slot was taken: not this one's round.
    Before,
}

impl<const N: usize, W: Wake> Barrier<N, W> {
    /// Refuses what cannot work when the program is compiled.
    pub(crate) const VALID: () = {
        assert!(N > 0, "a barrier needs a party");
    };

    const_unless_loom! {
        /// A barrier where nobody is yet.
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

// SAFETY: `repr(C)`: the words and the slots, all of which are written.
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
        // SAFETY: within the caller's memory, here and below, as it has the layout above.
        let state_at = unsafe { &raw mut (*to).state };
        // SAFETY: as above.
        unsafe { state_at.write(AtomicU32::new(0)) };
        // SAFETY: as above.
        let bell_at = unsafe { &raw mut (*to).bell };
        // SAFETY: as above.
        unsafe { bell_at.write(Doorbell::new()) };
        // SAFETY: as above.
        let slots_at = unsafe { &raw mut (*to).slots };
        // SAFETY: as above.
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
    /// The barrier as `participant` uses it.
    pub fn handle(&self, participant: Participant) -> Handle<'_, BarrierView<W>> {
        Handle::new(By { lock: self, me: participant }.view())
    }

    /// If `dead` waits here, the barrier is broken, and its slot is free. Wakes those that wait.
    /// Whether it had a slot.
    ///
    /// # Safety
    /// `dead` takes no further step with this barrier: its process has ended (or its context was
    /// reset), and what it wrote is visible here, as it is once the operating system has reported
    /// its end.
    pub unsafe fn recover(&self, dead: Participant) -> bool {
        let mut held = false;
        for slot in self.slots.as_slice() {
            // Relaxed: the word is as new as the dead one left it.
            let seen = slot.load(Ordering::Relaxed);
            if seen & HOLDER != word::name(dead) {
                continue;
            }
            // Broken first: with the slot on record, whoever comes after a death in between does it
            // again.
            let round = seen >> ROUND_SHIFT;
            self.change_unheard(|state| {
                let breaks = state.phase == Phase::Filling && state.round == round;
                breaks.then_some(state.with(Phase::Broken))
            });
            // SYNC POINT C, release: with the acquire in `arrive`. When it fails, another recovered
            // it.
            let given_back = given_back(round);
            held |= slot
                .compare_exchange(seen, given_back, Ordering::Release, Ordering::Relaxed)
                .is_ok();
        }
        self.settle_unheard();
        self.bell.wake_all();
        held
    }

    fn state(&self) -> State {
        // SYNC POINT B, acquire: with the release in `exchange`. What was done before all came is
        // seen.
        State::unpack(self.state.load(Ordering::Acquire))
    }

    /// Whether it was `from` and is `to` now.
    fn exchange(&self, from: State, to: State) -> bool {
        // SYNC POINT B, release: with the acquire in `state`.
        self.state
            .compare_exchange(from.word, to.word, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether all are there.
    fn is_full(&self, round: u32) -> bool {
        let mut slots = self.slots.as_slice().iter();
        // SYNC POINT A, acquire: with the release in `arrive`. What was done before each came is
        // seen.
        slots.all(|slot| is_taken_in(slot.load(Ordering::Acquire), round))
    }

    fn is_empty(&self) -> bool {
        let mut slots = self.slots.as_slice().iter();
        // Relaxed: for one that saw that all were there, or that it was reset, an older empty slot
        // is that of one that had not come then; what one that came since finds out itself.
        slots.all(|slot| slot.load(Ordering::Relaxed) & HOLDER == 0)
    }

    /// Exchanges the state for what it is to be, until that is done or there is nothing to do;
    /// whether it was done. The caller rings the bell, when it has done with the words.
    fn change_unheard(&self, to: impl Fn(State) -> Option<State>) -> bool {
        loop {
            let state = self.state();
            let Some(to) = to(state) else { return false };
            if self.exchange(state, to) {
                return true;
            }
        }
    }

    /// Opens the next round when all have left the last; whether it did. The caller rings
    /// the bell.
    fn settle_unheard(&self) -> bool {
        self.change_unheard(|state| state.drained().filter(|_| self.is_empty()))
    }
}

impl<S: Slots + ?Sized, W: Wake, U: User<BarrierInner<S, W>> + ?Sized>
    Forms<BarrierInner<S, W>, U>
{
    /// How many parties it takes.
    pub fn parties(&self) -> usize {
        self.by().lock.slots.as_slice().len()
    }

    /// How many wait for the others, more or less.
    ///
    /// ```
    /// # use ringway_core::lock::Barrier;
    /// assert_eq!(<Barrier<2>>::new().waiting(), 0);
    /// ```
    #[doc(alias = "n_waiting")]
    pub fn waiting(&self) -> usize {
        let state = self.by().lock.state();
        if state.phase != Phase::Filling {
            return 0;
        }
        // Relaxed: a guess by nature.
        let taken = |slot: &&AtomicU32| is_taken_in(slot.load(Ordering::Relaxed), state.round);
        self.by().lock.slots.as_slice().iter().filter(taken).count()
    }

    /// Whether it is broken.
    #[doc(alias = "broken")]
    pub fn is_broken(&self) -> bool {
        matches!(self.by().lock.state().phase, Phase::Broken | Phase::Aborted)
    }

    /// Breaks it: for one who finds that not all will come. A round that all came to ends well, and
    /// the next is broken. Never waits.
    ///
    /// ```
    /// # use ringway_core::{Error, lock::Barrier};
    /// let barrier = <Barrier<2>>::new();
    /// barrier.abort();
    /// assert_eq!(barrier.wait(), Err(Error::Broken));
    /// ```
    pub fn abort(&self) {
        let barrier = self.by().lock;
        let changed = barrier.change_unheard(|state| match state.phase {
            Phase::Filling | Phase::Resetting => Some(state.with(Phase::Broken)),
            Phase::Draining => Some(state.with(Phase::Aborted)),
            Phase::Broken | Phase::Aborted => None,
        });
        if changed {
            barrier.bell.ring();
        }
    }

    /// Makes it as new: whoever waits gets [`Error::Broken`], and when they have left the next
    /// round begins. Never waits.
    pub fn reset(&self) {
        let barrier = self.by().lock;
        let changed = barrier.change_unheard(|state| match state.phase {
            Phase::Filling | Phase::Broken => Some(state.with(Phase::Resetting)),
            Phase::Aborted => Some(state.with(Phase::Draining)),
            Phase::Draining | Phase::Resetting => None,
        });
        if barrier.settle_unheard() | changed {
            barrier.bell.ring();
        }
    }
}

impl<S: Slots + ?Sized, W: Wait, U: User<BarrierInner<S, W>> + ?Sized>
    Forms<BarrierInner<S, W>, U>
{
    /// Waits until all parties wait. The answer is 0 to [`parties`](Self::parties) - 1, another one
    /// for each.
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub fn wait(&self) -> Result<usize, Error> {
        self.by().view().wait_deadline(None)
    }

    /// Waits until all parties wait, at most until `deadline` (`None`: for ever). The answer is 0
    /// to [`parties`](Self::parties) - 1, another one for each.
    ///
    /// # Errors
    /// [`Error::Broken`]; [`Error::TimedOut`] when not all came in time. Then the others' round is
    /// broken; unless this one could not even take its slot, because the round before had not
    /// ended, which breaks nothing.
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
        self.by().view().wait_deadline(deadline)
    }
}

impl<S: Slots + ?Sized, W: Register, U: User<BarrierInner<S, W>> + ?Sized>
    Forms<BarrierInner<S, W>, U>
{
    /// [`wait`](Self::wait) for a task. Dropped while it waits, it breaks the barrier for the
    /// others, as one does that gives up.
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
        self.by().view().wait_async()
    }
}

impl<'a, S: Slots + ?Sized, W: Wake> By<'a, BarrierInner<S, W>> {
    /// The same, whatever the number of parties.
    fn view(self) -> By<'a, BarrierView<W>> {
        let parties = self.lock.slots.as_slice().len();
        let view =
            core::ptr::slice_from_raw_parts(core::ptr::from_ref(self.lock).cast::<()>(), parties);
        // SAFETY: the same barrier, whose last field has so many slots.
        By { lock: unsafe { &*(view as *const BarrierView<W>) }, me: self.me }
    }
}

fn is_taken_in(slot: u32, round: u32) -> bool {
    slot & HOLDER != 0 && slot >> ROUND_SHIFT == round
}

/// An empty slot that was taken in `round`.
fn given_back(round: u32) -> u32 {
    next(round) << ROUND_SHIFT
}

impl<'a, W: Wake> By<'a, BarrierView<W>> {
    /// Takes a slot in this round.
    fn arrive(self) -> Option<Result<Place<'a>, Error>> {
        let barrier = self.lock;
        if barrier.settle_unheard() {
            barrier.bell.ring();
        }
        for (index, slot) in barrier.slots.iter().enumerate() {
            // SYNC POINT C, acquire: with the release in `leave` and `recover`. Who sees a slot
            // that was given back sees below that its round is over, and does not take it for that
            // round.
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
            // SYNC POINT A, release: with the acquire in `is_full`.
            if slot.compare_exchange(seen, mine, Ordering::Release, Ordering::Relaxed).is_ok() {
                return Some(Ok(Place { slot, index, round }));
            }
        }
        barrier.is_broken().then_some(Err(Error::Broken))
    }

    /// Whether the round is over for one that has that slot; ends it when all are there.
    fn ended(self, place: Place<'a>) -> Option<Ended> {
        let barrier = self.lock;
        loop {
            let state = barrier.state();
            if state.round != place.round {
                // As long as the slot is taken in a round, the round does not end.
                return Some(Ended::Before);
            }
            match state.phase {
                Phase::Draining | Phase::Aborted => return Some(Ended::Complete),
                Phase::Broken | Phase::Resetting => return Some(Ended::Broken),
                Phase::Filling => {}
            }
            if !barrier.is_full(place.round) {
                return None;
            }
            if barrier.exchange(state, state.with(Phase::Draining)) {
                barrier.bell.ring();
                return Some(Ended::Complete);
            }
        }
    }

    /// Breaks the round, unless it ended meanwhile.
    fn give_up(self, place: Place<'a>) -> Result<Ended, TimedOut> {
        loop {
            if let Some(ended) = self.ended(place) {
                return Ok(ended);
            }
            let filling = State::new(Phase::Filling, place.round);
            if self.lock.exchange(filling, filling.with(Phase::Broken)) {
                self.lock.bell.ring();
                return Err(TimedOut);
            }
        }
    }

    /// Breaks the round, unless it ended, and gives the slot back.
    #[cold]
    fn abandon(self, place: Place<'a>) {
        if cfg!(loom) {
            // In the models, one that unwinds has died, and does nothing any more.
            return;
        }
        let filling = State::new(Phase::Filling, place.round);
        self.lock.exchange(filling, filling.with(Phase::Broken));
        self.leave(place);
    }

    /// Gives the slot back, when the round is over.
    fn leave(self, place: Place<'a>) {
        // SYNC POINT C, release: with the acquire in `arrive`.
        place.slot.store(given_back(place.round), Ordering::Release);
        self.lock.settle_unheard();
        // Of the last two that leave, neither may have seen the other: who waits for the next round
        // opens it.
        self.lock.bell.ring();
    }

    /// What the round was for one that had a slot; `None` if it was not its round.
    fn outcome(place: Place<'a>, ended: Ended) -> Option<Result<usize, Error>> {
        match ended {
            Ended::Complete => Some(Ok(place.index)),
            Ended::Broken => Some(Err(Error::Broken)),
            Ended::Before => None,
        }
    }
}

impl<'a, W: Wait> By<'a, BarrierView<W>> {
    fn wait_deadline(self, deadline: Option<W::Deadline>) -> Result<usize, Error> {
        let bell = &self.lock.bell;
        loop {
            let place = bell.wait_until(deadline, || self.arrive())??;
            // When waiting or waking panics, the slot is given back, and the others do not wait for
            // this one.
            let abandoned = Finally(|| self.abandon(place));
            // Of the last two that arrive, one sees the slots of both: each looks again behind the
            // bell's fence.
            let ended = bell.wait_until(deadline, || self.ended(place));
            let ended = ended.or_else(|TimedOut| self.give_up(place));
            core::mem::forget(abandoned);
            self.leave(place);
            if let Some(outcome) = Self::outcome(place, ended?) {
                return outcome;
            }
        }
    }
}

impl<'a, W: Register> By<'a, BarrierView<W>> {
    fn wait_async(self) -> impl Future<Output = Result<usize, Error>> {
        let bell = &self.lock.bell;
        let mut waits = None;
        poll_fn(move |cx| {
            loop {
                let (place, abandoned) = match waits.take() {
                    Some(waits) => waits,
                    None => match bell.poll_until(cx, || self.arrive()) {
                        // Dropped, it gives up.
                        Poll::Ready(Ok(place)) => (place, Finally(move || self.abandon(place))),
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => return Poll::Pending,
                    },
                };
                let Poll::Ready(ended) = bell.poll_until(cx, || self.ended(place)) else {
                    waits = Some((place, abandoned));
                    return Poll::Pending;
                };
                core::mem::forget(abandoned);
                self.leave(place);
                if let Some(outcome) = Self::outcome(place, ended) {
                    return Poll::Ready(outcome);
                }
            }
        })
    }
}
