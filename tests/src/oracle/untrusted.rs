//! Halves whose peer writes anything anywhere in its memory, between any two operations. Each
//! answer is one that is promised; nothing is written but this side's own memory, and there only
//! what is the lane's.

use super::Choices;
use super::scribble::Bounded;
use ringway_core::Error;
use ringway_core::ring::broadcast::RecvError;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::untrusted::{
    Consumer, Lane, Producer, Publisher, Reader, Receiver, Sender, Subscriber, Writer,
};
use std::ptr::NonNull;

/// The memory of one side. A lane uses the beginning.
#[repr(align(128))]
pub(super) struct Memory([AtomicU32; WORDS]);

const WORDS: usize = 256;

impl Memory {
    pub(super) fn new() -> Self {
        Memory([const { AtomicU32::new(0) }; WORDS])
    }

    fn at(&self) -> NonNull<u8> {
        NonNull::from(&self.0).cast()
    }

    fn words(&self) -> [u32; WORDS] {
        // Relaxed: there is one thread.
        self.0.each_ref().map(|word| word.load(Ordering::Relaxed))
    }
}

type Items = [u16; 3];

/// One half of a lane, each with its own calls.
pub(super) enum Half<'m> {
    Writer(Writer<'m, Bounded>),
    Reader(Reader<'m, Bounded>),
    Sender(Sender<'m, Bounded>),
    Receiver(Receiver<'m, Bounded>),
    Producer(Producer<'m, Items, Bounded>),
    Consumer(Consumer<'m, Items, Bounded>),
    Publisher(Publisher<'m, Items, Bounded>),
    Subscriber(Subscriber<'m, Items, Bounded>),
}

/// How many values a publisher keeps.
const KEPT: usize = 3;

impl<'m> Half<'m> {
    /// The half `which`, with nothing in its lane.
    ///
    /// # Safety
    /// For `'m`, there is memory as large as a [`Memory`] at `theirs`, aligned to 128 bytes. It was
    /// zeroed, and everything accesses it atomically.
    pub(super) unsafe fn new(
        which: usize,
        mine: &'m Memory,
        theirs: NonNull<u8>,
        lane: Lane,
    ) -> Option<Half<'m>> {
        macro_rules! half {
            ($Half:ident, $size:expr) => {
                // SAFETY: both pieces live for `'m`, are aligned, zeroed and larger than any lane
                // here, and everything accesses them atomically. Only this half writes `mine`.
                unsafe { $Half::new(mine.at(), theirs, $size, Bounded) }
            };
        }
        Some(match which {
            0 => Half::Writer(half!(Writer, lane)),
            1 => Half::Reader(half!(Reader, lane)),
            2 => Half::Sender(half!(Sender, lane)),
            3 => Half::Receiver(half!(Receiver, lane)),
            4 => Half::Producer(half!(Producer, lane)),
            5 => Half::Consumer(half!(Consumer, lane)),
            6 => Half::Publisher(half!(Publisher, KEPT)?),
            _ => Half::Subscriber(half!(Subscriber, KEPT)?),
        })
    }

    /// Fails if the half wrote past its lane in this side's memory.
    pub(super) fn check_memory(&self, mine: &Memory, lane: Lane) {
        let bytes = match self {
            Half::Publisher(_) => Publisher::<Items>::size(KEPT).unwrap_or(0),
            Half::Writer(_) | Half::Sender(_) | Half::Producer(_) => lane.sending_size(),
            _ => lane.receiving_size(),
        };
        let beyond = &mine.words()[bytes.div_ceil(4)..];
        assert!(beyond.iter().all(|word| *word == 0), "it wrote past its lane");
    }

    /// Does one operation on `size` bytes at most.
    pub(super) fn step(&mut self, size: usize) -> Result<(), Error> {
        let (bytes, mut out) = ([0x5a; 80], [0; 80]);
        match self {
            Half::Writer(half) => half.try_write(&bytes[..size]).map(|done| assert!(done <= size)),
            Half::Reader(half) => half.try_read(&mut out[..size]).map(|done| assert!(done <= size)),
            Half::Sender(half) => {
                let max = half.max_message();
                allowed(half.try_send(&bytes[..size]), |error| error == too_large(max))
            }
            Half::Receiver(half) => {
                let received = half.try_recv(&mut out[..size]);
                allowed(received.map(|done| assert!(done <= size)), |error| {
                    is_too_small(error, size)
                })
            }
            Half::Producer(half) => allowed(half.try_push([7; 3]), is_too_large),
            Half::Consumer(half) => half.try_pop().map(drop),
            Half::Publisher(half) => {
                half.publish(&[7; 3]);
                Ok(())
            }
            Half::Subscriber(half) => {
                // Any value, or any number of missed ones.
                let _ = half.try_recv();
                half.newest();
                Ok(())
            }
        }
    }

    /// As [`step`](Self::step), by the form that waits.
    pub(super) fn wait(&mut self, size: usize, soon: Option<u32>) -> Result<(), Error> {
        let (bytes, mut out) = ([0x5a; 80], [0; 80]);
        match self {
            Half::Writer(half) => {
                half.write_deadline(&bytes[..size], soon).map(|done| assert!(done <= size))
            }
            Half::Reader(half) => {
                half.read_deadline(&mut out[..size], soon).map(|done| assert!(done <= size))
            }
            Half::Sender(half) => {
                let max = half.max_message();
                allowed(half.send_deadline(&bytes[..size], soon), |error| error == too_large(max))
            }
            Half::Receiver(half) => {
                let received = half.recv_deadline(&mut out[..size], soon);
                allowed(received.map(|done| assert!(done <= size)), |error| {
                    is_too_small(error, size)
                })
            }
            Half::Producer(half) => allowed(half.push_deadline([7; 3], soon), is_too_large),
            Half::Consumer(half) => half.pop_deadline(soon).map(drop),
            Half::Publisher(_) => self.step(size),
            Half::Subscriber(half) => match half.recv_deadline(soon) {
                Ok(_) | Err(RecvError::Lagged(_)) => Ok(()),
                Err(RecvError::EndOfFile) => Err(Error::EndOfFile),
                Err(RecvError::TimedOut) => Err(Error::TimedOut),
            },
        }
    }
}

/// `answer`, or nothing if it is an error about sizes that is as it should be.
fn allowed(answer: Result<(), Error>, is_right: impl Fn(Error) -> bool) -> Result<(), Error> {
    match answer {
        Err(error) if is_right(error) => Ok(()),
        answer => answer,
    }
}

fn too_large(max: usize) -> Error {
    Error::MessageTooLarge { max }
}

fn is_too_large(error: Error) -> bool {
    matches!(error, Error::MessageTooLarge { .. })
}

fn is_too_small(error: Error, size: usize) -> bool {
    matches!(error, Error::BufferTooSmall { needed } if (size..80).contains(&needed))
}

/// Fails unless `answer` is one that is promised: after `Corrupt`, it is always that.
pub(super) fn judge(answer: Result<(), Error>, is_corrupt: &mut bool) {
    match answer {
        Err(Error::Corrupt) => *is_corrupt = true,
        Ok(())
        | Err(Error::WouldBlock | Error::TimedOut | Error::EndOfFile | Error::BrokenPipe) => {
            assert!(!*is_corrupt, "it was corrupt, and is not any more");
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// What the peer writes into one of its words.
fn scribble(choices: &mut Choices<'_>, theirs: &Memory) -> Option<()> {
    let at = match choices.flip()? {
        true => choices.below(64)?,
        false => choices.below(WORDS)?,
    };
    let there = theirs.0[at].load(Ordering::Relaxed);
    let near = choices.below(256)? as u32;
    let word = match choices.below(5)? {
        0 => there.wrapping_add(near).wrapping_sub(128),
        1 => near,
        2 => near.wrapping_neg(),
        3 => near << 24,
        _ => near * 0x0101_0101,
    };
    theirs.0[at].store(word, Ordering::Relaxed);
    Some(())
}

/// Runs the sequence that these bytes decide.
pub fn untrusted(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (mine, theirs) = (Memory::new(), Memory::new());
    let _ = run(&mut choices, &mine, &theirs);
}

fn run(choices: &mut Choices<'_>, mine: &Memory, theirs: &Memory) -> Option<()> {
    let lane = Lane::new(1 << choices.below(7)?)?;
    // SAFETY: it is such a memory, which lives as long as `mine`.
    let mut half = unsafe { Half::new(choices.below(8)?, mine, theirs.at(), lane) }?;
    let mut is_corrupt = false;
    loop {
        for _ in 0..choices.below(3)? {
            scribble(choices, theirs)?;
        }
        let before = theirs.words();
        judge(half.step(choices.below(80)?), &mut is_corrupt);
        assert!(theirs.words() == before, "it wrote the peer's memory");
        half.check_memory(mine, lane);
    }
}
