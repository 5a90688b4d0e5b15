//! Rings in shared memory, one each way: in a region that is handed over as a descriptor, or one
//! that the other end knows by its name.

use crate::Result;
use crate::closes::Closes;
use crate::failure::system;
use crate::{Accept, End, Offer, Way};
use ringway::shm::{self, Layout, Region};
use ringway_core::region::Part;
use std::os::fd::AsFd;
use std::path::Path;

/// The part on which the end that hosts sends, and the one on which it receives.
pub const THERE: &str = "there";
/// The other one.
pub const BACK: &str = "back";

/// A region of two such parts, for up to four processes.
///
/// # Errors
/// They are too large.
pub fn layout<P: Part>() -> Result<Layout> {
    Ok(Layout::new(4).part::<P>(THERE)?.part::<P>(BACK)?)
}

/// Hands the region over.
///
/// # Errors
/// There is no descriptor left.
pub fn handed(ours: End, region: &Region) -> Result<(Offer, Accept)> {
    let fd = region.as_fd().try_clone_to_owned().map_err(system)?;
    Ok(Offer::handed(ours, [fd]))
}

/// A ring each way: the part, its halves, and the largest message that the tour sends.
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

/// Rings of bytes in a region that the other end knows by its name.
pub struct NamedBytes<const N: usize>;

impl<const N: usize> Way for NamedBytes<N> {
    /// The region has the name of the folder around the place. The tour removes it should the row
    /// be killed.
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
