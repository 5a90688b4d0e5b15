"""Locks between processes, which the death of a holder does not leave locked."""

from __future__ import annotations

import time
from threading import BrokenBarrierError
from typing import Any, Callable, Optional

from . import _ringway
from ._region import ALONE, PLACES, Layout, Part, Region, alone


def _made(cls: Any, native: Any, layout: Layout, how: Any, **kind: Any) -> Any:
    region = alone(layout)
    return _opened(cls, native, region, ALONE, how, **kind)


def _opened(cls: Any, native: Any, region: Region, name: str, how: Any, **kind: Any) -> Any:
    part = native.__new__(cls, region._native, name, **how, **kind)
    Part._placed(part, region, name, **how)
    region._parts[(name, cls)] = part
    return part


class Lock(Part, _ringway.Lock):
    """A lock with the methods of `multiprocessing.Lock`.

    If a process dies while it holds the lock, the next `acquire` raises `OwnerDied`, and the lock stays
    free: what it protects may be half changed. `acquire_to_repair` takes it all the same. With
    `ignore_death` nobody is told. The process that acquired it releases it, in any of its threads.
    """

    def __new__(cls, *, ignore_death: bool = False, places: int = PLACES) -> Lock:
        return _made(cls, _ringway.Lock, Layout(places).lock(ALONE), {"ignore_death": ignore_death})

    def __init__(self, **_: Any) -> None:
        pass

    @classmethod
    def _of(cls, region: Region, name: str, **how: Any) -> Lock:
        return _opened(cls, _ringway.Lock, region, name, how)


class RLock(Part, _ringway.Lock):
    """A lock that its holder, a thread, can take again, with the methods of `multiprocessing.RLock`.

    The death of a holder is told as with `Lock`.
    """

    def __new__(cls, *, ignore_death: bool = False, places: int = PLACES) -> RLock:
        layout = Layout(places).lock(ALONE)
        return _made(cls, _ringway.Lock, layout, {"ignore_death": ignore_death}, reentrant=True)

    def __init__(self, **_: Any) -> None:
        pass

    @classmethod
    def _of(cls, region: Region, name: str, **how: Any) -> RLock:
        return _opened(cls, _ringway.Lock, region, name, how, reentrant=True)


class Semaphore(Part, _ringway.Semaphore):
    """A counting semaphore with the methods of `multiprocessing.Semaphore`.

    Any process may release. It records no holders: what a process had acquired when it died stays
    acquired. `BoundedSemaphore` gives it back.
    """

    def __new__(cls, value: int = 1, *, places: int = PLACES) -> Semaphore:
        layout = Layout(places).semaphore(ALONE, value)
        return _made(cls, _ringway.Semaphore, layout, {})

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    @classmethod
    def _of(cls, region: Region, name: str) -> Semaphore:
        return _opened(cls, _ringway.Semaphore, region, name, {})


class BoundedSemaphore(Part, _ringway.BoundedSemaphore):
    """A semaphore with the methods of `multiprocessing.BoundedSemaphore`, and its holders on record.

    The process that acquired releases. When a process dies, its permits come back.
    """

    def __new__(cls, value: int = 1, *, places: int = PLACES) -> BoundedSemaphore:
        layout = Layout(places).bounded_semaphore(ALONE, value)
        return _made(cls, _ringway.BoundedSemaphore, layout, {})

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    @classmethod
    def _of(cls, region: Region, name: str) -> BoundedSemaphore:
        return _opened(cls, _ringway.BoundedSemaphore, region, name, {})


class Event(Part, _ringway.Event):
    """A flag with the methods of `multiprocessing.Event`."""

    def __new__(cls, *, places: int = PLACES) -> Event:
        return _made(cls, _ringway.Event, Layout(places).event(ALONE), {})

    def __init__(self, **_: Any) -> None:
        pass

    @classmethod
    def _of(cls, region: Region, name: str) -> Event:
        return _opened(cls, _ringway.Event, region, name, {})

    def __repr__(self) -> str:
        return f"<Event at {id(self):#x}, {self._name!r} of {self._region!r}, {'set' if self.is_set() else 'unset'}>"


class Condition(Part):
    """A condition variable with the methods of `multiprocessing.Condition`.

    Its lock is a `Lock` or an `RLock`; without one it makes an `RLock`. A waiter that is killed blocks
    nobody; a later notification may then wake one waiter too many.
    """

    def __init__(self, lock: Any = None, *, places: int = PLACES) -> None:
        region = alone(Layout(places).condition(ALONE).lock("lock"))
        self._open_in(region, ALONE, region.rlock("lock") if lock is None else lock)

    @classmethod
    def _of(cls, region: Region, name: str, lock: Any) -> Condition:
        condition = cls.__new__(cls)
        condition._open_in(region, name, lock)
        return condition

    def _open_in(self, region: Region, name: str, lock: Any) -> None:
        self._placed(region, name, lock=lock)
        self._native = _ringway.Condition(region._native, name)
        self._lock = lock
        self.acquire: Callable[..., bool] = lock.acquire
        self.release: Callable[[], None] = lock.release
        region._parts[(name, type(self))] = self

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(self, *raised: Any) -> None:
        return self._lock.__exit__(*raised)

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Releases the lock, waits for a notification, and takes the lock again.

        False if there was none in time. It never returns true without one.
        """
        lock, native = self._lock, self._native
        if not lock._is_owned():
            raise AssertionError("must acquire() condition before using wait()")
        end = None if timeout is None else time.monotonic() + timeout
        arrival = seen = native.arrive()
        while True:
            saved = lock._release_save()
            try:
                left = None if end is None else max(0.0, end - time.monotonic())
                last = native.sleep(seen, left)
            except BaseException:
                lock._acquire_restore(saved)
                if not native.take(arrival):
                    native.leave()
                raise
            lock._acquire_restore(saved)
            if native.take(arrival):
                return True
            if last is None:
                native.leave()
                return False
            seen = last

    def wait_for(self, predicate: Callable[[], Any], timeout: Optional[float] = None) -> Any:
        """Waits until the predicate is true, or the time is over; returns what it returned last."""
        result = predicate()
        if result:
            return result
        end = None if timeout is None else time.monotonic() + timeout
        while not result:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left)
            result = predicate()
        return result

    def notify(self, n: int = 1) -> None:
        """Wakes `n` of those that wait."""
        if not self._lock._is_owned():
            raise AssertionError("lock is not owned")
        self._native.notify(n)

    def notify_all(self) -> None:
        """Wakes all that wait."""
        self.notify(0xFFFF_FFFF)


class Barrier(Part):
    """A meeting point for `parties` processes or threads, with the methods of
    `multiprocessing.Barrier`. The death of a party breaks it for those that wait."""

    def __init__(
        self,
        parties: int,
        action: Optional[Callable[[], Any]] = None,
        timeout: Optional[float] = None,
        *,
        places: int = PLACES,
    ) -> None:
        self._open_in(alone(Layout(places).barrier(ALONE, parties)), ALONE, action, timeout)

    @classmethod
    def _of(cls, region: Region, name: str, action: Any = None, timeout: Optional[float] = None) -> Barrier:
        barrier = cls.__new__(cls)
        barrier._open_in(region, name, action, timeout)
        return barrier

    def _open_in(self, region: Region, name: str, action: Any, timeout: Optional[float]) -> None:
        self._placed(region, name, action=action, timeout=timeout)
        self._native = _ringway.Barrier(region._native, name)
        self._action, self._timeout = action, timeout
        region._parts[(name, type(self))] = self

    def wait(self, timeout: Optional[float] = None) -> int:
        """Waits for all parties; returns a number from 0 on that no other party gets.

        One of the parties calls the action before any returns. Raises `BrokenBarrierError` if the
        barrier is broken, by a timeout, an exception of the action, `abort`, or the death of a party.
        """
        if timeout is None:
            timeout = self._timeout
        number = self._native.wait(timeout)
        if self._action is not None:
            if number == 0:
                try:
                    self._action()
                except BaseException:
                    self._native.abort()
                    raise
            self._native.wait(timeout)
        return number

    def reset(self) -> None:
        """Makes the barrier whole; those that wait get `BrokenBarrierError`."""
        self._native.reset()

    def abort(self) -> None:
        """Breaks the barrier."""
        self._native.abort()

    @property
    def parties(self) -> int:
        """How many parties meet."""
        return self._native.parties

    @property
    def n_waiting(self) -> int:
        """How many wait at the moment."""
        return self._native.waiting

    @property
    def broken(self) -> bool:
        """Whether the barrier is broken."""
        return self._native.is_broken


class _Side:
    """A side of an `RwLock`: a lock of its own."""

    def __init__(self, acquire: Callable[..., bool], release: Callable[[], None]) -> None:
        self.acquire, self.release = acquire, release

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: Any) -> None:
        self.release()


class RwLock(Part):
    """A lock for many readers or one writer::

        with lock.read: ...
        with lock.write: ...

    If a writer dies with it, `OwnerDied` is raised until a writer takes it by `acquire_to_repair`.
    """

    def __init__(self, readers: int = 16, *, places: int = PLACES) -> None:
        self._open_in(alone(Layout(places).rw_lock(ALONE, readers)), ALONE)

    @classmethod
    def _of(cls, region: Region, name: str) -> RwLock:
        lock = cls.__new__(cls)
        lock._open_in(region, name)
        return lock

    def _open_in(self, region: Region, name: str) -> None:
        self._placed(region, name)
        self._native = _ringway.RwLock(region._native, name)
        #: The side of the readers: a context manager with `acquire` and `release`.
        self.read = _Side(self._acquire_read, self._native.release_read)
        #: The side of the writers: a context manager with `acquire` and `release`.
        self.write = _Side(self._acquire_write, self._native.release_write)
        region._parts[(name, type(self))] = self

    def _acquire_read(self, block: bool = True, timeout: Optional[float] = None) -> bool:
        return self._native.acquire_read(timeout if block else 0.0) is not None

    def _acquire_write(self, block: bool = True, timeout: Optional[float] = None) -> bool:
        return self._native.acquire_write(timeout if block else 0.0, False) is not None

    def acquire_to_repair(self, block: bool = True, timeout: Optional[float] = None) -> bool:
        """Takes it for writing, also if a writer died with it: repair what it protects."""
        return self._native.acquire_write(timeout if block else 0.0, True) is not None


__all__ = [
    "Barrier",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "Condition",
    "Event",
    "Lock",
    "RLock",
    "RwLock",
    "Semaphore",
]
