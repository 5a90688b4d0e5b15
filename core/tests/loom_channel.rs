//! Loom models of pipes, FIFOs and sockets.
//!
//! Ends open and close at once, the last write races with the end of file, several writers write,
//! and no context may sleep for ever.
#![cfg(loom)]

mod support;

use ringway_core::Error;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe::{Pipe, Reader};
use ringway_core::channel::socket::{Connection, Network, Shutdown};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Async, Wait};
use support::thread;
use support::{ModelFutex, Place, Task, model};

fn pipe<const N: usize>() -> Pipe<N, ModelFutex> {
    Pipe::new()
}

/// Reads everything up to the end of file.
fn read_to_end<const N: usize, W: Wait>(reader: &mut Reader<'_, N, W>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut out = [0; 2];
    loop {
        match reader.read(&mut out).unwrap() {
            0 => return all,
            count => all.extend_from_slice(&out[..count]),
        }
    }
}

/// Repeats an attempt, yielding, until it neither would block nor finds its end taken.
macro_rules! insist {
    ($attempt:expr) => {
        loop {
            match $attempt {
                Err(Error::WouldBlock | Error::Taken) => thread::yield_now(),
                other => break other,
            }
        }
    };
}

mod pipes {
    use super::*;

    #[test]
    fn end_of_file_comes_after_the_last_write() {
        model(Some(4), || {
            let pipe = Place::new(pipe::<2>());
            let (mut reader, mut writer) = pipe.get().open().unwrap();
            let writing = thread::spawn(move || {
                assert_eq!(writer.write(b"a"), Ok(1));
            });
            assert_eq!(read_to_end(&mut reader), b"a");
            writing.join().unwrap();
        });
    }

    #[test]
    fn try_read_finds_the_end_only_after_the_last_write() {
        model(None, || {
            let pipe = Place::new(<Pipe<2>>::new());
            let (mut reader, mut writer) = pipe.get().open().unwrap();
            let reading = thread::spawn(move || {
                // Try once, in the spawned thread. Loom shows the newest value to a thread that has
                // yielded, and it does not interrupt the first thread at its loads.
                let looked = reader.try_read(&mut [0; 2]);
                assert!(matches!(looked, Ok(1) | Err(Error::WouldBlock)), "{looked:?}");
                // Do not drop the reader here: the writer would find the pipe broken.
                reader
            });
            assert_eq!(writer.try_write(b"a"), Ok(1));
            drop(writer);
            drop(reading.join().unwrap());
        });
    }

    #[test]
    fn records_of_two_writers_are_not_mixed() {
        model(Some(3), || {
            let pipe = Place::new(pipe::<4>());
            let (mut reader, writer) = pipe.get().open().unwrap();
            let writings = [b"aa", b"bb"].map(|record| {
                let mut writer = writer.try_clone().unwrap();
                thread::spawn(move || assert_eq!(writer.write(record), Ok(2)))
            });
            for writing in writings {
                writing.join().unwrap();
            }
            let mut out = [0; 4];
            assert_eq!(reader.try_read(&mut out), Ok(4));
            assert!(&out == b"aabb" || &out == b"bbaa", "{out:?}");
        });
    }

    #[test]
    fn writer_waits_for_room_that_another_took() {
        model(Some(2), || {
            let pipe = Place::new(pipe::<1>());
            let (mut reader, mut writer) = pipe.get().open().unwrap();
            let mut other = writer.try_clone().unwrap();
            let writing = thread::spawn(move || assert_eq!(other.write(b"a"), Ok(1)));
            let reading = thread::spawn(move || {
                let mut out = [[0]; 2];
                for byte in &mut out {
                    assert_eq!(reader.read(byte), Ok(1));
                }
                assert!(out == [*b"a", *b"b"] || out == [*b"b", *b"a"], "{out:?}");
            });
            assert_eq!(writer.write(b"b"), Ok(1));
            writing.join().unwrap();
            reading.join().unwrap();
        });
    }

    #[test]
    fn waiting_writer_gets_the_lock_without_a_read() {
        model(None, || {
            let pipe = Place::new(pipe::<2>());
            let (mut reader, mut writer) = pipe.get().open().unwrap();
            let mut other = writer.try_clone().unwrap();
            let writing = thread::spawn(move || {
                assert_eq!(other.write(b"a"), Ok(1));
                other
            });
            assert_eq!(writer.write(b"b"), Ok(1));
            let other = writing.join().unwrap();
            let mut out = [0; 2];
            assert_eq!(reader.try_read(&mut out), Ok(2));
            assert!(&out == b"ab" || &out == b"ba");
            drop(other);
        });
    }

    #[test]
    fn lone_writer_goes_on_where_the_other_stopped() {
        model(None, || {
            let pipe = Place::new(<Pipe<2>>::new());
            let (mut reader, mut writer) = pipe.get().open().unwrap();
            let mut other = writer.try_clone().unwrap();
            let writing = thread::spawn(move || assert_eq!(insist!(other.try_write(b"a")), Ok(1)));
            assert_eq!(insist!(writer.try_write(b"b")), Ok(1));
            writing.join().unwrap();
            let mut out = [0; 2];
            assert_eq!(reader.try_read(&mut out), Ok(2));
            assert!(&out == b"ab" || &out == b"ba", "{out:?}");
        });
    }

    #[test]
    fn two_nonwaiting_writers_take_turns() {
        model(None, || {
            let pipe = Place::new(<Pipe<2>>::new());
            let (mut reader, mut writer) = pipe.get().open().unwrap();
            let mut other = writer.try_clone().unwrap();
            let writing = thread::spawn(move || {
                assert_eq!(insist!(other.try_write(b"a")), Ok(1));
                other
            });
            let mut out = [0; 2];
            assert_eq!(insist!(writer.try_write(b"b")), Ok(1));
            assert_eq!(reader.try_read(&mut out[..1]), Ok(1));
            let _other = writing.join().unwrap();
            if out[0] == b'b' || out[0] == b'a' {
                assert_eq!(reader.try_read(&mut out[1..]), Ok(1));
            }
            assert!(&out == b"ab" || &out == b"ba", "{out:?}");
        });
    }

    #[test]
    fn reader_close_wakes_a_blocked_writer() {
        model(None, || {
            let pipe = Place::new(pipe::<1>());
            let (reader, mut writer) = pipe.get().open().unwrap();
            assert_eq!(writer.try_write(b"a"), Ok(1));
            let writing = thread::spawn(move || {
                assert_eq!(writer.write(b"b"), Err(Error::BrokenPipe));
            });
            drop(reader);
            writing.join().unwrap();
        });
    }

    #[test]
    fn last_writer_close_wakes_a_blocked_reader() {
        model(None, || {
            let pipe = Place::new(pipe::<1>());
            let (mut reader, writer) = pipe.get().open().unwrap();
            let other = writer.try_clone().unwrap();
            let closing = thread::spawn(move || drop(other));
            let reading = thread::spawn(move || assert_eq!(reader.read(&mut [0]), Ok(0)));
            drop(writer);
            closing.join().unwrap();
            reading.join().unwrap();
        });
    }

    #[test]
    fn pipe_is_empty_after_both_ends_close_at_once() {
        model(Some(3), || {
            let pipe = Place::new(<Pipe<2>>::new());
            let (mut reader, mut writer) = pipe.get().open().unwrap();
            let closings = [
                thread::spawn(move || {
                    let _ = writer.try_write(b"a");
                }),
                thread::spawn(move || {
                    let _ = reader.try_read(&mut [0]);
                }),
            ];
            let (mut reader, mut writer) = insist!(pipe.get().open()).unwrap();
            let mut out = [0; 2];
            assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
            assert_eq!(writer.try_write(b"bc"), Ok(2));
            assert_eq!(reader.try_read(&mut out), Ok(2));
            assert_eq!(&out, b"bc");
            for closing in closings {
                closing.join().unwrap();
            }
        });
    }

    #[test]
    fn open_racing_with_close_finds_the_pipe_empty() {
        model(None, || {
            let pipe = Place::new(<Pipe<2>>::new());
            let place = pipe.get();
            let (mut reader, mut writer) = place.open().unwrap();
            let opening = thread::spawn(move || {
                // Try once, in the spawned thread: loom shows the newest value to a thread that has
                // yielded.
                let Ok((mut reader, mut writer)) = place.open() else { return };
                let mut out = [0; 2];
                assert_eq!(reader.try_read(&mut out), Err(Error::WouldBlock));
                assert_eq!(writer.try_write(b"bc"), Ok(2));
                assert_eq!(reader.try_read(&mut out), Ok(2));
                assert_eq!(&out, b"bc");
            });
            assert_eq!(writer.try_write(b"a"), Ok(1));
            assert_eq!(reader.try_read(&mut [0]), Ok(1));
            drop((reader, writer));
            opening.join().unwrap();
        });
    }

    #[test]
    fn write_racing_with_reader_close_succeeds_or_breaks() {
        model(None, || {
            let pipe = Place::new(pipe::<2>());
            let (reader, mut writer) = pipe.get().open().unwrap();
            let closing = thread::spawn(move || drop(reader));
            assert!(matches!(writer.write(b"a"), Ok(1) | Err(Error::BrokenPipe)));
            closing.join().unwrap();
            assert_eq!(writer.write(b"b"), Err(Error::BrokenPipe));
        });
    }

    #[test]
    fn tasks_are_woken_by_bytes_room_and_the_end() {
        model(Some(3), || {
            let pipe = Place::new(Pipe::<1, Async<ModelFutex>>::new());
            let (mut reader, mut writer) = pipe.get().open().unwrap();
            let writing = thread::spawn(move || {
                let task = Task::new();
                for byte in [b"a", b"b"] {
                    assert_eq!(task.block_on(|cx| writer.poll_write(cx, byte)), Ok(1));
                }
            });
            let task = Task::new();
            let mut out = [0];
            for byte in [b"a", b"b"] {
                assert_eq!(task.block_on(|cx| reader.poll_read(cx, &mut out)), Ok(1));
                assert_eq!(&out, byte);
            }
            assert_eq!(task.block_on(|cx| reader.poll_read(cx, &mut out)), Ok(0));
            writing.join().unwrap();
        });
    }
}

mod fifos {
    use super::*;

    fn names<const NAMES: usize>() -> Place<Registry<NAMES, 2, ModelFutex>> {
        Place::new(Registry::new())
    }

    #[test]
    fn opens_meet_though_the_writer_closes_at_once() {
        model(Some(3), || {
            let names = names::<1>();
            let names = names.get();
            names.try_create(b"n").unwrap();
            let writing = thread::spawn(move || drop(names.open_writer(b"n").unwrap()));
            let mut reader = names.open_reader(b"n").unwrap();
            assert_eq!(reader.read(&mut [0]), Ok(0));
            writing.join().unwrap();
        });
    }

    #[test]
    fn opens_meet_though_the_reader_closes_at_once() {
        model(Some(3), || {
            let names = names::<1>();
            let names = names.get();
            names.try_create(b"n").unwrap();
            let reading = thread::spawn(move || drop(names.open_reader(b"n").unwrap()));
            let mut writer = names.open_writer(b"n").unwrap();
            assert!(matches!(writer.try_write(b"a"), Ok(1) | Err(Error::BrokenPipe)));
            reading.join().unwrap();
        });
    }

    #[test]
    fn each_open_sees_what_preceded_the_other() {
        model(None, || {
            let place = names::<1>();
            let names = place.get();
            names.try_create(b"n").unwrap();
            let flags = Place::new([AtomicU32::new(0), AtomicU32::new(0)]);
            let [here, there] = flags.get();
            // Relaxed: opening the two ends has to order these accesses.
            let opening = thread::spawn(move || {
                there.store(1, Ordering::Relaxed);
                let writer = names.open_writer(b"n").unwrap();
                assert_eq!(here.load(Ordering::Relaxed), 1);
                writer
            });
            here.store(1, Ordering::Relaxed);
            let reader = names.open_reader(b"n").unwrap();
            assert_eq!(there.load(Ordering::Relaxed), 1);
            drop((reader, opening.join().unwrap()));
        });
    }

    #[test]
    fn two_creates_at_once_make_one_name() {
        model(None, || {
            let names = names::<2>();
            let names = names.get();
            let making = thread::spawn(move || names.create(b"n"));
            let mut made = [names.create(b"n"), making.join().unwrap()];
            made.sort_by_key(Result::is_err);
            assert_eq!(made, [Ok(()), Err(Error::AddressInUse)]);
        });
    }

    #[test]
    fn open_racing_with_remove_never_gets_another_fifo() {
        model(None, || {
            let names = names::<1>();
            let names = names.get();
            names.try_create(b"n").unwrap();
            let opening = thread::spawn(move || insist!(names.try_open_reader(b"n")));
            names.remove(b"n").unwrap();
            let made = names.create(b"m");
            match opening.join().unwrap() {
                Ok(_reader) => assert_eq!(made, Err(Error::Exhausted), "it has the place"),
                Err(error) => assert_eq!((error, made), (Error::NotFound, Ok(()))),
            }
        });
    }

    #[test]
    fn closing_ends_leave_bytes_to_the_next_or_nobody() {
        model(Some(2), || {
            let place = names::<1>();
            let names = place.get();
            names.try_create(b"n").unwrap();
            let mut reader = names.try_open_reader(b"n").unwrap();
            let mut writer = names.try_open_writer(b"n").unwrap();
            let closings = [
                thread::spawn(move || {
                    let _ = writer.try_write(b"a");
                }),
                thread::spawn(move || {
                    let _ = reader.try_read(&mut [0]);
                }),
            ];
            let mut out = [0; 2];
            let mut reader = insist!(names.try_open_reader(b"n")).unwrap();
            match reader.try_read(&mut out) {
                Ok(1) => assert_eq!(out[0], b'a'),
                other => assert!(matches!(other, Ok(0) | Err(Error::WouldBlock)), "{other:?}"),
            }
            for closing in closings {
                closing.join().unwrap();
            }
        });
    }

    #[test]
    fn writer_opening_a_just_closed_fifo_starts_empty() {
        model(None, || {
            let place = names::<1>();
            let names = place.get();
            names.try_create(b"n").unwrap();
            let mut reader = names.try_open_reader(b"n").unwrap();
            let mut writer = names.try_open_writer(b"n").unwrap();
            writer.try_write(b"ab").unwrap();
            drop(writer);
            let closing = thread::spawn(move || {
                assert_eq!(reader.try_read(&mut [0]), Ok(1));
            });
            // This times out when there is no reader. Until then the writer is counted, so that a
            // writer is the first end to open.
            let opened = names.open_writer_deadline(b"n", Some(()));
            closing.join().unwrap();
            drop(opened);
            let mut reader = names.try_open_reader(b"n").unwrap();
            let mut writer = names.try_open_writer(b"n").unwrap();
            assert_eq!(writer.try_write(b"cd"), Ok(2));
            let mut out = [0; 2];
            assert_eq!(reader.try_read(&mut out), Ok(2));
            assert_eq!(&out, b"cd");
        });
    }

    #[test]
    fn next_reader_goes_on_where_the_last_one_stopped() {
        model(None, || {
            // The doorbells have no sleepers, so ringing them orders nothing.
            let place = Place::new(<Registry<1, 2>>::new());
            let names = place.get();
            names.try_create(b"n").unwrap();
            let mut reader = names.try_open_reader(b"n").unwrap();
            let mut writer = names.try_open_writer(b"n").unwrap();
            assert_eq!(writer.try_write(b"ab"), Ok(2));
            let opening = thread::spawn(move || {
                let Ok(mut reader) = names.try_open_reader(b"n") else { return };
                let mut out = [0; 2];
                assert_eq!(reader.try_read(&mut out), Ok(1));
                assert_eq!(out[0], b'b');
            });
            assert_eq!(reader.try_read(&mut [0]), Ok(1));
            drop(reader);
            opening.join().unwrap();
            drop(writer);
        });
    }

    #[test]
    fn writer_opening_as_all_close_discards_old_bytes() {
        model(Some(3), || {
            let place = names::<1>();
            let names = place.get();
            names.try_create(b"n").unwrap();
            let mut reader = names.try_open_reader(b"n").unwrap();
            let mut writer = names.try_open_writer(b"n").unwrap();
            let opening = thread::spawn(move || {
                // This writer is counted while it looks for a reader, and it does not wait for one.
                let _ = names.open_writer_deadline(b"n", Some(()));
            });
            assert_eq!(writer.try_write(b"a"), Ok(1));
            assert_eq!(reader.try_read(&mut [0]), Ok(1));
            drop((reader, writer));
            if let Ok(mut reader) = names.try_open_reader(b"n") {
                let found = reader.try_read(&mut [0]);
                assert!(matches!(found, Ok(0) | Err(Error::WouldBlock)), "{found:?}");
            }
            opening.join().unwrap();
        });
    }

    #[test]
    fn timeout_racing_with_open_meets_or_leaves_nothing() {
        model(None, || {
            let place = names::<1>();
            let names = place.get();
            names.try_create(b"n").unwrap();
            let opening = thread::spawn(move || insist!(names.try_open_writer(b"n")));
            match names.open_reader_deadline(b"n", Some(())) {
                Ok(_reader) => drop(opening.join().unwrap()),
                Err(error) => {
                    assert_eq!(error, Error::TimedOut);
                    drop(opening.join().unwrap());
                    assert_eq!(names.try_open_writer(b"n").err(), Some(Error::NoReader));
                }
            }
            assert!(names.try_open_reader(b"n").is_ok(), "the end is free again");
        });
    }
}

mod sockets {
    use super::*;

    type Net = Network<1, 2, 5, ModelFutex>;

    fn connection() -> Connection<5, ModelFutex> {
        Connection::new()
    }

    fn network() -> Place<Net> {
        Place::new(Network::new())
    }

    #[test]
    fn connect_racing_with_accept_is_accepted() {
        model(Some(3), || {
            let place = network();
            let net = place.get();
            let listener = net.streams().try_listen(7, 1).unwrap();
            let connecting = thread::spawn(move || {
                assert_eq!(net.streams().connect(7).unwrap().write(b"a"), Ok(1));
            });
            let mut accepted = listener.accept().unwrap();
            let mut out = [0; 2];
            assert_eq!(accepted.read(&mut out), Ok(1));
            assert_eq!(accepted.read(&mut out), Ok(0));
            connecting.join().unwrap();
        });
    }

    #[test]
    fn connect_racing_with_close_is_refused_or_reset() {
        model(Some(4), || {
            let place = network();
            let net = place.get();
            let listener = net.streams().try_listen(7, 1).unwrap();
            let connecting = thread::spawn(move || match net.streams().connect(7) {
                Ok(mut stream) => assert_eq!(stream.read(&mut [0]), Err(Error::Reset)),
                Err(error) => assert_eq!(error, Error::Refused),
            });
            drop(listener);
            connecting.join().unwrap();
            assert!(net.streams().try_listen(7, 1).is_ok(), "the place is free");
        });
    }

    #[test]
    fn accept_wakes_a_connect_that_waits_for_room() {
        model(Some(3), || {
            let place = network();
            let net = place.get();
            let listener = net.streams().try_listen(7, 1).unwrap();
            let first = net.streams().try_connect(7).unwrap();
            let connecting = thread::spawn(move || net.streams().connect(7).map(drop));
            let accepted = listener.accept().unwrap();
            assert_eq!(connecting.join().unwrap(), Ok(()));
            drop((first, accepted));
        });
    }

    #[test]
    fn listener_close_refuses_a_waiting_connect() {
        model(Some(3), || {
            let place = network();
            let net = place.get();
            let listener = net.streams().try_listen(7, 1).unwrap();
            let mut first = net.streams().try_connect(7).unwrap();
            let connecting = thread::spawn(move || net.streams().connect(7).map(drop));
            drop(listener);
            assert_eq!(connecting.join().unwrap(), Err(Error::Refused));
            assert_eq!(first.try_read(&mut [0]), Err(Error::Reset));
        });
    }

    #[test]
    fn lock_holder_sweeps_for_a_closing_listener() {
        // The doorbells have no sleepers, so ringing them orders nothing.
        model(Some(3), || {
            let place = Place::new(<Network<1, 1, 2>>::new());
            let net = place.get();
            let listener = net.streams().try_listen(7, 1).unwrap();
            let mut waiting = net.streams().try_connect(7).unwrap();
            let other = thread::spawn(move || {
                let refused = net.streams().try_connect(8).err();
                assert!(matches!(refused, Some(Error::Refused | Error::WouldBlock)));
            });
            drop(listener);
            other.join().unwrap();
            // The reset has happened, though no context has used the network again.
            assert_eq!(waiting.try_read(&mut [0]), Err(Error::Reset));
        });
    }

    #[test]
    fn shutdown_by_both_sides_frees_the_connection() {
        model(None, || {
            let pair = Place::new(connection());
            let (mut here, mut there) = pair.get().pair().unwrap();
            let shutting = thread::spawn(move || {
                there.shutdown(Shutdown::Both);
                assert_eq!(there.read(&mut [0]), Ok(0));
                assert_eq!(there.write(b"x"), Err(Error::BrokenPipe));
            });
            here.shutdown(Shutdown::Both);
            assert_eq!(here.read(&mut [0]), Ok(0));
            shutting.join().unwrap();
            drop(here);
            assert!(pair.get().pair().is_ok());
        });
    }

    #[test]
    fn both_sides_end_sending_and_read_the_end() {
        model(Some(3), || {
            let pair = Place::new(connection());
            let (mut here, mut there) = pair.get().pair().unwrap();
            let other = thread::spawn(move || {
                there.write(b"t").unwrap();
                there.shutdown(Shutdown::Write);
                let mut out = [0; 2];
                assert_eq!(there.read(&mut out), Ok(1));
                assert_eq!(there.read(&mut out), Ok(0));
            });
            here.write(b"h").unwrap();
            here.shutdown(Shutdown::Write);
            let mut out = [0; 2];
            assert_eq!(here.read(&mut out), Ok(1));
            assert_eq!(here.read(&mut out), Ok(0));
            other.join().unwrap();
        });
    }

    #[test]
    fn two_pairs_opened_at_once_make_one() {
        model(None, || {
            let pair = Place::new(connection());
            let place = pair.get();
            let opening = thread::spawn(move || place.pair());
            let here = place.pair();
            let there = opening.join().unwrap();
            assert!(here.is_ok() != there.is_ok());
        });
    }

    #[test]
    fn message_is_received_whole_before_the_end() {
        model(Some(3), || {
            let pair = Place::new(connection());
            let (mut here, mut there) = pair.get().pair_packets().unwrap();
            let sending = thread::spawn(move || {
                // Each message fills the channel. The second send waits until the first message is
                // received.
                here.send(b"a").unwrap();
                here.send(b"b").unwrap();
            });
            let mut out = [0; 2];
            for byte in [b'a', b'b'] {
                assert_eq!(there.recv(&mut out), Ok(1));
                assert_eq!(out[0], byte);
            }
            assert_eq!(there.recv(&mut out), Err(Error::EndOfFile));
            sending.join().unwrap();
        });
    }
}
