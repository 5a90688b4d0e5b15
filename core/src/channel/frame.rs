//! The byte formats that a [link](super::link) sends on its line.
//!
//! A *record* is a kind, a port and a body. The two line disciplines carry the same records in
//! different *frames*. All numbers are little-endian.
//!
//! ```text
//! reliable   length: u32 │ kind: u8 │ port: u8 │ body            the length counts what follows it
//!
//! serial     COBS( kind: u8 │ ack: u8 │ number: u8 │ port: u8 │ body │ crc: u32 ) 0x00
//!            COBS( kind: u8 │ ack: u8 │ crc: u32 ) 0x00           a bare acknowledgement
//! ```
//!
//! On a serial line, bit 7 of `kind` is the *reject* flag: it asks the peer to send again from
//! frame `ack` on. `ack` is the number of the frame that the sender expects next. `number` is the
//! number of this frame. In frames that are not numbered, `number` and `port` are 0.
//!
//! The [CRC](Crc32) begins with the two identities of the session, the sender's first, and then
//! covers everything before it in the frame. The identities are not transmitted. As with UDP's
//! pseudo-header, a frame of another session fails the check, and so does a frame that the line
//! reflects. A CRC of 32 bits detects every burst of up to 32 bits. So a frame from before a
//! restart that changed only one side's generation always fails the check, not just with high
//! probability. Only the CRC of `HELLO` does not include a session.
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
//! | 10 | `CREDIT` | yes | `u8`: how many more messages this side can take |
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

/// Frames of this kind and all higher kinds are numbered.
pub(crate) const FIRST_NUMBERED: u8 = OPEN;

/// A flag in the kind byte of a serial frame: "send again from `ack` on".
pub(crate) const REJECT: u8 = 0x80;
