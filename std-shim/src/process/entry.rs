//! The child's side: entries, in which a copy of this program may begin, and the way to them.

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

/// What an entry returns.
///
/// `Ok` becomes the exit code 0. An error is printed and becomes the exit code 1. For another code
/// call [`std::process::exit`]. [`EntryArgs`] has an example.
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
    /// The descriptors, in the order in which they were handed over. They are close-on-exec.
    pub descriptors: Vec<OwnedFd>,
}

/// A function that a child may begin in, and the name by which the child finds it.
///
/// The name appears in the child's command line, for `ps(1)`.
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
    /// Makes an entry of this name, which has to be unique in the program.
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
/// In a process that [`spawn`](super::spawn) started, it does not return: it receives what was
/// handed to this process, runs the entry and exits. Code before the call runs in every child too.
/// In any other process it only registers the entries. Only the first call counts. A program that
/// runs with more rights than its user has runs no entry: see [the module](super).
///
/// If the parent has ended by then, the child ends here, quietly.
///
/// [`Entry`] has an example.
pub fn main(entries: &[Entry]) {
    // A second call must not take the descriptors again.
    if ENTRIES.set(entries.to_vec()).is_err() {
        return;
    }
    let Some(call) = ChildArgs::of(std::env::args_os()) else { return };
    let program = std::env::args_os().next().unwrap_or_default();
    let code = match begin(entries, call) {
        Ok((entry, given)) => {
            // Without this, `ps(1)` would show every child as "exe", from the path that was
            // executed.
            let name =
                Path::new(&program).file_name().and_then(|it| CString::new(it.as_bytes()).ok());
            let _ = name.map(|name| rustix::thread::set_name(&name));
            run(entry, given)
        }
        Err(error) => {
            // Standard error may be closed; there is no other place for the message.
            let _ = writeln!(std::io::stderr(), "{error}");
            NOT_BEGUN
        }
    };
    std::process::exit(code)
}

/// The exit code of a child that could not begin its entry.
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
    // The process ends right after, so that nothing observes state that a panic left half changed.
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

/// A child's command line: the socket and the entry.
///
/// A program that nobody spawned may have any command line. So this counts as a child's only if the
/// descriptor is a socket of the kind that a parent hands over.
struct ChildArgs {
    socket: RawFd,
    name: OsString,
}

impl ChildArgs {
    fn of(mut arguments: impl Iterator<Item = OsString>) -> Option<ChildArgs> {
        arguments.next()?;
        let [marker, socket, name] = [arguments.next()?, arguments.next()?, arguments.next()?];
        let socket = socket.to_str()?.parse().ok()?;
        let is_child = marker == MARKER && arguments.next().is_none() && is_parents_socket(socket);
        is_child.then_some(ChildArgs { socket, name })
    }
}

/// Whether this descriptor is open and a Unix seqpacket socket, as a parent hands over.
fn is_parents_socket(number: RawFd) -> bool {
    let Some(fd) = borrow(number) else { return false };
    sockopt::socket_domain(fd) == Ok(AddressFamily::UNIX)
        && sockopt::socket_type(fd) == Ok(SocketType::SEQPACKET)
}

/// Finds the entry, and receives what the parent handed over.
fn begin(entries: &[Entry], call: ChildArgs) -> Result<(Entry, EntryArgs)> {
    // SAFETY: the call only reads a number that the kernel gave this process at its start.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return Err(Error::new(BEGIN, ProcessError::Privileged));
    }
    let name = call.name;
    let entry = entries
        .iter()
        .find(|entry| name == entry.name)
        .ok_or_else(|| Error::new(BEGIN, ProcessError::NotRegistered).on(name.to_string_lossy()))?;
    // `Exec::start` blocked all signals.
    signal::set_mask(signal::SignalSet::empty())?.keep();
    let wrong = || Error::new(BEGIN, Errno::PROTO).on("without the message of a parent");
    let socket = UnixSeqpacket::try_from(take(call.socket).ok_or_else(wrong)?)?;
    // The kernel records who makes a pair of sockets. Another user must not choose what runs here.
    if socket.peer_credentials()?.uid != rustix::process::geteuid().as_raw() {
        return Err(Error::new(BEGIN, Errno::PERM).on("for another user"));
    }
    let mut message = [0; Hello::SIZE];
    // The parent sent it before it started this process, so that there is no wait.
    let received =
        socket.recv_all_rights(&mut message, MAX_DESCRIPTORS + Hello::OWN, Timeout::Now)?;
    let hello = message.get(..received.size).and_then(Hello::parse).ok_or_else(wrong)?;

    let mut descriptors = received.descriptors.into_iter();
    parent::set(descriptors.next().ok_or_else(wrong)?);
    if let Some(reader) = hello.reader {
        let reader = take(reader).ok_or_else(wrong)?;
        crate::fd::set_close_on_exec(&reader, true)?;
        parent::keep_reader(reader);
    }
    let mut argument = Vec::new();
    if hello.argument {
        argument = contents(descriptors.next().ok_or_else(wrong)?)?;
    }
    Ok((*entry, EntryArgs { argument, descriptors: descriptors.collect() }))
}

/// Takes ownership of the descriptor that the parent handed over under this number, if it is open.
/// The caller takes each number once.
fn take(number: RawFd) -> Option<OwnedFd> {
    borrow(number)?;
    // SAFETY: the descriptor is open, as `borrow` has found. The command line or the parent's
    // message named it: the parent left it open for this purpose, and nothing else in this process
    // owns it. `main` comes here once, and takes each number once.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Borrows the descriptor of this number, if it is open and no standard stream.
fn borrow(number: RawFd) -> Option<BorrowedFd<'static>> {
    if number <= 2 {
        return None;
    }
    // SAFETY: the number is not -1. The borrow is used only for calls that fail if no such
    // descriptor is open, and it ends before `take` gives the descriptor an owner that could close
    // it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_getfd(borrowed).ok()?;
    Some(borrowed)
}

/// Reads a whole file. Its position is where the writer left it, so this rewinds it first.
fn contents(file: OwnedFd) -> Result<Vec<u8>> {
    let (mut file, mut argument) = (std::fs::File::from(file), Vec::new());
    let read = file.rewind().and_then(|()| file.read_to_end(&mut argument));
    read.map_err(|error| errno(&error)).tried("read the argument")?;
    Ok(argument)
}
