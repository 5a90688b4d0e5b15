//! Conversions: `?` makes this crate's error of every other one, and an `io::Error` of that.

use ringway::{Cause, CoreError, Error};
use ringway_core::{region, ring, signal, wait};
use std::io;

/// The error that `?` makes of `error`.
fn converted<E>(error: E) -> Error
where
    Error: From<E>,
{
    let convert = || -> ringway::Result<()> { Err(error)? };
    convert().unwrap_err()
}

#[test]
fn core_errors_convert_with_their_cause() {
    use ringway::CoreError as E;
    let cases = [
        (converted(E::BrokenPipe), Cause::Core(E::BrokenPipe)),
        (converted(wait::TimedOut), Cause::Core(E::TimedOut)),
        (converted(ring::Full("value")), Cause::Core(E::WouldBlock)),
        (converted(ring::PushError::Full("value")), Cause::Core(E::WouldBlock)),
        (converted(ring::PushError::Closed(7)), Cause::Core(E::BrokenPipe)),
        (converted(ring::PushError::Corrupt(7)), Cause::Core(E::Corrupt)),
        (converted(ring::PushError::TimedOut(7)), Cause::Core(E::TimedOut)),
        (converted(ring::broadcast::RecvError::Lagged(3)), Cause::Lagged(3)),
        (converted(ring::broadcast::RecvError::EndOfFile), Cause::Core(E::EndOfFile)),
        (converted(signal::RaiseError::Full(signal::Payload::new(7))), Cause::Core(E::WouldBlock)),
        (converted(region::Error::Corrupt), Cause::Region(region::Error::Corrupt)),
        (converted(region::Error::NotFound), Cause::Region(region::Error::NotFound)),
        (converted(region::Error::BadName), Cause::Region(region::Error::BadName)),
    ];
    for (error, cause) in cases {
        assert_eq!(error.cause(), cause);
        // The error names no operation: its text is the cause's.
        assert_eq!(error.to_string(), cause.to_string());
    }
}

#[test]
fn errors_convert_into_io_errors_of_their_kind() {
    let kinds = [
        (Cause::Core(CoreError::TimedOut), io::ErrorKind::TimedOut),
        (Cause::Core(CoreError::BrokenPipe), io::ErrorKind::BrokenPipe),
        (Cause::Os(rustix::io::Errno::ACCESS), io::ErrorKind::PermissionDenied),
        (Cause::Region(region::Error::NotFound), io::ErrorKind::InvalidData),
        (Cause::Stale { user: 0 }, io::ErrorKind::PermissionDenied),
        (Cause::UnevenMode { mode: 0o644 }, io::ErrorKind::InvalidInput),
    ];
    for (cause, kind) in kinds {
        let error = io::Error::from(converted(cause));
        assert_eq!(error.kind(), kind, "{cause:?}");
        let inner = error.downcast::<Error>().unwrap();
        assert_eq!(inner.cause(), cause, "the shim's error is inside");
    }
}
