//! Two sides, pinned to a processor each: two threads, or this process and a child of its own.

use crate::memory;
use crate::message::Moved;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fs, hint, io, process, thread};

/// Which processors the two sides are pinned to.
#[derive(Debug, Clone, Copy)]
pub struct Cpus(pub usize, pub usize);

static CPUS: OnceLock<Cpus> = OnceLock::new();

impl Cpus {
    /// Makes this the choice of the whole process.
    pub fn choose(self) {
        let _ = CPUS.set(self);
    }

    /// The choice.
    pub fn chosen() -> Cpus {
        *CPUS.get_or_init(|| {
            let allowed = allowed();
            Cpus(allowed[0], *allowed.get(1).unwrap_or(&allowed[0]))
        })
    }
}

/// The processors that this process may use.
pub fn allowed() -> Vec<usize> {
    // SAFETY: a set of bits, for which zero is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours and as large as is said.
    unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) };
    // SAFETY: reads the set at an index below its size.
    (0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect()
}

/// Pins the calling thread.
pub fn pin(cpu: usize) {
    keep_to(&[cpu]);
}

/// Restricts the calling thread, and those that it starts, to these processors.
fn keep_to(cpus: &[usize]) {
    // SAFETY: a set of bits, for which zero is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: writes the set at an index below its size.
    cpus.iter().for_each(|&cpu| unsafe { libc::CPU_SET(cpu, &mut set) });
    // SAFETY: the set is ours and as large as is said.
    if unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) } != 0 {
        panic!("cannot keep to the processors {cpus:?}: {}", io::Error::last_os_error());
    }
}

/// Returns what `run` returns. `run` may pin the calling thread; afterwards the thread may run
/// where it could before.
pub fn and_back<R>(run: impl FnOnce() -> R) -> R {
    let before = allowed();
    let answer = run();
    keep_to(&before);
    answer
}

/// Gives this process, and what it starts, priority over every ordinary process, where that is
/// allowed. Returns whether it is. Other work of the machine then does not interrupt a measurement
/// of a fraction of a second.
pub fn go_first() -> bool {
    // SAFETY: plain numbers, for which zero is a value.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = 1;
    // SAFETY: the parameters are ours.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &parameters) == 0 }
}

/// Waits until the threads that were joined are gone. A thread that is about to end may hold the
/// lock of the address space, which the next thread needs to begin. On a processor where a thread
/// with priority spins, it would never get its turn.
fn wait_to_be_alone() {
    let threads = || fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    // A peer may have a thread of its own that stays.
    for _ in 0..1000 {
        if threads() == 1 {
            return;
        }
        thread::sleep(Duration::from_micros(50));
    }
}

/// How the two sides are separated, and where they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// Two threads on two processors.
    Threads,
    /// Two processes on two processors.
    Processes,
    /// Two processes on one processor.
    OneCpu,
}

impl Apart {
    /// Runs `there` in the other thread or process and `here` in this one. Returns the answer of
    /// `here`. An error on the other side ends the start. Afterwards this thread may run where it
    /// could before.
    pub fn run<R>(self, there: impl FnOnce() + Send, here: impl FnOnce() -> R) -> R {
        wait_to_be_alone();
        and_back(|| self.run_pinned(there, here))
    }

    fn run_pinned<R>(self, there: impl FnOnce() + Send, here: impl FnOnce() -> R) -> R {
        let Cpus(first, second) = Cpus::chosen();
        let other = if self == Apart::OneCpu { first } else { second };
        // The other side starts on its own processor: it needs no turn on this one before it can
        // move.
        pin(other);
        if self == Apart::Threads {
            return thread::scope(|s| {
                s.spawn(there);
                pin(first);
                here()
            });
        }
        let parent = process::id();
        // SAFETY: this process has one thread by now, so the child may go on as it is.
        match unsafe { libc::fork() } {
            -1 => panic!("cannot fork: {}", io::Error::last_os_error()),
            0 => {
                // SAFETY: a plain request; the child must not outlive a start that was given up.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
                if std::os::unix::process::parent_id() != parent {
                    process::abort();
                }
                there();
                // SAFETY: leaves without running what the parent has registered.
                unsafe { libc::_exit(0) }
            }
            child => {
                pin(first);
                let answer = here();
                let mut status = 0;
                // SAFETY: our child, and a place for its status.
                unsafe { libc::waitpid(child, &mut status, 0) };
                assert_eq!(status, 0, "the other side failed");
                answer
            }
        }
    }

    /// [`run`](Self::run) for halves that are not `Send` of themselves.
    pub fn run_with<T, R>(
        self,
        theirs: T,
        there: impl FnOnce(T) + Send,
        here: impl FnOnce() -> R,
    ) -> R {
        let theirs = Moved(theirs);
        self.run(move || there(theirs.into_inner()), here)
    }
}

/// A word on a cache line of its own, in memory that both sides share.
#[repr(C, align(128))]
pub struct Word(pub AtomicU64);

impl Word {
    /// A new one, which is 0.
    pub fn new() -> &'static Word {
        memory::shared::<Word>()
    }

    /// Says how many messages the next pass has. Both sides run every pass in step.
    pub fn start(&self, pass: u64, count: u64) {
        self.0.store(pass << 40 | count, Ordering::Release);
    }

    /// Waits for pass `pass` and returns how many messages it has. Yields: the sides may share a
    /// processor.
    pub fn started(&self, pass: u64) -> u64 {
        let mut looks = 0_u32;
        loop {
            let word = self.0.load(Ordering::Acquire);
            if word >> 40 == pass {
                return word & ((1 << 40) - 1);
            }
            looks += 1;
            if looks.is_multiple_of(64) { thread::yield_now() } else { hint::spin_loop() }
        }
    }
}
