//! What a part is and holds.

use super::{Item, Kind, TypeName};

/// What a part is and holds; written into the directory, and compared when somebody attaches.
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
    /// What structure it is.
    pub kind: Kind,
    /// Of the whole part, in bytes.
    pub size: u32,
    /// Of one item, in bytes.
    pub item_size: u32,
    /// On which boundary an item lies, in bytes: at least 8, since the structures place items alike
    /// whose types need less. So a 32-bit program, which may align a `u64` to 4 bytes, says the
    /// same as a 64-bit one.
    pub item_align: u32,
    /// How many items it holds.
    pub capacity: u32,
    /// The [identity](super::TypeName::identity) of the items' type; 0 when it is not stated.
    pub item_type: u32,
    /// Zero in this version.
    pub reserved: u32,
}

/// The least alignment of items that makes a difference to where they lie.
pub(super) const LEAST_ALIGN: usize = 8;

impl Description {
    /// Of no part.
    pub(super) const NONE: Description = Description {
        kind: Kind(0),
        size: 0,
        item_size: 0,
        item_align: 0,
        capacity: 0,
        item_type: 0,
        reserved: 0,
    };

    /// A part `P` of `kind` that holds `capacity` items `T`.
    pub fn of<P, T: Item>(kind: Kind, capacity: usize) -> Description {
        Self::sized::<T>(kind, capacity, size_of::<P>())
    }

    /// A part of `size` bytes.
    pub(super) fn sized<T: Item>(kind: Kind, capacity: usize, size: usize) -> Description {
        // What does not fit is refused by the layout, because of its size.
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
    /// A part of `size` bytes that holds one array of `length` values `T`: what a part of type `[T;
    /// length]` says.
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

    /// As large as `[u64; 4]`, on another boundary, and with a name of its own.
    #[derive(Debug, Clone, Copy)]
    #[repr(C, align(32))]
    struct Wide([u64; 4]);

    // SAFETY: numbers alone, which fill it.
    unsafe impl Plain for Wide {}

    impl Item for Wide {}

    /// The same bytes under two spellings, of which one program has this, and under another name.
    #[derive(Debug, Clone, Copy)]
    #[repr(transparent)]
    struct Sample<const NAMED: usize>(u64);

    // SAFETY: a number.
    unsafe impl<const NAMED: usize> Plain for Sample<NAMED> {}

    impl<const NAMED: usize> Item for Sample<NAMED> {
        const NAME: TypeName = match NAMED {
            0 => TypeName::UNSTATED,
            1 | 2 => TypeName::new("com.example.Sample/1"),
            _ => TypeName::new("com.example.Sample/2"),
        };
    }

    #[test]
    fn items_of_one_size_are_told_apart_by_their_alignment() {
        // Where the values of a latest lie depends on it: in one of these they are where the other
        // has its stamps.
        let (four, wide) = (Latest::<[u64; 4]>::description(), Latest::<Wide>::description());
        assert_eq!(four.item_size, wide.item_size);
        assert_eq!((four.item_align, wide.item_align), (8, 32));
        assert_ne!(Ring::<[u64; 4], 4>::description(), Ring::<Wide, 4>::description());
    }

    #[test]
    fn the_stated_name_counts_and_not_the_spelling() {
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
