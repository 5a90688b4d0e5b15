//! Tests of the bounded semaphore, which records the holders of its permits.

use super::*;

#[test]
fn there_are_never_more_permits_than_it_says() {
    let places = BoundedSemaphore::<2, Ticking>::new();
    let (first, second) = (places.acquire(), places.try_acquire().unwrap());
    assert_eq!(places.try_acquire().unwrap_err(), Error::WouldBlock);
    assert_eq!(places.acquire_deadline(soon()).unwrap_err(), Error::TimedOut);
    assert_eq!(places.release(), Err(Error::NotHeld), "a guard's permit is the guard's");
    first.keep();
    assert_eq!(places.handle(participant(1)).release(), Err(Error::NotHeld), "another one's");
    assert_eq!(places.release(), Ok(()));
    assert_eq!(places.release(), Err(Error::NotHeld));
    assert_eq!(places.permits(), 1);
    drop(second);
    assert_eq!(places.permits(), 2);
}

#[test]
fn recovery_frees_all_permits_of_the_dead() {
    let places = BoundedSemaphore::<3, Ticking>::new();
    let dead = participant(7);
    let mine = places.acquire();
    places.handle(dead).acquire().keep();
    std::mem::forget(places.handle(dead).acquire());
    assert_eq!(places.permits(), 0);
    // SAFETY: no thread uses the semaphore as that participant any more.
    assert_eq!(unsafe { places.recover(dead) }, 2);
    // SAFETY: no thread uses the semaphore as that participant any more.
    assert_eq!(unsafe { places.recover(dead) }, 0);
    assert_eq!(places.permits(), 2);
    drop(mine);
    assert_eq!(places.permits(), 3);
}

#[test]
fn never_more_inside_than_permits() {
    static PLACES: BoundedSemaphore<2, Yielding> = BoundedSemaphore::new();
    static INSIDE: AtomicU64 = AtomicU64::new(0);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..scaled(2_000) {
                    let _permit = PLACES.acquire();
                    assert!(INSIDE.fetch_add(1, Ordering::SeqCst) < 2);
                    INSIDE.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(PLACES.permits(), 2);
}
