//! What the tests of descriptors, pipes and FIFOs share: children that play a role of the same
//! test, signals, faults.
#![allow(dead_code)]

pub mod alone;
pub mod fault;
pub mod region;

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Output};
use std::time::{Duration, Instant};

const ROLE: &str = "RINGWAY_TEST_ROLE";

/// The role that this process plays, if it is a child of a test.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// A command that runs the test `name` of this program again, in `role`. The test looks at [`role`]
/// first, does its part and calls [`done`].
pub fn child(name: &str, role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    play(command.args([name, "--exact", "--nocapture", "--test-threads=1"]), role);
    command
}

/// Has the process that a command starts play `role`.
pub fn play<'a>(command: &'a mut Command, role: &str) -> &'a mut Command {
    command.env(ROLE, role)
}

/// Ends a child whose part is done. Whoever never gets here did not do it.
pub fn done() -> ! {
    std::process::exit(42)
}

/// Asserts that a child got to [`done`].
pub fn assert_done(output: &Output) {
    assert_eq!(
        output.status.code(),
        Some(42),
        "{:?}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs the test `name` as a child in `role`, and asserts that it did its part.
pub fn run(name: &str, role: &str) {
    assert_done(&child(name, role).output().unwrap());
}

/// A child that is killed and waited for when the test is over, however it ends.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Killed {
    pub fn kill_now(&mut self) -> ExitStatus {
        self.0.kill().unwrap();
        let status = self.0.wait().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
        status
    }
}

/// A moment far enough away that only a broken test gets there.
pub fn long() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

pub fn soon() -> Instant {
    Instant::now() + Duration::from_millis(30)
}

/// Installs a handler without `SA_RESTART`, so that the signal interrupts system calls.
pub fn interrupts(signal: i32, handler: extern "C" fn(i32)) {
    // SAFETY: all zeroes is a valid `sigaction`: the default action, no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    // SAFETY: a valid action whose handler the callers keep to what is safe in a signal handler.
    let result = unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Sends `signal` to one thread again and again, every millisecond, until dropped.
pub struct Pester {
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Pester {
    pub fn this_thread(signal: i32) -> Self {
        use std::sync::atomic::{AtomicBool, Ordering};
        // musl's name of a thread is a pointer, which cannot be sent.
        // SAFETY: always allowed.
        let target = unsafe { libc::pthread_self() } as usize;
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let thread = std::thread::spawn(move || {
            // Relaxed: partner is the store in `drop`; nothing else is published by it.
            while !seen.load(Ordering::Relaxed) {
                // SAFETY: the thread lives: it owns the `Pester` and joins us before it ends.
                unsafe { libc::pthread_kill(target as libc::pthread_t, signal) };
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Pester { stop, thread: Some(thread) }
    }
}

impl Drop for Pester {
    fn drop(&mut self) {
        // Relaxed: partner is the load in the thread.
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Waits until a process sleeps, as `/proc` has it: most likely where the test wants it to wait,
/// and without guessing a time. A test is right whether it does or not.
pub fn wait_until_asleep(pid: u32) {
    let end = long();
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // The state follows the name in parentheses.
        let state = stat.rsplit(')').next().unwrap().trim_start().chars().next();
        if state == Some('S') {
            return;
        }
        assert!(Instant::now() < end, "process {pid} did not go to sleep: {stat}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
