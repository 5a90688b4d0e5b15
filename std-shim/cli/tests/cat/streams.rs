//! Files and the standard streams: closed ones, identical ones, and errors that must come early.

use super::support::*;
use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

/// Runs a script in which `$0` is the program.
fn script(place: &Place, script: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_ringway")]).current_dir(place.path("."));
    Running::start(with_pipes(command)).end()
}

#[test]
fn closed_standard_stream_is_a_failure() {
    let place = Place::new();
    place.input(10);
    assert_failed(&script(&place, "\"$0\" cat - file:copy <&-"), "the standard input is closed");
    assert_failed(&script(&place, "\"$0\" cat file:input - >&-"), "the standard output is closed");
    assert!(!place.path("copy").exists());
    // A stream that is open only for the other direction is not closed.
    assert_succeeded(&script(&place, "\"$0\" cat - - </dev/null >/dev/null"));
    assert_succeeded(&script(&place, "\"$0\" cat - - <>/dev/null >&0"));
    // An unused stream may be closed.
    assert_succeeded(&script(&place, "\"$0\" cat file:input file:copy <&- >&- 2>&-"));
}

#[test]
fn source_that_is_also_the_destination_is_an_error() {
    let place = Place::new();
    let (_, bytes) = place.input(10);
    for arguments in [
        "cat - - <input >>input",
        "cat file:input - >>input",
        "cat - file:input <input",
        "cat - - <>meet >&0",
        "cat fifo:meet fifo:meet",
    ] {
        let told =
            script(&place, &format!("mkfifo meet 2>/dev/null; ulimit -f 1000; \"$0\" {arguments}"));
        assert_failed(&told, "SRC and DST at once");
        assert!(fs::read(place.path("input")).unwrap() == bytes, "{arguments}");
    }
    // The same terminal, device or socket does not mean the same bytes.
    assert_succeeded(&script(&place, "\"$0\" cat - - </dev/null >/dev/null"));
}

#[test]
fn unwritable_destination_fails_before_any_peer() {
    let place = Place::new();
    for to in ["file:/nonexistent/x", "unix:/nonexistent/x", "serial:/nonexistent/x", "file:/"] {
        let mut waiting = Running::start(cat(&place.address("unix-listen", "socket"), to));
        wait_for("the failure", || waiting.child().try_wait().unwrap().is_some());
        assert_failed(&waiting.end(), "cannot ");
        assert!(!place.path("socket").exists());
    }
}

#[test]
fn missing_source_creates_no_destination() {
    let place = Place::new();
    for from in ["file:/nonexistent/x", "unix:/nonexistent/x", "serial:/nonexistent/x"] {
        assert_failed(&cat(from, &place.address("file", "copy")).output().unwrap(), "cannot ");
        assert!(!place.path("copy").exists(), "{from}");
    }
}

#[test]
fn reader_gets_the_file_as_it_was_when_copied() {
    let place = Place::new();
    // As many bytes as a pipe takes at once.
    let (input, bytes) = place.input(40_000);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = cat(&input, "stdio");
    command.stdout(writer);
    assert_succeeded(&command.output().unwrap());
    drop(command);
    let mut file = File::options().write(true).open(place.path("input")).unwrap();
    file.rewind().unwrap();
    file.write_all(&vec![b'!'; bytes.len()]).unwrap();
    let mut got = Vec::new();
    reader.read_to_end(&mut got).unwrap();
    assert!(got == bytes, "what was written later has arrived");
}

#[test]
fn zero_copy_of_an_unchanged_file_arrives_whole() {
    let place = Place::new();
    let (input, bytes) = place.input(LENGTH);
    let mut command = cat(&input, "stdio");
    command.arg("--zero-copy");
    let output = command.output().unwrap();
    assert_succeeded(&output);
    assert!(output.stdout == bytes);
}

#[test]
fn cat_fails_if_a_name_cannot_be_removed() {
    for (kind, client) in
        [("fifo", "echo some >name"), ("unix-listen", "exec \"$0\" cat - unix:name")]
    {
        for stopped in [false, true] {
            let place = Place::new();
            let folder = place.path(".");
            let command = cat(&place.address(kind, "name"), "stdio");
            let mut waiting = Running::start(with_pipes(without_privileges(command)));
            wait_for(kind, || place.path("name").exists());
            wait_for("a wait", || sleeps(waiting.child().id()));
            fs::set_permissions(&folder, Permissions::from_mode(0o500)).unwrap();
            if stopped {
                let program = rustix::process::Pid::from_child(waiting.child());
                rustix::process::kill_process(program, rustix::process::Signal::TERM).unwrap();
            } else {
                script(&place, client);
            }
            let output = waiting.end();
            fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
            let told = stderr(&output);
            assert!(told.contains("cannot remove ") && told.lines().count() == 1, "{kind}: {told}");
            let expected = if stopped { (None, Some(15)) } else { (Some(1), None) };
            assert_eq!((output.status.code(), output.status.signal()), expected, "{kind}");
        }
    }
}

/// The same command, bound by file modes even for root.
fn without_privileges(command: Command) -> Command {
    if !rustix::process::getuid().is_root() {
        return command;
    }
    let mut bound = Command::new("setpriv");
    bound.arg("--bounding-set=-all").arg(command.get_program()).args(command.get_args());
    bound
}
