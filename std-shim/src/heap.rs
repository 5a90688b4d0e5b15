//! The core's structures on the heap.

use ringway_core::ring::InPlace;

/// A fresh structure of the core on the heap, made where it stays: however large it is, nothing of
/// it passes the stack, as it would in `Box::new(Queue::new())`.
///
/// ```
/// use ringway::ring::queue::Queue;
/// let jobs = ringway::boxed::<Queue<[u64; 16], 60_000>>();
/// jobs.try_push([7; 16]).unwrap();
/// assert_eq!(jobs.len(), 1);
/// ```
///
/// Its sides can sleep if its type says so:
///
/// ```
/// use ringway::wait::Futex;
/// use ringway::ring::bytes::ByteRing;
/// let log = ringway::boxed::<ByteRing<4_000_000, Futex>>();
/// log.producer().unwrap().try_write_all(b"a line").unwrap();
/// ```
pub fn boxed<S: InPlace>() -> Box<S> {
    let mut place = Box::new_uninit();
    S::init(&mut place);
    // SAFETY: `init` has made it there.
    unsafe { place.assume_init() }
}
