//! `ringway cat` between every pair of ends that needs no tool but a shell.

mod commands;
mod sockets;
mod streams;
mod support;

use ringway::serial;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::*;

/// Sends files with one cat to `to`, and receives them with another from `from`.
///
/// The sender starts once `is_there` returns true.
fn from_one_to_another(from: &str, to: &str, place: &Place, is_there: impl Fn() -> bool) {
    for length in [0, 1, LENGTH] {
        let (input, bytes) = place.input(length);
        let receiver = Running::start(cat(from, &place.address("file", "copy")));
        wait_for(from, &is_there);
        assert_succeeded(&cat(&input, to).output().unwrap());
        assert_succeeded(&receiver.end());
        assert!(fs::read(place.path("copy")).unwrap() == bytes, "{length} bytes over {from}");
    }
}

#[test]
fn fifo_is_created_used_and_removed_by_cat() {
    let place = Place::new();
    let fifo = place.address("fifo", "meet");
    from_one_to_another(&fifo, &fifo, &place, || {
        fs::metadata(place.path("meet")).is_ok_and(|kind| kind.file_type().is_fifo())
    });
    assert!(!place.path("meet").exists(), "who made it removed it");
}

#[test]
fn existing_fifo_stays() {
    let place = Place::new();
    let made = Command::new("mkfifo").arg(place.path("meet")).status().unwrap();
    assert!(made.success());
    let fifo = place.address("fifo", "meet");
    from_one_to_another(&fifo, &fifo, &place, || true);
    assert!(place.path("meet").exists());
}

#[test]
fn file_to_a_serial_port_arrives_unchanged() {
    let place = Place::new();
    let (line, port) = serial::pair().unwrap();
    let before = port.speed().unwrap();
    let (input, bytes) = place.input(LENGTH / 8);
    let to = format!("serial:{},57600", serial::path(&port).unwrap().display());
    let sender = Running::start(cat(&input, &to));
    let mut copy = vec![0; bytes.len()];
    ringway::fd::read_exact(&line, &mut &mut copy[..], None).unwrap();
    assert_succeeded(&sender.end());
    assert!(copy == bytes, "not what was sent");
    assert_eq!(port.speed().unwrap(), before, "the port is as it was");
}

#[test]
fn serial_port_to_a_file_ends_at_the_hang_up() {
    let place = Place::new();
    let (line, port) = serial::pair().unwrap();
    let (_, bytes) = place.input(LENGTH / 8);
    let from = format!("serial:{}", serial::path(&port).unwrap().display());
    let receiver = Running::start(cat(&from, &place.address("file", "copy")));
    // The source is opened before the copy is created.
    wait_for("the copy", || place.path("copy").exists());
    ringway::fd::write_all(&line, &mut &bytes[..], None).unwrap();
    wait_for("the end of the copy", || {
        fs::metadata(place.path("copy")).is_ok_and(|copy| copy.len() == bytes.len() as u64)
    });
    drop(line);
    assert_succeeded(&receiver.end());
    assert!(fs::read(place.path("copy")).unwrap() == bytes, "not what was sent");
}

#[test]
fn non_serial_port_is_an_error() {
    let place = Place::new();
    let (input, _) = place.input(1);
    let file = place.address("serial", "input");
    assert_failed(&cat(&input, &file).output().unwrap(), "a regular file");
    let missing = place.address("serial", "missing");
    assert_failed(&cat(&missing, &input).output().unwrap(), "nothing has this name");
}

#[test]
fn file_arrives_through_a_unix_socket() {
    let place = Place::new();
    from_one_to_another(
        &place.address("unix-listen", "socket"),
        &place.address("unix", "socket"),
        &place,
        || is_socket(&place.path("socket")),
    );
    assert!(!place.path("socket").exists());
}

#[test]
fn file_arrives_from_a_listening_unix_socket() {
    let place = Place::new();
    let (input, bytes) = place.input(LENGTH);
    let sender = Running::start(cat(&input, &place.address("unix-listen", "socket")));
    wait_for("the socket", || is_socket(&place.path("socket")));
    let output = cat(&place.address("unix", "socket"), "stdio").output().unwrap();
    assert_succeeded(&output);
    assert_succeeded(&sender.end());
    assert!(output.stdout == bytes);
}

#[test]
fn file_arrives_through_an_abstract_socket() {
    let place = Place::new();
    let name = format!("ringway-test-{}", std::process::id());
    let is_there = || fs::read_to_string("/proc/net/unix").unwrap().contains(&format!("@{name}\n"));
    from_one_to_another(
        &format!("abstract-listen:{name}"),
        &format!("abstract:{name}"),
        &place,
        is_there,
    );
}

#[test]
fn file_arrives_through_tcp_at_a_printed_port() {
    let place = Place::new();
    for length in [0, 1, LENGTH] {
        let (input, bytes) = place.input(length);
        let mut receiver =
            Running::start(cat("tcp-listen:127.0.0.1:0", &place.address("file", "copy")));
        let mut line = String::new();
        let mut said = BufReader::new(receiver.child().stderr.take().unwrap());
        said.read_line(&mut line).unwrap();
        let to = line.strip_prefix("ringway: listening on ").unwrap().trim();
        assert_succeeded(&cat(&input, to).output().unwrap());
        assert!(receiver.end().status.success());
        assert!(fs::read(place.path("copy")).unwrap() == bytes);
    }
}

#[test]
fn command_works_as_source_and_destination() {
    let place = Place::new();
    let (_, bytes) = place.input(LENGTH);
    let source = format!("exec:cat '{}'", place.path("input").display());
    let destination = format!("exec:cat > '{}'", place.path("copy").display());
    assert_succeeded(&cat(&source, &destination).output().unwrap());
    // When cat has ended, so has the command that it wrote to.
    assert!(fs::read(place.path("copy")).unwrap() == bytes);
}

#[test]
fn standard_input_arrives_at_standard_output() {
    let place = Place::new();
    let (_, bytes) = place.input(LENGTH);
    // Cat writes to a file opened for appending: the kernel refuses to splice into it.
    fs::write(place.path("copy"), "before").unwrap();
    let append = OpenOptions::new().append(true).open(place.path("copy")).unwrap();
    let mut both = Running::start({
        let mut command = cat("-", "-");
        command.stdin(Stdio::piped()).stdout(append);
        command
    });
    let mut stdin = both.child().stdin.take().unwrap();
    stdin.write_all(&bytes).unwrap();
    drop(stdin);
    assert_succeeded(&both.end());
    let copy = fs::read(place.path("copy")).unwrap();
    assert!(copy.strip_prefix(b"before").is_some_and(|copy| copy == bytes));
}

#[test]
fn source_bytes_are_passed_on_at_once() {
    let mut both = Running::start({
        let mut command = cat("stdio", "exec:cat");
        command.stdin(Stdio::piped());
        command
    });
    let mut stdin = both.child().stdin.take().unwrap();
    let mut stdout = both.child().stdout.take().unwrap();
    let mut answer = [0; 4];
    for word in [b"ping", b"pong"] {
        stdin.write_all(word).unwrap();
        stdout.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, word);
    }
    drop(stdin);
    assert_succeeded(&both.end());
}

#[test]
fn longer_destination_file_is_emptied_first() {
    let place = Place::new();
    let (input, bytes) = place.input(10);
    fs::write(place.path("copy"), vec![b'x'; 1000]).unwrap();
    assert_succeeded(&cat(&input, &place.address("file", "copy")).output().unwrap());
    assert_eq!(fs::read(place.path("copy")).unwrap(), bytes);
}

#[test]
fn file_that_is_also_the_source_is_not_emptied() {
    let place = Place::new();
    let (input, bytes) = place.input(10);
    std::os::unix::fs::symlink(place.path("input"), place.path("again")).unwrap();
    for destination in [&input, &place.address("file", "again")] {
        assert_failed(&cat(&input, destination).output().unwrap(), "SRC and DST at once");
        assert_eq!(fs::read(place.path("input")).unwrap(), bytes);
    }
}

#[test]
fn reader_that_leaves_early_is_a_broken_pipe() {
    let place = Place::new();
    let (input, _) = place.input(LENGTH);
    let output = cat(&input, "exec:head -c 10 >/dev/null").output().unwrap();
    assert_failed(&output, "exec:head -c 10 >/dev/null: broken pipe");
    // The same when another program closes the standard output.
    let mut sender = Running::start(cat(&input, "stdio"));
    drop(sender.child().stdout.take());
    assert_failed(&sender.end(), "stdio: broken pipe");
}

#[test]
fn leaving_reader_is_noticed_under_a_silent_source() {
    let mut both = Running::start({
        let mut command = cat("stdio", "stdio");
        command.stdin(Stdio::piped());
        command
    });
    let silent = both.child().stdin.take();
    drop(both.child().stdout.take());
    assert_failed(&both.end(), "broken pipe");
    drop(silent);
}

#[test]
fn socket_reader_that_leaves_early_is_an_error() {
    let place = Place::new();
    let (input, _) = place.input(LENGTH);
    let destination = format!("exec:head -c 10 >'{}'", place.path("copy").display());
    let receiver = Running::start(cat(&place.address("unix-listen", "socket"), &destination));
    wait_for("the socket", || is_socket(&place.path("socket")));
    let output = cat(&input, &place.address("unix", "socket")).output().unwrap();
    assert_failed(&output, "unix:");
    assert_failed(&receiver.end(), "broken pipe");
}

#[test]
fn failing_command_fails_cat() {
    assert_failed(&cat("exec:echo some; exit 3", "stdio").output().unwrap(), "exit status 3");
    assert_failed(&cat("stdio", "exec:cat; exit 4").output().unwrap(), "exit status 4");
    let killed = cat("exec:kill -9 $$", "stdio").output().unwrap();
    assert_failed(&killed, "signal 9");
}

#[test]
fn ended_destination_command_ends_its_source() {
    let began = Instant::now();
    let output = cat("exec:echo some; exec sleep 60", "exec:true").output().unwrap();
    assert_failed(&output, "exec:true: broken pipe");
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn missing_ends_are_errors_that_say_what_to_do() {
    let place = Place::new();
    let nothing = place.address("file", "nothing");
    assert_failed(&cat(&nothing, "stdio").output().unwrap(), "check the spelling");
    let nothing = place.address("unix", "nothing");
    assert_failed(&cat(&nothing, "stdio").output().unwrap(), "make it first");
    assert_failed(&cat("stdio", "file:/nonexistent/x").output().unwrap(), "check the spelling");
    // Nobody listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = cat(&format!("tcp:127.0.0.1:{port}"), "stdio").output().unwrap();
    assert_failed(&output, "nobody listens there");
}

#[test]
fn name_taken_by_another_file_is_an_error_and_stays() {
    let place = Place::new();
    let (_, bytes) = place.input(10);
    for kind in ["fifo", "unix-listen"] {
        let output = cat(&place.address(kind, "input"), "stdio").output().unwrap();
        assert_failed(&output, "input");
        assert_eq!(fs::read(place.path("input")).unwrap(), bytes);
    }
}

#[test]
fn interrupted_wait_removes_the_created_name() {
    let place = Place::new();
    for kind in ["unix-listen", "fifo"] {
        let mut waiting = Running::start(cat(&place.address(kind, "name"), "stdio"));
        wait_for(kind, || place.path("name").exists());
        kill_process(Pid::from_child(waiting.child()), Signal::INT).unwrap();
        let output = waiting.end();
        // Cat died of the signal, so that a shell's loop ends.
        assert_eq!(output.status.signal(), Some(2), "{kind}: {output:?}");
        assert!(!place.path("name").exists(), "{kind}");
        assert!(!place.path(".name.ringway").exists(), "{kind}");
    }
}

#[test]
fn next_cat_takes_over_a_killed_ones_name() {
    let place = Place::new();
    for kind in ["unix-listen", "fifo"] {
        for signal in [Signal::KILL, Signal::INT] {
            let mut waiting = Running::start(cat(&place.address(kind, "name"), "stdio"));
            wait_for(kind, || place.path("name").exists());
            wait_for("a wait", || sleeps(waiting.child().id()));
            kill_process(Pid::from_child(waiting.child()), signal).unwrap();
            waiting.end();
            assert_eq!(place.path("name").exists(), signal == Signal::KILL, "{kind}");
        }
        assert!(!place.path(".name.ringway").exists(), "{kind}");
    }
}

#[test]
fn interrupt_keeps_what_has_taken_the_name_since() {
    let place = Place::new();
    type Other = (&'static str, fn(&Path));
    let others: [Other; 3] = [
        ("another FIFO", |name| {
            assert!(Command::new("mkfifo").arg(name).status().unwrap().success());
        }),
        ("another socket", |name| drop(std::os::unix::net::UnixListener::bind(name).unwrap())),
        ("a folder with something in it", |name| {
            fs::create_dir(name).unwrap();
            fs::write(name.join("of another program"), "precious").unwrap();
        }),
    ];
    for kind in ["unix-listen", "fifo"] {
        for (what, take) in others {
            let name = place.path("name");
            let mut waiting = Running::start(cat(&place.address(kind, "name"), "stdio"));
            wait_for(kind, || name.exists());
            // Cat has opened what it made, and waits for a peer.
            wait_for("a wait", || sleeps(waiting.child().id()));
            fs::rename(&name, place.path("moved")).unwrap();
            take(&name);
            kill_process(Pid::from_child(waiting.child()), Signal::INT).unwrap();
            let output = waiting.end();
            assert_eq!(output.status.signal(), Some(2), "{kind}: {output:?}");
            assert!(name.exists(), "{kind}: {what} was removed");
            fs::rename(&name, place.path(&format!("{kind}, {what}"))).unwrap();
        }
    }
    let folder = place.path("fifo, a folder with something in it");
    assert_eq!(fs::read_to_string(folder.join("of another program")).unwrap(), "precious");
}
