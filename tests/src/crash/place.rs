//! Memory that the parent and its children share, and what a child notes in it.

use std::ops::Deref;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A value in memory that this process shares with the children that it forks.
#[derive(Debug)]
pub struct Place<T> {
    at: NonNull<T>,
}

impl<T: Sync> Place<T> {
    /// Maps memory for it and puts `value` there.
    ///
    /// # Panics
    /// When there is no memory.
    pub fn new(value: T) -> Place<T> {
        let at = map::<T>();
        // SAFETY: mapped, large enough and aligned.
        unsafe { at.write(value) };
        Place { at }
    }

    /// Maps zeroed memory for it.
    ///
    /// # Panics
    /// When there is no memory.
    ///
    /// # Safety
    /// Zeroes are a `T`.
    pub unsafe fn zeroed() -> Place<T> {
        Place { at: map() }
    }

    /// Replaces the value. No child may use the memory any more: a live one would see it change.
    pub fn set(&mut self, value: T) {
        // SAFETY: `new` mapped the memory, large enough and aligned, and `&mut self` borrows it
        // exclusively in this process. The old value has no destructor that matters.
        unsafe { self.at.write(value) };
    }
}

impl<T> Deref for Place<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a value was put there in `new`, and stays until the drop; `T: Sync`.
        unsafe { self.at.as_ref() }
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        // SAFETY: `new` made this mapping, and nobody has a reference to it any more.
        unsafe { libc::munmap(self.at.as_ptr().cast(), size_of::<T>().max(1)) };
    }
}

/// Zeroed memory for one `T`, shared with the children to come.
fn map<T>() -> NonNull<T> {
    assert!(align_of::<T>() <= 4096, "a mapping is aligned to a page");
    // SAFETY: a fresh anonymous mapping; nothing else knows its address.
    let page = unsafe {
        libc::mmap(
            null_mut(),
            // A structure may have its memory elsewhere.
            size_of::<T>().max(1),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(page, libc::MAP_FAILED, "mmap: {}", std::io::Error::last_os_error());
    NonNull::new(page.cast()).expect("a mapping is not at 0")
}

/// What a child notes outside of the structure: how far it came, and what it received.
#[derive(Debug, Default)]
pub struct Note {
    ended: AtomicUsize,
    count: AtomicUsize,
    got: [AtomicU64; 8],
}

impl Note {
    /// Notes that the operation begins: from here on the child is stepped.
    pub fn begin(&self) {
        super::trace::breakpoint();
    }

    /// Notes that the operation has returned.
    #[inline(always)]
    pub fn end(&self) {
        self.ended.store(1, Ordering::SeqCst);
    }

    /// Whether the operation has returned.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst) == 1
    }

    /// Notes that the operation gave this to the child.
    #[inline(always)]
    pub fn got(&self, value: u64) {
        let count = self.count.load(Ordering::Relaxed);
        if let Some(place) = self.got.get(count) {
            place.store(value, Ordering::SeqCst);
            self.count.store(count + 1, Ordering::SeqCst);
        }
    }

    /// What the child received.
    pub fn all(&self) -> Vec<u64> {
        let count = self.count.load(Ordering::SeqCst);
        self.got[..count].iter().map(|value| value.load(Ordering::SeqCst)).collect()
    }
}
