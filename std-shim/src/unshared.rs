//! What belongs to this process alone, and must not live on in a copy of it.
//!
//! A plain `fork(2)`, by whatever library, copies every descriptor and every mapping. Some of ours
//! say to others that *this process* lives: the opening that holds a region's locks, the writer of
//! the pipe that children end with. A copy of them would say so after its end. So they are on
//! record here, and a handler of
//! [`pthread_atfork(3)`](https://man7.org/linux/man-pages/man3/pthread_atfork.3.html) takes them
//! from the copy before `fork` returns there: the number of a descriptor stays taken, by one that
//! leads to the root directory and can do nothing; the addresses of a mapping stay taken, and every
//! access to them is a `SIGSEGV`.
//!
//! The crate's own [`fork`](fn@crate::process::fork) hands over what the copy is to have, see
//! [`hand_over`]. A `clone(2)` that goes around the C library runs no handlers: what it makes keeps
//! its copies until it executes something or ends.

use crate::sys::lock;
use std::cell::Cell;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once};

/// A descriptor that a copy of this process does not get.
#[derive(Debug)]
pub(crate) struct Unshared(ManuallyDrop<OwnedFd>);

impl Unshared {
    /// Makes one by `open`, together with something else. No fork can come between its being open
    /// and its being on record.
    pub(crate) fn open<T, E>(
        open: impl FnOnce() -> Result<(OwnedFd, T), E>,
    ) -> Result<(Self, T), E> {
        let mut record = record();
        let (fd, more) = open()?;
        record.push(Own::Descriptor(fd.as_raw_fd()));
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
        let ours = Own::Descriptor(self.0.as_raw_fd());
        record.retain(|known| *known != ours);
        // Closed while the record is held: a fork must not find the number in it as another file's.
        // SAFETY: dropped once, here, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.0) };
        drop(record);
    }
}

/// Maps memory that is shared by `map`, `length` bytes, which a copy of this process does not get.
pub(crate) fn map<E>(
    length: usize,
    map: impl FnOnce() -> Result<*mut c_void, E>,
) -> Result<*mut c_void, E> {
    let mut record = record();
    let at = map()?;
    record.push(Own::Memory { at: at.addr(), length });
    Ok(at)
}

/// Takes the memory at `at` from the record, if it is there, and has it unmapped by `unmap`.
pub(crate) fn unmap(at: usize, unmap: impl FnOnce()) {
    let mut record = record();
    record.retain(|known| !matches!(known, Own::Memory { at: there, .. } if *there == at));
    unmap();
}

/// Runs `fork`, whose copy keeps everything, and sees itself to what it must not have.
pub(crate) fn hand_over<T>(fork: impl FnOnce() -> T) -> T {
    // Relaxed, both: for the handlers, which run in this thread.
    HANDED_OVER.store(true, Ordering::Relaxed);
    let done = fork();
    HANDED_OVER.store(false, Ordering::Relaxed);
    done
}

/// Whether the fork that is under way is this crate's own. It is made by a process that has one
/// thread.
static HANDED_OVER: AtomicBool = AtomicBool::new(false);

/// What a copy must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    Descriptor(RawFd),
    Memory { at: usize, length: usize },
}

static RECORD: Mutex<Vec<Own>> = Mutex::new(Vec::new());

thread_local! {
    /// The record, held from before a fork until after it. Without a destructor, so that it is
    /// there to the last.
    static HELD: Cell<Option<Held>> = const { Cell::new(None) };
}

type Held = ManuallyDrop<MutexGuard<'static, Vec<Own>>>;

fn record() -> MutexGuard<'static, Vec<Own>> {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| {
        // SAFETY: three functions that live as long as the program and do what is allowed between a
        // fork and what follows it. An error is a lack of memory: then a plain fork keeps what it
        // should not, which is as before.
        let failed = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_copy)) };
        debug_assert_eq!(failed, 0, "no memory for three addresses");
    });
    // A panic in between leaves the list as good as it was.
    lock(&RECORD)
}

unsafe extern "C" fn before() {
    // Held over the fork, so that the copy finds the list whole and nothing is opened meanwhile.
    let record = lock(&RECORD);
    HELD.set(Some(ManuallyDrop::new(record)));
}

unsafe extern "C" fn in_parent() {
    drop(HELD.take().map(ManuallyDrop::into_inner));
}

/// System calls alone, and no memory: the copy may have been made while another thread was in the
/// allocator.
unsafe extern "C" fn in_copy() {
    let Some(mut record) = HELD.take().map(ManuallyDrop::into_inner) else { return };
    // Relaxed: see `hand_over`.
    if !HANDED_OVER.load(Ordering::Relaxed) {
        cut_off(&record);
        record.clear();
    }
}

fn cut_off(record: &[Own]) {
    for own in record {
        match *own {
            Own::Descriptor(number) => {
                // SAFETY: the number is on record as this process's own. Its handle has a harmless
                // descriptor below; where the root directory cannot be opened, the number is free,
                // and the handle finds another's file or none.
                unsafe { libc::close(number) };
                let flags = libc::O_PATH | libc::O_CLOEXEC;
                // SAFETY: a path that ends with a zero, and flags. There is room for it: one was
                // just closed.
                let harmless = unsafe { libc::open(c"/".as_ptr(), flags) };
                if harmless >= 0 && harmless != number {
                    // SAFETY: as above; nobody has taken the number since, for a copy has one
                    // thread.
                    unsafe { libc::dup3(harmless, number, libc::O_CLOEXEC) };
                    // SAFETY: opened above, and no handle's.
                    unsafe { libc::close(harmless) };
                }
            }
            Own::Memory { at, length } => {
                let flags =
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
                let at = at as *mut c_void;
                // SAFETY: the addresses are on record as a mapping of ours. What refers to them is
                // not used again: an access is a SIGSEGV, which is what this is for.
                unsafe { libc::mmap(at, length, libc::PROT_NONE, flags, -1, 0) };
            }
        }
    }
}
