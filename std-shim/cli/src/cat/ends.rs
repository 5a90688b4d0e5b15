//! The two ends of `ringway cat`: how to open what an address names, and how to end it well.

use super::address::Address;
use super::identity::Identity;
use super::python::{self, Bridge};
use crate::cleanup::{self, Name};
use crate::failure::{Doing, Failure, Result, complain};
use crate::system;
use ringway::fd::{self, Interest};
use ringway::fifo::Fifo;
use ringway::serial::Port;
use ringway::socket::{TcpListener, TcpStream, UnixAddress, UnixListener, UnixStream};
use rustix::fs::{Access, AtFlags, CWD};
use rustix::net::sockopt;
use rustix::process::Pid;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

/// The stages of opening; both ends pass each stage before the next one begins.
///
/// So cat reports what cannot be opened before anybody has connected. And both ends can be reached
/// before cat waits for either, because a peer of one may need the other first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// What depends on nobody else: files, the standard streams, serial ports.
    Files,
    /// What peers connect to: it gets its name.
    Names,
    /// What cat connects to.
    Connections,
}

/// An end that is opened as far as possible without a peer.
#[derive(Debug)]
pub struct Doorway<'a> {
    address: &'a Address,
    side: Side,
    kind: Kind,
    /// The names that a signal removes from the file system.
    names: Vec<Name>,
}

#[derive(Debug)]
enum Kind {
    /// Not opened yet; or a command, which is started last.
    None,
    Open(Body),
    Fifo(Fifo),
    Unix(UnixListener),
    Tcp(TcpListener),
    Py(python::Listener),
}

impl<'a> Doorway<'a> {
    pub fn new(address: &'a Address, side: Side) -> Self {
        Doorway { address, side, kind: Kind::None, names: Vec::new() }
    }

    /// Opens the end if its address belongs to this stage.
    pub fn open(&mut self, stage: Stage) -> Result<()> {
        let kind = match (stage, self.address) {
            (Stage::Files, Address::Stdio) => Kind::Open(Body::Plain(self.standard_stream()?)),
            (Stage::Files | Stage::Connections, Address::File(path)) => {
                match self.file(path, stage)? {
                    Some(file) => Kind::Open(Body::Plain(file)),
                    None => return Ok(()),
                }
            }
            (Stage::Files, Address::Serial(path, speed)) => {
                let port = Port::open(path, *speed)?;
                // The open file description is ours alone, and copying should block in its calls.
                fd::set_nonblocking(&port, false)?;
                Kind::Open(Body::Serial(port))
            }
            (Stage::Names, Address::Fifo(path)) => {
                let (fifo, names) = Name::guard(|| {
                    let fifo = Fifo::open_or_create(path, 0o600)?;
                    let made = fifo.is_creator().then(|| path.clone());
                    // Remove the FIFO first: while it exists, its mark says who owns it.
                    let made = made.into_iter().chain(fifo.mark()).collect();
                    Ok((fifo, made))
                })?;
                self.names = names;
                Kind::Fifo(fifo)
            }
            (Stage::Names, Address::UnixListen(path)) => {
                let bind = || Ok((UnixListener::bind(path)?, vec![path.clone()]));
                let (listener, names) = Name::guard(bind)?;
                self.names = names;
                Kind::Unix(listener)
            }
            (Stage::Names, Address::AbstractListen(name)) => {
                Kind::Unix(UnixListener::bind(UnixAddress::abstract_name(name))?)
            }
            (Stage::Names, Address::TcpListen(to)) => {
                let listener = TcpListener::bind(to.to_string())?;
                if to.port == 0 {
                    // Print it: nobody could know it otherwise.
                    complain(&format!("listening on tcp:{}", listener.local_address()?));
                }
                Kind::Tcp(listener)
            }
            (Stage::Names, Address::PyListen(at)) => {
                let (listener, names) = Name::guard(|| python::Listener::bind(at))?;
                self.names = names;
                Kind::Py(listener)
            }
            (Stage::Connections, Address::Py(to)) => {
                let (stream, bridge) = python::connect(to)?;
                Kind::Open(Body::Python(stream, bridge))
            }
            (Stage::Connections, Address::Unix(path)) => {
                Kind::Open(Body::Unix(UnixStream::connect(path)?))
            }
            (Stage::Connections, Address::Abstract(name)) => {
                let to = UnixAddress::abstract_name(name);
                Kind::Open(Body::Unix(UnixStream::connect(to)?))
            }
            (Stage::Connections, Address::Tcp(to)) => {
                Kind::Open(Body::tcp(TcpStream::connect(to.to_string())?)?)
            }
            _ => return Ok(()),
        };
        self.kind = kind;
        Ok(())
    }

    fn standard_stream(&self) -> Result<OwnedFd> {
        let closed = |what| Failure::new(format!("the standard {what} is closed: redirect it"));
        Ok(match self.side {
            Side::Source if system::was_closed(io::stdin().as_fd()) => return Err(closed("input")),
            Side::Source => fd::duplicate(io::stdin())?,
            Side::Destination if system::was_closed(io::stdout().as_fd()) => {
                return Err(closed("output"));
            }
            Side::Destination => fd::duplicate(io::stdout())?,
        })
    }

    /// Opens a file, unless it is open already or belongs to a later stage.
    fn file(&self, path: &Path, stage: Stage) -> Result<Option<OwnedFd>> {
        if !matches!(self.kind, Kind::None) {
            return Ok(None);
        }
        let kind = path.metadata().map(|found| found.file_type());
        if stage == Stage::Files && kind.as_ref().is_ok_and(FileTypeExt::is_fifo) {
            // Opening our end may make a peer open the other one.
            return Ok(None);
        }
        let file = match self.side {
            Side::Source => File::open(path).doing(format_args!("open {}", path.display())),
            Side::Destination => {
                let doing = format!("open {} for writing", path.display());
                if stage == Stage::Files && kind.is_err() {
                    // It is created once the source is open, which may fail. Check now whether it
                    // can be.
                    return can_be_made(path).doing(doing).map(|()| None);
                }
                let mut options = OpenOptions::new();
                // It is emptied later, once the source is open and is known to be another file.
                options.write(true).create(true).truncate(false).open(path).doing(doing)
            }
        };
        file.map(|file| Some(file.into()))
    }

    /// Checks that bytes written here cannot be read back at the source.
    ///
    /// # Errors
    /// They would be.
    pub fn must_not_feed(&self, source: &Doorway<'_>) -> Result<()> {
        match (self.identity(), source.identity()) {
            (Some(ours), Some(theirs)) if ours == theirs => Err(same(source.address, self.address)),
            _ => Ok(()),
        }
    }

    fn identity(&self) -> Option<Identity> {
        match &self.kind {
            Kind::Open(body) => Identity::of(body.as_fd()),
            Kind::Fifo(fifo) => Identity::at(fifo.path()),
            _ => None,
        }
    }

    /// Waits for the peer, or starts the command.
    pub fn enter(self) -> Result<End> {
        let Doorway { address, side, kind, names } = self;
        let (mut child, mut named) = (None, None);
        let body = match kind {
            Kind::Open(body) => {
                if let (Side::Destination, Address::File(path)) = (side, address) {
                    empty(body.as_fd(), path)?;
                }
                body
            }
            Kind::Fifo(fifo) => {
                let end: OwnedFd = match side {
                    Side::Source => fifo.open_reader()?.into(),
                    Side::Destination => fifo.open_writer()?.into(),
                };
                // Keep the name: a peer may be started that opens it later than cat does.
                named = Some(fifo);
                Body::Plain(end)
            }
            // One connection is all: dropping the listener refuses later peers at once.
            Kind::Unix(listener) => Body::Unix(listener.accept()?),
            Kind::Tcp(listener) => Body::tcp(listener.accept()?)?,
            Kind::Py(listener) => {
                let (stream, bridge) = listener.accept()?;
                Body::Python(stream, bridge)
            }
            Kind::None => match address {
                Address::Exec(command) => {
                    let (started, end) = start(command, side)?;
                    child = Some(started);
                    Body::Plain(end)
                }
                // Not reached: the stages open all other kinds.
                _ => return Err(Failure::new(format!("{address} was not opened"))),
            },
        };
        Ok(End { address: address.clone(), body, child, fifo: named, names })
    }
}

/// Whether a new file can be created at this path.
fn can_be_made(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let may = Access::WRITE_OK | Access::EXEC_OK;
    Ok(rustix::fs::accessat(CWD, folder, may, AtFlags::EACCESS)?)
}

/// Empties a file that is to be written from its beginning.
///
/// What is not a regular file has no length to set.
fn empty(file: BorrowedFd<'_>, path: &Path) -> Result<()> {
    let kind = rustix::fs::fstat(file).map(|stat| stat.st_mode);
    if !kind.is_ok_and(|mode| rustix::fs::FileType::from_raw_mode(mode).is_file()) {
        return Ok(());
    }
    rustix::fs::ftruncate(file, 0)
        .map_err(io::Error::from)
        .doing(format_args!("empty {}", path.display()))
}

pub fn same(source: &Address, destination: &Address) -> Failure {
    Failure::new(format!(
        "{destination} is SRC and DST at once, as {source} is the same file: \
         name another one as DST"
    ))
}

/// An open end: bytes can be moved.
#[derive(Debug)]
pub struct End {
    address: Address,
    body: Body,
    child: Option<Child>,
    /// Dropping it removes the FIFO, if this program created it.
    fifo: Option<Fifo>,
    names: Vec<Name>,
}

#[derive(Debug)]
enum Body {
    Plain(OwnedFd),
    Unix(UnixStream),
    Tcp(TcpStream),
    Serial(Port),
    /// A Unix socket to the threads that speak with Python.
    Python(UnixStream, Bridge),
}

impl Body {
    /// If anything ends this program before everything has arrived, the reader must see a reset,
    /// and no end of file.
    fn tcp(stream: TcpStream) -> Result<Self> {
        set_reset_on_close(&stream, true)?;
        Ok(Body::Tcp(stream))
    }
}

fn set_reset_on_close(stream: &TcpStream, on: bool) -> Result<()> {
    sockopt::set_socket_linger(stream, on.then_some(Duration::ZERO))
        .map_err(io::Error::from)
        .doing("set how the connection is closed")
}

impl End {
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The number of bytes, where it is known.
    pub fn size(&self) -> Option<u64> {
        let Body::Plain(fd) = &self.body else { return None };
        let kind = File::from(fd.try_clone().ok()?).metadata().ok()?;
        (kind.is_file() && kind.len() > 0).then_some(kind.len())
    }

    pub fn is_socket(&self) -> bool {
        matches!(self.body, Body::Unix(_) | Body::Tcp(_) | Body::Python(..))
    }

    pub fn is_serial(&self) -> bool {
        matches!(self.body, Body::Serial(_))
    }

    /// Whether this is a serial line that hung up.
    ///
    /// A read or a write there reports only that something is wrong.
    pub fn has_hung_up(&self) -> bool {
        self.is_serial() && hung_up(self)
    }

    /// Waits for the source's command, whose exit status says whether its output was complete.
    pub fn must_have_succeeded(&mut self) -> Result<()> {
        if let Body::Python(_, bridge) = &self.body {
            bridge.must_have_sent_all().map_err(|error| self.incomplete(error))?;
        }
        self.child.as_mut().map_or(Ok(()), |child| must_have_succeeded(&self.address, child))
    }

    /// Tells the reader of a socket that this was all.
    pub fn shut(&self) -> Result<()> {
        let shut = match &self.body {
            Body::Unix(stream) => stream.shutdown(Shutdown::Write),
            Body::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Body::Python(stream, _) => stream.shutdown(Shutdown::Write),
            _ => Ok(()),
        };
        shut.map_err(|error| self.incomplete(error))
    }

    /// Waits until the far end has everything that was written.
    pub fn must_have_arrived(&self) -> Result<()> {
        match &self.body {
            Body::Plain(_) => Ok(()),
            Body::Serial(port) => port.drain().map_err(|error| self.incomplete(error)),
            Body::Unix(_) | Body::Tcp(_) => self.wait_for_acknowledgement(self.as_fd()),
            Body::Python(_, bridge) => {
                let sent = bridge.must_have_all_sent().map_err(|error| self.incomplete(error))?;
                self.wait_for_acknowledgement(sent)
            }
        }
    }

    fn wait_for_acknowledgement(&self, socket: BorrowedFd<'_>) -> Result<()> {
        let mut pause = Duration::from_micros(100);
        loop {
            // Ask in this order: a far end that closes reports its error before it throws away what
            // it has not read.
            let unsent = system::unsent(socket).map_err(|error| self.incomplete(error))?;
            let failed = sockopt::socket_error(socket).and_then(|failed| failed);
            failed.map_err(|errno| self.incomplete(io::Error::from(errno)))?;
            if unsent == 0 {
                return Ok(());
            }
            // No event reports it, so poll.
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// The failure when the far end broke off.
    pub fn incomplete(&self, why: impl fmt::Display) -> Failure {
        Failure::new(format!("{self}: not all of it may have arrived: {why}"))
    }

    /// Closes the end after everything went well.
    ///
    /// The reader sees an end of file. A command that reads is waited for. The name that cat
    /// created is removed.
    pub fn close(mut self) -> Result<()> {
        if let Body::Tcp(stream) = &self.body {
            set_reset_on_close(stream, false)?;
        }
        // Both remove only what cat created; the second one also finds what the first could not
        // remove.
        self.fifo = None;
        let names = std::mem::take(&mut self.names).into_iter();
        let removed = names.map(Name::remove).fold(Ok(()), Result::and);
        let End { address, body, child, .. } = self;
        // A command that reads sees the end of file now.
        drop(body);
        child.map_or(Ok(()), |mut child| must_have_succeeded(&address, &mut child)).and(removed)
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.body.as_fd()
    }
}

impl AsFd for Body {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Body::Plain(fd) => fd.as_fd(),
            Body::Unix(stream) => stream.as_fd(),
            Body::Tcp(stream) => stream.as_fd(),
            Body::Serial(port) => port.as_fd(),
            Body::Python(stream, _) => stream.as_fd(),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// Whether the far end of a line or a connection is gone.
pub fn hung_up(fd: impl AsFd) -> bool {
    fd::try_wait(fd, Interest::HangUp).is_ok_and(|ready| ready.hung_up())
}

fn start(command: &str, side: Side) -> Result<(Child, OwnedFd)> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command);
    match side {
        Side::Source => shell.stdout(Stdio::piped()),
        Side::Destination => shell.stdin(Stdio::piped()),
    };
    let mut child = cleanup::guard_command(|| {
        let child = shell.spawn().doing(format_args!("start 'sh' for exec:{command}"))?;
        let pid = Pid::from_child(&child);
        Ok((child, pid))
    })?;
    let end = match side {
        Side::Source => child.stdout.take().map(OwnedFd::from),
        Side::Destination => child.stdin.take().map(OwnedFd::from),
    };
    end.map(|end| (child, end)).ok_or_else(|| Failure::new("the command has no pipe"))
}

/// Waits for a command. A second call returns the same.
fn must_have_succeeded(address: &Address, command: &mut Child) -> Result<()> {
    let status = command.wait().doing(format_args!("wait for {address}"))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("{address} ended with {}: see what it says", describe_status(status))))
}

fn describe_status(status: ExitStatus) -> String {
    // The standard library writes "exit status: 3" or "signal: 9 (SIGKILL)".
    status.to_string().replacen(": ", " ", 1)
}
