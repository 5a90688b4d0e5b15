//! The child's side: the functions that a copy of this program may begin in, and how it gets there.

use super::hello::{Hello, MARKER, MAX_DESCRIPTORS};
use super::parent;
use crate::error::{ProcessError, Tried};
use crate::fd::Timeout;
use crate::signal;
use crate::socket::UnixSeqpacket;
use crate::sys::errno;
use crate::{Error, Result};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, sockopt};
use std::ffi::{CString, OsString};
use std::io::{Read, Seek, Write};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

/// What an entry returns: `Ok` is the exit code 0, an error is printed and is the exit code 1. For
/// another code call [`std::process::exit`]. [`EntryArgs`] has an example.
pub type EntryResult = std::result::Result<(), Box<dyn std::error::Error>>;

/// What the parent handed to a child: see [`spawn`](super::spawn).
///
/// ```
/// use ringway::process::{EntryArgs, EntryResult};
/// fn work(mut given: EntryArgs) -> EntryResult {
///     let text = std::str::from_utf8(&given.argument)?; // any error will do
///     let connection = given.descriptors.pop().ok_or("I was given no descriptor")?;
///     println!("{text}, {connection:?}");
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct EntryArgs {
    /// The argument.
    pub argument: Vec<u8>,
    /// The descriptors, in the order in which they were handed over; close-on-exec.
    pub descriptors: Vec<OwnedFd>,
}

/// A function that a child may begin in, and the name by which the child finds it. The name stands
/// in the child's command line, for `ps(1)`.
///
/// ```
/// use ringway::process::{self, Entry};
/// const WORK: Entry = Entry::new("work", |given| match given.argument.len() {
///     0 => Err("nothing to do".into()), // the exit code 1
///     many => std::process::exit(many as i32),
/// });
/// process::main(&[WORK]);
/// assert_eq!(WORK.name(), "work");
/// let child = process::spawn(&WORK, b"four", vec![])?;
/// assert_eq!(child.join()?.code(), Some(4));
/// # Ok::<(), ringway::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    name: &'static str,
    run: fn(EntryArgs) -> EntryResult,
}

impl Entry {
    /// An entry of this name, which has to be unique in the program.
    pub const fn new(name: &'static str, run: fn(EntryArgs) -> EntryResult) -> Self {
        Entry { name, run }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();

/// Registers the functions that children may begin in. Call it first in `main`, with all of them.
///
/// In a process that [`spawn`](super::spawn) started it does not return: it takes over what was
/// handed to this process, runs the entry and exits. What stands before the call runs in every
/// child too. In any other process it only takes note of the entries. The first call counts. A
/// program that runs with more rights than its user has runs no entry: see [the module](super).
///
/// A child whose parent ended before it came so far ends here, quietly.
///
/// [`Entry`] has an example.
pub fn main(entries: &[Entry]) {
    // What was handed to this process is taken once, whoever calls again.
    if ENTRIES.set(entries.to_vec()).is_err() {
        return;
    }
    let Some(call) = Call::of(std::env::args_os()) else { return };
    let program = std::env::args_os().next().unwrap_or_default();
    let code = match begin(entries, call) {
        Ok((entry, given)) => {
            // Otherwise `ps(1)` would have every child's name from the path it was executed by:
            // "exe".
            let name =
                Path::new(&program).file_name().and_then(|it| CString::new(it.as_bytes()).ok());
            let _ = name.map(|name| rustix::thread::set_name(&name));
            run(entry, given)
        }
        Err(error) => {
            // Standard error may be closed, and there is nobody else to tell.
            let _ = writeln!(std::io::stderr(), "{error}");
            NOT_BEGUN
        }
    };
    std::process::exit(code)
}

/// The exit code of a child that was not started as one is.
const NOT_BEGUN: i32 = 125;

/// Checks that a copy of this program would find the entry.
pub(super) fn check_registered(entry: &Entry) -> std::result::Result<(), ProcessError> {
    let entries = ENTRIES.get().map_or(&[][..], Vec::as_slice);
    match entries.iter().filter(|known| known.name == entry.name).count() {
        0 => Err(ProcessError::NotRegistered),
        1 => Ok(()),
        _ => Err(ProcessError::Ambiguous),
    }
}

fn run(entry: Entry, given: EntryArgs) -> i32 {
    // The process ends right after, so that nobody sees what a panic left half done.
    let run = std::panic::AssertUnwindSafe(move || (entry.run)(given));
    match std::panic::catch_unwind(run) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            let _ = writeln!(std::io::stderr(), "{}: {error}", entry.name);
            1
        }
        Err(_) => 101,
    }
}

const BEGIN: &str = "begin as a child process";

/// What a child's command line says. Anything may stand in the command line of a program that
/// nobody spawned: this is one of a child only if the descriptor that it names is such a socket as
/// a parent hands over.
struct Call {
    socket: RawFd,
    name: OsString,
}

impl Call {
    fn of(mut arguments: impl Iterator<Item = OsString>) -> Option<Call> {
        arguments.next()?;
        let [marker, socket, name] = [arguments.next()?, arguments.next()?, arguments.next()?];
        let socket = socket.to_str()?.parse().ok()?;
        let is_call = marker == MARKER && arguments.next().is_none() && is_parents_socket(socket);
        is_call.then_some(Call { socket, name })
    }
}

/// Whether there is a descriptor of this number that a parent may have handed over. It stays open.
fn is_parents_socket(number: RawFd) -> bool {
    let Some(fd) = borrow(number) else { return false };
    sockopt::socket_domain(fd) == Ok(AddressFamily::UNIX)
        && sockopt::socket_type(fd) == Ok(SocketType::SEQPACKET)
}

/// Finds the entry, and takes over what the parent handed to it.
fn begin(entries: &[Entry], call: Call) -> Result<(Entry, EntryArgs)> {
    // SAFETY: it asks for a number that the kernel gave this process at its start.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return Err(Error::new(BEGIN, ProcessError::Privileged));
    }
    let name = call.name;
    let entry = entries
        .iter()
        .find(|entry| name == entry.name)
        .ok_or_else(|| Error::new(BEGIN, ProcessError::NotRegistered).on(name.to_string_lossy()))?;
    // It was started with all of them blocked.
    signal::set_mask(signal::SignalSet::empty())?.keep();
    let wrong = || Error::new(BEGIN, Errno::PROTO).on("without the message of a parent");
    let socket = UnixSeqpacket::try_from(take(call.socket).ok_or_else(wrong)?)?;
    // The kernel notes who makes a pair of sockets. Another user must not choose what runs here.
    if socket.peer_credentials()?.uid != rustix::process::geteuid().as_raw() {
        return Err(Error::new(BEGIN, Errno::PERM).on("for another user"));
    }
    let mut message = [0; Hello::SIZE];
    // It was sent before this process was there.
    let received =
        socket.recv_all_rights(&mut message, MAX_DESCRIPTORS + Hello::OWN, Timeout::Now)?;
    let hello = message.get(..received.size).and_then(Hello::parse).ok_or_else(wrong)?;

    let mut descriptors = received.descriptors.into_iter();
    parent::set(descriptors.next().ok_or_else(wrong)?);
    if let Some(held) = hello.held {
        let held = take(held).ok_or_else(wrong)?;
        crate::fd::set_close_on_exec(&held, true)?;
        parent::hold(held);
    }
    let mut argument = Vec::new();
    if hello.argument {
        argument = contents(descriptors.next().ok_or_else(wrong)?)?;
    }
    Ok((*entry, EntryArgs { argument, descriptors: descriptors.collect() }))
}

/// The descriptor that the parent handed over under this number, if there is such a one. Each is
/// taken once.
fn take(number: RawFd) -> Option<OwnedFd> {
    borrow(number)?;
    // SAFETY: it is open, and was when this program began: by the command line and by the parent's
    // message it is one that was left open for this. Nothing else here knows of it.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The descriptor of this number, if it is open and none of the standard streams.
fn borrow(number: RawFd) -> Option<BorrowedFd<'static>> {
    if number <= 2 {
        return None;
    }
    // SAFETY: it is above zero, and used for calls that fail if no such descriptor is open. Nothing
    // here closes one that it did not take.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_getfd(borrowed).ok()?;
    Some(borrowed)
}

/// The whole of a file whose position is wherever the writer left it.
fn contents(file: OwnedFd) -> Result<Vec<u8>> {
    let (mut file, mut argument) = (std::fs::File::from(file), Vec::new());
    let read = file.rewind().and_then(|()| file.read_to_end(&mut argument));
    read.map_err(|error| errno(&error)).tried("read the argument")?;
    Ok(argument)
}
