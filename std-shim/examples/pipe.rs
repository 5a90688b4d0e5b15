//! A pipe to a program: the shell counts what this program writes.
//!
//! ```text
//! cargo run -p ringway --example pipe
//! ```

use ringway::pipe::pipe;
use std::process::{Command, Stdio};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (their_input, our_output) = pipe()?;
    let (our_input, their_output) = pipe()?;
    let mut child = Command::new("wc").arg("-l").stdin(their_input).stdout(their_output).spawn()?;
    for line in 0..1000 {
        our_output.write_all(format!("line {line}\n").as_bytes())?;
    }
    drop(our_output); // the child reads the end of the file
    let count = std::io::read_to_string(our_input)?;
    assert!(child.wait()?.success());
    println!("wc counted {} lines", count.trim());
    assert_eq!(count.trim(), "1000");

    // If the reader is gone, a write returns an error; no SIGPIPE kills this process.
    let mut child = Command::new("true").stdin(Stdio::null()).spawn()?;
    child.wait()?;
    let (reader, writer) = pipe()?;
    drop(reader);
    println!("then: {}", writer.write_all(b"x").unwrap_err());
    Ok(())
}
