//! The header at the beginning of a region.

use super::{Error, MAGIC, Ready, VERSION};
use crate::sync::{AtomicU32, Ordering, RmwU32};

/// The header. All fields are atomics: another side may attach, or lay the region out, while this
/// side reads.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Header {
    magic: [AtomicU32; 2],
    version: AtomicU32,
    /// Set once everything is laid out.
    ready: Ready,
    /// Of the whole region, in bytes.
    length: AtomicU32,
    parts: AtomicU32,
    places: AtomicU32,
    /// How often a place was taken; generations are counted by it.
    attached: RmwU32,
    /// See [`View::upkeep`](super::View::upkeep).
    pub(super) upkeep: [AtomicU32; 8],
}

/// The region's geometry, as this side copied it from the header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    /// Of the whole region, in bytes.
    pub length: u32,
    pub parts: u32,
    pub places: u32,
}

/// The bytes of [`MAGIC`] as words.
const MAGIC_WORDS: [u32; 2] = {
    let [a, b, c, d, e, f, g, h] = MAGIC;
    [u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h])]
};

impl Header {
    /// Writes the geometry and marks the region laid out. The header was zeroed before.
    pub(super) fn write(&self, length: u32, parts: u32, places: u32) {
        let [first, second] = &self.magic;
        let [one, other] = MAGIC_WORDS;
        for (word, value) in [
            (first, one),
            (second, other),
            (&self.version, VERSION),
            (&self.length, length),
            (&self.parts, parts),
            (&self.places, places),
        ] {
            // Relaxed: `ready.set()` publishes it.
            word.store(value, Ordering::Relaxed);
        }
        self.ready.set();
    }

    /// Returns the geometry, once everything is laid out. The caller then also sees the directory.
    pub(super) fn geometry(&self) -> Result<Geometry, Error> {
        // First: if it is set, the loads below and the caller's see what was written before.
        let is_ready = self.ready.is_set();
        // Relaxed, all in this function: `ready` orders them. If it is not set, they read what
        // another side has written so far.
        let magic = self.magic.each_ref().map(|word| word.load(Ordering::Relaxed));
        if magic == [0; 2] {
            return Err(Error::NotReady);
        }
        if magic != MAGIC_WORDS {
            return Err(Error::Foreign);
        }
        let found = self.version.load(Ordering::Relaxed);
        if found != VERSION {
            return Err(Error::Version { found });
        }
        if !is_ready {
            return Err(Error::NotReady);
        }
        Ok(Geometry {
            length: self.length.load(Ordering::Relaxed),
            parts: self.parts.load(Ordering::Relaxed),
            places: self.places.load(Ordering::Relaxed),
        })
    }

    /// Returns a generation that nobody had before.
    pub(super) fn next_generation(&self) -> u32 {
        // Relaxed: the read-modify-write gives each number once, and it publishes nothing.
        self.attached.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}
