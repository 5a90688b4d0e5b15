//! The measurements: one way, round trips, and alone on one thread. Every message is numbered and
//! checked.

use crate::message::{Message, Rx, Spsc, Tx};
use crate::sides::{Apart, Word};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The result of one start: names, each with a number.
pub type Found = Vec<(&'static str, f64)>;

/// The length of one pass in seconds, about. It is short, so that many passes are not interrupted.
pub const PASS: f64 = 1.5e-3;

/// How many passes a start makes after the first ones, which find out how many messages a pass has.
pub const PASSES: u64 = 9;

/// The median, or none of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The results of a start's passes: the median of the passes in which neither side lost its
/// processor, or of all passes if there is no such pass.
#[derive(Debug, Default)]
pub struct Passes {
    clean: Vec<f64>,
    others: Vec<f64>,
}

impl Passes {
    /// Enters what one pass found.
    pub fn add(&mut self, value: f64, clean: bool) {
        if clean { &mut self.clean } else { &mut self.others }.push(value);
    }

    /// Enters the median under `name`, and how many passes it is of under `clean`.
    pub fn enter(self, name: &'static str, found: &mut Found) -> f64 {
        let clean = self.clean.len() as f64;
        let value = median(self.clean).or_else(|| median(self.others)).unwrap_or(f64::NAN);
        found.push((name, value));
        found.push(("clean", clean));
        value
    }

    /// Makes passes on one side alone.
    pub fn alone(mut pass: impl FnMut() -> f64) -> Self {
        pass();
        let mut passes = Passes::default();
        for _ in 0..PASSES {
            let before = switches();
            let value = pass();
            passes.add(value, switches() == before);
        }
        passes
    }
}

/// How often the calling thread lost its processor although it had more to do.
pub fn switches() -> u64 {
    // SAFETY: plain numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: a place for the answer.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) };
    usage.ru_nivcsw as u64
}

/// How the two sides run every pass in step.
#[derive(Clone, Copy)]
pub struct Steps {
    go: &'static Word,
    done: &'static Word,
}

impl Steps {
    /// Makes one for two sides that are created after it.
    pub fn new() -> Self {
        Steps { go: Word::new(), done: Word::new() }
    }

    /// The other side's part. `work` receives the first number and the count of messages.
    pub fn follow(self, passes: u64, mut work: impl FnMut(std::ops::Range<u64>)) {
        let mut next = 0;
        for pass in 1..=passes {
            let count = self.go.started(pass);
            let before = switches();
            work(next..next + count);
            next += count;
            self.done.start(pass, switches() - before);
        }
    }

    /// This side's part in one pass. Returns the seconds, and whether neither side lost its
    /// processor, when both are done.
    pub fn lead(self, pass: u64, count: u64, work: impl FnOnce()) -> (f64, bool) {
        let before = switches();
        let begun = Instant::now();
        self.go.start(pass, count);
        work();
        let seconds = begun.elapsed().as_secs_f64();
        let clean = switches() == before;
        (seconds, self.done.started(pass) == 0 && clean)
    }
}

fn check<M: Message>(message: &M, n: u64) {
    if M::SIZE > 8 {
        // A message of more than a word counts as received when all of it is in the receiver's
        // memory.
        black_box(message);
    }
    if !message.is_number(n) {
        wrong(n);
    }
}

#[cold]
#[inline(never)]
fn wrong(n: u64) -> ! {
    panic!("a message arrived that is not number {n}")
}

/// A message in memory of its own, whatever its size.
fn on_heap<M: Message>() -> Box<M> {
    let mut bytes = Box::<M>::new_uninit();
    // Not zero, so that no page is the kernel's zero page.
    // SAFETY: as long as one message, which any bytes are.
    unsafe { bytes.as_mut_ptr().write_bytes(0x55, 1) };
    // SAFETY: initialized just now.
    unsafe { bytes.assume_init() }
}

/// Messages a second, one way. Small messages are made in place; large ones lie in the sender's
/// memory and are copied from there.
pub fn rate<S: Spsc<M>, M: Message>(apart: Apart) -> Found {
    let (tx, mut rx) = S::open();
    let steps = Steps::new();
    let passes = apart.run_with(
        tx,
        move |mut tx| {
            let mut message = on_heap::<M>();
            steps.follow(PASSES + 2, |numbers| {
                for n in numbers {
                    if M::SIZE <= 64 {
                        tx.send(&M::numbered(n));
                    } else {
                        message.set_number(n);
                        tx.send(&message);
                    }
                }
            });
        },
        || {
            let mut next = 0;
            let mut large = on_heap::<M>();
            let mut pass = |number: u64, count: u64| {
                let numbers = next..next + count;
                next += count;
                let (seconds, clean) = steps.lead(number, count, || {
                    if M::SIZE <= 64 {
                        let mut message = M::numbered(0);
                        for n in numbers {
                            rx.recv(&mut message);
                            check(&message, n);
                        }
                    } else {
                        for n in numbers {
                            rx.recv(&mut large);
                            check(&*large, n);
                        }
                    }
                });
                (count as f64 / seconds, clean)
            };
            // Two passes to warm up: one so short that the slowest entrant finishes it soon, then
            // one as long as the first allows.
            let (first, _) = pass(1, 64.max((1 << 16) / M::SIZE as u64));
            let (second, _) = pass(2, ((first * PASS) as u64).max(16));
            let count = ((second * PASS) as u64).max(16);
            let mut passes = Passes::default();
            for number in 3..3 + PASSES {
                let (rate, clean) = pass(number, count);
                passes.add(rate, clean);
            }
            passes
        },
    );
    let mut found = Found::new();
    let rate = passes.enter("rate", &mut found);
    found.push(("bytes", rate * M::SIZE as f64));
    found
}

/// Nanoseconds for a message there and its answer back: the mean, and the 50th and 99th percentile
/// of single ones.
pub fn trip<S: Spsc<M>, M: Message>(apart: Apart) -> Found {
    let (out_tx, out_rx) = S::open();
    let (back_tx, back_rx) = S::open();
    trip_with(apart, (out_tx, back_rx), (back_tx, out_rx))
}

/// [`trip`] with the ends given: those of this side, then those of the other.
pub fn trip_with<M: Message>(
    apart: Apart,
    (mut tx, mut rx): (impl Tx<M>, impl Rx<M>),
    theirs: (impl Tx<M>, impl Rx<M>),
) -> Found {
    const TIMED: u64 = 3;
    let steps = Steps::new();
    apart.run_with(
        theirs,
        move |(mut tx, mut rx)| {
            let mut message = on_heap::<M>();
            steps.follow(PASSES + TIMED + 2, |numbers| {
                for n in numbers {
                    rx.recv(&mut message);
                    check(&*message, n);
                    message.set_number(!n);
                    tx.send(&message);
                }
            });
        },
        || {
            let mut message = on_heap::<M>();
            let mut next = 0;
            let mut pass = |number: u64, count: u64, mut each: Option<&mut Vec<u64>>| {
                let numbers = next..next + count;
                next += count;
                let (seconds, clean) = steps.lead(number, count, || {
                    for n in numbers {
                        let sent = each.as_ref().map(|_| ticks());
                        message.set_number(n);
                        tx.send(&message);
                        rx.recv(&mut message);
                        check(&*message, !n);
                        if let (Some(each), Some(sent)) = (&mut each, sent) {
                            each.push(ticks() - sent);
                        }
                    }
                });
                (seconds / count as f64, clean)
            };
            let (first, _) = pass(1, 50, None);
            let (second, _) = pass(2, (PASS / 4.0 / first).max(20.0) as u64, None);
            let count = (PASS / second).clamp(20.0, 50_000.0) as u64;
            let mut passes = Passes::default();
            for number in 3..3 + PASSES {
                let (seconds, clean) = pass(number, count, None);
                passes.add(seconds * 1e9, clean);
            }
            let mut each = Vec::with_capacity((TIMED * count) as usize);
            for number in 3 + PASSES..3 + PASSES + TIMED {
                pass(number, count, Some(&mut each));
            }
            each.sort_unstable();
            let (unit, cost) = (nanoseconds_a_tick(), ticks_cost());
            let at = |share: f64| {
                let ticks = each[((each.len() - 1) as f64 * share) as usize];
                ticks.saturating_sub(cost) as f64 * unit
            };
            let mut found = vec![("p50", at(0.50)), ("p99", at(0.99))];
            passes.enter("mean", &mut found);
            found
        },
    )
}

/// Nanoseconds for a push and a pop on one thread.
pub fn alone<S: Spsc<M>, M: Message>() -> Found {
    let (mut tx, mut rx) = S::open();
    crate::sides::pin(crate::sides::Cpus::chosen().0);
    let mut pass = |count: u64| {
        let begun = Instant::now();
        let mut message = M::numbered(0);
        for n in 0..count {
            tx.send(black_box(&M::numbered(n)));
            rx.recv(&mut message);
            check(black_box(&message), n);
        }
        begun.elapsed().as_nanos() as f64 / count as f64
    };
    pass(10_000);
    let mut found = Found::new();
    Passes::alone(|| pass(300_000)).enter("pair", &mut found);
    found
}

/// A clock that costs little: the time stamp counter where there is one.
#[inline(always)]
fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has it.
    return unsafe { std::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    return {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    };
}

/// The time between two readings of that clock with nothing between them.
fn ticks_cost() -> u64 {
    (0..1000)
        .map(|_| {
            let first = ticks();
            ticks() - first
        })
        .min()
        .unwrap_or(0)
}

fn nanoseconds_a_tick() -> f64 {
    let (begun, first) = (Instant::now(), ticks());
    while begun.elapsed() < Duration::from_millis(2) {}
    begun.elapsed().as_nanos() as f64 / (ticks() - first) as f64
}
