//! What of a message has gone one way or the other when a call gave up in the middle.

use std::os::fd::OwnedFd;

/// The message that has begun to come.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// Its length, as far as it has come.
    pub(super) length: [u8; 4],
    /// How much of the length has come.
    pub(super) known: usize,
    /// What came with the first byte of the length.
    pub(super) descriptors: Vec<OwnedFd>,
    /// Its bytes, where a call gave up before all had come.
    pub(super) part: Vec<u8>,
    /// This message lost descriptors, and is thrown away with them: so many of its bytes are so far.
    pub(super) discarded: Option<usize>,
}

/// The message that is half sent.
#[derive(Debug, Default)]
pub(super) struct Outgoing(pub(super) Option<Half>);

#[derive(Debug)]
pub(super) struct Half {
    pub(super) message: Vec<u8>,
    /// How much of the length and the message went out.
    pub(super) sent: usize,
}
