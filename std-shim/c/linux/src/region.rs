//! Regions of shared memory.

use crate::failure::{Done, Failure, call, tell_text, text};
use crate::layout::{layout, number, rw_part};
use crate::stream::{borrowed, room_for};
use ringway::CoreError;
use ringway::shm::{self, Access, Region};
use ringway_core_c::errno::Errno;
use ringway_core_c::error::rw_error;
use ringway_core_c::object::{REAP, RW_HANDLE_WORDS, put, shared, take, tell};
use ringway_core_c::objects;
use ringway_core_c::wait::linux::now;
use std::ffi::c_char;
use std::os::fd::AsRawFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Shared memory that this process is attached to. Any thread may use it.
///
/// What was taken from it is released before `rw_region_detach`: objects of its parts, halves,
/// guards, claims and pointers. A copy of this process by `fork` is not attached, and must attach
/// anew; every access that it makes to what it inherited is a `SIGSEGV`.
#[repr(C)]
pub struct rw_region {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

objects! {
    rw_region = Region, 0x7277_0201;
}

/// A mode that allows regions of every owner: `0660 | RW_ANY_OWNER`.
pub const RW_ANY_OWNER: u32 = 0x1_0000;

/// The length of the longest name of a part, with the zero byte at its end.
pub const RW_PART_NAME_SIZE: usize = 32;
const _: () = assert!(RW_PART_NAME_SIZE == ringway_core::region::MAX_NAME + 1);

/// A participant of a region that lives.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rw_participant {
    /// The number of the participant.
    pub number: u16,
    /// The generation of its attachment: each has another one.
    pub generation: u32,
    /// The process's number.
    pub process: u32,
}

/// A part as the directory of its region says.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rw_entry {
    /// The name of the part.
    pub name: [c_char; RW_PART_NAME_SIZE],
    /// What it is; 0 for what this library does not know.
    pub kind: u32,
    /// The number of items that it holds.
    pub capacity: usize,
    /// The size of an item, in bytes.
    pub item_size: usize,
    /// The alignment of an item, in bytes; 8 for all that are less.
    pub item_align: usize,
    /// The identity of the items' type; 0 if it is not stated.
    pub item_type: u32,
    /// Where it begins, from the beginning of the region.
    pub offset: usize,
    /// Its size, in bytes.
    pub size: usize,
}

/// The regions that this process is attached to.
static ATTACHED: Mutex<Vec<Region>> = Mutex::new(Vec::new());

fn attached() -> MutexGuard<'static, Vec<Region>> {
    ATTACHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn reap_all() {
    // One thread at a time: another one does the same just now.
    let regions = ATTACHED.try_lock().map(|regions| regions.clone()).unwrap_or_default();
    regions.iter().for_each(|region| {
        region.reap();
    });
}

fn is_same(one: &Region, other: &Region) -> bool {
    one.as_ptr() == other.as_ptr()
}

/// Makes the object of a region.
fn attach(to: *mut rw_region, make: impl FnOnce() -> Done<Region>) -> rw_error {
    call(|| {
        room_for(to)?;
        let region = make()?;
        REAP.get_or_init(|| reap_all);
        attached().push(region.clone());
        crate::failure::done(put(to, region))
    })
}

fn access(mode: u32) -> Access {
    let access = Access::new(mode & !RW_ANY_OWNER);
    if mode & RW_ANY_OWNER != 0 { access.of_any_owner() } else { access }
}

/// The region of an object.
pub fn region_of<'a>(region: *const rw_region) -> Done<&'a Region> {
    shared(region).ok_or(Failure::from(rw_error::RW_INVALID))
}

/// Creates a region of this name in `/dev/shm`, with exactly the permissions `mode` (`0600`),
/// `count` parts, and places for as many participants, and attaches to it.
///
/// It replaces a region of this name that nobody is attached to any more. `RW_ADDRESS_IN_USE` if
/// somebody is.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_create(
    region: *mut rw_region,
    name: *const c_char,
    mode: u32,
    parts: *const rw_part,
    count: usize,
    places: u16,
) -> rw_error {
    let parts = || layout(parts, count, places);
    attach(region, || Ok(Region::create(text(name)?, access(mode), &parts()?)?))
}

/// Attaches to the region of this name, or creates it.
///
/// A region that there is must have all of the parts, each as it is described here. It may have
/// more of them, and another number of places.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_open_or_create(
    region: *mut rw_region,
    name: *const c_char,
    mode: u32,
    parts: *const rw_part,
    count: usize,
    places: u16,
) -> rw_error {
    let parts = || layout(parts, count, places);
    attach(region, || Ok(Region::open_or_create(text(name)?, access(mode), &parts()?)?))
}

/// Attaches to the region of this name, whose permissions are no more than `mode`, and waits until
/// there is one, at most until `deadline`. With the deadline 0 it does not wait.
///
/// `RW_NOT_FOUND` if there is none by then, or nobody is attached to it any more.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_open(
    region: *mut rw_region,
    name: *const c_char,
    mode: u32,
    deadline: u64,
) -> rw_error {
    attach(region, || {
        let name = text(name)?;
        let mut pause = Duration::from_millis(1);
        loop {
            match Region::open_with(name, access(mode)) {
                Err(error) if error.is(CoreError::NotFound) && now() < deadline => {}
                opened => return Ok(opened?),
            }
            std::thread::sleep(pause.min(Duration::from_nanos(deadline.saturating_sub(now()))));
            pause = (2 * pause).min(Duration::from_millis(20));
        }
    })
}

/// Creates a region without a name, and attaches to it. Others attach by its descriptor.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_anonymous(
    region: *mut rw_region,
    parts: *const rw_part,
    count: usize,
    places: u16,
) -> rw_error {
    attach(region, || Ok(Region::anonymous(&layout(parts, count, places)?)?))
}

/// Attaches to the region of a descriptor, which stays the caller's.
///
/// Owner and permissions are not checked: the caller trusts the process that it has the descriptor
/// from.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_from_fd(region: *mut rw_region, descriptor: i32) -> rw_error {
    attach(region, || Ok(Region::from_fd(borrowed(descriptor)?)?))
}

/// A descriptor for another process, which attaches by `rw_region_from_fd`. It is the region's, and
/// must not be closed. -1 for what is no region.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_fd(region: *const rw_region) -> i32 {
    shared(region).map_or(-1, |region| region.as_raw_fd())
}

/// Detaches from a region. Whatever this process still had of it is given back.
///
/// If this process was the last, the region's name is removed. Nothing of the region may be used
/// afterwards.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_detach(region: *mut rw_region) -> rw_error {
    call(|| {
        let gone = take(region).ok_or(Failure::from(rw_error::RW_INVALID))?;
        let mut all = attached();
        let same = all.iter().position(|one| is_same(one, &gone));
        let same = same.map(|index| all.swap_remove(index));
        // It is detached without the lock: that may wait.
        drop(all);
        drop((same, gone));
        Ok(())
    })
}

/// Removes the name of a region. Attached processes go on with it, and nobody else finds it.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_remove(name: *const c_char) -> rw_error {
    call(|| Ok(shm::unlink(text(name)?)?))
}

/// This process's number in the region, from 1 on; 0 for what is no region.
///
/// It is what the functions of `ringway_core.h` that take a part's half ask for.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_participant(region: *const rw_region) -> u16 {
    shared(region).map_or(0, |region| region.participant().number())
}

/// Tells who is attached and alive, this process among them: at most `room` of them in `list`, and
/// all of them in `count`.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_participants(
    region: *const rw_region,
    list: *mut rw_participant,
    room: usize,
    count: *mut usize,
) -> rw_error {
    call(|| {
        let all = region_of(region)?.participants();
        if (list.is_null() || !list.is_aligned()) && room > 0 {
            return Err(rw_error::RW_INVALID.into());
        }
        for (index, (who, occupant)) in all.iter().take(room).enumerate() {
            let one = rw_participant {
                number: who.number(),
                generation: occupant.generation,
                process: occupant.process,
            };
            tell(list.wrapping_add(index), one);
        }
        tell(count, all.len());
        Ok(())
    })
}

/// Recovers what dead participants held, and tells how many of them it found.
///
/// Those who wait in the region do so by themselves, every 100 ms, and so does whoever takes a half
/// that somebody has. Call it in a program that only polls.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_reap(region: *const rw_region, found: *mut usize) -> rw_error {
    call(|| {
        tell(found, region_of(region)?.reap());
        Ok(())
    })
}

/// The size of the region, in bytes; 0 for what is no region.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_size(region: *const rw_region) -> usize {
    shared(region).map_or(0, |region| region.size())
}

/// How many parts the region has; 0 for what is no region.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_length(region: *const rw_region) -> usize {
    let _kept = Errno::keep();
    shared(region).map_or(0, |region| region.parts().len())
}

/// Tells what the part of this number is, from 0 on. `RW_NO_SUCH_PART` behind the last.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_entry(
    region: *const rw_region,
    index: usize,
    entry: *mut rw_entry,
) -> rw_error {
    call(|| {
        let parts = region_of(region)?.parts();
        let part = parts.get(index).ok_or(Failure::from(rw_error::RW_NO_SUCH_PART))?;
        let said = part.description;
        let mut name = [0; RW_PART_NAME_SIZE];
        for (to, byte) in name.iter_mut().zip(part.name().bytes()) {
            *to = byte as c_char;
        }
        let told = rw_entry {
            name,
            kind: number(said.kind),
            capacity: said.capacity as usize,
            item_size: said.item_size as usize,
            item_align: said.item_align as usize,
            item_type: said.item_type,
            offset: part.offset() as usize,
            size: said.size as usize,
        };
        tell(entry, told);
        Ok(())
    })
}

/// Tells the name of the region; an empty one if it has none. See `rw_error_detail` for the
/// arguments.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_name(
    region: *const rw_region,
    text: *mut c_char,
    size: usize,
    length: *mut usize,
) -> rw_error {
    call(|| {
        let name = region_of(region)?.name().unwrap_or_default();
        tell_text(name, text, size, length)
    })
}
