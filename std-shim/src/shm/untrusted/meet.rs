//! The first words of both sides: what each expects, and its memory.

use super::super::mapping::Mapping;
use super::layout::{Layout, PartOf, Role, Terms};
use super::memory::{self, MEET};
use crate::socket::UnixStream;
use crate::{Cause, CoreError, Error, Result, fd};
use ringway_core::region::{self, MAX_PARTS};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long the peer has for its first words.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The first bytes of both sides: the protocol and its version.
const GREETING: [u8; 8] = *b"RWuntr\0\x01";

/// The greeting, the sender's role, and the number of parts.
const HEAD: usize = GREETING.len() + 2 * size_of::<u32>();

/// Says what this side expects, hands over its memory, and accepts the peer's. Returns both.
pub(super) fn meet(socket: &UnixStream, role: Role, layout: &Layout) -> Result<[Mapping; 2]> {
    let end = Some(Instant::now() + PATIENCE);
    let (mine, file) = memory::make(layout.size_of(role))?;
    let mut words = GREETING.to_vec();
    words.extend([role as u32, layout.parts.len() as u32].map(u32::to_le_bytes).concat());
    layout.parts.iter().for_each(|part| words.extend(part.to_bytes()));
    let sent = socket.send_descriptors(&words, &[file.as_fd()], end)?;
    fd::write_all(socket, &mut &words[sent..], end)?;
    drop(file);

    let mut head = [0; HEAD];
    let received = socket.recv_descriptors(&mut head, 1, end)?;
    fd::read_exact(socket, &mut &mut head[received.size..], end)?;
    let (greeting, rest) = head.split_at(GREETING.len());
    if greeting != GREETING {
        return Err(Error::new(MEET, CoreError::Corrupt).because("it does not speak this protocol"));
    }
    let [its_role, count] = numbers(rest);
    let count = count as usize;
    if its_role != role.other() as u32 {
        let reason = "both sides have the same role: one is the host, the other the guest";
        return Err(Error::new(MEET, CoreError::WrongDirection).because(reason));
    }
    if count > MAX_PARTS {
        return Err(Error::new(MEET, region::Error::TooManyParts { max: MAX_PARTS }));
    }
    let mut theirs = vec![0; count * PartOf::LENGTH];
    fd::read_exact(socket, &mut &mut theirs[..], end)?;
    compare(layout, theirs.chunks_exact(PartOf::LENGTH))?;
    let Some(file) = received.descriptors.first() else {
        return Err(Error::new(MEET, CoreError::Corrupt).because("it sent no memory"));
    };
    Ok([mine, memory::accept(file.as_fd(), layout.size_of(role.other()))?])
}

/// The first numbers in these bytes, of which each number takes four.
fn numbers<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut words = bytes.chunks_exact(4).map(|word| word.try_into().unwrap_or_default());
    std::array::from_fn(|_| u32::from_le_bytes(words.next().unwrap_or_default()))
}

/// Compares what the peer expects with what this side does.
fn compare<'a>(layout: &Layout, theirs: impl Iterator<Item = &'a [u8]>) -> Result<()> {
    let mut theirs = theirs.fuse();
    for part in &layout.parts {
        let differs = |cause: Cause| Error::new(MEET, cause).on(&part.name);
        let missing = || differs(region::Error::NotFound.into());
        let (terms, name) = theirs.next().ok_or_else(missing)?.split_at(Terms::LENGTH);
        if name != part.padded_name() {
            return Err(missing());
        }
        Terms(numbers(terms)).check(part.terms).map_err(differs)?;
    }
    match theirs.next() {
        Some(_) => Err(Error::new(MEET, region::Error::NotFound).because("it expects more parts")),
        None => Ok(()),
    }
}
