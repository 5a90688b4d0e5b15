//! `channel::socket`: streams and messages between those who listen and connect.

use super::{leak, pipe};
use crate::conformance::{Answer, Content, End, Promises, Reader, Transport, Writer};
use ringway::wait::PrivateFutex;
use ringway_core::channel::socket::{Connection, Network, Shutdown};
use ringway_core::channel::{pipe::Pipe, socket};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

const CAPACITY: usize = 5_003;

/// So few that a place which is not given back is missed soon.
const CONNECTIONS: usize = 4;

static NETWORK: Network<2, CONNECTIONS, CAPACITY, PrivateFutex> = Network::new();

const fn connection() -> Connection<CAPACITY, PrivateFutex> {
    Connection::new()
}

/// A stream that is used as a whole: by one context at a time, hence in one direction at a time.
pub struct Stream;
/// A stream that was taken apart, for two contexts at each end.
pub struct StreamHalves;
/// Messages.
pub struct Packets;

const PROMISES: Promises = Promises {
    content: Content::Bytes,
    both_at_once: false,
    half_close: true,
    several_writers: false,
    atomic: None,
    end: true,
    torn: false,
    reliable: true,
    bounded: true,
    immediate: true,
    processes: false,
};

/// Listens, connects and accepts; `$kind` is `streams` or `packets`.
macro_rules! meet {
    ($kind:ident) => {{
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
        let listener = NETWORK.$kind().listen(name.as_str(), 1).expect("the name is free");
        std::thread::scope(|scope| {
            let near = scope.spawn(|| NETWORK.$kind().connect(name.as_str()));
            let far = listener.accept().expect("it connects");
            (near.join().expect("it came to an end").expect("somebody listens"), far)
        })
    }};
}

impl Transport for Stream {
    fn name(&self) -> &'static str {
        "memory::stream"
    }

    fn promises(&self) -> Promises {
        PROMISES
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let (near, far) = meet!(streams);
        (Shared::end(near), Shared::end(far))
    }
}

impl Transport for StreamHalves {
    fn name(&self) -> &'static str {
        "memory::stream_halves"
    }

    fn promises(&self) -> Promises {
        // Of a half that is by itself, the end is to drop it.
        Promises {
            both_at_once: true,
            half_close: false,
            ..pipe::promises(Pipe::<CAPACITY, PrivateFutex>::ATOMIC)
        }
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let (near, far) = leak(connection()).pair().expect("it is new");
        let [near, far] = [near, far].map(|end| {
            let (rx, tx) = end.into_split();
            End::both(rx.expect("it was not shut"), tx.expect("it was not shut"))
        });
        (near, far)
    }
}

impl Transport for Packets {
    fn name(&self) -> &'static str {
        "memory::packets"
    }

    fn promises(&self) -> Promises {
        let max = socket::Packets::<CAPACITY, PrivateFutex>::MAX;
        let content = Content::Messages { max, empty: true, limit: Some(max + 1), copied: true };
        Promises { content, ..PROMISES }
    }

    fn pair(&self, _place: &Path) -> (End, End) {
        let (near, far) = meet!(packets);
        (Shared::end(near), Shared::end(far))
    }
}

/// One of the two that have an end: it is used through `&mut`, by one at a time.
struct Shared<E>(Arc<Mutex<E>>);

impl<E> Shared<E>
where
    Shared<E>: Reader + Writer + 'static,
{
    fn end(end: E) -> End {
        let end = Arc::new(Mutex::new(end));
        End::both(Shared(end.clone()), Shared(end))
    }
}

impl<E> Shared<E> {
    fn lock(&self) -> MutexGuard<'_, E> {
        self.0.try_lock().expect("one direction at a time")
    }
}

type Bytes = socket::Stream<'static, CAPACITY, PrivateFutex>;
type Messages = socket::Packets<'static, CAPACITY, PrivateFutex>;

impl Reader for Shared<Bytes> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.lock().read(buf)
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.lock().try_read(buf)
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        self.lock().read_deadline(buf, Some(deadline))
    }

    fn shut(&mut self) -> Answer<()> {
        self.lock().shutdown(Shutdown::Read);
        Ok(())
    }
}

impl Writer for Shared<Bytes> {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        self.lock().write(buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        self.lock().try_write(buf)
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        self.lock().write_deadline(buf, Some(deadline))
    }

    fn shut(&mut self) -> Answer<()> {
        self.lock().shutdown(Shutdown::Write);
        Ok(())
    }
}

impl Reader for Shared<Messages> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.lock().recv(buf)
    }

    fn try_read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.lock().try_recv(buf)
    }

    fn read_deadline(&mut self, buf: &mut [u8], deadline: Instant) -> Answer<usize> {
        self.lock().recv_deadline(buf, Some(deadline))
    }

    fn shut(&mut self) -> Answer<()> {
        self.lock().shutdown(Shutdown::Read);
        Ok(())
    }
}

impl Writer for Shared<Messages> {
    fn write(&mut self, buf: &[u8]) -> Answer<usize> {
        self.lock().send(buf).map(|()| buf.len())
    }

    fn try_write(&mut self, buf: &[u8]) -> Answer<usize> {
        self.lock().try_send(buf).map(|()| buf.len())
    }

    fn write_deadline(&mut self, buf: &[u8], deadline: Instant) -> Answer<usize> {
        self.lock().send_deadline(buf, Some(deadline)).map(|()| buf.len())
    }

    fn shut(&mut self) -> Answer<()> {
        self.lock().shutdown(Shutdown::Write);
        Ok(())
    }
}
