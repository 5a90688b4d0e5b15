//! Regions and their layouts.

use crate::errors::raise;
use crate::forks::Ours;
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use ringway::shm::{self, Entry, Mutex};
use std::alloc;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

/// The item of locks that protect nothing in the region.
pub type Nothing = [u8; 0];

/// Runs `$run` with `$T` as the Rust type for a type code of Python's `array` and `struct`.
macro_rules! by_code {
    ($code:expr, $T:ident => $run:expr) => {
        match $code.as_bytes() {
            b"b" => {
                type $T = i8;
                $run
            }
            b"B" | b"c" | b"?" => {
                type $T = u8;
                $run
            }
            b"h" => {
                type $T = i16;
                $run
            }
            b"H" => {
                type $T = u16;
                $run
            }
            b"i" => {
                type $T = i32;
                $run
            }
            b"I" => {
                type $T = u32;
                $run
            }
            b"l" | b"q" => {
                type $T = i64;
                $run
            }
            b"L" | b"Q" => {
                type $T = u64;
                $run
            }
            b"f" => {
                type $T = f32;
                $run
            }
            b"d" => {
                type $T = f64;
                $run
            }
            _ => Err(PyValueError::new_err(format!(
                "{:?} is no type code: take one of b B h H i I l L q Q f d c ?",
                $code
            ))),
        }
    };
}
pub(crate) use by_code;

/// The parts of a region that is to be created. See `ringway.Layout`.
#[pyclass(module = "ringway._ringway")]
pub struct Layout(shm::Layout);

#[pymethods]
impl Layout {
    #[new]
    fn new(places: u16) -> Self {
        Layout(shm::Layout::new(places))
    }

    /// Adds a part: of a kind, with a capacity, and with items of a size or of a type code.
    #[pyo3(signature = (kind, name, capacity=0, size=0, code=""))]
    fn add(
        &mut self,
        kind: &str,
        name: &str,
        capacity: usize,
        size: usize,
        code: &str,
    ) -> PyResult<()> {
        let layout = self.0.clone();
        let item = || {
            let align = if size.is_multiple_of(8) { 8 } else { 1 };
            let item = alloc::Layout::from_size_align(size, align);
            item.map_err(|_| PyValueError::new_err(format!("a size of {size} bytes is too large")))
        };
        let layout = match kind {
            "queue" => layout.raw_part::<shm::RawQueue>(name, capacity, item()?),
            "ring" => layout.raw_part::<shm::RawRing>(name, capacity, item()?),
            "broadcast" => layout.raw_part::<shm::RawBroadcast>(name, capacity, item()?),
            "latest" => {
                layout.raw_part::<shm::RawLatest>(name, ringway::ring::latest::SLOTS, item()?)
            }
            "byte_ring" => layout.byte_ring(name, capacity),
            "message_ring" => layout.message_ring(name, capacity),
            "lock" => layout.part::<Mutex<Nothing>>(name),
            "semaphore" => layout.semaphore(name, capacity),
            "bounded_semaphore" => layout.bounded_semaphore(name, capacity),
            "event" => layout.part::<shm::Event>(name),
            "condition" => layout.part::<crate::locks::ConditionWords>(name),
            "barrier" => layout.barrier(name, capacity),
            "rw_lock" => layout.rw_lock::<Nothing>(name, capacity),
            "value" => by_code!(code, T => Ok(layout.part::<Mutex<T>>(name)))?,
            "array" => by_code!(code, T => Ok(layout.array::<T>(name, capacity)))?,
            "raw_array" => by_code!(code, T => Ok(layout.raw_array::<T>(name, capacity)))?,
            _ => return Err(PyValueError::new_err(format!("{kind:?} is no kind of part"))),
        };
        self.0 = layout.map_err(raise)?;
        Ok(())
    }

    /// The size of the region, in bytes.
    #[getter]
    fn size(&self) -> usize {
        self.0.size()
    }
}

/// A part as the directory describes it: name, kind, capacity, item size, offset, size.
pub type Described = (String, &'static str, usize, usize, usize, usize);

fn described(entry: Entry) -> Described {
    let said = entry.description;
    let kind = said.kind.name().unwrap_or("unknown");
    let offset = entry.offset() as usize;
    (
        entry.name().to_owned(),
        kind,
        said.capacity as usize,
        said.item_size as usize,
        offset,
        said.size as usize,
    )
}

/// An attachment to a region, which a copy of the process makes anew.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Region {
    now: Arc<Attached>,
}

pub struct Attached(StdMutex<Ours<shm::Region>>);

impl Attached {
    fn new(region: shm::Region) -> Arc<Self> {
        Arc::new(Attached(StdMutex::new(Ours::new(region))))
    }

    /// This process's attachment.
    pub fn region(&self) -> PyResult<shm::Region> {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(region) = now.get() {
            return Ok(region.clone());
        }
        // The copy has the region's descriptor, and not its parent's attachment.
        let region = shm::Region::from_fd(now.get_anyway()).map_err(raise)?;
        *now = Ours::new(region.clone());
        Ok(region)
    }
}

impl Region {
    pub fn attached(&self) -> Arc<Attached> {
        self.now.clone()
    }

    fn of(region: ringway::Result<shm::Region>) -> PyResult<Self> {
        Ok(Region { now: Attached::new(region.map_err(raise)?) })
    }
}

/// Borrows a descriptor of the caller's.
fn borrowed<'a>(fd: RawFd) -> PyResult<BorrowedFd<'a>> {
    if fd < 0 {
        return Err(PyValueError::new_err(format!("{fd} is no descriptor")));
    }
    // SAFETY: the number is not -1. A closed one makes the calls that take it fail, and the caller
    // keeps it open meanwhile, since it holds the interpreter's lock.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

#[pymethods]
impl Region {
    #[staticmethod]
    fn anonymous(layout: &Layout) -> PyResult<Self> {
        Region::of(shm::Region::anonymous(&layout.0))
    }

    #[staticmethod]
    fn create(name: &str, mode: u32, layout: &Layout) -> PyResult<Self> {
        Region::of(shm::Region::create(name, mode, &layout.0))
    }

    #[staticmethod]
    fn open(name: &str, mode: u32, any_owner: bool) -> PyResult<Self> {
        let access = shm::Access::new(mode);
        let access = if any_owner { access.of_any_owner() } else { access };
        Region::of(shm::Region::open_with(name, access))
    }

    #[staticmethod]
    fn open_or_create(name: &str, mode: u32, layout: &Layout) -> PyResult<Self> {
        Region::of(shm::Region::open_or_create(name, mode, &layout.0))
    }

    #[staticmethod]
    fn from_fd(fd: RawFd) -> PyResult<Self> {
        Region::of(shm::Region::from_fd(borrowed(fd)?))
    }

    #[getter]
    fn name(&self) -> PyResult<Option<String>> {
        Ok(self.now.region()?.name().map(str::to_owned))
    }

    #[getter]
    fn size(&self) -> PyResult<usize> {
        Ok(self.now.region()?.size())
    }

    #[getter]
    fn participant(&self) -> PyResult<u16> {
        Ok(self.now.region()?.participant().number())
    }

    /// The participants that live: their numbers, and their processes.
    fn participants(&self) -> PyResult<Vec<(u16, u32)>> {
        let all = self.now.region()?.participants();
        Ok(all.into_iter().map(|(who, it)| (who.number(), it.process)).collect())
    }

    fn reap(&self, py: Python<'_>) -> PyResult<usize> {
        let region = self.now.region()?;
        Ok(py.detach(|| region.reap()))
    }

    fn fileno(&self) -> PyResult<RawFd> {
        Ok(self.now.region()?.as_raw_fd())
    }

    fn parts(&self) -> PyResult<Vec<Described>> {
        Ok(self.now.region()?.parts().into_iter().map(described).collect())
    }

    /// Where the value of a part of the kind `mutex` begins, from the start of the region.
    fn value_offset(&self, name: &str, code: &str, array: bool) -> PyResult<usize> {
        let region = self.now.region()?;
        let found = by_code!(code, T => {
            let checked = match array {
                true => region.array::<T>(name).map(drop),
                false => region.part::<Mutex<T>>(name).map(drop),
            };
            checked.map_err(raise).map(|()| crate::values::value_offset::<T>())
        })?;
        let entries = region.parts();
        let entry = entries.iter().find(|entry| entry.name() == name);
        let entry = entry.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
        Ok(entry.offset() as usize + found)
    }
}

/// A part of the region as this process uses it, which a copy of the process opens anew.
pub struct PartOf<P: 'static> {
    attached: Arc<Attached>,
    name: String,
    open: fn(&shm::Region, &str) -> ringway::Result<P>,
    now: StdMutex<Ours<Arc<P>>>,
}

impl<P: 'static> PartOf<P> {
    pub fn new(
        region: &Region,
        name: &str,
        open: fn(&shm::Region, &str) -> ringway::Result<P>,
    ) -> PyResult<Self> {
        let attached = region.attached();
        let part = open(&attached.region()?, name).map_err(raise)?;
        let now = StdMutex::new(Ours::new(Arc::new(part)));
        Ok(PartOf { attached, name: name.to_owned(), open, now })
    }

    pub fn get(&self) -> PyResult<Arc<P>> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = now.get() {
            return Ok(part.clone());
        }
        let part = Arc::new((self.open)(&self.attached.region()?, &self.name).map_err(raise)?);
        *now = Ours::new(part.clone());
        Ok(part)
    }

    pub fn region(&self) -> PyResult<shm::Region> {
        self.attached.region()
    }

    /// Where these bytes of the part lie, from the start of the region.
    pub fn offset_of(&self, bytes: &[u8]) -> PyResult<usize> {
        Ok(bytes.as_ptr().addr() - self.region()?.as_ptr().addr())
    }
}

/// A region that is only looked at.
#[pyclass(frozen, module = "ringway._ringway")]
pub struct Observer(pub Arc<Ours<shm::Observer>>);

#[pymethods]
impl Observer {
    #[new]
    fn new(name: &str) -> PyResult<Self> {
        let observer = shm::Region::observe(name).map_err(raise)?;
        Ok(Observer(Arc::new(Ours::new(observer))))
    }

    #[staticmethod]
    fn from_fd(fd: RawFd) -> PyResult<Self> {
        let observer = shm::Observer::from_fd(borrowed(fd)?).map_err(raise)?;
        Ok(Observer(Arc::new(Ours::new(observer))))
    }

    fn parts(&self) -> Vec<Described> {
        // A plain fork leaves the copy this read-only mapping.
        self.0.get_anyway().parts().into_iter().map(described).collect()
    }
}
