//! Tests of the condition variable.

use super::*;

#[test]
fn jobs_pass_from_two_threads_to_two() {
    static JOBS: Mutex<Vec<u32>, Yielding> = Mutex::new(Vec::new());
    static MORE: Condition<Yielding> = Condition::new();
    const EACH: u32 = scaled(1_000) as u32;
    let sums: u32 = std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for job in 0..EACH {
                    JOBS.lock().unwrap().push(job);
                    MORE.notify(1);
                }
            });
        }
        let takers = [(); 2].map(|()| {
            s.spawn(|| {
                let mut sum = 0;
                for _ in 0..EACH {
                    let jobs = JOBS.lock().unwrap();
                    let mut jobs = MORE.wait_while(jobs, |jobs| jobs.is_empty()).unwrap();
                    sum += jobs.pop().unwrap();
                }
                sum
            })
        });
        takers.map(|taker| taker.join().unwrap()).iter().sum()
    });
    assert_eq!(sums, EACH * (EACH - 1));
}

#[test]
fn a_deadline_is_told_and_the_mutex_held_again() {
    let (mutex, never) = (Mutex::<_, Ticking>::new(3), Condition::<Ticking>::new());
    let (guard, waited) =
        never.wait_while_deadline(mutex.lock().unwrap(), soon(), |value| *value == 3).unwrap();
    assert_eq!(waited, Err(Error::TimedOut));
    assert!(mutex.try_lock().is_err());
    // A call that need not wait does not read the clock.
    let (guard, waited) = never.wait_while_deadline(guard, Some(0), |value| *value != 3).unwrap();
    assert_eq!(waited, Ok(()));
    drop(guard);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_mutex_that_is_to_be_repaired_stays_so() {
    let (mutex, condition) = (Mutex::<_, Ticking>::new(3), Condition::<Ticking>::new());
    let dead = participant(1);
    std::mem::forget(mutex.handle(dead).lock());
    // SAFETY: no thread uses the mutex as that participant any more.
    assert!(unsafe { mutex.recover(dead) });
    let OwnerDied(guard) = mutex.lock().unwrap_err();
    let OwnerDied(guard) = condition.wait_while(guard, |_| false).unwrap_err();
    let told = condition.wait_while(guard, |_| true).expect_err("told instead of waiting");
    drop(told.repair(|_| ()));
    assert!(mutex.lock().is_ok());
}

/// A sleep that ends at once, as a sleep on a futex may.
pub struct Restless;

impl Wake for Restless {
    type Word = BellWord;

    const INIT: Self = Restless;

    fn wake(&self, _: &AtomicU32, _: u32) {}
}

impl Wait for Restless {
    type Deadline = std::convert::Infallible;

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<Self::Deadline>) -> Result<(), TimedOut> {
        Ok(())
    }
}

#[test]
fn a_waiter_outlives_a_notifier_that_died() {
    static CHANGED: Mutex<bool, Restless> = Mutex::new(false);
    let condition = Condition::<Restless>::new();
    let mut looks = 0;
    let changed = condition.wait_while(CHANGED.lock().unwrap(), |changed| {
        looks += 1;
        // The change comes without a notification.
        *changed = looks == 3;
        !*changed
    });
    assert!(*changed.unwrap());
}

/// A sleep whose deadline passes just when somebody notifies.
struct Late;

static LATE: Condition<Late> = Condition::new();

impl Wake for Late {
    type Word = BellWord;

    const INIT: Self = Late;

    fn wake(&self, _: &AtomicU32, _: u32) {}
}

impl Wait for Late {
    type Deadline = ();

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<()>) -> Result<(), TimedOut> {
        assert_eq!(LATE.notify(1), 1);
        Err(TimedOut)
    }
}

#[test]
fn a_notification_at_the_deadline_counts() {
    let mutex = Mutex::<_, Late>::new(());
    let (_guard, waited) = LATE.wait_deadline(mutex.lock().unwrap(), Some(())).unwrap();
    assert_eq!(waited, Ok(()));
}
