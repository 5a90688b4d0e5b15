//! The pipe, the FIFO, the socket and the signal of an operating system, without one.
//!
//! ```text
//! cargo run -p ringway-core --example in_memory
//! ```

use ringway_core::Error;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe::Pipe;
use ringway_core::channel::socket::Network;
use ringway_core::signal::{Handler, Raised, Table};

static PIPE: Pipe<256> = Pipe::new();
static NAMES: Registry<4, 256> = Registry::new(); // 4 names, 256 bytes each
static NET: Network<2, 4, 256> = Network::new(); // 2 listeners, 4 connections of 256 bytes each way
static SIGNALS: Table<8, 4> = Table::new(); // 8 lines; 4 payloads wait in each
static ON_TICK: Handler = Handler::new(&|tick: &Raised| println!("{} ticks", tick.count));
const TICK: u32 = 0;

fn main() -> Result<(), Error> {
    let mut bytes = [0; 64];

    let (mut reader, mut writer) = PIPE.open()?;
    writer.try_write(b"down the pipe")?;
    drop(writer);
    assert_eq!(reader.try_read(&mut bytes)?, 13);
    assert_eq!(reader.try_read(&mut bytes)?, 0, "end of file: the last writer is gone");

    NAMES.create(b"news")?;
    assert_eq!(NAMES.try_open_writer(b"news").err(), Some(Error::NoReader));
    let writer = std::thread::spawn(|| NAMES.open_writer(b"news")?.write(b"hello"));
    let mut reader = NAMES.open_reader(b"news")?; // waits for the other end
    assert_eq!(reader.read(&mut bytes)?, 5);
    assert_eq!(writer.join().expect("no panic"), Ok(5));

    let listener = NET.streams().listen(b"echo", 4)?;
    let mut client = NET.streams().try_connect(b"echo")?;
    let mut server = listener.try_accept()?;
    client.try_write(b"ping")?;
    assert_eq!(server.try_read(&mut bytes)?, 4);

    SIGNALS.set_handler(TICK, Some(&ON_TICK))?;
    let mut dispatcher = SIGNALS.dispatcher().ok_or(Error::Taken)?;
    SIGNALS.raise(TICK)?; // in an interrupt
    SIGNALS.raise(TICK)?;
    assert_eq!(dispatcher.dispatch(), 1, "one delivery, of two ticks");
    Ok(())
}
