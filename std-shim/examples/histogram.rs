//! A histogram that several processes fill: counters without a lock, and a summary under one.
//!
//! ```text
//! cargo run -p ringway --example histogram
//! ```

use ringway::fd;
use ringway::process::{self, Entry, EntryArgs, EntryResult};
use ringway::shm::{Layout, Mutex, Region};
use std::sync::atomic::{AtomicU64, Ordering};

/// The sum of the squares, and the number of values.
type Summary = Mutex<[u64; 2]>;
const BUCKETS: [&str; 4] = ["0 to 24", "25 to 49", "50 to 74", "75 to 99"];
const PROBE: Entry = Entry::new("probe", probe);

fn probe(mut args: EntryArgs) -> EntryResult {
    let region = Region::from_fd(args.descriptors.pop().ok_or("no region")?)?;
    let mut seed: u64 = String::from_utf8(args.argument)?.parse()?;
    for _ in 0..1000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let value = (seed >> 33) % 100;
        let bucket = region.part::<AtomicU64>(BUCKETS[value as usize / 25])?;
        bucket.fetch_add(1, Ordering::Relaxed);
        let summary = region.part::<Summary>("summary")?;
        let mut summary = summary.lock().unwrap();
        *summary = [summary[0] + value * value, summary[1] + 1];
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[PROBE]);
    let mut layout = Layout::new(8).part::<Summary>("summary")?;
    for bucket in BUCKETS {
        layout = layout.part::<AtomicU64>(bucket)?;
    }
    let region = Region::anonymous(&layout)?;
    let start = |seed: u8| {
        let region = fd::duplicate(&region)?;
        process::spawn(&PROBE, seed.to_string().as_bytes(), vec![region])
    };
    for probe in [start(1)?, start(2)?, start(3)?] {
        assert!(probe.join()?.success());
    }
    let mut all = 0;
    for name in BUCKETS {
        let count = region.part::<AtomicU64>(name)?.load(Ordering::Relaxed);
        println!("{name:>8}: {count:4} {}", "*".repeat(count as usize / 20));
        all += count;
    }
    let [squares, count] = *region.part::<Summary>("summary")?.lock().unwrap();
    println!("the mean square of {count} values is {}", squares / count);
    assert_eq!((all, count), (3000, 3000));
    Ok(())
}
