//! `multiprocessing.connection`.

use super::support::*;
use ringway::python::connection::{Auth, Connection, Role};
use ringway::socket::UnixStream;
use ringway::{Cause, CoreError, Error, fd};
use std::io::{Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

const SIZES: [usize; 6] = [0, 1, 16_384, 16_385, 1 << 20, 32 << 20];

fn key(python: &Python) -> Auth {
    let auth = Auth::key(b"right").unwrap();
    if python.is_old() { auth.allow_md5() } else { auth }
}

/// Runs a test with every interpreter, in each role, over each family.
fn everywhere(what: &str, mut test: impl FnMut(&Python, Role, Family) -> usize) {
    let _alone = alone();
    for python in pythons() {
        let mut count = 0;
        for role in ROLES {
            for family in FAMILIES {
                count += test(python, role, family);
            }
        }
        if count > 0 {
            println!("evidence: python: CPython 3.{}, {what}: {count}, 0 failures", python.minor);
        }
    }
}

#[test]
fn messages_of_every_size_both_ways() {
    everywhere("messages, 2 roles, 3 families", |python, role, family| {
        let mut peer = Peer::start(python, role, family, "right", &key(python));
        peer.once();
        let ours = peer.meet(&key(python), long()).unwrap();
        for size in SIZES {
            let message = bytes(size);
            assert!(ours.ask(&message) == message, "{size} bytes");
            // The long form from Python.
            ours.send(b"!long").unwrap();
            assert!(ours.ask(&message) == message, "{size} bytes, by the long form");
        }
        // And to Python.
        let stream = ours.into_fd();
        for size in SIZES {
            let message = bytes(size);
            let long_form = [&[0xff; 4], &(size as u64).to_be_bytes()[..]].concat();
            fd::write_all(&stream, &mut &long_form[..], long()).unwrap();
            // Python answers when it has everything.
            fd::write_all(&stream, &mut &message[..], long()).unwrap();
            let mut head = [0; 4];
            fd::read_exact(&stream, &mut &mut head[..], long()).unwrap();
            assert_eq!(u32::from_be_bytes(head) as usize, size);
            let mut answer = vec![0; size];
            fd::read_exact(&stream, &mut &mut answer[..], long()).unwrap();
            assert!(answer == message);
        }
        drop(stream);
        assert_eq!(peer.answer(), "served");
        3 * SIZES.len()
    });
}

fn authentication(error: &Error) -> &'static str {
    match error.cause() {
        Cause::Authentication(reason) => reason,
        _ => panic!("{error}"),
    }
}

#[test]
fn another_key_is_refused_on_both_sides() {
    everywhere("refusals of another key", |python, role, family| {
        let wrong = Auth::key(b"wrong").unwrap().allow_md5();
        let mut peer = Peer::start(python, role, family, "right", &wrong);
        peer.once();
        let error = peer.meet(&wrong, long()).unwrap_err();
        let expected = if role == Role::Listener { "refuses" } else { "another key" };
        assert!(authentication(&error).contains(expected), "{error}");
        assert!(peer.answer().starts_with("AuthenticationError"));
        1
    });
}

#[test]
fn a_key_on_one_side_alone_is_refused() {
    everywhere("refusals of no key", |python, role, family| {
        // Python has one, and takes our first message for an answer, or for a challenge.
        let mut peer = Peer::start(python, role, family, "right", &Auth::none());
        peer.once();
        let ours = peer.meet(&Auth::none(), long()).unwrap();
        ours.send(b"hello").unwrap();
        let said = peer.answer();
        let expected = ["AuthenticationError", "AssertionError"];
        assert!(expected.iter().any(|kind| said.starts_with(kind)), "{said}");
        drop((ours, peer));

        // We have one, and Python waits for a message, or echoes our challenge.
        let mut peer = Peer::start(python, role, family, "-", &key(python));
        peer.once();
        let soon = Instant::now() + Duration::from_millis(200);
        let deadline = if role == Role::Listener { Some(soon) } else { long() };
        let error = peer.meet(&key(python), deadline).unwrap_err();
        match role {
            Role::Listener => assert!(error.is(CoreError::TimedOut), "{error}"),
            Role::Client => assert!(authentication(&error).contains("no digest"), "{error}"),
        }

        // Neither has one.
        peer = Peer::start(python, role, family, "-", &Auth::none());
        peer.once();
        let ours = peer.meet(&Auth::none(), long()).unwrap();
        assert_eq!(ours.ask(b"hello"), b"hello");
        3
    });
}

#[test]
fn md5_is_refused_unless_it_is_allowed() {
    everywhere("refusals of MD5", |python, role, family| {
        if !python.is_old() {
            return 0;
        }
        let strict = Auth::key(b"right").unwrap();
        let mut peer = Peer::start(python, role, family, "right", &strict);
        peer.once();
        let error = peer.meet(&strict, long()).unwrap_err();
        assert!(authentication(&error).contains("allow MD5"), "{error}");
        assert_ne!(peer.answer(), "served");
        1
    });
}

#[test]
fn every_digest_that_python_may_choose() {
    let _alone = alone();
    for python in pythons().iter().filter(|python| !python.is_old()) {
        let mut count = 0;
        for role in ROLES {
            for digest in ["md5", "sha256", "sha384", "sha3_256", "sha3_384"] {
                let mut peer = Peer::start(python, role, Family::Unix, "-", &Auth::none());
                peer.command(&format!("digest right {digest}"));
                let stream = UnixStream::try_from(peer.meet_bare()).unwrap();
                let auth = Auth::key(b"right").unwrap().allow_md5();
                let ours = Connection::over(stream, peer.our_role(), &auth, long()).unwrap();
                assert_eq!(Connected::Unix(ours).ask(b"hello"), b"hello");
                assert_eq!(peer.answer(), "served", "{digest}");
                count += 1;
            }
        }
        println!("evidence: python: CPython 3.{}, digests: {count}, 0 failures", python.minor);
    }
}

/// Passes bytes on from one stream to another until `most` have passed, or either ends. Then both
/// are closed for good.
fn pass(from: &OwnedFd, to: &OwnedFd, most: usize) -> usize {
    let mut passed = 0;
    let mut buf = [0; 256];
    while passed < most {
        let room = buf.len().min(most - passed);
        let Ok(count @ 1..) = fd::read_deadline(from, &mut buf[..room], long()) else { break };
        if fd::write_all(to, &mut &buf[..count], long()).is_err() {
            break;
        }
        passed += count;
    }
    for stream in [from, to] {
        let _ = rustix::net::shutdown(stream, rustix::net::Shutdown::Both);
    }
    passed
}

/// One conversation that breaks off after `most` bytes in one direction: from Python to us, or from
/// us to Python. Returns how many bytes passed, and whether our side was served.
fn cut(peer: &mut Peer, auth: &Auth, from_python: bool, most: usize) -> (usize, Option<Error>) {
    peer.once();
    let theirs = peer.meet_bare();
    let (ours, middle) = UnixStream::pair().unwrap();
    let middle = OwnedFd::from(middle);
    let (role, auth) = (peer.our_role(), auth.clone());
    let us = std::thread::spawn(move || {
        let ours = Connection::over(ours, role, &auth, long())?;
        let mut answer = Vec::new();
        ours.send_deadline(b"0123456789", long())?;
        ours.recv_deadline(&mut answer, long())?;
        assert_eq!(answer, b"0123456789");
        Ok::<_, Error>(())
    });
    let (limits, free) = ([most, usize::MAX], usize::MAX);
    let passed = std::thread::scope(|s| {
        let down = s.spawn(|| pass(&theirs, &middle, if from_python { limits[0] } else { free }));
        let up = s.spawn(|| pass(&middle, &theirs, if from_python { free } else { limits[0] }));
        let (down, up) = (down.join().unwrap(), up.join().unwrap());
        if from_python { down } else { up }
    });
    (passed, us.join().unwrap().err())
}

#[test]
fn a_stream_that_ends_at_any_byte_is_an_error() {
    everywhere("streams cut off at each byte, both ways", |python, role, family| {
        let auth = key(python);
        let mut peer = Peer::start(python, role, family, "right", &auth);
        let mut count = 0;
        for from_python in [true, false] {
            let (whole, error) = cut(&mut peer, &auth, from_python, usize::MAX);
            assert!(error.is_none(), "{error:?}");
            assert_eq!(peer.answer(), "served");
            assert!(whole > 70, "a handshake and a message are {whole} bytes");
            for most in 0..whole {
                let (_, error) = cut(&mut peer, &auth, from_python, most);
                let error = error.expect("it broke off before the end");
                let is_end = [CoreError::EndOfFile, CoreError::Reset, CoreError::BrokenPipe];
                assert!(is_end.iter().any(|end| error.is(*end)), "at {most}: {error}");
                // It is no stranger to Python than an end: it goes on.
                peer.answer();
                count += 1;
            }
        }
        assert_eq!(
            {
                peer.once();
                peer.meet(&auth, long()).unwrap().ask(b"still")
            },
            b"still"
        );
        count
    });
}

#[test]
fn descriptors_pass_both_ways() {
    everywhere("descriptors", |python, role, family| {
        if family == Family::Tcp {
            return 0;
        }
        let mut peer = Peer::start(python, role, family, "right", &key(python));
        peer.once();
        let ours = peer.meet(&key(python), long()).unwrap().unix();
        ours.send(b"!give").unwrap();
        let given = ours.recv_descriptors(1, long()).unwrap().pop().unwrap();
        let mut given = std::fs::File::from(given);
        let mut text = String::new();
        given.rewind().unwrap();
        given.read_to_string(&mut text).unwrap();
        assert_eq!(text, "from Python");

        ours.send(b"!give two").unwrap();
        assert_eq!(ours.recv_descriptors(2, long()).unwrap().len(), 2);
        ours.send(b"!give two").unwrap();
        assert!(ours.recv_descriptors(1, long()).unwrap_err().is(CoreError::Exhausted));

        ours.send(b"!take").unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        ours.send_descriptors(&[writer.as_fd()], long()).unwrap();
        drop(writer);
        text.clear();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "by Python");
        // Messages go on.
        let mut answer = Vec::new();
        ours.send(b"still").unwrap();
        ours.recv_deadline(&mut answer, long()).unwrap();
        assert_eq!(answer, b"still");
        5
    });
}

/// Above 2 GiB less one byte, the length takes its long form. (The zeroes take no memory here, and
/// Python counts them as they come.)
#[test]
#[cfg(target_pointer_width = "64")]
fn a_message_above_2_gib_has_the_long_form() {
    let _alone = alone();
    let python = pythons().last().unwrap();
    let mut peer = Peer::start(python, Role::Listener, Family::Unix, "right", &key(python));
    peer.once();
    let ours = peer.meet(&key(python), long()).unwrap();
    let ours = Connected::Unix(ours.unix().with_max_message(usize::MAX));
    for size in [i32::MAX as usize, i32::MAX as usize + 1] {
        let message = vec![0; size];
        ours.send(b"!count").unwrap();
        ours.send(&message).unwrap();
        let mut answer = Vec::new();
        ours.recv(&mut answer).unwrap();
        let form: &[u8] = if size > i32::MAX as usize { b"long" } else { b"\x7f\xff\xff\xff" };
        assert_eq!(answer, [form, format!(" {size}").as_bytes()].concat());
    }
}
