//! Files that are regions, or may be: laid out as they should be and then changed, cut or extended,
//! and files of any bytes.
//!
//! A survey reads such a file and maps nothing of it. So a file that another process cuts meanwhile
//! is an error, and never a `SIGBUS`. An observer and a participant map the file: while they do,
//! its bytes change here, and its size does not.

use super::super::{Choices, lines};
use ringway::shm::survey as look;
use ringway::shm::{
    Barrier, BoundedSemaphore, Broadcast, ByteRing, Event, Latest, Layout, MessageRing, Mutex,
    Observer, Queue, ReentrantMutex, Region, Ring, RwLock, Semaphore,
};
use ringway_core::region::{self, MAGIC, MAX_PARTS};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The number of parts of the region, and of its places.
const PARTS: usize = 13;
const PLACES: usize = 3;

fn layout() -> Result<Layout, region::Error> {
    let layout = Layout::new(PLACES as u16).part::<Latest<u64>>("newest")?;
    let layout = layout.part::<Broadcast<u32, 4>>("news")?.part::<Ring<u32, 4>>("ring")?;
    let layout = layout.part::<Queue<u64, 4>>("jobs")?.part::<ByteRing<64>>("bytes")?;
    let layout = layout.part::<MessageRing<64>>("messages")?.part::<Mutex<u32>>("total")?;
    let layout = layout.part::<ReentrantMutex<u32>>("again")?.part::<RwLock<u32, 2>>("table")?;
    let layout = layout.part::<Semaphore<2>>("permits")?.part::<Event>("event")?;
    layout.part::<BoundedSemaphore<2>>("bounded")?.part::<Barrier<2>>("barrier")
}

/// A region of all kinds of parts, as it lies in its file.
static REGION: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let region = Region::anonymous(&layout().expect("the parts fit")).expect("there is memory");
    let newest = region.part::<Latest<u64>>("newest").expect("it was laid out");
    newest.writer().expect("it is free").store(7);
    let mut bytes = vec![0; region.size()];
    let file = File::from(ringway::fd::duplicate(&region).expect("a descriptor is left"));
    file.read_exact_at(&mut bytes, 0).expect("the file has this size");
    bytes
});

/// Where the header ends, the directory, and the attach table, in words.
fn zones() -> [usize; 3] {
    lines::zones(PARTS, PLACES).map(|end| end / 4)
}

/// Runs the sequence that these bytes decide.
pub fn survey(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let _ = match choices.below(8) {
        Some(0) => any_file(&mut choices),
        Some(1) => named(&mut choices),
        Some(_) => changed(&mut choices),
        None => None,
    };
}

/// A file of these bytes without a name, which may be cut.
fn unnamed(bytes: &[u8]) -> File {
    let file = File::from(memfd_create("parsers", MemfdFlags::CLOEXEC).expect("a file"));
    file.write_all_at(bytes, 0).expect("there is memory");
    file
}

fn any_file(choices: &mut Choices<'_>) -> Option<()> {
    let magic = if choices.flip()? { &MAGIC[..] } else { b"" };
    let file = unnamed(&[magic, choices.rest()].concat());
    survey_it(&file);
    attend(&file);
    assert!(Observer::from_fd(&file).is_err());
    assert!(Region::from_fd(&file).is_err());
    Some(())
}

/// Checks what a survey says of a file: an error, or something that can be true.
fn survey_it(file: &File) {
    let Ok(found) = look::of_fd(file) else { return };
    let size = file.metadata().expect("it is open").len();
    assert_eq!(found.size as u64, size);
    assert!(found.parts.len() <= MAX_PARTS && found.participants.len() <= found.places);
    assert!(found.alive() <= 1, "one byte is locked at most");
    for part in &found.parts {
        let end = u64::from(part.offset) + u64::from(part.description.size);
        assert!(end <= size, "{part:?} lies outside");
        assert!(part.holders().count() <= 2);
        assert!(!part.description.kind.to_string().is_empty());
    }
}

/// Changes a word of the region.
fn scribble(file: &File, choices: &mut Choices<'_>) -> Option<()> {
    let size = file.metadata().expect("it is open").len();
    let [header, directory, table] = zones();
    let word = match choices.below(4)? {
        0 => choices.below(header)?,
        1 => header + choices.below(directory - header)?,
        2 => directory + choices.below(table - directory)?,
        _ => (choices.below(256)? << 8 | choices.below(256)?) % REGION.len().div_ceil(4),
    };
    let at = word as u64 * 4;
    let mut there = [0; 4];
    if at + 4 > size || file.read_exact_at(&mut there, at).is_err() {
        return Some(());
    }
    let (there, near) = (u32::from_ne_bytes(there), choices.below(256)? as u32);
    let value = match choices.below(6)? {
        0 => there.wrapping_add(near).wrapping_sub(128),
        1 => near,
        2 => near.wrapping_neg(),
        3 => near << 24,
        4 => there ^ 1 << (near % 32),
        _ => near * 0x0101_0101,
    };
    file.write_all_at(&value.to_ne_bytes(), at).expect("it has this size");
    Some(())
}

/// Cuts or extends the file. Perhaps the header says so.
fn resize(file: &File, choices: &mut Choices<'_>) -> Option<()> {
    let size = match choices.below(4)? {
        0 => choices.below(256)? as u64,
        1 => REGION.len() as u64 * choices.below(256)? as u64 / 128,
        2 => 1 << choices.below(42)?,
        _ => u64::from(u32::MAX) - choices.below(256)? as u64,
    };
    ftruncate(file, size).expect("a file in memory may have holes");
    if choices.flip()? && size >= 20 {
        file.write_all_at(&(size as u32).to_ne_bytes(), 16).expect("it has this size");
    }
    Some(())
}

/// A region that is changed between one look and the next.
fn changed(choices: &mut Choices<'_>) -> Option<()> {
    let file = unnamed(&REGION);
    loop {
        match choices.below(8)? {
            0..=2 => scribble(&file, choices)?,
            3 => resize(&file, choices)?,
            4 | 5 => survey_it(&file),
            6 => observe(&file, choices)?,
            _ => attach(&file, choices)?,
        }
    }
}

/// Locks the byte of the first participant, as a living participant does. It stays locked until the
/// returned file is dropped.
fn attend(file: &File) -> File {
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let opening = File::options().read(true).write(true).open(path).expect("it is open");
    // SAFETY: a lock consists of integers, so that all zeroes are a valid value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    (lock.l_type, lock.l_start, lock.l_len) = (libc::F_WRLCK as libc::c_short, 1, 1);
    // SAFETY: the descriptor is open, and `lock` outlives the call.
    let locked = unsafe { libc::fcntl(opening.as_raw_fd(), libc::F_OFD_SETLK, &raw mut lock) };
    assert_eq!(locked, 0, "nobody else has it");
    opening
}

/// An observer of the file, under which its words change.
fn observe(file: &File, choices: &mut Choices<'_>) -> Option<()> {
    let _participant = attend(file);
    survey_it(file);
    let Ok(observer) = Observer::from_fd(file) else { return Some(()) };
    let newest = observer.latest::<u64>("newest");
    let news = observer.broadcast::<u32>("news");
    let mut reader = news.as_ref().ok().map(|news| news.reader());
    for _ in 0..choices.below(8)? {
        if let Ok(newest) = &newest {
            let _ = newest.load();
        }
        if let Some(reader) = &mut reader {
            let _ = reader.try_recv();
        }
        scribble(file, choices)?;
    }
    Some(())
}

/// A participant of the region in the file, under which its words change. A large file
/// gets none: a participant trusts the region, and takes long to put a large part of it right.
fn attach(file: &File, choices: &mut Choices<'_>) -> Option<()> {
    if file.metadata().expect("it is open").len() > 1 << 20 {
        return Some(());
    }
    let Ok(region) = Region::from_fd(file) else { return Some(()) };
    for _ in 0..choices.below(8)? {
        use_a_part(&region, choices.below(PARTS)?);
        scribble(file, choices)?;
    }
    Some(())
}

/// Does what does not wait with a part. Any answer will do.
fn use_a_part(region: &Region, which: usize) -> Option<()> {
    match which {
        0 => drop(region.part::<Latest<u64>>("newest").ok()?.load()),
        1 => region.part::<Broadcast<u32, 4>>("news").ok()?.writer().ok()?.send(1),
        2 => drop(region.part::<Ring<u32, 4>>("ring").ok()?.producer().ok()?.try_push(1)),
        3 => {
            let jobs = region.part::<Queue<u64, 4>>("jobs").ok()?;
            let _ = jobs.try_push(1);
            let _ = jobs.try_pop();
        }
        4 => drop(region.part::<ByteRing<64>>("bytes").ok()?.producer().ok()?.try_write(b"1")),
        5 => drop(region.part::<MessageRing<64>>("messages").ok()?.sender().ok()?.try_send(b"1")),
        6 => drop(region.part::<Mutex<u32>>("total").ok()?.try_lock()),
        7 => drop(region.part::<ReentrantMutex<u32>>("again").ok()?.try_lock()),
        8 => drop(region.part::<RwLock<u32, 2>>("table").ok()?.try_read()),
        9 => drop(region.part::<Semaphore<2>>("permits").ok()?.try_acquire()),
        10 => region.part::<Event>("event").ok()?.set(),
        11 => drop(region.part::<BoundedSemaphore<2>>("bounded").ok()?.try_acquire()),
        _ => drop(region.part::<Barrier<2>>("barrier").ok()?.waiting()),
    }
    Some(())
}

/// A file in the folder of regions, removed when it is dropped.
struct Named {
    name: String,
    path: PathBuf,
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A file that has a name: somebody opens it, removes it, or makes a region of this name.
fn named(choices: &mut Choices<'_>) -> Option<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let thread = std::thread::current().id();
    let name = format!("ringway-file-{}-{thread:?}", std::process::id());
    let named = Named { path: Path::new("/dev/shm").join(&name), name };
    let mut options = File::options();
    let made = options.read(true).write(true).create(true).truncate(true).mode(0o600);
    let file = made.open(&named.path).expect("a file can be made");
    file.write_all_at(&REGION, 0).expect("there is memory");
    for _ in 0..choices.below(4)? {
        match choices.below(4)? {
            // No large file: there may not be room for it.
            0 => ftruncate(&file, choices.below(256)? as u64).expect("it is open"),
            _ => scribble(&file, choices)?,
        }
    }
    let mut magic = [0; MAGIC.len()];
    let is_region = file.read_exact_at(&mut magic, 0).is_ok() && magic == MAGIC;
    let name = &named.name;
    assert!(look::named(name).is_ok() || !is_region || look::of_fd(&file).is_err());
    match choices.below(4)? {
        0 => assert!(Region::open(name).is_err(), "nobody is attached"),
        1 => assert_eq!(look::remove(name).is_ok(), is_region),
        2 => assert_eq!(ringway::shm::unlink(name).is_ok(), is_region),
        // Nobody is attached, so that the new region takes the place of the old one.
        _ => {
            let made = Region::open_or_create(name, 0o600, &layout().expect("the parts fit"));
            assert_eq!(made.is_ok(), is_region, "{made:?}");
        }
    }
    Some(())
}
