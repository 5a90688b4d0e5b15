//! The kernel as the oracle: the same operations run in lock-step on a mechanism in memory and on
//! the kernel's, and must give the same answers.
//!
//! POSIX leaves open how much fits, so the comparison leaves that out. Between operations that
//! compare, less is under way than either side can certainly hold, so both must take all of a
//! write. *Filling* goes further: both are filled until they refuse, each as much as it holds, and
//! drained again. Where an end closes with something unread, the kernel's sockets report a reset
//! and those in memory report the end. The two answers count as one.
//!
//! The two must also agree on what is ready, on what each end says of its state, and on operations
//! with a deadline: in the past, or a moment ahead. A deadline that passes loses nothing. What was
//! moved before it is told.
//!
//! As with [`oracle`](crate::oracle), bytes decide what happens. A sequence that fails prints its
//! operations.

mod fifo;
mod socket;

pub use fifo::{fifo, pipe};
pub use socket::{packets, streams};

use crate::oracle::{Choices, seeded_bytes};
use ringway::CoreError;
use std::fmt::{self, Debug};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

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

/// A form of an operation that does not wait, or not for long.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Try,
    /// With a deadline that has passed.
    Past,
    /// With a deadline a moment ahead.
    Soon,
}

impl Form {
    fn draw(choices: &mut Choices<'_>) -> Option<Form> {
        Some(match choices.below(16)? {
            0..8 => Form::Try,
            8..15 => Form::Past,
            _ => Form::Soon,
        })
    }

    /// The deadline; `None` for the form that has none.
    fn deadline(self) -> Option<Instant> {
        (self != Form::Try).then(|| self.end())
    }

    /// The deadline. For the form without one, it has passed.
    fn end(self) -> Instant {
        let ahead = if self == Form::Soon { Duration::from_micros(200) } else { Duration::ZERO };
        Instant::now() + ahead
    }

    /// The answer of an operation with this deadline, which must not give up before it.
    fn late<T>(self, deadline: Instant, answer: Answer<T>) -> Answer<T> {
        let is_late = !matches!(answer, Err(CoreError::TimedOut)) || Instant::now() >= deadline;
        assert!(is_late, "{self:?}: it gave up before the deadline");
        answer
    }
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

/// Writes pieces of `size` bytes until an error. Returns all bytes that were taken, and the error.
///
/// `put` writes a piece, and returns how many bytes of it were taken.
fn fill(size: usize, mut put: impl FnMut(&[u8]) -> (usize, Answer<()>)) -> (Vec<u8>, CoreError) {
    let (mut taken, mut stamped) = (Vec::new(), Stamped(size));
    loop {
        let piece = stamped.next(size);
        let (count, answer) = put(&piece);
        taken.extend_from_slice(&piece[..count]);
        if let Err(error) = answer {
            return (taken, error);
        }
        assert!(taken.len() < 1 << 24, "it takes more and more");
    }
}

/// Bytes of a known sequence, one piece after the other.
struct Stamped(usize);

impl Stamped {
    fn next(&mut self, count: usize) -> Vec<u8> {
        /// It repeats after a prime number of bytes, which no buffer has.
        static SEQUENCE: LazyLock<Vec<u8>> = LazyLock::new(|| seeded_bytes(1, 65_521));
        let mut from = self.0 % SEQUENCE.len();
        self.0 += count;
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            let piece = (count - bytes.len()).min(SEQUENCE.len() - from);
            bytes.extend_from_slice(&SEQUENCE[from..from + piece]);
            from = 0;
        }
        bytes
    }
}
