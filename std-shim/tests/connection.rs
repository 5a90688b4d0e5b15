//! Connections: peers that misbehave, and messages larger than the socket's buffer.

mod support;

use ringway::connection::{self, Connection, WHOLE};
use ringway::pipe::pipe;
use ringway::socket::UnixStream;
use ringway::{Cause, CoreError, fd};
use rustix::process::Pid;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::Instant;
use support::{Killed, Pester, child, interrupts, long, role, soon};

/// Bytes that repeat after a prime number, so that no two pieces of a power of two are the same.
fn bytes(count: usize, seed: usize) -> Vec<u8> {
    let block: Vec<_> = (0..251).map(|at| ((at * 7 + seed) % 251) as u8).collect();
    let mut all = block.repeat(count / 251 + 1);
    all.truncate(count);
    all
}

/// A connection whose peer is a bare stream, to which the test writes any bytes.
fn raw() -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ours.into(), theirs)
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = (message.len() as u32).to_le_bytes().to_vec();
    frame.extend(message);
    frame
}

#[test]
fn messages_of_every_size_arrive_whole_and_in_order() {
    let sizes = [0, 1, 3, 4, 5, 4096, WHOLE, WHOLE + 1, 200_000, 3_000_000, 40_000_000, 0];
    let (ours, theirs) = connection::pair().unwrap();
    std::thread::scope(|s| {
        s.spawn(|| {
            for size in sizes {
                ours.send(&bytes(size, size)).unwrap();
            }
            drop(ours);
        });
        let mut message = b"what was there before".to_vec();
        for size in sizes {
            assert_eq!(theirs.recv(&mut message).unwrap(), size);
            assert!(message == bytes(size, size), "a message of {size} bytes");
        }
        assert!(theirs.recv(&mut message).unwrap_err().is(CoreError::EndOfFile));
        assert!(message.is_empty());
    });
}

#[test]
fn the_wire_is_a_length_and_the_bytes() {
    let (ours, theirs) = raw();
    ours.send(b"hello").unwrap();
    let mut wire = [0; 16];
    assert_eq!(theirs.read(&mut wire).unwrap(), 9);
    assert_eq!(&wire[..9], b"\x05\0\0\0hello");
}

#[test]
fn a_message_that_comes_byte_by_byte_is_put_together() {
    let (ours, theirs) = raw();
    let mut buf = [0; 8];
    for (at, byte) in framed(b"hello").iter().enumerate() {
        // Every form keeps the part that has come.
        let early = match at % 3 {
            0 => ours.try_recv(&mut Vec::new()),
            1 => ours.try_recv(&mut buf),
            _ => ours.recv_deadline(&mut buf, Some(Instant::now())),
        };
        let early = early.unwrap_err();
        assert!(early.is(CoreError::WouldBlock) || early.is(CoreError::TimedOut));
        if at > 4 {
            let error = ours.try_recv(&mut buf[..3]).unwrap_err();
            assert!(error.is(CoreError::BufferTooSmall { needed: 5 }), "{error}");
        }
        theirs.write_all(&[*byte]).unwrap();
    }
    assert!(ours.poll(Some(Instant::now())).unwrap());
    assert_eq!(ours.try_recv(&mut buf).unwrap(), 5);
    assert_eq!(&buf[..5], b"hello");
    assert!(!ours.poll(Some(Instant::now())).unwrap());
}

#[test]
fn pieces_of_any_size_make_the_same_messages() {
    let messages: Vec<_> = (0..300).map(|at| bytes((at * at) % 3_000, at)).collect();
    let wire: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
    let (ours, theirs) = raw();
    std::thread::scope(|s| {
        s.spawn(|| {
            let (mut rest, mut step) = (&wire[..], 1);
            while !rest.is_empty() {
                step = (step * 31 + 7) % 2_003;
                let (now, later) = rest.split_at(step.min(rest.len()));
                theirs.write_all(now).unwrap();
                rest = later;
            }
            drop(theirs);
        });
        let mut message = Vec::new();
        for expected in &messages {
            loop {
                match ours.try_recv(&mut message) {
                    Ok(_) => break,
                    Err(error) => assert!(error.is(CoreError::WouldBlock), "{error}"),
                }
                ours.poll(Some(long())).unwrap();
            }
            assert!(message == *expected);
        }
        assert!(ours.recv(&mut message).unwrap_err().is(CoreError::EndOfFile));
    });
}

#[test]
fn an_end_inside_a_message_is_a_lasting_reset() {
    let frame = framed(b"hello");
    for cut in 0..frame.len() {
        let (ours, theirs) = raw();
        theirs.write_all(&framed(b"whole")).unwrap();
        theirs.write_all(&frame[..cut]).unwrap();
        drop(theirs);
        let mut message = Vec::new();
        assert_eq!(ours.recv(&mut message).unwrap(), 5);
        let expected = if cut == 0 { CoreError::EndOfFile } else { CoreError::Reset };
        for _ in 0..2 {
            let error = ours.recv(&mut message).unwrap_err();
            assert!(error.is(expected), "cut after {cut}: {error}");
            assert!(message.is_empty());
            assert!(ours.try_recv(&mut [0; 8]).unwrap_err().is(expected));
        }
    }
}

#[test]
fn a_length_above_the_limit_is_refused() {
    let (ours, theirs) = raw();
    let ours = ours.with_max_message(1_000);
    theirs.write_all(&1_001u32.to_le_bytes()).unwrap();
    for _ in 0..2 {
        let error = ours.recv(&mut Vec::new()).unwrap_err();
        assert!(error.is(CoreError::MessageTooLarge { max: 1_000 }), "{error}");
    }
    let error = ours.send(&[0; 1_001]).unwrap_err();
    assert!(error.is(CoreError::MessageTooLarge { max: 1_000 }), "{error}");
    ours.send(&[0; 1_000]).unwrap();
}

/// The peer announces 4 GiB; the receiver does not allocate them.
#[test]
fn a_length_is_untrusted() {
    let (ours, theirs) = raw();
    let ours = ours.with_max_message(usize::MAX);
    assert_eq!(ours.max_message(), u32::MAX as usize);
    theirs.write_all(&u32::MAX.to_le_bytes()).unwrap();
    theirs.write_all(&[1; 1000]).unwrap();
    let mut message = Vec::new();
    let before = peak();
    assert!(ours.try_recv(&mut message).unwrap_err().is(CoreError::WouldBlock));
    drop(theirs);
    assert!(ours.recv(&mut message).unwrap_err().is(CoreError::Reset));
    // Other tests allocate some memory meanwhile, but less than this.
    assert!(peak() < before + (2 << 30));
}

/// Peers that announce a large message and do not send it cost little memory.
#[test]
fn a_length_alone_takes_no_memory() {
    const NAME: &str = "a_length_alone_takes_no_memory";
    if role().is_none() {
        return support::run(NAME, "alone");
    }
    let mut held = Vec::new();
    let before = peak();
    for part in [&b""[..], b"a", b"some"].into_iter().cycle().take(240) {
        let (ours, theirs) = raw();
        theirs.write_all(&(1u32 << 20).to_le_bytes()).unwrap();
        theirs.write_all(part).unwrap();
        assert!(ours.try_recv(&mut Vec::new()).unwrap_err().is(CoreError::WouldBlock));
        held.push((ours, theirs));
    }
    assert!(peak() < before + (16 << 20), "{} MiB", (peak() - before) >> 20);
    support::done();
}

/// The peak size of this process's memory, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[test]
fn a_half_sent_message_continues() {
    let (ours, theirs) = connection::pair().unwrap();
    let message = bytes(5_000_000, 1);
    assert!(ours.try_send(&message).unwrap_err().is(CoreError::WouldBlock));
    let error = ours.send(&bytes(5_000_000, 2)).unwrap_err();
    assert_eq!(error.cause(), Cause::Os(rustix::io::Errno::BUSY));
    assert!(ours.try_send(b"").is_err());
    assert!(ours.send_deadline(&message, Some(soon())).unwrap_err().is(CoreError::TimedOut));
    let mut received = Vec::new();
    assert!(theirs.try_recv(&mut received).unwrap_err().is(CoreError::WouldBlock));
    std::thread::scope(|s| {
        s.spawn(|| {
            ours.send_deadline(&message, Some(long())).unwrap();
            ours.send(b"the next").unwrap();
        });
        assert_eq!(theirs.recv(&mut received).unwrap(), message.len());
        assert!(received == message);
        theirs.recv(&mut received).unwrap();
        assert_eq!(received, b"the next");
    });
}

#[test]
fn two_non_waiting_ends_pass_a_large_message() {
    let (ours, theirs) = connection::pair().unwrap();
    let message = bytes(3_000_000, 3);
    let (mut sent, mut received) = (false, Vec::new());
    let mut turns = 0;
    loop {
        sent = sent || ours.try_send(&message).is_ok();
        match theirs.try_recv(&mut received) {
            Ok(size) => break assert_eq!(size, message.len()),
            Err(error) => assert!(error.is(CoreError::WouldBlock), "{error}"),
        }
        turns += 1;
    }
    assert!(sent && turns > 1 && received == message, "{turns}");
}

#[test]
fn a_small_message_is_sent_at_once_or_not_at_all() {
    let (ours, theirs) = connection::pair().unwrap();
    let message = bytes(WHOLE, 5);
    let mut sent = 0;
    while ours.try_send(&message).is_ok() {
        sent += 1;
    }
    // Another message may follow: nothing of the last one was sent.
    let mut received = Vec::new();
    theirs.recv(&mut received).unwrap();
    theirs.recv(&mut received).unwrap();
    ours.try_send(b"another").unwrap();
    for _ in 2..sent {
        theirs.recv(&mut received).unwrap();
        assert!(received == message);
    }
    theirs.recv(&mut received).unwrap();
    assert_eq!(received, b"another");
}

#[test]
fn messages_of_several_threads_do_not_mix() {
    let (ours, theirs) = connection::pair().unwrap();
    std::thread::scope(|s| {
        for thread in 0..3u8 {
            let ours = &ours;
            s.spawn(move || {
                for size in [1, 100_000, 1_000_000, 5] {
                    ours.send(&vec![thread; size]).unwrap();
                }
            });
        }
        let mut counts = [0; 3];
        let mut message = Vec::new();
        for _ in 0..12 {
            theirs.recv(&mut message).unwrap();
            assert!(message.iter().all(|byte| *byte == message[0]));
            counts[message[0] as usize] += message.len();
        }
        assert_eq!(counts, [1_100_006; 3]);
    });
}

#[test]
fn a_busy_end_is_waited_for_until_the_deadline() {
    let (ours, theirs) = connection::pair().unwrap();
    std::thread::scope(|s| {
        let receiver = s.spawn(|| ours.recv(&mut Vec::new()).unwrap());
        // The answers are the same whether or not the other thread receives already.
        assert!(ours.try_recv(&mut Vec::new()).unwrap_err().is(CoreError::WouldBlock));
        let deadline = soon();
        let error = ours.recv_deadline(&mut Vec::new(), Some(deadline)).unwrap_err();
        assert!(error.is(CoreError::TimedOut) && Instant::now() >= deadline);
        // A thread may send while another receives.
        ours.send(b"there").unwrap();
        theirs.send(b"back").unwrap();
        assert_eq!(receiver.join().unwrap(), 4);
    });
}

#[test]
fn descriptors_arrive_with_messages_of_any_size() {
    for size in [0, 5, 2_000_000] {
        let (ours, theirs) = connection::pair().unwrap();
        let pipes: Vec<_> = (0..3).map(|_| pipe().unwrap()).collect();
        std::thread::scope(|s| {
            s.spawn(|| {
                ours.send(b"none").unwrap();
                let writers: Vec<_> = pipes.iter().map(|(_, writer)| writer.as_fd()).collect();
                ours.send_descriptors(&bytes(size, 1), &writers, None).unwrap();
                ours.send(b"none either").unwrap();
            });
            let mut message = Vec::new();
            assert!(theirs.recv_descriptors(&mut message, 9, None).unwrap().is_empty());
            let came = theirs.recv_descriptors(&mut message, 3, None).unwrap();
            assert!(message == bytes(size, 1));
            assert!(theirs.recv_descriptors(&mut message, 9, None).unwrap().is_empty());
            assert_eq!(message, b"none either");
            for (number, writer) in came.iter().enumerate() {
                assert!(fd::close_on_exec(writer).unwrap());
                fd::write(writer, &[number as u8]).unwrap();
            }
        });
        for (number, (reader, _)) in pipes.iter().enumerate() {
            let mut byte = [9];
            assert_eq!(reader.read(&mut byte).unwrap(), 1);
            assert_eq!(byte[0], number as u8);
        }
    }
}

#[test]
fn unwanted_descriptors_are_closed() {
    let (ours, theirs) = connection::pair().unwrap();
    let (reader, writer) = pipe().unwrap();
    ours.send_descriptors(b"take it", &[writer.as_fd()], None).unwrap();
    drop(writer);
    let mut message = Vec::new();
    // The message stays while calls fail that cannot take it.
    let error = theirs.recv_descriptors(&mut message, 0, None).unwrap_err();
    assert!(error.is(CoreError::Exhausted), "{error}");
    assert!(theirs.recv(&mut [0; 2]).is_err());
    assert!(reader.try_read(&mut [0]).unwrap_err().is(CoreError::WouldBlock));
    assert_eq!(theirs.recv(&mut message).unwrap(), 7);
    assert_eq!(reader.try_read(&mut [0]).unwrap(), 0);
}

#[test]
fn descriptors_of_a_half_sent_message_arrive_once() {
    let (ours, theirs) = connection::pair().unwrap();
    let (reader, writer) = pipe().unwrap();
    let message = bytes(2_000_000, 1);
    let now = Some(Instant::now());
    let error = ours.send_descriptors(&message, &[writer.as_fd()], now).unwrap_err();
    assert!(error.is(CoreError::TimedOut));
    std::thread::scope(|s| {
        s.spawn(|| ours.send_descriptors(&message, &[writer.as_fd()], None).unwrap());
        let mut received = Vec::new();
        assert_eq!(theirs.recv_descriptors(&mut received, 9, None).unwrap().len(), 1);
    });
    drop(writer);
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_one_way_pair_refuses_the_other_way() {
    let (receiver, sender) = connection::pipe().unwrap();
    assert!(receiver.send(b"x").unwrap_err().is(CoreError::WrongDirection));
    assert!(sender.recv(&mut Vec::new()).unwrap_err().is(CoreError::WrongDirection));
    sender.send(b"x").unwrap();
    assert_eq!(receiver.recv(&mut Vec::new()).unwrap(), 1);
    // After a conversion, as in another process, it is still one-way.
    let receiver = Connection::try_from(OwnedFd::from(receiver)).unwrap();
    let sender = Connection::try_from(OwnedFd::from(sender)).unwrap();
    assert!(receiver.send(b"x").unwrap_err().is(CoreError::BrokenPipe));
    assert!(sender.recv(&mut Vec::new()).unwrap_err().is(CoreError::EndOfFile));
    sender.send(b"x").unwrap();
    drop(sender);
    assert_eq!(receiver.recv(&mut Vec::new()).unwrap(), 1);
    assert!(receiver.recv(&mut Vec::new()).unwrap_err().is(CoreError::EndOfFile));
}

#[test]
fn a_nonblocking_socket_behaves_the_same() {
    let (ours, theirs) = connection::pair().unwrap();
    fd::set_nonblocking(&ours, true).unwrap();
    fd::set_nonblocking(&theirs, true).unwrap();
    let message = bytes(2_000_000, 1);
    std::thread::scope(|s| {
        s.spawn(|| ours.send(&message).unwrap());
        let mut received = Vec::new();
        assert_eq!(theirs.recv(&mut received).unwrap(), message.len());
        assert!(received == message);
    });
}

#[test]
fn signals_interrupt_nothing() {
    extern "C" fn nothing(_: i32) {}
    interrupts(libc::SIGUSR2, nothing);
    let (ours, theirs) = connection::pair().unwrap();
    std::thread::scope(|s| {
        s.spawn(|| {
            let _pester = Pester::this_thread(libc::SIGUSR2);
            for round in 0..20 {
                ours.send(&bytes(1_500_000, round)).unwrap();
                assert_eq!(ours.recv(&mut Vec::new()).unwrap(), 2);
            }
        });
        let _pester = Pester::this_thread(libc::SIGUSR2);
        let mut message = Vec::new();
        for round in 0..20 {
            theirs.recv_deadline(&mut message, Some(long())).unwrap();
            assert!(message == bytes(1_500_000, round));
            theirs.send(b"ok").unwrap();
        }
    });
}

/// The connection that a child inherited, under the number in the environment.
fn inherited() -> Connection {
    let number = std::env::var("RINGWAY_TEST_CONNECTION").unwrap().parse().unwrap();
    // SAFETY: the parent handed over this descriptor under this number, and nothing else in this
    // process owns it.
    Connection::try_from(unsafe { OwnedFd::from_raw_fd(number) }).unwrap()
}

fn start(name: &str, part: &str) -> (Connection, Killed) {
    let (ours, theirs) = connection::pair().unwrap();
    let mut command = child(name, part);
    let number = fd::inherit(&theirs, &mut command).unwrap();
    command.env("RINGWAY_TEST_CONNECTION", number.to_string());
    (ours, Killed(command.spawn().unwrap()))
}

#[test]
fn a_sender_killed_inside_a_message_is_a_reset() {
    const NAME: &str = "a_sender_killed_inside_a_message_is_a_reset";
    if role().is_some() {
        let connection = inherited();
        connection.send(b"ready").unwrap();
        connection.send(&bytes(30_000_000, 1)).unwrap();
        panic!("nobody receives so much");
    }
    for form in 0..3 {
        let (ours, mut sender) = start(NAME, "send");
        let mut message = Vec::new();
        assert_eq!(ours.recv(&mut message).unwrap(), 5);
        // A part of the long message has come. The sender is stopped, since it could otherwise send
        // all of it while this process receives.
        assert!(ours.poll(Some(long())).unwrap());
        let stopped = Pid::from_child(&sender.0);
        rustix::process::kill_process(stopped, rustix::process::Signal::STOP).unwrap();
        assert!(ours.try_recv(&mut message).unwrap_err().is(CoreError::WouldBlock));
        sender.kill_now();
        let mut buf = vec![0; 30_000_000];
        let error = match form {
            0 => ours.recv(&mut message).unwrap_err(),
            1 => ours.recv(&mut buf).unwrap_err(),
            _ => ours.recv_deadline(&mut message, Some(long())).unwrap_err(),
        };
        assert!(error.is(CoreError::Reset), "{error}");
    }
}

#[test]
fn a_receiver_killed_inside_a_message_is_an_error() {
    const NAME: &str = "a_receiver_killed_inside_a_message_is_an_error";
    if role().is_some() {
        let connection = inherited();
        connection.send(b"ready").unwrap();
        let mut part = [0; 100];
        fd::read(&connection, &mut part).unwrap();
        loop {
            std::thread::park();
        }
    }
    let (ours, mut receiver) = start(NAME, "receive");
    assert_eq!(ours.recv(&mut Vec::new()).unwrap(), 5);
    std::thread::scope(|s| {
        let sender = s.spawn(|| ours.send(&bytes(30_000_000, 1)).unwrap_err());
        std::thread::sleep(std::time::Duration::from_millis(20));
        receiver.kill_now();
        let error = sender.join().unwrap();
        let told = [CoreError::BrokenPipe, CoreError::Reset];
        assert!(told.iter().any(|reason| error.is(*reason)), "{error}");
    });
}

/// Lets this process open only `more` further descriptors from now on.
fn limit_descriptors(more: libc::rlim_t) {
    let highest = fd::duplicate(std::io::stdout()).unwrap();
    let limit = libc::rlimit {
        rlim_cur: std::os::fd::AsRawFd::as_raw_fd(&highest) as libc::rlim_t + more,
        rlim_max: 4096,
    };
    // SAFETY: `setrlimit` only reads `limit`, which outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

#[test]
fn a_descriptor_limit_costs_one_message() {
    const NAME: &str = "a_descriptor_limit_costs_one_message";
    if role().is_none() {
        return support::run(NAME, "alone");
    }
    for size in [0, 5, 100_000] {
        let (ours, theirs) = connection::pair().unwrap();
        let gifts = [ours.as_fd(), ours.as_fd(), ours.as_fd()];
        ours.send_descriptors(&bytes(size, 1), &gifts, None).unwrap();
        ours.send(b"next").unwrap();
        ours.send_descriptors(b"one", &gifts[..1], None).unwrap();
        limit_descriptors(1);
        let mut message = Vec::new();
        let error = theirs.recv_descriptors(&mut message, 3, None).unwrap_err();
        assert!(error.is(CoreError::Exhausted), "{error}");
        assert!(message.is_empty());
        assert_eq!(theirs.try_recv(&mut message).unwrap(), 4);
        assert_eq!(message, b"next");
        assert_eq!(theirs.recv_descriptors(&mut message, 3, None).unwrap().len(), 1);
        assert_eq!(message, b"one");
        limit_descriptors(100);
    }
    // The rest of a lost message may come later, or never.
    let (ours, theirs) = raw();
    theirs.send_descriptors(b"\x05", &[ours.as_fd(), ours.as_fd(), ours.as_fd()], None).unwrap();
    limit_descriptors(1);
    let mut message = Vec::new();
    let error = ours.recv_descriptors(&mut message, 3, None).unwrap_err();
    assert!(error.is(CoreError::Exhausted), "{error}");
    for byte in b"\0\0\0lost!" {
        assert!(ours.try_recv(&mut message).unwrap_err().is(CoreError::WouldBlock));
        theirs.write_all(&[*byte]).unwrap();
    }
    theirs.write_all(&framed(b"next")).unwrap();
    assert_eq!(ours.try_recv(&mut message).unwrap(), 4);
    theirs.send_descriptors(b"\x05", &[ours.as_fd(), ours.as_fd(), ours.as_fd()], None).unwrap();
    assert!(ours.recv_descriptors(&mut message, 3, None).is_err());
    drop(theirs);
    assert!(ours.recv(&mut message).unwrap_err().is(CoreError::Reset));
    support::done();
}

fn count_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_peer_opens_one_messages_descriptors_at_most() {
    const NAME: &str = "a_peer_opens_one_messages_descriptors_at_most";
    if role().is_none() {
        return support::run(NAME, "alone");
    }
    let most = ringway::socket::MAX_DESCRIPTORS;
    let file = std::fs::File::open("/dev/null").unwrap();
    let gifts = vec![file.as_fd(); most];
    let frame = framed(b"message");
    for asks in [false, true] {
        let (ours, theirs) = raw();
        let before = count_descriptors();
        for (at, byte) in frame.iter().enumerate() {
            theirs.send_descriptors(&[*byte], &gifts, None).unwrap();
            let mut message = Vec::new();
            let came = match asks {
                false => ours.try_recv(&mut message).map(|_| 0),
                true => ours
                    .recv_descriptors(&mut message, most, Some(Instant::now()))
                    .map(|came| came.len()),
            };
            if at + 1 < frame.len() {
                let early = came.unwrap_err();
                assert!(early.is(CoreError::WouldBlock) || early.is(CoreError::TimedOut));
                assert_eq!(count_descriptors(), before + if asks { most } else { 0 });
            } else {
                assert_eq!(came.unwrap(), if asks { most } else { 0 });
                assert_eq!(message, b"message");
            }
        }
        assert_eq!(count_descriptors(), before);
    }
    support::done();
}
