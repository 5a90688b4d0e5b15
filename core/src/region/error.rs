//! What can be wrong with a region, a part, or a layout.

use super::{ALIGN, Kind, MAX_NAME, VERSION};
use core::fmt;

/// Why memory is not a region that can be used here, a part of it is not the one that was asked
/// for, or a region cannot be laid out so.
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
    /// It is not a region: it does not begin with [`MAGIC`](super::MAGIC).
    Foreign,
    /// It is a region that is not laid out yet.
    NotReady,
    /// It was laid out by another version, or in the other byte order.
    Version {
        /// What it says.
        found: u32,
    },
    /// It says that it is of another size than it is: it was cut off, or made longer.
    Size {
        /// What it says, in bytes.
        says: u32,
        /// What there is, in bytes.
        is: usize,
    },
    /// Its header or directory says what cannot be: somebody corrupted it.
    Corrupt,
    /// The memory does not begin on a boundary of [`ALIGN`] bytes.
    Misaligned,
    /// No part has this name.
    NotFound,
    /// It is another structure.
    OtherKind {
        /// What it is.
        found: Kind,
        /// What was asked for.
        wanted: Kind,
    },
    /// It holds items of another size.
    OtherItem {
        /// How large an item is, in bytes.
        found: u32,
        /// How large the items asked for are, in bytes.
        wanted: u32,
    },
    /// It holds items of another alignment.
    OtherAlignment {
        /// On which boundary an item lies, in bytes.
        found: u32,
        /// On which boundary the items asked for lie, in bytes.
        wanted: u32,
    },
    /// It holds items of a type with another name.
    OtherType {
        /// The [identity](super::TypeName::identity) of its items' type.
        found: u32,
        /// That of the type asked for.
        wanted: u32,
    },
    /// It holds another number of items.
    OtherCapacity {
        /// How many it holds.
        found: u32,
        /// How many were asked for.
        wanted: u32,
    },
    /// All else is the same, but it takes another number of bytes: the two sides pad it
    /// differently.
    OtherSize {
        /// How many bytes it has.
        found: u32,
        /// How many one has that was asked for.
        wanted: u32,
    },
    /// A part's name is empty, too long, or has a zero byte.
    BadName,
    /// Two parts have the same name.
    NameTaken,
    /// There are more parts than a region has.
    TooManyParts {
        /// The most it has.
        max: usize,
    },
    /// There is no place to attach, or more than a region has.
    Places {
        /// The most it has.
        max: u16,
    },
    /// The region would be larger than 4 GiB, or than the memory.
    TooLarge,
    /// No such part has room for so many items.
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
