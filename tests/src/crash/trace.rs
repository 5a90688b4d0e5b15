//! A child that is stepped one machine instruction at a time, by `ptrace(2)`.

use super::Check;
use std::panic::AssertUnwindSafe;
use std::ptr::null_mut;

/// Whether instructions can be stepped here. Only x86-64 can: elsewhere an exchange is a load and a
/// store that fails when anything comes between them, and a step does.
pub const CAN_STEP: bool = cfg!(target_arch = "x86_64");

/// The start of the part of a child that is stepped: the child stops here. Nothing else may call
/// this.
pub fn breakpoint() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction changes no register and no memory; the tracer takes the trap.
    unsafe {
        std::arch::asm!("int3", options(nomem, nostack, preserves_flags));
    }
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The child executed one instruction.
    Instruction,
    /// The child completed a system call.
    SystemCall,
    /// The child is asleep in a system call.
    Asleep,
}

/// A child process that executes only the instructions that this process allows. Dropping this
/// kills and reaps it.
#[derive(Debug)]
pub struct Stepped {
    pid: libc::pid_t,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a stop that `waitpid` has reported.
    Traced,
    /// In a system call that it does not leave by itself.
    Asleep,
    /// No longer traced; stopped by `SIGSTOP`.
    Suspended,
    /// Reaped.
    Gone,
}

impl Stepped {
    /// Forks a child that does `part`, up to its [`breakpoint`]. This process must have one thread.
    ///
    /// # Panics
    /// When there cannot be such a child, or it does not get there.
    pub fn start(part: impl FnOnce()) -> Stepped {
        let pid = fork(|| {
            // SAFETY: no pointer is passed.
            let traced = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
            assert_eq!(traced, 0, "ptrace: {}", std::io::Error::last_os_error());
            part();
        });
        let child = Stepped { pid, state: State::Traced };
        assert_eq!(
            child.wait(),
            Stop::By(libc::SIGTRAP),
            "the child did not come to its breakpoint"
        );
        // The child ends when this process does, for whatever reason.
        // SAFETY: a stopped child of ours; the last argument is a set of flags.
        let set = unsafe {
            libc::ptrace(libc::PTRACE_SETOPTIONS, pid, 0, libc::PTRACE_O_EXITKILL as libc::c_long)
        };
        assert_eq!(set, 0, "ptrace: {}", std::io::Error::last_os_error());
        child
    }

    /// Lets the child take one step. If it is asleep in a system call, waits until it has come back
    /// from the call: wake it first.
    ///
    /// # Panics
    /// When the child ends or crashes in it.
    pub fn step(&mut self) -> Step {
        if self.state == State::Asleep {
            self.state = State::Traced;
            assert_eq!(
                self.wait(),
                Stop::By(libc::SIGTRAP),
                "the child stops after its system call"
            );
            return Step::Instruction;
        }
        let calls = self.is_at_system_call();
        // SAFETY: a stopped child of ours.
        let stepped = unsafe { libc::ptrace(libc::PTRACE_SINGLESTEP, self.pid, 0, 0) };
        assert_eq!(stepped, 0, "ptrace: {}", std::io::Error::last_os_error());
        if calls {
            while !self.has_stopped() {
                if super::is_asleep(self.pid) {
                    self.state = State::Asleep;
                    return Step::Asleep;
                }
                std::thread::yield_now();
            }
        }
        assert_eq!(self.wait(), Stop::By(libc::SIGTRAP), "the child stops after an instruction");
        if calls { Step::SystemCall } else { Step::Instruction }
    }

    /// Whether there is a stop to wait for. Does not consume it.
    fn has_stopped(&self) -> bool {
        // SAFETY: all zeroes is a `siginfo_t`.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let flags = libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: a child of ours, and a place for what is told of it.
        let told = unsafe { libc::waitid(libc::P_PID, self.pid as libc::id_t, &mut info, flags) };
        assert_eq!(told, 0, "waitid: {}", std::io::Error::last_os_error());
        // SAFETY: `waitid` has filled it in, with zero if there is nothing to tell.
        unsafe { info.si_pid() == self.pid }
    }

    /// Kills the child where it is.
    pub fn kill(mut self) {
        self.end();
    }

    /// Suspends the child where it is, with `SIGSTOP`. It is no longer stepped from then on.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn suspend(&mut self) {
        if self.state == State::Asleep {
            self.suspend_asleep();
        }
        // SAFETY: the child is ours and stopped. It receives the signal as it is let go.
        let let_go = unsafe { libc::ptrace(libc::PTRACE_DETACH, self.pid, 0, libc::SIGSTOP) };
        assert_eq!(let_go, 0, "ptrace: {}", std::io::Error::last_os_error());
        self.state = State::Suspended;
        assert_eq!(self.wait(), Stop::By(libc::SIGSTOP), "the child is suspended");
    }

    /// Lets the child go on by itself, from where it was stopped or suspended, and waits for its
    /// end. Calls `asleep` whenever the child is seen to sleep.
    ///
    /// # Errors
    /// What it ended with, if it did not end well.
    pub fn finish(mut self, mut asleep: impl FnMut() -> Check) -> Check {
        match self.state {
            State::Suspended => {
                // SAFETY: no pointer is passed.
                unsafe { libc::kill(self.pid, libc::SIGCONT) };
            }
            State::Asleep => self.suspend_asleep(),
            _ => {}
        }
        if self.state != State::Suspended {
            // SAFETY: a stopped child of ours.
            unsafe { libc::ptrace(libc::PTRACE_DETACH, self.pid, 0, 0) };
        }
        while !self.has_stopped() {
            if super::is_asleep(self.pid) {
                asleep()?;
            }
            std::thread::yield_now();
        }
        let end = self.wait();
        self.state = State::Gone;
        match end {
            Stop::Exited(0) => Ok(()),
            end => Err(format!("went on, and ended with {end:?}")),
        }
    }

    /// Stops the child, which is asleep in a system call.
    fn suspend_asleep(&mut self) {
        // SAFETY: no pointer is passed.
        unsafe { libc::kill(self.pid, libc::SIGSTOP) };
        // The child may have left its sleep just before, and be at the end of its step.
        while self.wait() != Stop::By(libc::SIGSTOP) {
            // SAFETY: a stopped child of ours.
            unsafe { libc::ptrace(libc::PTRACE_CONT, self.pid, 0, 0) };
        }
        self.state = State::Traced;
    }

    /// Waits for the child's next stop, or its end.
    fn wait(&self) -> Stop {
        let mut status = 0;
        loop {
            // SAFETY: a child of ours, and a place for its status.
            let found = unsafe { libc::waitpid(self.pid, &mut status, libc::WUNTRACED) };
            if found == self.pid {
                break;
            }
            let error = std::io::Error::last_os_error();
            assert_eq!(error.raw_os_error(), Some(libc::EINTR), "waitpid: {error}");
        }
        if libc::WIFSTOPPED(status) {
            Stop::By(libc::WSTOPSIG(status))
        } else if libc::WIFEXITED(status) {
            Stop::Exited(libc::WEXITSTATUS(status))
        } else {
            Stop::KilledBy(libc::WTERMSIG(status))
        }
    }

    /// Whether the next instruction is a system call.
    #[cfg(target_arch = "x86_64")]
    fn is_at_system_call(&self) -> bool {
        let at = std::mem::offset_of!(libc::user, regs)
            + std::mem::offset_of!(libc::user_regs_struct, rip);
        // SAFETY: a stopped child of ours; what is read is returned. As the third argument, an
        // offset.
        let next = unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, self.pid, at, null_mut::<u8>()) };
        // The child is a fork of this process: the same code lies at the same place here.
        // SAFETY: so there is code at `next`, of two bytes at least: no page of code ends in the
        // middle of `syscall`, and an instruction of one byte at its very end would not be followed
        // by anything mapped in only one of the two.
        let code = unsafe { (next as usize as *const [u8; 2]).read_unaligned() };
        code == [0x0f, 0x05]
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_at_system_call(&self) -> bool {
        unreachable!("see CAN_STEP")
    }

    fn end(&mut self) {
        if self.state != State::Gone {
            self.state = State::Gone;
            // SAFETY: no pointer is passed; it is our child and not reaped.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
            while !matches!(self.wait(), Stop::Exited(_) | Stop::KilledBy(_)) {}
        }
    }
}

impl Drop for Stepped {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Stop {
    By(i32),
    Exited(i32),
    KilledBy(i32),
}

/// A child that nobody traces. Dropping this kills and reaps it.
#[derive(Debug)]
pub struct Child(libc::pid_t);

impl Child {
    /// Forks a child that does `part`. This process must have one thread.
    pub fn start(part: impl FnOnce()) -> Child {
        Child(fork(part))
    }

    /// The child's process number.
    pub fn pid(&self) -> libc::pid_t {
        self.0
    }

    /// Whether the child has ended well. Reports an end once.
    ///
    /// # Errors
    /// Its status as `waitpid(2)` gives it, if it did not end well.
    pub fn ended(&mut self) -> Option<Result<(), i32>> {
        let mut status = 0;
        // SAFETY: a child of ours, and a place for its status.
        if unsafe { libc::waitpid(self.0, &mut status, libc::WNOHANG) } != self.0 {
            return None;
        }
        self.0 = 0;
        Some(if status == 0 { Ok(()) } else { Err(status) })
    }

    /// Sends the child a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: no pointer is passed; it is our child and not reaped.
        unsafe { libc::kill(self.0, signal) };
    }

    /// Kills the child, and returns when it is gone.
    pub fn kill(self) {}
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.0 != 0 {
            // SAFETY: no pointer is passed; it is our child and not reaped.
            unsafe { libc::kill(self.0, libc::SIGKILL) };
            // SAFETY: our child; its status is of no interest.
            while unsafe { libc::waitpid(self.0, null_mut(), 0) } == -1 {}
        }
    }
}

/// Forks a child that does `part` and ends. It also ends when its parent does.
fn fork(part: impl FnOnce()) -> libc::pid_t {
    // SAFETY: this process has one thread, so the child finds nothing locked or half done.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        // SAFETY: no pointer is passed.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        let ended = std::panic::catch_unwind(AssertUnwindSafe(part));
        // SAFETY: ends the child at once, without what belongs to the parent.
        unsafe { libc::_exit(if ended.is_ok() { 0 } else { 101 }) };
    }
    pid
}
