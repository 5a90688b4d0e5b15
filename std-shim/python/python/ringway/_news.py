"""Broadcasts and newest values: one process writes, and any number reads."""

from __future__ import annotations

from queue import Empty
from typing import Any, Iterator, Optional

from . import _ringway
from ._codec import Slots
from ._queues import CAPACITY
from ._region import ALONE, PLACES, Layout, Observer, Part, Region, _find, alone, item_size


class Reader:
    """A reader of a broadcast: it gets every message from the oldest on that was still there."""

    def __init__(self, native: Any, slots: Slots) -> None:
        self._native, self._slots = native, slots

    def recv(self, timeout: Optional[float] = None) -> Any:
        """The next message, for which it waits.

        Raises `queue.Empty` if there is none in time; `Lagged` if messages were overwritten before they
        were read, and the next call goes on behind them; `EOFError` when the writer is gone.
        """
        return self._slots.unpack(self._native.recv(timeout))

    def skip_to_newest(self) -> int:
        """Goes on at the newest message; returns how many it skips."""
        return self._native.skip_to_newest()

    def __iter__(self) -> Iterator[Any]:
        """The messages, until the writer is gone."""
        while True:
            try:
                yield self.recv()
            except EOFError:
                return


class Broadcast(Part):
    """Every message to every reader, from a writer that never waits.

    It keeps the last `capacity` messages, of at most `size` bytes each. The process that first sends is
    its writer.
    """

    _is_latest = False

    def __init__(
        self,
        capacity: int = CAPACITY,
        *,
        size: Optional[int] = None,
        format: Optional[str] = None,
        places: int = PLACES,
    ) -> None:
        layout = Layout(places)._add("broadcast", ALONE, capacity, item_size(size, format))
        self._open_in(alone(layout), ALONE, format)

    @classmethod
    def _of(cls, region: Region, name: str, format: Optional[str] = None) -> Any:
        part = cls.__new__(cls)
        part._open_in(region, name, format)
        return part

    def _open_in(self, region: Region, name: str, format: Optional[str]) -> None:
        self._placed(region, name, format=format)
        size = _find(region._native, name).item_size
        self._native = _ringway.Broadcast(region._native, name, size, self._is_latest)
        self._slots = Slots(size, format)
        region._parts[(name, type(self))] = self

    def send(self, obj: Any) -> None:
        """Sends a message to all readers. Raises `Taken` if another process is the writer."""
        self._native.send(self._slots.pack(obj))

    def reader(self) -> Reader:
        """A reader. Each gets every message."""
        return Reader(self._native.reader(), self._slots)

    @property
    def sent(self) -> int:
        """How many messages were sent."""
        return self._native.sent

    @property
    def capacity(self) -> int:
        """How many messages it keeps."""
        return self._native.capacity

    def close(self) -> None:
        """Ends the stream, if this process writes it."""
        self._native.close()


class Latest(Part):
    """The newest value, of at most `size` bytes, from a writer that never waits."""

    def __init__(self, *, size: Optional[int] = None, format: Optional[str] = None, places: int = PLACES) -> None:
        layout = Layout(places)._add("latest", ALONE, 0, item_size(size, format))
        self._open_in(alone(layout), ALONE, format)

    @classmethod
    def _of(cls, region: Region, name: str, format: Optional[str] = None) -> Latest:
        part = cls.__new__(cls)
        part._open_in(region, name, format)
        return part

    def _open_in(self, region: Region, name: str, format: Optional[str]) -> None:
        self._placed(region, name, format=format)
        size = _find(region._native, name).item_size
        self._native = _ringway.Broadcast(region._native, name, size, True)
        self._slots = Slots(size, format)
        self._reader: Any = None
        region._parts[(name, type(self))] = self

    def store(self, obj: Any) -> None:
        """Stores a value. Raises `Taken` if another process is the writer."""
        self._native.send(self._slots.pack(obj))

    def load(self) -> Any:
        """The newest value; `None` if there is none yet."""
        while True:
            reader = self._native.reader()
            reader.skip_to_newest()
            try:
                return self._slots.unpack(reader.recv(0.0))
            except (Empty, EOFError):
                return None
            except _ringway.Lagged:
                continue

    def wait(self, timeout: Optional[float] = None) -> Any:
        """A newer value than this object returned last, for which it waits.

        Raises `queue.Empty` if there is none in time, and `EOFError` when the writer is gone.
        """
        if self._reader is None:
            self._reader = self._native.reader()
        while True:
            self._reader.skip_to_newest()
            try:
                return self._slots.unpack(self._reader.recv(timeout))
            except _ringway.Lagged:
                continue

    def close(self) -> None:
        """Ends the stream, if this process writes it."""
        self._native.close()


class _Observed:
    def __init__(self, observer: Observer, name: str, format: Optional[str], is_latest: bool) -> None:
        size = _find(observer._native, name).item_size
        self._native = _ringway.ObservedReader(observer._native, name, size, is_latest)
        self._slots = Slots(size, format)
        self._observer = observer


class ObservedBroadcast(_Observed):
    """A broadcast that this process only looks at."""

    def __init__(self, observer: Observer, name: str, format: Optional[str]) -> None:
        super().__init__(observer, name, format, False)

    def try_recv(self) -> Any:
        """The next message. Raises `queue.Empty` and `Lagged` as a `Reader` does. Who only looks learns
        nothing of the end."""
        slot = self._native.try_recv()
        if slot is None:
            raise Empty
        return self._slots.unpack(slot)


class ObservedLatest(_Observed):
    """A newest value that this process only looks at."""

    def __init__(self, observer: Observer, name: str, format: Optional[str]) -> None:
        super().__init__(observer, name, format, True)
        self._last: Any = None

    def load(self) -> Any:
        """The newest value; `None` if there is none yet."""
        while True:
            self._native.skip_to_newest()
            try:
                slot = self._native.try_recv()
            except _ringway.Lagged:
                continue
            if slot is not None:
                self._last = self._slots.unpack(slot)
            return self._last
