//! Rings of every kind, whose other side's waker panics.

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
fn a_ring_has_what_was_pushed_and_room_for_what_was_popped() {
    let mut ring = Ring::<_, 2, Async<Spin>>::new();
    let (mut producer, mut consumer) = ring.split();
    for lap in 0..5 {
        leave(&explosive(), |cx| consumer.poll_pop(cx));
        panics(|| producer.try_push(lap));
        assert_eq!(producer.try_push(lap + 100), Ok(()));
        assert_eq!(producer.try_push(0), Err(Full(0)));
        leave(&explosive(), |cx| pin!(producer.push_async(0)).poll(cx));
        panics(|| consumer.try_pop());
        assert_eq!(consumer.try_pop(), Some(lap + 100));
        assert_eq!(consumer.try_pop(), None);
    }
    leave(&explosive(), |cx| consumer.poll_pop(cx));
    panics(|| producer.close());
    assert!(consumer.ring().producer_is_gone());
}

#[test]
fn a_ring_of_bytes_has_what_was_written_and_room_for_what_was_read() {
    let ring = ByteRing::<8, Async<Spin>>::new();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for lap in 0..9 {
        leave(&explosive(), |cx| consumer.poll_read(cx, &mut [0; 8]));
        panics(|| producer.try_write(&[lap; 5]));
        assert_eq!(producer.try_write(&[lap + 100; 8]), 3);
        leave(&explosive(), |cx| producer.poll_write(cx, &[0]));
        let mut out = [0; 3];
        panics(|| consumer.try_read(&mut out));
        assert_eq!(out, [lap; 3]);
        let mut rest = [0; 8];
        assert_eq!(consumer.try_read(&mut rest), 5);
        assert_eq!(rest[..5], [lap, lap, lap + 100, lap + 100, lap + 100]);
    }
    leave(&explosive(), |cx| consumer.poll_read(cx, &mut [0; 8]));
    panics(|| producer.close());
    assert!(ring.producer_is_gone() && ring.producer().is_some());
}

#[test]
fn a_ring_of_messages_has_what_was_sent() {
    let mut ring = MessageRing::<64, Async<Spin>>::new();
    let (mut sender, mut receiver) = ring.split();
    for lap in 0..9 {
        leave(&explosive(), |cx| receiver.poll_recv(cx, &mut [0; 64]));
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
fn a_queue_has_what_was_pushed_and_free_slots_for_what_was_popped() {
    let queue = Queue::<_, 2, Async<Spin>>::new();
    for lap in 0..5 {
        leave(&explosive(), |cx| queue.poll_pop(cx));
        panics(|| queue.try_push(lap));
        assert_eq!(queue.try_push(lap + 100), Ok(()));
        let mut third = Some(0);
        leave(&explosive(), |cx| queue.poll_push(cx, &mut third));
        assert_eq!(third, Some(0));
        panics(|| queue.try_pop());
        assert_eq!(queue.try_pop(), Some(lap + 100));
        assert_eq!((queue.try_pop(), queue.unfinished()), (None, 0));
        // A claim that goes back.
        queue.try_push(lap).unwrap();
        let claim = queue.try_claim().unwrap();
        leave(&explosive(), |cx| queue.poll_pop(cx));
        panics(|| drop(claim));
        assert_eq!(queue.try_pop(), Some(lap));
    }
}

#[test]
fn a_value_that_is_not_pushed_because_a_waker_panics_stays_with_its_owner() {
    /// Panics when it is cloned, which is when it is left behind.
    fn unclonable() -> Waker {
        use std::task::{RawWaker, RawWakerVTable};
        static VTABLE: RawWakerVTable =
            RawWakerVTable::new(|_| panic!("a clone"), |_| (), |_| (), |_| ());
        // SAFETY: it has no data.
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
fn a_close_reaches_the_producers_also_when_a_consumer_panics() {
    let queue = Queue::<_, 1, Async<Spin>>::new();
    queue.try_push(1).unwrap();
    let producer = Arc::new(Woken::default());
    leave(&producer.clone().into(), |cx| queue.poll_push(cx, &mut Some(2)));
    let claim = queue.try_claim().unwrap();
    leave(&explosive(), |cx| queue.poll_pop(cx));
    panics(|| queue.close());
    assert!(producer.is_woken());
    claim.complete();
    assert_eq!(queue.try_push(3), Err(PushError::Closed(3)));
    assert!(queue.has_ended());
}

#[test]
fn recovery_reaches_everybody_also_when_one_panics() {
    let dead = Participant::new(1).unwrap();

    let ring = Ring::<u32, 4, Async<Spin>>::new();
    std::mem::forget((ring.producer_as(dead), ring.consumer_as(dead)));
    let second = Arc::new(Woken::default());
    leave(&explosive(), |cx| ring.consumers_bell().poll_until(cx, || None::<()>));
    leave(&second.clone().into(), |cx| ring.producers_bell().poll_until(cx, || None::<()>));
    // SAFETY: nobody uses the ring under that name any more.
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
    leave(&explosive(), |cx| queue.poll_pop(cx));
    leave(&second.clone().into(), |cx| queue.poll_push(cx, &mut Some(9)));
    // SAFETY: nobody uses the queue under that name any more.
    panics(|| unsafe { queue.handle(Participant::LOCAL).recover(dead) });
    assert!(second.is_woken());
    let mut back = [(); 3].map(|()| queue.try_pop().expect("all claims come back"));
    back.sort();
    assert_eq!(back, [0, 1, 2]);
    (0..4).for_each(|value| queue.try_push(value).unwrap());
}

#[test]
fn a_broadcast_and_the_latest_value_have_what_was_sent() {
    let mut broadcast = Broadcast::<u32, 4, Async<Spin>>::new();
    let (mut writer, mut reader) = broadcast.split();
    let latest = Latest::<u32, Async<Spin>>::new();
    let mut seen = Version::NONE;
    let mut storer = latest.writer().unwrap();
    for value in 0..9 {
        leave(&explosive(), |cx| pin!(reader.recv_async()).poll(cx));
        panics(|| writer.send(value));
        assert_eq!(reader.try_recv(), Ok(Some(value)));
        writer.send(value + 100);
        assert_eq!(reader.try_recv(), Ok(Some(value + 100)));

        leave(&explosive(), |cx| pin!(latest.newer_async(seen)).poll(cx));
        panics(|| storer.store(value));
        assert_eq!(latest.load().unwrap().0, value);
        storer.store(value + 100);
        seen = latest.version();
        assert_eq!(latest.load().unwrap().0, value + 100);
    }
    leave(&explosive(), |cx| pin!(reader.recv_async()).poll(cx));
    panics(|| writer.close());
    assert!(reader.writer_is_gone());
    leave(&explosive(), |cx| pin!(latest.newer_async(seen)).poll(cx));
    panics(|| storer.close());
    assert!(latest.writer_is_gone() && latest.writer().is_some());
}
