//! Why a call failed: a code, and a text of this thread that says more.

use ringway::{Cause, CoreError, Error};
use ringway_core::region::Error as RegionError;
use ringway_core_c::errno::Errno;
use ringway_core_c::error::rw_error;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char};

thread_local! {
    static DETAIL: RefCell<String> = const { RefCell::new(String::new()) };
    static NUMBER: Cell<i32> = const { Cell::new(0) };
}

/// Why a call failed.
pub struct Failure {
    code: rw_error,
    detail: String,
    number: i32,
}

impl From<rw_error> for Failure {
    fn from(code: rw_error) -> Self {
        Failure { code, detail: String::new(), number: 0 }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let number = match error.cause() {
            Cause::Os(errno) => errno.raw_os_error(),
            _ => 0,
        };
        let code = match error.cause() {
            _ if error.is(CoreError::Exhausted) => rw_error::RW_EXHAUSTED,
            Cause::Core(error) => error.into(),
            Cause::Lagged(_) => rw_error::RW_LAGGED,
            Cause::WrongFile { .. } => rw_error::RW_WRONG_FILE,
            Cause::OtherOwner { .. } => rw_error::RW_OTHER_OWNER,
            Cause::TooOpen { .. } => rw_error::RW_TOO_OPEN,
            Cause::UnevenMode { .. } => rw_error::RW_UNEVEN_MODE,
            Cause::Stale { .. } => rw_error::RW_STALE,
            Cause::Signal(_) => rw_error::RW_BAD_SIGNAL,
            Cause::Region(error) => region(error),
            Cause::Process(_) => rw_error::RW_PROCESS,
            Cause::Os(_) => rw_error::RW_SYSTEM,
            _ => rw_error::RW_UNKNOWN,
        };
        Failure { code, detail: error.to_string(), number }
    }
}

impl Failure {
    /// An error of a call of the system.
    pub fn of_system(what: &str, error: &std::io::Error) -> Self {
        let number = error.raw_os_error().unwrap_or(0);
        let code = match number {
            libc::ENOENT => rw_error::RW_NOT_FOUND,
            libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EAGAIN => rw_error::RW_EXHAUSTED,
            _ => rw_error::RW_SYSTEM,
        };
        let number = if code == rw_error::RW_SYSTEM { number } else { 0 };
        Failure { code, detail: format!("cannot {what}: {error}"), number }
    }

    /// An error of a part of a region.
    pub fn of_part(name: &str, error: RegionError) -> Self {
        let detail = format!("cannot use the part {name}: {error}");
        Failure { code: region(error), detail, number: 0 }
    }
}

fn region(error: RegionError) -> rw_error {
    match error {
        RegionError::Foreign => rw_error::RW_NO_REGION,
        RegionError::NotReady => rw_error::RW_NOT_READY,
        RegionError::Version { .. } => rw_error::RW_OTHER_VERSION,
        RegionError::Size { .. } => rw_error::RW_REGION_SIZE,
        RegionError::Corrupt | RegionError::Misaligned => rw_error::RW_REGION_CORRUPT,
        RegionError::NotFound => rw_error::RW_NO_SUCH_PART,
        RegionError::OtherKind { .. } => rw_error::RW_OTHER_KIND,
        RegionError::OtherItem { .. } => rw_error::RW_OTHER_ITEM,
        RegionError::OtherAlignment { .. } => rw_error::RW_OTHER_ALIGNMENT,
        RegionError::OtherType { .. } => rw_error::RW_OTHER_TYPE,
        RegionError::OtherCapacity { .. } => rw_error::RW_OTHER_CAPACITY,
        RegionError::OtherSize { .. } => rw_error::RW_OTHER_SIZE,
        RegionError::BadName | RegionError::NameTaken => rw_error::RW_BAD_PART,
        RegionError::TooManyParts { .. } | RegionError::Places { .. } => rw_error::RW_TOO_MANY,
        RegionError::TooLarge => rw_error::RW_TOO_LARGE,
        RegionError::Capacity => rw_error::RW_NO_SUCH_CAPACITY,
        RegionError::Memory => rw_error::RW_INVALID,
    }
}

/// What calls of this library return to C.
pub type Done<T = ()> = Result<T, Failure>;

/// Runs a call of C. Notes why it failed, and leaves `errno` as it was.
pub fn call(run: impl FnOnce() -> Done) -> rw_error {
    let _kept = Errno::keep();
    let Err(failure) = run() else { return rw_error::RW_OK };
    NUMBER.set(failure.number);
    DETAIL.with(|detail| {
        // A signal handler that calls this library in the middle of it leaves the text out.
        if let Ok(mut detail) = detail.try_borrow_mut() {
            *detail = failure.detail;
        }
    });
    failure.code
}

/// The code of a call of the core.
pub fn done(code: rw_error) -> Done {
    if code == rw_error::RW_OK { Ok(()) } else { Err(code.into()) }
}

/// What the last call of this header that failed in this thread has to say: what it tried, on what,
/// why that failed, and what to do.
///
/// Writes at most `size` bytes with the zero byte, and tells the length of the whole text, without
/// it. The text is empty if the error code says all. `RW_INVALID` without a buffer.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_error_detail(
    text: *mut c_char,
    size: usize,
    length: *mut usize,
) -> rw_error {
    let _kept = Errno::keep();
    let Some(room) = ringway_core_c::object::bytes_mut(text.cast(), size) else {
        return rw_error::RW_INVALID;
    };
    DETAIL.with(|detail| {
        let detail = detail.try_borrow().map(|detail| detail.clone()).unwrap_or_default();
        ringway_core_c::object::tell(length, detail.len());
        let Some(last) = room.len().checked_sub(1) else { return rw_error::RW_INVALID };
        let mut count = last.min(detail.len());
        while !detail.is_char_boundary(count) {
            count -= 1;
        }
        room[..count].copy_from_slice(&detail.as_bytes()[..count]);
        room[count] = 0;
        rw_error::RW_OK
    })
}

/// The errno of the last call of this header that failed in this thread, if it returned
/// `RW_SYSTEM`; else 0.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_error_errno() -> i32 {
    NUMBER.get()
}

/// Writes a text of this library with a zero byte at its end, and tells its length without that.
/// `RW_BUFFER_TOO_SMALL` if there is no room for all of it.
pub fn tell_text(said: &str, text: *mut c_char, size: usize, length: *mut usize) -> Done {
    let room = ringway_core_c::object::bytes_mut(text.cast(), size);
    let room = room.ok_or(Failure::from(rw_error::RW_INVALID))?;
    ringway_core_c::object::tell(length, said.len());
    match room.split_at_mut_checked(said.len()) {
        Some((to, [end, ..])) => {
            to.copy_from_slice(said.as_bytes());
            *end = 0;
            Ok(())
        }
        _ => Err(rw_error::RW_BUFFER_TOO_SMALL.into()),
    }
}

/// A text that C gives. It lives for the time of the call.
pub fn text<'a>(at: *const c_char) -> Done<&'a str> {
    optional_text(at)?.ok_or(Failure::from(rw_error::RW_INVALID))
}

/// A text that C gives, or null.
pub fn optional_text<'a>(at: *const c_char) -> Done<Option<&'a str>> {
    if at.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller of C guarantees a text with a zero byte at its end, for the time of the
    // call.
    let text = unsafe { CStr::from_ptr(at) };
    text.to_str().map(Some).map_err(|_| rw_error::RW_BAD_NAME.into())
}
