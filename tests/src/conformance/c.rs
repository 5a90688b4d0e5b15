//! Ends in C: a program that does what it is told through two sockets for each end, one a half.
//!
//! It is `std-shim/c/tests/end.c`, and the variable [`PROGRAM`] says where it was built:
//! `std-shim/c/tests/linux` does so. Without it there are no such transports.

use ringway::shm::{self, Layout, Region, RobustFutex};
use ringway::{CoreError, fd};
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::pipe;
use ringway_core::channel::socket::{Network, Shutdown};
use ringway_core::ring::PushError;
use ringway_ways::closes::{Close, put};
use ringway_ways::shm::{BACK, THERE, handed};
use ringway_ways::{Accept, End, Failure, Form, Offer, Reader, Result, Way, Writer};
use std::io::{self, PipeWriter, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

/// The variable that says where the program is.
pub const PROGRAM: &str = "RINGWAY_C_END";

/// A way whose other end is in C.
pub struct InC {
    /// The way, whose first end is in Rust.
    pub way: &'static dyn Way,
    /// What the program calls it.
    pub kind: &'static str,
    /// Whether the end in C is the first of a pair: in most cases, that one sends.
    pub first: bool,
}

impl Way for InC {
    fn host(&self, place: &Path) -> Result<(Offer, Accept)> {
        self.way.host(place)
    }

    fn join(&self, offer: Offer) -> Result<End> {
        start(self.kind, &offer)
    }

    fn pair(&self, place: &Path) -> Result<(End, End)> {
        let (offer, accept) = self.host(place)?;
        // Both at a time: they may have to meet.
        let (ours, theirs) = thread::scope(|scope| {
            let theirs = scope.spawn(|| self.join(offer));
            let ours = accept();
            let theirs = theirs.join().map_err(|_| Failure::new("the other end panicked"))?;
            Result::Ok((ours?, theirs?))
        })?;
        Ok(if self.first { (theirs, ours) } else { (ours, theirs) })
    }
}

/// A way both of whose ends are in C, in one process: the core's pipes and pairs are opened as a
/// whole.
pub struct BothInC {
    /// What the program calls it.
    pub kind: &'static str,
}

impl Way for BothInC {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let (near, far) = self.start()?;
        Ok((Offer { end: Some(far), ..Offer::default() }, Box::new(|| Ok(near))))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        offer.end.ok_or_else(|| Failure::new("the other end is missing"))
    }
}

impl BothInC {
    fn start(&self) -> Result<(End, End)> {
        let [near, far] = started(self.kind, &Offer::default())?;
        near.rx.is_done()?;
        Ok((near.into(), far.into()))
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::new(format!("the end in C: {error}"))
}

/// Starts the program, with what was offered.
fn start(kind: &str, offer: &Offer) -> Result<End> {
    let [end] = started(kind, offer)?;
    end.rx.is_done()?;
    Ok(end.into())
}

/// The halves of an end in C.
struct Halves {
    rx: Half,
    tx: Half,
}

impl From<Halves> for End {
    fn from(halves: Halves) -> End {
        End::new(halves.rx, halves.tx)
    }
}

/// Starts the program with this many ends. It answers when it has them.
fn started<const ENDS: usize>(kind: &str, offer: &Offer) -> Result<[Halves; ENDS]> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let program = std::env::var_os(PROGRAM).ok_or_else(|| Failure::new(PROGRAM))?;
    let (life, writer) = io::pipe().map_err(failed)?;
    // Relaxed: only the count matters.
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let writers = format!("ringway-c-end-{}-{count}", std::process::id());
    let mut command = Command::new(program);
    let name = if offer.name.is_empty() { "-" } else { &offer.name };
    command.args([kind, name, &format!("@{writers}")]);
    let mut given = vec![fd::inherit(&life, &mut command)?];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..2 * ENDS {
        let (here, there) = UnixStream::pair().map_err(failed)?;
        given.push(fd::inherit(&there, &mut command)?);
        ours.push(here);
        theirs.push(there);
    }
    for descriptor in &offer.descriptors {
        given.push(fd::inherit(descriptor, &mut command)?);
    }
    let child = command.args(given.iter().map(ToString::to_string)).spawn().map_err(failed)?;
    drop((command, life, theirs));
    let program = Arc::new(Program { child: Mutex::new(child), writers, _life: writer });
    let bytes = !matches!(kind, "messages" | "items" | "jobs" | "connection" | "packets" | "link")
        && !kind.starts_with("mem_packets");
    let mut ours = ours.into_iter();
    let ends = std::array::from_fn(|which| {
        let mut half = |is_writer| Half {
            control: ours.next().expect("there are two of each end"),
            is_writer,
            bytes,
            which: which as u32,
            program: program.clone(),
        };
        Halves { rx: half(false), tx: half(true) }
    });
    Ok(ends)
}

/// The program. It ends at once when the writer of its pipe is gone.
struct Program {
    child: Mutex<Child>,
    /// The abstract name where it takes more writers.
    writers: String,
    _life: PipeWriter,
}

impl Drop for Program {
    fn drop(&mut self) {
        let child = self.child.get_mut().expect("nobody panicked with it");
        let ended = child.wait().expect("a child can be waited for");
        if !std::thread::panicking() {
            assert!(ended.success(), "the end in C: {ended}");
        }
    }
}

const READ: u32 = 1;
const WRITE: u32 = 2;
const SHUT: u32 = 3;
const CLOSE: u32 = 4;
const MORE: u32 = 5;

/// A half of the end. Dropping it closes it.
struct Half {
    control: UnixStream,
    is_writer: bool,
    /// Whether it is of bytes, whose end is a count of 0.
    bytes: bool,
    /// The end that it is of.
    which: u32,
    // Dropped after `drop` has closed the half: the last half waits for the program.
    program: Arc<Program>,
}

impl Half {
    fn ask(&self, what: u32, form: Form, size: usize) -> Result<()> {
        let (form, wait) = match form {
            _ if what == SHUT || what == CLOSE => (u32::from(self.is_writer), 0),
            Form::Plain => (0, 0),
            Form::Try => (1, 0),
            Form::Until(end) => (2, end.saturating_duration_since(Instant::now()).as_nanos()),
        };
        let mut asked = Vec::with_capacity(24);
        asked.extend(what.to_ne_bytes());
        asked.extend(form.to_ne_bytes());
        asked.extend((wait as u64).to_ne_bytes());
        asked.extend((size as u64).to_ne_bytes());
        (&self.control).write_all(&asked).map_err(failed)
    }

    /// The answer: how many bytes were read, which lie in `into`, or were written.
    fn answer(&mut self, into: &mut [u8]) -> Result<usize> {
        let mut said = [0; 16];
        self.control.read_exact(&mut said).map_err(failed)?;
        let (code, size) = said.split_at(8);
        let code = i32::from_ne_bytes([code[0], code[1], code[2], code[3]]);
        let size = u64::from_ne_bytes(size.try_into().expect("it has 8 bytes")) as usize;
        match code {
            0 if self.is_writer => Ok(size),
            0 => {
                self.control.read_exact(&mut into[..size]).map_err(failed)?;
                Ok(size)
            }
            1 => Err(CoreError::WouldBlock.into()),
            2 => Err(CoreError::TimedOut.into()),
            3 => Err(CoreError::BrokenPipe.into()),
            4 if self.bytes => Ok(0),
            4 => Err(CoreError::EndOfFile.into()),
            7 => Err(CoreError::Reset.into()),
            15 => Err(CoreError::MessageTooLarge { max: 0 }.into()),
            16 => Err(CoreError::BufferTooSmall { needed: size }.into()),
            other => Err(Failure::new(format!("the end in C: error {other}"))),
        }
    }

    fn shut(&mut self) -> Result<()> {
        self.ask(SHUT, Form::Plain, 0)?;
        self.answer(&mut []).map(drop)
    }

    /// Waits until the program has done what is no transfer.
    fn is_done(&self) -> Result<()> {
        let mut said = [0; 16];
        (&self.control).read_exact(&mut said).map_err(failed)?;
        if said == [0; 16] { Ok(()) } else { Err(Failure::new("the end in C fails")) }
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        let closed = self.ask(CLOSE, Form::Plain, 0).and_then(|()| self.answer(&mut []));
        if !std::thread::panicking() {
            closed.expect("the program closes it");
        }
    }
}

/// The half that reads, of bytes or of messages.
impl Reader for Half {
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize> {
        self.ask(READ, form, into.len())?;
        self.answer(into)
    }

    fn shut(&mut self) -> Result<()> {
        Half::shut(self)
    }
}

impl Writer for Half {
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize> {
        self.ask(WRITE, form, piece.len())?;
        self.control.write_all(piece).map_err(failed)?;
        self.answer(&mut [])
    }

    fn shut(&mut self) -> Result<()> {
        Half::shut(self)
    }

    fn another(&self) -> Result<Box<dyn Writer>> {
        self.ask(MORE, Form::Plain, 0)?;
        self.is_done()?;
        let address = SocketAddr::from_abstract_name(&self.program.writers).map_err(failed)?;
        let mut control = UnixStream::connect_addr(&address).map_err(failed)?;
        control.write_all(&self.which.to_ne_bytes()).map_err(failed)?;
        let Half { is_writer, bytes, which, ref program, .. } = *self;
        let more = Half { control, is_writer, bytes, which, program: program.clone() };
        more.is_done()?;
        Ok(Box::new(more))
    }
}

/// Writes or sends, as a form says.
type Send1 = Box<dyn FnMut(&[u8], Form) -> Result<usize> + Send>;
/// Reads or receives, as a form says.
type Recv1 = Box<dyn FnMut(&mut [u8], Form) -> Result<usize> + Send>;

/// A half in Rust that writes, of something that is shared with the program in C.
struct Sends {
    send: Send1,
    shut: Option<Box<dyn FnMut() + Send>>,
    more: Option<Arc<dyn Fn() -> Result<Send1> + Send + Sync>>,
}

impl Writer for Sends {
    fn write(&mut self, piece: &[u8], form: Form) -> Result<usize> {
        (self.send)(piece, form)
    }

    fn shut(&mut self) -> Result<()> {
        if let Some(shut) = &mut self.shut {
            shut();
        }
        Ok(())
    }

    fn another(&self) -> Result<Box<dyn Writer>> {
        let more = self.more.clone().ok_or_else(|| Failure::new("there is one writer"))?;
        Ok(Box::new(Sends { send: more()?, shut: None, more: Some(more) }))
    }
}

/// A half in Rust that reads, of something that is shared with the program in C.
struct Receives {
    recv: Recv1,
    shut: Option<Box<dyn FnMut() + Send>>,
}

impl Reader for Receives {
    fn read(&mut self, into: &mut [u8], form: Form) -> Result<usize> {
        (self.recv)(into, form)
    }

    fn shut(&mut self) -> Result<()> {
        if let Some(shut) = &mut self.shut {
            shut();
        }
        Ok(())
    }
}

/// The largest message in an item of rings and queues.
pub const ITEM: usize = 1000;
/// An item: the size of the message, and its bytes, in words.
type Item = [u32; 1 + ITEM / 4];
/// Not a power of two.
const ITEMS: usize = 13;

fn packed(piece: &[u8]) -> Item {
    let mut item = [0; 1 + ITEM / 4];
    item[0] = piece.len() as u32;
    for (word, bytes) in item[1..].iter_mut().zip(piece.chunks(4)) {
        let mut four = [0; 4];
        four[..bytes.len()].copy_from_slice(bytes);
        *word = u32::from_ne_bytes(four);
    }
    item
}

fn unpacked(item: &Item, into: &mut [u8]) -> Result<usize> {
    let bytes: Vec<u8> = item[1..].iter().flat_map(|word| word.to_ne_bytes()).collect();
    put(&bytes[..item[0] as usize], into)
}

fn pushed(result: std::result::Result<(), PushError<Item>>, piece: &[u8]) -> Result<usize> {
    match result {
        Ok(()) => Ok(piece.len()),
        Err(PushError::Full(_)) => Err(CoreError::WouldBlock.into()),
        Err(PushError::TimedOut(_)) => Err(CoreError::TimedOut.into()),
        Err(_) => Err(CoreError::BrokenPipe.into()),
    }
}

/// Rings of values in a region: the end in C copies each item.
pub struct Rings;

impl Way for Rings {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        type Ring = shm::Ring<Item, ITEMS>;
        let region = Region::anonymous(&ringway_ways::shm::layout::<Ring>()?)?;
        let (there, back) = (region.part::<Ring>(THERE)?, region.part::<Ring>(BACK)?);
        let (mut tx, mut rx) = (Closing(Some(there.producer()?)), Closing(Some(back.consumer()?)));
        let send = Box::new(move |piece: &[u8], form: Form| {
            let tx = tx.0.as_mut().expect("it is open");
            let item = packed(piece);
            pushed(
                match form {
                    Form::Plain => tx.push(item),
                    Form::Try if tx.ring().consumer_is_gone() => Err(PushError::Closed(item)),
                    Form::Try => tx.try_push(item).map_err(|full| PushError::Full(full.0)),
                    Form::Until(end) => tx.push_deadline(item, Some(end)),
                },
                piece,
            )
        });
        let recv = Box::new(move |into: &mut [u8], form: Form| {
            let rx = rx.0.as_mut().expect("it is open");
            let item = match form {
                Form::Plain => rx.pop()?,
                Form::Until(end) => rx.pop_deadline(Some(end))?,
                Form::Try => {
                    // Ask this first: the producer may push, then go.
                    let over = rx.ring().producer_is_gone();
                    let none = if over { CoreError::EndOfFile } else { CoreError::WouldBlock };
                    rx.try_pop().ok_or(none)?
                }
            };
            unpacked(&item, into)
        });
        handed(
            End::new(Receives { recv, shut: None }, Sends { send, shut: None, more: None }),
            &region,
        )
    }

    fn join(&self, _offer: Offer) -> Result<End> {
        Err(Failure::new("the other end is in C"))
    }
}

/// A half that closes when it is dropped.
struct Closing<H: Close>(Option<H>);

impl<H: Close> Drop for Closing<H> {
    fn drop(&mut self) {
        if let Some(half) = self.0.take() {
            half.close();
        }
    }
}

/// Queues in a region: each item is a message, and there is any number of writers.
pub struct Queues;

impl Way for Queues {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        type Queue = shm::Queue<Item, ITEMS>;
        let region = Region::anonymous(&ringway_ways::shm::layout::<Queue>()?)?;
        let (there, back) = (region.part::<Queue>(THERE)?, region.part::<Queue>(BACK)?);
        let more = Arc::new(move || -> Result<Send1> {
            let there = there.clone();
            Ok(Box::new(move |piece, form| {
                let item = packed(piece);
                pushed(
                    match form {
                        Form::Plain => there.push(item),
                        Form::Try => there.try_push(item),
                        Form::Until(end) => there.push_deadline(item, Some(end)),
                    },
                    piece,
                )
            }))
        });
        let recv = Box::new(move |into: &mut [u8], form: Form| {
            let item = match form {
                Form::Plain => back.pop()?,
                Form::Until(end) => back.pop_deadline(Some(end))?,
                Form::Try => back.try_pop().ok_or(CoreError::WouldBlock)?,
            };
            unpacked(&item, into)
        });
        let tx = Sends { send: more()?, shut: None, more: Some(more) };
        handed(End::new(Receives { recv, shut: None }, tx), &region)
    }

    fn join(&self, _offer: Offer) -> Result<End> {
        Err(Failure::new("the other end is in C"))
    }
}

/// The name of the memory in its region.
const MEMORY: &str = "memory";
/// It is large enough for each structure below.
type Memory = [AtomicU64; 1 << 15];

/// FIFOs or a network in memory that this process has together with the program in C, which makes
/// the structure there, and the first end.
pub struct Shared {
    /// What the program calls it.
    pub kind: &'static str,
    /// Whether the end in C is the first of a pair.
    pub first: bool,
}

impl Shared {
    fn ends(&self) -> Result<(End, End)> {
        let region = Region::anonymous(&Layout::new(4).part::<Memory>(MEMORY)?)?;
        let memory = region.part::<Memory>(MEMORY)?;
        let (mut offer, _) = handed_memory(&region)?;
        let [halves] = started::<1>(self.kind, &offer)?;
        offer.descriptors.clear();
        // First it says that the structure is there, then that it has its end.
        halves.rx.is_done()?;
        let ours = match self.kind {
            "mem_fifo" => fifos(&memory),
            "mem_stream" => streams(&memory),
            _ => packets(&memory),
        }?;
        halves.rx.is_done()?;
        Ok((ours, halves.into()))
    }
}

impl Way for Shared {
    fn host(&self, _place: &Path) -> Result<(Offer, Accept)> {
        let (ours, theirs) = self.ends()?;
        let (near, far) = if self.first { (theirs, ours) } else { (ours, theirs) };
        Ok((Offer { end: Some(far), ..Offer::default() }, Box::new(|| Ok(near))))
    }

    fn join(&self, offer: Offer) -> Result<End> {
        offer.end.ok_or_else(|| Failure::new("the other end is missing"))
    }
}

fn handed_memory(region: &Region) -> Result<(Offer, Accept<()>)> {
    use std::os::fd::AsFd;
    let descriptor = region.as_fd().try_clone_to_owned().map_err(failed)?;
    Ok(Offer::handed((), [descriptor]))
}

/// Memory that a structure lies in, and the region that keeps it.
type Kept = shm::Part<Memory>;

/// The structure at the beginning of the memory, where the program in C has made it.
///
/// # Safety
/// A structure of this type lies there. The caller keeps the memory for as long as it uses it.
unsafe fn structure<T>(memory: &Kept) -> &'static T {
    let begin = memory.as_ptr().cast::<u8>();
    let at = begin.wrapping_add(begin.align_offset(align_of::<T>())).cast::<T>();
    assert!(size_of::<T>() + align_of::<T>() <= size_of::<Memory>());
    // SAFETY: the caller says that such a structure lies there, and keeps the memory.
    unsafe { &*at }
}

/// FIFOs as the program in C has them by the sizes `rw_mem_fifos_16_4096`.
type Fifos = Registry<16, 4096, RobustFutex>;

fn fifos(memory: &Kept) -> Result<End> {
    // SAFETY: the program has made it, with these sizes. The closures below keep the memory.
    let fifos: &'static Fifos = unsafe { structure(memory) };
    let first = fifos.open_writer(b"there")?;
    let mut rx = Of { end: fifos.open_reader(b"back")?, _memory: memory.clone() };
    let writer = |tx: pipe::Writer<'static, 4096, RobustFutex>, memory: Kept| -> Send1 {
        let mut tx = Of { end: tx, _memory: memory };
        Box::new(move |piece, form| {
            let tx = &mut tx;
            Ok(match form {
                Form::Plain => tx.end.write(piece)?,
                Form::Try => tx.end.try_write(piece)?,
                Form::Until(end) => tx.end.write_deadline(piece, Some(end))?,
            })
        })
    };
    let kept = memory.clone();
    let more = Arc::new(move || Ok(writer(fifos.try_open_writer(b"there")?, kept.clone())));
    let tx = Sends { send: writer(first, memory.clone()), shut: None, more: Some(more) };
    let recv = Box::new(move |into: &mut [u8], form: Form| {
        let rx = &mut rx;
        Ok(match form {
            Form::Plain => rx.end.read(into)?,
            Form::Try => rx.end.try_read(into)?,
            Form::Until(end) => rx.end.read_deadline(into, Some(end))?,
        })
    });
    Ok(End::new(Receives { recv, shut: None }, tx))
}

/// An end, and the memory that it lies in, which goes after it.
struct Of<E> {
    end: E,
    _memory: Kept,
}

/// A network as the program in C has it by the sizes `rw_mem_network_16_4096`.
type Net = Network<8, 16, 4096, RobustFutex>;

/// The two halves of a socket, which use it one at a time.
macro_rules! sockets {
    ($($name:ident $kind:ident $read:ident $try_read:ident $read_deadline:ident
        $write:ident $try_write:ident $write_deadline:ident |$count:ident| $sent:expr;)*) => {
        $(
            fn $name(memory: &Kept) -> Result<End> {
                // SAFETY: the program has made it, with these sizes. The end keeps the memory.
                let net: &'static Net = unsafe { structure(memory) };
                let end = net.$kind().connect("port")?;
                let end = Arc::new(Mutex::new(Of { end, _memory: memory.clone() }));
                let lock = |end: &Arc<Mutex<Of<_>>>| end.clone();
                let (tx, rx, shut_tx, shut_rx) = (lock(&end), lock(&end), lock(&end), end);
                let send = Box::new(move |piece: &[u8], form: Form| {
                    let end = &mut tx.try_lock().expect("one direction at a time").end;
                    let $count = match form {
                        Form::Plain => end.$write(piece)?,
                        Form::Try => end.$try_write(piece)?,
                        Form::Until(until) => end.$write_deadline(piece, Some(until))?,
                    };
                    let sent: fn(&[u8], _) -> usize = $sent;
                    Ok(sent(piece, $count))
                });
                let recv = Box::new(move |into: &mut [u8], form: Form| {
                    let end = &mut rx.try_lock().expect("one direction at a time").end;
                    Ok(match form {
                        Form::Plain => end.$read(into)?,
                        Form::Try => end.$try_read(into)?,
                        Form::Until(until) => end.$read_deadline(into, Some(until))?,
                    })
                });
                let shut_tx = move || {
                    shut_tx.try_lock().expect("nobody uses it").end.shutdown(Shutdown::Write);
                };
                let shut_rx = move || {
                    shut_rx.try_lock().expect("nobody uses it").end.shutdown(Shutdown::Read);
                };
                Ok(End::new(
                    Receives { recv, shut: Some(Box::new(shut_rx)) },
                    Sends { send, shut: Some(Box::new(shut_tx)), more: None },
                ))
            }
        )*
    };
}

sockets! {
    streams streams read try_read read_deadline write try_write write_deadline
        |count| |_, count| count;
    packets packets recv try_recv recv_deadline send try_send send_deadline
        |count| |piece, ()| piece.len();
}
