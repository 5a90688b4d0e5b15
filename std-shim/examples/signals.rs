//! Signals with values, and a timer. The handlers run where they may do anything.
//!
//! ```text
//! cargo run -p ringway --example signals
//! ```

use ringway::process;
use ringway::signal::{self, Delivery, IntervalTimer, Signal};
use std::sync::Mutex;
use std::time::Duration;

static SEEN: Mutex<Vec<(Signal, usize)>> = Mutex::new(Vec::new());

fn main() -> ringway::Result<()> {
    // Not a signal handler of the system: the dispatcher calls it, so it may lock and print.
    for (signal, delivery) in
        [(Signal::USR1, Delivery::Queued), (Signal::ALRM, Delivery::Coalesced)]
    {
        signal::handle(signal, delivery, |received| {
            println!(
                "{} with {:?} from {:?}",
                received.signal,
                received.value(),
                received.sender()
            );
            SEEN.lock().unwrap().push((received.signal, received.count as usize));
        })?;
    }
    let mut dispatcher = signal::dispatcher()?;
    for value in [1, 2, 3] {
        signal::queue(process::id(), Signal::USR1, value)?;
    }
    let mut timer = IntervalTimer::new(Signal::ALRM, 0)?;
    timer.start(Duration::from_millis(5), Duration::from_millis(5))?;
    let alarms =
        || SEEN.lock().unwrap().iter().filter(|(signal, _)| *signal == Signal::ALRM).count();
    while alarms() < 3 {
        dispatcher.pause()?; // sleeps until there is something to handle, and handles it
    }
    timer.stop()?;
    let queued = SEEN.lock().unwrap().iter().filter(|(signal, _)| *signal == Signal::USR1).count();
    assert_eq!(queued, 3, "each value arrives, in order");
    Ok(())
}
