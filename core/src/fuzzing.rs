//! `Arbitrary` for the plain values that a fuzz target generates: what a transport answers, what
//! happens to an endpoint, who acts, which signals.
//!
//! The crate `arbitrary` needs the standard library, so that targets without one go without this.

use crate::Error;
use crate::channel::link::Config;
use crate::channel::{Direction, Event, State};
use crate::participant::Participant;
use crate::signal::{Payload, SignalSet};
use arbitrary::{Arbitrary, Result, Unstructured};

/// Chooses among the variants of an enum. A variant that is missing does not compile.
macro_rules! variants {
    ($($(#[$meta:meta])* $enum:ident: $($variant:ident $({ $($field:ident),* })?),*;)*) => {
        $(
            $(#[$meta])*
            impl<'a> Arbitrary<'a> for $enum {
                fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                    let all = [$(|_u: &mut Unstructured<'a>| {
                        Ok($enum::$variant $({ $($field: _u.arbitrary()?),* })?)
                    }),*];
                    let make: &fn(&mut Unstructured<'a>) -> Result<Self> = u.choose(&all)?;
                    make(u)
                }
            }

            const _: fn($enum) = |value| match value {
                $($enum::$variant { .. } => {})*
            };
        )*
    };
}

variants! {
    /// Any error: what a transport of a test may answer.
    ///
    /// ```
    /// use arbitrary::Unstructured;
    /// let error: ringway_core::Error = Unstructured::new(&[0; 16]).arbitrary()?;
    /// assert_eq!(error, ringway_core::Error::WouldBlock);
    /// # Ok::<(), arbitrary::Error>(())
    /// ```
    Error: WouldBlock, TimedOut, BrokenPipe, EndOfFile, NoReader, Refused, Reset, NotConnected,
        AlreadyConnected, WrongDirection, Closed, AddressInUse, NotFound, BadName,
        MessageTooLarge { max }, BufferTooSmall { needed }, Exhausted, Taken, Corrupt, OwnerDied,
        Broken, NotHeld, Overflow, NoSuchLine { lines }, Incompatible { version };
    /// Any direction.
    Direction: Absent, Open, Shut, Ended;
    /// Any state of an endpoint.
    State: New, Listening, Connecting, Connected { send, recv }, Reset, Closed;
    /// Anything that can happen to an endpoint.
    Event: Listen, Connect, Accept, Send, Recv, ShutSend, ShutRecv, Close, Establish,
        EstablishWriter, EstablishReader, PeerShutSend, PeerShutRecv, PeerClose, Reset;
}

/// Any participant, [`LOCAL`](Participant::LOCAL) among them.
impl<'a> Arbitrary<'a> for Participant {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let number = u.int_in_range(0..=Participant::MAX)?;
        Ok(Participant::new(number).unwrap_or(Participant::LOCAL))
    }
}

/// Any set of lines.
impl<'a> Arbitrary<'a> for SignalSet {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.arbitrary().map(SignalSet::from_bits_retain)
    }
}

/// Any payload.
impl<'a> Arbitrary<'a> for Payload {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (value, sender, user, code) = u.arbitrary()?;
        Ok(Payload { value, sender, user, code })
    }
}

/// Any configuration, also one whose timeouts never pass.
impl<'a> Arbitrary<'a> for Config {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (generation, retransmit, hello, keepalive, gone) = u.arbitrary()?;
        Ok(Config { generation, retransmit, hello, keepalive, gone })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::format;
    use std::vec::Vec;

    /// The values that these seeds make, as their names and without their fields.
    fn names<T: for<'a> Arbitrary<'a> + core::fmt::Debug>() -> BTreeSet<std::string::String> {
        let make = |seed: u8| {
            let bytes: Vec<u8> = (0..64).map(|at| seed.wrapping_mul(at | 1)).collect();
            let value = Unstructured::new(&bytes).arbitrary::<T>().unwrap();
            format!("{value:?}").split(' ').next().unwrap_or_default().into()
        };
        (0..=255).map(make).collect()
    }

    #[test]
    fn every_variant_is_made() {
        assert_eq!(names::<Error>().len(), 25);
        assert_eq!(names::<Direction>().len(), 4);
        assert_eq!(names::<State>().len(), 6);
        assert_eq!(names::<Event>().len(), 15);
    }

    #[test]
    fn values_are_those_that_there_are() {
        let mut u = Unstructured::new(&[0xff; 64]);
        let who: Participant = u.arbitrary().unwrap();
        assert!(who.number() <= Participant::MAX);
        assert_eq!(u.arbitrary::<SignalSet>().unwrap(), SignalSet::all());
        assert_eq!(u.arbitrary::<Config>().unwrap().gone, u32::MAX);
        let payload = u.arbitrary::<Payload>().unwrap();
        assert_eq!((payload.value, payload.user, payload.code), (usize::MAX, u32::MAX, -1));
        // Of no bytes too there is a value, so that a sequence of operations can end anywhere.
        assert_eq!(Unstructured::new(&[]).arbitrary::<Payload>().unwrap(), Payload::new(0));
    }
}
