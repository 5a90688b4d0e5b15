//! `ringway cat` between every pair of ends that needs no other tool than a shell.

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

/// One `ringway cat` sends a file to `to`, another receives it from `from`, which `is_there` first.
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
fn a_file_goes_through_a_named_pipe_that_neither_side_had_to_make() {
    let place = Place::new();
    let fifo = place.address("fifo", "meet");
    from_one_to_another(&fifo, &fifo, &place, || {
        fs::metadata(place.path("meet")).is_ok_and(|kind| kind.file_type().is_fifo())
    });
    assert!(!place.path("meet").exists(), "who made it removed it");
}

#[test]
fn a_named_pipe_that_was_there_stays() {
    let place = Place::new();
    let made = Command::new("mkfifo").arg(place.path("meet")).status().unwrap();
    assert!(made.success());
    let fifo = place.address("fifo", "meet");
    from_one_to_another(&fifo, &fifo, &place, || true);
    assert!(place.path("meet").exists());
}

#[test]
fn a_file_goes_out_on_a_serial_port_as_it_is() {
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
fn what_comes_on_a_serial_port_goes_into_a_file_until_it_hangs_up() {
    let place = Place::new();
    let (line, port) = serial::pair().unwrap();
    let (_, bytes) = place.input(LENGTH / 8);
    let from = format!("serial:{}", serial::path(&port).unwrap().display());
    let receiver = Running::start(cat(&from, &place.address("file", "copy")));
    // The source is opened first.
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
fn a_serial_port_that_is_none_is_told_apart() {
    let place = Place::new();
    let (input, _) = place.input(1);
    let file = place.address("serial", "input");
    assert_failed(&cat(&input, &file).output().unwrap(), "a regular file");
    let missing = place.address("serial", "missing");
    assert_failed(&cat(&missing, &input).output().unwrap(), "nothing has this name");
}

#[test]
fn a_file_goes_through_a_unix_socket() {
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
fn a_file_goes_through_a_unix_socket_whose_listener_is_the_sender() {
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
fn a_file_goes_through_an_abstract_socket() {
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
fn a_file_goes_through_tcp_to_a_port_that_the_listener_printed() {
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
fn a_command_is_a_source_and_a_destination() {
    let place = Place::new();
    let (_, bytes) = place.input(LENGTH);
    let source = format!("exec:cat '{}'", place.path("input").display());
    let destination = format!("exec:cat > '{}'", place.path("copy").display());
    assert_succeeded(&cat(&source, &destination).output().unwrap());
    // When it ends, the command that it wrote to has ended too.
    assert!(fs::read(place.path("copy")).unwrap() == bytes);
}

#[test]
fn the_standard_input_goes_to_the_standard_output() {
    let place = Place::new();
    let (_, bytes) = place.input(LENGTH);
    // A pipe to a file that is appended to: the kernel refuses to splice into such.
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
fn what_a_source_says_is_passed_on_at_once() {
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
fn a_file_that_was_longer_is_emptied_first() {
    let place = Place::new();
    let (input, bytes) = place.input(10);
    fs::write(place.path("copy"), vec![b'x'; 1000]).unwrap();
    assert_succeeded(&cat(&input, &place.address("file", "copy")).output().unwrap());
    assert_eq!(fs::read(place.path("copy")).unwrap(), bytes);
}

#[test]
fn a_file_is_not_emptied_when_it_is_the_source_too() {
    let place = Place::new();
    let (input, bytes) = place.input(10);
    std::os::unix::fs::symlink(place.path("input"), place.path("again")).unwrap();
    for destination in [&input, &place.address("file", "again")] {
        assert_failed(&cat(&input, destination).output().unwrap(), "SRC and DST at once");
        assert_eq!(fs::read(place.path("input")).unwrap(), bytes);
    }
}

#[test]
fn a_reader_that_leaves_early_is_a_broken_pipe() {
    let place = Place::new();
    let (input, _) = place.input(LENGTH);
    let output = cat(&input, "exec:head -c 10 >/dev/null").output().unwrap();
    assert_failed(&output, "exec:head -c 10 >/dev/null: broken pipe");
    // The same when it is another program's doing, at the standard output.
    let mut sender = Running::start(cat(&input, "stdio"));
    drop(sender.child().stdout.take());
    assert_failed(&sender.end(), "stdio: broken pipe");
}

#[test]
fn a_reader_that_leaves_is_noticed_while_the_source_is_silent() {
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
fn a_reader_that_leaves_a_socket_early_is_told() {
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
fn a_command_that_fails_makes_the_whole_fail() {
    assert_failed(&cat("exec:echo some; exit 3", "stdio").output().unwrap(), "exit status 3");
    assert_failed(&cat("stdio", "exec:cat; exit 4").output().unwrap(), "exit status 4");
    let killed = cat("exec:kill -9 $$", "stdio").output().unwrap();
    assert_failed(&killed, "signal 9");
}

#[test]
fn a_command_that_reads_no_more_does_not_keep_its_source_alive() {
    let began = Instant::now();
    let output = cat("exec:echo some; exec sleep 60", "exec:true").output().unwrap();
    assert_failed(&output, "exec:true: broken pipe");
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn what_is_not_there_is_told_with_what_to_do() {
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
fn a_name_that_is_taken_by_something_else_is_told_and_kept() {
    let place = Place::new();
    let (_, bytes) = place.input(10);
    for kind in ["fifo", "unix-listen"] {
        let output = cat(&place.address(kind, "input"), "stdio").output().unwrap();
        assert_failed(&output, "input");
        assert_eq!(fs::read(place.path("input")).unwrap(), bytes);
    }
}

#[test]
fn an_interrupt_while_it_waits_removes_the_name_that_it_made() {
    let place = Place::new();
    for kind in ["unix-listen", "fifo"] {
        let mut waiting = Running::start(cat(&place.address(kind, "name"), "stdio"));
        wait_for(kind, || place.path("name").exists());
        kill_process(Pid::from_child(waiting.child()), Signal::INT).unwrap();
        let output = waiting.end();
        // Died of it, so that a loop of the shell ends.
        assert_eq!(output.status.signal(), Some(2), "{kind}: {output:?}");
        assert!(!place.path("name").exists(), "{kind}");
        assert!(!place.path(".name.ringway").exists(), "{kind}");
    }
}

#[test]
fn what_a_killed_one_left_is_taken_over_and_removed_by_the_next() {
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
fn an_interrupt_leaves_what_has_taken_the_name_since() {
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
            // It has looked at what it made, and waits for a peer.
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
