//! What a [link](super::link) puts on the line: the formats, byte by byte.
//!
//! A *record* is a kind, a port and a body. The two line disciplines carry the same records in
//! different *frames*; all numbers are little-endian.
//!
//! ```text
//! reliable   length: u32 │ kind: u8 │ port: u8 │ body            the length counts what follows it
//!
//! serial     COBS( kind: u8 │ ack: u8 │ number: u8 │ port: u8 │ body │ crc: u32 ) 0x00
//!            COBS( kind: u8 │ ack: u8 │ crc: u32 ) 0x00           a bare acknowledgement
//! ```
//!
//! On a serial line bit 7 of `kind` is the *reject* flag; `ack` is the number of the frame expected
//! next; `number` is the number of this one, and 0 in frames that are not numbered, as `port` is.
//! The [CRC](Crc32) runs over everything before it, and begins with the two identities of the
//! session, the sender's first, which are not transmitted: as with the pseudo-header of UDP, a
//! frame of another session, or one that the line reflects, fails the check. As a CRC of 32 bits
//! misses no burst of up to 32 bits, a frame from before a restart that changed the generation of
//! one side alone fails it always, not only with high probability. Only `HELLO` is checked without
//! a session.
//!
//! | kind | name | numbered | body |
//! |---|---|---|---|
//! | 0 | `ACK` | no | none; serial only |
//! | 1 | `HELLO` | no | [`Hello`] |
//! | 2 | `BYE` | no | none: this side closes the link |
//! | 3 | `BYE_ACK` | no | none: the answer |
//! | 4 | `PING` | no | none |
//! | 5 | `PONG` | no | none: the answer |
//! | 8 | `OPEN` | yes | `u8`: how many messages this side can take (credits) |
//! | 9 | `DATA` | yes | the message |
//! | 10 | `CREDIT` | yes | `u8`: so many more |
//! | 11 | `SHUT` | yes | none: this side sends no more |
//! | 12 | `STOP` | yes | none: this side reads no more |
//! | 13 | `RESET` | yes | `u8`: the reason; this side neither sends nor reads any more |

mod cobs;
mod crc;
mod hello;

pub use cobs::{Decoded, Decoder, Encoder, decode, encode, max_encoded_len};
pub use crc::Crc32;
pub use hello::{Hello, Identity, MAGIC, VERSION};

pub(crate) const ACK: u8 = 0;
pub(crate) const HELLO: u8 = 1;
pub(crate) const BYE: u8 = 2;
pub(crate) const BYE_ACK: u8 = 3;
pub(crate) const PING: u8 = 4;
pub(crate) const PONG: u8 = 5;
pub(crate) const OPEN: u8 = 8;
pub(crate) const DATA: u8 = 9;
pub(crate) const CREDIT: u8 = 10;
pub(crate) const SHUT: u8 = 11;
pub(crate) const STOP: u8 = 12;
pub(crate) const RESET: u8 = 13;

/// Kinds from here on are numbered.
pub(crate) const FIRST_NUMBERED: u8 = OPEN;

/// In the kind byte of a serial frame: "send again from `ack` on".
pub(crate) const REJECT: u8 = 0x80;
