//! What awaiting costs: parts of a region under tokio, beside an eventfd, tokio's pipe and a Unix
//! socket, each between two processes. Every figure is a median over fresh processes, which take
//! turns.
//!
//! ```text
//! ringway-awaited [STARTS]    the table, with the bars; 9 starts unless another number is given
//! ```

use ringway::shm::{Latest, Layout, Queue, Region, Ring};
use std::fs;
use std::future::Future;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::runtime::{Builder, Runtime};

type Bytes = [u64; 8];
type Stamps = Queue<u64, 8>;

/// Wake-ups of a start, and the pause before each, in which everybody falls asleep.
const WAKES: usize = 300;
const PAUSE: Duration = Duration::from_millis(1);
/// Round trips of a start, after some that do not count.
const TRIPS: usize = 20_000;
const PARTS: usize = 1000;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Nanoseconds of the clock that all processes share.
fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the time.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Runs `other` in a second process while `this` runs here; the figure of `this`.
fn beside(other: impl FnOnce(), this: impl FnOnce() -> f64) -> f64 {
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        0 => {
            other();
            std::process::exit(0)
        }
        child => {
            let figure = this();
            // SAFETY: a child of this process; its status is not asked for.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            figure
        }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Microseconds of a round trip, when `trip` makes one.
async fn trips<F: Future>(mut trip: impl FnMut() -> F) -> f64 {
    for _ in 0..TRIPS / 10 {
        trip().await;
    }
    let began = Instant::now();
    for _ in 0..TRIPS {
        trip().await;
    }
    began.elapsed().as_secs_f64() * 1e6 / TRIPS as f64
}

const ALL_TRIPS: usize = TRIPS + TRIPS / 10;

/// Microseconds from the ring of an eventfd by another process until the task runs.
fn wake_eventfd() -> f64 {
    let layout = Layout::new(4).part::<Latest<u64>>("stamp").expect("a layout");
    let name = format!("ringway-awaited-{}", std::process::id());
    let region = Region::create(&name, 0o600, &layout).expect("a region");
    // SAFETY: the call takes numbers, and makes a descriptor that nobody else has.
    let event = unsafe { OwnedFd::from_raw_fd(libc::eventfd(0, libc::EFD_NONBLOCK)) };
    let theirs = event.try_clone().expect("a descriptor");
    beside(
        || {
            let region = Region::open(&name).expect("the region");
            let stamp = region.part::<Latest<u64>>("stamp").expect("the part");
            let mut stamp = stamp.writer().expect("it is free");
            for _ in 0..WAKES {
                std::thread::sleep(PAUSE);
                stamp.store(now());
                // SAFETY: eight bytes of a local variable.
                unsafe { libc::write(theirs.as_raw_fd(), (&raw const ONE).cast(), 8) };
            }
        },
        || {
            runtime().block_on(async {
                let stamp = region.part::<Latest<u64>>("stamp").expect("the part");
                #[allow(deprecated)]
                let event = AsyncFd::new(event).expect("it is watched");
                let mut figures = Vec::new();
                while figures.len() < WAKES {
                    let mut guard = event.readable().await.expect("it is watched");
                    let woken = now();
                    let mut count = 0_u64;
                    // SAFETY: eight bytes of a local variable.
                    unsafe { libc::read(event.as_raw_fd(), (&raw mut count).cast(), 8) };
                    guard.clear_ready();
                    let sent = stamp.load().expect("it was stored").0;
                    figures.push((woken - sent) as f64 / 1e3);
                    if count > 1 {
                        panic!("a wake-up took longer than the pause");
                    }
                }
                median(figures)
            })
        },
    )
}

static ONE: u64 = 1;

/// The same, by a value in a queue.
fn wake_queue() -> f64 {
    let layout = Layout::new(4).part::<Stamps>("stamps").expect("a layout");
    let name = format!("ringway-awaited-{}", std::process::id());
    let region = Region::create(&name, 0o600, &layout).expect("a region");
    beside(
        || {
            let region = Region::open(&name).expect("the region");
            let stamps = region.part::<Stamps>("stamps").expect("the part");
            for _ in 0..WAKES {
                std::thread::sleep(PAUSE);
                stamps.push(now()).expect("it is open");
            }
        },
        || {
            runtime().block_on(async {
                let stamps = region.part::<Stamps>("stamps").expect("the part");
                let mut figures = Vec::new();
                for _ in 0..WAKES {
                    let sent = stamps.pop_async().await.expect("it is open");
                    figures.push((now() - sent) as f64 / 1e3);
                }
                median(figures)
            })
        },
    )
}

/// The round trip of 64 bytes over a Unix socket.
fn trip_unix() -> f64 {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair");
    for end in [&ours, &theirs] {
        end.set_nonblocking(true).expect("it can be");
    }
    let over = |stream| UnixStream::from_std(stream).expect("it is watched");
    let copy = theirs.try_clone().expect("a descriptor");
    beside(
        move || {
            runtime().block_on(async {
                let (mut end, mut bytes) = (over(copy), [0; 64]);
                for _ in 0..ALL_TRIPS {
                    end.read_exact(&mut bytes).await.expect("it is open");
                    end.write_all(&bytes).await.expect("it is open");
                }
            });
        },
        || {
            runtime().block_on(async {
                let end = std::cell::RefCell::new(over(ours));
                trips(async || {
                    let (mut end, mut bytes) = (end.borrow_mut(), [7; 64]);
                    end.write_all(&bytes).await.expect("it is open");
                    end.read_exact(&mut bytes).await.expect("it is open");
                })
                .await
            })
        },
    )
}

/// The same over two pipes, by tokio's own type.
fn trip_pipe() -> f64 {
    let (to, fro) = (std::io::pipe().expect("a pipe"), std::io::pipe().expect("a pipe"));
    let reads = |end: std::io::PipeReader| {
        pipe::Receiver::from_owned_fd(end.into()).expect("it is watched")
    };
    let writes =
        |end: std::io::PipeWriter| pipe::Sender::from_owned_fd(end.into()).expect("it is watched");
    let (theirs_from, theirs_to) =
        (to.0.try_clone().expect("a descriptor"), fro.1.try_clone().expect("a descriptor"));
    beside(
        move || {
            runtime().block_on(async {
                let (mut from, mut to) = (reads(theirs_from), writes(theirs_to));
                let mut bytes = [0; 64];
                for _ in 0..ALL_TRIPS {
                    from.read_exact(&mut bytes).await.expect("it is open");
                    to.write_all(&bytes).await.expect("it is open");
                }
            });
        },
        || {
            runtime().block_on(async {
                let ends = std::cell::RefCell::new((writes(to.1), reads(fro.0)));
                trips(async || {
                    let (mut ends, mut bytes) = (ends.borrow_mut(), [7; 64]);
                    ends.0.write_all(&bytes).await.expect("it is open");
                    ends.1.read_exact(&mut bytes).await.expect("it is open");
                })
                .await
            })
        },
    )
}

/// The same over two rings of a region.
fn trip_ring() -> f64 {
    type Way = Ring<Bytes, 64>;
    let layout = Layout::new(4).part::<Way>("to").expect("a layout");
    let layout = layout.part::<Way>("fro").expect("a layout");
    let name = format!("ringway-awaited-{}", std::process::id());
    let region = Region::create(&name, 0o600, &layout).expect("a region");
    beside(
        || {
            let region = Region::open(&name).expect("the region");
            let [to, fro] = ["to", "fro"].map(|way| region.part::<Way>(way).expect("the part"));
            let (mut from, mut to) =
                (to.consumer().expect("it is free"), fro.producer().expect("it is free"));
            runtime().block_on(async {
                for _ in 0..ALL_TRIPS {
                    let bytes = from.pop_async().await.expect("it is open");
                    to.push_async(bytes).await.expect("it is open");
                }
            });
        },
        || {
            let [to, fro] = ["to", "fro"].map(|way| region.part::<Way>(way).expect("the part"));
            let ends = (to.producer().expect("it is free"), fro.consumer().expect("it is free"));
            let ends = std::cell::RefCell::new(ends);
            runtime().block_on(trips(async || {
                let mut ends = ends.borrow_mut();
                ends.0.push_async([7; 8]).await.expect("it is open");
                ends.1.pop_async().await.expect("it is open");
            }))
        },
    )
}

/// Memory of this process that is its own, in KiB.
fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("it can be read");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Percent of a processor that this process took, of `time`.
fn load(time: Duration) -> f64 {
    let spent = || {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call writes the time.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let before = spent();
    std::thread::sleep(time);
    100.0 * (spent() - before) / time.as_secs_f64()
}

/// A thousand parts that are awaited, and idle: helpers, percent of a processor, bytes for each.
fn thousand() -> [f64; 3] {
    const REGIONS: usize = 4;
    let names: Vec<_> = (0..PARTS / REGIONS).map(|part| format!("part-{part}")).collect();
    let layout = names
        .iter()
        .fold(Layout::new(2), |layout, name| layout.part::<Stamps>(name).expect("a layout"));
    let regions: Vec<_> =
        (0..REGIONS).map(|_| Region::anonymous(&layout).expect("a region")).collect();
    let parts: Vec<_> = regions
        .iter()
        .flat_map(|region| names.iter().map(|name| region.part::<Stamps>(name).expect("a part")))
        .collect();
    let before = memory();
    let mut waits: Vec<_> = parts.iter().map(|part| Box::pin(part.pop_async())).collect();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for wait in &mut waits {
        assert!(wait.as_mut().poll(&mut context).is_pending(), "it is empty");
    }
    let load = load(Duration::from_secs(3));
    let threads = fs::read_dir("/proc/self/task").expect("it can be read").count() - 1;
    [threads as f64, load, (memory() - before) * 1024.0 / PARTS as f64]
}

/// A figure of a fresh process.
fn fresh(what: &str) -> Vec<f64> {
    let program = std::env::current_exe().expect("a program");
    let output = Command::new(program).args(["one", what]).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = text.split_whitespace().filter_map(|one| one.parse().ok()).collect();
    assert!(output.status.success() && !figures.is_empty(), "{what}: {output:?}");
    figures
}

fn one(what: &str) -> Vec<f64> {
    match what {
        "wake-eventfd" => vec![wake_eventfd()],
        "wake-queue" => vec![wake_queue()],
        "trip-unix" => vec![trip_unix()],
        "trip-pipe" => vec![trip_pipe()],
        "trip-ring" => vec![trip_ring()],
        "thousand" => thousand().to_vec(),
        _ => panic!("there is no figure {what}"),
    }
}

fn row(what: &str, figure: String, bar: &str, is_met: bool) {
    let verdict = if is_met { "met" } else { "MISSED" };
    println!("{what:<58} | {figure:>22} | {bar:>9} | {verdict}");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [_, what] = arguments.as_slice() {
        one(what).iter().for_each(|figure| println!("{figure}"));
        return;
    }
    let starts = arguments.first().map_or(9, |number| number.parse().expect("a number"));
    const FIGURES: [&str; 5] =
        ["wake-eventfd", "wake-queue", "trip-unix", "trip-pipe", "trip-ring"];
    let mut found = [const { Vec::new() }; 5];
    for _ in 0..starts {
        for (what, found) in FIGURES.iter().zip(&mut found) {
            found.extend(fresh(what));
        }
    }
    let [eventfd, queue, unix, pipe, ring] = found.map(median);
    let thousand = fresh("thousand");
    println!("between two processes under tokio (one thread each), median of {starts} starts\n");
    println!("{:<58} | {:>22} | {:>9} |", "", "figure", "bar");
    let ratio = queue / eventfd;
    let figure = format!("{queue:.1} / {eventfd:.1} µs = {ratio:.2} x");
    row("wake-up of a task: value in a queue / bare eventfd", figure, "<= 1.3 x", ratio <= 1.3);
    let ratio = unix / ring;
    let figure = format!("{unix:.1} / {ring:.2} µs = {ratio:.1} x");
    row("round trip of 64 bytes: Unix socket / two rings", figure, ">= 2 x", ratio >= 2.0);
    let ratio = pipe / ring;
    let figure = format!("{pipe:.1} / {ring:.2} µs = {ratio:.1} x");
    row("round trip of 64 bytes: tokio's pipes / two rings", figure, ">= 1 x", ratio >= 1.0);
    let [helpers, load, bytes] = thousand[..] else { panic!("three figures") };
    row("1000 awaited parts: helper threads", format!("{helpers}"), "<= 8", helpers <= 8.0);
    row("1000 awaited parts, idle: of a processor", format!("{load:.2} %"), "< 1 %", load < 1.0);
    row("1000 awaited parts: private memory for each", format!("{bytes:.0} bytes"), "stated", true);
    println!(
        "evidence: awaited: bars: wake-up {:.2} x an eventfd, round trip 1/{:.0} of a Unix socket's, {helpers} helpers for 1000 parts",
        queue / eventfd,
        unix / ring
    );
}
