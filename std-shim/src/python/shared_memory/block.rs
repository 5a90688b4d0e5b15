//! A block: made here, or attached to.

use super::names::{FOLDER, Names, in_folder, path};
use crate::error::{On, Tried, wrong_file};
use crate::fd::identity;
use crate::shm::{Access, Mapping, reserve};
use crate::{CoreError, Error, Result};
use rustix::fs::{self, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mm::ProtFlags;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, Ordering};

const CREATE: &str = "create the block of shared memory";
const ATTACH: &str = "attach to the block of shared memory";
const NAME: &str = "give the block of shared memory a name";
const REMOVE: &str = "remove the block of shared memory";
const ACCESS: &str = "access bytes beyond the end of the block";

/// A block of shared memory that Python programs attach to, or made.
///
/// The [module](super) says who removes it.
#[doc(alias = "SharedMemory")]
pub struct Block {
    mapping: Mapping,
    name: String,
    // Dropped before the file: no other file gets its identity before.
    names: Names,
    file: OwnedFd,
}

impl Block {
    /// Makes a block of `size` zeroed bytes, with a name as Python chooses them: `psm_12ab34cd`.
    ///
    /// # Errors
    /// `EINVAL` for no bytes; `ENOSPC` if `/dev/shm` has no room for it;
    /// [`NotFound`](CoreError::NotFound) where there is no `/dev/shm`.
    ///
    /// ```
    /// use ringway::python::shared_memory::Block;
    /// let block = Block::create(100)?;
    /// let path = std::path::Path::new("/dev/shm").join(block.name());
    /// assert_eq!(path.metadata().unwrap().len(), 100);
    /// drop(block);
    /// assert!(!path.exists());
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn create(size: usize) -> Result<Block> {
        Block::made(size, None)
    }

    /// Makes a block as [`create`](Self::create) does, with a name of the caller's choice.
    ///
    /// # Errors
    /// [`AddressInUse`](CoreError::AddressInUse) if there is one of this name;
    /// [`BadName`](CoreError::BadName); else those of [`create`](Self::create).
    ///
    /// ```
    /// use ringway::{CoreError, python::shared_memory::Block};
    /// let name = format!("ringway-doc-block-{}", std::process::id());
    /// let block = Block::create_named(&name, 100)?;
    /// assert!(Block::create_named(&name, 100).unwrap_err().is(CoreError::AddressInUse));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn create_named(name: &str, size: usize) -> Result<Block> {
        path(name, CREATE)?;
        Block::made(size, Some(name))
    }

    fn made(size: usize, name: Option<&str>) -> Result<Block> {
        if size == 0 {
            return Err(Error::new(CREATE, Errno::INVAL).because("it has no bytes: ask for some"));
        }
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = fs::openat(CWD, FOLDER, flags, mode).tried(CREATE).map_err(in_folder)?;
        // Whatever the umask is.
        fs::fchmod(&file, mode).tried(CREATE)?;
        reserve(file.as_fd(), size as u64, CREATE).map_err(in_folder)?;
        let mapping = Mapping::new(&file, size, ProtFlags::READ | ProtFlags::WRITE)?;
        let mut names = Names::none(identity(&fs::fstat(&file).tried(CREATE)?));
        let name = match name {
            Some(name) => names.give(&file, name, CREATE).map(|()| name.to_owned())?,
            None => names.give_new(&file, CREATE)?,
        };
        Ok(Block { mapping, name, names, file })
    }

    /// Attaches to the block of this name: `block.name` in Python, without a slash.
    ///
    /// # Errors
    /// [`NotFound`](CoreError::NotFound) if there is none;
    /// [`Cause::OtherOwner`](crate::Cause::OtherOwner),
    /// [`TooOpen`](crate::Cause::TooOpen) or [`UnevenMode`](crate::Cause::UnevenMode) if users
    /// other than this one and root may have written it;
    /// [`Cause::WrongFile`](crate::Cause::WrongFile) if it is empty, or no file;
    /// [`BadName`](CoreError::BadName).
    ///
    /// ```
    /// use ringway::{CoreError, python::shared_memory::Block};
    /// let name = format!("ringway-doc-none-{}", std::process::id());
    /// assert!(Block::attach(&name).unwrap_err().is(CoreError::NotFound));
    /// ```
    pub fn attach(name: &str) -> Result<Block> {
        let path = path(name, ATTACH)?;
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = fs::openat(CWD, &path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::LOOP => Error::new(ATTACH, wrong_file(FileType::Symlink, WANTED)),
            Errno::ISDIR => Error::new(ATTACH, wrong_file(FileType::Directory, WANTED)),
            errno => Error::new(ATTACH, errno),
        });
        let file = file.on(name)?;
        let stat = fs::fstat(&file).tried(ATTACH).on(name)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind != FileType::RegularFile {
            return Err(Error::new(ATTACH, wrong_file(kind, WANTED)).on(name));
        }
        Access::new(0o600).check(&stat).tried(ATTACH).on(name)?;
        let size = match usize::try_from(stat.st_size) {
            // Python makes the file first, and then sets its size.
            Ok(0) => {
                let cause = crate::Cause::WrongFile { found: "an empty file", wanted: WANTED };
                return Err(Error::new(ATTACH, cause).on(name));
            }
            size => size.map_err(|_| Error::new(ATTACH, Errno::FBIG).on(name))?,
        };
        let mapping = Mapping::new(&file, size, ProtFlags::READ | ProtFlags::WRITE)?;
        Ok(Block { mapping, name: name.to_owned(), names: Names::none(identity(&stat)), file })
    }

    /// The name to attach to it by, here and in Python.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size, in bytes.
    pub fn size(&self) -> usize {
        self.mapping.length()
    }

    /// The bytes. The other side may write them at any moment.
    ///
    /// ```
    /// use ringway::python::shared_memory::Block;
    /// use std::sync::atomic::Ordering;
    /// let block = Block::create(8)?;
    /// block.bytes()[7].store(1, Ordering::Relaxed);
    /// assert_eq!(block.bytes().iter().filter(|byte| byte.load(Ordering::Relaxed) > 0).count(), 1);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn bytes(&self) -> &[AtomicU8] {
        // SAFETY: the mapping has this many bytes, and lasts as long as the borrow of `self`. This
        // program accesses them by these atomics alone, or as the callers of `as_ptr` promise.
        // Other programs write them as they like, which atomics allow for. An `AtomicU8` has no
        // alignment, and any byte is a value.
        unsafe { std::slice::from_raw_parts(self.as_ptr().cast().as_ptr(), self.size()) }
    }

    /// The bytes from `offset` on.
    fn range(&self, offset: usize, count: usize) -> Result<&[AtomicU8]> {
        let range = offset.checked_add(count).and_then(|end| self.bytes().get(offset..end));
        range.ok_or_else(|| {
            let needed = offset.saturating_add(count);
            Error::new(ACCESS, CoreError::BufferTooSmall { needed }).on(&self.name)
        })
    }

    /// Copies bytes out, from `offset` on. They may be torn: see the [module](super).
    ///
    /// It copies byte by byte, so that it takes about a second for a gigabyte. Where the two sides
    /// take turns, [`as_ptr`](Self::as_ptr) is quicker.
    ///
    /// # Errors
    /// [`BufferTooSmall`](CoreError::BufferTooSmall) if the block is shorter; nothing was copied.
    ///
    /// ```
    /// use ringway::{CoreError, python::shared_memory::Block};
    /// let block = Block::create(8)?;
    /// block.write(3, b"hello")?;
    /// let mut text = [0; 8];
    /// block.read(0, &mut text)?;
    /// assert_eq!(&text, b"\0\0\0hello");
    /// let error = block.write(4, b"hello").unwrap_err();
    /// assert!(error.is(CoreError::BufferTooSmall { needed: 9 }));
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result<()> {
        let from = self.range(offset, to.len())?;
        // Relaxed: Python, the partner, knows no order. The two sides agree on turns otherwise.
        to.iter_mut().zip(from).for_each(|(to, from)| *to = from.load(Ordering::Relaxed));
        Ok(())
    }

    /// Copies bytes in, from `offset` on. [`read`](Self::read) has an example.
    ///
    /// # Errors
    /// [`BufferTooSmall`](CoreError::BufferTooSmall) if the block is shorter; nothing was copied.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<()> {
        let to = self.range(offset, from.len())?;
        // Relaxed: as in `read`.
        to.iter().zip(from).for_each(|(to, from)| to.store(*from, Ordering::Relaxed));
        Ok(())
    }

    /// The address of the first byte, for programs that take turns with the other side.
    ///
    /// The memory stays mapped as long as the block lives. It is aligned to a page. Whoever
    /// accesses it through this pointer makes sure that nobody writes meanwhile, in any process.
    ///
    /// ```
    /// use ringway::python::shared_memory::Block;
    /// let block = Block::create(16)?;
    /// // SAFETY: nobody else knows the block's name.
    /// unsafe { block.as_ptr().cast::<u64>().write(7) };
    /// let mut bytes = [0; 8];
    /// block.read(0, &mut bytes)?;
    /// assert_eq!(u64::from_ne_bytes(bytes), 7);
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn as_ptr(&self) -> NonNull<u8> {
        self.mapping.at()
    }

    /// Gives the block another name, as Python chooses them, and returns it. Hand it to one Python
    /// program.
    ///
    /// That program's resource tracker removes this name, and no other. Whatever names of these are
    /// left when this block is dropped are removed then.
    ///
    /// # Errors
    /// [`NotFound`](CoreError::NotFound) if the block has no name any more; `ENOSPC`.
    ///
    /// ```
    /// use ringway::python::shared_memory::Block;
    /// let mut block = Block::create(16)?;
    /// let name = block.add_name()?;
    /// let other = Block::attach(&name)?;
    /// block.write(0, b"the same")?;
    /// let mut text = [0; 8];
    /// other.read(0, &mut text)?;
    /// assert_eq!(&text, b"the same");
    /// drop(block);
    /// assert!(Block::attach(&name).is_err());
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn add_name(&mut self) -> Result<String> {
        self.names.give_new(&self.file, NAME)
    }

    /// Removes the name, also of a block that Python made. Those that have it mapped keep it.
    ///
    /// A name that is gone already, or leads to another block, is left alone.
    ///
    /// # Errors
    /// `EPERM` or `EACCES` if another user made it.
    ///
    /// ```
    /// use ringway::python::shared_memory::Block;
    /// let mut block = Block::create(16)?;
    /// block.unlink()?;
    /// assert!(Block::attach(block.name()).is_err());
    /// block.write(0, b"still here")?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn unlink(&mut self) -> Result<()> {
        self.names.remove(&self.name, REMOVE)
    }

    /// Drops the block, and leaves its names: somebody else calls `unlink()`, in Python for
    /// instance.
    ///
    /// ```
    /// use ringway::python::shared_memory::Block;
    /// let block = Block::create(16)?;
    /// let name = block.name().to_owned();
    /// block.keep();
    /// Block::attach(&name)?.unlink()?;
    /// # Ok::<(), ringway::Error>(())
    /// ```
    pub fn keep(mut self) {
        self.names.keep();
    }
}

const WANTED: &str = "shared memory";

crate::sys::descriptor!(Block, |it| it.file);

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("name", &self.name).field("size", &self.size()).finish()
    }
}
