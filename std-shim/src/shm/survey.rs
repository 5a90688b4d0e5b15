//! Inspecting regions without attaching: what is there, how full it is, who is attached.
//!
//! A survey writes nothing and takes no place, and no participant notices it. It copies the words,
//! and not the items, with `pread(2)`. So a region whose file is shortened meanwhile gives an error
//! here, and never a `SIGBUS`. Others change the words while they are copied: counts are of about
//! the same moment, and no more than that.
//!
//! What a region says is untrusted: others can write it. A corrupted region gives an [`Error`], and
//! the others are still listed.
//!
//! ```
//! use ringway::CoreError;
//! use ringway::shm::{Layout, Queue, Region, survey};
//! let name = format!("ringway-doc-survey-{}", std::process::id());
//! let layout = Layout::new(4).part::<Queue<u64, 8>>("jobs")?;
//! let region = Region::create(&name, 0o600, &layout)?;
//! region.part::<Queue<u64, 8>>("jobs")?.try_push(7)?;
//!
//! assert!(survey::all()?.iter().any(|found| found.name == name));
//! let survey = survey::named(&name)?;
//! assert_eq!((survey.parts[0].name.as_str(), survey.parts[0].state.len), ("jobs", Some(1)));
//! assert_eq!((survey.places, survey.alive()), (4, 1));
//! assert_eq!(survey.participants[0].process, std::process::id());
//! assert_eq!(survey::of_fd(&region)?, survey);
//! assert!(survey::remove(&name).unwrap_err().is(CoreError::Taken));
//!
//! let unnamed = Region::anonymous(&layout)?;
//! let ours = format!("{}{}/", survey::MEMFD, std::process::id());
//! assert!(survey::anonymous().iter().any(|found| found.name.starts_with(&ours)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::RobustFutex;
use super::file::{FOLDER, REMOVE, UnlockedFile, name_of, path};
use super::mapping::Mapping;
use super::stale;
use crate::error::{On, Tried};
use crate::sys::{alias, errno};
use crate::{Cause, CoreError, Error, Result};
use ringway_core::participant::Participant;
use ringway_core::region::{self, AnyPart, Description, Entry, MAX_START, View};
use std::cell::Cell;
use std::collections::HashSet;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

pub use ringway_core::region::PartState;

/// A region that was found, or a file that may be one and could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name, as for [`named`].
    pub name: String,
    /// What it contains, or why that could not be found out.
    pub survey: Result<Survey>,
}

/// A region's state, at about one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The numbers of its device and its inode. Another file of the same name has other numbers.
    pub file: (u64, u64),
    /// How large it is, in bytes.
    pub size: usize,
    /// How many participants can be attached at the same time.
    pub places: usize,
    /// Its parts, in the order in which they were laid out.
    pub parts: Vec<Part>,
    /// The participants, dead or alive, in the order of their numbers.
    pub participants: Vec<Attached>,
}

impl Survey {
    /// The number of participants that are alive.
    pub fn alive(&self) -> usize {
        self.participants.iter().filter(|one| one.is_alive).count()
    }
}

/// A part and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Where it begins, in bytes from the start of the region.
    pub offset: u32,
    /// Its kind, size and capacity.
    pub description: Description,
    /// How full it is, and which participant has which half or lock of it.
    pub state: PartState,
}

impl Part {
    /// The participants that have a half or a lock of it, and which.
    pub fn holders(&self) -> impl Iterator<Item = (&'static str, Participant)> {
        self.state.holders.into_iter().flatten()
    }
}

/// A participant that is attached, or died while it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its number.
    pub participant: Participant,
    /// Its generation: each attachment to the region gets another one.
    pub generation: u32,
    /// The number of its process, as it recorded it itself.
    pub process: u32,
    /// Whether it is alive, as the kernel says. A sleeper in the region, or a process that
    /// attaches, recovers what a dead one held.
    pub is_alive: bool,
    /// The name of its process, if that is alive and visible from here.
    pub program: Option<String>,
}

/// Surveys every region that has a name, in the order of the names.
///
/// Files of other programs are left out. A file that this process may not read is listed with its
/// error, since it might be a region.
///
/// # Errors
/// When `/dev/shm` cannot be listed.
pub fn all() -> Result<Vec<Found>> {
    let list = fs::read_dir(FOLDER).map_err(|error| errno(&error)).tried(LIST).on(FOLDER)?;
    let mut found: Vec<_> = list
        .flatten()
        .filter_map(|file| {
            // Skips names that are not UTF-8: a region's name is.
            let name = file.file_name().into_string().ok()?;
            survey_of(&file.path(), &name).map(|survey| Found { name, survey })
        })
        .collect();
    found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Surveys every region without a name that a visible process has open.
///
/// Each has the name `memfd:PID/FD`, after the first descriptor that leads to it. Processes that
/// this one may not inspect are left out.
pub fn anonymous() -> Vec<Found> {
    let mut processes: Vec<u32> = children(Path::new("/proc"));
    processes.sort_unstable();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for process in processes {
        let folder = PathBuf::from(format!("/proc/{process}/fd"));
        let mut descriptors: Vec<u32> = children(&folder);
        descriptors.sort_unstable();
        for descriptor in descriptors {
            let path = folder.join(descriptor.to_string());
            let is_ours = fs::read_link(&path)
                .is_ok_and(|link| link.to_string_lossy().starts_with("/memfd:ringway "));
            if !is_ours {
                continue;
            }
            let name = format!("{MEMFD}{process}/{descriptor}");
            match survey_of(&path, &name) {
                Some(Ok(survey)) if !seen.insert(survey.file) => {}
                Some(survey) => found.push(Found { name, survey }),
                None => {}
            }
        }
    }
    found
}

/// Surveys the region of this name: a file in `/dev/shm`, or `memfd:PID/FD`.
///
/// # Errors
/// [`CoreError::NotFound`] when there is none; [`Cause::Region`] or [`Cause::WrongFile`] when it is
/// no region or is corrupted.
pub fn named(name: &str) -> Result<Survey> {
    let path = match memfd(name) {
        Some(path) => path,
        None => path(name_of(name, LOOK)?),
    };
    UnlockedFile::at(&path, LOOK).and_then(|file| survey(&file)).on(name)
}

/// Surveys the region that this descriptor refers to.
///
/// # Errors
/// [`Cause::Region`] or [`Cause::WrongFile`] when it is no region or is corrupted.
pub fn of_fd(fd: impl AsFd) -> Result<Survey> {
    survey(&UnlockedFile::at(alias(fd).as_ref(), LOOK)?)
}

/// Removes the name of a region that no living process is attached to, even if it is corrupted.
///
/// Nobody can attach between the check and the removal. See also [`unlink`](super::unlink), which
/// does not check.
///
/// # Errors
/// [`CoreError::Taken`] while somebody is attached; [`CoreError::NotFound`] when nothing has this
/// name; [`region::Error::Foreign`] when it is another program's file; [`Cause::Stale`] when this
/// process may not remove it.
pub fn remove(name: &str) -> Result<()> {
    stale::remove(name, |file| {
        // Asks the kernel: the region's own table may be corrupted.
        let taken = file.is_used().then(|| Error::new(REMOVE, CoreError::Taken));
        taken.map_or(Ok(()), Err)
    })
}

const LIST: &str = "list the regions";
const LOOK: &str = "look at the region";

/// The beginning of the names that this module gives to regions without a name.
///
/// Names in `/dev/shm` have no slash; these have one.
pub const MEMFD: &str = "memfd:";

/// The path of the region `memfd:PID/FD`; `None` for another name.
fn memfd(name: &str) -> Option<PathBuf> {
    let (process, descriptor) = name.strip_prefix(MEMFD)?.split_once('/')?;
    let (process, descriptor) = (process.parse::<u32>().ok()?, descriptor.parse::<u32>().ok()?);
    Some(PathBuf::from(format!("/proc/{process}/fd/{descriptor}")))
}

/// The entries of a folder whose names are numbers; none if the folder cannot be listed.
fn children(folder: &Path) -> Vec<u32> {
    let list = fs::read_dir(folder).into_iter().flatten().flatten();
    list.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Surveys the file at `path`; `None` when it is another program's, or gone.
fn survey_of(path: &Path, name: &str) -> Option<Result<Survey>> {
    let looked = UnlockedFile::at(path, LOOK).and_then(|file| match file.not_a_region()? {
        None => survey(&file).map(Some),
        Some(_) => Ok(None),
    });
    match looked {
        Ok(found) => found.map(Ok),
        Err(error) if error.is(CoreError::NotFound) => None,
        // A folder, a socket, a symbolic link.
        Err(error) if matches!(error.cause(), Cause::WrongFile { .. }) => None,
        Err(error) => Some(Err(error.on(name))),
    }
}

fn survey(file: &UnlockedFile) -> Result<Survey> {
    let copy = RegionCopy::new(file)?;
    let view = copy.view()?;
    let parts =
        view.entries().map(|entry| part(&copy, &view, &entry)).collect::<Result<Vec<_>>>()?;
    let participants = (1..).zip(view.places()).filter_map(|(number, place)| {
        let occupant = place.occupant()?;
        let is_alive = file.has_locked(number);
        Some(Attached {
            participant: Participant::new(number)?,
            generation: occupant.generation,
            process: occupant.process,
            is_alive,
            // Another process may have a dead one's number by now.
            program: is_alive.then(|| program(occupant.process)).flatten(),
        })
    });
    Ok(Survey {
        file: file.identity()?,
        size: view.length(),
        places: view.places().len(),
        participants: participants.collect(),
        parts,
    })
}

fn program(process: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{process}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

/// A private copy of a region: as large, but it contains only what was fetched.
struct RegionCopy<'f> {
    file: &'f UnlockedFile,
    memory: Mapping,
    /// How many more bytes may be copied that were copied before.
    repeats: Cell<usize>,
}

impl<'f> RegionCopy<'f> {
    /// Copies all that comes before the parts.
    fn new(file: &'f UnlockedFile) -> Result<Self> {
        file.check_region(LOOK)?;
        let size = file.size(LOOK)?;
        let repeats = Cell::new(size.max(MIN_REPEATS));
        let copy = RegionCopy { file, memory: Mapping::private(size)?, repeats };
        copy.fetch(0, size.min(MAX_START))?;
        Ok(copy)
    }

    fn view(&self) -> Result<View<'_>> {
        // SAFETY: the memory is this process's own, has this length, and lives as long as `self`,
        // which the view borrows. Only `fetch` writes to it, and at that time nothing borrows from
        // the view.
        unsafe { View::new(self.memory.at(), self.memory.length()) }.tried(LOOK)
    }

    /// Copies `length` bytes of the region at `offset`. No caller keeps a reference into those
    /// bytes.
    fn fetch(&self, offset: usize, length: usize) -> Result<()> {
        let room = self.memory.length().checked_sub(offset);
        let room = room.ok_or(region::Error::Corrupt).tried(LOOK)?;
        // SAFETY: `offset` is at most the length of this mapping, by the check above.
        let at = unsafe { self.memory.at().add(offset) };
        // SAFETY: `length.min(room)` bytes from `at` on lie within this process's own mapping, by
        // the check above. No reference into them exists now: callers keep none.
        let out = unsafe { std::slice::from_raw_parts_mut(at.as_ptr(), length.min(room)) };
        let count = self.file.read_at(out, offset as u64)?;
        if count < length {
            // The file was shortened after its size was read.
            let says = u32::try_from(self.memory.length()).unwrap_or(u32::MAX);
            let error = region::Error::Size { says, is: offset + count };
            return Err(Error::new(LOOK, error));
        }
        Ok(())
    }
}

/// How often a part's words are copied, at most, until they are consistent: others change them.
const MAX_COPIES: usize = 16;

/// How many bytes a survey may copy a second time, or as many as the region has. The parts do not
/// overlap, so that it copies no more than the region twice, whatever lies there.
const MIN_REPEATS: usize = 1 << 20;

fn part(copy: &RegionCopy<'_>, view: &View<'_>, entry: &Entry) -> Result<Part> {
    let mut state = PartState::CORRUPT;
    if let Some(part) = AnyPart::<RobustFutex>::new(&entry.description) {
        for _ in 0..MAX_COPIES {
            copy.fetch(entry.offset() as usize, part.words())?;
            // SAFETY: the address is in this process's own copy, which has `part.words()` bytes
            // there, by `fetch`. It is on a boundary of at least 8, as the view has checked. What
            // `look` returns borrows nothing.
            state = unsafe { part.look(view.at(entry)) };
            let repeats = copy.repeats.get().checked_sub(part.words());
            match repeats.filter(|_| state.is_torn) {
                Some(repeats) => copy.repeats.set(repeats),
                None => break,
            }
        }
    }
    let Entry { description, .. } = *entry;
    Ok(Part { name: entry.name().to_owned(), offset: entry.offset(), description, state })
}
