//! This process as a participant of a region: its place, and how it recovers what the dead held.

use super::file::{File, OPEN};
use super::mapping::Mapping;
use super::registry::{self, AttachedRegion, Reserved};
use super::vigil::{Vigil, now};
use super::{Layout, RobustFutex};
use crate::error::Tried;
use crate::{CoreError, Error, Result};
use ringway_core::participant::Participant;
use ringway_core::region::{AttachSlot, Occupant, View};
use rustix::mm::ProtFlags;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Whether to attach to a region that nobody is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stale {
    /// An error: its participants were killed, and its contents are of no use.
    Refused,
    /// Attach: the region was just made, or a descriptor keeps it.
    Welcome,
}

/// The attachment that the clones of a [`Region`](super::Region) share.
#[derive(Debug)]
pub(super) struct Attachment {
    // Dropped before the mapping that it points into.
    pub(super) view: View<'static>,
    pub(super) mapping: Mapping,
    pub(super) file: File,
    me: AtomicU16,
    generation: AtomicU32,
    /// The process that attached: a forked child without a place of its own must not free its
    /// parent's.
    process: AtomicU32,
    /// Held by the thread that reaps: the file's locks do not exclude threads of one process.
    reaping: Mutex<()>,
}

impl Attachment {
    /// Attaches to the region in `file`, which must have the parts of `wanted`.
    pub(super) fn new(file: File, stale: Stale, wanted: Option<&Layout>) -> Result<Arc<Self>> {
        // Locks the table before it reads or maps anything: the holder of the table lock may lay
        // out a stale region anew in its file. On an error the file is closed, which releases the
        // table lock.
        file.lock_table()?;
        file.check_locks()?;
        file.check_region(OPEN)?;
        if stale == Stale::Refused && !(file.is_used() && file.is_linked()) {
            return Err(Error::new(OPEN, CoreError::NotFound));
        }
        let length = file.size(OPEN)?;
        let mapping = Mapping::new(&*file, length, ProtFlags::READ | ProtFlags::WRITE)?;
        // SAFETY: the mapping can be read and written, and lives as long as the attachment, which
        // drops the view first. `shm`'s documentation demands of all other processes to write there
        // through this crate alone.
        let view = unsafe { View::new(mapping.at(), mapping.length()) }.tried(OPEN)?;
        let attachment = Attachment {
            view,
            mapping,
            file,
            me: AtomicU16::new(0),
            generation: AtomicU32::new(0),
            process: AtomicU32::new(std::process::id()),
            reaping: Mutex::new(()),
        };
        attachment.take_place(wanted)?;
        attachment.file.unlock_table();
        let attachment = Arc::new(attachment);
        registry::add(attachment.clone());
        Ok(attachment)
    }

    pub(super) fn me(&self) -> Participant {
        // Relaxed: no partner. After attaching, only a forked child changes it, before it has a
        // second thread.
        Participant::new(self.me.load(Ordering::Relaxed)).unwrap_or(Participant::LOCAL)
    }

    /// See [`Region::generation`](super::Region::generation).
    pub(super) fn generation(&self) -> u32 {
        // Relaxed: no partner. After attaching, only a forked child changes it, before it has a
        // second thread.
        self.generation.load(Ordering::Relaxed)
    }

    fn place(&self, who: Participant) -> Option<&AttachSlot> {
        self.view.places().get(usize::from(who.number()).checked_sub(1)?)
    }

    /// The participants, dead or alive.
    pub(super) fn occupants(&self) -> impl Iterator<Item = (Participant, Occupant)> {
        (1..)
            .zip(self.view.places())
            .filter_map(|(number, place)| Some((Participant::new(number)?, place.occupant()?)))
    }

    pub(super) fn check_process(&self, what: &'static str) -> Result<()> {
        if self.is_ours() {
            return Ok(());
        }
        let copy = "this process is a copy, by a plain fork, of the one that attached: attach \
                    anew, by name or Region::from_fd";
        Err(Error::new(what, CoreError::Closed).because(copy))
    }

    /// Takes a free place for this opening, if the region has the parts of `wanted`. The caller
    /// holds the table lock.
    fn take_place(&self, wanted: Option<&Layout>) -> Result<()> {
        if let Some(Err((part, error))) = wanted.map(|layout| self.view.check(layout)) {
            let region = self.file.name().unwrap_or("without a name");
            return Err(Error::new("use the part", error).on(format!("{part} of {region}")));
        }
        // Tries the free places first, which needs no question to the kernel; then those of the
        // dead. A participant that recovers a place locks it for a moment: so every place is tried
        // several times.
        for round in 0..20 {
            if round > 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            for is_free in [true, false] {
                for (number, place) in (1..).zip(self.view.places()) {
                    if place.occupant().is_none() != is_free {
                        continue;
                    }
                    // The lock comes first: its holder has the place.
                    if self.file.try_lock(number)? {
                        self.occupy(number, place);
                        // Checks for the dead, as a sleeper here would, on behalf of all.
                        self.reap_if_due(false);
                        return Ok(());
                    }
                }
            }
        }
        let full = "every place is taken: the layout said how many may attach (Layout::new)";
        Err(Error::new(OPEN, CoreError::Exhausted).because(full))
    }

    /// Occupies a place. The caller has its lock.
    fn occupy(&self, number: u16, place: &AttachSlot) {
        // Relaxed, here and below: the `Arc` that is shared with other threads afterwards publishes
        // it.
        self.me.store(number, Ordering::Relaxed);
        if let (Some(_), Some(dead)) = (place.occupant(), Participant::new(number)) {
            // SAFETY: this process now holds the dead participant's lock. The lock was free, so
            // that its process has ended and takes no further step. The kernel released the lock
            // after everything it wrote.
            unsafe { self.view.recover::<RobustFutex>(dead, dead) };
        }
        let generation = self.view.next_generation();
        place.take(Occupant { generation, process: std::process::id() });
        self.generation.store(generation, Ordering::Relaxed);
    }

    /// Recovers what dead participants held, and frees their places; returns their number.
    pub(super) fn reap(&self) -> usize {
        if !self.is_ours() {
            return 0;
        }
        // Another thread of this process is reaping: it does the same.
        let Ok(_one) = self.reaping.try_lock() else { return 0 };
        let me = self.me();
        let (mut found, mut alive) = (0, 0);
        let began = now();
        for (who, _) in self.occupants() {
            // Asks first: that costs less than a lock that is refused.
            let lives = who == me || self.file.is_locked(who.number());
            // With its lock taken, the participant is dead, and nobody else recovers it.
            if lives || !matches!(self.file.try_lock(who.number()), Ok(true)) {
                alive += 1;
                continue;
            }
            // Checks again: another may have freed the place before this process locked it.
            if let Some(place) = self.place(who).filter(|place| place.occupant().is_some()) {
                // SAFETY: this process now holds the dead participant's lock. The lock was free, so
                // that its process has ended and takes no further step. The kernel released the
                // lock after everything it wrote.
                unsafe { self.view.recover::<RobustFutex>(me, who) };
                place.free();
                found += 1;
            }
            self.file.unlock(who.number());
        }
        self.vigil().record_check(began, alive);
        if found > 0 {
            // Those that wait for what the dead held check again, and so do those that the dead
            // should have woken.
            self.vigil().call(u32::MAX);
        }
        found
    }
}

impl AttachedRegion for Attachment {
    fn contains(&self, address: usize) -> bool {
        self.mapping.contains(address)
    }

    fn is_ours(&self) -> bool {
        // Relaxed: no partner. After attaching, only a forked child changes it, before it has a
        // second thread.
        self.process.load(Ordering::Relaxed) == std::process::id()
    }

    fn vigil(&self) -> Vigil<'_> {
        Vigil::new(self.view.upkeep())
    }

    fn reap_if_due(&self, at_last: bool) {
        if self.is_ours() && self.vigil().is_due(now(), at_last) {
            self.reap();
        }
    }

    fn reserve(self: Arc<Self>) -> Result<Box<dyn Reserved>> {
        let for_child = Attachment::new(
            File::handed_over(self.file.as_fd(), self.file.name())?,
            Stale::Welcome,
            None,
        )?;
        Ok(Box::new(ForChild { ours: self, for_child }))
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let me = self.me();
        let Some(place) = self.place(me) else { return };
        let table = self.file.lock_table();
        // SAFETY: this participant takes no further step in the region: every half and guard keeps
        // the attachment or borrows from it, and so none is left but forgotten ones. What this
        // process wrote is visible to it.
        unsafe { self.view.recover::<RobustFutex>(me, me) };
        place.free();
        if table.is_ok() && !self.file.is_used() {
            // `drop` cannot return an error. If this fails, a stale name stays, as after a kill.
            // The next process that creates the name replaces it, or gets an error that says why it
            // cannot.
            let _ = self.file.unlink();
        }
        // Closing the file drops the locks. Until then nobody can take the place; from then on it
        // is free.
    }
}

/// A place that was taken for the child of a fork that is to come.
#[derive(Debug)]
struct ForChild {
    ours: Arc<Attachment>,
    for_child: Arc<Attachment>,
}

impl Reserved for ForChild {
    fn in_child(self: Box<Self>) -> Result<()> {
        let ForChild { ours, for_child } = *self;
        // The opening with the child's lock replaces the parent's, under its descriptor number. The
        // parent keeps its own.
        ours.file.replace_locks(&for_child.file).tried("attach the child to the region")?;
        let me = for_child.me();
        // Relaxed, all of them: a forked child has one thread.
        ours.me.store(me.number(), Ordering::Relaxed);
        ours.generation.store(for_child.generation.load(Ordering::Relaxed), Ordering::Relaxed);
        ours.process.store(std::process::id(), Ordering::Relaxed);
        if let Some(place) = ours.place(me) {
            let generation = ours.generation.load(Ordering::Relaxed);
            place.take(Occupant { generation, process: std::process::id() });
        }
        // `for_child.process` is the parent, so that dropping it frees no place: it only closes its
        // descriptors.
        Ok(())
    }

    fn in_parent(self: Box<Self>) {
        // Process 0 keeps `drop` from freeing the child's place. The child's descriptors keep the
        // lock.
        self.for_child.process.store(0, Ordering::Relaxed);
    }
}
