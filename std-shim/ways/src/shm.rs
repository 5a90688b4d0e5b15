//! Rings in shared memory, one for each direction.
//!
//! The region is handed over as a descriptor, or the other end opens it by name.

use crate::Result;
use crate::closes::Closes;
use crate::failure::system;
use crate::{Accept, End, Offer, Way};
use ringway::shm::{self, Layout, Region};
use ringway_core::region::Part;
use std::os::fd::AsFd;
use std::path::Path;

/// The part on which the hosting end sends and the joining end receives.
pub const THERE: &str = "there";
/// The part on which the joining end sends and the hosting end receives.
pub const BACK: &str = "back";

/// The layout of a region with both parts, for up to four processes.
///
/// # Errors
/// The parts are too large.
pub fn layout<P: Part>() -> Result<Layout> {
    Ok(Layout::new(4).part::<P>(THERE)?.part::<P>(BACK)?)
}

/// Hands the region over as a descriptor.
///
/// # Errors
/// The process has no free descriptor.
pub fn handed(ours: End, region: &Region) -> Result<(Offer, Accept)> {
    let fd = region.as_fd().try_clone_to_owned().map_err(system)?;
    Ok(Offer::handed(ours, [fd]))
}

/// The ways: the type of the part, its halves, and the largest message that the tour sends.
macro_rules! rings {
    ($($(#[$meta:meta])* $Way:ident $Ring:ident $tx:ident $rx:ident $message:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $Way<const N: usize>;

            impl<const N: usize> $Way<N> {
                fn end(region: &Region, tx: &str, rx: &str) -> Result<End> {
                    let part = |name| region.part::<shm::$Ring<N>>(name);
                    Ok(End::new(Closes::new(part(rx)?.$rx()?), Closes::new(part(tx)?.$tx()?)))
                }
            }

            impl<const N: usize> Way for $Way<N> {
                fn message(&self) -> Option<usize> {
                    $message
                }

                fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
                    let region = Region::anonymous(&layout::<shm::$Ring<N>>()?)?;
                    handed(Self::end(&region, THERE, BACK)?, &region)
                }

                fn join(&self, mut offer: Offer) -> Result<End> {
                    Self::end(&offer.region()?, BACK, THERE)
                }
            }
        )*
    };
}

rings! {
    /// Rings of bytes.
    Bytes ByteRing producer consumer None;
    /// Rings of messages.
    Messages MessageRing sender receiver Some(32 << 10);
}

/// Rings of bytes in a region that the other end opens by name.
pub struct NamedBytes<const N: usize>;

impl<const N: usize> Way for NamedBytes<N> {
    /// Names the region after the folder that contains `place`, so that the tour can remove it if
    /// the row is killed.
    fn host(&self, place: &Path) -> Result<(Offer, Accept)> {
        let place = place.canonicalize().map_err(system)?;
        let tour = place.parent().and_then(Path::file_name).unwrap_or_default();
        let name = tour.to_string_lossy();
        let region = Region::create(&name, 0o600, &layout::<shm::ByteRing<N>>()?)?;
        let ours = Bytes::<N>::end(&region, THERE, BACK)?;
        Ok(Offer::named(name, || Ok(ours)))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        Bytes::<N>::end(&Region::open(&offer.name)?, BACK, THERE)
    }
}
