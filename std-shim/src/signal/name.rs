//! Signals by number and by name, and sets of them.

use crate::{Cause, Error, Result};
use ringway_core::signal::SignalSet;
use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::str::FromStr;

/// A signal of this system: a number with a name. Only existing signals can be made.
///
/// It is parsed from what people write (`TERM`, `SIGTERM`, `15`, `RTMIN+1`) and displayed as in the
/// manual (`SIGTERM`). A signal without a name there is displayed by its number (`SIG16`), which is
/// parsed too. `|` joins signals to a [`SignalSet`], in which signal `n` is line `n - 1`, as in the
/// kernel's own mask.
///
/// See [`signal(7)`](https://man7.org/linux/man-pages/man7/signal.7.html).
///
/// ```
/// use ringway::signal::{Signal, SignalSet};
/// let signal: Signal = "TERM".parse()?;
/// assert_eq!(signal, Signal::TERM);
/// assert_eq!(signal.to_string(), "SIGTERM");
/// assert_eq!((signal.number(), signal.line()), (15, 14));
/// assert_eq!((Signal::new(15), Signal::of_line(14)), (Some(signal), Some(signal)));
/// assert_eq!((Signal::new(0), Signal::new(65)), (None, None));
/// assert_eq!(SignalSet::line(Signal::HUP.line()).bits(), 1);
/// assert!("SIGNOTHING".parse::<Signal>().is_err());
///
/// let mine: Signal = "sigrtmin+1".parse()?;
/// assert_eq!(mine.to_string(), "SIGRTMIN+1");
/// assert_eq!((Some(mine), None), (Signal::real_time(1), Signal::real_time(200)));
/// assert!(mine.is_real_time() && !signal.is_real_time());
/// # Ok::<(), ringway::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(i32);

/// Declares the signals that have their own name.
macro_rules! named {
    ($($(#[$meta:meta])* $name:ident = $number:ident,)*) => {
        /// The signals that have their own name: those of `signal(7)`, without the `SIG`.
        impl Signal {
            $($(#[$meta])* pub const $name: Signal = Signal(libc::$number);)*
        }

        const NAMED: &[(Signal, &str)] = &[$((Signal::$name, stringify!($name)),)*];
    };
}

named! {
    /// Hangup of the terminal, or death of the controlling process.
    ///
    /// By custom, asks a daemon to read its configuration again.
    HUP = SIGHUP,
    /// Interrupt from the keyboard (Ctrl-C).
    INT = SIGINT,
    /// Quit from the keyboard (Ctrl-\).
    QUIT = SIGQUIT,
    /// An illegal instruction. Reports a fault: it cannot be caught here.
    ILL = SIGILL,
    /// A breakpoint.
    TRAP = SIGTRAP,
    /// `abort(3)`.
    ABRT = SIGABRT,
    /// A bad memory access. Reports a fault: it cannot be caught here.
    BUS = SIGBUS,
    /// An arithmetic error. Reports a fault: it cannot be caught here.
    FPE = SIGFPE,
    /// Ends the process. Cannot be caught or blocked.
    KILL = SIGKILL,
    /// For the program's own use.
    USR1 = SIGUSR1,
    /// A bad memory reference. Reports a fault: it cannot be caught here.
    SEGV = SIGSEGV,
    /// For the program's own use.
    USR2 = SIGUSR2,
    /// A write to a pipe that nobody reads.
    PIPE = SIGPIPE,
    /// A timer of `alarm(2)` or `setitimer(2)` expired.
    ALRM = SIGALRM,
    /// Asks the process to end.
    TERM = SIGTERM,
    /// A child stopped or ended.
    CHLD = SIGCHLD,
    /// Continues the process, if it is stopped.
    CONT = SIGCONT,
    /// Stops the process. Cannot be caught or blocked.
    STOP = SIGSTOP,
    /// Stop from the keyboard (Ctrl-Z).
    TSTP = SIGTSTP,
    /// A background process reads the terminal.
    TTIN = SIGTTIN,
    /// A background process writes the terminal.
    TTOU = SIGTTOU,
    /// Urgent data on a socket.
    URG = SIGURG,
    /// More CPU time than allowed.
    XCPU = SIGXCPU,
    /// A larger file than allowed.
    XFSZ = SIGXFSZ,
    /// A timer that counts the CPU time of the process.
    VTALRM = SIGVTALRM,
    /// The profiler's timer.
    PROF = SIGPROF,
    /// The size of the terminal's window changed.
    WINCH = SIGWINCH,
    /// A descriptor is ready (`O_ASYNC`).
    IO = SIGIO,
    /// Power failure.
    PWR = SIGPWR,
    /// A bad system call (`seccomp(2)`).
    SYS = SIGSYS,
}

/// Other names of the same signals.
const ALIASES: &[(&str, Signal)] =
    &[("IOT", Signal::ABRT), ("CLD", Signal::CHLD), ("POLL", Signal::IO)];

const MALFORMED: &str =
    "give a name such as TERM, USR1 or RTMIN+1, or the number of a signal that this system has";

impl Signal {
    /// The signal of this number, if there is one.
    ///
    /// On Linux these are 1 to 64, without the few that the C library keeps for itself.
    pub fn new(number: i32) -> Option<Self> {
        let standard = 1..32;
        let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX().min(64);
        (standard.contains(&number) || real_time.contains(&number)).then_some(Signal(number))
    }

    /// The real-time signal `SIGRTMIN + n`, if there is one.
    ///
    /// The kernel queues real-time signals. They mean what the program wants.
    #[doc(alias = "SIGRTMIN")]
    pub fn real_time(n: u8) -> Option<Self> {
        Signal::new(libc::SIGRTMIN() + i32::from(n))
    }

    /// The signal's number.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The signal's line in a [`SignalSet`] and in the [`table`](super::table): its number less 1.
    pub const fn line(self) -> u32 {
        (self.0 - 1) as u32
    }

    /// The signal of a line, if there is one.
    pub fn of_line(line: u32) -> Option<Self> {
        i32::try_from(line).ok().and_then(|line| Signal::new(line.checked_add(1)?))
    }

    /// Whether the kernel queues every such signal, instead of keeping one until it is delivered.
    pub fn is_real_time(self) -> bool {
        self.0 >= libc::SIGRTMIN()
    }
}

/// The signals of a set, lowest first. Lines that are no signal of this system are left out.
///
/// ```
/// use ringway::signal::{Signal, signals};
/// assert!(signals(Signal::TERM | Signal::HUP).eq([Signal::HUP, Signal::TERM]));
/// ```
pub fn signals(set: impl Into<SignalSet>) -> impl Iterator<Item = Signal> {
    set.into().lines().filter_map(Signal::of_line)
}

/// All signals that can be caught.
///
/// These are all except those that the system keeps (`KILL`, `STOP`) and those that report a fault
/// (`SEGV`, `BUS`, `FPE`, `ILL`).
///
/// ```
/// use ringway::signal::{self, Signal, SignalSet};
/// assert!(signal::catchable().contains(Signal::TERM.into()));
/// assert!(!signal::catchable().contains(Signal::KILL.into()));
/// ```
pub fn catchable() -> SignalSet {
    let existing: SignalSet = signals(SignalSet::all()).collect();
    existing - kept() - faults()
}

fn kept() -> SignalSet {
    Signal::KILL | Signal::STOP
}

fn faults() -> SignalSet {
    Signal::SEGV | Signal::BUS | Signal::FPE | Signal::ILL
}

/// Refuses signals that cannot be caught.
pub(super) fn check_catchable(operation: &'static str, set: SignalSet) -> Result<()> {
    check_blockable(operation, set)?;
    refuse(
        operation,
        set & faults(),
        "it reports a fault, which a handler that runs later cannot mend",
    )
}

/// Refuses signals that do not exist, and those that the system keeps for itself.
pub(super) fn check_blockable(operation: &'static str, set: SignalSet) -> Result<()> {
    if let Some(line) = set.lines().find(|line| Signal::of_line(*line).is_none()) {
        let why = Cause::Signal("this system has no such signal, or keeps it for the C library");
        return Err(Error::new(operation, why).on(format_args!("signal {}", line + 1)));
    }
    refuse(operation, set & kept(), "no program can catch or block it; SIGTERM and SIGTSTP can be")
}

/// Refuses the first signal of this set, with this reason.
pub(super) fn refuse(operation: &'static str, set: SignalSet, why: &'static str) -> Result<()> {
    match signals(set).next() {
        None => Ok(()),
        Some(signal) => Err(Error::new(operation, Cause::Signal(why)).on(signal)),
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = NAMED.iter().find(|(signal, _)| signal == self) {
            return write!(f, "SIG{name}");
        }
        let (min, max) = (libc::SIGRTMIN(), libc::SIGRTMAX());
        match self.0 {
            n if n < min => write!(f, "SIG{n}"),
            n if n == min => f.write_str("SIGRTMIN"),
            n if n == max => f.write_str("SIGRTMAX"),
            n if n - min <= max - n => write!(f, "SIGRTMIN+{}", n - min),
            n => write!(f, "SIGRTMAX-{}", max - n),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Signal {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse(text).ok_or_else(|| {
            Error::new("use the signal", Cause::Signal(MALFORMED)).on(format_args!("{text:?}"))
        })
    }
}

fn parse(text: &str) -> Option<Signal> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return Signal::new(name.parse().ok()?);
    }
    let offset = |text: &str| -> Option<i32> {
        text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
    };
    if let Some(rest) = name.strip_prefix("RTMIN") {
        let n = if rest.is_empty() { 0 } else { offset(rest.strip_prefix('+')?)? };
        return Signal::new(libc::SIGRTMIN().checked_add(n)?).filter(|s| s.is_real_time());
    }
    if let Some(rest) = name.strip_prefix("RTMAX") {
        let n = if rest.is_empty() { 0 } else { offset(rest.strip_prefix('-')?)? };
        return Signal::new(libc::SIGRTMAX().checked_sub(n)?).filter(|s| s.is_real_time());
    }
    let named = NAMED.iter().find(|(_, known)| *known == name).map(|(signal, _)| *signal);
    named.or_else(|| ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, signal)| *signal))
}

impl From<Signal> for SignalSet {
    fn from(signal: Signal) -> Self {
        SignalSet::line(signal.line())
    }
}

/// Any signal that this system has.
#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Signal {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let all: Vec<Signal> = (1..=64).filter_map(Signal::new).collect();
        u.choose(&all).copied()
    }
}

impl FromIterator<Signal> for SignalSet {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> Self {
        signals.into_iter().map(Signal::line).collect()
    }
}

impl BitOr for Signal {
    type Output = SignalSet;

    fn bitor(self, other: Signal) -> SignalSet {
        SignalSet::from(self) | SignalSet::from(other)
    }
}

impl BitOr<Signal> for SignalSet {
    type Output = SignalSet;

    fn bitor(self, other: Signal) -> SignalSet {
        self | SignalSet::from(other)
    }
}

impl BitOrAssign<Signal> for SignalSet {
    fn bitor_assign(&mut self, other: Signal) {
        *self |= SignalSet::from(other);
    }
}
