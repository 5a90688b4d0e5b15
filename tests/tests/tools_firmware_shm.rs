//! A region that a 32-bit firmware and this 64-bit process share. The emulated machine's memory is
//! a file, which this process maps. Values and records of bytes go both ways, and each side checks
//! all of them. The machine is reset in the middle, twice.

#[path = "../firmware/src/shared_memory/agreement.rs"]
mod agreement;

use agreement::{END, FIRMWARE, PROCESS, RECORD, Records, Values};
use ringway_core::participant::Participant;
use ringway_core::region::View;
use ringway_core::ring::bytes;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How many values are asked and answered, and how many records make a round trip.
const MESSAGES: u32 = 100_000;
/// The machine's memory, in bytes.
const MEMORY: usize = 16 << 20;
/// A wait without progress that takes this long is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn firmware_and_process_pass_messages_across_resets() {
    let image = image();
    let layout = agreement::layout().expect("the layout is a good one");
    let memory = Memory::new(layout.size());
    // SAFETY: the memory is mapped, and nobody else uses it yet.
    let bytes = unsafe { std::slice::from_raw_parts_mut(memory.region.as_ptr(), layout.size()) };
    layout.write(bytes).expect("the memory is zeroed");
    let mut machine = Machine::start(&image, &memory.path);

    // SAFETY: the memory is mapped until after the last use of the view, and the firmware uses it
    // through the same crate.
    let view = unsafe { View::new(memory.region, layout.size()) }.expect("it is laid out");
    let me = Participant::new(PROCESS).expect("a number of a participant");
    let values_in = view.part::<Values>(agreement::VALUES_IN).expect("it is there");
    let values_out = view.part::<Values>(agreement::VALUES_OUT).expect("it is there");
    let records_in = view.part::<Records>(agreement::RECORDS_IN).expect("it is there");
    let records_out = view.part::<Records>(agreement::RECORDS_OUT).expect("it is there");
    let mut questions = values_in.producer_as(me).expect("it is this side's half");
    let mut answers = values_out.consumer_as(me).expect("it is this side's half");
    let mut tx = records_in.producer_as(me).expect("it is this side's half");
    let mut rx = records_out.consumer_as(me).expect("it is this side's half");
    let generation =
        || view.places()[usize::from(FIRMWARE) - 1].occupant().map_or(0, |it| it.generation);

    let (mut values, mut records) = (Asked::default(), Echoed::default());
    let mut resets = VecDeque::from([(1, MESSAGES / 3), (2, MESSAGES / 3 * 2)]);
    let mut progress = Instant::now();
    while values.answered < MESSAGES || records.back < MESSAGES {
        let before = (values.answered, records.back);
        values.ask(|message| questions.try_push(message).is_ok());
        while let Some(answer) = answers.try_pop() {
            values.take(answer);
        }
        records.send(&mut tx);
        records.receive(&mut rx);
        // The firmware states its generation when it begins. The test asks for a reset only when it
        // has noticed the one before.
        if resets.front().is_some_and(|&(life, at)| values.answered >= at && generation() == life) {
            machine.reset();
            resets.pop_front();
        }
        if before != (values.answered, records.back) {
            progress = Instant::now();
        }
        machine.assert_it_runs();
        assert!(progress.elapsed() < PATIENCE, "no progress: {values:?}, {records:?}");
        std::thread::yield_now();
    }
    assert!(resets.is_empty(), "the machine was reset twice");
    assert_eq!(generation(), 3, "each life has a generation of its own");
    assert_eq!(values.lives, [1, 2, 3], "each life answered");
    assert!(values.lost.len() <= 2, "a reset cuts off one value at most: {:?}", values.lost);
    assert!(records.twice <= 2, "a reset repeats one record at most: {}", records.twice);

    while questions.try_push(agreement::sealed(END, 0, 0)).is_err() {
        machine.assert_it_runs();
    }
    machine.assert_good_end();
    assert_eq!(generation(), 0, "it took leave");
    println!(
        "{MESSAGES} values and {MESSAGES} records each way across 2 resets, which cut off {} values and repeated {} records",
        values.lost.len(),
        records.twice
    );
}

/// The firmware and this process have the geometry as constants; the program takes it from its
/// command line.
#[test]
fn run_time_sizes_open_the_region_of_the_firmware() {
    let layout = agreement::layout().expect("the layout is a good one");
    let memory = Memory::new(layout.size());
    // SAFETY: the memory is mapped, and nobody else uses it yet.
    let bytes = unsafe { std::slice::from_raw_parts_mut(memory.region.as_ptr(), layout.size()) };
    layout.write(bytes).expect("the memory is zeroed");
    let mut machine = Machine::start(&image(), &memory.path);
    let mut program = Program::start(&memory.path, [agreement::OFFSET, layout.size(), 256, 16, 8]);

    // SAFETY: the memory is mapped until after the last use of the view, and the others use it
    // through the same crate.
    let view = unsafe { View::new(memory.region, layout.size()) }.expect("it is laid out");
    let me = Participant::new(PROCESS).expect("a number of a participant");
    let records_in = view.part::<Records>(agreement::RECORDS_IN).expect("it is there");
    let records_out = view.part::<Records>(agreement::RECORDS_OUT).expect("it is there");
    let mut tx = records_in.producer_as(me).expect("it is this side's half");
    let mut rx = records_out.consumer_as(me).expect("it is this side's half");
    let mut records = Echoed::default();
    let mut progress = Instant::now();
    // The program ends the firmware, which answers until then.
    while program.runs() {
        let before = records.back;
        records.send(&mut tx);
        records.receive(&mut rx);
        if records.back != before || records.back == MESSAGES {
            progress = Instant::now();
        }
        assert!(progress.elapsed() < PATIENCE, "no progress: {records:?}");
        std::thread::yield_now();
    }
    assert!(records.back > 0, "both were served");
    machine.assert_good_end();
}

/// The program `tests/src/bin/asks.rs`, which ends with the test.
struct Program(Child);

impl Program {
    fn start(memory: &Path, geometry: [usize; 5]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asks"));
        command.arg(memory).args(geometry.map(|number| number.to_string()));
        Program(command.arg(MESSAGES.to_string()).spawn().expect("it can be started"))
    }

    /// Whether the program still runs. If it has ended, it must have succeeded.
    fn runs(&mut self) -> bool {
        let ended = self.0.try_wait().expect("it is our child");
        ended.inspect(|status| assert!(status.success(), "the program: {status}")).is_none()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The values that were asked and that were answered.
#[derive(Debug, Default)]
struct Asked {
    next: u32,
    /// The next answer, if no reset cut it off.
    due: u32,
    /// Values that a reset cut off, and that are to be asked again.
    again: VecDeque<u32>,
    lost: Vec<u32>,
    answered: u32,
    lives: Vec<u32>,
}

impl Asked {
    fn question(n: u32) -> (u32, u32) {
        (agreement::mix(n, 17), n.wrapping_mul(31))
    }

    fn ask(&mut self, mut push: impl FnMut([u32; 4]) -> bool) {
        loop {
            let again = self.again.front().copied();
            let n = again.unwrap_or(self.next);
            let (a, b) = Self::question(n);
            if n == MESSAGES || !push(agreement::sealed(n, a, b)) {
                return;
            }
            match again {
                Some(_) => drop(self.again.pop_front()),
                None => self.next += 1,
            }
        }
    }

    fn take(&mut self, answer: [u32; 4]) {
        let (n, _, life) = agreement::opened(answer).expect("the check holds");
        let (a, b) = Self::question(n);
        assert_eq!(answer, agreement::answer(n, a, b, life));
        if self.lives.last() != Some(&life) {
            self.lives.push(life);
        }
        self.answered += 1;
        assert!(self.answered <= MESSAGES, "value {n} was answered twice");
        if self.lost.contains(&n) {
            assert!(!self.again.contains(&n), "value {n} was answered before it was asked again");
            return;
        }
        // A reset cut off what lies between; a new life of the firmware shows that there was one.
        let gap = self.due..n;
        assert!(gap.is_empty() || gap.len() == 1, "{gap:?} was never answered");
        self.lost.extend(gap.clone());
        self.again.extend(gap);
        self.due = n + 1;
    }
}

/// The records that were sent and that came back.
#[derive(Debug, Default)]
struct Echoed {
    sent: u32,
    back: u32,
    twice: u32,
}

impl Echoed {
    fn send(&mut self, tx: &mut bytes::Producer<&bytes::ByteRing<{ 256 * RECORD }>>) {
        while self.sent < MESSAGES {
            let Ok(mut grant) = tx.try_reserve(RECORD) else { return };
            grant.copy_from_slice(&agreement::record(self.sent));
            grant.commit(RECORD);
            self.sent += 1;
        }
    }

    fn receive(&mut self, rx: &mut bytes::Consumer<&bytes::ByteRing<{ 256 * RECORD }>>) {
        while let Ok(grant) = rx.try_peek(1) {
            let bytes = grant.first_chunk().expect("records are committed whole");
            if self.back > 0 && *bytes == agreement::record_back(self.back - 1) {
                self.twice += 1;
            } else {
                assert_eq!(*bytes, agreement::record_back(self.back), "record {}", self.back);
                self.back += 1;
            }
            grant.release(RECORD);
        }
    }
}

/// The file that is the machine's memory, with the region mapped here.
struct Memory {
    path: PathBuf,
    region: NonNull<u8>,
    size: usize,
}

impl Memory {
    fn new(size: usize) -> Memory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = PathBuf::from(format!("/dev/shm/ringway-test-firmware-{process}-{count}"));
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
                agreement::OFFSET as libc::off_t,
            )
        };
        assert!(at != libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        Memory { path, region: NonNull::new(at.cast()).expect("a mapping has an address"), size }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `new` made this mapping, and nothing refers to it any more.
        unsafe { libc::munmap(self.region.as_ptr().cast(), self.size) };
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
            .args(["-object", &backend])
            .args(["-bios", "none", "-display", "none", "-serial", "none", "-monitor", "stdio"])
            .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
            .arg(image)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let ends_with_us = || {
            // SAFETY: the call takes numbers, and changes only this process.
            match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        };
        // SAFETY: `prctl` may be called between fork and exec.
        unsafe { command.pre_exec(ends_with_us) };
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
        let begin = Instant::now();
        loop {
            match self.0.try_wait().expect("it is our child") {
                Some(status) => return assert!(status.success(), "the firmware: {status}"),
                None => assert!(begin.elapsed() < PATIENCE, "the firmware does not end"),
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware");
    let output = Command::new("../bare")
        .args(["riscv32imc-unknown-none-elf", "build", "--locked", "--release"])
        .args(["--features", "shared-layout", "--bin", "shared_memory"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(&folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .expect("tests/bare runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).expect("cargo prints JSON");
    let executable = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(|path| folder.join(path))
    });
    executable.expect("cargo says where the image is")
}
