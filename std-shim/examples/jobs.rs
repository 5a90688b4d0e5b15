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

use ringway::shm::{Layout, Region};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        return three_jobs(&format!("ringway-jobs-{}", std::process::id()), 16);
    }
    let [name, capacity, size] = &arguments[..] else { return Err("NAME CAPACITY SIZE".into()) };
    let capacity = capacity.parse()?;
    match size.parse()? {
        8 => work::<8>(name, capacity),
        16 => work::<16>(name, capacity),
        24 => work::<24>(name, capacity),
        32 => work::<32>(name, capacity),
        64 => work::<64>(name, capacity),
        128 => work::<128>(name, capacity),
        256 => work::<256>(name, capacity),
        _ => Err("SIZE is 8, 16, 24, 32, 64, 128 or 256 bytes".into()),
    }
}

fn work<const SIZE: usize>(name: &str, capacity: usize) -> Result<(), Box<dyn std::error::Error>> {
    let layout = Layout::new(8).queue::<[u8; SIZE]>("jobs", capacity)?;
    let layout = layout.queue::<[u8; SIZE]>("done", capacity)?;
    let region = Region::open_or_create(name, 0o600, &layout)?;
    let (jobs, done) = (region.queue::<[u8; SIZE]>("jobs")?, region.queue::<[u8; SIZE]>("done")?);
    println!("{} places of {SIZE} bytes", jobs.capacity());
    while let Ok(claim) = jobs.claim() {
        let mut answer = *claim;
        answer.reverse();
        done.push(answer)?;
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
    work::<8>(name, capacity)?;
    let done = region.queue::<[u8; 8]>("done")?;
    while let Ok(answer) = done.pop() {
        println!("{}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}
