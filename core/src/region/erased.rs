//! Type-erased parts: recovered and inspected by their directory entry alone.

use super::{Description, SharedWait};
use crate::participant::Participant;
use crate::wait::Wait;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A type-erased part, of which only the [`Description`] is known.
///
/// `W` says how its sleepers are woken, where there can be any.
///
/// ```
/// use ringway_core::participant::Participant;
/// use ringway_core::region::{AnyPart, Part};
/// use ringway_core::ring::Ring;
/// use ringway_core::wait::Spin;
/// let ring: Ring<u32, 8> = Ring::new();
/// let me = Participant::new(1).unwrap();
/// let mut producer = ring.producer_as(me).unwrap();
/// producer.try_push(5).unwrap();
///
/// let part = AnyPart::<Spin>::new(&Ring::<u32, 8>::description()).unwrap();
/// let at = std::ptr::NonNull::from(&ring).cast();
/// // SAFETY: there is a ring of this description.
/// let seen = unsafe { part.look(at) };
/// assert_eq!((seen.len, seen.holders[0]), (Some(1), Some(("producer", me))));
/// ```
#[derive(Debug)]
pub struct AnyPart<W> {
    description: Description,
    words: usize,
    functions: Functions,
    _wait: PhantomData<fn() -> W>,
}

impl<W: SharedWait + Wait> AnyPart<W> {
    /// The part with this description; `None` when no part of its kind has such a description.
    ///
    /// In that case the directory was overwritten. In a part of a kind that this version does not
    /// know, there is nothing to see and nothing to recover.
    pub fn new(description: &Description) -> Option<Self> {
        let functions = description.kind.functions::<W>();
        let words = (functions.words)(description)?;
        Some(AnyPart { description: *description, words, functions, _wait: PhantomData })
    }

    /// The number of bytes that [`look`](Self::look) reads, from the beginning of the part.
    pub const fn words(&self) -> usize {
        self.words
    }

    /// Recovers what `dead` held in the part at `at`; returns how many things it held.
    ///
    /// Acts for `me`. Several processes may call it at once, and again after one of them died in
    /// the middle of it.
    ///
    /// # Safety
    /// A whole part lies at `at`, and the caller read its description from the directory of a
    /// [`View`](super::View). `dead` takes no further step in the part, and what it wrote is
    /// visible here.
    pub unsafe fn recover(&self, at: NonNull<u8>, me: Participant, dead: Participant) -> usize {
        // SAFETY: the caller guarantees that the part lies at `at` and that `dead` takes no further
        // step; `new` checked the description.
        unsafe { (self.functions.recover)(at, &self.description, me, dead) }
    }

    /// Returns what can be seen of the part at `at`.
    ///
    /// # Safety
    /// The first [`words`](Self::words) bytes of the part, or a copy of them, lie at `at`, aligned
    /// to at least 8 bytes. They may have any values.
    pub unsafe fn look(&self, at: NonNull<u8>) -> PartState {
        // SAFETY: the caller guarantees that the first `words` bytes lie at `at`; `new` checked the
        // description.
        unsafe { (self.functions.look)(at, &self.description) }
    }
}

/// What can be seen of a part, at about one moment. `None` is what a part of its kind does not
/// have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartState {
    /// False when its words have values that no such part writes: it was corrupted.
    pub is_valid: bool,
    /// Its words do not fit together: it was corrupted, or others are changing them now. Look
    /// again.
    pub is_torn: bool,
    /// The number of items in it: bytes in a ring of bytes or messages, permits in a semaphore.
    pub len: Option<usize>,
    /// The number of items that were sent and are unfinished: they wait, or a consumer has them.
    pub unfinished: Option<usize>,
    /// The number of items that were ever pushed or sent. In a queue it wraps at 2^48 or a little
    /// earlier.
    pub pushed: Option<u64>,
    /// Whether no more items will come: it was closed, or its producer died.
    pub is_closed: Option<bool>,
    /// The halves or locks that are held, and their holders.
    pub holders: [Option<(&'static str, Participant)>; 2],
}

impl PartState {
    /// The state of a valid part in which there is nothing to see.
    pub const VALID: PartState = PartState {
        is_valid: true,
        is_torn: false,
        len: None,
        unfinished: None,
        pushed: None,
        is_closed: None,
        holders: [None; 2],
    };

    /// The state of a corrupted part.
    pub const CORRUPT: PartState = PartState { is_valid: false, ..Self::VALID };

    /// The state of a valid part whose half or lock `role` is held by `who`.
    pub(super) const fn held(role: &'static str, who: Option<Participant>) -> PartState {
        let holder = match who {
            Some(who) => Some((role, who)),
            None => None,
        };
        PartState { holders: [holder, None], ..Self::VALID }
    }
}

/// A structure that can be recovered and inspected by its [`Description`] alone.
pub(super) trait Erased {
    /// The number of bytes that [`look`](Self::look) reads, from the beginning of a part with this
    /// description; `None` when there is no such part.
    fn words(description: &Description) -> Option<usize>;

    /// # Safety
    /// A whole part with this description lies at `at`, and [`words`](Self::words) returns a number
    /// for the description. `dead` takes no further step in the part, and what it wrote is visible
    /// here.
    unsafe fn recover(
        at: NonNull<u8>,
        description: &Description,
        me: Participant,
        dead: Participant,
    ) -> usize;

    /// # Safety
    /// [`words`](Self::words) returns a number for the description. So many bytes of the part, or a
    /// copy of them, lie at `at`, aligned to at least 8 bytes. They may have any values.
    unsafe fn look(at: NonNull<u8>, description: &Description) -> PartState;
}

/// The functions of an [`Erased`] structure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Functions {
    words: fn(&Description) -> Option<usize>,
    recover: unsafe fn(NonNull<u8>, &Description, Participant, Participant) -> usize,
    look: unsafe fn(NonNull<u8>, &Description) -> PartState,
}

impl Functions {
    pub(super) const fn of<E: Erased>() -> Self {
        Functions { words: E::words, recover: E::recover, look: E::look }
    }
}

/// A structure in which nobody holds anything and there is nothing to see.
#[derive(Debug)]
pub(super) struct Nothing<W = ()>(PhantomData<W>);

impl<W> Erased for Nothing<W> {
    fn words(_: &Description) -> Option<usize> {
        Some(0)
    }

    unsafe fn recover(_: NonNull<u8>, _: &Description, _: Participant, _: Participant) -> usize {
        0
    }

    unsafe fn look(_: NonNull<u8>, _: &Description) -> PartState {
        PartState::VALID
    }
}

/// A structure that begins with an `L`, whatever it holds, and is recovered and inspected by that
/// prefix.
#[derive(Debug)]
pub(super) struct ByPrefix<L>(PhantomData<L>);

/// The beginning of a structure: words, of which any bits are a value.
///
/// # Safety
/// The type consists of atomics and plain values, of which any bits are a value, and is aligned to
/// at most 8 bytes.
pub(super) unsafe trait Prefix {
    /// # Safety
    /// `self` lies at the beginning of a whole part. `dead` takes no further step in the part, and
    /// what it wrote is visible here.
    unsafe fn recover(&self, dead: Participant) -> usize;

    fn look(&self, description: &Description) -> PartState;
}

impl<L: Prefix> Erased for ByPrefix<L> {
    fn words(description: &Description) -> Option<usize> {
        (size_of::<L>() <= description.size as usize).then_some(size_of::<L>())
    }

    unsafe fn recover(
        at: NonNull<u8>,
        _: &Description,
        _: Participant,
        dead: Participant,
    ) -> usize {
        // SAFETY: the caller guarantees a whole part, and `words` found it to be at least as large
        // as an `L`; any bits are an `L`.
        let prefix = unsafe { at.cast::<L>().as_ref() };
        // SAFETY: the caller guarantees that `dead` takes no further step and that what it wrote is
        // visible here.
        unsafe { prefix.recover(dead) }
    }

    unsafe fn look(at: NonNull<u8>, description: &Description) -> PartState {
        // SAFETY: the caller guarantees that the first `words` bytes, which are as many as an `L`
        // has, lie at `at`, aligned to 8 bytes; any bits are an `L`.
        unsafe { at.cast::<L>().as_ref() }.look(description)
    }
}
