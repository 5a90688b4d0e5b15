//! A daemon: it serves a Unix socket, counts a signal, and ends cleanly on SIGTERM.
//!
//! ```text
//! cargo run -p ringway --example daemon
//! ```

use ringway::CoreError;
use ringway::fd::wait_any;
use ringway::process::{self, Entry, EntryArgs, EntryResult};
use ringway::signal::{self, Signal, SignalFd, SignalSet};
use ringway::socket::{UnixListener, UnixStream};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

const DAEMON: Entry = Entry::new("daemon", daemon);

fn daemon(args: EntryArgs) -> EntryResult {
    let path = String::from_utf8(args.argument)?;
    let set = SignalSet::from(Signal::TERM) | SignalSet::from(Signal::HUP);
    let _blocked = signal::block(set)?; // they arrive through the descriptor instead
    let signals = SignalFd::new(set)?;
    let listener = UnixListener::bind(&*path)?; // its file goes when the listener is dropped
    let mut reloads = 0;
    loop {
        for ready in wait_any(&[&signals, &listener], None)? {
            if ready == 1 {
                let mut client = listener.accept()?;
                let mut request = String::new();
                client.read_to_string(&mut request)?;
                write!(client, "{}, after {reloads} reloads", request.to_uppercase())?;
                continue;
            }
            match signals.wait()?.signal {
                Signal::HUP => reloads += 1,
                _ => return Ok(()), // SIGTERM: destructors run, the socket's file is removed
            }
        }
    }
}

fn ask(path: &str, request: &str) -> Result<String, Box<dyn std::error::Error>> {
    let end = Instant::now() + Duration::from_secs(10);
    let stream = loop {
        match UnixStream::connect(path) {
            Ok(stream) => break stream,
            // The daemon has not made its file, or does not listen yet.
            Err(error)
                if Instant::now() < end
                    && (error.is(CoreError::NotFound) || error.is(CoreError::Refused)) =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error.into()),
        }
    };
    stream.write_all(request.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    Ok(std::io::read_to_string(stream)?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    process::main(&[DAEMON]);
    let path = std::env::temp_dir().join(format!("ringway-daemon-{}", std::process::id()));
    let path = path.to_str().ok_or("a temporary path in UTF-8")?;
    let daemon = process::spawn(&DAEMON, path.as_bytes(), vec![])?;
    println!("{}", ask(path, "hello")?);
    daemon.send_signal(Signal::HUP)?;
    while !ask(path, "again")?.ends_with("after 1 reloads") {}
    daemon.terminate()?;
    let exit = daemon.join()?;
    println!("the daemon {exit}");
    assert!(exit.success() && !std::path::Path::new(path).exists());
    Ok(())
}
