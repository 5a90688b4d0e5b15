//! Names of a bounded length, stored inline.

use crate::Error;

/// The longest name of a FIFO or a socket: 32 bytes.
///
/// ```
/// assert_eq!(ringway_core::channel::NAME_MAX, 32);
/// ```
pub const NAME_MAX: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    bytes: [u8; NAME_MAX],
    length: usize,
}

impl Name {
    /// # Errors
    /// [`Error::BadName`] when `name` is empty or longer than [`NAME_MAX`] bytes.
    pub(super) fn new(name: &[u8]) -> Result<Self, Error> {
        let mut bytes = [0; NAME_MAX];
        match bytes.split_at_mut_checked(name.len()) {
            Some((start, _)) if !name.is_empty() => start.copy_from_slice(name),
            _ => return Err(Error::BadName),
        }
        Ok(Name { bytes, length: name.len() })
    }
}
