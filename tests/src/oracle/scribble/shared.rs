//! What any number of sides use: the queue, the broadcast, the latest value.

use super::super::alone::participant;
use super::driver::Driver;
use super::wait::Bounded;
use ringway_core::ring::broadcast::{BroadcastInner, RawBroadcast, Reader, SeqSlot};
use ringway_core::ring::latest::{Latest, Version};
use ringway_core::ring::queue::{QueueView, RawQueue};
use ringway_core::storage::Storage;
use std::mem::forget;

/// Operations on a queue, until it shall be opened anew.
pub(super) fn queue(d: &Driver, queue: &QueueView<[u32; 3], Bounded>) -> Option<()> {
    let n = queue.capacity();
    let handles = [1, 2].map(|number| queue.handle(participant(number)));
    let (mut loans, mut claims, mut producers) = (vec![], vec![], vec![]);
    loop {
        let which = d.next(32)?;
        let handle = &handles[d.below(2)?];
        match which {
            0..=2 => d.saw(handle.try_push([which as u32; 3]).is_ok()),
            3 => d.saw(handle.push_deadline([3; 3], d.soon()?).is_ok()),
            4..=6 => d.saw(handle.try_pop().is_some()),
            7 => d.saw(handle.pop_deadline(d.soon()?).is_ok()),
            8 | 9 if loans.len() < 2 => {
                let loan = match which {
                    8 => handle.try_reserve(),
                    _ => handle.reserve_deadline(d.soon()?),
                };
                d.saw(loan.is_ok());
                loans.extend(loan);
            }
            10 | 11 => {
                if let Some(loan) = loans.pop() {
                    d.saw(loan.write([9; 3]).is_ok());
                }
            }
            12 => drop(loans.pop()),
            13..=15 if claims.len() < 2 => {
                let claim = match which {
                    13 => handle.claim_deadline(d.soon()?).ok(),
                    _ => handle.try_claim(),
                };
                d.saw(claim.is_some());
                claims.extend(claim);
            }
            16 | 17 => {
                if let Some(claim) = claims.pop() {
                    std::hint::black_box((*claim, claim.attempts(), claim.position()));
                    d.turn();
                    match d.below(3)? {
                        0 => claim.complete(),
                        1 => drop(claim),
                        _ => drop(claim.take()),
                    }
                }
            }
            18 => {
                // The two forget what they have, and one of them is dead.
                loans.drain(..).for_each(forget);
                claims.drain(..).for_each(forget);
                producers.drain(..).for_each(forget);
                let dead = d.either()?;
                // SAFETY: whatever was held was forgotten.
                d.saw(unsafe { handle.recover(dead) } > 0);
            }
            19 | 20 => {
                let dead = d.stranger()?;
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { handle.recover(dead) } > 0);
            }
            21 => {
                assert!(queue.len() <= n && queue.unfinished() <= n);
                let _ = (queue.is_valid(), queue.pushed(), queue.is_empty(), queue.refused());
            }
            22 => {
                let _ = (queue.has_ended(), queue.is_closed(), queue.producers_are_gone());
                let _ = queue.max_attempts();
            }
            23 => drop(handle.join_deadline(d.soon()?)),
            24 if producers.len() < 4 => producers.extend(handle.producer()),
            25 => drop(producers.pop()),
            26 => queue.set_max_attempts(d.below(4)? as u16),
            27 if d.below(8)? == 0 => queue.close(),
            28 => assert!(handle.drain().count() <= n),
            29 => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a queue of values of a size that is known now.
pub(super) fn raw_queue(d: &Driver, queue: RawQueue<'_, Bounded>, size: usize) -> Option<()> {
    let handles = [1, 2].map(|number| queue.handle(participant(number)));
    let value = vec![7; size];
    let mut out = vec![0; size];
    loop {
        let which = d.next(14)?;
        let handle = &handles[d.below(2)?];
        match which {
            0..=2 => d.saw(handle.try_push(&value).is_ok()),
            3..=5 => d.saw(handle.try_pop(&mut out).is_ok()),
            6 | 7 => {
                let loan = match which {
                    6 => handle.try_reserve(),
                    _ => handle.reserve_deadline(d.soon()?),
                };
                if let Ok(mut loan) = loan {
                    d.turn();
                    assert_eq!(loan.len(), size);
                    loan.fill(3);
                    d.turn();
                    d.saw(loan.commit().is_ok());
                }
            }
            8 | 9 => {
                let claim = match which {
                    8 => handle.try_claim(),
                    _ => handle.claim_deadline(d.soon()?),
                };
                if let Ok(claim) = claim {
                    d.turn();
                    assert_eq!(claim.len(), size);
                    std::hint::black_box(claim.iter().fold(0, |sum, it| sum ^ it));
                    d.saw(true);
                    if d.below(2)? == 0 {
                        claim.complete();
                    }
                }
            }
            10 => {
                let dead = d.stranger()?;
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { handle.recover(dead) } > 0);
            }
            11 => assert!(queue.len() <= queue.capacity()),
            12 => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a broadcast, until it shall be opened anew.
pub(super) fn broadcast<S>(d: &Driver, broadcast: &BroadcastInner<S, Bounded>) -> Option<()>
where
    S: Storage<Element = SeqSlot<[u32; 3]>> + ?Sized,
{
    let mut writer = None;
    let mut readers = vec![broadcast.reader()];
    loop {
        let which = d.next(18)?;
        if which < 5 && writer.is_none() {
            writer = broadcast.writer_as(d.me());
        }
        let (count, at) = (readers.len(), d.below(readers.len())?);
        let reader = &mut readers[at];
        match (which, &mut writer) {
            (0..=2, Some(writer)) => {
                match which {
                    0 => writer.send_from(&[2; 3]),
                    _ => writer.send([1; 3]),
                }
                std::hint::black_box(writer.sent());
                d.saw(true);
            }
            (3, writer) => match (d.below(4)?, writer.take()) {
                (0, Some(writer)) => writer.close(),
                (1, writer) => {
                    forget(writer);
                    // SAFETY: the half was forgotten.
                    d.saw(unsafe { broadcast.recover(d.me()) } > 0);
                }
                _ => {}
            },
            (5..=7, _) => d.saw(matches!(reader.try_recv(), Ok(Some(_)))),
            (8, _) => d.saw(reader.recv_deadline(d.soon()?).is_ok()),
            (9, _) => d.saw(reader.try_recv_into(&mut [0; 3]) == Ok(true)),
            (10, _) => d.saw(reader.recv_into_deadline(&mut [0; 3], d.soon()?).is_ok()),
            (11, _) => {
                let _ = (reader.behind(), reader.skip_to_newest(), reader.writer_is_gone());
            }
            (12, _) if count < 3 => {
                let new = match d.below(3)? {
                    0 => reader.clone(),
                    1 => broadcast.reader(),
                    _ => Reader::from_oldest(broadcast),
                };
                readers.push(new);
            }
            (13, _) if count > 1 => drop(readers.pop()),
            (14, _) => {
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { broadcast.recover(d.dead()?) } > 0);
            }
            (15, _) => {
                let _ = (broadcast.sent(), broadcast.holder(), broadcast.writer_is_gone());
            }
            (16, _) => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a broadcast of messages of a size that is known now. A latest value is one too.
pub(super) fn raw_broadcast(
    d: &Driver,
    broadcast: RawBroadcast<'_, Bounded>,
    size: usize,
) -> Option<()> {
    let mut writer = None;
    let mut reader = broadcast.reader();
    let message = vec![7; size];
    let mut out = vec![0; size];
    loop {
        let which = d.next(12)?;
        if which < 4 && writer.is_none() {
            writer = broadcast.writer_as(d.me());
        }
        match (which, &mut writer) {
            (0..=2, Some(writer)) => d.saw(writer.send(&message).is_ok()),
            (3, writer) => {
                if let (0, Some(writer)) = (d.below(2)?, writer.take()) {
                    writer.close();
                }
            }
            (4 | 5, _) => d.saw(reader.try_recv(&mut out) == Ok(true)),
            (6, _) => d.saw(reader.recv_deadline(&mut out, d.soon()?).is_ok()),
            (7, _) => d.saw(reader.try_recv(&mut out[..d.below(size + 1)?]) == Ok(true)),
            (8, _) => drop(reader.skip_to_newest()),
            (9, _) => {
                reader = match d.below(2)? {
                    0 => broadcast.reader(),
                    _ => broadcast.reader_from_oldest(),
                };
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { broadcast.words().recover(d.dead()?) } > 0);
            }
            (10, _) => return Some(()),
            _ => {}
        }
    }
}

/// Operations on a latest value, until it shall be opened anew.
pub(super) fn latest(d: &Driver, latest: &Latest<[u32; 3], Bounded>) -> Option<()> {
    let mut writer = None;
    let mut seen = Version::NONE;
    loop {
        let which = d.next(14)?;
        if which < 4 && writer.is_none() {
            writer = latest.writer_as(d.me());
        }
        match (which, &mut writer) {
            (0..=2, Some(writer)) => {
                match which {
                    0 => writer.store_from(&[2; 3]),
                    _ => writer.store([1; 3]),
                }
                std::hint::black_box(writer.version());
                d.saw(true);
            }
            (3, writer) => match (d.below(4)?, writer.take()) {
                (0, Some(writer)) => writer.close(),
                (1, writer) => {
                    forget(writer);
                    // SAFETY: the half was forgotten.
                    d.saw(unsafe { latest.recover(d.me()) } > 0);
                }
                _ => {}
            },
            (4 | 5, _) => {
                let found = match which {
                    4 => latest.load(),
                    _ => latest.load_newer(seen),
                };
                d.saw(found.is_some());
                seen = found.map_or(seen, |(_, version)| version);
            }
            (6, _) => d.saw(latest.load_newer_into(seen, &mut [0; 3]).is_some()),
            (7, _) => d.saw(latest.wait_newer_deadline(seen, d.soon()?).is_ok()),
            (8, _) => {
                d.saw(latest.wait_newer_into_deadline(seen, &mut [0; 3], d.soon()?).is_ok());
            }
            (9, _) => {
                // SAFETY: nothing acts for this participant.
                d.saw(unsafe { latest.recover(d.dead()?) } > 0);
            }
            (10, _) => {
                let _ = (latest.version(), latest.writer_is_gone());
            }
            (11, _) => seen = Version::NONE,
            (12, _) => return Some(()),
            _ => {}
        }
    }
}
