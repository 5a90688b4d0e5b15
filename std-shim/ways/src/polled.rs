//! Rings of messages in shared memory whose sides poll instead of sleeping.

use crate::Result;
use crate::shm::{BACK, THERE, handed, layout};
use crate::{Accept, End, Form, Offer, Reader, Way, Writer};
use ringway::CoreError;
use ringway::shm::{Part, Region};
use ringway_core::ring::messages::{MessageRing, Receiver, Sender};
use ringway_core::wait::Nobody;
use std::hint;
use std::path::Path;

/// A ring has room for more than two messages of the largest size.
const BYTES: usize = 4 << 20;

type Ring = MessageRing<BYTES, Nobody>;
type Tx = Sender<Part<Ring>>;
type Rx = Receiver<Part<Ring>>;

/// Polls until there is an answer, or until the other side is gone.
fn insist<H, T>(
    half: &mut H,
    mut look: impl FnMut(&mut H) -> std::result::Result<T, CoreError>,
    is_gone: impl Fn(&H) -> bool,
) -> Result<T> {
    loop {
        for _ in 0..1 << 14 {
            match look(half) {
                Err(CoreError::WouldBlock) => hint::spin_loop(),
                answer => return Ok(answer?),
            }
        }
        if is_gone(half) {
            return Err(CoreError::BrokenPipe.into());
        }
    }
}

/// Copies the word at the front, the only part touched in place.
fn copy_number(from: &[u8], to: &mut [u8]) {
    to.iter_mut().zip(from).take(8).for_each(|(to, byte)| *to = *byte);
}

/// The two ways: how their halves send and receive a message.
macro_rules! rings {
    ($($(#[$meta:meta])* $Way:ident by $Tx:ident $Rx:ident, $send:expr, $recv:expr;)*) => {
        $(
            $(#[$meta])*
            pub struct $Way;

            struct $Tx(Tx);
            struct $Rx(Rx);

            impl Writer for $Tx {
                fn write(&mut self, message: &[u8], _form: Form) -> Result<usize> {
                    let send: fn(&mut Tx, &[u8]) -> std::result::Result<(), CoreError> = $send;
                    insist(&mut self.0, |tx| send(tx, message), |tx| tx.ring().receiver_is_gone())?;
                    Ok(message.len())
                }
            }

            impl Reader for $Rx {
                fn read(&mut self, into: &mut [u8], _form: Form) -> Result<usize> {
                    let recv: fn(&mut Rx, &mut [u8]) -> std::result::Result<_, CoreError> = $recv;
                    insist(&mut self.0, |rx| recv(rx, into), |rx| rx.ring().sender_is_gone())
                }
            }

            impl $Way {
                fn end(region: &Region, tx: &str, rx: &str) -> Result<End> {
                    let part = |name| region.part::<Ring>(name);
                    Ok(End::new($Rx(part(rx)?.receiver()?), $Tx(part(tx)?.sender()?)))
                }
            }

            impl Way for $Way {
                fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
                    let region = Region::anonymous(&layout::<Ring>()?)?;
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
    /// Messages copied in and out.
    Copied by CopiedTx CopiedRx, |tx, message| tx.try_send(message), |rx, into| rx.try_recv(into);
    /// Messages written and read in place; only their first word is touched.
    InPlace by InPlaceTx InPlaceRx,
        |tx, message| {
            let mut grant = tx.try_reserve(message.len())?;
            copy_number(message, &mut grant);
            grant.commit(message.len());
            Ok(())
        },
        |rx, into| {
            let message = rx.try_peek()?;
            copy_number(&message, into);
            let len = message.len();
            message.release();
            Ok(len)
        };
}
