//! The message that every measurement sends, and the two halves that carry it.

use std::hint;

/// A message: plain words that carry its number, so that every one can be checked.
pub trait Message: Copy + Send + 'static {
    /// Its size in bytes.
    const SIZE: usize = size_of::<Self>();

    /// Makes message number `n` in place: only for small messages.
    fn numbered(n: u64) -> Self;

    /// Writes the number into the first word and the last.
    fn set_number(&mut self, n: u64);

    /// Whether the first word and the last carry the number.
    fn is_number(&self, n: u64) -> bool;

    /// The message as the kernel and byte rings see it.
    fn as_bytes(&self) -> &[u8] {
        // SAFETY: the implementors are arrays of `u64`, and `u64`: initialized, and without
        // padding.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).cast(), Self::SIZE) }
    }

    /// The same to be written.
    fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_bytes`; any bytes are a value.
        unsafe { std::slice::from_raw_parts_mut(std::ptr::from_mut(self).cast(), Self::SIZE) }
    }
}

impl Message for u64 {
    #[inline(always)]
    fn numbered(n: u64) -> Self {
        n
    }

    #[inline(always)]
    fn set_number(&mut self, n: u64) {
        *self = n;
    }

    #[inline(always)]
    fn is_number(&self, n: u64) -> bool {
        *self == n
    }
}

impl<const W: usize> Message for [u64; W] {
    #[inline(always)]
    fn numbered(n: u64) -> Self {
        [n; W]
    }

    #[inline(always)]
    fn set_number(&mut self, n: u64) {
        self[0] = n;
        self[W - 1] = n;
    }

    #[inline(always)]
    fn is_number(&self, n: u64) -> bool {
        self[0] == n && self[W - 1] == n
    }
}

/// The half that sends.
pub trait Tx<M> {
    /// Sends, or returns false when there is no room.
    fn put(&mut self, message: &M) -> bool;

    /// Sends, and waits for room. An entrant with a way of waiting of its own uses that.
    #[inline(always)]
    fn send(&mut self, message: &M) {
        while !self.put(message) {
            hint::spin_loop();
        }
    }
}

/// The half that receives.
pub trait Rx<M> {
    /// Receives, or returns false when there is nothing.
    fn get(&mut self, into: &mut M) -> bool;

    /// Receives, and waits for a message.
    #[inline(always)]
    fn recv(&mut self, into: &mut M) {
        while !self.get(into) {
            hint::spin_loop();
        }
    }
}

/// One direction, from a sender to a receiver. The halves are made before the other thread or
/// process is, and only one side uses each.
pub trait Spsc<M: Message> {
    /// The sender's half.
    type Tx: Tx<M>;
    /// The receiver's half.
    type Rx: Rx<M>;

    /// A new channel. If it cannot be had, the start ends with a message.
    fn open() -> (Self::Tx, Self::Rx);
}

/// A half that moves to one side. The other side's copy (in the parent, or in the child) is never
/// used.
pub struct Moved<T>(pub T);

// SAFETY: a half moves to its side before its first use, and only that side uses it. A half that is
// not `Send` by itself holds a raw pointer to memory that outlives both sides.
unsafe impl<T> Send for Moved<T> {}

impl<T> Moved<T> {
    /// The half. This is a method so that a closure captures the whole and not the field.
    pub fn into_inner(self) -> T {
        self.0
    }
}
