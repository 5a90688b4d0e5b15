//! Who takes part, where several processes share a structure: the name that stands in whatever is
//! held.

/// One of those who share a region, by its number in the region's attach table. What it holds (a
/// slot, a lock) is on record under this name before it is held, so that whoever finds it dead can
/// put things right.
///
/// A number is given to another only after everything that was held under it has been put right,
/// and after every call of a `recover` for it has returned; so the number alone says who it is. One
/// `recover` that was still under way would find the number of the next participant, and take from
/// it what it holds.
///
/// ```
/// use ringway_core::participant::Participant;
/// assert_eq!(Participant::new(3).unwrap().number(), 3);
/// assert!(Participant::new(8192).is_none(), "there are 13 bits for it");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Participant(u16);

/// How many bits a number has, in the words that it stands in.
const BITS: u32 = 13;

impl Participant {
    /// The one participant of a structure that is not shared between processes. Regions never give
    /// this number.
    pub const LOCAL: Participant = Participant(0);

    /// The largest number.
    pub const MAX: u16 = (1 << BITS) - 1;

    /// Participant `number`, at most [`MAX`](Self::MAX).
    pub const fn new(number: u16) -> Option<Participant> {
        if number <= Self::MAX { Some(Participant(number)) } else { None }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The participant whose number stands in the lowest bits of `word`.
    pub(crate) const fn from_bits(word: u32) -> Participant {
        Participant(word as u16 & Self::MAX)
    }
}
