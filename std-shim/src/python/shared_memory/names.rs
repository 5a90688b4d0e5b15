//! The names of a block in `/dev/shm`: choosing, giving and removing them.

use crate::error::{Asked, On, Tried, refused, through_proc};
use crate::fd::{self, Identity};
use crate::{Cause, CoreError, Error, Result, named};
use rustix::fs::{self, AtFlags, CWD};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

pub(super) const FOLDER: &str = "/dev/shm";

/// How many random names to try. Python's have 32 random bits.
const TRIES: usize = 100;

/// The path of the block of this name, which is one file in the folder.
pub(super) fn path(name: &str, what: &'static str) -> Result<PathBuf> {
    let why = match name {
        "" | "." | ".." => "it is no name of a block: choose another one",
        _ if name.contains(['/', '\0']) => "a block's name has neither slashes nor zero bytes",
        _ if name.len() > 254 => "a block's name has at most 254 bytes",
        _ => return Ok(Path::new(FOLDER).join(name)),
    };
    Err(Error::new(what, CoreError::BadName).because(why).on(name))
}

/// The error of making a file in `/dev/shm`, in a system that does not let this process make one.
pub(super) fn in_folder(error: Error) -> Error {
    let why = match error.cause() {
        Cause::Os(Errno::ROFS) => {
            "/dev/shm is read-only, where Python looks for blocks: mount a tmpfs there"
        }
        Cause::Os(Errno::ACCESS) => {
            "this user may not make files in /dev/shm, where Python looks for blocks: give it the \
             mode 1777"
        }
        // An older kernel takes the flag for one that opens a folder for writing.
        Cause::Os(Errno::OPNOTSUPP | Errno::ISDIR) => {
            "/dev/shm is no tmpfs, and its files cannot do what a block needs (O_TMPFILE, \
             fallocate): mount a tmpfs there"
        }
        Cause::Core(CoreError::NotFound) if !Path::new(FOLDER).is_dir() => {
            "there is no /dev/shm here, where Python looks for blocks: mount a tmpfs there"
        }
        _ => return error,
    };
    error.because(why)
}

/// The names that this process gave to a file. They are removed when this is dropped.
#[derive(Debug)]
pub(super) struct Names {
    names: Vec<PathBuf>,
    file: Identity,
    /// The process that gave them. A forked copy must not remove them.
    process: u32,
}

impl Names {
    pub(super) fn none(file: Identity) -> Names {
        Names { names: Vec::new(), file, process: std::process::id() }
    }

    /// Gives the file this name.
    pub(super) fn give(&mut self, file: &OwnedFd, name: &str, what: &'static str) -> Result<()> {
        let path = path(name, what)?;
        let from = crate::sys::alias(file);
        fs::linkat(CWD, from, CWD, &path, AtFlags::SYMLINK_FOLLOW)
            .map_err(|errno| in_folder(through_proc(what, errno)))
            .on(name)?;
        self.names.push(path);
        Ok(())
    }

    /// Gives the file a name as Python chooses them, and returns it.
    pub(super) fn give_new(&mut self, file: &OwnedFd, what: &'static str) -> Result<String> {
        let mut tries = 0;
        loop {
            let mut random = [0; 4];
            fd::retry(|| getrandom(&mut random, GetRandomFlags::empty()))
                .asked(what, refused!("getrandom(2)"))?;
            let name = format!("psm_{:08x}", u32::from_ne_bytes(random));
            tries += 1;
            match self.give(file, &name, what) {
                Err(error) if error.is(CoreError::AddressInUse) && tries < TRIES => {}
                given => return given.map(|()| name),
            }
        }
    }

    /// Leaves the names where they are.
    pub(super) fn keep(&mut self) {
        self.names.clear();
    }

    /// Removes a name that any program gave, if it still leads to this file.
    pub(super) fn remove(&mut self, name: &str, what: &'static str) -> Result<()> {
        let path = path(name, what)?;
        self.names.retain(|given| *given != path);
        named::remove(CWD, &path, self.file).tried(what).on(name)
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            for name in &self.names {
                let _: std::result::Result<(), Errno> = named::remove(CWD, name, self.file);
            }
        }
    }
}
