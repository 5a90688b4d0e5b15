//! Messages over a connection: sizes, order, the empty message, the end.

use crate::children::{argument, role, start};
use crate::{accept, eventually, fresh_name, soon};
use ringway::CoreError;
use ringway::channel::State;
use ringway::socket::{SeqpacketListener, UnixAddress, UnixSeqpacket};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn many_messages_keep_their_bounds_and_their_order() {
    let (ours, theirs) = UnixSeqpacket::pair().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            for i in 0..5000usize {
                ours.send(&vec![i as u8; i % 700]).unwrap();
            }
        });
        let mut buf = [0; 700];
        for i in 0..5000usize {
            let size = theirs.recv_deadline(&mut buf, Some(eventually())).unwrap();
            assert_eq!(size, i % 700, "message {i}");
            assert!(buf[..size].iter().all(|byte| *byte == i as u8));
        }
        assert!(theirs.recv(&mut buf).unwrap_err().is(CoreError::EndOfFile));
    });
}

#[test]
fn empty_messages_are_told_apart_from_the_end() {
    for receive_first in [false, true] {
        let (ours, theirs) = UnixSeqpacket::pair().unwrap();
        for message in [&b""[..], b"", b"data", b""] {
            ours.send(message).unwrap();
        }
        let mut buf = [0; 8];
        if receive_first {
            assert_eq!(theirs.recv(&mut buf).unwrap(), 0);
        }
        drop(ours);
        let mut sizes = Vec::new();
        let end = loop {
            match theirs.recv(&mut buf) {
                Ok(size) => sizes.push(size),
                Err(error) => break error,
            }
        };
        assert_eq!(sizes, if receive_first { vec![0, 4, 0] } else { vec![0, 0, 4, 0] });
        assert!(end.is(CoreError::EndOfFile));
        assert!(!theirs.state().can_recv());
        // The end stays, in every form.
        assert!(theirs.try_recv(&mut buf).unwrap_err().is(CoreError::EndOfFile));
        assert!(theirs.next_size().unwrap_err().is(CoreError::EndOfFile));
        assert!(theirs.recv_descriptors(&mut buf, 1, None).unwrap_err().is(CoreError::EndOfFile));
    }
}

#[test]
fn every_form_of_receiving_finds_the_end() {
    type Form = fn(&UnixSeqpacket) -> ringway::Result<usize>;
    let forms: [Form; 6] = [
        |end| end.recv(&mut [0; 8]),
        |end| end.recv(&mut []),
        |end| end.try_recv(&mut [0; 8]),
        |end| end.recv_deadline(&mut [0; 8], Some(eventually())),
        |end| end.next_size(),
        |end| end.recv_descriptors(&mut [0; 8], 3, None).map(|received| received.size),
    ];
    for form in forms {
        let (ours, theirs) = UnixSeqpacket::pair().unwrap();
        ours.send(b"").unwrap();
        drop(ours);
        assert_eq!(form(&theirs).unwrap(), 0);
        let _ = theirs.try_recv(&mut [0; 8]); // if the form left the message
        assert!(form(&theirs).unwrap_err().is(CoreError::EndOfFile));
    }
}

#[test]
fn a_message_larger_than_the_buffer_is_an_error() {
    let (ours, theirs) = UnixSeqpacket::pair().unwrap();
    ours.send(b"0123456789").unwrap();
    ours.send(b"next").unwrap();
    assert_eq!(theirs.next_size().unwrap(), 10);
    let mut buf = [0; 4];
    let error = theirs.recv(&mut buf).unwrap_err();
    assert!(error.is(CoreError::BufferTooSmall { needed: 10 }), "{error}");
    assert_eq!(&buf, b"0123");
    assert_eq!(theirs.recv(&mut buf).unwrap(), 4);
    assert_eq!(&buf, b"next");
}

#[test]
fn one_byte_above_the_largest_message_is_an_error() {
    let (ours, theirs) = UnixSeqpacket::pair().unwrap();
    let huge = vec![1; 64 << 20];
    let error = ours.send(&huge).unwrap_err();
    let ringway::Cause::Core(CoreError::MessageTooLarge { max }) = error.cause() else {
        panic!("{error}")
    };
    assert!(ours.send(&huge[..max + 1]).is_err());
    ours.send_deadline(&huge[..max], Some(eventually())).unwrap();
    assert_eq!(theirs.recv(&mut vec![0; max]).unwrap(), max);
    // The largest message depends on the size of the buffer.
    ours.set_send_buffer(ours.send_buffer().unwrap() / 4).unwrap();
    let error = ours.send(&huge[..max]).unwrap_err();
    let smaller = ours.send_buffer().unwrap() - 32;
    assert!(error.is(CoreError::MessageTooLarge { max: smaller }), "{error}");
}

#[test]
fn a_deadline_holds_for_sending_and_receiving() {
    let (ours, theirs) = UnixSeqpacket::pair().unwrap();
    let deadline = soon();
    let late = theirs.recv_deadline(&mut [0; 8], Some(deadline)).unwrap_err();
    assert!(late.is(CoreError::TimedOut) && Instant::now() >= deadline);
    while ours.try_send(&[0; 1000]).is_ok() {}
    let deadline = soon();
    let late = ours.send_deadline(&[0; 1000], Some(deadline)).unwrap_err();
    assert!(late.is(CoreError::TimedOut) && Instant::now() >= deadline);
    thread::scope(|scope| {
        let sender = scope.spawn(|| ours.send(&[0; 1000]));
        thread::sleep(Duration::from_millis(10));
        while theirs.try_recv(&mut [0; 1000]).is_ok() {}
        sender.join().unwrap().unwrap();
    });
}

#[test]
fn half_close_ends_one_direction_and_leaves_the_other() {
    let listener = SeqpacketListener::bind(fresh_name()).unwrap();
    let ours = UnixSeqpacket::connect(listener.local_address().unwrap()).unwrap();
    let theirs = accept(&listener);
    ours.send(b"last").unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    assert!(ours.send(b"x").unwrap_err().is(CoreError::BrokenPipe));
    let mut buf = [0; 8];
    assert_eq!(theirs.recv(&mut buf).unwrap(), 4);
    assert!(theirs.recv(&mut buf).unwrap_err().is(CoreError::EndOfFile));
    theirs.send(b"").unwrap();
    assert_eq!(ours.recv(&mut buf).unwrap(), 0);
    theirs.shutdown(Shutdown::Both).unwrap();
    assert!(ours.recv(&mut buf).unwrap_err().is(CoreError::EndOfFile));
}

#[test]
fn a_peer_that_closes_with_unread_messages_is_a_reset() {
    let (ours, theirs) = UnixSeqpacket::pair().unwrap();
    ours.send(b"never read").unwrap();
    drop(theirs);
    assert!(ours.recv(&mut [0; 8]).unwrap_err().is(CoreError::Reset));
    assert_eq!(ours.state(), State::Reset);
    assert!(ours.send(b"x").unwrap_err().is(CoreError::BrokenPipe));
}

#[test]
fn messages_before_a_reset_are_received_first() {
    for found_by_a_send in [false, true] {
        let (ours, theirs) = UnixSeqpacket::pair().unwrap();
        ours.send(b"never read").unwrap();
        theirs.send(b"the").unwrap();
        theirs.send(b"").unwrap();
        theirs.send_descriptors(b"reason", &[std::io::stderr().as_fd()], None).unwrap();
        drop(theirs);
        if found_by_a_send {
            assert!(ours.send(b"x").unwrap_err().is(CoreError::Reset));
            assert_eq!(ours.state(), State::Reset);
        }
        let mut buf = [0; 16];
        assert_eq!(ours.recv(&mut buf).unwrap(), 3);
        assert_eq!(ours.recv(&mut buf).unwrap(), 0);
        let last = ours.recv_descriptors(&mut buf, 1, None).unwrap();
        assert_eq!((last.size, last.descriptors.len()), (6, 1));
        for _ in 0..2 {
            assert!(ours.recv(&mut buf).unwrap_err().is(CoreError::Reset));
            assert!(ours.recv_descriptors(&mut buf, 1, None).unwrap_err().is(CoreError::Reset));
        }
        assert_eq!(ours.state(), State::Reset);
    }
}

#[test]
fn a_killed_sender_leaves_whole_messages_and_the_end() {
    if role().is_some() {
        let end = UnixSeqpacket::connect(UnixAddress::abstract_name(argument())).unwrap();
        for i in 0u32.. {
            let mut message = vec![i as u8; 5000];
            message[..4].copy_from_slice(&i.to_le_bytes());
            end.send(&message).unwrap();
        }
    }
    let listener = SeqpacketListener::bind(fresh_name()).unwrap();
    let UnixAddress::Abstract(name) = listener.local_address().unwrap() else { panic!() };
    let test = "seqpacket::a_killed_sender_leaves_whole_messages_and_the_end";
    let mut child = start(test, "send", std::str::from_utf8(&name).unwrap());
    let end = accept(&listener);
    let mut buf = [0; 5000];
    let mut count = 0u32;
    loop {
        match end.recv_deadline(&mut buf, Some(eventually())) {
            Ok(size) => {
                assert_eq!(size, 5000);
                assert_eq!(buf[..4], count.to_le_bytes());
                assert!(buf[4..].iter().all(|byte| *byte == count as u8));
                count += 1;
            }
            Err(error) => {
                assert!(error.is(CoreError::EndOfFile), "{error}");
                break;
            }
        }
        if count == 100 {
            child.kill();
        }
    }
    assert!(count >= 100);
}

#[test]
fn the_bare_descriptor_gets_no_time_stamps() {
    use std::os::fd::OwnedFd;
    let (ours, theirs) = UnixSeqpacket::pair().unwrap();
    let bare = OwnedFd::from(theirs);
    ours.send(b"x").unwrap();
    let mut no_room = rustix::net::RecvAncillaryBuffer::default();
    let flags = rustix::net::RecvFlags::empty();
    let message = rustix::net::recvmsg(
        &bare,
        &mut [std::io::IoSliceMut::new(&mut [0; 8])],
        &mut no_room,
        flags,
    );
    assert!(!message.unwrap().flags.contains(rustix::net::ReturnFlags::CTRUNC));
    // A socket that adopts the descriptor tells the end from an empty message again.
    let theirs = UnixSeqpacket::try_from(bare).unwrap();
    ours.send(b"").unwrap();
    drop(ours);
    assert_eq!(theirs.recv(&mut [0; 8]).unwrap(), 0);
    assert!(theirs.recv(&mut [0; 8]).unwrap_err().is(CoreError::EndOfFile));
}
