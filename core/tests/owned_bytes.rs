//! Halves of byte and message rings that own their ring. They are kept in a struct, moved, and
//! dropped after every other reference.
#![cfg(all(feature = "alloc", not(loom)))]

use ringway_core::ring::bytes::{self, ByteRing, ByteRingView};
use ringway_core::ring::messages::{self, MessageRing, MessageRingView};
use std::sync::Arc;

struct Bytes {
    from: bytes::Consumer<Arc<ByteRingView>>,
    to: bytes::Producer<Arc<ByteRingView>>,
}

struct Messages {
    to: messages::Sender<Arc<MessageRingView>>,
    from: messages::Receiver<Arc<MessageRingView>>,
}

#[test]
fn byte_halves_keep_their_ring() {
    let ring: Arc<ByteRingView> = Arc::new(ByteRing::<7>::new());
    let from = bytes::Consumer::new(ring.clone()).unwrap();
    let ends = Box::new(Bytes { from, to: bytes::Producer::new(ring.clone()).unwrap() });
    assert!(bytes::Producer::new(ring).is_none(), "somebody has it");
    let mut moved = *ends;
    for round in 0..20 {
        assert_eq!(moved.to.try_write(&[round; 5]), 5);
        let mut out = [0; 5];
        assert_eq!(moved.from.try_read(&mut out), 5);
        assert_eq!(out, [round; 5]);
    }
    let Bytes { from, to } = moved;
    to.close();
    assert!(from.ring().producer_is_gone());
    std::thread::spawn(move || assert_eq!(from.ring().capacity(), 7)).join().unwrap();
}

#[test]
fn message_halves_keep_their_ring() {
    let ring: Arc<MessageRingView> = Arc::new(MessageRing::<64>::new());
    let to = messages::Sender::new(ring.clone()).unwrap();
    let ends = Box::new(Messages { to, from: messages::Receiver::new(ring).unwrap() });
    let mut moved = *ends;
    for length in 0..20 {
        moved.to.try_send(&[7; 20][..length]).unwrap();
        let message = moved.from.try_peek().unwrap();
        assert_eq!(&*message, &[7; 20][..length]);
        message.release();
    }
    drop(moved.to);
    assert!(messages::Sender::new(moved.from.ring()).is_some(), "it was given back");
}
