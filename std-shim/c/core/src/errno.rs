//! Keeping `errno` as it was.

/// What `errno` was. Dropping it restores that.
#[derive(Debug)]
pub struct Errno(i32);

impl Errno {
    /// Notes what `errno` is.
    pub fn keep() -> Self {
        // SAFETY: the C library gives each thread such a word, which lives as long as the thread.
        Errno(unsafe { *libc::__errno_location() })
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        // SAFETY: the C library gives each thread such a word, which lives as long as the thread.
        unsafe { *libc::__errno_location() = self.0 };
    }
}
