//! The core's structures on the heap, made in place.

use ringway_core::ring::InPlace;
use ringway_core::storage::InMemory;
use std::alloc::{alloc, handle_alloc_error};
use std::ptr::NonNull;

/// Makes a structure of the core on the heap, in place.
///
/// However large it is, it does not pass through the stack, as it might with
/// `Box::new(Queue::new())`.
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
    // SAFETY: `InPlace::init` has left a structure in `place`.
    unsafe { place.assume_init() }
}

/// As [`boxed`], with a capacity that is known when the program runs.
///
/// Returns `None` when no structure has this capacity.
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
    // SAFETY: the layout's size is not 0: every structure has words.
    let memory = NonNull::new(unsafe { alloc(layout) });
    let memory = memory.unwrap_or_else(|| handle_alloc_error(layout));
    // SAFETY: `memory` was allocated just now with `layout`, which is that of `capacity`, and
    // belongs to this function alone.
    let made = unsafe { V::init_at(memory, capacity) }?;
    // SAFETY: `made` points to the structure that `init_at` made, in memory that the global
    // allocator gave for the structure's own layout, and nothing else owns it.
    Some(unsafe { Box::from_raw(made.as_ptr()) })
}
