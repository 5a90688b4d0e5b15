//! TCP alone: names, several addresses, deadlines for connecting.

use crate::{accept, eventually, soon};
use ringway::CoreError;
use ringway::socket::{Options, TcpListener, TcpStream};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// An address where nobody listens: its listener was dropped a moment ago.
fn deserted() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_address().unwrap()
}

#[test]
fn nobody_listening_is_refused_with_the_address() {
    let address = deserted();
    for error in [
        TcpStream::connect(address).unwrap_err(),
        TcpStream::connect_deadline(address, Some(eventually())).unwrap_err(),
    ] {
        assert!(error.is(CoreError::Refused), "{error}");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}

#[test]
fn the_first_address_that_answers_is_connected() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let live = listener.local_address().unwrap();
    let addresses = [deserted(), deserted(), live, deserted()];
    assert_eq!(TcpStream::connect(&addresses[..]).unwrap().peer_address().unwrap(), live);
    let client = TcpStream::connect_deadline(&addresses[..], Some(eventually())).unwrap();
    assert_eq!(client.peer_address().unwrap(), live);
    assert_eq!(accept(&listener).local_address().unwrap(), live);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = [taken.local_address().unwrap(), "127.0.0.1:0".parse().unwrap()];
    let second = TcpListener::bind(&addresses[..]).unwrap();
    assert_ne!(second.local_address().unwrap(), taken.local_address().unwrap());
}

#[test]
fn a_host_name_is_looked_up() {
    let listener = TcpListener::bind(("localhost", 0)).unwrap();
    let port = listener.local_address().unwrap().port();
    let client = TcpStream::connect(format!("localhost:{port}")).unwrap();
    assert!(client.peer_address().unwrap().ip().is_loopback());
}

#[test]
fn an_address_without_sense_is_refused() {
    let error = TcpStream::connect("no port here").unwrap_err();
    assert!(error.is(CoreError::BadName), "{error}");
    let none: &[SocketAddr] = &[];
    assert!(TcpStream::connect(none).unwrap_err().is(CoreError::NotFound));
    assert!(TcpListener::bind(none).unwrap_err().is(CoreError::NotFound));
}

#[test]
fn a_silent_address_leaves_time_for_the_next() {
    // The backlog is full, and the kernel drops further connections.
    let listener = TcpListener::bind_with("127.0.0.1:0", &Options::new().backlog(0)).unwrap();
    let mute = listener.local_address().unwrap();
    let mut waiting = Vec::new();
    let late = loop {
        let deadline = soon();
        match TcpStream::connect_deadline(mute, Some(deadline)) {
            Ok(client) => waiting.push(client),
            Err(error) => {
                assert!(Instant::now() >= deadline);
                break error;
            }
        }
        assert!(waiting.len() < 100, "the backlog never fills");
    };
    assert!(late.is(CoreError::TimedOut), "{late}");

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = [mute, other.local_address().unwrap()];
    let deadline = Instant::now() + Duration::from_secs(2);
    let client = TcpStream::connect_deadline(&addresses[..], Some(deadline)).unwrap();
    assert!(Instant::now() < deadline, "the first address used up the time of the second");
    assert_eq!(client.peer_address().unwrap(), addresses[1]);
}

#[test]
fn a_lingering_port_refuses_an_exclusive_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_address().unwrap();
    let client = TcpStream::connect(address).unwrap();
    let server = accept(&listener);
    // The port lingers at the end that closes first.
    drop((listener, server));
    assert_eq!(client.read_deadline(&mut [0; 8], Some(eventually())).unwrap(), 0);
    drop(client);
    let error = TcpListener::bind_with(address, &Options::new().exclusive()).unwrap_err();
    assert!(error.is(CoreError::AddressInUse), "{error}");
    TcpListener::bind(address).unwrap();
}

#[test]
fn a_listener_for_version_6_only_leaves_version_4() {
    let six = TcpListener::bind_with("[::]:0", &Options::new().only_v6(true)).unwrap();
    let port = six.local_address().unwrap().port();
    assert!(TcpStream::connect(("127.0.0.1", port)).unwrap_err().is(CoreError::Refused));
    assert!(TcpStream::connect(("::1", port)).is_ok());
    let both = TcpListener::bind_with("[::]:0", &Options::new().only_v6(false)).unwrap();
    let port = both.local_address().unwrap().port();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
}

#[test]
fn connections_inherit_the_listeners_buffers() {
    let options = Options::new().recv_buffer(300_000).send_buffer(200_000);
    let listener = TcpListener::bind_with("127.0.0.1:0", &options).unwrap();
    let _client = TcpStream::connect(listener.local_address().unwrap()).unwrap();
    let server = accept(&listener);
    // Linux may grant less than asked for where its limit is lower, and doubles what it grants.
    let limit = |name: &str| -> usize {
        std::fs::read_to_string(format!("/proc/sys/net/core/{name}"))
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    };
    assert_eq!(server.recv_buffer().unwrap(), 2 * 300_000.min(limit("rmem_max")));
    assert_eq!(server.send_buffer().unwrap(), 2 * 200_000.min(limit("wmem_max")));
}

#[test]
fn keepalive_is_set_and_read_back() {
    let (ours, theirs) = crate::tcp_pair();
    assert_eq!(ours.keepalive().unwrap(), None);
    for (asked, set) in [(30_000, 30), (1, 1), (2_900, 2)] {
        ours.set_keepalive(Some(Duration::from_millis(asked))).unwrap();
        assert_eq!(ours.keepalive().unwrap(), Some(Duration::from_secs(set)));
    }
    assert!(ours.set_keepalive(Some(Duration::from_secs(40_000))).is_err());
    ours.set_keepalive(None).unwrap();
    assert_eq!(ours.keepalive().unwrap(), None);
    assert_eq!(theirs.keepalive().unwrap(), None);
}

#[test]
fn each_connection_reaches_one_of_shared_listeners() {
    let shared = Options::new().share_port();
    let first = TcpListener::bind_with("127.0.0.1:0", &shared).unwrap();
    let address = first.local_address().unwrap();
    let second = TcpListener::bind_with(address, &shared).unwrap();
    assert!(TcpListener::bind(address).unwrap_err().is(CoreError::AddressInUse));
    let clients: Vec<_> = (0..8).map(|_| TcpStream::connect(address).unwrap()).collect();
    let waiting =
        |listener: &TcpListener| std::iter::from_fn(|| listener.try_accept().ok()).count();
    assert_eq!(waiting(&first) + waiting(&second), clients.len());
}
