//! Shared memory between processes: rings, and what one writer tells many.

use super::piece::{self, Piece};
use super::row::{FarEnd, Mechanism, Outcome, PIECE, Row, counted, pour, pour_messages, told};
use crate::digest::Intake;
use crate::failure::{Doing, Failure, Result};
use ringway::channel::Error;
use ringway::shm::{ByteRing, Layout, MessageRing, Region, Semaphore};
use ringway_core::ring::broadcast::{Missed, RecvError};
use ringway_core::ring::latest::Version;
use std::fmt::Display;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// The name of the region of the row that this process, or its peer's parent, runs. The tour removes it should they be killed.
pub fn region_name(row: u32) -> String {
    format!("ringway-tour-{row}")
}

/// A region without a name, and a descriptor to hand over.
pub fn anonymous(
    layout: std::result::Result<Layout, impl Display>,
) -> Result<(Region, impl Fn() -> Result<OwnedFd> + 'static)> {
    let region = Region::anonymous(&layout.map_err(told)?)?;
    let handed = region.clone();
    Ok((region, move || handed.as_fd().try_clone_to_owned().doing("hand the region over")))
}

/// Far longer than anything takes; a peer that died would be waited for, where the mechanism does not tell.
pub fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(10))
}

const BYTES: &str = "bytes";

type Bytes = ByteRing<{ 4 * PIECE }>;

/// A ring of bytes in a region that the other process knows by its name.
pub struct NamedBytes;

impl Mechanism for NamedBytes {
    fn name(&self) -> &'static str {
        "shm-bytes"
    }

    fn title(&self) -> &'static str {
        "ring of bytes in shared memory between two processes that share only its name"
    }

    fn between(&self) -> &'static str {
        "two processes"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        let name = region_name(std::process::id());
        let layout = Layout::new(2).part::<Bytes>(BYTES).map_err(told)?;
        let region = Region::create(&name, 0o600, &layout)?;
        let part = region.part::<Bytes>(BYTES)?;
        let mut producer = part.producer()?;
        row.doing("starting the reader");
        let mut reader = row.start_peer("the reader", &[&name])?;
        reader.ready()?;
        row.doing("writing into the ring");
        let sent = pour(input, PIECE, |mut piece| {
            while !piece.is_empty() {
                let n = producer.write(piece).map_err(told)?;
                piece = &piece[n..];
            }
            Ok(())
        });
        reader.blame(sent)?;
        producer.close();
        row.doing("waiting for the reader's report");
        let outcome = reader.outcome()?;
        reader.finish()?;
        Ok(outcome)
    }

    fn peer(&self, far: &FarEnd, args: &[String]) -> Result<()> {
        let region = Region::open(far.argument(args)?)?;
        let part = region.part::<Bytes>(BYTES)?;
        let mut consumer = part.consumer()?;
        far.ready("attached");
        let mut intake = Intake::new();
        loop {
            match consumer.read(intake.spare()).map_err(told)? {
                0 => break,
                n => intake.filled(n),
            }
        }
        let size = region.size() >> 10;
        far.done(format!("by name, in {size} KiB of /dev/shm"), intake.finish());
        Ok(())
    }
}

const MESSAGES: &str = "messages";

/// How large the largest message is.
const LARGEST: usize = 32 << 10;

type Messages = MessageRing<{ 16 * PIECE }>;

/// A ring of messages in a region without a name, handed over as a descriptor.
pub struct AnonymousMessages;

impl Mechanism for AnonymousMessages {
    fn name(&self) -> &'static str {
        "shm-messages"
    }

    fn title(&self) -> &'static str {
        "ring of messages in shared memory without a name, whose descriptor is handed over"
    }

    fn between(&self) -> &'static str {
        "parent → child"
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        let (region, fd) = anonymous(Layout::new(2).part::<Messages>(MESSAGES))?;
        let part = region.part::<Messages>(MESSAGES)?;
        let mut sender = part.sender()?;
        row.doing("starting the receiver");
        let mut receiver = row.start_peer_on("the receiver", &[], fd()?)?;
        row.doing("sending messages");
        let sent = pour_messages(input, LARGEST, |message| sender.send(message).map_err(told));
        let messages = receiver.blame(sent)?;
        sender.close();
        row.doing("waiting for the receiver's report");
        let outcome = counted(receiver.outcome()?, messages)?;
        receiver.finish()?;
        Ok(outcome)
    }

    fn peer(&self, far: &FarEnd, _args: &[String]) -> Result<()> {
        let part = Region::from_fd(io::stdin())?.part::<Messages>(MESSAGES)?;
        let mut receiver = part.receiver()?;
        let mut intake = Intake::new();
        let mut messages = 0u64;
        loop {
            match receiver.wait_deadline(None) {
                Ok(()) => {}
                Err(Error::EndOfFile) => break,
                Err(error) => return Err(told(error)),
            }
            // Taken in where it lies.
            while let Some(message) = receiver.try_peek().map_err(told)? {
                intake.take(&message);
                message.release();
                messages += 1;
            }
        }
        far.done(messages.to_string(), intake.finish());
        Ok(())
    }
}

const PIECES: &str = "pieces";
const CREDITS: [&str; 2] = ["credits of 0", "credits of 1"];

/// How many messages a broadcast keeps, and half as many: how far its writer gets ahead of its readers.
const KEPT: usize = 64;
const WINDOW: u32 = KEPT as u32 / 2;

type Told = ringway::shm::Broadcast<Piece, KEPT>;
type Credits = Semaphore<WINDOW>;

/// A broadcast to two processes.
pub struct Broadcast;

impl Mechanism for Broadcast {
    fn name(&self) -> &'static str {
        "shm-broadcast"
    }

    fn title(&self) -> &'static str {
        "broadcast in shared memory to two processes"
    }

    fn between(&self) -> &'static str {
        "one → two"
    }

    fn limit(&self) -> Option<u64> {
        Some(8 << 20)
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        let mut layout = Layout::new(4).part::<Told>(PIECES);
        for credits in CREDITS {
            layout = layout.and_then(|layout| layout.part::<Credits>(credits));
        }
        let (region, fd) = anonymous(layout)?;
        let part = region.part::<Told>(PIECES)?;
        let credits = [region.part::<Credits>(CREDITS[0])?, region.part::<Credits>(CREDITS[1])?];
        let mut writer = part.writer()?;
        row.doing("starting the readers");
        let mut one = row.start_peer_on("the first reader", &[CREDITS[0]], fd()?)?;
        let mut other = row.start_peer_on("the second reader", &[CREDITS[1]], fd()?)?;
        one.ready()?;
        other.ready()?;
        // One that never looks: the writer does not wait for it.
        let mut asleep = part.reader();
        row.doing("telling both");
        let mut pieces = 0;
        let sent = pour(input, piece::ROOM, |bytes| {
            for credits in &credits {
                credits.get().acquire_deadline(soon()).map_err(told)?;
            }
            writer.send_from(&piece::new(pieces, bytes));
            pieces += 1;
            Ok(())
        });
        let sent = one.blame(sent);
        other.blame(sent)?;
        writer.close();
        row.doing("waiting for the readers' reports");
        let (mut first, second) = (one.outcome()?, other.outcome()?);
        one.finish()?;
        other.finish()?;
        if (first.receipt.bytes, &first.receipt.sha256)
            != (second.receipt.bytes, &second.receipt.sha256)
        {
            return Err(Failure::new("the two readers did not see the same"));
        }
        let missed = match asleep.try_recv() {
            Err(Missed(missed)) => missed,
            Ok(_) => 0,
        };
        first.what = format!("{pieces} to both; a third missed {missed}");
        Ok(first)
    }

    fn peer(&self, far: &FarEnd, args: &[String]) -> Result<()> {
        let region = Region::from_fd(io::stdin())?;
        let part = region.part::<Told>(PIECES)?;
        let credits = region.part::<Credits>(far.argument(args)?)?;
        let mut reader = part.reader();
        far.ready("attached");
        let mut intake = Intake::new();
        for expected in 0.. {
            match reader.recv() {
                Ok(piece) => intake.take(piece::numbered(&piece, expected)?),
                Err(RecvError::EndOfFile) => break,
                Err(error) => return Err(told(error)),
            }
            credits.get().release(1).map_err(told)?;
        }
        far.done("", intake.finish());
        Ok(())
    }
}

const LEVEL: &str = "level";
const SEEN: &str = "seen";

/// How many values come after the input, too quick to be seen one by one.
const BURST: u64 = 1000;

type Level = ringway::shm::Latest<Piece>;

/// The newest value: each is waited for, and then they come too quickly for that.
pub struct Latest;

impl Mechanism for Latest {
    fn name(&self) -> &'static str {
        "shm-latest"
    }

    fn title(&self) -> &'static str {
        "newest value in shared memory between two processes"
    }

    fn between(&self) -> &'static str {
        "two processes"
    }

    fn limit(&self) -> Option<u64> {
        Some(2 << 20)
    }

    fn run(&self, row: &Row) -> Result<Outcome> {
        let input = row.input()?;
        let layout = Layout::new(2).part::<Level>(LEVEL);
        let (region, fd) = anonymous(layout.and_then(|layout| layout.part::<Semaphore<0>>(SEEN)))?;
        let (part, seen) = (region.part::<Level>(LEVEL)?, region.part::<Semaphore<0>>(SEEN)?);
        let mut writer = part.writer()?;
        row.doing("starting the reader");
        let mut reader = row.start_peer_on("the reader", &[], fd()?)?;
        row.doing("storing values");
        let mut pieces = 0;
        let sent = pour(input, piece::ROOM, |bytes| {
            writer.store_from(&piece::new(pieces, bytes));
            pieces += 1;
            seen.get().acquire_deadline(soon()).map_err(told)
        });
        reader.blame(sent)?;
        let last = pieces + BURST;
        (pieces..last).for_each(|number| writer.store_from(&piece::new(number, &[])));
        writer.close();
        row.doing("waiting for the reader's report");
        let mut outcome = reader.outcome()?;
        reader.finish()?;
        let burst = outcome.what.parse::<u64>().ok().and_then(|all| all.checked_sub(pieces));
        let burst = burst.ok_or_else(|| Failure::new("the reader missed a value it was given"))?;
        outcome.what = format!("{pieces} values; {burst} of {BURST} in a burst");
        Ok(outcome)
    }

    fn peer(&self, far: &FarEnd, _args: &[String]) -> Result<()> {
        let region = Region::from_fd(io::stdin())?;
        let (part, seen) = (region.part::<Level>(LEVEL)?, region.part::<Semaphore<0>>(SEEN)?);
        let mut intake = Intake::new();
        let (mut version, mut values, mut full, mut next) = (Version::NONE, 0u64, 0, 0);
        loop {
            let (value, newer) = match part.wait_newer(version) {
                Ok(newer) => newer,
                Err(Error::EndOfFile) => break,
                Err(error) => return Err(told(error)),
            };
            version = newer;
            let (number, bytes) = piece::read(&value)?;
            if number < next {
                return Err(Failure::new(format!("value {number} came after {}", next - 1)));
            }
            next = number + 1;
            values += 1;
            intake.take(bytes);
            if !bytes.is_empty() {
                full += 1;
                seen.get().release(1).map_err(told)?;
            }
        }
        // The last of the burst was there when the writer went.
        if next != full + BURST {
            return Err(Failure::new("the last value was not seen"));
        }
        far.done(values.to_string(), intake.finish());
        Ok(())
    }
}
