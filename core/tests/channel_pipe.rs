//! The pipe in memory keeps what `pipe(7)` promises, and matches a plain queue under random
//! operations.

#[path = "../src/scaled.rs"]
mod scaled;
#[path = "support/woken.rs"]
mod woken;
#[path = "support/yielding.rs"]
mod yielding;

use ringway_core::Error;
use ringway_core::channel::pipe::{Pipe, Reader, Writer};
use ringway_core::channel::{Direction, State};
use ringway_core::wait::{Async, Nobody, Spin, SpinClock};
use scaled::scaled;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use woken::Woken;
use yielding::Yielding;

/// A clock that always says 100.
struct Hundred;

impl ringway_core::wait::Clock for Hundred {
    fn now() -> u64 {
        100
    }
}

/// Pseudorandom numbers (xorshift), the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

fn yielding<const N: usize>() -> Pipe<N, Yielding> {
    Pipe::new()
}

fn read_to_end<const N: usize>(mut reader: Reader<'_, N, Yielding>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut out = [0; 7];
    loop {
        match reader.read(&mut out).unwrap() {
            0 => return all,
            count => all.extend_from_slice(&out[..count]),
        }
    }
}

fn write_all<const N: usize>(writer: &mut Writer<'_, N, Yielding>, bytes: &[u8]) {
    assert_eq!(writer.write_all(bytes), Ok(()));
}

#[test]
fn bytes_arrive_in_order_and_end_with_the_writer() {
    let mut pipe = yielding::<13>();
    let (reader, mut writer) = pipe.split();
    let sent: Vec<u8> = (0..scaled(10_000)).map(|i| (i % 251) as u8).collect();
    let received = std::thread::scope(|s| {
        s.spawn(|| {
            let mut random = Random(7);
            let mut left = &sent[..];
            while !left.is_empty() {
                let (now, rest) = left.split_at((1 + random.below(40)).min(left.len()));
                write_all(&mut writer, now);
                left = rest;
            }
            drop(writer);
        });
        read_to_end(reader)
    });
    assert!(received == sent);
}

#[test]
fn empty_pipe_blocks_until_the_writer_closes() {
    let mut pipe: Pipe<8> = Pipe::new();
    let (mut reader, writer) = pipe.split();
    let mut out = [0; 8];
    assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
    drop(writer);
    assert_eq!(reader.try_read(&mut out), Ok(0));
    assert_eq!(reader.try_read(&mut out), Ok(0), "and stays so");
    assert_eq!(reader.read(&mut out), Ok(0));
}

#[test]
fn bytes_written_before_the_end_are_read_before_it() {
    let mut pipe: Pipe<8> = Pipe::new();
    let (mut reader, mut writer) = pipe.split();
    writer.try_write(b"last").unwrap();
    drop(writer);
    let mut out = [0; 3];
    assert_eq!(reader.try_read(&mut out), Ok(3));
    assert_eq!(reader.try_read(&mut out), Ok(1));
    assert_eq!(reader.try_read(&mut out), Ok(0));
}

#[test]
fn end_of_file_waits_for_the_last_writer() {
    let mut pipe: Pipe<8> = Pipe::new();
    let (mut reader, writer) = pipe.split();
    let second = writer.try_clone().unwrap();
    let third = second.try_clone().unwrap();
    let mut out = [0; 8];
    for writer in [writer, third, second] {
        assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
        drop(writer);
    }
    assert_eq!(reader.try_read(&mut out), Ok(0));
}

#[test]
fn every_writer_without_a_reader_gets_broken_pipe() {
    let mut pipe: Pipe<8> = Pipe::new();
    let (reader, mut writer) = pipe.split();
    let mut second = writer.try_clone().unwrap();
    drop(reader);
    assert_eq!(writer.try_write(b"x"), Err(Error::BrokenPipe));
    assert_eq!(second.write(b"x"), Err(Error::BrokenPipe));
    assert_eq!(second.try_clone().unwrap().try_write(b"x"), Err(Error::BrokenPipe));
}

#[test]
fn full_pipe_without_a_reader_is_broken() {
    let mut pipe: Pipe<4> = Pipe::new();
    let (reader, mut writer) = pipe.split();
    writer.try_write(b"full").unwrap();
    assert_eq!(writer.try_write(b"x"), Err(Error::WouldBlock));
    drop(reader);
    assert_eq!(writer.try_write(b"x"), Err(Error::BrokenPipe));
}

#[test]
fn empty_reads_and_writes_always_succeed() {
    let mut pipe: Pipe<4> = Pipe::new();
    let (mut reader, mut writer) = pipe.split();
    assert_eq!(writer.try_write(b""), Ok(0));
    assert_eq!(reader.try_read(&mut []), Ok(0));
    assert_eq!(reader.read(&mut []), Ok(0));
    drop(reader);
    assert_eq!(writer.write(b""), Ok(0));
}

#[test]
fn short_writes_are_atomic_and_long_ones_are_cut() {
    let mut pipe: Pipe<10> = Pipe::new();
    let (mut reader, mut writer) = pipe.split();
    assert_eq!(Pipe::<10>::ATOMIC, 10);
    assert_eq!(writer.try_write(&[1; 7]), Ok(7));
    assert_eq!(writer.try_write(&[2; 4]), Err(Error::WouldBlock));
    assert_eq!(writer.try_write(&[2; 3]), Ok(3));
    assert_eq!(writer.try_write(&[3; 11]), Err(Error::WouldBlock), "not one byte fits");
    let mut out = [0; 4];
    assert_eq!(reader.try_read(&mut out), Ok(4));
    assert_eq!(writer.try_write(&[3; 11]), Ok(4));
}

#[test]
fn atomic_bound_is_4096_for_larger_pipes() {
    static PIPE: Pipe<10_000> = Pipe::new();
    let (_reader, mut writer) = PIPE.open().unwrap();
    assert_eq!(writer.try_write(&[0; 7_000]), Ok(7_000));
    assert_eq!(writer.try_write(&[0; 4_000]), Err(Error::WouldBlock));
    assert_eq!(writer.try_write(&[0; 4_097]), Ok(3_000));
}

#[test]
fn ends_report_their_state() {
    let mut pipe: Pipe<4> = Pipe::new();
    let (mut reader, mut writer) = pipe.split();
    assert_eq!((reader.state(), writer.state()), (State::READER, State::WRITER));
    writer.try_write(b"x").unwrap();
    drop(writer);
    assert_eq!(reader.state(), State::READER, "there is something to read");
    reader.try_read(&mut [0]).unwrap();
    assert_eq!(
        reader.state(),
        State::Connected { send: Direction::Absent, recv: Direction::Ended }
    );
}

#[test]
fn open_pipe_is_taken_and_reopened_pipe_is_empty() {
    static PIPE: Pipe<8> = Pipe::new();
    let (reader, mut writer) = PIPE.open().unwrap();
    writer.try_write(b"unread").unwrap();
    assert_eq!(PIPE.open().err(), Some(Error::Taken));
    drop(reader);
    assert_eq!(PIPE.open().err(), Some(Error::Taken), "a writer is left");
    drop(writer);
    let (mut reader, mut writer) = PIPE.open().unwrap();
    let mut out = [0; 8];
    assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
    assert_eq!(writer.try_write(b"12345678"), Ok(8));
    assert_eq!(reader.try_read(&mut out), Ok(8));
    assert_eq!(&out, b"12345678");
}

#[test]
fn split_empties_the_pipe_after_a_forgotten_end() {
    let mut pipe: Pipe<8> = Pipe::new();
    let (reader, mut writer) = pipe.split();
    writer.try_write(b"unread").unwrap();
    std::mem::forget((reader, writer));
    let (mut reader, writer) = pipe.split();
    assert_eq!(reader.try_read(&mut [0; 8]), Err(Error::WouldBlock));
    drop(writer);
    assert_eq!(reader.try_read(&mut [0; 8]), Ok(0));
}

#[test]
#[cfg_attr(miri, ignore = "it takes tens of thousands of writers, and a minute")]
fn there_are_at_most_65536_writers() {
    let mut pipe: Pipe<1> = Pipe::new();
    let (mut reader, writer) = pipe.split();
    let mut writers = vec![writer];
    while let Ok(writer) = writers[0].try_clone() {
        writers.push(writer);
    }
    assert_eq!(writers.len(), 65_536);
    assert_eq!(writers[7].try_clone().err(), Some(Error::Exhausted));
    writers.pop();
    assert!(writers[0].try_clone().is_ok());
    writers.clear();
    assert_eq!(reader.try_read(&mut [0]), Ok(0));
}

#[test]
fn records_of_several_writers_are_never_mixed() {
    const WRITERS: u8 = 4;
    const EACH: usize = scaled(300);
    // Records of 2 to 9 bytes: the length, then the writer's number repeated.
    let mut pipe = yielding::<19>();
    let (reader, writer) = pipe.split();
    let received = std::thread::scope(|s| {
        for number in 0..WRITERS {
            let mut writer = writer.try_clone().unwrap();
            s.spawn(move || {
                let mut random = Random(100 + u64::from(number));
                for _ in 0..EACH {
                    let length = 2 + random.below(8);
                    let mut record = [number; 9];
                    record[0] = length as u8;
                    write_all(&mut writer, &record[..length]);
                }
            });
        }
        drop(writer);
        read_to_end(reader)
    });
    let mut counts = [0; WRITERS as usize];
    let mut left = &received[..];
    while let Some(&length) = left.first() {
        let (record, rest) = left.split_at(usize::from(length));
        assert!(record[1..].iter().all(|&byte| byte == record[1]), "{record:?}");
        counts[usize::from(record[1])] += 1;
        left = rest;
    }
    assert_eq!(counts, [EACH; WRITERS as usize]);
}

#[test]
fn reader_close_wakes_a_blocked_writer() {
    let mut pipe = yielding::<4>();
    let (reader, mut writer) = pipe.split();
    writer.try_write(b"full").unwrap();
    std::thread::scope(|s| {
        let blocked = s.spawn(move || writer.write(b"more"));
        drop(reader);
        assert_eq!(blocked.join().unwrap(), Err(Error::BrokenPipe));
    });
}

#[test]
fn write_all_leaves_the_rest_when_the_reader_closes() {
    let mut pipe = yielding::<4>();
    let (mut reader, mut writer) = pipe.split();
    std::thread::scope(|s| {
        let writing = s.spawn(move || {
            let mut left = &[0; 100][..];
            (writer.write_all_deadline(&mut left, None), left.len())
        });
        let mut read = 0;
        while read < 10 {
            read += reader.read(&mut [0; 3]).unwrap();
        }
        drop(reader);
        let (answer, left) = writing.join().unwrap();
        assert_eq!(answer, Err(Error::BrokenPipe));
        assert!((read..100).contains(&(100 - left)), "{left}");
    });
}

#[test]
fn try_forms_work_without_a_waiter() {
    let mut pipe = Pipe::<8, Nobody>::new();
    let (mut reader, mut writer) = pipe.split();
    let mut second = writer.try_clone().unwrap();
    assert_eq!(writer.try_write(b"one"), Ok(3));
    assert_eq!(second.try_write_all(b"two"), Ok(()));
    let mut out = [0; 6];
    assert_eq!(reader.try_read_exact(&mut out), Ok(()));
    assert_eq!(&out, b"onetwo");
    drop((writer, second));
    assert_eq!(reader.try_read(&mut out), Ok(0));
}

#[test]
fn try_write_all_and_try_read_exact_are_atomic() {
    let mut pipe = Pipe::<8>::new();
    assert_eq!(pipe.capacity(), 8);
    let (mut reader, mut writer) = pipe.split();
    let mut out = [0; 4];
    assert_eq!(writer.try_write_all(&[1; 8]), Ok(()));
    assert_eq!(reader.try_read_exact(&mut [0; 8]), Ok(()));
    assert_eq!(writer.try_write_all(&[1; 9]), Err(Error::MessageTooLarge { max: 8 }));
    assert_eq!(writer.try_write_all(b"abcdef"), Ok(()));
    assert_eq!(writer.try_write_all(b"ghi"), Err(Error::WouldBlock));
    assert_eq!(reader.try_read_exact(&mut [0; 9]), Err(Error::MessageTooLarge { max: 8 }));
    assert_eq!(reader.try_read_exact(&mut out), Ok(()));
    assert_eq!(&out, b"abcd");
    assert_eq!(reader.try_read_exact(&mut out), Err(Error::WouldBlock));
    drop(writer);
    assert_eq!(reader.try_read_exact(&mut out), Err(Error::EndOfFile));
    assert_eq!(reader.try_read_exact(&mut out[..2]), Ok(()), "what did not suffice is still there");
    assert_eq!(&out[..2], b"ef");
}

#[test]
fn read_exact_waits_for_all_and_leaves_the_missing() {
    let mut pipe = yielding::<4>();
    let (mut reader, mut writer) = pipe.split();
    let mut all = [0; 10];
    std::thread::scope(|s| {
        s.spawn(move || writer.write_all(b"0123456789abc").unwrap());
        assert_eq!(reader.read_exact(&mut all), Ok(()));
        assert_eq!(&all, b"0123456789");
        let mut missing = &mut all[..];
        let answer = reader.read_exact_deadline(&mut missing, None);
        assert_eq!((answer, missing.len()), (Err(Error::EndOfFile), 7));
    });
    assert_eq!(&all[..3], b"abc");

    let mut pipe = Pipe::<4, SpinClock<Hundred>>::new();
    let (mut reader, mut writer) = pipe.split();
    writer.try_write(b"xyz").unwrap();
    let mut missing = &mut all[..];
    assert_eq!(reader.read_exact_deadline(&mut missing, Some(99)), Err(Error::TimedOut));
    assert_eq!(missing.len(), 7);
    let mut left = &b"123456"[..];
    assert_eq!(writer.write_all_deadline(&mut left, Some(99)), Err(Error::TimedOut));
    assert_eq!(left, b"56");
}

#[test]
fn task_writes_all_and_reads_exactly_in_steps() {
    let mut pipe = Pipe::<4, Async<Spin>>::new();
    let (mut reader, mut writer) = pipe.split();
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = [0; 6];
    {
        let mut write = pin!(writer.write_all_async(b"0123456789"));
        let mut read = pin!(reader.read_exact_async(&mut out));
        assert!(write.as_mut().poll(&mut cx).is_pending());
        assert!(read.as_mut().poll(&mut cx).is_pending());
        assert!(write.as_mut().poll(&mut cx).is_pending());
        assert_eq!(read.poll(&mut cx), Poll::Ready(Ok(())));
        assert_eq!(write.poll(&mut cx), Poll::Ready(Ok(())));
    }
    assert_eq!(&out, b"012345");
    drop(writer);
    let end = pin!(reader.read_exact_async(&mut out)).poll(&mut cx);
    assert_eq!(end, Poll::Ready(Err(Error::EndOfFile)));
    assert_eq!(&out[..4], b"6789");
}

#[test]
fn timeout_leaves_the_pipe_unchanged() {
    let mut pipe = Pipe::<4, SpinClock<Hundred>>::new();
    let (mut reader, mut writer) = pipe.split();
    let mut out = [0; 8];
    assert_eq!(reader.read_deadline(&mut out, Some(99)), Err(Error::TimedOut));
    assert_eq!(writer.write_deadline(b"abc", Some(0)), Ok(3), "a past deadline is a try");
    assert_eq!(writer.write_deadline(b"de", Some(100)), Err(Error::TimedOut), "all or nothing");
    assert_eq!(writer.write_deadline(b"defgh", Some(100)), Ok(1), "longer than the bound");
    assert_eq!(reader.read_deadline(&mut out, Some(0)), Ok(4));
    assert_eq!(&out[..4], b"abcd");
}

#[test]
fn tasks_are_woken_by_bytes_room_and_closing() {
    let pipe = Pipe::<4, Async<Spin>>::new();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    let mut out = [0; 4];

    let (mut reader, mut writer) = pipe.open().unwrap();
    assert!(reader.poll_read(&mut cx, &mut out).is_pending());
    writer.try_write(b"full").unwrap();
    assert_eq!(woken.count(), 1, "bytes");
    assert!(writer.poll_write(&mut cx, b"x").is_pending());
    assert_eq!(reader.poll_read(&mut cx, &mut out), Poll::Ready(Ok(4)));
    assert_eq!(woken.count(), 2, "room");
    assert!(reader.poll_read(&mut cx, &mut out).is_pending());
    drop(writer);
    assert_eq!(woken.count(), 3, "the end");
    assert_eq!(reader.poll_read(&mut cx, &mut out), Poll::Ready(Ok(0)));
    drop(reader);

    let (reader, mut writer) = pipe.open().unwrap();
    writer.try_write(b"full").unwrap();
    assert!(writer.poll_write(&mut cx, b"x").is_pending());
    drop(reader);
    assert_eq!(woken.count(), 4, "the broken pipe");
    assert_eq!(writer.poll_write(&mut cx, b"x"), Poll::Ready(Err(Error::BrokenPipe)));
}

#[test]
fn cancelled_future_reads_and_writes_nothing() {
    let mut pipe = Pipe::<4, Async<Spin>>::new();
    let (mut reader, mut writer) = pipe.split();
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = [0; 4];
    assert!(pin!(reader.read_async(&mut out)).poll(&mut cx).is_pending());
    writer.try_write(b"abc").unwrap();
    assert!(pin!(writer.write_async(b"de")).poll(&mut cx).is_pending());
    assert_eq!(reader.try_read(&mut out), Ok(3));
    assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
}

/// Does the same random operations on a pipe and on a simple queue, and compares the results.
#[test]
fn random_operations_match_a_plain_queue() {
    const N: usize = 9;
    for seed in 1..=scaled(200) as u64 {
        let mut random = Random(seed);
        let pipe: Pipe<N> = Pipe::new();
        let (reader, writer) = pipe.open().unwrap();
        let (mut reader, mut writers) = (Some(reader), vec![writer]);
        let mut queue = VecDeque::new();
        let mut next = 0u8;
        for _ in 0..scaled(400) {
            match random.below(20) {
                0..8 => {
                    let which = random.below(writers.len().max(1));
                    let Some(writer) = writers.get_mut(which) else { continue };
                    let bytes: Vec<u8> =
                        (0..random.below(2 * N)).map(|i| next.wrapping_add(i as u8)).collect();
                    let free = N - queue.len();
                    let expected = match bytes.len() {
                        0 => Ok(0),
                        _ if reader.is_none() => Err(Error::BrokenPipe),
                        long if long > N && free > 0 => Ok(free),
                        short if short <= free => Ok(short),
                        _ => Err(Error::WouldBlock),
                    };
                    assert_eq!(writer.try_write(&bytes), expected, "seed {seed}");
                    if let Ok(count) = expected {
                        queue.extend(&bytes[..count]);
                        next = next.wrapping_add(count as u8);
                    }
                }
                8..17 => {
                    let Some(reader) = reader.as_mut() else { continue };
                    let mut out = vec![0; random.below(2 * N)];
                    let expected: Vec<u8> = queue.iter().copied().take(out.len()).collect();
                    let answer = if out.is_empty() {
                        Ok(0)
                    } else if queue.is_empty() && !writers.is_empty() {
                        Err(Error::WouldBlock)
                    } else {
                        Ok(expected.len())
                    };
                    assert_eq!(reader.try_read(&mut out), answer, "seed {seed}");
                    assert_eq!(out[..expected.len()], expected, "seed {seed}");
                    queue.drain(..expected.len());
                }
                17 => writers.extend(writers.first().map(|first| first.try_clone().unwrap())),
                18 if writers.len() > 1 || random.below(20) == 0 => {
                    writers.pop();
                }
                19 if random.below(40) == 0 => reader = None,
                _ => {}
            }
            if reader.is_none() && writers.is_empty() {
                let (new_reader, new_writer) = pipe.open().unwrap();
                (reader, writers) = (Some(new_reader), vec![new_writer]);
                queue.clear();
            } else {
                assert_eq!(pipe.open().err(), Some(Error::Taken));
            }
        }
    }
}
