//! Structures that are made in a place which had something else in it; Miri looks on (`tests/run
//! miri`).
#![cfg(not(loom))]

use core::mem::MaybeUninit;
use ringway_core::channel::pipe::Pipe;
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::latest::Latest;
use ringway_core::ring::messages::MessageRing;
use ringway_core::ring::queue::Queue;
use ringway_core::ring::{InPlace, Ring};
use ringway_core::wait::{Async, Spin};
use std::rc::Rc;

type Sleeper = Async<Spin>;

/// A place for an `S`, all of whose bytes say something.
fn used<S>() -> Box<MaybeUninit<S>> {
    let mut place = Box::<S>::new_uninit();
    // SAFETY: the place is ours.
    unsafe { place.as_mut_ptr().write_bytes(0xA5, 1) };
    place
}

/// Makes one there, uses it, and drops it.
fn made<S: InPlace>(act: impl FnOnce(&mut S)) {
    let mut place = used::<S>();
    act(S::init(&mut place));
    // SAFETY: `init` made it there.
    drop(unsafe { place.assume_init() });
}

#[test]
fn rings_and_queues_are_empty_and_own_what_is_put_in() {
    let value = Rc::new(());
    made::<Ring<Rc<()>, 3, Sleeper>>(|ring| {
        let (mut producer, mut consumer) = ring.split();
        assert!(consumer.is_empty());
        (0..3).for_each(|_| producer.try_push(value.clone()).unwrap());
        assert!(producer.try_push(value.clone()).is_err());
        drop(consumer.try_pop());
    });
    made::<Queue<Rc<()>, 3, Sleeper>>(|queue| {
        assert!(queue.try_pop().is_none());
        (0..3).for_each(|_| queue.try_push(value.clone()).unwrap());
        assert!(queue.try_push(value.clone()).is_err());
        drop(queue.try_pop());
    });
    assert_eq!(Rc::strong_count(&value), 1, "what was left was dropped with them");
}

#[test]
fn rings_of_bytes_and_messages_and_pipes() {
    made::<ByteRing<16, Sleeper>>(|ring| {
        let (mut producer, mut consumer) = ring.split();
        assert_eq!(consumer.try_read(&mut [0; 4]), 0);
        assert_eq!(producer.try_write(b"abc"), 3);
        assert_eq!(&*consumer.try_peek().unwrap(), b"abc");
    });
    made::<MessageRing<32, Sleeper>>(|ring| {
        let (mut sender, mut receiver) = ring.split();
        sender.try_send(b"abc").unwrap();
        assert_eq!(receiver.try_recv(&mut [0; 8]), Ok(3));
    });
    made::<Pipe<16, Async<Spin>>>(|pipe| {
        let (mut reader, mut writer) = pipe.open().unwrap();
        assert_eq!(writer.try_write(b"abc"), Ok(3));
        assert_eq!(reader.try_read(&mut [0; 8]), Ok(3));
    });
}

#[test]
fn broadcasts_and_latest_values_have_nothing_yet() {
    made::<Broadcast<u32, 3, Sleeper>>(|broadcast| {
        let (mut writer, mut reader) = broadcast.split();
        assert_eq!(reader.try_recv(), Ok(None));
        (1..=4).for_each(|message| writer.send(message));
        assert!(reader.try_recv().is_err());
        assert_eq!(reader.try_recv(), Ok(Some(2)));
    });
    made::<Latest<[u8; 5], Sleeper>>(|latest| {
        assert!(latest.load().is_none());
        latest.owner().store(*b"value");
        let mut out = [0; 5];
        assert!(latest.load_into(&mut out).is_some());
        assert_eq!(&out, b"value");
    });
}
