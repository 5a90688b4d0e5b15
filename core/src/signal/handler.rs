//! The handler of a line: the function that its deliveries run.

use super::payload::Raised;
use core::fmt;

/// The function that a line's deliveries run.
///
/// A table stores it as one pointer, so a change of handler is one step: the function and its
/// context always belong to the same handler.
///
/// ```
/// use ringway_core::signal::{Raised, Handler};
/// static COUNT: Handler = Handler::new(&|delivery: &Raised| {
///     assert!(delivery.line < 8);
/// });
/// ```
pub struct Handler {
    run: &'static (dyn Fn(&Raised) + Sync),
}

impl Handler {
    /// A handler that runs `run`.
    ///
    /// It runs where the dispatcher dispatches. It may raise, mask, unmask and change handlers,
    /// including its own.
    ///
    /// ```
    /// use ringway_core::signal::{Raised, Handler};
    /// fn on_reset(_: &Raised) {}
    /// static ON_RESET: Handler = Handler::new(&on_reset);
    /// ```
    pub const fn new(run: &'static (dyn Fn(&Raised) + Sync)) -> Self {
        Handler { run }
    }

    /// Runs the handler here and now; with it, one handler can call the previous one.
    ///
    /// ```
    /// use ringway_core::signal::{Raised, Handler};
    /// static FIRST: Handler = Handler::new(&|_: &Raised| ());
    /// static SECOND: Handler = Handler::new(&|delivery: &Raised| FIRST.run(delivery));
    /// ```
    pub fn run(&self, delivery: &Raised) {
        (self.run)(delivery);
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}
