//! A host that gives work to a program that it does not trust. Whatever the guest writes into its
//! memory, the host gets bytes to judge, an error, or the end.
//!
//! ```text
//! cargo run -p ringway --example untrusted
//! ```

use ringway::shm::untrusted::{Channel, Layout, Messages, Role};
use std::process::Command;
use std::time::{Duration, Instant};

fn layout() -> ringway::Result<Layout> {
    let layout = Layout::new().part::<Messages>("requests", Role::Host, 64 * 1024)?;
    layout.part::<Messages>("answers", Role::Guest, 64 * 1024)
}

/// What the guest promises: each request in capital letters. It dies at the third.
fn guest() -> ringway::Result<()> {
    let channel = Channel::inherited(&layout()?)?;
    let mut requests = channel.rx::<Messages>("requests")?;
    let mut answers = channel.tx::<Messages>("answers")?;
    let mut text = [0; 256];
    for _ in 0..2 {
        let length = requests.recv_deadline(&mut text, None)?;
        text[..length].make_ascii_uppercase();
        answers.send_deadline(&text[..length], None)?;
    }
    std::process::abort();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("guest") {
        return Ok(guest()?);
    }
    let mut command = Command::new(std::env::current_exe()?);
    let (channel, mut guest) = Channel::spawn(command.arg("guest"), &layout()?)?;
    let mut requests = channel.tx::<Messages>("requests")?;
    let mut answers = channel.rx::<Messages>("answers")?;
    let mut answer = [0; 256];
    for request in ["hello", "and again", "once too often"] {
        requests.send_deadline(request.as_bytes(), None)?;
        let soon = Some(Instant::now() + Duration::from_secs(5));
        match answers.recv_deadline(&mut answer, soon) {
            // The bytes are the guest's: what they mean is ours to judge.
            Ok(length) => println!("{request}: {}", String::from_utf8_lossy(&answer[..length])),
            Err(error) => println!("{request}: {error}"),
        }
    }
    println!("the guest: {}", guest.wait()?);
    Ok(())
}
