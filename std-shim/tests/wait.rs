//! Sleeping on futexes, and waiting for several sources at once, between threads and with signals.

use ringway::ring::Ring;
use ringway::ring::queue::Queue;
use ringway::wait::{Async, Doorbell, Futex, PrivateFutex, TimedOut, Wait, Wake, wait_any};
use ringway_core::sync::AtomicU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

fn both(check: impl Fn(&dyn Fn(&AtomicU32, u32, Option<Instant>) -> Result<(), TimedOut>)) {
    check(&|word, expected, deadline| Futex.wait(word, expected, deadline));
    check(&|word, expected, deadline| PrivateFutex.wait(word, expected, deadline));
}

fn in_ms(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

#[test]
fn a_wait_on_a_changed_word_returns_at_once() {
    both(|wait| {
        let word = AtomicU32::new(7);
        assert_eq!(wait(&word, 6, None), Ok(()));
        // Even if the deadline has passed, the changed word counts first.
        assert_eq!(wait(&word, 6, Some(Instant::now())), Ok(()));
    });
}

#[test]
fn a_deadline_centuries_away_is_slept_for() {
    both(|wait| {
        let word = AtomicU32::new(0);
        let done = AtomicBool::new(false);
        // Finds the farthest `Instant`.
        let mut far = Instant::now();
        for shift in (0..63).rev() {
            far = far.checked_add(Duration::from_secs(1 << shift)).unwrap_or(far);
        }
        std::thread::scope(|s| {
            s.spawn(|| {
                std::thread::sleep(Duration::from_millis(10));
                done.store(true, Ordering::SeqCst);
                word.store(1, Ordering::SeqCst);
                Futex.wake(&word, u32::MAX);
                PrivateFutex.wake(&word, u32::MAX);
            });
            while word.load(Ordering::SeqCst) == 0 {
                assert_eq!(wait(&word, 0, Some(far)), Ok(()));
            }
            assert!(done.load(Ordering::SeqCst));
        });
    });
}

#[test]
fn a_doorbell_wakes_every_sleeper() {
    fn check<W: Wait<Deadline = Instant> + Sync>() {
        let bell = Doorbell::<W>::new();
        let ready = AtomicBool::new(false);
        std::thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    let deadline = Some(in_ms(60_000));
                    let look = || ready.load(Ordering::Acquire).then_some(());
                    bell.wait_until(deadline, look).expect("woken, not timed out");
                });
            }
            std::thread::sleep(Duration::from_millis(10));
            ready.store(true, Ordering::Release);
            bell.ring();
        });
    }
    check::<Futex>();
    check::<PrivateFutex>();
    check::<Async<PrivateFutex>>();
}

#[test]
fn an_interrupted_sleep_keeps_its_deadline() {
    extern "C" fn nothing(_: libc::c_int) {}
    let action: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: all zeroes are a valid `sigaction`, without flags and with an empty mask.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = action as libc::sighandler_t;
    // SIGURG is ignored by default, and no other test uses it. So the handler that stays does no
    // harm.
    // SAFETY: `new` is initialised and outlives the call, and its handler does nothing.
    assert_eq!(unsafe { libc::sigaction(libc::SIGURG, &new, std::ptr::null_mut()) }, 0);
    both(|wait| {
        let interruptions = |milliseconds| {
            let word = AtomicU32::new(0);
            // SAFETY: `pthread_self` has no preconditions.
            let sleeper = unsafe { libc::pthread_self() } as usize;
            let stop = AtomicBool::new(false);
            let deadline = in_ms(milliseconds);
            std::thread::scope(|s| {
                s.spawn(|| {
                    while !stop.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(2));
                        // SAFETY: the scope keeps the sleeping thread alive until this thread ends,
                        // so that its id is valid.
                        unsafe { libc::pthread_kill(sleeper as libc::pthread_t, libc::SIGURG) };
                    }
                });
                let mut interruptions = 0;
                while wait(&word, 0, Some(deadline)).is_ok() {
                    interruptions += 1;
                }
                let end = Instant::now();
                // First of all, since the scope waits for the other thread, also in a panic.
                stop.store(true, Ordering::SeqCst);
                assert!(end >= deadline);
                interruptions
            })
        };
        // The other thread may come late, on a loaded machine.
        let some = [60, 1_000, 30_000].into_iter().any(|time| interruptions(time) > 0);
        assert!(some, "no signal came in the whole time");
    });
}

type Sleeper = Async<PrivateFutex>;

#[derive(Debug, PartialEq)]
enum Got {
    Job(u32),
    Sample(u8),
    Stop,
}

#[test]
fn a_queue_a_ring_or_a_bell_ends_the_wait() {
    static JOBS: Queue<u32, 4, Sleeper> = Queue::new();
    static SAMPLES: Ring<u8, 4, Sleeper> = Ring::new();
    static STOP: Doorbell<Sleeper> = Doorbell::new();
    static STOPPED: AtomicBool = AtomicBool::new(false);
    let mut samples = SAMPLES.consumer().unwrap();
    let mut next = || {
        wait_any(Some(Instant::now() + Duration::from_secs(60)), |cx| {
            if let Poll::Ready(job) = JOBS.poll_pop(cx) {
                return Poll::Ready(Got::Job(job.unwrap()));
            }
            if let Poll::Ready(sample) = samples.poll_pop(cx) {
                return Poll::Ready(Got::Sample(sample.unwrap()));
            }
            STOP.poll_until(cx, || STOPPED.load(Ordering::Acquire).then_some(Got::Stop))
        })
    };
    std::thread::scope(|s| {
        let (tell, told) = std::sync::mpsc::channel();
        s.spawn(move || {
            told.recv().unwrap();
            JOBS.push(1).unwrap();
            told.recv().unwrap();
            SAMPLES.producer().unwrap().push(2).unwrap();
            told.recv().unwrap();
            STOPPED.store(true, Ordering::Release);
            STOP.ring();
        });
        for expected in [Got::Job(1), Got::Sample(2), Got::Stop] {
            tell.send(()).unwrap();
            assert_eq!(next(), Ok(expected));
        }
    });
}

#[test]
fn a_deadline_ends_the_wait_after_a_last_poll() {
    let mut looks = 0;
    let now = Some(Instant::now());
    let answer = wait_any(now, |_| {
        looks += 1;
        Poll::<()>::Pending
    });
    assert_eq!((answer, looks), (Err(TimedOut), 2));
    // An unpark by other code does not end the wait.
    std::thread::current().unpark();
    let soon = Instant::now() + Duration::from_millis(20);
    assert_eq!(wait_any(Some(soon), |_| Poll::<()>::Pending), Err(TimedOut));
    assert!(Instant::now() >= soon);
}
