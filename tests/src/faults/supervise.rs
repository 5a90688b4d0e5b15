//! Runs a scene in a process, and answers that process's system calls.

use super::calls::{Call, errno_name};
use super::scenes::{self, DONE, Outcome, Scene, TOLD, WRONG};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Read, Seek};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// Which calls of one kind fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Only this call, counted from 1.
    Nth(usize),
    Every,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub call: Call,
    pub errno: i32,
    pub when: When,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errno = errno_name(self.errno);
        match self.when {
            When::Nth(n) => write!(f, "{} call {n} fails with {errno}", self.call),
            When::Every => write!(f, "every {} fails with {errno}", self.call),
        }
    }
}

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// How often the scene made each call.
    pub calls: BTreeMap<Call, usize>,
    /// How many calls were made to fail.
    pub injected: usize,
    /// What the process reported.
    pub said: String,
    end: End,
    left: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Exit(i32),
    Signal(i32),
    Hung,
}

impl Report {
    /// Whether the scene succeeded or returned an error; otherwise what is wrong with it.
    pub fn verdict(&self, scene: &Scene, fault: Option<Fault>) -> Result<bool, String> {
        let said = self.said.lines().last().unwrap_or_default();
        let outcome = match self.end {
            End::Exit(DONE) => true,
            End::Exit(TOLD) => false,
            End::Exit(WRONG) => return Err(format!("a wrong success: {said}")),
            End::Exit(code) => {
                let first = self.said.lines().find(|line| !line.is_empty());
                return Err(format!("exit status {code}: {}", first.unwrap_or_default()));
            }
            End::Signal(signal) => return Err(format!("ended by signal {signal}: {said}")),
            End::Hung => return Err("it hung".to_owned()),
        };
        let is_excused = fault.is_some_and(|fault| (scene.may_leave)(fault));
        match self.left.first() {
            Some(left) if !is_excused => Err(format!("it left {left} ({said})")),
            _ => Ok(outcome),
        }
    }
}

/// The longest that a scene may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The `prctl` by which a scene's process says how far it is. The system has no operation with this
/// number.
const MARK: u64 = 0x7269_6e67;
const BEGIN: u64 = 1;
const FINISH: u64 = 2;

/// Runs a scene, with a fault if there is one.
pub fn run(scene: &Scene, fault: Option<Fault>) -> Report {
    let folder = tempfile::Builder::new().prefix("ringway-faults-").tempdir().expect("a folder");
    let mut said = tempfile::tempfile().expect("a file");
    let (ours, theirs) = ringway::socket::UnixSeqpacket::pair().expect("a pair of sockets");
    // SAFETY: this process has one thread.
    let pid = match unsafe { libc::fork() } {
        0 => {
            drop(ours);
            scenes::perform(said.as_raw_fd(), || supervised(scene, folder.path(), &theirs))
        }
        pid => pid,
    };
    assert!(pid > 0, "fork: {}", std::io::Error::last_os_error());
    drop(theirs);
    let mut buf = [0; 1];
    let received = ours.recv_descriptors(&mut buf, 1, None).expect("the scene's filter");
    let listener = received.descriptors.into_iter().next().expect("a listener");
    let mut run = Run { pid, fault, listener, begun: None, calls: BTreeMap::new(), injected: 0 };
    let (end, mut left) = run.answer(scene, folder.path());
    // SAFETY: no pointer is passed. The group is the one that the child made; it may be empty by
    // now.
    unsafe { libc::kill(-pid, libc::SIGKILL) };
    let status = reap(pid);
    // What a scene that is over may have left, it told. There is none of this name otherwise.
    let _ = std::fs::remove_file(Path::new("/dev/shm").join(super::scenes::region_name(pid)));
    let end = end.unwrap_or_else(|| match libc::WIFSIGNALED(status) {
        true => End::Signal(libc::WTERMSIG(status)),
        false => End::Exit(libc::WEXITSTATUS(status)),
    });
    left.retain(|it| !it.is_empty());
    let mut text = String::new();
    said.rewind().and_then(|()| said.read_to_string(&mut text)).expect("what it said");
    Report { calls: run.calls, injected: run.injected, said: text, end, left }
}

fn reap(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: a child of ours, and a place for its status.
    while unsafe { libc::waitpid(pid, &mut status, 0) } == -1 {}
    // The processes that the scene left are children of this process now, which is a reaper. None
    // of them may stay.
    // SAFETY: a null place for the status is allowed.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
    status
}

/// The supervision of one run.
struct Run {
    pid: libc::pid_t,
    fault: Option<Fault>,
    listener: OwnedFd,
    /// The descriptors that there were when the scene began.
    begun: Option<BTreeSet<String>>,
    calls: BTreeMap<Call, usize>,
    injected: usize,
}

impl Run {
    /// Answers the process's calls until it ends. Returns how it ended if not by itself, and what
    /// it left.
    fn answer(&mut self, scene: &Scene, folder: &Path) -> (Option<End>, Vec<String>) {
        let end = Instant::now() + LIMIT;
        let mut left = Vec::new();
        let pidfd = rustix::process::pidfd_open(
            rustix::process::Pid::from_raw(self.pid).expect("above zero"),
            rustix::process::PidfdFlags::empty(),
        )
        .expect("a pidfd");
        let mut listens = true;
        loop {
            let mut polled = [
                libc::pollfd { fd: pidfd.as_raw_fd(), events: libc::POLLIN, revents: 0 },
                libc::pollfd {
                    fd: if listens { self.listener.as_raw_fd() } else { -1 },
                    events: libc::POLLIN,
                    revents: 0,
                },
            ];
            let patience = end.saturating_duration_since(Instant::now()).as_millis() as i32;
            // SAFETY: two entries, which live until the call returns.
            let count = unsafe { libc::poll(polled.as_mut_ptr(), 2, patience) };
            if count == 0 {
                return (Some(End::Hung), left);
            }
            let [ended, call] = polled.map(|entry| entry.revents);
            if call & libc::POLLIN != 0 {
                if let Some(found) = self.answer_one(scene, folder) {
                    left = found;
                }
            } else if ended != 0 {
                return (None, left);
            } else if call != 0 {
                listens = false;
            }
        }
    }

    /// Answers one call. Returns what the scene left, if the scene reports that it is over.
    fn answer_one(&mut self, scene: &Scene, folder: &Path) -> Option<Vec<String>> {
        let mut asked = MaybeUninit::<libc::seccomp_notif>::zeroed();
        // SAFETY: the kernel fills this memory, and wants it zeroed before.
        if unsafe { ioctl(&self.listener, libc::SECCOMP_IOCTL_NOTIF_RECV, asked.as_mut_ptr()) } != 0
        {
            return None; // It was killed, or interrupted by a signal, meanwhile.
        }
        // SAFETY: the call above filled it.
        let asked = unsafe { asked.assume_init() };
        let mut left = None;
        let errno = match asked.data.nr.into() {
            libc::SYS_prctl if asked.data.args[0] == MARK => {
                match asked.data.args[1] {
                    BEGIN => self.begun = Some(descriptors(self.pid)),
                    _ => left = Some(self.left(scene, folder)),
                }
                Some(0)
            }
            number => self.fault_of(number, &asked.data.args, asked.pid),
        };
        let mut answer = libc::seccomp_notif_resp { id: asked.id, val: 0, error: 0, flags: 0 };
        match errno {
            Some(errno) => answer.error = -errno,
            None => answer.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        }
        // SAFETY: the kernel reads the answer during the call. The call fails if nobody waits for
        // the answer any more.
        unsafe { ioctl(&self.listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &mut answer) };
        left
    }

    /// Counts a call. Returns the errno with which it fails, if it is to fail.
    fn fault_of(&mut self, number: libc::c_long, arguments: &[u64; 6], thread: u32) -> Option<i32> {
        self.begun.as_ref()?;
        // A count that nobody waits for room in cannot fail.
        if matches!(number, libc::SYS_read | libc::SYS_write) {
            let file = std::fs::read_link(format!("/proc/{thread}/fd/{}", arguments[0]));
            if file.is_ok_and(|file| file.to_string_lossy() == "anon_inode:[eventfd]") {
                return None;
            }
        }
        // Memory of its own is none of a mechanism's calls.
        if number == libc::SYS_mmap && arguments[4] as i32 == -1 {
            return None;
        }
        // A wake-up cannot fail.
        if number == libc::SYS_futex && arguments[1] as i32 & 0x7f == libc::FUTEX_WAKE {
            return None;
        }
        // Nor can giving a lock back.
        if number == libc::SYS_fcntl && is_unlock(thread, arguments) {
            return None;
        }
        let call = Call::of_number(number)?;
        let count = self.calls.entry(call).or_default();
        *count += 1;
        let fault = self.fault.filter(|fault| fault.call == call)?;
        let fails = match fault.when {
            When::Nth(n) => n == *count,
            When::Every => true,
        };
        fails.then(|| {
            self.injected += 1;
            fault.errno
        })
    }

    /// Ends the faults. Returns what is there that was not there before.
    fn left(&mut self, scene: &Scene, folder: &Path) -> Vec<String> {
        let before = self.begun.take().unwrap_or_default();
        let now = descriptors(self.pid);
        let mut left: Vec<String> = now.difference(&before).cloned().collect();
        // Some descriptors stay open for as long as the process lives.
        left.drain(..left.len().min(scene.keeps));
        let children = format!("/proc/{0}/task/{0}/children", self.pid);
        let children = std::fs::read_to_string(children).unwrap_or_default();
        left.extend(children.split_whitespace().map(|pid| format!("process {pid}")));
        let files = |folder: &Path, prefix: &str| -> Vec<String> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
            names.filter(|name| name.starts_with(prefix)).collect()
        };
        let named = files(folder, "").into_iter();
        let shared = files(Path::new("/dev/shm"), &super::scenes::region_name(self.pid));
        left.extend(named.chain(shared).map(|name| format!("file {name}")));
        left
    }
}

/// Whether an `fcntl` of this thread gives a lock back.
fn is_unlock(thread: u32, arguments: &[u64; 6]) -> bool {
    use std::os::unix::fs::FileExt;
    if arguments[1] as i32 != libc::F_OFD_SETLK {
        return false;
    }
    // A `flock` begins with its type.
    let mut kind = [0; size_of::<libc::c_short>()];
    let memory = std::fs::File::open(format!("/proc/{thread}/mem"));
    let read = memory.and_then(|memory| memory.read_exact_at(&mut kind, arguments[2]));
    read.is_ok() && libc::c_int::from(libc::c_short::from_ne_bytes(kind)) == libc::F_UNLCK
}

/// # Safety
/// `argument` is what the request takes.
unsafe fn ioctl<T>(fd: &OwnedFd, request: libc::Ioctl, argument: *mut T) -> i32 {
    // SAFETY: the descriptor is open, and the caller's contract.
    unsafe { libc::ioctl(fd.as_raw_fd(), request, argument) }
}

/// The descriptors of a process, each with what it refers to.
fn descriptors(pid: libc::pid_t) -> BTreeSet<String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let described = entries.map(|entry| {
        let what = std::fs::read_link(entry.path()).unwrap_or_default();
        format!("descriptor {} ({})", entry.file_name().to_string_lossy(), what.display())
    });
    described.collect()
}

/// Runs the scene in its process, and hands the answering of its calls to the supervisor.
fn supervised(
    scene: &Scene,
    folder: &Path,
    supervisor: &ringway::socket::UnixSeqpacket,
) -> Outcome {
    let listener = listen(supervisor.as_fd().as_raw_fd());
    supervisor.send_descriptors(b"L", &[listener.as_fd()], None).expect("to send");
    mark(BEGIN);
    let outcome = std::panic::catch_unwind(|| (scene.run)(folder));
    mark(FINISH);
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn mark(phase: u64) {
    // SAFETY: no operation of the system's; the supervisor answers it.
    unsafe { libc::syscall(libc::SYS_prctl, MARK, phase, 0, 0, 0) };
}

/// Has every call of the table answered through the descriptor that this returns, but for the
/// message on `socket` that hands it over.
fn listen(socket: RawFd) -> OwnedFd {
    // The layout of `struct seccomp_data`: the number of the call, the architecture, the address,
    // then the arguments.
    const NUMBER: u32 = 0;
    const FIRST_ARGUMENT: u32 = 16 + if cfg!(target_endian = "big") { 4 } else { 0 };
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let equal = |k: u32, jt: u8, jf: u8| libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt,
        jf,
        k,
    };
    let load = |offset: u32| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let answer = |what: u32| statement(libc::BPF_RET | libc::BPF_K, what);
    let mut program = vec![
        load(NUMBER),
        equal(libc::SYS_sendmsg as u32, 0, 4),
        load(FIRST_ARGUMENT),
        equal(socket as u32, 0, 1),
        answer(libc::SECCOMP_RET_ALLOW),
        answer(libc::SECCOMP_RET_USER_NOTIF),
    ];
    for number in Call::numbers().chain([libc::SYS_prctl]) {
        program.push(equal(number as u32, 0, 1));
        program.push(answer(libc::SECCOMP_RET_USER_NOTIF));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: this operation takes numbers.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the filter points to `len` instructions that live through the call, which copies
    // them.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &filter,
        )
    };
    assert!(listener >= 0, "seccomp: {}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just made it for us.
    unsafe { OwnedFd::from_raw_fd(listener as RawFd) }
}
