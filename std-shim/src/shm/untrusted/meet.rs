//! The first words of both sides: what each expects, and its memory.

use super::super::mapping::Mapping;
use super::layout::{Layout, PartOf, Role};
use super::memory::{self, MEET};
use crate::socket::UnixStream;
use crate::{CoreError, Error, Result};
use ringway_core::region::{self, Kind, MAX_NAME, MAX_PARTS};
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
    let mut sent = socket.send_descriptors(&words, &[file.as_fd()], end)?;
    while sent < words.len() {
        sent += socket.write_deadline(&words[sent..], end)?;
    }
    drop(file);

    let mut head = [0; HEAD];
    let received = socket.recv_descriptors(&mut head, 1, end)?;
    fill(socket, &mut head, received.size, end)?;
    let (greeting, rest) = head.split_at(GREETING.len());
    if greeting != GREETING {
        return Err(Error::new(MEET, CoreError::Corrupt).because("it does not speak this protocol"));
    }
    let (its_role, count) = (number(rest, 0), number(rest, 1) as usize);
    if its_role != role.other() as u32 {
        let reason = "both sides have the same role: one is the host, the other the guest";
        return Err(Error::new(MEET, CoreError::WrongDirection).because(reason));
    }
    if count > MAX_PARTS {
        return Err(Error::new(MEET, region::Error::TooManyParts { max: MAX_PARTS }));
    }
    let mut theirs = vec![0; count * PartOf::LENGTH];
    fill(socket, &mut theirs, 0, end)?;
    compare(layout, theirs.chunks_exact(PartOf::LENGTH))?;
    let Some(file) = received.descriptors.first() else {
        return Err(Error::new(MEET, CoreError::Corrupt).because("it sent no memory"));
    };
    Ok([mine, memory::accept(file.as_fd(), layout.size_of(role.other()))?])
}

/// Receives the rest of `buf`, of which `there` bytes are there.
fn fill(socket: &UnixStream, buf: &mut [u8], there: usize, end: Option<Instant>) -> Result<()> {
    let mut there = there;
    while there < buf.len() {
        match socket.read_deadline(&mut buf[there..], end)? {
            0 => return Err(Error::new(MEET, CoreError::EndOfFile)),
            more => there += more,
        }
    }
    Ok(())
}

/// The number at this place of a row of numbers.
fn number(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at * 4..at * 4 + 4).and_then(|bytes| bytes.try_into().ok());
    u32::from_le_bytes(bytes.unwrap_or_default())
}

/// Compares what the peer expects with what this side does.
fn compare<'a>(layout: &Layout, theirs: impl Iterator<Item = &'a [u8]>) -> Result<()> {
    let mut theirs = theirs.fuse();
    for part in &layout.parts {
        let mine = part.to_bytes();
        let refused = |cause: region::Error| Err(Error::new(MEET, cause).on(&part.name));
        let Some(other) = theirs.next() else { return refused(region::Error::NotFound) };
        let (found, wanted) = (|at| number(other, at), |at| number(&mine, at));
        if other[other.len() - MAX_NAME - 1..] != mine[mine.len() - MAX_NAME - 1..] {
            return refused(region::Error::NotFound);
        }
        if found(1) != wanted(1) {
            let [found, wanted] = [found(1), wanted(1)].map(kind);
            return refused(region::Error::OtherKind { found, wanted });
        }
        if found(0) != wanted(0) {
            return Err(Error::new(MEET, CoreError::WrongDirection).on(&part.name));
        }
        let differs = |at| (found(at) != wanted(at)).then(|| (found(at), wanted(at)));
        if let Some((found, wanted)) = differs(2) {
            return refused(region::Error::OtherCapacity { found, wanted });
        }
        if let Some((found, wanted)) = differs(3) {
            return refused(region::Error::OtherItem { found, wanted });
        }
        if let Some((found, wanted)) = differs(4) {
            return refused(region::Error::OtherAlignment { found, wanted });
        }
        if let Some((found, wanted)) = differs(5) {
            return refused(region::Error::OtherType { found, wanted });
        }
    }
    match theirs.next() {
        Some(_) => Err(Error::new(MEET, region::Error::NotFound).because("it expects more parts")),
        None => Ok(()),
    }
}

/// The structure of a region that is most like a part of this number, for the error's text.
pub(super) fn kind(number: u32) -> Kind {
    match number {
        1 => Kind::BYTE_RING,
        2 => Kind::MESSAGE_RING,
        3 => Kind::RING,
        _ => Kind::BROADCAST,
    }
}
