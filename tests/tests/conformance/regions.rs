//! Parts of regions, awaited on both sides.

use crate::awaited::{Awaited, Reads, Writes, end, like};
use crate::memory::{Closing, sent};
use crate::runtime::Runtime;
use ringway::shm::{self, Region};
use ringway_tests::conformance::{Content, Promises};
use ringway_ways::shm::{BACK, THERE, handed, layout};
use ringway_ways::{Accept, End, Offer, Result, Way};
use std::marker::PhantomData;
use std::path::Path;

/// As the transports of the suite that wait by themselves.
const BYTES: usize = 3_001;
const MESSAGES: usize = 32_001;

type Bytes = shm::ByteRing<BYTES>;
type Messages = shm::MessageRing<MESSAGES>;
type Values = shm::Ring<Value, 16>;
type Jobs = shm::Queue<Value, 13>;

pub fn ways<R: Runtime>() -> Vec<Awaited> {
    let values = |name| Promises {
        content: Content::Messages { max: LARGEST, empty: true, limit: None, copied: false },
        processes: true,
        ..like(name)
    };
    vec![
        ("shm_byte_ring", like("os::shm_byte_ring"), &ByteRings::<R>(PhantomData)),
        ("shm_message_ring", like("os::shm_message_ring"), &MessageRings::<R>(PhantomData)),
        ("shm_ring", values("memory::ring"), &Rings::<R>(PhantomData)),
        ("shm_queue", values("memory::queue"), &Queues::<R>(PhantomData)),
    ]
}

/// The largest message that is a value of a region.
const LARGEST: usize = 1020;

/// A message as a value: its length, and that many bytes.
type Value = [u32; 256];

fn value(piece: &[u8]) -> Value {
    assert!(piece.len() <= LARGEST, "a case sends no larger message");
    let mut bytes = [0; 4 * 256];
    bytes[..4].copy_from_slice(&(piece.len() as u32).to_le_bytes());
    bytes[4..][..piece.len()].copy_from_slice(piece);
    let mut value = [0; 256];
    for (word, four) in value.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_le_bytes(four.try_into().expect("four bytes"));
    }
    value
}

fn put(value: Value, into: &mut [u8]) -> Result<usize> {
    let bytes: Vec<u8> = value.iter().flat_map(|word| word.to_le_bytes()).collect();
    crate::memory::put(&bytes[4..][..value[0] as usize], into)
}

/// The ways over one part for each direction: the type of the part, and how to take its halves.
macro_rules! parts {
    ($($(#[$meta:meta])* $Way:ident $Part:ty, $rx:expr, $tx:expr;)*) => {
        $(
            $(#[$meta])*
            struct $Way<R>(PhantomData<fn() -> R>);

            impl<R: Runtime> $Way<R> {
                fn end(region: &Region, tx: &str, rx: &str) -> Result<End> {
                    let (rx, tx) = (region.part::<$Part>(rx)?, region.part::<$Part>(tx)?);
                    Ok(end::<R>($rx(rx)?, $tx(tx)?))
                }
            }

            impl<R: Runtime> Way for $Way<R> {
                fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
                    let region = Region::anonymous(&layout::<$Part>()?)?;
                    handed(Self::end(&region, THERE, BACK)?, &region)
                }

                fn join(&self, mut offer: Offer) -> Result<End> {
                    Self::end(&offer.region()?, BACK, THERE)
                }
            }
        )*
    };
}

type Part<P> = shm::Part<P>;

parts! {
    ByteRings Bytes,
        |part: Part<Bytes>| Result::Ok(Closing::new(part.consumer()?)),
        |part: Part<Bytes>| Result::Ok(Closing::new(part.producer()?));
    MessageRings Messages,
        |part: Part<Messages>| Result::Ok(Closing::new(part.receiver()?)),
        |part: Part<Messages>| Result::Ok(Closing::new(part.sender()?));
    Rings Values,
        |part: Part<Values>| Result::Ok(ValueRx(Closing::new(part.consumer()?))),
        |part: Part<Values>| Result::Ok(ValueTx(Closing::new(part.producer()?)));
    Queues Jobs,
        |part| Result::Ok(Side(part)),
        |part| Result::Ok(Side(part));
}

struct ValueRx(Closing<ringway::ring::Consumer<Part<Values>>>);

impl Reads for ValueRx {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        put(self.0.get().pop_async().await?, into)
    }
}

struct ValueTx(Closing<ringway::ring::Producer<Part<Values>>>);

impl Writes for ValueTx {
    async fn write(&mut self, piece: &[u8]) -> Result<usize> {
        let pushed = self.0.get().push_async(value(piece)).await;
        sent(pushed, &value(piece)).map(|()| piece.len())
    }
}

/// A queue, as one side of it.
struct Side(Part<Jobs>);

impl Reads for Side {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        put(self.0.pop_async().await?, into)
    }
}

impl Writes for Side {
    async fn write(&mut self, piece: &[u8]) -> Result<usize> {
        let pushed = self.0.push_async(value(piece)).await;
        sent(pushed, &value(piece)).map(|()| piece.len())
    }

    fn another(&self) -> Result<Self> {
        Ok(Side(self.0.clone()))
    }
}
