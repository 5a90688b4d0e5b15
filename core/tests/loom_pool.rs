//! Models of the pool: nobody writes a frame that a reader has pinned, a reliable reader misses
//! nothing, each other one learns what it missed, and nobody sleeps for ever.
//!
//! Loom watches the bytes of each frame: the writer and a reader that used them at the same time
//! would fail the model. In these models a pool has two places for readers.
#![cfg(loom)]

mod support;

use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::RecvError;
use ringway_core::ring::pool::{Pool, Reader, Reliability, Writer};
use ringway_core::wait::{Async, Wake};
use std::pin::pin;
use support::thread;
use support::{ModelFutex, Place, Task, model};

const DEAD: Participant = Participant::new(9).unwrap();

/// Publishes `count` frames in a thread, each with its number as its content. A frame that readers
/// keep is not taken: then it yields, or stops if it may `evict`.
fn publish<const N: usize, W: Wake + Sync>(
    pool: &'static Pool<N, 1, W>,
    count: u8,
    evict: bool,
) -> thread::JoinHandle<()> {
    let writer = pool.raw().writer().expect("nobody else has the half");
    thread::spawn(move || fill(&writer, count, evict))
}

fn fill<W: Wake>(writer: &Writer<'_, W>, count: u8, evict: bool) {
    for _ in 0..count {
        let number = writer.pool().published() as u8;
        let loan = loop {
            match if evict { writer.try_loan_or_evict() } else { writer.try_loan() } {
                Ok(loan) => break Some(loan),
                Err(_) if evict => break None,
                Err(_) => thread::yield_now(),
            }
        };
        let Some(mut loan) = loan else { return };
        loan[0] = number;
        assert_eq!(loan.publish() as u8, number);
    }
}

/// Receives once; says how many publications that passed.
fn receive<W: Wake>(reader: &Reader<'_, W>, expected: u32) -> u32 {
    match reader.try_recv() {
        Ok(Some(frame)) => {
            assert_eq!((frame.number(), frame[0]), (expected, expected as u8));
            1
        }
        Err(RecvError::Lagged(missed)) => {
            assert!(missed > 0);
            missed as u32
        }
        Ok(None) => 0,
        Err(other) => panic!("{other} without waiting"),
    }
}

#[test]
fn a_pinned_frame_is_not_written() {
    model(Some(3), || {
        let pool = Place::new(<Pool<2, 1>>::new());
        let reader = pool.get().raw().reader(Reliability::BestEffort).unwrap();
        fill(&pool.get().raw().writer().unwrap(), 1, true);
        let writer = publish(pool.get(), 2, true);
        let mut expected = 0;
        for _ in 0..2 {
            expected += receive(&reader, expected);
        }
        writer.join().unwrap();
        loop {
            match receive(&reader, expected) {
                0 => break,
                passed => expected += passed,
            }
        }
        assert_eq!(expected, pool.get().raw().published());
    });
}

/// The reader is the spawned one: what it looks at just before its steps is not hidden by loom.
#[test]
fn a_frame_is_written_only_when_it_is_unpinned() {
    model(Some(3), || {
        let pool = Place::new(<Pool<1, 1>>::new());
        let reader = pool.get().raw().reader(Reliability::BestEffort).unwrap();
        let writer = pool.get().raw().writer().unwrap();
        fill(&writer, 1, true);
        let reading = thread::spawn(move || {
            let mut expected = 0;
            for _ in 0..2 {
                expected += receive(&reader, expected);
            }
            expected
        });
        fill(&writer, 1, true);
        assert!(reading.join().unwrap() <= pool.get().raw().published());
    });
}

fn a_reliable_reader_gets_all<const N: usize>() {
    model(Some(2), || {
        let pool = Place::new(<Pool<N, 1>>::new());
        let reader = pool.get().raw().reader(Reliability::Reliable).unwrap();
        let writer = publish(pool.get(), 2, false);
        let mut expected = 0;
        while expected < 2 {
            match reader.try_recv() {
                Ok(Some(frame)) => {
                    assert_eq!((frame.number(), frame[0]), (expected, expected as u8));
                    expected += 1;
                }
                Ok(None) => thread::yield_now(),
                Err(lost) => panic!("{lost}"),
            }
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_reliable_reader_misses_nothing_in_one_frame() {
    a_reliable_reader_gets_all::<1>();
}

#[test]
fn a_reliable_reader_misses_nothing_in_two_frames() {
    a_reliable_reader_gets_all::<2>();
}

/// The reader is the spawned one. It finds the frame of each publication in the line.
#[test]
fn a_reader_follows_the_line() {
    model(Some(3), || {
        let pool = Place::new(<Pool<2, 1>>::new());
        let reader = pool.get().raw().reader(Reliability::Reliable).unwrap();
        let writer = pool.get().raw().writer().unwrap();
        // The first frame is lent, so that each publication has the second one.
        let _lent = writer.try_loan().unwrap();
        let reading = thread::spawn(move || match reader.try_recv() {
            Ok(Some(frame)) => assert_eq!((frame.number(), frame[0]), (0, 0)),
            Ok(None) => {}
            Err(lost) => panic!("{lost}"),
        });
        fill(&writer, 1, false);
        reading.join().unwrap();
    });
}

/// The reader that leaves forgets its frame, which it has read.
#[test]
fn a_reader_that_leaves_lets_go_of_all_frames() {
    model(Some(2), || {
        let pool = Place::new(<Pool<1, 1>>::new());
        let reader = pool.get().raw().reader(Reliability::Reliable).unwrap();
        let writer = pool.get().raw().writer().unwrap();
        fill(&writer, 1, false);
        let leaving = thread::spawn(move || {
            let frame = reader.try_recv().unwrap().unwrap();
            assert_eq!(frame[0], 0);
            core::mem::forget(frame);
        });
        fill(&writer, 1, false);
        leaving.join().unwrap();
    });
}

#[test]
fn a_reliable_reader_may_come_at_any_time() {
    model(Some(2), || {
        let pool = Place::new(<Pool<1, 1>>::new());
        let writer = pool.get().raw().writer().unwrap();
        let coming = {
            let pool = pool.get();
            thread::spawn(move || {
                let reader = pool.raw().reader(Reliability::Reliable).unwrap();
                // It takes one publication, if there is one, and leaves.
                let got = reader.try_recv().expect("the writer waits for it");
                assert!(got.is_none_or(|frame| u32::from(frame[0]) == frame.number()));
            })
        };
        for number in 0..2 {
            if let Ok(mut loan) = writer.try_loan() {
                loan[0] = number;
                loan.publish();
            }
        }
        coming.join().unwrap();
    });
}

#[test]
fn two_readers_pin_the_same_frame() {
    model(Some(2), || {
        let pool = Place::new(<Pool<1, 1>>::new());
        let read = |reader: Reader<'static, _>| move || _ = receive(&reader, 0);
        let first = pool.get().raw().reader(Reliability::BestEffort).unwrap();
        let second = pool.get().raw().reader(Reliability::BestEffort).unwrap();
        let writer = pool.get().raw().writer().unwrap();
        fill(&writer, 1, true);
        let other = thread::spawn(read(second));
        let writing = thread::spawn(move || fill(&writer, 1, true));
        if let Ok(Some(frame)) = first.try_recv() {
            assert_eq!((frame.number(), frame[0]), (0, 0));
        }
        other.join().unwrap();
        writing.join().unwrap();
    });
}

#[test]
fn publications_and_frames_wake_the_sleepers() {
    model(Some(2), || {
        let pool = Place::new(Pool::<1, 1, ModelFutex>::new());
        let reader = pool.get().raw().reader(Reliability::Reliable).unwrap();
        let writer = pool.get().raw().writer().unwrap();
        let writing = thread::spawn(move || {
            for number in 0..2 {
                let mut loan = writer.loan_deadline(None).unwrap();
                loan[0] = number;
                loan.publish();
            }
            writer.close();
        });
        for number in 0..2 {
            assert_eq!(reader.recv_deadline(None).unwrap()[0], number);
        }
        assert_eq!(reader.recv_deadline(None).err(), Some(RecvError::EndOfFile));
        writing.join().unwrap();
    });
}

#[test]
fn a_publication_and_the_end_wake_a_task() {
    model(Some(2), || {
        let pool = Place::new(Pool::<1, 1, Async<ModelFutex>>::new());
        let reader = pool.get().raw().reader(Reliability::Reliable).unwrap();
        let writer = pool.get().raw().writer().unwrap();
        let writing = thread::spawn(move || {
            fill(&writer, 1, false);
            writer.close();
        });
        let task = Task::new();
        let number =
            task.block_on(|cx| pin!(reader.recv_async()).poll(cx).map(|got| got.unwrap()[0]));
        assert_eq!(number, 0);
        let end = task.block_on(|cx| pin!(reader.recv_async()).poll(cx).map(|got| got.err()));
        assert_eq!(end, Some(RecvError::EndOfFile));
        writing.join().unwrap();
    });
}

/// What the dead reader read happens before what the writer writes into its frame.
#[test]
fn recovery_frees_the_frame_of_a_dead_reader() {
    model(Some(2), || {
        let pool = Place::new(<Pool<1, 1>>::new());
        let raw = pool.get().raw();
        let reader = raw.reader_as(DEAD, Reliability::Reliable).unwrap();
        let writer = raw.writer().unwrap();
        fill(&writer, 1, false);
        let dead = thread::spawn(move || {
            let frame = reader.try_recv().unwrap().unwrap();
            assert_eq!(frame[0], 0);
            core::mem::forget(frame);
            core::mem::forget(reader);
        });
        let recoverer = thread::spawn(move || {
            dead.join().unwrap();
            // SAFETY: the thread of the dead participant has ended, and nobody else acts for it.
            unsafe { raw.recover(DEAD) }
        });
        fill(&writer, 1, false);
        assert_eq!(recoverer.join().unwrap(), 1);
    });
}

/// Two contexts recover a dead reader; another one takes its place meanwhile, and pins the frame.
#[test]
fn recovery_leaves_the_next_holders_pins_alone() {
    model(Some(2), || {
        let pool = Place::new(<Pool<1, 1>>::new());
        let raw = pool.get().raw();
        let dead = raw.reader_as(DEAD, Reliability::Reliable).unwrap();
        let writer = raw.writer().unwrap();
        fill(&writer, 1, false);
        assert!(matches!(dead.try_recv().map(|frame| frame.map(core::mem::forget)), Ok(Some(()))));
        core::mem::forget(dead);
        let recover = move || {
            // SAFETY: the participant has taken its last step.
            unsafe { raw.recover(DEAD) }
        };
        let other = thread::spawn(recover);
        let held = recover();
        let mut next = raw.reader(Reliability::BestEffort).unwrap();
        next.rewind(1);
        if let Ok(Some(frame)) = next.try_recv() {
            // Pinned, whatever the other recovery does.
            assert!(writer.try_loan_or_evict().is_err());
            assert_eq!(frame[0], 0);
        }
        assert_eq!(held + other.join().unwrap(), 1);
    });
}

/// A writer dies after any of its steps; the next one goes on with all frames.
#[test]
fn the_next_writer_has_all_frames() {
    model(Some(3), || {
        let pool = Place::new(<Pool<1, 1>>::new());
        let raw = pool.get().raw();
        let reader = raw.reader(Reliability::BestEffort).unwrap();
        let writer = raw.writer_as(DEAD).unwrap();
        core::mem::forget(writer.try_loan());
        core::mem::forget(writer);
        let reading = thread::spawn(move || _ = receive(&reader, 0));
        // SAFETY: the participant has taken its last step.
        assert_eq!(unsafe { raw.recover(DEAD) }, 1);
        let writer = raw.writer().expect("it was given back");
        fill(&writer, 1, false);
        reading.join().unwrap();
        assert_eq!(raw.published(), 1);
    });
}
