//! Parts of a region, awaited in two processes.

use super::sides::{Give, Kind, Take};
use crate::digest::Intake;
use crate::failure::Result;
use crate::part::{Part as Process, Report};
use crate::tour::piece::{self, Piece};
use crate::tour::row::Row;
use ringway::CoreError;
use ringway::shm::{self, Barrier, Condition, Event, Layout, Part, Region, Semaphore, Value};
use ringway_core::ring::broadcast::{self, RecvError};
use ringway_core::ring::latest::{self, Version};
use ringway_core::ring::{Consumer, Producer, bytes, messages};
use ringway_ways::Offer;

/// The part that carries the pieces, and its companions.
const WAY: &str = "way";
const BACK: &str = "back";
const BOTH: &str = "both";
const PEACE: &str = "peace";

/// Values, or messages, that a part holds.
const SLOTS: usize = 8;

/// Bytes that a part holds: more than two pieces.
const ROOM: usize = 64 << 10;

/// Starts the other process in a region of this layout.
fn start(row: &Row<'_>, layout: &Layout) -> Result<(Process, Region)> {
    let region = Region::anonymous(layout)?;
    Ok((row.start_in(&region, "the far end", "")?, region))
}

/// Whether there was a piece; the end of file is none.
fn more<T>(taken: std::result::Result<T, CoreError>) -> Result<Option<T>> {
    match taken {
        Ok(taken) => Ok(Some(taken)),
        Err(CoreError::EndOfFile) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Kinds of one part: how its two ends are made, and what these do.
macro_rules! kinds {
    ($(
        $Kind:ident of $Part:ty;
        $near:ident: $Near:ty = $host:expr, $give:expr, $end:expr;
        $far:ident: $Far:ty = $join:expr, $take:expr;
        ($number:ident, $bytes:ident, $intake:ident)
    )*) => {$(
        pub struct $Kind;

        impl Kind for $Kind {
            type Host = Region;
            type Near = $Near;
            type Far = $Far;

            fn start(row: &Row<'_>) -> Result<(Process, Region)> {
                start(row, &Layout::new(2).part::<$Part>(WAY)?)
            }

            async fn meet(region: Region) -> Result<$Near> {
                let $near = region.part::<$Part>(WAY)?;
                Ok($host)
            }

            async fn join(_far: &Report, mut given: Offer) -> Result<$Far> {
                let $far = given.region()?.part::<$Part>(WAY)?;
                Ok($join)
            }
        }

        impl Give for $Near {
            async fn give(&mut self, $number: u64, $bytes: &[u8]) -> Result<()> {
                let $near = self;
                Ok($give.await?)
            }

            async fn end(self) -> Result<()> {
                let $near = self;
                $end;
                Ok(())
            }
        }

        impl Take for $Far {
            async fn take(&mut self, $number: u64, $intake: &mut Intake) -> Result<bool> {
                let $far = self;
                $take
            }
        }
    )*};
}

type Jobs = shm::Queue<Piece, SLOTS>;
type Values = shm::Ring<Piece, SLOTS>;
type Bytes = shm::ByteRing<ROOM>;
type Messages = shm::MessageRing<ROOM>;

/// An end of a queue: the part itself.
pub struct Pushes(Part<Jobs>);
pub struct Pops(Part<Jobs>);

kinds! {
    Queues of Jobs;
    near: Pushes = Pushes(near), near.0.push_async(piece::new(number, bytes)), near.0.close();
    far: Pops = Pops(far), numbered(more(far.0.pop_async().await)?, number, intake);
    (number, bytes, intake)

    Rings of Values;
    near: Producer<Part<Values>> = near.producer()?,
        near.push_async(piece::new(number, bytes)), near.close();
    far: Consumer<Part<Values>> = far.consumer()?,
        numbered(more(far.pop_async().await)?, number, intake);
    (number, bytes, intake)

    ByteRings of Bytes;
    near: bytes::Producer<Part<Bytes>> = near.producer()?,
        near.write_all_async(bytes), near.close();
    far: bytes::Consumer<Part<Bytes>> = far.consumer()?, {
        let read = far.read_async(intake.spare()).await?;
        intake.filled(read);
        Ok(read > 0)
    };
    (_number, bytes, intake)

    MessageRings of Messages;
    near: messages::Sender<Part<Messages>> = near.sender()?,
        near.send_async(bytes), near.close();
    far: messages::Receiver<Part<Messages>> = far.receiver()?, {
        let received = more(far.recv_async(intake.spare()).await)?;
        intake.filled(received.unwrap_or_default());
        Ok(received.is_some())
    };
    (_number, bytes, intake)
}

/// Takes in a piece that must have this number; returns whether there was one.
fn numbered(piece: Option<Piece>, number: u64, intake: &mut Intake) -> Result<bool> {
    let Some(piece) = piece else { return Ok(false) };
    intake.take(piece::numbered(&piece, number)?);
    Ok(true)
}

type Told = shm::Broadcast<Piece, SLOTS>;
type Credits = Semaphore<SLOTS>;

/// A broadcast; a semaphore keeps its writer from getting too far ahead.
pub struct Broadcasts;

pub struct Tells {
    writer: broadcast::Writer<Part<Told>>,
    credits: Part<Credits>,
}

pub struct Hears {
    reader: broadcast::Reader<&'static Told>,
    credits: Part<Credits>,
}

impl Kind for Broadcasts {
    type Host = Region;
    type Near = Tells;
    type Far = Hears;

    fn start(row: &Row<'_>) -> Result<(Process, Region)> {
        let layout = Layout::new(2).part::<Told>(WAY)?.part::<Credits>(BACK)?;
        start(row, &layout.part::<Barrier<2>>(BOTH)?)
    }

    async fn meet(region: Region) -> Result<Tells> {
        let (told, credits) = (region.part::<Told>(WAY)?, region.part(BACK)?);
        let writer = told.writer()?;
        // A reader sees what is sent after it began.
        region.part::<Barrier<2>>(BOTH)?.wait_async().await?;
        Ok(Tells { writer, credits })
    }

    async fn join(_far: &Report, mut given: Offer) -> Result<Hears> {
        let region = given.region()?;
        // A reader borrows its part. This process ends with the row.
        let told: &'static Part<Told> = Box::leak(Box::new(region.part(WAY)?));
        let (reader, credits) = (told.reader(), region.part(BACK)?);
        region.part::<Barrier<2>>(BOTH)?.wait_async().await?;
        Ok(Hears { reader, credits })
    }
}

impl Give for Tells {
    async fn give(&mut self, number: u64, bytes: &[u8]) -> Result<()> {
        self.credits.acquire_async().await;
        self.writer.send_from(&piece::new(number, bytes));
        Ok(())
    }

    async fn end(self) -> Result<()> {
        self.writer.close();
        Ok(())
    }
}

impl Take for Hears {
    async fn take(&mut self, number: u64, intake: &mut Intake) -> Result<bool> {
        match self.reader.recv_async().await {
            Ok(piece) => intake.take(piece::numbered(&piece, number)?),
            Err(RecvError::EndOfFile) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        self.credits.release(1)?;
        Ok(true)
    }
}

type Level = shm::Latest<Piece>;

/// The newest value; an event says that it was seen.
pub struct Latests;

pub struct Stores {
    writer: latest::Writer<Part<Level>>,
    seen: Part<Event>,
}

pub struct Sees {
    level: Part<Level>,
    seen: Part<Event>,
    version: Version,
}

impl Kind for Latests {
    type Host = Region;
    type Near = Stores;
    type Far = Sees;

    fn start(row: &Row<'_>) -> Result<(Process, Region)> {
        start(row, &Layout::new(2).part::<Level>(WAY)?.part::<Event>(BACK)?)
    }

    async fn meet(region: Region) -> Result<Stores> {
        Ok(Stores { writer: region.part::<Level>(WAY)?.writer()?, seen: region.part(BACK)? })
    }

    async fn join(_far: &Report, mut given: Offer) -> Result<Sees> {
        let region = given.region()?;
        let (level, seen) = (region.part(WAY)?, region.part(BACK)?);
        Ok(Sees { level, seen, version: Version::NONE })
    }
}

impl Give for Stores {
    async fn give(&mut self, number: u64, bytes: &[u8]) -> Result<()> {
        self.writer.store_from(&piece::new(number, bytes));
        self.seen.wait_async().await;
        self.seen.clear();
        Ok(())
    }

    async fn end(self) -> Result<()> {
        self.writer.close();
        Ok(())
    }
}

impl Take for Sees {
    async fn take(&mut self, number: u64, intake: &mut Intake) -> Result<bool> {
        let Some((piece, version)) = more(self.level.newer_async(self.version).await)? else {
            return Ok(false);
        };
        self.version = version;
        intake.take(piece::numbered(&piece, number)?);
        self.seen.set();
        Ok(true)
    }
}

/// Room for one piece. Number 0 means that there is none, as in zeroed memory.
type Place = Value<Piece>;

/// Whether all was given, which the other side only reads.
type Over = shm::RwLock<u64, 2>;

/// A place under a mutex, with a condition; a flag under another lock; a barrier at the start.
pub struct Locks;

pub struct Locked {
    place: Part<Place>,
    changed: Part<Condition>,
    over: Part<Over>,
}

impl Locked {
    async fn meet(region: &Region) -> Result<Self> {
        region.part::<Barrier<2>>(BOTH)?.wait_async().await?;
        let (place, changed) = (region.part(WAY)?, region.part(BACK)?);
        Ok(Locked { place, changed, over: region.part(PEACE)? })
    }
}

pub struct Fills(Locked);
pub struct Empties(Locked);

impl Kind for Locks {
    type Host = Region;
    type Near = Fills;
    type Far = Empties;

    fn start(row: &Row<'_>) -> Result<(Process, Region)> {
        let layout = Layout::new(2).part::<Place>(WAY)?.part::<Condition>(BACK)?;
        start(row, &layout.part::<Over>(PEACE)?.part::<Barrier<2>>(BOTH)?)
    }

    async fn meet(region: Region) -> Result<Fills> {
        Locked::meet(&region).await.map(Fills)
    }

    async fn join(_far: &Report, mut given: Offer) -> Result<Empties> {
        Locked::meet(&given.region()?).await.map(Empties)
    }
}

impl Give for Fills {
    async fn give(&mut self, number: u64, bytes: &[u8]) -> Result<()> {
        let Locked { place, changed, .. } = &self.0;
        let guard = place.lock_async().await?;
        let mut guard = changed.wait_while_async(guard, |place| !piece::is_none(place)).await?;
        *guard = piece::new(number + 1, bytes);
        drop(guard);
        changed.notify_all();
        Ok(())
    }

    async fn end(self) -> Result<()> {
        let Locked { place, changed, over } = &self.0;
        // With the mutex held: a side that is about to wait has looked before, or looks after.
        let guard = place.lock_async().await?;
        *over.write_async().await? = 1;
        drop(guard);
        changed.notify_all();
        Ok(())
    }
}

impl Take for Empties {
    async fn take(&mut self, number: u64, intake: &mut Intake) -> Result<bool> {
        let Locked { place, changed, over } = &self.0;
        let mut guard = place.lock_async().await?;
        while piece::is_none(&guard) {
            if *over.read_async().await? == 1 {
                return Ok(false);
            }
            guard = changed.wait_async(guard).await?;
        }
        intake.take(piece::numbered(&guard, number + 1)?);
        *guard = piece::new(0, &[]);
        drop(guard);
        changed.notify_all();
        Ok(true)
    }
}
