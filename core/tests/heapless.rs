//! Messages can be received into a `heapless::Vec`, and names can be a `heapless::String`.
#![cfg(feature = "heapless")]

use heapless::{String, Vec};
use ringway_core::Error;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::link::{Config, SerialLink};
use ringway_core::channel::socket::{Connection, Network};
use ringway_core::ring::messages::MessageRing;
use ringway_core::wait::{Async, Spin};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[test]
fn a_vector_has_the_length_of_the_message() {
    let mut pair = Connection::<64, Async<Spin>>::new();
    let (mut here, mut there) = pair.split_packets();
    let mut message: Vec<u8, 16> = Vec::from_slice(b"from before").unwrap();
    here.try_send(b"one").unwrap();
    assert_eq!(there.try_recv(&mut message), Ok(3));
    assert_eq!(message, b"one");
    here.try_send(b"").unwrap();
    assert_eq!(there.recv(&mut message), Ok(0));
    assert!(message.is_empty());
    here.try_send(b"another").unwrap();
    assert_eq!(there.recv_deadline(&mut message, None), Ok(7));
    assert_eq!(message, b"another");
}

#[test]
fn a_vector_is_empty_when_no_message_came() {
    let mut pair = Connection::<64>::new();
    let (mut here, mut there) = pair.split_packets();
    let mut message: Vec<u8, 4, u8> = Vec::from_slice(b"old").unwrap();
    assert_eq!(there.try_recv(&mut message), Err(Error::WouldBlock));
    assert!(message.is_empty());
    here.try_send(b"too long").unwrap();
    assert_eq!(there.try_recv(&mut message), Err(Error::BufferTooSmall { needed: 8 }));
    assert!(message.is_empty());
    let mut larger = Vec::<u8, 8>::new();
    assert_eq!(there.try_recv(&mut larger), Ok(8), "it was kept");
    assert_eq!(larger, b"too long");
}

#[test]
fn a_task_receives_into_a_vector() {
    let mut pair = Connection::<64, Async<Spin>>::new();
    let (mut here, mut there) = pair.split_packets();
    let mut cx = Context::from_waker(Waker::noop());
    let mut message = Vec::<u8, 8>::new();
    assert!(there.poll_recv(&mut cx, &mut message).is_pending());
    {
        let mut recv = pin!(there.recv_async(&mut message));
        assert!(recv.as_mut().poll(&mut cx).is_pending());
        here.try_send(b"hello").unwrap();
        assert_eq!(recv.poll(&mut cx), Poll::Ready(Ok(5)));
    }
    assert_eq!(message, b"hello");
}

#[test]
fn a_link_receives_into_a_vector() {
    let mut here: SerialLink = SerialLink::new(Config::new(1));
    let mut there: SerialLink = SerialLink::new(Config::new(2));
    for link in [&mut here, &mut there] {
        link.open(0).unwrap();
        link.open_port(0).unwrap();
    }
    here.exchange(0, &mut there);
    here.try_send(0, b"hello").unwrap();
    here.exchange(0, &mut there);
    let mut small = Vec::<u8, 4>::new();
    assert_eq!(there.try_recv(0, &mut small), Err(Error::BufferTooSmall { needed: 5 }));
    let mut message = Vec::<u8, 256>::new();
    assert_eq!(there.try_recv(0, &mut message), Ok(5));
    assert_eq!(message, b"hello");
    assert_eq!(there.try_recv(0, &mut message), Err(Error::WouldBlock));
    assert!(message.is_empty());
}

#[test]
fn names_are_strings_of_a_bounded_length() {
    let mut name = String::<8>::new();
    name.push_str("sensor").unwrap();
    let names = Registry::<1, 8>::new();
    assert_eq!(names.create(name.as_bytes()), Ok(()));
    assert_eq!(names.remove(b"sensor"), Ok(()));
    let net = Network::<1, 1, 8>::new();
    let _listener = net.streams().listen(name.as_str(), 1).unwrap();
    assert!(net.streams().try_connect("sensor").is_ok());
}

#[test]
fn a_message_ring_receives_into_a_vector() {
    let mut ring = MessageRing::<64, Async<Spin>>::new();
    let (mut sender, mut receiver) = ring.split();
    let mut message: Vec<u8, 8> = Vec::from_slice(b"before").unwrap();
    assert_eq!(receiver.try_recv(&mut message), Err(Error::WouldBlock));
    assert!(message.is_empty());
    sender.try_send(b"one").unwrap();
    assert_eq!(receiver.recv(&mut message), Ok(3));
    assert_eq!(message, b"one");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(receiver.poll_recv(&mut cx, &mut message).is_pending());
    sender.try_send(b"another").unwrap();
    assert_eq!(receiver.poll_recv(&mut cx, &mut message), Poll::Ready(Ok(7)));
    assert_eq!(message, b"another");
}
