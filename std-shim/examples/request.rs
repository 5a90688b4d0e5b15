//! Request and answer between two processes, in messages of any size; an open file travels along.
//!
//! ```text
//! cargo run -p ringway --example request
//! ```

use ringway::connection::{self, Connection};
use ringway::process::{self, Entry, EntryArgs, EntryResult};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

const SERVER: Entry = Entry::new("server", server);

/// Answers each request with its length, or with the content of the file that came with it.
fn server(mut args: EntryArgs) -> EntryResult {
    let client = Connection::try_from(args.descriptors.pop().ok_or("no connection")?)?;
    let mut request = Vec::new();
    while let Ok(files) = client.recv_descriptors(&mut request, 1, None) {
        let mut answer = format!("{} bytes", request.len()).into_bytes();
        for file in files {
            answer.clear();
            File::from(file).read_to_end(&mut answer)?;
        }
        client.send(&answer)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[SERVER]);
    let (ours, theirs) = connection::pair()?;
    let server = process::spawn(&SERVER, b"", vec![theirs.into()])?;
    let mut answer = Vec::new();
    for request in [&b"short"[..], &vec![7; 1_000_000]] {
        ours.send(request)?;
        ours.recv_deadline(&mut answer, Some(Instant::now() + Duration::from_secs(10)))?;
        println!("{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(answer, b"1000000 bytes");

    let file = File::open("/proc/self/comm")?;
    ours.send_descriptors(b"read this", &[file.as_fd()], None)?;
    ours.recv(&mut answer)?;
    println!("the server read {}", String::from_utf8_lossy(&answer).trim());
    drop(ours); // the server's next `recv` says that the client is gone
    assert!(server.join()?.success());
    Ok(())
}
