//! The reasons for which a reader has no message.

use crate::wait::TimedOut;
use core::fmt;

/// Why there is no message.
///
/// ```
/// use ringway_core::ring::broadcast::{Broadcast, RecvError};
/// use ringway_core::wait::Spin;
/// let mut broadcast = Broadcast::<_, 1, Spin>::new();
/// let (mut writer, mut reader) = broadcast.split();
/// (1..=3).for_each(|message| writer.send(message));
/// writer.close();
/// assert_eq!(reader.recv(), Err(RecvError::Lagged(2)));
/// assert_eq!(reader.recv(), Ok(3));
/// assert_eq!(reader.recv(), Err(RecvError::EndOfFile));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RecvError {
    /// The reader was too slow: this many messages were overwritten before it got them. The next
    /// call continues at the oldest message that was still there.
    Lagged(u64),
    /// The writer closed or died, and every message was read. If another writer comes, the reader
    /// can continue.
    EndOfFile,
    /// The deadline passed before a message came.
    TimedOut,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Lagged(missed) => write!(
                f,
                "the reader was too slow and missed {missed} messages; the next call goes on behind them"
            ),
            RecvError::EndOfFile => {
                f.write_str("the writer closed or died, and every message was read")
            }
            RecvError::TimedOut => fmt::Display::fmt(&TimedOut, f),
        }
    }
}

impl core::error::Error for RecvError {}

impl From<TimedOut> for RecvError {
    fn from(TimedOut: TimedOut) -> RecvError {
        RecvError::TimedOut
    }
}
