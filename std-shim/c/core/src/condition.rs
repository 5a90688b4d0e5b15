//! Conditions, and mutexes that their holder can take again.

use crate::error::{code, rw_error};
use crate::locks::{Nothing, fixed, held, rw_mutex_guard};
use crate::object::{RW_HANDLE_WORDS, objects, own, participant, put, release, shared, take, tell};
use crate::wait::{Program, can_wait, deadline as until};
use core::ffi::c_void;
use core::num::NonZeroU32;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};
use ringway_core::lock::{
    Condition, Handle, OwnerDied, ReentrantGuard, ReentrantMutex, Robust, ThreadId,
};

type Changed = Condition<Program>;
type Reentrant = ReentrantMutex<Nothing, OfProgram, Program>;

/// A condition in memory of the caller, for waiters that hold a `rw_mutex`. Any thread may use it.
#[repr(C)]
pub struct rw_condition {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A mutex in memory of the caller that its thread can take again, as one participant uses it. Any
/// thread may use it. It stays in its place while somebody has it.
#[repr(C)]
pub struct rw_reentrant {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// One of the times that a thread took a `rw_reentrant`. It stays in its thread.
#[repr(C)]
pub struct rw_reentrant_guard {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

objects! {
    rw_condition = &'static Changed, 0x7277_0061;
    rw_reentrant = Handle<'static, Reentrant>, 0x7277_0062;
    rw_reentrant_guard = ReentrantGuard<'static, Nothing, Program>, 0x7277_0063;
}

/// The bytes that a condition takes in memory, aligned to 8.
pub const RW_CONDITION_SIZE: usize = 8;
/// The bytes that a reentrant mutex takes in memory, aligned to 8.
pub const RW_REENTRANT_SIZE: usize = 24;
const _: () = assert!(size_of::<Changed>() <= RW_CONDITION_SIZE);
const _: () = assert!(size_of::<Reentrant>() <= RW_REENTRANT_SIZE);

/// Makes a condition in `memory`, of `RW_CONDITION_SIZE` bytes.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_condition_init(
    condition: *mut rw_condition,
    memory: *mut c_void,
    memory_size: usize,
) -> rw_error {
    match fixed(memory, memory_size, Some(Changed::new())) {
        Some(made) => put(condition, made),
        None => rw_error::RW_INVALID,
    }
}

/// Finds a condition that was made in `memory`, by this program or another one.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_condition_attach(
    condition: *mut rw_condition,
    memory: *mut c_void,
    memory_size: usize,
) -> rw_error {
    match fixed::<Changed>(memory, memory_size, None) {
        Some(found) => put(condition, found),
        None => rw_error::RW_INVALID,
    }
}

/// Wakes at most `count` waiters, `UINT32_MAX` for all, and tells how many it may have woken. The
/// caller held the mutex when it changed what they wait for, and need not hold it now.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_condition_notify(
    condition: *const rw_condition,
    count: u32,
    woken: *mut u32,
) -> rw_error {
    let Some(condition) = shared(condition) else { return rw_error::RW_INVALID };
    tell(woken, condition.notify(count));
    rw_error::RW_OK
}

/// Unlocks the mutex of `guard`, waits for a notification until `deadline`, and locks the mutex
/// again, whatever it returns but `RW_INVALID` and `RW_NO_WAIT`.
///
/// It may return for no reason: look again at what you wait for. `RW_OWNER_DIED` as
/// `rw_mutex_try_lock`. After the deadline it still waits for the mutex.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_condition_wait(
    condition: *const rw_condition,
    guard: *mut rw_mutex_guard,
    deadline: u64,
) -> rw_error {
    let Some(condition) = shared(condition) else { return rw_error::RW_INVALID };
    if let Err(error) = can_wait() {
        return error;
    }
    let Some(locked) = take(guard) else { return rw_error::RW_INVALID };
    match condition.wait_deadline(locked, until(deadline)) {
        Ok((locked, waited)) => {
            put(guard, locked);
            code(waited)
        }
        Err(OwnerDied(locked)) => {
            put(guard, locked);
            rw_error::RW_OWNER_DIED
        }
    }
}

static THREAD: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Says how this program tells its threads apart, for reentrant mutexes. Call it once, before
/// anything else.
///
/// `thread_id` returns the number of the calling thread, which is not 0. Threads, and an interrupt
/// and what it interrupts, have different numbers while they use one mutex. With null, calls that
/// lock a reentrant mutex return `RW_INVALID`.
///
/// The library `ringway` for Linux knows its threads by itself, and needs no such call.
///
/// One thread, before anything else; interrupts not.
#[unsafe(no_mangle)]
pub extern "C" fn rw_set_thread_id(thread_id: Option<extern "C" fn() -> u32>) {
    let function = thread_id.map_or(ptr::null_mut(), |function| function as *mut c_void);
    // SYNC POINT with the load in `thread_id`, release: who locks sees what the caller did before.
    THREAD.store(function, Ordering::Release);
}

fn thread_id() -> Option<NonZeroU32> {
    // SYNC POINT with the store in `rw_set_thread_id`, acquire.
    let function = NonNull::new(THREAD.load(Ordering::Acquire));
    #[cfg(feature = "linux")]
    if function.is_none() {
        return NonZeroU32::new(crate::wait::linux::thread());
    }
    let function = function?;
    // SAFETY: `rw_set_thread_id` stores null, or a function of this type.
    let function: extern "C" fn() -> u32 = unsafe { core::mem::transmute(function.as_ptr()) };
    NonZeroU32::new(function())
}

/// The numbers that the program gives. No value of C.
pub enum OfProgram {}

// SAFETY: the caller of `rw_set_thread_id` guarantees different numbers. Each call that locks has
// seen a number first, so that the other one below is not used.
unsafe impl ThreadId for OfProgram {
    fn thread_id() -> NonZeroU32 {
        thread_id().unwrap_or(NonZeroU32::MAX)
    }
}

/// Makes a reentrant mutex in `memory`, of `RW_REENTRANT_SIZE` bytes, for a participant: a number
/// from 1 on, or 0 if one program has it alone.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_reentrant_init(
    mutex: *mut rw_reentrant,
    memory: *mut c_void,
    memory_size: usize,
    who: u16,
) -> rw_error {
    let Some(who) = participant(who) else { return rw_error::RW_INVALID };
    match fixed(memory, memory_size, Some(Reentrant::new([]))) {
        Some(made) => put(mutex, made.handle(who)),
        None => rw_error::RW_INVALID,
    }
}

/// Finds a reentrant mutex that was made in `memory`, by this program or another one.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_reentrant_attach(
    mutex: *mut rw_reentrant,
    memory: *mut c_void,
    memory_size: usize,
    who: u16,
) -> rw_error {
    let Some(who) = participant(who) else { return rw_error::RW_INVALID };
    match fixed::<Reentrant>(memory, memory_size, None) {
        Some(found) => put(mutex, found.handle(who)),
        None => rw_error::RW_INVALID,
    }
}

/// Locks the mutex, if it is free or this thread has it. `RW_WOULD_BLOCK` if another has it,
/// `RW_OVERFLOW` if this thread has it 65535 times, `RW_OWNER_DIED` as `rw_mutex_try_lock`. Needs
/// `rw_set_thread_id`.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_reentrant_try_lock(
    mutex: *const rw_reentrant,
    guard: *mut rw_reentrant_guard,
) -> rw_error {
    match (shared(mutex), thread_id()) {
        (Some(mutex), Some(_)) => held(mutex.try_lock(), guard),
        _ => rw_error::RW_INVALID,
    }
}

/// Locks the mutex, for which it waits until `deadline` if another thread has it. See
/// `rw_reentrant_try_lock`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_reentrant_lock(
    mutex: *const rw_reentrant,
    deadline: u64,
    guard: *mut rw_reentrant_guard,
) -> rw_error {
    let (Some(mutex), Some(_)) = (shared(mutex), thread_id()) else {
        return rw_error::RW_INVALID;
    };
    match can_wait() {
        Ok(()) => held(mutex.lock_deadline(until(deadline)), guard),
        Err(error) => error,
    }
}

/// Says that what the mutex protects is whole again.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_reentrant_make_consistent(guard: *mut rw_reentrant_guard) -> rw_error {
    let Some(guard) = own(guard) else { return rw_error::RW_INVALID };
    guard.make_consistent();
    rw_error::RW_OK
}

/// Unlocks the mutex as often as it was locked with this guard: once. It is free when all guards
/// are.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_reentrant_unlock(guard: *mut rw_reentrant_guard) -> rw_error {
    release(guard)
}

/// Puts right what a participant held that does nothing any more: its process has ended, or its
/// context was reset.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_reentrant_recover(
    memory: *mut c_void,
    memory_size: usize,
    dead: u16,
) -> rw_error {
    let (Some(mutex), Some(dead)) =
        (fixed::<Reentrant>(memory, memory_size, None), participant(dead))
    else {
        return rw_error::RW_INVALID;
    };
    // SAFETY: the caller guarantees that the participant takes no further step.
    unsafe { mutex.recover(dead) };
    rw_error::RW_OK
}
