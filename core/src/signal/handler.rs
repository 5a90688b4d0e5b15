//! What to do with a delivery.

use super::payload::Raised;
use core::fmt;

/// What to do with a delivery: one pointer, so that a change of handler is one step, and function
/// and context are never of two different handlers.
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
    /// A handler that runs this function. It runs where the dispatcher dispatches, and may raise,
    /// mask, unmask and change handlers, its own too.
    ///
    /// ```
    /// use ringway_core::signal::{Raised, Handler};
    /// fn on_reset(_: &Raised) {}
    /// static ON_RESET: Handler = Handler::new(&on_reset);
    /// ```
    pub const fn new(run: &'static (dyn Fn(&Raised) + Sync)) -> Self {
        Handler { run }
    }

    /// Runs the handler, here and now: from one handler to the one before it.
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
