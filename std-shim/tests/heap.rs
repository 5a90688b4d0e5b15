//! Large structures on the heap: making and using them needs far less stack than their size.

use ringway::wait::Futex;
use ringway::{boxed, boxed_view};
use ringway_core::channel::pipe::Pipe;
use ringway_core::ring::broadcast::Broadcast;
use ringway_core::ring::bytes::{ByteRing, ByteRingView};
use ringway_core::ring::latest::{Latest, Version};
use ringway_core::ring::messages::{MessageRing, MessageRingView};
use ringway_core::ring::queue::Queue;
use ringway_core::ring::{Ring, RingView};
use ringway_core::wait::{Async, Spin};
use std::time::{Duration, Instant};

/// A value that alone is larger than the stack.
type Frame = [u8; 1 << 20];
type Sleeper = Futex;

/// Runs `act` with a stack of 64 KiB. An overflow ends the process.
fn on_a_small_stack(act: fn()) {
    let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(act).unwrap();
    thread.join().unwrap();
}

/// A deadline that only a hang reaches, so that a hang is a failure.
fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(60))
}

fn frame(byte: u8) -> Box<Frame> {
    vec![byte; size_of::<Frame>()].into_boxed_slice().try_into().unwrap()
}

#[test]
fn a_large_ring_stays_off_the_stack() {
    on_a_small_stack(|| {
        let mut ring = boxed::<Ring<[u64; 8], 100_000, Sleeper>>();
        assert!(size_of_val(&*ring) > 6 << 20);
        let (mut producer, mut consumer) = ring.split();
        (0..100_000).for_each(|n| producer.push([n; 8]).unwrap());
        assert!(producer.try_push([0; 8]).is_err());
        (0..100_000).for_each(|n| assert_eq!(consumer.pop(), Ok([n; 8])));
    });
}

#[test]
fn a_ring_drops_its_values() {
    on_a_small_stack(|| {
        let value = std::sync::Arc::new(());
        let ring = boxed::<Ring<_, 400_000>>();
        let mut producer = ring.producer().unwrap();
        (0..1000).for_each(|_| producer.try_push(value.clone()).unwrap());
        assert_eq!(std::sync::Arc::strong_count(&value), 1001);
        drop(producer);
        drop(ring);
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
    });
}

#[test]
fn a_large_queue_stays_off_the_stack() {
    on_a_small_stack(|| {
        let queue = boxed::<Queue<[u64; 8], 60_000, Sleeper>>();
        assert!(size_of_val(&*queue) > 4 << 20);
        (0..60_000).for_each(|n| queue.push([n; 8]).unwrap());
        (0..60_000).for_each(|n| assert_eq!(queue.pop(), Ok([n; 8])));
        // A queue of frames, which are filled and read in place.
        let frames = boxed::<Queue<Frame, 3>>();
        let mut loan = frames.try_reserve().unwrap();
        // SAFETY: the loan has the slot alone until it is committed. The write stays within the
        // slot, and any bytes are a valid frame.
        unsafe { loan.as_uninit().as_mut_ptr().write_bytes(7, 1) };
        // SAFETY: the write above has initialised the whole slot.
        assert!(unsafe { loan.commit() }.is_ok());
        let claim = frames.try_claim().unwrap();
        assert!(claim.iter().all(|byte| *byte == 7));
        claim.complete();
    });
}

#[test]
fn large_byte_rings_and_pipes_stay_off_the_stack() {
    on_a_small_stack(|| {
        let bytes = boxed::<ByteRing<{ 4 << 20 }, Sleeper>>();
        let (mut producer, mut consumer) = (bytes.producer().unwrap(), bytes.consumer().unwrap());
        let sent = frame(3);
        producer.try_write_all(&sent[..]).unwrap();
        let mut got = frame(0);
        assert_eq!(consumer.try_read(&mut got[..]), sent.len());
        assert_eq!(got, sent);

        let messages = boxed::<MessageRing<{ 4 << 20 }, Sleeper>>();
        messages.sender().unwrap().try_send(&sent[..]).unwrap();
        let mut got = frame(0);
        assert_eq!(messages.receiver().unwrap().try_recv(&mut got[..]), Ok(sent.len()));
        assert_eq!(got, sent);

        let pipe = boxed::<Pipe<{ 4 << 20 }, Async<Spin>>>();
        let (mut reader, mut writer) = pipe.open().unwrap();
        assert_eq!(writer.write(&sent[..]), Ok(sent.len()));
        let mut got = frame(0);
        assert_eq!(reader.read(&mut got[..]), Ok(sent.len()));
        assert_eq!(got, sent);
    });
}

#[test]
fn large_broadcast_values_stay_off_the_stack() {
    on_a_small_stack(|| {
        let mut broadcast = boxed::<Broadcast<Frame, 4, Sleeper>>();
        let (mut writer, mut reader) = broadcast.split();
        let mut got = frame(0);
        assert_eq!(reader.try_recv_into(&mut got), Ok(false));
        writer.send_from(&frame(1));
        writer.send_from(&frame(2));
        reader.recv_into_deadline(&mut got, soon()).unwrap();
        assert_eq!(got, frame(1));
        writer.close();
        reader.recv_into_deadline(&mut got, soon()).unwrap();
        assert_eq!(got, frame(2));
        let end = reader.recv_into_deadline(&mut got, soon());
        assert_eq!(end, Err(ringway_core::ring::broadcast::RecvError::EndOfFile));

        let mut latest = boxed::<Latest<Frame, Sleeper>>();
        let mut got = frame(0);
        assert_eq!(latest.load_newer_into(Version::NONE, &mut got), None);
        let mut writer = latest.owner();
        (5..=9).for_each(|byte| writer.store_from(&frame(byte)));
        writer.close();
        let seen = latest.wait_newer_into_deadline(Version::NONE, &mut got, soon()).unwrap();
        assert_eq!((seen.number(), &got), (5, &frame(9)));
        let end = latest.wait_newer_into_deadline(seen, &mut got, soon());
        assert_eq!(end, Err(ringway_core::Error::EndOfFile));
    });
}

#[test]
fn a_ring_is_sized_at_run_time() {
    on_a_small_stack(|| {
        let capacity = std::hint::black_box(400_000);
        let value = std::sync::Arc::new(());
        let mut ring = boxed_view::<RingView<_, Sleeper>>(capacity).unwrap();
        let (mut producer, mut consumer) = ring.split();
        (0..capacity).for_each(|_| producer.push(value.clone()).unwrap());
        assert!(producer.push_deadline(value.clone(), Some(Instant::now())).is_err());
        assert!(consumer.pop_deadline(soon()).is_ok());
        drop((producer, consumer));
        assert_eq!(std::sync::Arc::strong_count(&value), capacity);
        drop(ring);
        assert_eq!(std::sync::Arc::strong_count(&value), 1, "dropped with the ring");

        let bytes = boxed_view::<ByteRingView<Sleeper>>(capacity).unwrap();
        assert_eq!(bytes.producer().unwrap().write(&vec![7; 2 * capacity]), Ok(capacity));
        assert_eq!(bytes.consumer().unwrap().as_slices().0, vec![7; capacity]);
        let messages = boxed_view::<MessageRingView<Sleeper>>(capacity).unwrap();
        messages.sender().unwrap().send(&vec![7; messages.max_message()]).unwrap();
        assert_eq!(messages.receiver().unwrap().peek().unwrap().len(), capacity / 2 - 4);
        assert!(boxed_view::<RingView<u8>>(0).is_none());
        assert!(boxed_view::<RingView<u8>>(usize::MAX).is_none());
    });
}
