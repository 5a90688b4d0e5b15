//! The key, and the digests by which each side shows that it knows it. Nothing here panics,
//! whatever the peer sent.

use crate::{Cause, Error, Result};
use hmac::digest::Digest;
use hmac::digest::core_api::BlockSizeUser;
use hmac::{Mac, SimpleHmac};
use md5::Md5;
use sha2::{Sha256, Sha384};
use sha3::{Sha3_256, Sha3_384};
use std::fmt;

/// The key that both sides know, or that there is none.
///
/// Python calls it `authkey`. The key is not shown by `Debug`.
///
/// ```
/// use ringway::python::connection::Auth;
/// // Python 3.12 and later:
/// let auth = Auth::key(b"what both know")?;
/// // Python 3.9 to 3.11 too:
/// let auth = Auth::key(b"what both know")?.allow_md5();
/// assert_eq!(format!("{auth:?}"), "Auth { key: (hidden), md5: true }");
/// assert!(Auth::key(b"").is_err());
/// # Ok::<(), ringway::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "authkey")]
pub struct Auth {
    key: Option<Box<[u8]>>,
    md5: bool,
}

impl Auth {
    /// Each side has to show that it knows this key.
    ///
    /// # Errors
    /// An empty key: Python's listeners up to 3.12 take it for none, and its clients do not.
    pub fn key(key: impl AsRef<[u8]>) -> Result<Auth> {
        match key.as_ref() {
            [] => Err(failed("the key is empty: choose one, or say `Auth::none()`")),
            key => Ok(Auth { key: Some(key.into()), md5: false }),
        }
    }

    /// There is no key: everybody who reaches the address is let in.
    ///
    /// The other side must have none either: `authkey=None` in Python. If it has one, each waits
    /// for the other, or takes a challenge for a message.
    ///
    /// ```
    /// use ringway::python::connection::{Auth, Connection, Role};
    /// use ringway::socket::UnixStream;
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let ours = Connection::over(ours, Role::Client, &Auth::none(), None)?;
    /// let theirs = Connection::over(theirs, Role::Listener, &Auth::none(), None)?;
    /// ours.send(b"hello")?;
    /// assert_eq!(theirs.recv(&mut [0; 8])?, 5);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn none() -> Auth {
        Auth { key: None, md5: false }
    }

    /// Lets a peer use HMAC-MD5 too, which is all that Python 3.9 to 3.11 know.
    ///
    /// No attack on HMAC-MD5 is known, although MD5 is broken in other uses. Each peer chooses
    /// then, so that the key is as safe as with the weaker digest.
    pub fn allow_md5(self) -> Auth {
        Auth { md5: true, ..self }
    }

    pub(super) fn secret(&self) -> Option<Secret<'_>> {
        self.key.as_deref().map(|key| Secret { key, md5: self.md5 })
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map_or("(none)", |_| "(hidden)");
        f.debug_struct("Auth").field("key", &format_args!("{key}")).field("md5", &self.md5).finish()
    }
}

/// A key, and whether MD5 is allowed.
#[derive(Clone, Copy)]
pub(super) struct Secret<'a> {
    key: &'a [u8],
    md5: bool,
}

pub(super) const AUTHENTICATE: &str = "agree with the peer on a key";

pub(super) fn failed(reason: &'static str) -> Error {
    Error::new(AUTHENTICATE, Cause::Authentication(reason))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Md5,
    Sha256,
    Sha384,
    Sha3x256,
    Sha3x384,
}

/// The name of each digest in a message, and whether it is the one of old.
const KINDS: [(&[u8], Kind); 5] = [
    (b"{md5}", Kind::Md5),
    (b"{sha256}", Kind::Sha256),
    (b"{sha384}", Kind::Sha384),
    (b"{sha3_256}", Kind::Sha3x256),
    (b"{sha3_384}", Kind::Sha3x384),
];

/// The sizes of what Python up to 3.11 sends, without a name: an answer and a challenge. Every
/// message with a name is longer.
const OLD_ANSWER: usize = 16;
const OLD_CHALLENGE: usize = 20;

/// The name of the digest in front of our challenges.
pub(super) const NAME: &[u8] = b"{sha256}";

/// Tells the digest that a challenge or an answer is for, its name, and the bytes after that.
fn parse(message: &[u8]) -> Option<(Kind, &'static [u8], &[u8])> {
    if [OLD_ANSWER, OLD_CHALLENGE].contains(&message.len()) {
        return Some((Kind::Md5, b"", message));
    }
    let mut found = KINDS.iter().filter_map(|&(name, kind)| {
        let rest = message.strip_prefix(name)?;
        Some((kind, name, rest))
    });
    found.next()
}

impl Secret<'_> {
    fn check(self, kind: Kind) -> Result<()> {
        if kind == Kind::Md5 && !self.md5 {
            return Err(failed(
                "the peer uses HMAC-MD5, as Python 3.9 to 3.11 do: run it with Python 3.12 or \
                 later, or allow MD5 here (`Auth::allow_md5`)",
            ));
        }
        Ok(())
    }

    /// The answer to a peer's challenge.
    pub(super) fn answer(self, challenge: &[u8]) -> Result<Vec<u8>> {
        if challenge.len() < OLD_CHALLENGE {
            return Err(failed("the peer's challenge is too short to be one of Python's"));
        }
        let (kind, name, _) = parse(challenge).ok_or_else(|| {
            failed("the peer asks for a digest that is none of Python's: see who listens there")
        })?;
        self.check(kind)?;
        let mut answer = name.to_vec();
        // The digest is of the whole challenge, with the name in front.
        match kind {
            Kind::Md5 => sign::<Md5>(self.key, challenge, &mut answer),
            Kind::Sha256 => sign::<Sha256>(self.key, challenge, &mut answer),
            Kind::Sha384 => sign::<Sha384>(self.key, challenge, &mut answer),
            Kind::Sha3x256 => sign::<Sha3_256>(self.key, challenge, &mut answer),
            Kind::Sha3x384 => sign::<Sha3_384>(self.key, challenge, &mut answer),
        }?;
        Ok(answer)
    }

    /// Checks a peer's answer to our challenge, in a time that does not depend on how much of it is
    /// right.
    pub(super) fn verify(self, challenge: &[u8], answer: &[u8]) -> Result<()> {
        let (kind, _, digest) = parse(answer).ok_or_else(|| {
            failed("the peer sent no digest: it has no key, or is no client of Python's")
        })?;
        self.check(kind)?;
        match kind {
            Kind::Md5 => compare::<Md5>(self.key, challenge, digest),
            Kind::Sha256 => compare::<Sha256>(self.key, challenge, digest),
            Kind::Sha384 => compare::<Sha384>(self.key, challenge, digest),
            Kind::Sha3x256 => compare::<Sha3_256>(self.key, challenge, digest),
            Kind::Sha3x384 => compare::<Sha3_384>(self.key, challenge, digest),
        }
    }
}

fn mac<D: Digest + BlockSizeUser>(key: &[u8], message: &[u8]) -> Result<SimpleHmac<D>> {
    // A key may have any length.
    let mac = SimpleHmac::<D>::new_from_slice(key).map_err(|_| failed("the key has no length"))?;
    Ok(mac.chain_update(message))
}

fn sign<D: Digest + BlockSizeUser>(key: &[u8], message: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&mac::<D>(key, message)?.finalize().into_bytes());
    Ok(())
}

fn compare<D: Digest + BlockSizeUser>(key: &[u8], message: &[u8], digest: &[u8]) -> Result<()> {
    let wrong = |_| failed("the peer has another key: give both the same");
    mac::<D>(key, message)?.verify_slice(digest).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(md5: bool) -> Secret<'static> {
        Secret { key: b"key", md5 }
    }

    #[test]
    fn every_digest_answers_and_verifies() {
        for (name, kind) in KINDS {
            let challenge = [name, &[7; 40]].concat();
            let answer = secret(true).answer(&challenge).unwrap();
            assert!(answer.starts_with(name));
            secret(true).verify(&challenge, &answer).unwrap();
            let other = Secret { key: b"other", md5: true };
            assert!(other.verify(&challenge, &answer).is_err());
            for at in name.len()..answer.len() {
                let mut wrong = answer.clone();
                wrong[at] ^= 1;
                assert!(secret(true).verify(&challenge, &wrong).is_err(), "{kind:?} at {at}");
                assert!(
                    secret(true).verify(&challenge, &answer[..at]).is_err(),
                    "{kind:?} at {at}"
                );
            }
            assert_eq!(secret(false).verify(&challenge, &answer).is_ok(), kind != Kind::Md5);
            assert_eq!(secret(false).answer(&challenge).is_ok(), kind != Kind::Md5);
        }
    }

    #[test]
    fn the_old_form_has_no_name_and_is_md5() {
        let answer = secret(true).answer(&[9; 20]).unwrap();
        assert_eq!(answer.len(), 16);
        secret(true).verify(&[9; 20], &answer).unwrap();
        let refused = secret(false).answer(&[9; 20]).unwrap_err().to_string();
        assert!(refused.contains("allow MD5"), "{refused}");
    }

    #[test]
    fn what_is_no_challenge_is_refused() {
        for bad in [&b""[..], &[1; 19], &[1; 21], b"{sha1}0123456789012345678901234567890123456789"]
        {
            assert!(secret(true).answer(bad).is_err(), "{bad:?}");
            assert!(secret(true).verify(&[7; 48], bad).is_err(), "{bad:?}");
        }
    }
}
