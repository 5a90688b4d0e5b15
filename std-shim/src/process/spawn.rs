//! Starting a copy of this program.

use super::entry::{self, Entry};
use super::exec::Exec;
use super::hello::{Hello, MARKER, MAX_DESCRIPTORS};
use super::{Child, parent};
use crate::error::{On, ProcessError, Tried, limit, through_proc};
use crate::socket::UnixSeqpacket;
use crate::sys::memory_file;
use crate::{Error, Result, fd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

/// Starts a copy of this program that begins in `entry`, with this argument and these descriptors.
///
/// The child gets nothing else. The descriptors are handed over: this process closes them, so that
/// their peers see the end when the child closes them. The call does not wait for the child, and
/// works with any number of threads.
///
/// # Errors
/// [`ProcessError::NotRegistered`] if [`main`](fn@super::main) was not called with the entry;
/// [`ProcessError::Ambiguous`] if it was called with several of this name;
/// [`ProcessError::TwoUsers`] while the real and the effective user or group of this process
/// differ; [`Exhausted`](crate::CoreError::Exhausted) if the limit of processes or descriptors is
/// reached; `EINVAL` for more than [`MAX_DESCRIPTORS`]; otherwise the system's error
/// ([execve(2)](https://man7.org/linux/man-pages/man2/execve.2.html)). After an error the
/// descriptors are closed.
///
/// ```
/// use ringway::connection;
/// use ringway::process::{self, Entry};
/// const ECHO: Entry = Entry::new("echo", |mut given| {
///     let ours = given.descriptors.pop().ok_or("I was given no descriptor")?;
///     let ours = connection::Connection::try_from(ours)?;
///     let mut message = Vec::new();
///     ours.recv(&mut message)?;
///     Ok(ours.send(&message)?)
/// });
/// process::main(&[ECHO]);
/// let (ours, theirs) = connection::pair()?;
/// let child = process::spawn(&ECHO, b"", vec![theirs.into()])?;
/// ours.send(b"hello")?;
/// let mut answer = Vec::new();
/// ours.recv(&mut answer)?;
/// assert_eq!(answer, b"hello");
/// assert!(child.join()?.success());
/// # Ok::<(), ringway::Error>(())
/// ```
#[doc(alias = "posix_spawn")]
#[doc(alias = "execve")]
pub fn spawn(entry: &Entry, argument: &[u8], descriptors: Vec<OwnedFd>) -> Result<Child> {
    Options::new().spawn(entry, argument, descriptors)
}

/// How to start a child: its standard streams, and whether it ends with its parent.
///
/// ```
/// use ringway::process::{self, Entry, Options};
/// const WORK: Entry = Entry::new("work", |_| {
///     print!("{}", std::io::read_to_string(std::io::stdin())?);
///     Ok(())
/// });
/// process::main(&[WORK]);
/// let (input, to_child) = ringway::pipe::pipe()?;
/// let (from_child, output) = ringway::pipe::pipe()?;
/// let log = tempfile::tempfile().unwrap();
/// let options = Options::new().stdin(input).stdout(output).stderr(log).end_with_parent(false);
/// let child = options.spawn(&WORK, b"", vec![])?;
/// to_child.write_all(b"there and back")?;
/// drop(to_child);
/// assert_eq!(std::io::read_to_string(from_child).unwrap(), "there and back");
/// child.detach(); // now it may run as long as it likes
/// # Ok::<(), ringway::Error>(())
/// ```
#[derive(Debug)]
pub struct Options {
    tied: bool,
    streams: [Option<OwnedFd>; 3],
}

impl Options {
    /// The defaults: the child ends with its parent, has an empty input, and writes where the
    /// parent does.
    pub const fn new() -> Self {
        Options { tied: true, streams: [None, None, None] }
    }

    /// Sets whether the child is killed when this process ends, however it ends.
    ///
    /// It is, by default. A child may free itself: [`outlive_parent`](super::outlive_parent).
    pub const fn end_with_parent(mut self, on: bool) -> Self {
        self.tied = on;
        self
    }

    /// Sets the child's standard input, which is empty by default.
    pub fn stdin(mut self, stdin: impl Into<OwnedFd>) -> Self {
        self.streams[0] = Some(stdin.into());
        self
    }

    /// Sets the child's standard output, which is this process's by default.
    pub fn stdout(mut self, stdout: impl Into<OwnedFd>) -> Self {
        self.streams[1] = Some(stdout.into());
        self
    }

    /// Sets the child's standard error, which is this process's by default.
    pub fn stderr(mut self, stderr: impl Into<OwnedFd>) -> Self {
        self.streams[2] = Some(stderr.into());
        self
    }

    /// Starts a child as [`spawn`](fn@super::spawn) does, with these options.
    ///
    /// # Errors
    /// As [`spawn`](fn@super::spawn).
    pub fn spawn(self, entry: &Entry, argument: &[u8], descriptors: Vec<OwnedFd>) -> Result<Child> {
        let may = entry::check_registered(entry).and_then(|()| check_one_user());
        may.tried(START).on(entry.name())?;
        if descriptors.len() > MAX_DESCRIPTORS {
            return Err(Error::new("give a child more than 251 descriptors", Errno::INVAL));
        }
        super::child::reap_detached();

        // Sends everything before the child exists, so that neither process waits for the other.
        let (ours, theirs) = UnixSeqpacket::pair()?;
        let theirs = beyond_standard(theirs.into())?;
        let reader = if self.tied { Some(beyond_standard(parent::open_reader()?)?) } else { None };
        let number = reader.as_ref().map(AsRawFd::as_raw_fd);
        let hello = Hello { reader: number, argument: !argument.is_empty() };
        let mut own = vec![parent::this_process()?];
        if hello.argument {
            own.push(file_of(argument)?);
        }
        let all: Vec<_> = own.iter().chain(&descriptors).map(AsFd::as_fd).collect();
        ours.send_descriptors(&hello.emit(), &all, None)?;

        let program = std::env::args_os().next().unwrap_or_else(|| entry.name().into());
        let number = theirs.as_raw_fd().to_string();
        let arguments = [program.into_vec(), MARKER.into(), number.into(), entry.name().into()]
            .map(CString::new)
            .into_iter()
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|_| Errno::INVAL)
            .tried(START)
            .on(entry.name())?;
        // A descriptor of the caller's may have a number from 0 to 2. The child replaces those one
        // by one, and so could lose it.
        let [stdin, stdout, stderr] =
            self.streams.map(|stream| stream.map(beyond_standard).transpose());
        let streams = [Some(stdin?.map_or_else(nothing, Ok)?), stdout?, stderr?];
        let exec = Exec {
            arguments: &arguments,
            streams: streams.each_ref().map(|stream| stream.as_ref().map(AsFd::as_fd)),
            socket: theirs.as_fd(),
            reader: reader.as_ref().map(AsFd::as_fd),
        };
        let (pid, pidfd) = exec.start().map_err(not_started).on(entry.name())?;
        Ok(Child::new(pid, pidfd))
    }
}

impl Default for Options {
    fn default() -> Self {
        Options::new()
    }
}

const START: &str = "start a process for the entry";

fn not_started(errno: Errno) -> Error {
    match errno {
        // This program is executed by its name in `/proc`.
        Errno::NOENT => through_proc(START, errno),
        errno => Error::new(START, limit(errno)),
    }
}

/// The same open file under a number above 2: the child replaces the standard streams.
fn beyond_standard(fd: OwnedFd) -> Result<OwnedFd> {
    if fd.as_raw_fd() > 2 { Ok(fd) } else { fd::duplicate(&fd) }
}

/// Checks that a copy of this program would begin with the same rights as this process. It would
/// otherwise begin as a set-user-ID program, which [`main`](fn@super::main) refuses.
fn check_one_user() -> std::result::Result<(), ProcessError> {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    let is_one = getuid() == geteuid() && getgid() == getegid();
    if is_one { Ok(()) } else { Err(ProcessError::TwoUsers) }
}

/// Opens an empty input.
fn nothing() -> Result<OwnedFd> {
    rustix::fs::open(c"/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .tried("open")
        .on("/dev/null")
        .and_then(beyond_standard)
}

/// Stores the argument in a memory file, which may be of any size and exists before the child.
fn file_of(argument: &[u8]) -> Result<OwnedFd> {
    const STORE: &str = "store the argument";
    let file = memory_file("ringway-argument", STORE)?;
    fd::write_all_by(&mut { argument }, |rest| {
        fd::retry(|| fd::sigpipe::without_xfsz(|| rustix::io::write(&file, rest)))
            .map_err(|errno| crate::error::too_large(STORE, errno))
    })?;
    Ok(file)
}
