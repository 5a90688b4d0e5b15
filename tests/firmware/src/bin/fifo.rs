//! FIFOs in a `static` registry: the timer's interrupt and main share only a name.
#![no_std]
#![no_main]

use core::cell::RefCell;
use critical_section::Mutex;
use ringway_core::Error;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe::Writer;
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::WaitForInterrupt;
use ringway_firmware::{report, start_timer};

static NAMES: Registry<2, 16, WaitForInterrupt> = Registry::new();

/// The end that the interrupt opened.
static WRITER: Mutex<RefCell<Option<Writer<'static, 16, WaitForInterrupt>>>> =
    Mutex::new(RefCell::new(None));

/// How many bytes the interrupt wrote; only the interrupt touches it.
static WRITTEN: AtomicU32 = AtomicU32::new(0);

/// How many bytes it writes before it closes.
const BYTES: u32 = 1_000;

ringway_firmware::image!(run, tick);

fn tick() {
    critical_section::with(|section| {
        let Ok(mut writer) = WRITER.borrow(section).try_borrow_mut() else { return };
        // Relaxed: only this function touches it.
        let written = WRITTEN.load(Ordering::Relaxed);
        if written == BYTES {
            *writer = None;
            return;
        }
        if writer.is_none() {
            // There is no reader yet, or main uses the registry at the moment: the next tick tries
            // again.
            *writer = NAMES.try_open_writer(b"sensor").ok();
        }
        let Some(end) = writer.as_mut() else { return };
        if let Ok(count) = end.try_write(&[written as u8, written.wrapping_add(1) as u8]) {
            WRITTEN.store(written.wrapping_add(count as u32), Ordering::Relaxed);
        }
    });
}

fn run() -> bool {
    start_timer();
    let absent = NAMES.try_open_writer(b"sensor").err() == Some(Error::NotFound);
    let made = NAMES.create(b"sensor").is_ok();
    let lonely = NAMES.try_open_writer(b"sensor").err() == Some(Error::NoReader);
    report("not found", u32::from(absent));
    report("no reader yet", u32::from(lonely));

    // Sleeps until the interrupt opens its end.
    let Ok(mut reader) = NAMES.open_reader(b"sensor") else { return false };
    let (mut count, mut wrong) = (0_u32, 0_u32);
    let mut bytes = [0; 7];
    while let Ok(read @ 1..) = reader.read(&mut bytes) {
        for byte in bytes.iter().take(read) {
            wrong = wrong.wrapping_add(u32::from(*byte != count as u8));
            count = count.wrapping_add(1);
        }
    }
    report("bytes", count);
    report("wrong", wrong);
    let taken = NAMES.try_open_reader(b"sensor").err() == Some(Error::Taken);
    report("a second reader", u32::from(!taken));

    // Without its name, the FIFO lives on until it is closed.
    let unlinked = NAMES.remove(b"sensor").is_ok();
    let gone = NAMES.try_open_reader(b"sensor").err() == Some(Error::NotFound);
    report("unlinked", u32::from(unlinked && gone));
    let places = [&b"a"[..], b"b"].map(|name| u32::from(NAMES.create(name).is_ok()));
    drop(reader);
    report("made while it is open", places.iter().sum());
    absent && made && lonely && taken && unlinked && gone && count == BYTES && wrong == 0
}
