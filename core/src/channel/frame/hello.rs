//! The greeting: the first record that each side sends.

use crate::Error;

/// The first four bytes of a [`Hello`].
pub const MAGIC: [u8; 4] = *b"RwLk";

/// The version of the protocol; sides with different versions do not connect.
pub const VERSION: u8 = 1;

/// Identifies one session attempt of one run of a side, so that a restart makes a new peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Identity {
    /// The number of the run, see [`Config::generation`](crate::channel::link::Config::generation).
    pub generation: u32,
    /// Counts the sessions that this run began; 0 only in [`NOBODY`](Self::NOBODY).
    pub attempt: u16,
}

impl Identity {
    /// The identity of no side.
    pub const NOBODY: Identity = Identity { generation: 0, attempt: 0 };

    /// The bytes that the checksums of a session begin with.
    pub(crate) fn bytes(self) -> [u8; 6] {
        let [a, b, c, d] = self.generation.to_le_bytes();
        let [e, f] = self.attempt.to_le_bytes();
        [a, b, c, d, e, f]
    }
}

/// The body of `HELLO`: the sender's identity, the identity it heard, and its limits.
///
/// ```text
///  0  magic "RwLk"      8  largest message: u32     18  heard generation: u32
///  4  version: u8      12  generation: u32          22  heard attempt: u16, 0: nobody yet
///  5  flags: u8        16  attempt: u16
///  6  ports: u8
///  7  credits: u8      flags: bit 0, this side is up; the others 0
/// ```
///
/// ```
/// use ringway_core::Error;
/// use ringway_core::channel::frame::{Hello, Identity};
/// let id = Identity { generation: 7, attempt: 1 };
/// let hello = Hello { up: false, ports: 2, credits: 4, max: 256, id, heard: Identity::NOBODY };
/// assert_eq!(Hello::parse(&hello.emit()), Ok(hello));
/// assert_eq!(Hello::parse(b"AT+RST"), Err(Error::Corrupt));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hello {
    /// Whether the sender considers the session established.
    pub up: bool,
    /// How many ports the sender has.
    pub ports: u8,
    /// How many messages the sender can hold per port.
    pub credits: u8,
    /// The largest message that the sender can take, in bytes.
    pub max: u32,
    /// The sender's identity.
    pub id: Identity,
    /// The identity that the sender heard last, or [`Identity::NOBODY`].
    pub heard: Identity,
}

impl Hello {
    /// The encoded length, in bytes.
    pub const LEN: usize = 24;

    /// Encodes the greeting.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let [m0, m1, m2, m3] = MAGIC;
        let [l0, l1, l2, l3] = self.max.to_le_bytes();
        let [i0, i1, i2, i3, i4, i5] = self.id.bytes();
        let [h0, h1, h2, h3, h4, h5] = self.heard.bytes();
        let flags = self.up as u8;
        [
            m0,
            m1,
            m2,
            m3,
            VERSION,
            flags,
            self.ports,
            self.credits,
            l0,
            l1,
            l2,
            l3, //
            i0,
            i1,
            i2,
            i3,
            i4,
            i5,
            h0,
            h1,
            h2,
            h3,
            h4,
            h5,
        ]
    }

    /// Decodes a greeting; never panics.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when the peer speaks another version of the protocol.
    /// [`Error::Corrupt`] when the bytes do not begin with [`MAGIC`], have another length, or have
    /// an invalid field.
    pub fn parse(bytes: &[u8]) -> Result<Hello, Error> {
        let mut words = [0; Self::LEN / 4];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | *byte as u32);
        }
        let [magic, counts, max, generation, middle, last] = words;
        if bytes.len() < 8 || magic != u32::from_le_bytes(MAGIC) {
            return Err(Error::Corrupt);
        }
        let [version, flags, ports, credits] = counts.to_le_bytes();
        if version != VERSION {
            return Err(Error::Incompatible { version: version.into() });
        }
        if bytes.len() != Self::LEN {
            return Err(Error::Corrupt);
        }
        let id = Identity { generation, attempt: middle as u16 };
        let heard =
            Identity { generation: middle >> 16 | last << 16, attempt: (last >> 16) as u16 };
        if flags > 1 || credits == 0 || id.attempt == 0 {
            return Err(Error::Corrupt);
        }
        Ok(Hello { up: flags == 1, ports, credits, max, id, heard })
    }
}
