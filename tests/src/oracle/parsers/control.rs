//! Control data: any bytes, and any descriptors with bytes and messages of any size.

use super::super::Choices;
use super::Pipes;
use ringway::socket::{
    MAX_DESCRIPTORS, Socket, Type, Unix, UnixDatagram, UnixSeqpacket, UnixStream,
};
use ringway::{Cause, CoreError, Errno, Result};
use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Instant;

/// The shim's walk through control data, which it keeps to itself.
#[path = "../../../../std-shim/src/socket/control/headers.rs"]
mod headers;

use headers::Found;

/// Runs the sequence that these bytes decide.
pub fn control(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let pair = "a pair can be made";
    match choices.below(4) {
        Some(0) => any_bytes(choices.rest()),
        Some(1) => World::new(UnixStream::pair().expect(pair), true, UnixStream::try_read)
            .run(&mut choices),
        Some(2) => World::new(UnixSeqpacket::pair().expect(pair), false, UnixSeqpacket::try_recv)
            .run(&mut choices),
        Some(_) => World::new(UnixDatagram::pair().expect(pair), false, UnixDatagram::try_recv)
            .run(&mut choices),
        None => {}
    }
}

/// The shim finds what a walk by `cmsg(3)` finds. Where the bytes end within the last header's
/// data, the shim finds what is there.
fn any_bytes(bytes: &[u8]) {
    let mut found = Vec::new();
    headers::descriptors(bytes, |descriptor| found.push(descriptor));
    assert_eq!(found, expected(bytes));
}

fn expected(bytes: &[u8]) -> Vec<Found> {
    const HEADER: usize = size_of::<libc::cmsghdr>();
    let number = |at: usize| RawFd::from_ne_bytes(bytes[at..at + 4].try_into().expect("four"));
    let (level, kind) = (
        std::mem::offset_of!(libc::cmsghdr, cmsg_level),
        std::mem::offset_of!(libc::cmsghdr, cmsg_type),
    );
    // SAFETY: it only computes.
    let before_data = unsafe { libc::CMSG_LEN(0) as usize };
    let (mut all, mut at) = (Vec::new(), 0);
    while at + HEADER <= bytes.len() {
        const WIDTH: usize = size_of::<usize>();
        let word = bytes[at..at + WIDTH].try_into().expect("a word");
        let length = usize::from_ne_bytes(word);
        if length < HEADER {
            break;
        }
        let end = at.saturating_add(length).min(bytes.len());
        let was_sent = number(at + kind) == libc::SCM_RIGHTS;
        let is_pidfd = number(at + kind) == 4;
        if number(at + level) == libc::SOL_SOCKET && (was_sent || is_pidfd) {
            let places = (at + before_data..).step_by(4).take_while(|place| place + 4 <= end);
            let numbers = places.map(number).filter(|number| *number >= 0);
            all.extend(numbers.map(|number| Found { number, was_sent }));
        }
        at += headers::space(end.saturating_sub(at + before_data));
    }
    all
}

/// The pipes that descriptors lead to.
const PIPES: usize = 3;

/// Two connected sockets, and what is under way from the first to the second.
struct World<T: Type> {
    pipes: Pipes,
    /// `None` once it was closed.
    ours: Option<Socket<Unix, T>>,
    theirs: Socket<Unix, T>,
    is_stream: bool,
    /// Receives without descriptors.
    take: fn(&Socket<Unix, T>, &mut [u8]) -> Result<usize>,
    /// For messages: each with its descriptors, by the numbers of their pipes. For a stream: each
    /// byte, with those that were sent with it.
    under_way: VecDeque<(Vec<u8>, Vec<usize>)>,
    /// Counts the bytes, so that each differs from its neighbours.
    next: u8,
}

impl<T: Type> World<T> {
    fn new(
        (ours, theirs): (Socket<Unix, T>, Socket<Unix, T>),
        is_stream: bool,
        take: fn(&Socket<Unix, T>, &mut [u8]) -> Result<usize>,
    ) -> World<T> {
        let pipes = Pipes::new(PIPES);
        let under_way = VecDeque::new();
        World { pipes, ours: Some(ours), theirs, is_stream, take, under_way, next: 0 }
    }

    fn run(mut self, choices: &mut Choices<'_>) {
        while self.step(choices).is_some() {}
        // Some may still be under way: the kernel closes these with the socket.
        let World { pipes, ours, theirs, .. } = self;
        drop((ours, theirs));
        pipes.end();
    }

    /// `None` at the end of the bytes, and when the stream has a gap.
    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        match choices.below(8)? {
            0..=2 => self.send(choices)?,
            3 | 4 => self.receive(choices)?,
            5 => self.receive_without(choices)?,
            6 => self.set_option(choices)?,
            _ => {
                if choices.below(4)? == 0 {
                    self.ours = None;
                }
            }
        }
        Some(())
    }

    fn send(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let size = choices.below(24)?;
        let count = match choices.below(16)? {
            14 => MAX_DESCRIPTORS,
            15 => MAX_DESCRIPTORS + 1,
            count => count % 4,
        };
        let first = choices.below(PIPES)?;
        let which: Vec<usize> = (first..).take(count).map(|number| number % PIPES).collect();
        let descriptors: Vec<BorrowedFd<'_>> =
            which.iter().map(|&which| self.pipes.writer(which)).collect();
        let mut next = || {
            self.next = self.next.wrapping_add(1);
            self.next
        };
        let bytes: Vec<u8> = (0..size).map(|_| next()).collect();
        let Some(ours) = &self.ours else { return Some(()) };
        let refused = count > MAX_DESCRIPTORS || (self.is_stream && size == 0);
        match ours.send_descriptors(&bytes, &descriptors, Some(Instant::now())) {
            Ok(sent) => {
                assert!(!refused, "{count} descriptors with {size} bytes");
                assert!(sent == size || self.is_stream && sent > 0);
                self.add(&bytes[..sent], which);
            }
            Err(error) if error.cause() == Cause::Os(Errno::INVAL) => assert!(refused, "{error}"),
            // There is no room, or too many descriptors of this user are under way.
            Err(error) => {
                let too_many = error.cause() == Cause::Os(Errno::TOOMANYREFS);
                assert!(error.is(CoreError::TimedOut) || too_many, "{error}");
            }
        }
        Some(())
    }

    fn add(&mut self, bytes: &[u8], which: Vec<usize>) {
        if !self.is_stream {
            self.under_way.push_back((bytes.to_vec(), which));
            return;
        }
        let mut which = Some(which);
        let each = bytes.iter().map(|byte| (vec![*byte], which.take().unwrap_or_default()));
        self.under_way.extend(each);
    }

    fn receive(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let (size, room) = (choices.below(32)?, choices.below(8)?);
        let room = if room == 7 { MAX_DESCRIPTORS } else { room };
        let mut buf = [0; 32];
        let came = self.theirs.recv_descriptors(&mut buf[..size], room, Some(Instant::now()));
        if self.is_stream {
            let came = match came {
                Ok(came) => came,
                Err(error) if error.is(CoreError::Exhausted) => {
                    let most = self.under_way.iter().map(|(_, which)| which.len()).max();
                    assert!(most.is_some_and(|most| most > room), "room for {room} was enough");
                    return None; // the stream has a gap
                }
                Err(error) => {
                    assert!(error.is(CoreError::TimedOut), "{error}");
                    assert!(self.under_way.is_empty() && self.ours.is_some());
                    return Some(());
                }
            };
            assert!(came.size <= size);
            assert!(came.size > 0 || size == 0 || self.is_over(), "an end before its time");
            let numbers = self.pipes.numbers(&came.descriptors);
            if size == 0 {
                // The kernel gives the descriptors away before the byte.
                let first = self.under_way.front_mut().map(|(_, which)| std::mem::take(which));
                assert_eq!(numbers, first.unwrap_or_default());
            }
            self.check_bytes(&buf[..came.size], Some(numbers).filter(|_| size > 0));
            return Some(());
        }
        let Some((bytes, which)) = self.under_way.pop_front() else {
            self.check_nothing(&came.expect_err("nothing is under way"));
            return Some(());
        };
        match came {
            Ok(came) => {
                assert_eq!(buf[..came.size], bytes);
                assert_eq!(self.pipes.numbers(&came.descriptors), which);
            }
            Err(error) if error.is(CoreError::Exhausted) => assert!(which.len() > room),
            Err(error) => {
                assert!(error.is(CoreError::BufferTooSmall { needed: bytes.len() }), "{error}");
                assert!(bytes.len() > size && which.len() <= room);
            }
        }
        Some(())
    }

    /// Receives by a call that takes no descriptors: the system opens none here.
    fn receive_without(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let size = choices.below(32)?;
        let mut buf = [0; 32];
        let came = (self.take)(&self.theirs, &mut buf[..size]);
        if self.is_stream {
            match came {
                Ok(count) => {
                    assert!(count <= size && (count > 0 || size == 0 || self.is_over()));
                    self.check_bytes(&buf[..count], None);
                }
                Err(error) => self.check_nothing(&error),
            }
            return Some(());
        }
        let Some((bytes, _)) = self.under_way.pop_front() else {
            self.check_nothing(&came.expect_err("nothing is under way"));
            return Some(());
        };
        match came {
            Ok(count) => assert_eq!(buf[..count], bytes),
            Err(error) => {
                assert!(error.is(CoreError::BufferTooSmall { needed: bytes.len() }), "{error}");
                assert!(bytes.len() > size);
            }
        }
        Some(())
    }

    /// Whether the other end is closed, and everything was received.
    fn is_over(&self) -> bool {
        self.ours.is_none() && self.under_way.is_empty()
    }

    fn check_nothing(&self, error: &ringway::Error) {
        assert!(self.under_way.is_empty(), "{error}");
        let is_end = self.is_over() && error.is(CoreError::EndOfFile);
        let later = error.is(CoreError::WouldBlock) || error.is(CoreError::TimedOut);
        assert!(is_end || later, "{error}");
    }

    /// Checks that these bytes of the stream are next, with these descriptors if they were asked
    /// for.
    fn check_bytes(&mut self, came: &[u8], numbers: Option<Vec<usize>>) {
        let sent: Vec<_> = self.under_way.drain(..came.len()).collect();
        let bytes: Vec<u8> = sent.iter().flat_map(|(byte, _)| byte.clone()).collect();
        assert_eq!(came, bytes);
        let with: Vec<_> =
            sent.into_iter().map(|(_, which)| which).filter(|w| !w.is_empty()).collect();
        if let Some(numbers) = numbers {
            assert!(with.len() <= 1, "the descriptors of two sends at once");
            assert_eq!(numbers, with.concat());
        }
    }

    /// Another process that has the receiver's socket asks for other control data.
    fn set_option(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        const SO_PASSPIDFD: libc::c_int = 76;
        let options = [libc::SO_PASSCRED, SO_PASSPIDFD, libc::SO_TIMESTAMP, libc::SO_TIMESTAMPNS];
        let (option, on) = (options[choices.below(4)?], libc::c_int::from(choices.flip()?));
        // A seqpacket tells the end by its time stamps. It keeps them.
        if on == 0 && !self.is_stream {
            return Some(());
        }
        let size = size_of_val(&on) as libc::socklen_t;
        let fd = self.theirs.as_fd().as_raw_fd();
        // SAFETY: the descriptor is open, and the option is an integer that lives through the call.
        // An older kernel refuses one that it does not know, which is as good.
        unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, option, (&raw const on).cast(), size) };
        Some(())
    }
}
