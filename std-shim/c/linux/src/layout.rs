//! The parts of a region, as C describes them.

use crate::failure::{Done, Failure, optional_text, text};
use ringway::shm::{self, Layout, RobustFutex};
use ringway_core::lock::RawRwLock;
use ringway_core::participant::Participant;
use ringway_core::region::{self, Kind, RawPart};
use ringway_core_c::error::rw_error;
use ringway_core_c::news::RW_LATEST;
use std::alloc;
use std::ffi::c_char;
use std::ptr::NonNull;

/// A ring of items: `rw_ring`.
pub const RW_KIND_RING: u32 = 1;
/// A ring of bytes: `rw_byte_ring`. The capacity is in bytes.
pub const RW_KIND_BYTE_RING: u32 = 2;
/// A queue: `rw_queue`.
pub const RW_KIND_QUEUE: u32 = 3;
/// A ring of messages: `rw_message_ring`. The capacity is in bytes.
pub const RW_KIND_MESSAGE_RING: u32 = 4;
/// A broadcast: `rw_broadcast`.
pub const RW_KIND_BROADCAST: u32 = 5;
/// A newest value: `rw_broadcast`. Its capacity is left 0, or is `RW_LATEST`.
pub const RW_KIND_LATEST: u32 = 6;
/// A mutex, and the item that it protects, if it has one: `rw_mutex`.
pub const RW_KIND_MUTEX: u32 = 7;
/// A mutex that its thread can take again, and the item that it protects, if it has one:
/// `rw_reentrant`.
pub const RW_KIND_REENTRANT: u32 = 8;
/// A lock for a number of readers, or one writer, and the item that it protects, if it has one:
/// `rw_rwlock`. The capacity is the number of readers.
pub const RW_KIND_RWLOCK: u32 = 9;
/// A semaphore: `rw_semaphore`. The capacity is the number of its permits at first.
pub const RW_KIND_SEMAPHORE: u32 = 10;
/// A semaphore of a number of permits, which come back when their holder dies:
/// `rw_bounded_semaphore`.
pub const RW_KIND_BOUNDED_SEMAPHORE: u32 = 11;
/// A condition: `rw_condition`. It goes with a mutex.
pub const RW_KIND_CONDITION: u32 = 12;
/// A flag: `rw_event`.
pub const RW_KIND_EVENT: u32 = 13;
/// A meeting point of a number of parties: `rw_barrier`.
pub const RW_KIND_BARRIER: u32 = 14;
/// Atomic integers of 1, 2, 4 or 8 bytes: `rw_region_memory`.
pub const RW_KIND_ATOMICS: u32 = 15;
/// Values without a lock, each of which begins on 4 bytes: `rw_region_memory`.
pub const RW_KIND_VALUES: u32 = 16;

/// The kinds, with and without doorbells.
const KINDS: [(u32, Kind); 16] = [
    (RW_KIND_RING, Kind::RING),
    (RW_KIND_BYTE_RING, Kind::BYTE_RING),
    (RW_KIND_QUEUE, Kind::QUEUE),
    (RW_KIND_MESSAGE_RING, Kind::MESSAGE_RING),
    (RW_KIND_BROADCAST, Kind::BROADCAST),
    (RW_KIND_LATEST, Kind::LATEST),
    (RW_KIND_MUTEX, Kind::MUTEX),
    (RW_KIND_REENTRANT, Kind::REENTRANT_MUTEX),
    (RW_KIND_RWLOCK, Kind::RW_LOCK),
    (RW_KIND_SEMAPHORE, Kind::SEMAPHORE),
    (RW_KIND_BOUNDED_SEMAPHORE, Kind::BOUNDED_SEMAPHORE),
    (RW_KIND_CONDITION, Kind::CONDITION),
    (RW_KIND_EVENT, Kind::EVENT),
    (RW_KIND_BARRIER, Kind::BARRIER),
    (RW_KIND_ATOMICS, Kind::ATOMIC),
    (RW_KIND_VALUES, Kind::WORDS),
];

/// The number by which C knows a kind; 0 for one that it does not know.
pub fn number(kind: Kind) -> u32 {
    KINDS.iter().find(|(_, known)| *known == kind.base()).map_or(0, |(number, _)| *number)
}

/// The kind that C means, as parts of a region are on Linux: with doorbells.
pub fn kind(number: u32) -> Option<Kind> {
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == number)?;
    let sleeps = !matches!(*kind, Kind::ATOMIC | Kind::WORDS);
    Some(if sleeps { kind.that_waits() } else { *kind })
}

/// A part of a region: as it is to be laid out, or as it is expected to be.
///
/// Where a part is looked for, 0 and null mean: whatever it is.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rw_part {
    /// The name of the part in its region, of 1 to 31 bytes.
    pub name: *const c_char,
    /// What it is: `RW_KIND_RING` and so on.
    pub kind: u32,
    /// The number of items that it holds; bytes, readers, permits or parties, as the kind says.
    pub capacity: usize,
    /// The size of an item, in bytes: `sizeof(struct sample)`.
    pub item_size: usize,
    /// The alignment of an item, in bytes: `_Alignof(struct sample)`.
    pub item_align: usize,
    /// The name of the items' type, by which all programs know it, in any language:
    /// "com.example.Sample/1". A number has its name in Rust: "u64", "f32". Null if it is not
    /// stated: then only size and alignment are compared.
    pub item_type: *const c_char,
}

/// The number that stands for the name of a type in the directory of a region: the 32-bit FNV-1a
/// hash of its bytes, or 1 if that is 0. It is 0 for null and for an empty name.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_type_identity(name: *const c_char) -> u32 {
    identity(name).unwrap_or(0)
}

/// See `rw_type_identity`.
pub fn identity(name: *const c_char) -> Done<u32> {
    let Some(name) = optional_text(name)? else { return Ok(0) };
    let name: *const str = name;
    // SAFETY: the text lives for the time of the call, and the name is dropped before that ends.
    let name = region::TypeName::new(unsafe { &*name });
    Ok(name.identity())
}

/// Parts of kinds that the shim does not lay out for items without a Rust type.
macro_rules! by_size {
    ($($(#[$meta:meta])* $name:ident, $kind:expr, |$capacity:ident, $item:ident| $layout:expr;)*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy)]
            struct $name;

            // SAFETY: zeroed memory of this layout is a fresh structure of this kind. The typed
            // part of the same description has the same layout. `at` returns no structure.
            unsafe impl RawPart<'static> for $name {
                fn kind() -> Kind {
                    $kind
                }

                fn layout($capacity: usize, $item: alloc::Layout) -> Option<alloc::Layout> {
                    $layout
                }

                unsafe fn at(_: NonNull<u8>, _: usize, _: alloc::Layout) -> Option<Self> {
                    None
                }
            }

            impl shm::Raw for $name {
                type Handle = ();

                fn handle(self, _: Participant) {}
            }
        )*
    };
}

by_size! {
    /// A mutex: its words, and the item behind them.
    AnyMutex, Kind::MUTEX.that_waits(), |capacity, item| {
        let words = alloc::Layout::new::<shm::Mutex<[u8; 0]>>();
        let (layout, _) = words.extend(item).ok()?;
        (capacity == 1).then_some(layout.pad_to_align())
    };
    /// A mutex that its thread can take again: its words, and the item behind them.
    AnyReentrant, Kind::REENTRANT_MUTEX.that_waits(), |capacity, item| {
        let words = alloc::Layout::new::<shm::ReentrantMutex<[u8; 0]>>();
        let (layout, _) = words.extend(item).ok()?;
        (capacity == 1).then_some(layout.pad_to_align())
    };
    /// A lock for readers and a writer: its words, the item, and its slots.
    AnyRwLock, Kind::RW_LOCK.that_waits(), |readers, item| {
        RawRwLock::<RobustFutex>::layout(readers, item)
    };
    /// Atomic integers.
    Atomics, Kind::ATOMIC, |count, item| {
        let layout = alloc::Layout::from_size_align(item.size().checked_mul(count)?, 8).ok()?;
        (count > 0 && matches!(item.size(), 1 | 2 | 4 | 8)).then_some(layout)
    };
    /// Values, each in whole words of 4 bytes.
    Values, Kind::WORDS, |count, item| {
        let size = item.size().checked_next_multiple_of(4)?.checked_mul(count)?;
        let layout = alloc::Layout::from_size_align(size, 8).ok()?;
        (count > 0 && item.size() > 0).then_some(layout)
    };
}

/// Where the item of a mutex begins.
pub fn item_of_mutex(align: usize) -> usize {
    size_of::<shm::Mutex<[u8; 0]>>().next_multiple_of(align.max(1))
}

/// Where the item of a mutex begins that its thread can take again.
pub fn item_of_reentrant(align: usize) -> usize {
    size_of::<shm::ReentrantMutex<[u8; 0]>>().next_multiple_of(align.max(1))
}

/// Adds the part to the layout.
fn add(layout: Layout, part: &rw_part) -> Done<Layout> {
    let name = text(part.name)?;
    let align = if part.item_align == 0 { 1 } else { part.item_align };
    let item = alloc::Layout::from_size_align(part.item_size, align)
        .map_err(|_| Failure::from(rw_error::RW_INVALID))?;
    let stated = (item, identity(part.item_type)?);
    let (capacity, one) = (part.capacity, part.capacity.max(1));
    let added = match part.kind {
        RW_KIND_RING => layout.raw_part::<shm::RawRing>(name, capacity, stated),
        RW_KIND_QUEUE => layout.raw_part::<shm::RawQueue>(name, capacity, stated),
        RW_KIND_BROADCAST => layout.raw_part::<shm::RawBroadcast>(name, capacity, stated),
        RW_KIND_LATEST => {
            let slots = if capacity == 0 { RW_LATEST } else { capacity };
            layout.raw_part::<shm::RawLatest>(name, slots, stated)
        }
        RW_KIND_BYTE_RING => layout.byte_ring(name, capacity),
        RW_KIND_MESSAGE_RING => layout.message_ring(name, capacity),
        RW_KIND_MUTEX => layout.raw_part::<AnyMutex>(name, one, stated),
        RW_KIND_REENTRANT => layout.raw_part::<AnyReentrant>(name, one, stated),
        RW_KIND_RWLOCK => layout.raw_part::<AnyRwLock>(name, capacity, stated),
        RW_KIND_SEMAPHORE => layout.semaphore(name, capacity),
        RW_KIND_BOUNDED_SEMAPHORE => layout.bounded_semaphore(name, capacity),
        RW_KIND_CONDITION => layout.part::<shm::Condition>(name),
        RW_KIND_EVENT => layout.part::<shm::Event>(name),
        RW_KIND_BARRIER => layout.barrier(name, capacity),
        RW_KIND_ATOMICS => layout.raw_part::<Atomics>(name, one, stated),
        RW_KIND_VALUES => layout.raw_part::<Values>(name, one, stated),
        _ => return Err(rw_error::RW_BAD_PART.into()),
    };
    added.map_err(|error| Failure::of_part(name, error))
}

/// The layout of a region with these parts.
pub fn layout(parts: *const rw_part, count: usize, places: u16) -> Done<Layout> {
    let fits = parts.is_aligned() && count <= isize::MAX as usize / size_of::<rw_part>();
    if !fits || parts.is_null() && count > 0 {
        return Err(rw_error::RW_INVALID.into());
    }
    let parts = match count {
        0 => &[],
        // SAFETY: the caller of C guarantees as many parts, for the time of the call.
        _ => unsafe { std::slice::from_raw_parts(parts, count) },
    };
    parts.iter().try_fold(Layout::new(places), add)
}
