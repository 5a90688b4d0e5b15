//! The kernel as the oracle: the same operations run in lock-step on a mechanism in memory and on
//! the kernel's, and must give the same answers.
//!
//! POSIX leaves open how much fits, so the comparison leaves that out. Between operations that
//! compare, less is under way than either side can certainly hold, so both must take all of a
//! write. *Filling* goes further: both are filled until they refuse, each as much as it holds, and
//! drained again. Where an end closes with something unread, the kernel's sockets report a reset
//! and those in memory report the end. The two answers count as one.
//!
//! As with [`oracle`](crate::oracle), bytes decide what happens. A sequence that fails prints its
//! operations.

mod fifo;
mod socket;

pub use fifo::fifo;
pub use socket::{packets, streams};

use crate::conformance::load::Sequence;
use ringway::CoreError;
use std::fmt::{self, Debug};
use std::sync::LazyLock;

/// What an operation answers.
type Answer<T> = Result<T, CoreError>;

/// The shim's answer as an error of the core. The core must have a word for all that happens here.
#[track_caller]
fn answer<T>(result: ringway::Result<T>) -> Answer<T> {
    result.map_err(|error| match error.cause() {
        ringway::Cause::Core(reason) => reason,
        _ => panic!("an error that the core has no word for: {error}"),
    })
}

/// The operations so far, printed if the sequence ends in a panic.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn add(&mut self, step: fmt::Arguments<'_>) {
        self.0.push(step.to_string());
    }

    /// Both answers to the last step, which must be the same.
    #[track_caller]
    fn agree<T: Debug + PartialEq>(&mut self, memory: T, kernel: T) -> T {
        if let Some(step) = self.0.last_mut() {
            *step += &format!(" = {kernel:?}");
        }
        assert_eq!(memory, kernel, "memory on the left, the kernel on the right");
        kernel
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (number, step) in self.0.iter().enumerate() {
                eprintln!("{number:4}. {step}");
            }
        }
    }
}

/// Bytes of a known sequence, one piece after the other.
struct Stamped(usize);

impl Stamped {
    fn next(&mut self, count: usize) -> Vec<u8> {
        static SEQUENCE: LazyLock<Sequence> = LazyLock::new(Sequence::new);
        self.0 += count;
        SEQUENCE.take(self.0 - count, count)
    }
}
