//! [`ringway_core::ring::queue`]: a death or a suspension delays nobody, and loses nothing that was
//! committed.

use super::{Message, Sleeper, WAKES, late, message, number, woken_once};
use crate::crash::run::{self, Entry};
use crate::crash::{CHILD, Check, EARLIER, Found, Note, Operation, SURVIVOR, Structure, WITNESS};
use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::ring::queue::{Handle, Queue, QueueView};
use std::mem::forget;

/// The queue for most operations: small, so that positions wrap around.
const FEW: usize = 3;
/// A queue large enough that a producer or consumer backs off after a failed attempt.
const MANY: usize = 64;
type Jobs<const N: usize> = Queue<Message, N, Sleeper>;

impl<const N: usize> Structure for Jobs<N> {
    const NAME: &'static str = if N == FEW { "Queue" } else { "Queue of 64" };

    fn fresh() -> Self {
        Queue::new()
    }

    unsafe fn recover(&self, dead: Participant) {
        // SAFETY: the caller guarantees that `dead` takes no further step.
        unsafe { at(self, SURVIVOR).recover(dead) };
    }

    fn aftermath(&self, seen: &mut Vec<u64>) -> Check {
        drain(self, seen)?;
        drop(at(self, SURVIVOR).producer());
        if !self.producers_are_gone() {
            return Err("a producer that is gone is still registered".into());
        }
        if self.is_closed() {
            let refused = at(self, SURVIVOR).try_push(message(0)).is_err();
            let ended = refused && self.has_ended() && self.unfinished() == 0;
            return if ended { Ok(()) } else { Err("it is closed, and has not ended".into()) };
        }
        let room = (0..).take_while(|n| at(self, SURVIVOR).try_push(message(*n)).is_ok()).count();
        if room != N {
            return Err(format!("there is room for {room} messages, and not for {N}"));
        }
        let mut again = Vec::new();
        drain(self, &mut again)?;
        if !again.iter().copied().eq(0..N as u64) {
            Err(format!("pushed 0 to {N} and popped {again:?}"))
        } else {
            Ok(())
        }
    }
}

type At<'q> = Handle<'q, Message, Sleeper>;

/// The handle of a queue whose capacity is known at run time.
fn at<const N: usize>(queue: &Jobs<N>, who: Participant) -> At<'_> {
    let queue: &QueueView<Message, Sleeper> = queue;
    std::hint::black_box(queue).handle(who)
}

fn drain<const N: usize>(queue: &Jobs<N>, seen: &mut Vec<u64>) -> Check {
    while let Some(found) = at(queue, SURVIVOR).try_pop() {
        seen.push(number(found)?);
    }
    Ok(())
}

/// The others take what is there, and then use the queue more often than it has slots.
fn others<const N: usize>(queue: &Jobs<N>, seen: &mut Vec<u64>) -> Check {
    drain(queue, seen)?;
    for round in 100..120 + N as u64 {
        if at(queue, SURVIVOR).try_push(message(round)).is_err() {
            return Err(format!("no room in round {round}, with {N} slots and one suspended"));
        }
        let mut again = Vec::new();
        drain(queue, &mut again)?;
        if again != [round] {
            return Err(format!("pushed {round} and popped {again:?}"));
        }
    }
    Ok(())
}

fn push<const N: usize>(queue: &Jobs<N>, who: Participant, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        at(queue, who).try_push(message(number)).expect("there is room");
    }
}

/// What was there is there, once. The message of the operation is there at most once, and exactly
/// once if the operation returned.
fn sent(found: &Found) -> Check<u32> {
    match (found.times(1), found.times(2), found.ended) {
        (1, 0, false) => Ok(0),
        (1, 1, _) => Ok(1),
        _ => Err("1 once; 2 at most once, and once after the return".into()),
    }
}

fn sees_it(seen: &[u64]) -> u32 {
    seen.contains(&2).into()
}

/// A message that was popped is still there, or it has gone to the child, which may have died
/// before it could note it.
fn popped(found: &Found) -> Check<u32> {
    match (found.seen, found.got, found.ended) {
        // Still there: the recovery put it back, behind the others.
        ([1, 2] | [2, 1], [], false) => Ok(0),
        ([2], [], false) => Ok(1),
        ([2], [1], _) => Ok(2),
        _ => Err("2 once; 1 to the child or to another, never to both".into()),
    }
}

/// A message that was claimed is delivered when it is completed. Until then it comes back, even if
/// it was read.
fn completed(found: &Found) -> Check<u32> {
    match (found.seen, found.got, found.ended) {
        ([1, 2] | [2, 1], [], false) => Ok(0),
        ([1, 2] | [2, 1], [1], false) => Ok(1),
        ([2], [1], _) => Ok(2),
        _ => Err("2 once; 1 completed by the child, or to another".into()),
    }
}

/// Every message that was claimed and not completed comes back.
fn kept(found: &Found) -> Check<u32> {
    match found.seen {
        [1, 2] => Ok(0),
        [2, 1] => Ok(1),
        _ => Err("1 and 2 once each".into()),
    }
}

/// Nothing is sent.
fn nothing_sent(found: &Found) -> Check<u32> {
    if found.seen == [1] { Ok(0) } else { Err("1 once and nothing else".into()) }
}

/// A participant that died with one message claimed and another half sent, and was registered as a
/// producer.
fn dies_earlier(queue: &Jobs<FEW>) {
    forget(at(queue, EARLIER).producer());
    push(queue, SURVIVOR, [1, 2]);
    forget(at(queue, EARLIER).try_claim());
    let earlier = at(queue, EARLIER);
    let mut loan = earlier.try_reserve().expect("there is room");
    loan.as_uninit().write(message(3));
    forget(loan);
}

/// What a recovery that died leaves for the next one.
fn put_right(found: &Found) -> Check<u32> {
    match found.seen {
        [2, 1] => Ok(0),
        _ => Err("2 and then 1, once each; the half sent 3 never".into()),
    }
}

fn pushes<const N: usize>(queue: &Jobs<N>, note: &Note) {
    let handle = at(queue, CHILD);
    note.begin();
    let pushed = handle.try_push(message(2));
    note.end();
    assert!(pushed.is_ok());
}

fn pops<const N: usize>(queue: &Jobs<N>, note: &Note) {
    let handle = at(queue, CHILD);
    note.begin();
    if let Some(found) = handle.try_pop() {
        note.got(found[0]);
    }
    note.end();
}

fn taken(found: &Found) -> Check<u32> {
    match (found.seen, found.got) {
        // Suspended before its claim, the child finds what the others left: nothing.
        ([1, 2], []) => Ok(0),
        _ => popped(found),
    }
}

/// The operations.
pub fn entries() -> impl Iterator<Item = Entry> {
    few().chain(many())
}

/// A push, a push onto a full queue, and a pop.
fn basic<const N: usize>() -> Vec<Operation<Jobs<N>>> {
    vec![
        Operation::new("push", |queue| push(queue, SURVIVOR, [1]), pushes, sent)
            .meanwhile(others)
            .committed(sees_it),
        Operation::new(
            "push, onto a full queue",
            |queue| push(queue, SURVIVOR, [1].into_iter().chain(11..10 + N as u64)),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                let pushed = handle.try_push(message(2));
                note.end();
                // The others may have made room meanwhile.
                let _ = pushed;
            },
            |found| match (found.times(1), found.times(2)) {
                (1, 0) => Ok(0),
                (1, 1) => Ok(1),
                _ => Err("1 once, 2 at most once".into()),
            },
        )
        .meanwhile(others),
        Operation::new("pop", |queue| push(queue, SURVIVOR, [1, 2]), pops, taken).meanwhile(others),
    ]
}

fn many() -> impl Iterator<Item = Entry> {
    run::entries(basic::<MANY>())
}

fn few() -> impl Iterator<Item = Entry> {
    let more = vec![
        Operation::new(
            "reserve, fill, commit",
            |queue| push(queue, SURVIVOR, [1]),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                if let Ok(mut loan) = handle.try_reserve() {
                    loan.as_uninit().write(message(2));
                    // SAFETY: just written.
                    let _ = unsafe { loan.commit() };
                }
                note.end();
            },
            sent,
        )
        .meanwhile(others)
        .committed(sees_it),
        Operation::new(
            "reserve, drop the loan",
            |queue| push(queue, SURVIVOR, [1]),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                drop(handle.try_reserve());
                note.end();
            },
            nothing_sent,
        )
        .meanwhile(others),
        Operation::new(
            "claim, use, complete",
            |queue| push(queue, SURVIVOR, [1, 2]),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                if let Some(claim) = handle.try_claim() {
                    note.got(claim[0]);
                    claim.complete();
                }
                note.end();
            },
            |found| match (found.seen, found.got) {
                ([1, 2], []) => Ok(0),
                _ => completed(found),
            },
        )
        .meanwhile(others),
        Operation::new(
            "claim, drop the claim",
            |queue| push(queue, SURVIVOR, [1, 2]),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                drop(handle.try_claim());
                note.end();
            },
            kept,
        )
        .meanwhile(others),
        Operation::new(
            "claim for the last time, drop the claim",
            |queue: &Jobs<FEW>| {
                queue.set_max_attempts(2);
                push(queue, SURVIVOR, [1]);
                drop(at(queue, SURVIVOR).try_claim());
                push(queue, SURVIVOR, [2]);
            },
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                drop(handle.try_claim());
                note.end();
            },
            |found| match (found.seen, found.ended) {
                ([1, 2], false) => Ok(0),
                ([2], _) => Ok(1),
                _ => Err("2 once; 1 once, or given up once it was claimed".into()),
            },
        ),
        Operation::new(
            "register, push, leave",
            |queue| push(queue, SURVIVOR, [1]),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                let producer = handle.producer().expect("there is room for it");
                let again = handle.producer().expect("there is room for it");
                let pushed = producer.try_push(message(2));
                drop(producer);
                drop(again);
                note.end();
                assert!(pushed.is_ok());
            },
            sent,
        )
        .meanwhile(others)
        .committed(sees_it),
        Operation::new(
            "recover another",
            dies_earlier,
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                // SAFETY: this participant takes no further step: nobody acts for it any more.
                unsafe { handle.recover(EARLIER) };
                note.end();
            },
            put_right,
        )
        .meanwhile(others),
        Operation::new(
            "push, and wake a consumer",
            |_| (),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                let pushed = handle.push_deadline(message(2), None);
                note.end();
                assert!(pushed.is_ok());
            },
            |found| match (found.times(1), found.times(2), found.ended) {
                (1, 0, false) => Ok(0),
                (1, 1, _) => Ok(1),
                _ => Err("1 once; 2 at most once, and once after the return".into()),
            },
        )
        .witness(
            |queue, note| {
                let found = at(queue, WITNESS).pop_deadline(late()).expect("a message in time");
                note.got(found[0]);
            },
            |queue, _| push(queue, SURVIVOR, [1]),
        ),
        Operation::new(
            "pop, and wake a producer",
            |queue| push(queue, SURVIVOR, [1, 2, 3]),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                if let Ok(found) = handle.pop_deadline(None) {
                    note.got(found[0]);
                }
                note.end();
            },
            |found| match (found.times(1), [2, 3, 4].map(|n| found.times(n)), found.ended) {
                (0 | 1, [1, 1, 1], false) | (1, [1, 1, 1], true) => Ok(0),
                _ => Err("2, 3 and 4 once each, 1 never twice".into()),
            },
        )
        .witness(
            |queue, _| at(queue, WITNESS).push_deadline(message(4), late()).expect("room in time"),
            // Makes room, in case the child made none.
            |queue, seen| {
                let found = at(queue, SURVIVOR).try_pop().expect("there are two at least");
                seen.push(found[0]);
            },
        ),
        Operation::new(
            "pop, asleep until there is one",
            |_| (),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                if let Ok(found) = handle.pop_deadline(None) {
                    note.got(found[0]);
                }
                note.end();
            },
            |found| match (found.got, found.ended) {
                ([], false) if woken_once(found) => Ok(0),
                ([_], _) if woken_once(found) => Ok(1),
                _ => Err("one, once".into()),
            },
        )
        .wake(|queue, n, _| push(queue, SURVIVOR, [WAKES + n]))
        .meanwhile(others),
        Operation::new(
            "push, asleep until there is room",
            |queue| push(queue, SURVIVOR, [11, 12, 13]),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                let pushed = handle.push_deadline(message(2), None);
                note.end();
                assert!(pushed.is_ok());
            },
            |found| match (found.times(2), found.times(12), found.times(13), found.ended) {
                (0 | 1, 1, 1, false) | (1, 1, 1, true) => Ok(0),
                _ => Err("12 and 13 once each, 2 never twice, and once after the return".into()),
            },
        )
        .wake(|queue, _, seen| seen.extend(at(queue, SURVIVOR).try_pop().map(|found| found[0])))
        .meanwhile(others),
        Operation::new(
            "close, with a consumer asleep",
            |_: &Jobs<FEW>| (),
            |queue, note| {
                note.begin();
                queue.close();
                note.end();
            },
            |found| if found.seen.is_empty() { Ok(0) } else { Err("nothing was sent".into()) },
        )
        .witness(
            |queue, _| {
                let end = at(queue, WITNESS).pop_deadline(late()).unwrap_err();
                assert_eq!(end, Error::EndOfFile);
            },
            |queue, _| queue.close(),
        ),
        Operation::new(
            "leave as the last producer, with a consumer asleep",
            |_: &Jobs<FEW>| (),
            |queue, note| {
                let child = at(queue, CHILD);
                let producer = child.producer();
                note.begin();
                drop(producer);
                note.end();
            },
            |found| if found.seen.is_empty() { Ok(0) } else { Err("nothing was sent".into()) },
        )
        .witness(
            |queue, _| {
                let end = at(queue, WITNESS).pop_deadline(late()).unwrap_err();
                assert_eq!(end, Error::EndOfFile);
            },
            // In case the child did not get as far as to register.
            |queue, _| drop(at(queue, SURVIVOR).producer()),
        ),
        Operation::new(
            "push, onto a closed queue",
            |queue: &Jobs<FEW>| {
                push(queue, SURVIVOR, [1]);
                queue.close();
            },
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                let pushed = handle.try_push(message(2));
                note.end();
                assert!(pushed.is_err());
            },
            nothing_sent,
        )
        .meanwhile(drain),
        Operation::new(
            "claim, complete, on a closed queue",
            |queue: &Jobs<FEW>| {
                push(queue, SURVIVOR, [1, 2]);
                queue.close();
            },
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                if let Some(claim) = handle.try_claim() {
                    note.got(claim[0]);
                    claim.complete();
                }
                note.end();
            },
            |found| match (found.seen, found.got) {
                // Suspended before its claim, the child finds what the others left: the end.
                ([1, 2], []) => Ok(0),
                _ => completed(found),
            },
        )
        .meanwhile(drain),
        Operation::new(
            "join, asleep until all is done",
            |queue: &Jobs<FEW>| push(queue, SURVIVOR, [1]),
            |queue, note| {
                let handle = at(queue, CHILD);
                note.begin();
                let joined = handle.join_deadline(None);
                note.end();
                assert!(joined.is_ok());
            },
            |found| match (found.seen, found.wakes, found.ended) {
                ([1], 0, false) => Ok(0),
                ([1], _, _) => Ok(1),
                _ => Err("1 once, and it does not return before it was taken".into()),
            },
        )
        .wake(|queue, _, seen| drain(queue, seen).expect("whole messages")),
    ];
    run::entries(basic::<FEW>().into_iter().chain(more).collect())
}
