//! Signals: raised anywhere, handled in one place.
//!
//! A [`Table`] has lines. [`raise`](Table::raise) marks a line and wakes the dispatcher; it is safe
//! in an interrupt and in a signal handler. The handlers run later, where the program calls
//! [`Dispatcher::dispatch`], in the order of the lines' priorities. No handler runs at any other
//! time, so a handler may do anything.
//!
//! ```
//! use ringway_core::signal::{Raised, Handler, Table};
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! static SIGNALS: Table<8, 4> = Table::new();
//! const TICK: u32 = 0;
//! static TICKS: AtomicU64 = AtomicU64::new(0);
//! static ON_TICK: Handler = Handler::new(&|tick: &Raised| {
//!     TICKS.fetch_add(tick.count, Ordering::Relaxed);
//! });
//!
//! // Once, at the start:
//! SIGNALS.set_handler(TICK, Some(&ON_TICK))?;
//! let mut dispatcher = SIGNALS.dispatcher().expect("only this place dispatches");
//! // In the interrupt:
//! SIGNALS.raise(TICK)?;
//! SIGNALS.raise(TICK)?;
//! // In the main loop:
//! assert_eq!(dispatcher.dispatch(), 1); // two raises, one delivery
//! assert_eq!(TICKS.load(Ordering::Relaxed), 2);
//! # Ok::<(), ringway_core::Error>(())
//! ```
//!
//! A [`Table`] has constant sizes. A [`TableView`] is a table whose sizes are known at run time.
//!
//! # What a line keeps
//!
//! - **Plain raises are counted, and coalesce**: one delivery tells how many there were. The count
//!   has 64 bits and is exact. (On a target without compare-and-swap it has 56 bits.)
//! - **Raises with a payload queue**, up to `DEPTH` a line. The dispatcher delivers them one by
//!   one, in order, each with its [`Payload`]. A full queue gives the payload back:
//!   [`RaiseError::Full`]. Each line has its own queue, so a noisy line takes no room from a quiet
//!   one and does not delay one of higher priority.
//! - A line that is **masked**, or has **no handler**, stays pending: nothing is dropped.
//!
//! If a line has both, the dispatcher delivers the plain raises before the queued payloads.
//!
//! # Progress
//!
//! | call | progress |
//! |---|---|
//! | `raise`, `raise_with`, `end_dispatcher`, `set_mask`, `set_handler`, `set_priority`, `pending` | wait-free: a fixed number of atomic operations and no loop, wherever another context is suspended |
//! | `mask`, `unmask` | the same number of operations, but lock-free on most processors. Few processors can change bits and return the old ones in one instruction. The others retry when another context changed the mask meanwhile |
//! | `dispatch`, `dispatch_one`, `try_wait` | never sleep, and check each line once per delivery. A raiser reserves a slot in a line's queue, then fills it. If it is suspended between the two, it delays the payloads behind its own on that line until it goes on |
//! | `pause`, `wait`, `poll_pause`, `poll_wait`, `pause_async`, `wait_async` | sleep |
//!
//! The table covers the table's own operations. To wake a sleeping dispatcher, they call
//! [`Wake::wake`], whose progress depends on `W`. On a processor with load-linked and
//! store-conditional instead of atomic instructions (ARM before 8.1), every read-modify-write may
//! retry.
//!
//! On a target without compare-and-swap, each call in the first two rows but `pending` is one short
//! critical section. A delivery is one for a count and two for a payload. The dispatcher looks for
//! the line, copies the payload and runs the handler outside of them. No section gets longer with
//! `LINES` or `DEPTH`. The longest, of `raise_with`, takes less than 40 instructions on a
//! Cortex-M0.
//!
//! # What happens before what
//!
//! A context raises a line. The handler that gets this raise sees everything the context did
//! before, whether or not the raise was coalesced with others. A raise made after
//! [`set_handler`](Table::set_handler) returned runs that handler or a later one. The handlers that
//! [`unmask`](Table::unmask) lets run see everything done before that call.

mod cells;
mod dispatcher;
mod handler;
mod payload;
mod set;
// Without compare-and-swap, one critical section for an operation is smaller, and quicker, than
// one for each change of a word.
#[cfg_attr(any(no_cas, not(any(loom, target_has_atomic = "32"))), path = "signal/section.rs")]
mod state;
mod table;
mod view;

#[cfg(all(test, not(loom)))]
mod tests;

pub use cells::{Cells, FixedCells, ViewCells};
pub use dispatcher::{Dispatcher, TableRef};
pub use handler::Handler;
pub use payload::{Payload, RaiseError, Raised};
pub use set::{Lines, SignalSet};
pub use table::{Table, TableInner};
pub use view::TableView;

use crate::wait::Wake;

impl<const LINES: usize, const DEPTH: usize, W: Wake> Table<LINES, DEPTH, W> {
    /// The right to dispatch, for one place at a time: `None` while another has it. It is given
    /// back when dropped.
    ///
    /// ```
    /// use ringway_core::signal::Table;
    /// let table = <Table<4, 0>>::new();
    /// let dispatcher = table.dispatcher().unwrap();
    /// assert!(table.dispatcher().is_none());
    /// drop(dispatcher);
    /// assert!(table.dispatcher().is_some());
    /// ```
    pub fn dispatcher(&self) -> Option<Dispatcher<&Self>> {
        Dispatcher::of(self)
    }
}

impl<W: Wake> TableView<'_, W> {
    /// The right to dispatch, as [`Table::dispatcher`].
    ///
    /// ```
    /// use ringway_core::signal::{Dispatcher, SignalSet, Table, TableView};
    /// static SIGNALS: Table<4, 0> = Table::new();
    /// struct Main {
    ///     dispatcher: Dispatcher<TableView<'static>>,
    /// }
    /// let mut main = Main { dispatcher: SIGNALS.view().dispatcher().unwrap() };
    /// assert_eq!(main.dispatcher.try_wait(SignalSet::all()), None);
    /// ```
    pub fn dispatcher(self) -> Option<Dispatcher<Self>> {
        Dispatcher::of(self)
    }
}
