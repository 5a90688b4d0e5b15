"""The standard module `multiprocessing`, with Ringway's queues, locks, pipes and shared values.

    from ringway import multiprocessing as mp

What Ringway does not have, such as `Process`, `Pool` and `Manager`, is the standard module's own. A lock
whose holder was killed is free here, and nobody is told: the standard module's would stay locked.
"""

# mypy: ignore-errors

from __future__ import annotations

import functools
import multiprocessing as _standard
import sys
from multiprocessing import *  # noqa: F401,F403
from typing import Any, Optional, Tuple

import ringway as _ringway


class _Parts:
    """What replaces the standard parts, in every context."""

    def Queue(self, maxsize: int = 0, *, size: Optional[int] = None) -> _ringway.Queue:
        """A `ringway.Queue` for messages of at most `size` bytes."""
        return _ringway.Queue(maxsize, size=size)

    def JoinableQueue(self, maxsize: int = 0, *, size: Optional[int] = None) -> _ringway.JoinableQueue:
        """A `ringway.JoinableQueue` for messages of at most `size` bytes."""
        return _ringway.JoinableQueue(maxsize, size=size)

    def SimpleQueue(self, *, size: Optional[int] = None) -> _ringway.SimpleQueue:
        """A `ringway.SimpleQueue` for messages of at most `size` bytes."""
        return _ringway.SimpleQueue(size=size)

    def Pipe(self, duplex: bool = True, **how: Any) -> Tuple[_ringway.Connection, _ringway.Connection]:
        """Two ends of a `ringway.Pipe`."""
        return _ringway.Pipe(duplex, **how)

    def Lock(self) -> _ringway.Lock:
        """A `ringway.Lock`."""
        return _ringway.Lock(ignore_death=True)

    def RLock(self) -> _ringway.RLock:
        """A `ringway.RLock`."""
        return _ringway.RLock(ignore_death=True)

    def Condition(self, lock: Any = None) -> _ringway.Condition:
        """A `ringway.Condition`."""
        return _ringway.Condition(self.RLock() if lock is None else lock)

    def Semaphore(self, value: int = 1) -> _ringway.Semaphore:
        """A `ringway.Semaphore`."""
        return _ringway.Semaphore(value)

    def BoundedSemaphore(self, value: int = 1) -> _ringway.BoundedSemaphore:
        """A `ringway.BoundedSemaphore`."""
        return _ringway.BoundedSemaphore(value)

    def Event(self) -> _ringway.Event:
        """A `ringway.Event`."""
        return _ringway.Event()

    def Barrier(self, parties: int, action: Any = None, timeout: Optional[float] = None) -> _ringway.Barrier:
        """A `ringway.Barrier`."""
        return _ringway.Barrier(parties, action, timeout)

    def Value(self, typecode_or_type: Any, *args: Any, lock: Any = True) -> Any:
        """A `ringway.Value`; for a structure, or with another lock or none, the standard module's."""
        if lock is None:
            lock = True
        if lock is True and not _is_simple(typecode_or_type):
            lock = self.RLock()
        if lock is not True:
            return _standard.Value(typecode_or_type, *args, lock=lock)
        return _ringway.Value(typecode_or_type, *args, ignore_death=True)

    def Array(self, typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True) -> Any:
        """A `ringway.Array`; of structures, or with another lock or none, the standard module's."""
        if lock is None:
            lock = True
        if lock is True and not _is_simple(typecode_or_type):
            lock = self.RLock()
        if lock is not True:
            return _standard.Array(typecode_or_type, size_or_initializer, lock=lock)
        return _ringway.Array(typecode_or_type, size_or_initializer, ignore_death=True)

    # What is built from the standard module's own parts stays so.

    def _standard_context(self) -> Any:
        return _standard.get_context(self.get_start_method())  # type: ignore[attr-defined]

    def Pool(self, *args: Any, **kwargs: Any) -> Any:
        """The standard module's pool."""
        return self._standard_context().Pool(*args, **kwargs)

    def Manager(self) -> Any:
        """The standard module's manager."""
        return self._standard_context().Manager()


def _is_simple(typecode_or_type: Any) -> bool:
    from ._values import type_code

    try:
        type_code(typecode_or_type)
    except TypeError:
        return False
    return True


def _for_others(name: str) -> Any:
    """A method of a context that makes a part. The standard library, which builds its own queues and pools of
    a context's parts and looks into them, gets the standard ones."""
    ours = getattr(_Parts, name)

    @functools.wraps(ours)
    def make(self: Any, *args: Any, **how: Any) -> Any:
        asks = sys._getframe(1).f_globals.get("__name__", "").partition(".")[0]
        if asks in ("multiprocessing", "concurrent"):
            return getattr(self._standard_context(), name)(*args, **how)
        return ours(self, *args, **how)

    return make


def _with_parts(standard: Any) -> Any:
    """A context like the standard one, with Ringway's parts."""
    kind = type(standard)
    body = {name: _for_others(name) for name in vars(_Parts) if not name.startswith("_")}
    return type(kind.__name__, (_Parts, kind), {"_name": getattr(kind, "_name", None), **body})()


_contexts = {method: _with_parts(_standard.get_context(method)) for method in _standard.get_all_start_methods()}


class _Default(_Parts):
    """The parts of the module itself: they are alike for every start method."""

    def get_start_method(self) -> Any:
        return _standard.get_start_method()


_default = _Default()
Queue = _default.Queue
JoinableQueue = _default.JoinableQueue
SimpleQueue = _default.SimpleQueue
Pipe = _default.Pipe
Lock = _default.Lock
RLock = _default.RLock
Condition = _default.Condition
Semaphore = _default.Semaphore
BoundedSemaphore = _default.BoundedSemaphore
Event = _default.Event
Barrier = _default.Barrier
Value = _default.Value
Array = _default.Array


def get_context(method: Optional[str] = None) -> Any:
    """The context of a start method, with Ringway's parts."""
    return _contexts[_standard.get_start_method() if method is None else method]


__all__ = [name for name in _standard.__all__]


def __getattr__(name: str) -> Any:
    """What else the standard module has, such as its submodules."""
    return getattr(_standard, name)
