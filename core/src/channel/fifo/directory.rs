//! The FIFOs of a registry, and the operations on them under the registry's lock.

use super::super::name::Name;
use super::super::pipe::{Ends, Reader, Shared, Writer};
use super::super::try_lock::Guarded;
use crate::Error;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use crate::wait::{Doorbell, Wake};

/// The place for one FIFO.
#[derive(Debug)]
pub(super) struct Fifo<const N: usize, W: Wake> {
    shared: Shared<N, W>,
    /// The name, `None` while the place has none. The registry's lock guards it.
    name: Guarded<Option<Name>>,
    /// How often a reader was opened.
    ///
    /// A writer waits for this count to change, so that it meets a reader even if that reader is
    /// closed before the writer looks. Stored under the registry's lock.
    readers_opened: AtomicU32,
    /// How often a writer was opened; a reader waits for this count to change in the same way.
    writers_opened: AtomicU32,
}

impl<const N: usize, W: Wake> Fifo<N, W> {
    pub(super) const ATOMIC: usize = Shared::<N, W>::ATOMIC;

    const_unless_loom! {
        pub(super) fn new() -> Self {
            Fifo {
                shared: Shared::new(),
                name: Guarded::new(None),
                readers_opened: AtomicU32::new(0),
                writers_opened: AtomicU32::new(0),
            }
        }
    }
}

/// An end that was just opened and is to meet the other end.
pub(super) struct Rendezvous<'a, E, W: Wake> {
    end: E,
    /// How often the other end was opened.
    opened: &'a AtomicU32,
    /// The count when this end was opened; `None` if the other end was open then.
    seen: Option<u32>,
    /// The doorbell that this side sleeps on.
    ours: &'a Doorbell<W>,
    /// The doorbell that the other side sleeps on.
    theirs: &'a Doorbell<W>,
}

impl<'a, E, W: Wake> Rendezvous<'a, E, W> {
    /// Returns whether the other end was open when this end was opened, or was opened since.
    pub(super) fn is_met(&self) -> bool {
        // Acquire: partner is the release in `Directory::count`. This context sees what happened
        // before the other end was opened.
        let now = self.opened.load(Ordering::Acquire);
        self.seen != Some(now)
    }

    /// The doorbell to sleep on until the other end is met.
    pub(super) fn bell(&self) -> &'a Doorbell<W> {
        self.ours
    }

    /// Wakes the other side, which may wait for this end.
    pub(super) fn wake_other_side(&self) {
        self.theirs.ring();
    }

    pub(super) fn into_end(self) -> E {
        self.end
    }
}

/// The FIFOs of a registry, for the holder of its lock.
pub(super) struct Directory<'a, const N: usize, W: Wake> {
    fifos: &'a [Fifo<N, W>],
}

impl<'a, const N: usize, W: Wake> Directory<'a, N, W> {
    /// # Safety
    /// The caller holds the lock of the registry that owns `fifos`, as long as it uses the
    /// directory.
    pub(super) unsafe fn new(fifos: &'a [Fifo<N, W>]) -> Self {
        Directory { fifos }
    }

    fn name(&self, fifo: &Fifo<N, W>) -> Option<Name> {
        // SAFETY: the caller of `new` holds the registry's lock, which guards the name, while
        // `self` is in use.
        unsafe { fifo.name.get() }
    }

    fn set_name(&mut self, fifo: &Fifo<N, W>, name: Option<Name>) {
        // SAFETY: the caller of `new` holds the registry's lock, which guards the name, while
        // `self` is in use.
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
        // Nobody can open a FIFO without a name, and nobody uses one without an open end.
        let is_free = |fifo: &&Fifo<N, W>| self.name(fifo).is_none() && fifo.shared.ends().nobody();
        let fifo = self.fifos.iter().find(is_free).ok_or(Error::Exhausted)?;
        self.set_name(fifo, Some(name));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Result<(), Error> {
        let fifo = self.find(name)?;
        self.set_name(fifo, None);
        Ok(())
    }

    /// Opens the reading end. The caller wakes the writers after it has unlocked.
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

    /// Opens a writing end, if `may` allows it. The caller wakes the reader after it has unlocked.
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
        // Relaxed: stores happen only under the registry's lock, which the caller holds.
        opened.load(Ordering::Relaxed)
    }
}
