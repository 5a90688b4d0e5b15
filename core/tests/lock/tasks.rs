//! Tests of the forms for tasks: several tasks use each lock, and some give up.

use super::*;
use ringway_core::wait::{Async, Spin};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::thread::Thread;
use woken::Woken;

/// A waker for two tasks beside threads.
type Two = Async<Yielding, 2>;

struct Unpark(Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a task on this thread. The thread sleeps until it is woken, so that a lost wake-up is a
/// hang, which fails the test.
fn run<R>(task: impl Future<Output = R>) -> R {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut task = pin!(task);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        if let Poll::Ready(answer) = task.as_mut().poll(&mut cx) {
            return answer;
        }
        std::thread::park_timeout(std::time::Duration::from_secs(60));
        assert!(std::time::Instant::now() < end, "nobody woke the task");
    }
}

fn once<R>(task: Pin<&mut impl Future<Output = R>>) -> Poll<R> {
    task.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls with a waker that counts; returns the waker, too.
fn counted<R>(task: Pin<&mut impl Future<Output = R>>) -> (Poll<R>, Arc<Woken>) {
    let woken = Arc::<Woken>::default();
    let answer = task.poll(&mut Context::from_waker(&Waker::from(woken.clone())));
    (answer, woken)
}

/// What a task does while it registers.
struct Meanwhile<'a> {
    act: &'a mut dyn FnMut(),
    is_woken: bool,
}

/// Polls, and does `act` while the task registers: after its last look. Polls again if that woke
/// the task.
fn poll_while<R>(
    act: &mut dyn FnMut(),
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    /// What `poll_while` lends to the waker.
    fn of<'a>(data: *const ()) -> &'a mut Meanwhile<'a> {
        // SAFETY: `poll_while` lends it to the waker, uses it for nothing else meanwhile, and uses
        // the waker only while it polls, in this thread.
        unsafe { &mut *data.cast::<Meanwhile<'a>>().cast_mut() }
    }
    fn clone(data: *const ()) -> RawWaker {
        (of(data).act)();
        // What is registered does nothing.
        RawWaker::new(std::ptr::null(), Waker::noop().vtable())
    }
    fn wake(data: *const ()) {
        of(data).is_woken = true;
    }
    fn nothing(_: *const ()) {}
    const TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, nothing);
    let mut meanwhile = Meanwhile { act, is_woken: false };
    // SAFETY: the functions of the table do what a waker's do, and are used in this thread alone.
    let waker = unsafe { Waker::new((&raw mut meanwhile).cast_const().cast(), &TABLE) };
    let answer = poll(&mut Context::from_waker(&waker));
    drop(waker);
    if answer.is_pending() && meanwhile.is_woken {
        return poll(&mut Context::from_waker(Waker::noop()));
    }
    answer
}

#[test]
fn a_lock_freed_while_a_task_registers_is_taken() {
    let (mutex, me) = (Mutex::<_, Async>::new(1), participant(3));
    let mut guard = mutex.try_lock().ok();
    {
        let handle = mutex.handle(me);
        let taken = poll_while(&mut || drop(guard.take()), |cx| handle.poll_lock(cx));
        assert!(matches!(&taken, Poll::Ready(Ok(_))));
        assert_eq!(mutex.holder(), Some(me));
    }
    let dead = participant(1);
    std::mem::forget(mutex.handle(dead).try_lock());
    // SAFETY: no thread uses the mutex as that participant any more.
    let mut recover = || assert!(unsafe { mutex.recover(dead) });
    let taken = poll_while(&mut recover, |cx| mutex.poll_lock(cx));
    assert!(matches!(taken, Poll::Ready(Err(OwnerDied(_)))));
}

#[test]
fn permits_given_while_a_task_registers_are_taken() {
    let permits = Semaphore::<0, Async<Spin, 2>>::new();
    let mut other = pin!(permits.acquire_async());
    let (answer, woken) = counted(other.as_mut());
    assert!(answer.is_pending());
    let mut give = || permits.release(2).unwrap();
    assert!(poll_while(&mut give, |cx| permits.poll_acquire(cx)).is_ready());
    assert_eq!((permits.permits(), woken.count()), (1, 1));
    assert!(once(other.as_mut()).is_ready());
    // It left the mark that others may sleep: the next one that waits is woken.
    let (answer, woken) = counted(pin!(permits.acquire_async()).as_mut());
    assert!(answer.is_pending());
    permits.release(1).unwrap();
    assert_eq!(woken.count(), 1);
}

#[test]
fn who_gives_a_permit_wakes_a_task_that_waits() {
    let permits = Semaphore::<0, Async>::new();
    for _ in 0..2 {
        let mut task = pin!(permits.acquire_async());
        assert!(once(task.as_mut()).is_pending());
        let (answer, woken) = counted(task.as_mut());
        assert!(answer.is_pending());
        assert_eq!(woken.count(), 0, "there is none yet");
        permits.release(1).unwrap();
        assert_eq!(woken.count(), 1);
        assert!(once(task.as_mut()).is_ready());
    }
}

#[test]
fn who_gives_a_lock_back_wakes_a_task_that_waits() {
    let mutex = Mutex::<_, Async>::new(1);
    for _ in 0..3 {
        let guard = mutex.try_lock().unwrap();
        let mut waits = pin!(mutex.lock_async());
        let (answer, woken) = counted(waits.as_mut());
        assert!(answer.is_pending());
        assert_eq!(woken.count(), 0, "it is held");
        drop(guard);
        assert_eq!(woken.count(), 1);
    }
}

#[test]
fn a_reset_wakes_the_tasks_that_wait() {
    let barrier = Barrier::<2, Async>::new();
    let mut one = pin!(barrier.wait_async());
    let (answer, woken) = counted(one.as_mut());
    assert!(answer.is_pending());
    barrier.reset();
    assert_eq!(woken.count(), 1);
    assert_eq!(once(one.as_mut()), Poll::Ready(Err(Error::Broken)));
}

#[test]
fn a_round_to_which_all_came_ends_well_if_aborted() {
    let barrier = Barrier::<2, Async>::new();
    let mut one = pin!(barrier.wait_async());
    assert!(once(one.as_mut()).is_pending());
    assert_eq!(once(pin!(barrier.wait_async())), Poll::Ready(Ok(1)));
    barrier.abort();
    assert_eq!(once(one.as_mut()), Poll::Ready(Ok(0)));
    assert_eq!(once(pin!(barrier.wait_async())), Poll::Ready(Err(Error::Broken)));
}

#[test]
fn tasks_and_a_thread_count_exactly() {
    static TOTAL: Mutex<u32, Two> = Mutex::new(0);
    const EACH: u32 = scaled(2_000) as u32;
    std::thread::scope(|s| {
        for _ in 0..2 {
            let task = async {
                for _ in 0..EACH {
                    *TOTAL.lock_async().await.unwrap() += 1;
                }
            };
            s.spawn(move || run(task));
        }
        s.spawn(|| (0..EACH).for_each(|_| *TOTAL.lock().unwrap() += 1));
    });
    assert_eq!(*TOTAL.lock().unwrap(), 3 * EACH);
}

#[test]
fn a_dropped_task_holds_nothing_and_a_death_is_told() {
    let mutex = Mutex::<_, Two>::new(1);
    let guard = mutex.try_lock().unwrap();
    {
        let mut gives_up = pin!(mutex.lock_async());
        assert!(once(gives_up.as_mut()).is_pending());
    }
    let mut waits = pin!(mutex.lock_async());
    assert!(once(waits.as_mut()).is_pending());
    drop(guard);
    assert!(matches!(once(waits.as_mut()), Poll::Ready(Ok(_))));

    let dead = participant(1);
    std::mem::forget(mutex.handle(dead).try_lock());
    let mut waits = pin!(mutex.lock_async());
    assert!(once(waits.as_mut()).is_pending());
    // SAFETY: no thread uses the mutex as that participant any more.
    assert!(unsafe { mutex.recover(dead) });
    assert!(matches!(once(waits.as_mut()), Poll::Ready(Err(OwnerDied(_)))));
}

#[test]
fn a_handles_task_forms_record_its_participant() {
    let me = participant(3);
    let (mutex, lock) = (Mutex::<_, Two>::new(1), RwLock::<_, 2, Two>::new(1));
    let (places, barrier) = (BoundedSemaphore::<1, Two>::new(), Barrier::<2, Two>::new());
    let (mutex_of, lock_of) = (mutex.handle(me), lock.handle(me));
    let (places_of, barrier_of) = (places.handle(me), barrier.handle(participant(4)));
    {
        let mut takes = pin!(mutex_of.lock_async());
        let Poll::Ready(Ok(guard)) = once(takes.as_mut()) else { panic!("it is free") };
        assert_eq!((*guard, mutex.holder()), (1, Some(me)));
        let mut writes = pin!(lock_of.write_async());
        assert!(matches!(once(writes.as_mut()), Poll::Ready(Ok(_))));
        let mut reads = pin!(lock_of.read_async());
        assert!(matches!(once(reads.as_mut()), Poll::Ready(Ok(_))));
        let mut waits = pin!(places_of.acquire_async());
        let Poll::Ready(permit) = once(waits.as_mut()) else { panic!("it is free") };
        permit.keep();
    }
    assert_eq!(places.release(), Err(Error::NotHeld), "it is another's");
    assert_eq!(places_of.release(), Ok(()));
    let mut one = pin!(barrier_of.wait_async());
    assert!(once(one.as_mut()).is_pending());
    let mut other = pin!(barrier.wait_async());
    assert_eq!(once(other.as_mut()), Poll::Ready(Ok(1)));
    assert_eq!(once(one.as_mut()), Poll::Ready(Ok(0)));
}

#[test]
fn a_task_locks_reentrantly_only_in_its_own_thread() {
    use std::cell::Cell;
    static TOTAL: ReentrantMutex<Cell<u32>, Numbered, Two> = ReentrantMutex::new(Cell::new(0));
    const EACH: u32 = scaled(1_000) as u32;
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                run(async {
                    for _ in 0..EACH {
                        let outer = TOTAL.lock_async().await.unwrap();
                        let inner = TOTAL.lock_async().await.unwrap();
                        inner.set(outer.get() + 1);
                    }
                })
            });
        }
    });
    let held = TOTAL.lock().unwrap();
    assert_eq!(held.get(), 2 * EACH);
    let mut waits = pin!(TOTAL.lock_async());
    assert!(matches!(once(waits.as_mut()), Poll::Ready(Ok(_))));
    std::thread::scope(|s| {
        s.spawn(|| assert!(once(pin!(TOTAL.lock_async())).is_pending()));
    });
}

#[test]
fn a_writing_task_keeps_readers_out_until_dropped() {
    let lock = RwLock::<_, 2, Two>::new(1);
    let reader = lock.try_read().unwrap();
    {
        let mut writes = pin!(lock.write_async());
        assert!(once(writes.as_mut()).is_pending());
        assert_eq!(refused(lock.try_read()), Error::WouldBlock);
    }
    assert!(lock.try_read().is_ok());
    let mut writes = pin!(lock.write_async());
    assert!(once(writes.as_mut()).is_pending());
    drop(reader);
    let Poll::Ready(Ok(mut guard)) = once(writes.as_mut()) else { panic!("the readers are gone") };
    *guard = 2;
    let mut reads = pin!(lock.read_async());
    assert!(once(reads.as_mut()).is_pending());
    drop(guard);
    assert!(matches!(once(reads.as_mut()), Poll::Ready(Ok(value)) if *value == 2));
}

#[test]
fn permits_pass_between_tasks() {
    static COUNT: Semaphore<1, Two> = Semaphore::new();
    static PLACES: BoundedSemaphore<1, Two> = BoundedSemaphore::new();
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                run(async {
                    for _ in 0..scaled(1_000) {
                        COUNT.acquire_async().await;
                        drop(PLACES.acquire_async().await);
                        COUNT.release(1).unwrap();
                    }
                })
            });
        }
    });
    assert_eq!((COUNT.permits(), PLACES.permits()), (1, 1));
}

#[test]
fn a_task_waits_for_a_condition_and_for_an_event() {
    static LEVEL: Mutex<u32, Two> = Mutex::new(0);
    static CHANGED: Condition<Two> = Condition::new();
    static DONE: Event<Two> = Event::new();
    std::thread::scope(|s| {
        s.spawn(|| {
            run(async {
                let level = LEVEL.lock_async().await.unwrap();
                let level = CHANGED.wait_while_async(level, |level| *level < 100).await.unwrap();
                assert_eq!(*level, 100);
                DONE.set();
            })
        });
        for _ in 0..100 {
            *LEVEL.lock().unwrap() += 1;
            CHANGED.notify(1);
        }
        run(DONE.wait_async());
    });
    assert_eq!(CHANGED.notify_all(), 0, "nobody waits any more");
}

#[test]
fn a_dropped_wait_is_no_longer_counted() {
    let (mutex, changed) = (Mutex::<_, Two>::new(1), Condition::<Two>::new());
    {
        let mut waits = pin!(changed.wait_async(mutex.try_lock().unwrap()));
        assert!(once(waits.as_mut()).is_pending());
        assert!(mutex.try_lock().is_ok(), "it gave the mutex back");
        assert_eq!((changed.notify(3), changed.notify_all()), (1, 1));
    }
    assert_eq!(changed.notify(1), 0);
}

#[test]
fn a_task_that_leaves_a_barrier_breaks_it() {
    let barrier = Barrier::<2, Async<Spin, 2>>::new();
    {
        let mut leaves = pin!(barrier.wait_async());
        assert!(once(leaves.as_mut()).is_pending());
    }
    assert!(barrier.is_broken());
    assert_eq!(once(pin!(barrier.wait_async())), Poll::Ready(Err(Error::Broken)));
    barrier.reset();
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                run(async {
                    for _ in 0..scaled(500) {
                        barrier.wait_async().await.unwrap();
                    }
                })
            });
        }
    });
}
