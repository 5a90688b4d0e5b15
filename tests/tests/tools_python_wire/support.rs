//! The interpreters, the peer that they run, and what a test must not leave.

use ringway::python::connection::{
    Auth, Role, TcpConnection, TcpListener, UnixConnection, UnixListener,
};
use ringway::socket::{self, TcpStream, UnixAddress, UnixStream};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// A moment that only a broken test reaches.
pub fn long() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(120))
}

/// Waits until `is_so` returns true.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = long();
    while !is_so() {
        assert!(Some(Instant::now()) < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An interpreter.
#[derive(Debug, Clone)]
pub struct Python {
    pub minor: u32,
    pub program: PathBuf,
}

impl Python {
    /// Whether it knows HMAC-MD5 alone.
    pub fn is_old(&self) -> bool {
        self.minor < 12
    }
}

/// Every CPython from 3.9 on: `python3` and `python3.9` and so on of the path, and those of pyenv.
pub fn pythons() -> &'static [Python] {
    static ALL: OnceLock<Vec<Python>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut candidates: Vec<PathBuf> = vec!["python3".into()];
        candidates.extend((9..20).map(|minor| format!("python3.{minor}").into()));
        let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
        let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home);
        if let Some(versions) = pyenv.and_then(|root| root.join("versions").read_dir().ok()) {
            candidates.extend(versions.flatten().map(|version| version.path().join("bin/python3")));
        }
        let mut found = BTreeMap::new();
        for program in candidates {
            let ask = "import sys; print(sys.implementation.name, *sys.version_info[:2])";
            let Ok(output) = Command::new(&program).args(["-c", ask]).output() else { continue };
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if let ["cpython", "3", minor] = text.split_whitespace().collect::<Vec<_>>()[..] {
                let minor: u32 = minor.parse().unwrap();
                if minor >= 9 {
                    found.entry(minor).or_insert(Python { minor, program });
                }
            }
        }
        assert!(!found.is_empty(), "missing: python3, 3.9 or later (Debian: python3)");
        found.into_values().collect()
    })
}

/// One test at a time, and what there was before it.
pub struct Alone {
    _turn: MutexGuard<'static, ()>,
    descriptors: usize,
}

/// Waits for the turn of this test.
pub fn alone() -> Alone {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    Alone { _turn: turn, descriptors: descriptors() }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The names of blocks that tests made, or had made.
static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Remembers the name of a block, which must be gone when the test is over.
pub fn note(name: &str) {
    NAMES.lock().unwrap().push(name.to_owned());
}

/// Whether a block has this name.
pub fn is_there(name: &str) -> bool {
    Path::new("/dev/shm").join(name).exists()
}

impl Drop for Alone {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(descriptors(), self.descriptors, "descriptors are left");
            let names = std::mem::take(&mut *NAMES.lock().unwrap());
            let left: Vec<_> = names.into_iter().filter(|name| is_there(name)).collect();
            assert!(left.is_empty(), "names are left in /dev/shm: {left:?}");
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Unix,
    Abstract,
    Tcp,
}

pub const FAMILIES: [Family; 3] = [Family::Unix, Family::Abstract, Family::Tcp];

/// Both roles of the peer.
pub const ROLES: [Role; 2] = [Role::Listener, Role::Client];

/// The bytes of a message that is not the same at any two places of a power of two.
pub fn bytes(size: usize) -> Vec<u8> {
    let block: Vec<u8> = (0..251).collect();
    let mut all = block.repeat(size / 251 + 1);
    all.truncate(size);
    all
}

/// Our listener, if Python is the client.
enum Door {
    None,
    Unix(UnixListener, socket::UnixListener),
    Tcp(TcpListener, socket::TcpListener),
}

/// A Python process that connects or accepts as often as it is told to.
pub struct Peer {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    pub family: Family,
    /// The role of Python.
    pub role: Role,
    address: String,
    _folder: tempfile::TempDir,
    door: Door,
}

/// A connection of either family.
#[derive(Debug)]
pub enum Connected {
    Unix(UnixConnection),
    Tcp(TcpConnection),
}

/// Calls a method on the connection of either family.
#[macro_export]
macro_rules! with {
    ($connected:expr, $it:ident => $do:expr) => {
        match $connected {
            $crate::support::Connected::Unix($it) => $do,
            $crate::support::Connected::Tcp($it) => $do,
        }
    };
}

impl Connected {
    pub fn send(&self, message: &[u8]) -> ringway::Result<()> {
        with!(self, it => it.send_deadline(message, long()))
    }

    pub fn recv(&self, message: &mut Vec<u8>) -> ringway::Result<usize> {
        with!(self, it => it.recv_deadline(message, long()))
    }

    /// Sends a message and receives the answer.
    pub fn ask(&self, message: &[u8]) -> Vec<u8> {
        self.send(message).unwrap();
        let mut answer = Vec::new();
        self.recv(&mut answer).unwrap();
        answer
    }

    pub fn unix(self) -> UnixConnection {
        let Connected::Unix(it) = self else { panic!("it is of the family Unix") };
        it
    }

    pub fn into_fd(self) -> OwnedFd {
        with!(self, it => it.into())
    }
}

impl Peer {
    /// Starts Python in this role; `key` is Python's. Our listener, if Python is the client, has
    /// `ours`.
    pub fn start(python: &Python, role: Role, family: Family, key: &str, ours: &Auth) -> Peer {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let folder = tempfile::tempdir().unwrap();
        // Relaxed: the number is all that matters.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ringway-test-python-{}-{count}", std::process::id());
        let path = folder.path().join("socket").display().to_string();
        let mut address = match family {
            Family::Unix => path.clone(),
            Family::Abstract => name.clone(),
            Family::Tcp => "127.0.0.1:0".to_owned(),
        };
        let door = match (role, family) {
            (Role::Listener, _) => Door::None,
            (Role::Client, Family::Tcp) => {
                let door = TcpListener::bind("127.0.0.1:0", ours.clone()).unwrap();
                address = door.local_address().unwrap().to_string();
                let raw = std::os::fd::AsFd::as_fd(&door).try_clone_to_owned().unwrap();
                Door::Tcp(door, raw.try_into().unwrap())
            }
            (Role::Client, _) => {
                let door = UnixListener::bind(unix(family, &address), ours.clone()).unwrap();
                let raw = std::os::fd::AsFd::as_fd(&door).try_clone_to_owned().unwrap();
                Door::Unix(door, raw.try_into().unwrap())
            }
        };
        std::fs::write(folder.path().join("peer.py"), include_str!("peer.py")).unwrap();
        let role_name = if role == Role::Listener { "listener" } else { "client" };
        let family_name = format!("{family:?}").to_lowercase();
        let mut child = Command::new(&python.program)
            .args(["-u", "peer.py", role_name, &family_name, &address, key])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut peer =
            Peer { child, commands, answers, family, role, address, _folder: folder, door };
        if role == Role::Listener {
            let bound = peer.answer();
            if family == Family::Tcp {
                peer.address = bound;
            }
        }
        peer
    }

    /// Has Python accept or connect once.
    pub fn once(&mut self) {
        self.command("once");
    }

    pub fn command(&mut self, command: &str) {
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{command}").unwrap();
        commands.flush().unwrap();
    }

    /// What Python says of the connection that has just ended.
    pub fn answer(&mut self) -> String {
        self.answers.next().expect("Python goes on").unwrap()
    }

    /// Our end, with this key, after [`once`](Self::once).
    pub fn meet(&self, auth: &Auth, deadline: Option<Instant>) -> ringway::Result<Connected> {
        Ok(match (&self.door, self.family) {
            (Door::Unix(door, _), _) => Connected::Unix(door.accept_deadline(deadline)?),
            (Door::Tcp(door, _), _) => Connected::Tcp(door.accept_deadline(deadline)?),
            (Door::None, Family::Tcp) => {
                Connected::Tcp(TcpConnection::connect_deadline(&*self.address, auth, deadline)?)
            }
            (Door::None, family) => Connected::Unix(UnixConnection::connect_deadline(
                unix(family, &self.address),
                auth,
                deadline,
            )?),
        })
    }

    /// A bare stream to Python, without a handshake.
    pub fn meet_bare(&self) -> OwnedFd {
        match (&self.door, self.family) {
            (Door::Unix(_, door), _) => door.accept_deadline(long()).unwrap().into(),
            (Door::Tcp(_, door), _) => door.accept_deadline(long()).unwrap().into(),
            (Door::None, Family::Tcp) => {
                TcpStream::connect_deadline(&*self.address, long()).unwrap().into()
            }
            (Door::None, family) => {
                UnixStream::connect_deadline(unix(family, &self.address), long()).unwrap().into()
            }
        }
    }

    /// Our role.
    pub fn our_role(&self) -> Role {
        if self.role == Role::Client { Role::Listener } else { Role::Client }
    }
}

fn unix(family: Family, address: &str) -> UnixAddress {
    if family == Family::Abstract { UnixAddress::abstract_name(address) } else { address.into() }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
