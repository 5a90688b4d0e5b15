//! Sleeping in a region: woken by any process, and looking after the dead in between.

use super::registry;
use crate::wait::{self, Wait};
use ringway_core::region::SharedWait;
use ringway_core::sync::AtomicU32;
use ringway_core::wait::TimedOut;
use rustix::thread::{Timespec, futex};
use std::cell::Cell;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// The detection bound: within this time of a participant's death, whoever sleeps in a region that it was attached to has
/// put right what it held, and looked again.
///
/// ```
/// assert_eq!(ringway::shm::BOUND, std::time::Duration::from_millis(100));
/// ```
pub const BOUND: Duration = Duration::from_millis(100);

// Its whole is in the nanoseconds.
const _: () = assert!(BOUND.as_secs() == 0);

thread_local! {
    /// How often this thread looks before it sleeps, as it has learnt.
    static PATIENCE: Cell<Patience> = const { Cell::new(Patience { looks: FEW, rests: 0, rest: REST }) };
}

/// What a thread has learnt of how soon it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Patience {
    /// How often it looks.
    looks: u32,
    /// How often it did not look, since it last did.
    rests: u32,
    /// How often it will not before it tries again.
    rest: u32,
}

/// The fewest looks that are worth the while: about a microsecond.
const FEW: u32 = 32;
/// The most: about as long as it takes to be woken on another processor, and to answer.
const MANY: u32 = 2048;
/// How often one goes to sleep at once before one tries again.
const REST: u32 = 64;
/// The same of one who tried several times in vain: so often that what trying costs is lost in what sleeping costs.
const LONG_REST: u32 = 2048;
/// How long one sleeps whose answer comes at once from another processor, where the other side had to be woken too. On the same
/// processor it is less.
const WAKE_UP: RangeInclusive<Duration> = Duration::from_micros(10)..=Duration::from_micros(100);

impl Patience {
    /// How often to look now, and what to remember.
    fn looks(self) -> (u32, Patience) {
        if self.looks > 0 {
            (self.looks, self)
        } else if self.rests < self.rest {
            (0, Patience { rests: self.rests + 1, ..self })
        } else {
            (FEW, Patience { looks: FEW, rests: 0, ..self })
        }
    }

    /// Whether this sleep is the last before one looks again, so that how long it takes says how often to.
    fn is_last_rest(self) -> bool {
        self.rests == self.rest
    }

    /// What to do after a last rest that took so long. Two sides on two processors that sleep would else wake each other for
    /// ever: a few looks are over before the other side is awake.
    fn rested(self, long: Duration) -> Patience {
        if WAKE_UP.contains(&long) { Patience { looks: MANY, rests: 0, ..self } } else { self }
    }

    /// Twice as many when they were enough; half as many, and then none, when they were not: the other side cannot run
    /// while we look, or has better things to do. Each time that it comes to none, it stays so for longer: how long a sleep
    /// took is a guess at where the other side runs, and on a slow machine a wrong one.
    fn learn(self, were_enough: bool) -> Patience {
        match self.looks {
            looks if were_enough => {
                Patience { looks: (2 * looks).clamp(FEW, MANY), rests: 0, rest: REST }
            }
            looks if looks / 2 >= FEW => Patience { looks: looks / 2, rests: 0, ..self },
            _ => Patience { looks: 0, rests: 0, rest: (2 * self.rest).min(LONG_REST) },
        }
    }
}

/// Sleeping on a futex in a region. Wakes at the latest after [`BOUND`], looks whether a participant has died, puts right
/// what it held, and sleeps again: a sleeper depends on no wake-up that the dead would have had to send.
///
/// Before it sleeps it looks a few times more, as many as have proved worth the while in this thread lately: an answer that
/// comes within some microseconds then costs neither side a system call, and where the other side cannot run meanwhile
/// (both on one processor) nothing is spent on it.
///
/// Takes no place in memory. Works outside a region too, where there is nobody to look after.
///
/// ```
/// use ringway::shm::Sleep;
/// use ringway::wait::Doorbell;
/// let bell = Doorbell::new(Sleep);
/// assert_eq!(bell.wait_until(None, || Some(5)), Ok(5));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sleep;

impl Wait for Sleep {
    type Deadline = Instant;

    fn looks(&self) -> u32 {
        PATIENCE.with(|patience| {
            let (looks, now) = patience.get().looks();
            patience.set(now);
            looks
        })
    }

    fn learn(&self, were_enough: bool) {
        PATIENCE.with(|patience| patience.set(patience.get().learn(were_enough)));
    }

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
    ) -> Result<(), TimedOut> {
        // Without a deadline no clock is asked, but for the last rest.
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let is_last = left.is_some_and(|left| left <= BOUND);
        let sleep = left.filter(|_| is_last).unwrap_or(BOUND);
        let sleep = Timespec { tv_sec: 0, tv_nsec: sleep.subsec_nanos().into() };
        let patience = PATIENCE.get();
        let begun = patience.is_last_rest().then(Instant::now);
        let woken = wait::wait_for(word, futex::Flags::empty(), expected, Some(&sleep));
        if let Some(begun) = begun {
            PATIENCE.set(patience.rested(begun.elapsed()));
        }
        match woken {
            Ok(()) => Ok(()),
            Err(TimedOut) => {
                registry::reap(std::ptr::from_ref(word).addr());
                if is_last { Err(TimedOut) } else { Ok(()) }
            }
        }
    }

    fn wake(&self, word: &AtomicU32, n: u32) {
        wait::wake(word, futex::Flags::empty(), n);
    }

    #[inline]
    fn is_unwinding(&self) -> bool {
        std::thread::panicking()
    }
}

// SAFETY: it has no bytes; its futex is not private, so that any process that maps the word wakes and is woken.
unsafe impl SharedWait for Sleep {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_are_in_vain_are_given_up_and_tried_again_now_and_then() {
        let mut patience = Patience { looks: MANY, rests: 0, rest: REST };
        let mut spent = 0;
        for _ in 0..1000 {
            let (looks, now) = patience.looks();
            spent += looks;
            patience = if looks > 0 { now.learn(false) } else { now };
        }
        assert!(spent < 2 * MANY + 1000 / REST * FEW + FEW, "{spent}");
    }

    #[test]
    fn who_guesses_wrong_where_the_other_side_runs_tries_ever_more_rarely_and_does_try() {
        const SLEEPS: u32 = 100_000;
        let mut patience = Patience { looks: MANY, rests: 0, rest: REST };
        let (mut spent, mut tries) = (0, 0);
        for _ in 0..SLEEPS {
            let (looks, now) = patience.looks();
            spent += looks;
            tries += u32::from(looks == MANY);
            patience = match looks {
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
        let last = Patience { looks: 0, rests: REST, rest: REST };
        assert!(last.is_last_rest());
        assert_eq!(last.rested(Duration::from_micros(30)).looks().0, MANY);
        assert_eq!(last.rested(Duration::from_micros(4)).looks().0, FEW);
        assert_eq!(last.rested(Duration::from_millis(5)).looks().0, FEW);
    }

    #[test]
    fn looks_that_are_enough_become_as_many_as_there_may_be() {
        let mut patience = Patience { looks: 0, rests: LONG_REST, rest: LONG_REST };
        for _ in 0..10 {
            let (looks, now) = patience.looks();
            assert!((FEW..=MANY).contains(&looks));
            patience = now.learn(true);
        }
        assert_eq!(patience, Patience { looks: MANY, rests: 0, rest: REST });
    }
}
