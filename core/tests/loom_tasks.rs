//! Models of tasks: one that registers while the other side publishes, one whose future is dropped
//! while it is woken, and one that waits for a participant that dies.
//!
//! Tasks and threads sleep on one futex here, as in a region: a wake-up for one may go to a task
//! that is gone. Each group says which step its models need; without it a sleeper stays asleep, and
//! the explorer reports a deadlock.
#![cfg(loom)]

mod support;

use ringway_core::Error;
use ringway_core::lock::{
    Barrier, BoundedSemaphore, Condition, Event, Mutex, OwnerDied, RwLock, Semaphore,
};
use ringway_core::participant::Participant;
use ringway_core::ring::Ring;
use ringway_core::ring::latest::{Latest, Version};
use ringway_core::ring::queue::Queue;
use std::task::{Context, Poll};
use support::sync::Arc;
use support::thread;
use support::{DyingFutex, Place, Task, TaskFutex, model};

const ME: Participant = Participant::LOCAL;
const DEAD: Participant = Participant::new(1).unwrap();

/// Runs a future to its end.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    Task::new().block_on(|cx| future.as_mut().poll(cx))
}

/// Polls a future once, and drops it. Its answer, if it had one.
fn give_up<F: Future>(future: F) -> Option<F::Output> {
    match Box::pin(future).as_mut().poll(&mut Context::from_waker(&Task::new().waker())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

/// Spawns a thread of the model, with a handle of what is shared.
macro_rules! spawn {
    ($shared:ident, $work:expr) => {{
        let $shared = $shared.clone();
        thread::spawn(move || $work)
    }};
}

/// The task misses the publication and is registered when its ring comes, or it sees the
/// publication. Without the fence in `Doorbell::announce` or that in `ring`, or where the way to
/// sleep registers without another look at the word, there is a third case. A lock's wake-up is for
/// one of several that wait: if a task that has waited took the lock by `try_acquire`, or a permit
/// by `take`, which leave no mark for the others, nobody would wake them.
mod registration {
    use super::*;

    #[test]
    fn a_task_registers_while_a_producer_pushes() {
        model(Some(2), || {
            let queue = Arc::new(Queue::<u32, 1, TaskFutex>::new());
            let pushes = spawn!(queue, queue.try_push(7).unwrap());
            assert_eq!(run(queue.handle(ME).pop_async()), Ok(7));
            pushes.join().unwrap();
        });
    }

    #[test]
    fn a_task_registers_while_a_consumer_makes_room() {
        model(Some(2), || {
            let queue = Arc::new(Queue::<u32, 1, TaskFutex>::new());
            queue.try_push(1).unwrap();
            let pops = spawn!(queue, queue.try_pop());
            run(queue.handle(ME).push_async(2)).unwrap();
            assert_eq!(pops.join().unwrap(), Some(1));
            assert_eq!(queue.try_pop(), Some(2));
        });
    }

    #[test]
    fn a_task_registers_while_an_event_is_set_and_cleared() {
        model(None, || {
            let event = Arc::new(Event::<TaskFutex>::new());
            // The wait begins here, before the event is set.
            let mut waits = Box::pin(event.wait_async());
            let sets = spawn!(event, {
                event.set();
                event.clear();
            });
            Task::new().block_on(|cx| waits.as_mut().poll(cx));
            sets.join().unwrap();
        });
    }

    #[test]
    fn a_task_registers_while_a_value_is_stored() {
        model(Some(3), || {
            let latest = Arc::new(Latest::<u32, TaskFutex>::new());
            let stores = spawn!(latest, latest.writer().unwrap().store(7));
            let newer = run(latest.newer_async(Version::NONE));
            assert!(matches!(newer, Ok((7, _))));
            stores.join().unwrap();
        });
    }

    #[test]
    fn a_task_registers_while_a_permit_comes_back() {
        model(Some(3), || {
            let places = Arc::new(BoundedSemaphore::<1, TaskFutex>::new());
            places.acquire().keep();
            let releases = spawn!(places, places.release().unwrap());
            drop(run(places.acquire_async()));
            releases.join().unwrap();
            assert_eq!(places.permits(), 1);
        });
    }

    /// Both sleep on the word, and the release wakes one.
    fn two_wait(held: impl Sized, work: impl FnOnce() + Copy + Send + 'static) {
        let others = [(); 2].map(|()| thread::spawn(work));
        drop(held);
        others.into_iter().for_each(|other| other.join().unwrap());
    }

    #[test]
    fn two_tasks_take_a_mutex_in_turn() {
        model(Some(2), || {
            let place = Place::new(Mutex::<u32, TaskFutex>::new(0));
            let mutex = place.get();
            two_wait(mutex.lock().unwrap(), move || {
                *run(mutex.lock_async()).unwrap() += 1;
            });
            assert_eq!(*mutex.lock().unwrap(), 2);
        });
    }

    #[test]
    fn two_tasks_take_a_lock_to_write_in_turn() {
        model(Some(2), || {
            let place = Place::new(RwLock::<u32, 1, TaskFutex>::new(0));
            let lock = place.get();
            two_wait(lock.write().unwrap(), move || {
                *run(lock.write_async()).unwrap() += 1;
            });
            assert_eq!(*lock.write().unwrap(), 2);
        });
    }

    #[test]
    fn two_tasks_register_while_permits_come_one_by_one() {
        model(Some(2), || {
            let permits = Arc::new(Semaphore::<0, TaskFutex>::new());
            let other = spawn!(permits, run(permits.acquire_async()));
            let releases = spawn!(permits, (0..2).for_each(|_| permits.release(1).unwrap()));
            run(permits.acquire_async());
            other.join().unwrap();
            releases.join().unwrap();
            assert_eq!(permits.permits(), 0);
        });
    }
}

/// One future is dropped while it is woken, and another waiter needs what was given.
///
/// The wake-ups of locks are for one: without `Turn`'s drop, or if it only wakes (`Register::wake`
/// for `pass_on`) and leaves the waker behind, the other waiter stays asleep. Those of a doorbell
/// are for all: if `Doorbell::ring_slow` woke one, the other waiter would stay asleep.
mod cancel {
    use super::*;

    #[test]
    fn a_mutex_goes_to_the_other_waiter() {
        model(Some(2), || {
            let mutex = Arc::new(Mutex::<u32, TaskFutex>::new(0));
            let held = mutex.lock().unwrap();
            let gone = spawn!(mutex, give_up(mutex.lock_async()).is_some());
            let other = spawn!(mutex, *mutex.lock().unwrap() += 1);
            drop(held);
            gone.join().unwrap();
            other.join().unwrap();
        });
    }

    #[test]
    fn a_mutex_goes_to_the_other_task() {
        model(Some(2), || {
            let mutex = Arc::new(Mutex::<u32, TaskFutex>::new(0));
            let held = mutex.lock().unwrap();
            let gone = spawn!(mutex, give_up(mutex.lock_async()).is_some());
            let other = spawn!(mutex, *run(mutex.lock_async()).unwrap() += 1);
            drop(held);
            gone.join().unwrap();
            other.join().unwrap();
        });
    }

    #[test]
    fn a_lock_goes_to_the_other_writer() {
        model(Some(2), || {
            let lock = Arc::new(RwLock::<u32, 1, TaskFutex>::new(0));
            let held = lock.write().unwrap();
            let gone = spawn!(lock, give_up(lock.write_async()).is_some());
            let other = spawn!(lock, *lock.write().unwrap() += 1);
            drop(held);
            gone.join().unwrap();
            other.join().unwrap();
        });
    }

    /// It has the lock, and waits for a reader to leave: others get in all the same.
    #[test]
    fn a_writer_that_gives_up_lets_readers_in() {
        model(Some(2), || {
            let lock = Arc::new(RwLock::<u32, 2, TaskFutex>::new(0));
            let held = lock.read().unwrap();
            let gone = spawn!(lock, give_up(lock.write_async()).is_some());
            let other = spawn!(lock, *run(lock.read_async()).unwrap());
            other.join().unwrap();
            drop(held);
            gone.join().unwrap();
        });
    }

    #[test]
    fn a_permit_goes_to_the_other_waiter() {
        model(Some(2), || {
            let permits = Arc::new(Semaphore::<0, TaskFutex>::new());
            let gone = spawn!(permits, {
                if give_up(permits.acquire_async()).is_some() {
                    permits.release(1).unwrap();
                }
            });
            let other = spawn!(permits, permits.acquire());
            permits.release(1).unwrap();
            gone.join().unwrap();
            other.join().unwrap();
            assert_eq!(permits.permits(), 0);
        });
    }

    #[test]
    fn a_bounded_permit_goes_to_the_other_waiter() {
        model(Some(2), || {
            let places = Arc::new(BoundedSemaphore::<1, TaskFutex>::new());
            places.acquire().keep();
            let gone = spawn!(places, give_up(places.acquire_async()).is_some());
            let other = spawn!(places, drop(run(places.acquire_async())));
            places.release().unwrap();
            gone.join().unwrap();
            other.join().unwrap();
        });
    }

    #[test]
    fn a_message_goes_to_the_other_consumer() {
        model(Some(2), || {
            let queue = Arc::new(Queue::<u32, 1, TaskFutex>::new());
            let gone = spawn!(queue, give_up(queue.handle(ME).pop_async()));
            let other = spawn!(queue, run(queue.handle(ME).pop_async()));
            queue.try_push(7).unwrap();
            // Of two messages each may get one.
            match gone.join().unwrap() {
                Some(got) => {
                    assert_eq!(got, Ok(7));
                    queue.try_push(7).unwrap();
                }
                None => {}
            }
            assert_eq!(other.join().unwrap(), Ok(7));
        });
    }

    #[test]
    fn room_goes_to_the_other_producer() {
        model(Some(2), || {
            let queue = Arc::new(Queue::<u32, 1, TaskFutex>::new());
            queue.try_push(1).unwrap();
            let handle = queue.handle(ME);
            let mut gone = Box::pin(handle.push_async(2));
            let waker = Task::new().waker();
            assert!(gone.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            let other = spawn!(queue, run(queue.handle(ME).push_async(3)).unwrap());
            assert_eq!(queue.try_pop(), Some(1));
            drop(gone);
            other.join().unwrap();
            assert_eq!(queue.try_pop(), Some(3));
        });
    }

    #[test]
    fn an_event_reaches_the_other_task() {
        model(Some(2), || {
            let event = Arc::new(Event::<TaskFutex>::new());
            let gone = spawn!(event, give_up(event.wait_async()).is_some());
            let other = spawn!(event, run(event.wait_async()));
            event.set();
            gone.join().unwrap();
            other.join().unwrap();
        });
    }

    #[test]
    fn a_notification_goes_to_the_other_waiter() {
        model(Some(2), || {
            let shared = Arc::new((Mutex::<u32, TaskFutex>::new(0), Condition::<TaskFutex>::new()));
            // Both wait when the notification comes.
            let guard = shared.0.lock().unwrap();
            let mut gone = Box::pin(shared.1.wait_async(guard));
            let waker = Task::new().waker();
            assert!(gone.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            let other = spawn!(shared, {
                let count = shared.0.lock().unwrap();
                *shared.1.wait_while(count, |count| *count == 0).unwrap()
            });
            let notifies = spawn!(shared, {
                *shared.0.lock().unwrap() = 1;
                shared.1.notify(1);
            });
            drop(gone);
            notifies.join().unwrap();
            assert_eq!(other.join().unwrap(), 1);
        });
    }
}

/// A participant dies while a task is registered. Without the wake-up for all in `recover`, the
/// task stays asleep.
mod death {
    use super::*;

    /// It dies after it was woken for the mutex, and before it polls again.
    #[test]
    fn a_task_that_dies_takes_no_wake_up_with_it() {
        model(Some(2), || {
            let mutex = Arc::new(Mutex::<u32, TaskFutex>::new(0));
            let held = mutex.lock().unwrap();
            let dies = spawn!(mutex, {
                let handle = mutex.handle(DEAD);
                let mut waits = Box::pin(handle.lock_async());
                let waker = Task::new().waker();
                let poll = waits.as_mut().poll(&mut Context::from_waker(&waker));
                // It dies with the mutex, or while it waits.
                std::mem::forget((poll.map(std::mem::forget), waits));
            });
            let other =
                spawn!(mutex, *run(mutex.lock_async()).unwrap_or_else(OwnerDied::into_inner) += 1);
            drop(held);
            dies.join().unwrap();
            // SAFETY: the thread that acted as this participant has ended.
            unsafe { mutex.recover(DEAD) };
            other.join().unwrap();
        });
    }

    #[test]
    fn a_writers_death_wakes_a_reading_task() {
        model(Some(3), || {
            let lock = Arc::new(RwLock::<u32, 1, TaskFutex>::new(0));
            std::mem::forget(lock.handle(DEAD).write());
            let reads = spawn!(lock, run(lock.read_async()).is_err());
            // SAFETY: this thread acted as the participant, and does not any more.
            assert!(unsafe { lock.recover(DEAD) });
            assert!(reads.join().unwrap());
        });
    }

    #[test]
    fn a_readers_death_wakes_a_writing_task() {
        model(Some(3), || {
            let lock = Arc::new(RwLock::<u32, 1, TaskFutex>::new(0));
            std::mem::forget(lock.handle(DEAD).read());
            let writes = spawn!(lock, *run(lock.write_async()).unwrap() += 1);
            // SAFETY: this thread acted as the participant, and does not any more.
            unsafe { lock.recover(DEAD) };
            writes.join().unwrap();
        });
    }

    #[test]
    fn a_dead_holders_permit_goes_to_a_task() {
        model(Some(3), || {
            let places = Arc::new(BoundedSemaphore::<1, TaskFutex>::new());
            std::mem::forget(places.handle(DEAD).acquire());
            let waits = spawn!(places, drop(run(places.acquire_async())));
            // SAFETY: this thread acted as the participant, and does not any more.
            assert_eq!(unsafe { places.recover(DEAD) }, 1);
            waits.join().unwrap();
        });
    }

    #[test]
    fn a_dead_party_breaks_the_barrier_for_a_task() {
        model(Some(3), || {
            let barrier = Arc::new(Barrier::<3, TaskFutex>::new());
            // Two of three parties wait, and one of them dies.
            let task = Task::new();
            let mut waits = Box::pin(barrier.wait_async());
            let waker = task.waker();
            assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            let handle = barrier.handle(DEAD);
            let mut dies = Box::pin(handle.wait_async());
            assert!(
                dies.as_mut().poll(&mut Context::from_waker(&Task::new().waker())).is_pending()
            );
            std::mem::forget(dies);
            // SAFETY: this thread acted as the participant, and does not any more.
            let recovers = spawn!(barrier, assert!(unsafe { barrier.recover(DEAD) }));
            assert_eq!(task.block_on(|cx| waits.as_mut().poll(cx)), Err(Error::Broken));
            recovers.join().unwrap();
        });
    }

    #[test]
    fn a_claimed_job_comes_back_to_a_task() {
        model(Some(2), || {
            let queue = Arc::new(Queue::<u32, 1, TaskFutex>::new());
            queue.try_push(7).unwrap();
            std::mem::forget(queue.handle(DEAD).try_claim().unwrap());
            let pops = spawn!(queue, run(queue.handle(ME).pop_async()));
            // SAFETY: this thread acted as the participant, and does not any more.
            unsafe { queue.handle(ME).recover(DEAD) };
            assert_eq!(pops.join().unwrap(), Ok(7));
        });
    }

    /// It published, cleared the doorbell's bit, and died before it woke the task.
    #[test]
    fn a_task_wakes_though_its_waker_died() {
        model(Some(2), || {
            let queue = Arc::new(Queue::<u32, 1, DyingFutex<TaskFutex>>::new());
            let pops = spawn!(queue, run(queue.handle(ME).pop_async()));
            DyingFutex::set_dies(true);
            queue.handle(DEAD).try_push(7).unwrap();
            DyingFutex::set_dies(false);
            // SAFETY: this thread acted as the participant, and does not any more.
            unsafe { queue.handle(ME).recover(DEAD) };
            assert_eq!(pops.join().unwrap(), Ok(7));
        });
    }

    #[test]
    fn a_producers_death_ends_the_stream_for_a_task() {
        model(Some(3), || {
            let ring = Arc::new(Ring::<u32, 1, TaskFutex>::new());
            std::mem::forget(ring.producer_as(DEAD).unwrap());
            let pops = spawn!(ring, run(ring.consumer().unwrap().pop_async()));
            // SAFETY: this thread acted as the participant, and does not any more.
            assert_eq!(unsafe { ring.recover(DEAD) }, 1);
            assert_eq!(pops.join().unwrap(), Err(Error::EndOfFile));
        });
    }
}
