//! Sleeping in a region: any process can wake a sleeper, and sleepers check for dead participants.

use super::vigil::{DETECTION_BOUND, Post, now};
use super::{reactor, registry};
use crate::wait::{self, BellWord, Wait, Wake, on_a_futex};
use ringway_core::region::SharedWait;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Register, TimedOut};
use rustix::io::Errno;
use rustix::thread::{ClockId, Timespec, futex};
use std::cell::Cell;
use std::ops::RangeInclusive;
use std::task::Waker;
use std::time::{Duration, Instant};

// `sleep_for` passes the nanoseconds alone.
const _: () = assert!(DETECTION_BOUND.as_secs() == 0);

thread_local! {
    /// How often this thread checks before it sleeps, as it has learnt.
    static SPIN: Cell<AdaptiveSpin> = const { Cell::new(AdaptiveSpin::NEW) };
    /// Where this thread last slept for a whole bound.
    static SLEEPER: Cell<Option<Sleeper>> = const { Cell::new(None) };
}

/// What a thread has learnt of how soon answers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AdaptiveSpin {
    /// How often it checks before it sleeps.
    spins: u32,
    /// How many sleeps have begun without a check since it last checked.
    skipped: u32,
    /// How many sleeps begin without a check before it tries again.
    skips: u32,
}

/// The fewest checks that are worth their cost: about a microsecond.
const MIN_SPINS: u32 = 32;
/// The most checks: about the time to wake a thread on another processor, and for it to answer.
const MAX_SPINS: u32 = 2048;
/// How many sleeps begin at once before a thread tries spinning again.
const MIN_SKIPS: u32 = 64;
/// The most of those, after several vain tries: the cost of trying then vanishes in that of
/// sleeping.
const MAX_SKIPS: u32 = 2048;
/// How long a sleep takes when the other side has to be woken on another processor and answers at
/// once. On the same processor it is shorter.
const REMOTE_WAKE_UP: RangeInclusive<Duration> =
    Duration::from_micros(10)..=Duration::from_micros(100);

impl AdaptiveSpin {
    const NEW: Self = AdaptiveSpin { spins: MIN_SPINS, skipped: 0, skips: MIN_SKIPS };

    /// How often to check now, and the state to remember.
    fn next(self) -> (u32, AdaptiveSpin) {
        if self.spins > 0 {
            (self.spins, self)
        } else if self.skipped < self.skips {
            (0, AdaptiveSpin { skipped: self.skipped + 1, ..self })
        } else {
            (MIN_SPINS, AdaptiveSpin { spins: MIN_SPINS, skipped: 0, ..self })
        }
    }

    /// Whether this sleep is the last before the next try, so that its length tells how often to
    /// check.
    fn is_last_skip(self) -> bool {
        self.skipped == self.skips
    }

    /// The state after a last skipped check, when the sleep took `slept`.
    ///
    /// Without this, two sides that sleep on two processors would wake each other for ever: a few
    /// checks are over before the other side is awake.
    fn after_sleep(self, slept: Duration) -> AdaptiveSpin {
        if REMOTE_WAKE_UP.contains(&slept) {
            AdaptiveSpin { spins: MAX_SPINS, skipped: 0, ..self }
        } else {
            self
        }
    }

    /// The state when a task is about to sleep.
    ///
    /// Nobody measures how long a task sleeps. So after the last skipped check it checks as often
    /// as it may, and learns whether that pays.
    fn before_task_sleeps(self) -> AdaptiveSpin {
        if self.is_last_skip() {
            AdaptiveSpin { spins: MAX_SPINS, skipped: 0, ..self }
        } else {
            self
        }
    }

    /// The state after checks that were enough, or were not.
    ///
    /// If they were enough, the number doubles. If they were not, it is halved, and at last becomes
    /// zero: the other side cannot run while this thread checks, or is busy with something else.
    /// Each time that the number becomes zero, it stays zero for longer. The reason: a sleep's
    /// length only suggests where the other side runs, and on a slow machine it is misleading.
    fn after_spin(self, were_enough: bool) -> AdaptiveSpin {
        match self.spins {
            spins if were_enough => AdaptiveSpin {
                spins: (2 * spins).clamp(MIN_SPINS, MAX_SPINS),
                skipped: 0,
                skips: MIN_SKIPS,
            },
            spins if spins / 2 >= MIN_SPINS => {
                AdaptiveSpin { spins: spins / 2, skipped: 0, ..self }
            }
            _ => AdaptiveSpin { spins: 0, skipped: 0, skips: (2 * self.skips).min(MAX_SKIPS) },
        }
    }
}

/// Sleeping on a futex in a region, whose sleepers recover what dead participants held.
///
/// Every [`DETECTION_BOUND`], one of the sleepers checks whether a participant has died. It
/// recovers what that one held, and has the others check again. So a sleeper does not depend on a
/// wake-up that a dead process should have sent.
///
/// Before it sleeps, a thread checks some more times, as often as has lately paid off in this
/// thread. An answer that comes within some microseconds then costs neither side a system call.
/// Where the other side cannot run meanwhile (both are on one processor), the thread soon stops
/// checking.
///
/// It has no size. It works outside a region too, and there it does not check for deaths.
///
/// ```
/// use ringway::shm::RobustFutex;
/// use ringway::wait::Doorbell;
/// let bell = Doorbell::<RobustFutex>::new();
/// assert_eq!(bell.wait_until(None, || Some(5)), Ok(5));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RobustFutex;

on_a_futex!(RobustFutex, futex::Flags::empty(), {
    fn spin_limit(&self) -> u32 {
        SPIN.with(|spin| {
            let (spins, now) = spin.get().next();
            spin.set(now);
            spins
        })
    }

    fn record_spin(&self, were_enough: bool) {
        SPIN.with(|spin| spin.set(spin.get().after_spin(were_enough)));
    }
});

impl Wait for RobustFutex {
    type Deadline = Instant;

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
    ) -> Result<(), TimedOut> {
        if deadline.is_some() && wait::asks_to_give_up() {
            return Err(TimedOut);
        }
        let address = std::ptr::from_ref(word).addr();
        // Without a deadline, the clock is read only for the last skipped check.
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match SLEEPER.take().filter(|sleeper| sleeper.address == address) {
            None => first_sleep(word, expected, left),
            Some(sleeper) => sleep_on(word, expected, left, sleeper.post),
        }
    }
}

impl Register for RobustFutex {
    fn register(&self, word: &AtomicU32, expected: u32, waker: &Waker) {
        SPIN.with(|spin| spin.set(spin.get().before_task_sleeps()));
        reactor::register(word, expected, waker);
    }

    fn pass_on(&self, word: &AtomicU32) {
        // First, so that the wake-up does not go to a helper for the sake of the task that is gone.
        reactor::give_up(word);
        self.wake(word, 1);
    }
}

/// A thread that has slept for a whole bound in a region, as it takes part in the watch there.
#[derive(Debug, Clone, Copy)]
struct Sleeper {
    /// The address of the word that it slept on.
    address: usize,
    post: Option<Post>,
}

/// Sleeps for one bound at most, and takes no part in the watch: most sleepers are woken before.
fn first_sleep(word: &AtomicU32, expected: u32, left: Option<Duration>) -> Result<(), TimedOut> {
    let at_last = left.is_some_and(|left| left <= DETECTION_BOUND);
    let sleep = left.filter(|_| at_last).unwrap_or(DETECTION_BOUND);
    let spin = SPIN.get();
    let begun = spin.is_last_skip().then(Instant::now);
    let woken = sleep_for(word, expected, sleep);
    if let Some(begun) = begun {
        SPIN.set(spin.after_sleep(begun.elapsed()));
    }
    if woken.is_ok() {
        return Ok(());
    }
    let address = std::ptr::from_ref(word).addr();
    // Outside a region there are no participants that could die.
    if let Some(region) = registry::at(address) {
        region.reap_if_due(at_last);
        SLEEPER.set((!at_last).then_some(Sleeper { address, post: None }));
    }
    if at_last { Err(TimedOut) } else { Ok(()) }
}

/// Sleeps on, as a sleeper that takes part in the region's watch.
fn sleep_on(
    word: &AtomicU32,
    expected: u32,
    left: Option<Duration>,
    post: Option<Post>,
) -> Result<(), TimedOut> {
    let address = std::ptr::from_ref(word).addr();
    let Some(region) = registry::at(address) else { return first_sleep(word, expected, left) };
    let vigil = region.vigil();
    let calls = vigil.calls();
    let (post, most) = vigil.before_sleep(post, now(), noise());
    let most = Duration::from_millis(most.into());
    // A signal handler may run just before the sleep, which it then does not end.
    let most = if wait::is_interruptible() { most.min(DETECTION_BOUND) } else { most };
    let at_last = left.is_some_and(|left| left <= most);
    let sleep = left.filter(|_| at_last).unwrap_or(most);
    let woken = wait_for_either([(word, expected), calls], sleep);
    let at_last = at_last && woken == WokenBy::Late;
    if woken != WokenBy::First {
        region.reap_if_due(at_last);
    }
    // The word was woken or changed, or the deadline passed: leave the watch to the others.
    if woken == WokenBy::First || at_last {
        vigil.leave(post);
        return if at_last { Err(TimedOut) } else { Ok(()) };
    }
    if woken == WokenBy::Late && post.is_some() {
        vigil.call_for_keepers(now());
    }
    SLEEPER.set(Some(Sleeper { address, post }));
    Ok(())
}

/// Sleeps for `long`, which is at most a bound.
fn sleep_for(word: &AtomicU32, expected: u32, long: Duration) -> Result<(), TimedOut> {
    let long = Timespec { tv_sec: 0, tv_nsec: long.subsec_nanos().into() };
    wait::wait_for(word, futex::Flags::empty(), expected, Some(&long))
}

/// What ended a sleep on two words: a wake-up or a change of one of them, or the time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WokenBy {
    First,
    Second,
    Late,
}

/// Sleeps until one of two words is woken or differs from the expected value; at most for `most`.
fn wait_for_either(words: [(&AtomicU32, u32); 2], most: Duration) -> WokenBy {
    let [(first, expected), _] = words;
    // Relaxed: no partner. The waiter checks its condition again, and that check acquires.
    let is_as_expected = || first.load(Ordering::Relaxed) == expected;
    if wait::has_waitv() {
        let waits =
            words.map(|(word, expected)| wait::wait_of(std::ptr::from_ref(word).addr(), expected));
        return match wait::wait_for_one_of(&waits, most) {
            Ok(0) => WokenBy::First,
            Err(Errno::TIMEDOUT) => WokenBy::Late,
            _ if is_as_expected() => WokenBy::Second,
            _ => WokenBy::First,
        };
    }
    // Without `futex_waitv` a sleeper cannot be called: each wakes up every bound.
    match sleep_for(first, expected, most.min(DETECTION_BOUND)) {
        Ok(()) => WokenBy::First,
        Err(TimedOut) if most > DETECTION_BOUND => WokenBy::Second,
        Err(TimedOut) => WokenBy::Late,
    }
}

/// A number that varies between threads and over time.
fn noise() -> u32 {
    let here = SPIN.with(|spin| std::ptr::from_ref(spin).addr());
    let now = rustix::time::clock_gettime(ClockId::Monotonic).tv_nsec;
    (here as u32 ^ now as u32 ^ std::process::id()).wrapping_mul(0x9e37_79b9) >> 8
}

// SAFETY: the type has no bytes. Its futex is not private, so that any process that maps the word
// can wake others and be woken.
unsafe impl SharedWait for RobustFutex {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vain_spins_stop_and_are_tried_again_rarely() {
        let mut spin = AdaptiveSpin { spins: MAX_SPINS, skipped: 0, skips: MIN_SKIPS };
        let mut spent = 0;
        for _ in 0..1000 {
            let (spins, now) = spin.next();
            spent += spins;
            spin = if spins > 0 { now.after_spin(false) } else { now };
        }
        assert!(spent < 2 * MAX_SPINS + 1000 / MIN_SKIPS * MIN_SPINS + MIN_SPINS, "{spent}");
    }

    #[test]
    fn wrong_guesses_are_repeated_ever_more_rarely() {
        const SLEEPS: u32 = 100_000;
        let mut spin = AdaptiveSpin { spins: MAX_SPINS, skipped: 0, skips: MIN_SKIPS };
        let (mut spent, mut tries) = (0, 0);
        for _ in 0..SLEEPS {
            let (spins, now) = spin.next();
            spent += spins;
            tries += u32::from(spins == MAX_SPINS);
            spin = match spins {
                0 if now.is_last_skip() => now.after_sleep(Duration::from_micros(30)),
                0 => now,
                _ => now.after_spin(false),
            };
        }
        assert!(spent < 3 * SLEEPS, "{spent}");
        assert!(tries >= SLEEPS / (2 * MAX_SKIPS), "{tries}");
    }

    #[test]
    fn only_a_remote_wake_up_makes_the_next_spin_long() {
        let last = AdaptiveSpin { spins: 0, skipped: MIN_SKIPS, skips: MIN_SKIPS };
        assert!(last.is_last_skip());
        assert_eq!(last.after_sleep(Duration::from_micros(30)).next().0, MAX_SPINS);
        assert_eq!(last.after_sleep(Duration::from_micros(4)).next().0, MIN_SPINS);
        assert_eq!(last.after_sleep(Duration::from_millis(5)).next().0, MIN_SPINS);
    }

    #[test]
    fn useful_spins_grow_to_the_maximum() {
        let mut spin = AdaptiveSpin { spins: 0, skipped: MAX_SKIPS, skips: MAX_SKIPS };
        for _ in 0..10 {
            let (spins, now) = spin.next();
            assert!((MIN_SPINS..=MAX_SPINS).contains(&spins));
            spin = now.after_spin(true);
        }
        assert_eq!(spin, AdaptiveSpin { spins: MAX_SPINS, skipped: 0, skips: MIN_SKIPS });
    }
}
