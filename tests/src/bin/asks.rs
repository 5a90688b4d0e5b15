//! Asks a firmware questions through rings in its memory. The rings' geometry comes from the
//! command line: `asks FILE OFFSET LENGTH CAPACITY SIZE ALIGN COUNT`. The firmware has the same
//! numbers as constants.

#[path = "../../firmware/src/shared_memory/agreement.rs"]
mod agreement;

use ringway_core::participant::Participant;
use ringway_core::region::{Description, Kind, View};
use ringway_core::ring::RawRing;
use std::alloc::Layout;
use std::error::Error;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// A wait without progress that takes this long is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [file, numbers @ ..] = &arguments[..] else { return Err("a file is missing".into()) };
    let numbers: Vec<usize> = numbers.iter().map(|it| it.parse()).collect::<Result<_, _>>()?;
    let [offset, length, capacity, size, align, count] = numbers[..] else {
        return Err("FILE OFFSET LENGTH CAPACITY SIZE ALIGN COUNT".into());
    };
    let file = File::options().read(true).write(true).open(file)?;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let (fd, offset) = (file.as_raw_fd(), libc::off_t::try_from(offset)?);
    // SAFETY: a new mapping of a file at an address that the kernel chooses; nothing is assumed of
    // its content.
    let at = unsafe {
        libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, fd, offset)
    };
    if at == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error().into());
    }
    let base = NonNull::new(at.cast()).ok_or("a mapping has an address")?;
    // SAFETY: the mapping stays until this process ends, and all others use it through the same
    // crate.
    let view = unsafe { View::new(base, length) }?;
    ask(&view, capacity, Layout::from_size_align(size, align)?, u32::try_from(count)?)
}

/// The ring of this name, if it has this capacity and this layout of elements.
fn ring<'v>(
    view: &View<'v>,
    name: &str,
    capacity: usize,
    item: Layout,
) -> Result<RawRing<'v>, Box<dyn Error>> {
    let entry = view.entries().find(|entry| entry.name() == name).ok_or("there is no such part")?;
    let Description { kind, capacity: holds, item_size, item_align, .. } = entry.description;
    let is_one = kind == Kind::RING
        && (holds as usize, item_size as usize, item_align as usize)
            == (capacity, item.size(), item.align());
    if !is_one {
        return Err(format!("{name} is {holds} of {item_size} bytes at {item_align}").into());
    }
    // SAFETY: the directory of the region says that such a ring lies there.
    unsafe { RawRing::at(view.at(&entry), capacity, item) }.ok_or("no ring has this layout".into())
}

/// Asks this number of questions, as many at a time as the ring holds.
fn ask(view: &View<'_>, capacity: usize, item: Layout, count: u32) -> Result<(), Box<dyn Error>> {
    let me = Participant::new(agreement::PROGRAM).ok_or("a number of a participant")?;
    let there = ring(view, agreement::VALUES_IN, capacity, item)?;
    let back = ring(view, agreement::VALUES_OUT, capacity, item)?;
    let mut questions = there.producer_as(me).ok_or("somebody else asks")?;
    let mut answers = back.consumer_as(me).ok_or("somebody else listens")?;
    let mut answer = vec![0; item.size()];
    let bytes = |words: [u32; 4]| words.map(u32::to_ne_bytes).concat();
    let question = |n: u32| bytes(agreement::sealed(n, n, !n));
    let (mut asked, mut answered, mut progress) = (0, 0, Instant::now());
    while answered < count {
        while asked < count && questions.try_push(&question(asked)).is_ok() {
            asked += 1;
        }
        while answers.try_pop(&mut answer).is_ok() {
            let word = |at: usize| answer.get(4 * at..).and_then(|it| it.first_chunk()).copied();
            let life = word(2).map_or(0, u32::from_ne_bytes);
            if answer != bytes(agreement::answer(answered, answered, !answered, life)) {
                return Err(format!("the answer to {answered} is {answer:?}").into());
            }
            (answered, progress) = (answered + 1, Instant::now());
        }
        if progress.elapsed() > PATIENCE {
            return Err(format!("no answer after {answered}").into());
        }
        std::thread::yield_now();
    }
    while questions.try_push(&bytes(agreement::sealed(agreement::END, 0, 0))).is_err() {
        std::thread::yield_now();
    }
    println!("{answered} answers");
    Ok(())
}
