//! A Python program at the far end: its messages become bytes, and bytes its messages.
//!
//! Between the connection and the rest of `cat` there is a pair of sockets, with one thread for
//! each direction. Each message from Python becomes its bytes; each piece of bytes that can be read
//! becomes one message.

use super::address::{Key, Place, Python};
use crate::failure::{Doing, Failure, Result, complain};
use crate::task;
use ringway::CoreError;
use ringway::fd;
use ringway::python::connection::{
    Auth, Connection, TcpConnection, TcpListener, UnixConnection, UnixListener,
};
use ringway::socket::{Family, UnixAddress, UnixStream};
use rustix::net::{Shutdown, shutdown};
use std::env;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The most bytes that become one message.
const PIECE: usize = 64 << 10;

/// The key that an address asks for.
fn auth(address: &Python) -> Result<Auth> {
    let key = match &address.key {
        Key::None => return Ok(Auth::none()),
        Key::Variable(name) => env::var_os(name).map(OsStringExt::into_vec).ok_or_else(|| {
            Failure::new(format!(
                "there is no key: put it into the variable {name}, or say where it is \
                 (,key=FILE), or that everybody is let in (,no-key)"
            ))
        })?,
        Key::File(path) => {
            let mut key =
                fs::read(path).doing(format_args!("read the key in {}", path.display()))?;
            // An editor ends a line where the key ends.
            if key.last() == Some(&b'\n') {
                key.pop();
            }
            key
        }
    };
    let auth = Auth::key(key)?;
    Ok(if address.md5 { auth.allow_md5() } else { auth })
}

/// A listener of either family.
#[derive(Debug)]
pub enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// Listens; returns the paths that it made too.
    pub fn bind(address: &Python) -> Result<(Self, Vec<PathBuf>)> {
        let auth = auth(address)?;
        Ok(match &address.place {
            Place::Path(path) => {
                (Listener::Unix(UnixListener::bind(path, auth)?), vec![path.clone()])
            }
            Place::Abstract(name) => {
                let name = UnixAddress::abstract_name(name);
                (Listener::Unix(UnixListener::bind(name, auth)?), Vec::new())
            }
            Place::Tcp(to) => {
                let listener = TcpListener::bind(to.to_string(), auth)?;
                if to.port == 0 {
                    // Print it: nobody could know it otherwise.
                    complain(&format!("listening on py:tcp:{}", listener.local_address()?));
                }
                (Listener::Tcp(listener), Vec::new())
            }
        })
    }

    /// Accepts one client.
    pub fn accept(&self) -> Result<(UnixStream, Bridge)> {
        match self {
            Listener::Unix(listener) => Bridge::start(listener.accept()?),
            Listener::Tcp(listener) => Bridge::start(listener.accept()?),
        }
    }
}

/// Connects to a listener of Python.
pub fn connect(address: &Python) -> Result<(UnixStream, Bridge)> {
    let auth = auth(address)?;
    match &address.place {
        Place::Path(path) => Bridge::start(UnixConnection::connect(path, &auth)?),
        Place::Abstract(name) => {
            Bridge::start(UnixConnection::connect(UnixAddress::abstract_name(name), &auth)?)
        }
        Place::Tcp(to) => Bridge::start(TcpConnection::connect(to.to_string(), &auth)?),
    }
}

/// One direction's thread, until somebody asks how it ended.
type Worker = Mutex<Option<JoinHandle<ringway::Result<()>>>>;

/// The threads that carry messages, and the connection to Python.
#[derive(Debug)]
pub struct Bridge {
    from_python: Worker,
    to_python: Worker,
    python: OwnedFd,
}

impl Bridge {
    /// Returns the end of the pair for the rest of `cat`.
    fn start<F: Family + Send + Sync>(connection: Connection<F>) -> Result<(UnixStream, Self)> {
        let (ours, far) = UnixStream::pair()?;
        let python = fd::duplicate(&connection)?;
        let (connection, far) = (Arc::new(connection), Arc::new(far));
        let from_python = {
            let (connection, far) = (Arc::clone(&connection), Arc::clone(&far));
            task::start(move || messages_to_bytes(&connection, &far))?
        };
        let to_python = task::start(move || bytes_to_messages(&far, &connection))?;
        let worker = |thread| Mutex::new(Some(thread));
        let (from_python, to_python) = (worker(from_python), worker(to_python));
        Ok((ours, Bridge { from_python, to_python, python }))
    }

    /// Waits until every message of Python was read; fails if the last one was cut off.
    pub fn must_have_sent_all(&self) -> Result<()> {
        join(&self.from_python)
    }

    /// Waits until every byte is under way to Python; returns the connection.
    pub fn must_have_all_sent(&self) -> Result<BorrowedFd<'_>> {
        join(&self.to_python)?;
        Ok(self.python.as_fd())
    }
}

fn join(worker: &Worker) -> Result<()> {
    let worker = worker.lock().unwrap_or_else(PoisonError::into_inner).take();
    match worker.map(JoinHandle::join) {
        None => Ok(()),
        Some(Ok(done)) => Ok(done?),
        Some(Err(_)) => Err(Failure::new("a thread for messages panicked")),
    }
}

fn messages_to_bytes<F: Family>(from: &Connection<F>, to: &UnixStream) -> ringway::Result<()> {
    let mut message = Vec::new();
    let done = loop {
        match from.recv(&mut message) {
            Ok(_) if to.write_all(&message).is_ok() => {}
            // Nobody reads on; the other direction says what is wrong with it.
            Ok(_) => break Ok(()),
            Err(error) if error.is(CoreError::EndOfFile) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let _ = to.shutdown(std::net::Shutdown::Write);
    done
}

fn bytes_to_messages<F: Family>(from: &UnixStream, to: &Connection<F>) -> ringway::Result<()> {
    let mut piece = vec![0; PIECE];
    let done = loop {
        match from.read(&mut piece) {
            Ok(0) => {
                // Python reads an end of file, and may still answer.
                let _ = shutdown(to, Shutdown::Write);
                return Ok(());
            }
            Ok(count) => {
                if let Err(error) = to.send(piece.get(..count).unwrap_or_default()) {
                    break Err(error);
                }
            }
            Err(error) => break Err(error),
        }
    };
    // The rest of cat sees that the reader is gone.
    let _ = from.shutdown(std::net::Shutdown::Both);
    done
}
