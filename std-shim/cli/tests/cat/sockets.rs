//! Connections: everything arrives or the status is 1, and answers come back.
//!
//! A reader can tell a failure from an end.

use super::support::*;
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes to send: more than the buffers between two sockets take at first.
const UPLOAD: usize = 200_000;

/// Starts cat with a connection as DST; returns cat and the server's side of the connection.
///
/// Cat is the client or the listener. Its standard input stays open.
fn connected(source: &str, is_listener: bool) -> (Running, TcpStream) {
    if !is_listener {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = format!("tcp:{}", server.local_addr().unwrap());
        let mut command = cat(source, &to);
        command.stdin(Stdio::piped());
        let sender = Running::start(command);
        return (sender, server.accept().unwrap().0);
    }
    // A port that was free a moment ago, on an address that no other test uses.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = cat(source, &format!("tcp-listen:{port}"));
    command.stdin(Stdio::piped());
    let mut sender = Running::start(command);
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match TcpStream::connect(port) {
            Ok(stream) => return (sender, stream),
            Err(_) => {
                assert!(sender.child().try_wait().unwrap().is_none() && Instant::now() < end);
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

#[test]
fn late_reader_that_speaks_first_gets_everything() {
    let place = Place::new();
    let (input, bytes) = place.input(UPLOAD);
    for is_listener in [false, true] {
        let (mut sender, mut server) = connected(&input, is_listener);
        server.write_all(b"hello\n").unwrap();
        // Cat must not have given up by this time; waiting longer would change nothing.
        let late = Instant::now() + Duration::from_millis(1500);
        while Instant::now() < late && sender.child().try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(10));
        }
        let mut got = Vec::new();
        server.read_to_end(&mut got).unwrap();
        drop(server);
        assert!(got == bytes, "{} bytes arrived", got.len());
        let output = sender.end();
        assert!(output.status.success(), "{output:?}");
        let told = stderr(&output);
        assert!(told.contains("6 bytes") && told.contains("thrown away"), "{told}");
    }
}

#[test]
fn far_end_that_leaves_bytes_unread_is_a_failure() {
    let place = Place::new();
    let (input, _) = place.input(UPLOAD);
    for is_listener in [false, true] {
        let (sender, mut server) = connected(&input, is_listener);
        server.read_exact(&mut [0; 1000]).unwrap();
        // The rest is on its way, or has arrived and is not read.
        wait_for("something unread", || server.peek(&mut [0]).is_ok_and(|n| n > 0));
        drop(server);
        let output = sender.end();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
    // The same with a Unix socket.
    let server = UnixListener::bind(place.path("socket")).unwrap();
    let sender = Running::start(cat(&input, &place.address("unix", "socket")));
    let (mut server, _) = server.accept().unwrap();
    server.read_exact(&mut [0; 1000]).unwrap();
    drop(server);
    assert_failed(&sender.end(), "unix:");
}

/// Reads to the end; returns the number of bytes and the kind of end.
fn read_to_end(mut from: impl Read) -> (usize, io::Result<()>) {
    let (mut total, mut buffer) = (0, [0; 4096]);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return (total, Ok(())),
            Ok(n) => total += n,
            Err(error) => return (total, Err(error)),
        }
    }
}

#[test]
fn failing_source_resets_the_reader() {
    for is_listener in [false, true] {
        let source = "exec:echo some; exit 3";
        let (sender, server) = connected(source, is_listener);
        let (_, end) = read_to_end(&server);
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_failed(&sender.end(), "exit status 3");
    }
}

#[test]
fn stopped_or_killed_sender_resets_the_reader() {
    for signal in [Signal::TERM, Signal::KILL] {
        for is_listener in [false, true] {
            let (mut sender, mut server) = connected("-", is_listener);
            sender.child().stdin.as_mut().unwrap().write_all(b"some\n").unwrap();
            server.read_exact(&mut [0; 5]).unwrap();
            kill_process(Pid::from_child(sender.child()), signal).unwrap();
            let (_, end) = read_to_end(&server);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
            sender.end();
        }
    }
}

#[test]
fn reset_source_fails_and_resets_the_reader() {
    let source = TcpListener::bind("127.0.0.1:0").unwrap();
    let destination = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = |of: &TcpListener| format!("tcp:{}", of.local_addr().unwrap());
    let relay = Running::start(cat(&address(&source), &address(&destination)));
    let (mut source, mut destination) =
        (source.accept().unwrap().0, destination.accept().unwrap().0);
    source.write_all(b"some").unwrap();
    destination.read_exact(&mut [0; 4]).unwrap();
    set_socket_linger(&source, Some(Duration::ZERO)).unwrap();
    drop(source);
    let (_, end) = read_to_end(&destination);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(relay.end().status.code(), Some(1));
}

#[test]
fn answer_arrives_at_standard_output() {
    let place = Place::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = UnixListener::bind(place.path("socket")).unwrap();
    let to = [format!("tcp:{}", tcp.local_addr().unwrap()), place.address("unix", "socket")];
    for to in to {
        let mut command = cat("-", &to);
        command.stdin(Stdio::piped());
        let mut client = Running::start(command);
        let mut server: Box<dyn ReadWrite> = match to.starts_with("tcp") {
            true => Box::new(tcp.accept().unwrap().0),
            false => Box::new(unix.accept().unwrap().0),
        };
        let mut stdin = client.child().stdin.take().unwrap();
        let mut stdout = client.child().stdout.take().unwrap();
        // Take turns: neither direction waits for the end of the other.
        let mut buffer = [0; 5];
        for (question, answer) in [(b"ping?", b"pong!"), (b"again", b"there")] {
            stdin.write_all(question).unwrap();
            server.read_exact(&mut buffer).unwrap();
            assert_eq!(&buffer, question);
            server.write_all(answer).unwrap();
            stdout.read_exact(&mut buffer).unwrap();
            assert_eq!(&buffer, answer);
        }
        drop(stdin);
        assert_eq!(server.read(&mut buffer).unwrap(), 0);
        // An answer may also come after the end of the input.
        server.write_all(b"bye").unwrap();
        drop(server);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "bye");
        assert_succeeded(&client.end());
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// A server that sends back what it reads, and reads nothing while it sends.
fn echo() -> (String, thread::JoinHandle<()>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("tcp:{}", server.local_addr().unwrap());
    let serve = thread::spawn(move || {
        let stream = server.accept().unwrap().0;
        // Do not use `io::copy`: the kernel would do the work.
        let mut buffer = vec![0; 1 << 16];
        loop {
            match (&stream).read(&mut buffer).unwrap() {
                0 => break,
                n => (&stream).write_all(&buffer[..n]).unwrap(),
            }
        }
        stream.shutdown(Shutdown::Write).unwrap();
    });
    (to, serve)
}

#[test]
fn echo_larger_than_all_buffers_does_not_deadlock() {
    let place = Place::new();
    let (input, bytes) = place.input(4 * LENGTH);
    let (to, server) = echo();
    let output = cat(&input, &to).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = stderr(&output);
    assert!(told.contains(&format!("{} bytes", bytes.len())), "{told}");
    server.join().unwrap();

    let (to, server) = echo();
    let mut command = cat("-", &to);
    command.stdin(File::open(place.path("input")).unwrap());
    command.stdout(File::create(place.path("copy")).unwrap());
    assert_succeeded(&command.output().unwrap());
    assert!(fs::read(place.path("copy")).unwrap() == bytes);
    server.join().unwrap();
}

#[test]
fn answer_that_nobody_reads_ends_cat() {
    let place = Place::new();
    let (_, bytes) = place.input(4 * LENGTH);
    let server = UnixListener::bind(place.path("socket")).unwrap();
    let mut command = cat("-", &place.address("unix", "socket"));
    command.stdin(Stdio::piped());
    let mut client = Running::start(command);
    let (server, _) = server.accept().unwrap();
    drop(client.child().stdout.take());
    // The server sends more than fits, and reads nothing meanwhile.
    let _ = (&server).write_all(&bytes);
    assert_failed(&client.end(), "the standard output");
}

#[test]
fn connection_is_passed_on_in_both_directions() {
    let place = Place::new();
    let server = UnixListener::bind(place.path("behind")).unwrap();
    let (front, behind) = (place.address("unix-listen", "front"), place.address("unix", "behind"));
    let relay = Running::start(cat(&front, &behind));
    wait_for("the relay", || is_socket(&place.path("front")));
    let mut client = UnixStream::connect(place.path("front")).unwrap();
    let (mut server, _) = server.accept().unwrap();
    client.write_all(b"stressed").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut question = String::new();
    server.read_to_string(&mut question).unwrap();
    server.write_all(question.chars().rev().collect::<String>().as_bytes()).unwrap();
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "desserts");
    assert_succeeded(&relay.end());
}

#[test]
fn serial_answers_are_printed_until_the_input_ends() {
    let (line, port) = ringway::serial::pair().unwrap();
    let to = format!("serial:{}", ringway::serial::path(&port).unwrap().display());
    let mut command = cat("-", &to);
    command.stdin(Stdio::piped());
    let mut client = Running::start(command);
    let mut stdin = client.child().stdin.take().unwrap();
    let mut stdout = client.child().stdout.take().unwrap();
    let mut buffer = [0; 2];
    for _ in 0..2 {
        stdin.write_all(b"AT").unwrap();
        ringway::fd::read_exact(&line, &mut &mut buffer[..], None).unwrap();
        assert_eq!(&buffer, b"AT");
        ringway::fd::write_all(&line, &mut &b"OK"[..], None).unwrap();
        stdout.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"OK");
    }
    drop(stdin);
    assert_succeeded(&client.end());
}

#[test]
fn answer_is_not_appended_to_its_input_file() {
    let place = Place::new();
    let (_, bytes) = place.input(1000);
    let (to, _server) = echo();
    let mut command = Command::new("sh");
    let script = r#"exec "$0" cat - "$1" <"$2" >>"$2""#;
    command.args(["-c", script, env!("CARGO_BIN_EXE_ringway"), &to]).arg(place.path("input"));
    let output = Running::start(with_pipes(command)).end();
    assert_failed(&output, "SRC and DST at once");
    assert!(fs::read(place.path("input")).unwrap() == bytes);
}
