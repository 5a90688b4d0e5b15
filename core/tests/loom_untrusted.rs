//! Models of the lanes between sides that do not trust each other, with peers that keep to the
//! rules: bytes arrive whole and in order, and nobody sleeps for ever.
#![cfg(loom)]

mod support;

use ringway_core::Error;
use ringway_core::sync::AtomicU32;
use ringway_core::untrusted::{Consumer, Producer, Reader, Sleeper, Words, Writer};
use ringway_core::wait::{TimedOut, Wait, Wake};
use support::sync::Arc;
use support::sync::atomic::AtomicU8;
use support::thread;
use support::{ModelFutex, model};

/// One side's way to sleep: on the peer's bell, while the peer sleeps on its own.
struct Side {
    mine: Arc<ModelFutex>,
    theirs: Arc<ModelFutex>,
}

impl Sleeper for Side {
    type Deadline = ();

    fn sleep(&self, word: &AtomicU32, expected: u32, deadline: Option<()>) -> Result<(), TimedOut> {
        self.theirs.wait(word, expected, deadline)
    }

    fn wake(&self, word: &AtomicU32) {
        self.mine.wake(word, u32::MAX);
    }

    fn peer_is_gone(&self) -> bool {
        false
    }
}

/// Both halves of a lane of `N` bytes.
macro_rules! lane {
    ($n:literal, $Tx:ident, $Rx:ident) => {{
        // Nobody owns memory that two sides share, so it is left behind.
        let words: &'static [Words; 2] = Box::leak(Box::new([Words::new(), Words::new()]));
        let bytes: &'static [AtomicU8; $n] =
            Box::leak(Box::new(std::array::from_fn(|_| AtomicU8::new(0))));
        let [sending, receiving] = [(); 2].map(|()| Arc::new(ModelFutex::default()));
        let [tx, rx] = words;
        (
            $Tx::new([tx, rx], bytes, Side { mine: sending.clone(), theirs: receiving.clone() }),
            $Rx::new([rx, tx], bytes, Side { mine: receiving, theirs: sending }),
        )
    }};
}

/// The writer overwrites a byte only after it was copied out.
#[test]
fn a_byte_is_read_before_it_is_overwritten() {
    model(Some(3), || {
        let (mut tx, mut rx) = lane!(1, Writer, Reader);
        let writer = thread::spawn(move || {
            for byte in [1, 2] {
                while tx.try_write(&[byte]) == Err(Error::WouldBlock) {
                    thread::yield_now();
                }
            }
            // Its end is modelled below.
            tx
        });
        for byte in [1, 2] {
            let mut out = [0];
            while rx.try_read(&mut out) == Err(Error::WouldBlock) {
                thread::yield_now();
            }
            assert_eq!(out, [byte]);
        }
        drop(writer.join().unwrap());
    });
}

#[test]
fn a_sleeping_reader_is_woken_by_what_is_written() {
    model(Some(3), || {
        let (mut tx, mut rx) = lane!(2, Writer, Reader);
        let writer = thread::spawn(move || {
            assert_eq!(tx.try_write(&[7, 8]), Ok(2));
            tx
        });
        let mut out = [0; 2];
        assert_eq!((rx.read_deadline(&mut out, None), out), (Ok(2), [7, 8]));
        drop(writer.join().unwrap());
    });
}

#[test]
fn a_sleeping_writer_is_woken_by_room() {
    model(Some(3), || {
        let (mut tx, mut rx) = lane!(1, Producer, Consumer);
        tx.try_push(1_u8).unwrap();
        let producer = thread::spawn(move || {
            tx.push_deadline(2, None).unwrap();
            tx
        });
        assert_eq!(rx.try_pop(), Ok(1_u8));
        assert_eq!(rx.pop_deadline(None), Ok(2));
        drop(producer.join().unwrap());
    });
}

/// Who sees the end sees everything that was sent before it.
#[test]
fn the_end_wakes_a_reader_and_hides_nothing() {
    model(Some(3), || {
        let (mut tx, mut rx) = lane!(1, Writer, Reader);
        let writer = thread::spawn(move || {
            tx.try_write(&[7]).unwrap();
        });
        let mut out = [0];
        assert_eq!((rx.read_deadline(&mut out, None), out), (Ok(1), [7]));
        assert_eq!(rx.read_deadline(&mut out, None), Ok(0));
        writer.join().unwrap();
    });
}

#[test]
fn the_end_wakes_a_writer() {
    model(Some(3), || {
        let (mut tx, rx) = lane!(1, Writer, Reader);
        tx.try_write(&[1]).unwrap();
        let reader = thread::spawn(move || drop(rx));
        assert_eq!(tx.write_deadline(&[2], None), Err(Error::BrokenPipe));
        reader.join().unwrap();
    });
}
