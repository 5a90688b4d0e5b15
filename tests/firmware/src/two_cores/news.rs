//! News: the second core broadcasts and keeps a newest value, the first core and its interrupt
//! listen. Both interrupts write another newest value, whose writer's half they pass to each other.

use crate::{Part, TICKS, add, message};
use ringway_core::ring::broadcast::{Broadcast, Reader, RecvError};
use ringway_core::ring::latest::{Latest, Version};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::Spin;
use ringway_firmware::report;

pub const PART: Part = Part { work, tick, check };

/// How many messages the second core broadcasts.
const MESSAGES: u32 = 10_000;

static NEWS: Broadcast<[u32; 3], 8, Spin> = Broadcast::new();
static NEWEST: Latest<[u32; 3], Spin> = Latest::new();
static OF_INTERRUPTS: Latest<[u32; 3], Spin> = Latest::new();

/// How many messages the first core heard or missed, and how many pieces of news were wrong: seen
/// by it, and by its interrupt. The one that counts writes.
static HEARD: AtomicU32 = AtomicU32::new(0);
static WRONG: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
/// The next value of the interrupts: that which has the writer's half uses it.
static NEXT: AtomicU32 = AtomicU32::new(0);
/// The newest value that the first core's interrupt saw; only it uses the number.
static SEEN: AtomicU32 = AtomicU32::new(0);
/// 1 once the first core listens.
static LISTENING: AtomicU32 = AtomicU32::new(0);

fn work(hart: usize) {
    if hart == 0 { listens() } else { sends() }
}

fn sends() {
    let (Some(mut news), Some(mut newest)) = (NEWS.writer(), NEWEST.writer()) else { return };
    while LISTENING.load(Ordering::Relaxed) == 0 {
        core::hint::spin_loop();
    }
    for number in 0..MESSAGES {
        news.send(message(number));
        newest.store(message(number));
    }
    news.close();
}

fn listens() {
    let mut reader = Reader::new(&NEWS);
    LISTENING.store(1, Ordering::Relaxed);
    let (mut seen, mut ticks) = (Version::NONE, Version::NONE);
    loop {
        let heard = HEARD.load(Ordering::Relaxed);
        match reader.recv() {
            Ok(news) => {
                add(&WRONG[0], u32::from(news != message(heard)));
                add(&HEARD, 1);
            }
            Err(RecvError::Lagged(gap)) => add(&HEARD, gap as u32),
            Err(_) => return,
        }
        look(&NEWEST, &mut seen);
        look(&OF_INTERRUPTS, &mut ticks);
    }
}

/// Checks a value that is newer than the one before.
fn look(latest: &Latest<[u32; 3], Spin>, seen: &mut Version) {
    if let Some((value, version)) = latest.load_newer(*seen) {
        let right = value == message(version.number().wrapping_sub(1) as u32) && version > *seen;
        add(&WRONG[0], u32::from(!right));
        *seen = version;
    }
}

fn tick(hart: usize) -> bool {
    if let (0, Some((value, _))) = (hart, NEWEST.load()) {
        let [number, ..] = value;
        let right = value == message(number) && number >= SEEN.load(Ordering::Relaxed);
        add(&WRONG[1], u32::from(!right));
        SEEN.store(number, Ordering::Relaxed);
    }
    let Some(mut writer) = OF_INTERRUPTS.writer() else { return false };
    // Relaxed: the half carries what the other interrupt stored.
    let next = NEXT.load(Ordering::Relaxed);
    writer.store(message(next));
    NEXT.store(next.wrapping_add(1), Ordering::Relaxed);
    true
}

fn check() -> bool {
    let (heard, wrong) = (HEARD.load(Ordering::Relaxed), crate::total(&WRONG));
    let newest =
        |latest: &Latest<[u32; 3], Spin>| latest.load().map_or(0, |([number, ..], _)| number);
    let (of_core, of_interrupts) = (newest(&NEWEST), newest(&OF_INTERRUPTS));
    report("news heard or missed", heard);
    report("of all these wrong", wrong);
    report("the newest", of_core);
    report("the newest of the interrupts", of_interrupts);
    heard == MESSAGES && wrong == 0 && of_core == MESSAGES - 1 && of_interrupts == 2 * TICKS - 1
}
