//! The queue against a `VecDeque`: by value and in place, with claims that come back, a participant
//! that dies, a limit of claims, and a close.

use super::Choices;
use ringway_core::Error;
use ringway_core::participant::Participant;
use ringway_core::ring::PushError;
use ringway_core::ring::queue::{Claim, Handle, Loan, Queue};
use ringway_core::wait::Nobody;
use std::collections::VecDeque;

/// A sequence of operations on a [`Queue`].
pub fn queue(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    // A value of one word, and a value that no queue moves at once.
    match choices.below(6) {
        Some(0) => sequence::<1, 1>(choices),
        Some(1) => sequence::<2, 5>(choices),
        Some(2) => sequence::<3, 1>(choices),
        Some(3) => sequence::<4, 5>(choices),
        Some(4) => sequence::<7, 1>(choices),
        Some(5) => sequence::<8, 5>(choices),
        _ => {}
    }
}

/// The participant that dies now and then. Another one with its number comes at once.
fn mortal() -> Participant {
    Participant::new(7).expect("it is a small number")
}

type Value<const M: usize> = [u64; M];

/// A message as the model knows it.
#[derive(Debug, Clone, Copy)]
struct Message {
    number: u64,
    /// How many claims of it ended without a completion.
    ended_claims: u16,
}

struct Run<'q, const M: usize> {
    /// Whose handles these are: the survivor's, and the mortal's.
    handles: [&'q Handle<'q, Value<M>, Nobody>; 2],
    line: VecDeque<Message>,
    loans: [Vec<Loan<'q, Value<M>, Nobody>>; 2],
    claims: [Vec<(Claim<'q, Value<M>, Nobody>, Message)>; 2],
    /// How many messages were made, put in line, taken out of it, and given up.
    made: u64,
    pushed: u64,
    taken: u64,
    refused: u32,
    max_attempts: u16,
    closed: bool,
}

fn sequence<const N: usize, const M: usize>(mut choices: Choices<'_>) {
    let queue: Queue<Value<M>, N> = Queue::new();
    let handles = [queue.handle(Participant::LOCAL), queue.handle(mortal())];
    let mut run = Run {
        handles: handles.each_ref(),
        line: VecDeque::new(),
        loans: [Vec::new(), Vec::new()],
        claims: [Vec::new(), Vec::new()],
        made: 0,
        pushed: 0,
        taken: 0,
        refused: 0,
        max_attempts: 0,
        closed: false,
    };
    while run.step(&mut choices).is_some() {
        run.agrees();
    }
}

impl<const M: usize> Run<'_, M> {
    fn agrees(&self) {
        let queue = self.handles[0];
        assert_eq!(queue.len(), self.line.len());
        assert_eq!(queue.is_empty(), self.line.is_empty());
        let claimed = self.claims.iter().map(Vec::len).sum::<usize>();
        assert_eq!(queue.unfinished(), self.line.len() + claimed);
        assert_eq!((queue.pushed(), queue.refused()), (self.pushed, self.refused));
        assert_eq!(queue.is_closed(), self.closed);
        assert!(queue.is_valid());
    }

    fn is_full(&self) -> bool {
        let held = self.loans.iter().map(Vec::len).chain(self.claims.iter().map(Vec::len));
        self.line.len() + held.sum::<usize>() == self.handles[0].capacity()
    }

    fn append(&mut self, message: Message) {
        self.line.push_back(message);
        self.pushed += 1;
    }

    /// The next message, if one waits.
    fn next(&mut self) -> Option<Message> {
        let message = self.line.pop_front()?;
        self.taken += 1;
        Some(message)
    }

    /// Puts back a message whose claim ended, or gives it up.
    fn put_back(&mut self, mut message: Message) {
        message.ended_claims += 1;
        if self.max_attempts != 0 && message.ended_claims >= self.max_attempts {
            self.refused += 1;
        } else {
            self.append(message);
        }
    }

    /// One operation; `None` when the decisions are used up.
    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let who = choices.below(2)?;
        match choices.below(16)? {
            0..=3 => self.push(who),
            4..=6 => {
                let popped = self.handles[who].try_pop();
                assert_eq!(popped, self.next().map(|message| [message.number; M]));
            }
            7 | 8 => self.reserve(who),
            9 => self.end_loan(who, choices.flip()?),
            10 | 11 => self.claim(who),
            12 | 13 => self.end_claim(who, choices.below(3)?),
            14 => self.death(),
            _ => match choices.below(16)? {
                0 => {
                    self.handles[who].close();
                    self.closed = true;
                }
                1 => {
                    self.max_attempts = choices.below(4)? as u16;
                    self.handles[who].set_max_attempts(self.max_attempts);
                }
                // This may mark the end.
                _ => {
                    let has_ended = self.closed && self.line.is_empty();
                    assert_eq!(self.handles[who].has_ended(), has_ended);
                }
            },
        }
        Some(())
    }

    fn push(&mut self, who: usize) {
        self.made += 1;
        let value = [self.made; M];
        let expected = if self.closed {
            Err(PushError::Closed(value))
        } else if self.is_full() {
            Err(PushError::Full(value))
        } else {
            Ok(())
        };
        assert_eq!(self.handles[who].try_push(value), expected);
        if expected.is_ok() {
            self.append(Message { number: self.made, ended_claims: 0 });
        }
    }

    fn reserve(&mut self, who: usize) {
        match self.handles[who].try_reserve() {
            Ok(loan) => {
                assert!(!self.closed && !self.is_full());
                self.loans[who].push(loan);
            }
            Err(Error::BrokenPipe) => assert!(self.closed),
            Err(why) => assert!(!self.closed && self.is_full() && why == Error::WouldBlock),
        }
    }

    fn end_loan(&mut self, who: usize, commits: bool) {
        let Some(loan) = self.loans[who].pop() else { return };
        if !commits {
            return;
        }
        self.made += 1;
        match loan.write([self.made; M]) {
            Ok(()) => self.append(Message { number: self.made, ended_claims: 0 }),
            // Until somebody was told of the end, a loan from before the close may still succeed.
            Err(PushError::Closed(value)) => assert!(self.closed && value == [self.made; M]),
            Err(why) => panic!("a loan has a slot: {why:?}"),
        }
    }

    fn claim(&mut self, who: usize) {
        // Recovery puts messages back in the order of their slots: a mortal claims one at a time.
        if who == 1 && !self.claims[1].is_empty() {
            return;
        }
        let claim = self.handles[who].try_claim();
        let message = self.next();
        assert_eq!(claim.as_deref().copied(), message.map(|message| [message.number; M]));
        let (Some(claim), Some(message)) = (claim, message) else { return };
        assert_eq!(claim.attempts(), u32::from(message.ended_claims) + 1);
        assert_eq!(claim.position(), self.taken);
        self.claims[who].push((claim, message));
    }

    fn end_claim(&mut self, who: usize, how: usize) {
        let Some((claim, message)) = self.claims[who].pop() else { return };
        match how {
            0 => claim.complete(),
            1 => assert_eq!(claim.take(), [message.number; M]),
            _ => {
                drop(claim);
                self.put_back(message);
            }
        }
    }

    /// The mortal dies with what it holds, and the survivor puts that right.
    fn death(&mut self) {
        let (loans, claims) = (&mut self.loans[1], &mut self.claims[1]);
        let held = loans.len() + claims.len();
        loans.drain(..).for_each(std::mem::forget);
        let messages: Vec<_> = claims
            .drain(..)
            .map(|(claim, message)| {
                std::mem::forget(claim);
                message
            })
            .collect();
        // SAFETY: what the mortal held was forgotten, so it takes no further step.
        assert_eq!(unsafe { self.handles[0].recover(mortal()) }, held);
        messages.into_iter().for_each(|message| self.put_back(message));
    }
}
