//! Windows: what a half of a ring knows, for code that pushes or pops without a call of this crate.

use crate::sync::AtomicU32;

/// What a half of a ring knows, for code that pushes or pops without a call of this crate.
///
/// Code in another language, inlined in its caller, so takes as few steps as Rust. A position runs
/// from 0 to twice the capacity. Its slot is `position`, or `position - capacity` if that is not
/// negative. For each value the code does what the half's own method does, in this order:
///
/// 1. If `position` is `end`, and `may_look` is set, it may look: it loads `peer` with acquire. If
///    a producer finds its own position there, the ring is empty, and `end` becomes the position
///    `capacity` further on. If a consumer finds the position after its own, there is one value,
///    and `end` becomes that.
/// 2. It goes on only if `position` is not `end`. It copies the `size` bytes of the value to or
///    from the slot. The slots begin at `first`.
/// 3. It goes to the next position, and stores that to `word` with release.
/// 4. If there is a `bell`: after a sequentially consistent fence it loads `bell` relaxed. If bit 0
///    is set, it rings the doorbell: the consumer's, if it pushed.
///
/// In every other case it calls the half. Before that, the half resumes from the window. While the
/// window is in use, the half does nothing. The orders are those of `ring::sides`, and so the loom
/// models of the ring hold for a window too.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Window {
    /// The first slot of the ring.
    pub first: *mut u8,
    /// The size of a value, in bytes.
    pub size: usize,
    /// This side's position, which the other side loads.
    pub word: *const AtomicU32,
    /// The other side's position.
    pub peer: *const AtomicU32,
    /// The doorbell on which the other side sleeps; null where nobody has to be woken.
    pub bell: *const AtomicU32,
    /// The number of slots.
    pub capacity: u32,
    /// Where this side stands.
    pub position: u32,
    /// Where the slots end that are known to be this side's.
    pub end: u32,
    /// Whether code beside the half may look for more. A consumer that finds much each time looks
    /// itself, since it waits a moment first.
    pub may_look: bool,
}

/// What a half of a message ring knows, for code that sends or receives without a call of this
/// crate.
///
/// It is for messages that lie within one lap of the memory and do not end with it, so that no
/// position wraps. The byte of a position is `first + (position - lap)`. A message takes four bytes
/// for its length (little endian) and then its own.
///
/// A sender:
///
/// 1. It goes on only if the message is no longer than `limit`, if it ends at `end` or before, and
///    if the word at `peer`, loaded with acquire, is not 1: then the receiver is gone.
/// 2. It copies in the length and the message.
///
/// A receiver:
///
/// 1. If `position` is `end`, and `may_look` is set, it may look: it loads `peer` with acquire. It
///    goes on only if what it finds is more than `position` and at most `limit`.
/// 2. It copies the length out, once. It goes on only if the message ends at `end` or before. If it
///    has looked, the message ends at the position that it found, which becomes `end`.
/// 3. It copies the message out.
///
/// Both then go to the position after the message, store that to `word` with release, and see to
/// the `bell`, as a [`Window`] says. In every other case they call the half, which resumes first.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct MessageWindow {
    /// The first byte of the ring.
    pub first: *mut u8,
    /// This side's position, which the other side loads.
    pub word: *const AtomicU32,
    /// A sender: who holds the other half. A receiver: the other side's position.
    pub peer: *const AtomicU32,
    /// The doorbell on which the other side sleeps; null where nobody has to be woken.
    pub bell: *const AtomicU32,
    /// The position of the ring's first byte in this lap.
    pub lap: u32,
    /// Where this side stands.
    pub position: u32,
    /// Where the bytes end that are known to be this side's.
    pub end: u32,
    /// A sender: the longest message. A receiver: the last position of this lap.
    pub limit: u32,
    /// Whether code beside the half may look for more.
    pub may_look: bool,
}

/// The words of a side, as a window shows them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub(super) word: *const AtomicU32,
    pub(super) peer: *const AtomicU32,
    pub(super) bell: *const AtomicU32,
}

/// The positions of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    pub(super) position: u32,
    pub(super) end: u32,
    pub(super) may_look: bool,
}
