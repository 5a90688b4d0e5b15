//! Sleeping in a region: any process can wake a sleeper, and sleepers check for dead participants.

use super::registry;
use super::vigil::{DETECTION_BOUND, Post, now};
use crate::wait::{self, BellWord, Wait, Wake, on_a_futex};
use ringway_core::region::SharedWait;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::TimedOut;
use rustix::io::Errno;
use rustix::thread::{ClockId, Timespec, futex};
use std::cell::Cell;
use std::ffi::c_void;
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

// `sleep_for` passes the nanoseconds alone.
const _: () = assert!(DETECTION_BOUND.as_secs() == 0);

thread_local! {
    /// How often this thread checks before it sleeps, as it has learnt.
    static SPIN: Cell<AdaptiveSpin> = const { Cell::new(AdaptiveSpin { looks: FEW, rests: 0, rest: REST }) };
    /// Where this thread last slept for a whole bound.
    static SLEEPER: Cell<Option<Sleeper>> = const { Cell::new(None) };
}

/// What a thread has learnt of how soon answers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AdaptiveSpin {
    /// How often it checks before it sleeps.
    looks: u32,
    /// How many sleeps have begun without a check since it last checked.
    rests: u32,
    /// How many sleeps begin without a check before it tries again.
    rest: u32,
}

/// The fewest checks that are worth their cost: about a microsecond.
const FEW: u32 = 32;
/// The most checks: about the time to wake a thread on another processor, and for it to answer.
const MANY: u32 = 2048;
/// How many sleeps begin at once before a thread tries spinning again.
const REST: u32 = 64;
/// The most of those, after several vain tries: the cost of trying then vanishes in that of
/// sleeping.
const LONG_REST: u32 = 2048;
/// How long a sleep takes when the other side has to be woken on another processor and answers at
/// once. On the same processor it is shorter.
const WAKE_UP: RangeInclusive<Duration> = Duration::from_micros(10)..=Duration::from_micros(100);

impl AdaptiveSpin {
    /// How often to check now, and the state to remember.
    fn looks(self) -> (u32, AdaptiveSpin) {
        if self.looks > 0 {
            (self.looks, self)
        } else if self.rests < self.rest {
            (0, AdaptiveSpin { rests: self.rests + 1, ..self })
        } else {
            (FEW, AdaptiveSpin { looks: FEW, rests: 0, ..self })
        }
    }

    /// Whether this sleep is the last before the next try, so that its length tells how often to
    /// check.
    fn is_last_rest(self) -> bool {
        self.rests == self.rest
    }

    /// The state after a last skipped check, when the sleep took `slept`.
    ///
    /// Without this, two sides that sleep on two processors would wake each other for ever: a few
    /// checks are over before the other side is awake.
    fn rested(self, long: Duration) -> AdaptiveSpin {
        if WAKE_UP.contains(&long) { AdaptiveSpin { looks: MANY, rests: 0, ..self } } else { self }
    }

    /// The state after checks that were enough, or were not.
    ///
    /// If they were enough, the number doubles. If they were not, it is halved, and at last becomes
    /// zero: the other side cannot run while this thread checks, or is busy with something else.
    /// Each time that the number becomes zero, it stays zero for longer. The reason: a sleep's
    /// length only suggests where the other side runs, and on a slow machine it is misleading.
    fn learn(self, were_enough: bool) -> AdaptiveSpin {
        match self.looks {
            looks if were_enough => {
                AdaptiveSpin { looks: (2 * looks).clamp(FEW, MANY), rests: 0, rest: REST }
            }
            looks if looks / 2 >= FEW => AdaptiveSpin { looks: looks / 2, rests: 0, ..self },
            _ => AdaptiveSpin { looks: 0, rests: 0, rest: (2 * self.rest).min(LONG_REST) },
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

on_a_futex!(RobustFutex, futex::Flags::empty());

impl Wait for RobustFutex {
    type Deadline = Instant;

    fn spin_limit(&self) -> u32 {
        SPIN.with(|spin| {
            let (looks, now) = spin.get().looks();
            spin.set(now);
            looks
        })
    }

    fn record_spin(&self, were_enough: bool) {
        SPIN.with(|spin| spin.set(spin.get().learn(were_enough)));
    }

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
    ) -> Result<(), TimedOut> {
        let address = std::ptr::from_ref(word).addr();
        // Without a deadline, the clock is read only for the last skipped check.
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match SLEEPER.take().filter(|sleeper| sleeper.address == address) {
            None => first_sleep(word, expected, left),
            Some(sleeper) => sleep_on(word, expected, left, sleeper.post),
        }
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
    let is_last = left.is_some_and(|left| left <= DETECTION_BOUND);
    let sleep = left.filter(|_| is_last).unwrap_or(DETECTION_BOUND);
    let spin = SPIN.get();
    let begun = spin.is_last_rest().then(Instant::now);
    let woken = sleep_for(word, expected, sleep);
    if let Some(begun) = begun {
        SPIN.set(spin.rested(begun.elapsed()));
    }
    if woken.is_ok() {
        return Ok(());
    }
    let address = std::ptr::from_ref(word).addr();
    // Outside a region nobody can die.
    if let Some(region) = registry::at(address) {
        region.look_after_the_dead(is_last);
        SLEEPER.set((!is_last).then_some(Sleeper { address, post: None }));
    }
    if is_last { Err(TimedOut) } else { Ok(()) }
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
    let (post, most) = vigil.before(post, now(), chance());
    let most = Duration::from_millis(most.into());
    let is_last = left.is_some_and(|left| left <= most);
    let sleep = left.filter(|_| is_last).unwrap_or(most);
    let woken = wait_for_either([(word, expected), calls], sleep);
    let is_last = is_last && woken == Woken::Late;
    if woken != Woken::First {
        region.look_after_the_dead(is_last);
    }
    // The word was woken or changed, or the deadline passed: leave the watch to the others.
    if woken == Woken::First || is_last {
        vigil.leave(post);
        return if is_last { Err(TimedOut) } else { Ok(()) };
    }
    if woken == Woken::Late && post.is_some() {
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
enum Woken {
    First,
    Second,
    Late,
}

/// Sleeps until one of two words is woken or differs from the expected value; at most for `most`.
fn wait_for_either(words: [(&AtomicU32, u32); 2], most: Duration) -> Woken {
    let [(first, expected), _] = words;
    // Relaxed: no partner. The waiter checks its condition again, and that check acquires.
    let is_as_expected = || first.load(Ordering::Relaxed) == expected;
    if !LACKS_WAITV.load(Ordering::Relaxed) {
        let waiters = words.map(|(word, expected)| {
            let mut waiter = futex::Wait::new();
            waiter.val = expected.into();
            waiter.uaddr = std::ptr::from_ref(word.as_core()).cast_mut().cast::<c_void>().into();
            waiter.flags = futex::WaitFlags::SIZE_U32;
            waiter
        });
        let until = rustix::time::clock_gettime(ClockId::Monotonic)
            + Timespec::try_from(most).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        match futex::waitv(&waiters, futex::WaitvFlags::empty(), Some(&until), ClockId::Monotonic) {
            Ok(0) => return Woken::First,
            Err(Errno::TIMEDOUT) => return Woken::Late,
            // Linux before 5.16, or a seccomp filter that does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => LACKS_WAITV.store(true, Ordering::Relaxed),
            _ if is_as_expected() => return Woken::Second,
            _ => return Woken::First,
        }
    }
    // Without `futex_waitv` a sleeper cannot be called: each wakes up every bound.
    match sleep_for(first, expected, most.min(DETECTION_BOUND)) {
        Ok(()) => Woken::First,
        Err(TimedOut) if most > DETECTION_BOUND => Woken::Second,
        Err(TimedOut) => Woken::Late,
    }
}

/// Whether the system lacks `futex_waitv(2)`, and so cannot wait for two words.
static LACKS_WAITV: AtomicBool = AtomicBool::new(false);

/// A number that varies between threads and over time.
fn chance() -> u32 {
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
    fn looks_that_are_in_vain_are_given_up_and_tried_again_now_and_then() {
        let mut spin = AdaptiveSpin { looks: MANY, rests: 0, rest: REST };
        let mut spent = 0;
        for _ in 0..1000 {
            let (looks, now) = spin.looks();
            spent += looks;
            spin = if looks > 0 { now.learn(false) } else { now };
        }
        assert!(spent < 2 * MANY + 1000 / REST * FEW + FEW, "{spent}");
    }

    #[test]
    fn who_guesses_wrong_where_the_other_side_runs_tries_ever_more_rarely_and_does_try() {
        const SLEEPS: u32 = 100_000;
        let mut spin = AdaptiveSpin { looks: MANY, rests: 0, rest: REST };
        let (mut spent, mut tries) = (0, 0);
        for _ in 0..SLEEPS {
            let (looks, now) = spin.looks();
            spent += looks;
            tries += u32::from(looks == MANY);
            spin = match looks {
                0 if now.is_last_rest() => now.rested(Duration::from_micros(30)),
                0 => now,
                _ => now.learn(false),
            };
        }
        assert!(spent < 3 * SLEEPS, "{spent}");
        assert!(tries >= SLEEPS / (2 * LONG_REST), "{tries}");
    }

    #[test]
    fn who_is_woken_from_another_processor_looks_until_that_is_over_and_others_do_not() {
        let last = AdaptiveSpin { looks: 0, rests: REST, rest: REST };
        assert!(last.is_last_rest());
        assert_eq!(last.rested(Duration::from_micros(30)).looks().0, MANY);
        assert_eq!(last.rested(Duration::from_micros(4)).looks().0, FEW);
        assert_eq!(last.rested(Duration::from_millis(5)).looks().0, FEW);
    }

    #[test]
    fn looks_that_are_enough_become_as_many_as_there_may_be() {
        let mut spin = AdaptiveSpin { looks: 0, rests: LONG_REST, rest: LONG_REST };
        for _ in 0..10 {
            let (looks, now) = spin.looks();
            assert!((FEW..=MANY).contains(&looks));
            spin = now.learn(true);
        }
        assert_eq!(spin, AdaptiveSpin { looks: MANY, rests: 0, rest: REST });
    }
}
