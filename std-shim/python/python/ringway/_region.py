"""Regions: shared memory with named parts in it."""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
import warnings
import weakref
from multiprocessing import context, reduction
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from . import _ringway

if TYPE_CHECKING:
    from ._locks import Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, RwLock, Semaphore
    from ._news import Broadcast, Latest, ObservedBroadcast, ObservedLatest
    from ._queues import Queue
    from ._rings import ByteRing, MessageRing, Ring
    from ._values import Array, Value

#: How many processes may have a region at a time, unless a layout says another number.
PLACES = 64

#: The room for a message of a queue, in bytes, unless its maker says another number.
SIZE = 4088


class PartInfo(NamedTuple):
    """What a region's directory says of a part."""

    name: str
    kind: str
    #: The number of items, or of bytes, that it holds.
    capacity: int
    #: The size of an item, in bytes.
    item_size: int
    #: Where it lies in the region, in bytes.
    offset: int
    #: Its size, in bytes.
    size: int


def item_size(size: Optional[int], format: Optional[str]) -> int:
    """The size of a slot: for messages of at most `size` bytes, or for items of a `struct` format."""
    if format is not None:
        return struct.calcsize(format)
    wanted = SIZE if size is None else size
    if wanted < 0:
        raise ValueError("a size is a number of bytes, and not negative")
    # Whole words, so that what lies in the slot is aligned to 8 bytes.
    return (_ringway.HEADER + wanted + 7) // 8 * 8


class Layout:
    """The parts of a region, and how many processes may have it at a time.

    Each method adds a part and returns the layout::

        layout = Layout(16).queue("jobs", 64, size=256).lock("lock").value("total", "q")

    `size` is the room for a message, in bytes. With `format`, the items are those of a `struct` format
    instead, as a Rust or C program has them: `"Q"` is a queue of `u64`.
    """

    def __init__(self, places: int = PLACES) -> None:
        if not 1 <= places <= 0xFFFF:
            raise ValueError(f"a region has between 1 and 65535 places, and not {places}")
        self._native = _ringway.Layout(places)

    def _add(self, kind: str, name: str, capacity: int = 0, size: int = 0, code: str = "") -> Layout:
        if capacity < 0:
            raise ValueError(f"a part has room for a number of items that is not negative, and not for {capacity}")
        self._native.add(kind, name, capacity, size, code)
        return self

    def queue(self, name: str, capacity: int, *, size: Optional[int] = None, format: Optional[str] = None) -> Layout:
        """Adds a `Queue` of at most `capacity` messages."""
        return self._add("queue", name, capacity, item_size(size, format))

    def ring(self, name: str, capacity: int, *, size: Optional[int] = None, format: Optional[str] = None) -> Layout:
        """Adds a `Ring` of at most `capacity` messages."""
        return self._add("ring", name, capacity, item_size(size, format))

    def broadcast(self, name: str, capacity: int, *, size: Optional[int] = None, format: Optional[str] = None) -> Layout:
        """Adds a `Broadcast` that keeps the last `capacity` messages."""
        return self._add("broadcast", name, capacity, item_size(size, format))

    def latest(self, name: str, *, size: Optional[int] = None, format: Optional[str] = None) -> Layout:
        """Adds a `Latest` value."""
        return self._add("latest", name, 0, item_size(size, format))

    def byte_ring(self, name: str, capacity: int) -> Layout:
        """Adds a `ByteRing` of `capacity` bytes."""
        return self._add("byte_ring", name, capacity)

    def message_ring(self, name: str, capacity: int) -> Layout:
        """Adds a `MessageRing` of `capacity` bytes."""
        return self._add("message_ring", name, capacity)

    def lock(self, name: str) -> Layout:
        """Adds a mutex, to be used as a `Lock` or as an `RLock`."""
        return self._add("lock", name)

    def rw_lock(self, name: str, readers: int = 16) -> Layout:
        """Adds an `RwLock` for at most so many readers at a time."""
        return self._add("rw_lock", name, readers)

    def semaphore(self, name: str, value: int = 1) -> Layout:
        """Adds a `Semaphore` with `value` permits."""
        if value < 0:
            raise ValueError("a semaphore begins with a number of permits that is not negative")
        return self._add("semaphore", name, value)

    def bounded_semaphore(self, name: str, value: int = 1) -> Layout:
        """Adds a `BoundedSemaphore` with `value` permits."""
        return self._add("bounded_semaphore", name, value)

    def event(self, name: str) -> Layout:
        """Adds an `Event`."""
        return self._add("event", name)

    def condition(self, name: str) -> Layout:
        """Adds the counts of a `Condition`, whose lock is another part."""
        return self._add("condition", name)

    def barrier(self, name: str, parties: int) -> Layout:
        """Adds a `Barrier` for so many parties."""
        return self._add("barrier", name, parties)

    def value(self, name: str, code: str) -> Layout:
        """Adds a `Value` of a type code, with its lock."""
        return self._add("value", name, code=code)

    def array(self, name: str, code: str, length: int) -> Layout:
        """Adds an `Array` of so many items of a type code, with its lock."""
        return self._add("array", name, length, code=code)

    def raw_array(self, name: str, code: str, length: int) -> Layout:
        """Adds an array without a lock."""
        return self._add("raw_array", name, length, code=code)

    @property
    def size(self) -> int:
        """The size of the region, in bytes."""
        return self._native.size


#: The regions of this process, by what tells their files apart: there is one attachment of each.
_regions: "weakref.WeakValueDictionary[Tuple[int, int], Region]" = weakref.WeakValueDictionary()


def _warn_of_threads() -> None:
    """Warns before a fork as Python does from 3.12 on: what another thread holds stays so in the copy."""
    if _regions and threading.active_count() > 1:
        warnings.warn(
            f"This process (pid={os.getpid()}) is multi-threaded, use of fork() may lead to deadlocks in the child.",
            DeprecationWarning,
            stacklevel=2,
        )


if sys.version_info < (3, 12):
    os.register_at_fork(before=_warn_of_threads)


class Region:
    """Shared memory that this process is attached to, with named parts.

    A region has a name in `/dev/shm` (`create`, `open`, `open_or_create`), or none (`anonymous`), and
    then travels to other processes as an argument, or as a descriptor (`fileno`, `from_fd`). Parts
    travel in the same ways. The name goes when the last process that has the region ends.
    """

    def __init__(self, native: Any) -> None:
        self._native = native
        self._key = _key(native.fileno())
        self._memory: Optional[mmap.mmap] = None
        self._parts: "weakref.WeakValueDictionary[Tuple[str, type], Any]" = weakref.WeakValueDictionary()
        _regions[self._key] = self

    @classmethod
    def anonymous(cls, layout: Layout) -> Region:
        """Creates a region without a name."""
        return cls(_ringway.Region.anonymous(layout._native))

    @classmethod
    def create(cls, name: str, layout: Layout, *, mode: int = 0o600) -> Region:
        """Creates the region of this name, which only users that `mode` allows can open.

        Raises `FileExistsError` if a process has a region of this name.
        """
        return cls(_ringway.Region.create(name, mode, layout._native))

    @classmethod
    def open(cls, name: str, *, mode: int = 0o600, any_owner: bool = False) -> Region:
        """Opens the region of this name. Its owner is this user or root, unless `any_owner` is true.

        Raises `FileNotFoundError` if there is none, and `PermissionError` if its mode allows more than
        `mode`.
        """
        return cls._only(_ringway.Region.open(name, mode, any_owner))

    @classmethod
    def open_or_create(cls, name: str, layout: Layout, *, mode: int = 0o600) -> Region:
        """Opens the region of this name, which must have the layout's parts, or creates it."""
        return cls._only(_ringway.Region.open_or_create(name, mode, layout._native))

    @classmethod
    def from_fd(cls, fd: int) -> Region:
        """Attaches to the region of a descriptor, which stays the caller's."""
        found = _regions.get(_key(fd))
        return found if found is not None else cls(_ringway.Region.from_fd(fd))

    @classmethod
    def observe(cls, name: str) -> Observer:
        """Looks at the region of this name, and takes no part in it."""
        return Observer(_ringway.Observer(name))

    @classmethod
    def _only(cls, native: Any) -> Region:
        """The region of this attachment, or the one that this process has of the same file already."""
        found = _regions.get(_key(native.fileno()))
        return found if found is not None else cls(native)

    @property
    def name(self) -> Optional[str]:
        """The region's name, if it has one."""
        return self._native.name

    @property
    def size(self) -> int:
        """The region's size, in bytes."""
        return self._native.size

    @property
    def participant(self) -> int:
        """This process's number in the region."""
        return self._native.participant

    def participants(self) -> Dict[int, int]:
        """The processes that have the region, by their numbers in it."""
        return dict(self._native.participants())

    def reap(self) -> int:
        """Puts right what dead processes held, and returns how many it found.

        Whoever waits in the region does so by itself; this is for a program that never waits.
        """
        return self._native.reap()

    def fileno(self) -> int:
        """A descriptor for another process, which attaches by `from_fd`."""
        return self._native.fileno()

    def parts(self) -> List[PartInfo]:
        """The parts, as the region's directory describes them."""
        return [PartInfo(*part) for part in self._native.parts()]

    def part(self, name: str) -> PartInfo:
        """The part of this name, as the directory describes it. Raises `KeyError` if there is none."""
        return _find(self._native, name)

    def __contains__(self, name: str) -> bool:
        return any(part.name == name for part in self.parts())

    def __iter__(self) -> Iterator[str]:
        return (part.name for part in self.parts())

    def __repr__(self) -> str:
        return f"<ringway.Region {self.name or 'without a name'}, {self.size} bytes>"

    def __reduce__(self) -> Tuple[Any, ...]:
        name = self.name
        if name is not None and context.get_spawning_popen() is None:
            # A message may be received again, after its receiver died. A descriptor goes out once.
            return _reopen, (name, self._key)
        return _rebuild, (reduction.DupFd(self.fileno()), self._key)

    # The parts. Each is one object in a process, so that what a thread has locked is told everywhere.

    def _open(self, cls: Any, name: str, **how: Any) -> Any:
        key = (name, cls)
        part = self._parts.get(key)
        if part is None:
            part = cls._of(self, name, **how)
            self._parts[key] = part
        return part

    def queue(self, name: str, *, format: Optional[str] = None) -> Queue:
        """The `Queue` of this name."""
        from ._queues import Queue

        part: Queue = self._open(Queue, name, format=format)
        return part

    def ring(self, name: str, *, format: Optional[str] = None) -> Ring:
        """The `Ring` of this name."""
        from ._rings import Ring

        part: Ring = self._open(Ring, name, format=format)
        return part

    def byte_ring(self, name: str) -> ByteRing:
        """The `ByteRing` of this name."""
        from ._rings import ByteRing

        part: ByteRing = self._open(ByteRing, name)
        return part

    def message_ring(self, name: str) -> MessageRing:
        """The `MessageRing` of this name."""
        from ._rings import MessageRing

        part: MessageRing = self._open(MessageRing, name)
        return part

    def broadcast(self, name: str, *, format: Optional[str] = None) -> Broadcast:
        """The `Broadcast` of this name."""
        from ._news import Broadcast

        part: Broadcast = self._open(Broadcast, name, format=format)
        return part

    def latest(self, name: str, *, format: Optional[str] = None) -> Latest:
        """The `Latest` of this name."""
        from ._news import Latest

        part: Latest = self._open(Latest, name, format=format)
        return part

    def lock(self, name: str, *, ignore_death: bool = False) -> Lock:
        """The mutex of this name, as a `Lock`."""
        from ._locks import Lock

        part: Lock = self._open(Lock, name, ignore_death=ignore_death)
        return part

    def rlock(self, name: str, *, ignore_death: bool = False) -> RLock:
        """The mutex of this name, as an `RLock`."""
        from ._locks import RLock

        part: RLock = self._open(RLock, name, ignore_death=ignore_death)
        return part

    def rw_lock(self, name: str) -> RwLock:
        """The `RwLock` of this name."""
        from ._locks import RwLock

        part: RwLock = self._open(RwLock, name)
        return part

    def semaphore(self, name: str) -> Semaphore:
        """The `Semaphore` of this name."""
        from ._locks import Semaphore

        part: Semaphore = self._open(Semaphore, name)
        return part

    def bounded_semaphore(self, name: str) -> BoundedSemaphore:
        """The `BoundedSemaphore` of this name."""
        from ._locks import BoundedSemaphore

        part: BoundedSemaphore = self._open(BoundedSemaphore, name)
        return part

    def event(self, name: str) -> Event:
        """The `Event` of this name."""
        from ._locks import Event

        part: Event = self._open(Event, name)
        return part

    def condition(self, name: str, lock: Any) -> Condition:
        """The `Condition` of this name, with its lock."""
        from ._locks import Condition

        part: Condition = self._open(Condition, name, lock=lock)
        return part

    def barrier(self, name: str, action: Any = None, timeout: Optional[float] = None) -> Barrier:
        """The `Barrier` of this name."""
        from ._locks import Barrier

        part: Barrier = self._open(Barrier, name, action=action, timeout=timeout)
        return part

    def value(self, name: str, code: str) -> Value:
        """The `Value` of this name, of this type code."""
        from ._values import Value

        part: Value = self._open(Value, name, code=code)
        return part

    def array(self, name: str, code: str) -> Array:
        """The `Array` of this name, of this type code."""
        from ._values import Array

        part: Array = self._open(Array, name, code=code)
        return part

    def raw_array(self, name: str, code: str) -> Any:
        """The array without a lock of this name: a `ctypes` array of this type code."""
        from ._values import raw_array

        return raw_array(self, name, code)

    def view(self, offset: int, size: int) -> memoryview:
        """Bytes of the region, in place. They stay mapped as long as the view lives."""
        return memoryview(self._mapped())[offset : offset + size]

    def _mapped(self) -> mmap.mmap:
        if self._memory is None:
            self._memory = mmap.mmap(self.fileno(), self.size)
        return self._memory


def let_go(view: memoryview) -> None:
    """Ends a view. Where an array of the caller's lies over it, it goes on: its memory stays mapped."""
    try:
        view.release()
    except BufferError:
        pass


class Observer:
    """A region that this process only looks at: it takes no place, and can change nothing."""

    def __init__(self, native: Any) -> None:
        self._native = native

    @classmethod
    def from_fd(cls, fd: int) -> Observer:
        """Looks at the region of a descriptor."""
        return cls(_ringway.Observer.from_fd(fd))

    def parts(self) -> List[PartInfo]:
        """The parts, as the region's directory describes them."""
        return [PartInfo(*part) for part in self._native.parts()]

    def latest(self, name: str, *, format: Optional[str] = None) -> ObservedLatest:
        """The newest value of this name: `load` returns it."""
        from ._news import ObservedLatest

        return ObservedLatest(self, name, format)

    def broadcast(self, name: str, *, format: Optional[str] = None) -> ObservedBroadcast:
        """A reader of the broadcast of this name: `try_recv` returns the next message."""
        from ._news import ObservedBroadcast

        return ObservedBroadcast(self, name, format)


def _find(native: Any, name: str) -> PartInfo:
    for part in native.parts():
        if part[0] == name:
            return PartInfo(*part)
    names = ", ".join(part[0] for part in native.parts()) or "none"
    raise KeyError(f"the region has no part {name!r}; its parts: {names}")


def _key(fd: int) -> Tuple[int, int]:
    stat = os.fstat(fd)
    return stat.st_dev, stat.st_ino


def _rebuild(descriptor: Any, key: Tuple[int, int]) -> Region:
    """Attaches in the process to which a region travelled."""
    fd = descriptor.detach()
    try:
        return Region.from_fd(fd)
    finally:
        os.close(fd)


def _reopen(name: str, key: Tuple[int, int]) -> Region:
    """Attaches, in the process that received a message, to a region that has a name."""
    found = _regions.get(key)
    if found is not None:
        return found
    # Whoever may open it: the sender said which file it is.
    native = _ringway.Region.open(name, 0o777, True)
    if _key(native.fileno()) != key:
        raise FileNotFoundError(f"the region {name!r} that was sent is gone, and there is another one of its name")
    return Region(native)


class Part:
    """What all parts have: the region, their name, and how they travel to other processes."""

    _region: Region
    _name: str
    _how: Dict[str, Any]

    def _placed(self, region: Region, name: str, **how: Any) -> None:
        self._region, self._name, self._how = region, name, how

    @property
    def region(self) -> Region:
        """The region that contains this part."""
        return self._region

    @property
    def name(self) -> str:
        """The part's name in its region."""
        return self._name

    def __reduce__(self) -> Tuple[Any, ...]:
        return _open_part, (type(self), self._region, self._name, self._how)

    def __repr__(self) -> str:
        return f"<ringway.{type(self).__name__} {self._name!r} of {self._region!r}>"


def _open_part(cls: Any, region: Region, name: str, how: Dict[str, Any]) -> Any:
    return region._open(cls, name, **how)


#: The name of the part in a region that was made for it alone.
ALONE = "it"


def alone(layout: Layout) -> Region:
    """A region for one part."""
    return Region.anonymous(layout)

