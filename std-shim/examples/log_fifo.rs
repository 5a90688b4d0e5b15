//! A log through a FIFO: any program that can write to a file can write to the log.
//!
//! ```text
//! cargo run -p ringway --example log_fifo
//! ```

use ringway::fifo::Fifo;
use std::io::{BufRead, BufReader};
use std::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("ringway-log-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let fifo = Fifo::open_or_create(folder.join("log"), 0o600)?; // removed when it is dropped

    // Three writers that know only the path. A line of at most `PIPE_BUF` bytes stays whole.
    let script = "for n in 1 2 3 4 5; do echo \"$1: event $n\"; done > \"$0\"";
    let mut writers = Vec::new();
    for name in ["disk", "network", "clock"] {
        let mut shell = Command::new("sh");
        writers.push(shell.args(["-c", script]).arg(fifo.path()).arg(name).spawn()?);
    }

    // Both ends are open here, so that the log does not end when the last writer leaves.
    let (log, _stay) = fifo.open_both()?;
    let lines = BufReader::new(log).lines().take(15).collect::<Result<Vec<_>, _>>()?;
    for writer in &mut writers {
        assert!(writer.wait()?.success());
    }
    println!("{}", lines.join("\n"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("disk: ")).count(), 5);
    drop(fifo);
    std::fs::remove_dir(&folder)?;
    Ok(())
}
