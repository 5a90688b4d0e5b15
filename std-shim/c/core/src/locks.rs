//! Locks between threads, and between processes that may be killed while they hold one.

use crate::error::{code, rw_error};
use crate::object::{
    RW_HANDLE_WORDS, memory as placed, objects, own, participant, put, release, shared, sized,
    tell, tell_layout,
};
use crate::wait::{Program, can_wait, deadline as until};
use core::alloc::Layout;
use core::ffi::c_void;
use ringway_core::lock::{
    BarrierView, BoundedSemaphoreView, Event, Handle, LockError, Mutex, MutexGuard, OwnerDied,
    RawRwLock, ReadGuard, Robust, RwLockView, Semaphore, SemaphoreView, WriteGuard,
};
use ringway_core::storage::InMemory;

/// What a lock of C protects: nothing that this library knows.
pub(crate) type Nothing = [u8; 0];
pub(crate) type Bare = Mutex<Nothing, Program>;
type Rw = RwLockView<Nothing, Program>;
type RawRw = RawRwLock<'static, Program>;
type Permits = SemaphoreView<Program>;
type Bounded = BoundedSemaphoreView<Program>;
type Parties = BarrierView<Program>;
type Flag = Event<Program>;

/// A mutex in memory of the caller, as one participant uses it. Any thread may use it. It stays in
/// its place while somebody has it.
#[repr(C)]
pub struct rw_mutex {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A mutex that is held.
#[repr(C)]
pub struct rw_mutex_guard {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A lock for many readers or one writer, in memory of the caller, as one participant uses it. Any
/// thread may use it. It stays in its place while somebody has it.
#[repr(C)]
pub struct rw_rwlock {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A lock that is held for reading.
#[repr(C)]
pub struct rw_read_guard {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A lock that is held for writing.
#[repr(C)]
pub struct rw_write_guard {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A counting semaphore in memory of the caller. Any thread may use it.
#[repr(C)]
pub struct rw_semaphore {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A semaphore that records who has its permits, as one participant uses it. Any thread may use it.
#[repr(C)]
pub struct rw_bounded_semaphore {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A flag in memory of the caller. Any thread may use it.
#[repr(C)]
pub struct rw_event {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A meeting point in memory of the caller, as one participant uses it. Any thread may use it.
#[repr(C)]
pub struct rw_barrier {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

objects! {
    rw_mutex = Handle<'static, Bare>, 0x7277_0051;
    rw_mutex_guard = MutexGuard<'static, Nothing, Program>, 0x7277_0052;
    rw_rwlock = RawRw, 0x7277_0053;
    rw_read_guard = ReadGuard<'static, (), Program>, 0x7277_0054;
    rw_write_guard = WriteGuard<'static, (), Program>, 0x7277_0055;
    rw_semaphore = &'static Permits, 0x7277_0056;
    rw_bounded_semaphore = Handle<'static, Bounded>, 0x7277_0057;
    rw_event = &'static Flag, 0x7277_0058;
    rw_barrier = Handle<'static, Parties>, 0x7277_0059;
}

/// The bytes that a mutex, a semaphore or an event takes in memory, aligned to 8.
pub const RW_LOCK_SIZE: usize = 8;
const _: () = assert!(size_of::<Bare>() <= RW_LOCK_SIZE && size_of::<Flag>() <= RW_LOCK_SIZE);
const _: () = assert!(size_of::<Semaphore<0, Program>>() <= RW_LOCK_SIZE);

/// Finds a structure of one size in the caller's memory, after `make` made it there.
pub(crate) fn fixed<T>(memory: *mut c_void, size: usize, make: Option<T>) -> Option<&'static T> {
    const { assert!(align_of::<T>() <= 8) };
    let at = placed(memory, size, Layout::new::<T>())?.cast::<T>();
    if let Some(fresh) = make {
        // SAFETY: the caller guarantees memory of this size, which is used for nothing else.
        unsafe { at.write(fresh) };
    }
    // SAFETY: there is such a structure, made above or by somebody else, as the caller guarantees;
    // it stays in its place.
    Some(unsafe { at.as_ref() })
}

/// Makes a mutex in `memory`, for a participant: a number from 1 on, or 0 if one program has it
/// alone.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mutex_init(
    mutex: *mut rw_mutex,
    memory: *mut c_void,
    memory_size: usize,
    who: u16,
) -> rw_error {
    let Some(who) = participant(who) else { return rw_error::RW_INVALID };
    match fixed(memory, memory_size, Some(Bare::new([]))) {
        Some(made) => put(mutex, made.handle(who)),
        None => rw_error::RW_INVALID,
    }
}

/// Finds a mutex that was made in `memory`, by this program or another one.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mutex_attach(
    mutex: *mut rw_mutex,
    memory: *mut c_void,
    memory_size: usize,
    who: u16,
) -> rw_error {
    let Some(who) = participant(who) else { return rw_error::RW_INVALID };
    match fixed::<Bare>(memory, memory_size, None) {
        Some(found) => put(mutex, found.handle(who)),
        None => rw_error::RW_INVALID,
    }
}

/// Puts a guard into the object of C. A lock whose holder died is held, and the code says so.
pub(crate) fn held<O, G>(taken: Result<G, LockError<G>>, guard: *mut O) -> rw_error
where
    O: crate::object::Object<Value = G>,
{
    let (taken, died) = match taken {
        Ok(taken) => (taken, rw_error::RW_OK),
        Err(LockError::OwnerDied(OwnerDied(taken))) => (taken, rw_error::RW_OWNER_DIED),
        Err(error) => return ringway_core::Error::from(error).into(),
    };
    match put(guard, taken) {
        rw_error::RW_OK => died,
        error => error,
    }
}

/// Locks the mutex, if it is free. `RW_WOULD_BLOCK` if it is not.
///
/// `RW_OWNER_DIED`: the mutex is locked, and its last holder died with it. Repair what it protects,
/// and call `rw_mutex_make_consistent`; otherwise the next holder is told, too.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mutex_try_lock(
    mutex: *const rw_mutex,
    guard: *mut rw_mutex_guard,
) -> rw_error {
    let Some(mutex) = shared(mutex) else { return rw_error::RW_INVALID };
    held(mutex.try_lock(), guard)
}

/// Locks the mutex, for which it waits until `deadline`. See `rw_mutex_try_lock`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mutex_lock(
    mutex: *const rw_mutex,
    deadline: u64,
    guard: *mut rw_mutex_guard,
) -> rw_error {
    let Some(mutex) = shared(mutex) else { return rw_error::RW_INVALID };
    match can_wait() {
        Ok(()) => held(mutex.lock_deadline(until(deadline)), guard),
        Err(error) => error,
    }
}

/// Says that what the mutex protects is whole again.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mutex_make_consistent(guard: *mut rw_mutex_guard) -> rw_error {
    let Some(guard) = own(guard) else { return rw_error::RW_INVALID };
    guard.make_consistent();
    rw_error::RW_OK
}

/// Unlocks the mutex.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mutex_unlock(guard: *mut rw_mutex_guard) -> rw_error {
    release(guard)
}

/// Puts right what a participant held that does nothing any more: its process has ended, or its
/// context was reset.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mutex_recover(
    memory: *mut c_void,
    memory_size: usize,
    dead: u16,
) -> rw_error {
    let (Some(mutex), Some(dead)) = (fixed::<Bare>(memory, memory_size, None), participant(dead))
    else {
        return rw_error::RW_INVALID;
    };
    // SAFETY: the caller guarantees that the participant takes no further step.
    unsafe { mutex.recover(dead) };
    rw_error::RW_OK
}

/// Tells how much memory a lock for at most `readers` readers at a time takes, and its alignment.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_rwlock_layout(
    readers: usize,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    tell_layout(Rw::layout(readers), size, align)
}

/// Makes a lock in `memory`, or finds the one there if `is_new` is false.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_rwlock_init(
    lock: *mut rw_rwlock,
    memory: *mut c_void,
    memory_size: usize,
    readers: usize,
    who: u16,
    is_new: bool,
) -> rw_error {
    if participant(who).is_none() {
        return rw_error::RW_INVALID;
    }
    if let Err(error) = sized::<Rw>(memory, memory_size, readers, is_new) {
        return error;
    }
    let nothing = Layout::new::<Nothing>();
    // SAFETY: there is such a lock, made above or by somebody else; its value has no bytes.
    match unsafe { rwlock_at(lock, memory, memory_size, readers, nothing, who) } {
        Ok(_) => rw_error::RW_OK,
        Err(error) => error,
    }
}

/// Finds the lock in `memory` whose item has this layout; returns where the item lies.
///
/// # Safety
/// There is such a lock, for as long as the object and its guards are used. The item is plain.
pub unsafe fn rwlock_at(
    lock: *mut rw_rwlock,
    memory: *mut c_void,
    memory_size: usize,
    readers: usize,
    item: Layout,
    who: u16,
) -> Result<*mut c_void, rw_error> {
    let who = participant(who).ok_or(rw_error::RW_INVALID)?;
    let layout = RawRw::layout(readers, item).ok_or(rw_error::RW_EXHAUSTED)?;
    let at = placed(memory, memory_size, layout).ok_or(rw_error::RW_INVALID)?;
    // SAFETY: the caller guarantees such a lock in this memory, which is large enough for it.
    let found = unsafe { RawRw::at(at, readers, item) }.ok_or(rw_error::RW_EXHAUSTED)?;
    match put(lock, found.handle(who)) {
        rw_error::RW_OK => Ok(found.value().as_ptr().cast()),
        error => Err(error),
    }
}

/// Locks for reading, if that can be done at once. `RW_OWNER_DIED` as `rw_rwlock_try_write`.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_rwlock_try_read(
    lock: *const rw_rwlock,
    guard: *mut rw_read_guard,
) -> rw_error {
    let Some(lock) = shared(lock) else { return rw_error::RW_INVALID };
    held(lock.try_read(), guard)
}

/// Locks for reading, for which it waits until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_rwlock_read(
    lock: *const rw_rwlock,
    deadline: u64,
    guard: *mut rw_read_guard,
) -> rw_error {
    let Some(lock) = shared(lock) else { return rw_error::RW_INVALID };
    match can_wait() {
        Ok(()) => held(lock.read_deadline(until(deadline)), guard),
        Err(error) => error,
    }
}

/// Locks for writing, if that can be done at once.
///
/// `RW_OWNER_DIED`: the lock is held, and a writer died with it. A writer repairs what it protects,
/// and calls `rw_rwlock_make_consistent`.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_rwlock_try_write(
    lock: *const rw_rwlock,
    guard: *mut rw_write_guard,
) -> rw_error {
    let Some(lock) = shared(lock) else { return rw_error::RW_INVALID };
    held(lock.try_write(), guard)
}

/// Locks for writing, for which it waits until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_rwlock_write(
    lock: *const rw_rwlock,
    deadline: u64,
    guard: *mut rw_write_guard,
) -> rw_error {
    let Some(lock) = shared(lock) else { return rw_error::RW_INVALID };
    match can_wait() {
        Ok(()) => held(lock.write_deadline(until(deadline)), guard),
        Err(error) => error,
    }
}

/// Says that what the lock protects is whole again.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_rwlock_make_consistent(guard: *mut rw_write_guard) -> rw_error {
    let Some(guard) = own(guard) else { return rw_error::RW_INVALID };
    guard.make_consistent();
    rw_error::RW_OK
}

/// Ends reading.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_rwlock_end_read(guard: *mut rw_read_guard) -> rw_error {
    release(guard)
}

/// Ends writing.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_rwlock_end_write(guard: *mut rw_write_guard) -> rw_error {
    release(guard)
}

/// Puts right what a participant held that does nothing any more: its process has ended, or its
/// context was reset.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_rwlock_recover(
    memory: *mut c_void,
    memory_size: usize,
    readers: usize,
    dead: u16,
) -> rw_error {
    let Some(dead) = participant(dead) else { return rw_error::RW_INVALID };
    match sized::<Rw>(memory, memory_size, readers, false) {
        Ok(lock) => {
            // SAFETY: the caller guarantees that the participant takes no further step.
            unsafe { lock.recover(dead) };
            rw_error::RW_OK
        }
        Err(error) => error,
    }
}

/// Makes a semaphore with `permits` permits in `memory`, of `RW_LOCK_SIZE` bytes. `RW_EXHAUSTED`
/// for more than 2147483647.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_semaphore_init(
    semaphore: *mut rw_semaphore,
    memory: *mut c_void,
    memory_size: usize,
    permits: u32,
) -> rw_error {
    match sized::<Permits>(memory, memory_size, permits as usize, true) {
        Ok(made) => put(semaphore, made),
        Err(error) => error,
    }
}

/// Finds a semaphore that was made in `memory`, by this program or another one. `permits` is the
/// number that it was made with.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_semaphore_attach(
    semaphore: *mut rw_semaphore,
    memory: *mut c_void,
    memory_size: usize,
    permits: u32,
) -> rw_error {
    match sized::<Permits>(memory, memory_size, permits as usize, false) {
        Ok(found) => put(semaphore, found),
        Err(error) => error,
    }
}

/// Takes a permit, if there is one. `RW_WOULD_BLOCK` if there is none.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_semaphore_try_acquire(semaphore: *const rw_semaphore) -> rw_error {
    shared(semaphore).map_or(rw_error::RW_INVALID, |it| code(it.try_acquire()))
}

/// Takes a permit, for which it waits until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_semaphore_acquire(
    semaphore: *const rw_semaphore,
    deadline: u64,
) -> rw_error {
    let Some(semaphore) = shared(semaphore) else { return rw_error::RW_INVALID };
    match can_wait() {
        Ok(()) => code(semaphore.acquire_deadline(until(deadline))),
        Err(error) => error,
    }
}

/// Adds permits, also those that others took. `RW_OVERFLOW` if there would be more than 2^31 - 1.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_semaphore_release(
    semaphore: *const rw_semaphore,
    permits: u32,
) -> rw_error {
    shared(semaphore).map_or(rw_error::RW_INVALID, |it| code(it.release(permits)))
}

/// How many permits there are; 0 for what is no semaphore.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_semaphore_permits(semaphore: *const rw_semaphore) -> u32 {
    shared(semaphore).map_or(0, |it| it.permits())
}

/// Tells how much memory a semaphore of `permits` permits takes that records their holders, and its
/// alignment.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_bounded_semaphore_layout(
    permits: usize,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    tell_layout(Bounded::layout(permits), size, align)
}

/// Makes a semaphore in `memory`, or finds the one there if `is_new` is false, for a participant.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_bounded_semaphore_init(
    semaphore: *mut rw_bounded_semaphore,
    memory: *mut c_void,
    memory_size: usize,
    permits: usize,
    who: u16,
    is_new: bool,
) -> rw_error {
    let Some(who) = participant(who) else { return rw_error::RW_INVALID };
    match sized::<Bounded>(memory, memory_size, permits, is_new) {
        Ok(found) => put(semaphore, found.handle(who)),
        Err(error) => error,
    }
}

/// Takes a permit, if there is one.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_bounded_semaphore_try_acquire(
    semaphore: *const rw_bounded_semaphore,
) -> rw_error {
    let Some(semaphore) = shared(semaphore) else { return rw_error::RW_INVALID };
    code(semaphore.try_acquire().map(|permit| permit.keep()))
}

/// Takes a permit, for which it waits until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_bounded_semaphore_acquire(
    semaphore: *const rw_bounded_semaphore,
    deadline: u64,
) -> rw_error {
    let Some(semaphore) = shared(semaphore) else { return rw_error::RW_INVALID };
    match can_wait() {
        Ok(()) => code(semaphore.acquire_deadline(until(deadline)).map(|permit| permit.keep())),
        Err(error) => error,
    }
}

/// Gives back a permit of this participant. `RW_NOT_HELD` if it has none.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_bounded_semaphore_release(
    semaphore: *const rw_bounded_semaphore,
) -> rw_error {
    shared(semaphore).map_or(rw_error::RW_INVALID, |it| code(it.release()))
}

/// How many permits are free; 0 for what is no semaphore.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_bounded_semaphore_permits(
    semaphore: *const rw_bounded_semaphore,
) -> usize {
    shared(semaphore).map_or(0, |it| it.permits())
}

/// Gives back the permits of a participant that does nothing any more: its process has ended, or
/// its context was reset.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_bounded_semaphore_recover(
    memory: *mut c_void,
    memory_size: usize,
    permits: usize,
    dead: u16,
) -> rw_error {
    let Some(dead) = participant(dead) else { return rw_error::RW_INVALID };
    match sized::<Bounded>(memory, memory_size, permits, false) {
        Ok(semaphore) => {
            // SAFETY: the caller guarantees that the participant takes no further step.
            unsafe { semaphore.recover(dead) };
            rw_error::RW_OK
        }
        Err(error) => error,
    }
}

/// Makes a flag in `memory`, of `RW_LOCK_SIZE` bytes, which is not set.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_event_init(
    event: *mut rw_event,
    memory: *mut c_void,
    memory_size: usize,
) -> rw_error {
    match fixed(memory, memory_size, Some(Flag::new())) {
        Some(made) => put(event, made),
        None => rw_error::RW_INVALID,
    }
}

/// Finds a flag that was made in `memory`, by this program or another one.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_event_attach(
    event: *mut rw_event,
    memory: *mut c_void,
    memory_size: usize,
) -> rw_error {
    match fixed::<Flag>(memory, memory_size, None) {
        Some(found) => put(event, found),
        None => rw_error::RW_INVALID,
    }
}

/// Sets the flag, and wakes all that wait for it. An interrupt may call it.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_event_set(event: *const rw_event) -> rw_error {
    let Some(event) = shared(event) else { return rw_error::RW_INVALID };
    event.set();
    rw_error::RW_OK
}

/// Clears the flag.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_event_clear(event: *const rw_event) -> rw_error {
    let Some(event) = shared(event) else { return rw_error::RW_INVALID };
    event.clear();
    rw_error::RW_OK
}

/// Whether the flag is set; false for what is no flag.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_event_is_set(event: *const rw_event) -> bool {
    shared(event).is_some_and(|event| event.is_set())
}

/// Waits until the flag is set, at most until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_event_wait(event: *const rw_event, deadline: u64) -> rw_error {
    let Some(event) = shared(event) else { return rw_error::RW_INVALID };
    match can_wait() {
        Ok(()) => code(event.wait_deadline(until(deadline))),
        Err(error) => error,
    }
}

/// Tells how much memory a barrier for `parties` parties takes, and its alignment.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_barrier_layout(
    parties: usize,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    tell_layout(Parties::layout(parties), size, align)
}

/// Makes a barrier in `memory`, or finds the one there if `is_new` is false, for a participant.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_barrier_init(
    barrier: *mut rw_barrier,
    memory: *mut c_void,
    memory_size: usize,
    parties: usize,
    who: u16,
    is_new: bool,
) -> rw_error {
    let Some(who) = participant(who) else { return rw_error::RW_INVALID };
    match sized::<Parties>(memory, memory_size, parties, is_new) {
        Ok(found) => put(barrier, found.handle(who)),
        Err(error) => error,
    }
}

/// Waits for all parties, at most until `deadline`, which breaks the barrier. `number` gets a
/// number from 0 on that no other party gets.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_barrier_wait(
    barrier: *const rw_barrier,
    deadline: u64,
    number: *mut usize,
) -> rw_error {
    let Some(barrier) = shared(barrier) else { return rw_error::RW_INVALID };
    if let Err(error) = can_wait() {
        return error;
    }
    let waited = barrier.wait_deadline(until(deadline));
    if let Ok(of_this_party) = waited {
        tell(number, of_this_party);
    }
    code(waited)
}

/// Breaks the barrier.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_barrier_abort(barrier: *const rw_barrier) -> rw_error {
    let Some(barrier) = shared(barrier) else { return rw_error::RW_INVALID };
    barrier.abort();
    rw_error::RW_OK
}

/// Makes the barrier whole.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_barrier_reset(barrier: *const rw_barrier) -> rw_error {
    let Some(barrier) = shared(barrier) else { return rw_error::RW_INVALID };
    barrier.reset();
    rw_error::RW_OK
}

/// Breaks the barrier if a participant waits in it that does nothing any more: its process has
/// ended, or its context was reset.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_barrier_recover(
    memory: *mut c_void,
    memory_size: usize,
    parties: usize,
    dead: u16,
) -> rw_error {
    let Some(dead) = participant(dead) else { return rw_error::RW_INVALID };
    match sized::<Parties>(memory, memory_size, parties, false) {
        Ok(barrier) => {
            // SAFETY: the caller guarantees that the participant takes no further step.
            unsafe { barrier.recover(dead) };
            rw_error::RW_OK
        }
        Err(error) => error,
    }
}
