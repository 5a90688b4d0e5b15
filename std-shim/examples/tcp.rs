//! A server on TCP, and a client that shuts down its half when it has sent everything.
//!
//! ```text
//! cargo run -p ringway --example tcp
//! ```

use ringway::socket::{TcpListener, TcpStream, UdpSocket};
use std::io::Read;
use std::net::Shutdown;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_address()?;
    let server = std::thread::spawn(move || -> ringway::Result<()> {
        let mut client = listener.accept()?;
        let mut all = Vec::new();
        client.read_to_end(&mut all).expect("the client does not reset"); // until its end
        all.reverse();
        client.write_all(&all)
    });
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"!dlrow olleh")?;
    stream.shutdown(Shutdown::Write)?;
    let answer = std::io::read_to_string(&mut stream)?;
    println!("{answer}");
    assert_eq!(answer, "hello world!");
    server.join().expect("the server does not panic")?;

    // Datagrams stay whole, and may be lost; here they are not.
    let here = UdpSocket::bind("127.0.0.1:0")?;
    let there = UdpSocket::bind("127.0.0.1:0")?;
    there.send_to(b"ping", here.local_address()?)?;
    let mut message = [0; 64];
    let (length, sender) = here.recv_from(&mut message)?;
    println!("{} from {sender}", String::from_utf8_lossy(&message[..length]));
    Ok(())
}
