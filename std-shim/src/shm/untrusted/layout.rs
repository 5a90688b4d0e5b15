//! What both sides state before they meet.

use super::kind::Kind;
use crate::{Cause, CoreError, Error, Result};
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
    pub(super) terms: Terms,
    /// Where it lies in the memory of the host and of the guest.
    pub(super) offsets: [usize; 2],
}

/// What both sides state of a part besides its name: the sender, the kind, the capacity, and the
/// size, the alignment and the type of the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms(pub(super) [u32; 6]);

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
        let terms = Terms::of::<K>(sender, capacity);
        self.parts.push(PartOf { name: name.to_owned(), terms, offsets });
        Ok(self)
    }

    /// The size of the memory of one side: at least a page, so that there is something to map.
    pub(super) fn size_of(&self, role: Role) -> usize {
        self.sizes[role as usize].max(4096)
    }
}

impl Terms {
    /// Their length in a message.
    pub(super) const LENGTH: usize = size_of::<Terms>();

    /// Those of a `K` that `sender` sends.
    pub(super) fn of<K: Kind>(sender: Role, capacity: u32) -> Terms {
        let [size, align, identity] = K::item();
        Terms([sender as u32, K::NUMBER, capacity, size, align, identity])
    }

    pub(super) fn capacity(self) -> u32 {
        self.0[2]
    }

    /// Checks that these, which were found, are as `wanted`; else says what differs first.
    pub(super) fn check(self, wanted: Terms) -> std::result::Result<(), Cause> {
        let differing = (0..self.0.len()).find(|at| self.0[*at] != wanted.0[*at]);
        let Some(at) = differing else { return Ok(()) };
        let (found, wanted) = (self.0[at], wanted.0[at]);
        Err(match at {
            0 => CoreError::WrongDirection.into(),
            1 => region::Error::OtherKind { found: alike(found), wanted: alike(wanted) }.into(),
            2 => region::Error::OtherCapacity { found, wanted }.into(),
            3 => region::Error::OtherItem { found, wanted }.into(),
            4 => region::Error::OtherAlignment { found, wanted }.into(),
            _ => region::Error::OtherType { found, wanted }.into(),
        })
    }
}

/// The structure of a region that is most like a part of this kind, for the error's text.
fn alike(kind: u32) -> region::Kind {
    match kind {
        1 => region::Kind::BYTE_RING,
        2 => region::Kind::MESSAGE_RING,
        3 => region::Kind::RING,
        _ => region::Kind::BROADCAST,
    }
}

impl PartOf {
    /// The part as a message of fixed length.
    pub(super) fn to_bytes(&self) -> [u8; PartOf::LENGTH] {
        let mut bytes = [0; PartOf::LENGTH];
        let (terms, name) = bytes.split_at_mut(Terms::LENGTH);
        terms.copy_from_slice(&self.terms.0.map(u32::to_le_bytes).concat());
        name.copy_from_slice(&self.padded_name());
        bytes
    }

    /// Its name, with zeros behind it.
    pub(super) fn padded_name(&self) -> [u8; MAX_NAME + 1] {
        let mut name = [0; MAX_NAME + 1];
        name[..self.name.len()].copy_from_slice(self.name.as_bytes());
        name
    }

    pub(super) const LENGTH: usize = Terms::LENGTH + MAX_NAME + 1;
}
