//! Participants: who takes part where several processes share a structure. The structure records
//! the participant's name in whatever it holds.

/// A participant of a shared structure, by its number in the region's attach table.
///
/// The structure records what a participant holds (a slot, a lock) under this name before the
/// participant holds it. So a survivor that finds it dead can put things right.
///
/// A number goes to another participant only after everything that was held under it was put right,
/// and every call of `recover` for it has returned. So the number alone names the participant. A
/// `recover` that was still under way would meet the next participant of that number, and take away
/// what that one holds.
///
/// ```
/// use ringway_core::participant::Participant;
/// assert_eq!(Participant::new(3).unwrap().number(), 3);
/// assert!(Participant::new(8192).is_none(), "a number has 13 bits");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Participant(u16);

/// The number of bits that a participant's number takes in a word.
const BITS: u32 = 13;

impl Participant {
    /// The only participant of a structure that no other process shares. Regions never assign this
    /// number.
    pub const LOCAL: Participant = Participant(0);

    /// The largest number.
    pub const MAX: u16 = (1 << BITS) - 1;

    /// Participant `number`, at most [`MAX`](Self::MAX).
    pub const fn new(number: u16) -> Option<Participant> {
        if number <= Self::MAX { Some(Participant(number)) } else { None }
    }

    /// The participant's number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The participant whose number is in the lowest bits of `word`.
    pub(crate) const fn from_bits(word: u32) -> Participant {
        Participant(word as u16 & Self::MAX)
    }
}
