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
    /// No greeting: zeros, which cost no flash.
    pub(crate) const NONE: Hello = Hello {
        up: false,
        ports: 0,
        credits: 0,
        max: 0,
        id: Identity::NOBODY,
        heard: Identity::NOBODY,
    };

    /// The encoded length, in bytes.
    pub const LEN: usize = 24;

    /// Where the sender's identity and the one it heard lie in the encoded greeting: one after the
    /// other, 6 bytes each.
    pub(crate) const IDENTITIES: core::ops::Range<usize> = 12..Self::LEN;

    /// Encodes the greeting.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let words = [
            u32::from_le_bytes(MAGIC),
            u32::from_le_bytes([VERSION, self.up as u8, self.ports, self.credits]),
            self.max,
            self.id.generation,
            self.id.attempt as u32 | self.heard.generation << 16,
            self.heard.generation >> 16 | (self.heard.attempt as u32) << 16,
        ];
        let mut bytes = [0; Self::LEN];
        bytes.copy_from_slice(words.map(u32::to_le_bytes).as_flattened());
        bytes
    }

    /// Decodes a greeting; never panics.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when the peer speaks another version of the protocol.
    /// [`Error::Corrupt`] when the bytes do not begin with [`MAGIC`], have another length, or have
    /// an invalid field.
    pub fn parse(bytes: &[u8]) -> Result<Hello, Error> {
        let mut hello = Hello::NONE;
        match hello.read(bytes) {
            Some(VERSION) => Ok(hello),
            Some(version) => Err(Error::Incompatible { version: version.into() }),
            None => Err(Error::Corrupt),
        }
    }

    /// Replaces this greeting by the encoded one, if that is valid and has this version; returns
    /// its version, or `None` if it is not valid.
    #[inline(never)]
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Option<u8> {
        let mut copy = [0; Self::LEN];
        for (to, from) in copy.iter_mut().zip(bytes) {
            *to = *from;
        }
        let mut words = [0; Self::LEN / 4];
        for (word, bytes) in words.iter_mut().zip(copy.chunks_exact(4)) {
            *word = bytes.try_into().map_or(0, u32::from_le_bytes);
        }
        let [magic, counts, max, generation, middle, last] = words;
        if bytes.len() < 8 || magic != u32::from_le_bytes(MAGIC) {
            return None;
        }
        let [version, flags, ports, credits] = counts.to_le_bytes();
        if version != VERSION {
            return Some(version);
        }
        if bytes.len() != Self::LEN || flags > 1 || credits == 0 || middle as u16 == 0 {
            return None;
        }
        let id = Identity { generation, attempt: middle as u16 };
        let heard =
            Identity { generation: middle >> 16 | last << 16, attempt: (last >> 16) as u16 };
        *self = Hello { up: flags == 1, ports, credits, max, id, heard };
        Some(VERSION)
    }
}
