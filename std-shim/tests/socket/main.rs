//! Tests the sockets against the kernel: with threads, and with processes that end and are killed.

mod children;
mod datagrams;
mod descriptors;
mod files;
mod peers;
mod seqpacket;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod tcp;

use ringway::socket::{
    Connected, Family, Listener, Socket, TcpListener, TcpStream, UnixAddress, UnixListener,
    UnixStream,
};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

/// A deadline for what happens, far enough away for a busy machine.
fn eventually() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// A deadline for what must not happen.
fn soon() -> Instant {
    Instant::now() + Duration::from_millis(30)
}

/// Makes a Unix socket address that nobody else has.
fn fresh_name() -> UnixAddress {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // Relaxed: only the difference of the numbers matters. Partner: the same line in another
    // thread.
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    UnixAddress::abstract_name(format!("ringway-test-{}-{count}", std::process::id()))
}

/// Waits until no process has the socket behind a file any more.
///
/// A child that another test is just starting has a copy of every socket until it calls `exec`.
fn wait_until_dead(path: &Path) {
    let late = eventually();
    loop {
        let probe = std::os::unix::net::UnixDatagram::unbound().unwrap().connect(path);
        if probe.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            return;
        }
        assert!(Instant::now() < late, "{path:?} does not die");
        std::thread::yield_now();
    }
}

/// Makes both ends of a connection over TCP.
fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_address().unwrap()).unwrap();
    (client, accept(&listener))
}

/// Makes both ends of a connection through a Unix listener.
fn unix_pair() -> (UnixStream, UnixStream) {
    let listener = UnixListener::bind(fresh_name()).unwrap();
    let client = UnixStream::connect(listener.local_address().unwrap()).unwrap();
    (client, accept(&listener))
}

fn accept<F: Family, T: Connected>(listener: &Listener<F, T>) -> Socket<F, T> {
    listener.accept_deadline(Some(eventually())).unwrap()
}
