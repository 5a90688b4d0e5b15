//! defmt's log in a byte ring. Any task and any interrupt may log; the one who drains the ring
//! sends the bytes on, whenever the processor has time.

use core::cell::RefCell;
use critical_section::{Mutex, RestoreState};
use ringway_core::ring::bytes::{ByteRing, Consumer, Producer};
use ringway_core::wait::{Async, WaitForInterrupt};

/// The one who drains may sleep as a task, or as main does.
pub type Log = ByteRing<256, Async<WaitForInterrupt>>;

static LOG: Log = ByteRing::new();

/// The frame that is being written. A longer one is lost.
struct Frame {
    encoder: defmt::Encoder,
    bytes: [u8; 64],
    len: usize,
    producer: Option<Producer<&'static Log>>,
    lost: u32,
    /// The interrupts as they were before the frame.
    restore: RestoreState,
}

impl Frame {
    /// Lets defmt's encoder add bytes.
    fn encode(&mut self, with: impl FnOnce(&mut defmt::Encoder, &mut dyn FnMut(&[u8]))) {
        let Frame { encoder, bytes, len, .. } = self;
        with(encoder, &mut |more| {
            if let Some(place) = bytes.get_mut(*len..*len + more.len()) {
                place.copy_from_slice(more);
            }
            *len += more.len();
        });
    }

    /// Writes the frame to the ring: all of it or nothing.
    fn finish(&mut self) {
        let frame = self.bytes.get(..core::mem::take(&mut self.len));
        let written = match (frame, &mut self.producer) {
            (Some(frame), Some(producer)) => producer.try_write_all(frame).is_ok(),
            _ => false,
        };
        self.lost += u32::from(!written);
    }
}

static FRAME: Mutex<RefCell<Frame>> = Mutex::new(RefCell::new(Frame {
    encoder: defmt::Encoder::new(),
    bytes: [0; 64],
    len: 0,
    producer: None,
    lost: 0,
    restore: RestoreState::invalid(),
}));

fn frame<R>(work: impl FnOnce(&mut Frame) -> R) -> R {
    critical_section::with(|section| work(&mut FRAME.borrow_ref_mut(section)))
}

/// Begins the log; returns the half that drains it.
pub fn start() -> Option<Consumer<&'static Log>> {
    frame(|frame| frame.producer = LOG.producer());
    LOG.consumer()
}

/// Ends the log: the one who drains it finds the end of file behind the last frame. Returns how
/// many frames were lost.
pub fn stop() -> u32 {
    let (producer, lost) = frame(|frame| (frame.producer.take(), frame.lost));
    if let Some(producer) = producer {
        producer.close();
    }
    lost
}

#[defmt::global_logger]
struct Logger;

// SAFETY: from `acquire` to `release` interrupts are off, so that nobody else writes.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: `release` ends the section, with the state that this returns.
        let restore = unsafe { critical_section::acquire() };
        frame(|frame| {
            frame.restore = restore;
            frame.encode(|encoder, write| encoder.start_frame(write));
        });
    }

    unsafe fn write(bytes: &[u8]) {
        frame(|frame| frame.encode(|encoder, write| encoder.write(bytes, write)));
    }

    unsafe fn release() {
        let restore = frame(|frame| {
            frame.encode(|encoder, write| encoder.end_frame(write));
            frame.finish();
            frame.restore
        });
        // SAFETY: the state is that of `acquire`.
        unsafe { critical_section::release(restore) };
    }

    unsafe fn flush() {}
}
