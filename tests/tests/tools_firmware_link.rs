//! A firmware image in QEMU and this process at the two ends of a serial line. Each sends 1 MiB and
//! checks what it receives. In further tests the line loses and flips bytes, and the firmware is
//! reset in the middle.
//!
//! The image is `tests/firmware/src/bin/uart_link`; its UART is a Unix socket or a pseudo terminal
//! of QEMU's. A missing QEMU or toolchain is a failure.

#[path = "../../core/tests/line/mod.rs"]
#[allow(dead_code, reason = "the wire alone is used here, not what drives two links in memory")]
mod line;
#[path = "../../core/tests/random/mod.rs"]
mod random;

use line::{Faults, Wire};
use random::Random;
use ringway::CoreError;
use ringway::channel::State;
use ringway::link::{Config, Down, Event, SerialLink};
use ringway::serial::Port;
use ringway::socket::UnixStream;
use std::io::{BufRead, BufReader};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The longest wait. Everything that works takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(240);

const MESSAGE: usize = 256;
const MESSAGES: u32 = 4096;
/// What the messages of each side are computed from, as in the image.
const FIRMWARE: u32 = 0x0f1e_2d3c;
const OURS: u32 = 0x5a69_7887;

const EXCHANGE: u8 = 0;
const ECHO: u8 = 1;

type Link = SerialLink<MESSAGE, 4, 2, 4>;

/// The `n`-th message of a side, as in the image.
fn content(side: u32, n: u32) -> [u8; MESSAGE] {
    let mut state = side ^ n.wrapping_mul(0x9e37_79b9) | 1;
    std::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    })
}

/// A board that QEMU emulates, and the language of its image.
#[derive(Clone, Copy)]
struct Board {
    target: &'static str,
    is_in_c: bool,
    emulator: &'static [&'static str],
}

const MICROBIT: Board = Board {
    target: "thumbv6m-none-eabi",
    is_in_c: false,
    emulator: &["qemu-system-arm", "-M", "microbit"],
};
const RISCV: Board = Board {
    target: "riscv32imc-unknown-none-elf",
    is_in_c: false,
    emulator: &["qemu-system-riscv32", "-M", "virt", "-bios", "none"],
};

impl Board {
    /// The same board with the image in C, `std-shim/c/tests/firmware/uart_link.c`.
    const fn in_c(self) -> Self {
        Board { is_in_c: true, ..self }
    }

    /// The image, built.
    fn image(self) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        if self.is_in_c {
            return image_in_c(folder, self.target);
        }
        let mut build = Command::new(folder.join("bare"));
        build.arg(self.target).args(["build", "--locked", "--release", "--bin", "uart_link"]);
        build.args(["--message-format", "json-render-diagnostics"]);
        // The toolchain and the flags are the image's own.
        for inherited in ["RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR"] {
            build.env_remove(inherited);
        }
        let output = build.current_dir(folder.join("firmware")).output().expect("bash runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the image does not build: {complaint}");
        let messages = String::from_utf8_lossy(&output.stdout);
        let path = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .find_map(|message| message["executable"].as_str().map(PathBuf::from));
        path.expect("cargo tells where the image is")
    }

    /// Starts the board, with such a UART.
    fn start(self, place: &Path, uart: &str) -> Machine {
        let (program, options) = self.emulator.split_first().expect("a program");
        let monitor = place.join("monitor");
        let mut command = Command::new(program);
        command.args(options).args(["-display", "none", "-serial", uart, "-monitor"]);
        command.arg(format!("unix:{},server=on,wait=off", monitor.display()));
        command.args(["-semihosting-config", "enable=on,target=native", "-kernel"]);
        command.arg(self.image()).stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("{program}: {error}: install Debian's qemu-system-arm and qemu-system-misc")
        });
        Machine { child, monitor }
    }
}

/// The image in C, built.
fn image_in_c(folder: &Path, target: &str) -> PathBuf {
    // Tests run at once, and the image is built in one place.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut build = Command::new(folder.join("../std-shim/c/tests/firmware/build"));
    build.args([target, "uart_link"]);
    for inherited in ["RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR"] {
        build.env_remove(inherited);
    }
    let output = build.output().expect("bash runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the image in C does not build: {complaint}");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end())
}

/// A running machine; it ends with the test.
struct Machine {
    child: Child,
    monitor: PathBuf,
}

impl Machine {
    /// Presses the button.
    fn reset(&self) {
        let monitor = connect(&self.monitor);
        monitor.write_all(b"system_reset\n").expect("the monitor listens");
        // The monitor has taken the command when it asks for the next one.
        let mut said = Vec::new();
        let mut byte = [0];
        while said.windows(6).filter(|part| part == b"(qemu)").count() < 2 {
            assert_eq!(monitor.read(&mut byte).expect("the monitor answers"), 1);
            said.push(byte[0]);
        }
    }

    /// The path of QEMU's first pseudo terminal, from QEMU's output.
    fn terminal(&mut self) -> PathBuf {
        let says = BufReader::new(self.child.stdout.take().expect("it is a pipe"));
        let line = says.lines().map_while(Result::ok).find_map(|line| {
            let path = line.split_whitespace().find(|word| word.starts_with("/dev/"))?;
            Some(PathBuf::from(path))
        });
        line.expect("QEMU says which terminal it made")
    }

    /// Waits for the image's end, which must be a success.
    fn end(mut self) {
        let limit = Instant::now() + PATIENCE;
        while Instant::now() < limit {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                assert!(status.success(), "the image ended with {status}");
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the image did not end after the link was closed");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects to a socket that is about to appear.
fn connect(path: &Path) -> UnixStream {
    let limit = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < limit, "{}: {error}", path.display()),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The stream, behind a line that loses and flips bytes.
fn behind(stream: UnixStream, faults: Faults) -> UnixStream {
    let (ours, middle) = UnixStream::pair().expect("a pair can be made");
    let [middle, stream] = [middle, stream].map(Arc::new);
    for (seed, from, to) in [(1, middle.clone(), stream.clone()), (2, stream, middle)] {
        // The thread ends when either end of the line does.
        thread::spawn(move || {
            let (mut wire, mut random) = (Wire::new(faults), Random::new(seed));
            let mut piece = [0; 1024];
            while let Ok(n @ 1..) = from.read(&mut piece) {
                piece.iter().take(n).for_each(|byte| wire.put(&mut random, *byte));
                if to.write_all(&wire.take(usize::MAX)).is_err() {
                    break;
                }
            }
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }
    ours
}

/// An emulated UART has no rate; on a loaded machine it may be late by this much.
fn config(generation: u32) -> Config {
    Config { retransmit: 200, gone: 20_000, ..Config::new(generation) }
}

/// The progress of one attempt.
#[derive(Debug, Default)]
struct Progress {
    sent: u32,
    received: u32,
    report: Option<[u8; 8]>,
}

/// Exchanges everything in one session. Calls `meanwhile` with the number of messages received.
///
/// # Errors
/// The session ended.
fn exchange(
    link: &mut Link,
    limit: Instant,
    mut meanwhile: impl FnMut(u32),
) -> ringway::Result<()> {
    link.connect_deadline(EXCHANGE, Some(limit))?;
    let mut progress = Progress::default();
    let mut message = [0; MESSAGE];
    loop {
        assert!(Instant::now() < limit, "{progress:?}, {link:?}");
        link.turn()?;
        while progress.sent < MESSAGES {
            match link.try_send(EXCHANGE, &content(OURS, progress.sent)) {
                Err(error) if error.is(CoreError::WouldBlock) => break,
                sent => sent?,
            }
            progress.sent += 1;
            if progress.sent == MESSAGES {
                link.shut_send(EXCHANGE)?;
            }
        }
        loop {
            match link.try_recv(EXCHANGE, &mut message) {
                Err(error) if error.is(CoreError::WouldBlock) => break,
                Err(error) if error.is(CoreError::EndOfFile) => {
                    let report = progress.report.expect("the firmware reports before it ends");
                    let [received, wrong] = [[0, 1, 2, 3], [4, 5, 6, 7]]
                        .map(|at: [usize; 4]| u32::from_le_bytes(at.map(|at| report[at])));
                    assert_eq!((received, wrong), (MESSAGES, 0), "what the firmware received");
                    return Ok(());
                }
                Err(error) => return Err(error),
                Ok(len) if progress.received < MESSAGES => {
                    assert_eq!(message[..len], content(FIRMWARE, progress.received));
                    progress.received += 1;
                    meanwhile(progress.received);
                }
                Ok(len) => {
                    let report = message[..len].try_into().expect("a report of eight bytes");
                    assert_eq!(progress.report.replace(report), None, "one report");
                }
            }
        }
        link.wait(Some(limit))?;
    }
}

/// Everything goes each way in the first session, and the image ends well.
fn everything_is_exchanged(link: &mut Link, machine: Machine) {
    let limit = Instant::now() + PATIENCE;
    exchange(link, limit, |_| {}).unwrap_or_else(|error| panic!("{error}: {link:?}"));
    link.close_deadline(Some(limit)).expect("the firmware says goodbye");
    machine.end();
}

fn over_a_socket(board: Board, faults: Faults) {
    let place = tempfile::tempdir().expect("a folder can be made");
    let uart = place.path().join("uart");
    let machine = board.start(place.path(), &format!("unix:{},server=on,wait=off", uart.display()));
    let mut link = Link::over(behind(connect(&uart), faults), config(7));
    everything_is_exchanged(&mut link, machine);
}

fn over_a_terminal(board: Board) {
    let place = tempfile::tempdir().expect("a folder can be made");
    let mut machine = board.start(place.path(), "pty");
    let port = Port::open(machine.terminal(), 115_200).expect("QEMU's terminal opens");
    let mut link = Link::over(port, config(7));
    everything_is_exchanged(&mut link, machine);
}

fn with_a_reset(board: Board) {
    let place = tempfile::tempdir().expect("a folder can be made");
    let uart = place.path().join("uart");
    let machine = board.start(place.path(), &format!("unix:{},server=on,wait=off", uart.display()));
    let mut link = Link::over(connect(&uart), config(7));
    let limit = Instant::now() + PATIENCE;
    link.connect_deadline(EXCHANGE, Some(limit)).expect("the firmware is there");
    let before = link.peer().expect("it is up").id;

    let cut = exchange(&mut link, limit, |received| {
        if received == MESSAGES / 2 {
            machine.reset();
        }
    });
    cut.expect_err("the session ends with the firmware");
    assert_eq!(link.port_state(EXCHANGE), State::Reset);
    assert_eq!(link.poll_event(), Some(Event::Down(Down::PeerRestarted)));

    link.connect_deadline(EXCHANGE, Some(limit)).expect("the firmware is there again");
    let after = link.peer().expect("it is up").id;
    assert_eq!(after.generation, before.generation + 1, "the firmware counts its starts");
    everything_is_exchanged(&mut link, machine);
}

/// What goes to the firmware comes back, on a port of its own, while the other port is not used.
fn an_echo(board: Board) {
    let place = tempfile::tempdir().expect("a folder can be made");
    let uart = place.path().join("uart");
    let machine = board.start(place.path(), &format!("unix:{},server=on,wait=off", uart.display()));
    let mut link = Link::over(connect(&uart), config(7));
    let limit = Instant::now() + PATIENCE;
    link.connect_deadline(ECHO, Some(limit)).expect("the firmware is there");
    for length in [0, 1, 100, MESSAGE] {
        let sent = &content(OURS, length as u32)[..length];
        let mut back = [0; MESSAGE];
        link.send_deadline(ECHO, sent, Some(limit)).expect("there is room");
        let len = link.recv_deadline(ECHO, &mut back, Some(limit)).expect("it comes back");
        assert_eq!(&back[..len], sent);
    }
    link.shut_send(ECHO).expect("it is connected");
    let end = link.recv_deadline(ECHO, &mut [0; MESSAGE], Some(limit)).unwrap_err();
    assert!(end.is(CoreError::EndOfFile), "{end}");
    assert_ne!(link.port_state(EXCHANGE), State::STREAM, "nobody opened it here");
    link.close_deadline(Some(limit)).expect("the firmware says goodbye");
    machine.end();
}

/// One byte in this many is lost, and one is flipped.
const BAD: Faults = Faults { lose: 20_000, flip: 20_000, cut: 0, duplicate: 0, noise: 0 };
const GOOD: Faults = Faults { lose: 0, flip: 0, cut: 0, duplicate: 0, noise: 0 };

macro_rules! boards {
    ($($name:ident: $board:expr;)+) => {
        $(mod $name {
            use super::*;

            #[test]
            fn a_mebibyte_goes_each_way() {
                over_a_socket($board, GOOD);
            }

            #[test]
            fn a_mebibyte_goes_each_way_over_a_pseudo_terminal() {
                over_a_terminal($board);
            }

            #[test]
            fn a_mebibyte_goes_each_way_over_a_lossy_line() {
                over_a_socket($board, BAD);
            }

            #[test]
            fn the_exchange_completes_though_the_firmware_resets() {
                with_a_reset($board);
            }

            #[test]
            fn what_is_sent_to_the_echo_comes_back() {
                an_echo($board);
            }
        })+
    };
}

boards! {
    cortex_m0: MICROBIT;
    riscv32: RISCV;
}

/// The image in C does the same: one line of each kind, and a reset.
macro_rules! boards_in_c {
    ($($name:ident: $board:expr;)+) => {
        $(mod $name {
            use super::*;

            #[test]
            fn a_mebibyte_goes_each_way_over_a_lossy_line() {
                over_a_socket($board.in_c(), BAD);
            }

            #[test]
            fn the_exchange_completes_though_the_firmware_resets() {
                with_a_reset($board.in_c());
            }

            #[test]
            fn what_is_sent_to_the_echo_comes_back() {
                an_echo($board.in_c());
            }
        })+
    };
}

boards_in_c! {
    cortex_m0_in_c: MICROBIT;
    riscv32_in_c: RISCV;
}
