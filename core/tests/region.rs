//! Tests of a region between two sides: what they must agree on, and what each may do while the
//! other reads.
#![cfg(not(loom))]

use ringway_core::lock::Mutex;
use ringway_core::plain::Plain;
use ringway_core::region::{
    AttachSlot, Error, Item, Kind, Layout, MAX_NAME, MAX_PARTS, Occupant, Ready, TypeName, View,
};
use ringway_core::ring::broadcast::RawBroadcast;
use ringway_core::ring::latest::{Latest, RawLatest};
use ringway_core::ring::queue::QueueView;
use ringway_core::ring::{RawRing, Ring, RingView};
use ringway_core::wait::Spin;
use std::ptr::NonNull;

/// Stands for memory that two sides share.
#[repr(align(128))]
struct Memory([u8; 4096]);

impl Memory {
    fn new<const M: usize>(layout: &Layout<M>) -> Memory {
        let mut memory = Memory([0; 4096]);
        layout.write(&mut memory.0[..layout.size()]).unwrap();
        memory
    }

    fn base(&mut self) -> NonNull<u8> {
        NonNull::from(&mut self.0).cast()
    }

    /// Checks that a region of this layout is here, as a side that attaches does.
    fn view<const M: usize>(&mut self, layout: &Layout<M>) -> Result<View<'_>, Error> {
        // SAFETY: the view borrows the memory, and only this crate writes it meanwhile.
        unsafe { View::new(self.base(), layout.size()) }
    }
}

/// As large as `[u64; 4]`, with another alignment.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
struct Wide([u64; 4]);

// SAFETY: it is integers without padding, of which any bytes are a value.
unsafe impl Plain for Wide {}

// The same name as `[u64; 4]`, so that only the alignment tells the two apart.
impl Item for Wide {
    const NAME: TypeName = <[u64; 4]>::NAME;
}

/// A number in one program, …
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
struct Reading(f64);

// SAFETY: it is an integer, of which any bytes are a value.
unsafe impl Plain for Reading {}

impl Item for Reading {
    const NAME: TypeName = TypeName::new("com.example.Reading/1");
}

mod other {
    use super::{Item, Plain, TypeName};

    /// … the same type under another Rust name in another program, …
    #[derive(Debug, Clone, Copy)]
    #[repr(transparent)]
    pub struct Messwert(f64);

    // SAFETY: it is an integer, of which any bytes are a value.
    unsafe impl Plain for Messwert {}

    impl Item for Messwert {
        const NAME: TypeName = TypeName::new("com.example.Reading/1");
    }

    /// … a type of the same Rust name that means something else, …
    #[derive(Debug, Clone, Copy)]
    #[repr(transparent)]
    pub struct Reading(f64);

    // SAFETY: it is an integer, of which any bytes are a value.
    unsafe impl Plain for Reading {}

    impl Item for Reading {
        const NAME: TypeName = TypeName::new("org.example.Reading/1");
    }

    /// … and a type whose author states no name.
    #[derive(Debug, Clone, Copy)]
    #[repr(transparent)]
    pub struct Unstated(f64);

    // SAFETY: it is an integer, of which any bytes are a value.
    unsafe impl Plain for Unstated {}

    impl Item for Unstated {}
}

#[test]
fn the_alignment_tells_equally_named_items_apart() {
    let layout = Layout::<1>::new(2).part::<Latest<[u64; 4]>>("newest").unwrap();
    let mut memory = Memory::new(&layout);
    let view = memory.view(&layout).unwrap();
    assert!(view.part::<Latest<[u64; 4]>>("newest").is_ok());
    let error = view.part::<Latest<Wide>>("newest").unwrap_err();
    assert_eq!(error, Error::OtherAlignment { found: 8, wanted: 32 });
}

#[test]
fn stated_names_are_compared_and_not_rust_types() {
    let layout = Layout::<2>::new(2)
        .part::<Ring<Reading, 4>>("stated")
        .and_then(|layout| layout.part::<Ring<other::Unstated, 4>>("unstated"))
        .unwrap();
    let mut memory = Memory::new(&layout);
    let view = memory.view(&layout).unwrap();
    assert!(view.part::<Ring<other::Messwert, 4>>("stated").is_ok());
    let told = |error| matches!(error, Error::OtherType { .. });
    assert!(told(view.part::<Ring<other::Reading, 4>>("stated").unwrap_err()));
    assert!(told(view.part::<Ring<f64, 4>>("stated").unwrap_err()));
    assert!(view.part::<Ring<other::Unstated, 4>>("stated").is_ok());
    assert!(view.part::<Ring<Reading, 4>>("unstated").is_ok());
    assert!(view.part::<Ring<f32, 4>>("unstated").is_err(), "the size is compared all the same");
}

#[test]
fn a_name_from_another_language_equals_rusts() {
    // In the order of `region`'s documentation.
    let words = |layout: &Layout<1>| {
        let memory = Memory::new(layout);
        let entry = &memory.0[64..128];
        let word = |at: usize| u32::from_ne_bytes(entry[at..at + 4].try_into().unwrap());
        [36, 44, 48, 52, 56, 60].map(word)
    };
    let layout = Layout::new(2).part::<Ring<[u16; 3], 7>>("x").unwrap();
    let identity = "[u16; 3]"
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    assert_eq!(words(&layout), [1, 6, 8, 7, identity, 0]);
}

#[test]
fn check_compares_every_part_with_the_layout() {
    type Numbers = Ring<u32, 8>;
    let layout = Layout::<3>::new(2)
        .part::<Numbers>("numbers")
        .and_then(|layout| layout.part::<Ring<u8, 8>>("bytes"))
        .unwrap();
    let mut memory = Memory::new(&layout);
    let view = memory.view(&layout).unwrap();
    let check = |layout: Result<Layout<3>, _>| {
        let layout: Layout<3> = layout.unwrap();
        view.check(&layout).map_err(|(part, error)| (part.to_string(), error))
    };
    assert_eq!(view.check(&layout), Ok(()));
    assert_eq!(check(Layout::new(9).part::<Ring<u8, 8>>("bytes")), Ok(()), "more is welcome");
    let named = |error| Err(("numbers".to_string(), error));
    let bytes = || Layout::<3>::new(2).part::<Ring<u8, 8>>("bytes").unwrap();
    let missing = check(bytes().part::<Numbers>("figures"));
    assert_eq!(missing, Err(("figures".to_string(), Error::NotFound)));
    let capacity = Error::OtherCapacity { found: 8, wanted: 9 };
    assert_eq!(check(bytes().part::<Ring<u32, 9>>("numbers")), named(capacity));
    let item = Error::OtherItem { found: 4, wanted: 8 };
    assert_eq!(check(bytes().part::<Ring<u64, 8>>("numbers")), named(item));
    assert!(matches!(
        check(bytes().part::<Latest<u32>>("numbers")),
        Err((_, Error::OtherKind { .. }))
    ));
    assert!(matches!(
        check(bytes().part::<Ring<i32, 8>>("numbers")),
        Err((_, Error::OtherType { .. }))
    ));
}

/// Miri and the thread sanitizer report a race here if one side reads by plain loads what another
/// changes.
#[test]
fn one_side_reads_while_another_attaches() {
    let layout = Layout::<1>::new(2).part::<Ring<u32, 8>>("numbers").unwrap();
    let mut memory = Memory::new(&layout);
    let base = memory.base();
    // SAFETY: the memory outlives the view, and only this crate writes it.
    let view = || unsafe { View::new(base, layout.size()) }.unwrap();
    let attaching = view();
    std::thread::scope(|s| {
        s.spawn(move || {
            for generation in 1..=10 {
                assert_eq!(attaching.next_generation(), generation);
            }
        });
        for _ in 0..10 {
            assert!(view().part::<Ring<u32, 8>>("numbers").is_ok());
        }
    });
    assert_eq!(view().next_generation(), 11);
}

#[test]
fn parts_begin_behind_the_entries_and_the_places() {
    let mut layout = Layout::<5>::new(20);
    for name in ["a", "b", "c", "d", "e"] {
        layout = layout.part::<Ring<u8, 8>>(name).unwrap();
    }
    let mut memory = Memory::new(&layout);
    let view = memory.view(&layout).unwrap();
    // 64 bytes for the header, 64 for each entry, 16 for each place: up to a boundary of 128 bytes.
    let first = view.entries().next().unwrap();
    assert_eq!(first.offset(), (64_u32 + 5 * 64 + 20 * 16).next_multiple_of(128));
    assert_eq!((view.parts(), view.length(), view.places().len()), (5, layout.size(), 20));
    assert_eq!(view.at(&first).addr().get() - view.places().as_ptr().addr(), 768 - (64 + 5 * 64));
    // The last place that there can be.
    let many = Layout::<1>::new(8191);
    let mut bytes = vec![0; many.size() + 128];
    let skip = bytes.as_ptr().align_offset(128);
    assert_eq!(many.write(&mut bytes[skip..]), Ok(()));
    for places in [0, 8192] {
        assert_eq!(Layout::<1>::new(places).write(&mut bytes), Err(Error::Places { max: 8191 }));
    }
}

#[test]
fn entries_that_cannot_be_are_corrupt() {
    let layout = Layout::<1>::new(2).part::<Ring<u8, 8>>("bytes").unwrap();
    let length = layout.size() as u32;
    let view = |at: usize, word: u32| {
        let mut memory = Memory::new(&layout);
        memory.0[at..at + 4].copy_from_slice(&word.to_ne_bytes());
        memory.view(&layout).map(|view| view.length())
    };
    // Where an entry says its part's offset, and its size.
    let (offset, size) = (64 + 32, 64 + 40);
    assert_eq!(view(offset, 256), Ok(length as usize));
    assert_eq!(view(size, length - 256), Ok(length as usize), "as large as there is room");
    for (at, word) in [(offset, 128), (offset, 260), (offset, length), (offset, length + 128)] {
        assert_eq!(view(at, word), Err(Error::Corrupt), "{at}: {word}");
    }
    assert_eq!(view(size, length - 255), Err(Error::Corrupt));
    // There is room, but not at a boundary.
    let mut memory = Memory::new(&layout);
    for (at, word) in [(offset, 260_u32), (size, 4)] {
        memory.0[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    }
    assert_eq!(memory.view(&layout).map(drop), Err(Error::Corrupt));
}

#[test]
fn parts_that_overlap_are_corrupt() {
    let layout = Layout::<2>::new(2).part::<Ring<u8, 8>>("first").unwrap();
    let layout = layout.part::<Ring<u8, 8>>("second").unwrap();
    let view = |words: &[(usize, u32)]| {
        let mut memory = Memory::new(&layout);
        for (at, word) in words {
            memory.0[*at..*at + 4].copy_from_slice(&word.to_ne_bytes());
        }
        memory.view(&layout).map(|view| view.parts())
    };
    let mut memory = Memory::new(&layout);
    let [one, two] =
        memory.view(&layout).unwrap().entries().collect::<Vec<_>>().try_into().unwrap();
    let (first, second) = (one.offset(), two.offset());
    // Where each entry says its part's offset, and its size.
    let offset = [64 + 32, 128 + 32];
    let size = [64 + 40, 128 + 40];
    assert_eq!(view(&[(size[0], second - first)]), Ok(2), "up to the beginning of the next");
    assert_eq!(view(&[(size[0], second - first + 1)]), Err(Error::Corrupt));
    assert_eq!(view(&[(offset[1], first)]), Err(Error::Corrupt), "the same place");
    assert_eq!(view(&[(offset[1], second - 128)]), Err(Error::Corrupt));
    let exchanged = [(offset[0], second), (offset[1], first)];
    assert_eq!(view(&exchanged), Err(Error::Corrupt), "in another order");
}

#[test]
fn names_have_one_to_the_most_bytes() {
    let named = |name: &str| Layout::<1>::new(2).part::<Ring<u8, 8>>(name).map(drop);
    assert_eq!(named(&"x".repeat(MAX_NAME)), Ok(()));
    for name in ["", "a\0b", &"x".repeat(MAX_NAME + 1)] {
        assert_eq!(named(name), Err(Error::BadName), "{name:?}");
    }
}

#[test]
fn a_place_is_taken_and_given_back() {
    let place = AttachSlot::new();
    let who = Occupant { generation: 3, process: 77 };
    place.take(who);
    assert_eq!(place.occupant(), Some(who));
    place.free();
    assert_eq!(place.occupant(), None);
    let ready = Ready::new();
    assert!(!ready.is_set());
    ready.set();
    assert!(ready.is_set());
}

#[test]
fn parts_are_opened_without_their_items_type() {
    type Numbers = Ring<[u32; 3], 5>;
    let item = std::alloc::Layout::new::<[u32; 3]>();
    let layout = Layout::<2>::new(2)
        .part::<Numbers>("ring")
        .and_then(|layout| layout.part::<Latest<[u32; 3]>>("newest"))
        .unwrap();
    let raw = |layout: Layout<3>, capacity| layout.raw_part::<RawLatest>("raw", capacity, item);
    assert!(raw(Layout::new(2), 9).is_err_and(|error| error == Error::Capacity));
    let mut memory = Memory::new(&layout);
    let view = memory.view(&layout).unwrap();
    assert!(view.raw_part::<RawRing>("ring").is_ok());
    assert!(view.raw_part::<RawLatest>("newest").is_ok());
    let (found, wanted) = (Kind::RING, Kind::BROADCAST);
    let other = view.raw_part::<RawBroadcast>("ring").map(drop);
    assert_eq!(other, Err(Error::OtherKind { found, wanted }));
    // A size that no such ring has; the next largest item is of another size.
    let size = view.entries().next().unwrap().description.size;
    memory.0[64 + 40..64 + 44].copy_from_slice(&(size - 4).to_ne_bytes());
    let view = memory.view(&layout).unwrap();
    assert_eq!(view.raw_part::<RawRing>("ring").map(drop), Err(Error::Corrupt));
}

#[test]
fn a_region_has_room_for_the_most_parts() {
    let names: Vec<String> = (0..MAX_PARTS).map(|number| number.to_string()).collect();
    let mut layout = Layout::<MAX_PARTS>::new(1);
    for name in &names {
        layout = layout.part::<Ring<u8, 8>>(name).unwrap();
    }
    let more = layout.clone().part::<Ring<u8, 8>>("more").map(drop);
    assert_eq!(more, Err(Error::TooManyParts { max: MAX_PARTS }));
    let mut bytes = vec![0; layout.size() + 128];
    let skip = bytes.as_ptr().align_offset(128);
    let memory = &mut bytes[skip..][..layout.size()];
    assert_eq!(layout.write(memory), Ok(()));
    // SAFETY: the view borrows the memory, and only this crate writes it meanwhile.
    let view = unsafe { View::new(NonNull::from(&mut *memory).cast(), layout.size()) }.unwrap();
    assert_eq!(view.entries().count(), MAX_PARTS);
    assert!(view.part::<Ring<u8, 8>>(names.last().unwrap()).is_ok());
}

#[test]
fn memory_for_a_region_is_zeroed_and_aligned() {
    let layout = Layout::<1>::new(2).part::<Ring<u8, 8>>("bytes").unwrap();
    let mut memory = Memory([0; 4096]);
    assert_eq!(layout.write(&mut memory.0[1..]), Err(Error::Memory));
    memory.0[3] = 1;
    assert_eq!(layout.write(&mut memory.0), Err(Error::Memory));
    memory.0[3] = 0;
    assert_eq!(layout.write(&mut memory.0), Ok(()));
}

#[test]
fn a_mutex_of_a_table_is_found_again() {
    let layout = Layout::<1>::new(2).part_for::<Mutex<[u32], Spin>>("table", 5).unwrap();
    let mut memory = Memory::new(&layout);
    let view = memory.view(&layout).unwrap();
    let table = view.part::<Mutex<[u32], Spin>>("table").unwrap();
    table.lock().unwrap().copy_from_slice(&[1, 2, 3, 4, 5]);
    assert_eq!(
        *view.part::<Mutex<[u32; 5], Spin>>("table").unwrap().lock().unwrap(),
        [1, 2, 3, 4, 5]
    );
}

#[test]
fn a_capacity_that_cannot_be_is_told_last() {
    let layout = Layout::<1>::new(2).part_for::<RingView<u32>>("numbers", 64).unwrap();
    let mut memory = Memory::new(&layout);
    // The entry's capacity.
    memory.0[64 + 52..64 + 56].copy_from_slice(&0_u32.to_ne_bytes());
    let view = memory.view(&layout).unwrap();
    let (found, wanted) = (Kind::RING, Kind::QUEUE);
    let other = view.part::<QueueView<u32>>("numbers").map(drop);
    assert_eq!(other, Err(Error::OtherKind { found, wanted }));
    let other = view.part::<RingView<u64>>("numbers").map(drop);
    assert_eq!(other, Err(Error::OtherItem { found: 4, wanted: 8 }));
    assert_eq!(view.part::<RingView<u32>>("numbers").map(drop), Err(Error::Corrupt));
}

#[test]
fn each_error_and_kind_has_its_own_words() {
    let (found, wanted) = (Kind::RING.that_waits(), Kind::QUEUE);
    assert!(found.waits() && !wanted.waits());
    assert_eq!((found.base(), found.that_waits()), (Kind::RING, found));
    let other = Error::OtherKind { found, wanted };
    assert_eq!(other.to_string(), "it is a ring with doorbells, not a queue");
    let errors = [
        other,
        Error::Foreign,
        Error::NotReady,
        Error::Version { found: 9 },
        Error::Size { says: 1, is: 2 },
        Error::Corrupt,
        Error::Misaligned,
        Error::NotFound,
        Error::OtherItem { found: 4, wanted: 8 },
        Error::OtherAlignment { found: 8, wanted: 32 },
        Error::OtherType { found: 1, wanted: 2 },
        Error::OtherSize { found: 4, wanted: 8 },
        Error::OtherCapacity { found: 4, wanted: 8 },
        Error::BadName,
        Error::NameTaken,
        Error::TooManyParts { max: 3 },
        Error::Places { max: 3 },
        Error::TooLarge,
        Error::Capacity,
        Error::Memory,
    ];
    let words: std::collections::BTreeSet<_> = errors.iter().map(Error::to_string).collect();
    assert_eq!(words.len(), errors.len());
    assert!(!words.contains(""));
    let late = ringway_core::wait::TimedOut;
    assert_eq!(late.to_string(), "the deadline passed first; nothing was lost, try again");
}
