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
    fn check<const START: u32>() {
        let semaphore = Semaphore::<START, Ticking>::new();
        assert_eq!(semaphore.permits(), START);
        semaphore.release(i32::MAX as u32 - START).unwrap();
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
