//! Rings of items of one size: one side pushes, one pops.

use crate::error::{code, rw_error};
use crate::object::{
    RW_HALF_WORDS, RW_HANDLE_WORDS, bytes, bytes_mut, item, memory as placed, objects, own,
    participant, put, put_half, release, shared, take, tell_layout,
};
use crate::wait::{Program, can_wait, deadline as until};
#[cfg(not(target_os = "none"))]
use crate::window::rw_window;
use crate::window::{Windowed, open, using};
use core::ffi::c_void;
use ringway_core::Error;
#[cfg(not(target_os = "none"))]
use ringway_core::ring::Window;
use ringway_core::ring::{RawConsumer, RawProducer, RawRing};

type Ring = RawRing<'static, Program>;

/// A half, and its ring.
pub struct Half<H> {
    half: H,
    ring: Ring,
}

/// A ring of items of one size, in memory of the caller. Any thread may use it; its halves are for
/// one thread each.
#[repr(C)]
pub struct rw_ring {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// The half of a ring that pushes.
#[cfg(not(target_os = "none"))]
#[repr(C)]
pub struct rw_ring_producer {
    /// Not for the caller.
    pub tag: usize,
    /// Not for the caller.
    pub window: rw_window,
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

/// The half of a ring that pushes.
#[cfg(target_os = "none")]
#[repr(C)]
pub struct rw_ring_producer {
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

/// The half of a ring that pops.
#[cfg(not(target_os = "none"))]
#[repr(C)]
pub struct rw_ring_consumer {
    /// Not for the caller.
    pub tag: usize,
    /// Not for the caller.
    pub window: rw_window,
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

/// The half of a ring that pops.
#[cfg(target_os = "none")]
#[repr(C)]
pub struct rw_ring_consumer {
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

objects! {
    rw_ring = Ring, 0x7277_0001;
    rw_ring_producer = Half<RawProducer<'static, Program>>, RW_RING_PRODUCER_TAG, HEAD;
    rw_ring_consumer = Half<RawConsumer<'static, Program>>, RW_RING_CONSUMER_TAG, HEAD;
}

/// The first word of a producer that was taken. Not for the caller.
pub const RW_RING_PRODUCER_TAG: usize = 0x7277_0002;
/// The first word of a consumer that was taken. Not for the caller.
pub const RW_RING_CONSUMER_TAG: usize = 0x7277_0003;

/// What lies in front of a half.
#[cfg(not(target_os = "none"))]
const HEAD: usize = core::mem::offset_of!(rw_ring_producer, opaque);
#[cfg(not(target_os = "none"))]
const _: () = assert!(HEAD == core::mem::offset_of!(rw_ring_consumer, opaque));
/// What lies in front of a half: the tag.
#[cfg(target_os = "none")]
const HEAD: usize = size_of::<usize>();

/// A half of a ring goes on, and tells what it knows.
macro_rules! windowed {
    ($($half:ident)*) => {$(
        impl Windowed for Half<$half<'static, Program>> {
            #[cfg(not(target_os = "none"))]
            type Window = Window;

            #[cfg(not(target_os = "none"))]
            #[inline(always)]
            fn window(&mut self) -> Option<Window> {
                self.half.window()
            }

            #[cfg(not(target_os = "none"))]
            #[inline(always)]
            fn resume(&mut self, window: &Window) {
                // SAFETY: the window lies in the half's object. C lets the inlined functions alone
                // change it, and they do as `Window` says.
                unsafe { self.half.resume(window) };
            }
        }
    )*};
}
windowed!(RawProducer RawConsumer);

/// Tells how much memory a ring of `capacity` items takes, and its alignment.
///
/// `RW_EXHAUSTED` if there is no such ring.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_ring_layout(
    capacity: usize,
    item_size: usize,
    item_align: usize,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    let Some(item) = item(item_size, item_align) else { return rw_error::RW_INVALID };
    tell_layout(Ring::layout(capacity, item), size, align)
}

/// Makes a ring in `memory`, which stays in its place and is used for nothing else.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_init(
    ring: *mut rw_ring,
    memory: *mut c_void,
    memory_size: usize,
    capacity: usize,
    item_size: usize,
    item_align: usize,
) -> rw_error {
    let Some(item) = item(item_size, item_align) else { return rw_error::RW_INVALID };
    let Some(layout) = Ring::layout(capacity, item) else { return rw_error::RW_EXHAUSTED };
    let Some(at) = placed(memory, memory_size, layout) else { return rw_error::RW_INVALID };
    // SAFETY: the caller guarantees memory of this size, which is used for nothing else.
    match unsafe { Ring::init_at(at, capacity, item) } {
        Some(made) => put(ring, made),
        None => rw_error::RW_EXHAUSTED,
    }
}

/// Finds a ring that was made in `memory`, by this program or another one, with the same numbers.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_attach(
    ring: *mut rw_ring,
    memory: *mut c_void,
    memory_size: usize,
    capacity: usize,
    item_size: usize,
    item_align: usize,
) -> rw_error {
    let Some(item) = item(item_size, item_align) else { return rw_error::RW_INVALID };
    let Some(layout) = Ring::layout(capacity, item) else { return rw_error::RW_EXHAUSTED };
    let Some(at) = placed(memory, memory_size, layout) else { return rw_error::RW_INVALID };
    // SAFETY: the caller guarantees that there is such a ring.
    match unsafe { Ring::at(at, capacity, item) } {
        Some(found) => put(ring, found),
        None => rw_error::RW_EXHAUSTED,
    }
}

/// Takes the half that pushes, for a participant: a number from 1 on, or 0 if one program has the
/// ring alone. `RW_TAKEN` if somebody has it.
///
/// Any thread; interrupts too, signal handlers of Linux not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_take_producer(
    ring: *const rw_ring,
    who: u16,
    producer: *mut rw_ring_producer,
) -> rw_error {
    let (Some(ring), Some(who)) = (shared(ring), participant(who)) else {
        return rw_error::RW_INVALID;
    };
    let taken = put_half(producer, || ring.producer_as(who).map(|half| Half { half, ring: *ring }));
    if taken == rw_error::RW_OK {
        open(producer);
    }
    taken
}

/// Takes the half that pops, as `rw_ring_take_producer`.
///
/// Any thread; interrupts too, signal handlers of Linux not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_take_consumer(
    ring: *const rw_ring,
    who: u16,
    consumer: *mut rw_ring_consumer,
) -> rw_error {
    let (Some(ring), Some(who)) = (shared(ring), participant(who)) else {
        return rw_error::RW_INVALID;
    };
    let taken = put_half(consumer, || ring.consumer_as(who).map(|half| Half { half, ring: *ring }));
    if taken == rw_error::RW_OK {
        open(consumer);
    }
    taken
}

/// Pushes a copy of an item of exactly the ring's size. `RW_WOULD_BLOCK` if the ring is full,
/// `RW_BROKEN_PIPE` if it is full and the other half was closed.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_try_push(
    producer: *mut rw_ring_producer,
    item: *const c_void,
    size: usize,
) -> rw_error {
    let Some(item) = bytes(item, size) else { return rw_error::RW_INVALID };
    using(producer, |half| match half.half.try_push(item) {
        Ok(()) => rw_error::RW_OK,
        Err(error) => not_pushed(half, error),
    })
}

#[cold]
#[inline(never)]
fn not_pushed(half: &Half<RawProducer<'static, Program>>, error: Error) -> rw_error {
    match error {
        Error::WouldBlock if half.ring.words().consumer_is_gone() => rw_error::RW_BROKEN_PIPE,
        error => error.into(),
    }
}

/// Pushes a copy of an item, and waits for room until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_push(
    producer: *mut rw_ring_producer,
    item: *const c_void,
    size: usize,
    deadline: u64,
) -> rw_error {
    let Some(item) = bytes(item, size) else { return rw_error::RW_INVALID };
    using(producer, |half| match can_wait() {
        Ok(()) => code(half.half.push_deadline(item, until(deadline))),
        Err(error) => error,
    })
}

/// Pops the oldest item into `item`, which has exactly the ring's size. `RW_WOULD_BLOCK` if there
/// is none, `RW_END_OF_FILE` if the other half was closed and everything was popped.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_try_pop(
    consumer: *mut rw_ring_consumer,
    item: *mut c_void,
    size: usize,
) -> rw_error {
    let Some(item) = bytes_mut(item, size) else { return rw_error::RW_INVALID };
    using(consumer, |half| match half.half.try_pop(item) {
        Ok(()) => rw_error::RW_OK,
        Err(error) => not_popped(half, item, error),
    })
}

#[cold]
#[inline(never)]
fn not_popped(
    half: &mut Half<RawConsumer<'static, Program>>,
    item: &mut [u8],
    error: Error,
) -> rw_error {
    if error != Error::WouldBlock || !half.ring.words().producer_is_gone() {
        return error.into();
    }
    // What was pushed before the other half was closed is there by now.
    match half.half.try_pop(item) {
        Err(Error::WouldBlock) => rw_error::RW_END_OF_FILE,
        popped => code(popped),
    }
}

/// Pops the oldest item, and waits for one until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_pop(
    consumer: *mut rw_ring_consumer,
    item: *mut c_void,
    size: usize,
    deadline: u64,
) -> rw_error {
    let Some(item) = bytes_mut(item, size) else { return rw_error::RW_INVALID };
    using(consumer, |half| match can_wait() {
        Ok(()) => code(half.half.pop_deadline(item, until(deadline))),
        Err(error) => error,
    })
}

/// Wakes the consumer if it sleeps. Pushes do so by themselves; the inlined form of
/// `rw_ring_try_push` does it by this call.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_producer_wake(producer: *mut rw_ring_producer) -> rw_error {
    let Some(half) = own(producer) else { return rw_error::RW_INVALID };
    half.ring.words().consumers_bell().ring();
    rw_error::RW_OK
}

/// Wakes the producer if it sleeps. Pops do so by themselves; the inlined form of
/// `rw_ring_try_pop` does it by this call.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_consumer_wake(consumer: *mut rw_ring_consumer) -> rw_error {
    let Some(half) = own(consumer) else { return rw_error::RW_INVALID };
    half.ring.words().producers_bell().ring();
    rw_error::RW_OK
}

/// Gives the half back: somebody else can take it.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_producer_release(producer: *mut rw_ring_producer) -> rw_error {
    release(producer)
}

/// Closes the half: the other side learns that nothing more comes.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_producer_close(producer: *mut rw_ring_producer) -> rw_error {
    let Some(half) = take(producer) else { return rw_error::RW_INVALID };
    half.half.close();
    rw_error::RW_OK
}

/// Gives the half back: somebody else can take it.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_consumer_release(consumer: *mut rw_ring_consumer) -> rw_error {
    release(consumer)
}

/// Closes the half: the other side learns that nobody pops.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_consumer_close(consumer: *mut rw_ring_consumer) -> rw_error {
    let Some(half) = take(consumer) else { return rw_error::RW_INVALID };
    half.half.close();
    rw_error::RW_OK
}

/// How many items there are; 0 for what is no ring.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_length(ring: *const rw_ring) -> usize {
    shared(ring).map_or(0, |ring| ring.words().len())
}

/// Puts right what a participant held that does nothing any more: its process has ended, or its
/// context was reset.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_ring_recover(ring: *const rw_ring, dead: u16) -> rw_error {
    let (Some(ring), Some(dead)) = (shared(ring), participant(dead)) else {
        return rw_error::RW_INVALID;
    };
    // SAFETY: the caller guarantees that the participant takes no further step.
    unsafe { ring.words().recover(dead) };
    rw_error::RW_OK
}
