//! A region as one side sees it: validated once, and then trusted no more than it has to be.

use super::{
    ALIGN, Description, Geometry, Header, Kind, MAGIC, MAX_NAME, Part, Place, RawEntry, Ready,
    VERSION, offsets,
};
use crate::sync::{AtomicU32, Ordering};
use core::fmt;
use core::marker::PhantomData;
use core::mem::offset_of;
use core::ptr::NonNull;

/// A region in memory, validated. Geometry is a private copy.
#[derive(Debug, Clone, Copy)]
pub struct View<'m> {
    base: NonNull<u8>,
    length: u32,
    parts: u32,
    places: u32,
    _memory: PhantomData<&'m [Place]>,
}

// SAFETY: the memory is shared by nature; what is reached through the view is atomics, copies and `Part`s, which are `Sync`.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

/// Why memory is not a region that can be used here.
///
/// ```
/// use ringway_core::region::{Error, View};
/// #[repr(align(128))]
/// struct Memory([u8; 256]);
/// let memory = Memory([b'?'; 256]);
/// // SAFETY: the memory outlives the view.
/// let view = unsafe { View::new(std::ptr::NonNull::from(&memory).cast(), 256) };
/// assert_eq!(view.unwrap_err(), Error::Foreign);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// It is not a region: it does not begin with [`MAGIC`].
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
    /// Its header or directory says what cannot be: somebody scribbled over it.
    Corrupt,
    /// The memory does not begin on a boundary of [`ALIGN`] bytes.
    Misaligned,
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
        }
    }
}

impl core::error::Error for Error {}

/// Why a part was not found.
///
/// ```
/// use ringway_core::region::{Kind, PartError};
/// let error = PartError::OtherKind { found: Kind::QUEUE, wanted: Kind::RING };
/// assert_eq!(error.to_string(), "it is a queue, not a ring");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PartError {
    /// No part has this name.
    NotFound,
    /// It is another structure.
    OtherKind {
        /// What it is.
        found: Kind,
        /// What was asked for.
        wanted: Kind,
    },
    /// It holds items of another type or size.
    OtherItem {
        /// How large an item is, in bytes.
        found: u32,
        /// How large the items asked for are, in bytes.
        wanted: u32,
    },
    /// It holds another number of items.
    OtherCapacity {
        /// How many it holds.
        found: u32,
        /// How many were asked for.
        wanted: u32,
    },
    /// The directory says what cannot be.
    Corrupt,
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartError::NotFound => f.write_str("the region has no such part"),
            PartError::OtherKind { found, wanted } => write!(f, "it is a {found}, not a {wanted}"),
            PartError::OtherItem { found, wanted } if found == wanted => {
                write!(f, "its items have another type, of {found} bytes too")
            }
            PartError::OtherItem { found, wanted } => {
                write!(f, "its items have {found} bytes each, not {wanted}")
            }
            PartError::OtherCapacity { found, wanted } => {
                write!(f, "it holds {found} items, not {wanted}")
            }
            PartError::Corrupt => f.write_str("its description was overwritten"),
        }
    }
}

impl core::error::Error for PartError {}

/// One part, as the directory describes it. A copy.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    name: [u8; MAX_NAME + 1],
    offset: u32,
    /// What it is.
    pub description: Description,
}

impl Entry {
    /// Its name.
    pub fn name(&self) -> &str {
        name_of(&self.name).unwrap_or_default()
    }

    /// Where it begins, in bytes from the start of the region.
    pub const fn offset(&self) -> u32 {
        self.offset
    }
}

/// The name in an entry, up to its zero.
pub(super) fn name_of(bytes: &[u8; MAX_NAME + 1]) -> Option<&str> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    core::str::from_utf8(bytes.get(..end)?).ok()
}

impl<'m> View<'m> {
    /// The region in the `length` bytes at `base`.
    ///
    /// # Errors
    /// [`Error`], which says what is wrong with it.
    ///
    /// # Safety
    /// The bytes can be read and written for `'m`, by users of this crate alone on all sides (or by others who only write
    /// nonsense: then no part may be used but by copying out of it).
    pub unsafe fn new(base: NonNull<u8>, length: usize) -> Result<View<'m>, Error> {
        if !base.addr().get().is_multiple_of(ALIGN as usize) {
            return Err(Error::Misaligned);
        }
        if length < size_of::<Header>() {
            return Err(Error::Foreign);
        }
        let header = base.cast::<Geometry>();
        // SAFETY: aligned and within the memory, by the checks above. Volatile, as all reads of what others may write.
        let Geometry { magic, version, .. } = unsafe { header.read_volatile() };
        if magic == [0; 8] {
            return Err(Error::NotReady);
        }
        if magic != MAGIC {
            return Err(Error::Foreign);
        }
        if version != VERSION {
            return Err(Error::Version { found: version });
        }
        // SAFETY: within the header.
        let ready = unsafe { base.byte_add(offset_of!(Header, ready)) }.cast::<Ready>();
        // SAFETY: as above, aligned, and an atomic.
        let ready = unsafe { ready.as_ref() };
        // Header and directory are seen with it.
        if !ready.is_set() {
            return Err(Error::NotReady);
        }
        // SAFETY: as above. Once more: what was read before may have been half written.
        let Geometry { length: says, parts, places, .. } = unsafe { header.read_volatile() };
        if says as usize != length {
            return Err(Error::Size { says, is: length });
        }
        let (_, _, first) = offsets(parts, places).ok_or(Error::Corrupt)?;
        if places == 0 || first > says {
            return Err(Error::Corrupt);
        }
        let view = View { base, length: says, parts, places, _memory: PhantomData };
        let all = (0..parts).all(|index| view.entry(index).is_some());
        if all { Ok(view) } else { Err(Error::Corrupt) }
    }

    /// How large the region is, in bytes.
    pub const fn length(&self) -> usize {
        self.length as usize
    }

    /// How many parts it has.
    pub const fn parts(&self) -> u32 {
        self.parts
    }

    /// The parts, in the order in which they were laid out.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + use<'m> {
        let view = *self;
        (0..view.parts).filter_map(move |index| view.entry(index))
    }

    /// Part `index`, if what the directory says of it can be.
    fn entry(&self, index: u32) -> Option<Entry> {
        let (directory, _, first) = offsets(self.parts, self.places)?;
        if index >= self.parts {
            return None;
        }
        let at = self.base.as_ptr().wrapping_add(directory as usize).cast::<RawEntry>();
        // SAFETY: the directory lies within the region, as `new` found, and `index` within it.
        let RawEntry { name, offset, description } =
            unsafe { at.wrapping_add(index as usize).read_volatile() };
        name_of(&name)?;
        // An allegation: checked by subtraction.
        let room = self.length.checked_sub(offset)?;
        let fits = offset >= first && offset.is_multiple_of(ALIGN) && description.size <= room;
        fits.then_some(Entry { name, offset, description })
    }

    /// The part with this name.
    ///
    /// # Errors
    /// [`PartError`], which says in what it differs from `P`.
    pub fn part<P: Part>(&self, name: &str) -> Result<&'m P, PartError> {
        let entry = self.entries().find(|entry| entry.name() == name).ok_or(PartError::NotFound)?;
        check(&entry.description, &P::description())?;
        let at = self.at(&entry).cast::<P>();
        // SAFETY: `entry` lies within the region, on a boundary of `ALIGN`; it has the size of `P`, and zeroed memory was
        // a fresh one, which only users of `P` have changed, by the caller's word to `new`.
        Ok(unsafe { at.as_ref() })
    }

    /// Where a part begins.
    pub fn at(&self, entry: &Entry) -> NonNull<u8> {
        // SAFETY: `entry` was found to lie within the region.
        unsafe { self.base.add(entry.offset as usize) }
    }

    /// The places of the attach table. That of participant `k` is at `k - 1`.
    pub fn places(&self) -> &'m [Place] {
        let Some((_, table, _)) = offsets(self.parts, self.places) else { return &[] };
        // SAFETY: the table lies within the region, as `new` found.
        let at = unsafe { self.base.add(table as usize) }.cast::<Place>();
        // SAFETY: as above, aligned to 4 bytes, and atomics, of which any bytes are a value.
        unsafe { NonNull::slice_from_raw_parts(at, self.places as usize).as_ref() }
    }

    /// A generation that nobody had before.
    pub fn next_generation(&self) -> u32 {
        // SAFETY: within the header, which lies within the region.
        let attached = unsafe { self.base.byte_add(offset_of!(Header, attached)) };
        // SAFETY: as above, aligned, and an atomic.
        let attached = unsafe { attached.cast::<AtomicU32>().as_ref() };
        // Relaxed: each number is given once, and carries nothing.
        attached.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}

/// Whether a part that is `found` is the one that is `wanted`.
fn check(found: &Description, wanted: &Description) -> Result<(), PartError> {
    if found.kind != wanted.kind {
        return Err(PartError::OtherKind { found: found.kind, wanted: wanted.kind });
    }
    if found.item_size != wanted.item_size || found.item_type != wanted.item_type {
        return Err(PartError::OtherItem { found: found.item_size, wanted: wanted.item_size });
    }
    if found.capacity != wanted.capacity {
        return Err(PartError::OtherCapacity { found: found.capacity, wanted: wanted.capacity });
    }
    if found == wanted { Ok(()) } else { Err(PartError::Corrupt) }
}
