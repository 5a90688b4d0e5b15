//! Measures how much of a serial line's rate a program gets.
//!
//! It sends messages of 256 bytes over a simulated full-duplex UART. Each direction carries one
//! byte per tick, and there is no buffer between the link and the wire.
//!
//! `cargo test -p ringway-core --test link_goodput -- --nocapture` prints the table. Errors are
//! bits flipped at random, the same in every run.
// Not for Miri: link_session, link_frame and link_hostile reach the unsafe code below a link.
#![cfg(not(any(loom, miri)))]

mod random;
#[path = "../src/scaled.rs"]
mod scaled;

use random::Random;
use ringway_core::channel::State;
use ringway_core::channel::link::{Config, SerialLink};
use scaled::scaled;

const MESSAGE: usize = 256;
/// The messages of a measurement.
const MESSAGES: usize = scaled(400);

type End<const WINDOW: usize> = SerialLink<MESSAGE, WINDOW, 1, 8>;

/// Sends `messages` from the first end to the second, and as many back if `both`.
///
/// Returns the share of the line's rate, in thousandths, that each direction in use carries. One
/// bit in `one_in` is flipped, none for 0.
fn goodput<const WINDOW: usize>(one_in: usize, both: bool, messages: usize) -> usize {
    // Longer than two frames each way. In ticks, the timeouts are the same for every line rate.
    let config = |generation| Config {
        retransmit: 900,
        hello: 2_000,
        keepalive: 20_000,
        gone: 80_000,
        ..Config::new(generation)
    };
    let mut random = Random::new(5);
    let mut ends = [End::<WINDOW>::new(config(1)), End::<WINDOW>::new(config(2))];
    for end in &mut ends {
        end.open(0).unwrap();
        end.open_port(0).unwrap();
    }
    let content: Vec<u8> = (0..MESSAGE).map(|_| random.below(256) as u8).collect();
    let (mut sent, mut received) = ([0; 2], [0; 2]);
    let wanted = [if both { messages } else { 0 }, messages];
    let mut started = None;
    for now in 0..10_000_000_u64 {
        for side in 0..2 {
            let mut byte = [0];
            if ends[side].poll_transmit(now, &mut byte) == 1 {
                if one_in > 0 && random.below(one_in / 8) == 0 {
                    byte[0] ^= 1 << random.below(8);
                }
                ends[1 - side].handle_bytes(now, &byte);
            }
        }
        for side in 0..2 {
            let end = &mut ends[side];
            if end.poll_timeout().is_some_and(|at| at <= now) {
                end.handle_timeout(now);
            }
            if end.port_state(0) == State::STREAM {
                started.get_or_insert(now);
            }
            while sent[side] < wanted[1 - side] && end.try_send(0, &content).is_ok() {
                sent[side] += 1;
            }
            while let Ok(message) = end.peek(0) {
                assert_eq!(message, content);
                end.release(0);
                received[side] += 1;
            }
        }
        if received == wanted {
            let ticks = now - started.expect("the link came up");
            return messages * MESSAGE * 1_000 / ticks as usize;
        }
    }
    panic!("{received:?} of {wanted:?} messages arrived");
}

#[test]
fn clean_line_carries_nine_tenths_of_its_rate() {
    println!("goodput in percent of the line rate, messages of {MESSAGE} bytes");
    println!("window  direction   clean   1e-6   1e-5   1e-4  (bit error rate)");
    let rates = [0, 1_000_000, 100_000, 10_000];
    for both in [false, true] {
        let rows = [
            (2, rates.map(|one_in| goodput::<2>(one_in, both, MESSAGES))),
            (4, rates.map(|one_in| goodput::<4>(one_in, both, MESSAGES))),
            (8, rates.map(|one_in| goodput::<8>(one_in, both, MESSAGES))),
        ];
        for (window, row) in rows {
            let direction = if both { "both ways" } else { "one way  " };
            let [a, b, c, d] = row.map(|rate| format!("{:3}.{}", rate / 10, rate % 10));
            println!("{window:6}  {direction}   {a}  {b}  {c}  {d}");
            assert!(row[0] >= 900, "{row:?} thousandths with a window of {window}");
            assert!(row[3] >= 300, "{row:?} thousandths: errors cost far more than frames");
        }
    }
}
