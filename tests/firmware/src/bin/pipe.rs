//! A pipe in a `static`: the timer's interrupt and main write records into it at the same time, and
//! main reads them all.
#![no_std]
#![no_main]

use core::cell::RefCell;
use critical_section::Mutex;
use ringway_core::Error;
use ringway_core::channel::pipe::{Pipe, Writer};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::WaitForInterrupt;
use ringway_firmware::{report, start_timer};

static LOG: Pipe<30, WaitForInterrupt> = Pipe::new();

/// The interrupt's writer, until it has written all.
static WRITER: Mutex<RefCell<Option<Writer<'static, 30, WaitForInterrupt>>>> =
    Mutex::new(RefCell::new(None));

/// How many records the interrupt has written; touched by it alone.
static WRITTEN: AtomicU32 = AtomicU32::new(0);

/// How many records each side writes.
const RECORDS: u32 = 500;

ringway_firmware::image!(run, tick);

/// A record states its writer, and how many records that writer wrote before.
fn record(who: u8, number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_le_bytes();
    [who, a, b, c, d]
}

fn tick() {
    critical_section::with(|section| {
        let Ok(mut writer) = WRITER.borrow(section).try_borrow_mut() else { return };
        let Some(end) = writer.as_mut() else { return };
        // Relaxed: touched here alone.
        let written = WRITTEN.load(Ordering::Relaxed);
        if written == RECORDS {
            // Closes this end.
            *writer = None;
        } else if end.try_write(&record(b'i', written)).is_ok() {
            WRITTEN.store(written.wrapping_add(1), Ordering::Relaxed);
        }
    });
}

fn run() -> bool {
    let Ok((mut reader, writer)) = LOG.open() else { return false };
    report("opened twice", u32::from(LOG.open().is_ok()));
    let Ok(other) = writer.try_clone() else { return false };
    let handed_over = critical_section::with(|section| {
        WRITER.borrow(section).try_borrow_mut().map(|mut place| *place = Some(other)).is_ok()
    });
    start_timer();

    let (mut from_interrupt, mut from_main) = (0, 0);
    let (mut cut, mut mixed) = (0_u32, 0_u32);
    let mut written = 0_u32;
    let mut writer = Some(writer);
    loop {
        if let Some(end) = &mut writer {
            if written == RECORDS {
                writer = None;
            } else if end.try_write(&record(b'm', written)).is_ok() {
                written = written.wrapping_add(1);
            }
        }
        // Sleeps until there is something. A record is written whole, so it arrives whole.
        let mut bytes = [0; 5];
        match reader.read(&mut bytes) {
            Ok(5) => {}
            Ok(0) => break,
            _ => cut = cut.wrapping_add(1),
        }
        let (expected, who) = match bytes {
            [b'i', ..] => (&mut from_interrupt, b'i'),
            _ => (&mut from_main, b'm'),
        };
        if bytes != record(who, *expected) {
            mixed = mixed.wrapping_add(1);
        }
        *expected = expected.wrapping_add(1);
    }
    report("records of the interrupt", from_interrupt);
    report("records of main", from_main);
    report("cut", cut);
    report("mixed or out of order", mixed);

    drop(reader);
    let Ok((reader, mut writer)) = LOG.open() else { return false };
    drop(reader);
    let broken = writer.write(b"x") == Err(Error::BrokenPipe);
    report("broken pipe", u32::from(broken));
    handed_over && broken && cut == 0 && mixed == 0
}
