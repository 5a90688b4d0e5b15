//! Signals of the system, taken where it suits the program: no handler runs.

use crate::failure::{Done, Failure, call};
use crate::stream::{borrowed, room_for, until};
use ringway::signal::{self, Received, Signal, SignalFd, SignalSet};
use ringway_core_c::error::rw_error;
use ringway_core_c::object::tell;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

/// A signal that was taken.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rw_received {
    /// Its number.
    pub signal: i32,
    /// The process that sent it, or the child that it tells of; 0 if it is not known.
    pub process: i32,
    /// The real user of that process.
    pub user: u32,
    /// The value that came with it, as `sigqueue(3)` has it; 0 if there was none.
    pub value: usize,
}

impl From<Received> for rw_received {
    fn from(received: Received) -> Self {
        rw_received {
            signal: received.signal.number(),
            process: received.sender().map_or(0, |pid| pid.as_raw_pid()),
            user: received.user().unwrap_or(0),
            value: received.value().unwrap_or(0),
        }
    }
}

fn set(signals: *const i32, count: usize) -> Done<SignalSet> {
    if signals.is_null() || !signals.is_aligned() || count == 0 || count > 64 {
        return Err(rw_error::RW_INVALID.into());
    }
    // SAFETY: the caller of C guarantees as many numbers, for the time of the call.
    let numbers = unsafe { std::slice::from_raw_parts(signals, count) };
    numbers.iter().try_fold(SignalSet::empty(), |set, number| {
        let signal = Signal::new(*number).ok_or(Failure::from(rw_error::RW_BAD_SIGNAL))?;
        Ok(set | SignalSet::from(signal))
    })
}

/// Takes one of these signals, for which it waits until `deadline`. Other signals do not end it.
///
/// Every thread of the process blocks them (`pthread_sigmask`): `RW_BAD_SIGNAL` if this one does
/// not.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signal_wait(
    signals: *const i32,
    count: usize,
    deadline: u64,
    received: *mut rw_received,
) -> rw_error {
    call(|| {
        let one = signal::wait_deadline(set(signals, count)?, until(deadline))?;
        tell(received, one.into());
        Ok(())
    })
}

/// Makes a descriptor of these signals, which is readable when one of them has come: for `poll`,
/// and `rw_signal_read`. It is the caller's, and closes on exec.
///
/// Every thread of the process blocks them (`pthread_sigmask`): `RW_BAD_SIGNAL` if this one does
/// not.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signal_fd(
    signals: *const i32,
    count: usize,
    descriptor: *mut i32,
) -> rw_error {
    call(|| {
        room_for(descriptor)?;
        let made = OwnedFd::from(SignalFd::new(set(signals, count)?)?);
        tell(descriptor, made.into_raw_fd());
        Ok(())
    })
}

/// Takes a signal of a descriptor of `rw_signal_fd`, for which it waits until `deadline`.
///
/// Any thread; interrupts not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signal_read(
    descriptor: i32,
    deadline: u64,
    received: *mut rw_received,
) -> rw_error {
    call(|| {
        let number = borrowed(descriptor)?.as_raw_fd();
        // SAFETY: the caller of C keeps it open, and `ManuallyDrop` leaves it so.
        let owned = unsafe { OwnedFd::from_raw_fd(number) };
        let signals = ManuallyDrop::new(SignalFd::from(owned));
        tell(received, signals.wait_deadline(until(deadline))?.into());
        Ok(())
    })
}
