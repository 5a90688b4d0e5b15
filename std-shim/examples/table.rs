//! An array under a lock, and one without, whose length is a number on the command line. Another
//! program may open the same arrays with a constant.
//!
//! ```text
//! cargo run -p ringway --example table                 # arrays of 100 values, for this process
//! cargo run -p ringway --example table -- NAME 1000    # arrays of 1000 values
//! ```
//!
//! The program opens the region NAME, or creates it. It adds 1 to each value of the array `table`,
//! copies the values to `noted`, and prints their sum. It ends when its standard input ends.

use ringway::shm::{Layout, Region};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let own_name = format!("ringway-table-{}", std::process::id());
    let name = &arguments.next().unwrap_or(own_name);
    let length = arguments.next().map_or(Ok(100), |length| length.parse())?;
    let layout = Layout::new(8).array::<u64>("table", length)?.raw_array::<u32>("noted", length)?;
    let region = Region::open_or_create(name, 0o600, &layout)?;
    let (table, noted) = (region.array::<u64>("table")?, region.raw_array::<u32>("noted")?);
    {
        let mut table = table.lock().map_err(|_| "somebody died in the middle of it")?;
        for (value, note) in table.iter_mut().zip(noted.iter()) {
            *value += 1;
            note.store(*value as u32);
        }
        println!("{} of {length}: {}", table.len(), table.iter().sum::<u64>());
    }
    std::io::read_to_string(std::io::stdin())?;
    Ok(())
}
