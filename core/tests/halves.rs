//! What the rings tell: who holds the halves, how much is there, and what the halves and the errors
//! look like in a log.
#![cfg(not(loom))]

#[path = "support/displace.rs"]
mod displace;

use displace::displace;
use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::region::{AnyPart, Description, Part};
use ringway_core::ring::broadcast::{Broadcast, RecvError};
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::latest::Latest;
use ringway_core::ring::messages::MessageRing;
use ringway_core::ring::queue::Queue;
use ringway_core::ring::{Full, PushError, Ring};
use ringway_core::wait::Spin;
use std::fmt::{Debug, Display};
use std::mem::forget;
use std::ptr::NonNull;

#[test]
fn everybody_sees_how_much_is_there() {
    let values: Ring<u8, 3> = Ring::new();
    let bytes: ByteRing<3> = ByteRing::new();
    let queue: Queue<u8, 3> = Queue::new();
    let seen = || [values.len(), bytes.len(), queue.len()];
    let empty = || [values.is_empty(), bytes.is_empty(), queue.is_empty()];
    for len in 0..=3 {
        assert_eq!((seen(), empty()), ([len; 3], [len == 0; 3]));
        let _ = values.producer().unwrap().try_push(1);
        bytes.producer().unwrap().try_write(&[1]);
        let _ = queue.try_push(1);
    }
    for left in [2, 1, 0] {
        values.consumer().unwrap().try_pop().unwrap();
        bytes.consumer().unwrap().consume(1);
        queue.try_pop().unwrap();
        assert_eq!((seen(), empty()), ([left; 3], [left == 0; 3]));
    }
    let messages: MessageRing<32> = MessageRing::new();
    assert!(messages.is_empty());
    messages.sender().unwrap().try_send(b"one").unwrap();
    assert!(!messages.is_empty());
    messages.receiver().unwrap().try_recv(&mut [0; 8]).unwrap();
    assert!(messages.is_empty());
}

#[test]
fn everybody_sees_that_a_ring_is_corrupt() {
    let values: Ring<u8, 3> = Ring::new();
    let bytes: ByteRing<3> = ByteRing::new();
    let messages: MessageRing<30> = MessageRing::new();
    let valid = || [values.is_valid(), bytes.is_valid(), messages.is_valid()];
    assert_eq!(valid(), [true; 3]);
    displace(&values, 0, u32::MAX);
    displace(&bytes, 0, u32::MAX);
    displace(&messages, 0, u32::MAX);
    assert_eq!(valid(), [false; 3]);
}

#[test]
fn a_part_tells_how_many_values_a_ring_has() {
    let ring: Ring<u32, 3, Spin> = Ring::new();
    let part = AnyPart::<Spin>::new(&Ring::<u32, 3, Spin>::description()).unwrap();
    // SAFETY: there is a ring of this description.
    let look = || unsafe { part.look(NonNull::from(&ring).cast()) };
    for len in 0..=3 {
        let seen = look();
        assert_eq!((seen.len, seen.is_torn, seen.is_valid), (Some(len), false, true));
        let _ = ring.producer().unwrap().try_push(1);
    }
    displace(&ring, 0, u32::MAX);
    let seen = look();
    assert_eq!((seen.len, seen.is_torn, seen.is_valid), (None, true, false));
}

#[test]
fn a_part_that_cannot_be_is_corrupt() {
    let ring: Ring<u32, 3, Spin> = Ring::new();
    let good = Ring::<u32, 3, Spin>::description();
    for (capacity, is_valid) in [(3, true), (0, false), (u32::MAX, false)] {
        let part = AnyPart::<Spin>::new(&Description { capacity, ..good }).unwrap();
        // SAFETY: there is a ring, and `look` reads its header alone.
        let seen = unsafe { part.look(NonNull::from(&ring).cast()) };
        assert_eq!(seen.is_valid, is_valid, "{capacity}");
    }
}

/// Only a half that was closed is gone. One that never came, or was given back, may still come.
macro_rules! comes_and_goes {
    ($ring:expr, $take:ident, $is_gone:ident) => {{
        let ring = $ring;
        assert!(!ring.$is_gone(), "it has not come yet");
        drop(ring.$take().unwrap());
        assert!(!ring.$is_gone(), "it was given back");
        ring.$take().unwrap().close();
        assert!(ring.$is_gone(), "it was closed");
        let again = ring.$take().unwrap();
        assert!(!ring.$is_gone() && ring.$take().is_none(), "it came again");
        drop(again);
        assert!(!ring.$is_gone(), "it was given back again");
    }};
}

#[test]
fn only_a_closed_half_is_gone() {
    comes_and_goes!(<Ring<u8, 4>>::new(), producer, producer_is_gone);
    comes_and_goes!(<Ring<u8, 4>>::new(), consumer, consumer_is_gone);
    comes_and_goes!(<ByteRing<4>>::new(), producer, producer_is_gone);
    comes_and_goes!(<ByteRing<4>>::new(), consumer, consumer_is_gone);
    comes_and_goes!(<MessageRing<32>>::new(), sender, sender_is_gone);
    comes_and_goes!(<MessageRing<32>>::new(), receiver, receiver_is_gone);
    comes_and_goes!(<Broadcast<u8, 4>>::new(), writer, writer_is_gone);
}

#[test]
fn split_takes_both_halves() {
    let mut values: Ring<u8, 4> = Ring::new();
    let (producer, consumer) = values.split();
    assert!(producer.ring().consumer().is_none() && consumer.ring().producer().is_none());
    let mut bytes: ByteRing<4> = ByteRing::new();
    let (producer, consumer) = bytes.split();
    assert!(producer.ring().consumer().is_none() && consumer.ring().producer().is_none());
    let mut messages: MessageRing<32> = MessageRing::new();
    let (sender, receiver) = messages.split();
    assert!(sender.ring().receiver().is_none() && receiver.ring().sender().is_none());
    let mut broadcast: Broadcast<u8, 4> = Broadcast::new();
    forget(broadcast.split());
    assert_eq!(broadcast.holder(), Some(Participant::LOCAL));
    assert!(broadcast.writer().is_none());
}

#[test]
fn a_participant_holds_a_half_of_a_message_ring() {
    let one = Participant::new(1).unwrap();
    let ring: MessageRing<32> = MessageRing::new();
    ring.sender_as(one).unwrap().try_send(b"left").unwrap();
    let mut receiver = ring.receiver_as(one).unwrap();
    assert_eq!(receiver.try_recv(&mut [0; 8]), Ok(4));
    forget(receiver); // it dies
    assert!(ring.receiver().is_none() && !ring.receiver_is_gone());
    // SAFETY: participant 1 does nothing any more.
    assert_eq!(unsafe { ring.recover(one) }, 1);
    assert!(ring.receiver_is_gone() && ring.receiver().is_some());
}

#[test]
fn a_chunk_takes_as_many_values_as_it_has_slots() {
    let mut ring: Ring<u32, 8> = Ring::new();
    let (mut producer, mut consumer) = ring.split();
    let mut chunk = producer.try_reserve(4).unwrap();
    chunk.push(1).unwrap();
    let (first, second) = chunk.as_uninit();
    assert_eq!(first.len() + second.len(), 3);
    assert_eq!(chunk.fill(2..=3), 2);
    let (first, second) = chunk.as_uninit();
    assert_eq!(first.len() + second.len(), 1);
    assert_eq!((chunk.fill(4..), chunk.fill(5..), chunk.push(6)), (1, 0, Err(6)));
    assert_eq!(chunk.commit(), 4);
    assert_eq!(consumer.drain().collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn waiting_calls_take_up_to_the_whole_ring() {
    let mut ring: Ring<u32, 4, Spin> = Ring::new();
    let (mut producer, mut consumer) = ring.split();
    let mut chunk = producer.reserve(4).unwrap();
    assert_eq!((chunk.fill(1..), chunk.commit()), (4, 4));
    assert_eq!(consumer.drain().sum::<u32>(), 10);

    let mut ring: ByteRing<4, Spin> = ByteRing::new();
    let (mut producer, mut consumer) = ring.split();
    std::thread::scope(|s| {
        s.spawn(|| producer.write_all(b"more than the ring holds").unwrap());
        let mut out = [0; 24];
        consumer.read_exact(&mut out).unwrap();
        assert_eq!(&out, b"more than the ring holds");
    });
}

#[test]
fn a_broadcast_counts_what_it_sent() {
    let mut broadcast: Broadcast<u8, 2> = Broadcast::new();
    let (mut writer, mut reader) = broadcast.split();
    let mut out = 0;
    assert_eq!(reader.try_recv_into(&mut out), Ok(false));
    for message in 1..=3 {
        writer.send(message);
        assert_eq!(writer.sent(), u64::from(message));
        assert_eq!(reader.try_recv_into(&mut out), Ok(true));
        assert_eq!(out, message);
    }
    assert_eq!(reader.try_recv_into(&mut out), Ok(false));
    drop((writer, reader));
    assert_eq!((broadcast.sent(), broadcast.writer().unwrap().sent()), (3, 3));
}

#[test]
fn the_newest_value_is_stored_from_where_it_lies() {
    let latest: Latest<[u8; 9]> = Latest::new();
    let mut writer = latest.writer().unwrap();
    for value in [[1; 9], [2; 9]] {
        writer.store_from(&value);
        assert_eq!(latest.load().unwrap().0, value);
    }
}

#[test]
fn a_message_ring_states_its_longest_message() {
    assert_eq!(MessageRing::<64>::MAX_MESSAGE, 28);
    let ring: MessageRing<64> = MessageRing::new();
    assert_eq!(ring.max_message(), 28);
    let mut sender = ring.sender().unwrap();
    assert_eq!(sender.try_send(&[0; 29]), Err(Error::MessageTooLarge { max: 28 }));
    assert_eq!(sender.try_send(&[0; 28]), Ok(()));
}

#[test]
fn each_error_says_in_words_what_happened() {
    let errors: [&dyn Display; 8] = [
        &Full(1),
        &PushError::Closed(1),
        &PushError::TimedOut(1),
        &PushError::Corrupt(1),
        &RecvError::EndOfFile,
        &RecvError::Lagged(70),
        &RecvError::Lagged(71),
        &Error::BrokenPipe,
    ];
    let words = errors.map(|error| error.to_string());
    assert!(words.iter().all(|words| words.len() > 10), "{words:?}");
    assert!(words[6].contains("71"), "{words:?}");
    // The reason of a refused push is the error of that name.
    assert_eq!(words[1], words[7]);
    let different: std::collections::BTreeSet<_> = words.iter().collect();
    assert_eq!(different.len(), 7, "{words:?}");
}

/// Checks that the text for a log names the type.
fn is_logged_as(name: &str, what: &dyn Debug) {
    let text = format!("{what:?}");
    assert!(text.contains(name), "{name}: {text}");
}

#[test]
fn a_log_names_the_type_of_a_half_and_of_a_ring() {
    let values: Ring<u8, 4> = Ring::new();
    let (mut producer, mut consumer) = (values.producer().unwrap(), values.consumer().unwrap());
    is_logged_as("Ring", &values);
    is_logged_as("Producer", &producer);
    is_logged_as("Consumer", &consumer);
    is_logged_as("WriteChunk", &producer.try_reserve(2).unwrap());
    producer.try_push(1).unwrap();
    is_logged_as("ReadChunk", &consumer.try_peek(1).unwrap());
    let bytes: ByteRing<4> = ByteRing::new();
    let (mut producer, mut consumer) = (bytes.producer().unwrap(), bytes.consumer().unwrap());
    is_logged_as("ByteRing", &bytes);
    is_logged_as("Producer", &producer);
    is_logged_as("Consumer", &consumer);
    is_logged_as("WriteGrant", &producer.try_reserve(2).unwrap());
    producer.try_write(&[1]);
    is_logged_as("ReadGrant", &consumer.try_peek(1).unwrap());
    let messages: MessageRing<32> = MessageRing::new();
    let (mut sender, mut receiver) = (messages.sender().unwrap(), messages.receiver().unwrap());
    is_logged_as("MessageRing", &messages);
    is_logged_as("Sender", &sender);
    is_logged_as("Receiver", &receiver);
    is_logged_as("SendGrant", &sender.try_reserve(2).unwrap());
    sender.try_send(&[1]).unwrap();
    is_logged_as("RecvGrant", &receiver.try_peek().unwrap());
    let broadcast: Broadcast<u8, 4> = Broadcast::new();
    is_logged_as("SeqSlots", &broadcast);
    is_logged_as("newest", &broadcast.writer().unwrap());
    is_logged_as("Reader", &broadcast.reader());
    let queue: Queue<u8, 4> = Queue::new();
    is_logged_as("Queue", &queue);
    let view: &ringway_core::ring::queue::QueueView<u8> = &queue;
    is_logged_as("Queue", &view);
    is_logged_as("Full", &Full(1));
    is_logged_as("Corrupt", &PushError::Corrupt(1));
}
