//! Parts whose items have no Rust type here: bytes of a size and an alignment.

use super::description::LEAST_ALIGN;
use super::parts::kind_for;
use super::{Description, Error, Kind, Layout, SharedWait, View};
use crate::ring::queue::RawQueue;
use core::alloc;

impl<const M: usize> Layout<M> {
    /// Adds a queue of `capacity` values of the layout `item`.
    ///
    /// Its users sleep as `W` says. A program that knows the values' type can open the queue as a
    /// typed one. This program can also open a typed queue by [`View::raw_queue`].
    ///
    /// # Errors
    /// [`Error`], which says what is wrong with the part.
    ///
    /// ```
    /// use ringway_core::region::{Layout, View};
    /// use ringway_core::ring::queue::Queue;
    /// use ringway_core::wait::Nobody;
    /// # #[repr(align(128))]
    /// # struct Memory([u8; 2048]);
    /// # let mut memory = Memory([0; 2048]);
    /// let item = std::alloc::Layout::from_size_align(12, 4)?; // of a configuration
    /// let layout = Layout::<1>::new(2).raw_queue::<Nobody>("jobs", 5, item)?;
    /// # layout.write(&mut memory.0[..layout.size()])?;
    /// # // SAFETY: the memory is there for as long as the view, and written by users of this crate alone.
    /// # let view = unsafe { View::new(std::ptr::NonNull::from(&mut memory).cast(), layout.size()) }?;
    /// let me = ringway_core::participant::Participant::new(1).unwrap();
    /// view.raw_queue::<Nobody>("jobs")?.handle(me).try_push(&[1; 12])?;
    /// assert_eq!(view.part::<Queue<[u32; 3], 5>>("jobs")?.try_pop(), Some([0x0101_0101; 3]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn raw_queue<W: SharedWait>(
        self,
        name: &str,
        capacity: usize,
        item: alloc::Layout,
    ) -> Result<Self, Error> {
        let part = RawQueue::<W>::layout(capacity, item).ok_or(Error::Capacity)?;
        let small = |n: usize| u32::try_from(n).map_err(|_| Error::TooLarge);
        let description = Description {
            kind: kind_for::<W>(Kind::QUEUE),
            size: small(part.size())?,
            item_size: small(item.pad_to_align().size())?,
            item_align: small(item.align().max(LEAST_ALIGN))?,
            capacity: small(capacity)?,
            item_type: 0,
            reserved: 0,
        };
        self.described(name, description)
    }
}

impl<'m> View<'m> {
    /// Returns the queue of this name, whatever the type of its values.
    ///
    /// Its users sleep as `W` says. The size of the values is copied from the directory once.
    ///
    /// # Errors
    /// [`Error`]: there is no part of this name, it is another structure, or it was corrupted.
    pub fn raw_queue<W: SharedWait>(&self, name: &str) -> Result<RawQueue<'m, W>, Error> {
        let entry = self.entry_of(name)?;
        let found = entry.description;
        let wanted = kind_for::<W>(Kind::QUEUE);
        if found.kind != wanted {
            return Err(Error::OtherKind { found: found.kind, wanted });
        }
        let (size, capacity) = (found.item_size as usize, found.capacity as usize);
        // The directory does not tell alignments below the least apart, and they place the values
        // alike. So take the largest that divides the size.
        let align = match found.item_align as usize {
            LEAST_ALIGN => LEAST_ALIGN.min(1 << size.trailing_zeros().min(3)),
            more => more,
        };
        let item = alloc::Layout::from_size_align(size, align).map_err(|_| Error::Corrupt)?;
        let part = RawQueue::<W>::layout(capacity, item).ok_or(Error::Corrupt)?;
        if item.pad_to_align().size() != size || part.size() != found.size as usize {
            return Err(Error::Corrupt);
        }
        // SAFETY: the part lies within the region and has the size of such a queue. Zeroed memory
        // was a fresh queue, all bytes of which are initialized. The caller of `View::new`
        // guarantees that only users of this crate access it, and all of them use the values'
        // layout in the directory.
        unsafe { RawQueue::at(self.at(&entry), capacity, item) }.ok_or(Error::Corrupt)
    }
}
