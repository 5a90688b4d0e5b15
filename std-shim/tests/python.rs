//! Peers of `ringway::python` that misbehave: time and memory are bounded, and each error says
//! what was wrong. (With real interpreters: `tests/tests/tools_python_wire`.)
#![cfg(feature = "python")]

mod support;

use ringway::python::connection::{Auth, Connection, Role, UnixConnection, UnixListener};
use ringway::python::shared_memory::Block;
use ringway::socket::{UnixAddress, UnixStream};
use ringway::{Cause, CoreError, Error};
use std::os::fd::AsFd;
use std::thread;
use std::time::Instant;
use support::{long, soon};

/// A connection without a key whose peer is a bare stream, to which the test writes any bytes.
fn raw() -> (UnixConnection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ours.into(), theirs)
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_be_bytes()[..], message].concat()
}

fn key() -> Auth {
    Auth::key(b"key").unwrap()
}

/// What a listener, or a client, says to a peer that sends these messages and then closes.
fn told(role: Role, auth: &Auth, messages: &[&[u8]]) -> Error {
    let (ours, theirs) = UnixStream::pair().unwrap();
    for message in messages {
        theirs.write_all(&framed(message)).unwrap();
    }
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    Connection::over(ours, role, auth, Some(long())).unwrap_err()
}

fn assert_told(error: &Error, expected: &str) {
    assert!(matches!(error.cause(), Cause::Authentication(_)), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn each_refusal_says_what_was_wrong() {
    let challenge = [b"#CHALLENGE#{sha256}".as_slice(), &[7; 40]].concat();
    let old = [b"#CHALLENGE#".as_slice(), &[7; 20]].concat();
    let client = |messages: &[&[u8]]| told(Role::Client, &key(), messages);
    assert_told(&client(&[b"hello"]), "uses no key");
    assert_told(&client(&[b""]), "uses no key");
    assert_told(&client(&[&old]), "allow MD5");
    assert_told(
        &client(&[b"#CHALLENGE#{md5}0123456789012345678901234567890123456789"]),
        "allow MD5",
    );
    assert_told(&client(&[b"#CHALLENGE#short"]), "too short");
    assert_told(
        &client(&[b"#CHALLENGE#{sha1}0123456789012345678901234567890123456789"]),
        "none of",
    );
    assert_told(&client(&[&challenge, b"#FAILURE#"]), "refuses this key");
    assert_told(&client(&[&challenge, b"#WELCOME"]), "something else");
    assert_told(&client(&[&[1; 257]]), "something else");
    assert_told(&client(&[&challenge, b"#WELCOME#", b"{sha256}0123456789"]), "another key");
    assert!(client(&[&challenge, b"#WELCOME#"]).is(CoreError::EndOfFile));
    assert!(client(&[]).is(CoreError::EndOfFile));

    let listener = |message: &[u8]| told(Role::Listener, &key(), &[message]);
    assert_told(&listener(b"hello"), "no digest");
    assert_told(&listener(&[7; 16]), "allow MD5");
    let digest = [b"{sha256}".as_slice(), &[7; 32]].concat();
    assert_told(&listener(&digest), "another key");
    let old = told(Role::Listener, &key().allow_md5(), &[&[7; 16]]);
    assert_told(&old, "another key");
    assert!(Auth::key([]).unwrap_err().to_string().contains("empty"));
}

/// A challenge that is thrown back is answered by nobody: the listener has not challenged itself.
#[test]
fn a_challenge_thrown_back_is_no_answer() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let listener =
        thread::spawn(move || Connection::over(ours, Role::Listener, &key(), Some(long())));
    let theirs = Connection::from(theirs);
    let mut challenge = Vec::new();
    theirs.recv_deadline(&mut challenge, Some(long())).unwrap();
    theirs.send(&challenge).unwrap();
    assert_told(&listener.join().unwrap().unwrap_err(), "no digest");
    theirs.recv_deadline(&mut challenge, Some(long())).unwrap();
    assert_eq!(challenge, b"#FAILURE#");
}

#[test]
fn no_two_challenges_are_the_same() {
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let now = Some(Instant::now());
        Connection::over(ours, Role::Listener, &key(), now).unwrap_err();
        let mut challenge = Vec::new();
        Connection::from(theirs).recv(&mut challenge).unwrap();
        assert_eq!(challenge.len(), b"#CHALLENGE#{sha256}".len() + 40);
        assert!(seen.insert(challenge));
    }
}

#[test]
fn a_silent_peer_costs_no_more_than_the_deadline() {
    let listener = UnixListener::bind(UnixAddress::Unnamed, key()).unwrap();
    let silent = UnixStream::connect(listener.local_address().unwrap()).unwrap();
    let error = listener.accept_deadline(Some(soon())).unwrap_err();
    assert!(error.is(CoreError::TimedOut) && error.to_string().contains("in time"), "{error}");
    // Byte by byte is no faster: the deadline is for all of it.
    drop(silent);
    let slow = UnixStream::connect(listener.local_address().unwrap()).unwrap();
    let dribble = thread::spawn(move || {
        while slow.write(b"\0").is_ok() {
            thread::sleep(std::time::Duration::from_millis(5));
        }
    });
    let error = listener.accept_deadline(Some(soon())).unwrap_err();
    assert!(error.is(CoreError::TimedOut) || matches!(error.cause(), Cause::Authentication(_)));
    dribble.join().unwrap();
    // The next one is served.
    let address = listener.local_address().unwrap();
    let client = thread::spawn(move || UnixConnection::connect(address, &key()));
    listener.accept_deadline(Some(long())).unwrap().send(b"hello").unwrap();
    assert_eq!(client.join().unwrap().unwrap().recv(&mut [0; 8]).unwrap(), 5);
}

#[test]
fn an_announced_length_takes_no_memory() {
    for head in [&0x7fff_ffff_u32.to_be_bytes()[..], b"\xff\xff\xff\xff\0\0\0\x7f\0\0\0\0"] {
        let (ours, theirs) = raw();
        let ours = ours.with_max_message(usize::MAX);
        theirs.write_all(head).unwrap();
        theirs.write_all(&[7; 1000]).unwrap();
        let mut message = Vec::new();
        let expected = if cfg!(target_pointer_width = "32") && head.len() > 4 {
            CoreError::MessageTooLarge { max: usize::MAX }
        } else {
            CoreError::WouldBlock
        };
        assert!(ours.try_recv(&mut message).unwrap_err().is(expected));
        assert!(message.capacity() <= 64 << 10, "{}", message.capacity());
    }
}

#[test]
fn invalid_lengths_are_refused_for_good() {
    for length in [-2_i32, i32::MIN] {
        let (ours, theirs) = raw();
        theirs.write_all(&length.to_be_bytes()).unwrap();
        for _ in 0..2 {
            let error = ours.recv(&mut Vec::new()).unwrap_err();
            assert!(error.is(CoreError::Corrupt) && error.to_string().contains("negative"));
        }
    }
    let (ours, theirs) = raw();
    let ours = ours.with_max_message(1000);
    theirs.write_all(&1001_u32.to_be_bytes()).unwrap();
    for _ in 0..2 {
        let error = ours.recv(&mut Vec::new()).unwrap_err();
        assert!(error.is(CoreError::MessageTooLarge { max: 1000 }), "{error}");
    }
}

#[test]
fn a_message_that_comes_byte_by_byte_is_put_together() {
    let long_form = [b"\xff\xff\xff\xff\0\0\0\0\0\0\0\x05".as_slice(), b"hello"].concat();
    for frame in [framed(b"hello"), long_form] {
        let (ours, theirs) = raw();
        let mut buf = [0; 8];
        for byte in &frame {
            assert!(ours.try_recv(&mut buf).unwrap_err().is(CoreError::WouldBlock));
            theirs.write_all(&[*byte]).unwrap();
        }
        let small = ours.try_recv(&mut buf[..3]).unwrap_err();
        assert!(small.is(CoreError::BufferTooSmall { needed: 5 }));
        assert_eq!(ours.try_recv(&mut buf).unwrap(), 5);
        assert_eq!(&buf[..5], b"hello");
    }
}

#[test]
fn another_message_waits_for_the_half_that_is_sent() {
    let (ours, theirs) = raw();
    let large = vec![7; 3_000_000];
    assert!(ours.try_send(&large).unwrap_err().is(CoreError::WouldBlock));
    let busy = ours.try_send(b"another").unwrap_err();
    assert_eq!(busy.cause(), Cause::Os(ringway::Errno::BUSY));
    let busy = ours.send_descriptors(&[theirs.as_fd()], None).unwrap_err();
    assert_eq!(busy.cause(), Cause::Os(ringway::Errno::BUSY));
    let theirs = Connection::from(theirs);
    let receiver = thread::spawn(move || {
        let mut message = Vec::new();
        theirs.recv(&mut message).unwrap();
        (message, theirs)
    });
    ours.send(&large).unwrap();
    let (message, theirs) = receiver.join().unwrap();
    assert_eq!(message, large);
    ours.send_descriptors(&[ours.as_fd()], None).unwrap();
    assert_eq!(theirs.recv_descriptors(1, None).unwrap().len(), 1);
}

#[test]
fn descriptors_of_the_wrong_number_are_refused() {
    let (ours, theirs) = raw();
    theirs.send_descriptors(b"\x02", &[ours.as_fd()], None).unwrap();
    assert!(ours.recv_descriptors(2, None).unwrap_err().is(CoreError::Corrupt));
    assert!(ours.send_descriptors(&[], None).is_err());
    // In the middle of a message.
    theirs.write_all(b"\0\0").unwrap();
    assert!(ours.try_recv(&mut [0; 8]).unwrap_err().is(CoreError::WouldBlock));
    let busy = ours.recv_descriptors(1, None).unwrap_err();
    assert_eq!(busy.cause(), Cause::Os(ringway::Errno::BUSY));
    drop(theirs);
    let (ours, theirs) = raw();
    drop(theirs);
    assert!(ours.recv_descriptors(1, None).unwrap_err().is(CoreError::EndOfFile));
}

#[test]
fn a_block_refuses_what_is_no_block() {
    for bad in ["", ".", "..", "a/b", "/psm_x", &"n".repeat(255)] {
        assert!(Block::attach(bad).unwrap_err().is(CoreError::BadName), "{bad}");
        assert!(Block::create_named(bad, 8).unwrap_err().is(CoreError::BadName), "{bad}");
    }
    let name = format!("ringway-test-block-{}", std::process::id());
    let path = std::path::Path::new("/dev/shm").join(&name);
    std::fs::write(&path, b"").unwrap();
    let empty = Block::attach(&name).unwrap_err();
    std::fs::write(&path, b"bytes").unwrap();
    let open = Block::attach(&name).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    let link = Block::attach(&name).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert!(
        empty.to_string().contains("empty") || matches!(empty.cause(), Cause::UnevenMode { .. })
    );
    assert!(matches!(open.cause(), Cause::UnevenMode { .. } | Cause::TooOpen { .. }), "{open}");
    assert!(matches!(link.cause(), Cause::WrongFile { found: "a symbolic link", .. }), "{link}");
    assert_eq!(Block::create(0).unwrap_err().cause(), Cause::Os(ringway::Errno::INVAL));
}

#[test]
fn a_block_leaves_the_file_that_took_its_name() {
    let mut block = Block::create(8).unwrap();
    let path = std::path::Path::new("/dev/shm").join(block.name());
    std::fs::remove_file(&path).unwrap();
    assert!(block.add_name().unwrap_err().is(CoreError::NotFound));
    std::fs::write(&path, b"another").unwrap();
    block.unlink().unwrap();
    drop(block);
    assert_eq!(std::fs::read(&path).unwrap(), b"another");
    std::fs::remove_file(&path).unwrap();
}
