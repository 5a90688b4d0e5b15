//! Halves whose peer writes anything anywhere in its memory, between any two operations. Each
//! answer is one that is promised; nothing is written but this side's own memory, and there only
//! what is the lane's.

use super::Choices;
use ringway_core::Error;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::untrusted::{
    Consumer, Lane, Producer, Publisher, Reader, Receiver, Sender, Subscriber, Writer,
};
use ringway_core::wait::Spin;
use std::ptr::NonNull;

/// The memory of one side. A lane uses the beginning.
#[repr(align(128))]
struct Memory([AtomicU32; WORDS]);

const WORDS: usize = 256;

impl Memory {
    fn new() -> Self {
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
enum Half<'m> {
    Writer(Writer<'m>),
    Reader(Reader<'m>),
    Sender(Sender<'m>),
    Receiver(Receiver<'m>),
    Producer(Producer<'m, Items>),
    Consumer(Consumer<'m, Items>),
    Publisher(Publisher<'m, Items>),
    Subscriber(Subscriber<'m, Items>),
}

/// How many values a publisher keeps.
const KEPT: usize = 3;

impl<'m> Half<'m> {
    fn new(which: usize, mine: &'m Memory, theirs: &'m Memory, lane: Lane) -> Option<Half<'m>> {
        macro_rules! half {
            ($Half:ident, $size:expr) => {
                // SAFETY: both pieces live for `'m`, are aligned, zeroed and larger than any lane
                // here, and everything accesses them atomically. Only this half writes `mine`.
                unsafe { $Half::new(mine.at(), theirs.at(), $size, Spin) }
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

    /// The words of this side's memory that the half may write.
    fn own_words(&self, lane: Lane) -> usize {
        let bytes = match self {
            Half::Publisher(_) => Publisher::<Items>::size(KEPT).unwrap_or(0),
            Half::Writer(_) | Half::Sender(_) | Half::Producer(_) => lane.sending_size(),
            _ => lane.receiving_size(),
        };
        bytes.div_ceil(4)
    }

    /// Does one operation on `size` bytes at most.
    fn step(&mut self, size: usize) -> Result<(), Error> {
        let (bytes, mut out) = ([0x5a; 80], [0; 80]);
        match self {
            Half::Writer(half) => half.try_write(&bytes[..size]).map(|done| assert!(done <= size)),
            Half::Reader(half) => half.try_read(&mut out[..size]).map(|done| assert!(done <= size)),
            Half::Sender(half) => match half.try_send(&bytes[..size]) {
                Err(Error::MessageTooLarge { max }) if max == half.max_message() => Ok(()),
                sent => sent,
            },
            Half::Receiver(half) => match half.try_recv(&mut out[..size]) {
                Err(Error::BufferTooSmall { needed }) if (size..80).contains(&needed) => Ok(()),
                received => received.map(|done| assert!(done <= size)),
            },
            Half::Producer(half) => match half.try_push([7; 3]) {
                Err(Error::MessageTooLarge { .. }) => Ok(()),
                pushed => pushed,
            },
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
    let mut half = Half::new(choices.below(8)?, mine, theirs, lane)?;
    let mut is_corrupt = false;
    loop {
        for _ in 0..choices.below(3)? {
            scribble(choices, theirs)?;
        }
        let before = theirs.words();
        match half.step(choices.below(80)?) {
            Err(Error::Corrupt) => is_corrupt = true,
            Ok(()) | Err(Error::WouldBlock | Error::EndOfFile | Error::BrokenPipe) => {
                assert!(!is_corrupt, "it was corrupt, and is not any more");
            }
            Err(other) => panic!("{other:?}"),
        }
        assert!(theirs.words() == before, "it wrote the peer's memory");
        let beyond = &mine.words()[half.own_words(lane)..];
        assert!(beyond.iter().all(|word| *word == 0), "it wrote past its lane");
    }
}
