//! What a registry holds, and what is done with it under the registry's lock.

use super::super::name::Name;
use super::super::pipe::{Ends, Opened, Reader, Shared, Writer};
use super::super::try_lock::Guarded;
use crate::Error;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::wait::{Doorbell, Wake};

/// The place for one FIFO.
#[derive(Debug)]
pub(super) struct Fifo<const N: usize, W: Wake> {
    shared: Shared<N, W>,
    /// The name, while it has one. Under the registry's lock.
    name: Guarded<Option<Name>>,
    /// How often an end was opened: what the other end waits for, so that it is met even by one who
    /// is gone again by the time it looks. Stored under the registry's lock.
    readers_opened: AtomicU32,
    writers_opened: AtomicU32,
}

impl<const N: usize, W: Wake> Fifo<N, W> {
    pub(super) const ATOMIC: usize = Shared::<N, W>::ATOMIC;

    const_unless_loom! {
        pub(super) fn new() -> Self {
            Fifo {
                shared: Shared::new(Opened::Apart),
                name: Guarded::new(None),
                readers_opened: AtomicU32::new(0),
                writers_opened: AtomicU32::new(0),
            }
        }
    }
}

/// An end that was just opened, and the other end that it is to meet.
pub(super) struct Rendezvous<'a, E, W: Wake> {
    end: E,
    /// How often the other end was opened.
    opened: &'a AtomicU32,
    /// How often it was when ours was opened; `None`: somebody was there.
    seen: Option<u32>,
    /// What our side sleeps on, and the other.
    ours: &'a Doorbell<W>,
    theirs: &'a Doorbell<W>,
}

impl<'a, E, W: Wake> Rendezvous<'a, E, W> {
    /// Whether the other end was opened, before or since.
    pub(super) fn is_met(&self) -> bool {
        // Acquire: partner is the release in `Directory::count`. What happened before the other end
        // was opened is seen.
        let now = self.opened.load(Ordering::Acquire);
        self.seen != Some(now)
    }

    /// What tells that it may be.
    pub(super) fn bell(&self) -> &'a Doorbell<W> {
        self.ours
    }

    /// Tells the other side of this end.
    pub(super) fn tell(&self) {
        self.theirs.ring();
    }

    pub(super) fn into_end(self) -> E {
        self.end
    }
}

/// The names, for the holder of the lock.
pub(super) struct Directory<'a, const N: usize, W: Wake> {
    fifos: &'a [Fifo<N, W>],
}

impl<'a, const N: usize, W: Wake> Directory<'a, N, W> {
    /// # Safety
    /// The caller holds the lock of the registry of these, as long as this is used.
    pub(super) unsafe fn new(fifos: &'a [Fifo<N, W>]) -> Self {
        Directory { fifos }
    }

    fn name(&self, fifo: &Fifo<N, W>) -> Option<Name> {
        // SAFETY: the holder of the lock made this (`new`).
        unsafe { fifo.name.get() }
    }

    fn set_name(&mut self, fifo: &Fifo<N, W>, name: Option<Name>) {
        // SAFETY: as in `name`.
        unsafe { fifo.name.set(name) };
    }

    fn find(&self, name: &[u8]) -> Result<&'a Fifo<N, W>, Error> {
        let name = Name::new(name)?;
        self.fifos.iter().find(|fifo| self.name(fifo) == Some(name)).ok_or(Error::NotFound)
    }

    pub(super) fn create(&mut self, name: &[u8]) -> Result<(), Error> {
        if self.find(name).is_ok() {
            return Err(Error::AddressInUse);
        }
        let name = Name::new(name)?;
        // Without a name nobody can open it; without an end nobody has it open.
        let free = |fifo: &&Fifo<N, W>| self.name(fifo).is_none() && fifo.shared.ends().nobody();
        let fifo = self.fifos.iter().find(free).ok_or(Error::Exhausted)?;
        self.set_name(fifo, Some(name));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Result<(), Error> {
        let fifo = self.find(name)?;
        self.set_name(fifo, None);
        Ok(())
    }

    /// Opens the end that reads. The writers are to be told once the lock is free.
    pub(super) fn enter_reader(
        &mut self,
        name: &[u8],
    ) -> Result<Rendezvous<'a, Reader<'a, N, W>, W>, Error> {
        let fifo = self.find(name)?;
        let before = fifo.shared.enter_reader()?;
        Self::count(&fifo.readers_opened);
        Ok(Rendezvous {
            end: Reader::new(&fifo.shared),
            opened: &fifo.writers_opened,
            seen: (before.writers() == 0).then(|| Self::opened(&fifo.writers_opened)),
            ours: fifo.shared.readers_bell(),
            theirs: fifo.shared.writers_bell(),
        })
    }

    /// Opens an end that writes, if it `may`. The reader is to be told once the lock is free.
    pub(super) fn enter_writer(
        &mut self,
        name: &[u8],
        may: impl FnOnce(Ends) -> bool,
    ) -> Result<Rendezvous<'a, Writer<'a, N, W>, W>, Error> {
        let fifo = self.find(name)?;
        if !may(fifo.shared.ends()) {
            return Err(Error::NoReader);
        }
        let before = fifo.shared.enter_writer()?;
        Self::count(&fifo.writers_opened);
        Ok(Rendezvous {
            end: Writer::new(&fifo.shared),
            opened: &fifo.readers_opened,
            seen: (!before.reader()).then(|| Self::opened(&fifo.readers_opened)),
            ours: fifo.shared.writers_bell(),
            theirs: fifo.shared.readers_bell(),
        })
    }

    fn count(opened: &AtomicU32) {
        // Release: partner is the acquire in `Rendezvous::is_met`.
        opened.store(Self::opened(opened).wrapping_add(1), Ordering::Release);
    }

    fn opened(opened: &AtomicU32) -> u32 {
        // Relaxed: stored under the lock only, which we hold.
        opened.load(Ordering::Relaxed)
    }
}
