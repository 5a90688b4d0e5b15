//! The locks.

use super::{Clock, PAST, any, once};
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::num::NonZero;
use core::task::{Context, Waker};
use ringway_core::Error;
use ringway_core::lock::{
    Barrier, BarrierView, BoundedSemaphore, BoundedSemaphoreView, Condition, Event, Mutex,
    OwnerDied, ReentrantMutex, Robust, RwLock, RwLockView, Semaphore, ThreadId,
};
use ringway_core::participant::Participant;
use ringway_core::storage::InMemory;

/// There is one thread.
enum One {}

// SAFETY: main is the only one that takes these locks.
unsafe impl ThreadId for One {
    fn thread_id() -> NonZero<u32> {
        NonZero::<u32>::MIN
    }
}

/// Some participant.
fn someone(round: usize) -> Participant {
    Participant::new(any(round) as u16).unwrap_or(Participant::LOCAL)
}

pub fn all(round: usize) {
    in_place();
    mutex(round);
    reentrant(round);
    readers_and_writer(round);
    semaphores(round);
    waiting(round);
}

fn in_place() {
    let mut memory = [MaybeUninit::uninit(); 256];
    if let Ok(lock) = RwLockView::<u32, Clock>::init_in(&mut memory, any(3)) {
        black_box((lock.try_read().is_ok(), lock.try_write().is_ok()));
    }
    if let Ok(mutex) = Mutex::<[u16], Clock>::init_in(&mut memory, any(3)) {
        black_box(mutex.lock().map(|mut values| values.fill(7)).is_ok());
    }
    if let Ok(semaphore) = BoundedSemaphoreView::<Clock>::init_in(&mut memory, any(3)) {
        black_box(semaphore.try_acquire().is_ok());
    }
    if let Ok(barrier) = BarrierView::<Clock>::init_in(&mut memory, any(3)) {
        black_box((barrier.parties(), barrier.wait_deadline(PAST).is_ok()));
    }
}

fn mutex(round: usize) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut mutex = Mutex::<u32, Clock>::new(any(round) as u32);
    let me = someone(round);
    black_box(mutex.try_lock().is_ok());
    black_box(mutex.lock_deadline(PAST).is_ok());
    let mut guard = mutex.lock().unwrap_or_else(OwnerDied::into_inner);
    *guard = guard.wrapping_add(1);
    black_box((mutex.holder(), mutex.handle(me).try_lock().is_ok()));
    black_box(mutex.handle(me).lock_deadline(PAST).is_ok());
    drop(guard);
    core::mem::forget(mutex.handle(me).lock());
    // SAFETY: this participant takes no further step: what acted for it was dropped.
    black_box(unsafe { mutex.recover(me) });
    black_box(mutex.lock().map(drop).map_err(Error::from).is_ok());
    black_box(mutex.lock_deadline(PAST).map(drop).map_err(Error::from).is_ok());
    if let Err(OwnerDied(mut guard)) = mutex.lock() {
        guard.make_consistent();
    }
    black_box(*mutex.lock().unwrap_or_else(|died| died.repair(|value| **value = 0)));
    black_box(mutex.poll_lock(&mut cx).is_ready());
    once(mutex.lock_async());
    black_box(mutex.get_mut().is_ok());
    black_box(mutex.into_inner().is_ok());
}

fn reentrant(round: usize) {
    let mut mutex = ReentrantMutex::<u32, One, Clock>::new(1);
    black_box(mutex.poll_lock(&mut Context::from_waker(Waker::noop())).is_ready());
    once(mutex.lock_async());
    let me = someone(round);
    let first = mutex.lock();
    black_box((first.is_ok(), mutex.try_lock().is_ok(), mutex.lock_deadline(PAST).is_ok()));
    black_box((mutex.handle(me).try_lock().is_ok(), mutex.handle(me).lock_deadline(PAST).is_ok()));
    black_box(mutex.holder());
    drop(first);
    core::mem::forget(mutex.handle(me).lock());
    // SAFETY: this participant takes no further step: what acted for it was dropped.
    black_box(unsafe { mutex.recover(me) });
    black_box(mutex.get_mut().is_ok());
    black_box(mutex.into_inner().is_ok());
}

fn readers_and_writer(round: usize) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut lock = RwLock::<u32, 2, Clock>::new(1);
    let me = someone(round);
    let reader = lock.read();
    black_box((lock.try_read().is_ok(), lock.read_deadline(PAST).is_ok(), lock.readers()));
    black_box((lock.try_write().is_ok(), lock.write_deadline(PAST).is_ok(), lock.writer()));
    drop(reader);
    *lock.write().unwrap_or_else(OwnerDied::into_inner) = 2;
    black_box((lock.handle(me).try_read().is_ok(), lock.handle(me).read_deadline(PAST).is_ok()));
    drop(lock.handle(me).read());
    black_box((lock.handle(me).try_write().is_ok(), lock.handle(me).write_deadline(PAST).is_ok()));
    core::mem::forget(lock.handle(me).write());
    // SAFETY: this participant takes no further step: what acted for it was dropped.
    black_box(unsafe { lock.recover(me) });
    black_box(lock.poll_read(&mut cx).is_ready());
    once(lock.read_async());
    once(lock.write_async());
    black_box(lock.get_mut().is_ok());
    black_box(lock.into_inner().is_ok());
}

fn semaphores(round: usize) {
    let mut cx = Context::from_waker(Waker::noop());
    let semaphore = Semaphore::<1, Clock>::new();
    semaphore.acquire();
    once(semaphore.acquire_async());
    black_box(semaphore.poll_acquire(&mut cx).is_ready());
    black_box((semaphore.try_acquire().is_ok(), semaphore.acquire_deadline(PAST).is_ok()));
    black_box((semaphore.release(any(round) as u32).is_ok(), semaphore.permits()));

    let semaphore = BoundedSemaphore::<3, Clock>::new();
    let me = someone(round);
    semaphore.acquire().keep();
    once(semaphore.acquire_async());
    black_box(semaphore.poll_acquire(&mut cx).is_ready());
    black_box((semaphore.try_acquire().is_ok(), semaphore.acquire_deadline(PAST).is_ok()));
    black_box((semaphore.release().is_ok(), semaphore.permits()));
    black_box((
        semaphore.handle(me).try_acquire().is_ok(),
        semaphore.handle(me).acquire_deadline(PAST).is_ok(),
        semaphore.handle(me).release().is_ok(),
    ));
    semaphore.handle(me).acquire().keep();
    // SAFETY: this participant takes no further step: what acted for it was dropped.
    black_box(unsafe { semaphore.recover(me) });
}

fn waiting(round: usize) {
    let event = Event::<Clock>::new();
    event.set();
    event.wait();
    event.clear();
    once(event.wait_async());
    black_box((event.is_set(), event.wait_deadline(PAST).is_ok()));

    let mutex = Mutex::<u32, Clock>::new(any(round) as u32);
    let condition = Condition::<Clock>::new();
    condition.notify(any(round) as u32);
    condition.notify_all();
    let lock = || mutex.lock().unwrap_or_else(OwnerDied::into_inner);
    black_box(condition.wait_deadline(lock(), PAST).is_ok());
    black_box(condition.wait_while_deadline(lock(), PAST, |value| *value > 2).is_ok());
    once(condition.wait_async(lock()));
    once(condition.wait_while_async(lock(), |value| *value > 2));
    if any(round) > 100 {
        let guard = condition.wait(lock()).unwrap_or_else(OwnerDied::into_inner);
        black_box(condition.wait_while(guard, |value| *value > 2).is_ok());
    }

    let barrier = Barrier::<2, Clock>::new();
    let me = someone(round);
    black_box((
        barrier.wait_deadline(PAST).is_ok(),
        barrier.handle(me).wait_deadline(PAST).is_ok(),
    ));
    once(barrier.wait_async());
    barrier.reset();
    black_box((barrier.parties(), barrier.waiting(), barrier.is_broken()));
    if any(round) > 100 {
        black_box((barrier.wait().is_ok(), barrier.handle(me).wait().is_ok()));
    }
    barrier.abort();
    // SAFETY: nobody waits there.
    black_box(unsafe { barrier.recover(me) });
}
