//! What the shim reads from others: addresses and names, control data, the frames of a connection,
//! Python's messages and handshakes, and files that may be regions. Bytes decide what comes, and
//! each answer must be the right one.
//!
//! Sockets, descriptors and files are real.

mod addresses;
mod connection;
mod control;
mod python;
mod survey;

pub use addresses::addresses;
pub use connection::connection;
pub use control::control;
pub use python::python;
pub use survey::survey;

use ringway::fd::{Interest, try_wait};
use std::io::{PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Pipes whose writers are sent about. A writer that leaks keeps its pipe from ending.
struct Pipes {
    pipes: Vec<(PipeReader, PipeWriter)>,
    /// By what `fstat` tells the pipes apart.
    inodes: Vec<u64>,
}

impl Pipes {
    fn new(count: usize) -> Pipes {
        let pipe = |_| std::io::pipe().expect("a pipe can be made");
        let pipes: Vec<_> = (0..count).map(pipe).collect();
        let inodes = pipes.iter().map(|(_, writer)| inode(writer)).collect();
        Pipes { pipes, inodes }
    }

    fn writer(&self, which: usize) -> BorrowedFd<'_> {
        self.pipes[which].1.as_fd()
    }

    /// The numbers of the pipes that these descriptors, which came from elsewhere, write to.
    fn numbers(&self, came: &[OwnedFd]) -> Vec<usize> {
        let number = |descriptor: &OwnedFd| {
            assert_eq!(ringway::fd::close_on_exec(descriptor).ok(), Some(true), "{descriptor:?}");
            let inode = inode(descriptor);
            let is_same = |known: &u64| *known == inode;
            self.inodes.iter().position(is_same).expect("it is a pipe that was sent")
        };
        came.iter().map(number).collect()
    }

    /// Checks that no writer is left but those in here.
    fn end(self) {
        let (readers, writers): (Vec<_>, Vec<_>) = self.pipes.into_iter().unzip();
        drop(writers);
        for reader in readers {
            let ready = try_wait(&reader, Interest::HangUp);
            assert!(ready.is_ok_and(|ready| ready.hung_up()), "a descriptor leaks");
        }
    }
}

fn inode(descriptor: impl AsFd) -> u64 {
    rustix::fs::fstat(descriptor).expect("an open descriptor").st_ino
}
