//! Tests of the barrier: all parties meet, or all learn that they do not.

use super::*;

#[test]
fn four_threads_meet_round_after_round() {
    static MEET: Barrier<4, Yielding> = Barrier::new();
    static CAME: AtomicU64 = AtomicU64::new(0);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for round in 1..=scaled(500) as u64 {
                    CAME.fetch_add(1, Ordering::SeqCst);
                    MEET.wait().unwrap();
                    let came = CAME.load(Ordering::SeqCst);
                    assert!((4 * round..4 * round + 4).contains(&came));
                    MEET.wait().unwrap();
                }
            });
        }
    });
    assert_eq!((MEET.waiting(), MEET.parties()), (0, 4));
}

#[test]
fn more_threads_than_parties_meet_in_groups() {
    static MEET: Barrier<2, Yielding> = Barrier::new();
    const MEETINGS: u64 = scaled(2_000) as u64;
    // The first of each group counts it. The thread that finds all groups counted breaks the
    // barrier, so that no thread waits for one that has gone.
    let counted = AtomicU64::new(0);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                while let Ok(index) = MEET.wait() {
                    assert!(index < 2);
                    if index == 0 && counted.fetch_add(1, Ordering::Relaxed) + 1 >= MEETINGS {
                        MEET.abort();
                    }
                }
            });
        }
    });
    assert!(counted.load(Ordering::Relaxed) >= MEETINGS && MEET.is_broken());
}

#[test]
fn a_timeout_breaks_the_barrier_until_reset() {
    let barrier = Barrier::<2, Ticking>::new();
    assert_eq!(barrier.wait_deadline(soon()), Err(Error::TimedOut));
    assert!(barrier.is_broken());
    assert_eq!(barrier.wait_deadline(soon()), Err(Error::Broken));
    barrier.reset();
    assert!(!barrier.is_broken());
    assert_eq!(barrier.wait_deadline(Some(0)), Err(Error::TimedOut));
}

#[test]
fn abort_and_reset_are_idempotent_for_one_party() {
    let barrier = Barrier::<1, Ticking>::new();
    for _ in 0..scaled(300_000) {
        assert_eq!(barrier.wait(), Ok(0));
    }
    barrier.abort();
    barrier.abort();
    assert_eq!(barrier.wait(), Err(Error::Broken));
    barrier.reset();
    barrier.reset();
    assert_eq!(barrier.wait(), Ok(0));
}

#[test]
fn a_reset_sends_waiters_away() {
    static MEET: Barrier<3, Yielding> = Barrier::new();
    std::thread::scope(|s| {
        let waiters = [(); 2].map(|()| s.spawn(|| MEET.wait()));
        while MEET.waiting() < 2 {
            std::thread::yield_now();
        }
        MEET.reset();
        let sent = waiters.map(|waiter| waiter.join().unwrap());
        assert_eq!(sent, [Err(Error::Broken); 2]);
    });
    assert_eq!(MEET.waiting(), 0);
    std::thread::scope(|s| (0..3).for_each(|_| drop(s.spawn(|| MEET.wait().unwrap()))));
}

#[test]
fn a_death_outside_the_barrier_breaks_nothing() {
    let barrier = Barrier::<2, Ticking>::new();
    // SAFETY: no thread uses the barrier as that participant.
    assert!(!unsafe { barrier.recover(participant(1)) });
    assert!(!barrier.is_broken());
}
