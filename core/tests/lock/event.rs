//! Tests of the event.

use super::*;

#[test]
fn set_it_lets_all_pass_until_it_is_cleared() {
    let event = Event::<Ticking>::new();
    assert!(!event.is_set());
    assert_eq!(event.wait_deadline(soon()), Err(Error::TimedOut));
    event.set();
    event.set();
    event.wait();
    assert_eq!(event.wait_deadline(Some(0)), Ok(()));
    event.clear();
    event.clear();
    assert!(!event.is_set());
    assert_eq!(event.wait_deadline(Some(0)), Err(Error::TimedOut));
}

/// A sleep during which the event is set and cleared, once.
struct Pulse;

static PULSED: Event<Pulse> = Event::new();

impl Wake for Pulse {
    type Word = BellWord;

    const INIT: Self = Pulse;

    fn wake(&self, _: &AtomicU32, _: u32) {}
}

impl Wait for Pulse {
    type Deadline = std::convert::Infallible;

    fn wait(&self, _: &AtomicU32, _: u32, _: Option<Self::Deadline>) -> Result<(), TimedOut> {
        PULSED.set();
        PULSED.clear();
        Ok(())
    }
}

#[test]
fn a_waiter_returns_even_if_the_event_is_cleared() {
    PULSED.wait();
    assert!(!PULSED.is_set());
}

#[test]
fn two_play_ball_with_two_events() {
    static BALL: [Event<Yielding>; 2] = [const { Event::new() }; 2];
    let play = |mine: usize| {
        for _ in 0..scaled(1_000) {
            BALL[mine].wait();
            BALL[mine].clear();
            BALL[1 - mine].set();
        }
    };
    std::thread::scope(|s| {
        s.spawn(|| play(0));
        s.spawn(|| play(1));
        BALL[0].set();
    });
    assert!(BALL[0].is_set() && !BALL[1].is_set());
}
