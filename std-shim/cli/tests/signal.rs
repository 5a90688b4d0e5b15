//! `ringway signal`: both commands together, and with the shell's `kill` as the sender.

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

/// The program with the signals that end it at their defaults, as in a terminal.
///
/// A shell's background job ignores some of them.
fn ringway(args: &[&str]) -> Command {
    started_with("--default-signal=INT,TERM,HUP", args)
}

fn started_with(signals: &str, args: &[&str]) -> Command {
    let mut command = Command::new("env");
    command.args([signals, env!("CARGO_BIN_EXE_ringway"), "signal"]).args(args);
    command
}

/// A watch that does not outlive the test.
struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    errors: BufReader<ChildStderr>,
}

impl Watch {
    /// Starts a watch; returns when it is watching, so that it gets every later signal.
    fn start(args: &[&str]) -> Self {
        let mut command = ringway(&["watch"]);
        command.args(args);
        Self::start_as(command)
    }

    fn start_as(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        errors.read_line(&mut told).unwrap();
        let expected = format!("in process {}\n", child.id());
        assert!(told.starts_with("watching SIG") && told.ends_with(&expected), "{told}");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Watch { child, lines, errors }
    }

    fn send(&self, args: &[&str]) -> u32 {
        let mut command = ringway(&["send"]);
        let mut sender = command.args(args).arg(self.child.id().to_string()).spawn().unwrap();
        assert!(sender.wait().unwrap().success());
        sender.id()
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("another line").unwrap()
    }

    /// Asserts that nothing more was printed and that it ended well.
    fn ends(mut self) {
        assert!(self.lines.next().is_none());
        assert!(self.child.wait().unwrap().success());
    }

    /// Asserts that nothing more was printed and that it died of this signal.
    ///
    /// Returns what it reported about that.
    fn dies_of(mut self, signal: i32) -> String {
        assert!(self.lines.next().is_none());
        assert_eq!(self.child.wait().unwrap().signal(), Some(signal));
        std::io::read_to_string(&mut self.errors).unwrap()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn user() -> u32 {
    rustix::process::getuid().as_raw()
}

#[test]
fn watch_prints_sender_and_value() {
    let mut watch = Watch::start(&["USR1", "SIGRTMIN+1"]);
    let user = user();
    let sender = watch.send(&["usr1"]);
    assert_eq!(watch.line(), format!("SIGUSR1 from process {sender} of user {user}"));
    for value in ["42", "-7", "0", "2147483647"] {
        let sender = watch.send(&["--value", value, "RTMIN+1"]);
        let expected = format!("SIGRTMIN+1 from process {sender} of user {user}, value {value}");
        assert_eq!(watch.line(), expected);
    }
    let sender = watch.send(&["--value", "4294967298", "10"]);
    let expected = format!("SIGUSR1 from process {sender} of user {user}, value 2 (0x100000002)");
    assert_eq!(watch.line(), expected);
    watch.send(&["INT"]);
    assert_eq!(watch.dies_of(2), "");
}

#[test]
fn watch_ends_after_its_count_and_keeps_order() {
    let mut watch = Watch::start(&["--count", "5", "RTMIN"]);
    for value in 0..5 {
        watch.send(&["-v", &value.to_string(), "RTMIN"]);
    }
    for value in 0..5 {
        assert!(watch.line().ends_with(&format!(", value {value}")));
    }
    watch.ends();
}

#[test]
fn watched_signals_from_kill_do_not_end_the_watch() {
    let mut watch = Watch::start(&["-c2", "TERM", "INT"]);
    for name in ["TERM", "INT"] {
        let script = format!("kill -{name} {}; echo $$", watch.child.id());
        let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
        let pid = String::from_utf8(shell.stdout).unwrap();
        let expected = format!("SIG{name} from process {} of user {}", pid.trim(), user());
        assert_eq!(watch.line(), expected);
    }
    watch.ends();
}

#[test]
fn term_and_hup_end_the_watch() {
    for (name, number) in [("TERM", 15), ("HUP", 1)] {
        let watch = Watch::start(&["USR1"]);
        watch.send(&[name]);
        assert_eq!(watch.dies_of(number), "");
    }
}

#[test]
fn watch_that_misses_its_count_fails() {
    let mut watch = Watch::start(&["--count", "3", "USR1"]);
    watch.send(&["USR1"]);
    watch.line();
    watch.send(&["TERM"]);
    assert_eq!(watch.dies_of(15), "ringway: stopped by SIGTERM: 1 of 3 signals came\n");
}

#[test]
fn signals_ignored_at_start_do_not_end_the_watch() {
    let watch = started_with("--ignore-signal=HUP,INT", &["watch", "--count", "1", "USR1"]);
    let mut watch = Watch::start_as(watch);
    watch.send(&["HUP"]);
    watch.send(&["INT"]);
    watch.send(&["USR1"]);
    assert!(watch.line().starts_with("SIGUSR1 "));
    watch.ends();
}

#[test]
fn send_failures_are_reported_in_one_line() {
    fn told(output: Output) -> String {
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.lines().count(), 1, "{told}");
        told
    }
    let kill = told(ringway(&["watch", "USR1", "KILL"]).output().unwrap());
    assert!(kill.contains("cannot block SIGKILL: no program can"), "{kill}");
    // A number larger than any pid on Linux (2^22).
    let nobody = told(ringway(&["send", "TERM", "1073741824"]).output().unwrap());
    assert!(nobody.contains("no") && nobody.contains("1073741824"), "{nobody}");
}
