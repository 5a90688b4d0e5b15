//! Tests of the semaphore, which counts permits and records no holders.

use super::*;

#[test]
fn it_counts_from_its_start_and_beyond() {
    let semaphore = Semaphore::<2, Ticking>::new();
    semaphore.acquire();
    semaphore.acquire();
    assert!(semaphore.try_acquire() == Err(Error::WouldBlock));
    assert_eq!(semaphore.acquire_deadline(soon()), Err(Error::TimedOut));
    assert_eq!(semaphore.release(0), Ok(()));
    assert_eq!(semaphore.permits(), 0);
    assert_eq!(semaphore.release(5), Ok(()));
    assert_eq!(semaphore.permits(), 5);
}

#[test]
fn it_never_counts_too_far() {
    fn check<const START: usize>() {
        let start = START as u32;
        let semaphore = Semaphore::<START, Ticking>::new();
        assert_eq!(semaphore.permits(), start);
        semaphore.release(i32::MAX as u32 - start).unwrap();
        assert_eq!(semaphore.permits(), i32::MAX as u32);
        assert_eq!(semaphore.release(1), Err(Error::Overflow));
        assert_eq!(semaphore.release(u32::MAX), Err(Error::Overflow));
        assert_eq!(semaphore.permits(), i32::MAX as u32);
        assert_eq!(semaphore.try_acquire(), Ok(()));
        assert_eq!(semaphore.release(1), Ok(()));
    }
    check::<0>();
    check::<1>();
    check::<0x7fff_fffe>();
    check::<0x7fff_ffff>();
}

#[test]
fn never_more_inside_than_permits() {
    static PLACES: Semaphore<2, Yielding> = Semaphore::new();
    static INSIDE: AtomicU64 = AtomicU64::new(0);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..scaled(2_000) {
                    PLACES.acquire();
                    assert!(INSIDE.fetch_add(1, Ordering::SeqCst) < 2);
                    INSIDE.fetch_sub(1, Ordering::SeqCst);
                    PLACES.release(1).unwrap();
                }
            });
        }
    });
    assert_eq!(PLACES.permits(), 2);
}

/// A sleep in which others come: the first sleeper waits while a second one does, and then two
/// permits are given.
struct Crowded;

static CROWDED: Semaphore<0, Crowded> = Semaphore::new();
static SLEEPS: AtomicU64 = AtomicU64::new(0);
static WAKES: AtomicU64 = AtomicU64::new(0);

impl Wake for Crowded {
    type Word = BellWord;

    const INIT: Self = Crowded;

    fn wake(&self, _: &AtomicU32, _: u32) {
        WAKES.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wait for Crowded {
    type Deadline = std::convert::Infallible;

    fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        _: Option<Self::Deadline>,
    ) -> Result<(), TimedOut> {
        assert_eq!(word.load(Ordering::Relaxed), expected, "or it would not sleep");
        match SLEEPS.fetch_add(1, Ordering::Relaxed) {
            0 => CROWDED.acquire(),
            1 => CROWDED.release(2).unwrap(),
            _ => CROWDED.release(1).unwrap(),
        }
        Ok(())
    }
}

#[test]
fn who_slept_lets_others_be_woken_and_no_more() {
    let wakes = || WAKES.swap(0, Ordering::Relaxed);
    CROWDED.release(1).unwrap();
    CROWDED.acquire();
    assert_eq!(wakes(), 0, "nobody sleeps");
    CROWDED.acquire();
    assert_eq!(wakes(), 2, "by the permits, and by the first to take one of them");
    CROWDED.release(1).unwrap();
    assert_eq!(wakes(), 1, "as far as they know, another one sleeps");
    CROWDED.acquire();
    CROWDED.acquire();
    assert_eq!(wakes(), 1, "none is left to wake another for");
}
