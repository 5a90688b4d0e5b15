//! Pipes and FIFOs: their ends open and close in any order, a FIFO's by a name that comes and goes,
//! and exchange bytes.
//!
//! Two differences are by design. The kernel says that a pipe can be written while it has a free
//! page; in memory there must be room for the largest write that is all or nothing. And `poll(2)`
//! shows the reader of a FIFO nothing while no writer has come, although a read gets the end of
//! file; in memory that read counts as ready.

use super::{Answer, Form, Log, Stamped, answer, fill};
use crate::oracle::Choices;
use embedded_io::{ReadReady, WriteReady};
use ringway::CoreError;
use ringway::fd::{self, Interest};
use ringway::fifo::Fifo;
use ringway::wait::PrivateFutex;
use ringway_core::channel::fifo::Registry;
use ringway_core::channel::{self, pipe};
use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;

/// The capacity of the FIFO in memory, in bytes: the number of bytes that may certainly be under
/// way.
const CAPACITY: usize = 1 << 16;

/// The kernel's FIFO holds pages, not bytes. It is made so large that it has a page for each piece
/// under way.
const PAGES: usize = 256;

/// The size up to which a write is all or nothing in both: `PIPE_BUF`.
const ATOMIC: usize = 4096;

const MAX_WRITERS: usize = 4;

/// A name, its reader if it is open, and its writers.
trait Side {
    fn make(&mut self) -> Answer<()>;
    fn unlink(&mut self) -> Answer<()>;
    fn open_reader(&mut self, form: Form) -> Answer<()>;
    fn open_writer(&mut self, form: Form) -> Answer<()>;
    fn clone_writer(&mut self, which: usize) -> Answer<()>;
    fn read(&mut self, out: &mut [u8], form: Form) -> Answer<usize>;
    fn write(&mut self, which: usize, bytes: &[u8], form: Form) -> Answer<usize>;
    /// Fills `out` by a deadline. Also returns how many bytes came.
    fn read_exact(&mut self, out: &mut [u8], form: Form) -> (usize, Answer<()>);
    /// Writes all by a deadline. Also returns how many bytes were written.
    fn write_all(&mut self, which: usize, bytes: &[u8], form: Form) -> (usize, Answer<()>);
    fn close_reader(&mut self);
    fn close_writer(&mut self, which: usize);
    fn can_send(&self, which: usize) -> bool;
    fn can_receive(&mut self) -> bool;
    /// Whether a read would not wait.
    fn can_read(&mut self) -> bool;
    /// Whether a write would not wait.
    fn can_write(&mut self, which: usize) -> bool;
}

type Names = Registry<2, CAPACITY, PrivateFutex>;

/// One registry for all sequences, so that a place which is not given back is missed.
static NAMES: Names = Registry::new();

struct Memory {
    name: Vec<u8>,
    reader: Option<pipe::Reader<'static, CAPACITY, PrivateFutex>>,
    writers: Vec<pipe::Writer<'static, CAPACITY, PrivateFutex>>,
}

impl Side for Memory {
    fn make(&mut self) -> Answer<()> {
        NAMES.create(&self.name)
    }

    fn unlink(&mut self) -> Answer<()> {
        NAMES.remove(&self.name)
    }

    fn open_reader(&mut self, form: Form) -> Answer<()> {
        self.reader = Some(match form.deadline() {
            None => NAMES.try_open_reader(&self.name)?,
            Some(end) => form.late(end, NAMES.open_reader_deadline(&self.name, Some(end)))?,
        });
        Ok(())
    }

    fn open_writer(&mut self, form: Form) -> Answer<()> {
        self.writers.push(match form.deadline() {
            None => NAMES.try_open_writer(&self.name)?,
            Some(end) => form.late(end, NAMES.open_writer_deadline(&self.name, Some(end)))?,
        });
        Ok(())
    }

    fn clone_writer(&mut self, which: usize) -> Answer<()> {
        let writer = self.writers[which].try_clone()?;
        self.writers.push(writer);
        Ok(())
    }

    fn read(&mut self, out: &mut [u8], form: Form) -> Answer<usize> {
        let reader = self.reader.as_mut().expect("it is open");
        match form.deadline() {
            None => reader.try_read(out),
            Some(end) => form.late(end, reader.read_deadline(out, Some(end))),
        }
    }

    fn write(&mut self, which: usize, bytes: &[u8], form: Form) -> Answer<usize> {
        match form.deadline() {
            None => self.writers[which].try_write(bytes),
            Some(end) => form.late(end, self.writers[which].write_deadline(bytes, Some(end))),
        }
    }

    fn read_exact(&mut self, out: &mut [u8], form: Form) -> (usize, Answer<()>) {
        let (length, end) = (out.len(), form.end());
        let mut left = out;
        let reader = self.reader.as_mut().expect("it is open");
        let read = form.late(end, reader.read_exact_deadline(&mut left, Some(end)));
        (length - left.len(), read)
    }

    fn write_all(&mut self, which: usize, bytes: &[u8], form: Form) -> (usize, Answer<()>) {
        let (mut left, end) = (bytes, form.end());
        let written = self.writers[which].write_all_deadline(&mut left, Some(end));
        (bytes.len() - left.len(), form.late(end, written))
    }

    fn close_reader(&mut self) {
        self.reader = None;
    }

    fn close_writer(&mut self, which: usize) {
        self.writers.swap_remove(which);
    }

    fn can_send(&self, which: usize) -> bool {
        self.writers[which].state().can_send()
    }

    fn can_receive(&mut self) -> bool {
        self.reader.as_mut().expect("it is open").state().can_recv()
    }

    fn can_read(&mut self) -> bool {
        self.reader.as_mut().expect("it is open").read_ready() == Ok(true)
    }

    fn can_write(&mut self, which: usize) -> bool {
        self.writers[which].write_ready() == Ok(true)
    }
}

struct Kernel {
    path: PathBuf,
    made: Option<Fifo>,
    reader: Option<ringway::pipe::Reader>,
    writers: Vec<ringway::pipe::Writer>,
}

impl Kernel {
    fn existing(&self) -> Answer<Fifo> {
        answer(Fifo::open(&self.path))
    }
}

impl Side for Kernel {
    fn make(&mut self) -> Answer<()> {
        self.made = Some(answer(Fifo::create(&self.path, 0o600))?);
        Ok(())
    }

    fn unlink(&mut self) -> Answer<()> {
        match self.made.take() {
            Some(made) => answer(made.remove()),
            None => Err(CoreError::NotFound),
        }
    }

    fn open_reader(&mut self, form: Form) -> Answer<()> {
        let fifo = self.existing()?;
        let reader = match form.deadline() {
            None => answer(fifo.try_open_reader()),
            Some(end) => form.late(end, answer(fifo.open_reader_deadline(Some(end)))),
        }?;
        reader.set_size(PAGES << 12).expect("a pipe may have this size");
        self.reader = Some(reader);
        Ok(())
    }

    fn open_writer(&mut self, form: Form) -> Answer<()> {
        let fifo = self.existing()?;
        self.writers.push(match form.deadline() {
            None => answer(fifo.try_open_writer()),
            Some(end) => form.late(end, answer(fifo.open_writer_deadline(Some(end)))),
        }?);
        Ok(())
    }

    fn clone_writer(&mut self, which: usize) -> Answer<()> {
        let writer = answer(self.writers[which].try_clone())?;
        self.writers.push(writer);
        Ok(())
    }

    fn read(&mut self, out: &mut [u8], form: Form) -> Answer<usize> {
        let reader = self.reader.as_ref().expect("it is open");
        match form.deadline() {
            None => answer(reader.try_read(out)),
            Some(end) => form.late(end, answer(reader.read_deadline(out, Some(end)))),
        }
    }

    fn write(&mut self, which: usize, bytes: &[u8], form: Form) -> Answer<usize> {
        let writer = &self.writers[which];
        match form.deadline() {
            None => answer(writer.try_write(bytes)),
            Some(end) => form.late(end, answer(writer.write_deadline(bytes, Some(end)))),
        }
    }

    fn read_exact(&mut self, out: &mut [u8], form: Form) -> (usize, Answer<()>) {
        let (length, end) = (out.len(), form.end());
        let mut left = out;
        let reader = self.reader.as_ref().expect("it is open");
        let read = form.late(end, answer(fd::read_exact(reader, &mut left, Some(end))));
        (length - left.len(), read)
    }

    fn write_all(&mut self, which: usize, bytes: &[u8], form: Form) -> (usize, Answer<()>) {
        let (mut left, end) = (bytes, form.end());
        let written = answer(fd::write_all(&self.writers[which], &mut left, Some(end)));
        (bytes.len() - left.len(), form.late(end, written))
    }

    fn close_reader(&mut self) {
        self.reader = None;
    }

    fn close_writer(&mut self, which: usize) {
        self.writers.swap_remove(which);
    }

    fn can_send(&self, which: usize) -> bool {
        answer(self.writers[which].look()).expect("a FIFO can be looked at").can_send()
    }

    fn can_receive(&mut self) -> bool {
        let reader = self.reader.as_ref().expect("it is open");
        answer(reader.look()).expect("a FIFO can be looked at").can_recv()
    }

    fn can_read(&mut self) -> bool {
        let reader = self.reader.as_ref().expect("it is open");
        fd::try_wait(reader, Interest::Read).is_ok()
    }

    fn can_write(&mut self, which: usize) -> bool {
        fd::try_wait(&self.writers[which], Interest::Write).is_ok()
    }
}

/// A sequence of operations on a pipe in memory and on the kernel's.
pub fn pipe(bytes: &[u8]) {
    type Pipe = pipe::Pipe<CAPACITY, PrivateFutex>;
    thread_local! {
        /// One pipe for all sequences of a thread, so that an end which is not given back is
        /// missed.
        static PIPE: OnceCell<&'static Pipe> = const { OnceCell::new() };
    }
    let pipe = PIPE.with(|pipe| *pipe.get_or_init(|| Box::leak(ringway::boxed::<Pipe>())));
    let (reader, writer) = pipe.open().expect("an end was not given back");
    let memory = Memory { name: Vec::new(), reader: Some(reader), writers: vec![writer] };
    let (reader, writer) = ringway::pipe::pipe().expect("a process may have a pipe");
    reader.set_size(PAGES << 12).expect("a pipe may have this size");
    let (path, made, reader) = (PathBuf::new(), None, Some(reader));
    let kernel = Kernel { path, made, reader, writers: vec![writer] };
    let sequence = Sequence::new(memory, kernel, bytes);
    Sequence { has_name: false, reader: true, came: true, writers: 1, ..sequence }.run();
}

/// A sequence of operations on a FIFO in memory and on the kernel's.
pub fn fifo(bytes: &[u8]) {
    thread_local! {
        /// The folder of the kernel's names: one for all sequences of a thread.
        static PLACE: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
    }
    let path = PLACE.with_borrow_mut(|place| {
        let place = place.get_or_insert_with(|| tempfile::tempdir().expect("a folder can be made"));
        place.path().join("fifo")
    });
    let name = format!("{:?}", std::thread::current().id()).into_bytes();
    let name = name[name.len().saturating_sub(channel::NAME_MAX)..].to_vec();
    let memory = Memory { name, reader: None, writers: Vec::new() };
    let kernel = Kernel { path, made: None, reader: None, writers: Vec::new() };
    Sequence::new(memory, kernel, bytes).run();
}

/// The two FIFOs, and the part of their common state that decides which operations make sense.
struct Sequence<'a> {
    memory: Memory,
    kernel: Kernel,
    choices: Choices<'a>,
    log: Log,
    stamped: Stamped,
    /// Whether the two are FIFOs.
    has_name: bool,
    /// Whether the name is there.
    named: bool,
    reader: bool,
    /// Whether there has been a writer since the reader opened.
    came: bool,
    writers: usize,
    /// Bytes that were written and not read.
    under_way: usize,
    /// The most pages that those bytes can take in the kernel.
    pages: usize,
}

impl<'a> Sequence<'a> {
    fn new(memory: Memory, kernel: Kernel, bytes: &'a [u8]) -> Self {
        Sequence {
            memory,
            kernel,
            choices: Choices::new(bytes),
            log: Log::default(),
            stamped: Stamped(0),
            has_name: true,
            named: false,
            reader: false,
            came: false,
            writers: 0,
            under_way: 0,
            pages: 0,
        }
    }

    fn run(mut self) {
        while self.step().is_some() {
            self.compare_states();
        }
        if self.named {
            assert_eq!(self.memory.unlink(), Ok(()));
        }
    }

    /// Compares what both say of themselves, while nobody acts.
    fn compare_states(&mut self) {
        let Sequence { memory, kernel, .. } = self;
        for which in 0..self.writers {
            let (one, other) = (memory.can_send(which), kernel.can_send(which));
            assert_eq!(one, other, "whether writer {which} can send: memory, kernel");
            let room = !self.reader || self.under_way + ATOMIC <= CAPACITY;
            let ready = [memory.can_write(which), kernel.can_write(which)];
            assert_eq!(ready, [room, true], "whether writer {which} is ready: memory, kernel");
        }
        if self.reader {
            let (one, other) = (memory.can_receive(), kernel.can_receive());
            assert_eq!(one, other, "whether the reader can receive: memory, kernel");
            let ready = self.under_way > 0 || self.writers == 0;
            let seen = ready && (self.came || self.under_way > 0);
            let answers = [memory.can_read(), kernel.can_read()];
            assert_eq!(answers, [ready, seen], "whether the reader is ready: memory, kernel");
        }
    }

    /// Does the same on both sides.
    #[track_caller]
    fn both<T: std::fmt::Debug + PartialEq>(
        &mut self,
        memory: impl FnOnce(&mut Memory) -> T,
        kernel: impl FnOnce(&mut Kernel) -> T,
    ) -> T {
        let (memory, kernel) = (memory(&mut self.memory), kernel(&mut self.kernel));
        self.log.agree(memory, kernel)
    }

    fn form(&mut self) -> Option<Form> {
        Form::draw(&mut self.choices)
    }

    /// A size: often small, now and then more than what is atomic.
    fn size(&mut self) -> Option<usize> {
        Some(self.choices.below(256)? * [1, 1, 7, 31][self.choices.below(4)?])
    }

    /// One operation; `None` when the decisions are used up.
    fn step(&mut self) -> Option<()> {
        match self.choices.below(20)? {
            0 if self.has_name => self.name(),
            1 | 2 if self.has_name => self.open_reader()?,
            3 | 4 if self.has_name => self.open_writer()?,
            5 if self.writers > 0 && self.writers < MAX_WRITERS => {
                let which = self.choices.below(self.writers)?;
                self.log.add(format_args!("clone writer {which}"));
                let made = self.both(|m| m.clone_writer(which), |k| k.clone_writer(which));
                assert_eq!(made, Ok(()));
                self.writers += 1;
            }
            6..=10 if self.writers > 0 => self.write()?,
            11..=15 if self.reader => self.read()?,
            16 if self.writers > 0 => {
                let which = self.choices.below(self.writers)?;
                self.log.add(format_args!("close writer {which}"));
                self.both(|m| m.close_writer(which), |k| k.close_writer(which));
                self.writers -= 1;
                self.forget_what_nobody_can_read();
            }
            17 if self.reader && self.choices.below(3)? == 0 => {
                self.log.add(format_args!("close the reader"));
                self.both(Side::close_reader, Side::close_reader);
                self.reader = false;
                self.forget_what_nobody_can_read();
            }
            18 if self.reader && self.writers > 0 && self.choices.below(4)? == 0 => self.fill()?,
            _ => {}
        }
        Some(())
    }

    /// When every end is closed, unread bytes are gone.
    fn forget_what_nobody_can_read(&mut self) {
        if !self.reader && self.writers == 0 {
            (self.under_way, self.pages) = (0, 0);
        }
    }

    fn name(&mut self) {
        // The name is made anew only when no end of the old FIFO is left: here a name stands for
        // one FIFO.
        if self.named {
            self.log.add(format_args!("make, once more"));
            let again = self.both(Side::make, Side::make);
            assert_eq!(again, Err(CoreError::AddressInUse));
            self.log.add(format_args!("unlink"));
            assert_eq!(self.both(Side::unlink, Side::unlink), Ok(()));
            self.named = false;
        } else if !self.reader && self.writers == 0 {
            self.log.add(format_args!("make"));
            assert_eq!(self.both(Side::make, Side::make), Ok(()));
            self.named = true;
        }
    }

    fn open_reader(&mut self) -> Option<()> {
        let form = self.form()?;
        // In memory there is one reader at a time; in the kernel there may be several.
        if !self.reader {
            self.log.add(format_args!("open a reader ({form:?})"));
            let opened = self.both(|m| m.open_reader(form), |k| k.open_reader(form));
            self.reader = opened.is_ok();
            self.came = self.writers > 0;
        }
        Some(())
    }

    fn open_writer(&mut self) -> Option<()> {
        let form = self.form()?;
        if self.writers < MAX_WRITERS {
            self.log.add(format_args!("open a writer ({form:?})"));
            let opened = self.both(|m| m.open_writer(form), |k| k.open_writer(form));
            self.writers += usize::from(opened.is_ok());
            self.came |= opened.is_ok();
        }
        Some(())
    }

    fn write(&mut self) -> Option<()> {
        let (which, size, form) = (self.choices.below(self.writers)?, self.size()?, self.form()?);
        let pages = size / 4096 + 2;
        if self.under_way + size > CAPACITY || self.pages + pages > PAGES {
            return Some(());
        }
        let bytes = self.stamped.next(size);
        let all = form != Form::Try && self.choices.flip()?;
        let written = if all {
            self.log.add(format_args!("write all of {size} bytes with {which} ({form:?})"));
            let write = |side: &mut dyn Side| side.write_all(which, &bytes, form);
            let (count, written) = self.both(|m| write(m), |k| write(k));
            assert_eq!(count, if written.is_ok() { size } else { 0 }, "there was room");
            written.map(|()| count)
        } else {
            self.log.add(format_args!("write {size} bytes with {which} ({form:?})"));
            self.both(|m| m.write(which, &bytes, form), |k| k.write(which, &bytes, form))
        };
        if let Ok(count) = written {
            assert_eq!(count, size, "there was room");
            self.under_way += count;
            self.pages += pages;
        }
        Some(())
    }

    fn read(&mut self) -> Option<()> {
        let (size, form) = (self.size()?, self.form()?);
        let (mut one, mut other) = (vec![0; size], vec![0; size]);
        // `poll(2)` shows nothing of a FIFO whose first writer has not come.
        let read = if form != Form::Try && self.came && self.choices.flip()? {
            self.log.add(format_args!("read exactly {size} bytes ({form:?})"));
            let (count, read) =
                self.both(|m| m.read_exact(&mut one, form), |k| k.read_exact(&mut other, form));
            let enough = self.under_way >= size;
            let short = if self.writers > 0 { CoreError::TimedOut } else { CoreError::EndOfFile };
            assert_eq!(read, if enough { Ok(()) } else { Err(short) });
            count
        } else {
            self.log.add(format_args!("read {size} bytes ({form:?})"));
            self.both(|m| m.read(&mut one, form), |k| k.read(&mut other, form)).unwrap_or(0)
        };
        assert!(one == other, "the bytes differ");
        self.under_way -= read;
        if self.under_way == 0 {
            self.pages = 0;
        }
        Some(())
    }

    /// Fills both until they refuse, each as much as it holds, and drains both.
    fn fill(&mut self) -> Option<()> {
        let which = self.choices.below(self.writers)?;
        let size = 600 + 40 * self.choices.below(256)?;
        let form = self.form()?;
        self.log.add(format_args!("fill with writes of {size} bytes ({form:?}), and drain"));
        let before = self.under_way;
        let memory = fill_and_drain(&mut self.memory, which, size, before, form);
        let kernel = fill_and_drain(&mut self.kernel, which, size, before, form);
        self.log.agree(memory, kernel);
        (self.under_way, self.pages) = (0, 0);
        Some(())
    }
}

/// Returns the error that the full one gave, and the error of the empty one.
fn fill_and_drain(
    side: &mut dyn Side,
    which: usize,
    size: usize,
    before: usize,
    form: Form,
) -> [CoreError; 2] {
    let (sent, full) = fill(size, |bytes| {
        if form != Form::Try {
            // What was written before the deadline is told.
            let (count, written) = side.write_all(which, bytes, form);
            if written.is_ok() {
                assert_eq!(count, size);
            }
            return (count, written);
        }
        let written = side.write(which, bytes, form);
        if let Ok(count) = written {
            assert!(count > 0 && count <= size);
            assert!(size > ATOMIC || count == size, "{count} of {size} bytes: a part");
        }
        (written.unwrap_or(0), written.map(drop))
    });
    assert!(!side.can_write(which) && side.can_read(), "it is full: not writable, but readable");
    let mut out = vec![0; before];
    let mut skipped = 0;
    while skipped < before {
        skipped += side.read(&mut out[skipped..], Form::Try).expect("it was written");
    }
    let mut out = vec![0; sent.len() + 1];
    let mut read = 0;
    let empty = loop {
        match side.read(&mut out[read..], Form::Try) {
            Ok(count) => read += count,
            Err(error) => break error,
        }
    };
    assert!(out[..read] == sent, "other bytes came than were taken");
    assert!(side.can_write(which) && !side.can_read(), "it is empty: writable, not readable");
    [full, empty]
}
