//! The bench in Rust, as `bench.c` is in C: `bench WHAT` prints nanoseconds for each operation.

use ringway::Result;
use ringway::shm::{Layout, MessageRing, Mutex, Queue, RawQueue, RawRing, Region, Ring};
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::Instant;

const ONE: u64 = 20_000;
const TRIPS: u64 = 2_000;
const ROUNDS: u32 = 100;

type There = Ring<u64, 64>;

fn layout() -> Result<Layout> {
    let layout = Layout::new(4).part::<There>("there")?.part::<There>("back")?;
    let layout = layout.part::<Queue<u64, 64>>("queue")?.part::<MessageRing<4096>>("messages")?;
    Ok(layout.part::<Mutex<u64>>("mutex")?)
}

/// Nanoseconds for each of `count` runs of `run`: the least of many short rounds. What else the
/// machine does is in few of them.
fn timed(count: u64, mut run: impl FnMut(u64)) -> f64 {
    let mut least = f64::MAX;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        (0..count).for_each(&mut run);
        least = least.min(begin.elapsed().as_nanos() as f64 / count as f64);
    }
    least
}

fn one(what: &str) -> Result<f64> {
    let region = Region::anonymous(&layout()?)?;
    Ok(match what {
        "ring" => {
            let part = region.part::<There>("there")?;
            let (mut producer, mut consumer) = (part.producer()?, part.consumer()?);
            timed(ONE, |number| {
                let _ = black_box(producer.try_push(black_box(number)));
                black_box(consumer.try_pop());
            })
        }
        "raw-ring" => {
            let part = region.raw_part::<RawRing>("there")?;
            let (mut producer, mut consumer) = (part.producer()?, part.consumer()?);
            timed(ONE, |number| {
                let mut item = number.to_ne_bytes();
                let _ = black_box(producer.try_push(black_box(&item)));
                let _ = black_box(consumer.try_pop(black_box(&mut item)));
            })
        }
        "raw-queue" => {
            let part = region.raw_part::<RawQueue>("queue")?;
            timed(ONE, |number| {
                let mut item = number.to_ne_bytes();
                let _ = black_box(part.try_push(black_box(&item)));
                let _ = black_box(part.try_pop(black_box(&mut item)));
            })
        }
        "queue" => {
            let part = region.part::<Queue<u64, 64>>("queue")?;
            timed(ONE, |number| {
                let _ = black_box(part.try_push(black_box(number)));
                black_box(part.try_pop());
            })
        }
        "messages" => {
            let part = region.part::<MessageRing<4096>>("messages")?;
            let (mut sender, mut receiver) = (part.sender()?, part.receiver()?);
            let mut buf = [0; 64];
            timed(ONE, |_| {
                let _ = black_box(sender.try_send(black_box(b"a message of thirty bytes or so")));
                let _ = black_box(receiver.try_recv(&mut buf));
            })
        }
        _ => {
            let part = region.part::<Mutex<u64>>("mutex")?;
            timed(ONE, |_| {
                if let Ok(mut guard) = part.lock() {
                    *guard += 1;
                }
            })
        }
    })
}

fn trip() -> Result<f64> {
    let name = format!("ringway-c-bench-{}", std::process::id());
    let region = Region::create(&name, 0o600, &layout()?)?;
    let (there, back) = (region.part::<There>("there")?, region.part::<There>("back")?);
    let (mut producer, mut consumer) = (there.producer()?, back.consumer()?);
    let program = std::env::current_exe().expect("a program knows its path");
    let mut child = Command::new(program)
        .args(["echo", &name])
        .stdin(Stdio::null())
        .spawn()
        .expect("it starts");
    let least = timed(TRIPS, |number| {
        let _ = producer.push(number);
        assert_eq!(consumer.pop(), Ok(number));
    });
    producer.close();
    child.wait().expect("a child can be waited for");
    Ok(least)
}

fn echo(name: &str) -> Result<()> {
    let region = Region::open(name)?;
    let (there, back) = (region.part::<There>("there")?, region.part::<There>("back")?);
    let (mut consumer, mut producer) = (there.consumer()?, back.producer()?);
    while let Ok(number) = consumer.pop() {
        let _ = producer.push(number);
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["echo", name] => echo(name)?,
        ["trip"] => println!("{:.2}", trip()?),
        [what] => println!("{:.2}", one(what)?),
        _ => panic!("usage: bench ring|queue|messages|mutex|trip"),
    }
    Ok(())
}
