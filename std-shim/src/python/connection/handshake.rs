//! Who shows first that it knows the key, and what is said.
//!
//! ```text
//!   listener                      client
//!   #CHALLENGE#{sha256}…    ->
//!                           <-    {sha256}digest
//!   #WELCOME#, #FAILURE#    ->
//!                           <-    #CHALLENGE#{sha256}…
//!   {sha256}digest          ->
//!                           <-    #WELCOME#, #FAILURE#
//! ```

use super::auth::{AUTHENTICATE, NAME, Secret, failed};
use super::end::{Connection, Role};
use crate::error::Tried;
use crate::fd::{self, Timeout};
use crate::socket::Family;
use crate::{Cause, CoreError, Error, Result};
use rustix::rand::{GetRandomFlags, getrandom};

const CHALLENGE: &[u8] = b"#CHALLENGE#";
const WELCOME: &[u8] = b"#WELCOME#";
const FAILURE: &[u8] = b"#FAILURE#";

/// The largest message of a handshake, in bytes.
pub(super) const LARGEST: usize = 256;

/// The random bytes of a challenge.
const RANDOM: usize = 40;

/// Has both sides show that they know the key.
pub(super) fn shake<F: Family>(
    peer: &Connection<F>,
    role: Role,
    secret: Secret<'_>,
    timeout: Timeout,
) -> Result<()> {
    let shaken = match role {
        Role::Listener => {
            challenge(peer, secret, timeout).and_then(|()| answer(peer, secret, timeout))
        }
        Role::Client => {
            answer(peer, secret, timeout).and_then(|()| challenge(peer, secret, timeout))
        }
    };
    shaken.map_err(|error| match error.cause() {
        Cause::Core(reason @ (CoreError::EndOfFile | CoreError::Reset | CoreError::BrokenPipe)) => {
            Error::new(AUTHENTICATE, reason).because(
                "the peer left before both had shown that they know the key: see what it says, \
                 and whether both have the same key",
            )
        }
        Cause::Core(CoreError::TimedOut) => Error::new(AUTHENTICATE, CoreError::TimedOut).because(
            "the peer did not answer in time: see whether it is stopped, and whether it uses a key",
        ),
        Cause::Core(CoreError::MessageTooLarge { .. }) => failed(NO_HANDSHAKE),
        _ => error,
    })
}

const NO_HANDSHAKE: &str =
    "the peer says something else: it uses no key, or does not speak multiprocessing.connection";

/// Sends a challenge, and checks the answer.
fn challenge<F: Family>(peer: &Connection<F>, secret: Secret<'_>, timeout: Timeout) -> Result<()> {
    let mut message = [CHALLENGE, NAME, &[0; RANDOM]].concat();
    let random = message.get_mut(CHALLENGE.len() + NAME.len()..).unwrap_or_default();
    let mut filled = 0;
    while let Some(rest @ [_, ..]) = random.get_mut(filled..) {
        let some = fd::retry(|| getrandom(&mut *rest, GetRandomFlags::empty()));
        filled += some.tried("make a challenge of random bytes")?;
    }
    peer.send_bytes(&message, timeout)?;

    let mut answer = [0; LARGEST];
    let size = peer.recv_bytes(&mut answer, timeout)?;
    let answer = answer.get(..size).unwrap_or_default();
    match secret.verify(message.get(CHALLENGE.len()..).unwrap_or_default(), answer) {
        Ok(()) => peer.send_bytes(WELCOME, timeout),
        Err(error) => {
            // The peer may be gone. What was wrong with it is the error.
            let _ = peer.send_bytes(FAILURE, timeout);
            Err(error)
        }
    }
}

/// Answers the peer's challenge.
fn answer<F: Family>(peer: &Connection<F>, secret: Secret<'_>, timeout: Timeout) -> Result<()> {
    let mut message = [0; LARGEST];
    let size = peer.recv_bytes(&mut message, timeout)?;
    let message = message.get(..size).unwrap_or_default();
    let theirs = message.strip_prefix(CHALLENGE).ok_or_else(|| failed(NO_HANDSHAKE))?;
    peer.send_bytes(&secret.answer(theirs)?, timeout)?;

    let mut verdict = [0; LARGEST];
    let size = peer.recv_bytes(&mut verdict, timeout)?;
    match verdict.get(..size).unwrap_or_default() {
        WELCOME => Ok(()),
        FAILURE => Err(failed("the peer refuses this key: give both the same")),
        _ => Err(failed(NO_HANDSHAKE)),
    }
}
