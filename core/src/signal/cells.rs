//! What a table consists of: its head, and its lines, each followed by the slots of its payloads.
//!
//! They lie in memory in this order, whether their numbers are constants or known at run time.

use super::set::FINDS_BITS;
use super::state::{Line, LineRef, Slot, Words};
use crate::sync::{AtomicU32, array_of, const_unless_loom};
use crate::wait::{Doorbell, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::offset_of;
use core::ptr::NonNull;

/// The head, the lines and the slots of a table: [`FixedCells`], or [`ViewCells`].
pub trait Cells: sealed::Cells {}

impl<C: sealed::Cells> Cells for C {}

/// The cells of a table of `LINES` lines, each with `DEPTH` slots.
// In this order: the words that a raise changes lie where the table begins.
#[repr(C)]
pub struct FixedCells<const LINES: usize, const DEPTH: usize, W: Wake> {
    head: Head<W>,
    lines: [LineCells<DEPTH>; LINES],
}

/// A line and its slots.
#[repr(C)]
struct LineCells<const DEPTH: usize> {
    line: Line,
    slots: [Slot; DEPTH],
}

/// The cells of a table whose numbers of lines and slots are known at run time.
pub struct ViewCells<'t, W: Wake> {
    /// For `'t`, the head of a table that has as many lines and slots. The pointer may be used for
    /// all of them.
    head: NonNull<Head<W>>,
    lines: u32,
    depth: u32,
    borrowed: PhantomData<&'t FixedCells<1, 1, W>>,
}

// SAFETY: it is used as the reference `&'t FixedCells` would be.
unsafe impl<W: Wake> Send for ViewCells<'_, W> where FixedCells<1, 1, W>: Sync {}
// SAFETY: it is used as the reference `&'t FixedCells` would be.
unsafe impl<W: Wake> Sync for ViewCells<'_, W> where FixedCells<1, 1, W>: Sync {}

impl<W: Wake> Clone for ViewCells<'_, W> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}
impl<W: Wake> Copy for ViewCells<'_, W> {}

/// The words of a table that belong to no line.
#[repr(C)]
pub struct Head<W: Wake> {
    pub(super) words: Words,
    /// [`FREE`]; [`TAKEN`] while there is a dispatcher; [`ENDED`] once another context ended it.
    pub(super) taken: AtomicU32,
    pub(super) bell: Doorbell<W>,
}

pub(super) const FREE: u32 = 0;
pub(super) const TAKEN: u32 = 1;
pub(super) const ENDED: u32 = 2;

/// The most lines that a table can have.
pub(super) const MOST_LINES: usize = 64;

/// Whether each line of a table can have a queue of `depth` payloads.
///
/// With a power of two, a ticket still finds its slot after the ticket counter wrapped.
pub(super) const fn is_depth(depth: usize) -> bool {
    depth == 0 || (depth.is_power_of_two() && depth <= Slot::MOST)
}

impl<W: Wake> Head<W> {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Head { words: Words::new(), taken: AtomicU32::new(FREE), bell: Doorbell::new() }
        }
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> FixedCells<LINES, DEPTH, W> {
    /// Refuses invalid sizes at compile time.
    const CHECKED: () = {
        assert!(LINES >= 1 && LINES <= MOST_LINES, "LINES is 1 to 64");
        assert!(
            is_depth(DEPTH),
            "DEPTH is a power of two, at most 2^30 (2^15 without compare-and-swap); or 0 for a table without payloads"
        );
    };

    const_unless_loom! {
        pub(super) fn new() -> Self {
            let () = Self::CHECKED;
            FixedCells {
                head: Head::new(),
                lines: array_of!(
                    LineCells { line: Line::new(), slots: array_of!(Slot::new(); DEPTH) };
                    LINES
                ),
            }
        }
    }

    /// The same cells, as if their numbers were known at run time.
    pub(super) fn view(&self) -> ViewCells<'_, W> {
        // The casts lose nothing: the numbers are checked.
        let (lines, depth) = (LINES as u32, DEPTH as u32);
        ViewCells { head: NonNull::from(self).cast(), lines, depth, borrowed: PhantomData }
    }

    /// As if every line had handed out `tickets` tickets and counted `count` raises; for tests.
    #[cfg(any(test, loom))]
    pub(super) fn start_at(&mut self, tickets: u32, count: u32) {
        for LineCells { line, slots } in &mut self.lines {
            line.start_at(tickets, count, DEPTH);
            slots.iter().for_each(|slot| slot.start_at(tickets));
        }
    }
}

impl<W: Wake> ViewCells<'_, W> {
    /// Where the first line lies, in bytes from the table's beginning.
    const FIRST_LINE: usize = offset_of!(FixedCells<1, 1, W>, lines);
    #[cfg(not(loom))]
    const ALIGN: usize = align_of::<FixedCells<1, 1, W>>();

    /// The bytes of a line with `depth` slots.
    #[inline(always)]
    fn stride(depth: usize) -> usize {
        // Slots need no padding: they follow their line, and a line follows them.
        const { assert!(size_of::<Line>().is_multiple_of(align_of::<Slot>())) };
        const { assert!(size_of::<Slot>().is_multiple_of(align_of::<Line>())) };
        size_of::<Line>().wrapping_add(depth.wrapping_mul(size_of::<Slot>()))
    }

    /// The layout of a table. `None` if there is no such table.
    #[cfg(not(loom))]
    // A small image has it once.
    #[cfg_attr(not(target_has_atomic = "32"), inline(never))]
    pub(super) fn layout(lines: usize, depth: usize) -> Option<Layout> {
        if lines == 0 || lines > MOST_LINES || !is_depth(depth) {
            return None;
        }
        // Nothing else can overflow: there are at most 64 lines.
        let most = const { isize::MAX as usize / MOST_LINES / size_of::<Slot>() - MOST_LINES };
        if Slot::MOST > most && depth > most {
            return None;
        }
        let size = Self::FIRST_LINE.wrapping_add(lines.wrapping_mul(Self::stride(depth)));
        let size = size.next_multiple_of(Self::ALIGN);
        // SAFETY: the alignment is that of a type, and the size at most `isize::MAX`, by the checks
        // above.
        Some(unsafe { Layout::from_size_align_unchecked(size, Self::ALIGN) })
    }

    /// The cells of a table that begins at `at`.
    ///
    /// # Safety
    /// For `'t`, there is a table of `lines` lines and `depth` slots for each, which is
    /// [possible](Self::layout). The pointer may be used for all of it.
    #[cfg(not(loom))]
    #[inline]
    pub(super) unsafe fn at(at: NonNull<u8>, lines: usize, depth: usize) -> Self {
        // The casts lose nothing: the numbers are possible.
        let (lines, depth) = (lines as u32, depth as u32);
        ViewCells { head: at.cast(), lines, depth, borrowed: PhantomData }
    }

    /// Makes the cells of a fresh table of the layout `layout`.
    ///
    /// # Safety
    /// There is memory of this layout at `at`, and the caller may write it.
    #[cfg(not(loom))]
    #[inline]
    pub(super) unsafe fn init(at: NonNull<u8>, layout: Layout) {
        for word in 0..layout.size() / size_of::<u32>() {
            // SAFETY: the word lies within the memory.
            let word = unsafe { at.cast::<u32>().add(word) };
            // Fresh words, lines and slots are zeroes. Volatile: otherwise the compiler calls
            // `memset`, which a chip might need for nothing else.
            // SAFETY: the caller guarantees that it may write the memory, which is aligned.
            unsafe { word.as_ptr().write_volatile(0) };
        }
        // SAFETY: the field lies within the memory.
        let bell = unsafe { &raw mut (*at.cast::<Head<W>>().as_ptr()).bell };
        // SAFETY: the caller guarantees that it may write the memory.
        unsafe { bell.write(Doorbell::new()) };
    }
}

impl<const LINES: usize, const DEPTH: usize, W: Wake> sealed::Cells
    for FixedCells<LINES, DEPTH, W>
{
    type Wake = W;
    const MOST_LINES: usize = LINES;
    const IS_VIEW: bool = false;
    const LAST: Option<u32> =
        if LINES <= 8 && !FINDS_BITS { Some(LINES.next_power_of_two() as u32 - 1) } else { None };

    #[inline(always)]
    fn head(&self) -> &Head<W> {
        &self.head
    }

    #[inline(always)]
    fn lines(&self) -> u32 {
        LINES as u32
    }

    #[inline(always)]
    fn depth(&self) -> usize {
        DEPTH
    }

    #[inline(always)]
    fn line(&self, number: u32) -> Option<LineRef<'_>> {
        let LineCells { line, slots } = self.lines.get(number as usize)?;
        Some(LineRef { number, line, slots })
    }

    #[inline(always)]
    fn known(&self, number: u32) -> u32 {
        number % LINES.next_power_of_two() as u32
    }
}

impl<W: Wake> sealed::Cells for ViewCells<'_, W> {
    type Wake = W;
    const MOST_LINES: usize = MOST_LINES;
    const IS_VIEW: bool = true;
    const LAST: Option<u32> = None;

    #[inline(always)]
    fn head(&self) -> &Head<W> {
        // SAFETY: the head is there for `'t`.
        unsafe { self.head.as_ref() }
    }

    #[inline(always)]
    fn lines(&self) -> u32 {
        self.lines
    }

    #[inline(always)]
    fn depth(&self) -> usize {
        self.depth as usize
    }

    #[inline(always)]
    fn line(&self, number: u32) -> Option<LineRef<'_>> {
        if number >= self.lines {
            return None;
        }
        let from_first = (number as usize).wrapping_mul(Self::stride(self.depth as usize));
        let bytes = Self::FIRST_LINE.wrapping_add(from_first);
        // SAFETY: the line lies within the table.
        let line = unsafe { self.head.byte_add(bytes) }.cast::<Line>();
        // SAFETY: the slots of the line follow it.
        let slots = unsafe { line.add(1) }.cast::<Slot>();
        let slots = NonNull::slice_from_raw_parts(slots, self.depth as usize);
        // SAFETY: the line is there for `'t`.
        let line = unsafe { line.as_ref() };
        // SAFETY: the slots are there for `'t`.
        Some(LineRef { number, line, slots: unsafe { slots.as_ref() } })
    }

    #[inline(always)]
    fn known(&self, number: u32) -> u32 {
        number
    }
}

pub(crate) mod sealed {
    use crate::signal::cells::Head;
    use crate::signal::state::LineRef;
    use crate::wait::Wake;

    /// The methods of [`Cells`](super::Cells).
    pub trait Cells {
        /// How the dispatcher sleeps.
        type Wake: Wake;

        /// A constant that is not below the number of lines.
        const MOST_LINES: usize;
        /// Whether the numbers of lines and slots are known at run time.
        const IS_VIEW: bool;
        /// The power of two above the last line, less 1, if it is best to go from line to line to
        /// find those of a set: for few lines, and where no instruction finds a bit.
        const LAST: Option<u32>;

        fn head(&self) -> &Head<Self::Wake>;

        /// The number of lines.
        fn lines(&self) -> u32;

        /// The number of slots of each line.
        fn depth(&self) -> usize;

        /// A line, if the table has it.
        fn line(&self, number: u32) -> Option<LineRef<'_>>;

        /// The same number of a line. It may tell the compiler that the table has this line.
        fn known(&self, number: u32) -> u32;
    }
}
