//! A firmware at the far end: an image of `tests/firmware` in QEMU, which echoes its input.
//!
//! Its UART is a serial line to this process.

use super::row::{Outcome, Row, Sides, pour};
use crate::digest::{Intake, Receipt};
use crate::failure::{Doing, Failure, Result};
use ringway::CoreError;
use ringway::link::{Config, SerialLink};
use ringway::socket::UnixStream;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The name of the row, which needs `--firmware`.
pub const NAME: &str = "firmware-serial";

/// These are as in the image `uart_link`: the bytes of a message, and the port that echoes.
const MESSAGE: usize = 256;
const ECHO: u8 = 1;

const CREDITS: usize = 4;

type Link = SerialLink<MESSAGE, 4, 2, CREDITS>;

/// How long QEMU may take to start, and an image to greet.
const PATIENCE: Duration = Duration::from_secs(10);

pub const SERIAL: Sides = Sides::Own { run: exchange, far: |_, _| Ok(()) };

fn exchange(row: &Row<'_>) -> Result<Outcome> {
    const UART: &str = "uart";
    let image = row.task.firmware.as_deref().ok_or_else(|| {
        Failure::new(format!("the row '{NAME}' needs an image: --firmware IMAGE"))
    })?;
    let board = Board::of(image)?;
    row.doing("starting QEMU");
    let mut machine = board.start(image, UART)?;
    let end = Instant::now() + PATIENCE;
    let stream = loop {
        match UnixStream::connect(UART) {
            Ok(stream) => break stream,
            Err(error) if Instant::now() > end => return Err(error.into()),
            Err(_) => machine.check()?,
        }
        thread::sleep(Duration::from_millis(5));
    };
    row.doing("connecting to the firmware");
    let config = Config { retransmit: 200, gone: 10_000, ..Config::new(std::process::id()) };
    let mut link = Link::over(stream, config);
    link.connect_deadline(ECHO, Some(end)).map_err(|error| {
        Failure::new(format!(
            "the image {} did not answer on its UART: {error}; it must be 'uart_link'",
            image.display()
        ))
    })?;
    let starts = link.peer().map_or(0, |peer| peer.id.generation);

    row.doing("exchanging messages with the firmware");
    let (messages, receipt) = there_and_back(&mut link, row.input()?)?;
    link.close_deadline(Some(Instant::now() + PATIENCE))?;
    machine.finish()?;
    let what = format!("{messages} messages to a {} and back, start {starts}", board.processor);
    Ok(Outcome { what, receipt })
}

/// Sends everything and receives the echo.
///
/// It never has more under way than both sides have room for.
fn there_and_back(link: &mut Link, input: impl Read) -> Result<(u64, Receipt)> {
    let mut intake = Intake::new();
    let mut messages = 0;
    pour(input, MESSAGE, |message| {
        link.send(ECHO, message)?;
        messages += 1;
        if messages > CREDITS as u64 {
            let back = link.recv(ECHO, intake.spare())?;
            intake.filled(back);
        }
        Ok(())
    })?;
    link.shut_send(ECHO)?;
    loop {
        match link.recv(ECHO, intake.spare()) {
            Ok(back) => intake.filled(back),
            Err(error) if error.is(CoreError::EndOfFile) => {
                return Ok((messages, intake.finish()));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A board that QEMU emulates.
#[derive(Debug)]
struct Board {
    processor: &'static str,
    emulator: &'static str,
    /// The Debian package that contains the emulator.
    package: &'static str,
    options: &'static [&'static str],
}

const MICROBIT: Board = Board {
    processor: "Cortex-M0",
    emulator: "qemu-system-arm",
    package: "qemu-system-arm",
    options: &["-M", "microbit"],
};

const RISCV: Board = Board {
    processor: "RISC-V",
    emulator: "qemu-system-riscv32",
    package: "qemu-system-misc",
    options: &["-M", "virt", "-bios", "none"],
};

impl Board {
    /// The board that an image is for, by the image's ELF header.
    fn of(image: &Path) -> Result<&'static Board> {
        const ARM: u8 = 40;
        const RISC_V: u8 = 243;
        let mut header = [0; 20];
        let read = File::open(image).and_then(|mut file| file.read_exact(&mut header));
        match (read, header) {
            (Ok(()), [0x7f, b'E', b'L', b'F', 1, .., ARM, 0]) => Ok(&MICROBIT),
            (Ok(()), [0x7f, b'E', b'L', b'F', 1, .., RISC_V, 0]) => Ok(&RISCV),
            (Err(error), _) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Err(error).doing(format_args!("read the image {} ({BUILD})", image.display()))
            }
            _ => Err(Failure::new(format!(
                "{} is no image for a 32-bit ARM or RISC-V processor: {BUILD}",
                image.display()
            ))),
        }
    }

    fn start(&self, image: &Path, uart: &str) -> Result<Machine> {
        let mut command = Command::new(self.emulator);
        command.args(self.options).args(["-display", "none", "-monitor", "none", "-serial"]);
        command.arg(format!("unix:{uart},server=on,wait=off"));
        command.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(image);
        // Keep what the image prints out of this program's output.
        match command.stdin(Stdio::null()).stdout(Stdio::null()).spawn() {
            Ok(child) => Ok(Machine(child)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::new(format!(
                "there is no {} here: install QEMU (Debian's package {})",
                self.emulator, self.package
            ))),
            Err(error) => Err(error).doing(format_args!("start {}", self.emulator)),
        }
    }
}

/// How to get an image.
const BUILD: &str = "in tests/firmware of the sources, \
                     '../bare riscv32imc-unknown-none-elf build --release --bin uart_link' makes it";

/// A running QEMU; dropping it ends QEMU.
struct Machine(Child);

impl Machine {
    /// Checks that QEMU still runs.
    ///
    /// # Errors
    /// It ended.
    fn check(&mut self) -> Result<()> {
        match self.0.try_wait().doing("look at QEMU")? {
            None => Ok(()),
            Some(status) => {
                Err(Failure::new(format!("QEMU ended with {status}: see what it says")))
            }
        }
    }

    /// Waits for the image's end, which must be a success.
    fn finish(mut self) -> Result<()> {
        let status = self.0.wait().doing("wait for QEMU")?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(format!("the firmware ended with {status}")))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // QEMU may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
