//! Rings of messages of any length: one side sends, one receives.

use crate::error::{code, rw_error};
use crate::object::{
    RW_HALF_WORDS, RW_HANDLE_WORDS, bytes, bytes_mut, objects, own, participant, put, put_half,
    release, shared, sized, take, tell, tell_layout,
};
use crate::wait::{Program, can_wait, deadline as until};
#[cfg(not(target_os = "none"))]
use crate::window::rw_message_window;
use crate::window::{Windowed, open, using};
use core::ffi::c_void;
use ringway_core::Error;
#[cfg(not(target_os = "none"))]
use ringway_core::ring::MessageWindow;
use ringway_core::ring::messages::{MessageRingView, Receiver, Sender};
use ringway_core::storage::InMemory;

type Ring = MessageRingView<Program>;

/// A ring of messages in memory of the caller. Any thread may use it; its halves are for one thread
/// each.
#[repr(C)]
pub struct rw_message_ring {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// The half of a message ring that sends.
#[cfg(not(target_os = "none"))]
#[repr(C)]
pub struct rw_sender {
    /// Not for the caller.
    pub tag: usize,
    /// Not for the caller.
    pub window: rw_message_window,
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

/// The half of a message ring that sends.
#[cfg(target_os = "none")]
#[repr(C)]
pub struct rw_sender {
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

/// The half of a message ring that receives.
#[cfg(not(target_os = "none"))]
#[repr(C)]
pub struct rw_receiver {
    /// Not for the caller.
    pub tag: usize,
    /// Not for the caller.
    pub window: rw_message_window,
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

/// The half of a message ring that receives.
#[cfg(target_os = "none")]
#[repr(C)]
pub struct rw_receiver {
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

objects! {
    rw_message_ring = &'static Ring, 0x7277_0021;
    rw_sender = Sender<&'static Ring>, RW_SENDER_TAG, HEAD;
    rw_receiver = Receiver<&'static Ring>, RW_RECEIVER_TAG, HEAD;
}

/// The first word of a sender that was taken. Not for the caller.
pub const RW_SENDER_TAG: usize = 0x7277_0022;
/// The first word of a receiver that was taken. Not for the caller.
pub const RW_RECEIVER_TAG: usize = 0x7277_0023;

/// What lies in front of a half.
#[cfg(not(target_os = "none"))]
const HEAD: usize = core::mem::offset_of!(rw_sender, opaque);
#[cfg(not(target_os = "none"))]
const _: () = assert!(HEAD == core::mem::offset_of!(rw_receiver, opaque));
/// What lies in front of a half: the tag.
#[cfg(target_os = "none")]
const HEAD: usize = size_of::<usize>();

/// A half of a message ring goes on, and tells what it knows.
macro_rules! windowed {
    ($($half:ident)*) => {$(
        impl Windowed for $half<&'static Ring> {
            #[cfg(not(target_os = "none"))]
            type Window = MessageWindow;

            #[cfg(not(target_os = "none"))]
            #[inline(always)]
            fn window(&mut self) -> Option<MessageWindow> {
                self.window()
            }

            #[cfg(not(target_os = "none"))]
            #[inline(always)]
            fn resume(&mut self, window: &MessageWindow) {
                // SAFETY: the window lies in the half's object. C lets the inlined functions alone
                // change it, and they do as `MessageWindow` says.
                unsafe { self.resume(window) };
            }
        }
    )*};
}
windowed!(Sender Receiver);

/// Tells how much memory a ring of `capacity` bytes takes, and its alignment.
///
/// `RW_EXHAUSTED` if there is no such ring.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_message_ring_layout(
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
pub unsafe extern "C" fn rw_message_ring_init(
    ring: *mut rw_message_ring,
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
pub unsafe extern "C" fn rw_message_ring_attach(
    ring: *mut rw_message_ring,
    memory: *mut c_void,
    memory_size: usize,
    capacity: usize,
) -> rw_error {
    match sized::<Ring>(memory, memory_size, capacity, false) {
        Ok(found) => put(ring, found),
        Err(error) => error,
    }
}

/// Takes the half that sends, for a participant: a number from 1 on, or 0 if one program has the
/// ring alone. `RW_TAKEN` if somebody has it.
///
/// Any thread; interrupts too, signal handlers of Linux not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_message_ring_take_sender(
    ring: *const rw_message_ring,
    who: u16,
    sender: *mut rw_sender,
) -> rw_error {
    let (Some(ring), Some(who)) = (shared(ring), participant(who)) else {
        return rw_error::RW_INVALID;
    };
    let taken = put_half(sender, || ring.sender_as(who));
    if taken == rw_error::RW_OK {
        open(sender);
    }
    taken
}

/// Takes the half that receives, as `rw_message_ring_take_sender`.
///
/// Any thread; interrupts too, signal handlers of Linux not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_message_ring_take_receiver(
    ring: *const rw_message_ring,
    who: u16,
    receiver: *mut rw_receiver,
) -> rw_error {
    let (Some(ring), Some(who)) = (shared(ring), participant(who)) else {
        return rw_error::RW_INVALID;
    };
    let taken = put_half(receiver, || ring.receiver_as(who));
    if taken == rw_error::RW_OK {
        open(receiver);
    }
    taken
}

/// Sends a message. `RW_WOULD_BLOCK` if there is no room, `RW_MESSAGE_TOO_LARGE` if there can be
/// none, `RW_BROKEN_PIPE` if the other half was closed.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_try_send(
    sender: *mut rw_sender,
    message: *const c_void,
    size: usize,
) -> rw_error {
    let Some(message) = bytes(message, size) else { return rw_error::RW_INVALID };
    using(sender, |half| {
        if half.ring().receiver_is_gone() {
            return rw_error::RW_BROKEN_PIPE;
        }
        code(half.try_send(message))
    })
}

/// Sends a message, and waits for room until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_send(
    sender: *mut rw_sender,
    message: *const c_void,
    size: usize,
    deadline: u64,
) -> rw_error {
    let Some(message) = bytes(message, size) else { return rw_error::RW_INVALID };
    using(sender, |half| match can_wait() {
        Ok(()) => code(half.send_deadline(message, until(deadline))),
        Err(error) => error,
    })
}

/// Receives the oldest message, and tells its length. `RW_WOULD_BLOCK` if there is none,
/// `RW_END_OF_FILE` at the end; `RW_BUFFER_TOO_SMALL` if `size` is less than the length that it
/// tells, and then the message stays.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_try_recv(
    receiver: *mut rw_receiver,
    message: *mut c_void,
    size: usize,
    length: *mut usize,
) -> rw_error {
    let Some(message) = bytes_mut(message, size) else { return rw_error::RW_INVALID };
    using(receiver, |half| match half.try_recv(message) {
        Ok(count) => {
            tell(length, count);
            rw_error::RW_OK
        }
        Err(error) => not_received(half, error, length),
    })
}

/// Receives the oldest message, for which it waits until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_recv(
    receiver: *mut rw_receiver,
    message: *mut c_void,
    size: usize,
    deadline: u64,
    length: *mut usize,
) -> rw_error {
    let Some(message) = bytes_mut(message, size) else { return rw_error::RW_INVALID };
    using(receiver, |half| match can_wait() {
        Ok(()) => received(half.recv_deadline(message, until(deadline)), length),
        Err(error) => error,
    })
}

#[cold]
#[inline(never)]
fn not_received(half: &Receiver<&'static Ring>, error: Error, length: *mut usize) -> rw_error {
    received(Err(at_end(half, error)), length)
}

/// What a look found: the end, if no message is there and none comes.
fn at_end(half: &Receiver<&'static Ring>, found: Error) -> Error {
    // What was sent before the other half was closed is there by now.
    let over = half.ring().sender_is_gone() && half.ring().is_empty();
    if found == Error::WouldBlock && over { Error::EndOfFile } else { found }
}

fn received(result: Result<usize, Error>, length: *mut usize) -> rw_error {
    match result {
        Ok(count) | Err(Error::BufferTooSmall { needed: count }) => tell(length, count),
        Err(_) => {}
    }
    code(result)
}

/// Lends room for a message of at most `size` bytes in place. Write there, and then call
/// `rw_send_commit`.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_try_send_reserve(
    sender: *mut rw_sender,
    size: usize,
    room: *mut *mut c_void,
) -> rw_error {
    using(sender, |half| {
        match half.try_reserve(size) {
            Ok(mut grant) => {
                // A grant that is dropped sends nothing, and its room stays where it is.
                tell(room, grant.as_mut_ptr().cast());
                rw_error::RW_OK
            }
            Err(error) => error.into(),
        }
    })
}

/// Sends the first `used` of the `size` bytes that `rw_try_send_reserve` lent last.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_send_commit(
    sender: *mut rw_sender,
    size: usize,
    used: usize,
) -> rw_error {
    if used > size {
        return rw_error::RW_INVALID;
    }
    using(sender, |half| match half.try_reserve(size) {
        Ok(grant) => {
            grant.commit(used);
            rw_error::RW_OK
        }
        Err(error) => error.into(),
    })
}

/// Lends the oldest message in place. Read it, and then call `rw_recv_release`.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_try_recv_peek(
    receiver: *mut rw_receiver,
    message: *mut *const c_void,
    length: *mut usize,
) -> rw_error {
    using(receiver, |half| {
        let found = match half.try_peek() {
            Ok(grant) => {
                tell(message, grant.as_ptr().cast());
                tell(length, grant.len());
                return rw_error::RW_OK;
            }
            Err(error) => error,
        };
        at_end(half, found).into()
    })
}

/// Ends the oldest message: its room is free. `RW_WOULD_BLOCK` if there is none.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_recv_release(receiver: *mut rw_receiver) -> rw_error {
    using(receiver, |half| match half.try_peek() {
        Ok(grant) => {
            grant.release();
            rw_error::RW_OK
        }
        Err(error) => error.into(),
    })
}

/// Wakes the receiver if it sleeps. Sending does so by itself; the inlined form of `rw_try_send`
/// does it by this call.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_sender_wake(sender: *mut rw_sender) -> rw_error {
    let Some(half) = own(sender) else { return rw_error::RW_INVALID };
    half.ring().receivers_bell().ring();
    rw_error::RW_OK
}

/// Wakes the sender if it sleeps. Receiving does so by itself; the inlined form of `rw_try_recv`
/// does it by this call.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_receiver_wake(receiver: *mut rw_receiver) -> rw_error {
    let Some(half) = own(receiver) else { return rw_error::RW_INVALID };
    half.ring().senders_bell().ring();
    rw_error::RW_OK
}

/// Gives the half back: somebody else can take it.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_sender_release(sender: *mut rw_sender) -> rw_error {
    release(sender)
}

/// Closes the half: the other side learns that nothing more comes.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_sender_close(sender: *mut rw_sender) -> rw_error {
    let Some(half) = take(sender) else { return rw_error::RW_INVALID };
    half.close();
    rw_error::RW_OK
}

/// Gives the half back: somebody else can take it.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_receiver_release(receiver: *mut rw_receiver) -> rw_error {
    release(receiver)
}

/// Closes the half: the other side learns that nobody receives.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_receiver_close(receiver: *mut rw_receiver) -> rw_error {
    let Some(half) = take(receiver) else { return rw_error::RW_INVALID };
    half.close();
    rw_error::RW_OK
}

/// Puts right what a participant held that does nothing any more: its process has ended, or its
/// context was reset.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_message_ring_recover(
    ring: *const rw_message_ring,
    dead: u16,
) -> rw_error {
    let (Some(ring), Some(dead)) = (shared(ring), participant(dead)) else {
        return rw_error::RW_INVALID;
    };
    // SAFETY: the caller guarantees that the participant takes no further step.
    unsafe { ring.recover(dead) };
    rw_error::RW_OK
}
