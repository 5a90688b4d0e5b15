//! The Rust side of a Python program: parts that the package `ringway` opens as what it has of
//! these kinds.
//!
//! ```text
//! cargo run -p ringway --example python            # in a region of its own
//! cargo run -p ringway --example python -- NAME    # in the region NAME, or a new one
//! ```
//!
//! It does what is in the queue `jobs`, and sends a message when it is done. `docs/python.md` has
//! the Python side.

use ringway::shm::{Event, Layout, Mutex, Region, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let own_name = format!("ringway-python-{}", std::process::id());
    let name = std::env::args().nth(1).unwrap_or(own_name);
    let layout = Layout::new(8).queue::<u64>("jobs", 64)?.part::<Mutex<[u8; 0]>>("lock")?;
    let layout = layout.part::<Value<i64>>("total")?.array::<f64>("table", 4)?;
    let layout = layout.part::<Event>("done")?.message_ring("text", 4096)?;
    let region = Region::open_or_create(&name, 0o600, &layout)?;

    let jobs = region.queue::<u64>("jobs")?; // Queue(format="Q")
    let lock = region.part::<Mutex<[u8; 0]>>("lock")?; // Lock or RLock
    let total = region.part::<Value<i64>>("total")?; // Value("q")
    let table = region.array::<f64>("table")?; // Array("d", 4)
    let mut text = region.message_ring("text")?.sender()?;
    while let Some(job) = jobs.try_pop() {
        let _guard = lock.lock().map_err(|_| "a process died with the lock")?;
        *total.lock().map_err(|_| "a process died with the value")? += job as i64;
        for value in table.lock().map_err(|_| "a process died with the array")?.iter_mut() {
            *value += 0.5;
        }
    }
    text.send(b"done in Rust")?;
    text.close();
    region.part::<Event>("done")?.set();
    Ok(())
}
