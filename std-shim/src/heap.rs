//! The core's structures on the heap.

use ringway_core::ring::InPlace;
use ringway_core::storage::InMemory;
use std::alloc::{alloc, handle_alloc_error};
use std::ptr::NonNull;

/// A fresh structure of the core on the heap, made where it stays: however large it is, nothing of
/// it passes the stack, as it would in `Box::new(Queue::new())`.
///
/// ```
/// use ringway::ring::queue::Queue;
/// let jobs = ringway::boxed::<Queue<[u64; 16], 60_000>>();
/// jobs.try_push([7; 16]).unwrap();
/// assert_eq!(jobs.len(), 1);
/// ```
pub fn boxed<S: InPlace>() -> Box<S> {
    let mut place = Box::new_uninit();
    S::init(&mut place);
    // SAFETY: `init` has made it there.
    unsafe { place.assume_init() }
}

/// [`boxed`] of as many slots as a number says that is known when the program runs; `None` when no
/// structure has so many.
///
/// ```
/// use ringway::wait::Futex;
/// use ringway_core::ring::RingView;
/// let capacity: usize = "1000".parse()?;
/// let mut samples = ringway::boxed_view::<RingView<[f64; 8], Futex>>(capacity).expect("it is small");
/// let (mut producer, mut consumer) = samples.split();
/// producer.push([0.5; 8])?;
/// assert_eq!(consumer.pop()?, [0.5; 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn boxed_view<V: InMemory + ?Sized>(capacity: usize) -> Option<Box<V>> {
    let layout = V::layout(capacity)?;
    // SAFETY: no structure is of size 0: each has words.
    let memory = NonNull::new(unsafe { alloc(layout) });
    let memory = memory.unwrap_or_else(|| handle_alloc_error(layout));
    // SAFETY: so much memory, on that boundary, and ours.
    let made = unsafe { V::init_at(memory, capacity) }?;
    // SAFETY: made just now, in memory of the allocator of boxes that is laid out as the structure
    // is.
    Some(unsafe { Box::from_raw(made.as_ptr()) })
}
