//! A place where each waits for all.

use super::Handle;
use super::word::{self, HOLDER};
use crate::Error;
use crate::finally::Finally;
use crate::participant::Participant;
use crate::sync::{AtomicU32, Ordering, array_of, const_unless_loom};
use crate::wait::{Doorbell, Spin, TimedOut, Wait, Wake};
#[cfg(not(loom))]
use core::ptr::NonNull;

/// `N` parties meet, again and again: [`wait`](Self::wait) returns when `N` have called it. As Python's.
///
/// If one of them gives up, aborts or dies while it waits, the barrier is broken: whoever waits gets
/// [`Error::Broken`], and so does who comes, until it is [reset](Self::reset). A party that dies on its way to the
/// barrier is not on record there, so that others wait for it: give them a deadline, or [`abort`](Self::abort) for it.
///
/// *Fairness*: who comes for the next round waits until all have left the one before, so that nobody is overtaken by a
/// whole round.
///
/// Memory: 4 bytes a party and 8 bytes.
///
/// ```
/// use ringway_core::lock::Barrier;
/// use ringway_core::wait::Spin;
/// static START: Barrier<3> = Barrier::new(Spin);
/// let mut slots: Vec<usize> = std::thread::scope(|s| {
///     let parties = [(); 3].map(|()| s.spawn(|| START.wait().unwrap()));
///     parties.map(|party| party.join().unwrap()).into()
/// });
/// slots.sort();
/// assert_eq!(slots, [0, 1, 2]);
/// ```
///
/// # How it works
///
/// A party takes a slot by exchanging it from empty to its name and the round. That is its arrival. Whoever finds all
/// slots taken in this round ends it; whoever leaves gives its slot back, marked with the next round, and whoever finds
/// all given back opens that. So each step is on record, and can be made by anybody.
///
/// Rounds are counted modulo 2^18 (262,144). A party that is suspended in the middle of one step, holds no slot, and goes
/// on when the others are a multiple of that many rounds further and in the same phase, makes its step for their round:
/// it can then open a round early, or break or reset one that it never saw. One that holds a slot cannot, since no round
/// passes without it.
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
#[doc(alias = "pthread_barrier_t")]
#[derive(Debug)]
#[repr(C)]
pub struct Barrier<const N: usize, W: Wake = Spin> {
    state: AtomicU32,
    bell: Doorbell<W>,
    /// Each: the round that it was taken in (or: will be next) above the name of who took it, or 0.
    slots: [AtomicU32; N],
}

/// The words of a barrier, however many slots it has.
#[derive(Debug)]
struct Words<'a, W: Wake> {
    state: &'a AtomicU32,
    bell: &'a Doorbell<W>,
    slots: &'a [AtomicU32],
}

/// What stands in the lowest bits of the state, and what it says to one that came in its round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not all are there.
    Filling = 0,
    /// All were there; they leave.
    Draining = 1,
    /// Those that were there leave, then it goes on.
    Resetting = 2,
    /// It did not end well.
    Broken = 3,
    /// All were there; they leave, then it is broken.
    Aborted = 4,
}

/// A state: its phase, and the round.
#[derive(Clone, Copy)]
struct State {
    /// The word that says it. Of a state that is to be, what [`State::new`] makes; of one that was seen, what was there,
    /// also where no barrier writes such a word: an exchange for another one must not fail for ever.
    word: u32,
    phase: Phase,
    round: u32,
}

/// Rounds are counted in the bits that a name leaves in a slot.
const ROUND_SHIFT: u32 = HOLDER.count_ones();
const ROUNDS: u32 = u32::MAX >> ROUND_SHIFT;
const PHASE_BITS: u32 = 3;

impl State {
    /// A word that no barrier writes says that it is broken: a reset makes it whole.
    fn unpack(word: u32) -> State {
        let phase = match word & ((1 << PHASE_BITS) - 1) {
            0 => Phase::Filling,
            1 => Phase::Draining,
            2 => Phase::Resetting,
            4 => Phase::Aborted,
            _ => Phase::Broken,
        };
        let round = word >> PHASE_BITS;
        let phase = if round > ROUNDS { Phase::Broken } else { phase };
        State { word, phase, round: round & ROUNDS }
    }

    fn new(phase: Phase, round: u32) -> State {
        State { word: round << PHASE_BITS | phase as u32, phase, round }
    }

    fn with(self, phase: Phase) -> State {
        State::new(phase, self.round)
    }

    /// What it is when all slots are given back, where that changes it.
    fn drained(self) -> Option<State> {
        let phase = match self.phase {
            Phase::Draining | Phase::Resetting => Phase::Filling,
            Phase::Aborted => Phase::Broken,
            Phase::Filling | Phase::Broken => return None,
        };
        Some(State::new(phase, next(self.round)))
    }
}

fn next(round: u32) -> u32 {
    (round + 1) & ROUNDS
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
        /// A barrier where nobody is yet, at which one sleeps as `how` says.
        ///
        /// ```compile_fail
        /// use ringway_core::{lock::Barrier, wait::Spin};
        /// static NOBODY: Barrier<0> = Barrier::new(Spin);
        /// ```
        pub fn new(how: W) -> Self {
            const { Self::VALID };
            Barrier {
                state: AtomicU32::new(0),
                bell: Doorbell::with(how),
                slots: array_of!(AtomicU32::new(0); N),
            }
        }
    }

    /// How many parties it takes.
    pub const fn parties(&self) -> usize {
        N
    }

    /// How many wait for the others, more or less.
    ///
    /// ```
    /// # use ringway_core::{lock::Barrier, wait::Spin};
    /// assert_eq!(Barrier::<2>::new(Spin).waiting(), 0);
    /// ```
    #[doc(alias = "n_waiting")]
    pub fn waiting(&self) -> usize {
        let state = self.words().state();
        if state.phase != Phase::Filling {
            return 0;
        }
        // Relaxed: a guess by nature.
        let taken = |slot: &&AtomicU32| is_taken_in(slot.load(Ordering::Relaxed), state.round);
        self.slots.iter().filter(taken).count()
    }

    /// Whether it is broken.
    #[doc(alias = "broken")]
    pub fn is_broken(&self) -> bool {
        matches!(self.words().state().phase, Phase::Broken | Phase::Aborted)
    }

    #[inline(always)]
    fn words(&self) -> Words<'_, W> {
        Words { state: &self.state, bell: &self.bell, slots: &self.slots }
    }
}

impl<W: Wake> Words<'_, W> {
    fn state(&self) -> State {
        // SYNC POINT B, acquire: with the release in `exchange`. What was done before all came is seen.
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
        // SYNC POINT A, acquire: with the release in `arrive`. What was done before each came is seen.
        self.slots.iter().all(|slot| is_taken_in(slot.load(Ordering::Acquire), round))
    }

    fn is_empty(&self) -> bool {
        // Relaxed: for one that saw that all were there, or that it was reset, an older empty slot is that of one that had not
        // come then; what one that came since finds out itself.
        self.slots.iter().all(|slot| slot.load(Ordering::Relaxed) & HOLDER == 0)
    }
}

fn is_taken_in(slot: u32, round: u32) -> bool {
    slot & HOLDER != 0 && slot >> ROUND_SHIFT == round
}

impl<const N: usize, W: Wake + Default> Default for Barrier<N, W> {
    fn default() -> Self {
        Barrier::new(W::default())
    }
}

impl<const N: usize, W: Wait> Barrier<N, W> {
    /// The barrier as `participant` uses it.
    pub fn handle(&self, participant: Participant) -> Handle<'_, Barrier<N, W>> {
        Handle::new(self, participant)
    }

    /// Waits until all parties wait. The answer is 0 to `N - 1`, another one for each.
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub fn wait(&self) -> Result<usize, Error> {
        self.handle(Participant::LOCAL).wait()
    }

    /// Waits until all parties wait, at most until `deadline` (`None`: for ever). The answer is 0 to `N - 1`, another one
    /// for each.
    ///
    /// # Errors
    /// [`Error::Broken`]; [`Error::TimedOut`] when not all came in time. Then the others' round is
    /// broken; unless this one could not even take its slot, because the round before had not
    /// ended, which breaks nothing.
    ///
    /// ```
    /// use ringway_core::{Error, lock::Barrier};
    /// use ringway_core::wait::{Clock, SpinClock};
    /// # struct Hundred;
    /// # impl Clock for Hundred {
    /// #     fn now() -> u64 {
    /// #         100 // the time is always 100
    /// #     }
    /// # }
    /// let barrier = Barrier::<2, _>::new(SpinClock::<Hundred>::new());
    /// assert_eq!(barrier.wait_deadline(Some(50)), Err(Error::TimedOut));
    /// assert_eq!(barrier.wait(), Err(Error::Broken));
    /// barrier.reset();
    /// assert!(!barrier.is_broken());
    /// ```
    pub fn wait_deadline(&self, deadline: Option<W::Deadline>) -> Result<usize, Error> {
        self.handle(Participant::LOCAL).wait_deadline(deadline)
    }

    /// Breaks it: for one who finds that not all will come. A round that all came to ends well, and the next is broken.
    /// Never waits.
    ///
    /// ```
    /// # use ringway_core::{Error, lock::Barrier, wait::Spin};
    /// let barrier = Barrier::<2>::new(Spin);
    /// barrier.abort();
    /// assert_eq!(barrier.wait(), Err(Error::Broken));
    /// ```
    pub fn abort(&self) {
        let changed = self.words().change_unheard(|state| match state.phase {
            Phase::Filling | Phase::Resetting => Some(state.with(Phase::Broken)),
            Phase::Draining => Some(state.with(Phase::Aborted)),
            Phase::Broken | Phase::Aborted => None,
        });
        if changed {
            self.bell.ring();
        }
    }

    /// Makes it as new: whoever waits gets [`Error::Broken`], and when they have left the next round begins. Never
    /// waits.
    pub fn reset(&self) {
        let words = self.words();
        let changed = words.change_unheard(|state| match state.phase {
            Phase::Filling | Phase::Broken => Some(state.with(Phase::Resetting)),
            Phase::Aborted => Some(state.with(Phase::Draining)),
            Phase::Draining | Phase::Resetting => None,
        });
        if words.settle_unheard() | changed {
            self.bell.ring();
        }
    }

    /// If `dead` waits here, the barrier is broken, and its slot is free. Wakes those that wait. Whether it had a slot.
    ///
    /// # Safety
    /// `dead` takes no further step with this barrier: its process has ended (or its context was reset), and what it
    /// wrote is visible here, as it is once the operating system has reported its end.
    pub unsafe fn recover(&self, dead: Participant) -> bool {
        self.words().recover(dead)
    }

    /// [`recover`](Self::recover) of a barrier of `parties`, for one who knows how many they are only now.
    ///
    /// # Safety
    /// As there; and there is a `Barrier<N, W>` at `at`, with `N == parties`.
    #[cfg(not(loom))]
    pub unsafe fn recover_at(
        at: NonNull<Barrier<1, W>>,
        parties: usize,
        dead: Participant,
    ) -> bool {
        // SAFETY: by the caller's word: every barrier begins as one for 1, whatever comes behind.
        let Barrier { state, bell, .. } = unsafe { at.as_ref() };
        // SAFETY: the slots come behind, as many as the caller says.
        let slots = unsafe { at.byte_add(core::mem::offset_of!(Barrier<1, W>, slots)) };
        let slots = NonNull::slice_from_raw_parts(slots.cast(), parties);
        // SAFETY: as above; they are atomics.
        let slots = unsafe { slots.as_ref() };
        Words { state, bell, slots }.recover(dead)
    }
}

impl<W: Wait> Words<'_, W> {
    fn recover(&self, dead: Participant) -> bool {
        let mut held = false;
        for slot in self.slots {
            // Relaxed: the word is as new as the dead one left it, by the caller's word.
            let seen = slot.load(Ordering::Relaxed);
            if seen & HOLDER != word::name(dead) {
                continue;
            }
            // Broken first: with the slot on record, whoever comes after a death in between does it again.
            let round = seen >> ROUND_SHIFT;
            self.change_unheard(|state| {
                let breaks = state.phase == Phase::Filling && state.round == round;
                breaks.then_some(state.with(Phase::Broken))
            });
            // SYNC POINT C, release: with the acquire in `arrive`. When it fails, another recovered it.
            let given_back = given_back(round);
            held |= slot
                .compare_exchange(seen, given_back, Ordering::Release, Ordering::Relaxed)
                .is_ok();
        }
        self.settle_unheard();
        self.bell.wake_all();
        held
    }

    /// Exchanges the state for what it is to be, until that is done or there is nothing to do; whether it was done. The
    /// caller rings the bell, when it has done with the words.
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

/// An empty slot that was taken in `round`.
fn given_back(round: u32) -> u32 {
    next(round) << ROUND_SHIFT
}

impl<'a, const N: usize, W: Wait> Handle<'a, Barrier<N, W>> {
    /// [`Barrier::wait`] by this participant.
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub fn wait(self) -> Result<usize, Error> {
        self.wait_deadline(None)
    }

    /// [`Barrier::wait_deadline`] by this participant.
    ///
    /// # Errors
    /// [`Error::Broken`]; [`Error::TimedOut`] when not all came in time. Then the others' round is
    /// broken; unless this one could not even take its slot, because the round before had not
    /// ended, which breaks nothing.
    pub fn wait_deadline(self, deadline: Option<W::Deadline>) -> Result<usize, Error> {
        let barrier = self.lock;
        loop {
            let place = barrier
                .bell
                .wait_until(deadline, || self.arrive())
                .map_err(|TimedOut| Error::TimedOut)??;
            // When waiting or waking panics, the slot is given back, and the others do not wait for this one.
            let abandoned = Finally(|| self.abandon(place));
            // Of the last two that arrive, one sees the slots of both: each looks again behind the bell's fence.
            let ended = match barrier.bell.wait_until(deadline, || self.ended(place)) {
                Ok(ended) => Ok(ended),
                Err(TimedOut) => self.give_up(place),
            };
            core::mem::forget(abandoned);
            self.leave(place);
            match ended {
                Ok(Ended::Complete) => return Ok(place.index),
                Ok(Ended::Broken) => return Err(Error::Broken),
                Ok(Ended::Before) => {}
                Err(TimedOut) => return Err(Error::TimedOut),
            }
        }
    }

    /// Takes a slot in this round.
    fn arrive(self) -> Option<Result<Place<'a>, Error>> {
        let barrier = self.lock;
        if barrier.words().settle_unheard() {
            barrier.bell.ring();
        }
        for (index, slot) in barrier.slots.iter().enumerate() {
            // SYNC POINT C, acquire: with the release in `leave` and `recover`. Who sees a slot that was given back sees
            // below that its round is over, and does not take it for that round.
            let seen = slot.load(Ordering::Acquire);
            if seen & HOLDER != 0 {
                continue;
            }
            let State { phase, round, .. } = barrier.words().state();
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
            let state = barrier.words().state();
            if state.round != place.round {
                // As long as the slot is taken in a round, the round does not end.
                return Some(Ended::Before);
            }
            match state.phase {
                Phase::Draining | Phase::Aborted => return Some(Ended::Complete),
                Phase::Broken | Phase::Resetting => return Some(Ended::Broken),
                Phase::Filling => {}
            }
            if !barrier.words().is_full(place.round) {
                return None;
            }
            if barrier.words().exchange(state, state.with(Phase::Draining)) {
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
            if self.lock.words().exchange(filling, filling.with(Phase::Broken)) {
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
        self.lock.words().exchange(filling, filling.with(Phase::Broken));
        self.leave(place);
    }

    /// Gives the slot back.
    fn leave(self, place: Place<'a>) {
        // SYNC POINT C, release: with the acquire in `arrive`.
        place.slot.store(given_back(place.round), Ordering::Release);
        self.lock.words().settle_unheard();
        // Of the last two that leave, neither may have seen the other: who waits for the next round opens it.
        self.lock.bell.ring();
    }
}
