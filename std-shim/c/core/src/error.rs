//! Error codes, and their texts.

use core::ffi::{CStr, c_char};
use ringway_core::Error;

/// Why a call failed, or `RW_OK`.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum rw_error {
    /// It was done.
    RW_OK = 0,
    /// It cannot be done at once, and this form of the call does not wait.
    RW_WOULD_BLOCK = 1,
    /// The deadline passed first. Nothing was lost.
    RW_TIMED_OUT = 2,
    /// Nobody reads what is sent here, or this side ended its own sending.
    RW_BROKEN_PIPE = 3,
    /// The last writer is gone, and all that it wrote was read.
    RW_END_OF_FILE = 4,
    /// A FIFO was opened for writing, and nobody has it open for reading.
    RW_NO_READER = 5,
    /// Nobody listens there.
    RW_REFUSED = 6,
    /// The connection was torn down; bytes under way are lost.
    RW_RESET = 7,
    /// The end is not connected.
    RW_NOT_CONNECTED = 8,
    /// The end is already connected, listening or under way.
    RW_ALREADY_CONNECTED = 9,
    /// The end does not have this direction.
    RW_WRONG_DIRECTION = 10,
    /// This side closed the end before.
    RW_CLOSED = 11,
    /// The name or address is taken.
    RW_ADDRESS_IN_USE = 12,
    /// Nothing has this name.
    RW_NOT_FOUND = 13,
    /// The name is empty, or longer than names may be.
    RW_BAD_NAME = 14,
    /// The message is larger than this channel can ever carry, or an item has another size.
    RW_MESSAGE_TOO_LARGE = 15,
    /// The message is larger than the buffer given for it, or the memory is too small.
    RW_BUFFER_TOO_SMALL = 16,
    /// No place is left, or no such structure is possible.
    RW_EXHAUSTED = 17,
    /// Somebody else holds this half, and there is only one.
    RW_TAKEN = 18,
    /// The peer wrote something invalid. This channel cannot be used any more.
    RW_CORRUPT = 19,
    /// A holder died with the lock. The caller has the lock: it repairs what the lock protects.
    RW_OWNER_DIED = 20,
    /// The barrier is broken: a party gave up, aborted, reset it, or died.
    RW_BROKEN = 21,
    /// There is nothing to release.
    RW_NOT_HELD = 22,
    /// A count would exceed its limit.
    RW_OVERFLOW = 23,
    /// The table does not have this signal line.
    RW_NO_SUCH_LINE = 24,
    /// The peer speaks another version of the protocol.
    RW_INCOMPATIBLE = 25,
    /// An argument is null, out of range, or an object that was not made. Nothing was done.
    RW_INVALID = 100,
    /// The call waits, and the program has not said how: see `rw_set_wait`. Nothing was done.
    RW_NO_WAIT = 101,
    /// A reader was too slow: messages were overwritten before it read them. It goes on behind
    /// them.
    RW_LAGGED = 102,
    /// An error that a later version knows.
    RW_UNKNOWN = 103,
    // Those of `ringway` on Linux.
    /// The path or the descriptor is of another kind than this call needs.
    RW_WRONG_FILE = 200,
    /// The region belongs neither to this user nor to root.
    RW_OTHER_OWNER = 201,
    /// The region allows more users than the caller does.
    RW_TOO_OPEN = 202,
    /// With this mode some user may read and not write, or the reverse.
    RW_UNEVEN_MODE = 203,
    /// Nobody is attached to the region, and this process may neither remove nor reuse it.
    RW_STALE = 204,
    /// This cannot be done with this signal.
    RW_BAD_SIGNAL = 205,
    /// This cannot be done with this process.
    RW_PROCESS = 206,
    /// Another error of the operating system: see `rw_error_errno`.
    RW_SYSTEM = 207,
    /// It is no region.
    RW_NO_REGION = 210,
    /// The region is not laid out yet.
    RW_NOT_READY = 211,
    /// The region was laid out by another version.
    RW_OTHER_VERSION = 212,
    /// The region states another size than its memory has.
    RW_REGION_SIZE = 213,
    /// The header or the directory of the region was overwritten.
    RW_REGION_CORRUPT = 214,
    /// The region has no part of this name.
    RW_NO_SUCH_PART = 215,
    /// The part is of another kind.
    RW_OTHER_KIND = 216,
    /// The part holds items of another size.
    RW_OTHER_ITEM = 217,
    /// The part holds items of another alignment.
    RW_OTHER_ALIGNMENT = 218,
    /// The part holds items of a type with another name.
    RW_OTHER_TYPE = 219,
    /// The part holds another number of items.
    RW_OTHER_CAPACITY = 220,
    /// The part has another size, and all else is the same.
    RW_OTHER_SIZE = 221,
    /// A part has no name, or too long a name, or the name of another, or no such kind.
    RW_BAD_PART = 222,
    /// There are more parts, or more places, than a region can have.
    RW_TOO_MANY = 223,
    /// The region would be too large.
    RW_TOO_LARGE = 224,
    /// There is no such part with this capacity and such items.
    RW_NO_SUCH_CAPACITY = 225,
}

impl From<Error> for rw_error {
    fn from(error: Error) -> Self {
        match error {
            Error::WouldBlock => rw_error::RW_WOULD_BLOCK,
            Error::TimedOut => rw_error::RW_TIMED_OUT,
            Error::BrokenPipe => rw_error::RW_BROKEN_PIPE,
            Error::EndOfFile => rw_error::RW_END_OF_FILE,
            Error::NoReader => rw_error::RW_NO_READER,
            Error::Refused => rw_error::RW_REFUSED,
            Error::Reset => rw_error::RW_RESET,
            Error::NotConnected => rw_error::RW_NOT_CONNECTED,
            Error::AlreadyConnected => rw_error::RW_ALREADY_CONNECTED,
            Error::WrongDirection => rw_error::RW_WRONG_DIRECTION,
            Error::Closed => rw_error::RW_CLOSED,
            Error::AddressInUse => rw_error::RW_ADDRESS_IN_USE,
            Error::NotFound => rw_error::RW_NOT_FOUND,
            Error::BadName => rw_error::RW_BAD_NAME,
            Error::MessageTooLarge { .. } => rw_error::RW_MESSAGE_TOO_LARGE,
            Error::BufferTooSmall { .. } => rw_error::RW_BUFFER_TOO_SMALL,
            Error::Exhausted => rw_error::RW_EXHAUSTED,
            Error::Taken => rw_error::RW_TAKEN,
            Error::Corrupt => rw_error::RW_CORRUPT,
            Error::OwnerDied => rw_error::RW_OWNER_DIED,
            Error::Broken => rw_error::RW_BROKEN,
            Error::NotHeld => rw_error::RW_NOT_HELD,
            Error::Overflow => rw_error::RW_OVERFLOW,
            Error::NoSuchLine { .. } => rw_error::RW_NO_SUCH_LINE,
            Error::Incompatible { .. } => rw_error::RW_INCOMPATIBLE,
            _ => rw_error::RW_UNKNOWN,
        }
    }
}

/// The code of a result.
pub fn code<T>(result: Result<T, Error>) -> rw_error {
    match result {
        Ok(_) => rw_error::RW_OK,
        Err(error) => error.into(),
    }
}

/// What an error means, and what to do: a text that lives for ever.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_error_text(error: i32) -> *const c_char {
    let text: &'static CStr = match error {
        0 => c"done",
        1 => c"it would have to wait: try again later, or use the form that waits",
        2 => c"the deadline passed first; nothing was lost, try again",
        3 => c"broken pipe: nobody reads what is sent here; open a new channel",
        4 => c"end of file: the last writer is gone and everything was read",
        5 => c"no reader yet: wait for one, or use the form of open that waits",
        6 => c"refused: nobody listens there; start the listener first",
        7 => c"reset: the peer tore the connection down; connect again",
        8 => c"not connected: connect or accept first",
        9 => c"already connected or listening: use a new end",
        10 => c"wrong direction: a reader cannot send, a writer cannot receive",
        11 => c"closed: this end was closed before; open a new one",
        12 => c"the name is in use: choose another, or end the program that has it",
        13 => c"nothing has this name: make it first",
        14 => c"bad name: it is empty, or too long for this place",
        15 => c"message too large, or an item of another size: ask how large it may be",
        16 => c"buffer too small: give a larger one",
        17 => c"no place left, or no such structure: close something, or make the limit larger",
        18 => c"taken: somebody else holds this end, and there is only one",
        19 => c"corrupt: the peer wrote what cannot be; open a new channel",
        20 => c"a holder died with the lock: repair what it protects, then call make_consistent",
        21 => c"the barrier is broken: see to who is missing, then reset it",
        22 => c"released too often: release as many as you acquired, as the participant that did",
        23 => c"a count is at its limit: release only what was acquired",
        24 => c"there is no such line",
        25 => c"incompatible: the peer speaks another version; use the same release on both sides",
        100 => c"an argument is null, out of range, or an object that was not made",
        101 => c"this call waits, and nobody has said how: call rw_set_wait first",
        102 => c"the reader was too slow and missed messages; the next call goes on behind them",
        #[cfg(feature = "linux")]
        200 => c"it is a file of another kind: use another one",
        #[cfg(feature = "linux")]
        201 => c"it belongs to another user: say RW_ANY_OWNER if every owner is trusted, or choose another name",
        #[cfg(feature = "linux")]
        202 => c"more users may use it than this call allows: say with the mode whom to share it with",
        #[cfg(feature = "linux")]
        203 => c"some may read and not write, or the reverse: give both or neither, as in 0600 or 0660",
        #[cfg(feature = "linux")]
        204 => c"nobody is attached to it any more, and only its owner or root may remove it",
        #[cfg(feature = "linux")]
        205 => c"this cannot be done with this signal: take another",
        #[cfg(feature = "linux")]
        206 => c"this cannot be done with this process: see rw_error_detail",
        #[cfg(feature = "linux")]
        207 => c"an error of the operating system: see rw_error_detail and rw_error_errno",
        #[cfg(feature = "linux")]
        210 => c"it is not a region: choose another name",
        #[cfg(feature = "linux")]
        211 => c"it is not laid out yet: try again",
        #[cfg(feature = "linux")]
        212 => c"it is of another version: use the same release on all sides",
        #[cfg(feature = "linux")]
        213 => c"it says another size than it has: make it anew",
        #[cfg(feature = "linux")]
        214 => c"its directory was overwritten: make it anew",
        #[cfg(feature = "linux")]
        215 => c"the region has no such part: see rw_region_entry",
        #[cfg(feature = "linux")]
        216 => c"the part is another structure: see rw_error_detail",
        #[cfg(feature = "linux")]
        217 => c"its items have another size: see rw_error_detail",
        #[cfg(feature = "linux")]
        218 => c"its items lie on other boundaries: see rw_error_detail",
        #[cfg(feature = "linux")]
        219 => c"its items are of another type: state one name on all sides",
        #[cfg(feature = "linux")]
        220 => c"it holds another number of items: see rw_error_detail",
        #[cfg(feature = "linux")]
        221 => c"the two sides pad it differently: build firmware with the feature shared-layout",
        #[cfg(feature = "linux")]
        222 => c"a name of a part is empty, too long or twice there, or there is no such kind",
        #[cfg(feature = "linux")]
        223 => c"there are too many parts, or no places or too many: see rw_error_detail",
        #[cfg(feature = "linux")]
        224 => c"the region would be larger than 4 GiB",
        #[cfg(feature = "linux")]
        225 => c"no such part has room for so many items: give it at least 1, or fewer",
        _ => c"an error that this version does not know",
    };
    text.as_ptr()
}
