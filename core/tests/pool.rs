//! Runs the pool between real threads, and checks which frames the writer gets.
#![cfg(not(loom))]

#[path = "../src/scaled.rs"]
mod scaled;
#[path = "support/yielding.rs"]
mod yielding;

use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::RecvError;
use ringway_core::ring::pool::{Loan, Pool, READERS, RawPool, Reader, Reliability};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Nobody, Wake};
use scaled::scaled;
use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;
use yielding::Yielding;

const DEAD: Participant = Participant::new(9).unwrap();

/// Every word of a frame depends on the publication, so that a torn frame shows.
fn fill<W: Wake>(mut loan: Loan<'_, W>, number: u32) {
    for (at, word) in loan.chunks_exact_mut(4).enumerate() {
        word.copy_from_slice(&(number ^ at as u32).to_ne_bytes());
    }
    assert_eq!(loan.publish(), number);
}

fn check(frame: &[u8], number: u32) {
    for (at, word) in frame.chunks_exact(4).enumerate() {
        assert_eq!(word, (number ^ at as u32).to_ne_bytes(), "torn, or another publication");
    }
}

/// Receives until the writer is gone. Returns how many publications came and were missed.
fn drain<W: Wake>(reader: Reader<'_, W>, keep: usize) -> (u32, u32) {
    let (mut received, mut missed, mut kept) = (0, 0, Vec::new());
    loop {
        let gone = reader.pool().writer_is_gone();
        match reader.try_recv() {
            Ok(Some(frame)) => {
                assert_eq!(frame.number(), received + missed);
                check(&frame, frame.number());
                received += 1;
                kept.push(frame);
                if kept.len() > keep {
                    let oldest = kept.remove(0);
                    check(&oldest, oldest.number());
                }
            }
            Err(RecvError::Lagged(count)) => missed += count as u32,
            Err(other) => panic!("{other} without waiting"),
            Ok(None) if gone => return (received, missed),
            Ok(None) => std::thread::yield_now(),
        }
    }
}

#[test]
fn three_readers_keep_frames_and_none_is_torn() {
    const PUBLISHED: u32 = scaled(30_000) as u32;
    static POOL: Pool<8, 64> = Pool::new();
    let pool = POOL.raw();
    let readers = [0, 1, 2].map(|keep| (keep, pool.reader(Reliability::BestEffort).unwrap()));
    let writer = pool.writer().unwrap();
    std::thread::scope(|s| {
        let readers = readers.map(|(keep, reader)| s.spawn(move || drain(reader, keep)));
        for number in 0..PUBLISHED {
            let loan = loop {
                match writer.try_loan_or_evict() {
                    Ok(loan) => break loan,
                    Err(_) => std::thread::yield_now(),
                }
            };
            fill(loan, number);
        }
        writer.close();
        for reader in readers {
            let (received, missed) = reader.join().unwrap();
            assert_eq!(received + missed, PUBLISHED);
        }
    });
}

#[test]
fn reliable_readers_of_any_speed_miss_nothing() {
    const PUBLISHED: u32 = scaled(5_000) as u32;
    static POOL: Pool<6, 64, Yielding> = Pool::new();
    let pool = POOL.raw();
    let readers = [0, 1, 2].map(|keep| (keep, pool.reader(Reliability::Reliable).unwrap()));
    let writer = pool.writer().unwrap();
    std::thread::scope(|s| {
        let readers = readers.map(|(keep, reader)| s.spawn(move || drain(reader, keep)));
        for number in 0..PUBLISHED {
            fill(writer.loan_deadline(None).unwrap(), number);
        }
        writer.close();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), (PUBLISHED, 0));
        }
    });
}

#[test]
fn the_frame_used_last_is_taken_first() {
    let pool: Pool<8, 16> = Pool::new();
    let writer = pool.raw().writer().unwrap();
    let reader = pool.raw().reader(Reliability::Reliable).unwrap();
    let mut places: Vec<usize> = (0..6)
        .map(|_| {
            let loan = writer.try_loan().unwrap();
            let place = loan.as_ptr().addr();
            loan.publish();
            drop(reader.try_recv().unwrap());
            place
        })
        .collect();
    places.dedup();
    assert_eq!(places.len(), 1, "one frame is enough, and its memory stays warm");
    // A loan that was dropped is the warmest.
    let loan = writer.try_loan().unwrap();
    let first = writer.try_loan().unwrap().as_ptr();
    drop(loan);
    assert_ne!(writer.try_loan().unwrap().as_ptr(), first);
}

#[test]
fn a_pinned_frame_stays_as_it_is() {
    let pool: Pool<3, 8> = Pool::new();
    let writer = pool.raw().writer().unwrap();
    let reader = pool.raw().reader(Reliability::BestEffort).unwrap();
    fill(writer.try_loan().unwrap(), 0);
    let pinned = reader.try_recv().unwrap().unwrap();
    (1..100).for_each(|number| fill(writer.try_loan_or_evict().unwrap(), number));
    check(&pinned, 0);
    assert!(reader.try_pin(0).is_none(), "this reader has it already");
    let other = pool.raw().reader(Reliability::BestEffort).unwrap();
    assert!(other.try_pin(0).is_none(), "its number is no longer in the line");
    assert!(other.try_pin(99).is_some() && other.try_pin(100).is_none());
    assert!(other.try_pin(u32::MAX).is_none());
}

#[test]
fn the_history_is_kept_for_late_readers() {
    let pool: Pool<5, 8> = Pool::new();
    let writer = pool.raw().writer().unwrap();
    writer.set_history(3);
    (0..20).for_each(|number| fill(writer.try_loan().unwrap(), number));
    let mut late = pool.raw().reader(Reliability::BestEffort).unwrap();
    assert_eq!(late.rewind(3), 3);
    for number in 17..20 {
        assert_eq!(late.try_recv().unwrap().unwrap().number(), number);
    }
    assert_eq!(late.rewind(100), 4, "the history, and what was published since the last loan");
    assert_eq!(late.skip_to_newest(), 3);
    assert_eq!(late.behind(), 1);
    writer.set_history(u32::MAX);
    assert_eq!(writer.try_loan().map(drop), Ok(()), "one frame was never used");
}

#[test]
fn nothing_can_be_had_when_all_is_kept() {
    let pool: Pool<2, 8> = Pool::new();
    let writer = pool.raw().writer().unwrap();
    let reader = pool.raw().reader(Reliability::Reliable).unwrap();
    let lent = writer.try_loan().unwrap();
    fill(writer.try_loan().unwrap(), 0);
    assert_eq!(writer.try_loan().map(drop), Err(Error::WouldBlock));
    let pinned = reader.try_recv().unwrap().unwrap();
    assert_eq!(writer.try_loan_or_evict().map(drop), Err(Error::WouldBlock));
    drop(pinned);
    assert_eq!(writer.try_loan().map(drop), Ok(()));
    drop(lent);
}

#[test]
fn halves_and_places_are_counted() {
    let pool: Pool<2, 8> = Pool::new();
    let writer = pool.raw().writer().unwrap();
    assert!(pool.raw().writer().is_none());
    drop(writer);
    assert!(pool.raw().writer().is_some() && !pool.raw().writer_is_gone());
    let readers: Vec<_> =
        (0..READERS).map(|_| pool.raw().reader(Reliability::BestEffort).unwrap()).collect();
    let one_more = pool.raw().reader(Reliability::BestEffort);
    assert_eq!(one_more.map(drop).unwrap_err(), Error::Exhausted);
    drop(readers);
    assert!(pool.raw().reader(Reliability::BestEffort).is_ok());
    pool.raw().writer().unwrap().close();
    assert!(pool.raw().writer_is_gone());
}

#[test]
fn a_dead_side_takes_nothing_with_it() {
    let pool: Pool<2, 8> = Pool::new();
    let raw = pool.raw();
    let reader = raw.reader_as(DEAD, Reliability::Reliable).unwrap();
    let writer = raw.writer_as(DEAD).unwrap();
    fill(writer.try_loan().unwrap(), 0);
    fill(writer.try_loan().unwrap(), 1);
    std::mem::forget(reader.try_recv().unwrap());
    std::mem::forget(writer.try_loan_or_evict().unwrap());
    std::mem::forget((reader, writer));
    // SAFETY: the participant takes no further step.
    assert_eq!(unsafe { raw.recover(DEAD) }, 2);
    // SAFETY: the participant takes no further step.
    assert_eq!(unsafe { raw.recover(DEAD) }, 0);
    let writer = raw.writer().unwrap();
    let loans = [writer.try_loan().unwrap(), writer.try_loan().unwrap()];
    assert_ne!(loans[0].as_ptr(), loans[1].as_ptr());
}

#[test]
fn a_pool_in_memory_is_the_same_pool() {
    const FRAME: Layout = Layout::new::<[u8; 24]>();
    let pool: Box<Pool<3, 24>> = Box::default();
    let layout = RawPool::<Nobody>::layout(3, FRAME).unwrap();
    assert_eq!(layout, Layout::for_value(&*pool));
    // SAFETY: the box is such a pool, and outlives the view.
    let raw = unsafe { RawPool::<Nobody>::at(NonNull::from(&*pool).cast(), 3, FRAME) }.unwrap();
    let reader = raw.reader(Reliability::Reliable).unwrap();
    fill(pool.raw().writer().unwrap().try_loan().unwrap(), 0);
    check(&reader.try_recv().unwrap().unwrap(), 0);
    for frames in [0, (1 << 20) + 1, usize::MAX] {
        assert!(RawPool::<Nobody>::layout(frames, FRAME).is_none());
    }
    let huge = Layout::from_size_align(1 << 40, 1).unwrap();
    assert!(RawPool::<Nobody>::layout(1 << 20, huge).is_none());
}

#[test]
fn words_of_any_value_are_harmless() {
    const FRAME: Layout = Layout::new::<[u8; 8]>();
    let layout = RawPool::<Nobody>::layout(4, FRAME).unwrap();
    let words = layout.size() / 4;
    let mut memory = vec![0_u128; layout.size() / 16 + 16];
    let first = memory.as_mut_ptr().cast::<u8>();
    let first = first.wrapping_add(first.align_offset(layout.align()));
    let seed = Cell::new(1_u64);
    let random = || {
        seed.set(seed.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        (seed.get() >> 33) as u32
    };
    for _ in 0..scaled(2_000) {
        // SAFETY: the memory is large enough, aligned, and nobody uses it now.
        let pool =
            unsafe { RawPool::<Nobody>::init_at(NonNull::new(first).unwrap(), 4, FRAME) }.unwrap();
        let words: &[AtomicU32] =
            // SAFETY: the words of a pool are atomic.
            unsafe { std::slice::from_raw_parts(first.cast(), words - 8) };
        let (writer, reader) =
            (pool.writer().unwrap(), pool.reader(Reliability::Reliable).unwrap());
        fill(writer.try_loan().unwrap(), 0);
        for _ in 0..4 {
            let value = if random() % 2 == 0 { random() } else { random() % 8 };
            words[random() as usize % words.len()].store(value, Ordering::Relaxed);
            let received = reader.try_recv().ok().flatten().map_or(0, |frame| frame.len());
            assert!(received <= 8);
            let _ = writer.try_loan().map(Loan::publish);
            let _ = writer.try_loan_or_evict().map(Loan::publish);
            let _ = reader.try_pin(random());
        }
        let mut reader = reader;
        let _ = (reader.rewind(random()), reader.skip_to_newest());
        // SAFETY: nobody acts under this name.
        unsafe { pool.recover(DEAD) };
        assert!(pool.writer().is_none() || pool.holder().is_none());
    }
}

#[test]
fn frames_that_readers_want_are_taken_last() {
    for reliability in [Reliability::Reliable, Reliability::BestEffort] {
        let pool: Pool<5, 16> = Pool::new();
        let reader = pool.raw().reader(reliability).unwrap();
        for number in 0..5 {
            // Each is another writer, who knows nothing but what is in the pool.
            fill(pool.raw().writer().unwrap().try_loan().unwrap(), number);
        }
        let more = pool.raw().writer().unwrap();
        let lost = match (reliability, more.try_loan()) {
            (Reliability::Reliable, Err(Error::WouldBlock)) => 0,
            (Reliability::BestEffort, Ok(loan)) => {
                fill(loan, 5);
                assert_eq!(reader.try_recv().err(), Some(RecvError::Lagged(1)));
                1
            }
            (_, other) => panic!("{other:?}"),
        };
        for number in lost..5 + lost {
            check(&reader.try_recv().unwrap().unwrap(), number);
        }
    }
}
