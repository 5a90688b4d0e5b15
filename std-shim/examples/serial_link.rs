//! Messages over a serial line, with numbered ports and flow control. Bytes that the line loses are
//! sent again.
//!
//! ```text
//! cargo run -p ringway --example serial_link
//! cargo run -p ringway --example serial_link -- /dev/ttyUSB0    # firmware answers at the other end
//! ```

use ringway::link::SerialLink;
use ringway::serial::{self, Port};

const SPEED: u32 = 115_200;
const ECHO: u8 = 0;

/// Answers each message on the port with the same bytes in capitals, as firmware would.
fn device(line: Port) -> ringway::Result<()> {
    let mut link: SerialLink = SerialLink::over(line, <SerialLink>::config(SPEED, 2));
    link.connect(ECHO)?;
    let mut message = [0; 256];
    while let Ok(length) = link.recv(ECHO, &mut message) {
        link.send(ECHO, &message[..length].to_ascii_uppercase())?;
    }
    link.close() // waits until the peer has everything
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut peer = None;
    let line = match std::env::args().nth(1) {
        Some(path) => Port::open(path, SPEED)?,
        None => {
            let (ours, theirs) = serial::pair()?; // a pseudo terminal instead of a cable
            peer = Some(std::thread::spawn(|| device(theirs)));
            ours
        }
    };
    // The second number tells a restart of this side from a message that was lost.
    let mut link: SerialLink = SerialLink::over(line, <SerialLink>::config(SPEED, 1));
    link.connect(ECHO)?;
    let mut answer = [0; 256];
    for message in ["hello", "is anybody there?"] {
        link.send(ECHO, message.as_bytes())?;
        let length = link.recv(ECHO, &mut answer)?;
        println!("{message} -> {}", String::from_utf8_lossy(&answer[..length]));
        assert_eq!(answer[..length], message.to_ascii_uppercase().as_bytes()[..]);
    }
    link.shut_send(ECHO)?; // the device reads the end of the stream, and closes the link
    assert!(link.recv(ECHO, &mut answer).is_err());
    if let Some(peer) = peer {
        peer.join().expect("the device does not panic")?;
    }
    Ok(())
}
