//! A ring between two processes: messages of 4 KiB, written and read where they lie.
//!
//! ```text
//! cargo run --release -p ringway --example ring
//! ```

use ringway::fd;
use ringway::process::{self, Entry, EntryArgs, EntryResult};
use ringway::shm::{Layout, MessageRing, Region};

type Frames = MessageRing<65536>;
const CAMERA: Entry = Entry::new("camera", camera);
const COUNT: u32 = 10_000;
const SIZE: usize = 4096;

fn camera(mut args: EntryArgs) -> EntryResult {
    let region = Region::from_fd(args.descriptors.pop().ok_or("no region")?)?;
    let frames = region.part::<Frames>("frames")?;
    let mut sender = frames.sender()?;
    for number in 0..COUNT {
        let mut frame = sender.reserve(SIZE)?; // waits for room
        frame[..4].copy_from_slice(&number.to_le_bytes());
        frame[4..].fill(number as u8);
        frame.commit(SIZE);
    }
    sender.close(); // the receiver gets all of them, and then is told
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[CAMERA]);
    let region = Region::anonymous(&Layout::new(2).part::<Frames>("frames")?)?;
    let camera = process::spawn(&CAMERA, b"", vec![fd::duplicate(&region)?])?;
    let frames = region.part::<Frames>("frames")?;
    let mut receiver = frames.receiver()?;
    let mut count = 0;
    while let Ok(frame) = receiver.peek() {
        assert_eq!(frame[..4], u32::to_le_bytes(count), "in order");
        assert!(frame[4..].iter().all(|byte| *byte == count as u8));
        frame.release();
        count += 1;
    }
    assert!(camera.join()?.success());
    println!("{count} frames of {SIZE} bytes");
    assert_eq!(count, COUNT);
    Ok(())
}
