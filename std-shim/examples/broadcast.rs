//! One writer and several readers. Each reader gets every message. A reader that is too slow is
//! told how many it missed.
//!
//! ```text
//! cargo run -p ringway --example broadcast
//! ```

use ringway::fd;
use ringway::process::{self, Entry, EntryArgs, EntryResult};
use ringway::ring::broadcast::RecvError;
use ringway::shm::{Broadcast, Event, Layout, Region};

type Prices = Broadcast<u64, 64>;
const READER: Entry = Entry::new("reader", reader);

fn reader(mut args: EntryArgs) -> EntryResult {
    let region = Region::from_fd(args.descriptors.pop().ok_or("no region")?)?;
    let prices = region.part::<Prices>("prices")?;
    let mut reader = prices.reader(); // gets what is sent from now on
    region.part::<Event>(std::str::from_utf8(&args.argument)?)?.set();
    let (mut got, mut missed) = (0, 0);
    loop {
        match reader.recv() {
            Ok(_) => got += 1,
            Err(RecvError::Lagged(count)) => missed += count,
            Err(_) => break, // the writer closed
        }
    }
    println!("process {}: {got} prices, {missed} missed", process::id().as_raw_pid());
    assert_eq!(got + missed, 10_000, "every price is got, or known to be missed");
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[READER]);
    let layout = Layout::new(8).part::<Prices>("prices")?;
    let layout = layout.part::<Event>("first")?.part::<Event>("second")?;
    let region = Region::anonymous(&layout)?;
    let mut readers = Vec::new();
    for name in ["first", "second"] {
        let handed = vec![fd::duplicate(&region)?];
        readers.push(process::spawn(&READER, name.as_bytes(), handed)?);
        region.part::<Event>(name)?.wait();
    }
    let prices = region.part::<Prices>("prices")?;
    let mut writer = prices.writer()?;
    (0..10_000).for_each(|price| writer.send(price)); // never waits
    writer.close();
    for reader in readers {
        assert!(reader.join()?.success());
    }
    Ok(())
}
