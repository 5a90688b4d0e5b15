//! What POSIX promises of a pipe, checked with the same operations on the pipe in memory and on the
//! kernel's.
//!
//! How much fits differs between the two, and the kernel counts pages. Everything else must be as
//! `pipe(7)` says.

use super::Choices;
use ringway::CoreError;
use ringway_core::channel::pipe as memory;
use std::collections::VecDeque;

/// A pipe of either kind, with its reader and any number of writers. No operation waits.
trait Pipe {
    /// Writes of at most this many bytes are all or nothing.
    fn atomic(&self) -> usize;
    /// Whether a write that finds `used` bytes in the pipe may say that there is no room for
    /// `more`.
    fn may_be_full(&self, used: usize, more: usize) -> bool;
    fn read(&mut self, out: &mut [u8]) -> Result<usize, CoreError>;
    fn write(&mut self, which: usize, bytes: &[u8]) -> Result<usize, CoreError>;
    fn add_writer(&mut self, like: usize) -> Result<(), CoreError>;
    fn drop_writer(&mut self, which: usize);
    fn drop_reader(&mut self);
    /// Whether the reader's state still says that bytes can come.
    fn reader_can_receive(&mut self) -> bool;
    /// Whether the writer's state says that it can send.
    fn writer_can_send(&mut self, which: usize) -> bool;
}

struct InMemory<'a, const N: usize> {
    reader: Option<memory::Reader<'a, N>>,
    writers: Vec<memory::Writer<'a, N>>,
}

impl<const N: usize> Pipe for InMemory<'_, N> {
    fn atomic(&self) -> usize {
        memory::Pipe::<N>::ATOMIC
    }

    fn may_be_full(&self, used: usize, more: usize) -> bool {
        used + more > N
    }

    fn read(&mut self, out: &mut [u8]) -> Result<usize, CoreError> {
        self.reader.as_mut().expect("asked only while it is there").try_read(out)
    }

    fn write(&mut self, which: usize, bytes: &[u8]) -> Result<usize, CoreError> {
        self.writers[which].try_write(bytes)
    }

    fn add_writer(&mut self, like: usize) -> Result<(), CoreError> {
        let writer = self.writers[like].try_clone()?;
        self.writers.push(writer);
        Ok(())
    }

    fn drop_writer(&mut self, which: usize) {
        self.writers.swap_remove(which);
    }

    fn drop_reader(&mut self) {
        self.reader = None;
    }

    fn reader_can_receive(&mut self) -> bool {
        self.reader.as_mut().expect("asked only while it is there").state().can_recv()
    }

    fn writer_can_send(&mut self, which: usize) -> bool {
        self.writers[which].state().can_send()
    }
}

struct Kernel {
    reader: Option<ringway::pipe::Reader>,
    writers: Vec<ringway::pipe::Writer>,
}

impl Kernel {
    fn new() -> Self {
        let (reader, writer) = ringway::pipe::pipe().expect("a process may have a pipe");
        Kernel { reader: Some(reader), writers: vec![writer] }
    }
}

/// The shim's error as an error of the core. An error without one fails the test.
fn reason<T>(result: ringway::Result<T>) -> Result<T, CoreError> {
    result.map_err(|error| match error.cause() {
        ringway::Cause::Core(reason) => reason,
        _ => panic!("{error}"),
    })
}

impl Pipe for Kernel {
    fn atomic(&self) -> usize {
        // `PIPE_BUF` is this on Linux, and never less than 512.
        4096
    }

    fn may_be_full(&self, used: usize, _: usize) -> bool {
        // The kernel's pipe has 16 places of a page, and the smallest write can take one.
        used >= 16
    }

    fn read(&mut self, out: &mut [u8]) -> Result<usize, CoreError> {
        reason(self.reader.as_ref().expect("asked only while it is there").try_read(out))
    }

    fn write(&mut self, which: usize, bytes: &[u8]) -> Result<usize, CoreError> {
        reason(self.writers[which].try_write(bytes))
    }

    fn add_writer(&mut self, like: usize) -> Result<(), CoreError> {
        let writer = reason(self.writers[like].try_clone())?;
        self.writers.push(writer);
        Ok(())
    }

    fn drop_writer(&mut self, which: usize) {
        self.writers.swap_remove(which);
    }

    fn drop_reader(&mut self) {
        self.reader = None;
    }

    fn reader_can_receive(&mut self) -> bool {
        let reader = self.reader.as_ref().expect("asked only while it is there");
        reason(reader.look()).expect("a pipe can be looked at").can_recv()
    }

    fn writer_can_send(&mut self, which: usize) -> bool {
        reason(self.writers[which].look()).expect("a pipe can be looked at").can_send()
    }
}

/// A sequence of operations on a pipe in memory and on the kernel's.
pub fn pipe(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(4) {
        Some(0) => in_memory::<1>(choices),
        Some(1) => in_memory::<7>(choices),
        Some(2) => in_memory::<100>(choices),
        // Larger than what goes in all or nothing.
        Some(3) => in_memory::<6000>(choices),
        _ => {}
    }
    sequence(Kernel::new(), Choices::new(bytes));
}

fn in_memory<const N: usize>(choices: Choices<'_>) {
    let pipe: memory::Pipe<N> = memory::Pipe::new();
    let (reader, writer) = pipe.open().expect("nobody has an end");
    sequence(InMemory { reader: Some(reader), writers: vec![writer] }, choices);
    assert!(pipe.open().is_ok(), "an end was not given back");
}

fn sequence(mut pipe: impl Pipe, mut choices: Choices<'_>) {
    let mut model = VecDeque::new();
    let (mut readers, mut writers) = (1, 1);
    let mut next = 0_u8;
    while step(&mut pipe, &mut choices, &mut model, &mut readers, &mut writers, &mut next).is_some()
    {
        if readers > 0 {
            assert_eq!(pipe.reader_can_receive(), writers > 0 || !model.is_empty());
        }
        if writers > 0 {
            assert_eq!(pipe.writer_can_send(0), readers > 0);
        }
    }
}

/// One operation; `None` when the decisions are used up.
fn step(
    pipe: &mut impl Pipe,
    choices: &mut Choices<'_>,
    model: &mut VecDeque<u8>,
    readers: &mut usize,
    writers: &mut usize,
    next: &mut u8,
) -> Option<()> {
    match choices.below(16)? {
        0..=6 if *writers > 0 => {
            let which = choices.below(*writers)?;
            // Up to 7905: more than what is atomic, in either.
            let len = choices.below(256)? * [1, 1, 1, 31][choices.below(4)?];
            let bytes: Vec<u8> = (0..len).map(|n| next.wrapping_add(n as u8)).collect();
            match pipe.write(which, &bytes) {
                Ok(count) => {
                    assert!(*readers > 0 || len == 0, "written to nobody");
                    let whole = len <= pipe.atomic();
                    assert!(
                        if whole { count == len } else { (1..=len).contains(&count) },
                        "{count} of {len}"
                    );
                    assert!(
                        count == len || pipe.may_be_full(model.len(), len),
                        "cut though there is room"
                    );
                    model.extend(&bytes[..count]);
                    *next = next.wrapping_add(count as u8);
                }
                Err(CoreError::WouldBlock) => {
                    // A longer write takes what room there is: it may be refused only where not one
                    // byte fits.
                    let more = if len <= pipe.atomic() { len } else { 1 };
                    assert!(
                        *readers > 0 && pipe.may_be_full(model.len(), more),
                        "refused though there is room"
                    );
                }
                Err(error) => assert_eq!((error, *readers), (CoreError::BrokenPipe, 0)),
            }
        }
        7..=12 if *readers > 0 => {
            let len = choices.below(256)? * [1, 1, 1, 31][choices.below(4)?];
            let mut out = vec![0; len];
            match pipe.read(&mut out) {
                Ok(count) => {
                    assert_eq!(count, len.min(model.len()), "a read gives what there is");
                    assert!(
                        count > 0 || len == 0 || *writers == 0,
                        "an end of file though a writer is there"
                    );
                    assert!(
                        model.drain(..count).eq(out[..count].iter().copied()),
                        "other bytes, or another order"
                    );
                }
                Err(error) => {
                    assert_eq!(error, CoreError::WouldBlock);
                    assert!(
                        model.is_empty() && len > 0 && *writers > 0,
                        "refused though there is an answer"
                    );
                }
            }
        }
        13 if *writers > 0 && *writers < 4 => {
            pipe.add_writer(choices.below(*writers)?).expect("there may be another writer");
            *writers += 1;
        }
        14 if *writers > 0 => {
            pipe.drop_writer(choices.below(*writers)?);
            *writers -= 1;
        }
        15 if *readers > 0 && choices.below(8)? == 0 => {
            pipe.drop_reader();
            *readers = 0;
        }
        _ => {}
    }
    Some(())
}
