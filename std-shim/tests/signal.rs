//! Signals between real processes.
//!
//! A process's settings for signals are its own and stay, and every thread must block a signal that
//! is to be blocked. So these tests have no harness: each runs in its own process, on its only
//! thread. The same program also plays the other process.

#[allow(dead_code)] // This file uses a part of it.
#[path = "support/fault.rs"]
mod fault;

use ringway::fd::{self, Interest};
use ringway::signal::{
    self, Delivery, Handler, IntervalTimer, Origin, Pid, Received, Signal, SignalFd, SignalSet,
};
use ringway::{Cause, CoreError};
use rustix::process::{PidfdFlags, getpid, pidfd_open};
use std::cell::Cell;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

macro_rules! tests {
    ($($name:ident)*) => { const TESTS: &[(&str, fn())] = &[$((stringify!($name), $name),)*]; };
}

tests! {
    a_handler_runs_only_where_it_is_dispatched
    errno_is_kept
    a_handler_from_before_still_runs
    a_signal_ends_no_system_call
    a_signal_that_finds_the_queue_full_is_counted
    queued_signals_keep_order_value_and_sender
    a_child_reports_the_signals_it_received
    a_storm_loses_nothing_while_handlers_change
    signals_go_through_a_pidfd
    the_end_of_a_child_arrives_with_its_status
    a_thread_sleeps_until_a_signal_comes
    the_dispatcher_is_readable_until_nothing_is_left
    a_dispatcher_is_ended_by_another_thread
    signals_after_a_panic_are_still_reported
    blocked_signals_wait_for_the_guard
    wait_takes_blocked_signals
    a_descriptor_gives_blocked_signals
    a_timer_ticks_counts_and_stops
    a_timer_without_interval_ticks_once
    a_full_signal_queue_is_exhausted
    a_handler_runs_on_the_alternate_stack
    handlers_do_not_pile_up_on_a_stack
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["run", name] => {
            let (_, test) = TESTS.iter().find(|(known, _)| *known == name).expect("a test");
            test();
            ExitCode::SUCCESS
        }
        ["play", "sender", parent, signal, count] => {
            sender(parent, signal, count);
            ExitCode::SUCCESS
        }
        ["play", "teller", keep] => {
            teller(keep);
            ExitCode::SUCCESS
        }
        ref filter => run_all(filter),
    }
}

/// Runs the tests whose name contains one of the words that do not begin with a dash, or all tests.
fn run_all(arguments: &[&str]) -> ExitCode {
    if arguments.contains(&"--list") {
        TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let words: Vec<_> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let mut failed = 0;
    for (name, _) in TESTS {
        if !words.is_empty() && !words.iter().any(|word| name.contains(**word)) {
            continue;
        }
        let outcome = itself().args(["run", name]).output().expect("to run itself");
        let verdict = if outcome.status.success() { "ok" } else { "FAILED" };
        println!("test {name} ... {verdict}");
        if !outcome.status.success() {
            failed += 1;
            println!("{}", outcome.status);
            println!("{}", String::from_utf8_lossy(&outcome.stdout));
            println!("{}", String::from_utf8_lossy(&outcome.stderr));
        }
    }
    println!("{failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn itself() -> Command {
    Command::new(std::env::current_exe().expect("the path of this program"))
}

/// Checks that no signal was taken.
fn nothing(taken: ringway::Result<Received>) {
    assert!(taken.unwrap_err().is(CoreError::WouldBlock));
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// A child that ends with the test.
struct Player(Child);

impl Player {
    fn start(role: &[&str]) -> Player {
        let mut command = itself();
        command.arg("play").args(role).stdin(Stdio::piped()).stdout(Stdio::piped());
        Player(command.spawn().expect("to start itself"))
    }

    fn lines(&mut self) -> std::io::Lines<BufReader<ChildStdout>> {
        BufReader::new(self.0.stdout.take().expect("piped")).lines()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs as another process: sends `count` signals to the parent, with the values 0, 1, 2 and so on.
fn sender(parent: &str, signal: &str, count: &str) {
    let parent = Pid::from_raw(parent.parse().unwrap()).unwrap();
    let signal: Signal = signal.parse().unwrap();
    for value in 0..count.parse().unwrap() {
        while let Err(error) = signal::queue(parent, signal, value) {
            // The user's signals are at the kernel's limit. The parent takes some while this
            // process waits.
            assert!(error.is(CoreError::WouldBlock), "{error}");
            std::thread::yield_now();
        }
    }
}

fn start_sender(signal: Signal, count: usize) -> Player {
    let parent = getpid().as_raw_pid().to_string();
    Player::start(&["sender", &parent, &signal.to_string(), &count.to_string()])
}

/// Runs as another process: prints the signals that it receives, until it receives TERM.
fn teller(keep: &str) {
    let keep = if keep == "count" { Delivery::Coalesced } else { Delivery::Queued };
    signal::catch(Signal::USR1 | Signal::TERM, keep).unwrap();
    let mut dispatcher = signal::dispatcher().unwrap();
    println!("ready");
    loop {
        let it = dispatcher.wait(Signal::USR1 | Signal::TERM).unwrap();
        let sender = it.sender().map(Pid::as_raw_pid);
        println!("{} {:?} {:?} {:?}", it.signal, it.origin(), sender, it.int());
        std::io::stdout().flush().unwrap();
        if it.signal == Signal::TERM {
            return;
        }
    }
}

fn a_handler_runs_only_where_it_is_dispatched() {
    thread_local! { static HERE: Cell<u64> = const { Cell::new(0) }; }
    signal::handle(Signal::USR1, Delivery::Coalesced, |it| HERE.set(HERE.get() + it.count))
        .unwrap();
    for _ in 0..3 {
        signal::send(getpid(), Signal::USR1).unwrap();
    }
    assert_eq!(HERE.get(), 0);
    assert_eq!(signal::table().pending(), Signal::USR1.into());
    let mut dispatcher = signal::dispatcher().unwrap();
    // One delivery stands for all three signals.
    assert_eq!(dispatcher.dispatch(), 1);
    assert_eq!(HERE.get(), 3);
    assert_eq!(dispatcher.dispatch(), 0);
}

fn errno_is_kept() {
    signal::catch(Signal::USR1 | Signal::USR2, Delivery::Queued).unwrap();
    let mut dispatcher = signal::dispatcher().unwrap();
    // This announces a sleeper, so that the handler makes its system calls too. The event's count
    // is at its limit, so that one of the calls fails.
    nothing(dispatcher.try_wait(Signal::USR1));
    rustix::io::write(&dispatcher, &(u64::MAX - 1).to_ne_bytes()).unwrap();
    // SAFETY: no descriptor is -1. The call fails, and sets errno.
    assert_eq!(unsafe { libc::close(-1) }, -1);
    // SAFETY: the signal goes to this thread, whose handler runs before the call returns.
    assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EBADF));
    assert_eq!(dispatcher.wait(Signal::USR1).unwrap().count, 1);
}

fn a_handler_from_before_still_runs() {
    static BEFORE: AtomicU64 = AtomicU64::new(0);
    extern "C" fn before(_: libc::c_int) {
        BEFORE.fetch_add(1, Ordering::SeqCst);
    }
    let handler: extern "C" fn(libc::c_int) = before;
    // SAFETY: the handler only adds to an atomic, which is allowed in a signal handler.
    unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
    signal::catch(Signal::USR1, Delivery::Queued).unwrap();
    signal::send(getpid(), Signal::USR1).unwrap();
    assert_eq!(signal::dispatcher().unwrap().wait(Signal::USR1).unwrap().sender(), Some(getpid()));
    assert_eq!(BEFORE.load(Ordering::SeqCst), 1);
}

fn a_signal_ends_no_system_call() {
    signal::catch(Signal::USR1, Delivery::Coalesced).unwrap();
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    // SAFETY: `pthread_self` has no conditions.
    let sleeper = unsafe { libc::pthread_self() } as usize;
    let byte = std::thread::scope(|s| {
        s.spawn(move || {
            for _ in 0..5 {
                std::thread::sleep(Duration::from_millis(2));
                // SAFETY: the sleeper is a thread of this process that outlives the scope, so its
                // id is valid.
                unsafe { libc::pthread_kill(sleeper as libc::pthread_t, libc::SIGUSR1) };
            }
            writer.write_all(b"x").unwrap();
        });
        let mut byte = [0];
        // It calls `read`, because `read_exact` would hide an interruption.
        std::io::Read::read(&mut reader, &mut byte).map(|_| byte)
    });
    assert_eq!(byte.unwrap(), *b"x");
}

fn a_signal_that_finds_the_queue_full_is_counted() {
    let signal = Signal::real_time(3).unwrap();
    let (all, more) = (signal::DEPTH + 10, 10);
    signal::catch(signal, Delivery::Queued).unwrap();
    for value in 0..all {
        signal::queue(getpid(), signal, value).unwrap();
    }
    assert_eq!(signal::lost_payloads(signal), more);
    let mut dispatcher = signal::dispatcher().unwrap();
    let counted = dispatcher.try_wait(signal).unwrap();
    assert_eq!((counted.count, counted.payload), (more as u64, None));
    assert_eq!((counted.sender(), counted.value(), counted.origin()), (None, None, None));
    for value in 0..signal::DEPTH {
        assert_eq!(dispatcher.try_wait(signal).unwrap().value(), Some(value));
    }
    nothing(dispatcher.try_wait(signal));
    assert_eq!(signal::lost_payloads(Signal::USR1), 0);
}

fn queued_signals_keep_order_value_and_sender() {
    let signal = Signal::real_time(1).unwrap();
    signal::catch(signal, Delivery::Queued).unwrap();
    let mut dispatcher = signal::dispatcher().unwrap();
    let count = signal::DEPTH; // No more than may wait, so none can be lost.
    let player = start_sender(signal, count);
    for value in 0..count {
        let it = dispatcher.wait_deadline(signal, Some(soon())).unwrap();
        assert_eq!(it.value(), Some(value));
        assert_eq!(it.sender(), Some(pid_of(&player.0)));
        assert_eq!(it.user(), Some(rustix::process::getuid().as_raw()));
        assert_eq!((it.origin(), it.count), (Some(Origin::Queue), 1));
    }
}

fn a_child_reports_the_signals_it_received() {
    let me = getpid().as_raw_pid();
    for keep in ["payload", "count"] {
        let mut player = Player::start(&["teller", keep]);
        let child = pid_of(&player.0);
        let mut lines = player.lines().map(Result::unwrap);
        assert_eq!(lines.next().unwrap(), "ready");
        let mut answer = || lines.next().unwrap();
        let payload = keep == "payload";
        signal::send(child, Signal::USR1).unwrap();
        let plain = format!("SIGUSR1 Some(Kill) Some({me}) None");
        assert_eq!(answer(), if payload { &plain } else { "SIGUSR1 None None None" });
        signal::queue(child, Signal::USR1, -5i32 as usize).unwrap();
        let queued = format!("SIGUSR1 Some(Queue) Some({me}) Some(-5)");
        assert_eq!(answer(), if payload { &queued } else { "SIGUSR1 None None None" });
        signal::send(child, Signal::TERM).unwrap();
        assert!(answer().starts_with("SIGTERM"));
        assert!(player.0.wait().unwrap().success());
    }
}

fn a_storm_loses_nothing_while_handlers_change() {
    const COUNT: usize = 3000;
    static SEEN: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
    static LAST: Mutex<Option<usize>> = Mutex::new(None);
    fn saw(which: usize, delivery: &signal::Raised) {
        let it = Received::of(delivery).unwrap();
        SEEN[which].fetch_add(it.count, Ordering::Relaxed);
        if let Some(value) = it.value() {
            // The values come in order. Some may be missing, and those are counted.
            let before = LAST.lock().unwrap().replace(value);
            assert!(before.is_none_or(|before| before < value), "{before:?} {value}");
        }
    }
    static FIRST: Handler = Handler::new(&|it: &signal::Raised| saw(0, it));
    static SECOND: Handler = Handler::new(&|it: &signal::Raised| saw(1, it));

    let signal = Signal::real_time(2).unwrap();
    let table = signal::table();
    table.set_handler(signal.line(), Some(&FIRST)).unwrap();
    signal::catch(signal, Delivery::Queued).unwrap();
    let mut dispatcher = signal::dispatcher().unwrap();
    let _player = start_sender(signal, COUNT);
    let mut turn = 0;
    let total = || SEEN.iter().map(|seen| seen.load(Ordering::Relaxed)).sum::<u64>();
    while total() < COUNT as u64 {
        dispatcher.pause_deadline(Some(soon())).unwrap();
        turn += 1;
        let next = if turn % 2 == 0 { &FIRST } else { &SECOND };
        assert!(table.set_handler(signal.line(), Some(next)).unwrap().is_some());
    }
    assert_eq!(total(), COUNT as u64);
}

fn signals_go_through_a_pidfd() {
    let mut player = Player::start(&["teller", "payload"]);
    let process = pidfd_open(pid_of(&player.0), PidfdFlags::empty()).unwrap();
    let mut lines = player.lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "ready");
    let me = getpid().as_raw_pid();
    signal::queue_fd(&process, Signal::USR1, 77).unwrap();
    assert_eq!(lines.next().unwrap(), format!("SIGUSR1 Some(Queue) Some({me}) Some(77)"));
    signal::send_fd(&process, Signal::KILL).unwrap();
    assert_eq!(player.0.wait().unwrap().signal(), Some(libc::SIGKILL));
    // The process is gone, and the pidfd never refers to another process with its number.
    let error = signal::send_fd(&process, Signal::TERM).unwrap_err();
    assert_eq!(error.cause(), Cause::Os(rustix::io::Errno::SRCH));
}

fn the_end_of_a_child_arrives_with_its_status() {
    signal::catch(Signal::CHLD, Delivery::Queued).unwrap();
    let mut dispatcher = signal::dispatcher().unwrap();
    let mut child = Command::new("/bin/sh").args(["-c", "exit 7"]).spawn().unwrap();
    let it = dispatcher.wait_deadline(Signal::CHLD, Some(soon())).unwrap();
    assert_eq!((it.sender(), it.value()), (Some(pid_of(&child)), Some(7)));
    assert_eq!(it.origin(), Some(Origin::Kernel));
    child.wait().unwrap();
}

fn a_thread_sleeps_until_a_signal_comes() {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    signal::handle(Signal::USR1, Delivery::Coalesced, |it| {
        SEEN.fetch_add(it.count, Ordering::Relaxed);
    })
    .unwrap();
    let mut dispatcher = signal::dispatcher().unwrap();
    let sleeper = std::thread::spawn(move || {
        // One pause may run the handler for two signals: the next can come before the first is
        // handled.
        while SEEN.load(Ordering::Relaxed) < 50 {
            dispatcher.pause_deadline(Some(soon())).unwrap();
        }
    });
    // One signal at a time, so that each may arrive while the thread falls asleep.
    for number in 1..=50 {
        signal::send(getpid(), Signal::USR1).unwrap();
        let end = soon();
        while SEEN.load(Ordering::Relaxed) < number {
            assert!(Instant::now() < end, "the {number}th was missed");
            std::thread::yield_now();
        }
    }
    sleeper.join().unwrap();
}

fn signals_after_a_panic_are_still_reported() {
    signal::handle(Signal::USR1, Delivery::Coalesced, |_| panic!("a handler")).unwrap();
    signal::handle(Signal::USR2, Delivery::Coalesced, |_| ()).unwrap();
    signal::table().set_priority(Signal::USR1.line(), 1).unwrap();
    let mut dispatcher = signal::dispatcher().unwrap();
    let is_readable =
        |dispatcher: &signal::Dispatcher| fd::try_wait(dispatcher, Interest::Read).is_ok();
    let forms: [fn(&mut signal::Dispatcher) -> usize; 3] = [
        signal::Dispatcher::dispatch,
        |dispatcher| dispatcher.pause().unwrap(),
        |dispatcher| {
            dispatcher.pause_deadline(Some(Instant::now() + Duration::from_secs(60))).unwrap()
        },
    ];
    for form in forms {
        while dispatcher.dispatch() > 0 {}
        assert!(!is_readable(&dispatcher));
        signal::send(getpid(), Signal::USR1).unwrap();
        signal::send(getpid(), Signal::USR2).unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| form(&mut dispatcher)));
        assert!(panicked.is_err());
        assert!(is_readable(&dispatcher), "the other waits");
        assert_eq!(dispatcher.dispatch(), 1);
    }
}

fn the_dispatcher_is_readable_until_nothing_is_left() {
    fn readable(fd: impl AsFd) -> bool {
        fd::try_wait(fd, Interest::Read).is_ok()
    }
    signal::handle(Signal::USR1, Delivery::Queued, |_| ()).unwrap();
    signal::send(getpid(), Signal::USR1).unwrap();
    // Signals that came before are not lost.
    let mut dispatcher = signal::dispatcher().unwrap();
    assert!(readable(&dispatcher));
    assert_eq!(dispatcher.dispatch(), 1);
    assert!(readable(&dispatcher));
    assert_eq!(dispatcher.dispatch(), 0);
    assert!(!readable(&dispatcher));
    for _ in 0..3 {
        signal::send(getpid(), Signal::USR1).unwrap();
        assert!(readable(&dispatcher));
        while dispatcher.dispatch() > 0 {}
        assert!(!readable(&dispatcher));
    }
    // A mask of the table holds the signal back. Removing the mask makes the descriptor readable.
    let table = signal::table();
    let before = table.mask(Signal::USR1.into());
    signal::send(getpid(), Signal::USR1).unwrap();
    assert_eq!(dispatcher.dispatch(), 0);
    assert!(!readable(&dispatcher));
    table.set_mask(before);
    assert!(readable(&dispatcher));
    assert_eq!(dispatcher.dispatch(), 1);
    assert_eq!(dispatcher.dispatch(), 0);
    // So does a handler for a signal that had none.
    signal::catch(Signal::USR2, Delivery::Coalesced).unwrap();
    signal::send(getpid(), Signal::USR2).unwrap();
    assert_eq!(dispatcher.dispatch(), 0);
    signal::handle(Signal::USR2, Delivery::Coalesced, |_| ()).unwrap();
    assert!(readable(&dispatcher));
    assert_eq!(dispatcher.dispatch(), 1);
    // The next dispatcher has the same descriptor.
    drop(dispatcher);
    signal::send(getpid(), Signal::USR1).unwrap();
    assert!(readable(signal::dispatcher().unwrap()));
}

fn blocked_signals_wait_for_the_guard() {
    signal::catch(Signal::USR1, Delivery::Coalesced).unwrap();
    let guard = signal::block(Signal::USR1).unwrap();
    signal::send(getpid(), Signal::USR1).unwrap();
    assert_eq!(signal::pending(), Signal::USR1.into());
    assert_eq!(signal::table().pending(), SignalSet::empty());
    drop(guard);
    assert_eq!(signal::pending(), SignalSet::empty());
    assert_eq!(signal::table().pending(), Signal::USR1.into());
}

fn wait_takes_blocked_signals() {
    let signal = Signal::real_time(0).unwrap();
    let set = Signal::USR1 | signal;
    signal::block(set).unwrap().keep();
    nothing(signal::try_wait(set));
    // Another caught signal does not end the wait. The deadline does, and not before its time.
    signal::catch(Signal::USR2, Delivery::Coalesced).unwrap();
    let mut timer = IntervalTimer::new(Signal::USR2, 0).unwrap();
    timer.start(Duration::from_millis(5), Duration::from_millis(5)).unwrap();
    let deadline = Instant::now() + Duration::from_millis(40);
    let late = signal::wait_deadline(set, Some(deadline)).unwrap_err();
    assert!(late.is(CoreError::TimedOut) && Instant::now() >= deadline);
    assert!(signal::table().pending().contains(Signal::USR2.into()));
    drop(timer);

    let player = start_sender(signal, 100);
    for value in 0..100 {
        let it = signal::wait(set).unwrap();
        assert_eq!((it.signal, it.value()), (signal, Some(value)));
        assert_eq!(it.sender(), Some(pid_of(&player.0)));
    }
    nothing(signal::try_wait(set));
    signal::send(getpid(), Signal::USR1).unwrap();
    let it = signal::wait_deadline(set, Some(Instant::now())).unwrap();
    assert_eq!((it.signal, it.origin()), (Signal::USR1, Some(Origin::Kill)));
}

fn a_descriptor_gives_blocked_signals() {
    let signal = Signal::real_time(0).unwrap();
    signal::block(Signal::USR1 | signal).unwrap().keep();
    let signals = SignalFd::new(Signal::USR1 | signal).unwrap();
    assert!(fd::close_on_exec(&signals).unwrap());
    assert!(fd::try_wait(&signals, Interest::Read).is_err());
    nothing(signals.try_wait());
    let deadline = Instant::now() + Duration::from_millis(10);
    assert!(signals.wait_deadline(Some(deadline)).unwrap_err().is(CoreError::TimedOut));

    let player = start_sender(signal, 10);
    // A conversion to an owned descriptor and back changes nothing.
    let signals = SignalFd::from(OwnedFd::from(signals));
    for value in 0..10 {
        let it = signals.wait_deadline(Some(soon())).unwrap();
        assert_eq!((it.signal, it.value()), (signal, Some(value)));
        assert_eq!(it.sender(), Some(pid_of(&player.0)));
        assert_eq!(it.user(), Some(rustix::process::getuid().as_raw()));
    }
    signal::queue(getpid(), Signal::USR1, -3i32 as usize).unwrap();
    assert!(fd::wait(&signals, Interest::Read).unwrap().readable());
    assert_eq!(signals.wait().unwrap().int(), Some(-3));
    // All 64 bits of a value arrive.
    signal::queue(getpid(), Signal::USR1, usize::MAX - 6).unwrap();
    assert_eq!(signals.try_wait().unwrap().value(), Some(usize::MAX - 6));
    // A signal through a pidfd carries what `sigqueue` would have sent.
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    signal::queue_fd(&this, Signal::USR1, 77).unwrap();
    let it = signals.wait().unwrap();
    assert_eq!((it.value(), it.sender()), (Some(77), Some(getpid())));
    assert_eq!(it.user(), Some(rustix::process::getuid().as_raw()));
}

fn a_timer_ticks_counts_and_stops() {
    signal::block(Signal::ALRM).unwrap().keep();
    let mut timer = IntervalTimer::new(Signal::ALRM, 9).unwrap();
    timer.start(Duration::from_millis(1), Duration::from_millis(1)).unwrap();
    for _ in 0..3 {
        let it = signal::wait_deadline(Signal::ALRM, Some(soon())).unwrap();
        assert_eq!((it.value(), it.origin()), (Some(9), Some(Origin::Timer)));
        assert_eq!((it.sender(), it.user()), (None, None));
    }
    // While one expiration is pending, the others are counted and not queued.
    std::thread::sleep(Duration::from_millis(30));
    signal::wait_deadline(Signal::ALRM, Some(soon())).unwrap();
    assert!(timer.overruns().unwrap() >= 20, "{:?}", timer.overruns());
    timer.stop().unwrap();
    assert_eq!(timer.left(), Ok(None));
    let _ = signal::try_wait(Signal::ALRM);
    std::thread::sleep(Duration::from_millis(5));
    nothing(signal::try_wait(Signal::ALRM));
}

fn a_dispatcher_is_ended_by_another_thread() {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let count = |it: &signal::Received| _ = SEEN.fetch_add(it.count, Ordering::Relaxed);
    signal::handle(Signal::USR1, Delivery::Coalesced, count).unwrap();
    assert!(!signal::end_dispatcher(), "there is none");
    let mut dispatcher = signal::dispatcher().unwrap();
    let ends = std::thread::spawn(move || {
        let deliveries = dispatcher.pause_deadline(Some(soon())).unwrap();
        (deliveries, dispatcher.pause().unwrap_err(), dispatcher.wait(Signal::USR1).unwrap_err())
    });
    signal::send(getpid(), Signal::USR1).unwrap();
    while SEEN.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    assert!(signal::end_dispatcher());
    let (deliveries, paused, waited) = ends.join().unwrap();
    assert_eq!(deliveries, 1);
    assert!(paused.is(CoreError::Closed) && waited.is(CoreError::Closed));
    // A dispatcher that sleeps in `poll(2)` is woken too. The next dispatcher is not ended.
    let mut dispatcher = signal::dispatcher().unwrap();
    while dispatcher.dispatch() > 0 {}
    assert!(dispatcher.pause_deadline(Some(Instant::now())).unwrap_err().is(CoreError::TimedOut));
    assert_eq!(dispatcher.dispatch(), 0);
    let ends = std::thread::spawn(signal::end_dispatcher);
    fd::wait(&dispatcher, Interest::Read).unwrap();
    assert!(ends.join().unwrap());
    assert!(dispatcher.pause().unwrap_err().is(CoreError::Closed));
}

fn a_timer_without_interval_ticks_once() {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    signal::handle(Signal::ALRM, Delivery::Queued, |it| {
        assert_eq!(it.value(), Some(1));
        SEEN.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    let mut dispatcher = signal::dispatcher().unwrap();
    let mut timer = IntervalTimer::new(Signal::ALRM, 1).unwrap();
    let started = Instant::now();
    timer.start(Duration::from_millis(10), Duration::ZERO).unwrap();
    assert_eq!(dispatcher.pause_deadline(Some(soon())), Ok(1));
    assert!(started.elapsed() >= Duration::from_millis(10));
    assert!(dispatcher.pause_deadline(Some(Instant::now() + Duration::from_millis(15))).is_err());
    assert_eq!(SEEN.load(Ordering::Relaxed), 1);
    // This expires at once.
    timer.start(Duration::ZERO, Duration::ZERO).unwrap();
    assert_eq!(dispatcher.pause_deadline(Some(soon())), Ok(1));
}

fn a_full_signal_queue_is_exhausted() {
    let calls = [libc::SYS_timer_create, libc::SYS_rt_sigqueueinfo, libc::SYS_pidfd_send_signal];
    fault::inject(&fault::each(&calls, libc::EAGAIN));
    let error = IntervalTimer::new(Signal::USR1, 0).unwrap_err();
    assert!(error.is(CoreError::Exhausted), "{error}");
    let error = signal::queue(getpid(), Signal::USR1, 1).unwrap_err();
    assert!(error.is(CoreError::Exhausted), "{error}");
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let error = signal::queue_fd(&this, Signal::USR1, 1).unwrap_err();
    assert!(error.is(CoreError::Exhausted), "{error}");
}

/// An alternate stack of 8 KiB has room for what the kernel saves for one handler.
fn handlers_do_not_pile_up_on_a_stack() {
    signal::catch(Signal::USR1, Delivery::Coalesced).unwrap();
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: null asks for the current action alone, and `action` is a local place for one.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, std::ptr::null(), action.as_mut_ptr()) }, 0);
    // SAFETY: `sigaction` succeeded, so it filled `action`.
    let action = unsafe { action.assume_init() };
    // SAFETY: `sa_mask` is an initialised set, and `signal` is the number of a signal.
    let is_held_back = |signal| unsafe { libc::sigismember(&action.sa_mask, signal) } == 1;
    assert!([libc::SIGUSR2, libc::SIGTERM, libc::SIGCHLD].into_iter().all(is_held_back));
    assert!(![libc::SIGSEGV, libc::SIGABRT].into_iter().any(is_held_back));
}

/// A thread of another language may have a stack that is too small for what the kernel saves there
/// for a handler.
fn a_handler_runs_on_the_alternate_stack() {
    static RAISED: AtomicU64 = AtomicU64::new(0);
    extern "C" fn raise() {
        // SAFETY: `SIGUSR1` is a signal, whose handler this test has installed.
        RAISED.store(1 + unsafe { libc::raise(libc::SIGUSR1) } as u64, Ordering::Relaxed);
    }
    signal::catch(Signal::USR1, Delivery::Queued).unwrap();

    // The standard library gives its threads an alternate stack.
    let mut there = std::mem::MaybeUninit::<libc::stack_t>::zeroed();
    // SAFETY: null sets no stack, and `there` is a local place for the answer.
    assert_eq!(unsafe { libc::sigaltstack(std::ptr::null(), there.as_mut_ptr()) }, 0);
    // SAFETY: `sigaltstack` succeeded, so it filled `there`.
    assert_eq!(unsafe { there.assume_init() }.ss_flags & libc::SS_DISABLE, 0);

    // The stack has room for `raise` alone. Touching the page below it ends the process.
    const ROOM: usize = 4096;
    // SAFETY: the call makes a new mapping at an address that the kernel chooses.
    let guarded = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        libc::mmap(std::ptr::null_mut(), 2 * ROOM, libc::PROT_NONE, flags, -1, 0)
    };
    assert_ne!(guarded, libc::MAP_FAILED);
    let stack = guarded.wrapping_byte_add(ROOM);
    // SAFETY: `stack` is the upper page of the mapping made above.
    let result = unsafe { libc::mprotect(stack, ROOM, libc::PROT_READ | libc::PROT_WRITE) };
    assert_eq!(result, 0);
    // The kernel would save more than a kilobyte there, and most of the room is taken already.
    const TAKEN: usize = 2048;
    // SAFETY: the mapping is the caller's alone until the function has returned, and `raise` uses
    // less of it.
    unsafe { call_on(raise, stack, ROOM - TAKEN) };
    assert_eq!(RAISED.load(Ordering::Relaxed), 1);
    let received = signal::dispatcher().unwrap().try_wait(Signal::USR1).unwrap();
    assert_eq!(received.sender(), Some(getpid()));
}

/// Calls a function on a stack of this size, which begins at this address.
///
/// # Safety
/// The memory can be read and written. Nobody else uses it until the function has returned. The
/// function needs no more, and does not unwind.
#[cfg(not(target_env = "musl"))]
unsafe fn call_on(function: extern "C" fn(), stack: *mut libc::c_void, size: usize) {
    let mut back = std::mem::MaybeUninit::<libc::ucontext_t>::zeroed();
    let mut there = std::mem::MaybeUninit::<libc::ucontext_t>::zeroed();
    // SAFETY: `there` is a local place for a context.
    assert_eq!(unsafe { libc::getcontext(there.as_mut_ptr()) }, 0);
    // SAFETY: `getcontext` succeeded, so it filled `there`.
    let mut there = unsafe { there.assume_init() };
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = size;
    there.uc_link = back.as_mut_ptr();
    // SAFETY: `there` is an initialised context, and the caller guarantees its stack. It returns to
    // `back`, which `swapcontext` fills before it runs.
    unsafe { libc::makecontext(&mut there, function, 0) };
    // SAFETY: both contexts and the stack live until the function has returned, which is here.
    assert_eq!(unsafe { libc::swapcontext(back.as_mut_ptr(), &there) }, 0);
}

/// The same: musl has no contexts.
#[cfg(target_env = "musl")]
unsafe fn call_on(function: extern "C" fn(), stack: *mut libc::c_void, size: usize) {
    let end = stack.wrapping_byte_add(size);
    assert!(end.addr().is_multiple_of(16), "the calling convention wants it so");
    // SAFETY: the caller guarantees the stack below `end`, and that the function returns. It keeps
    // r12, from which the stack pointer is put back. What else it may change is named.
    unsafe {
        std::arch::asm!(
            "mov r12, rsp",
            "mov rsp, {end}",
            "call {function}",
            "mov rsp, r12",
            end = in(reg) end,
            function = in(reg) function,
            out("r12") _,
            clobber_abi("C"),
        );
    }
}
