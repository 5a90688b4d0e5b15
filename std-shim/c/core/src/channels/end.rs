//! The ends of pipes, FIFOs and connections in memory, and listeners.

use crate::error::rw_error;
use crate::object::{RW_HALF_WORDS, bytes, bytes_mut, objects, own, put, release, tell};
use crate::state::rw_state;
use crate::wait::{Program, can_wait, deadline as until};
use core::ffi::c_void;
use core::mem::MaybeUninit;
use ringway_core::Error;
use ringway_core::channel::State;
use ringway_core::channel::pipe::{Reader, Writer};
use ringway_core::channel::socket::{Listener, Packets, Shutdown, Stream};

/// One end of a pipe, a FIFO or a connection, or a listener.
#[repr(C)]
pub struct rw_mem_end {
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

/// The directions to end.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum rw_mem_shutdown {
    /// This side reads no more.
    RW_MEM_SHUT_READ = 0,
    /// This side sends no more.
    RW_MEM_SHUT_WRITE = 1,
    /// Both.
    RW_MEM_SHUT_BOTH = 2,
}

/// Whether a call waits.
#[derive(Clone, Copy)]
pub enum How {
    Try,
    Until(Option<u64>),
}

/// An end of any size and kind. What an end cannot do fails with `WrongDirection`.
pub trait End {
    fn read(&mut self, _: &mut [u8], _: How) -> Result<usize, Error> {
        Err(Error::WrongDirection)
    }

    fn write(&mut self, _: &[u8], _: How) -> Result<usize, Error> {
        Err(Error::WrongDirection)
    }

    fn shutdown(&mut self, _: Shutdown) -> Result<(), Error> {
        Err(Error::WrongDirection)
    }

    fn try_clone(&self) -> Result<AnyEnd, Error> {
        Err(Error::WrongDirection)
    }

    fn accept(&self, _: How) -> Result<AnyEnd, Error> {
        Err(Error::WrongDirection)
    }

    fn state(&mut self) -> State;
}

/// Says that no bytes at the end of a stream are its end, as the other structures of C do.
fn or_end(read: Result<usize, Error>, is_empty: bool) -> Result<usize, Error> {
    match read {
        Ok(0) if !is_empty => Err(Error::EndOfFile),
        read => read,
    }
}

macro_rules! reads {
    () => {
        fn read(&mut self, out: &mut [u8], how: How) -> Result<usize, Error> {
            let is_empty = out.is_empty();
            let read = match how {
                How::Try => self.try_read(out),
                How::Until(deadline) => self.read_deadline(out, deadline),
            };
            or_end(read, is_empty)
        }
    };
}

macro_rules! writes {
    () => {
        fn write(&mut self, bytes: &[u8], how: How) -> Result<usize, Error> {
            match how {
                How::Try => self.try_write(bytes),
                How::Until(deadline) => self.write_deadline(bytes, deadline),
            }
        }
    };
}

impl<const N: usize> End for Reader<'static, N, Program> {
    reads!();

    fn state(&mut self) -> State {
        Reader::state(self)
    }
}

impl<const N: usize> End for Writer<'static, N, Program> {
    writes!();

    fn try_clone(&self) -> Result<AnyEnd, Error> {
        Writer::try_clone(self).map(AnyEnd::new)
    }

    fn state(&mut self) -> State {
        Writer::state(self)
    }
}

impl<const N: usize> End for Stream<'static, N, Program> {
    reads!();
    writes!();

    fn shutdown(&mut self, how: Shutdown) -> Result<(), Error> {
        Stream::shutdown(self, how);
        Ok(())
    }

    fn state(&mut self) -> State {
        Stream::state(self)
    }
}

impl<const N: usize> End for Packets<'static, N, Program> {
    fn read(&mut self, out: &mut [u8], how: How) -> Result<usize, Error> {
        match how {
            How::Try => self.try_recv(out),
            How::Until(deadline) => self.recv_deadline(out, deadline),
        }
    }

    fn write(&mut self, bytes: &[u8], how: How) -> Result<usize, Error> {
        match how {
            How::Try => self.try_send(bytes)?,
            How::Until(deadline) => self.send_deadline(bytes, deadline)?,
        }
        Ok(bytes.len())
    }

    fn shutdown(&mut self, how: Shutdown) -> Result<(), Error> {
        Packets::shutdown(self, how);
        Ok(())
    }

    fn state(&mut self) -> State {
        Packets::state(self)
    }
}

macro_rules! listens {
    ($($End:ident),*) => {$(
        impl<const N: usize> End for Listener<'static, N, Program, $End<'static, N, Program>> {
            fn accept(&self, how: How) -> Result<AnyEnd, Error> {
                Ok(AnyEnd::new(match how {
                    How::Try => self.try_accept()?,
                    How::Until(deadline) => self.accept_deadline(deadline)?,
                }))
            }

            fn state(&mut self) -> State {
                Listener::state(self)
            }
        }
    )*};
}
listens!(Stream, Packets);

/// The room for an end of any kind.
#[cfg_attr(any(not(target_os = "none"), feature = "shared-layout"), repr(align(128)))]
#[cfg_attr(all(target_os = "none", not(feature = "shared-layout")), repr(align(8)))]
pub struct Room([MaybeUninit<u8>; ROOM]);

const ROOM: usize =
    if cfg!(all(target_os = "none", not(feature = "shared-layout"))) { 96 } else { 512 };

/// An end, and how to find its methods.
pub struct AnyEnd {
    room: Room,
    methods: unsafe fn(*mut Room) -> *mut dyn End,
}

impl AnyEnd {
    pub(super) fn new<E: End + 'static>(end: E) -> Self {
        const { assert!(size_of::<E>() <= ROOM && align_of::<E>() <= align_of::<Room>()) };
        /// The end in a room.
        ///
        /// # Safety
        /// There is an `E`.
        unsafe fn methods<E: End + 'static>(room: *mut Room) -> *mut dyn End {
            room.cast::<E>()
        }
        let mut room = Room([MaybeUninit::uninit(); ROOM]);
        // SAFETY: the room is large enough for it, and aligned, as checked above.
        unsafe { (&raw mut room.0).cast::<E>().write(end) };
        AnyEnd { room, methods: methods::<E> }
    }

    fn end(&mut self) -> &mut dyn End {
        // SAFETY: `new` put an end of the type of the methods there.
        let end = unsafe { (self.methods)(&raw mut self.room) };
        // SAFETY: the end lies in the room, which is borrowed for as long as the result.
        unsafe { &mut *end }
    }
}

impl Drop for AnyEnd {
    fn drop(&mut self) {
        // SAFETY: `new` put an end of the type of the methods there.
        let end = unsafe { (self.methods)(&raw mut self.room) };
        // SAFETY: nobody uses the end afterwards.
        unsafe { end.drop_in_place() };
    }
}

objects! {
    rw_mem_end = AnyEnd, 0x7277_0095;
}

/// Whether the program can wait, if the call does.
pub(super) fn may(how: How) -> Result<(), rw_error> {
    match how {
        How::Try => Ok(()),
        How::Until(_) => can_wait(),
    }
}

/// Makes the object of an end, if there is one.
pub(super) fn put_end(end: *mut rw_mem_end, opened: Result<AnyEnd, Error>) -> rw_error {
    match opened {
        Ok(opened) => put(end, opened),
        Err(error) => error.into(),
    }
}

/// Makes the objects of both ends, or of none.
pub(super) fn put_both(
    one: *mut rw_mem_end,
    other: *mut rw_mem_end,
    opened: Result<(AnyEnd, AnyEnd), Error>,
) -> rw_error {
    match opened {
        Ok((first, second)) => match put(one, first) {
            rw_error::RW_OK => match put(other, second) {
                rw_error::RW_OK => rw_error::RW_OK,
                error => {
                    release(one);
                    error
                }
            },
            error => error,
        },
        Err(error) => error.into(),
    }
}

fn accept(listener: *mut rw_mem_end, how: How, end: *mut rw_mem_end) -> rw_error {
    let Some(listener) = own(listener) else { return rw_error::RW_INVALID };
    match may(how) {
        Ok(()) => {
            let accepted = listener.end().accept(how);
            put_end(end, accepted)
        }
        Err(error) => error,
    }
}

/// Accepts the connection that has waited longest. `RW_WOULD_BLOCK` if there is none,
/// `RW_WRONG_DIRECTION` if this is no listener.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_try_accept(
    listener: *mut rw_mem_end,
    end: *mut rw_mem_end,
) -> rw_error {
    accept(listener, How::Try, end)
}

/// Accepts a connection, for which it waits until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_accept(
    listener: *mut rw_mem_end,
    deadline: u64,
    end: *mut rw_mem_end,
) -> rw_error {
    accept(listener, How::Until(until(deadline)), end)
}

fn read(end: *mut rw_mem_end, out: (*mut c_void, usize), how: How, count: *mut usize) -> rw_error {
    let (Some(end), Some(out)) = (own(end), bytes_mut(out.0, out.1)) else {
        return rw_error::RW_INVALID;
    };
    if let Err(error) = may(how) {
        return error;
    }
    match end.end().read(out, how) {
        Ok(read) => {
            tell(count, read);
            rw_error::RW_OK
        }
        Err(error) => {
            if let Error::BufferTooSmall { needed } = error {
                tell(count, needed);
            }
            error.into()
        }
    }
}

/// Reads what is there, at most `size` bytes, and tells how many; of packets, one message.
///
/// `RW_WOULD_BLOCK` if nothing is there, `RW_END_OF_FILE` when the other side is gone and
/// everything was read, `RW_RESET` if a listener closed before it accepted the connection,
/// `RW_WRONG_DIRECTION` if this end only writes. `RW_BUFFER_TOO_SMALL` if a message is longer than
/// `size`: it tells the length, and the message stays.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_try_read(
    end: *mut rw_mem_end,
    out: *mut c_void,
    size: usize,
    count: *mut usize,
) -> rw_error {
    read(end, (out, size), How::Try, count)
}

/// Reads as `rw_mem_end_try_read`, and waits for something to read until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_read(
    end: *mut rw_mem_end,
    out: *mut c_void,
    size: usize,
    deadline: u64,
    count: *mut usize,
) -> rw_error {
    read(end, (out, size), How::Until(until(deadline)), count)
}

fn write(
    end: *mut rw_mem_end,
    from: (*const c_void, usize),
    how: How,
    count: *mut usize,
) -> rw_error {
    let (Some(end), Some(from)) = (own(end), bytes(from.0, from.1)) else {
        return rw_error::RW_INVALID;
    };
    match may(how).and_then(|()| Ok(end.end().write(from, how)?)) {
        Ok(written) => {
            tell(count, written);
            rw_error::RW_OK
        }
        Err(error) => error,
    }
}

/// Writes as many bytes as there is room for, at least one, and tells how many; of packets, all as
/// one message. An end of a pipe or a FIFO writes up to 4096 bytes, or what the pipe holds if that
/// is less, all or none.
///
/// `RW_WOULD_BLOCK` if there is no room or another writer writes, `RW_BROKEN_PIPE` if nobody reads,
/// `RW_MESSAGE_TOO_LARGE` if there can be no room, `RW_WRONG_DIRECTION` if this end only reads.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_try_write(
    end: *mut rw_mem_end,
    from: *const c_void,
    size: usize,
    count: *mut usize,
) -> rw_error {
    write(end, (from, size), How::Try, count)
}

/// Writes as `rw_mem_end_try_write`, and waits for room until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_write(
    end: *mut rw_mem_end,
    from: *const c_void,
    size: usize,
    deadline: u64,
    count: *mut usize,
) -> rw_error {
    write(end, (from, size), How::Until(until(deadline)), count)
}

/// Tells the state of an end.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_state(end: *mut rw_mem_end, state: *mut rw_state) -> rw_error {
    let Some(end) = own(end) else { return rw_error::RW_INVALID };
    tell(state, end.end().state().into());
    rw_error::RW_OK
}

/// Ends one direction of a connection or both, by a `rw_mem_shutdown`: the other side learns it,
/// and reads what was sent before. `RW_WRONG_DIRECTION` if this is no end of a connection.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_shutdown(end: *mut rw_mem_end, how: u32) -> rw_error {
    const READ: u32 = rw_mem_shutdown::RW_MEM_SHUT_READ as u32;
    const WRITE: u32 = rw_mem_shutdown::RW_MEM_SHUT_WRITE as u32;
    const BOTH: u32 = rw_mem_shutdown::RW_MEM_SHUT_BOTH as u32;
    let Some(end) = own(end) else { return rw_error::RW_INVALID };
    let how = match how {
        READ => Shutdown::Read,
        WRITE => Shutdown::Write,
        BOTH => Shutdown::Both,
        _ => return rw_error::RW_INVALID,
    };
    crate::error::code(end.end().shutdown(how))
}

/// Makes another end that writes to the same pipe, for another thread. `RW_WRONG_DIRECTION` if this
/// is no end of a pipe or a FIFO that writes.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_clone(
    end: *mut rw_mem_end,
    another: *mut rw_mem_end,
) -> rw_error {
    let Some(end) = own(end) else { return rw_error::RW_INVALID };
    let cloned = end.end().try_clone();
    put_end(another, cloned)
}

/// Closes an end; the other side learns it.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_mem_end_close(end: *mut rw_mem_end) -> rw_error {
    release(end)
}
