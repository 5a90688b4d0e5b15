//! Halves that own what keeps their structure. Under Miri this shows that nothing is used after the
//! last owner is dropped.
#![cfg(all(feature = "alloc", not(loom)))]
#![allow(missing_docs)]

use ringway_core::participant::Participant;
use ringway_core::ring::{Consumer, Producer, Ring, RingRef, RingView};
use ringway_core::storage::StableRef;
use ringway_core::wait::Spin;
use std::sync::Arc;

/// Contains a half of a ring, and borrows nothing.
struct Sensor<R: RingRef> {
    samples: Producer<R>,
    name: String,
}

impl<R: RingRef<Value = Box<u32>>> Sensor<R> {
    fn sample(&mut self, value: u32) -> usize {
        self.samples.try_push(Box::new(value)).unwrap();
        self.name.len()
    }
}

#[test]
fn halves_outlive_every_other_reference_to_their_ring() {
    let ring: Arc<RingView<Box<u32>>> = Arc::new(Ring::<_, 4>::new());
    let samples = Producer::new(ring.clone()).unwrap();
    assert!(Producer::new(ring.clone()).is_none(), "there is one");
    let mut consumer = Consumer::new(ring.clone()).unwrap();
    drop(ring);
    let sensor = Sensor { samples, name: "north".into() };
    let mut moved = Box::new(Some(sensor));
    assert_eq!(moved.as_mut().as_mut().unwrap().sample(1), 5);
    let mut thread = moved.take().unwrap();
    std::thread::spawn(move || thread.sample(2)).join().unwrap();
    assert_eq!(consumer.try_pop(), Some(Box::new(1)));
    assert_eq!(consumer.ring().len(), 1);
    assert_eq!(consumer.front(), Some(&Box::new(2)), "its producer is gone, and the value there");
    drop(consumer); // the last, with a value in the ring
}

#[test]
fn an_owned_half_lends_chunks_and_futures() {
    let ring = Arc::new(Ring::<String, 3, Spin>::new());
    let (mut producer, mut consumer) =
        (Producer::new(ring.clone()).unwrap(), Consumer::new(ring).unwrap());
    for _ in 0..5 {
        let mut chunk = producer.reserve(2).unwrap();
        assert_eq!(chunk.fill(["to".to_owned(), "and fro".to_owned()]), 2);
        assert_eq!(chunk.commit(), 2);
        let chunk = consumer.peek(2).unwrap();
        let (first, second) = chunk.as_slices();
        assert_eq!([first, second].concat().concat(), "toand fro");
        chunk.release(2);
    }
    producer.reserve(1).unwrap().push("never seen".to_owned()).unwrap();
    producer.push("left".to_owned()).unwrap();
    consumer.close();
    assert!(producer.ring().consumer_is_gone());
    producer.close();
}

/// An owner defined outside the crate, which takes halves for a participant.
#[derive(Clone, Copy)]
struct Shared(&'static Ring<u32, 2>, Participant);

// SAFETY: the ring is borrowed for as long as the reference exists, and does not move.
unsafe impl StableRef for Shared {
    type Target = Ring<u32, 2>;

    fn get(&self) -> &Ring<u32, 2> {
        self.0
    }

    fn participant(&self) -> Participant {
        self.1
    }
}

#[test]
fn a_half_is_held_by_its_owners_participant() {
    static RING: Ring<u32, 2> = Ring::new();
    let ring = Shared(&RING, Participant::new(5).unwrap());
    let mut producer = Producer::new(ring).unwrap();
    producer.try_push(1).unwrap();
    std::mem::forget(producer); // it dies
    // SAFETY: participant 5 takes no further step.
    assert_eq!(unsafe { RING.recover(ring.participant()) }, 1);
    assert!(RING.producer_is_gone());
    assert_eq!(Consumer::new(ring).unwrap().try_pop(), Some(1));
}
