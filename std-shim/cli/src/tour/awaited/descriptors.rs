//! Ends of the system, awaited in two processes.

use super::sides::{Give, Kind, Take};
use crate::digest::Intake;
use crate::failure::{Failure, Result};
use crate::part::{Part as Process, Report};
use crate::tour::executor::Watched;
use crate::tour::row::Row;
use ringway::CoreError;
use ringway::connection::{self, Connection};
use ringway::fifo::Fifo;
use ringway::pipe::{self, pipe};
use ringway::process::Pid;
use ringway::shm::{Layout, Part, Region, Semaphore};
use ringway::signal::{self, MaskGuard, Signal, SignalFd};
use ringway::socket::{
    Family, Listener, Socket, Stream, TcpListener, TcpStream, UnixSeqpacket, UnixStream,
};
use ringway_ways::Offer;
use std::os::fd::AsFd;
use std::path::Path;

/// An end, and its descriptor in this thread's executor.
pub struct End<T> {
    end: T,
    watched: Watched,
}

impl<T: AsFd> End<T> {
    fn new(end: T) -> Result<Self> {
        Ok(End { watched: Watched::new(&end)?, end })
    }
}

/// Implements the end that gives bytes, by the verb that gives some of them.
macro_rules! gives_bytes {
    ($([$($of:tt)*] $End:ty;)*) => {$(
        impl<$($of)*> Give for End<$End> {
            async fn give(&mut self, _number: u64, mut bytes: &[u8]) -> Result<()> {
                while !bytes.is_empty() {
                    let given = self.watched.write_with(|| self.end.try_write(bytes)).await?;
                    bytes = bytes.get(given..).unwrap_or_default();
                }
                Ok(())
            }

            async fn end(self) -> Result<()> {
                Ok(())
            }
        }
    )*};
}

/// Implements the end that takes bytes.
macro_rules! takes_bytes {
    ($([$($of:tt)*] $End:ty;)*) => {$(
        impl<$($of)*> Take for End<$End> {
            async fn take(&mut self, _number: u64, intake: &mut Intake) -> Result<bool> {
                let read = self.watched.read_with(|| self.end.try_read(intake.spare())).await?;
                intake.filled(read);
                Ok(read > 0)
            }
        }
    )*};
}

/// Implements both ends of what carries messages, an empty one of which is the end.
macro_rules! messages {
    ($($End:ty;)*) => {$(
        impl Give for End<$End> {
            async fn give(&mut self, _number: u64, bytes: &[u8]) -> Result<()> {
                self.watched.write_with(|| self.end.try_send(bytes)).await.map(drop)
            }

            async fn end(mut self) -> Result<()> {
                self.give(0, &[]).await
            }
        }

        impl Take for End<$End> {
            async fn take(&mut self, _number: u64, intake: &mut Intake) -> Result<bool> {
                let taken = self.watched.read_with(|| self.end.try_recv(intake.spare())).await?;
                intake.filled(taken);
                Ok(taken > 0)
            }
        }
    )*};
}

gives_bytes! { [] pipe::Writer; [F: Family] Socket<F, Stream>; }
takes_bytes! { [] pipe::Reader; [F: Family] Socket<F, Stream>; }
messages! { Connection; }

/// Kinds whose two ends are made together; one is handed over.
macro_rules! pairs {
    ($($(#[$meta:meta])* $Kind:ident: $Near:ty, $Far:ty = $pair:expr;)*) => {$(
        $(#[$meta])*
        pub struct $Kind;

        impl Kind for $Kind {
            type Host = $Near;
            type Near = End<$Near>;
            type Far = End<$Far>;

            fn start(row: &Row<'_>) -> Result<(Process, $Near)> {
                let (ours, theirs) = $pair?;
                Ok((row.start("the far end", "", vec![theirs.into()])?, ours))
            }

            async fn meet(ours: $Near) -> Result<End<$Near>> {
                End::new(ours)
            }

            async fn join(_far: &Report, mut given: Offer) -> Result<End<$Far>> {
                let [theirs] = given.take()?;
                End::new(<$Far>::try_from(theirs)?)
            }
        }
    )*};
}

pairs! {
    /// An anonymous pipe.
    Pipes: pipe::Writer, pipe::Reader = pipe().map(|(reader, writer)| (writer, reader));
    /// A Unix seqpacket socket.
    Seqpackets: UnixSeqpacket, UnixSeqpacket = UnixSeqpacket::pair();
    /// A connection.
    Connected: Connection, Connection = connection::pair();
}

/// A seqpacket socket has an end of its own, and no empty message.
impl Give for End<UnixSeqpacket> {
    async fn give(&mut self, _number: u64, bytes: &[u8]) -> Result<()> {
        self.watched.write_with(|| self.end.try_send(bytes)).await.map(drop)
    }

    async fn end(self) -> Result<()> {
        Ok(())
    }
}

impl Take for End<UnixSeqpacket> {
    async fn take(&mut self, _number: u64, intake: &mut Intake) -> Result<bool> {
        let attempt = || match self.end.try_recv(intake.spare()) {
            Err(error) if error.is(CoreError::EndOfFile) => Ok(None),
            taken => taken.map(Some),
        };
        let taken = self.watched.read_with(attempt).await?;
        intake.filled(taken.unwrap_or_default());
        Ok(taken.is_some())
    }
}

/// A named pipe.
pub struct Fifos;

impl Kind for Fifos {
    type Host = Fifo;
    type Near = End<pipe::Writer>;
    type Far = End<pipe::Reader>;

    fn start(row: &Row<'_>) -> Result<(Process, Fifo)> {
        let fifo = Fifo::create("fifo", 0o600)?;
        let far = row.start("the far end", "fifo", vec![])?;
        // A reader can open it at once, and a writer as soon as there is a reader.
        far.ready()?;
        Ok((far, fifo))
    }

    async fn meet(fifo: Fifo) -> Result<End<pipe::Writer>> {
        End::new(fifo.try_open_writer()?)
    }

    async fn join(far: &Report, given: Offer) -> Result<End<pipe::Reader>> {
        let reader = End::new(Fifo::open(Path::new(&given.name))?.try_open_reader()?)?;
        far.ready();
        // Before a writer comes, a read would find the end of file, and poll(2) finds nothing.
        reader.watched.readable().await;
        Ok(reader)
    }
}

/// Kinds whose ends meet at a listener.
macro_rules! listeners {
    ($($(#[$meta:meta])* $Kind:ident: $Listener:ty, $Stream:ty = $bind:expr, $name:expr;)*) => {$(
        $(#[$meta])*
        pub struct $Kind;

        impl Kind for $Kind {
            type Host = $Listener;
            type Near = End<$Stream>;
            type Far = End<$Stream>;

            fn start(row: &Row<'_>) -> Result<(Process, $Listener)> {
                let listener = <$Listener>::bind($bind)?;
                let name: fn(&$Listener) -> Result<String> = $name;
                Ok((row.start("the far end", &name(&listener)?, vec![])?, listener))
            }

            async fn meet(listener: $Listener) -> Result<End<$Stream>> {
                let watched = Watched::new(&listener)?;
                End::new(watched.read_with(|| listener.try_accept()).await?)
            }

            async fn join(_far: &Report, given: Offer) -> Result<End<$Stream>> {
                End::new(<$Stream>::connect(given.name.as_str())?)
            }
        }
    )*};
}

listeners! {
    /// A Unix stream socket, by path.
    UnixStreams: Listener<ringway::socket::Unix, Stream>, UnixStream = "socket", |_| Ok("socket".into());
    /// TCP on loopback, by port.
    Tcp: TcpListener, TcpStream = "127.0.0.1:0", |listener| Ok(listener.local_address()?.to_string());
}

/// Queued signals, each with up to three bytes and their number; a semaphore bounds how many are
/// under way.
pub struct Signals;

const CREDITS: &str = "credits";

/// The most signals under way: fewer than the system queues.
type Credits = Semaphore<16>;

pub struct Raises {
    to: Pid,
    credits: Part<Credits>,
}

pub struct Waits {
    signals: End<SignalFd>,
    credits: Part<Credits>,
    _blocked: MaskGuard,
}

fn real_time() -> Result<Signal> {
    Signal::real_time(0).ok_or_else(|| {
        Failure::new("this system has no real-time signals: leave the row out with --only")
    })
}

impl Kind for Signals {
    type Host = Raises;
    type Near = Raises;
    type Far = Waits;

    fn start(row: &Row<'_>) -> Result<(Process, Raises)> {
        let region = Region::anonymous(&Layout::new(2).part::<Credits>(CREDITS)?)?;
        let far = row.start_in(&region, "the far end", "")?;
        // A signal that is not blocked yet would end the process.
        far.ready()?;
        let host = Raises { to: far.pid(), credits: region.part(CREDITS)? };
        Ok((far, host))
    }

    async fn meet(host: Raises) -> Result<Raises> {
        Ok(host)
    }

    async fn join(far: &Report, mut given: Offer) -> Result<Waits> {
        let credits = given.region()?.part(CREDITS)?;
        let blocked = signal::block(real_time()?)?;
        let signals = End::new(SignalFd::new(real_time()?)?)?;
        far.ready();
        Ok(Waits { signals, credits, _blocked: blocked })
    }
}

impl Raises {
    /// Awaits that a signal may be under way, and queues it.
    async fn raise(&mut self, bytes: &[u8]) -> Result<()> {
        self.credits.acquire_async().await;
        let mut value = [0; 4];
        value.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
        value[3] = bytes.len() as u8;
        Ok(signal::queue(self.to, real_time()?, u32::from_le_bytes(value) as usize)?)
    }
}

impl Give for Raises {
    async fn give(&mut self, _number: u64, bytes: &[u8]) -> Result<()> {
        for part in bytes.chunks(3) {
            self.raise(part).await?;
        }
        Ok(())
    }

    async fn end(mut self) -> Result<()> {
        self.raise(&[]).await
    }
}

impl Take for Waits {
    async fn take(&mut self, _number: u64, intake: &mut Intake) -> Result<bool> {
        let received = self.signals.watched.read_with(|| self.signals.end.try_wait()).await?;
        let value = received.value().ok_or_else(|| Failure::new("a value got lost"))? as u32;
        self.credits.release(1)?;
        let [bytes @ .., count] = value.to_le_bytes();
        intake.take(bytes.get(..usize::from(count)).unwrap_or_default());
        Ok(count > 0)
    }
}
