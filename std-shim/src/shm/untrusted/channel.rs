//! The channel: how two processes come to have it, and its halves.

use super::kind::Kind;
use super::layout::{Layout, Role, Terms};
use super::meet;
use super::memory::MEET;
use super::peer::{Peer, Shared};
use crate::error::Tried;
use crate::socket::UnixStream;
use crate::{CoreError, Error, Result};
use ringway_core::region;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared memory with a process that this one does not trust. See the [module](super).
///
/// Its halves keep the memory and the socket; the channel may be dropped before them.
pub struct Channel {
    role: Role,
    layout: Layout,
    /// Which parts' halves were taken here.
    taken: Vec<AtomicBool>,
    shared: Arc<Shared>,
}

/// Where a guest finds the number of its socket.
const SOCKET: &str = "RINGWAY_UNTRUSTED";

const TAKE: &str = "take the half of the part";

impl Channel {
    /// Makes a channel with the process at the other end of this socket.
    ///
    /// Both sides call this, or one of them [`spawn`](Self::spawn) and the other
    /// [`inherited`](Self::inherited). The socket stays with the channel, which learns by it that
    /// the peer has died; nothing else may be sent over it. The peer has 10 seconds to answer.
    ///
    /// # Errors
    /// [`Cause::Region`](crate::Cause::Region), with the name of the part, when the peer states
    /// another layout; [`CoreError::WrongDirection`] when both want to send a part, or both have
    /// the same role; [`Cause::WrongFile`](crate::Cause::WrongFile) when its memory could become
    /// smaller; [`CoreError::Corrupt`] when it does not speak this protocol;
    /// [`CoreError::EndOfFile`] when it ended; [`CoreError::TimedOut`].
    ///
    /// ```
    /// use ringway::shm::untrusted::{Channel, Layout, Role, Values};
    /// use ringway::socket::UnixStream;
    /// let layout = Layout::new().part::<Values<u64>>("samples", Role::Guest, 64)?;
    /// let (one, other) = UnixStream::pair()?;
    /// let guest = std::thread::spawn({
    ///     let layout = layout.clone();
    ///     move || {
    ///         let channel = Channel::over(other, Role::Guest, &layout)?;
    ///         channel.tx::<Values<u64>>("samples")?.push_deadline(7, None)?;
    ///         Ok::<_, ringway::Error>(())
    ///     }
    /// });
    /// let channel = Channel::over(one, Role::Host, &layout)?;
    /// let mut samples = channel.rx::<Values<u64>>("samples")?;
    /// assert_eq!(samples.pop_deadline(None), Ok(7));
    /// assert_eq!(samples.pop_deadline(None), Err(ringway::CoreError::EndOfFile));
    /// guest.join().unwrap()?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn over(socket: UnixStream, role: Role, layout: &Layout) -> Result<Channel> {
        let memory = meet::meet(&socket, role, layout)?;
        let shared = Arc::new(Shared { memory, socket, is_gone: AtomicBool::new(false) });
        let taken = layout.parts.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Channel { role, layout: layout.clone(), taken, shared })
    }

    /// Starts a program that is not trusted, and makes a channel with it as the host.
    ///
    /// The program calls [`inherited`](Self::inherited). What else it gets (other descriptors,
    /// rights, a sandbox) is the caller's to say in `command`.
    ///
    /// # Errors
    /// Those of [`over`](Self::over), after which the program was killed, and those of starting a
    /// program.
    pub fn spawn(command: &mut Command, layout: &Layout) -> Result<(Channel, Child)> {
        let (ours, theirs) = UnixStream::pair()?;
        let number = theirs.as_fd().as_raw_fd();
        command.env(SOCKET, number.to_string());
        let keep = move || {
            // SAFETY: the descriptor is open in the child, as a copy of the parent's, and this call
            // may be made after fork.
            match unsafe { libc::fcntl(number, libc::F_SETFD, 0) } {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            }
        };
        // SAFETY: the closure makes one system call, and allocates nothing.
        unsafe { command.pre_exec(keep) };
        let mut child = command.spawn().map_err(|error| {
            let errno = rustix::io::Errno::from_io_error(&error);
            Error::new("start the program", errno.unwrap_or(rustix::io::Errno::INVAL))
        })?;
        drop(theirs);
        match Channel::over(ours, Role::Host, layout) {
            Ok(channel) => Ok((channel, child)),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Makes the channel with the process that started this one by [`spawn`](Self::spawn), as the
    /// guest.
    ///
    /// Call it once, before there are other threads: it takes a variable out of the environment.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] when nobody started this process so; those of [`over`](Self::over).
    pub fn inherited(layout: &Layout) -> Result<Channel> {
        let number = std::env::var(SOCKET).ok().and_then(|number| number.parse().ok());
        let number: i32 = number.ok_or_else(|| Error::new(MEET, CoreError::NotFound))?;
        // SAFETY: the caller promises that there are no other threads, which alone could read the
        // environment meanwhile.
        unsafe { std::env::remove_var(SOCKET) };
        // SAFETY: `spawn` set the variable, and left a descriptor of this number for this call. The
        // call is made once: the variable is gone.
        let socket = unsafe { OwnedFd::from_raw_fd(number) };
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC).tried(MEET)?;
        Channel::over(UnixStream::try_from(socket)?, Role::Guest, layout)
    }

    /// Takes the half that sends the part of this name.
    ///
    /// # Errors
    /// [`Cause::Region`](crate::Cause::Region) when the layout has no such part, or another kind;
    /// [`CoreError::WrongDirection`] when the peer sends it; [`CoreError::Taken`] when the half was
    /// taken before.
    pub fn tx<K: Kind>(&self, name: &str) -> Result<K::Tx> {
        let (capacity, memory) = self.take::<K>(name, self.role)?;
        // SAFETY: `take` found the part, whose memory the halves keep, and hands it out once.
        let half = unsafe { K::tx(memory, capacity, Peer(self.shared.clone())) };
        half.ok_or_else(|| Error::new(TAKE, region::Error::Capacity).on(name))
    }

    /// Takes the half that receives the part of this name.
    ///
    /// # Errors
    /// As for [`tx`](Self::tx): [`CoreError::WrongDirection`] when this side sends it.
    pub fn rx<K: Kind>(&self, name: &str) -> Result<K::Rx> {
        let (capacity, memory) = self.take::<K>(name, self.role.other())?;
        // SAFETY: `take` found the part, whose memory the halves keep, and hands it out once.
        let half = unsafe { K::rx(memory, capacity, Peer(self.shared.clone())) };
        half.ok_or_else(|| Error::new(TAKE, region::Error::Capacity).on(name))
    }

    /// The capacity of the part, and where it lies in this side's memory and in the peer's.
    fn take<K: Kind>(
        &self,
        name: &str,
        sender: Role,
    ) -> Result<(usize, [std::ptr::NonNull<u8>; 2])> {
        let found = self.layout.parts.iter().position(|part| part.name == name);
        let found = found.ok_or_else(|| Error::new(TAKE, region::Error::NotFound).on(name))?;
        let part = &self.layout.parts[found];
        let wanted = Terms::of::<K>(sender, part.terms.capacity());
        part.terms.check(wanted).map_err(|cause| Error::new(TAKE, cause).on(name))?;
        // Relaxed: the word decides who has the half, and publishes nothing.
        if self.taken[found].swap(true, Ordering::Relaxed) {
            return Err(Error::new(TAKE, CoreError::Taken).on(name));
        }
        let [mine, theirs] = &self.shared.memory;
        let at = |memory: &super::super::mapping::Mapping, role: Role| {
            // SAFETY: the layout's offsets lie within the memory of the side, which was made, or
            // accepted, with the size that the layout says.
            unsafe { memory.at().add(part.offsets[role as usize]) }
        };
        Ok((part.terms.capacity() as usize, [at(mine, self.role), at(theirs, self.role.other())]))
    }

    /// Whether the peer is dead, or dropped its channel and all halves.
    ///
    /// What it sent before can still be received. The halves that sleep look by themselves, every
    /// [`DETECTION_BOUND`](super::super::DETECTION_BOUND); a program that only polls asks here.
    pub fn peer_is_gone(&self) -> bool {
        self.shared.look()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Channel");
        out.field("role", &self.role).field("layout", &self.layout).finish_non_exhaustive()
    }
}
