//! The ring of messages against a `VecDeque`, and against a sender that writes invalid words.

use super::Choices;
use ringway_core::Error;
use ringway_core::ring::bytes::ByteRing;
use ringway_core::ring::messages::{MessageRing, Receiver, Sender};
use std::collections::VecDeque;

/// A sequence of operations on a [`MessageRing`].
pub fn messages(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(5) {
        Some(0) => sequence::<9>(choices),
        Some(1) => sequence::<16>(choices),
        Some(2) => sequence::<23>(choices),
        Some(3) => sequence::<64>(choices),
        Some(_) => nonsense::<32>(choices),
        None => {}
    }
}

fn sequence<const N: usize>(mut choices: Choices<'_>) {
    let max = MessageRing::<N>::MAX_MESSAGE;
    let mut ring: MessageRing<N> = MessageRing::new();
    let (mut sender, mut receiver) = ring.split();
    let mut model = VecDeque::new();
    let mut next = 0_u8;
    while let (Some(operation), Some(len)) = (choices.below(5), choices.below(max + 2)) {
        match operation {
            0 | 1 => send(&mut sender, operation, len, &mut next, &mut model),
            2 => {
                let mut out = vec![0; len];
                match (receiver.try_recv(&mut out[..]), model.front()) {
                    (Ok(count), Some(message)) => {
                        assert_eq!(&out[..count], &message[..]);
                        model.pop_front();
                    }
                    (Err(Error::BufferTooSmall { needed }), Some(message)) => {
                        assert_eq!(needed, message.len());
                        assert!(needed > len);
                    }
                    (Err(Error::WouldBlock), None) => {}
                    other => panic!("{other:?}"),
                }
            }
            _ => take(&mut receiver, operation == 3, &mut model),
        }
        if model.is_empty() {
            assert!(
                sender.try_reserve(max).is_ok(),
                "everything was received, and the longest has no room"
            );
        }
    }
    while !model.is_empty() {
        take(&mut receiver, true, &mut model);
    }
    assert_eq!(receiver.try_peek().err(), Some(Error::WouldBlock));
}

fn send<const N: usize>(
    sender: &mut Sender<&MessageRing<N>>,
    operation: usize,
    len: usize,
    next: &mut u8,
    model: &mut VecDeque<Vec<u8>>,
) {
    let message: Vec<u8> = (0..len).map(|n| next.wrapping_add(n as u8)).collect();
    *next = next.wrapping_add(len as u8);
    let max = MessageRing::<N>::MAX_MESSAGE;
    let sent = if operation == 0 {
        sender.try_send(&message)
    } else {
        sender.try_reserve(len).map(|mut grant| {
            grant.copy_from_slice(&message);
            // Less than was reserved, now and then.
            grant.commit(len - usize::from(len > 1 && next.is_multiple_of(2)));
        })
    };
    match sent {
        Ok(()) if operation == 1 && len > 1 && next.is_multiple_of(2) => {
            model.push_back(message[..len - 1].to_vec())
        }
        Ok(()) => model.push_back(message),
        Err(Error::MessageTooLarge { max: told }) => assert!(len > max && told == max),
        Err(error) => assert!(error == Error::WouldBlock && !model.is_empty(), "{error}"),
    }
}

fn take<const N: usize>(
    receiver: &mut Receiver<&MessageRing<N>>,
    keep: bool,
    model: &mut VecDeque<Vec<u8>>,
) {
    match (receiver.try_peek(), model.front()) {
        (Ok(found), Some(message)) => {
            assert_eq!(&*found, &message[..]);
            if keep {
                found.release();
                model.pop_front();
            }
        }
        (Err(Error::WouldBlock), None) => {}
        other => panic!("{other:?}"),
    }
}

/// Any bytes at all in the ring: the receiver gets messages or an error, and never more bytes than
/// there are.
fn nonsense<const N: usize>(mut choices: Choices<'_>) {
    let mut bytes: ByteRing<N> = ByteRing::new();
    let (mut producer, consumer) = bytes.split();
    drop(consumer);
    while let Some(byte) = choices.below(256) {
        if producer.try_write(&[byte as u8]) == 0 {
            break;
        }
    }
    let there = N - producer.room();
    drop(producer);
    // SAFETY: a ring of messages is `repr(transparent)` around a ring of bytes.
    let ring: &MessageRing<N> = unsafe { &*std::ptr::from_ref(&bytes).cast() };
    let mut receiver = ring.receiver().expect("nobody has it");
    let mut received = 0;
    loop {
        match receiver.try_peek() {
            Ok(message) => {
                received += 4 + message.len();
                message.release();
            }
            Err(Error::WouldBlock) => break assert_eq!(received, there),
            Err(error) => break assert_eq!(error, Error::Corrupt),
        }
    }
    assert!(received <= there);
}
