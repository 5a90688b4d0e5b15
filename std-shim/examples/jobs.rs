//! A queue whose capacity and element size are numbers on the command line. Another program may
//! open the same queue with constants.
//!
//! ```text
//! cargo run -p ringway --example jobs                    # three jobs of its own
//! cargo run -p ringway --example jobs -- NAME 1000 64    # a queue of 1000 elements of 64 bytes
//! ```
//!
//! The program opens the region NAME, or creates it. Then it takes each job from the queue `jobs`
//! and pushes the job's bytes in reverse into the queue `done`, until another program closes
//! `jobs`.

use ringway::shm::{Layout, RawQueue, Region};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        return three_jobs(&format!("ringway-jobs-{}", std::process::id()), 16);
    }
    let [name, capacity, size] = &arguments[..] else { return Err("NAME CAPACITY SIZE".into()) };
    work(name, capacity.parse()?, size.parse()?)
}

fn work(name: &str, capacity: usize, size: usize) -> Result<(), Box<dyn std::error::Error>> {
    let item = std::alloc::Layout::from_size_align(size, 1)?;
    let layout = Layout::new(8).raw_part::<RawQueue>("jobs", capacity, item)?;
    let layout = layout.raw_part::<RawQueue>("done", capacity, item)?;
    let region = Region::open_or_create(name, 0o600, &layout)?;
    let (jobs, done) = (region.raw_part::<RawQueue>("jobs")?, region.raw_part::<RawQueue>("done")?);
    println!("{} places of {size} bytes", jobs.capacity());
    while let Ok(claim) = jobs.claim_deadline(None) {
        let mut answer = claim.to_vec();
        answer.reverse();
        done.reserve_deadline(None)?.write(&answer)?;
        claim.complete();
    }
    done.close();
    Ok(())
}

/// What another program does: it pushes the jobs, closes the queue, and pops the answers.
fn three_jobs(name: &str, capacity: usize) -> Result<(), Box<dyn std::error::Error>> {
    let layout = Layout::new(8).queue::<[u8; 8]>("jobs", capacity)?;
    let region = Region::open_or_create(name, 0o600, &layout.queue::<[u8; 8]>("done", capacity)?)?;
    let jobs = region.queue::<[u8; 8]>("jobs")?;
    [*b"stressed", *b"repaid  ", *b"drawer  "].into_iter().try_for_each(|job| jobs.push(job))?;
    jobs.close();
    work(name, capacity, 8)?;
    let done = region.queue::<[u8; 8]>("done")?;
    while let Ok(answer) = done.pop() {
        println!("{}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}
