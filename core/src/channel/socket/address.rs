//! The addresses of listeners.

use super::super::name::Name;
use crate::Error;

/// The address of a listener: a name or a port.
///
/// ```
/// use ringway_core::channel::socket::Address;
/// assert_eq!(Address::from(b"log"), Address::Name(b"log"));
/// assert_eq!(Address::from("log"), Address::Name(b"log"));
/// assert_eq!(Address::from(80), Address::Port(80));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// A name of 1 to [`NAME_MAX`](super::super::NAME_MAX) bytes of any value.
    Name(&'a [u8]),
    /// A port. Unlike in TCP, 0 is an ordinary port.
    Port(u16),
}

impl<'a> From<&'a [u8]> for Address<'a> {
    fn from(name: &'a [u8]) -> Self {
        Address::Name(name)
    }
}

impl<'a, const L: usize> From<&'a [u8; L]> for Address<'a> {
    fn from(name: &'a [u8; L]) -> Self {
        Address::Name(name)
    }
}

impl<'a> From<&'a str> for Address<'a> {
    fn from(name: &'a str) -> Self {
        Address::Name(name.as_bytes())
    }
}

impl From<u16> for Address<'_> {
    fn from(port: u16) -> Self {
        Address::Port(port)
    }
}

impl Address<'_> {
    pub(super) fn key(self) -> Result<Key, Error> {
        Ok(match self {
            Address::Name(name) => Key::Name(Name::new(name)?),
            Address::Port(port) => Key::Port(port),
        })
    }
}

/// An address that owns its name, as the network stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Name(Name),
    Port(u16),
}
