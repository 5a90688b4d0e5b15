//! The Rust side of a Python program: it opens the region that the package `ringway` made there.
//!
//! ```text
//! cargo run -p ringway --example python -- NAME
//! ```
//!
//! The region NAME has a queue `jobs` of the format "Q", a lock `lock`, a value `total` of the type
//! code "q", an array `table` of the code "d", a semaphore `slots`, an event `done`, and a ring of
//! messages `text`. `docs/python.md` has the Python side.

use ringway::shm::{Event, Mutex, Region, Semaphore, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).ok_or("the name of a region is missing")?;
    let region = Region::open(&name)?;
    let jobs = region.queue::<u64>("jobs")?; // Queue(format="Q")
    let lock = region.part::<Mutex<[u8; 0]>>("lock")?; // Lock or RLock
    let total = region.part::<Value<i64>>("total")?; // Value("q")
    let table = region.array::<f64>("table")?; // Array("d", n)
    let slots = region.part::<Semaphore<0>>("slots")?;
    let done = region.part::<Event>("done")?;
    let mut text = region.message_ring("text")?.sender()?;

    slots.acquire();
    while let Some(job) = jobs.try_pop() {
        let _guard = lock.lock().map_err(|_| "a process died with the lock")?;
        *total.lock().map_err(|_| "a process died with the value")? += job as i64;
        for value in table.lock().map_err(|_| "a process died with the array")?.iter_mut() {
            *value += 0.5;
        }
    }
    text.send(b"done in Rust")?;
    text.close();
    slots.release(1)?;
    done.set();
    Ok(())
}
