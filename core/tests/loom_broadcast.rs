//! Models of the broadcast: no reader gets a torn, wrong or doubled message, each learns exactly
//! how many it missed, and nobody sleeps for ever.
//!
//! `try_recv` and `send` never yield. If one of them waited for another thread, loom would let it
//! loop until the bound on branches fails the model. So a pass shows that nobody waits, within the
//! bounds.
//!
//! In these models the lower word of a number has two bits, so that it recurs after four messages.
#![cfg(loom)]

mod support;

use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::{Broadcast, Reader, RecvError, Writer};
use ringway_core::wait::{Async, Wake};
use std::pin::pin;
use support::thread;
use support::{DyingFutex, ModelFutex, Place, Task, model};

/// A message that loom can tear: its number, twice.
type Message = [u32; 2];

/// Sends the next `count` messages in a thread, and closes. The half is taken before the
/// thread begins: looks by the writer itself would hide from loom that its stores come between the
/// looks of others.
fn send_in_thread<const N: usize, W: Wake + Sync>(
    broadcast: &'static Broadcast<Message, N, W>,
    count: u32,
) -> thread::JoinHandle<()> {
    let writer = broadcast.writer().expect("nobody else has the half");
    thread::spawn(move || send(writer, count).close())
}

/// Sends the next `count` messages.
fn send<'a, const N: usize, W: Wake>(
    mut writer: Writer<&'a Broadcast<Message, N, W>>,
    count: u32,
) -> Writer<&'a Broadcast<Message, N, W>> {
    for _ in 0..count {
        writer.send([writer.sent() as u32 + 1; 2]);
    }
    writer
}

/// Receives once, and says whether there was anything. `expected` is the number of the next
/// message.
fn receive<const N: usize>(
    reader: &mut Reader<&Broadcast<Message, N>>,
    expected: &mut u32,
) -> bool {
    match reader.try_recv() {
        Ok(Some(message)) => {
            assert_eq!(message, [*expected; 2]);
            *expected += 1;
        }
        Err(RecvError::Lagged(missed)) => {
            assert!(missed > 0);
            *expected += missed as u32;
        }
        Ok(None) => return false,
        Err(other) => panic!("{other} without waiting"),
    }
    true
}

/// A reader looks `looks` times while messages 1 to `count` are sent, and then receives the rest.
fn every_message_is_received_or_counted<const N: usize>(count: u32, looks: usize) {
    model(Some(2), move || {
        let broadcast = Place::new(<Broadcast<Message, N>>::new());
        let mut reader = broadcast.get().reader();
        let writer = send_in_thread(broadcast.get(), count);
        let mut expected = 1;
        for _ in 0..looks {
            receive(&mut reader, &mut expected);
        }
        writer.join().unwrap();
        while receive(&mut reader, &mut expected) {}
        assert_eq!(expected, count + 1);
    });
}

#[test]
fn one_slot_loses_no_message_uncounted() {
    every_message_is_received_or_counted::<1>(3, 2);
}

#[test]
fn two_slots_lose_no_message_uncounted() {
    every_message_is_received_or_counted::<2>(4, 2);
}

#[test]
fn three_slots_lose_no_message_uncounted() {
    every_message_is_received_or_counted::<3>(4, 2);
}

#[test]
fn a_recurring_lower_word_does_not_deceive_a_reader() {
    model(Some(2), || {
        let broadcast = Place::new(<Broadcast<u32, 1>>::new());
        let mut reader = broadcast.get().reader();
        broadcast.get().writer().unwrap().send(1);
        let writer = {
            let mut writer = broadcast.get().writer().unwrap();
            thread::spawn(move || {
                (2..=5).for_each(|message| writer.send(message));
            })
        };
        assert!(matches!(reader.try_recv(), Ok(Some(1)) | Err(RecvError::Lagged(1..=4))));
        writer.join().unwrap();
    });
}

#[test]
fn a_reader_joins_while_the_upper_word_changes() {
    model(Some(2), || {
        let broadcast = Place::new(<Broadcast<Message, 1>>::new());
        send(broadcast.get().writer().unwrap(), 1);
        let writer = send_in_thread(broadcast.get(), 3);
        let mut reader = broadcast.get().reader();
        writer.join().unwrap();
        assert!(reader.behind() <= 3, "it does not get what was sent before it joined");
        send(broadcast.get().writer().unwrap(), 1);
        let (last, mut passed) = (5, 0);
        loop {
            match reader.try_recv() {
                Ok(Some(message)) => {
                    assert_eq!(message, [last; 2]);
                    passed += 1;
                    break;
                }
                Err(RecvError::Lagged(missed)) => passed += missed as u32,
                _ => panic!("it waits for a message that was sent long ago"),
            }
        }
        assert!(passed < last);
    });
}

#[test]
fn two_readers_get_the_same_messages() {
    model(Some(2), || {
        let broadcast = Place::new(<Broadcast<Message, 2>>::new());
        let read = |mut reader: Reader<&'static Broadcast<Message, 2>>| {
            move || {
                let mut expected = 1;
                (0..2).for_each(|_| _ = receive(&mut reader, &mut expected));
                (reader, expected)
            }
        };
        let first = broadcast.get().reader();
        let second = first.clone();
        let second = thread::spawn(read(second));
        let writer = send_in_thread(broadcast.get(), 3);
        let first = read(first)();
        writer.join().unwrap();
        for (mut reader, mut expected) in [first, second.join().unwrap()] {
            while receive(&mut reader, &mut expected) {}
            assert_eq!(expected, 4);
        }
    });
}

#[test]
fn a_writer_continues_where_the_last_one_stopped() {
    model(Some(3), || {
        let broadcast = Place::new(<Broadcast<Message, 2>>::new());
        let mut reader = broadcast.get().reader();
        let write_one = |broadcast: &'static Broadcast<Message, 2>| {
            move || {
                loop {
                    if let Some(mut writer) = broadcast.writer() {
                        break writer.send([writer.sent() as u32 + 1; 2]);
                    }
                    thread::yield_now();
                }
            }
        };
        let other = thread::spawn(write_one(broadcast.get()));
        write_one(broadcast.get())();
        other.join().unwrap();
        assert_eq!(reader.try_recv(), Ok(Some([1; 2])));
        assert_eq!(reader.try_recv(), Ok(Some([2; 2])));
        assert_eq!(reader.try_recv(), Ok(None));
    });
}

#[test]
fn a_writer_continues_where_a_dead_one_stopped() {
    const DEAD: Participant = Participant::new(9).unwrap();
    model(Some(3), || {
        let broadcast = Place::new(<Broadcast<Message, 2>>::new());
        let mut reader = broadcast.get().reader();
        let dead = {
            let broadcast = broadcast.get();
            thread::spawn(move || {
                let mut writer = broadcast.writer_as(DEAD).unwrap();
                writer.send([1; 2]);
                core::mem::forget(writer);
            })
        };
        let recoverer = {
            let broadcast = broadcast.get();
            thread::spawn(move || {
                dead.join().unwrap();
                // SAFETY: the thread of the dead participant has ended, and nobody else acts for
                // it.
                let held = unsafe { broadcast.recover(DEAD) };
                // SAFETY: the thread of the dead participant has ended, and nobody else acts for
                // it.
                assert_eq!((held, unsafe { broadcast.recover(DEAD) }), (1, 0));
            })
        };
        loop {
            // A reader that sees that the writer is gone sees what it sent.
            if reader.writer_is_gone() {
                assert_eq!(reader.try_recv(), Ok(Some([1; 2])));
                let mut writer = broadcast.get().writer().expect("it was given back");
                assert_eq!(writer.sent(), 1);
                writer.send([2; 2]);
                break;
            }
            thread::yield_now();
        }
        recoverer.join().unwrap();
        assert_eq!(reader.try_recv(), Ok(Some([2; 2])));
    });
}

#[test]
fn a_new_writer_sees_what_the_dead_one_sent() {
    const DEAD: Participant = Participant::new(9).unwrap();
    model(Some(3), || {
        let broadcast = Place::new(<Broadcast<Message, 2>>::new());
        let mut writer = broadcast.get().writer_as(DEAD).unwrap();
        let dead = thread::spawn(move || {
            writer.send([1; 2]);
            core::mem::forget(writer);
        });
        let recoverer = {
            let broadcast = broadcast.get();
            thread::spawn(move || {
                dead.join().unwrap();
                // SAFETY: the thread of the dead participant has ended, and nobody else acts for
                // it.
                unsafe { broadcast.recover(DEAD) }
            })
        };
        let writer = loop {
            match broadcast.get().writer() {
                Some(writer) => break writer,
                None => thread::yield_now(),
            }
        };
        assert_eq!(writer.sent(), 1);
        assert_eq!(recoverer.join().unwrap(), 1);
    });
}

#[test]
fn messages_and_close_wake_a_sleeping_reader() {
    model(Some(3), || {
        let broadcast = Place::new(Broadcast::<Message, 2, ModelFutex>::new());
        let writer = send_in_thread(broadcast.get(), 2);
        let mut reader = Reader::from_oldest(broadcast.get());
        assert_eq!(reader.recv(), Ok([1; 2]));
        assert_eq!(reader.recv(), Ok([2; 2]));
        assert_eq!(reader.recv(), Err(RecvError::EndOfFile));
        writer.join().unwrap();
    });
}

#[test]
fn two_sleeping_readers_are_both_woken() {
    model(Some(2), || {
        let broadcast = Place::new(Broadcast::<Message, 2, ModelFutex>::new());
        let mut first = broadcast.get().reader();
        let mut second = first.clone();
        let other = thread::spawn(move || assert_eq!(second.recv(), Ok([1; 2])));
        let writer = send_in_thread(broadcast.get(), 1);
        assert_eq!(first.recv(), Ok([1; 2]));
        other.join().unwrap();
        writer.join().unwrap();
    });
}

#[test]
fn a_message_and_close_wake_a_task() {
    model(Some(2), || {
        let broadcast = Place::new(Broadcast::<Message, 2, Async<ModelFutex>>::new());
        let writer = send_in_thread(broadcast.get(), 1);
        let mut reader = Reader::from_oldest(broadcast.get());
        let task = Task::new();
        assert_eq!(task.block_on(|cx| pin!(reader.recv_async()).poll(cx)), Ok([1; 2]));
        assert_eq!(
            task.block_on(|cx| pin!(reader.recv_async()).poll(cx)),
            Err(RecvError::EndOfFile)
        );
        writer.join().unwrap();
    });
}

/// The dead participant had cleared the doorbell's bit, so that a plain ring would wake nobody.
#[test]
fn recovery_makes_up_for_a_lost_wake_up() {
    const DEAD: Participant = Participant::new(9).unwrap();
    model(Some(2), || {
        let broadcast = Place::new(Broadcast::<Message, 2, DyingFutex>::new());
        let mut writer = broadcast.get().writer_as(DEAD).unwrap();
        let mut reader = broadcast.get().reader();
        let sleeper = thread::spawn(move || {
            assert_eq!(reader.recv(), Ok([1; 2]));
            assert_eq!(reader.recv(), Err(RecvError::EndOfFile));
        });
        DyingFutex::set_dies(true);
        writer.send([1; 2]);
        DyingFutex::set_dies(false);
        core::mem::forget(writer);
        // SAFETY: the participant has taken its last step.
        assert_eq!(unsafe { broadcast.get().recover(DEAD) }, 1);
        sleeper.join().unwrap();
    });
}
