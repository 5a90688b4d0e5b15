//! The two ends of `ringway cat`, opened: what an address stands for, and how it ends well.

use super::address::Address;
use crate::cleanup::Name;
use crate::complain;
use crate::failure::{Doing, Failure, Result};
use ringway::channel;
use ringway::fd::{self, Interest};
use ringway::fifo::Fifo;
use ringway::serial::Port;
use ringway::socket::{TcpListener, TcpStream, UnixAddress, UnixListener, UnixStream};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a half-closed socket's reader may take to close its side too: until then its troubles are ours to tell.
const LINGER: Duration = Duration::from_millis(500);

/// What others can come to before anybody waits for them: a listening socket, a named pipe.
#[derive(Debug)]
pub struct Doorway {
    kind: Kind,
    /// What a signal removes from the file system. Dropped after what removes it otherwise.
    _name: Option<Name>,
}

#[derive(Debug)]
enum Kind {
    /// The address is not of those that wait.
    None,
    Fifo(Fifo),
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Doorway {
    /// Binds or makes what the address names, if it is for others to come to.
    pub fn open(address: &Address) -> Result<Self> {
        let (kind, _name) = match address {
            Address::Fifo(path) => Name::guard(path, || {
                let fifo = Fifo::create(path, 0o600)?;
                let is_ours = fifo.made_here();
                Ok((Kind::Fifo(fifo), is_ours))
            })?,
            Address::UnixListen(path) => {
                Name::guard(path, || Ok((Kind::Unix(UnixListener::bind(path)?), true)))?
            }
            Address::AbstractListen(name) => {
                (Kind::Unix(UnixListener::bind(UnixAddress::abstract_name(name))?), None)
            }
            Address::TcpListen(to) => {
                let listener = TcpListener::bind(to.to_string())?;
                if to.port == 0 {
                    // Nobody could know it otherwise.
                    complain(&format!("listening on tcp:{}", listener.local_address()?));
                }
                (Kind::Tcp(listener), None)
            }
            _ => (Kind::None, None),
        };
        Ok(Doorway { kind, _name })
    }
}

/// Which end it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
}

/// An open end: bytes can be moved.
#[derive(Debug)]
pub struct End {
    address: Address,
    side: Side,
    body: Body,
    child: Option<Child>,
    /// Removed when this ends.
    _doorway: Option<Doorway>,
}

#[derive(Debug)]
enum Body {
    Plain(OwnedFd),
    Unix(UnixStream),
    Tcp(TcpStream),
    Serial(Port),
}

impl End {
    /// Opens what is read; waits for who is to come.
    pub fn source(address: &Address, doorway: Doorway) -> Result<Self> {
        Self::open(address, Side::Source, doorway, |path| {
            File::open(path).doing(format_args!("open {}", path.display()))
        })
    }

    /// Opens what is written; waits for who is to come.
    pub fn destination(address: &Address, doorway: Doorway, source: &End) -> Result<Self> {
        Self::open(address, Side::Destination, doorway, |path| {
            let mut options = OpenOptions::new();
            // Emptied only when it is sure not to be the source.
            let file = options.write(true).create(true).truncate(false).open(path);
            let file = file.doing(format_args!("open {} for writing", path.display()))?;
            if source.is_file(&file) {
                return Err(Failure::new(format!(
                    "{address} is SRC and DST at once: name another file as DST"
                )));
            }
            // What is not a regular file has no length to set.
            if file.metadata().is_ok_and(|kind| kind.is_file()) {
                file.set_len(0).doing(format_args!("empty {}", path.display()))?;
            }
            Ok(file)
        })
    }

    fn open(
        address: &Address,
        side: Side,
        doorway: Doorway,
        file: impl FnOnce(&Path) -> Result<File>,
    ) -> Result<Self> {
        let mut child = None;
        let body = match (address, &doorway.kind) {
            (Address::Stdio, _) => Body::Plain(match side {
                Side::Source => fd::duplicate(io::stdin())?,
                Side::Destination => fd::duplicate(io::stdout())?,
            }),
            (Address::File(path), _) => Body::Plain(file(path)?.into()),
            (_, Kind::Fifo(fifo)) => Body::Plain(match side {
                Side::Source => fifo.open_reader()?.into(),
                Side::Destination => fifo.open_writer()?.into(),
            }),
            (Address::Unix(path), _) => Body::Unix(UnixStream::connect(path)?),
            (Address::Abstract(name), _) => {
                Body::Unix(UnixStream::connect(UnixAddress::abstract_name(name))?)
            }
            (Address::Tcp(to), _) => Body::Tcp(TcpStream::connect(to.to_string())?),
            (Address::Serial(path, speed), _) => {
                let port = Port::open(path, *speed)?;
                // The description is ours alone, and the copy waits in its calls.
                fd::set_nonblocking(&port, false)?;
                Body::Serial(port)
            }
            (_, Kind::Unix(listener)) => Body::Unix(listener.accept()?),
            (_, Kind::Tcp(listener)) => Body::Tcp(listener.accept()?),
            (Address::Exec(command), _) => {
                let (started, end) = start(command, side)?;
                child = Some(started);
                Body::Plain(end)
            }
            // Not reached: `Doorway::open` makes the one that the address needs.
            (_, _) => return Err(Failure::new(format!("{address} was not bound"))),
        };
        // One connection is all: who comes later is told at once that nobody listens. A FIFO keeps its name, so that a
        // peer may be made to open it later than we do.
        let _doorway = matches!(doorway.kind, Kind::Fifo(_)).then_some(doorway);
        Ok(End { address: address.clone(), side, body, child, _doorway })
    }

    /// How many bytes there are, where that is known.
    pub fn size(&self) -> Option<u64> {
        let Body::Plain(fd) = &self.body else { return None };
        let kind = File::from(fd.try_clone().ok()?).metadata().ok()?;
        (kind.is_file() && kind.len() > 0).then_some(kind.len())
    }

    fn is_file(&self, other: &File) -> bool {
        let Body::Plain(fd) = &self.body else { return false };
        let ours = fd.try_clone().and_then(|fd| File::from(fd).metadata());
        match (ours, other.metadata()) {
            (Ok(a), Ok(b)) => a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()),
            _ => false,
        }
    }

    /// Ends it well: the reader at a socket's far end sees the end of file, a command is waited for.
    pub fn finish(self) -> Result<()> {
        let End { address, side, body, mut child, .. } = self;
        if side == Side::Destination {
            let closed = match &body {
                Body::Plain(_) => Ok(()),
                Body::Unix(stream) => {
                    stream.shutdown(Shutdown::Write).and_then(|()| linger(stream))
                }
                Body::Tcp(stream) => stream.shutdown(Shutdown::Write).and_then(|()| linger(stream)),
                Body::Serial(port) => port.drain(),
            };
            closed.map_err(|error| {
                Failure::new(format!("{address}: not all of it may have arrived: {error}"))
            })?;
        }
        // A command that reads sees the end of file now.
        drop(body);
        let Some(child) = &mut child else { return Ok(()) };
        let status = child.wait().doing(format_args!("wait for {address}"))?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(format!("{address} ended with {}: see what it says", told(status))))
    }

    /// Whether it is a serial line that hung up: a read or a write there says only that something is wrong.
    pub fn has_hung_up(&self) -> bool {
        matches!(self.body, Body::Serial(_))
            && fd::try_wait(self, Interest::HangUp).is_ok_and(|ready| ready.hung_up())
    }

    /// Ends it after a failure: a command is not waited for longer than it takes to end it.
    pub fn abandon(self) {
        drop(self.body);
        if let Some(mut child) = self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.body {
            Body::Plain(fd) => fd.as_fd(),
            Body::Unix(stream) => stream.as_fd(),
            Body::Tcp(stream) => stream.as_fd(),
            Body::Serial(port) => port.as_fd(),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// Waits for the far end to close too, so that we hear if it broke off; what it says meanwhile is not asked for.
fn linger(socket: impl AsFd) -> ringway::Result<()> {
    let end = Instant::now() + LINGER;
    let mut unasked = [0; 4096];
    loop {
        match fd::read_deadline(&socket, &mut unasked, end) {
            Ok(0) => return Ok(()),
            Ok(_) if Instant::now() < end => {}
            Ok(_) => return Ok(()),
            // It keeps its side open, as it may.
            Err(error) if error.is(channel::Error::TimedOut) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

fn start(command: &str, side: Side) -> Result<(Child, OwnedFd)> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command);
    match side {
        Side::Source => shell.stdout(Stdio::piped()),
        Side::Destination => shell.stdin(Stdio::piped()),
    };
    let mut child = shell.spawn().doing(format_args!("start 'sh' for exec:{command}"))?;
    let end = match side {
        Side::Source => child.stdout.take().map(OwnedFd::from),
        Side::Destination => child.stdin.take().map(OwnedFd::from),
    };
    end.map(|end| (child, end)).ok_or_else(|| Failure::new("the command has no pipe"))
}

fn told(status: ExitStatus) -> String {
    // The standard library says "exit status: 3", or "signal: 9 (SIGKILL)".
    status.to_string().replacen(": ", " ", 1)
}
