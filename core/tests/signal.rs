//! The signal table against a plain model of it, in long random sequences of operations.
#![cfg(not(loom))]

mod random;
#[path = "../src/scaled.rs"]
mod scaled;

use random::Random;
use ringway_core::Error;
use ringway_core::signal::{
    Cells, Dispatcher, Handler, Payload, RaiseError, Raised, SignalSet, Table, TableInner,
    TableRef, TableView,
};
use ringway_core::wait::Async;
use scaled::scaled;
use std::alloc::Layout;
use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

static HANDLER: Handler = Handler::new(&|_: &Raised| ());

/// A line, as the documentation of the table describes it.
#[derive(Clone, Default)]
struct Line {
    count: u64,
    payloads: VecDeque<usize>,
    masked: bool,
    handled: bool,
    priority: u8,
}

impl Line {
    fn pending(&self) -> bool {
        self.count > 0 || !self.payloads.is_empty()
    }

    fn take(&mut self) -> (u64, Option<usize>) {
        match std::mem::take(&mut self.count) {
            0 => (1, self.payloads.pop_front()),
            count => (count, None),
        }
    }
}

struct Model {
    lines: Vec<Line>,
    /// The line delivered last. Lines of equal priority take turns, starting after it.
    last: usize,
}

impl Model {
    fn new(lines: usize) -> Self {
        Model { lines: vec![Line::default(); lines], last: lines - 1 }
    }

    fn deliver(&mut self, fit: impl Fn(usize, &Line) -> bool) -> Option<(u32, u64, Option<usize>)> {
        let number = self.lines.len();
        let in_turn = (1..=number).map(|step| (self.last + step) % number);
        let mut best: Option<usize> = None;
        for line in in_turn.filter(|line| fit(*line, &self.lines[*line])) {
            if best.is_none_or(|best| self.lines[line].priority > self.lines[best].priority) {
                best = Some(line);
            }
        }
        self.last = best?;
        let (count, payload) = self.lines[self.last].take();
        Some((self.last as u32, count, payload))
    }

    fn set(&self, fit: impl Fn(&Line) -> bool) -> SignalSet {
        (0..).zip(&self.lines).filter(|(_, line)| fit(line)).map(|(line, _)| line).collect()
    }
}

fn summary(delivery: Option<Raised>) -> Option<(u32, u64, Option<usize>)> {
    delivery.map(|it| (it.line, it.count, it.payload.map(|payload| payload.value)))
}

/// A table, its view, a view of memory with the same sizes, and a table used from both sides.
fn behaves_as_its_model<const LINES: usize, const DEPTH: usize>(seed: u64) {
    let size = [LINES, DEPTH];
    let table = <Table<LINES, DEPTH>>::new();
    agrees(&table, table.dispatcher().unwrap(), size, seed);
    let table = <Table<LINES, DEPTH>>::new();
    agrees(&table.view(), table.view().dispatcher().unwrap(), size, seed);
    let table = <Table<LINES, DEPTH>>::new();
    agrees(&table.view(), table.dispatcher().unwrap(), size, seed);
    let table = <Table<LINES, DEPTH>>::new();
    agrees(&table, table.view().dispatcher().unwrap(), size, seed);
    let mut memory = vec![MaybeUninit::new(0xA5); 1 << 16];
    let view: TableView<'_> = TableView::init_in(&mut memory, LINES, DEPTH).unwrap();
    agrees(&view, view.dispatcher().unwrap(), size, seed);
}

fn agrees<C: Cells>(
    table: &TableInner<C>,
    mut dispatcher: Dispatcher<impl TableRef>,
    [lines, depth]: [usize; 2],
    seed: u64,
) {
    let mut random = Random::new(seed);
    let mut model = Model::new(lines);
    for step in 0..scaled(1000) {
        let line = random.below(lines);
        let number = line as u32;
        let some: SignalSet = (0..lines as u32).filter(|_| random.below(3) == 0).collect();
        match random.below(12) {
            0..=2 => {
                table.raise(number).unwrap();
                model.lines[line].count += 1;
            }
            3..=5 => {
                let payload = Payload::new(step);
                let queue = &mut model.lines[line].payloads;
                if queue.len() < depth {
                    assert_eq!(table.raise_with(number, payload), Ok(()));
                    queue.push_back(step);
                } else {
                    let full = Err(RaiseError::Full(payload));
                    assert_eq!(table.raise_with(number, payload), full);
                }
            }
            6 => {
                let before = model.set(|line| line.masked);
                let [on, off] = [random.below(2) == 0, random.below(2) == 0];
                let (answer, after) = match (on, off) {
                    (true, false) => (table.mask(some), before | some),
                    (false, true) => (table.unmask(some), before - some),
                    _ => (table.set_mask(some), some),
                };
                assert_eq!(answer, before);
                assert_eq!(table.masked(), after);
                for (line, number) in model.lines.iter_mut().zip(0..) {
                    line.masked = after.contains(SignalSet::line(number));
                }
            }
            7 => {
                let handled = random.below(4) > 0;
                let before = table.set_handler(number, handled.then_some(&HANDLER)).unwrap();
                let old = std::mem::replace(&mut model.lines[line].handled, handled);
                assert_eq!(before.is_some(), old);
            }
            8 => {
                let priority = random.below(3) as u8;
                let old = std::mem::replace(&mut model.lines[line].priority, priority);
                assert_eq!(table.set_priority(number, priority), Ok(old));
            }
            9 | 10 => {
                let expected = model.deliver(|_, it| it.pending() && !it.masked && it.handled);
                assert_eq!(summary(dispatcher.dispatch_one()), expected, "step {step}");
            }
            _ => {
                let of = |line: usize| some.contains(SignalSet::line(line as u32));
                let expected = model.deliver(|line, it| it.pending() && of(line));
                assert_eq!(summary(dispatcher.try_wait(some)), expected, "step {step}");
            }
        }
        assert_eq!(table.pending(), model.set(Line::pending), "step {step}");
    }
}

#[test]
fn random_operations_agree_with_the_model() {
    for seed in 0..scaled(8) as u64 {
        behaves_as_its_model::<1, 1>(seed);
        behaves_as_its_model::<3, 0>(seed);
        behaves_as_its_model::<5, 2>(seed);
        behaves_as_its_model::<8, 1>(seed);
        behaves_as_its_model::<20, 1>(seed);
        behaves_as_its_model::<32, 0>(seed);
        behaves_as_its_model::<33, 4>(seed);
        behaves_as_its_model::<64, 8>(seed);
    }
}

#[test]
fn refused_dispatcher_frees_nothing() {
    let table = <Table<1, 0>>::new();
    let dispatcher = table.dispatcher().unwrap();
    (0..3).for_each(|_| assert!(table.dispatcher().is_none(), "there is one"));
    drop(dispatcher);
    assert!(table.dispatcher().is_some());
}

#[test]
fn layout_of_a_view_is_that_of_the_table() {
    fn same<const LINES: usize, const DEPTH: usize>() {
        let layout = <TableView<'_>>::layout(LINES, DEPTH);
        assert_eq!(layout, Some(Layout::new::<Table<LINES, DEPTH>>()), "{LINES}, {DEPTH}");
        let layout = TableView::<'_, Async>::layout(LINES, DEPTH);
        assert_eq!(layout, Some(Layout::new::<Table<LINES, DEPTH, Async>>()));
    }
    same::<1, 0>();
    same::<1, 1>();
    same::<3, 2>();
    same::<5, 0>();
    same::<8, 8>();
    same::<33, 1>();
    same::<64, 16>();
}

#[test]
fn impossible_sizes_and_small_memory_are_refused() {
    for [lines, depth] in [[0, 0], [0, 4], [65, 0], [usize::MAX, 1], [1, 3], [4, 12]] {
        assert_eq!(<TableView<'_>>::layout(lines, depth), None, "{lines}, {depth}");
    }
    for depth in [usize::MAX, usize::MAX / 2 + 1, 1 << 31] {
        assert_eq!(<TableView<'_>>::layout(64, depth), None, "{depth}");
    }
    let mut memory = [MaybeUninit::uninit(); 300];
    let at = NonNull::from(&mut memory).cast();
    // SAFETY: nothing is made there, for there is no such table.
    assert!(unsafe { <TableView<'_>>::init_at(at, 65, 0) }.is_none());
    // SAFETY: there is no such table.
    assert!(unsafe { <TableView<'_>>::at(at, 0, 0) }.is_none());
    let refused = <TableView<'_>>::init_in(&mut memory, 3, 3).err();
    assert_eq!(refused, Some(Error::Exhausted));
    let size = <TableView<'_>>::layout(4, 4).unwrap().size();
    let refused = <TableView<'_>>::init_in(&mut memory, 4, 4).err();
    assert!(matches!(refused, Some(Error::BufferTooSmall { needed }) if needed >= size));
    assert!(<TableView<'_>>::init_in(&mut memory, 4, 1).is_ok());
}

#[test]
fn a_table_is_found_where_it_was_made() {
    let table = <Table<5, 4>>::new();
    // SAFETY: there is such a table, which lives longer.
    let view: TableView<'_> = unsafe { TableView::at(NonNull::from(&table).cast(), 5, 4) }.unwrap();
    for value in 0..4 {
        assert_eq!(view.raise_with(4, Payload::new(value)), Ok(()));
    }
    let full = Payload::new(9);
    assert_eq!(table.raise_with(4, full), Err(RaiseError::Full(full)));
    assert_eq!(view.raise(5), Err(Error::NoSuchLine { lines: 5 }));
    view.raise(0).unwrap();
    let mut dispatcher = table.dispatcher().unwrap();
    assert!(view.dispatcher().is_none());
    assert_eq!(summary(dispatcher.try_wait(SignalSet::all())), Some((0, 1, None)));
    for value in 0..4 {
        assert_eq!(summary(dispatcher.try_wait(SignalSet::all())), Some((4, 1, Some(value))));
    }
    assert_eq!(format!("{view:?}"), format!("{table:?}"));
}
