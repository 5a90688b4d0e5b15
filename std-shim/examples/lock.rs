//! A lock whose holder is killed. The next holder is told of the death, and puts the value right.
//!
//! ```text
//! cargo run -p ringway --example lock
//! ```

use ringway::fd;
use ringway::process::{self, Entry, EntryArgs, EntryResult};
use ringway::shm::{Array, Layout, Region};
use ringway::signal::{self, Signal};

/// Two accounts, which always hold 100 together.
type Accounts = Array<i64, 2>;
const CLERK: Entry = Entry::new("clerk", clerk);

fn clerk(mut args: EntryArgs) -> EntryResult {
    let region = Region::from_fd(args.descriptors.pop().ok_or("no region")?)?;
    let accounts = region.part::<Accounts>("accounts")?;
    let mut accounts = accounts.lock().unwrap();
    accounts[0] -= 30;
    signal::send(process::id(), Signal::KILL)?; // killed in the middle of a transfer
    accounts[1] += 30;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[CLERK]);
    let region = Region::anonymous(&Layout::new(4).part::<Accounts>("accounts")?)?;
    let accounts = region.part::<Accounts>("accounts")?;
    *accounts.lock().unwrap() = [100, 0];
    let clerk = process::spawn(&CLERK, b"", vec![fd::duplicate(&region)?])?;
    println!("the clerk {}", clerk.join()?);
    // A process that waits for the lock finds the death within 100 ms.
    let died = accounts.lock().expect_err("the clerk died with the lock");
    let put_right = died.repair(|accounts| accounts[1] = 100 - accounts[0]);
    println!("put right: {:?}", *put_right);
    drop(put_right);
    assert_eq!(*accounts.lock().unwrap(), [70, 30]); // later holders are not told
    Ok(())
}
