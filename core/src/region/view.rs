//! A region as one side sees it: validated once, and after that trusted no more than necessary.

use super::geometry::{RawEntry, name_of, offsets};
use super::header::{Geometry, Header};
use super::{ALIGN, AnyPart, AttachSlot, Description, Error, Layout, MAX_NAME, Part, SharedWait};
use crate::participant::Participant;
use crate::plain::Words;
use crate::sync::AtomicU32;
use crate::wait::Wait;
use core::marker::PhantomData;
use core::mem::transmute;
use core::ptr::NonNull;

/// The number of words of a directory entry.
const ENTRY_WORDS: usize = size_of::<RawEntry>() / 4;

/// A validated region in memory. Its geometry is a private copy.
#[derive(Debug, Clone, Copy)]
pub struct View<'m> {
    base: NonNull<u8>,
    length: u32,
    parts: u32,
    places: u32,
    _memory: PhantomData<&'m [AttachSlot]>,
}

// SAFETY: a view only gives access to atomics, copies and `Part`s, which are `Sync`; `new` requires
// memory that several threads may use for `'m`.
unsafe impl Send for View<'_> {}
// SAFETY: a shared view only gives access to atomics, copies and `Part`s, which are `Sync`.
unsafe impl Sync for View<'_> {}

/// A copy of a directory entry: one part.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    name: [u8; MAX_NAME + 1],
    offset: u32,
    /// The part's structure, sizes and item type.
    pub description: Description,
}

impl Entry {
    /// The part's name.
    pub fn name(&self) -> &str {
        name_of(&self.name).unwrap_or_default()
    }

    /// The part's offset from the start of the region, in bytes.
    pub const fn offset(&self) -> u32 {
        self.offset
    }
}

impl<'m> View<'m> {
    /// Validates the region in the `length` bytes at `base`.
    ///
    /// # Errors
    /// [`Error`], which says what is wrong with the region.
    ///
    /// # Safety
    /// The bytes can be read and written for `'m`, and only users of this crate access them, on all
    /// sides. If others write there too, the caller uses a part only by copying its bytes. If the
    /// bytes can only be read, the caller uses a part only by methods that write nothing.
    pub unsafe fn new(base: NonNull<u8>, length: usize) -> Result<View<'m>, Error> {
        if !base.addr().get().is_multiple_of(ALIGN as usize) {
            return Err(Error::Misaligned);
        }
        if length < size_of::<Header>() {
            return Err(Error::Foreign);
        }
        // SAFETY: the checks above found `base` aligned and the memory at least as large as a
        // header; a header is atomics, of which any bytes are a value.
        let header = unsafe { base.cast::<Header>().as_ref() };
        let Geometry { length: says, parts, places } = header.geometry()?;
        if says as usize != length {
            return Err(Error::Size { says, is: length });
        }
        let (_, _, first) = offsets(parts, places).ok_or(Error::Corrupt)?;
        if places == 0 || first > says {
            return Err(Error::Corrupt);
        }
        let view = View { base, length: says, parts, places, _memory: PhantomData };
        // The parts lie in the order of the directory, so that no two overlap.
        let mut free = first;
        for index in 0..parts {
            let Entry { offset, description, .. } = view.entry(index).ok_or(Error::Corrupt)?;
            if offset < free {
                return Err(Error::Corrupt);
            }
            // It ends within the region: this does not overflow.
            free = offset + description.size;
        }
        Ok(view)
    }

    /// The size of the region, in bytes.
    pub const fn length(&self) -> usize {
        self.length as usize
    }

    /// The number of parts.
    pub const fn parts(&self) -> u32 {
        self.parts
    }

    /// The parts, in the order in which they were laid out.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + use<'m> {
        let view = *self;
        (0..view.parts).filter_map(move |index| view.entry(index))
    }

    /// The entry of part `index`, if it is valid.
    fn entry(&self, index: u32) -> Option<Entry> {
        let (directory, _, first) = offsets(self.parts, self.places)?;
        if index >= self.parts {
            return None;
        }
        let at = directory as usize + index as usize * size_of::<RawEntry>();
        // SAFETY: `new` found that the directory lies within the region, and `index` is less than
        // the number of parts.
        let at = unsafe { self.base.add(at) }.cast::<Words<[u32; ENTRY_WORDS]>>();
        // SAFETY: the entry lies within the directory, aligned to 4 bytes, and all sides access it
        // by atomics.
        let words = unsafe { at.as_ref() }.load();
        // SAFETY: the two types have the same size, and any bytes are a `RawEntry`.
        let RawEntry { name, offset, description } =
            unsafe { transmute::<[u32; ENTRY_WORDS], RawEntry>(words) };
        name_of(&name)?;
        // The numbers are untrusted: checked by subtraction, which cannot overflow.
        let room = self.length.checked_sub(offset)?;
        let fits = offset >= first && offset.is_multiple_of(ALIGN) && description.size <= room;
        fits.then_some(Entry { name, offset, description })
    }

    /// Checks that the region has every part of `layout`, each as the layout describes it.
    ///
    /// The region may have more parts, in any order, and any number of places.
    ///
    /// # Errors
    /// The name of the first part that differs, and how it does.
    ///
    /// ```
    /// use ringway_core::region::{Layout, Error, View};
    /// use ringway_core::ring::Ring;
    /// # #[repr(align(128))]
    /// # struct Memory([u8; 1024]);
    /// # let mut memory = Memory([0; 1024]);
    /// let layout = Layout::<1>::new(2).part::<Ring<u8, 4>>("bytes")?;
    /// # layout.write(&mut memory.0[..layout.size()])?;
    /// # // SAFETY: the memory is there for as long as the view, and written by users of this crate alone.
    /// # let view = unsafe { View::new(std::ptr::NonNull::from(&mut memory).cast(), layout.size()) }?;
    /// assert_eq!(view.check(&layout), Ok(()));
    /// let other = Layout::<1>::new(2).part::<Ring<u8, 5>>("bytes")?;
    /// let differs = Error::OtherCapacity { found: 4, wanted: 5 };
    /// assert_eq!(view.check(&other), Err(("bytes", differs)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check<'l, const M: usize>(&self, layout: &'l Layout<M>) -> Result<(), (&'l str, Error)> {
        layout.entries().iter().try_for_each(|wanted| {
            let part = name_of(&wanted.name).unwrap_or_default();
            match self.find(part, &wanted.description) {
                Ok(_) => Ok(()),
                Err(error) => Err((part, error)),
            }
        })
    }

    /// The entry of the part with this name, if it is as `wanted`.
    fn find(&self, name: &str, wanted: &Description) -> Result<Entry, Error> {
        let entry = self.entry_of(name)?;
        check(&entry.description, wanted)?;
        Ok(entry)
    }

    pub(super) fn entry_of(&self, name: &str) -> Result<Entry, Error> {
        self.entries().find(|entry| entry.name() == name).ok_or(Error::NotFound)
    }

    /// The part with this name. Where something is taken, use what takes a participant's name
    /// (`producer_as`, `handle`): the methods without one act for [`Participant::LOCAL`], whom no
    /// region has.
    ///
    /// [`Participant::LOCAL`]: crate::participant::Participant::LOCAL
    ///
    /// # Errors
    /// [`Error`], which says in what it differs from `P`.
    pub fn part<P: Part + ?Sized>(&self, name: &str) -> Result<&'m P, Error> {
        let entry = self.entry_of(name)?;
        // A copy, taken once. What the part is like that has so many items is computed from it, and
        // must be what the directory says in all else.
        let capacity = P::capacity(&entry.description);
        let wanted = P::description_for(capacity);
        // If no `P` has this capacity, report any other difference first.
        let Description { capacity: says, size, .. } = entry.description;
        let or_else = || Some(Description { capacity: says, size, ..P::description_for(1)? });
        check(&entry.description, &wanted.or_else(or_else).ok_or(Error::Corrupt)?)?;
        let at = P::found_at(self.at(&entry), capacity).ok_or(Error::Corrupt)?;
        // SAFETY: `entry` lies within the region, on a boundary of `ALIGN`, and has the size of a
        // `P` of this capacity. Zeroed memory was a fresh `P`, and the caller of `new` guarantees
        // that only users of this crate have changed it since.
        Ok(unsafe { at.as_ref() })
    }

    /// Recovers what `dead` held in every part; returns how many things it held.
    ///
    /// Acts for `me`. `W` says how those that sleep in the region are woken. Several processes may
    /// call it at once, and again after one of them died in the middle of it.
    ///
    /// # Safety
    /// `dead` takes no further step in the region, and what it wrote is visible here.
    ///
    /// ```
    /// use ringway_core::participant::Participant;
    /// use ringway_core::region::{Layout, View};
    /// use ringway_core::ring::queue::Queue;
    /// use ringway_core::wait::Spin;
    /// # #[repr(align(128))]
    /// # struct Memory([u8; 2048]);
    /// # let mut memory = Memory([0; 2048]);
    /// let layout = Layout::<1>::new(2).part::<Queue<u32, 4>>("jobs")?;
    /// # layout.write(&mut memory.0[..layout.size()])?;
    /// # // SAFETY: the memory is there for as long as the view, and written by users of this crate alone.
    /// # let view = unsafe { View::new(std::ptr::NonNull::from(&mut memory).cast(), layout.size()) }?;
    /// let [me, dead] = [1, 2].map(|number| Participant::new(number).unwrap());
    /// let jobs = view.part::<Queue<u32, 4>>("jobs")?;
    /// jobs.try_push(7).unwrap();
    /// std::mem::forget(jobs.handle(dead).try_claim()); // it dies with the job
    /// // SAFETY: participant 2 does nothing any more.
    /// assert_eq!(unsafe { view.recover::<Spin>(me, dead) }, 1);
    /// assert_eq!(jobs.handle(me).try_pop(), Some(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn recover<W: SharedWait + Wait>(
        &self,
        me: Participant,
        dead: Participant,
    ) -> usize {
        let parts = self.entries().filter_map(|entry| {
            let part = AnyPart::<W>::new(&entry.description)?;
            // SAFETY: `entry` found the whole part within the region, with this description; the
            // caller guarantees that `dead` takes no further step and that what it wrote is visible
            // here.
            Some(unsafe { part.recover(self.at(&entry), me, dead) })
        });
        parts.fold(0, usize::saturating_add)
    }

    /// A pointer to the beginning of the part of `entry`, which must come from this region.
    pub fn at(&self, entry: &Entry) -> NonNull<u8> {
        // SAFETY: an entry is made only for a part that lies within its region.
        unsafe { self.base.add(entry.offset as usize) }
    }

    /// The places of the attach table. Participant `k` has the place at index `k - 1`.
    pub fn places(&self) -> &'m [AttachSlot] {
        let Some((_, table, _)) = offsets(self.parts, self.places) else { return &[] };
        // SAFETY: `new` found that the table lies within the region.
        let at = unsafe { self.base.add(table as usize) }.cast::<AttachSlot>();
        // SAFETY: `new` found that a table of this length lies within the region. It is aligned to
        // 4 bytes, and its places are atomics, of which any bytes are a value.
        unsafe { NonNull::slice_from_raw_parts(at, self.places as usize).as_ref() }
    }

    /// Words of the header for the code that watches for deaths.
    ///
    /// They are zero in a new region and have no meaning in this crate. The operating system's side
    /// watches for deaths and shares that work by these words.
    ///
    /// ```
    /// use ringway_core::region::{Layout, View};
    /// #[repr(align(128))]
    /// struct Memory([u8; 256]);
    /// let mut memory = Memory([0; 256]);
    /// let layout = Layout::<1>::new(2);
    /// layout.write(&mut memory.0).unwrap();
    /// let base = std::ptr::NonNull::from(&mut memory).cast();
    /// // SAFETY: the memory outlives the view, and nobody else uses it.
    /// let view = unsafe { View::new(base, layout.size()) }?;
    /// assert!(view.upkeep().iter().all(|word| word.load(std::sync::atomic::Ordering::Relaxed) == 0));
    /// # Ok::<(), ringway_core::region::Error>(())
    /// ```
    pub fn upkeep(&self) -> &'m [AtomicU32; 8] {
        // SAFETY: `new` found that a header lies at `base`, aligned; it is atomics, of which any
        // bytes are a value.
        &unsafe { self.base.cast::<Header>().as_ref() }.upkeep
    }

    /// Returns a generation that nobody had before.
    pub fn next_generation(&self) -> u32 {
        // SAFETY: `new` found that a header lies at `base`, aligned; it is atomics, of which any
        // bytes are a value.
        unsafe { self.base.cast::<Header>().as_ref() }.next_generation()
    }
}

/// Checks that the description `found` is as `wanted`.
fn check(found: &Description, wanted: &Description) -> Result<(), Error> {
    if found.kind != wanted.kind {
        return Err(Error::OtherKind { found: found.kind, wanted: wanted.kind });
    }
    // A name that one side leaves unstated fits every name.
    let is_stated = found.item_type != 0 && wanted.item_type != 0;
    if found.item_size != wanted.item_size {
        Err(Error::OtherItem { found: found.item_size, wanted: wanted.item_size })
    } else if found.item_align != wanted.item_align {
        Err(Error::OtherAlignment { found: found.item_align, wanted: wanted.item_align })
    } else if is_stated && found.item_type != wanted.item_type {
        Err(Error::OtherType { found: found.item_type, wanted: wanted.item_type })
    } else if found.capacity != wanted.capacity {
        Err(Error::OtherCapacity { found: found.capacity, wanted: wanted.capacity })
    } else if found.size != wanted.size {
        Err(Error::OtherSize { found: found.size, wanted: wanted.size })
    } else if found.reserved != 0 {
        Err(Error::Corrupt)
    } else {
        Ok(())
    }
}
