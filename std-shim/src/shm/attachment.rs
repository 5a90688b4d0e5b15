//! This process as a participant of a region: its place, and what it does for those who died.

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

/// What of a region that nobody is attached to?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stale {
    /// Its participants were killed, and what it holds is of no use.
    Refused,
    /// It was just made, or the descriptor is what keeps it.
    Welcome,
}

/// What the clones of a [`Region`](super::Region) share.
#[derive(Debug)]
pub(super) struct Attachment {
    // Before what it looks into.
    pub(super) view: View<'static>,
    pub(super) mapping: Mapping,
    pub(super) file: File,
    me: AtomicU16,
    generation: AtomicU32,
    /// The process that attached: a forked child that has not taken a place of its own must not
    /// free its parent's.
    process: AtomicU32,
    /// Our opening's locks do not exclude our own threads from one another.
    reaping: Mutex<()>,
}

impl Attachment {
    /// Attaches to the region in the file, which must have the parts of `wanted`.
    pub(super) fn new(file: File, stale: Stale, wanted: Option<&Layout>) -> Result<Arc<Self>> {
        // Before anything is read or mapped: a region that nobody is attached to may be laid out
        // anew in its file, by who has the table. On an error the file is closed, which gives the
        // table back.
        file.take_table()?;
        file.check_region(OPEN)?;
        if stale == Stale::Refused && !(file.is_used() && file.is_linked()) {
            return Err(Error::new(OPEN, CoreError::NotFound));
        }
        let length = file.size(OPEN)?;
        let mapping = Mapping::new(&*file, length, ProtFlags::READ | ProtFlags::WRITE)?;
        // SAFETY: the mapping lives as long as the attachment, which holds the view; what others do
        // to it is what `shm`'s documentation asks of them.
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
        attachment.file.leave_table();
        let attachment = Arc::new(attachment);
        registry::add(attachment.clone());
        Ok(attachment)
    }

    pub(super) fn me(&self) -> Participant {
        // Relaxed: changed by a forked child alone, before it has a second thread.
        Participant::new(self.me.load(Ordering::Relaxed)).unwrap_or(Participant::LOCAL)
    }

    /// See [`Region::generation`](super::Region::generation).
    pub(super) fn generation(&self) -> u32 {
        // Relaxed: changed by a forked child alone, before it has a second thread.
        self.generation.load(Ordering::Relaxed)
    }

    fn place(&self, who: Participant) -> Option<&AttachSlot> {
        self.view.places().get(usize::from(who.number()).checked_sub(1)?)
    }

    /// Who is attached, dead or alive.
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

    /// Takes a free place for this opening, in a region that has the parts of `wanted`. For a
    /// caller that has the table.
    fn take_place(&self, wanted: Option<&Layout>) -> Result<()> {
        if let Some(Err((part, error))) = wanted.map(|layout| self.view.check(layout)) {
            let region = self.file.name().unwrap_or("without a name");
            return Err(Error::new("use the part", error).on(format!("{part} of {region}")));
        }
        // First those that are free, of which the kernel need not be asked; then those of the dead.
        // One may be locked for a moment by a participant that puts things right there: so all are
        // looked at more than once.
        for round in 0..20 {
            if round > 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            for is_free in [true, false] {
                for (number, place) in (1..).zip(self.view.places()) {
                    if place.occupant().is_none() != is_free {
                        continue;
                    }
                    // Locked first: who has the lock has the place.
                    if self.file.try_lock(number)? {
                        self.settle(number, place);
                        // As everybody who sleeps here does, and for all of them.
                        self.look_after_the_dead(false);
                        return Ok(());
                    }
                }
            }
        }
        let full = "every place is taken: the layout said how many may attach (Layout::new)";
        Err(Error::new(OPEN, CoreError::Exhausted).because(full))
    }

    /// Makes the place ours, whose lock is ours.
    fn settle(&self, number: u16, place: &AttachSlot) {
        // Relaxed, here and below: known to other threads by what shares the attachment with them.
        self.me.store(number, Ordering::Relaxed);
        if let (Some(_), Some(dead)) = (place.occupant(), Participant::new(number)) {
            // SAFETY: its lock was free, so that its process has ended, and the kernel says so
            // after everything it did.
            unsafe { self.view.recover::<RobustFutex>(dead, dead) };
        }
        let generation = self.view.next_generation();
        place.take(Occupant { generation, process: std::process::id() });
        self.generation.store(generation, Ordering::Relaxed);
    }

    /// Puts right what dead participants held, and frees their places.
    pub(super) fn reap(&self) -> usize {
        if !self.is_ours() {
            return 0;
        }
        // Another thread of ours is at it: it does what we would do.
        let Ok(_one) = self.reaping.try_lock() else { return 0 };
        let me = self.me();
        let (mut found, mut alive) = (0, 0);
        let began = now();
        for (who, _) in self.occupants() {
            // Asked first, which costs less than a lock that is refused.
            let lives = who == me || self.file.is_locked(who.number());
            // Locked by us, it is dead, and nobody else buries it.
            if lives || !matches!(self.file.try_lock(who.number()), Ok(true)) {
                alive += 1;
                continue;
            }
            // Looked at again: another may have freed it between our look and our lock.
            if let Some(place) = self.place(who).filter(|place| place.occupant().is_some()) {
                // SAFETY: its lock was free, so that its process has ended, and the kernel says so
                // after everything it did.
                unsafe { self.view.recover::<RobustFutex>(me, who) };
                place.free();
                found += 1;
            }
            self.file.unlock(who.number());
        }
        self.vigil().note(began, alive);
        if found > 0 {
            // Whoever waits for what the dead one held looks again, or for what it did and told
            // nobody.
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
        // Relaxed: changed by a forked child alone, before it has a second thread.
        self.process.load(Ordering::Relaxed) == std::process::id()
    }

    fn vigil(&self) -> Vigil<'_> {
        Vigil::new(self.view.upkeep())
    }

    fn look_after_the_dead(&self, at_last: bool) {
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
        let table = self.file.take_table();
        // SAFETY: we take no further step: every end and guard borrowed the attachment, or was
        // forgotten.
        unsafe { self.view.recover::<RobustFutex>(me, me) };
        place.free();
        if table.is_ok() && !self.file.is_used() {
            // Nobody is here to be told when it fails: what stays is a name that nobody is attached
            // to, as after a kill, and the next one to ask for the name makes it anew, or is told
            // why it cannot.
            let _ = self.file.unlink();
        }
        // Closing the file drops our locks. Before it, nobody takes the place; after it, it is
        // free.
    }
}

/// A place that was taken for the child of a fork which is about to be.
#[derive(Debug)]
struct ForChild {
    ours: Arc<Attachment>,
    for_child: Arc<Attachment>,
}

impl Reserved for ForChild {
    fn in_child(self: Box<Self>) -> Result<()> {
        let ForChild { ours, for_child } = *self;
        // The opening that has the child's lock takes the number of the parent's, which goes on in
        // the parent.
        ours.file.take_over(&for_child.file).tried("attach the child to the region")?;
        let me = for_child.me();
        // Relaxed, all: a forked child has one thread.
        ours.me.store(me.number(), Ordering::Relaxed);
        ours.generation.store(for_child.generation.load(Ordering::Relaxed), Ordering::Relaxed);
        ours.process.store(std::process::id(), Ordering::Relaxed);
        if let Some(place) = ours.place(me) {
            let generation = ours.generation.load(Ordering::Relaxed);
            place.take(Occupant { generation, process: std::process::id() });
        }
        // `for_child` says the parent's process: dropping it frees nothing, and closes its
        // descriptor alone.
        Ok(())
    }

    fn in_parent(self: Box<Self>) {
        // Not this process's to free. The child's descriptors keep the lock.
        self.for_child.process.store(0, Ordering::Relaxed);
    }
}
