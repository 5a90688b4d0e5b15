//! Parts whose items have no Rust type here: bytes of a size and an alignment.

use super::description::LEAST_ALIGN;
use super::kind::kind_for;
use super::{Description, Error, Kind, Layout, SharedWait, View};
use crate::lock::RawRwLock;
use crate::ring::RawRing;
use crate::ring::broadcast::RawBroadcast;
use crate::ring::latest::{RawLatest, SLOTS};
use crate::ring::pool::RawPool;
#[cfg(target_has_atomic = "64")]
use crate::ring::queue::RawQueue;
use core::alloc;
use core::ptr::NonNull;

/// A structure that can be a part although this program does not know the type of its items.
///
/// It is a [`RawRing`], a [`RawQueue`](crate::ring::queue::RawQueue), a [`RawBroadcast`], a
/// [`RawLatest`], a [`RawPool`] or a [`RawRwLock`]: see [`View::raw_part`].
///
/// # Safety
/// Zeroed memory of [`layout`](Self::layout) is a fresh structure. `kind`, `capacity` and `item`
/// determine its layout, and the typed part of the same description has the same one. The structure
/// that [`at`](Self::at) returns is used for `'m` at most.
pub unsafe trait RawPart<'m>: Sized {
    /// The kind in the directory.
    fn kind() -> Kind;

    /// The size and alignment in memory; `None` when there is no such structure.
    fn layout(capacity: usize, item: alloc::Layout) -> Option<alloc::Layout>;

    /// The structure at `at`; `None` when there is no such structure.
    ///
    /// # Safety
    /// For `'m`, there is such a structure at `at`. Everybody who uses it agrees on the layout of
    /// its items. The items are [`Plain`](crate::plain::Plain).
    unsafe fn at(at: NonNull<u8>, capacity: usize, item: alloc::Layout) -> Option<Self>;
}

/// What is known of the items of a part that is laid out: their size, their alignment, and the
/// [identity](super::TypeName::identity) of their type if it is stated.
///
/// ```
/// use ringway_core::region::{Item, Layout};
/// use ringway_core::ring::RawRing;
/// let item = std::alloc::Layout::from_size_align(8, 8)?; // of a configuration
/// let layout = Layout::<2>::new(2).raw_part::<RawRing>("unstated", 4, item)?;
/// layout.raw_part::<RawRing>("stated", 4, (item, u64::NAME.identity()))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RawItem {
    layout: alloc::Layout,
    identity: u32,
}

impl From<alloc::Layout> for RawItem {
    fn from(layout: alloc::Layout) -> Self {
        RawItem { layout, identity: 0 }
    }
}

impl From<(alloc::Layout, u32)> for RawItem {
    fn from((layout, identity): (alloc::Layout, u32)) -> Self {
        RawItem { layout, identity }
    }
}

/// The functions that each structure has under the same name.
macro_rules! raw_part {
    ($kind:expr) => {
        fn kind() -> Kind {
            kind_for::<W>($kind)
        }

        fn layout(capacity: usize, item: alloc::Layout) -> Option<alloc::Layout> {
            Self::layout(capacity, item)
        }

        unsafe fn at(at: NonNull<u8>, capacity: usize, item: alloc::Layout) -> Option<Self> {
            // SAFETY: the caller guarantees what this function demands.
            unsafe { Self::at(at, capacity, item) }
        }
    };
}

// SAFETY: zeroed words are a fresh ring, and it has the layout of a `Ring` of such values.
unsafe impl<'m, W: SharedWait> RawPart<'m> for RawRing<'m, W> {
    raw_part!(Kind::RING);
}

// SAFETY: zeroed words are a fresh queue, and it has the layout of a `Queue` of such values.
#[cfg(target_has_atomic = "64")]
unsafe impl<'m, W: SharedWait> RawPart<'m> for RawQueue<'m, W> {
    raw_part!(Kind::QUEUE);
}

// SAFETY: zeroed words are a fresh broadcast, and it has the layout of a `Broadcast` of such
// messages.
unsafe impl<'m, W: SharedWait> RawPart<'m> for RawBroadcast<'m, W> {
    raw_part!(Kind::BROADCAST);
}

// SAFETY: zeroed words are a fresh broadcast, and it has the layout of a `Latest` of such a value.
unsafe impl<'m, W: SharedWait> RawPart<'m> for RawLatest<'m, W> {
    fn kind() -> Kind {
        kind_for::<W>(Kind::LATEST)
    }

    fn layout(capacity: usize, item: alloc::Layout) -> Option<alloc::Layout> {
        RawBroadcast::<W>::layout(capacity, item).filter(|_| capacity == SLOTS)
    }

    unsafe fn at(at: NonNull<u8>, capacity: usize, item: alloc::Layout) -> Option<Self> {
        <Self as RawPart>::layout(capacity, item)?;
        // SAFETY: the caller guarantees a latest value at `at`, which is such a broadcast.
        unsafe { RawBroadcast::at(at, capacity, item) }.map(RawLatest::new)
    }
}

// SAFETY: zeroed words are a free lock, and it has the layout of an `RwLock` of such a value.
unsafe impl<'m, W: SharedWait> RawPart<'m> for RawRwLock<'m, W> {
    raw_part!(Kind::RW_LOCK);
}

// SAFETY: zeroed words are a fresh pool. The numbers of its frames and of their bytes determine its
// layout.
unsafe impl<'m, W: SharedWait> RawPart<'m> for RawPool<'m, W> {
    raw_part!(Kind::POOL);
}

impl<const M: usize> Layout<M> {
    /// Adds a part of `capacity` items of the layout `item`, whose Rust type need not be known.
    ///
    /// A program that knows the items' type can open the part as a typed one, if the
    /// [identity](RawItem) is that of the type, or is not stated. This program can also open a
    /// typed part by [`View::raw_part`].
    ///
    /// # Errors
    /// [`Error`], which says what is wrong with the part.
    ///
    /// ```
    /// use ringway_core::region::{Layout, View};
    /// use ringway_core::ring::queue::{Queue, RawQueue};
    /// # #[repr(align(128))]
    /// # struct Memory([u8; 2048]);
    /// # let mut memory = Memory([0; 2048]);
    /// let item = std::alloc::Layout::from_size_align(12, 4)?; // of a configuration
    /// let layout = Layout::<1>::new(2).raw_part::<RawQueue>("jobs", 5, item)?;
    /// # layout.write(&mut memory.0[..layout.size()])?;
    /// # // SAFETY: the memory is there for as long as the view, and written by users of this crate alone.
    /// # let view = unsafe { View::new(std::ptr::NonNull::from(&mut memory).cast(), layout.size()) }?;
    /// let me = ringway_core::participant::Participant::new(1).unwrap();
    /// view.raw_part::<RawQueue>("jobs")?.handle(me).try_push(&[1; 12])?;
    /// assert_eq!(view.part::<Queue<[u32; 3], 5>>("jobs")?.try_pop(), Some([0x0101_0101; 3]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn raw_part<'m, R: RawPart<'m>>(
        self,
        name: &str,
        capacity: usize,
        item: impl Into<RawItem>,
    ) -> Result<Self, Error> {
        let RawItem { layout: item, identity } = item.into();
        let part = R::layout(capacity, item).ok_or(Error::Capacity)?;
        let small = |n: usize| u32::try_from(n).map_err(|_| Error::TooLarge);
        let description = Description {
            kind: R::kind(),
            size: small(part.size())?,
            item_size: small(item.pad_to_align().size())?,
            item_align: small(item.align().max(LEAST_ALIGN))?,
            capacity: small(capacity)?,
            item_type: identity,
            reserved: 0,
        };
        self.described(name, description)
    }
}

impl<'m> View<'m> {
    /// Returns the part of this name, whatever the type of its items.
    ///
    /// The size of the items is copied from the directory once.
    ///
    /// # Errors
    /// [`Error`]: there is no part of this name, it is another structure, or it was corrupted.
    pub fn raw_part<R: RawPart<'m>>(&self, name: &str) -> Result<R, Error> {
        let entry = self.entry_of(name)?;
        let found = entry.description;
        if found.kind != R::kind() {
            return Err(Error::OtherKind { found: found.kind, wanted: R::kind() });
        }
        let capacity = found.capacity as usize;
        let item = found.item_layout().ok_or(Error::Corrupt)?;
        let part = R::layout(capacity, item).ok_or(Error::Corrupt)?;
        if part.size() != found.size as usize {
            return Err(Error::Corrupt);
        }
        // SAFETY: the part lies within the region and has the size of such a structure. Zeroed
        // memory was a fresh one, all bytes of which are initialized. The caller of `View::new`
        // guarantees that only users of this crate access it, and all of them use the items' layout
        // in the directory.
        unsafe { R::at(self.at(&entry), capacity, item) }.ok_or(Error::Corrupt)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Item;
    use super::*;
    use crate::ring::Ring;
    use crate::wait::Spin;

    #[test]
    fn a_stated_identity_makes_the_part_a_typed_one() {
        let item = alloc::Layout::new::<u64>();
        let typed = Layout::<1>::new(1).part::<Ring<u64, 4, Spin>>("it").unwrap();
        let stated = (item, u64::NAME.identity());
        let raw = Layout::<1>::new(1).raw_part::<RawRing<'_, Spin>>("it", 4, stated).unwrap();
        assert_eq!(raw.entries()[0].description, typed.entries()[0].description);
        let unstated = Layout::<1>::new(1).raw_part::<RawRing<'_, Spin>>("it", 4, item).unwrap();
        assert_eq!(unstated.entries()[0].description.item_type, 0);
    }
}
