//! Descriptors and mappings that belong to this process alone, and that a copy must not keep.
//!
//! A plain `fork(2)`, by whatever library, copies every descriptor and every mapping. Some of this
//! crate's tell other processes that *this process* lives: the opening that holds a region's locks,
//! and the writer of the pipe by which children end. A copy of them would still tell so after this
//! process has ended. So this module records them, and a handler of
//! [`pthread_atfork(3)`](https://man7.org/linux/man-pages/man3/pthread_atfork.3.html) takes them
//! from the copy before `fork` returns in it. The number of such a descriptor stays taken, by a
//! descriptor of the root directory that can do nothing. The addresses of such a mapping stay
//! taken, and every access to them is a `SIGSEGV`.
//!
//! The crate's own [`fork`](fn@crate::process::fork) decides itself what the copy keeps, see
//! [`hand_over`]. A `clone(2)` that goes around the C library runs no handlers: the new process
//! keeps its copies until it executes a program or ends.

use crate::sys::{self, lock};
use std::cell::Cell;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once};

/// A descriptor that a forked copy of this process does not get.
#[derive(Debug)]
pub(crate) struct Unshared(ManuallyDrop<OwnedFd>);

impl Unshared {
    /// Opens a descriptor by `open`, which may return something else with it, and records it. No
    /// fork can happen between the two.
    pub(crate) fn open<T, E>(
        open: impl FnOnce() -> Result<(OwnedFd, T), E>,
    ) -> Result<(Self, T), E> {
        let mut record = record();
        let (fd, more) = open()?;
        record.push(Resource::Descriptor(fd.as_raw_fd()));
        Ok((Unshared(ManuallyDrop::new(fd)), more))
    }
}

impl AsFd for Unshared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Unshared {
    fn drop(&mut self) {
        let mut record = record();
        let ours = Resource::Descriptor(self.0.as_raw_fd());
        record.retain(|known| *known != ours);
        // Closes it while the record is locked. Otherwise another file could get the number, and a
        // fork would find that number in the record.
        // SAFETY: only this function drops the descriptor, it runs once, and nothing uses `self.0`
        // afterwards.
        unsafe { ManuallyDrop::drop(&mut self.0) };
        drop(record);
    }
}

/// Maps `length` bytes of shared memory by `map`, which a forked copy of this process does not get.
pub(crate) fn map<E>(
    length: usize,
    map: impl FnOnce() -> Result<*mut c_void, E>,
) -> Result<*mut c_void, E> {
    let mut record = record();
    let at = map()?;
    record.push(Resource::Memory { at: at.addr(), length });
    Ok(at)
}

/// Removes the memory at `at` from the record, if it is there, and unmaps it by `unmap`.
pub(crate) fn unmap(at: usize, unmap: impl FnOnce()) {
    let mut record = record();
    record.retain(|known| !matches!(known, Resource::Memory { at: there, .. } if *there == at));
    unmap();
}

/// Runs `fork` so that the copy keeps everything. The caller itself removes from the copy what it
/// must not have.
pub(crate) fn hand_over<T>(fork: impl FnOnce() -> T) -> T {
    // Relaxed, both: no partner. The handlers read it in this thread.
    HANDED_OVER.store(true, Ordering::Relaxed);
    let done = fork();
    HANDED_OVER.store(false, Ordering::Relaxed);
    done
}

/// Whether the fork that is under way is this crate's own. Such a fork happens only in a process
/// with one thread.
static HANDED_OVER: AtomicBool = AtomicBool::new(false);

/// A resource that a copy must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Descriptor(RawFd),
    Memory { at: usize, length: usize },
}

static RECORD: Mutex<Vec<Resource>> = Mutex::new(Vec::new());

thread_local! {
    /// The lock on the record, from before a fork until after it.
    ///
    /// It has no destructor, so that it exists until the thread ends.
    static HELD: Cell<Option<Held>> = const { Cell::new(None) };
}

type Held = ManuallyDrop<MutexGuard<'static, Vec<Resource>>>;

fn record() -> MutexGuard<'static, Vec<Resource>> {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| {
        // SAFETY: the three functions live as long as the program, and do only what is allowed
        // around a fork: the one in the copy makes system calls and does not allocate. An error
        // means a lack of memory: a plain fork then keeps what it should not.
        let failed = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_copy)) };
        debug_assert_eq!(failed, 0, "no memory for three addresses");
    });
    // The list stays valid if a holder of the lock panics.
    lock(&RECORD)
}

unsafe extern "C" fn before() {
    // Holds the lock over the fork, so that the copy finds the list complete, and nothing is opened
    // meanwhile.
    let record = lock(&RECORD);
    HELD.set(Some(ManuallyDrop::new(record)));
}

unsafe extern "C" fn in_parent() {
    drop(HELD.take().map(ManuallyDrop::into_inner));
}

/// Makes system calls and does not allocate: another thread may have held the allocator's lock when
/// the copy was made.
unsafe extern "C" fn in_copy() {
    let Some(mut record) = HELD.take().map(ManuallyDrop::into_inner) else { return };
    // Relaxed: no partner. `hand_over` has stored it in this thread.
    if !HANDED_OVER.load(Ordering::Relaxed) {
        remove_from_copy(&record);
        record.clear();
    }
}

fn remove_from_copy(record: &[Resource]) {
    for resource in record {
        match *resource {
            Resource::Descriptor(number) => {
                // SAFETY: the record says that an `Unshared` of this crate owns the number. A
                // harmless descriptor takes the number below, so that the `Unshared` still owns
                // one. If the root directory cannot be opened, the number stays free, and the
                // `Unshared` refers to no file, or to one that is opened later.
                unsafe { libc::close(number) };
                let flags = libc::O_PATH | libc::O_CLOEXEC;
                // SAFETY: the path ends with a zero byte. The call finds a free number: one was
                // just closed.
                let harmless = unsafe { libc::open(c"/".as_ptr(), flags) };
                if harmless >= 0 && harmless != number {
                    // SAFETY: `number` was closed above, and the `Unshared` that owned it keeps the
                    // new descriptor. Nothing has taken the number since, because a copy has one
                    // thread.
                    let _ = unsafe { sys::replace(harmless, number) };
                    // SAFETY: `harmless` was opened above, and no handle owns it.
                    unsafe { libc::close(harmless) };
                }
            }
            Resource::Memory { at, length } => {
                let flags =
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
                let at = at as *mut c_void;
                // SAFETY: the record says that a `Mapping` of this crate owns these addresses.
                // Replacing its pages lets nothing else be accessed through it: every access is a
                // `SIGSEGV` from now on, as intended.
                unsafe { libc::mmap(at, length, libc::PROT_NONE, flags, -1, 0) };
            }
        }
    }
}
