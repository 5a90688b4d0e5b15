//! One wait for several sources: a socket, a queue in shared memory, and a process that may end.
//!
//! ```text
//! cargo run -p ringway --example select
//! ```

use ringway::fd::{self, Interest, WaitSet};
use ringway::process::{self, Entry, EntryArgs, EntryResult};
use ringway::shm::{Layout, Queue, Region};
use ringway::socket::UnixSeqpacket;

type Jobs = Queue<u32, 16>;
const CHILD: Entry = Entry::new("child", child);

fn child(args: EntryArgs) -> EntryResult {
    let [region, socket] = <[_; 2]>::try_from(args.descriptors).map_err(|_| "two descriptors")?;
    let jobs = Region::from_fd(region)?.part::<Jobs>("jobs")?;
    let socket = UnixSeqpacket::try_from(socket)?;
    for job in 1..=3 {
        jobs.push(job)?;
        socket.send(format!("sent job {job}").as_bytes())?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[CHILD]);
    let region = Region::anonymous(&Layout::new(4).part::<Jobs>("jobs")?)?;
    let jobs = region.part::<Jobs>("jobs")?;
    let (ours, theirs) = UnixSeqpacket::pair()?;
    let handed = vec![fd::duplicate(&region)?, theirs.into()];
    let child = process::spawn(&CHILD, b"", handed)?;

    let queue_is_ready = jobs.ready_fd()?; // readable while there may be something in the queue
    let mut set = WaitSet::new();
    let queue = set.add(&queue_is_ready, Interest::Read);
    let socket = set.add(&ours, Interest::Read);
    let process = set.add(&child, Interest::Read);
    let (mut sum, mut messages, mut is_alive) = (0, Vec::new(), true);
    while is_alive {
        set.wait()?;
        if set.ready().any(|(place, _)| place == process) {
            println!("the child {}", child.join()?);
            is_alive = false; // what it sent before is taken below
        }
        if !is_alive || set.ready().any(|(place, _)| place == queue) {
            queue_is_ready.rearm(); // before the pops, so that no job is missed
            sum += std::iter::from_fn(|| jobs.try_pop()).sum::<u32>();
        }
        if !is_alive || set.ready().any(|(place, _)| place == socket) {
            let mut text = [0; 64];
            while let Ok(length @ 1..) = ours.try_recv(&mut text) {
                messages.push(String::from_utf8_lossy(&text[..length]).into_owned());
            }
        }
    }
    assert_eq!((sum, messages.len()), (6, 3));
    println!("the jobs add up to {sum}; messages: {messages:?}");
    Ok(())
}
