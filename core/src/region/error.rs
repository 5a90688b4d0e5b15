//! The error type of regions, parts and layouts.

use super::{ALIGN, Kind, MAX_NAME, VERSION};
use core::fmt;

/// Why a region cannot be used or laid out, or a part is not as wanted.
///
/// ```
/// use ringway_core::region::{Error, Kind, View};
/// #[repr(align(128))]
/// struct Memory([u8; 256]);
/// let memory = Memory([b'?'; 256]);
/// // SAFETY: the memory outlives the view.
/// let view = unsafe { View::new(std::ptr::NonNull::from(&memory).cast(), 256) };
/// assert_eq!(view.unwrap_err(), Error::Foreign);
/// let error = Error::OtherKind { found: Kind::QUEUE, wanted: Kind::RING };
/// assert_eq!(error.to_string(), "it is a queue, not a ring");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// The memory is not a region: it does not begin with [`MAGIC`](super::MAGIC).
    Foreign,
    /// The region is not laid out yet.
    NotReady,
    /// The region was laid out by another version, or in the other byte order.
    Version {
        /// The version in the region.
        found: u32,
    },
    /// The region states another size than the memory has: it was cut off, or made longer.
    Size {
        /// The stated size, in bytes.
        says: u32,
        /// The size of the memory, in bytes.
        is: usize,
    },
    /// The header or directory is invalid: somebody corrupted it.
    Corrupt,
    /// The memory does not begin on a boundary of [`ALIGN`] bytes.
    Misaligned,
    /// No part has this name.
    NotFound,
    /// The part is another structure.
    OtherKind {
        /// The kind of the part.
        found: Kind,
        /// The wanted kind.
        wanted: Kind,
    },
    /// The part holds items of another size.
    OtherItem {
        /// The size of an item of the part, in bytes.
        found: u32,
        /// The size of a wanted item, in bytes.
        wanted: u32,
    },
    /// The part holds items of another alignment.
    OtherAlignment {
        /// The alignment of an item of the part, in bytes.
        found: u32,
        /// The alignment of a wanted item, in bytes.
        wanted: u32,
    },
    /// The part holds items of a type with another name.
    OtherType {
        /// The [identity](super::TypeName::identity) of the type in the part.
        found: u32,
        /// The identity of the wanted type.
        wanted: u32,
    },
    /// The part holds another number of items.
    OtherCapacity {
        /// The number of items that the part holds.
        found: u32,
        /// The wanted number of items.
        wanted: u32,
    },
    /// The part has another size, and all else is the same: the two sides pad it differently.
    OtherSize {
        /// The size of the part, in bytes.
        found: u32,
        /// The size of a wanted part, in bytes.
        wanted: u32,
    },
    /// A part's name is empty, too long, or has a zero byte.
    BadName,
    /// Two parts have the same name.
    NameTaken,
    /// There are more parts than the layout or a region can have.
    TooManyParts {
        /// The most that there can be.
        max: usize,
    },
    /// There is no place to attach, or there are more places than a region can have.
    Places {
        /// The most that there can be.
        max: u16,
    },
    /// The region would be larger than 4 GiB, or larger than the memory.
    TooLarge,
    /// There is no such part with this capacity.
    Capacity,
    /// The memory is not zeroed, or not aligned to [`ALIGN`].
    Memory,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Foreign => f.write_str("it is not a region: choose another name"),
            Error::NotReady => f.write_str("it is not laid out yet: try again"),
            Error::Version { found } => write!(
                f,
                "it is of version {found}, and this is {VERSION}: use the same release on all sides"
            ),
            Error::Size { says, is } => {
                write!(f, "it says that it has {says} bytes, and has {is}: make it anew")
            }
            Error::Corrupt => f.write_str("its directory was overwritten: make it anew"),
            Error::Misaligned => write!(f, "it does not begin on a boundary of {ALIGN} bytes"),
            Error::NotFound => f.write_str("the region has no such part"),
            Error::OtherKind { found, wanted } => write!(f, "it is a {found}, not a {wanted}"),
            Error::OtherItem { found, wanted } => {
                write!(f, "its items have {found} bytes each, not {wanted}")
            }
            Error::OtherAlignment { found, wanted } => {
                write!(f, "its items lie on boundaries of {found} bytes, not {wanted}")
            }
            Error::OtherType { found, wanted } => {
                write!(
                    f,
                    "its items are of type {found:#010x}, not {wanted:#010x}: state one name on all sides"
                )
            }
            Error::OtherSize { found, wanted } => write!(
                f,
                "it has {found} bytes, not {wanted}: build firmware with the feature shared-layout"
            ),
            Error::OtherCapacity { found, wanted } => {
                write!(f, "it holds {found} items, not {wanted}")
            }
            Error::BadName => {
                write!(f, "a part's name has 1 to {MAX_NAME} bytes, none of them zero")
            }
            Error::NameTaken => f.write_str("two parts have the same name: rename one"),
            Error::TooManyParts { max } => write!(f, "this layout has at most {max} parts"),
            Error::Places { max } => {
                write!(f, "a region has 1 to {max} places to attach")
            }
            Error::TooLarge => {
                f.write_str("the region would be larger than 4 GiB, or than its memory")
            }
            Error::Capacity => {
                f.write_str("no such part has room for so many items: give it at least 1, or fewer")
            }
            Error::Memory => {
                write!(f, "a region begins in zeroed memory, on a boundary of {ALIGN} bytes")
            }
        }
    }
}

impl core::error::Error for Error {}
