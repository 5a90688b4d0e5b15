//! The newest value of a sensor: one process stores it, others load it, and no side waits for the
//! other.
//!
//! ```text
//! cargo run -p ringway --example sensor
//! ```

use ringway::fd;
use ringway::process::{self, Entry, EntryArgs, EntryResult};
use ringway::ring::latest::Version;
use ringway::shm::{Latest, Layout, Region};

/// Time, temperature and humidity, always from one measurement.
type Sample = [u32; 3];
const SENSOR: Entry = Entry::new("sensor", sensor);

fn sensor(mut args: EntryArgs) -> EntryResult {
    let region = Region::from_fd(args.descriptors.pop().ok_or("no region")?)?;
    let part = region.part::<Latest<Sample>>("sample")?;
    let mut writer = part.writer()?;
    for time in 1..=100_000 {
        writer.store([time, time + 1, time + 2]);
    }
    writer.close(); // those who wait for a newer value are told that there will be none
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[SENSOR]);
    let region = Region::anonymous(&Layout::new(4).part::<Latest<Sample>>("sample")?)?;
    let part = region.part::<Latest<Sample>>("sample")?;
    let sensor = process::spawn(&SENSOR, b"", vec![fd::duplicate(&region)?])?;
    let (mut seen, mut version, mut last) = (0, Version::NONE, [0; 3]);
    // Sleeps until there is a newer value. It skips the values that were stored in between.
    while let Ok((sample, newer)) = part.wait_newer(version) {
        assert_eq!(sample, [sample[0], sample[0] + 1, sample[0] + 2], "never a mix of two");
        (version, last) = (newer, sample);
        seen += 1;
    }
    println!("saw {seen} of 100000 values; the last one is {last:?}");
    assert_eq!(last[0], 100_000, "the last one is always seen");
    assert!(sensor.join()?.success());
    Ok(())
}
