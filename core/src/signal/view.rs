//! Tables whose numbers of lines and payloads are known at run time.

use super::cells::ViewCells;
use super::table::{Table, TableInner};
#[cfg(not(loom))]
use crate::Error;
use crate::wait::{Spin, Wake};
#[cfg(not(loom))]
use core::alloc::Layout;
#[cfg(not(loom))]
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::ptr::NonNull;

/// A [`Table`] whose numbers of lines and payloads are known at run time.
///
/// It refers to the table, and carries both numbers. It is [a view](Table::view) of a `Table`, or
/// of a table in memory that the caller provides. A `Table` means the same bytes.
///
/// ```
/// use ringway_core::signal::{Payload, SignalSet, TableView};
/// use std::mem::MaybeUninit;
/// let lines = std::env::args().count() + 9; // known when the program runs
/// let mut memory = [MaybeUninit::uninit(); 4096];
/// let table: TableView = TableView::init_in(&mut memory, lines, 4)?;
/// table.raise_with(9, Payload::new(7))?;
/// let delivery = table.dispatcher().unwrap().try_wait(SignalSet::all()).unwrap();
/// assert_eq!((delivery.line, delivery.payload), (9, Some(Payload::new(7))));
/// # Ok::<(), ringway_core::Error>(())
/// ```
pub type TableView<'t, W = Spin> = TableInner<ViewCells<'t, W>>;

impl<const LINES: usize, const DEPTH: usize, W: Wake> Table<LINES, DEPTH, W> {
    /// The same table, for code that serves tables of all sizes.
    ///
    /// ```
    /// use ringway_core::signal::{Table, TableView};
    /// fn raise_all(table: TableView<'_>) {
    ///     (0..).take_while(|line| table.raise(*line).is_ok()).for_each(drop);
    /// }
    /// static SIGNALS: Table<5, 0> = Table::new();
    /// raise_all(SIGNALS.view());
    /// assert_eq!(SIGNALS.pending().lines().len(), 5);
    /// ```
    pub fn view(&self) -> TableView<'_, W> {
        TableInner::of(self.cells().view())
    }
}

#[cfg(not(loom))]
impl<'t, W: Wake> TableView<'t, W> {
    /// The size and alignment in memory of a table of `lines` lines, each with a queue of `depth`
    /// payloads.
    ///
    /// `None` when no such table is possible: see [`Table`].
    ///
    /// ```
    /// use ringway_core::signal::{Table, TableView};
    /// let layout = <TableView<'_>>::layout(8, 4).unwrap();
    /// assert_eq!(layout, std::alloc::Layout::new::<Table<8, 4>>());
    /// assert_eq!(<TableView<'_>>::layout(65, 0), None);
    /// ```
    pub fn layout(lines: usize, depth: usize) -> Option<Layout> {
        ViewCells::<W>::layout(lines, depth)
    }

    /// The table of `lines` lines, each with a queue of `depth` payloads, at `at`.
    ///
    /// `None` when no such table is possible.
    ///
    /// # Safety
    /// For `'t`, there is such a table at `at`.
    pub unsafe fn at(at: NonNull<u8>, lines: usize, depth: usize) -> Option<Self> {
        ViewCells::<W>::layout(lines, depth)?;
        // SAFETY: the caller guarantees that there is such a table, which is possible.
        Some(TableInner::of(unsafe { ViewCells::at(at, lines, depth) }))
    }

    /// Makes a fresh table at `at`. What was there is neither read nor dropped.
    ///
    /// `None` when no such table is possible.
    ///
    /// # Safety
    /// For `'t`, there is memory of [`layout(lines, depth)`](Self::layout) at `at`. The caller may
    /// write it, and from now on only this table uses it.
    pub unsafe fn init_at(at: NonNull<u8>, lines: usize, depth: usize) -> Option<Self> {
        let layout = ViewCells::<W>::layout(lines, depth)?;
        // SAFETY: the caller guarantees that it may write the memory.
        unsafe { ViewCells::<W>::init(at, layout) };
        // SAFETY: the table has just been made, in memory that the caller provides for `'t`.
        Some(TableInner::of(unsafe { ViewCells::at(at, lines, depth) }))
    }

    /// Makes a fresh table in `memory`.
    ///
    /// `memory` needs as many bytes as [`layout`](Self::layout) says, and as many more as it takes
    /// to align them.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], with the number of bytes that are needed; [`Error::Exhausted`]
    /// when no such table is possible.
    pub fn init_in(
        memory: &'t mut [MaybeUninit<u8>],
        lines: usize,
        depth: usize,
    ) -> Result<Self, Error> {
        let layout = Self::layout(lines, depth).ok_or(Error::Exhausted)?;
        // Not by `align_offset`, which can panic as far as the compiler knows.
        let mask = layout.align().wrapping_sub(1);
        let padding = memory.as_ptr().addr().wrapping_neg() & mask;
        let needed = layout.size().saturating_add(padding);
        let memory = memory.get_mut(padding..needed).ok_or(Error::BufferTooSmall { needed })?;
        // SAFETY: `memory` is aligned and as large as the layout says, and borrowed exclusively for
        // `'t`.
        let made = unsafe { Self::init_at(NonNull::from(memory).cast(), lines, depth) };
        made.ok_or(Error::Exhausted)
    }
}
