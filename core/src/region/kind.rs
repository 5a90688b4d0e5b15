//! What kind of structure a part is.

use core::fmt;

/// What kind of structure a part is. A number, because a region may hold what a later version
/// knows.
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

/// The kinds that this version knows: of each its number, its name, and its
/// [`Erased`](super::erased::Erased) form on which one can sleep, and on which nobody does.
macro_rules! kinds {
    ($w:ident; $(
        $(#[$meta:meta])* $name:ident = $number:literal, $text:literal, $waiting:ty, $polled:ty;
    )*) => {
        impl Kind {
            $($(#[$meta])* pub const $name: Kind = Kind($number);)*

            /// Its name; `None` for one that this version does not know.
            pub const fn name(self) -> Option<&'static str> {
                match self.base() {
                    $(Kind::$name => Some($text),)*
                    _ => None,
                }
            }

            /// What can be done with a part of this kind without knowing what it holds.
            pub(super) fn functions<$w: SharedWait + Wait>(self) -> Functions {
                match (self.base(), self.waits()) {
                    $(
                        (Kind::$name, true) => Functions::of::<$waiting>(),
                        (Kind::$name, false) => Functions::of::<$polled>(),
                    )*
                    // A later version knows, or the directory was overwritten.
                    _ => Functions::of::<Nothing>(),
                }
            }
        }
    };
}
pub(super) use kinds;

impl Kind {
    /// Set in the number of a part on which one can sleep.
    const WAITS: u32 = 1 << 16;

    /// The same structure, on which one can sleep.
    pub const fn that_waits(self) -> Kind {
        Kind(self.0 | Self::WAITS)
    }

    /// Whether one can sleep on it.
    pub const fn waits(self) -> bool {
        self.0 & Self::WAITS != 0
    }

    /// The structure alone, whether or not one can sleep on it.
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
