//! Broadcasts and newest values: one side writes, and any number reads.

use crate::error::{code, rw_error};
use crate::object::{
    RW_HALF_WORDS, RW_HANDLE_WORDS, bytes, bytes_mut, item, memory as placed, objects, own,
    participant, put, put_half, release, shared, take, tell, tell_layout,
};
use crate::wait::{Program, can_wait, deadline as until};
use core::ffi::c_void;
use ringway_core::ring::broadcast::{RawBroadcast, RawReader, RawWriter, RecvError};

type News = RawBroadcast<'static, Program>;

/// A reader, and its broadcast.
pub struct Reading {
    reader: RawReader<'static, Program>,
    news: News,
}

/// A broadcast in memory of the caller. Any thread may use it; its writer and its readers are for
/// one thread each. With a capacity of `RW_LATEST` and `rw_reader_skip_to_newest` it is a newest
/// value.
#[repr(C)]
pub struct rw_broadcast {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// The half of a broadcast that writes.
#[repr(C)]
pub struct rw_writer {
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

/// A reader of a broadcast. There may be any number.
#[repr(C)]
pub struct rw_reader {
    /// Not for the caller.
    pub opaque: [usize; RW_HALF_WORDS],
}

objects! {
    rw_broadcast = News, 0x7277_0041;
    rw_writer = RawWriter<'static, Program>, 0x7277_0042;
    rw_reader = Reading, 0x7277_0043;
}

/// The capacity of a broadcast that is a newest value, as `Latest` in Rust.
pub const RW_LATEST: usize = 4;
const _: () = assert!(RW_LATEST == ringway_core::ring::latest::SLOTS);

/// Tells how much memory a broadcast that keeps `capacity` messages takes, and its alignment.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_broadcast_layout(
    capacity: usize,
    item_size: usize,
    item_align: usize,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    let Some(item) = item(item_size, item_align) else { return rw_error::RW_INVALID };
    tell_layout(News::layout(capacity, item), size, align)
}

/// Makes a broadcast in `memory`, which stays in its place and is used for nothing else.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_broadcast_init(
    broadcast: *mut rw_broadcast,
    memory: *mut c_void,
    memory_size: usize,
    capacity: usize,
    item_size: usize,
    item_align: usize,
) -> rw_error {
    let Some(item) = item(item_size, item_align) else { return rw_error::RW_INVALID };
    let Some(layout) = News::layout(capacity, item) else { return rw_error::RW_EXHAUSTED };
    let Some(at) = placed(memory, memory_size, layout) else { return rw_error::RW_INVALID };
    // SAFETY: the caller guarantees memory of this size, which is used for nothing else.
    match unsafe { News::init_at(at, capacity, item) } {
        Some(made) => put(broadcast, made),
        None => rw_error::RW_EXHAUSTED,
    }
}

/// Finds a broadcast that was made in `memory`, by this program or another one, with the same
/// numbers.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_broadcast_attach(
    broadcast: *mut rw_broadcast,
    memory: *mut c_void,
    memory_size: usize,
    capacity: usize,
    item_size: usize,
    item_align: usize,
) -> rw_error {
    let Some(item) = item(item_size, item_align) else { return rw_error::RW_INVALID };
    let Some(layout) = News::layout(capacity, item) else { return rw_error::RW_EXHAUSTED };
    let Some(at) = placed(memory, memory_size, layout) else { return rw_error::RW_INVALID };
    // SAFETY: the caller guarantees that there is such a broadcast.
    match unsafe { News::at(at, capacity, item) } {
        Some(found) => put(broadcast, found),
        None => rw_error::RW_EXHAUSTED,
    }
}

/// Takes the half that writes, for a participant: a number from 1 on, or 0 if one program has the
/// broadcast alone. `RW_TAKEN` if somebody has it.
///
/// Any thread; interrupts too, signal handlers of Linux not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_broadcast_take_writer(
    broadcast: *const rw_broadcast,
    who: u16,
    writer: *mut rw_writer,
) -> rw_error {
    let (Some(news), Some(who)) = (shared(broadcast), participant(who)) else {
        return rw_error::RW_INVALID;
    };
    put_half(writer, || news.writer_as(who))
}

/// Makes a reader, which begins at the oldest message that is still there.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_broadcast_reader(
    broadcast: *const rw_broadcast,
    reader: *mut rw_reader,
) -> rw_error {
    let Some(news) = shared(broadcast) else { return rw_error::RW_INVALID };
    put(reader, Reading { reader: news.reader_from_oldest(), news: *news })
}

/// Sends a message of exactly the item's size to all readers. Never waits.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_writer_send(
    writer: *mut rw_writer,
    message: *const c_void,
    size: usize,
) -> rw_error {
    let (Some(half), Some(message)) = (own(writer), bytes(message, size)) else {
        return rw_error::RW_INVALID;
    };
    code(half.send(message))
}

/// Gives the half back: somebody else can take it.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_writer_release(writer: *mut rw_writer) -> rw_error {
    release(writer)
}

/// Closes the half: the readers learn that nothing more comes.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_writer_close(writer: *mut rw_writer) -> rw_error {
    let Some(half) = take(writer) else { return rw_error::RW_INVALID };
    half.close();
    rw_error::RW_OK
}

/// Copies the next message into `message`, which has exactly the item's size.
///
/// `RW_WOULD_BLOCK` if there is none; `RW_LAGGED` if messages were overwritten before they were
/// read, whose number `missed` gets; `RW_END_OF_FILE` when the writer is gone.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_reader_try_recv(
    reader: *mut rw_reader,
    message: *mut c_void,
    size: usize,
    missed: *mut u64,
) -> rw_error {
    let (Some(reader), Some(message)) = (own(reader), bytes_mut(message, size)) else {
        return rw_error::RW_INVALID;
    };
    // What was sent before the writer went is there by the second look.
    for is_gone in [false, true] {
        match reader.reader.try_recv(message) {
            Ok(true) => return rw_error::RW_OK,
            Ok(false) if is_gone => return rw_error::RW_END_OF_FILE,
            Ok(false) if reader.news.words().writer_is_gone() => {}
            Ok(false) => break,
            Err(error) => return told(error, missed),
        }
    }
    rw_error::RW_WOULD_BLOCK
}

/// Copies the next message, for which it waits until `deadline`.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_reader_recv(
    reader: *mut rw_reader,
    message: *mut c_void,
    size: usize,
    deadline: u64,
    missed: *mut u64,
) -> rw_error {
    let (Some(reader), Some(message)) = (own(reader), bytes_mut(message, size)) else {
        return rw_error::RW_INVALID;
    };
    if let Err(error) = can_wait() {
        return error;
    }
    match reader.reader.recv_deadline(message, until(deadline)) {
        Ok(()) => rw_error::RW_OK,
        Err(error) => told(error, missed),
    }
}

fn told(error: RecvError, missed: *mut u64) -> rw_error {
    match error {
        RecvError::Lagged(count) => {
            tell(missed, count);
            rw_error::RW_LAGGED
        }
        RecvError::EndOfFile => rw_error::RW_END_OF_FILE,
        RecvError::TimedOut => rw_error::RW_TIMED_OUT,
    }
}

/// Goes on at the newest message, and tells how many it skips.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_reader_skip_to_newest(
    reader: *mut rw_reader,
    skipped: *mut u64,
) -> rw_error {
    let Some(reader) = own(reader) else { return rw_error::RW_INVALID };
    tell(skipped, reader.reader.skip_to_newest());
    rw_error::RW_OK
}

/// Puts right what a participant held that does nothing any more: its process has ended, or its
/// context was reset.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_broadcast_recover(
    broadcast: *const rw_broadcast,
    dead: u16,
) -> rw_error {
    let (Some(news), Some(dead)) = (shared(broadcast), participant(dead)) else {
        return rw_error::RW_INVALID;
    };
    // SAFETY: the caller guarantees that the participant takes no further step.
    unsafe { news.words().recover(dead) };
    rw_error::RW_OK
}
