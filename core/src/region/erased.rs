//! A part of some kind: recovered, and looked at, by what the directory says of it and nothing
//! else.

use super::{Description, SharedWait};
use crate::participant::Participant;
use crate::wait::Wait;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A part as one knows it who has its [`Description`] alone. `W` is how its sleepers are woken,
/// where there can be any.
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
    /// A part that is described so; `None` when no part of its kind is: its directory was
    /// overwritten. Of a kind that this version does not know there is nothing to be seen, and
    /// nothing to be recovered.
    pub fn new(description: &Description) -> Option<Self> {
        let functions = description.kind.functions::<W>();
        let words = (functions.words)(description)?;
        Some(AnyPart { description: *description, words, functions, _wait: PhantomData })
    }

    /// How many bytes at the beginning of the part [`look`](Self::look) reads.
    pub const fn words(&self) -> usize {
        self.words
    }

    /// Puts right what `dead` held in the part at `at`, in the name of `me`; returns how many
    /// things it was. May be called by several at once, and again after a death in the middle of
    /// it.
    ///
    /// # Safety
    /// There is such a part at `at`, whole; the caller has its description from the directory of a
    /// [`View`](super::View). `dead` takes no further step in it, and what it wrote is visible
    /// here.
    pub unsafe fn recover(&self, at: NonNull<u8>, me: Participant, dead: Participant) -> usize {
        // SAFETY: as the caller states, and its description was checked by `new`.
        unsafe { (self.functions.recover)(at, &self.description, me, dead) }
    }

    /// What the part at `at` looks like.
    ///
    /// # Safety
    /// There are its first [`words`](Self::words) bytes, on a boundary of 8 at least, or a copy of
    /// them. They may say what no such part says.
    pub unsafe fn look(&self, at: NonNull<u8>) -> PartState {
        // SAFETY: as the caller states.
        unsafe { (self.functions.look)(at, &self.description) }
    }
}

/// What a part looks like, at about one moment. What a part of its kind does not have is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartState {
    /// False when its words say what those of such a part never say: it was corrupted.
    pub is_valid: bool,
    /// Its words do not fit together: it was corrupted, or others change them at this moment. Look
    /// again.
    pub is_torn: bool,
    /// How many items wait in it; bytes, in a ring of bytes or messages; permits, in a semaphore.
    pub len: Option<usize>,
    /// How many items are sent and not done with: they wait, or a consumer has them.
    pub unfinished: Option<usize>,
    /// How many items were ever pushed or sent; in a queue it begins anew at 2^48 or a little
    /// earlier.
    pub pushed: Option<u64>,
    /// Whether no more will come: it was closed, or its producer died.
    pub is_closed: Option<bool>,
    /// Which of its halves or locks somebody has, and who.
    pub holders: [Option<(&'static str, Participant)>; 2],
}

impl PartState {
    /// One in which there is nothing to be seen.
    pub const VALID: PartState = PartState {
        is_valid: true,
        is_torn: false,
        len: None,
        unfinished: None,
        pushed: None,
        is_closed: None,
        holders: [None; 2],
    };

    /// One that was corrupted.
    pub const CORRUPT: PartState = PartState { is_valid: false, ..Self::VALID };

    /// The same, of which `who` has the half or lock called `role`.
    pub(super) const fn held(role: &'static str, who: Option<Participant>) -> PartState {
        let holder = match who {
            Some(who) => Some((role, who)),
            None => None,
        };
        PartState { holders: [holder, None], ..Self::VALID }
    }
}

/// A structure that is recovered and looked at by one who knows its [`Description`] alone.
pub(super) trait Erased {
    /// How many bytes of a part that is described so its other functions read, from the beginning;
    /// `None` when there is no such part.
    fn words(description: &Description) -> Option<usize>;

    /// # Safety
    /// As [`AnyPart::recover`], with a description for which [`words`](Self::words) answers.
    unsafe fn recover(
        at: NonNull<u8>,
        description: &Description,
        me: Participant,
        dead: Participant,
    ) -> usize;

    /// # Safety
    /// As [`AnyPart::look`], with a description for which [`words`](Self::words) answers.
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

/// In which nobody holds anything, and of which there is nothing to be seen.
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

/// What is recovered and seen in a structure is at its beginning, which is an `L` whatever it
/// holds.
#[derive(Debug)]
pub(super) struct Begins<L>(PhantomData<L>);

/// The beginning of a structure: words, of which any bits are a value.
///
/// # Safety
/// They are.
pub(super) unsafe trait Beginning {
    /// # Safety
    /// As [`AnyPart::recover`].
    unsafe fn recover(&self, dead: Participant) -> usize;

    fn look(&self, description: &Description) -> PartState;
}

impl<L: Beginning> Erased for Begins<L> {
    fn words(description: &Description) -> Option<usize> {
        (size_of::<L>() <= description.size as usize).then_some(size_of::<L>())
    }

    unsafe fn recover(
        at: NonNull<u8>,
        _: &Description,
        _: Participant,
        dead: Participant,
    ) -> usize {
        // SAFETY: as the caller states, there are at least so many bytes; they are words.
        let beginning = unsafe { at.cast::<L>().as_ref() };
        // SAFETY: as the caller states.
        unsafe { beginning.recover(dead) }
    }

    unsafe fn look(at: NonNull<u8>, description: &Description) -> PartState {
        // SAFETY: as above.
        unsafe { at.cast::<L>().as_ref() }.look(description)
    }
}
