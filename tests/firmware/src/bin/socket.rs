//! Sockets: the timer's interrupt is a client that sends requests, main is the server that answers.
#![no_std]
#![no_main]

use core::cell::RefCell;
use critical_section::Mutex;
use ringway_core::Error;
use ringway_core::channel::socket::{Connection, Network, Packets, Shutdown};
use ringway_core::sync::{AtomicU32, Ordering};
use ringway_core::wait::WaitForInterrupt;
use ringway_firmware::{report, start_timer};

static NET: Network<1, 2, 24, WaitForInterrupt> = Network::new();

/// The interrupt's side of the connection.
static CLIENT: Mutex<RefCell<Option<Packets<'static, 24, WaitForInterrupt>>>> =
    Mutex::new(RefCell::new(None));

/// How many requests the interrupt sent, how many answers it got, and how many of these were wrong;
/// only the interrupt touches them.
static SENT: AtomicU32 = AtomicU32::new(0);
static ANSWERED: AtomicU32 = AtomicU32::new(0);
static WRONG: AtomicU32 = AtomicU32::new(0);

/// How many requests the interrupt sends before it closes.
const REQUESTS: u32 = 200;

const PORT: u16 = 7;

ringway_firmware::image!(run, tick);

fn add_one(to: &AtomicU32) {
    // Relaxed, here and below: the interrupt alone writes these, and main reads them when it is
    // done.
    to.store(to.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

fn tick() {
    critical_section::with(|section| {
        let Ok(mut place) = CLIENT.borrow(section).try_borrow_mut() else { return };
        let answered = ANSWERED.load(Ordering::Relaxed);
        if answered == REQUESTS {
            // Closes this side.
            *place = None;
            return;
        }
        if place.is_none() {
            // Nobody listens yet, or main uses the network at the moment: the next tick tries
            // again.
            *place = NET.packets().try_connect(PORT).ok();
        }
        let Some(client) = place.as_mut() else { return };
        let sent = SENT.load(Ordering::Relaxed);
        if sent < REQUESTS && client.try_send(&sent.to_le_bytes()).is_ok() {
            add_one(&SENT);
        }
        let mut answer = [0; 8];
        if let Ok(len) = client.try_recv(&mut answer) {
            let [a, b, c, d, ..] = answer;
            let right = len == 4 && u32::from_le_bytes([a, b, c, d]) == answered.wrapping_mul(3);
            if !right {
                add_one(&WRONG);
            }
            add_one(&ANSWERED);
        }
    });
}

fn run() -> bool {
    let refused = NET.packets().try_connect(PORT).err() == Some(Error::Refused);
    report("refused", u32::from(refused));
    let Ok(listener) = NET.packets().listen(PORT, 1) else { return false };
    let in_use = NET.packets().listen(PORT, 1).err() == Some(Error::AddressInUse);
    report("address in use", u32::from(in_use));
    start_timer();

    // Sleeps until the interrupt connects.
    let Ok(mut server) = listener.accept() else { return false };
    let mut served = 0_u32;
    let mut request = [0; 8];
    while let Ok(4) = server.recv(&mut request) {
        let [a, b, c, d, ..] = request;
        let answer = u32::from_le_bytes([a, b, c, d]).wrapping_mul(3);
        if server.send(&answer.to_le_bytes()).is_err() {
            break;
        }
        served = served.wrapping_add(1);
    }
    let ended = server.recv(&mut request) == Err(Error::EndOfFile);
    report("requests", served);
    report("wrong answers", WRONG.load(Ordering::Relaxed));
    report("end of file", u32::from(ended));

    // A pair, half-closed: what was sent is read before the end of file, and the other direction
    // still works.
    let mut pair = Connection::<24, WaitForInterrupt>::new();
    let (mut ours, mut theirs) = pair.split();
    let sent = ours.try_write(b"last words");
    ours.shutdown(Shutdown::Write);
    let mut out = [0; 16];
    let read = theirs.try_read(&mut out);
    let half_closed = sent == Ok(10)
        && read == Ok(10)
        && theirs.try_read(&mut out) == Ok(0)
        && ours.try_write(b"x") == Err(Error::BrokenPipe)
        && theirs.try_write(b"x") == Ok(1)
        && ours.try_read(&mut out) == Ok(1);
    report("half-closed", u32::from(half_closed));
    refused && in_use && ended && half_closed && served == REQUESTS
}
