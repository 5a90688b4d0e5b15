//! Models of the channels: ends that open and close at once, the end of file against the last
//! write, several writers, and nobody sleeps for ever.
#![cfg(loom)]

mod support;

use ringway_core::Error;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe::{Pipe, Reader};
use ringway_core::channel::socket::{Connection, Network, Shutdown};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::{Async, Wait};
use support::thread;
use support::{LoomFutex, Place, Task, model};

fn pipe<const N: usize>() -> Pipe<N, LoomFutex> {
    Pipe::new()
}

/// Everything up to the end of file.
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

/// Tries until it would no longer block.
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
    fn the_end_of_file_comes_after_the_last_write() {
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
    fn without_waiting_too_the_end_of_file_comes_after_the_last_write() {
        model(None, || {
            let pipe = Place::new(<Pipe<2>>::new());
            let (mut reader, mut writer) = pipe.get().open().unwrap();
            let reading = thread::spawn(move || {
                // One look, in the thread that was spawned: loom shows the newest value to one who
                // has yielded, and does not interrupt the first thread at its loads.
                let looked = reader.try_read(&mut [0; 2]);
                assert!(matches!(looked, Ok(1) | Err(Error::WouldBlock)), "{looked:?}");
                // Not dropped here: the writer would find the pipe broken.
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
    fn a_writer_waits_for_the_room_that_another_took() {
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
    fn a_writer_that_waits_for_its_turn_gets_it_though_nobody_reads() {
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
    fn a_writer_that_finds_itself_alone_goes_on_where_the_other_stopped() {
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
    fn two_writers_that_do_not_wait_take_turns() {
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
    fn a_blocked_writer_is_woken_when_the_reader_closes() {
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
    fn a_blocked_reader_is_woken_when_the_last_of_two_writers_closes() {
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
    fn both_ends_close_at_once_and_the_next_find_it_empty() {
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
    fn who_opens_it_right_after_both_ends_closed_finds_it_empty() {
        model(None, || {
            let pipe = Place::new(<Pipe<2>>::new());
            let place = pipe.get();
            let (mut reader, mut writer) = place.open().unwrap();
            let opening = thread::spawn(move || {
                // One look, as above.
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
    fn a_write_racing_with_the_readers_close_is_taken_or_broken() {
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
    fn tasks_that_read_and_write_are_woken_by_bytes_by_room_and_by_the_end() {
        model(Some(3), || {
            let pipe = Place::new(Pipe::<1, Async<LoomFutex>>::new());
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

    fn names<const NAMES: usize>() -> Place<Registry<NAMES, 2, LoomFutex>> {
        Place::new(Registry::new())
    }

    #[test]
    fn two_opens_at_once_meet_though_the_writer_is_gone_at_once() {
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
    fn two_opens_at_once_meet_though_the_reader_is_gone_at_once() {
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
    fn what_came_before_an_open_is_seen_by_who_met_it() {
        model(None, || {
            let place = names::<1>();
            let names = place.get();
            names.try_create(b"n").unwrap();
            let flags = Place::new([AtomicU32::new(0), AtomicU32::new(0)]);
            let [here, there] = flags.get();
            // Relaxed: it is the opens that have to order them.
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
    fn a_name_made_by_two_at_once_is_made_once() {
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
    fn an_open_racing_with_unlink_and_make_never_gets_the_other_fifo() {
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
    fn ends_that_close_at_once_leave_what_is_unread_to_the_next_or_nobody() {
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
    fn a_writer_that_opens_what_was_just_closed_starts_anew() {
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
            // Times out when there is no reader, and is counted until then: the first to come is a
            // writer.
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
    fn a_reader_that_follows_another_goes_on_where_that_one_stopped() {
        model(None, || {
            // With bells that nobody sleeps on, whose ringing orders nothing.
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
    fn a_writer_that_comes_when_all_have_just_closed_leaves_nothing_of_theirs() {
        model(Some(3), || {
            let place = names::<1>();
            let names = place.get();
            names.try_create(b"n").unwrap();
            let mut reader = names.try_open_reader(b"n").unwrap();
            let mut writer = names.try_open_writer(b"n").unwrap();
            let opening = thread::spawn(move || {
                // Counted while it looks for a reader, whom it does not wait for.
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
    fn a_deadline_racing_with_the_other_end_meets_or_leaves_nothing_behind() {
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

    type Net = Network<1, 2, 5, LoomFutex>;

    fn connection() -> Connection<5, LoomFutex> {
        Connection::new()
    }

    fn network() -> Place<Net> {
        Place::new(Network::new())
    }

    #[test]
    fn a_connect_racing_with_accept_is_accepted() {
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
    fn a_connect_racing_with_the_listeners_close_is_refused_or_reset() {
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
    fn a_connect_that_waits_for_room_is_woken_by_an_accept() {
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
    fn a_connect_that_waits_for_room_is_refused_when_the_listener_closes() {
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
    fn a_close_that_finds_the_turn_taken_is_done_by_who_has_it() {
        // With bells that nobody sleeps on, whose ringing orders nothing.
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
            // Without anybody looking at the network again.
            assert_eq!(waiting.try_read(&mut [0]), Err(Error::Reset));
        });
    }

    #[test]
    fn both_sides_shut_down_at_once_and_the_place_is_free() {
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
    fn both_sides_end_their_sending_at_once_and_each_hears_of_it() {
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
    fn two_pairs_opened_at_once_are_one() {
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
    fn a_message_is_received_whole_and_the_end_after_it() {
        model(Some(3), || {
            let pair = Place::new(connection());
            let (mut here, mut there) = pair.get().pair_packets().unwrap();
            let sending = thread::spawn(move || {
                // Each fills the channel: the second waits until the first is received.
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
