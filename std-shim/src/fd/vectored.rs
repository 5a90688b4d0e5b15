//! `preadv2(2)` and `pwritev2(2)`: a read or a write with flags of its own.

#[cfg(any(target_os = "android", test))]
mod by_number;

#[cfg(target_os = "android")]
pub(super) use by_number::{ReadWriteFlags, preadv2, pwritev2};
#[cfg(not(target_os = "android"))]
pub(super) use rustix::io::{ReadWriteFlags, preadv2, pwritev2};
