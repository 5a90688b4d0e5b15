//! Children: other programs that end with this process, and for whose end it can wait.

use crate::failure::{Done, Failure, call, text};
use crate::stream::{borrowed, room_for, until};
use ringway::fd::{self, Interest};
use ringway::signal::{self, Signal};
use ringway_core_c::error::rw_error;
use ringway_core_c::object::{RW_HANDLE_WORDS, put, shared, take, tell};
use ringway_core_c::objects;
use std::ffi::c_char;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, Once, PoisonError};

/// A child of this process. Any thread may use it.
#[repr(C)]
pub struct rw_child {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// How a process ended.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rw_exit {
    /// What it exited with; -1 if a signal ended it.
    pub code: i32,
    /// The signal that ended it, or 0.
    pub signal: i32,
}

/// A child, and how it ended.
pub struct Child {
    pid: i32,
    pidfd: OwnedFd,
    exit: Mutex<Option<rw_exit>>,
}

objects! {
    rw_child = Box<Child>, 0x7277_0221;
}

/// The pipe that ties children to this process, which alone has the writer: that closes when this
/// process ends, and the kernel then kills who has asked for that on a reader.
static WRITER: AtomicI32 = AtomicI32::new(-1);
/// A reader of it, by which others are opened.
static READER: AtomicI32 = AtomicI32::new(-1);
static MAKING: Mutex<()> = Mutex::new(());

const F_SETSIG: libc::c_int = 10;

fn answer(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

/// The number that a descriptor of this process has, of the reader.
fn reader_of_this_process() -> io::Result<RawFd> {
    unsafe extern "C" fn in_copy() {
        // Relaxed, here and below: no partner. A copy has one thread, and the lock orders the rest.
        for one in [&WRITER, &READER] {
            let number = one.swap(-1, Ordering::Relaxed);
            if number >= 0 {
                // SAFETY: this library opened it, and nothing else owns it.
                unsafe { libc::close(number) };
            }
        }
    }

    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the function lives as long as the program, and makes system calls alone.
        unsafe { libc::pthread_atfork(None, None, Some(in_copy)) };
    });
    let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let known = READER.load(Ordering::Relaxed);
    if known >= 0 {
        return Ok(known);
    }
    let mut both = [-1; 2];
    // SAFETY: there is room for two numbers.
    answer(unsafe { libc::pipe2(both.as_mut_ptr(), libc::O_CLOEXEC) })?;
    WRITER.store(both[1], Ordering::Relaxed);
    READER.store(both[0], Ordering::Relaxed);
    Ok(both[0])
}

/// A reader with an opening of its own, since an opening signals one process.
fn own_reader() -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}\0", reader_of_this_process()?);
    // SAFETY: the path ends with a zero byte.
    let number = unsafe { libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC) };
    answer(number)?;
    // SAFETY: the call has just opened it, and nothing else owns it.
    let reader = unsafe { OwnedFd::from_raw_fd(number) };
    // SAFETY: the descriptor is open, and the command takes a number.
    answer(unsafe { libc::fcntl(number, F_SETSIG, libc::SIGKILL) })?;
    // SAFETY: as above.
    answer(unsafe { libc::fcntl(number, libc::F_SETFL, libc::O_ASYNC) })?;
    Ok(reader)
}

/// In the child, before it executes the program: ends with the parent from now on.
fn tie(reader: RawFd) -> io::Result<()> {
    // SAFETY: the descriptor is open, and the command takes a number.
    answer(unsafe { libc::fcntl(reader, libc::F_SETOWN, libc::getpid()) })?;
    // SAFETY: as above.
    answer(unsafe { libc::fcntl(reader, libc::F_SETFD, 0) })?;
    let mut gone = libc::pollfd { fd: reader, events: 0, revents: 0 };
    // SAFETY: it is one entry.
    if answer(unsafe { libc::poll(&mut gone, 1, 0) })? > 0 {
        // The parent ended before the kernel knew whom to signal.
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}

fn failed(what: &str, error: &io::Error) -> Failure {
    Failure::of_system(what, error)
}

fn start(arguments: *const *const c_char, streams: *const i32) -> Done<Child> {
    if arguments.is_null() || !arguments.is_aligned() {
        return Err(rw_error::RW_INVALID.into());
    }
    let mut all = Vec::new();
    loop {
        // SAFETY: the caller of C guarantees a list of texts with a null pointer at its end.
        let one = unsafe { arguments.add(all.len()).read() };
        if one.is_null() {
            break;
        }
        all.push(text(one)?);
    }
    let (program, rest) = all.split_first().ok_or(Failure::from(rw_error::RW_INVALID))?;
    let mut command = Command::new(program);
    command.args(rest);
    if !streams.is_null() && streams.is_aligned() {
        // SAFETY: the caller of C guarantees three numbers.
        let streams = unsafe { streams.cast::<[i32; 3]>().read() };
        for (index, number) in streams.into_iter().enumerate() {
            if number < 0 {
                continue;
            }
            let stream = Stdio::from(fd::duplicate(borrowed(number)?)?);
            match index {
                0 => command.stdin(stream),
                1 => command.stdout(stream),
                _ => command.stderr(stream),
            };
        }
    }
    let reader = own_reader().map_err(|error| failed("tie a child to this process", &error))?;
    let number = reader.as_raw_fd();
    // SAFETY: the function makes system calls alone, and allocates nothing.
    unsafe { command.pre_exec(move || tie(number)) };
    let started = command.spawn().map_err(|error| failed(&format!("start {program}"), &error))?;
    let pid = started.id().cast_signed();
    // SAFETY: it takes two numbers. Nobody has waited for the child, and so the number is its own.
    let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if pidfd < 0 {
        let error = io::Error::last_os_error();
        let mut started = started;
        let _ = started.kill();
        let _ = started.wait();
        return Err(failed("hold a child", &error));
    }
    // SAFETY: the call has just opened it, and nothing else owns it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd as RawFd) };
    Ok(Child { pid, pidfd, exit: Mutex::new(None) })
}

impl Child {
    /// Takes the exit status of a child that has ended.
    fn reap(&self) -> Done<rw_exit> {
        let mut exit = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = *exit {
            return Ok(known);
        }
        // SAFETY: all zeroes are such a value.
        let mut info = unsafe { std::mem::zeroed::<libc::siginfo_t>() };
        let id = self.pidfd.as_raw_fd().cast_unsigned();
        // SAFETY: `info` is a place for it.
        while unsafe { libc::waitid(libc::P_PIDFD, id, &mut info, libc::WEXITED) } < 0 {
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                // Somebody else waited for it, or SIGCHLD is ignored.
                Some(libc::ECHILD) => return Err(rw_error::RW_PROCESS.into()),
                _ => return Err(failed("wait for a child", &error)),
            }
        }
        // SAFETY: the kernel filled the fields of a child.
        let status = unsafe { info.si_status() };
        let ended = match info.si_code {
            libc::CLD_EXITED => rw_exit { code: status, signal: 0 },
            _ => rw_exit { code: -1, signal: status },
        };
        *exit = Some(ended);
        Ok(ended)
    }

    fn has_ended(&self) -> bool {
        self.exit.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

fn child_of<'a>(child: *const rw_child) -> Done<&'a Child> {
    Ok(shared(child).ok_or(Failure::from(rw_error::RW_INVALID))?)
}

/// Starts another program: the first of the arguments, which end with null, is its path, or its
/// name in `PATH`.
///
/// `streams` is null, or three descriptors for its standard input, output and error; -1 stands for
/// this process's own. It inherits these, what does not close on exec, and the environment.
///
/// The child is killed when this process ends, however that ends. `RW_NOT_FOUND` if there is no
/// such program.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_child_start(
    child: *mut rw_child,
    arguments: *const *const c_char,
    streams: *const i32,
) -> rw_error {
    call(|| {
        room_for(child)?;
        crate::failure::done(put(child, Box::new(start(arguments, streams)?)))
    })
}

/// Waits for the end of the child until `deadline`, and tells how it ended.
///
/// `RW_PROCESS` if somebody else has waited for it.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_child_wait(
    child: *const rw_child,
    deadline: u64,
    exit: *mut rw_exit,
) -> rw_error {
    call(|| {
        let child = child_of(child)?;
        if !child.has_ended() {
            fd::wait_deadline(&child.pidfd, Interest::Read, until(deadline))?;
        }
        tell(exit, child.reap()?);
        Ok(())
    })
}

/// Sends the child a signal; does nothing if it has ended.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_child_signal(child: *const rw_child, signal: i32) -> rw_error {
    call(|| {
        let child = child_of(child)?;
        let signal = Signal::new(signal).ok_or(Failure::from(rw_error::RW_BAD_SIGNAL))?;
        if child.has_ended() {
            return Ok(());
        }
        match signal::send_fd(child.pidfd.as_fd(), signal) {
            // It has ended, and nobody has waited for it in vain.
            Err(error) if error.is(ringway::CoreError::NotFound) => Ok(()),
            sent => Ok(sent?),
        }
    })
}

/// The child's number; 0 for what is no child.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_child_pid(child: *const rw_child) -> i32 {
    shared(child).map_or(0, |child| child.pid)
}

/// The child's pidfd, which is readable when it has ended: for `poll`. -1 for what is no child.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_child_fd(child: *const rw_child) -> i32 {
    shared(child).map_or(-1, |child| child.pidfd.as_raw_fd())
}

/// Kills the child if it runs, and waits for its end. The object is none any more.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_child_end(child: *mut rw_child) -> rw_error {
    call(|| {
        let child = take(child).ok_or(Failure::from(rw_error::RW_INVALID))?;
        if !child.has_ended() {
            let _ = signal::send_fd(child.pidfd.as_fd(), Signal::KILL);
            child.reap()?;
        }
        Ok(())
    })
}
