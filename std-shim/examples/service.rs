//! A service in `async` code whose work is done by other processes: requests go to them through a
//! queue in shared memory, and answers come back. One is killed at its job, and another does it.
//!
//! ```text
//! cargo run -p ringway --features tokio --example service
//! ```

use ringway::fd;
use ringway::process::{self, Entry, EntryArgs, EntryResult};
use ringway::shm::{Layout, Queue, Region};
use ringway::signal::{self, Signal};
use ringway::socket::UnixSeqpacket;
use ringway::task::Tokio;

type Numbers = Queue<u64, 64>;

const WORKER: Entry = Entry::new("worker", worker);

/// Squares numbers until there are no more. Number 50 kills the first worker that tries it.
fn worker(mut args: EntryArgs) -> EntryResult {
    let region = Region::from_fd(args.descriptors.pop().ok_or("no region")?)?;
    let (requests, answers) =
        (region.part::<Numbers>("requests")?, region.part::<Numbers>("answers")?);
    while let Ok(request) = requests.claim() {
        if *request == 50 && request.attempts() == 1 {
            signal::send(process::id(), Signal::KILL)?;
        }
        answers.push(*request * *request)?;
        request.complete();
    }
    Ok(())
}

/// Hands the client's requests to the workers, and their answers to the client, both at a time.
async fn serve(client: UnixSeqpacket, region: Region) -> Result<(), Box<dyn std::error::Error>> {
    let client = Tokio::new(client)?;
    let (requests, answers) =
        (region.part::<Numbers>("requests")?, region.part::<Numbers>("answers")?);
    let reads = async {
        let mut number = [0; 8];
        while client.read_with(|end| end.try_recv(&mut number)).await.is_ok() {
            requests.push_async(u64::from_le_bytes(number)).await?;
        }
        requests.close(); // the client has no more, and the workers end
        Ok(())
    };
    let writes = async {
        for _ in 0..COUNT {
            let answer = answers.pop_async().await?.to_le_bytes();
            client.write_with(|end| end.try_send(&answer)).await?;
        }
        Ok(())
    };
    tokio::try_join!(reads, writes).map(|((), ())| ())
}

const COUNT: u64 = 300;

/// Asks for the squares of some numbers, and adds them up, 10 requests ahead of the answers.
fn client(service: UnixSeqpacket) -> ringway::Result<u64> {
    let (mut sum, mut answer) = (0, [0; 8]);
    for number in 0..COUNT + 10 {
        if number < COUNT {
            service.send(&number.to_le_bytes())?;
        }
        if number >= 10 {
            service.recv(&mut answer)?;
            sum += u64::from_le_bytes(answer);
        }
    }
    Ok(sum)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[WORKER]); // in a worker this call runs `worker`
    let region = Region::anonymous(
        &Layout::new(8).part::<Numbers>("requests")?.part::<Numbers>("answers")?,
    )?;
    let start = || process::spawn(&WORKER, b"", vec![fd::duplicate(&region)?]);
    let workers = [start()?, start()?];
    let (ours, theirs) = UnixSeqpacket::pair()?;
    let sum = std::thread::spawn(move || client(theirs));
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(serve(ours, region))?;
    for worker in workers {
        println!("worker {} {}", worker.pid(), worker.join()?);
    }
    let sum = sum.join().expect("it does not panic")?;
    println!("the sum of all squares is {sum}");
    assert_eq!(sum, (0..COUNT).map(|number| number * number).sum::<u64>(), "none is lost");
    Ok(())
}
