//! Frames that an interrupt fills in place: the timer publishes blocks of samples, as a DMA
//! controller would. One reader in main takes each block, and keeps two: the interrupt waits for
//! it, until the next tick. Another one looks now and then, and is told what it missed.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Waker};
use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::RecvError;
use ringway_core::ring::pool::{Frame, Pool, Reader, Reliability};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Async, WaitForEvent};
use ringway_firmware::{report, start_timer};

/// How many blocks the interrupt publishes.
const BLOCKS: u32 = 300;

static BLOCKS_OF_SAMPLES: Pool<5, 16, WaitForEvent> = Pool::new();
static AWAITED: Pool<2, 4, Async<WaitForEvent>> = Pool::new();
/// The next block; touched by the interrupt alone.
static NEXT: AtomicU32 = AtomicU32::new(0);

ringway_firmware::image!(run, tick);

/// The bytes of a block, so that a torn one shows.
fn block(n: u32) -> impl Iterator<Item = u8> {
    (0..16_u8).map(move |at| at.wrapping_mul(31) ^ n as u8)
}

/// Publishes two blocks; after the last, ends the stream.
fn tick() {
    let Some(writer) = BLOCKS_OF_SAMPLES.raw().writer() else { return };
    for _ in 0..2 {
        // Relaxed: one side writes, and the store publishes nothing else.
        let next = NEXT.load(Ordering::Relaxed);
        if next == BLOCKS {
            return writer.close();
        }
        let Ok(mut frame) = writer.try_loan() else { return };
        frame.iter_mut().zip(block(next)).for_each(|(to, byte)| *to = byte);
        // Every third block is short.
        if next.is_multiple_of(3) {
            frame.truncate(8);
        }
        frame.publish();
        NEXT.store(next.wrapping_add(1), Ordering::Relaxed);
    }
}

/// Whether the frame has what was published.
fn is_whole<W: ringway_core::wait::Wake>(frame: &Frame<'_, W>) -> bool {
    let len = if frame.number().is_multiple_of(3) { 8 } else { 16 };
    frame.len() == len && frame.iter().copied().eq(block(frame.number()).take(len))
}

/// Receives what waits, and adds up what came and what was lost.
fn catch_up(reader: &Reader<'_, WaitForEvent>, passed: &mut u32) -> bool {
    loop {
        match reader.try_recv() {
            Ok(Some(frame)) => {
                if frame.number() != *passed || !is_whole(&frame) {
                    return false;
                }
                *passed = passed.wrapping_add(1);
            }
            Ok(None) => return true,
            Err(RecvError::Lagged(missed)) => *passed = passed.wrapping_add(missed as u32),
            Err(_) => return false,
        }
    }
}

/// The operations that the program above has no use for.
fn rest() -> bool {
    let pool = AWAITED.raw();
    let (one, two) =
        (Participant::LOCAL, Participant::new(black_box(2)).unwrap_or(Participant::LOCAL));
    let (Some(writer), Ok(mut reader)) =
        (pool.writer_as(one), pool.reader_as(two, Reliability::Reliable))
    else {
        return false;
    };
    let mut cx = Context::from_waker(Waker::noop());
    writer.set_history(1);
    let number = writer.try_loan().map(|loan| loan.publish());
    let is_waiting = pin!(reader.recv_async()).poll(&mut cx).is_pending();
    let is_lent = pin!(writer.loan_async()).poll(&mut cx).is_ready();
    let is_pinned = reader.try_pin(number.unwrap_or(9)).is_some();
    let seen = (reader.rewind(1), reader.behind(), reader.skip_to_newest());
    black_box(writer.try_loan_or_evict().is_ok());
    black_box(writer.loan_deadline(None).is_ok());
    black_box(reader.recv_deadline(None).is_ok());
    core::mem::forget(reader);
    // SAFETY: nobody acts under this name any more.
    let held = unsafe { pool.recover(two) };
    black_box((pool.holder(), pool.writer_is_gone()));
    !is_waiting && is_lent && is_pinned && seen == (1, 1, 0) && held == 1 && pool.published() == 1
}

fn run() -> bool {
    let pool = BLOCKS_OF_SAMPLES.raw();
    let each = pool.reader(Reliability::Reliable);
    let (Ok(each), Ok(some)) = (each, pool.reader(Reliability::BestEffort)) else {
        return false;
    };
    let (mut heard, mut whole, mut looked) = (0_u32, true, 0_u32);
    let mut kept: [Option<Frame<'_, WaitForEvent>>; 2] = [None, None];
    start_timer();
    while heard < BLOCKS {
        // Asleep between two ticks.
        match each.recv_deadline(None) {
            Ok(frame) => {
                whole &= frame.number() == heard && is_whole(&frame);
                heard = heard.wrapping_add(1);
                // What is kept is still there, whatever was published since.
                let [newer, older] = &mut kept;
                whole &= older.as_ref().is_none_or(is_whole);
                *older = newer.replace(frame);
            }
            Err(_) => return false,
        }
        if heard.is_multiple_of(10) {
            whole &= catch_up(&some, &mut looked);
        }
    }
    drop(kept);
    whole &= catch_up(&some, &mut looked);
    report("blocks", heard);
    report("of the slow reader, with what it missed", looked);
    report("frames", pool.frames() as u32);
    report("bytes of each", pool.frame_size() as u32);
    whole && looked == BLOCKS && rest()
}
