//! A 32-bit process and this 64-bit one share a region. Both leave the same bytes, each reads what
//! the other wrote, and they send to and wake each other. The test first builds the other program
//! (`tests/width`), which needs what `tests/bare` needs.

#[path = "../width/src/both.rs"]
mod both;

/// [`both::Across`] on this side.
mod futex {
    use ringway::wait::{Futex, Wait, Wake};
    use ringway_core::sync::AtomicU32;
    use std::time::{Duration, Instant};

    pub fn wait(word: &AtomicU32, expected: u32) {
        let moment = Instant::now() + Duration::from_millis(100);
        let _ = Futex.wait(word, expected, Some(moment));
    }

    pub fn wake(word: &AtomicU32) {
        Futex.wake(word, u32::MAX);
    }
}

use both::{Jobs, LAST};
use ringway_core::participant::Participant;
use ringway_core::region::View;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::ptr::NonNull;
use std::sync::OnceLock;

const TARGET: &str = "i686-unknown-linux-gnu";

/// The 32-bit program, built once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tests.join("width");
        let mut command = Command::new(tests.join("bare"));
        command.args([TARGET, "build", "--release", "--locked", "--message-format", "json"]);
        // It brings its own runtime, which the standard library that rustup installs for this
        // target would stand in for.
        command.env("RINGWAY_BUILD_CORE", "1");
        // Flags for this test are not meant for the other program.
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        let output = command.current_dir(&folder).output().expect("tests/bare can be started");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tests/bare {TARGET} build, in tests/width: {complaint}");
        let told = String::from_utf8_lossy(&output.stdout);
        let mut executables = told.lines().filter_map(|line| {
            let told: serde_json::Value = serde_json::from_str(line).ok()?;
            told["executable"].as_str().map(PathBuf::from)
        });
        executables.next_back().expect("cargo names the program that it built")
    })
}

/// Memory for a region, with a descriptor for another process.
struct Memory {
    file: File,
    base: NonNull<u8>,
    length: usize,
}

impl Memory {
    fn new() -> Memory {
        let length = both::layout().expect("it can be laid out").size();
        let flags = rustix::fs::MemfdFlags::CLOEXEC;
        let file = File::from(rustix::fs::memfd_create("ringway-width", flags).expect("a memfd"));
        file.set_len(length as u64).expect("there is memory");
        // SAFETY: a new mapping at an address that the kernel chooses.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                std::os::fd::AsRawFd::as_raw_fd(&file),
                0,
            )
        };
        assert_ne!(base, libc::MAP_FAILED);
        Memory { file, base: NonNull::new(base.cast()).expect("not at 0"), length }
    }

    fn lay_out(&mut self) {
        // SAFETY: `new` mapped the memory, and nobody else has it yet.
        let memory = unsafe { NonNull::slice_from_raw_parts(self.base, self.length).as_mut() };
        both::layout().and_then(|layout| layout.write(memory)).expect("it can be laid out");
    }

    fn view(&self) -> View<'_> {
        // SAFETY: the memory is mapped for as long as `self` lives, and all sides use it through
        // this crate.
        unsafe { View::new(self.base, self.length) }.expect("a region")
    }

    fn bytes(&self) -> Vec<u8> {
        // SAFETY: `new` mapped the memory, and nobody else uses it at this moment.
        unsafe { NonNull::slice_from_raw_parts(self.base, self.length).as_ref() }.to_vec()
    }

    /// Starts the other side, with this region.
    fn other(&self, command: &str) -> Other {
        let stdin = self.file.try_clone().expect("a second descriptor");
        let start = |mut program: Command| {
            let file = stdin.try_clone().expect("a third descriptor");
            program.arg(command).stdin(Stdio::from(file)).spawn()
        };
        let child = start(Command::new(program())).or_else(|error| {
            // This kernel cannot run 32-bit programs.
            assert_eq!(error.raw_os_error(), Some(libc::ENOEXEC), "{error}");
            let mut emulated = Command::new("qemu-i386");
            emulated.arg(program());
            start(emulated)
        });
        Other(child.expect("the kernel, or qemu-i386, runs 32-bit programs"))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `new` made this mapping, and no view is left.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.length) };
    }
}

/// The other process. Dropping this kills and reaps it.
struct Other(Child);

impl Other {
    fn ends_well(mut self) {
        let status = self.0.wait().expect("a child of this process");
        assert!(status.success(), "the 32-bit side ended with {status}");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_other_program_is_of_32_bits() {
    let start = std::fs::read(program()).expect("it was built");
    assert_eq!(start[..5], *b"\x7fELF\x01", "the class of the file is not that of 32 bits");
    assert_eq!(size_of::<usize>(), 8, "this side has 64");
}

#[test]
fn both_widths_leave_the_same_bytes() {
    let theirs = Memory::new();
    theirs.other("make").ends_well();
    let mut ours = Memory::new();
    ours.lay_out();
    assert_eq!(both::make(&ours.view()), Ok(()));
    let (theirs, ours) = (theirs.bytes(), ours.bytes());
    let differs: Vec<usize> = (0..ours.len()).filter(|at| theirs[*at] != ours[*at]).collect();
    assert!(differs.is_empty(), "they differ at {differs:?}");
    assert!(ours.iter().filter(|byte| **byte != 0).count() > 300, "hardly anything was written");
}

#[test]
fn this_side_reads_what_the_other_wrote() {
    let memory = Memory::new();
    memory.other("make").ends_well();
    assert_eq!(both::check(&memory.view()), Ok(()), "a line of tests/width/src/both.rs");
}

#[test]
fn the_other_side_reads_what_this_one_wrote() {
    let mut memory = Memory::new();
    memory.lay_out();
    assert_eq!(both::make(&memory.view()), Ok(()));
    memory.other("check").ends_well();
}

#[test]
fn the_other_side_refuses_a_region_without_a_layout() {
    let memory = Memory::new();
    let mut child = memory.other("check");
    assert_eq!(child.0.wait().expect("a child of this process").code(), Some(1));
}

#[test]
fn messages_make_round_trips_and_wake_each_side() {
    let mut memory = Memory::new();
    memory.lay_out();
    let other = memory.other("echo");
    let view = memory.view();
    let me = Participant::new(6).expect("a small number");
    let jobs = |name| view.part::<Jobs>(name).expect("it was laid out").handle(me);
    let (there, back) = (jobs("there"), jobs("back"));
    std::thread::scope(|s| {
        s.spawn(|| {
            for n in (0..20_000).chain([LAST]) {
                there.push_deadline([n, 1, 2, 3], None).expect("the queue is not closed");
            }
        });
        for n in (0..20_000).chain([LAST]) {
            let answer = back.pop_deadline(None).expect("the queue is not closed");
            assert_eq!(answer.map(|word| !word), [n, 1, 2, 3]);
        }
    });
    // Now one message at a time, so that each side sleeps before every message.
    other.ends_well();
    let other = memory.other("echo");
    for n in (0..200).chain([LAST]) {
        there.push_deadline([n, 1, 2, 3], None).expect("the queue is not closed");
        let answer = back.pop_deadline(None).expect("the queue is not closed");
        assert_eq!(answer.map(|word| !word), [n, 1, 2, 3]);
    }
    other.ends_well();
}
