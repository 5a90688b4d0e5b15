//! Halves whose usual case is inlined in C: `ringway_core_inline.h` has that code.
//!
//! Such a half keeps what it knows in two places: in the Rust value, and in the window in front of
//! it. Between two calls of this library the window is the truth, and C moves it. A call first has
//! the value go on from where the window stands, and at its end makes the window anew: see
//! [`using`].

use crate::error::rw_error;
use crate::object::{Object, own};
#[cfg(not(target_os = "none"))]
use core::mem::offset_of;
#[cfg(not(target_os = "none"))]
use ringway_core::ring::{MessageWindow, Window};

/// What a half knows, for the functions of this header that are inlined. Not for the caller.
#[cfg(not(target_os = "none"))]
#[repr(C)]
pub struct rw_window {
    /// The first slot of the ring.
    pub first: *mut core::ffi::c_void,
    /// The size of an item.
    pub size: usize,
    /// This side's position, which the other side loads.
    pub word: *mut u32,
    /// The other side's position.
    pub peer: *const u32,
    /// The doorbell on which the other side sleeps.
    pub bell: *const u32,
    /// The number of slots.
    pub capacity: u32,
    /// Where this side stands.
    pub position: u32,
    /// Where the slots end that are known to be this side's.
    pub end: u32,
    /// Whether the inlined functions may look for more.
    pub may_look: bool,
}

/// What a half of a message ring knows, for the functions of this header that are inlined. Not for
/// the caller.
#[cfg(not(target_os = "none"))]
#[repr(C)]
pub struct rw_message_window {
    /// The first byte of the ring.
    pub first: *mut core::ffi::c_void,
    /// This side's position, which the other side loads.
    pub word: *mut u32,
    /// A sender: who holds the other half. A receiver: the other side's position.
    pub peer: *const u32,
    /// The doorbell on which the other side sleeps.
    pub bell: *const u32,
    /// The position of the first byte.
    pub lap: u32,
    /// Where this side stands.
    pub position: u32,
    /// Where the bytes end that are known to be this side's.
    pub end: u32,
    /// A sender: the longest message. A receiver: the last position before the ring's end.
    pub limit: u32,
    /// Whether the inlined functions may look for more.
    pub may_look: bool,
}

/// That the window of C is the core's.
#[cfg(not(target_os = "none"))]
macro_rules! same {
    ($here:ident, $core:ident: $($field:ident)*) => {
        const _: () = assert!(size_of::<$here>() == size_of::<$core>());
        const _: () = assert!(align_of::<$here>() == align_of::<$core>());
        $(const _: () = assert!(offset_of!($here, $field) == offset_of!($core, $field));)*
    };
}
#[cfg(not(target_os = "none"))]
same!(rw_window, Window: first size word peer bell capacity position end may_look);
#[cfg(not(target_os = "none"))]
same!(rw_message_window, MessageWindow: first word peer bell lap position end limit may_look);

/// A half's value that can tell what it knows, and go on from there.
pub trait Windowed {
    /// How it tells.
    #[cfg(not(target_os = "none"))]
    type Window;

    /// What the half knows now.
    #[cfg(not(target_os = "none"))]
    fn window(&mut self) -> Option<Self::Window>;

    /// Goes on from where C has left the window.
    #[cfg(not(target_os = "none"))]
    fn resume(&mut self, window: &Self::Window);
}

/// Uses a half in a call of this library, and makes its window anew. `RW_INVALID` if it is none.
#[inline(always)]
pub fn using<O>(object: *mut O, run: impl FnOnce(&mut O::Value) -> rw_error) -> rw_error
where
    O: Object<Value: Windowed + 'static>,
{
    let Some(value) = own(object) else { return rw_error::RW_INVALID };
    #[cfg(not(target_os = "none"))]
    // SAFETY: the object was made, and `open` has filled its window.
    value.resume(unsafe { &*window_of(object) });
    let done = run(value);
    fill(object, value);
    done
}

/// Fills the window of a half that was made.
pub fn open<O>(object: *mut O)
where
    O: Object<Value: Windowed + 'static>,
{
    if let Some(value) = own(object) {
        fill(object, value);
    }
}

/// Fills the window of a half, whose value is `value`.
#[inline(always)]
fn fill<O>(object: *mut O, value: &mut O::Value)
where
    O: Object<Value: Windowed>,
{
    #[cfg(not(target_os = "none"))]
    if let Some(window) = value.window() {
        // SAFETY: the object was made, and has room for a window in front of its value, apart from
        // it.
        unsafe { window_of(object).write(window) };
    }
    #[cfg(target_os = "none")]
    let _ = (object, value);
}

/// Where the window of an object lies: behind the tag.
#[cfg(not(target_os = "none"))]
fn window_of<O: Object<Value: Windowed>>(object: *mut O) -> *mut <O::Value as Windowed>::Window {
    const { assert!(O::HEAD == size_of::<usize>() + size_of::<<O::Value as Windowed>::Window>()) };
    object.cast::<u8>().wrapping_add(size_of::<usize>()).cast()
}
