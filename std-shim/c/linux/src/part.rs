//! Parts of regions, as objects of the core's library.

use crate::failure::{Done, Failure, call, done, text};
use crate::layout::{identity, item_of_mutex, item_of_reentrant, kind, rw_part};
use crate::region::{region_of, rw_region};
use ringway_core::region::{Description, Error as RegionError, Kind};
use ringway_core_c::error::rw_error;
use ringway_core_c::object::{self, tell};
use ringway_core_c::{bytes, condition, locks, messages, news, queue, ring};
use std::ffi::c_void;

/// A part that was found.
struct Found {
    at: *mut c_void,
    size: usize,
    capacity: usize,
    item_size: usize,
    item_align: usize,
    who: u16,
}

/// Finds the part that is wanted, which must be one of these kinds.
fn find(region: *const rw_region, wanted: *const rw_part, kinds: &[Kind]) -> Done<Found> {
    let region = region_of(region)?;
    if wanted.is_null() || !wanted.is_aligned() {
        return Err(rw_error::RW_INVALID.into());
    }
    // SAFETY: the caller of C guarantees a description, for the time of the call.
    let wanted = unsafe { *wanted };
    let name = text(wanted.name)?;
    let entry = region.parts().into_iter().find(|entry| entry.name() == name);
    let entry = entry.ok_or_else(|| Failure::of_part(name, RegionError::NotFound))?;
    let said = entry.description;
    let kinds = match wanted.kind {
        0 => kinds,
        number => &[kind(number).filter(|it| kinds.contains(it)).ok_or(rw_error::RW_INVALID)?],
    };
    check(&said, &wanted, kinds, identity(wanted.item_type)?)
        .map_err(|error| Failure::of_part(name, error))?;
    let item_size = said.item_size as usize;
    Ok(Found {
        at: region.as_ptr().wrapping_add(entry.offset() as usize).cast_mut().cast(),
        size: said.size as usize,
        capacity: said.capacity as usize,
        item_size,
        item_align: align(item_size, said.item_align as usize),
        who: region.participant().number(),
    })
}

/// The directory does not tell alignments below 8 apart, and they place the items alike: so it is
/// the largest that divides the size.
fn align(size: usize, said: usize) -> usize {
    if said > 8 { said } else { 1 << size.trailing_zeros().min(3) }
}

/// Checks that a part is as it is wanted, in what is stated of that.
fn check(
    said: &Description,
    wanted: &rw_part,
    kinds: &[Kind],
    item_type: u32,
) -> Result<(), RegionError> {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let differs = |found: u32, wanted: u32| wanted != 0 && found != wanted;
    let (item, align) = (small(wanted.item_size), small(wanted.item_align));
    let capacity = small(wanted.capacity);
    if !kinds.contains(&said.kind) {
        let wanted = kinds.first().copied().unwrap_or(said.kind);
        Err(RegionError::OtherKind { found: said.kind, wanted })
    } else if differs(said.item_size, item) {
        Err(RegionError::OtherItem { found: said.item_size, wanted: item })
    } else if align != 0 && said.item_align != align.max(8) {
        Err(RegionError::OtherAlignment { found: said.item_align, wanted: align.max(8) })
    } else if said.item_type != 0 && differs(said.item_type, item_type) {
        Err(RegionError::OtherType { found: said.item_type, wanted: item_type })
    } else if differs(said.capacity, capacity) {
        Err(RegionError::OtherCapacity { found: said.capacity, wanted: capacity })
    } else if said.reserved != 0 {
        Err(RegionError::Corrupt)
    } else {
        Ok(())
    }
}

/// What the core's library says of a part. If it refuses one that the directory describes, the
/// directory was overwritten.
fn opened(code: rw_error) -> Done {
    match code {
        rw_error::RW_EXHAUSTED => Err(rw_error::RW_REGION_CORRUPT.into()),
        code => done(code),
    }
}

/// Finds a part, and makes an object of it by `attach`.
fn open(
    region: *const rw_region,
    wanted: *const rw_part,
    kinds: &[Kind],
    attach: impl FnOnce(Found) -> rw_error,
) -> rw_error {
    call(|| opened(attach(find(region, wanted, kinds)?)))
}

/// Finds a lock and its item, which begins behind the lock's words where `begin` says, and makes an
/// object of the lock by `attach`.
fn with_item(
    region: *const rw_region,
    wanted: *const rw_part,
    kind: Kind,
    begin: fn(usize) -> usize,
    item: *mut *mut c_void,
    attach: impl FnOnce(&Found) -> rw_error,
) -> rw_error {
    call(|| {
        let it = find(region, wanted, &[kind.that_waits()])?;
        let begin = begin(it.item_align);
        if begin.checked_add(it.item_size).is_none_or(|end| end > it.size) {
            return Err(rw_error::RW_REGION_CORRUPT.into());
        }
        opened(attach(&it))?;
        let place = it.at.cast::<u8>().wrapping_add(begin).cast();
        tell(item, if it.item_size == 0 { std::ptr::null_mut() } else { place });
        Ok(())
    })
}

/// Finds the ring of the name that `wanted` says, if it is as `wanted` says. Its halves are taken
/// for `rw_region_participant`.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_ring(
    region: *const rw_region,
    wanted: *const rw_part,
    ring: *mut ring::rw_ring,
) -> rw_error {
    open(region, wanted, &[Kind::RING.that_waits()], |it| {
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe {
            ring::rw_ring_attach(ring, it.at, it.size, it.capacity, it.item_size, it.item_align)
        }
    })
}

/// Finds the byte ring of the name that `wanted` says.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_byte_ring(
    region: *const rw_region,
    wanted: *const rw_part,
    ring: *mut bytes::rw_byte_ring,
) -> rw_error {
    open(region, wanted, &[Kind::BYTE_RING.that_waits()], |it| {
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe { bytes::rw_byte_ring_attach(ring, it.at, it.size, it.capacity) }
    })
}

/// Finds the message ring of the name that `wanted` says.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_message_ring(
    region: *const rw_region,
    wanted: *const rw_part,
    ring: *mut messages::rw_message_ring,
) -> rw_error {
    open(region, wanted, &[Kind::MESSAGE_RING.that_waits()], |it| {
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe { messages::rw_message_ring_attach(ring, it.at, it.size, it.capacity) }
    })
}

/// Finds the queue of the name that `wanted` says, if it is as `wanted` says. It acts for this
/// process.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_queue(
    region: *const rw_region,
    wanted: *const rw_part,
    queue: *mut queue::rw_queue,
) -> rw_error {
    open(region, wanted, &[Kind::QUEUE.that_waits()], |it| {
        let (size, align) = (it.item_size, it.item_align);
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe { queue::rw_queue_attach(queue, it.at, it.size, it.capacity, size, align, it.who) }
    })
}

/// Finds the broadcast or the newest value of the name that `wanted` says.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_broadcast(
    region: *const rw_region,
    wanted: *const rw_part,
    broadcast: *mut news::rw_broadcast,
) -> rw_error {
    open(region, wanted, &[Kind::BROADCAST.that_waits(), Kind::LATEST.that_waits()], |it| {
        let (size, align) = (it.item_size, it.item_align);
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe { news::rw_broadcast_attach(broadcast, it.at, it.size, it.capacity, size, align) }
    })
}

/// Finds the lock for readers and writers of the name that `wanted` says, if it is as `wanted`
/// says. It acts for this process. `item` gets the address of the item that it protects, or null if
/// it has none.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_rwlock(
    region: *const rw_region,
    wanted: *const rw_part,
    lock: *mut locks::rw_rwlock,
    item: *mut *mut c_void,
) -> rw_error {
    call(|| {
        let it = find(region, wanted, &[Kind::RW_LOCK.that_waits()])?;
        let layout = object::item(it.item_size, it.item_align);
        let layout = layout.ok_or(rw_error::RW_REGION_CORRUPT)?;
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        let found = unsafe { locks::rwlock_at(lock, it.at, it.size, it.capacity, layout, it.who) };
        let place = found.or_else(|error| opened(error).map(|()| std::ptr::null_mut()))?;
        tell(item, if it.item_size == 0 { std::ptr::null_mut() } else { place });
        Ok(())
    })
}

/// Finds the semaphore of the name that `wanted` says.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_semaphore(
    region: *const rw_region,
    wanted: *const rw_part,
    semaphore: *mut locks::rw_semaphore,
) -> rw_error {
    open(region, wanted, &[Kind::SEMAPHORE.that_waits()], |it| {
        let permits = u32::try_from(it.capacity).unwrap_or(u32::MAX);
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe { locks::rw_semaphore_attach(semaphore, it.at, it.size, permits) }
    })
}

/// Finds the semaphore of the name that `wanted` says, which records who has its permits. It acts
/// for this process.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_bounded_semaphore(
    region: *const rw_region,
    wanted: *const rw_part,
    semaphore: *mut locks::rw_bounded_semaphore,
) -> rw_error {
    open(region, wanted, &[Kind::BOUNDED_SEMAPHORE.that_waits()], |it| {
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe {
            locks::rw_bounded_semaphore_init(semaphore, it.at, it.size, it.capacity, it.who, false)
        }
    })
}

/// Finds the flag of the name that `wanted` says.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_event(
    region: *const rw_region,
    wanted: *const rw_part,
    event: *mut locks::rw_event,
) -> rw_error {
    open(region, wanted, &[Kind::EVENT.that_waits()], |it| {
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe { locks::rw_event_attach(event, it.at, it.size) }
    })
}

/// Finds the barrier of the name that `wanted` says. It acts for this process.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_barrier(
    region: *const rw_region,
    wanted: *const rw_part,
    barrier: *mut locks::rw_barrier,
) -> rw_error {
    open(region, wanted, &[Kind::BARRIER.that_waits()], |it| {
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe { locks::rw_barrier_init(barrier, it.at, it.size, it.capacity, it.who, false) }
    })
}

/// Finds the mutex of the name that `wanted` says, which its thread can take again. It acts for
/// this process. `item` gets the address of the item that it protects, or null if it has none.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_reentrant(
    region: *const rw_region,
    wanted: *const rw_part,
    mutex: *mut condition::rw_reentrant,
    item: *mut *mut c_void,
) -> rw_error {
    with_item(region, wanted, Kind::REENTRANT_MUTEX, item_of_reentrant, item, |it| {
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe { condition::rw_reentrant_attach(mutex, it.at, it.size, it.who) }
    })
}

/// Finds the condition of the name that `wanted` says.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_condition(
    region: *const rw_region,
    wanted: *const rw_part,
    condition: *mut condition::rw_condition,
) -> rw_error {
    open(region, wanted, &[Kind::CONDITION.that_waits()], |it| {
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe { condition::rw_condition_attach(condition, it.at, it.size) }
    })
}

/// Finds the mutex of the name that `wanted` says, if it is as `wanted` says. It acts for this
/// process. `item` gets the address of the item that it protects, or null if it has none.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_mutex(
    region: *const rw_region,
    wanted: *const rw_part,
    mutex: *mut locks::rw_mutex,
    item: *mut *mut c_void,
) -> rw_error {
    with_item(region, wanted, Kind::MUTEX, item_of_mutex, item, |it| {
        // SAFETY: `find` found such a part there. It stays in its place until the region is
        // detached, and C uses the object no longer.
        unsafe { locks::rw_mutex_attach(mutex, it.at, it.size, it.who) }
    })
}

/// Finds the atomic integers, or the values without a lock, of the name that `wanted` says: where
/// they lie, and how many bytes they take. Each value begins on a boundary of 4 bytes.
///
/// Several threads and processes access atomic integers by the atomics of C. Values may be torn.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_region_memory(
    region: *const rw_region,
    wanted: *const rw_part,
    memory: *mut *mut c_void,
    size: *mut usize,
) -> rw_error {
    call(|| {
        let it = find(region, wanted, &[Kind::ATOMIC, Kind::WORDS])?;
        tell(memory, it.at);
        tell(size, it.size);
        Ok(())
    })
}
