//! Rings of every kind: the waker of the other side panics.

use super::*;
use ringway_core::participant::Participant;
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::latest::{Latest, Version};
use ringway_core::ring::messages::MessageRing;
use ringway_core::ring::{Full, Ring};
use ringway_core::ring::{PushError, queue::Queue};
use std::pin::pin;

#[test]
fn ring_push_and_pop_take_effect_when_wakers_panic() {
    let mut ring = Ring::<_, 2, Async<Spin>>::new();
    let (mut producer, mut consumer) = ring.split();
    for lap in 0..5 {
        leave(&panicking_waker(), |cx| consumer.poll_pop(cx));
        panics(|| producer.try_push(lap));
        assert_eq!(producer.try_push(lap + 100), Ok(()));
        assert_eq!(producer.try_push(0), Err(Full(0)));
        leave(&panicking_waker(), |cx| pin!(producer.push_async(0)).poll(cx));
        panics(|| consumer.try_pop());
        assert_eq!(consumer.try_pop(), Some(lap + 100));
        assert_eq!(consumer.try_pop(), None);
    }
    leave(&panicking_waker(), |cx| consumer.poll_pop(cx));
    panics(|| producer.close());
    assert!(consumer.ring().producer_is_gone());
}

#[test]
fn byte_ring_transfers_take_effect_when_wakers_panic() {
    let ring = ByteRing::<8, Async<Spin>>::new();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for lap in 0..9 {
        leave(&panicking_waker(), |cx| consumer.poll_read(cx, &mut [0; 8]));
        panics(|| producer.try_write(&[lap; 5]));
        assert_eq!(producer.try_write(&[lap + 100; 8]), 3);
        leave(&panicking_waker(), |cx| producer.poll_write(cx, &[0]));
        let mut out = [0; 3];
        panics(|| consumer.try_read(&mut out));
        assert_eq!(out, [lap; 3]);
        let mut rest = [0; 8];
        assert_eq!(consumer.try_read(&mut rest), 5);
        assert_eq!(rest[..5], [lap, lap, lap + 100, lap + 100, lap + 100]);
    }
    leave(&panicking_waker(), |cx| consumer.poll_read(cx, &mut [0; 8]));
    panics(|| producer.close());
    assert!(ring.producer_is_gone() && ring.producer().is_some());
}

#[test]
fn message_is_sent_when_the_reader_waker_panics() {
    let mut ring = MessageRing::<64, Async<Spin>>::new();
    let (mut sender, mut receiver) = ring.split();
    for lap in 0..9 {
        leave(&panicking_waker(), |cx| receiver.poll_recv(cx, &mut [0; 64]));
        panics(|| sender.try_send(&[lap; 20]));
        sender.try_send(&[lap + 100; 20]).unwrap();
        let mut out = [0; 64];
        assert_eq!(receiver.try_recv(&mut out), Ok(20));
        assert_eq!(out[..20], [lap; 20]);
        assert_eq!(receiver.try_recv(&mut out), Ok(20));
        assert_eq!(out[..20], [lap + 100; 20]);
    }
}

#[test]
fn queue_push_and_pop_take_effect_when_wakers_panic() {
    let queue = Queue::<_, 2, Async<Spin>>::new();
    for lap in 0..5 {
        leave(&panicking_waker(), |cx| queue.poll_pop(cx));
        panics(|| queue.try_push(lap));
        assert_eq!(queue.try_push(lap + 100), Ok(()));
        let mut third = Some(0);
        leave(&panicking_waker(), |cx| queue.poll_push(cx, &mut third));
        assert_eq!(third, Some(0));
        panics(|| queue.try_pop());
        assert_eq!(queue.try_pop(), Some(lap + 100));
        assert_eq!((queue.try_pop(), queue.unfinished()), (None, 0));
        // A dropped claim puts its job back.
        queue.try_push(lap).unwrap();
        let claim = queue.try_claim().unwrap();
        leave(&panicking_waker(), |cx| queue.poll_pop(cx));
        panics(|| drop(claim));
        assert_eq!(queue.try_pop(), Some(lap));
    }
}

#[test]
fn value_stays_with_the_pusher_when_a_clone_panics() {
    /// A waker that panics when it is cloned, which happens when a cell stores it.
    fn unclonable() -> Waker {
        use std::task::{RawWaker, RawWakerVTable};
        static VTABLE: RawWakerVTable =
            RawWakerVTable::new(|_| panic!("a clone"), |_| (), |_| (), |_| ());
        // SAFETY: the waker has no data, and its table's functions use none.
        unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &VTABLE)) }
    }
    let queue = Queue::<_, 1, Async<Spin>>::new();
    let mut ring = Ring::<_, 1, Async<Spin>>::new();
    let (mut producer, _consumer) = ring.split();
    queue.try_push("first").unwrap();
    producer.try_push("first").unwrap();
    let waker = unclonable();
    let mut cx = Context::from_waker(&waker);
    let mut second = Some("second");
    panics(|| queue.poll_push(&mut cx, &mut second));
    assert_eq!(second, Some("second"));
    panics(|| pin!(producer.push_async("second")).poll(&mut cx));
    assert_eq!(producer.ring().len(), 1);
}

#[test]
fn close_wakes_producers_when_a_consumer_waker_panics() {
    let queue = Queue::<_, 1, Async<Spin>>::new();
    queue.try_push(1).unwrap();
    let producer = Arc::new(Woken::default());
    leave(&producer.clone().into(), |cx| queue.poll_push(cx, &mut Some(2)));
    let claim = queue.try_claim().unwrap();
    leave(&panicking_waker(), |cx| queue.poll_pop(cx));
    panics(|| queue.close());
    assert!(producer.is_woken());
    claim.complete();
    assert_eq!(queue.try_push(3), Err(PushError::Closed(3)));
    assert!(queue.has_ended());
}

#[test]
fn recovery_wakes_everybody_when_one_waker_panics() {
    let dead = Participant::new(1).unwrap();

    let ring = Ring::<u32, 4, Async<Spin>>::new();
    std::mem::forget((ring.producer_as(dead), ring.consumer_as(dead)));
    let second = Arc::new(Woken::default());
    leave(&panicking_waker(), |cx| ring.consumers_bell().poll_until(cx, || None::<()>));
    leave(&second.clone().into(), |cx| ring.producers_bell().poll_until(cx, || None::<()>));
    // SAFETY: both halves under the name `dead` were forgotten, so nobody uses the ring under it
    // any more.
    panics(|| unsafe { ring.recover(dead) });
    assert!(second.is_woken());
    assert!(ring.producer().is_some() && ring.consumer().is_some());

    let queue = Queue::<_, 4, Async<Spin>>::new();
    let other = queue.handle(dead);
    for value in 0..3 {
        other.try_push(value).unwrap();
        std::mem::forget(other.try_claim());
    }
    std::mem::forget(other.try_reserve());
    let second = Arc::new(Woken::default());
    leave(&panicking_waker(), |cx| queue.poll_pop(cx));
    leave(&second.clone().into(), |cx| queue.poll_push(cx, &mut Some(9)));
    // SAFETY: the claims and the loan under the name `dead` were forgotten, so nobody uses the
    // queue under it any more.
    panics(|| unsafe { queue.handle(Participant::LOCAL).recover(dead) });
    assert!(second.is_woken());
    let mut back = [(); 3].map(|()| queue.try_pop().expect("all claims come back"));
    back.sort();
    assert_eq!(back, [0, 1, 2]);
    (0..4).for_each(|value| queue.try_push(value).unwrap());
}

#[test]
fn broadcast_and_latest_publish_when_a_waker_panics() {
    let mut broadcast = Broadcast::<u32, 4, Async<Spin>>::new();
    let (mut writer, mut reader) = broadcast.split();
    let latest = Latest::<u32, Async<Spin>>::new();
    let mut seen = Version::NONE;
    let mut storer = latest.writer().unwrap();
    for value in 0..9 {
        leave(&panicking_waker(), |cx| pin!(reader.recv_async()).poll(cx));
        panics(|| writer.send(value));
        assert_eq!(reader.try_recv(), Ok(Some(value)));
        writer.send(value + 100);
        assert_eq!(reader.try_recv(), Ok(Some(value + 100)));

        leave(&panicking_waker(), |cx| pin!(latest.newer_async(seen)).poll(cx));
        panics(|| storer.store(value));
        assert_eq!(latest.load().unwrap().0, value);
        storer.store(value + 100);
        seen = latest.version();
        assert_eq!(latest.load().unwrap().0, value + 100);
    }
    leave(&panicking_waker(), |cx| pin!(reader.recv_async()).poll(cx));
    panics(|| writer.close());
    assert!(reader.writer_is_gone());
    leave(&panicking_waker(), |cx| pin!(latest.newer_async(seen)).poll(cx));
    panics(|| storer.close());
    assert!(latest.writer_is_gone() && latest.writer().is_some());
}
