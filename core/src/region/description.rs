//! The description of a part in the directory.

use super::{Item, Kind, TypeName};
#[cfg(not(loom))]
use core::alloc;

/// What a part is and holds.
///
/// It is written into the directory and compared when somebody opens the part.
///
/// ```
/// use ringway_core::region::{Item, Part};
/// use ringway_core::ring::Ring;
/// let described = Ring::<u16, 4>::description();
/// assert_eq!((described.item_size, described.item_align, described.capacity), (2, 8, 4));
/// assert_eq!(described.item_type, u16::NAME.identity());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Description {
    /// The kind of structure.
    pub kind: Kind,
    /// Of the whole part, in bytes.
    pub size: u32,
    /// Of one item, in bytes.
    pub item_size: u32,
    /// The alignment of an item, in bytes; at least 8.
    ///
    /// The structures place items of all smaller alignments alike. So a 32-bit program, which may
    /// align a `u64` to 4 bytes, states the same number as a 64-bit program.
    pub item_align: u32,
    /// The number of items that the part holds.
    pub capacity: u32,
    /// The [identity](super::TypeName::identity) of the items' type; 0 when the type states no
    /// name.
    pub item_type: u32,
    /// Zero in this version.
    pub reserved: u32,
}

/// The alignment up to which the structures place items alike, in bytes.
pub(super) const LEAST_ALIGN: usize = 8;

#[cfg(not(loom))]
impl Description {
    /// The layout of the items of such a part; `None` when there are no such items.
    pub(super) fn item_layout(&self) -> Option<alloc::Layout> {
        let size = self.item_size as usize;
        // The directory does not tell alignments below the least apart, and they place the items
        // alike. So take the largest that divides the size.
        let align = match self.item_align as usize {
            LEAST_ALIGN => LEAST_ALIGN.min(1 << size.trailing_zeros().min(3)),
            more => more,
        };
        let item = alloc::Layout::from_size_align(size, align).ok()?;
        (item.pad_to_align() == item).then_some(item)
    }
}

impl Description {
    /// The description of no part.
    pub(super) const NONE: Description = Description {
        kind: Kind(0),
        size: 0,
        item_size: 0,
        item_align: 0,
        capacity: 0,
        item_type: 0,
        reserved: 0,
    };

    /// Describes a part `P` of `kind` that holds `capacity` items `T`.
    pub fn of<P, T: Item>(kind: Kind, capacity: usize) -> Description {
        Self::sized::<T>(kind, capacity, size_of::<P>())
    }

    /// Describes a part of `size` bytes that holds `capacity` items `T`.
    pub(super) fn sized<T: Item>(kind: Kind, capacity: usize, size: usize) -> Description {
        // A number that does not fit becomes the largest; the layout then refuses the part for its
        // size.
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Description {
            kind,
            size: small(size),
            item_size: small(size_of::<T>()),
            item_align: small(align_of::<T>().max(LEAST_ALIGN)),
            capacity: small(capacity),
            item_type: const { T::NAME.identity() },
            reserved: 0,
        }
    }
}

impl Description {
    /// Describes a part of `size` bytes that holds one array of `length` values `T`, as a part of
    /// `[T; length]` does.
    pub(super) fn array<T: Item>(kind: Kind, length: usize, size: usize) -> Description {
        let item_size = length.saturating_mul(size_of::<T>());
        Description {
            item_size: u32::try_from(item_size).unwrap_or(u32::MAX),
            item_type: TypeName::array(const { &T::NAME }, length).identity(),
            ..Self::sized::<T>(kind, 1, size)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Part, TypeName};
    use super::*;
    use crate::plain::Plain;
    use crate::ring::Ring;
    use crate::ring::latest::Latest;
    use crate::ring::queue::Queue;

    /// As large as `[u64; 4]`, with another alignment and without a name.
    #[derive(Debug, Clone, Copy)]
    #[repr(C, align(32))]
    struct Wide([u64; 4]);

    // SAFETY: it is integers without padding, of which any bytes are a value.
    unsafe impl Plain for Wide {}

    impl Item for Wide {}

    /// The same bytes under several type parameters: 1 and 2 share a name, 0 has none, 3 has
    /// another.
    #[derive(Debug, Clone, Copy)]
    #[repr(transparent)]
    struct Sample<const NAMED: usize>(u64);

    // SAFETY: it is an integer, of which any bytes are a value.
    unsafe impl<const NAMED: usize> Plain for Sample<NAMED> {}

    impl<const NAMED: usize> Item for Sample<NAMED> {
        const NAME: TypeName = match NAMED {
            0 => TypeName::UNSTATED,
            1 | 2 => TypeName::new("com.example.Sample/1"),
            _ => TypeName::new("com.example.Sample/2"),
        };
    }

    #[test]
    fn the_alignment_tells_items_of_one_size_apart() {
        // The offset of a latest's values depends on it: the values of one lie where the other has
        // its sequence numbers.
        let (four, wide) = (Latest::<[u64; 4]>::description(), Latest::<Wide>::description());
        assert_eq!(four.item_size, wide.item_size);
        assert_eq!((four.item_align, wide.item_align), (8, 32));
        assert_ne!(Ring::<[u64; 4], 4>::description(), Ring::<Wide, 4>::description());
    }

    #[test]
    fn the_stated_name_counts_and_not_the_type() {
        let [one, other] =
            [Ring::<Sample<1>, 4>::description(), Ring::<Sample<2>, 4>::description()];
        assert_eq!(one, other, "two types with one name");
        assert_ne!(one, Ring::<Sample<3>, 4>::description(), "of another version");
        assert_eq!(Ring::<Sample<0>, 4>::description().item_type, 0, "not stated");
        assert_eq!(one.item_type, TypeName::new("com.example.Sample/1").identity());
    }

    #[test]
    fn a_ring_is_not_one_of_other_items_capacity_or_bells() {
        let ring = Ring::<u64, 4>::description();
        assert_ne!(ring, Ring::<f64, 4>::description());
        assert_ne!(ring, Ring::<u64, 5>::description());
        assert_ne!(ring, Queue::<u64, 4>::description());
        assert_eq!(ring.kind.that_waits().base(), ring.kind);
    }
}
