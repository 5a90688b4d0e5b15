//! `ringway cat` with the tools that everybody has at the other end: mkfifo and cat, socat, nc. Each both ways.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const LENGTH: u64 = 64 << 20;

struct Place(tempfile::TempDir);

impl Place {
    /// With a file `input` of 64 MiB.
    fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        let mut random = fs::File::open("/dev/urandom").unwrap().take(LENGTH);
        let mut input = fs::File::create(place.path("input")).unwrap();
        assert_eq!(io::copy(&mut random, &mut input).unwrap(), LENGTH);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A shell command, in this place, with `ringway` for the program.
    fn shell(&self, script: &str) -> Running {
        let script =
            format!("ringway() {{ '{}' \"$@\"; }}; {script}", env!("CARGO_BIN_EXE_ringway"));
        let mut command = Command::new("bash");
        command.args(["-c", &script]).current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(Some(command.spawn().unwrap()))
    }

    fn assert_copied(&self) {
        let copy = fs::read(self.path("copy")).unwrap();
        assert_eq!(copy.len(), LENGTH as usize);
        assert!(copy == fs::read(self.path("input")).unwrap(), "the copy differs");
        fs::remove_file(self.path("copy")).unwrap();
    }

    fn wait_for(&self, name: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        while !self.path(name).exists() {
            assert!(Instant::now() < end, "{name} did not come");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A process that does not outlive the test.
struct Running(Option<Child>);

impl Running {
    fn end(mut self) {
        let output: Output = self.0.take().unwrap().wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that nobody uses, found by asking the system for one; for tools that cannot say which one they got.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Whether somebody listens there, without connecting: that would be the one connection.
fn wait_for_listener(port: u16) {
    let entry = format!("0100007F:{port:04X} 00000000:0000 0A");
    let end = Instant::now() + Duration::from_secs(30);
    while !fs::read_to_string("/proc/net/tcp").unwrap().contains(&entry) {
        assert!(Instant::now() < end, "nobody listens on {port}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn mkfifo_and_cat_exchange_a_file_with_it() {
    let place = Place::new();
    place.shell("mkfifo meet").end();
    let other = place.shell("cat meet > copy");
    place.shell("ringway cat file:input fifo:meet").end();
    other.end();
    place.assert_copied();

    let other = place.shell("cat input > meet");
    place.shell("ringway cat fifo:meet file:copy").end();
    other.end();
    place.assert_copied();
}

#[test]
fn socat_exchanges_a_file_with_it_over_a_unix_socket() {
    let place = Place::new();
    let other = place.shell("socat -u UNIX-LISTEN:socket OPEN:copy,creat");
    place.wait_for("socket");
    place.shell("ringway cat file:input unix:socket").end();
    other.end();
    place.assert_copied();

    let other = place.shell("ringway cat unix-listen:mine file:copy");
    place.wait_for("mine");
    place.shell("socat -u OPEN:input UNIX-CONNECT:mine").end();
    other.end();
    place.assert_copied();
}

#[test]
fn socat_exchanges_a_file_with_it_over_an_abstract_socket() {
    let place = Place::new();
    let name = format!("ringway-tools-{}", std::process::id());
    let other = place.shell(&format!("socat -u ABSTRACT-LISTEN:{name} OPEN:copy,creat"));
    let end = Instant::now() + Duration::from_secs(30);
    while !fs::read_to_string("/proc/net/unix").unwrap().contains(&format!("@{name}\n")) {
        assert!(Instant::now() < end, "the abstract name did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
    place.shell(&format!("ringway cat file:input abstract:{name}")).end();
    other.end();
    place.assert_copied();
}

#[test]
fn socat_exchanges_a_file_with_it_over_tcp_both_ways_open() {
    let place = Place::new();
    // Without -u socat keeps its own direction open until it sees our end of file.
    let port = free_port();
    let other = place.shell(&format!("socat TCP-LISTEN:{port},bind=127.0.0.1 OPEN:copy,creat"));
    wait_for_listener(port);
    place.shell(&format!("ringway cat file:input tcp:127.0.0.1:{port}")).end();
    other.end();
    place.assert_copied();
}

#[test]
fn nc_exchanges_a_file_with_it_over_tcp() {
    let place = Place::new();
    let port = free_port();
    let other = place.shell(&format!("nc -l 127.0.0.1 {port} > copy"));
    wait_for_listener(port);
    place.shell(&format!("ringway cat file:input tcp:localhost:{port}")).end();
    other.end();
    place.assert_copied();

    let mut other = place.shell("ringway cat tcp-listen:127.0.0.1:0 file:copy");
    let mut line = String::new();
    let said = other.0.as_mut().unwrap().stderr.as_mut().unwrap();
    BufReader::new(said).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap();
    place.shell(&format!("nc -N 127.0.0.1 {port} < input")).end();
    other.end();
    place.assert_copied();
}
