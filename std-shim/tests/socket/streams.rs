//! Streams: order, end, half-close, reset, deadlines, killed peers.

use crate::children::{self, argument, done, role, start, start_with_input};
use crate::{accept, eventually, fresh_name, soon, tcp_pair, unix_pair, wait_until_dead};
use ringway::CoreError;
use ringway::channel::{Direction, State};
use ringway::fd;
use ringway::socket::{
    Family, Options, Socket, Stream, TcpListener, TcpStream, UdpSocket, UnixAddress, UnixListener,
    UnixSeqpacket, UnixStream,
};
use std::io::{IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that show where a piece is lost, duplicated or moved.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u64 / 8 + 1)
        .flat_map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes())
        .take(length)
        .collect()
}

const MEGABYTE: usize = 1 << 20;

/// Does the child's part: sends back what comes, until the end.
fn echo<F: Family>(stream: Socket<F, Stream>) -> ! {
    let mut all = Vec::new();
    (&stream).read_to_end(&mut all).unwrap();
    stream.write_all(&all).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    done()
}

/// Does the parent's part: sends, half-closes, and reads everything back.
fn exchange<F: Family>(stream: Socket<F, Stream>) {
    let sent = pattern(MEGABYTE);
    stream.write_all(&sent).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut back = Vec::new();
    (&stream).read_to_end(&mut back).unwrap();
    assert!(back == sent, "{} bytes came back, of {}", back.len(), sent.len());
    let ended = State::Connected { send: Direction::Shut, recv: Direction::Ended };
    assert_eq!(stream.state(), ended);
}

#[test]
fn a_megabyte_is_echoed_by_abstract_name() {
    if role().is_some() {
        echo(UnixStream::connect(UnixAddress::abstract_name(argument())).unwrap());
    }
    let listener = UnixListener::bind(fresh_name()).unwrap();
    let UnixAddress::Abstract(name) = listener.local_address().unwrap() else { panic!() };
    let test = "streams::a_megabyte_is_echoed_by_abstract_name";
    let mut child = start(test, "echo", std::str::from_utf8(&name).unwrap());
    exchange(accept(&listener));
    assert!(child.wait().success());
}

#[test]
fn a_megabyte_is_echoed_by_path() {
    if role().is_some() {
        echo(UnixStream::connect(argument()).unwrap());
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    assert_eq!(listener.local_address().unwrap(), UnixAddress::from(&path));
    let test = "streams::a_megabyte_is_echoed_by_path";
    let mut child = start(test, "echo", path.to_str().unwrap());
    exchange(accept(&listener));
    assert!(child.wait().success());
}

#[test]
fn a_megabyte_is_echoed_through_an_inherited_pair() {
    if role().is_some() {
        use std::os::fd::AsFd;
        let input = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
        // The program's own standard input would keep the connection open.
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null").unwrap()).unwrap();
        echo(UnixStream::try_from(input).unwrap());
    }
    let (ours, theirs) = UnixStream::pair().unwrap();
    let test = "streams::a_megabyte_is_echoed_through_an_inherited_pair";
    let mut child = start_with_input(test, "echo", OwnedFd::from(theirs));
    exchange(ours);
    assert!(child.wait().success());
}

#[test]
fn a_megabyte_is_echoed_over_tcp() {
    if role().is_some() {
        echo(TcpStream::connect(argument()).unwrap());
    }
    for address in ["127.0.0.1:0", "[::1]:0", "localhost:0"] {
        let listener = TcpListener::bind(address).unwrap();
        let test = "streams::a_megabyte_is_echoed_over_tcp";
        let mut child = start(test, "echo", &listener.local_address().unwrap().to_string());
        exchange(accept(&listener));
        assert!(child.wait().success());
    }
}

/// Runs a case over every way to make a stream.
fn each(case: impl Fn(Box<dyn Ends>)) {
    case(Box::new(UnixStream::pair().unwrap()));
    case(Box::new(unix_pair()));
    case(Box::new(tcp_pair()));
}

/// Two connected streams of any family.
trait Ends {
    fn half_close(&self);
    fn close_both_at_once(self: Box<Self>);
    fn wait_for_bytes(&self);
}

impl<F: Family> Ends for (Socket<F, Stream>, Socket<F, Stream>) {
    fn half_close(&self) {
        let (ours, theirs) = self;
        ours.write_all(b"last words").unwrap();
        ours.shutdown(Shutdown::Write).unwrap();
        // A second shutdown changes nothing.
        ours.shutdown(Shutdown::Write).unwrap();
        assert!(ours.write(b"x").unwrap_err().is(CoreError::BrokenPipe));
        assert!(!ours.state().can_send() && ours.state().can_recv());

        let mut buf = [0; 32];
        assert_eq!(theirs.read_deadline(&mut buf, Some(eventually())).unwrap(), 10);
        assert_eq!(theirs.read_deadline(&mut buf, Some(eventually())).unwrap(), 0);
        // The end stays, and no form waits for more.
        assert_eq!(theirs.try_read(&mut buf).unwrap(), 0);
        assert!(theirs.state().can_send() && !theirs.state().can_recv());

        theirs.write_all(b"answer").unwrap();
        assert_eq!(ours.read_deadline(&mut buf, Some(eventually())).unwrap(), 6);
        theirs.shutdown(Shutdown::Both).unwrap();
        assert_eq!(ours.read_deadline(&mut buf, Some(eventually())).unwrap(), 0);
        assert!(!ours.state().can_recv());
        // Both directions have ended, so this changes nothing.
        ours.shutdown(Shutdown::Both).unwrap();
    }

    fn close_both_at_once(self: Box<Self>) {
        let (ours, theirs) = *self;
        let start = std::sync::Barrier::new(2);
        thread::scope(|scope| {
            for end in [ours, theirs] {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    // Whatever this end meets, it returns. It neither panics nor waits for ever.
                    let told = end.write_deadline(b"bye", Some(eventually()));
                    if let Err(error) = told {
                        assert!(error.is(CoreError::BrokenPipe) || error.is(CoreError::Reset));
                    }
                    drop(end);
                });
            }
        });
    }

    fn wait_for_bytes(&self) {
        let (ours, theirs) = self;
        let mut buf = [0; 8];
        assert!(ours.try_read(&mut buf).unwrap_err().is(CoreError::WouldBlock));
        let deadline = soon();
        let late = ours.read_deadline(&mut buf, Some(deadline)).unwrap_err();
        assert!(late.is(CoreError::TimedOut) && Instant::now() >= deadline);
        let past = ours.read_deadline(&mut buf, Some(Instant::now() - Duration::from_secs(1)));
        assert!(past.unwrap_err().is(CoreError::TimedOut));

        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(20));
                theirs.write_all(b"now").unwrap();
            });
            assert_eq!(ours.read(&mut buf).unwrap(), 3);
        });
        // The bytes that are there are taken, even if the deadline is past.
        theirs.write_all(b"more").unwrap();
        fd::wait_deadline(ours, fd::Interest::Read, Some(eventually())).unwrap();
        let past = Instant::now() - Duration::from_secs(1);
        assert_eq!(ours.read_deadline(&mut buf, Some(past)).unwrap(), 4);

        // The room runs out. Then a deadline holds for a large write too, and the error leaves the
        // number of written bytes known.
        while ours.try_write(&[7; 65536]).is_ok() {}
        let deadline = soon();
        let all = vec![7; 1 << 24];
        let mut left = &all[..];
        let late = fd::write_all(ours, &mut left, Some(deadline)).unwrap_err();
        assert!(late.is(CoreError::TimedOut) && Instant::now() >= deadline);
        assert_eq!(ours.state(), State::STREAM);
    }
}

#[test]
fn half_close_ends_one_direction_and_leaves_the_other() {
    each(|ends| ends.half_close());
}

#[test]
fn closing_both_ends_at_once_hangs_nobody() {
    for _ in 0..200 {
        each(|ends| ends.close_both_at_once());
    }
}

#[test]
fn a_deadline_holds_and_a_plain_verb_waits() {
    each(|ends| ends.wait_for_bytes());
}

#[test]
fn shutting_down_reading_ends_it_and_drops_bytes() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"unread").unwrap();
    ours.shutdown(Shutdown::Read).unwrap();
    assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
    assert!(theirs.write(b"x").unwrap_err().is(CoreError::BrokenPipe));
    let broken = State::Connected { send: Direction::Ended, recv: Direction::Open };
    assert_eq!(theirs.state(), broken);
}

#[test]
fn shutdown_wakes_a_reader_in_another_thread() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| ours.read(&mut [0; 8]).unwrap());
        thread::sleep(Duration::from_millis(20));
        ours.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
    });
}

#[test]
fn a_peer_that_closes_with_unread_bytes_is_a_reset() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.write_all(b"never read").unwrap();
    theirs.write_all(b"goodbye").unwrap();
    drop(theirs);
    let mut buf = [0; 16];
    assert_eq!(ours.read(&mut buf).unwrap(), 7);
    assert!(ours.read(&mut buf).unwrap_err().is(CoreError::Reset));
    assert_eq!(ours.state(), State::Reset);
    assert!(ours.read(&mut buf).unwrap_err().is(CoreError::Reset));
    assert!(ours.write(b"x").unwrap_err().is(CoreError::BrokenPipe));
    assert!(ours.shutdown(Shutdown::Write).unwrap_err().is(CoreError::Reset));
}

#[test]
fn bytes_before_a_reset_can_still_be_read() {
    let (ours, theirs) = tcp_pair();
    ours.write_all(b"never read").unwrap();
    theirs.write_all(b"the reason").unwrap();
    fd::wait_deadline(&ours, fd::Interest::Read, Some(eventually())).unwrap();
    fd::wait_deadline(&theirs, fd::Interest::Read, Some(eventually())).unwrap();
    drop(theirs); // with unread bytes: TCP resets the connection
    fd::wait_deadline(&ours, fd::Interest::HangUp, Some(eventually())).unwrap();
    assert!(ours.write(b"x").unwrap_err().is(CoreError::Reset));
    assert_eq!(ours.state(), State::Reset);
    let mut buf = [0; 16];
    assert_eq!(ours.read(&mut buf).unwrap(), 10);
    assert!(ours.read(&mut buf).unwrap_err().is(CoreError::Reset));
}

#[test]
fn a_killed_writer_leaves_a_prefix_and_the_end() {
    if role().is_some() {
        let stream = UnixStream::connect(UnixAddress::abstract_name(argument())).unwrap();
        let all = pattern(64 * MEGABYTE);
        stream.write_all(&all).unwrap();
        unreachable!("nobody reads that much");
    }
    let listener = UnixListener::bind(fresh_name()).unwrap();
    let UnixAddress::Abstract(name) = listener.local_address().unwrap() else { panic!() };
    let test = "streams::a_killed_writer_leaves_a_prefix_and_the_end";
    let mut child = start(test, "write", std::str::from_utf8(&name).unwrap());
    let stream = accept(&listener);
    let mut got = vec![0; MEGABYTE];
    fd::read_exact(&stream, &mut &mut got[..], Some(eventually())).unwrap();
    child.kill();
    // The bytes that it had written are still there, and after them the end.
    let mut buf = vec![0; 65536];
    loop {
        match stream.read_deadline(&mut buf, Some(eventually())).unwrap() {
            0 => break,
            n => got.extend_from_slice(&buf[..n]),
        }
    }
    assert!(got.len() < 64 * MEGABYTE);
    assert!(got == pattern(got.len()), "what came is not what was sent");
    assert!(stream.write(b"x").unwrap_err().is(CoreError::BrokenPipe));
}

#[test]
fn a_killed_reader_is_a_broken_pipe_and_not_a_death() {
    if let Some(role) = role() {
        let stream = UnixStream::connect(UnixAddress::abstract_name(argument())).unwrap();
        if role == "read" {
            stream.read(&mut [0; 4096]).unwrap();
            thread::sleep(Duration::from_secs(60));
            unreachable!("it is killed before");
        }
        // In this process a SIGPIPE would be fatal.
        // SAFETY: the default action is valid for the signal, and no other thread relies on another
        // one.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let error = loop {
            if let Err(error) = stream.write(&[0; 65536]) {
                break error;
            }
        };
        assert!(error.is(CoreError::BrokenPipe) || error.is(CoreError::Reset));
        done();
    }
    let listener = UnixListener::bind(fresh_name()).unwrap();
    let UnixAddress::Abstract(name) = listener.local_address().unwrap() else { panic!() };
    let name = std::str::from_utf8(&name).unwrap();
    let test = "streams::a_killed_reader_is_a_broken_pipe_and_not_a_death";
    let mut reader = start(test, "read", name);
    let to_reader = accept(&listener);
    let mut writer = start(test, "write", name);
    let from_writer = accept(&listener);
    // Copies from one end to the other until the reader is killed. The bytes under way fill every
    // buffer.
    let mut buf = vec![0; 65536];
    for _ in 0..4 {
        let n = from_writer.read_deadline(&mut buf, Some(eventually())).unwrap();
        let _ = to_reader.write_deadline(&buf[..n], Some(soon()));
    }
    reader.kill();
    let error = to_reader.write(b"x").unwrap_err();
    assert!(error.is(CoreError::BrokenPipe) || error.is(CoreError::Reset));
    drop(from_writer);
    assert!(writer.wait().success(), "the writer died of it");
}

#[test]
fn a_signal_interrupts_no_read() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: a `sigaction` of all zeroes is valid. It has no flags, so that signals interrupt
    // system calls.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handler does nothing, which is allowed at any time.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut()) }, 0);

    let (ours, theirs) = UnixStream::pair().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            // musl's name of a thread is a pointer, which cannot be sent.
            // SAFETY: `pthread_self` has no conditions.
            sender.send(unsafe { libc::pthread_self() } as usize).unwrap();
            // Both words may be there before a late reader. It takes only the first.
            let plain = ours.read(&mut [0; 3]).unwrap();
            (plain, ours.read_deadline(&mut [0; 8], Some(eventually())).unwrap())
        });
        let thread = receiver.recv().unwrap();
        for word in ["one", "three"] {
            for _ in 0..5 {
                thread::sleep(Duration::from_millis(3));
                // SAFETY: the thread is joined below, so its id is valid.
                let sent = unsafe { libc::pthread_kill(thread as libc::pthread_t, libc::SIGUSR2) };
                assert_eq!(sent, 0);
            }
            theirs.write_all(word.as_bytes()).unwrap();
        }
        assert_eq!(reader.join().unwrap(), (3, 5));
    });
}

#[test]
fn only_the_traits_follow_the_blocking_mode() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    fd::set_nonblocking(&ours, true).unwrap();
    let ours = UnixStream::try_from(OwnedFd::from(ours)).unwrap();
    assert_eq!(ours.state(), State::STREAM);
    let now = (&ours).read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(now.kind(), std::io::ErrorKind::WouldBlock);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            theirs.write_all(b"late").unwrap();
        });
        assert_eq!(ours.read(&mut [0; 8]).unwrap(), 4);
    });
}

#[test]
fn slices_are_written_in_their_order() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let n = (&ours).write_vectored(&[IoSlice::new(b"head"), IoSlice::new(b" body")]).unwrap();
    assert_eq!(n, 9);
    let mut buf = [0; 16];
    assert_eq!(theirs.read(&mut buf).unwrap(), 9);
    assert_eq!(&buf[..9], b"head body");
}

#[test]
fn connecting_to_a_full_backlog_waits_for_room() {
    let listener = UnixListener::bind_with(fresh_name(), &Options::new().backlog(1)).unwrap();
    let name = listener.local_address().unwrap();
    let mut waiting = Vec::new();
    let full = loop {
        match UnixStream::try_connect(name.clone()) {
            Ok(client) => waiting.push(client),
            Err(error) => break error,
        }
    };
    assert!(full.is(CoreError::WouldBlock));
    let deadline = soon();
    let late = UnixStream::connect_deadline(name.clone(), Some(deadline)).unwrap_err();
    assert!(late.is(CoreError::TimedOut) && Instant::now() >= deadline);

    thread::scope(|scope| {
        let timed = scope.spawn(|| UnixStream::connect_deadline(name.clone(), Some(eventually())));
        let plain = scope.spawn(|| UnixStream::connect(name.clone()));
        thread::sleep(Duration::from_millis(20));
        let mut accepted = Vec::new();
        for _ in 0..waiting.len() + 2 {
            accepted.push(accept(&listener));
        }
        let timed = timed.join().unwrap().unwrap();
        plain.join().unwrap().unwrap();
        // The deadline for connecting is no deadline for writing.
        while timed.try_write(&[0; 65536]).is_ok() {}
        assert!(timed.write_deadline(b"x", Some(soon())).unwrap_err().is(CoreError::TimedOut));
        let timeout = rustix::net::sockopt::Timeout::Send;
        assert_eq!(rustix::net::sockopt::socket_timeout(&timed, timeout), Ok(None));
    });
}

#[test]
fn a_wrong_type_differs_from_a_gone_listener() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let error = UnixSeqpacket::connect(&path).unwrap_err();
    assert_eq!(error.cause(), ringway::Cause::Os(rustix::io::Errno::PROTOTYPE));
    drop(OwnedFd::from(listener)); // the file stays
    wait_until_dead(&path);
    assert!(UnixStream::connect(&path).unwrap_err().is(CoreError::Refused));
    std::fs::remove_file(&path).unwrap();
    let error = UnixStream::connect(&path).unwrap_err();
    assert!(error.is(CoreError::NotFound));
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_bad_name_is_refused_before_a_system_call() {
    let long = "x".repeat(UnixAddress::MAX + 1);
    let names = [
        UnixAddress::from(""),
        UnixAddress::from(&long),
        UnixAddress::from("a\0b"),
        UnixAddress::abstract_name(""),
        UnixAddress::abstract_name(&long),
    ];
    for name in names {
        let error = UnixStream::connect(name.clone()).unwrap_err();
        assert!(error.is(CoreError::BadName), "{name:?}: {error}");
        let error = UnixListener::bind(name.clone()).unwrap_err();
        assert!(error.is(CoreError::BadName), "{name:?}: {error}");
    }
    assert!(UnixStream::connect(UnixAddress::Unnamed).unwrap_err().is(CoreError::BadName));
    // The longest names work.
    let longest = "y".repeat(UnixAddress::MAX - 20);
    let name = UnixAddress::abstract_name(format!("{longest}{:020}", std::process::id()));
    let listener = UnixListener::bind(name.clone()).unwrap();
    assert_eq!(listener.local_address().unwrap(), name);
    assert_eq!(UnixStream::connect(name.clone()).unwrap().peer_address().unwrap(), name);
}

#[test]
fn a_descriptor_of_another_kind_is_refused() {
    let pipe = || OwnedFd::from(std::io::pipe().unwrap().0);
    assert!(UnixStream::try_from(pipe()).is_err());
    assert!(UnixListener::try_from(pipe()).is_err());
    let udp = || OwnedFd::from(UdpSocket::bind("127.0.0.1:0").unwrap());
    assert!(UnixStream::try_from(udp()).is_err());
    assert!(TcpStream::try_from(udp()).is_err());
    assert!(UdpSocket::try_from(udp()).is_ok());
    let listener = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    assert!(TcpStream::try_from(listener()).is_err());
    assert!(TcpListener::try_from(listener()).is_ok());
    let unconnected = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    );
    let error = TcpStream::try_from(unconnected.unwrap()).unwrap_err();
    assert!(error.is(CoreError::NotConnected), "{error}");
    let stream = || OwnedFd::from(tcp_pair().0);
    assert!(TcpListener::try_from(stream()).is_err());
    assert_eq!(TcpStream::try_from(stream()).unwrap().state(), State::STREAM);
}

#[test]
fn every_descriptor_is_close_on_exec() {
    let listener = UnixListener::bind(fresh_name()).unwrap();
    let client = UnixStream::connect(listener.local_address().unwrap()).unwrap();
    let (tcp, tcp_accepted) = tcp_pair();
    let (one, other) = UnixStream::pair().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(fd::close_on_exec(&listener).unwrap());
    assert!(fd::close_on_exec(&udp).unwrap());
    for stream in [&client, &accept(&listener), &one, &other] {
        assert!(fd::close_on_exec(stream).unwrap());
        assert!(!fd::nonblocking(stream).unwrap());
    }
    for stream in [&tcp, &tcp_accepted] {
        assert!(fd::close_on_exec(stream).unwrap());
        assert!(!fd::nonblocking(stream).unwrap());
    }
    let leaky = OwnedFd::from(one);
    fd::set_close_on_exec(&leaky, false).unwrap();
    assert!(fd::close_on_exec(UnixStream::try_from(leaky).unwrap()).unwrap());
}

#[test]
fn a_connection_waits_while_no_descriptor_is_left() {
    if role().is_some() {
        let listener = UnixListener::bind(fresh_name()).unwrap();
        let name = listener.local_address().unwrap();
        let client = UnixStream::connect(name).unwrap();
        client.write_all(b"hello").unwrap();
        let mut hoard = Vec::new();
        children::limit_descriptors(64);
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hoard.push(file);
        }
        assert!(listener.try_accept().unwrap_err().is(CoreError::Exhausted));
        assert!(UnixStream::pair().unwrap_err().is(CoreError::Exhausted));
        hoard.pop();
        assert_eq!(accept(&listener).read(&mut [0; 8]).unwrap(), 5);
        done();
    }
    let test = "streams::a_connection_waits_while_no_descriptor_is_left";
    assert!(start(test, "hoard", "").wait().success());
}
