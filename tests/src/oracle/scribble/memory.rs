//! Memory that is mapped twice, or lies on the heap, and a scribbler that knows where its words
//! are and what they look like.

use ringway_core::region::{ALIGN, AnyPart, Layout, View};
use ringway_core::sync::AtomicU32;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use std::os::fd::AsFd;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::super::Dice;
use super::super::lines::{Lines, zones};
use super::wait::Bounded;

/// The largest memory that a sequence needs, in bytes.
const MOST: usize = 1 << 16;

const PAGE: usize = 4096;

/// What decides: one of `0..count`. `None` at the end.
type Draw<'d> = &'d mut dyn FnMut(usize) -> Option<usize>;

/// The words of a fresh region, and where its zones end.
#[derive(Debug)]
pub(super) struct Image {
    words: Vec<u32>,
    zones: Zones,
    /// How many of the first words no operation may write.
    kept: usize,
}

/// Where the zones of the memory end, in words: the header, the directory, the attach table, the
/// words of the part, and its payload.
#[derive(Debug, Clone, Copy, Default)]
struct Zones([usize; 5]);

impl Image {
    /// A region as `layout` says.
    pub(super) fn of_region<const M: usize>(layout: &Layout<M>) -> Image {
        let size = layout.size();
        let mut lines = Lines::zeroed(size);
        layout.write(&mut lines.bytes()[..size]).unwrap();
        Image::of_lines(lines, size)
    }

    /// The region in a file of `size` bytes, as it is now.
    pub(super) fn of_file(file: impl AsFd, size: usize) -> Image {
        let mut lines = Lines::zeroed(size);
        let read = rustix::io::pread(file, &mut lines.bytes()[..size], 0);
        assert_eq!(read, Ok(size));
        Image::of_lines(lines, size)
    }

    fn of_lines(mut lines: Lines, size: usize) -> Image {
        // SAFETY: the lines live longer than the view, are aligned, and nobody else uses them.
        let view = unsafe { View::new(lines.at(), size) }.unwrap();
        let entries: Vec<_> = view.entries().collect();
        let first = entries.first().map_or(size, |entry| entry.offset() as usize);
        // Several parts have words and payload in turn: all of it counts as words.
        let payload = match &*entries {
            [only] => {
                let words = AnyPart::<Bounded>::new(&only.description).map_or(0, |it| it.words());
                // Kinds in which nothing is to be seen have words all the same.
                first + if words == 0 { only.description.size as usize } else { words }
            }
            _ => size,
        };
        let [header, directory, table] = zones(entries.len(), view.places().len());
        let ends = [header, directory, table, payload.min(size), size];
        let words = lines.bytes().chunks_exact(4);
        Image {
            words: words.map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect(),
            zones: Zones(ends.map(|end| end / 4)),
            // A region of many parts is used itself: its places and generations.
            kept: if entries.len() > 2 { 0 } else { first / 4 },
        }
    }

    /// Zeroed memory that begins with `words` bytes of words, and that nobody else may write.
    pub(super) fn zeroed(words: usize, size: usize) -> Image {
        let size = size.next_multiple_of(ALIGN as usize);
        let zones = Zones([0, 0, 0, words / 4, size / 4]);
        Image { words: vec![0; size / 4], zones, kept: size / 4 }
    }

    /// The size of the memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.words.len() * 4
    }

    /// How many words there are before the first part.
    pub(super) fn front(&self) -> usize {
        self.zones.0[2]
    }

    pub(super) fn words(&self) -> &[u32] {
        &self.words
    }

    /// The words that no operation may write.
    pub(super) fn kept(&self) -> &[u32] {
        self.words.get(..self.kept).unwrap_or_default()
    }
}

/// Where the memory for sequences comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The heap, in a block of exactly the size: AddressSanitizer sees an access beyond it.
    Heap,
    /// Pages that are mapped twice: an access beyond them is a fault.
    Twice(Arc<Twice>),
}

impl Source {
    /// Whether another thread scribbles.
    pub(super) fn is_raced(&self) -> bool {
        // Relaxed: no partner. Who starts the thread asks.
        matches!(self, Source::Twice(twice) if twice.is_raced.load(Ordering::Relaxed))
    }
}

/// Pages that are mapped twice. The structures use one mapping, and the scribbler the other.
#[derive(Debug)]
pub struct Twice {
    /// Where the structures use the pages.
    at: NonNull<u8>,
    /// Where the scribbler writes them.
    scribbler_at: NonNull<u8>,
    /// How many bytes there are.
    size: usize,
    /// Where the words of the current sequence begin, and where their zones end.
    begin: AtomicUsize,
    zones: [AtomicUsize; 5],
    /// Whether another thread scribbles.
    is_raced: AtomicBool,
}

// SAFETY: both addresses are those of mappings that live as long as this value, and everything
// accesses them atomically, or as the structures in them do.
unsafe impl Send for Twice {}
// SAFETY: both addresses are those of mappings that live as long as this value, and everything
// accesses them atomically, or as the structures in them do.
unsafe impl Sync for Twice {}

impl Twice {
    /// Maps fresh pages twice. Behind the first mapping lies a page that cannot be accessed.
    pub fn new() -> Arc<Twice> {
        let file = memfd_create("scribble", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&file, MOST as u64).unwrap();
        Twice::of(file, MOST)
    }

    /// Maps a file of `size` bytes in memory twice. Behind the first mapping lies a page that
    /// cannot be accessed.
    pub(super) fn of(file: impl AsFd, size: usize) -> Arc<Twice> {
        let (file, room) = (file.as_fd(), size.next_multiple_of(PAGE));
        let both = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, which covers nothing that is in use.
        let reserved = unsafe {
            mmap_anonymous(null_mut(), room + PAGE, ProtFlags::empty(), MapFlags::PRIVATE)
        };
        let reserved = reserved.unwrap();
        // SAFETY: it replaces the first pages of the mapping above, which nobody uses.
        let at =
            unsafe { mmap(reserved, room, both, MapFlags::SHARED.union(MapFlags::FIXED), file, 0) };
        // SAFETY: a new mapping, which covers nothing that is in use.
        let scribbler_at = unsafe { mmap(null_mut(), room, both, MapFlags::SHARED, file, 0) };
        let [at, scribbler_at] =
            [at, scribbler_at].map(|at| NonNull::new(at.unwrap()).unwrap().cast());
        Arc::new(Twice {
            at,
            scribbler_at,
            size,
            begin: AtomicUsize::new(0),
            zones: [const { AtomicUsize::new(0) }; 5],
            is_raced: AtomicBool::new(false),
        })
    }

    /// Scribbles in a thread, until the returned value is dropped.
    pub fn race(self: &Arc<Self>, seed: u64) -> Race {
        self.is_raced.store(true, Ordering::Relaxed);
        let twice = self.clone();
        let thread = std::thread::spawn(move || {
            let mut dice = Dice::new(seed);
            let mut draw = |count: usize| Some(dice.between(0, count - 1));
            while twice.is_raced.load(Ordering::Relaxed) {
                if !twice.scribble(&mut draw) {
                    // The sequences are over other memory.
                    std::thread::sleep(Duration::from_millis(1));
                }
                // Now at once again, now after the other side could do something.
                for _ in 0..draw(64).map_or(0, |pause| pause * pause) {
                    std::hint::spin_loop();
                }
            }
        });
        Race { twice: self.clone(), thread: Some(thread) }
    }

    /// Changes a word of the current sequence, as `draw` decides; false if it has none.
    fn scribble(&self, draw: Draw<'_>) -> bool {
        // Relaxed, all: whatever these are, all words lie in the mapping.
        let begin = self.begin.load(Ordering::Relaxed).min(self.size / 4);
        let zones = self.zones.each_ref().map(|end| end.load(Ordering::Relaxed));
        let zones = Zones(zones.map(|end| end.min(self.size / 4 - begin)));
        let end = begin + zones.0[4];
        let words = words_at(self.scribbler_at, self.size).get(begin..end).unwrap_or_default();
        if !words.is_empty() {
            change(words, zones, None, draw);
        }
        !words.is_empty()
    }
}

/// A thread that scribbles.
#[derive(Debug)]
pub struct Race {
    twice: Arc<Twice>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Race {
    fn drop(&mut self) {
        self.twice.is_raced.store(false, Ordering::Relaxed);
        if let Some(Err(panic)) = self.thread.take().map(|thread| thread.join()) {
            eprintln!("the scribbler failed: {panic:?}");
        }
    }
}

impl Drop for Twice {
    fn drop(&mut self) {
        let room = self.size.next_multiple_of(PAGE);
        // SAFETY: nobody uses the mapping any more.
        unsafe { munmap(self.at.as_ptr().cast(), room + PAGE) }.unwrap();
        // SAFETY: nobody uses the mapping any more.
        unsafe { munmap(self.scribbler_at.as_ptr().cast(), room) }.unwrap();
    }
}

/// The words of `size` bytes at `at`, which live long enough and are accessed atomically.
fn words_at<'m>(at: NonNull<u8>, size: usize) -> &'m [AtomicU32] {
    // SAFETY: every caller passes memory of its own of this size, aligned to 4 bytes, which lives
    // as long as what it lends.
    unsafe { std::slice::from_raw_parts(at.cast().as_ptr(), size / 4) }
}

/// The memory of one sequence.
#[derive(Debug)]
pub(super) struct Memory {
    /// Where the structures use it.
    at: NonNull<u8>,
    /// Where the scribbler writes it.
    scribbler_at: NonNull<u8>,
    size: usize,
    source: Source,
    /// Holds the memory that comes from the heap.
    _heap: Option<Lines>,
}

impl Memory {
    /// Memory for the region of `image`, laid out.
    pub(super) fn new(source: Source, image: &Image) -> Memory {
        let size = image.size();
        let mut heap = None;
        let [at, scribbler_at] = match &source {
            Source::Heap => [heap.insert(Lines::zeroed(size)).at(); 2],
            Source::Twice(twice) => {
                let begin = twice.size.checked_sub(size).expect("a sequence needs less memory");
                let ends = image.zones.0;
                // Relaxed, all: see `scribble`.
                twice.begin.store(begin / 4, Ordering::Relaxed);
                twice.zones.iter().zip(ends).for_each(|(to, end)| to.store(end, Ordering::Relaxed));
                // SAFETY: `begin` lies within both mappings.
                [twice.at, twice.scribbler_at].map(|at| unsafe { at.add(begin) })
            }
        };
        let memory = Memory { at, scribbler_at, size, source, _heap: heap };
        memory.restore(image, 0..image.words.len());
        memory
    }

    /// Where the structures use it.
    pub(super) fn at(&self) -> NonNull<u8> {
        self.at
    }

    pub(super) fn is_raced(&self) -> bool {
        self.source.is_raced()
    }

    pub(super) fn words(&self) -> &[AtomicU32] {
        words_at(self.scribbler_at, self.size)
    }

    /// Makes some words what they were at first.
    pub(super) fn restore(&self, image: &Image, words: std::ops::Range<usize>) {
        let fresh = image.words.get(words.clone()).unwrap();
        for (word, fresh) in self.words().get(words).unwrap().iter().zip(fresh) {
            word.store(*fresh, Ordering::Relaxed);
        }
    }

    /// Changes a word, as `draw` decides.
    pub(super) fn scribble(
        &self,
        image: &Image,
        mut draw: impl FnMut(usize) -> Option<usize>,
    ) -> Option<()> {
        change(self.words(), image.zones, Some(&image.words), &mut draw)
    }
}

impl Zones {
    /// Mostly words and payload of the part; now and then what tells where it is.
    fn draw(self, draw: Draw<'_>) -> Option<(usize, usize)> {
        let [header, directory, table, words, end] = self.0;
        let (from, to) = match draw(16)? {
            0 => (0, header),
            1 => (header, directory),
            2 => (directory, table),
            3..=5 => (words, end),
            _ => (table, words),
        };
        Some(if from < to { (from, to) } else { (0, end.max(1)) })
    }
}

/// Words at the edges of ranges.
const EDGES: [u32; 16] = [
    1,
    2,
    3,
    0x1FFF,
    0x2000,
    0x3FFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    1 << 16,
    0x7FFF_FFFF,
    1 << 31,
    (1 << 31) + 1,
    0xFFFF_0000,
    u32::MAX - 1,
    u32::MAX,
];

/// Changes one word, or two that lie side by side, the way that hurts most: to what another word
/// is, to its neighbour, to the same position half of all positions further on, to the name of
/// somebody else. `fresh` is what the words were at first.
fn change(words: &[AtomicU32], zones: Zones, fresh: Option<&[u32]>, draw: Draw<'_>) -> Option<()> {
    let (from, to) = zones.draw(draw)?;
    let at = from + draw(to - from)?;
    // Relaxed, all in this function: a scribbler keeps to no order.
    let read = |at: usize| words.get(at).map_or(0, |word| word.load(Ordering::Relaxed));
    let near = |draw: Draw<'_>| Some(draw(9)? as u32);
    let bits = |draw: Draw<'_>| Some((draw(1 << 16)? as u32) << 16 | draw(1 << 16)? as u32);
    if draw(3)? == 0 {
        let at = at & !1;
        let pair = |at: usize| u64::from(read(at)) | u64::from(read(at + 1)) << 32;
        let there = pair(at);
        let other = pair((zones.0[2] + draw((zones.0[4] - zones.0[2]).max(1))?) & !1);
        let word = match draw(12)? {
            0 => 0,
            1 => u64::MAX,
            2 => there ^ 1 << 63,
            3 => there.wrapping_add(near(draw)?.into()).wrapping_sub(4),
            4 => there.wrapping_add(u64::from(near(draw)?) << 16).wrapping_sub(4 << 16),
            5 => there ^ 1 << draw(64)?,
            6 => other,
            7 => other.wrapping_add(u64::from(near(draw)?) << 16).wrapping_sub(4 << 16),
            8 => u64::from(bits(draw)?) << 32 | u64::from(bits(draw)?),
            // The lower bits of one, and the upper bits of another.
            9 => {
                let mask = (1_u64 << draw(64)?) - 1;
                there & mask | other & !mask
            }
            10 => u64::from(bits(draw)?) << 46 | u64::from(near(draw)?) << 16 | there & 0xFFFF,
            _ => {
                let fresh = |at: usize| fresh.and_then(|it| it.get(at)).copied().unwrap_or(0);
                u64::from(fresh(at)) | u64::from(fresh(at + 1)) << 32
            }
        };
        if let Some(both) = words.get(at..at + 2) {
            let both = NonNull::from(both).cast::<AtomicU64>();
            // SAFETY: the two words lie there, aligned to 8 bytes since the memory is aligned and
            // `at` is even, and everything accesses them atomically.
            unsafe { both.as_ref() }.store(word, Ordering::Relaxed);
        }
        return Some(());
    }
    let there = read(at);
    let other = read(zones.0[2] + draw((zones.0[4] - zones.0[2]).max(1))?);
    let word = match draw(14)? {
        0 => 0,
        1 => u32::MAX,
        2 => there ^ 1 << 31,
        3 | 4 => there.wrapping_add(near(draw)?).wrapping_sub(4),
        5 => there ^ 1 << draw(32)?,
        6 => other,
        7 => other.wrapping_add(near(draw)?).wrapping_sub(4),
        8 => bits(draw)?,
        9 => EDGES[draw(EDGES.len())?],
        // A participant: this one, another, one that is not there.
        10 => there & !0x1FFF | [0, 1, 2, 3, 7, 0x1FFE, 0x1FFF][draw(7)?],
        11 => near(draw)?,
        12 => draw(256)? as u32,
        _ => fresh.and_then(|it| it.get(at)).copied().unwrap_or(0),
    };
    words.get(at)?.store(word, Ordering::Relaxed);
    Some(())
}
