//! What both sides state before they meet.

use super::kind::Kind;
use crate::{Error, Result};
use ringway_core::region::{self, MAX_NAME, MAX_PARTS};

/// Which of the two sides a process is. They have the same rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The side that started the other, or accepted its connection.
    Host,
    /// The other side.
    Guest,
}

impl Role {
    /// The other side.
    pub(super) fn other(self) -> Role {
        match self {
            Role::Host => Role::Guest,
            Role::Guest => Role::Host,
        }
    }
}

/// The parts of a channel. Both sides state the same ones, in the same order.
///
/// ```
/// use ringway::shm::untrusted::{Bytes, Layout, Published, Role};
/// let layout = Layout::new().part::<Bytes>("log", Role::Guest, 4096)?;
/// let layout = layout.part::<Published<[f32; 3]>>("position", Role::Host, 4)?;
/// assert!(layout.part::<Bytes>("log", Role::Host, 1).is_err(), "the name is taken");
/// # Ok::<(), ringway::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    pub(super) parts: Vec<PartOf>,
    /// The sizes of the memory of the host and of the guest.
    sizes: [usize; 2],
}

/// A part of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartOf {
    pub(super) name: String,
    pub(super) sender: Role,
    pub(super) kind: u32,
    pub(super) capacity: u32,
    pub(super) item: [u32; 3],
    /// Where it lies in the memory of the host and of the guest.
    pub(super) offsets: [usize; 2],
}

const ADD: &str = "add the part";

/// What every part begins aligned to, in bytes.
const ALIGN: usize = 128;

impl Layout {
    /// A layout without parts.
    pub const fn new() -> Self {
        Layout { parts: Vec::new(), sizes: [0; 2] }
    }

    /// Adds a part which `sender` sends, with this capacity: in bytes for [`Bytes`] and
    /// [`Messages`], else in values.
    ///
    /// [`Bytes`]: super::Bytes
    /// [`Messages`]: super::Messages
    ///
    /// # Errors
    /// [`Cause::Region`](crate::Cause::Region), which says what is wrong: the name, the capacity,
    /// or too many parts.
    pub fn part<K: Kind>(mut self, name: &str, sender: Role, capacity: usize) -> Result<Self> {
        let refused = |cause: region::Error| Error::new(ADD, cause).on(name);
        if name.is_empty() || name.len() > MAX_NAME || name.contains('\0') {
            return Err(refused(region::Error::BadName));
        }
        if self.parts.iter().any(|part| part.name == name) {
            return Err(refused(region::Error::NameTaken));
        }
        if self.parts.len() == MAX_PARTS {
            return Err(refused(region::Error::TooManyParts { max: MAX_PARTS }));
        }
        let sizes = K::sizes(capacity).ok_or_else(|| refused(region::Error::Capacity))?;
        let capacity = u32::try_from(capacity).map_err(|_| refused(region::Error::Capacity))?;
        let offsets = self.sizes;
        for role in [Role::Host, Role::Guest] {
            let size = sizes[usize::from(role != sender)].next_multiple_of(ALIGN);
            let end = offsets[role as usize].checked_add(size);
            // The memory of both sides stays below 4 GiB.
            let end = end.filter(|end| u32::try_from(*end).is_ok());
            self.sizes[role as usize] = end.ok_or_else(|| refused(region::Error::TooLarge))?;
        }
        let (name, kind, item) = (name.to_owned(), K::NUMBER, K::item());
        self.parts.push(PartOf { name, sender, kind, capacity, item, offsets });
        Ok(self)
    }

    /// The size of the memory of one side: at least a page, so that there is something to map.
    pub(super) fn size_of(&self, role: Role) -> usize {
        self.sizes[role as usize].max(4096)
    }
}

impl PartOf {
    /// The part as a message of fixed length.
    pub(super) fn to_bytes(&self) -> [u8; PartOf::LENGTH] {
        let [size, align, identity] = self.item;
        let sender = u32::from(self.sender == Role::Guest);
        let numbers = [sender, self.kind, self.capacity, size, align, identity];
        let mut bytes = [0; PartOf::LENGTH];
        let (front, name) = bytes.split_at_mut(size_of_val(&numbers));
        front.copy_from_slice(&numbers.map(u32::to_le_bytes).concat());
        name[..self.name.len()].copy_from_slice(self.name.as_bytes());
        bytes
    }

    pub(super) const LENGTH: usize = 6 * size_of::<u32>() + MAX_NAME + 1;
}
