//! Messages without a connection: addresses, full queues, missing receivers.

use crate::children::{argument, done, role, start};
use crate::{eventually, fresh_name, soon, wait_until_dead};
use ringway::CoreError;
use ringway::channel::State;
use ringway::socket::{Options, UdpSocket, UnixAddress, UnixDatagram};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_datagram_carries_its_senders_address() {
    let server = UnixDatagram::bind(fresh_name()).unwrap();
    let client = UnixDatagram::bind(fresh_name()).unwrap();
    client.send_to(b"question", server.local_address().unwrap()).unwrap();
    let mut buf = [0; 16];
    let (size, from) = server.recv_from(&mut buf).unwrap();
    assert_eq!((size, &from), (8, &client.local_address().unwrap()));
    server.send_to(b"", from).unwrap();
    let (size, from) = client.recv_from_deadline(&mut buf, Some(eventually())).unwrap();
    assert_eq!((size, from), (0, server.local_address().unwrap()));

    UnixDatagram::unbound().unwrap().send_to(b"x", server.local_address().unwrap()).unwrap();
    assert_eq!(server.recv_from(&mut buf).unwrap().1, UnixAddress::Unnamed);
    assert!(client.try_recv_from(&mut buf).unwrap_err().is(CoreError::WouldBlock));
}

#[test]
fn a_sender_with_a_path_of_108_bytes_is_received() {
    // 108 bytes leave no room for the final NUL. This crate does not make such names, but others
    // may.
    let dir = tempfile::Builder::new().prefix("ringway").tempdir_in("/tmp").unwrap();
    let mut path = dir.path().to_str().unwrap().to_owned() + "/";
    path.extend(std::iter::repeat_n('x', 108 - path.len()));
    let odd = rustix::net::socket_with(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    let name = rustix::net::SocketAddrUnix::new(path.as_str()).unwrap();
    rustix::net::bind(&odd, &name).unwrap();
    let odd = UnixDatagram::try_from(odd).unwrap();
    assert_eq!(odd.local_address().unwrap(), UnixAddress::from(&path));

    let receiver = UnixDatagram::bind(fresh_name()).unwrap();
    odd.send_to(b"odd", receiver.local_address().unwrap()).unwrap();
    let (size, from) = receiver.recv_from(&mut [0; 8]).unwrap();
    assert_eq!((size, from), (3, UnixAddress::from(&path)));
}

#[test]
fn a_send_to_a_full_queue_waits_for_room_or_deadline() {
    let receiver = UnixDatagram::bind(fresh_name()).unwrap();
    let to = receiver.local_address().unwrap();
    let free = UnixDatagram::unbound().unwrap();
    let connected = UnixDatagram::unbound().unwrap();
    connected.connect(to.clone()).unwrap();
    let mut queued = 0;
    while free.try_send_to(b"fill", to.clone()).is_ok() {
        queued += 1;
    }
    assert!(connected.try_send(b"x").unwrap_err().is(CoreError::WouldBlock));
    let deadline = soon();
    let late = free.send_to_deadline(b"x", to.clone(), Some(deadline)).unwrap_err();
    assert!(late.is(CoreError::TimedOut) && Instant::now() >= deadline);
    let deadline = soon();
    let late = connected.send_deadline(b"x", Some(deadline)).unwrap_err();
    assert!(late.is(CoreError::TimedOut) && Instant::now() >= deadline);

    let nonblocking = UnixDatagram::unbound().unwrap();
    ringway::fd::set_nonblocking(&nonblocking, true).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            free.send_to_deadline(b"by deadline", to.clone(), Some(eventually())).unwrap()
        });
        scope.spawn(|| free.send_to(b"plain", to.clone()).unwrap());
        scope.spawn(|| connected.send(b"connected").unwrap());
        scope.spawn(|| nonblocking.send_to(b"in the other mode", to.clone()).unwrap());
        thread::sleep(Duration::from_millis(20));
        let mut sizes = Vec::new();
        for _ in 0..queued + 4 {
            sizes.push(receiver.recv_deadline(&mut [0; 32], Some(eventually())).unwrap());
        }
        let mut last = sizes.split_off(queued);
        last.sort();
        assert!(sizes.iter().all(|size| *size == 4));
        assert_eq!(last, [5, 9, 11, 17]);
    });
}

#[test]
fn waiting_for_a_full_queue_costs_no_cpu_time() {
    if role().is_some() {
        let receiver = UnixDatagram::bind(fresh_name()).unwrap();
        let to = receiver.local_address().unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        while sender.try_send_to(b"fill", to.clone()).is_ok() {}
        let spent = || {
            let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
            Duration::new(spent.tv_sec as u64, spent.tv_nsec as u32)
        };
        let before = spent();
        let deadline = Instant::now() + Duration::from_millis(500);
        let _ = sender.send_to_deadline(b"x", to, Some(deadline)).unwrap_err();
        let spent = spent() - before;
        // A loop that asks again and again would have used all of the time. The bound is not about
        // speed.
        assert!(spent < Duration::from_millis(250), "{spent:?} of 500 ms");
        done();
    }
    let test = "datagrams::waiting_for_a_full_queue_costs_no_cpu_time";
    assert!(start(test, "wait", "").wait().success());
}

#[test]
fn a_send_to_a_gone_or_missing_receiver_fails() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("inbox");
    let sender = UnixDatagram::unbound().unwrap();
    assert!(sender.send_to(b"x", &path).unwrap_err().is(CoreError::NotFound));
    let receiver = UnixDatagram::bind(&path).unwrap();
    sender.connect(&path).unwrap();
    assert_eq!(sender.state(), State::STREAM);
    sender.send(b"x").unwrap();
    drop(std::os::fd::OwnedFd::from(receiver)); // the file stays
    wait_until_dead(&path);
    assert!(sender.send(b"x").unwrap_err().is(CoreError::Refused));
    let other = UnixDatagram::unbound().unwrap();
    assert!(other.send_to(b"x", &path).unwrap_err().is(CoreError::Refused));
    assert!(other.send(b"x").unwrap_err().is(CoreError::NotConnected));
    // The file of the dead socket is no obstacle.
    let receiver = UnixDatagram::bind(&path).unwrap();
    other.send_to(b"again", &path).unwrap();
    assert_eq!(receiver.recv(&mut [0; 8]).unwrap(), 5);
}

#[test]
fn a_datagram_too_large_is_an_error_with_the_size() {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    let huge = vec![1; 64 << 20];
    let error = ours.send(&huge).unwrap_err();
    let ringway::Cause::Core(CoreError::MessageTooLarge { max }) = error.cause() else {
        panic!("{error}")
    };
    ours.send(&huge[..max]).unwrap();
    assert!(ours.send(&huge[..max + 1]).is_err());
    let error = theirs.recv(&mut [0; 8]).unwrap_err();
    assert!(error.is(CoreError::BufferTooSmall { needed: max }));
    assert!(theirs.try_recv(&mut [0; 8]).unwrap_err().is(CoreError::WouldBlock));

    // An IPv6 socket reaches version 4 by mapped addresses. Then version 4's size limits apply.
    let four = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mapped = format!("[::ffff:127.0.0.1]:{}", four.local_address().unwrap().port());
    let six = UdpSocket::bind_with("[::]:0", &Options::new().only_v6(false)).unwrap();
    let too_large = CoreError::MessageTooLarge { max: 65507 };
    let error = six.send_to(&vec![7; 65508], mapped.as_str()).unwrap_err();
    assert!(error.is(too_large), "{error}");
    six.connect(mapped.as_str()).unwrap();
    let error = six.send(&vec![7; 65508]).unwrap_err();
    assert!(error.is(too_large), "{error}");
    six.send(&vec![7; 65507]).unwrap();
    let error = four.recv_deadline(&mut [0; 4], Some(eventually())).unwrap_err();
    assert!(error.is(CoreError::BufferTooSmall { needed: 65507 }));

    for (address, max) in [("127.0.0.1:0", 65507), ("[::1]:0", 65527)] {
        let ours = UdpSocket::bind(address).unwrap();
        let theirs = UdpSocket::bind(address).unwrap();
        let to = theirs.local_address().unwrap();
        let error = ours.send_to(&huge[..max + 1], to).unwrap_err();
        assert!(error.is(CoreError::MessageTooLarge { max }), "{error}");
        ours.send_to(&huge[..max], to).unwrap();
        let error = theirs.recv_from_deadline(&mut [0; 8], Some(eventually())).unwrap_err();
        assert!(error.is(CoreError::BufferTooSmall { needed: max }));
        ours.send_to(&huge[..3000], to).unwrap();
        assert_eq!(theirs.next_size().unwrap(), 3000);
        assert_eq!(theirs.recv_deadline(&mut [0; 3000], Some(eventually())).unwrap(), 3000);
        ours.send_to(b"", to).unwrap();
        assert_eq!(theirs.recv_deadline(&mut [0; 8], Some(eventually())).unwrap(), 0);
    }
}

#[test]
fn udp_goes_between_processes_by_port() {
    if role().is_some() {
        let socket = UdpSocket::bind("localhost:0").unwrap();
        socket.connect(argument()).unwrap();
        let mut buf = [0; 1500];
        for i in 0u32.. {
            socket.send(&i.to_le_bytes()).unwrap();
            match socket.recv_deadline(&mut buf, Some(Instant::now() + Duration::from_millis(200)))
            {
                Ok(size) if &buf[..size] == b"enough" => done(),
                _ => {}
            }
        }
    }
    let socket = UdpSocket::bind("localhost:0").unwrap();
    let test = "datagrams::udp_goes_between_processes_by_port";
    let mut child = start(test, "send", &socket.local_address().unwrap().to_string());
    let mut buf = [0; 1500];
    let mut last = None;
    for _ in 0..20 {
        let (size, from) = socket.recv_from_deadline(&mut buf, Some(eventually())).unwrap();
        let number = u32::from_le_bytes(buf[..size].try_into().unwrap());
        assert!(last.is_none_or(|last| number > last), "loopback keeps the order");
        last = Some(number);
        socket.send_to(b"more", from).unwrap();
    }
    // A datagram may be lost, so send until the child has received one.
    loop {
        let heard =
            socket.recv_from_deadline(&mut buf, Some(Instant::now() + Duration::from_secs(1)));
        match heard {
            Ok((_, from)) => socket.send_to(b"enough", from).unwrap(),
            Err(_) => break,
        }
    }
    assert!(child.wait().success());
}

#[test]
fn udp_to_a_port_without_receiver_is_refused_later() {
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_address().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(gone).unwrap();
    socket.send(b"anyone?").unwrap();
    let error = socket.recv_deadline(&mut [0; 8], Some(eventually())).unwrap_err();
    assert!(error.is(CoreError::Refused), "{error}");
}

#[test]
fn udp_tries_the_addresses_of_its_own_version() {
    let ours = UdpSocket::bind("127.0.0.1:0").unwrap();
    let theirs = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = theirs.local_address().unwrap().port();
    let addresses = [format!("[::1]:{port}").parse().unwrap(), theirs.local_address().unwrap()];
    ours.send_to(b"x", &addresses[..]).unwrap();
    assert_eq!(theirs.recv_deadline(&mut [0; 8], Some(eventually())).unwrap(), 1);
    ours.connect(&addresses[..]).unwrap();
    assert_eq!(ours.peer_address().unwrap(), addresses[1]);
}

#[test]
fn broadcasts_are_sent_after_permission() {
    let everywhere = "127.255.255.255:9";
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(!socket.broadcast().unwrap());
    let error = socket.send_to(b"x", everywhere).unwrap_err();
    assert_eq!(error.cause(), ringway::Cause::Os(rustix::io::Errno::ACCESS));
    socket.set_broadcast(true).unwrap();
    assert!(socket.broadcast().unwrap());
    socket.send_to(b"x", everywhere).unwrap();
    socket.set_broadcast(false).unwrap();
    assert!(socket.send_to(b"x", everywhere).is_err());
}

#[test]
fn sockets_share_a_port_if_all_of_them_ask() {
    let shared = Options::new().share_port();
    let first = UdpSocket::bind_with("127.0.0.1:0", &shared).unwrap();
    let address = first.local_address().unwrap();
    assert!(UdpSocket::bind(address).unwrap_err().is(CoreError::AddressInUse));
    let _second = UdpSocket::bind_with(address, &shared).unwrap();
    let exclusive = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = UdpSocket::bind_with(exclusive.local_address().unwrap(), &shared).unwrap_err();
    assert!(taken.is(CoreError::AddressInUse), "{taken}");
}

#[test]
fn an_address_may_name_its_interface() {
    use ringway::socket::ToAddresses;
    use std::net::{SocketAddr, SocketAddrV6};
    // SAFETY: the string ends with a zero byte and lives through the call.
    let lo = unsafe { libc::if_nametoindex(c"lo".as_ptr()) };
    let expected = SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 0, lo);
    for text in ["[fe80::1%lo]:80".to_owned(), format!("[fe80::1%{lo}]:80")] {
        assert_eq!(text.to_addresses().unwrap(), [SocketAddr::V6(expected)], "{text}");
        assert_eq!((&text.as_str()).to_addresses().unwrap(), [SocketAddr::V6(expected)]);
    }
    let there = UdpSocket::bind("[::1%lo]:0").unwrap();
    let port = there.local_address().unwrap().port();
    let here = UdpSocket::bind("[::1%lo]:0").unwrap();
    here.send_to(b"hello", format!("[::1%lo]:{port}")).unwrap();
    assert_eq!(there.recv_deadline(&mut [0; 8], Some(eventually())).unwrap(), 5);
    for wrong in ["no such interface", "", "l\0", "+1"] {
        let error = UdpSocket::bind(format!("[fe80::1%{wrong}]:80")).unwrap_err();
        assert!(error.is(CoreError::NotFound), "{error}");
        // No name server was asked.
        assert!(error.to_string().contains("no interface"), "{error}");
    }
}
