//! A part of a region, as this participant uses it.

use super::Region;
use crate::{Error, Result, channel, lock};
use ringway_core::participant::Participant;
use ringway_core::region::{self, Item, SharedWait, Unheld};
use ringway_core::ring::broadcast::{self, Broadcast};
use ringway_core::ring::bytes::{self, ByteRing};
use ringway_core::ring::latest::{self, Latest, Version};
use ringway_core::ring::messages::{self, MessageRing};
use ringway_core::ring::queue::{Handle, Queue};
use ringway_core::ring::{self, Ring};
use ringway_core::wait::Wait;

/// A part of a region: a structure of the core in shared memory, and who we are there. What can be
/// taken there is taken under our name, so that it is put right when this process dies.
///
/// ```
/// use ringway::shm::{Layout, Queue, Region};
/// type Jobs = Queue<u32, 8>;
/// let region = Region::anonymous(&Layout::new(2).part::<Jobs>("jobs")?)?;
/// let jobs = region.part::<Jobs>("jobs")?;
/// jobs.seat().try_push(7)?;
/// assert_eq!(jobs.seat().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Part<P: 'static> {
    part: &'static P,
    region: Region,
}

impl<P> Clone for Part<P> {
    fn clone(&self) -> Self {
        Part { part: self.part, region: self.region.clone() }
    }
}

impl<P: region::Part> Part<P> {
    /// `part` lies in `region`.
    pub(super) fn new(region: Region, part: &'static P) -> Self {
        Part { part, region }
    }

    /// The structure itself, for what looks at it and takes nothing.
    pub(super) fn structure(&self) -> &P {
        self.part
    }

    /// Where the structure lies in our memory, for as long as the part is there. Its methods that
    /// ask for no participant act for nobody: what they take is not put right when this process
    /// dies, and two processes may both get it.
    pub fn as_ptr(&self) -> *const P {
        self.part
    }

    /// Who we are in the region.
    pub fn participant(&self) -> Participant {
        self.region.participant()
    }

    /// The region that it is a part of.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Takes what only one can have. When somebody has it, looks first whether that one is dead.
    fn take<'p, H>(
        &'p self,
        what: &'static str,
        is_sound: impl Fn(&P) -> bool,
        take: impl Fn(&'p P, Participant) -> Option<H>,
    ) -> Result<H> {
        let me = self.participant();
        if let Some(half) = take(self.part, me) {
            return Ok(half);
        }
        self.region.reap();
        take(self.part, me).ok_or_else(|| {
            if is_sound(self.part) {
                Error::new(what, channel::Error::Taken)
            } else {
                Error::new(what, region::Error::Corrupt)
            }
        })
    }
}

impl<P: Unheld> Part<P> {
    /// The structure itself, of a part in which nobody is on record: integers, places for values,
    /// semaphores, conditions and events. The others are used by a half or a seat, which is ours.
    ///
    /// ```
    /// use ringway::shm::{Layout, Region, Semaphore};
    /// let region = Region::anonymous(&Layout::new(2).part::<Semaphore<2>>("credits")?)?;
    /// assert!(region.part::<Semaphore<2>>("credits")?.get().try_acquire());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A lock that somebody holds is not reached this way, by which it would be held by nobody
    /// known:
    /// ```compile_fail,E0599
    /// # use ringway::shm::{Layout, Region, ReentrantMutex};
    /// # let region = Region::anonymous(&Layout::new(2).part::<ReentrantMutex>("again")?)?;
    /// let guard = region.part::<ReentrantMutex>("again")?.get().lock();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self) -> &P {
        self.part
    }
}

const PRODUCER: &str = "take the producer's half";
const CONSUMER: &str = "take the consumer's half";
const WRITER: &str = "take the writer's half";

impl<T: Item, const N: usize, W: SharedWait> Part<Ring<T, N, W>> {
    /// The half that pushes. Dropping it gives it back; closing it ends the stream, as the death of
    /// this process does.
    ///
    /// # Errors
    /// [`channel::Error::Taken`] while a living participant has it; [`region::Error::Corrupt`] when the ring was
    /// scribbled over.
    pub fn producer(&self) -> Result<ring::Producer<'_, T, N, W>> {
        self.take(PRODUCER, Ring::is_sound, Ring::producer_as)
    }

    /// The half that pops. Dropping it gives it back; closing it ends the stream, as the death of
    /// this process does.
    ///
    /// # Errors
    /// As [`producer`](Self::producer).
    pub fn consumer(&self) -> Result<ring::Consumer<'_, T, N, W>> {
        self.take(CONSUMER, Ring::is_sound, Ring::consumer_as)
    }

    /// [`Ring::len`].
    pub fn len(&self) -> usize {
        self.part.len()
    }

    /// [`Ring::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.part.is_empty()
    }

    /// [`Ring::producer_is_gone`].
    pub fn producer_is_gone(&self) -> bool {
        self.part.producer_is_gone()
    }
}

impl<const N: usize, W: SharedWait> Part<ByteRing<N, W>> {
    /// The half that writes. Dropping it gives it back; closing it ends the stream, as the death of
    /// this process does.
    ///
    /// # Errors
    /// [`channel::Error::Taken`] while a living participant has it; [`region::Error::Corrupt`] when the ring was
    /// scribbled over.
    ///
    /// ```
    /// use ringway::shm::{ByteRing, Layout, Region};
    /// type Log = ByteRing<256>;
    /// let region = Region::anonymous(&Layout::new(2).part::<Log>("log")?)?;
    /// let log = region.part::<Log>("log")?;
    /// let mut grant = log.producer()?.try_write_all(b"in one piece")?;
    /// let mut out = [0; 64];
    /// assert_eq!(log.consumer()?.try_read(&mut out), 12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn producer(&self) -> Result<bytes::Producer<'_, N, W>> {
        self.take(PRODUCER, ByteRing::is_sound, ByteRing::producer_as)
    }

    /// The half that reads. Dropping it gives it back; closing it ends the stream, as the death of
    /// this process does.
    ///
    /// # Errors
    /// As [`producer`](Self::producer).
    pub fn consumer(&self) -> Result<bytes::Consumer<'_, N, W>> {
        self.take(CONSUMER, ByteRing::is_sound, ByteRing::consumer_as)
    }

    /// [`ByteRing::len`].
    pub fn len(&self) -> usize {
        self.part.len()
    }

    /// [`ByteRing::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.part.is_empty()
    }

    /// [`ByteRing::producer_is_gone`].
    pub fn producer_is_gone(&self) -> bool {
        self.part.producer_is_gone()
    }
}

impl<const N: usize, W: SharedWait> Part<MessageRing<N, W>> {
    /// The half that sends. Dropping it gives it back; closing it ends the stream, as the death of
    /// this process does.
    ///
    /// # Errors
    /// [`channel::Error::Taken`] while a living participant has it; [`region::Error::Corrupt`] when the ring was
    /// scribbled over.
    ///
    /// ```
    /// use ringway::shm::{Layout, MessageRing, Region};
    /// type Events = MessageRing<4096>;
    /// let region = Region::anonymous(&Layout::new(2).part::<Events>("events")?)?;
    /// let events = region.part::<Events>("events")?;
    /// events.sender()?.send(b"of any length")?;
    /// let mut receiver = events.receiver()?;
    /// let message = receiver.try_peek()?.unwrap();
    /// assert_eq!(&*message, b"of any length");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sender(&self) -> Result<messages::Sender<'_, N, W>> {
        self.take(PRODUCER, MessageRing::is_sound, MessageRing::sender_as)
    }

    /// The half that receives. Dropping it gives it back; closing it ends the stream, as the death
    /// of this process does.
    ///
    /// # Errors
    /// As [`sender`](Self::sender).
    pub fn receiver(&self) -> Result<messages::Receiver<'_, N, W>> {
        self.take(CONSUMER, MessageRing::is_sound, MessageRing::receiver_as)
    }

    /// [`MessageRing::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.part.is_empty()
    }

    /// [`MessageRing::sender_is_gone`].
    pub fn sender_is_gone(&self) -> bool {
        self.part.sender_is_gone()
    }
}

impl<T: Item, const N: usize, W: SharedWait> Part<Broadcast<T, N, W>> {
    /// The half that writes. Dropping it gives it back; closing it ends the stream, as the death of
    /// this process does.
    ///
    /// # Errors
    /// [`channel::Error::Taken`] while a living participant has it.
    ///
    /// ```
    /// use ringway::shm::{Broadcast, Layout, Region};
    /// type Prices = Broadcast<u32, 64>;
    /// let region = Region::anonymous(&Layout::new(2).part::<Prices>("prices")?)?;
    /// let prices = region.part::<Prices>("prices")?;
    /// let mut reader = prices.reader();
    /// prices.writer()?.send(5);
    /// assert_eq!(reader.recv()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn writer(&self) -> Result<broadcast::Writer<'_, T, N, W>> {
        self.take(WRITER, |_| true, Broadcast::writer_as)
    }

    /// A reader that gets every message from now on. It is on record nowhere, and nothing has to be given back.
    pub fn reader(&self) -> broadcast::Reader<'_, T, N, W> {
        self.part.reader()
    }

    /// [`Broadcast::reader_from_oldest`].
    pub fn reader_from_oldest(&self) -> broadcast::Reader<'_, T, N, W> {
        self.part.reader_from_oldest()
    }

    /// [`Broadcast::sent`].
    pub fn sent(&self) -> u64 {
        self.part.sent()
    }

    /// [`Broadcast::writer_is_gone`].
    pub fn writer_is_gone(&self) -> bool {
        self.part.writer_is_gone()
    }
}

impl<T: Item, W: SharedWait> Part<Latest<T, W>> {
    /// The half that writes. Dropping it gives it back; closing it ends the stream, as the death of
    /// this process does. Anybody reads, without a half.
    ///
    /// # Errors
    /// [`channel::Error::Taken`] while a living participant has it.
    ///
    /// ```
    /// use ringway::shm::{Latest, Layout, Region};
    /// type Level = Latest<f32>;
    /// let region = Region::anonymous(&Layout::new(2).part::<Level>("level")?)?;
    /// let level = region.part::<Level>("level")?;
    /// level.writer()?.store(0.5);
    /// assert_eq!(level.load().unwrap().0, 0.5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn writer(&self) -> Result<latest::Writer<'_, T, W>> {
        self.take(WRITER, |_| true, Latest::writer_as)
    }

    /// [`Latest::load`].
    pub fn load(&self) -> Option<(T, Version)> {
        self.part.load()
    }

    /// [`Latest::load_newer`].
    pub fn load_newer(&self, seen: Version) -> Option<(T, Version)> {
        self.part.load_newer(seen)
    }

    /// [`Latest::load_into`].
    pub fn load_into(&self, out: &mut T) -> Option<Version> {
        self.part.load_into(out)
    }

    /// [`Latest::load_newer_into`].
    pub fn load_newer_into(&self, seen: Version, out: &mut T) -> Option<Version> {
        self.part.load_newer_into(seen, out)
    }

    /// [`Latest::version`].
    pub fn version(&self) -> Version {
        self.part.version()
    }

    /// [`Latest::writer_is_gone`].
    pub fn writer_is_gone(&self) -> bool {
        self.part.writer_is_gone()
    }
}

impl<T: Item, W: SharedWait + Wait> Part<Latest<T, W>> {
    /// [`Latest::wait_newer`].
    ///
    /// # Errors
    /// [`channel::Error::EndOfFile`] when the writer is gone and the value is not newer.
    pub fn wait_newer(&self, seen: Version) -> std::result::Result<(T, Version), channel::Error> {
        self.part.wait_newer(seen)
    }

    /// [`Latest::wait_newer_deadline`].
    ///
    /// # Errors
    /// [`channel::Error::EndOfFile`] when the writer is gone and the value is not newer,
    /// [`channel::Error::TimedOut`] when it did not become so in time.
    pub fn wait_newer_deadline(
        &self,
        seen: Version,
        deadline: Option<W::Deadline>,
    ) -> std::result::Result<(T, Version), channel::Error> {
        self.part.wait_newer_deadline(seen, deadline)
    }

    /// [`Latest::wait_newer_into`].
    ///
    /// # Errors
    /// As [`wait_newer`](Self::wait_newer). What is in `out` then is of no value.
    pub fn wait_newer_into(
        &self,
        seen: Version,
        out: &mut T,
    ) -> std::result::Result<Version, channel::Error> {
        self.part.wait_newer_into(seen, out)
    }

    /// [`Latest::wait_newer_into_deadline`].
    ///
    /// # Errors
    /// As [`wait_newer_deadline`](Self::wait_newer_deadline). What is in `out` then is of no value.
    pub fn wait_newer_into_deadline(
        &self,
        seen: Version,
        out: &mut T,
        deadline: Option<W::Deadline>,
    ) -> std::result::Result<Version, channel::Error> {
        self.part.wait_newer_into_deadline(seen, out, deadline)
    }
}

#[cfg(target_has_atomic = "64")]
impl<T: Item, const N: usize, W: SharedWait> Part<Queue<T, N, W>> {
    /// The queue as we use it: what we hold is given back when this process dies, and a message that we had claimed goes to
    /// another consumer.
    pub fn seat(&self) -> Handle<'_, T, N, W> {
        let queue: &Queue<T, N, W> = self.part;
        queue.handle(self.participant())
    }
}

macro_rules! handles {
    ($($(#[$meta:meta])* [$($parameters:tt)*] $lock:ty;)*) => {
        $(
            $(#[$meta])*
            impl<$($parameters)*> Part<$lock> {
                /// The lock as we use it: what we hold is put right when this process dies.
                pub fn handle(&self) -> lock::Handle<'_, $lock> {
                    let lock: &$lock = self.part;
                    lock.handle(self.participant())
                }
            }
        )*
    };
}

handles! {
    [T: Item, W: SharedWait + Wait] lock::Mutex<T, W>;
    #[cfg(target_has_atomic = "64")]
    [T: Item, W: SharedWait + Wait] lock::ReentrantMutex<T, W>;
    [T: Item, const R: usize, W: SharedWait + Wait] lock::RwLock<T, R, W>;
    [const N: usize, W: SharedWait + Wait] lock::BoundedSemaphore<N, W>;
    [const N: usize, W: SharedWait + Wait] lock::Barrier<N, W>;
}
