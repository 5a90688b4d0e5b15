//! A region as one side sees it: validated once, and then trusted no more than it has to be.

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

/// How many words an entry of the directory has.
const ENTRY_WORDS: usize = size_of::<RawEntry>() / 4;

/// A region in memory, validated. Geometry is a private copy.
#[derive(Debug, Clone, Copy)]
pub struct View<'m> {
    base: NonNull<u8>,
    length: u32,
    parts: u32,
    places: u32,
    _memory: PhantomData<&'m [AttachSlot]>,
}

// SAFETY: the memory is shared by nature; what is reached through the view is atomics, copies and
// `Part`s, which are `Sync`.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

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

impl<'m> View<'m> {
    /// The region in the `length` bytes at `base`.
    ///
    /// # Errors
    /// [`Error`], which says what is wrong with it.
    ///
    /// # Safety
    /// The bytes can be read and written for `'m`, by users of this crate alone on all sides. If
    /// others write there too, no part may be used but by copying out of it.
    pub unsafe fn new(base: NonNull<u8>, length: usize) -> Result<View<'m>, Error> {
        if !base.addr().get().is_multiple_of(ALIGN as usize) {
            return Err(Error::Misaligned);
        }
        if length < size_of::<Header>() {
            return Err(Error::Foreign);
        }
        // SAFETY: aligned and within the memory, by the checks above; it is atomics, of which any
        // bytes are a value.
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
        let at = directory as usize + index as usize * size_of::<RawEntry>();
        // SAFETY: the directory lies within the region, as `new` found, and `index` within it.
        let at = unsafe { self.base.add(at) }.cast::<Words<[u32; ENTRY_WORDS]>>();
        // SAFETY: as above, aligned, and accessed by atomics alone.
        let words = unsafe { at.as_ref() }.load();
        // SAFETY: as large as an entry, of which any bytes are a value.
        let RawEntry { name, offset, description } =
            unsafe { transmute::<[u32; ENTRY_WORDS], RawEntry>(words) };
        name_of(&name)?;
        // Untrusted: checked by subtraction.
        let room = self.length.checked_sub(offset)?;
        let fits = offset >= first && offset.is_multiple_of(ALIGN) && description.size <= room;
        fits.then_some(Entry { name, offset, description })
    }

    /// Whether the region has every part of `layout`, each as the layout describes it. It may have
    /// more parts, in any order, and any number of places.
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

    /// The part with this name, if it is as `wanted`.
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
        // Where there is no such part, what else is wrong is said first.
        let Description { capacity: says, size, .. } = entry.description;
        let or_else = || Some(Description { capacity: says, size, ..P::description_for(1)? });
        check(&entry.description, &wanted.or_else(or_else).ok_or(Error::Corrupt)?)?;
        let at = P::found_at(self.at(&entry), capacity).ok_or(Error::Corrupt)?;
        // SAFETY: `entry` lies within the region, on a boundary of `ALIGN`; it has the size of a
        // `P` of this capacity, and zeroed memory was a fresh one, which only users of `P` have
        // changed, as the caller of `new` stated.
        Ok(unsafe { at.as_ref() })
    }

    /// Puts right what `dead` held in every part, in the name of `me`; returns how many things it
    /// was. `W` is how those are woken that sleep in the region. May be called by several at once,
    /// and again after a death in the middle of it.
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
            // SAFETY: the part lies there, whole, as the directory says; the rest is as the caller
            // states.
            Some(unsafe { part.recover(self.at(&entry), me, dead) })
        });
        parts.fold(0, usize::saturating_add)
    }

    /// Where a part begins.
    pub fn at(&self, entry: &Entry) -> NonNull<u8> {
        // SAFETY: `entry` was found to lie within the region.
        unsafe { self.base.add(entry.offset as usize) }
    }

    /// The places of the attach table. That of participant `k` is at `k - 1`.
    pub fn places(&self) -> &'m [AttachSlot] {
        let Some((_, table, _)) = offsets(self.parts, self.places) else { return &[] };
        // SAFETY: the table lies within the region, as `new` found.
        let at = unsafe { self.base.add(table as usize) }.cast::<AttachSlot>();
        // SAFETY: as above, aligned to 4 bytes, and atomics, of which any bytes are a value.
        unsafe { NonNull::slice_from_raw_parts(at, self.places as usize).as_ref() }
    }

    /// Words of the header by which those who look after the dead share the work: zero in a new
    /// region, and without a meaning here. What looks after the dead is the operating system's
    /// side: see there.
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
        // SAFETY: as in `new`: within the region, aligned, and atomics.
        &unsafe { self.base.cast::<Header>().as_ref() }.upkeep
    }

    /// A generation that nobody had before.
    pub fn next_generation(&self) -> u32 {
        // SAFETY: as in `new`: within the region, aligned, and atomics.
        unsafe { self.base.cast::<Header>().as_ref() }.next_generation()
    }
}

/// Whether a part that is `found` is the one that is `wanted`.
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
