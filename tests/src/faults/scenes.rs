//! The scenes: short uses of each mechanism that check their own results while calls fail.

use super::supervise::Fault;
use ringway::CoreError;
use ringway::connection::{self, Connection};
use ringway::fd::{self, Copier, Interest, WaitSet};
use ringway::fifo::Fifo;
use ringway::link::{Config, ReliableLink};
use ringway::lock::Event;
use ringway::process::{self, Entry, Exit, Fork};
use ringway::python;
use ringway::shm::untrusted::{self, Channel, Role, Values};
use ringway::shm::{self, Layout, Mutex, Part, Queue, Region, Ring};
use ringway::signal::{self, Delivery, IntervalTimer, Signal, SignalFd};
use ringway::socket::{
    TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixSeqpacket, UnixStream,
};
use ringway::wait::Futex;
use ringway::{pipe, serial};
use ringway_core::ring::Consumer;
use rustix::process::getpid;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A use of a mechanism, in a folder of its own.
#[derive(Clone, Copy)]
pub struct Scene {
    pub name: &'static str,
    pub run: fn(&Path) -> Outcome,
    /// How many descriptors the scene keeps for as long as the process lives.
    pub keeps: usize,
    /// Whether this fault is one of those after which the scene cannot tidy up.
    pub may_leave: fn(Fault) -> bool,
}

/// The entry point of children.
pub const ENTRIES: &[Entry] = &[ECHO, SLEEP];
const ECHO: Entry = Entry::new("echo", |given| {
    for descriptor in given.descriptors {
        File::from(descriptor).write_all(&given.argument)?;
    }
    Ok(())
});
const SLEEP: Entry = Entry::new("sleep", |_| {
    loop {
        std::thread::park();
    }
});

/// The name of the region of the scene in this process.
pub fn region_name(pid: i32) -> String {
    format!("ringway-faults-{pid}")
}

impl Scene {
    pub const fn new(name: &'static str, run: fn(&Path) -> Outcome) -> Scene {
        Scene {
            name,
            run,
            keeps: 0,
            // A file stays if it cannot be removed, or if its metadata cannot be read.
            may_leave: |fault| matches!(fault.call.name(), "unlinkat" | "newfstatat" | "statx"),
        }
    }
}

pub fn all() -> Vec<Scene> {
    let scene = Scene::new;
    vec![
        scene("pipe", pipes),
        scene("splice", splices),
        scene("fifo", fifos),
        scene("copy", copies),
        scene("wait", waits),
        scene("unix stream", unix_streams),
        scene("seqpacket", seqpackets),
        scene("datagram", datagrams),
        scene("tcp", tcp),
        scene("udp", udp),
        scene("connection", connections),
        scene("python", python_connections),
        Scene { may_leave: a_name_stays, ..scene("python block", python_blocks) },
        scene("serial", serial_ports),
        scene("link", links),
        scene("futex", futexes),
        Scene { keeps: 1, ..scene("signal", signals) },
        Scene {
            keeps: 2,
            // A child that cannot be killed or waited for stays.
            may_leave: |fault| matches!(fault.call.name(), "pidfd_send_signal" | "waitid"),
            ..scene("process", processes)
        },
        Scene {
            keeps: 2,
            may_leave: |fault| fault.call.name() == "waitid",
            ..scene("fork", forks)
        },
        scene("anonymous region", anonymous_regions),
        Scene { may_leave: a_name_stays, ..scene("named region", named_regions) },
        scene("watch", watches),
        scene("untrusted", untrusted_channels),
        Scene {
            // The standard library's maps open /dev/urandom for good then.
            may_leave: |fault| a_name_stays(fault) || fault.call.name() == "getrandom",
            ..scene("survey", surveys)
        },
    ]
}

/// The name of a region stays if it cannot be removed, or if the scene cannot find out whether it
/// is still this region's.
fn a_name_stays(fault: Fault) -> bool {
    matches!(fault.call.name(), "unlinkat" | "newfstatat" | "statx" | "fstat")
}

/// The exit statuses by which a scene's process reports its result.
pub const DONE: i32 = 0;
pub const TOLD: i32 = 10;
pub const WRONG: i32 = 20;

/// Runs a scene in this process, which was made for it, and ends the process. `said` gets what the
/// scene prints, and its error.
pub fn perform(said: RawFd, scene: impl FnOnce() -> Outcome) -> ! {
    // SAFETY: a call on numbers, in a process that has just been made for this.
    unsafe { libc::setpgid(0, 0) };
    for standard in [1, 2] {
        // SAFETY: a call on numbers; nobody in this process has a handle of its standard streams.
        unsafe { libc::dup2(said, standard) };
    }
    // The process ends right after, whatever state a panic leaves.
    let code = match catch_unwind(AssertUnwindSafe(scene)) {
        Ok(Ok(())) => DONE,
        Ok(Err(error)) => {
            eprintln!("{error}");
            TOLD
        }
        Err(_) => 101,
    };
    // SAFETY: ends this process; nothing of the other's is run.
    unsafe { libc::_exit(code) }
}

/// A result that must not be there when the calls before it succeeded.
pub fn check(is_right: bool, what: &str) {
    if !is_right {
        eprintln!("{what}");
        // SAFETY: the call ends this process at once, and takes no pointer.
        unsafe { libc::_exit(WRONG) };
    }
}

fn long() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn thread<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, String> {
    Builder::new().spawn(run).map_err(|error| format!("cannot start a thread: {error}"))
}

const TEXT: &[u8] = b"in spite of everything that may go wrong";

fn pipes(_: &Path) -> Outcome {
    let (reader, writer) = pipe::Options::new().size(8192).open()?;
    let second = writer.try_clone()?;
    writer.write_all(TEXT)?;
    fd::write_all(&second, &mut &TEXT[..], Some(long()))?;
    drop(second);
    drop(writer);
    let mut all: Vec<u8> = Vec::new();
    let mut buf = [0; 16];
    loop {
        match reader.read(&mut buf)? {
            0 => break,
            n => all.extend(&buf[..n]),
        }
    }
    check(all == [TEXT, TEXT].concat(), "the pipe lost or changed bytes");
    let (reader, writer) = pipe::pipe()?;
    check(
        reader.try_read(&mut buf).is_err_and(|error| !error.is(CoreError::EndOfFile)),
        "an end of file while there is a writer",
    );
    drop(reader);
    check(writer.write(TEXT).is_err(), "a write that nobody can read succeeded");
    Ok(())
}

fn splices(_: &Path) -> Outcome {
    let (first_reader, first_writer) = pipe::pipe()?;
    let (second_reader, second_writer) = pipe::pipe()?;
    let (third_reader, third_writer) = pipe::pipe()?;
    first_writer.write_all(TEXT)?;
    let copied = first_reader.tee_to(&third_writer, TEXT.len(), None)?;
    let moved = first_reader.splice_to(&second_writer, TEXT.len(), None)?;
    let mut buf = [0; 64];
    let n = second_reader.read(&mut buf)?;
    check(n == moved && buf[..n] == TEXT[..n], "what was spliced is not what arrived");
    let n = third_reader.read(&mut buf)?;
    check(n == copied && buf[..n] == TEXT[..n], "what was teed is not what arrived");
    Ok(())
}

fn fifos(folder: &Path) -> Outcome {
    let fifo = Fifo::create(folder.join("fifo"), 0o600)?;
    let reader = fifo.try_open_reader()?;
    let writer = fifo.open_writer()?;
    writer.write_all(TEXT)?;
    drop(writer);
    let mut text = Vec::new();
    (&reader).read_to_end(&mut text)?;
    check(text == TEXT, "the FIFO lost or changed bytes");
    drop(reader);
    check(fifo.try_open_writer().is_err(), "a writer without a reader");
    let again = Fifo::open_or_create(folder.join("fifo"), 0o600)?;
    let reader = again.try_open_reader()?;
    let writer = again.open_writer_deadline(Some(long()))?;
    drop((reader, writer, again));
    drop(fifo.open_both()?);
    fifo.remove()?;
    check(!folder.join("fifo").exists(), "it is there although it was removed");
    Ok(())
}

fn copies(folder: &Path) -> Outcome {
    let _ = folder;
    let mut from = unnamed(folder)?;
    from.write_all(TEXT)?;
    from.rewind()?;
    let (reader, writer) = pipe::pipe()?;
    let total = Copier::new().run(&from, &writer)?;
    check(total == TEXT.len() as u64, "not all was copied into the pipe");
    drop(writer);
    let mut to = unnamed(folder)?;
    let total = Copier::new().run(&reader, &to)?;
    check(total == TEXT.len() as u64, "not all was copied out of the pipe");
    to.rewind()?;
    let mut last = unnamed(folder)?;
    Copier::new().run(&to, &last)?;
    last.rewind()?;
    let mut text = Vec::new();
    last.read_to_end(&mut text)?;
    check(text == TEXT, "the copy is another");
    Ok(())
}

/// A file that has no name.
fn unnamed(folder: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).write(true).custom_flags(libc::O_TMPFILE).open(folder)
}

fn waits(_: &Path) -> Outcome {
    let (first, _quiet) = pipe::pipe()?;
    let (second, writer) = pipe::pipe()?;

    writer.write_all(TEXT)?;
    let ready = fd::wait_any(&[&first, &second], None)?;
    check(ready == [1], "another one is ready than was written to");
    let mut set = WaitSet::new();
    set.add(&first, Interest::Read);
    set.add(&second, Interest::Read);
    set.wait_deadline(Some(long()))?;
    check(set.ready().all(|(place, _)| place == 1), "another one is ready");
    let soon = Instant::now() + Duration::from_millis(1);
    check(
        fd::wait_deadline(&first, Interest::Read, Some(soon)).is_err(),
        "ready, and nothing is there",
    );
    let copy = fd::duplicate(&second)?;
    fd::set_nonblocking(&copy, true)?;
    check(fd::nonblocking(&second)?, "what is shared is not seen");
    check(fd::close_on_exec(&copy)?, "it would be inherited");
    Ok(())
}

fn unix_streams(folder: &Path) -> Outcome {
    let path = folder.join("socket");
    let listener = UnixListener::bind(path.as_path())?;
    let client = UnixStream::connect(path.as_path())?;
    let server = listener.accept()?;
    converse(&client, &server)?;
    let late = UnixStream::connect_deadline(path.as_path(), Some(long()))?;
    let _ = (late.peer_credentials()?, late.local_address()?, late.peer_address()?);
    drop(listener.accept_deadline(Some(long()))?);
    check(late.read(&mut [0; 4])? == 0, "bytes from one who is gone");
    Ok(())
}

/// Two ends of a stream say something to each other.
fn converse<F: ringway::socket::Family>(
    client: &ringway::socket::Socket<F, ringway::socket::Stream>,
    server: &ringway::socket::Socket<F, ringway::socket::Stream>,
) -> Outcome {
    client.write_all(TEXT)?;
    let mut buf = [0; TEXT.len()];
    fd::read_exact(server, &mut &mut buf[..], Some(long()))?;
    check(buf == TEXT, "the stream lost or changed bytes");
    client.shutdown(Shutdown::Write)?;
    check(server.read(&mut buf)? == 0, "no end of file after the shutdown");
    fd::write_all(server, &mut &TEXT[..], Some(long()))?;
    fd::read_exact(client, &mut &mut buf[..], Some(long()))?;
    check(buf == TEXT, "the other direction lost or changed bytes");
    Ok(())
}

fn seqpackets(folder: &Path) -> Outcome {
    let (ours, theirs) = UnixSeqpacket::pair()?;
    ours.send(TEXT)?;
    check(theirs.next_size()? == TEXT.len(), "another size");
    let mut buf = [0; 64];
    let n = theirs.recv(&mut buf)?;
    check(buf[..n] == *TEXT, "another message");
    let file = unnamed(folder)?;
    ours.send_descriptors(TEXT, &[file.as_fd(), file.as_fd()], None)?;
    let received = theirs.recv_descriptors(&mut buf, 2, None)?;
    check(received.size == TEXT.len() && received.descriptors.len() == 2, "not all came");
    ours.send_descriptors(TEXT, &[file.as_fd()], None)?;
    let n = theirs.recv_deadline(&mut buf, Some(long()))?;
    check(buf[..n] == *TEXT, "another message");
    Ok(())
}

fn datagrams(folder: &Path) -> Outcome {
    let here = UnixDatagram::bind(folder.join("here").as_path())?;
    let there = UnixDatagram::unbound()?;
    there.send_to(TEXT, folder.join("here").as_path())?;
    let mut buf = [0; 64];
    let (n, _) = here.recv_from(&mut buf)?;
    check(buf[..n] == *TEXT, "another datagram");
    Ok(())
}

fn tcp(_: &Path) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_address()?)?;
    let server = listener.accept()?;
    converse(&client, &server)
}

fn udp(_: &Path) -> Outcome {
    let here = UdpSocket::bind("127.0.0.1:0")?;
    let there = UdpSocket::bind("127.0.0.1:0")?;
    there.send_to(TEXT, here.local_address()?)?;
    let mut buf = [0; 64];
    let (n, from) = here.recv_from(&mut buf)?;
    check(buf[..n] == *TEXT && from == there.local_address()?, "another datagram");
    Ok(())
}

fn connections(folder: &Path) -> Outcome {
    let (ours, theirs) = connection::pair()?;
    let mut message = Vec::new();
    let large = [TEXT; 100].concat();
    ours.send(&large)?;
    theirs.recv(&mut message)?;
    check(message == large, "another message");
    let file = unnamed(folder)?;
    ours.send_descriptors(TEXT, &[file.as_fd()], None)?;
    let descriptors = theirs.recv_descriptors(&mut message, 1, None)?;
    check(message == TEXT && descriptors.len() == 1, "not all came");
    theirs.send_deadline(TEXT, Some(long()))?;
    let mut buf = [0; 64];
    let n = ours.recv_deadline(&mut buf, Some(long()))?;
    check(buf[..n] == *TEXT, "another answer");
    drop(ours);
    check(theirs.recv(&mut message).is_err(), "a message from one who is gone");
    Ok(())
}

fn python_connections(folder: &Path) -> Outcome {
    use python::connection::{Auth, Connection, Role};
    let file = unnamed(folder)?;
    let (ours, theirs) = UnixStream::pair()?;
    let there = thread(move || -> ringway::Result<()> {
        let auth = Auth::key(b"key")?;
        let peer = Connection::over(theirs, Role::Client, &auth, Some(long()))?;
        let mut message = [0; 64];
        let n = peer.recv_deadline(&mut message, Some(long()))?;
        let file = peer.recv_descriptors(1, Some(long()))?;
        peer.send_descriptors(&[file[0].as_fd()], Some(long()))?;
        peer.send_deadline(&message[..n], Some(long()))
    })?;
    let here = (|| -> ringway::Result<()> {
        let auth = Auth::key(b"key")?;
        let peer = Connection::over(ours, Role::Listener, &auth, Some(long()))?;
        peer.send_deadline(TEXT, Some(long()))?;
        peer.send_descriptors(&[file.as_fd()], Some(long()))?;
        check(peer.recv_descriptors(1, Some(long()))?.len() == 1, "not all came");
        let mut answer = [0; 64];
        let n = peer.recv_deadline(&mut answer, Some(long()))?;
        check(answer[..n] == *TEXT, "another answer");
        Ok(())
    })();
    let there = there.join().map_err(|_| "a thread panicked")?;
    here?;
    Ok(there?)
}

fn python_blocks(_: &Path) -> Outcome {
    use python::shared_memory::Block;
    let name = region_name(getpid().as_raw_pid());
    let mut block = Block::create_named(&name, 10_000)?;
    let other = Block::attach(&name)?;
    block.write(9_000, TEXT)?;
    let mut text = [0; TEXT.len()];
    other.read(9_000, &mut text)?;
    check(text == TEXT && other.size() == 10_000, "another block");
    block.unlink()?;
    check(Block::attach(&name).is_err(), "it is there, and its name is gone");
    Ok(())
}

fn serial_ports(_: &Path) -> Outcome {
    let (near, far) = serial::pair()?;
    near.set_speed(9600)?;
    check(near.speed()? == 9600, "another speed");
    fd::write_all(&near, &mut &TEXT[..], Some(long()))?;
    near.drain()?;
    let mut buf = [0; TEXT.len()];
    fd::read_exact(&far, &mut &mut buf[..], Some(long()))?;
    check(buf == TEXT, "the line lost or changed bytes");
    let port = serial::Port::open(serial::path(&far)?, 115_200)?;
    drop(port);
    Ok(())
}

fn links(_: &Path) -> Outcome {
    let (near, far) = UnixStream::pair()?;
    let there = thread(move || -> ringway::Result<Vec<u8>> {
        let mut link: ReliableLink<256> = ReliableLink::over(far, Config::new(7));
        link.connect_deadline(0, Some(long()))?;
        let mut message = [0; 256];
        let n = link.recv_deadline(0, &mut message, Some(long()))?;
        link.send_deadline(0, &message[..n], Some(long()))?;
        let _ = link.close_deadline(Some(long()));
        Ok(message[..n].to_vec())
    })?;
    let here = (|| -> ringway::Result<Vec<u8>> {
        let mut link: ReliableLink<256> = ReliableLink::over(near, Config::new(1));
        link.connect_deadline(0, Some(long()))?;
        link.send_deadline(0, TEXT, Some(long()))?;
        let mut message = [0; 256];
        let n = link.recv_deadline(0, &mut message, Some(long()))?;
        Ok(message[..n].to_vec())
    })();
    let there = there.join().map_err(|_| "the other side panicked")?;
    let (here, there) = (here?, there?);
    check(here == TEXT && there == TEXT, "another message");
    Ok(())
}

fn futexes(_: &Path) -> Outcome {
    static HERE: Event<Futex> = Event::new();
    static THERE: Event<Futex> = Event::new();
    let other = thread(|| {
        HERE.wait();
        THERE.set();
    })?;
    HERE.set();
    THERE.wait();
    other.join().map_err(|_| "the other side panicked")?;
    let soon = Instant::now() + Duration::from_millis(2);
    HERE.clear();
    check(HERE.wait_deadline(Some(soon)).is_err(), "it was not set");
    check(Instant::now() >= soon, "the deadline had not passed");
    Ok(())
}

fn signals(_: &Path) -> Outcome {
    signal::catch(Signal::USR1, Delivery::Queued)?;
    let mut dispatcher = signal::dispatcher()?;
    signal::send(getpid(), Signal::USR1)?;
    let received = dispatcher.wait_deadline(Signal::USR1, Some(long()))?;
    check(received.count == 1, "it came more than once");
    // A pending signal is harmless if an error ends this early.
    signal::catch(Signal::USR2, Delivery::Coalesced)?;
    let _quiet = signal::block(Signal::USR2)?;
    signal::queue(getpid(), Signal::USR2, 7)?;
    check(signal::wait(Signal::USR2)?.value() == Some(7), "another value");
    let descriptor = SignalFd::new(Signal::USR2)?;
    signal::queue(getpid(), Signal::USR2, 8)?;
    check(descriptor.wait()?.value() == Some(8), "another value");
    let mut timer = IntervalTimer::new(Signal::USR2, 10)?;
    timer.start(Duration::from_millis(1), Duration::ZERO)?;
    check(signal::wait(Signal::USR2)?.value() == Some(10), "another value");
    Ok(())
}

fn processes(_: &Path) -> Outcome {
    let (reader, writer) = pipe::pipe()?;
    let child = process::spawn(&ECHO, TEXT, vec![OwnedFd::from(writer)])?;
    let mut text = Vec::new();
    (&reader).read_to_end(&mut text)?;
    let exit = child.join()?;
    // The child meets the faults too. It reports them by its exit status.
    if exit != Exit::Code(0) {
        return Err(exit.to_string().into());
    }
    check(text == TEXT, "the child succeeded, and did not write what it was to write");
    let child = process::spawn(&SLEEP, b"", vec![])?;
    signal::queue_fd(&child, Signal::TERM, 9)?;
    check(child.join()?.signal() == Some(Signal::TERM), "it ended otherwise");
    let child = process::spawn(&SLEEP, b"", vec![])?;
    child.kill()?;
    check(!child.join_deadline(Some(long()))?.success(), "it cannot have ended well");
    // A descriptor that would be inherited, and that the child must not have.
    let (reader, writer) = pipe::pipe()?;
    let inheritable = rustix::io::dup(&writer)?;
    let child = process::spawn(&SLEEP, b"", vec![])?;
    drop((writer, inheritable));
    check(reader.read_deadline(&mut [0], Some(long()))? == 0, "the child has the writer too");
    drop(child);
    Ok(())
}

fn forks(_: &Path) -> Outcome {
    let (ours, theirs) = connection::pair()?;
    // SAFETY: this process has nothing in shared memory.
    match unsafe { process::fork() }? {
        Fork::Child => {
            let sent = theirs.send(TEXT);
            // SAFETY: the call ends this process at once, and takes no pointer.
            unsafe { libc::_exit(i32::from(sent.is_err())) }
        }
        Fork::Parent(child) => {
            drop(theirs);
            let answer = one_message(&ours);
            let exit = child.join()?;
            if exit != Exit::Code(0) {
                return Err(exit.to_string().into());
            }
            check(answer? == TEXT, "another message");
            Ok(())
        }
    }
}

fn one_message(from: &Connection) -> ringway::Result<Vec<u8>> {
    let mut message = Vec::new();
    from.recv(&mut message)?;
    Ok(message)
}

type Jobs = Queue<u64, 8>;
type Samples = Ring<u64, 8>;

fn layout() -> Result<Layout, ringway_core::region::Error> {
    Layout::new(4).part::<Jobs>("jobs")?.part::<Samples>("samples")?.part::<Mutex<u64>>("total")
}

fn use_region(first: &Region, second: &Region) -> Outcome {
    let (here, there) = (first.part::<Jobs>("jobs")?, second.part::<Jobs>("jobs")?);
    here.push(7)?;
    check(there.pop() == Ok(7), "another value");
    let (here, there) = (first.part::<Samples>("samples")?, second.part::<Samples>("samples")?);
    let (mut producer, mut consumer) = (here.producer()?, there.consumer()?);
    producer.push(8)?;
    check(consumer.pop() == Ok(8), "another value");
    let total = first.part::<Mutex<u64>>("total")?;
    *total.lock().unwrap() += 1;
    let soon = Instant::now() + Duration::from_millis(1);
    check(there_is_nothing(&mut consumer, soon), "a value that nobody pushed");
    first.reap();
    check(first.participants().len() == 2, "somebody is not there");
    Ok(())
}

fn there_is_nothing<const N: usize>(
    consumer: &mut Consumer<Part<Ring<u64, N>>>,
    deadline: Instant,
) -> bool {
    consumer.pop_deadline(Some(deadline)).is_err()
}

fn anonymous_regions(_: &Path) -> Outcome {
    let first = Region::anonymous(&layout()?)?;
    let second = Region::from_fd(&first)?;
    use_region(&first, &second)
}

fn named_regions(_: &Path) -> Outcome {
    let name = region_name(getpid().as_raw_pid());
    let first = Region::create(&name, 0o600, &layout()?)?;
    let second = Region::open(&name)?;
    use_region(&first, &second)?;
    check(shm::survey::named(&name)?.alive() == 2, "somebody is not there");
    drop((first, second));
    check(Region::open(&name).is_err(), "it is there, and nobody is attached");
    let region = Region::open_or_create(&name, 0o600, &layout()?)?;
    shm::unlink(&name)?;
    drop(region);
    Ok(())
}

fn watches(_: &Path) -> Outcome {
    let region = Region::anonymous(&layout()?)?;
    let jobs = region.part::<Jobs>("jobs")?;
    let ready = jobs.ready_fd()?;
    jobs.push(7)?;
    fd::wait_deadline(&ready, Interest::Read, Some(long()))?;
    check(jobs.try_pop() == Some(7), "it is readable, and nothing is there");
    ready.rearm();
    Ok(())
}

fn surveys(_: &Path) -> Outcome {
    let name = region_name(getpid().as_raw_pid());
    let region = Region::create(&name, 0o600, &layout()?)?;
    region.part::<Jobs>("jobs")?.push(7)?;
    let survey = shm::survey::of_fd(&region)?;
    check(survey.alive() == 1, "nobody is there");
    drop((shm::survey::all()?, shm::survey::anonymous()));
    check(shm::survey::remove(&name).is_err(), "it was removed, and somebody is attached");
    drop(Region::open(&name)?);
    Ok(())
}

fn untrusted_channels(_: &Path) -> Outcome {
    let layout = untrusted::Layout::new().part::<Values<u64>>("samples", Role::Guest, 8)?;
    let layout = layout.part::<Values<u64>>("silent", Role::Guest, 8)?;
    let (ours, theirs) = UnixStream::pair()?;
    let guests = layout.clone();
    let there = thread(move || -> ringway::Result<()> {
        let channel = Channel::over(theirs, Role::Guest, &guests)?;
        Ok(channel.tx::<Values<u64>>("samples")?.push_deadline(7, Some(long()))?)
    })?;
    let here = (|| -> ringway::Result<_> {
        let channel = Channel::over(ours, Role::Host, &layout)?;
        let sample = channel.rx::<Values<u64>>("samples")?.pop_deadline(Some(long()))?;
        // The guest has gone, and says nothing of it in the memory: the system tells.
        let mut silent = channel.rx::<Values<u64>>("silent")?;
        Ok((sample, silent.pop_deadline(Some(long()))))
    })();
    let there = there.join().map_err(|_| "the guest panicked")?;
    let here = here?;
    there?;
    check(here == (7, Err(CoreError::EndOfFile)), "another value, or no end");
    Ok(())
}
