//! A service in `async` code whose work is done by other processes: each request goes through a
//! queue in shared memory, and so does its answer. A worker is killed at its job, and nobody
//! notices.
//!
//! ```text
//! cargo run -p ringway --features tokio --example service
//! ```

use ringway::process::{self, Entry, EntryArgs, EntryResult};
use ringway::shm::{Layout, Queue, Region};
use ringway::signal::{self, Signal};
use ringway::socket::{SeqpacketListener, UnixSeqpacket};
use ringway::task::Tokio;
use ringway::{CoreError, fd};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// The number of the request, and what it asks or is answered.
type Message = [u64; 2];
type Messages = Queue<Message, 64>;

const WORKER: Entry = Entry::new("worker", worker);

/// Answers requests until there are no more. Request 50 kills the first worker that tries it.
fn worker(mut args: EntryArgs) -> EntryResult {
    let region = Region::from_fd(args.descriptors.pop().ok_or("no region")?)?;
    let (requests, answers) =
        (region.part::<Messages>("requests")?, region.part::<Messages>("answers")?);
    while let Ok(request) = requests.claim() {
        let [number, asked] = *request;
        if asked == 50 && request.attempts() == 1 {
            signal::send(process::id(), Signal::KILL)?;
        }
        answers.push([number, asked * asked])?;
        request.complete();
    }
    Ok(())
}

/// Those who wait for an answer, by the numbers of their requests.
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<u64>>>>;

/// Serves one client until it has no more requests.
async fn serve(client: UnixSeqpacket, region: Region, waiting: Waiting) -> ringway::Result<()> {
    let (client, requests) = (Tokio::new(client)?, region.part::<Messages>("requests")?);
    let mut asked = [0; 8];
    loop {
        match client.read_with(|end| end.try_recv(&mut asked)).await {
            Err(error) if error.is(CoreError::EndOfFile) => return Ok(()),
            received => received?,
        };
        let asked = u64::from_le_bytes(asked);
        let (sender, answer) = oneshot::channel();
        waiting.lock().expect("nobody panics").insert(asked, sender);
        requests.push_async([asked, asked]).await?;
        let answer = answer.await.unwrap_or(0).to_le_bytes();
        client.write_with(|end| end.try_send(&answer)).await?;
    }
}

/// One client: asks for some squares.
async fn client(service: UnixSeqpacket, numbers: std::ops::Range<u64>) -> ringway::Result<u64> {
    let (service, mut sum) = (Tokio::new(service)?, 0);
    for number in numbers {
        let mut answer = [0; 8];
        service.write_with(|end| end.try_send(&number.to_le_bytes())).await?;
        service.read_with(|end| end.try_recv(&mut answer)).await?;
        sum += u64::from_le_bytes(answer);
    }
    Ok(sum)
}

async fn run(region: Region) -> Result<u64, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("squares");
    let listener = Tokio::new(SeqpacketListener::bind(&path)?)?;
    let waiting = Waiting::default();
    let (to, answers) = (waiting.clone(), region.part::<Messages>("answers")?);
    tokio::spawn(async move {
        while let Ok([number, answer]) = answers.pop_async().await {
            let asker = to.lock().expect("nobody panics").remove(&number);
            asker.map(|asker| asker.send(answer));
        }
    });
    tokio::spawn(async move {
        while let Ok(client) = listener.read_with(|listener| listener.try_accept()).await {
            tokio::spawn(serve(client, region.clone(), waiting.clone()));
        }
    });
    let mut clients = Vec::new();
    for first in [0, 100, 200] {
        let service = UnixSeqpacket::connect(&path)?;
        clients.push(tokio::spawn(client(service, first..first + 100)));
    }
    let mut sum = 0;
    for client in clients {
        sum += client.await??;
    }
    Ok(sum)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[WORKER]); // in a worker this call runs `worker`
    let layout = Layout::new(8).part::<Messages>("requests")?.part::<Messages>("answers")?;
    let region = Region::anonymous(&layout)?;
    let start = || process::spawn(&WORKER, b"", vec![fd::duplicate(&region)?]);
    let workers = [start()?, start()?];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let sum = runtime.block_on(run(region.clone()))?;
    region.part::<Messages>("requests")?.close(); // the workers end
    for worker in workers {
        println!("worker {} {}", worker.pid(), worker.join()?);
    }
    println!("the sum of all squares is {sum}");
    assert_eq!(sum, (0..300).map(|number| number * number).sum::<u64>(), "each was answered once");
    Ok(())
}
