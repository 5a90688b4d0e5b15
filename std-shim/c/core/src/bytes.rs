//! Rings of bytes: one side writes a stream, one reads it.

use crate::error::{code, rw_error};
use crate::object::{
    RW_HALF_WORDS, RW_HANDLE_WORDS, bytes, bytes_mut, objects, own, participant, put, put_half,
    release, shared, sized, take, tell, tell_layout,
};
use crate::wait::{Program, can_wait, deadline as until};
use core::ffi::c_void;
use ringway_core::ring::bytes::{ByteRingView, Consumer, Producer};
use ringway_core::storage::InMemory;

type Ring = ByteRingView<Program>;

/// A ring of bytes in memory of the caller. Any thread may use it; its halves are for one thread
/// each.
#[repr(C)]
pub struct rw_byte_ring {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// The half of a byte ring that writes.
#[repr(C)]
pub struct rw_byte_producer {
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

/// The half of a byte ring that reads.
#[repr(C)]
pub struct rw_byte_consumer {
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

objects! {
    rw_byte_ring = &'static Ring, 0x7277_0011;
    rw_byte_producer = Producer<&'static Ring>, 0x7277_0012;
    rw_byte_consumer = Consumer<&'static Ring>, 0x7277_0013;
}

/// Tells how much memory a ring of `capacity` bytes takes, and its alignment.
///
/// `RW_EXHAUSTED` if there is no such ring.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_byte_ring_layout(
    capacity: usize,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    tell_layout(Ring::layout(capacity), size, align)
}

/// Makes a ring in `memory`, which stays in its place and is used for nothing else.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_ring_init(
    ring: *mut rw_byte_ring,
    memory: *mut c_void,
    memory_size: usize,
    capacity: usize,
) -> rw_error {
    match sized::<Ring>(memory, memory_size, capacity, true) {
        Ok(made) => put(ring, made),
        Err(error) => error,
    }
}

/// Finds a ring that was made in `memory`, by this program or another one, with the same capacity.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_ring_attach(
    ring: *mut rw_byte_ring,
    memory: *mut c_void,
    memory_size: usize,
    capacity: usize,
) -> rw_error {
    match sized::<Ring>(memory, memory_size, capacity, false) {
        Ok(found) => put(ring, found),
        Err(error) => error,
    }
}

/// Takes the half that writes, for a participant: a number from 1 on, or 0 if one program has the
/// ring alone. `RW_TAKEN` if somebody has it.
///
/// Any thread; interrupts too, signal handlers of Linux not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_ring_take_producer(
    ring: *const rw_byte_ring,
    who: u16,
    producer: *mut rw_byte_producer,
) -> rw_error {
    let (Some(ring), Some(who)) = (shared(ring), participant(who)) else {
        return rw_error::RW_INVALID;
    };
    put_half(producer, || ring.producer_as(who))
}

/// Takes the half that reads, as `rw_byte_ring_take_producer`.
///
/// Any thread; interrupts too, signal handlers of Linux not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_ring_take_consumer(
    ring: *const rw_byte_ring,
    who: u16,
    consumer: *mut rw_byte_consumer,
) -> rw_error {
    let (Some(ring), Some(who)) = (shared(ring), participant(who)) else {
        return rw_error::RW_INVALID;
    };
    put_half(consumer, || ring.consumer_as(who))
}

/// Writes as many bytes as there is room for, at least one of them, and tells how many.
/// `RW_WOULD_BLOCK` if there is no room, `RW_BROKEN_PIPE` if the other half was closed.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_try_write(
    producer: *mut rw_byte_producer,
    data: *const c_void,
    size: usize,
    written: *mut usize,
) -> rw_error {
    let (Some(half), Some(data)) = (own(producer), bytes(data, size)) else {
        return rw_error::RW_INVALID;
    };
    let is_gone = size > 0 && half.ring().consumer_is_gone();
    let count = if is_gone { 0 } else { half.try_write(data) };
    tell(written, count);
    if is_gone {
        rw_error::RW_BROKEN_PIPE
    } else if count > 0 || size == 0 {
        rw_error::RW_OK
    } else {
        rw_error::RW_WOULD_BLOCK
    }
}

/// Writes at least one byte, and waits for room until `deadline`. Tells how many it wrote.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_write(
    producer: *mut rw_byte_producer,
    data: *const c_void,
    size: usize,
    deadline: u64,
    written: *mut usize,
) -> rw_error {
    let (Some(half), Some(data)) = (own(producer), bytes(data, size)) else {
        return rw_error::RW_INVALID;
    };
    if let Err(error) = can_wait() {
        return error;
    }
    let result = half.write_deadline(data, until(deadline));
    tell(written, result.unwrap_or(0));
    code(result)
}

/// Writes all bytes, and waits for room until `deadline`. Tells how many it wrote, also on an
/// error.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_write_all(
    producer: *mut rw_byte_producer,
    data: *const c_void,
    size: usize,
    deadline: u64,
    written: *mut usize,
) -> rw_error {
    let (Some(half), Some(mut data)) = (own(producer), bytes(data, size)) else {
        return rw_error::RW_INVALID;
    };
    if let Err(error) = can_wait() {
        return error;
    }
    let result = half.write_all_deadline(&mut data, until(deadline));
    tell(written, size - data.len());
    code(result)
}

/// Reads what there is, at least a byte, and tells how many. `RW_WOULD_BLOCK` if there is none,
/// `RW_END_OF_FILE` if the other half was closed and everything was read.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_try_read(
    consumer: *mut rw_byte_consumer,
    data: *mut c_void,
    size: usize,
    read: *mut usize,
) -> rw_error {
    let (Some(half), Some(data)) = (own(consumer), bytes_mut(data, size)) else {
        return rw_error::RW_INVALID;
    };
    let count = half.try_read(data);
    tell(read, count);
    if count > 0 || size == 0 {
        rw_error::RW_OK
    } else if half.ring().producer_is_gone() && half.is_empty() {
        rw_error::RW_END_OF_FILE
    } else {
        rw_error::RW_WOULD_BLOCK
    }
}

/// Reads at least a byte, for which it waits until `deadline`. Tells how many it read.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_read(
    consumer: *mut rw_byte_consumer,
    data: *mut c_void,
    size: usize,
    deadline: u64,
    read: *mut usize,
) -> rw_error {
    let (Some(half), Some(data)) = (own(consumer), bytes_mut(data, size)) else {
        return rw_error::RW_INVALID;
    };
    if let Err(error) = can_wait() {
        return error;
    }
    let result = half.read_deadline(data, until(deadline));
    tell(read, result.unwrap_or(0));
    match result {
        Ok(0) if size > 0 => rw_error::RW_END_OF_FILE,
        result => code(result),
    }
}

/// Lends room for `size` bytes in place. Write there, and then call `rw_byte_commit`.
///
/// `RW_WOULD_BLOCK` if there is not as much room in one piece.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_try_reserve(
    producer: *mut rw_byte_producer,
    size: usize,
    room: *mut *mut c_void,
) -> rw_error {
    let Some(half) = own(producer) else { return rw_error::RW_INVALID };
    match half.try_reserve(size) {
        Ok(mut grant) => {
            // A grant that is dropped sends nothing, and its room stays where it is.
            tell(room, grant.as_mut_ptr().cast());
            rw_error::RW_OK
        }
        Err(error) => error.into(),
    }
}

/// Sends the first `used` of the `size` bytes that `rw_byte_try_reserve` lent last.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_commit(
    producer: *mut rw_byte_producer,
    size: usize,
    used: usize,
) -> rw_error {
    let Some(half) = own(producer) else { return rw_error::RW_INVALID };
    if used > size {
        return rw_error::RW_INVALID;
    }
    match half.try_reserve(size) {
        Ok(grant) => {
            grant.commit(used);
            rw_error::RW_OK
        }
        Err(error) => error.into(),
    }
}

/// Lends the bytes that there are, in place and in one piece. Read them, and then call
/// `rw_byte_consume`. `RW_WOULD_BLOCK` if there are none, `RW_END_OF_FILE` at the end.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_try_peek(
    consumer: *mut rw_byte_consumer,
    data: *mut *const c_void,
    size: *mut usize,
) -> rw_error {
    let Some(half) = own(consumer) else { return rw_error::RW_INVALID };
    let found = match half.try_peek(1) {
        Ok(grant) => {
            tell(data, grant.as_ptr().cast());
            tell(size, grant.len());
            return rw_error::RW_OK;
        }
        Err(error) => error,
    };
    if half.ring().producer_is_gone() && half.is_empty() {
        return rw_error::RW_END_OF_FILE;
    }
    found.into()
}

/// Ends the first `count` bytes: their room is free.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_consume(
    consumer: *mut rw_byte_consumer,
    count: usize,
) -> rw_error {
    let Some(half) = own(consumer) else { return rw_error::RW_INVALID };
    if count > half.len() {
        return rw_error::RW_INVALID;
    }
    half.consume(count);
    rw_error::RW_OK
}

/// Gives the half back: somebody else can take it.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_producer_release(producer: *mut rw_byte_producer) -> rw_error {
    release(producer)
}

/// Closes the half: the other side learns that nothing more comes.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_producer_close(producer: *mut rw_byte_producer) -> rw_error {
    let Some(half) = take(producer) else { return rw_error::RW_INVALID };
    half.close();
    rw_error::RW_OK
}

/// Gives the half back: somebody else can take it.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_consumer_release(consumer: *mut rw_byte_consumer) -> rw_error {
    release(consumer)
}

/// Closes the half: the other side learns that nobody reads.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_consumer_close(consumer: *mut rw_byte_consumer) -> rw_error {
    let Some(half) = take(consumer) else { return rw_error::RW_INVALID };
    half.close();
    rw_error::RW_OK
}

/// How many bytes there are; 0 for what is no ring.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_ring_length(ring: *const rw_byte_ring) -> usize {
    shared(ring).map_or(0, |ring| ring.len())
}

/// Puts right what a participant held that does nothing any more: its process has ended, or its
/// context was reset.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_byte_ring_recover(ring: *const rw_byte_ring, dead: u16) -> rw_error {
    let (Some(ring), Some(dead)) = (shared(ring), participant(dead)) else {
        return rw_error::RW_INVALID;
    };
    // SAFETY: the caller guarantees that the participant takes no further step.
    unsafe { ring.recover(dead) };
    rw_error::RW_OK
}
