//! The running program, and a folder for its files.

use ringway::fd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Bytes to send: longer than any buffer on the way, and no round size.
pub const LENGTH: usize = (5 << 20) + 12_347;

/// The `cat` command with an empty standard input.
pub fn cat(source: &str, destination: &str) -> Command {
    // A shell's background job ignores interrupts, and so would everything that the test starts.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_ringway")]);
    command.args(["cat", source, destination]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A process that does not outlive the test.
pub struct Running(Option<Child>);

impl Running {
    pub fn start(mut command: Command) -> Self {
        let child = command.spawn().unwrap();
        // If the process hangs, killing it fails the test.
        let watched = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        std::thread::spawn(move || {
            let end = Instant::now() + Duration::from_secs(100);
            if fd::wait_deadline(&watched, fd::Interest::Read, Some(end)).is_err() {
                let _ = pidfd_send_signal(&watched, Signal::KILL);
            }
        });
        Running(Some(child))
    }

    pub fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    pub fn end(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
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

/// A folder for the files of a test.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// An address of this kind for a path in the folder.
    pub fn address(&self, kind: &str, name: &str) -> String {
        format!("{kind}:{}", self.path(name).display())
    }

    /// A file of bytes without a pattern that a block size could hide.
    pub fn input(&self, length: usize) -> (String, Vec<u8>) {
        let bytes: Vec<u8> =
            (0..length as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        fs::write(self.path("input"), &bytes).unwrap();
        (self.address("file", "input"), bytes)
    }
}

/// The standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts exit status 1, and one line on the standard error that contains `expected`.
pub fn assert_failed(output: &Output, expected: &str) {
    let told = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("ringway: ") && told.contains(expected), "{told}");
}

/// Asserts success and an empty standard error.
pub fn assert_succeeded(output: &Output) {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "quiet outside a terminal: {}", stderr(output));
}

/// Waits until `is_there` returns true.
pub fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_there() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether a process sleeps in the kernel.
pub fn sleeps(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" S"))
}

/// Whether there is a socket at this path.
pub fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|kind| kind.file_type().is_socket())
}

/// The command with an empty standard input, and with pipes for both outputs.
pub fn with_pipes(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The same command, started with other dispositions of signals, in the options of `env`.
pub fn with_signals(option: &str, command: &Command) -> Command {
    let mut other = Command::new("env");
    other.arg(option).arg(command.get_program()).args(command.get_args());
    with_pipes(other)
}
