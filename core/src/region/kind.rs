//! The kinds of structures that parts can be.

use crate::wait::{Wake, needs_wake};
use core::fmt;

/// The kind of structure that a part is.
///
/// It is a number, because a region may hold a kind that only a later version knows.
///
/// ```
/// use ringway_core::region::{Kind, Part};
/// use ringway_core::ring::Ring;
/// assert_eq!(Ring::<u8, 4>::description().kind, Kind::RING);
/// assert_eq!(Kind::RING.to_string(), "ring");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct Kind(pub(super) u32);

/// Defines the kinds that this version knows. Each has a number, a name, and two
/// [`Erased`](super::erased::Erased) forms: for a part with doorbells, and for one without.
macro_rules! kinds {
    ($w:ident; $(
        $(#[$meta:meta])* $name:ident = $number:literal, $text:literal, $waiting:ty, $polled:ty;
    )*) => {
        impl Kind {
            $($(#[$meta])* pub const $name: Kind = Kind($number);)*

            /// The name of the kind; `None` for a kind that this version does not know.
            pub const fn name(self) -> Option<&'static str> {
                match self.base() {
                    $(Kind::$name => Some($text),)*
                    _ => None,
                }
            }

            /// The functions for a type-erased part of this kind.
            pub(super) fn functions<$w: SharedWait + Wait>(self) -> Functions {
                match (self.base(), self.waits()) {
                    $(
                        (Kind::$name, true) => Functions::of::<$waiting>(),
                        (Kind::$name, false) => Functions::of::<$polled>(),
                    )*
                    // Only a later version knows the kind, or the directory was overwritten.
                    _ => Functions::of::<Nothing>(),
                }
            }
        }
    };
}
pub(super) use kinds;

impl Kind {
    /// The bit of the number that says that the part has doorbells.
    const WAITS: u32 = 1 << 16;

    /// The same structure with doorbells, on which waiters can sleep.
    pub const fn that_waits(self) -> Kind {
        Kind(self.0 | Self::WAITS)
    }

    /// Whether the structure has doorbells, on which waiters can sleep.
    pub const fn waits(self) -> bool {
        self.0 & Self::WAITS != 0
    }

    /// The same structure without doorbells.
    pub const fn base(self) -> Kind {
        Kind(self.0 & !Self::WAITS)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) if self.waits() => write!(f, "{name} with doorbells"),
            Some(name) => f.write_str(name),
            None => write!(f, "kind {:#x}, which this version does not know", self.0),
        }
    }
}

/// The kind of a structure of `kind` whose users wait as `W` says.
pub(super) fn kind_for<W: Wake>(kind: Kind) -> Kind {
    // A doorbell is a word that is zero at first, or has no bytes.
    if needs_wake::<W>() { kind.that_waits() } else { kind }
}
