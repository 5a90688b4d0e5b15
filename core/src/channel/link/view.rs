//! Links whose sizes are known at run time.
//!
//! A [`LinkView`] lies in memory of the program. [`SerialView`] and [`ReliableView`] make it.

use super::line::{CRC, HEAD, Line, MAX_MAX, MIN_MAX, Window, is_window};
use super::port::{PortSlot, Ports};
use super::records::RecordsIn;
use super::reliable::ReliableInner;
use super::serial::SerialInner;
use super::{Config, LinkInner};
use crate::Error;
use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::slice;

/// One end of a link whose sizes are known at run time, in memory of the program.
///
/// One type for both kinds of line. The other end can be any link.
///
/// ```
/// use ringway_core::channel::link::view::{LineView, SerialView, Sizes};
/// use ringway_core::channel::link::{Config, SerialLink};
/// use std::mem::MaybeUninit;
/// let sizes = Sizes { max: 100, window: 2, ports: 3, credits: 5 }; // from a configuration
/// let layout = SerialView::layout(sizes).unwrap();
/// let mut memory = vec![MaybeUninit::uninit(); layout.size() + layout.align()];
/// let here = SerialView::init_in(&mut memory, sizes, Config::new(1))?;
/// let mut there: SerialLink = SerialLink::new(Config::new(7));
/// here.open(0)?;
/// there.open(0)?;
/// here.open_port(0)?;
/// there.open_port(0)?;
/// here.exchange(0, &mut there); // in place of a line
/// here.try_send(0, b"hello")?;
/// here.exchange(0, &mut there);
/// assert_eq!(there.peek(0), Ok(&b"hello"[..]));
/// # Ok::<(), ringway_core::Error>(())
/// ```
pub type LinkView<'m> = LinkInner<&'m mut (dyn Line + 'm), PortsIn<'m>>;

/// The sizes of a [`LinkView`].
///
/// ```
/// use ringway_core::channel::link::view::{LineView, ReliableView, Sizes};
/// let sizes = Sizes { max: 256, window: 4, ports: 1, credits: 4 };
/// assert!(ReliableView::layout(sizes).is_some());
/// assert!(ReliableView::layout(Sizes { window: 3, ..sizes }).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sizes {
    /// The most bytes of a message: 24 to 2^24.
    pub max: usize,
    /// The most frames that may be unacknowledged, or wait for the line: 1, 2, 4, 8, 16, 32 or 64.
    pub window: usize,
    /// The number of ports: 1 to 255.
    pub ports: usize,
    /// The most messages that a port holds: 1 to 255.
    pub credits: usize,
}

impl Sizes {
    const fn are_valid(self) -> bool {
        MIN_MAX <= self.max
            && self.max <= MAX_MAX
            && is_window(self.window)
            && 1 <= self.ports
            && self.ports <= 255
            && 1 <= self.credits
            && self.credits <= 255
    }
}

/// The ports of a [`LinkView`].
#[derive(Debug)]
pub struct PortsIn<'m> {
    slots: &'m mut [PortSlot<RecordsIn<'m>>],
    credits: u8,
    max: usize,
}

impl<'m> Ports for PortsIn<'m> {
    type Messages = RecordsIn<'m>;

    fn as_slice(&self) -> &[PortSlot<RecordsIn<'m>>] {
        self.slots
    }

    fn as_mut_slice(&mut self) -> &mut [PortSlot<RecordsIn<'m>>] {
        self.slots
    }

    fn credits(&self) -> u8 {
        self.credits
    }

    fn max(&self) -> usize {
        self.max
    }
}

/// A line that may lose and change bytes, whose records lie in memory of the program.
pub type SerialView<'m> = SerialInner<RecordsIn<'m>, &'m mut [u8]>;

/// A line that keeps bytes complete and in order, whose records lie in memory of the program.
pub type ReliableView<'m> = ReliableInner<RecordsIn<'m>, &'m mut [u8]>;

/// Makes links whose sizes are known at run time: [`SerialView`] or [`ReliableView`], and no other.
///
/// ```
/// use ringway_core::channel::link::view::{LineView, ReliableView, Sizes};
/// use ringway_core::channel::link::{Config, Phase};
/// use std::mem::MaybeUninit;
/// let sizes = Sizes { max: 256, window: 4, ports: 1, credits: 4 };
/// let mut memory = [MaybeUninit::uninit(); 4096];
/// let link = ReliableView::init_in(&mut memory, sizes, Config::new(1))?;
/// assert_eq!(link.phase(), Phase::Down);
/// # Ok::<(), ringway_core::Error>(())
/// ```
pub trait LineView<'m>: sealed::LineIn<'m> {
    /// The memory that a link over such a line takes, and its alignment.
    ///
    /// `None` when no link has these sizes; a link takes less than 2 GiB.
    fn layout(sizes: Sizes) -> Option<Layout>;

    /// Makes a link over such a line in `memory`. It is down.
    ///
    /// `memory` needs as many bytes as [`layout`](Self::layout) says, and as many more as it takes
    /// to align them.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], with the number of bytes that are needed; [`Error::Exhausted`]
    /// when no link has these sizes.
    fn init_in(
        memory: &'m mut [MaybeUninit<u8>],
        sizes: Sizes,
        config: Config,
    ) -> Result<&'m mut LinkView<'m>, Error> {
        let layout = Self::layout(sizes).ok_or(Error::Exhausted)?;
        let padding = memory.as_ptr().align_offset(layout.align());
        let needed = layout.size().saturating_add(padding);
        let memory = memory.get_mut(padding..needed).ok_or(Error::BufferTooSmall { needed })?;
        // SAFETY: the sizes have a layout. `memory` is as aligned and as large as it says, and lent
        // for `'m`.
        Ok(unsafe { Self::init_at(NonNull::from(memory).cast(), sizes, config) })
    }

    /// Makes a link over such a line at `at`. It is down.
    ///
    /// What was there is neither read nor dropped.
    ///
    /// # Safety
    /// A link has these sizes. There is memory of [`layout(sizes)`](Self::layout) at `at`. For
    /// `'m`, only the link uses it.
    unsafe fn init_at(at: NonNull<u8>, sizes: Sizes, config: Config) -> &'m mut LinkView<'m>;
}

impl<'m, K: sealed::LineIn<'m>> LineView<'m> for K {
    fn layout(sizes: Sizes) -> Option<Layout> {
        layout::<K>(sizes)
    }

    unsafe fn init_at(at: NonNull<u8>, sizes: Sizes, config: Config) -> &'m mut LinkView<'m> {
        // SAFETY: the caller guarantees such sizes, and memory of their layout.
        unsafe { init_at::<K>(at, sizes, config) }
    }
}

impl<'m> sealed::LineIn<'m> for SerialView<'m> {
    const EXTRA: usize = HEAD + CRC;

    fn over(records: RecordsIn<'m>, arriving: &'m mut [u8], retransmit: u32) -> Self {
        let mut line = SerialInner::over(Window::new(records), arriving);
        line.set_timeout(retransmit);
        line
    }
}

impl<'m> sealed::LineIn<'m> for ReliableView<'m> {
    const EXTRA: usize = 0;

    fn over(records: RecordsIn<'m>, arriving: &'m mut [u8], _: u32) -> Self {
        ReliableInner::over(Window::new(records), arriving)
    }
}

/// A port of a [`LinkView`]. As the other structures of its memory, it is as aligned as a word, so
/// that nothing lies between them.
type Slot<'m> = PortSlot<RecordsIn<'m>>;

fn layout<'m, K: sealed::LineIn<'m>>(sizes: Sizes) -> Option<Layout> {
    const { assert!(align_of::<K>() == ALIGN) };
    let Sizes { max, window, ports, credits } = sizes;
    if !sizes.are_valid() {
        return None;
    }
    // Together at most 1 GiB of messages. No product overflows 32 bits: the factors are at most
    // 2^16 and 65090.
    let records = ports.wrapping_mul(credits).wrapping_add(window);
    if (max >> 8).wrapping_mul(records.wrapping_add(1)) >= 1 << 22 {
        return None;
    }
    let parts = [
        size_of::<LinkView<'m>>(),
        size_of::<K>(),
        ports.wrapping_mul(size_of::<Slot<'m>>()),
        records.wrapping_mul(max.wrapping_add(size_of::<u32>())),
        window.wrapping_mul(HEAD + CRC),
        max.wrapping_add(K::EXTRA),
        ALIGN - 1,
    ];
    let size = parts.into_iter().fold(0, usize::wrapping_add) & !(ALIGN - 1);
    Layout::from_size_align(size, ALIGN).ok()
}

/// The alignment of a word, which the words of a link have.
const ALIGN: usize = align_of::<usize>();
const _: () = assert!(align_of::<LinkView<'static>>() == ALIGN);
const _: () = assert!(align_of::<Slot<'static>>() == ALIGN);

/// Makes a link at `at`.
///
/// # Safety
/// `sizes` have a [`layout`]. There is memory of it at `at`, and for `'m` only the link uses it.
unsafe fn init_at<'m, K: sealed::LineIn<'m>>(
    at: NonNull<u8>,
    sizes: Sizes,
    config: Config,
) -> &'m mut LinkView<'m> {
    let words = layout::<K>(sizes).map_or(0, |layout| layout.size() / ALIGN);
    // SAFETY: the caller guarantees memory of the layout, whose size is a number of words.
    unsafe { at.cast::<usize>().write_bytes(0, words) };
    let Sizes { max, window, ports, credits } = sizes;
    // The parts lie one behind the other, as `layout` adds them: words, lengths, bytes.
    let link = at.as_ptr().cast::<LinkView<'m>>();
    let line = link.wrapping_add(1).cast::<K>();
    let first = line.wrapping_add(1).cast::<Slot<'m>>();
    let lens = first.wrapping_add(ports).cast::<u32>();
    let records = ports.wrapping_mul(credits).wrapping_add(window);
    let mut rest = Rest { lens, bytes: lens.wrapping_add(records).cast() };
    for number in 0..ports {
        // SAFETY: the layout has room for all ports' records.
        let messages = unsafe { rest.take(credits, max) };
        // SAFETY: the layout has room for the slots of all ports.
        unsafe { first.wrapping_add(number).write(PortSlot::new(messages)) };
    }
    // SAFETY: the loop has made the slots, which nobody else uses.
    let slots = unsafe { slice::from_raw_parts_mut(first, ports) };
    // SAFETY: the layout has room for the window's records.
    let records = unsafe { rest.take(window, max.wrapping_add(HEAD + CRC)) };
    // SAFETY: the layout has room for the arriving frame.
    let arriving = unsafe { rest.bytes(max.wrapping_add(K::EXTRA)) };
    // SAFETY: the layout has room for the line.
    unsafe { line.write(K::over(records, arriving, config.retransmit)) };
    // SAFETY: the line above has made it, and nobody else uses it.
    let line: &'m mut (dyn Line + 'm) = unsafe { &mut *line };
    let mut made = LinkInner::over(line, PortsIn { slots, credits: credits as u8, max });
    made.configure(config);
    // SAFETY: the memory begins with room for the link.
    unsafe { link.write(made) };
    // SAFETY: the line above has made it, and nobody else uses it.
    unsafe { &mut *link }
}

/// The memory that is left for records: zeros.
struct Rest {
    lens: *mut u32,
    bytes: *mut u8,
}

impl Rest {
    /// Takes room for `count` records of `size` bytes.
    ///
    /// # Safety
    /// For `'m`, there are as many lengths and bytes here, which are zeros, and only the caller
    /// uses them.
    unsafe fn take<'m>(&mut self, count: usize, size: usize) -> RecordsIn<'m> {
        // SAFETY: the caller guarantees room for `count` lengths, which are zeros.
        let lens = unsafe { slice::from_raw_parts_mut(self.lens, count) };
        self.lens = self.lens.wrapping_add(count);
        // SAFETY: the caller guarantees as many bytes.
        RecordsIn { lens, bytes: unsafe { self.bytes(count.wrapping_mul(size)) }, size }
    }

    /// Takes `count` bytes.
    ///
    /// # Safety
    /// For `'m`, there are as many bytes here, which are zeros, and only the caller uses them.
    unsafe fn bytes<'m>(&mut self, count: usize) -> &'m mut [u8] {
        // SAFETY: the caller guarantees as many bytes, which are zeros.
        let bytes = unsafe { slice::from_raw_parts_mut(self.bytes, count) };
        self.bytes = self.bytes.wrapping_add(count);
        bytes
    }
}

mod sealed {
    use super::{Line, RecordsIn};

    /// A line whose records lie in memory of the program.
    pub trait LineIn<'m>: Line + Sized + 'm {
        /// The bytes of an arriving frame besides its body.
        const EXTRA: usize;

        /// Makes a line of records for its window, and room for the arriving frame.
        fn over(records: RecordsIn<'m>, arriving: &'m mut [u8], retransmit: u32) -> Self;
    }
}
