//! The reasons of process errors that are this crate's own.

use std::fmt;

/// Why an operation on a process failed, for reasons of this crate's own.
///
/// ```
/// use ringway::process::{self, Entry, ProcessError};
/// use ringway::Cause;
/// const WORK: Entry = Entry::new("work", |_| Ok(()));
/// // `process::main` was not called: the child would run this program from the start.
/// let error = process::spawn(&WORK, b"", vec![]).unwrap_err();
/// assert_eq!(error.cause(), Cause::Process(ProcessError::NotRegistered));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessError {
    /// [`main`](fn@crate::process::main) was not called with this entry, so that a copy of the
    /// program would not find it.
    NotRegistered,
    /// [`main`](fn@crate::process::main) was called with several entries of this name.
    Ambiguous,
    /// This process has this many threads. A fork would have one of them, and the locks of all.
    Threads(usize),
    /// The real and the effective user, or group, of this process differ. The kernel would start a
    /// copy of it as a set-user-ID program, which runs no entries.
    TwoUsers,
    /// A set-user-ID program, or one with file capabilities, was asked to run an entry. Anybody may
    /// have asked.
    Privileged,
    /// Other code waited for the process and took its exit status: `wait(2)` for any child, or an
    /// ignored `SIGCHLD`.
    Reaped,
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProcessError::NotRegistered => {
                "no such entry: call process::main with it, first of all in main"
            }
            ProcessError::Ambiguous => "several entries have this name: give each its own",
            ProcessError::Threads(count) => {
                return write!(
                    f,
                    "this process has {count} threads: fork before the first is started, or spawn"
                );
            }
            ProcessError::TwoUsers => {
                "the real and the effective user or group differ: make them one (setresuid, setresgid) first"
            }
            ProcessError::Privileged => {
                "this program runs with more rights than its user has: it runs no entry for that user"
            }
            ProcessError::Reaped => {
                "somebody else waited for it: do not ignore SIGCHLD, or wait for any child"
            }
        })
    }
}
