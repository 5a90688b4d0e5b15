//! The signal table against a model that keeps a count, a queue, a priority and a handler for each
//! line.

use super::Choices;
use ringway_core::Error;
use ringway_core::signal::{Dispatcher, Handler, Payload, RaiseError, Raised, SignalSet, Table};
use ringway_core::wait::Spin;
use std::cell::RefCell;
use std::collections::VecDeque;

thread_local! {
    /// Which handler ran, and for which delivery.
    static RAN: RefCell<Vec<(usize, Raised)>> = const { RefCell::new(Vec::new()) };
}

static HANDLERS: [Handler; 2] = [
    Handler::new(&|delivery: &Raised| RAN.with_borrow_mut(|ran| ran.push((0, *delivery)))),
    Handler::new(&|delivery: &Raised| RAN.with_borrow_mut(|ran| ran.push((1, *delivery)))),
];

/// A sequence of operations on a [`Table`].
pub fn signal(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(5) {
        Some(0) => sequence::<1, 0>(choices),
        Some(1) => sequence::<3, 2>(choices),
        Some(2) => sequence::<5, 1>(choices),
        // Across the two words of a set.
        Some(3) => sequence::<40, 4>(choices),
        Some(4) => sequence::<64, 2>(choices),
        _ => {}
    }
}

#[derive(Debug, Default, Clone)]
struct Line {
    count: u64,
    queue: VecDeque<usize>,
    priority: u8,
    handler: Option<usize>,
    masked: bool,
}

impl Line {
    fn is_pending(&self) -> bool {
        self.count > 0 || !self.queue.is_empty()
    }
}

struct Model<const LINES: usize> {
    lines: Vec<Line>,
    /// The line delivered last. Lines of equal priority take turns after it.
    last: Option<usize>,
}

impl<const LINES: usize> Model<LINES> {
    fn set(&self, of: impl Fn(&Line) -> bool) -> SignalSet {
        let chosen = (0..LINES).filter(|line| of(&self.lines[*line]));
        chosen.fold(SignalSet::empty(), |set, line| set | SignalSet::line(line as u32))
    }

    /// Takes from the model the next delivery among the lines that are `fit`.
    fn take(&mut self, fit: impl Fn(usize, &Line) -> bool) -> Option<(Option<usize>, Delivered)> {
        let first = self.last.map_or(0, |last| last + 1);
        let in_turn = (0..LINES).map(|step| (first + step) % LINES);
        let pending =
            in_turn.filter(|line| self.lines[*line].is_pending() && fit(*line, &self.lines[*line]));
        // Of equals `max_by_key` takes the last one, so this goes through them backwards.
        let chosen = pending
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .max_by_key(|line| self.lines[*line].priority)?;
        self.last = Some(chosen);
        let line = &mut self.lines[chosen];
        let (count, value) = match std::mem::take(&mut line.count) {
            0 => (1, line.queue.pop_front()),
            count => (count, None),
        };
        Some((line.handler, (chosen as u32, count, value)))
    }
}

/// A delivery in the model: line, count, the payload's value.
type Delivered = (u32, u64, Option<usize>);

fn delivered(delivery: &Raised) -> Delivered {
    (delivery.line, delivery.count, delivery.payload.map(|payload| payload.value))
}

fn sequence<const LINES: usize, const DEPTH: usize>(mut choices: Choices<'_>) {
    RAN.with_borrow_mut(Vec::clear);
    let table = <Table<LINES, DEPTH>>::new();
    let mut dispatcher = table.dispatcher();
    let mut model = Model::<LINES> { lines: vec![Line::default(); LINES], last: None };
    let mut next = 0;
    while let Some(operation) = choices.below(16) {
        let done = match operation {
            0..=5 => raise(&table, operation, &mut next, &mut choices, &mut model),
            6..=10 => change(&table, operation, &mut choices, &mut model),
            11 => {
                // Gives the right to dispatch back, or takes it.
                assert!(
                    table.dispatcher().is_none() || dispatcher.is_none(),
                    "there is one dispatcher"
                );
                dispatcher = match dispatcher {
                    Some(_) => None,
                    None => {
                        model.last = None;
                        Some(table.dispatcher().expect("nobody dispatches"))
                    }
                };
                Some(())
            }
            _ => match &mut dispatcher {
                Some(dispatcher) => dispatch(dispatcher, operation, &mut choices, &mut model),
                None => Some(()),
            },
        };
        if done.is_none() {
            break;
        }
        assert_eq!(table.pending(), model.set(Line::is_pending));
        assert_eq!(table.masked(), model.set(|line| line.masked));
    }
}

fn raise<const LINES: usize, const DEPTH: usize>(
    table: &Table<LINES, DEPTH>,
    operation: usize,
    next: &mut usize,
    choices: &mut Choices<'_>,
    model: &mut Model<LINES>,
) -> Option<()> {
    // One line more than there are.
    let number = choices.below(LINES + 1)?;
    let line = model.lines.get_mut(number);
    if operation < 3 {
        match (table.raise(number as u32), line) {
            (Ok(()), Some(line)) => line.count += 1,
            (Err(error), None) => {
                assert_eq!(error, Error::NoSuchLine { lines: LINES as u32 });
            }
            (answer, _) => panic!("raise({number}) is {answer:?}"),
        }
        return Some(());
    }
    *next += 1;
    let payload = Payload::new(*next);
    match (table.raise_with(number as u32, payload), line) {
        (Ok(()), Some(line)) => {
            line.queue.push_back(*next);
            assert!(line.queue.len() <= DEPTH);
        }
        (Err(RaiseError::Full(back)), Some(line)) => {
            assert_eq!((back, line.queue.len()), (payload, DEPTH), "refused though there is room");
        }
        (Err(RaiseError::NoSuchLine { payload: back, .. }), None) => assert_eq!(back, payload),
        (answer, _) => panic!("raise_with({number}) is {answer:?}"),
    }
    Some(())
}

fn change<const LINES: usize, const DEPTH: usize>(
    table: &Table<LINES, DEPTH>,
    operation: usize,
    choices: &mut Choices<'_>,
    model: &mut Model<LINES>,
) -> Option<()> {
    let number = choices.below(LINES)?;
    let before = model.set(|line| line.masked);
    let other = choices.below(LINES)?;
    let set = SignalSet::of(&[number as u32, other as u32]);
    let is_in = |line: usize| line == number || line == other;
    match operation {
        6 => {
            assert_eq!(table.mask(set), before);
            (0..LINES).filter(|line| is_in(*line)).for_each(|line| model.lines[line].masked = true);
        }
        7 => {
            assert_eq!(table.unmask(set), before);
            (0..LINES)
                .filter(|line| is_in(*line))
                .for_each(|line| model.lines[line].masked = false);
        }
        8 => {
            assert_eq!(table.set_mask(set), before);
            (0..LINES).for_each(|line| model.lines[line].masked = is_in(line));
        }
        9 => {
            let new = choices.below(3)?.checked_sub(1);
            let old = std::mem::replace(&mut model.lines[number].handler, new);
            let handler = |which: Option<usize>| which.map(|which| &HANDLERS[which]);
            let returned =
                table.set_handler(number as u32, handler(new)).expect("there is such a line");
            assert!(match (returned, handler(old)) {
                (Some(returned), Some(old)) => std::ptr::eq(returned, old),
                (None, None) => true,
                _ => false,
            });
        }
        _ => {
            let new = choices.below(3)? as u8;
            let old = std::mem::replace(&mut model.lines[number].priority, new);
            assert_eq!(table.set_priority(number as u32, new), Ok(old));
        }
    }
    Some(())
}

fn dispatch<const LINES: usize, const DEPTH: usize>(
    dispatcher: &mut Dispatcher<&Table<LINES, DEPTH, Spin>>,
    operation: usize,
    choices: &mut Choices<'_>,
    model: &mut Model<LINES>,
) -> Option<()> {
    let handled = |_: usize, line: &Line| !line.masked && line.handler.is_some();
    let mut expected = Vec::new();
    match operation {
        12 => {
            expected.extend(model.take(handled));
            let found = dispatcher.dispatch_one();
            assert_eq!(
                found.as_ref().map(delivered),
                expected.first().map(|(_, delivery)| *delivery)
            );
        }
        13 => {
            expected.extend(std::iter::from_fn(|| model.take(handled)));
            assert_eq!(dispatcher.dispatch(), expected.len());
        }
        _ => {
            let wanted = [choices.below(LINES)?, choices.below(LINES)?];
            let set = SignalSet::of(&wanted.map(|line| line as u32));
            let found = dispatcher.try_wait(set);
            let modelled = model.take(|line, _| wanted.contains(&line));
            assert_eq!(found.as_ref().map(delivered), modelled.map(|(_, delivery)| delivery));
        }
    }
    let ran = RAN.with_borrow_mut(std::mem::take);
    let ran = ran.iter().map(|(handler, delivery)| (Some(*handler), delivered(delivery)));
    assert!(ran.eq(expected), "another handler ran, or in another order");
    Some(())
}
