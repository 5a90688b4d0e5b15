//! Tests of locks whose number of slots is known at run time, and of traits that the locks share
//! with `std`'s.

use super::condition::Restless;
use super::*;
use ringway_core::lock::{
    BarrierView, BoundedSemaphoreView, ReadGuard, ReentrantGuard, RwLockView, SemaphoreView,
};
use ringway_core::wait::Spin;
use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Zeroed memory, in which a view with `slots` slots is a fresh lock. It is aligned for every lock.
fn memory(slots: usize) -> (Vec<u64>, *const [()]) {
    let mut memory = vec![0; 8 + slots];
    let at = std::ptr::slice_from_raw_parts(memory.as_mut_ptr().cast_const().cast::<()>(), slots);
    (memory, at)
}

#[test]
fn a_lock_for_as_many_readers_as_the_program_says() {
    for readers in 1..6 {
        let (_memory, at) = memory(readers);
        // SAFETY: zeroed memory is a fresh lock, and the memory is large enough for this number of
        // slots.
        let lock = unsafe { &*(at as *const RwLockView<u64, Yielding>) };
        *lock.write().unwrap() = 7;
        let all: Vec<_> = (0..readers).map(|_| lock.try_read().unwrap()).collect();
        assert_eq!((lock.readers(), *all[0]), (readers, 7));
        assert_eq!(refused(lock.try_read()), Error::WouldBlock);
        assert_eq!(refused(lock.try_write()), Error::WouldBlock);
        drop(all);
        std::mem::forget(lock.handle(participant(1)).read());
        // SAFETY: no thread uses the lock as that participant any more.
        assert!(unsafe { lock.recover(participant(1)) });
        assert!(lock.try_write().is_ok());
    }
}

#[test]
fn permits_and_parties_as_many_as_the_program_says() {
    for count in 1..6 {
        let (_memory, at) = memory(count);
        // SAFETY: zeroed memory is a fresh semaphore, and the memory is large enough for this
        // number of permits.
        let places = unsafe { &*(at as *const BoundedSemaphoreView<Yielding>) };
        let all: Vec<_> = std::iter::from_fn(|| places.try_acquire().ok()).collect();
        assert_eq!((all.len(), places.permits()), (count, 0));
        drop(all);
        std::mem::forget(places.handle(participant(1)).acquire());
        // SAFETY: no thread uses the semaphore as that participant any more.
        assert_eq!(unsafe { places.recover(participant(1)) }, 1);

        let (_memory, at) = memory(count);
        // SAFETY: zeroed memory is a fresh barrier, and the memory is large enough for this number
        // of parties.
        let barrier = unsafe { &*(at as *const BarrierView<Yielding>) };
        assert_eq!(barrier.parties(), count);
        let mut met: Vec<_> = std::thread::scope(|s| {
            let parties: Vec<_> = (0..count).map(|_| s.spawn(|| barrier.wait())).collect();
            parties.into_iter().map(|party| party.join().unwrap().unwrap()).collect()
        });
        met.sort();
        assert!(met.into_iter().eq(0..count));
    }
}

#[test]
fn a_view_in_given_memory_is_as_large_as_the_type() {
    use ringway_core::storage::InMemory;
    use std::alloc::Layout;
    type Pair = RwLockView<[u16; 3], Yielding>;
    let mut memory = [std::mem::MaybeUninit::new(0xAA); 256];
    let lock = Pair::init_in(&mut memory, 5).unwrap();
    assert_eq!(*lock.get_mut().unwrap(), [0; 3]);
    lock.write().unwrap()[2] = 7;
    assert_eq!(lock.read().unwrap()[2], 7);
    assert_eq!((lock.readers(), lock.writer()), (0, None));
    assert_eq!(<Pair as InMemory>::layout(5), Some(Layout::new::<RwLock<[u16; 3], 5, Yielding>>()));
    assert_eq!(<Pair as InMemory>::layout(0), None);
    let at = std::ptr::NonNull::from(lock).cast();
    let again = <Pair as InMemory>::from_raw(at, 5).map(|lock| lock.as_ptr() as *const u8);
    assert_eq!(again, Some(at.as_ptr().cast_const()));
    assert_eq!(<Pair as InMemory>::from_raw(at, 0), None);

    let mut memory = [std::mem::MaybeUninit::new(0xAA); 256];
    let places = BoundedSemaphoreView::<Restless>::init_in(&mut memory, 9).unwrap();
    assert_eq!(places.permits(), 9);
    let layout = <BoundedSemaphoreView<Restless> as InMemory>::layout(9);
    assert_eq!(layout, Some(Layout::new::<BoundedSemaphore<9, Restless>>()));

    let mut memory = [std::mem::MaybeUninit::new(0xAA); 256];
    let count = SemaphoreView::<Restless>::init_in(&mut memory, 9).unwrap();
    assert_eq!(count.permits(), 9);
    count.acquire();
    assert_eq!(format!("{count:?}"), "Semaphore { permits: 8, .. }");
    let layout = <SemaphoreView<Restless> as InMemory>::layout;
    assert_eq!(layout(9), Some(Layout::new::<Semaphore<9, Restless>>()));
    assert_eq!(layout(i32::MAX as usize), layout(9));
    assert_eq!(layout(1 << 31), None);

    let mut memory = [std::mem::MaybeUninit::new(0xAA); 256];
    let barrier = BarrierView::<Restless>::init_in(&mut memory, 1).unwrap();
    assert_eq!((barrier.wait(), barrier.waiting()), (Ok(0), 0));
    let layout = <BarrierView<Restless> as InMemory>::layout(9);
    assert_eq!(layout, Some(Layout::new::<Barrier<9, Restless>>()));
}

#[test]
fn values_as_many_as_the_program_says_under_one_mutex() {
    use ringway_core::storage::InMemory;
    use std::alloc::Layout;
    type Row = Mutex<[u16], Restless>;
    for length in [0, 1, 2, 5, 100] {
        let mut memory = [std::mem::MaybeUninit::new(0xAA); 256];
        let row = Row::init_in(&mut memory, length).unwrap();
        assert_eq!(row.get_mut().unwrap(), &vec![0; length]);
        row.lock().unwrap().fill(7);
        std::mem::forget(row.handle(participant(1)).lock());
        // SAFETY: no thread uses the mutex as that participant any more.
        assert!(unsafe { row.recover(participant(1)) });
        let told = row.lock().unwrap_err().repair(|row| row[..length / 2].fill(8));
        assert_eq!(told.iter().filter(|value| **value == 8).count(), length / 2);
        drop(told);
        assert!(row.try_lock().is_ok_and(|row| row.len() == length));
    }
    let mut memory = [std::mem::MaybeUninit::new(0xAA); 256];
    let row = Row::init_in(&mut memory, 5).unwrap();
    let at = std::ptr::NonNull::from(&mut *row).cast();
    let again = <Row as InMemory>::from_raw(at, 5).unwrap();
    assert!(std::ptr::eq(again.as_ptr(), row));
    assert_eq!(<Row as InMemory>::layout(5), Some(Layout::new::<Mutex<[u16; 5], Restless>>()));
    assert_eq!(<Row as InMemory>::layout(usize::MAX / 2), None);
    let aligned = <Mutex<[u128], Restless> as InMemory>::layout(3);
    assert_eq!(aligned, Some(Layout::new::<Mutex<[u128; 3], Restless>>()));
}

#[test]
fn a_mutex_of_an_array_is_seen_as_one_of_a_slice() {
    let row: Box<Mutex<[String], Yielding>> =
        Box::new(Mutex::new(["one".to_owned(), "two".to_owned()]));
    row.lock().unwrap()[1].push('!');
    let changed = Condition::<Yielding>::new();
    let guard = changed.wait_while(row.lock().unwrap(), |row| row[1] == "two").unwrap();
    assert_eq!(*guard, ["one", "two!"]);
}

#[test]
fn a_lock_and_its_view_are_one() {
    let lock: Box<RwLockView<_, _>> = Box::new(RwLock::<_, 3, Yielding>::new([1, 2]));
    lock.write().unwrap()[0] = 5;
    assert_eq!(*lock.read().unwrap(), [5, 2]);
    let sized = Semaphore::<2, Yielding>::new();
    let count: &SemaphoreView<Yielding> = &sized;
    count.acquire();
    assert_eq!((count.permits(), sized.permits()), (1, 1));
    let sized = BoundedSemaphore::<2, Yielding>::new();
    let view: &BoundedSemaphoreView<_> = &sized;
    let permit = view.acquire();
    assert_eq!(sized.permits(), 1);
    drop(permit);
    assert_eq!(sized.permits(), 2);
}

/// The test is that it compiles.
fn _a_guard_that_reads_is_covariant<'short>(
    read: ReadGuard<'short, &'static str, Spin>,
    again: ReentrantGuard<'short, &'static str, Spin>,
) -> (ReadGuard<'short, &'short str, Spin>, ReentrantGuard<'short, &'short str, Spin>) {
    (read, again)
}

#[test]
fn locks_may_be_caught_by_those_who_catch_panics() {
    fn may<T: UnwindSafe + RefUnwindSafe>() {}
    may::<Mutex<Cell<u32>>>();
    may::<RwLock<Cell<u32>, 2>>();
    may::<BoundedSemaphore<2>>();
    may::<Condition>();
    may::<Barrier<2>>();
    may::<ReentrantMutex<u32, Numbered>>();
}

#[test]
fn exclusive_access_needs_no_guard_and_reports_deaths() {
    let dead = participant(1);
    let mut mutex = <Mutex<_>>::new(1);
    *mutex.get_mut().unwrap() = 2;
    std::mem::forget(mutex.handle(dead).lock());
    // SAFETY: no thread uses the mutex as that participant any more.
    assert!(unsafe { mutex.recover(dead) });
    *mutex.get_mut().unwrap_err().into_inner() = 3;
    assert_eq!(mutex.into_inner(), Err(OwnerDied(3)));

    let mut lock = RwLock::<_, 1, Spin>::new(1);
    *lock.get_mut().unwrap() = 2;
    std::mem::forget(lock.handle(dead).write());
    // SAFETY: no thread uses the lock as that participant any more.
    assert!(unsafe { lock.recover(dead) });
    *lock.get_mut().unwrap_err().into_inner() = 3;
    assert_eq!(lock.into_inner(), Err(OwnerDied(3)));

    let mut again = <ReentrantMutex<_, Numbered>>::new(1);
    *again.get_mut().unwrap() = 2;
    assert_eq!(again.into_inner(), Ok(2));
}
