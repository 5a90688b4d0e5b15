//! Python's own socket module at the other end: descriptors passed with a message, both ways.

use super::shell::Place;
use ringway::socket::{UnixListener, UnixStream};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

fn accept(listener: &UnixListener) -> UnixStream {
    listener.accept_deadline(Instant::now() + Duration::from_secs(60)).expect("Python connects")
}

#[test]
fn python_sends_a_descriptor_and_we_read_from_what_it_opened() {
    let place = Place::new();
    std::fs::write(place.path("opened"), "by Python").unwrap();
    let listener = UnixListener::bind(place.path("socket")).unwrap();
    let python = place.start(
        "exec python3 -c '
import socket
peer = socket.socket(socket.AF_UNIX)
peer.connect(\"socket\")
opened = open(\"opened\")
socket.send_fds(peer, [b\"take these\"], [opened.fileno(), 0])
'",
    );
    let peer = accept(&listener);
    let mut text = [0; 16];
    let received = peer.recv_descriptors(&mut text, 4).unwrap();
    assert_eq!((received.size, received.descriptors.len()), (10, 2));
    assert_eq!(&text[..10], b"take these");
    let mut content = String::new();
    let first = received.descriptors.into_iter().next().unwrap();
    File::from(first).read_to_string(&mut content).unwrap();
    assert_eq!(content, "by Python");
    python.end();
}

#[test]
fn we_send_a_descriptor_and_python_writes_to_what_we_opened() {
    let place = Place::new();
    let listener = UnixListener::bind(place.path("socket")).unwrap();
    let python = place.start(
        "exec python3 -c '
import os, socket
peer = socket.socket(socket.AF_UNIX)
peer.connect(\"socket\")
text, descriptors, flags, address = socket.recv_fds(peer, 100, 4)
assert text == b\"write there\", text
assert len(descriptors) == 1, descriptors
os.write(descriptors[0], b\"by Python\")
'",
    );
    let peer = accept(&listener);
    let (reader, writer) = ringway::pipe::pipe().unwrap();
    peer.send_descriptors(b"write there", &[writer.as_fd()]).unwrap();
    drop(writer);
    let mut text = String::new();
    (&reader).read_to_string(&mut text).unwrap();
    assert_eq!(text, "by Python");
    python.end();
}

#[test]
fn a_conversation_with_python_half_closes_both_ways() {
    let place = Place::new();
    let listener = UnixListener::bind(place.path("socket")).unwrap();
    let python = place.start(
        "exec python3 -c '
import socket
peer = socket.socket(socket.AF_UNIX)
peer.connect(\"socket\")
stream = peer.makefile(\"rwb\")
question = stream.read()
stream.write(question[::-1])
stream.flush()
peer.shutdown(socket.SHUT_WR)
assert stream.read() == b\"\"
'",
    );
    let mut peer = accept(&listener);
    peer.write_all(b"stressed").unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "desserts");
    drop(peer);
    python.end();
}
