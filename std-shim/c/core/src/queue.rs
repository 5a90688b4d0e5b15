//! Queues of items of one size: any number of threads or processes push and claim.

use crate::error::{code, rw_error};
use crate::object::{
    RW_HANDLE_WORDS, bytes, bytes_mut, item, memory as placed, objects, own, participant, put,
    release, shared, take, tell, tell_layout,
};
use crate::wait::{Program, can_wait, deadline as until};
use core::ffi::c_void;
use ringway_core::Error;
use ringway_core::ring::queue::{RawClaim, RawHandle, RawLoan, RawQueue};

type Queue = RawQueue<'static, Program>;
type Handle = RawHandle<'static, Program>;

/// A queue in memory of the caller, as one participant uses it. Any thread may use it. It stays in
/// its place while a loan or a claim of it lives.
#[repr(C)]
pub struct rw_queue {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A slot that is filled in place.
#[repr(C)]
pub struct rw_loan {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// An item that was claimed.
#[repr(C)]
pub struct rw_claim {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

objects! {
    rw_queue = Handle, 0x7277_0031;
    rw_loan = RawLoan<'static, Program>, 0x7277_0032;
    rw_claim = RawClaim<'static, Program>, 0x7277_0033;
}

/// Tells how much memory a queue of `capacity` items takes, and its alignment.
///
/// `RW_EXHAUSTED` if there is no such queue.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_queue_layout(
    capacity: usize,
    item_size: usize,
    item_align: usize,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    let Some(item) = item(item_size, item_align) else { return rw_error::RW_INVALID };
    tell_layout(Queue::layout(capacity, item), size, align)
}

/// Makes a queue in `memory`, which stays in its place and is used for nothing else, and a handle
/// of it for a participant: a number from 1 on, or 0 if one program has the queue alone.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_init(
    queue: *mut rw_queue,
    memory: *mut c_void,
    memory_size: usize,
    capacity: usize,
    item_size: usize,
    item_align: usize,
    who: u16,
) -> rw_error {
    let (Some(item), Some(who)) = (item(item_size, item_align), participant(who)) else {
        return rw_error::RW_INVALID;
    };
    let Some(layout) = Queue::layout(capacity, item) else { return rw_error::RW_EXHAUSTED };
    let Some(at) = placed(memory, memory_size, layout) else { return rw_error::RW_INVALID };
    // SAFETY: the caller guarantees memory of this size, which is used for nothing else.
    match unsafe { Queue::init_at(at, capacity, item) } {
        Some(made) => put(queue, made.handle(who)),
        None => rw_error::RW_EXHAUSTED,
    }
}

/// Finds a queue that was made in `memory`, by this program or another one, with the same numbers.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_attach(
    queue: *mut rw_queue,
    memory: *mut c_void,
    memory_size: usize,
    capacity: usize,
    item_size: usize,
    item_align: usize,
    who: u16,
) -> rw_error {
    let (Some(item), Some(who)) = (item(item_size, item_align), participant(who)) else {
        return rw_error::RW_INVALID;
    };
    let Some(layout) = Queue::layout(capacity, item) else { return rw_error::RW_EXHAUSTED };
    let Some(at) = placed(memory, memory_size, layout) else { return rw_error::RW_INVALID };
    // SAFETY: the caller guarantees that there is such a queue.
    match unsafe { Queue::at(at, capacity, item) } {
        Some(found) => put(queue, found.handle(who)),
        None => rw_error::RW_EXHAUSTED,
    }
}

/// Pushes a copy of an item of exactly the queue's size. `RW_WOULD_BLOCK` if the queue is full,
/// `RW_BROKEN_PIPE` if it is closed.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_try_push(
    queue: *const rw_queue,
    item: *const c_void,
    size: usize,
) -> rw_error {
    let Some(queue) = shared(queue) else { return rw_error::RW_INVALID };
    let Some(item) = bytes(item, size) else { return rw_error::RW_INVALID };
    code(queue.try_push(item))
}

/// Pushes a copy of an item, and waits for room until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_push(
    queue: *const rw_queue,
    item: *const c_void,
    size: usize,
    deadline: u64,
) -> rw_error {
    let (Some(queue), Some(item)) = (shared(queue), bytes(item, size)) else {
        return rw_error::RW_INVALID;
    };
    match can_wait() {
        Ok(()) => code(queue.reserve_deadline(until(deadline)).and_then(|loan| loan.write(item))),
        Err(error) => error,
    }
}

/// Pops the oldest item into `item`, which has exactly the queue's size. `RW_WOULD_BLOCK` if there
/// is none.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_try_pop(
    queue: *const rw_queue,
    item: *mut c_void,
    size: usize,
) -> rw_error {
    let Some(queue) = shared(queue) else { return rw_error::RW_INVALID };
    let Some(item) = bytes_mut(item, size) else { return rw_error::RW_INVALID };
    code(queue.try_pop(item))
}

/// Pops the oldest item, for which it waits until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_pop(
    queue: *const rw_queue,
    item: *mut c_void,
    size: usize,
    deadline: u64,
) -> rw_error {
    let (Some(queue), Some(item)) = (shared(queue), bytes_mut(item, size)) else {
        return rw_error::RW_INVALID;
    };
    match can_wait() {
        Ok(()) => code(queue.claim_deadline(until(deadline)).and_then(|it| it.take_into(item))),
        Err(error) => error,
    }
}

/// Takes a free slot, to be filled in place: `room` gets its address. Then call `rw_loan_send`.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_try_reserve(
    queue: *const rw_queue,
    loan: *mut rw_loan,
    room: *mut *mut c_void,
) -> rw_error {
    let Some(queue) = shared(queue) else { return rw_error::RW_INVALID };
    lent(queue.try_reserve(), loan, room)
}

/// Takes a free slot, for which it waits until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_reserve(
    queue: *const rw_queue,
    deadline: u64,
    loan: *mut rw_loan,
    room: *mut *mut c_void,
) -> rw_error {
    let Some(queue) = shared(queue) else { return rw_error::RW_INVALID };
    match can_wait() {
        Ok(()) => lent(queue.reserve_deadline(until(deadline)), loan, room),
        Err(error) => error,
    }
}

fn lent(
    taken: Result<RawLoan<'static, Program>, Error>,
    loan: *mut rw_loan,
    room: *mut *mut c_void,
) -> rw_error {
    match taken {
        Ok(mut taken) => {
            tell(room, taken.as_mut_ptr().cast());
            put(loan, taken)
        }
        Err(error) => error.into(),
    }
}

/// Sends what lies in the slot.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_loan_send(loan: *mut rw_loan) -> rw_error {
    take(loan).map_or(rw_error::RW_INVALID, |loan| code(loan.commit()))
}

/// Gives the slot back, and sends nothing.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_loan_drop(loan: *mut rw_loan) -> rw_error {
    release(loan)
}

/// Claims the oldest item in place: `item` gets its address. It leaves the queue by
/// `rw_claim_complete`; if the participant dies before, another gets it.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_try_claim(
    queue: *const rw_queue,
    claim: *mut rw_claim,
    item: *mut *mut c_void,
) -> rw_error {
    let Some(queue) = shared(queue) else { return rw_error::RW_INVALID };
    claimed(queue.try_claim(), claim, item)
}

/// Claims the oldest item, for which it waits until `deadline`.
///
/// Any thread; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_claim(
    queue: *const rw_queue,
    deadline: u64,
    claim: *mut rw_claim,
    item: *mut *mut c_void,
) -> rw_error {
    let Some(queue) = shared(queue) else { return rw_error::RW_INVALID };
    match can_wait() {
        Ok(()) => claimed(queue.claim_deadline(until(deadline)), claim, item),
        Err(error) => error,
    }
}

fn claimed(
    taken: Result<RawClaim<'static, Program>, Error>,
    claim: *mut rw_claim,
    item: *mut *mut c_void,
) -> rw_error {
    match taken {
        Ok(mut taken) => {
            tell(item, taken.as_mut_ptr().cast());
            put(claim, taken)
        }
        Err(error) => error.into(),
    }
}

/// Completes a claim: the item was delivered, and its slot is free.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_claim_complete(claim: *mut rw_claim) -> rw_error {
    let Some(claim) = take(claim) else { return rw_error::RW_INVALID };
    claim.complete();
    rw_error::RW_OK
}

/// Gives a claimed item back into the queue.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_claim_drop(claim: *mut rw_claim) -> rw_error {
    release(claim)
}

/// How many times the item was claimed, with this claim; 0 for what is no claim.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_claim_attempts(claim: *mut rw_claim) -> u32 {
    own(claim).map_or(0, |claim| claim.attempts())
}

/// Ends the queue: nobody pushes any more, and what is there can be taken.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_close(queue: *const rw_queue) -> rw_error {
    let Some(queue) = shared(queue) else { return rw_error::RW_INVALID };
    queue.close();
    rw_error::RW_OK
}

/// How many items there are; 0 for what is no queue.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_length(queue: *const rw_queue) -> usize {
    shared(queue).map_or(0, |queue| queue.len())
}

/// Puts right what a participant held that does nothing any more: its process has ended, or its
/// context was reset. Tells how many slots it held.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_queue_recover(
    queue: *const rw_queue,
    dead: u16,
    held: *mut usize,
) -> rw_error {
    let (Some(queue), Some(dead)) = (shared(queue), participant(dead)) else {
        return rw_error::RW_INVALID;
    };
    // SAFETY: the caller guarantees that the participant takes no further step.
    tell(held, unsafe { queue.recover(dead) });
    rw_error::RW_OK
}
