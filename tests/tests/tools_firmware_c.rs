//! A region that firmware in C and this process share. The emulated machine's memory is a file,
//! which this process maps; the image is `std-shim/c/tests/firmware/shared.c`. Values and records
//! of bytes go both ways, and the machine is reset in the middle.

use ringway::shm::RobustFutex;
use ringway_core::participant::Participant;
use ringway_core::region::{Layout, View};
use ringway_core::ring::Ring;
use ringway_core::ring::bytes::ByteRing;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::time::{Duration, Instant};

/// Values, and records of [`RECORD`] bytes; with doorbells, as C has them.
type Values = Ring<[u32; 4], 256, RobustFutex>;
type Records = ByteRing<{ 256 * RECORD }, RobustFutex>;
const RECORD: usize = 32;

/// How many values are asked and answered, and how many records make a round trip.
const MESSAGES: u32 = 20_000;
/// The machine's memory, and where this process maps it, in bytes.
const MEMORY: usize = 16 << 20;
const OFFSET: usize = 0x10_0000;
/// The region lies behind the table of its parts.
const REGION: usize = 4096;
const MAGIC: u32 = 0x7277_6331;
const PROCESS: u16 = 2;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn firmware_in_c_and_process_share_a_region() {
    let layout = Layout::<4>::new(3)
        .part::<Values>("values in")
        .and_then(|layout| layout.part::<Values>("values out"))
        .and_then(|layout| layout.part::<Records>("records in"))
        .and_then(|layout| layout.part::<Records>("records out"))
        .expect("the layout is a good one");
    let memory = Memory::new(REGION + layout.size());
    let region = memory.at(REGION);
    // SAFETY: the memory is mapped, and nobody else uses it yet.
    let bytes = unsafe { std::slice::from_raw_parts_mut(region.as_ptr(), layout.size()) };
    layout.write(bytes).expect("the memory is zeroed");
    // SAFETY: the memory is mapped until after the last use of the view, and the firmware uses it
    // through the same crate.
    let view = unsafe { View::new(region, layout.size()) }.expect("it is laid out");
    memory.say_where(&view);
    let mut machine = Machine::start(&image(), &memory.path);

    let me = Participant::new(PROCESS).expect("a number of a participant");
    let mut questions = view.part::<Values>("values in").unwrap().producer_as(me).unwrap();
    let mut answers = view.part::<Values>("values out").unwrap().consumer_as(me).unwrap();
    let mut tx = view.part::<Records>("records in").unwrap().producer_as(me).unwrap();
    let mut rx = view.part::<Records>("records out").unwrap().consumer_as(me).unwrap();

    let (mut asked, mut answered, mut lost) = (0, 0, 0);
    let (mut sent, mut back, mut twice) = (0, 0, 0);
    let mut lives = Vec::new();
    let mut was_reset = false;
    let limit = Instant::now() + PATIENCE;
    while answered + lost < MESSAGES || back < MESSAGES {
        assert!(Instant::now() < limit, "asked {asked}, answered {answered}, records {back}");
        machine.assert_it_runs();
        while asked < MESSAGES {
            let (a, b) = (asked.wrapping_mul(31), asked ^ 0x5a5a);
            let sum = asked.wrapping_add(a).wrapping_add(b);
            if questions.try_push([asked, a, b, sum]).is_err() {
                break;
            }
            asked += 1;
        }
        while let Some([number, value, life, sum]) = answers.try_pop() {
            assert_eq!(sum, number.wrapping_add(value).wrapping_add(life), "the check holds");
            assert_eq!(value, number.wrapping_mul(31) ^ number ^ 0x5a5a);
            // A reset between taking a question and answering it cuts that off.
            lost += number - (answered + lost);
            answered += 1;
            if lives.last() != Some(&life) {
                lives.push(life);
            }
        }
        while sent < MESSAGES {
            let Ok(mut grant) = tx.try_reserve(RECORD) else { break };
            grant.copy_from_slice(&record(sent));
            grant.commit(RECORD);
            sent += 1;
        }
        while let Ok(grant) = rx.try_peek(1) {
            let came = grant[..RECORD].iter().map(|byte| !byte);
            // A reset between answering a record and giving it back repeats the answer.
            if back > 0 && came.clone().eq(record(back - 1)) {
                twice += 1;
            } else {
                assert!(came.eq(record(back)), "record {back}");
                back += 1;
            }
            grant.release(RECORD);
        }
        if !was_reset && answered > MESSAGES / 2 {
            machine.reset();
            was_reset = true;
        }
        std::thread::yield_now();
    }
    assert_eq!(lives, [1, 2], "each life answered");
    assert!(lost <= 1 && twice <= 1, "{lost} values lost, {twice} records repeated");
    while questions.try_push([u32::MAX; 4]).is_err() {
        machine.assert_it_runs();
    }
    machine.assert_good_end();
    println!(
        "evidence: c: region shared by firmware in C and Linux: {MESSAGES} values and records each way, 1 reset: 0 failures"
    );
}

/// Record `n`.
fn record(n: u32) -> [u8; RECORD] {
    std::array::from_fn(|at| (n.wrapping_mul(0x9e37_79b9).rotate_left(at as u32) ^ n) as u8)
}

/// The file that is the machine's memory, with a part of it mapped here.
struct Memory {
    path: PathBuf,
    start: NonNull<u8>,
    size: usize,
}

impl Memory {
    fn new(size: usize) -> Memory {
        let path =
            PathBuf::from(format!("/dev/shm/ringway-test-firmware-c-{}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.expect("a file in shared memory");
        file.set_len(MEMORY as u64).expect("it grows");
        // SAFETY: a new mapping of a file at an address that the kernel chooses; nothing is assumed
        // of its content.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                OFFSET as libc::off_t,
            )
        };
        assert!(at != libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        Memory { path, start: NonNull::new(at.cast()).expect("a mapping has an address"), size }
    }

    fn at(&self, offset: usize) -> NonNull<u8> {
        // SAFETY: the offsets of this test lie within the mapping.
        unsafe { self.start.add(offset) }
    }

    fn word(&self, index: usize) -> &AtomicU32 {
        // SAFETY: the mapping begins with a table of words, which both sides load and store whole.
        unsafe { self.at(4 * index).cast().as_ref() }
    }

    /// Tells the firmware where the parts are, and at last that they are there.
    fn say_where(&self, view: &View<'_>) {
        let entries: Vec<_> = view.entries().collect();
        for (index, entry) in entries.iter().enumerate() {
            self.word(1 + index).store(REGION as u32 + entry.offset(), Ordering::Relaxed);
        }
        self.word(5).store(entries[0].description.size, Ordering::Relaxed);
        self.word(6).store(entries[2].description.size, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        // Partner: the load and the fence in the image.
        self.word(0).store(MAGIC, Ordering::Release);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `new` made this mapping, and nothing refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.size) };
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The emulated machine. It does not outlive the test.
struct Machine(Child);

impl Machine {
    fn start(image: &Path, memory: &Path) -> Machine {
        let backend = format!(
            "memory-backend-file,id=ram,size={MEMORY},share=on,mem-path={}",
            memory.display()
        );
        let mut command = Command::new("qemu-system-riscv32");
        command
            .args(["-M", "virt,memory-backend=ram", "-m", &format!("{}M", MEMORY >> 20)])
            .args(["-object", &backend, "-cpu", "rv32,a=false"])
            .args(["-bios", "none", "-display", "none", "-serial", "none", "-monitor", "stdio"])
            .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
            .arg(image)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let child = command.spawn();
        Machine(child.expect("qemu-system-riscv32 runs (Debian: qemu-system-misc)"))
    }

    /// Resets the machine, as its reset button does.
    fn reset(&mut self) {
        let monitor = self.0.stdin.as_mut().expect("it has a monitor");
        monitor.write_all(b"system_reset\n").expect("the monitor takes a command");
    }

    fn assert_it_runs(&mut self) {
        assert_eq!(self.0.try_wait().expect("it is our child"), None, "the firmware gave up");
    }

    fn assert_good_end(&mut self) {
        let limit = Instant::now() + PATIENCE;
        loop {
            match self.0.try_wait().expect("it is our child") {
                Some(status) => return assert!(status.success(), "the firmware: {status}"),
                None => assert!(Instant::now() < limit, "the firmware does not end"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The firmware, built.
fn image() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut build = Command::new(folder.join("../std-shim/c/tests/firmware/build"));
    build.args(["riscv32imc-unknown-none-elf", "shared"]);
    for inherited in ["RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR"] {
        build.env_remove(inherited);
    }
    let output = build.output().expect("bash runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the image does not build: {complaint}");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end())
}
