//! Objects of C that hold a Rust value.

use crate::error::rw_error;
use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::NonNull;
use ringway_core::participant::Participant;
use ringway_core::storage::InMemory;

/// The words of an object that any thread may use.
pub const RW_HANDLE_WORDS: usize = 12;
/// The words of an object for one thread: it has lines of the cache for itself, where there is one.
#[cfg(not(target_os = "none"))]
pub const RW_HALF_WORDS: usize = 104;
/// The words of an object for one thread, as large as on a hosted target.
#[cfg(all(target_os = "none", feature = "shared-layout"))]
pub const RW_HALF_WORDS: usize = 208;
/// The words of an object for one thread.
#[cfg(all(target_os = "none", not(feature = "shared-layout")))]
pub const RW_HALF_WORDS: usize = 32;

/// A type of C whose bytes hold a tag, and a Rust value behind it.
///
/// # Safety
/// The type begins with a word, and is aligned as one. Behind the first `HEAD` bytes an aligned
/// `Value` has room, wherever the object lies. `TAG` is not zero, and no other type has it. If the
/// value is [`Windowed`](crate::window::Windowed), its window lies behind the first word.
pub unsafe trait Object {
    /// What the object holds.
    type Value;
    /// The first word of an object that was made.
    const TAG: usize;
    /// The bytes in front of the value: the tag, and what C may use.
    const HEAD: usize = size_of::<usize>();
}

/// Says which Rust values the objects of C hold.
#[macro_export]
#[doc(hidden)]
macro_rules! objects {
    ($($name:ty = $value:ty, $tag:expr $(, $head:expr)?;)*) => {
        $(
            // SAFETY: the constant below sees to the size; each tag stands once.
            unsafe impl $crate::object::Object for $name {
                type Value = $value;
                const TAG: usize = $tag;
                $(const HEAD: usize = $head;)?
            }

            const _: () = assert!(
                size_of::<$value>() + align_of::<$value>() + <$name as $crate::object::Object>::HEAD
                    <= size_of::<$name>()
            );
        )*
    };
}
pub use crate::objects;

/// Where the value of an object lies: behind its head, aligned. `None` for a null or misaligned
/// pointer.
pub fn room_of<O: Object>(at: *const O) -> Option<NonNull<O::Value>> {
    let at = NonNull::new(at.cast_mut().cast::<usize>()).filter(|at| at.is_aligned())?;
    Some(behind_head::<O>(at))
}

/// Where the value of the object at `at` lies.
#[inline(always)]
fn behind_head<O: Object>(at: NonNull<usize>) -> NonNull<O::Value> {
    let align = align_of::<O::Value>();
    let begin = at.addr().get().wrapping_add(O::HEAD);
    // A value that is aligned as words are needs no padding behind whole words.
    let is_padded = align > align_of::<usize>() || !O::HEAD.is_multiple_of(align);
    let padding = if is_padded { begin.wrapping_neg() % align } else { 0 };
    // SAFETY: head, padding and value have room in the object, as `objects` has checked.
    unsafe { at.cast::<u8>().add(O::HEAD + padding) }.cast()
}

/// Where the value of an object lies, if it was made.
#[inline(always)]
fn made<O: Object>(at: *const O) -> Option<NonNull<O::Value>> {
    tagged(at.cast_mut().cast(), O::TAG).map(behind_head::<O>)
}

/// An object that was made: the pointer is neither null nor misaligned, and the first word is the
/// tag. For a small image the code is there once.
#[cfg_attr(target_os = "none", inline(never))]
#[cfg_attr(not(target_os = "none"), inline(always))]
fn tagged(at: *mut usize, tag: usize) -> Option<NonNull<usize>> {
    // SAFETY: the caller of C gave an object, whose first word it may read.
    NonNull::new(at).filter(|at| at.is_aligned() && unsafe { at.read() } == tag)
}

/// Makes the object at `to`.
pub fn put<O: Object>(to: *mut O, value: O::Value) -> rw_error {
    let Some(at) = room_of(to) else { return rw_error::RW_INVALID };
    // SAFETY: the caller of C gave memory for an object.
    unsafe { at.write(value) };
    // SAFETY: as above; the tag is the first word.
    unsafe { to.cast::<usize>().write(O::TAG) };
    rw_error::RW_OK
}

/// The value of an object that several threads use; `None` if it was not made.
pub fn shared<'a, O: Object>(at: *const O) -> Option<&'a O::Value> {
    let value = made(at)?;
    // SAFETY: the tag says that the object was made, and C keeps it in its place during the call.
    Some(unsafe { value.as_ref() })
}

/// The value of an object that one thread uses; `None` if it was not made.
pub fn own<'a, O: Object>(at: *mut O) -> Option<&'a mut O::Value> {
    let mut value = made(at)?;
    // SAFETY: the tag says that the object was made. C lets one thread at a time use it.
    Some(unsafe { value.as_mut() })
}

/// Does something with the value of an object. Meanwhile the object is none, so that what `work`
/// calls does not find it.
pub fn busy<O: Object, R>(at: *mut O, work: impl FnOnce(&mut O::Value) -> R) -> Option<R> {
    let mut value = made(at)?;
    let tag = at.cast::<usize>();
    // SAFETY: the object was made, and its first word is the tag.
    unsafe { tag.write(0) };
    // SAFETY: the object was made. C lets one thread at a time use it, and what `work` calls does
    // not use it.
    let done = work(unsafe { value.as_mut() });
    // SAFETY: as above.
    unsafe { tag.write(O::TAG) };
    Some(done)
}

/// Takes the value out of an object, which is then none.
pub fn take<O: Object>(at: *mut O) -> Option<O::Value> {
    let value = made(at)?;
    // SAFETY: the object was made, and its first word is the tag.
    unsafe { at.cast::<usize>().write(0) };
    // SAFETY: the object was made, and the tag says now that it is none: nobody takes the value
    // again.
    Some(unsafe { value.read() })
}

/// Bytes that C gives; `None` for a null pointer with a size, or a size that cannot be.
pub fn bytes<'a>(at: *const c_void, size: usize) -> Option<&'a [u8]> {
    if size == 0 {
        return Some(&[]);
    }
    if at.is_null() || size > isize::MAX as usize {
        return None;
    }
    // SAFETY: the caller of C guarantees as many bytes as it says, for the time of the call.
    Some(unsafe { core::slice::from_raw_parts(at.cast(), size) })
}

/// Bytes that C gives to be written.
pub fn bytes_mut<'a>(at: *mut c_void, size: usize) -> Option<&'a mut [u8]> {
    if size == 0 {
        return Some(&mut []);
    }
    if at.is_null() || size > isize::MAX as usize {
        return None;
    }
    // SAFETY: the caller of C guarantees as many bytes as it says, for the time of the call, and
    // uses them for nothing else.
    Some(unsafe { core::slice::from_raw_parts_mut(at.cast(), size) })
}

/// Writes a result, if the caller wants it.
pub fn tell<T>(to: *mut T, value: T) {
    if !to.is_null() && to.is_aligned() {
        // SAFETY: the caller of C gave memory for it.
        unsafe { to.write(value) };
    }
}

/// Memory for a structure; `None` if it is null, misaligned or too small.
pub fn memory(at: *mut c_void, size: usize, needed: Layout) -> Option<NonNull<u8>> {
    // An alignment is a power of two. Many chips cannot divide.
    let is_aligned = at.addr() & needed.align().wrapping_sub(1) == 0;
    let fits = is_aligned && size >= needed.size();
    NonNull::new(at.cast::<u8>()).filter(|_| fits)
}

/// Tells how much memory a structure takes, and its alignment, if there is such a structure.
pub fn tell_layout(layout: Option<Layout>, size: *mut usize, align: *mut usize) -> rw_error {
    let Some(layout) = layout else { return rw_error::RW_EXHAUSTED };
    tell(size, layout.size());
    tell(align, layout.align());
    rw_error::RW_OK
}

/// Finds a structure with slots in the caller's memory, or makes it there.
pub fn sized<T: InMemory + ?Sized + 'static>(
    memory: *mut c_void,
    size: usize,
    slots: usize,
    is_new: bool,
) -> Result<&'static T, rw_error> {
    let layout = T::layout(slots).ok_or(rw_error::RW_EXHAUSTED)?;
    let at: NonNull<u8> = self::memory(memory, size, layout).ok_or(rw_error::RW_INVALID)?;
    let found = if is_new {
        // SAFETY: the caller guarantees memory of this size, which is used for nothing else.
        unsafe { T::init_at(at, slots) }
    } else {
        T::from_raw(at, slots)
    };
    let found = found.ok_or(rw_error::RW_EXHAUSTED)?;
    // SAFETY: there is such a structure, made above or by somebody else, as the caller guarantees;
    // it stays in its place.
    Ok(unsafe { found.as_ref() })
}

/// Makes the object of a half that `take` takes, unless somebody else has it.
///
/// On Linux the holder may have died: then it recovers what the dead held, and tries again.
pub fn put_half<O: Object>(to: *mut O, take: impl Fn() -> Option<O::Value>) -> rw_error {
    let half = take();
    #[cfg(feature = "linux")]
    let half = half.or_else(|| {
        reap_all();
        take()
    });
    half.map_or(rw_error::RW_TAKEN, |half| put(to, half))
}

/// Recovers what dead participants held, in each region that this process is attached to.
#[cfg(feature = "linux")]
fn reap_all() {
    let _kept = crate::errno::Errno::keep();
    if let Some(reap) = REAP.get() {
        reap();
    }
}

/// How to recover what dead participants held. The library for Linux says it.
#[cfg(feature = "linux")]
pub static REAP: std::sync::OnceLock<fn()> = std::sync::OnceLock::new();

/// Drops the value of an object, which gives back what it stands for.
pub fn release<O: Object>(at: *mut O) -> rw_error {
    take(at).map_or(rw_error::RW_INVALID, |_| rw_error::RW_OK)
}

/// The layout of items; `None` if there is none.
pub fn item(size: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(size, align).ok()
}

/// A participant: a number from 1 on, or 0 for a structure that one program has alone.
pub fn participant(number: u16) -> Option<Participant> {
    if number == 0 { Some(Participant::LOCAL) } else { Participant::new(number) }
}
