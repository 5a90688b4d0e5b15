//! Runs the broadcast between real threads, and checks its layout in memory.
//!
//! `tests/tests/oracle.rs` compares sequences of operations with a model.
#![cfg(not(loom))]

#[path = "../src/scaled.rs"]
mod scaled;
#[path = "support/yielding.rs"]
mod yielding;

use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::plain::Plain;
use ringway_core::ring::broadcast::{
    Broadcast, BroadcastRef, BroadcastView, RawBroadcast, Reader, RecvError,
};
use ringway_core::storage::InMemory;
use ringway_core::wait::{Nobody, SpinClock};
use scaled::scaled;
use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use yielding::Yielding;

/// A clock that always says 100.
struct Hundred;

impl ringway_core::wait::Clock for Hundred {
    fn now() -> u64 {
        100
    }
}

/// Message `number`. Every word depends on the number, so that a torn message shows.
fn message(number: u64) -> [u64; 5] {
    std::array::from_fn(|word| number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(word as u32))
}

/// Receives until the writer is gone, and checks each message. Returns how many were received and
/// how many were missed.
fn drain<R: BroadcastRef<Value = [u64; 5]>>(mut reader: Reader<R>) -> (u64, u64) {
    let (mut received, mut missed) = (0, 0);
    loop {
        let gone = reader.writer_is_gone();
        match reader.try_recv() {
            Ok(Some(got)) => {
                received += 1;
                assert_eq!(got, message(received + missed), "torn, or not the one that is next");
            }
            Err(RecvError::Lagged(count)) => missed += count,
            Err(other) => panic!("{other} without waiting"),
            Ok(None) if gone => return (received, missed),
            Ok(None) => std::thread::yield_now(),
        }
    }
}

fn three_readers_receive_or_count_every_message<const N: usize>() {
    const SENT: u64 = scaled(100_000) as u64;
    let broadcast: Broadcast<_, N> = Broadcast::new();
    std::thread::scope(|s| {
        let reader = broadcast.reader();
        let readers = [(); 3].map(|()| {
            let reader = reader.clone();
            s.spawn(move || drain(reader))
        });
        let mut writer = broadcast.writer().unwrap();
        (1..=SENT).for_each(|number| writer.send(message(number)));
        writer.close();
        for reader in readers {
            let (received, missed) = reader.join().unwrap();
            assert_eq!(received + missed, SENT);
            assert!(received >= SENT.min(N as u64), "what is left at the end is received");
        }
    });
}

#[test]
fn each_reader_receives_or_counts_every_message() {
    three_readers_receive_or_count_every_message::<1>();
    three_readers_receive_or_count_every_message::<2>();
    three_readers_receive_or_count_every_message::<7>();
    three_readers_receive_or_count_every_message::<64>();
}

#[test]
fn a_writer_that_waits_for_answers_loses_nothing() {
    let questions = Broadcast::<u32, 2, Yielding>::new();
    let answers = [(); 2].map(|()| Broadcast::<u32, 2, Yielding>::new());
    std::thread::scope(|s| {
        let mut heard = [&answers[0], &answers[1]].map(Broadcast::reader);
        for (answers, mut reader) in answers.iter().zip([(); 2].map(|()| questions.reader())) {
            s.spawn(move || {
                let mut writer = answers.writer().unwrap();
                loop {
                    match reader.recv() {
                        Ok(question) => writer.send(question + 1),
                        Err(error) => break assert_eq!(error, RecvError::EndOfFile),
                    }
                }
            });
        }
        let mut writer = questions.writer().unwrap();
        for question in 0..scaled(500) as u32 {
            writer.send(question);
            for answers in &mut heard {
                assert_eq!(answers.recv(), Ok(question + 1));
            }
        }
        writer.close();
    });
}

#[test]
fn a_reader_continues_with_the_next_writer() {
    let broadcast = Broadcast::<u8, 4, Yielding>::new();
    let mut reader = broadcast.reader();
    for message in [1, 2] {
        broadcast.writer().unwrap().send(message);
        broadcast.writer().unwrap().close();
        assert_eq!((reader.recv(), reader.recv()), (Ok(message), Err(RecvError::EndOfFile)));
    }
}

#[test]
fn giving_the_half_back_does_not_end_the_stream() {
    let broadcast = Broadcast::<u8, 4, SpinClock<Hundred>>::new();
    let mut reader = broadcast.reader();
    broadcast.writer().unwrap().send(1);
    assert_eq!(reader.recv(), Ok(1));
    assert_eq!(reader.recv_deadline(Some(50)), Err(RecvError::TimedOut));
}

#[test]
fn recovery_frees_only_the_dead_holders_half() {
    let participants = [1, 2].map(|number| Participant::new(number).unwrap());
    let broadcast: Broadcast<u8, 4> = Broadcast::new();
    std::mem::forget(broadcast.writer_as(participants[0]).unwrap());
    // SAFETY: neither participant takes another step.
    assert_eq!(participants.map(|dead| unsafe { broadcast.recover(dead) }), [1, 0]);
    assert!(broadcast.reader().writer_is_gone());
    assert!(broadcast.writer_as(participants[1]).is_some());
}

fn any_size_passes_unchanged<T: Plain + PartialEq + std::fmt::Debug>(messages: [T; 3]) {
    let mut broadcast: Broadcast<T, 2> = Broadcast::new();
    let (mut writer, mut reader) = broadcast.split();
    for message in messages {
        writer.send(message);
        assert_eq!(reader.try_recv(), Ok(Some(message)));
    }
}

#[test]
fn messages_of_any_size_pass_unchanged() {
    any_size_passes_unchanged([(), (), ()]);
    any_size_passes_unchanged([1_u8, 255, 0]);
    any_size_passes_unchanged([[1_u8, 2, 3], [4, 5, 6], [255; 3]]);
    any_size_passes_unchanged([[1_u16; 5], [0x1234; 5], [u16::MAX; 5]]);
    any_size_passes_unchanged([1_u128, u128::MAX, 1 << 77]);
    any_size_passes_unchanged([[1_u8; 1021], [0; 1021], [0xA5; 1021]]);
}

#[test]
fn the_layout_is_as_documented() {
    assert_eq!(size_of::<Broadcast<u32, 32>>(), 128 + 32 * (8 + 4));
    assert_eq!(size_of::<Broadcast<[u8; 6], 32>>(), 128 + 32 * (8 + 8));
    assert_eq!(align_of::<Broadcast<u8, 1>>(), 128);
    let mut broadcast: Broadcast<u32, 4> = Broadcast::new();
    let (writer, reader) = broadcast.split();
    assert_eq!((align_of_val(&writer), align_of_val(&reader)), (128, 128));
}

#[test]
fn zeroed_memory_is_a_fresh_broadcast() {
    // SAFETY: this test checks that zeroed memory is a fresh broadcast.
    let mut broadcast: Broadcast<u64, 3, Nobody> = unsafe { MaybeUninit::zeroed().assume_init() };
    let (mut writer, mut reader) = broadcast.split();
    assert_eq!((writer.sent(), reader.try_recv()), (0, Ok(None)));
    for number in 0..9 {
        writer.send(number);
        assert_eq!(reader.try_recv(), Ok(Some(number)));
    }
}

/// Memory for a view, aligned for every type of message.
#[repr(C, align(128))]
struct Memory([MaybeUninit<u8>; 4096]);

#[test]
fn a_view_keeps_as_many_messages_as_its_capacity() {
    for capacity in [1, 2, 3, 7, 8, 20] {
        let mut memory = Memory([MaybeUninit::new(0xff); 4096]);
        let view = BroadcastView::<[u64; 5]>::init_in(&mut memory.0, capacity).unwrap();
        assert_eq!(view.capacity(), capacity);
        let (mut writer, reader) = view.split();
        let mut from_the_first = reader.clone();
        let kept = capacity as u64;
        (1..=3 * kept + 1).for_each(|number| writer.send(message(number)));
        assert_eq!(from_the_first.try_recv(), Err(RecvError::Lagged(2 * kept + 1)));
        for number in 2 * kept + 2..=3 * kept + 1 {
            assert_eq!(from_the_first.try_recv(), Ok(Some(message(number))));
        }
        assert_eq!(from_the_first.try_recv(), Ok(None));
        writer.close();
        assert_eq!(drain(reader), (kept, 2 * kept + 1));
    }
}

#[test]
fn too_little_memory_and_bad_capacities_are_refused() {
    type View = BroadcastView<[u64; 5]>;
    let mut memory = Memory([MaybeUninit::uninit(); 4096]);
    let layout = View::layout(3).unwrap();
    assert_eq!(layout.size(), size_of::<Broadcast<[u64; 5], 3>>());
    assert_eq!(layout.align(), align_of::<Broadcast<[u64; 5], 3>>());
    let needed = layout.size();
    let refused = View::init_in(&mut memory.0[..needed - 1], 3).map(|_| ());
    assert_eq!(refused, Err(Error::BufferTooSmall { needed }));
    assert!(View::init_in(&mut memory.0[..needed], 3).is_ok());
    assert!(View::init_in(&mut memory.0[1..], 3).is_ok(), "it finds its boundary");
    for capacity in [0, (1 << 30) + 1, usize::MAX] {
        assert!(View::layout(capacity).is_none());
        let refused = View::init_in(&mut memory.0, capacity).map(|_| ());
        assert_eq!(refused, Err(Error::Exhausted));
    }
}

#[test]
fn sized_and_view_sides_exchange_messages() {
    let sized = Box::new(Broadcast::<[u64; 5], 3, Yielding>::new());
    let view: &BroadcastView<[u64; 5], Yielding> = &*sized;
    let (mut of_sized, mut of_view) = (sized.reader(), view.reader());
    for number in 1..=7 {
        match number % 2 {
            0 => sized.writer().unwrap().send(message(number)),
            _ => view.writer().unwrap().send_from(&message(number)),
        }
        let mut out = [0; 5];
        assert_eq!(of_sized.try_recv(), Ok(Some(message(number))));
        assert_eq!(of_view.recv_into(&mut out), Ok(()));
        assert_eq!(out, message(number));
    }
    assert_eq!((view.sent(), Reader::from_oldest(view).behind()), (7, 3));
    let sized: std::sync::Arc<Broadcast<[u64; 5], 3, Yielding>> = sized.into();
    let owned: std::sync::Arc<BroadcastView<[u64; 5], Yielding>> = sized;
    owned.writer().unwrap().close();
    assert_eq!(owned.reader().recv(), Err(RecvError::EndOfFile));
}

/// Checks that a typed broadcast and its raw form, which knows only sizes, exchange messages.
fn bytes_and_values_are_the_same<T: Plain + PartialEq + std::fmt::Debug, const BYTES: usize>(
    make: fn([u8; BYTES]) -> T,
) {
    let sized = Broadcast::<T, 3, Yielding>::new();
    let item = Layout::from_size_align(BYTES, align_of::<T>()).unwrap();
    let layout = RawBroadcast::<Yielding>::layout(3, item).unwrap();
    assert_eq!(layout, Layout::new::<Broadcast<T, 3, Yielding>>());
    // SAFETY: the broadcast keeps three such messages, and outlives its raw form.
    let raw = unsafe { RawBroadcast::<Yielding>::at(NonNull::from(&sized).cast(), 3, item) };
    let raw = raw.unwrap();
    let bytes = |n: u8| std::array::from_fn::<u8, BYTES, _>(|at| n.wrapping_mul(31) ^ at as u8);
    let (mut of_sized, mut of_raw, mut late) = (sized.reader(), raw.reader(), raw.reader());
    for n in 1..=7 {
        if n % 2 == 0 {
            sized.writer().unwrap().send(make(bytes(n)));
        } else {
            let mut writer = raw.writer_as(Participant::LOCAL).unwrap();
            writer.send(&bytes(n)).unwrap();
            let max = BYTES;
            assert_eq!(writer.send(&[0; 1024]), Err(Error::MessageTooLarge { max }));
        }
        let mut out = [0xEE; 100];
        assert_eq!(of_sized.try_recv(), Ok(Some(make(bytes(n)))));
        assert_eq!(of_raw.recv_deadline(&mut out, None), Ok(()));
        assert_eq!((&out[..BYTES], out[BYTES]), (&bytes(n)[..], 0xEE));
        assert_eq!(of_raw.try_recv(&mut out), Ok(false));
    }
    assert_eq!(late.try_recv(&mut []), Err(RecvError::Lagged(4)));
    let mut little = [0xEE; 9];
    assert_eq!(late.try_recv(&mut little), Ok(true));
    // As many whole words as there is room for.
    let unit = align_of::<T>().max(4);
    let count = if BYTES > 9 { 9 / unit * unit } else { BYTES };
    assert_eq!(little[..count], bytes(5)[..count]);
    assert!(little[count..].iter().all(|&rest| rest == 0xEE));
    let mut exact = [0xEE; BYTES];
    assert_eq!((late.try_recv(&mut exact), exact), (Ok(true), bytes(6)));
    assert!((raw.words().sent(), raw.words().capacity()) == (7, 3));
    raw.writer_as(Participant::LOCAL).unwrap().close();
    assert_eq!(of_raw.recv_deadline(&mut [], None), Err(RecvError::EndOfFile));
}

#[test]
fn raw_bytes_and_values_are_the_same_messages() {
    bytes_and_values_are_the_same::<u8, 1>(|[byte]| byte);
    bytes_and_values_are_the_same::<[u8; 5], 5>(|bytes| bytes);
    bytes_and_values_are_the_same::<[u8; 10], 10>(|bytes| bytes);
    bytes_and_values_are_the_same::<u32, 4>(u32::from_ne_bytes);
    bytes_and_values_are_the_same::<u64, 8>(u64::from_ne_bytes);
    bytes_and_values_are_the_same::<u128, 16>(u128::from_ne_bytes);
    assert!(RawBroadcast::<Nobody>::layout(0, Layout::new::<u8>()).is_none());
}

#[test]
fn a_raw_broadcast_in_given_memory_begins_empty() {
    let mut memory = Memory([MaybeUninit::new(0xff); 4096]);
    let item = Layout::from_size_align(12, 4).unwrap();
    let at = NonNull::from(&mut memory.0).cast();
    assert!(RawBroadcast::<Nobody>::layout(10, item).unwrap().size() < 4096);
    // SAFETY: the memory is large enough, used by nobody else, and outlives the broadcast.
    let raw = unsafe { RawBroadcast::<Nobody>::init_at(at, 10, item) }.unwrap();
    let (mut reader, mut out) = (raw.reader_from_oldest(), [0; 12]);
    assert_eq!(reader.try_recv(&mut out), Ok(false));
    raw.writer_as(Participant::LOCAL).unwrap().send(&[7; 12]).unwrap();
    assert_eq!(reader.try_recv(&mut out), Ok(true));
    assert_eq!(out, [7; 12]);
}
