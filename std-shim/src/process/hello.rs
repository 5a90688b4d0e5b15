//! How a child recognises itself, and the message that its parent sends it.

use crate::socket;
use std::os::fd::RawFd;

/// The most descriptors that a child can be given.
///
/// ```
/// assert_eq!(ringway::process::MAX_DESCRIPTORS, 251);
/// ```
pub const MAX_DESCRIPTORS: usize = socket::MAX_DESCRIPTORS - Hello::OWN;

/// The first argument of a child. The number of the socket and the entry's name follow it.
pub(super) const MARKER: &str = "--ringway-process";

/// The message to a child.
///
/// Its descriptors are, in this order: the parent's pidfd, the argument if there is one, and those
/// that the caller handed over.
pub(super) struct Hello {
    /// The child's descriptor of the parent-death pipe, if it has one.
    pub(super) reader: Option<RawFd>,
    /// Whether there is an argument.
    pub(super) argument: bool,
}

impl Hello {
    pub(super) const SIZE: usize = 6;
    /// The most descriptors besides those that the caller handed over: the pidfd and the argument.
    pub(super) const OWN: usize = 2;
    const MAGIC: u8 = 0x52;

    pub(super) fn emit(&self) -> [u8; Self::SIZE] {
        let [a, b, c, d] = self.reader.unwrap_or(-1).to_ne_bytes();
        [Self::MAGIC, self.argument.into(), a, b, c, d]
    }

    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        match *message {
            [Self::MAGIC, argument @ 0..=1, a, b, c, d] => {
                let reader = RawFd::from_ne_bytes([a, b, c, d]);
                Some(Hello { reader: (reader > 2).then_some(reader), argument: argument == 1 })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_hello_is_parsed() {
        for reader in [None, Some(3), Some(RawFd::MAX)] {
            for argument in [false, true] {
                let hello = Hello::parse(&Hello { reader, argument }.emit()).unwrap();
                assert_eq!((hello.reader, hello.argument), (reader, argument));
            }
        }
        let good = Hello { reader: None, argument: true }.emit();
        assert!(Hello::parse(&good[..5]).is_none());
        for (place, wrong) in [(0, 0), (1, 2)] {
            let mut bad = good;
            bad[place] = wrong;
            assert!(Hello::parse(&bad).is_none());
        }
    }
}
