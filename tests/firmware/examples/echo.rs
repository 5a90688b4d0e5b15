//! A serial link, with no more around it than it needs: what comes on its port goes back. The size
//! of this image beside that of `nothing` is what a serial link costs. See `flash`.
#![no_std]
#![no_main]

use core::hint::black_box;
use ringway_core::channel::link::{Config, Event, Phase, PortEvent, SerialLink};
use ringway_core::sync::{AtomicU32, Ordering};

ringway_firmware::image!(run, tick);

/// The nRF51822's.
const RECEIVE: *const u32 = 0x4000_2518 as *const u32;
const SEND: *mut u32 = 0x4000_251c as *mut u32;

static TICKS: AtomicU32 = AtomicU32::new(0);

fn tick() {
    // Relaxed: the interrupt alone writes it, and main reads only the number.
    let ticks = TICKS.load(Ordering::Relaxed);
    TICKS.store(ticks.wrapping_add(1), Ordering::Relaxed);
}

fn run() -> bool {
    let mut link = SerialLink::<64, 2, 2, 2>::new(Config::new(black_box(1)));
    let mut message = [0; 64];
    let _ = link.open(0);
    let _ = link.open_port(0);
    loop {
        // Relaxed: see `tick`.
        let now = u64::from(TICKS.load(Ordering::Relaxed));
        // SAFETY: this is the UART's register, and nobody else reads it.
        let byte = unsafe { RECEIVE.read_volatile() };
        link.handle_bytes(now, &[byte as u8]);
        if link.poll_timeout().is_some_and(|at| at <= now) {
            link.handle_timeout(now);
        }
        while let Some(event) = link.poll_event() {
            match event {
                Event::Down(_) if link.phase() == Phase::Down => return true,
                Event::Port(port, PortEvent::Reset(_)) => _ = link.open_port(port),
                Event::Port(port, PortEvent::PeerShutSend) => _ = link.shut_send(port),
                _ => {}
            }
        }
        if let Ok(len) = link.try_recv(0, &mut message) {
            if link.try_send(0, message.get(..len).unwrap_or_default()).is_err() {
                link.close(now);
            }
        }
        let mut out = [0];
        if link.poll_transmit(now, &mut out) == 1 {
            let [byte] = out;
            // SAFETY: this is the UART's register, and nobody else writes it.
            unsafe { SEND.write_volatile(byte.into()) };
        }
    }
}
