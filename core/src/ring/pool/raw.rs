//! The memory of a pool, and what can be done without a half.

use crate::participant::Participant;
use crate::ring::owner::HalfOwner;
use crate::storage::fixed;
use crate::sync::{AtomicU32, CachePadded, Ordering, Slot, SlotsRef, array_of, const_unless_loom};
use crate::wait::{Doorbell, Nobody, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
#[cfg(not(loom))]
use core::mem::offset_of;
use core::num::NonZeroU32;
#[cfg(not(loom))]
use core::ptr::NonNull;

/// How many readers a pool has at a time, at most.
// Loom explores each look at a pin.
pub const READERS: usize = if cfg!(loom) { 2 } else { 29 };

/// The largest number of frames.
const MAX_FRAMES: usize = 1 << 20;

/// In a frame's number: the writer has the frame, so that no reader may pin it.
pub(super) const HIDDEN: u32 = 1 << 31;

/// The words of a pool that do not belong to one frame.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Words<W: Wake> {
    pub(super) writer: CachePadded<WriterWords<W>>,
    pub(super) readers: CachePadded<ReaderWords<W>>,
}

/// What the writer writes.
#[derive(Debug)]
#[repr(C)]
pub(super) struct WriterWords<W: Wake> {
    pub(super) owner: HalfOwner,
    /// The number of the next publication.
    pub(super) published: AtomicU32,
    /// Readers sleep on it.
    pub(super) bell: Doorbell<W>,
}

/// What the readers write.
#[derive(Debug)]
#[repr(C)]
pub(super) struct ReaderWords<W: Wake> {
    pub(super) places: [Place; READERS],
    /// The writer sleeps on it.
    pub(super) bell: Doorbell<W>,
}

/// The place of a reader.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Place {
    pub(super) owner: HalfOwner,
    /// The number that the reader wants next; with [`HIDDEN`] if the writer does not wait for it.
    pub(super) next: AtomicU32,
}

/// The words of a frame.
#[derive(Debug)]
#[repr(C)]
pub(super) struct FrameWords {
    /// The publication in the frame, or with [`HIDDEN`]: none that can be pinned.
    pub(super) number: AtomicU32,
    /// The number of bytes that were published.
    pub(super) len: AtomicU32,
    /// [`FREE`], [`PUBLISHED`] or [`LOANED`]. Only the writer uses it.
    pub(super) state: AtomicU32,
    /// For each reader's place: 0, or the word of the reader that has pinned the frame.
    pub(super) pins: [AtomicU32; READERS],
}

pub(super) const FREE: u32 = 0;
pub(super) const PUBLISHED: u32 = 1;
pub(super) const LOANED: u32 = 2;

impl FrameWords {
    const_unless_loom! {
        fn new() -> Self {
            FrameWords {
                number: AtomicU32::new(0),
                len: AtomicU32::new(0),
                state: AtomicU32::new(FREE),
                pins: array_of!(AtomicU32::new(0); READERS),
            }
        }
    }
}

impl<W: Wake> Words<W> {
    const_unless_loom! {
        fn new() -> Self {
            Words {
                writer: CachePadded(WriterWords {
                    owner: HalfOwner::new(),
                    published: AtomicU32::new(0),
                    bell: Doorbell::new(),
                }),
                readers: CachePadded(ReaderWords {
                    places: array_of!(
                        Place { owner: HalfOwner::new(), next: AtomicU32::new(0) };
                        READERS
                    ),
                    bell: Doorbell::new(),
                }),
            }
        }
    }
}

/// A pool of `FRAMES` frames of `SIZE` bytes each.
///
/// `W` says how the sides can sleep, see [`Wake`]. `FRAMES` is 1 to 2^20; other numbers do not
/// compile.
///
/// Memory: for each frame its bytes, and 132 bytes of words. In addition some 256 bytes.
///
/// All that it does, [`raw`](Self::raw) lends.
///
/// ```
/// use ringway_core::ring::pool::Pool;
/// static POOL: Pool<8, 256> = Pool::new();
/// assert_eq!((POOL.raw().frames(), POOL.raw().frame_size()), (8, 256));
/// ```
///
/// ```compile_fail
/// static NONE: ringway_core::ring::pool::Pool<0, 256> = ringway_core::ring::pool::Pool::new();
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct Pool<const FRAMES: usize, const SIZE: usize, W: Wake = Nobody> {
    words: Words<W>,
    line: [AtomicU32; FRAMES],
    frames: [CachePadded<FrameWords>; FRAMES],
    memory: [[Slot<u8>; SIZE]; FRAMES],
    #[cfg(loom)]
    watch: crate::sync::Watch,
}

// SAFETY: the words are atomic. The bytes of a frame are written by the writer that hid its number
// and found no pin, and read by those that pinned it before, see the module.
unsafe impl<const FRAMES: usize, const SIZE: usize, W: Wake + Sync> Sync for Pool<FRAMES, SIZE, W> where
    W::Word: Sync
{
}

impl<const FRAMES: usize, const SIZE: usize, W: Wake> Pool<FRAMES, SIZE, W> {
    const COUNT: NonZeroU32 = {
        assert!(FRAMES <= MAX_FRAMES, "a pool has at most 2^20 frames");
        NonZeroU32::new(fixed::<FRAMES>()).expect("a pool has frames")
    };

    const_unless_loom! {
        /// A pool in which nothing was published.
        pub fn new() -> Self {
            let _ = Self::COUNT;
            Pool {
                words: Words::new(),
                line: array_of!(AtomicU32::new(0); FRAMES),
                frames: array_of!(CachePadded(FrameWords::new()); FRAMES),
                memory: [const { [const { Slot::zero() }; SIZE] }; FRAMES],
                #[cfg(loom)]
                watch: crate::sync::Watch::new(FRAMES),
            }
        }
    }

    /// The pool, with its sizes in the reference.
    pub fn raw(&self) -> RawPool<'_, W> {
        RawPool {
            words: &self.words,
            line: &self.line,
            frames: &self.frames,
            count: Self::COUNT,
            memory: Memory(SlotsRef::new(
                // Taken from the whole array, so that the pointer is good for all of it.
                (&raw const self.memory).cast::<u8>().cast_mut(),
                #[cfg(loom)]
                &self.watch,
            )),
            size: SIZE,
            stride: SIZE,
        }
    }
}

impl<const FRAMES: usize, const SIZE: usize, W: Wake> Default for Pool<FRAMES, SIZE, W> {
    fn default() -> Self {
        Self::new()
    }
}

/// A [`Pool`] whose sizes are known at run time: a reference to it.
///
/// It comes from a [`Pool`], or lies in memory that the caller provides:
/// [`init_at`](Self::init_at).
///
/// ```
/// use ringway_core::ring::pool::{RawPool, Reliability};
/// use std::{alloc::Layout, ptr::NonNull};
/// let (frames, frame) = ("3".parse()?, Layout::from_size_align("1000".parse()?, 8)?);
/// let layout = <RawPool>::layout(frames, frame).unwrap();
/// let mut memory = vec![0_u128; layout.size().div_ceil(16) + 8];
/// let at = memory.as_mut_ptr().cast::<u8>();
/// let at = NonNull::new(at.wrapping_add(at.align_offset(layout.align()))).unwrap();
/// // SAFETY: the memory is large enough, aligned, and used for nothing else.
/// let pool: RawPool = unsafe { RawPool::init_at(at, frames, frame) }.unwrap();
/// let reader = pool.reader(Reliability::Reliable).unwrap();
/// let number = pool.writer().unwrap().try_loan()?.publish();
/// assert_eq!(reader.try_recv()?.unwrap().number(), number);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RawPool<'p, W: Wake = Nobody> {
    pub(super) words: &'p Words<W>,
    pub(super) line: &'p [AtomicU32],
    pub(super) frames: &'p [CachePadded<FrameWords>],
    /// The number of frames, which is that of the line's words.
    pub(super) count: NonZeroU32,
    pub(super) memory: Memory<'p>,
    /// The size of a frame, and the distance from one to the next, in bytes.
    pub(super) size: usize,
    pub(super) stride: usize,
}

impl<W: Wake> Clone for RawPool<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for RawPool<'_, W> {}

/// The bytes of all frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory<'p>(pub(super) SlotsRef<'p, u8>);

// SAFETY: plain bytes. One writer writes those of a frame, or readers read them, at a time: see the
// module.
unsafe impl Send for Memory<'_> {}
// SAFETY: as above.
unsafe impl Sync for Memory<'_> {}

#[cfg(not(loom))]
impl<W: Wake> RawPool<'_, W> {
    /// How many bytes the words take that do not belong to one frame.
    pub(crate) const HEAD: usize = size_of::<Words<W>>();

    /// What the first [`HEAD`](Self::HEAD) bytes of a pool say: the number of publications, whether
    /// the writer is gone, and who holds the writer's half.
    ///
    /// # Safety
    /// [`HEAD`](Self::HEAD) bytes lie at `at`, aligned to 4 bytes. They may have any values.
    pub(crate) unsafe fn look(at: NonNull<u8>) -> (u32, bool, Option<Participant>) {
        let writer = offset_of!(Words<W>, writer);
        // SAFETY: the caller guarantees the bytes of the head.
        let writer = unsafe { at.add(writer) }.cast::<WriterWords<W>>();
        // SAFETY: the words of the writer are atomic, and of any values. They are aligned to 4
        // bytes.
        let WriterWords { owner, published, .. } = unsafe { writer.as_ref() };
        // Relaxed: the answer may be outdated at once.
        (published.load(Ordering::Relaxed), owner.is_gone(), owner.holder())
    }
}

#[cfg(not(loom))]
impl<'p, W: Wake> RawPool<'p, W> {
    /// The size and alignment in memory of a pool of `frames` frames of the layout `frame`.
    ///
    /// `None` when no such pool is possible.
    pub fn layout(frames: usize, frame: Layout) -> Option<Layout> {
        Some(Self::parts(frames, frame)?.0)
    }

    /// The layout, and the offsets of the line, the frames' words and the frames' bytes.
    fn parts(frames: usize, frame: Layout) -> Option<(Layout, [usize; 3])> {
        if frames == 0 || frames > MAX_FRAMES || u32::try_from(frame.size()).is_err() {
            return None;
        }
        let bytes = frame.pad_to_align().size().checked_mul(frames)?;
        let memory = Layout::from_size_align(bytes, frame.align()).ok()?;
        let words = Layout::new::<Words<W>>();
        let (layout, line) = words.extend(Layout::array::<AtomicU32>(frames).ok()?).ok()?;
        let words = Layout::array::<CachePadded<FrameWords>>(frames).ok()?;
        let (layout, words) = layout.extend(words).ok()?;
        let (layout, memory) = layout.extend(memory).ok()?;
        Some((layout.pad_to_align(), [line, words, memory]))
    }

    /// The pool of `frames` frames of the layout `frame` at `at`.
    ///
    /// `None` when no such pool is possible.
    ///
    /// # Safety
    /// For `'p`, there is such a pool at `at`, aligned as [`layout`](Self::layout) says, and only
    /// pools of these sizes use it.
    pub unsafe fn at(at: NonNull<u8>, frames: usize, frame: Layout) -> Option<Self> {
        let (_, [line, words, memory]) = Self::parts(frames, frame)?;
        // SAFETY: the caller guarantees a pool for `'p`, which begins with its words. Any bits are
        // such words.
        let head = unsafe { at.cast().as_ref() };
        let line = NonNull::slice_from_raw_parts(
            // SAFETY: the offset lies within the pool.
            unsafe { at.add(line) }.cast::<AtomicU32>(),
            frames,
        );
        let words = NonNull::slice_from_raw_parts(
            // SAFETY: the offset lies within the pool.
            unsafe { at.add(words) }.cast::<CachePadded<FrameWords>>(),
            frames,
        );
        // SAFETY: the offset lies within the pool.
        let memory = unsafe { at.add(memory) };
        Some(RawPool {
            words: head,
            // SAFETY: the pool has one such word for each frame, there for `'p`, aligned by
            // `parts`.
            line: unsafe { line.as_ref() },
            // SAFETY: as above.
            frames: unsafe { words.as_ref() },
            count: NonZeroU32::new(u32::try_from(frames).ok()?)?,
            memory: Memory(SlotsRef::new(memory.as_ptr())),
            size: frame.size(),
            stride: frame.pad_to_align().size(),
        })
    }

    /// Makes a fresh pool at `at`, all zeros. What was there is neither read nor dropped.
    ///
    /// # Safety
    /// For `'p`, there is memory of [`layout(frames, frame)`](Self::layout) at `at`. The caller may
    /// write it, and from now on only this pool uses it.
    pub unsafe fn init_at(at: NonNull<u8>, frames: usize, frame: Layout) -> Option<Self> {
        let layout = Self::layout(frames, frame)?;
        // SAFETY: the caller provides memory of this size. Zeroed bytes are frames of zeros.
        unsafe { at.write_bytes(0, layout.size()) };
        // SAFETY: the pool begins with its words, in memory that only the caller uses.
        unsafe { at.cast().write(Words::<W>::new()) };
        // SAFETY: zeroed words are those of free frames. All of the pool was just made.
        unsafe { Self::at(at, frames, frame) }
    }
}

impl<'p, W: Wake> RawPool<'p, W> {
    /// The number of frames.
    pub fn frames(self) -> usize {
        self.frames.len()
    }

    /// The size of a frame, in bytes.
    pub fn frame_size(self) -> usize {
        self.size
    }

    /// The number of publications, up to the wrap described in the [module](crate::ring::pool).
    pub fn published(self) -> u32 {
        // Relaxed: the answer may be outdated at once.
        self.words.writer.0.published.load(Ordering::Relaxed)
    }

    /// The participant that holds the writer's half. The answer may be outdated when this returns.
    pub fn holder(self) -> Option<Participant> {
        self.words.writer.0.owner.holder()
    }

    /// Whether the last writer closed its half or died, and nobody has taken the half since.
    pub fn writer_is_gone(self) -> bool {
        self.words.writer.0.owner.is_gone()
    }

    /// Puts right what `dead` held: its pins, its readers' places and the writer's half. It wakes
    /// those who sleep, and returns the number of places and halves.
    ///
    /// Several callers may do this at once, and again later.
    ///
    /// # Safety
    /// `dead` takes no further step in this pool: its process has ended, or its context was reset.
    /// What it wrote is visible to the caller, as it is once the operating system has reported its
    /// end.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::ring::pool::{Pool, Reliability};
    /// static POOL: Pool<1, 8> = Pool::new();
    /// let (one, two) = (Participant::new(1).unwrap(), Participant::new(2).unwrap());
    /// let reader = POOL.raw().reader_as(two, Reliability::Reliable).unwrap();
    /// let writer = POOL.raw().writer_as(one).unwrap();
    /// writer.try_loan().unwrap().publish();
    /// std::mem::forget(reader.try_recv());
    /// std::mem::forget(reader); // it dies while it reads the only frame
    /// assert!(writer.try_loan().is_err());
    /// // SAFETY: participant 2 does nothing any more.
    /// assert_eq!(unsafe { POOL.raw().recover(two) }, 1);
    /// assert!(writer.try_loan().is_ok());
    /// ```
    pub unsafe fn recover(self, dead: Participant) -> usize {
        let held = HalfOwner::word_of(dead);
        for pin in self.frames.iter().flat_map(|frame| &frame.0.pins) {
            // Relaxed: the exchange looks again.
            if pin.load(Ordering::Relaxed) == held {
                // Release: partner of the acquire load in `Writer::seize`. What `dead` read is
                // over, as the caller guarantees. Failure, relaxed: another caller was faster.
                let _ = pin.compare_exchange(held, 0, Ordering::Release, Ordering::Relaxed);
            }
        }
        let Words { writer, readers } = self.words;
        let places = readers.0.places.iter().filter(|place| place.owner.recover(dead)).count();
        let halves = usize::from(writer.0.owner.recover(dead));
        writer.0.bell.wake_all();
        readers.0.bell.wake_all();
        places + halves
    }

    /// What publication numbers are counted modulo: a multiple of the number of frames, so that
    /// each publication has its word of the line also where numbers wrap.
    fn modulus(self) -> NonZeroU32 {
        let modulus = HIDDEN.wrapping_sub(HIDDEN % self.count);
        // It is at least 2^30, as there are at most 2^20 frames.
        NonZeroU32::new(modulus).unwrap_or(NonZeroU32::MAX)
    }

    /// The number after `number`.
    pub(super) fn after(self, number: u32) -> u32 {
        let next = number.wrapping_add(1);
        if next == self.modulus().get() { 0 } else { next }
    }

    /// The number `count` before `number`. `count` is less than the modulus.
    pub(super) fn before(self, number: u32, count: u32) -> u32 {
        let laps = if number < count { self.modulus().get() } else { 0 };
        number.wrapping_add(laps).wrapping_sub(count)
    }

    /// How many publications there are from `number` up to `published`: 1 for the newest.
    pub(super) fn age(self, published: u32, number: u32) -> u32 {
        self.before(published, number % self.modulus())
    }

    /// The word of the line for a publication.
    pub(super) fn line(self, number: u32) -> &'p AtomicU32 {
        // SAFETY: the line has `count` words, and the remainder is less than that.
        unsafe { self.line.get_unchecked((number % self.count) as usize) }
    }

    /// The first byte of a frame, which has `size` bytes.
    pub(super) fn bytes(self, index: u32) -> *mut u8 {
        self.memory.0.first().wrapping_add(index as usize * self.stride)
    }
}
