//! The ring of values against a `VecDeque`; every value is dropped once and only once.

use super::Choices;
use ringway_core::Error;
use ringway_core::ring::{Consumer, Full, Producer, Ring};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Which values live, by their number.
#[derive(Debug, Default)]
struct Ledger(RefCell<Vec<bool>>);

impl Ledger {
    fn value(self: &Rc<Self>) -> Value {
        let mut living = self.0.borrow_mut();
        living.push(true);
        Value { number: living.len() - 1, ledger: self.clone() }
    }

    fn living(&self) -> usize {
        self.0.borrow().iter().filter(|lives| **lives).count()
    }
}

/// A value that knows whether it was dropped before.
#[derive(Debug)]
struct Value {
    number: usize,
    ledger: Rc<Ledger>,
}

impl Drop for Value {
    fn drop(&mut self) {
        let lived = std::mem::replace(&mut self.ledger.0.borrow_mut()[self.number], false);
        assert!(lived, "value {} is dropped a second time", self.number);
    }
}

/// A sequence of operations on a [`Ring`].
pub fn ring(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(6) {
        Some(0) => sequence::<1>(choices),
        Some(1) => sequence::<2>(choices),
        Some(2) => sequence::<3>(choices),
        Some(3) => sequence::<4>(choices),
        Some(4) => sequence::<7>(choices),
        Some(5) => sequence::<8>(choices),
        _ => {}
    }
}

fn sequence<const N: usize>(choices: Choices<'_>) {
    let ledger = Rc::new(Ledger::default());
    let ring: Ring<Value, N> = Ring::new();
    let run = Run {
        ring: &ring,
        producer: ring.producer(),
        consumer: ring.consumer(),
        producer_closed: false,
        consumer_closed: false,
        ledger: &ledger,
    };
    let model = run.run(choices);
    assert_eq!(ledger.living(), model.len(), "what was neither popped nor is in the ring lives");
    drop(ring);
    assert_eq!(ledger.living(), 0, "what was in the ring was not dropped with it");
}

struct Run<'a, const N: usize> {
    ring: &'a Ring<Value, N>,
    producer: Option<Producer<&'a Ring<Value, N>>>,
    consumer: Option<Consumer<&'a Ring<Value, N>>>,
    /// Whether the last producer closed its half, and nobody took it since.
    producer_closed: bool,
    consumer_closed: bool,
    ledger: &'a Rc<Ledger>,
}

impl<const N: usize> Run<'_, N> {
    /// Returns the numbers of the values that are in the ring at the end.
    fn run(mut self, mut choices: Choices<'_>) -> VecDeque<usize> {
        let mut model = VecDeque::new();
        while self.step(&mut choices, &mut model).is_some() {
            if let Some(producer) = &mut self.producer {
                assert_eq!(producer.room(), N - model.len());
                assert_eq!(producer.ring().consumer_is_gone(), self.consumer_closed);
            }
            if let Some(consumer) = &mut self.consumer {
                assert_eq!(consumer.len(), model.len());
                assert_eq!(consumer.is_empty(), model.is_empty());
                assert_eq!(consumer.front().map(|value| value.number), model.front().copied());
                assert_eq!(consumer.ring().producer_is_gone(), self.producer_closed);
            }
            assert_eq!(self.ledger.living(), model.len(), "a value was lost or kept");
        }
        model
    }

    /// One operation; `None` when the decisions are used up.
    fn step(&mut self, choices: &mut Choices<'_>, model: &mut VecDeque<usize>) -> Option<()> {
        let operation = choices.below(10)?;
        match operation {
            0..=3 => {
                if let Some(producer) = &mut self.producer {
                    produce(producer, operation, self.ledger, choices, model)?;
                }
            }
            4..=7 => {
                if let Some(consumer) = &mut self.consumer {
                    consume(consumer, operation, choices, model)?;
                }
            }
            8 => {
                // Gives the half back, closes it, or takes it again.
                if let Some(producer) = self.producer.take() {
                    assert!(self.ring.producer().is_none(), "there is one half of each");
                    self.producer_closed = choices.flip()?;
                    if self.producer_closed { producer.close() } else { drop(producer) }
                } else {
                    self.producer = Some(self.ring.producer().expect("nobody has the half"));
                    self.producer_closed = false;
                }
            }
            _ => {
                if let Some(consumer) = self.consumer.take() {
                    assert!(self.ring.consumer().is_none(), "there is one half of each");
                    self.consumer_closed = choices.flip()?;
                    if self.consumer_closed { consumer.close() } else { drop(consumer) }
                } else {
                    self.consumer = Some(self.ring.consumer().expect("nobody has the half"));
                    self.consumer_closed = false;
                }
            }
        }
        Some(())
    }
}

fn produce<const N: usize>(
    producer: &mut Producer<&Ring<Value, N>>,
    operation: usize,
    ledger: &Rc<Ledger>,
    choices: &mut Choices<'_>,
    model: &mut VecDeque<usize>,
) -> Option<()> {
    let room = N - model.len();
    if operation < 2 {
        let value = ledger.value();
        let number = value.number;
        match producer.try_push(value) {
            Ok(()) => model.push_back(number),
            Err(Full(back)) => {
                assert_eq!(
                    (back.number, room),
                    (number, 0),
                    "refused though there is room, or another value back"
                );
            }
        }
        return Some(());
    }

    let count = choices.below(N + 2)?;
    let fill = choices.below(N + 2)?;
    let commit = choices.flip()?;
    match producer.try_reserve(count) {
        Err(Error::MessageTooLarge { max }) => assert!(count > N && max == N),
        Err(error) => assert!(error == Error::WouldBlock && room < count && count <= N),
        Ok(mut chunk) => {
            assert!(count <= room);
            let mut filled = Vec::new();
            if operation == 2 {
                let values = std::iter::repeat_with(|| ledger.value())
                    .take(fill)
                    .inspect(|v| filled.push(v.number));
                let count = chunk.fill(values);
                assert_eq!(count, filled.len(), "a value was drawn for which there is no slot");
            } else {
                for _ in 0..fill {
                    let value = ledger.value();
                    let number = value.number;
                    match chunk.push(value) {
                        Ok(()) => filled.push(number),
                        Err(back) => assert_eq!(back.number, number),
                    }
                }
            }
            assert_eq!(filled.len(), fill.min(count));
            let (first, second) = chunk.as_uninit();
            assert_eq!(first.len() + second.len(), count - filled.len());
            if commit {
                assert_eq!(chunk.commit(), filled.len());
                model.extend(filled);
            }
        }
    }
    Some(())
}

fn consume<const N: usize>(
    consumer: &mut Consumer<&Ring<Value, N>>,
    operation: usize,
    choices: &mut Choices<'_>,
    model: &mut VecDeque<usize>,
) -> Option<()> {
    match operation {
        4 | 5 => assert_eq!(consumer.try_pop().map(|value| value.number), model.pop_front()),
        6 => {
            let count = choices.below(N + 2)?;
            let release = choices.below(N + 2)?;
            match consumer.try_peek(count) {
                Err(Error::MessageTooLarge { max }) => assert!(count > N && max == N),
                Err(error) => {
                    assert!(error == Error::WouldBlock && model.len() < count && count <= N)
                }
                Ok(chunk) => {
                    let (first, second) = chunk.as_slices();
                    let numbers = first.iter().chain(second).map(|value| value.number);
                    assert!(
                        numbers.eq(model.iter().copied().take(count)),
                        "other values, or another order"
                    );
                    assert_eq!(first.len() + second.len(), count);
                    if release <= N {
                        chunk.release(release);
                        model.drain(..release.min(count));
                    }
                }
            }
        }
        _ => {
            if choices.below(4)? == 0 {
                consumer.clear();
                model.clear();
            }
        }
    }
    Some(())
}
