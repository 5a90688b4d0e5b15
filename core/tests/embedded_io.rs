//! The same code uses a ring, a pipe, a FIFO and a socket through the traits of `embedded-io`.
#![cfg(feature = "embedded-io")]

#[path = "support/yielding.rs"]
mod yielding;

use embedded_io::{Error as _, ErrorKind, Read, ReadReady, Write, WriteReady};
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe::Pipe;
use ringway_core::channel::socket::{Connection, Shutdown};
use ringway_core::ring::bytes::ByteRing;
use yielding::Yielding;

fn pipe() -> Pipe<8, Yielding> {
    Pipe::new()
}

/// Passes more bytes than fit, with each end on its own thread, then the end of file.
///
/// `end` closes the writer.
fn passes<R, W>(mut reader: R, mut writer: W, end: impl FnOnce(W) + Send)
where
    R: Read + ReadReady,
    W: Write<Error = R::Error> + WriteReady + Send,
{
    let sent: Vec<u8> = (0..=255).collect();
    assert!(!reader.read_ready().unwrap(), "nothing there");
    assert!(writer.write_ready().unwrap(), "all room there");
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut writer = writer;
            writer.write_all(&sent).unwrap();
            writer.flush().unwrap();
            end(writer);
        });
        let mut received = [0; 256];
        reader.read_exact(&mut received).unwrap();
        assert!(received[..] == sent[..]);
        assert_eq!(reader.read(&mut received).unwrap(), 0);
        assert!(reader.read_ready().unwrap(), "at the end of file a read does not wait");
    });
}

/// Writes until a write would wait, then closes the reader with `end`.
fn fills_and_breaks<R: Read, W: Write + WriteReady>(
    mut reader: R,
    mut writer: W,
    end: impl FnOnce(R),
    capacity: usize,
) {
    let mut written = 0;
    while writer.write_ready().unwrap() {
        written += writer.write(&[7; 100]).unwrap();
    }
    assert_eq!(written, capacity);
    let mut out = [0; 100];
    assert_eq!(reader.read(&mut out).unwrap(), capacity);
    assert!(writer.write_ready().unwrap());
    end(reader);
    assert!(writer.write_ready().unwrap(), "a broken pipe does not wait");
    assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn over_the_byte_ring() {
    let ring = || ByteRing::<8, Yielding>::new();
    let (mut first, mut second) = (ring(), ring());
    let (producer, consumer) = first.split();
    passes(consumer, producer, |producer| producer.close());
    let (producer, consumer) = second.split();
    fills_and_breaks(consumer, producer, |consumer| consumer.close(), 8);
}

#[test]
fn over_a_pipe() {
    let mut pipe = pipe();
    let (reader, writer) = pipe.split();
    passes(reader, writer, drop);
    let (reader, writer) = pipe.split();
    fills_and_breaks(reader, writer, drop, 8);
}

#[test]
fn over_a_fifo() {
    let names = Registry::<1, 8, Yielding>::new();
    names.create(b"n").unwrap();
    let open = || (names.try_open_reader(b"n").unwrap(), names.try_open_writer(b"n").unwrap());
    let (reader, writer) = open();
    passes(reader, writer, drop);
    let (reader, writer) = open();
    fills_and_breaks(reader, writer, drop, 8);
}

#[test]
fn over_a_stream() {
    let mut pair = Connection::<8, Yielding>::new();
    let (here, there) = pair.split();
    passes(here, there, drop);
    let (here, there) = pair.split();
    fills_and_breaks(here, there, drop, 8);
}

#[test]
fn pipe_is_ready_when_the_largest_atomic_write_fits() {
    let mut pipe = pipe();
    let (_reader, mut writer) = pipe.split();
    assert!(writer.write_ready().unwrap());
    writer.try_write(b"x").unwrap();
    assert!(!writer.write_ready().unwrap());
}

#[test]
fn shut_direction_is_ready() {
    let mut pair = Connection::<8, Yielding>::new();
    let (mut here, _there) = pair.split();
    here.shutdown(Shutdown::Both);
    assert!(here.read_ready().unwrap() && here.write_ready().unwrap());
    assert_eq!(Read::read(&mut here, &mut [0]), Ok(0));
    assert_eq!(Write::write(&mut here, b"x"), Err(ringway_core::Error::BrokenPipe));
}
