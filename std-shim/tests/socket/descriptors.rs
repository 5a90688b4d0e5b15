//! Sending descriptors: they arrive, and none stays open by accident.

use crate::children::{argument, done, limit_descriptors, open_descriptors, role, start};
use crate::{accept, eventually, fresh_name};
use ringway::CoreError;
use ringway::fd;
use ringway::socket::{
    Connected, Listener, MAX_DESCRIPTORS, Seqpacket, Socket, Stream, Type, Unix, UnixAddress,
    UnixDatagram, UnixListener, UnixSeqpacket, UnixStream,
};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

fn null() -> File {
    File::open("/dev/null").unwrap()
}

#[test]
fn a_pipe_given_to_another_process_connects_the_two() {
    if role().is_some() {
        let stream = UnixStream::connect(UnixAddress::abstract_name(argument())).unwrap();
        let mut buf = [0; 16];
        let received = stream.recv_descriptors(&mut buf, 2, None).unwrap();
        assert_eq!(&buf[..received.size], b"take these");
        let [reader, writer] = <[_; 2]>::try_from(received.descriptors).unwrap();
        assert!(fd::close_on_exec(&reader).unwrap() && fd::close_on_exec(&writer).unwrap());
        let mut all = String::new();
        File::from(reader).read_to_string(&mut all).unwrap();
        File::from(writer).write_all(all.to_uppercase().as_bytes()).unwrap();
        done();
    }
    let listener = UnixListener::bind(fresh_name()).unwrap();
    let UnixAddress::Abstract(name) = listener.local_address().unwrap() else { panic!() };
    let test = "descriptors::a_pipe_given_to_another_process_connects_the_two";
    let mut child = start(test, "take", std::str::from_utf8(&name).unwrap());
    let stream = accept(&listener);
    let (their_reader, mut our_writer) = std::io::pipe().unwrap();
    let (mut our_reader, their_writer) = std::io::pipe().unwrap();
    let gifts = [their_reader.as_fd(), their_writer.as_fd()];
    assert_eq!(stream.send_descriptors(b"take these", &gifts, None).unwrap(), 10);
    drop((their_reader, their_writer));
    our_writer.write_all(b"through the pipe").unwrap();
    drop(our_writer);
    let mut all = String::new();
    our_reader.read_to_string(&mut all).unwrap();
    assert_eq!(all, "THROUGH THE PIPE");
    assert!(child.wait().success());
}

/// Sends `sent` descriptors to an end with room for `room`, in a process that opens no others.
fn squeeze<T: Type>(ends: (Socket<Unix, T>, Socket<Unix, T>), sent: usize, room: usize) {
    let (ours, theirs) = ends;
    let file = null();
    let gifts: Vec<BorrowedFd<'_>> = std::iter::repeat_n(file.as_fd(), sent).collect();
    ours.send_descriptors(b"gifts", &gifts, None).unwrap();
    let before = open_descriptors();
    let mut buf = [0; 8];
    let received = theirs.recv_descriptors(&mut buf, room, Some(eventually()));
    if sent <= room {
        let received = received.unwrap();
        assert_eq!((received.size, received.descriptors.len()), (5, sent));
        assert_eq!(open_descriptors().len(), before.len() + sent);
        for gift in &received.descriptors {
            assert!(fd::close_on_exec(gift).unwrap());
        }
    } else {
        let error = received.unwrap_err();
        assert!(error.is(CoreError::Exhausted), "{error}");
    }
    assert_eq!(open_descriptors(), before, "sent {sent}, room for {room}");
}

#[test]
fn more_descriptors_than_room_are_an_error() {
    if role().is_some() {
        for sent in [0, 1, 2, 3, 5, 16, MAX_DESCRIPTORS] {
            for room in [0, 1, 2, 3, 4, 5, 6, MAX_DESCRIPTORS - 1, MAX_DESCRIPTORS, usize::MAX] {
                squeeze(UnixStream::pair().unwrap(), sent, room);
                squeeze(UnixSeqpacket::pair().unwrap(), sent, room);
                squeeze(UnixDatagram::pair().unwrap(), sent, room);
            }
        }
        done();
    }
    let test = "descriptors::more_descriptors_than_room_are_an_error";
    assert!(start(test, "squeeze", "").wait().success());
}

#[test]
fn a_receiver_at_its_limit_gets_an_error() {
    if role().is_some() {
        let (ours, theirs) = UnixSeqpacket::pair().unwrap();
        let file = null();
        let before = open_descriptors();
        limit_descriptors(before.len() as libc::rlim_t + 6);
        let gifts: Vec<BorrowedFd<'_>> = std::iter::repeat_n(file.as_fd(), 40).collect();
        ours.send_descriptors(b"too many for this process", &gifts, None).unwrap();
        let error = theirs.recv_descriptors(&mut [0; 64], 40, None).unwrap_err();
        assert!(error.is(CoreError::Exhausted), "{error}");
        assert_eq!(open_descriptors(), before);
        // The connection still works.
        ours.send_descriptors(b"two", &gifts[..2], None).unwrap();
        assert_eq!(theirs.recv_descriptors(&mut [0; 64], 40, None).unwrap().descriptors.len(), 2);
        done();
    }
    let test = "descriptors::a_receiver_at_its_limit_gets_an_error";
    assert!(start(test, "limit", "").wait().success());
}

#[test]
fn receiving_without_descriptors_leaks_none() {
    if role().is_some() {
        let file = null();
        let gifts = [file.as_fd(); 7];
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (from, to) = UnixSeqpacket::pair().unwrap();
        let (here, there) = UnixDatagram::pair().unwrap();
        let before = open_descriptors();
        ours.send_descriptors(b"stream", &gifts, None).unwrap();
        assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 6);
        from.send_descriptors(b"seqpacket", &gifts, None).unwrap();
        assert_eq!(to.recv(&mut [0; 16]).unwrap(), 9);
        here.send_descriptors(b"datagram", &gifts, None).unwrap();
        assert_eq!(there.recv_from(&mut [0; 16]).unwrap().0, 8);
        // The message does not fit, so the descriptors with it are closed too.
        from.send_descriptors(b"long message", &gifts, None).unwrap();
        let error = to.recv_descriptors(&mut [0; 4], 7, None).unwrap_err();
        assert!(error.is(CoreError::BufferTooSmall { needed: 12 }));
        assert_eq!(open_descriptors(), before);
        // This message is never received.
        ours.send_descriptors(b"x", &gifts, None).unwrap();
        drop((ours, theirs));
        assert_eq!(open_descriptors().len(), before.len() - 2);
        done();
    }
    let test = "descriptors::receiving_without_descriptors_leaks_none";
    assert!(start(test, "ignore", "").wait().success());
}

#[test]
fn too_many_descriptors_or_no_bytes_are_refused() {
    let file = null();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let gifts: Vec<BorrowedFd<'_>> = vec![file.as_fd(); MAX_DESCRIPTORS + 1];
    assert!(ours.send_descriptors(b"x", &gifts, None).is_err());
    assert!(ours.send_descriptors(b"", &gifts[..1], None).is_err());
    ours.send_descriptors(b"x", &gifts[..MAX_DESCRIPTORS], None).unwrap();
    let received = theirs.recv_descriptors(&mut [0; 1], MAX_DESCRIPTORS, None).unwrap();
    assert_eq!(received.descriptors.len(), MAX_DESCRIPTORS);
}

#[test]
fn an_empty_message_carries_descriptors() {
    let file = null();
    let (ours, theirs) = UnixSeqpacket::pair().unwrap();
    ours.send_descriptors(b"", &[file.as_fd()], None).unwrap();
    ours.send_descriptors(b"", &[], None).unwrap();
    drop(ours);
    let received = theirs.recv_descriptors(&mut [], 1, None).unwrap();
    assert_eq!((received.size, received.descriptors.len()), (0, 1));
    let received = theirs.recv_descriptors(&mut [], 1, None).unwrap();
    assert_eq!((received.size, received.descriptors.len()), (0, 0));
    assert!(theirs.recv_descriptors(&mut [], 1, None).unwrap_err().is(CoreError::EndOfFile));

    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.send_descriptors(b"x", &[file.as_fd()], None).unwrap();
    drop(ours);
    assert_eq!(theirs.recv_descriptors(&mut [0; 8], 1, None).unwrap().descriptors.len(), 1);
    assert_eq!(theirs.recv_descriptors(&mut [0; 8], 1, None).unwrap().size, 0);
    assert!(!theirs.state().can_recv());
}

#[test]
fn on_a_stream_descriptors_stay_with_their_bytes() {
    let file = null();
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.write_all(b"before").unwrap();
    ours.send_descriptors(b"with", &[file.as_fd()], None).unwrap();
    ours.write_all(b"after").unwrap();
    let mut bytes = Vec::new();
    let mut came_at = None;
    while bytes.len() < 15 {
        let mut buf = [0; 64];
        let received = theirs.recv_descriptors(&mut buf, 1, Some(eventually())).unwrap();
        if !received.descriptors.is_empty() {
            came_at = Some((bytes.len(), bytes.len() + received.size));
        }
        bytes.extend_from_slice(&buf[..received.size]);
    }
    assert_eq!(bytes, b"beforewithafter");
    // The descriptors come neither before nor after the bytes that they were sent with.
    let (from, to) = came_at.unwrap();
    assert!(from <= 6 && (7..=10).contains(&to), "{from}..{to}");
}

/// The options that others may set for every message. `SO_PASSPIDFD` has no name in `libc`.
const ASKED: [(libc::c_int, libc::c_int); 6] = [
    (libc::SO_PASSCRED, 1),
    (76, 1),
    (libc::SO_PASSSEC, 1),
    (libc::SO_TIMESTAMPNS, 1),
    // Asks when the message arrived, by the system's own clock.
    (libc::SO_TIMESTAMPING, (1 << 3) | (1 << 4)),
    (libc::SO_RXQ_OVFL, 1),
];

/// Sets options, as another process with the same socket could. The system decides which of them
/// exist.
fn ask_for(socket: &impl AsFd, options: &[(libc::c_int, libc::c_int)]) {
    let other = fd::duplicate(socket).unwrap();
    for (name, value) in options {
        // SAFETY: `value` is an `int` that lives through the call, and its size is passed.
        let result = unsafe {
            libc::setsockopt(
                other.as_raw_fd(),
                libc::SOL_SOCKET,
                *name,
                (&raw const *value).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        assert!(result == 0 || *name != libc::SO_PASSCRED, "{}", std::io::Error::last_os_error());
    }
}

/// Sends descriptors to an end that gets other control data too. All arrive, and nothing else stays
/// open.
fn told_more<T: Type>(ours: &Socket<Unix, T>, theirs: &Socket<Unix, T>) {
    let file = null();
    let before = open_descriptors();
    for count in [0, 1, 2, 3, MAX_DESCRIPTORS] {
        let gifts = vec![file.as_fd(); count];
        ours.send_descriptors(b"gifts", &gifts, None).unwrap();
        let received = theirs.recv_descriptors(&mut [0; 8], count, Some(eventually())).unwrap();
        assert_eq!((received.size, received.descriptors.len()), (5, count));
        drop(received);
        assert_eq!(open_descriptors(), before, "{count}");
    }
    // More descriptors than there is room for are still an error.
    ours.send_descriptors(b"gifts", &[file.as_fd(); 200], None).unwrap();
    let error = theirs.recv_descriptors(&mut [0; 8], 1, Some(eventually())).unwrap_err();
    assert!(error.is(CoreError::Exhausted), "{error}");
    assert_eq!(open_descriptors(), before);
}

fn accepted<T: Connected>(
    listener: &Listener<Unix, T>,
    options: &[(libc::c_int, libc::c_int)],
) -> (Socket<Unix, T>, Socket<Unix, T>) {
    ask_for(listener, options);
    let client = Socket::<Unix, T>::connect(listener.local_address().unwrap()).unwrap();
    (client, accept(listener))
}

#[test]
fn other_control_data_is_ignored_and_leaks_nothing() {
    if role().is_some() {
        let one_by_one = ASKED.iter().map(std::slice::from_ref);
        for options in one_by_one.chain([&ASKED[..]]) {
            let (ours, theirs) = UnixStream::pair().unwrap();
            ask_for(&theirs, options);
            told_more(&ours, &theirs);
            drop(ours);
            assert_eq!(theirs.recv_descriptors(&mut [0; 8], 1, None).unwrap().size, 0);

            let (ours, theirs) = UnixSeqpacket::pair().unwrap();
            ask_for(&theirs, options);
            told_more(&ours, &theirs);
            ours.send(b"").unwrap();
            drop(ours);
            assert_eq!(theirs.recv_descriptors(&mut [0; 8], 1, None).unwrap().size, 0);
            let end = theirs.recv_descriptors(&mut [0; 8], 1, None).unwrap_err();
            assert!(end.is(CoreError::EndOfFile), "{end}");

            let (ours, theirs) = UnixDatagram::pair().unwrap();
            ask_for(&theirs, options);
            told_more(&ours, &theirs);

            let listener = Listener::<Unix, Stream>::bind(fresh_name()).unwrap();
            let (ours, theirs) = accepted(&listener, options);
            told_more(&ours, &theirs);
            let listener = Listener::<Unix, Seqpacket>::bind(fresh_name()).unwrap();
            let (ours, theirs) = accepted(&listener, options);
            told_more(&ours, &theirs);
        }
        done();
    }
    let test = "descriptors::other_control_data_is_ignored_and_leaks_nothing";
    assert!(start(test, "told more", "").wait().success());
}

#[test]
fn an_adopted_socket_keeps_its_other_owners_options() {
    let (_ours, theirs) = UnixSeqpacket::pair().unwrap();
    let theirs = std::os::fd::OwnedFd::from(theirs);
    rustix::net::sockopt::set_socket_passcred(&theirs, true).unwrap();
    let theirs = UnixSeqpacket::try_from(theirs).unwrap();
    assert!(rustix::net::sockopt::socket_passcred(&theirs).unwrap());
}
