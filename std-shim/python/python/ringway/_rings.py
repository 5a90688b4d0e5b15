"""Rings: one process sends, and one receives, at the highest rate."""

from __future__ import annotations

import os
import select
import socket
import time
from multiprocessing import reduction
from queue import Empty, Full
from typing import Any, Optional, Tuple

from . import _ringway
from ._codec import BYTES, PICKLE, Slots, decode, dumps, loads
from ._region import ALONE, PLACES, Layout, Part, Region, _find, alone, item_size, let_go
from ._queues import CAPACITY


class Ring(Part):
    """A ring of messages of at most `size` bytes, from one process to one other.

    A process takes its half when it first uses it: the one that puts, the one that gets. With `format`,
    the items are those of a `struct` format, as a Rust or C program has them.
    """

    def __init__(
        self,
        capacity: int = CAPACITY,
        *,
        size: Optional[int] = None,
        format: Optional[str] = None,
        places: int = PLACES,
    ) -> None:
        layout = Layout(places)._add("ring", ALONE, capacity, item_size(size, format))
        self._open_in(alone(layout), ALONE, format)

    @classmethod
    def _of(cls, region: Region, name: str, format: Optional[str] = None) -> Ring:
        ring = cls.__new__(cls)
        ring._open_in(region, name, format)
        return ring

    def _open_in(self, region: Region, name: str, format: Optional[str]) -> None:
        self._placed(region, name, format=format)
        size = _find(region._native, name).item_size
        self._native = _ringway.Ring(region._native, name, size)
        self._slots = Slots(size, format)
        region._parts[(name, type(self))] = self

    def put(self, obj: Any, block: bool = True, timeout: Optional[float] = None) -> None:
        """Puts an object, and waits for room. Raises `queue.Full` if there is none in time, and
        `BrokenPipeError` if the process that got is gone."""
        wait = timeout if block else 0.0
        if self._slots.items is not None:
            self._native.put(self._slots.pack(obj), wait)
        elif type(obj) is bytes:
            self._native.put_message(obj, BYTES, wait)
        else:
            self._native.put_message(dumps(obj), PICKLE, wait)

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Any:
        """Gets the oldest message, and waits for one. Raises `queue.Empty` if there is none in time, and
        `EOFError` if the process that put is gone and everything was got."""
        wait = timeout if block else 0.0
        if self._slots.items is not None:
            return self._slots.unpack(self._native.get(wait))
        message, tag = self._native.get_message(wait)
        return message if tag == BYTES else decode(message, tag)

    def qsize(self) -> int:
        """How many messages there are, at some moment of the call."""
        return self._native.qsize()

    @property
    def capacity(self) -> int:
        """How many messages it holds."""
        return self._native.capacity

    def close(self) -> None:
        """Ends this process's halves: the other side learns of it."""
        self._native.close()

    def ready_fd(self) -> Any:
        """A descriptor that is readable when there is something to get, once; then call its `rearm`."""
        return self._native.ready_fd()


class ByteRing(Part):
    """A stream of bytes from one process to one other."""

    def __init__(self, capacity: int = 65536, *, places: int = PLACES) -> None:
        self._open_in(alone(Layout(places).byte_ring(ALONE, capacity)), ALONE)

    @classmethod
    def _of(cls, region: Region, name: str) -> ByteRing:
        ring = cls.__new__(cls)
        ring._open_in(region, name)
        return ring

    def _open_in(self, region: Region, name: str) -> None:
        self._placed(region, name)
        self._native = _ringway.ByteRing(region._native, name)
        region._parts[(name, type(self))] = self

    def write(self, data: Any, timeout: Optional[float] = None) -> int:
        """Writes all of the bytes, and waits for room. After `timeout` it returns how many it wrote.

        Raises `BrokenPipeError` if the process that read is gone.
        """
        data = bytes(data)
        end = None if timeout is None else time.monotonic() + timeout
        done = 0
        while done < len(data):
            left = None if end is None else max(0.0, end - time.monotonic())
            count = self._native.write(data[done:] if done else data, left)
            if count is None:
                break
            done += count
        return done

    def read(self, size: int = 65536, timeout: Optional[float] = None) -> Optional[bytes]:
        """Reads what there is, at most `size` bytes, and waits for a byte. `b""` is the end of the
        stream; `None` means that nothing came in time."""
        return self._native.read(size, timeout)

    def qsize(self) -> int:
        """How many bytes there are, at some moment of the call."""
        return self._native.qsize()

    @property
    def capacity(self) -> int:
        """How many bytes it holds."""
        return self._native.capacity

    def close(self) -> None:
        """Ends this process's halves: the other side learns of it."""
        self._native.close()

    def ready_fd(self) -> Any:
        """A descriptor that is readable when there is something to read, once; then call its `rearm`."""
        return self._native.ready_fd()


class Message:
    """A received message, in place: `view` has its bytes until it is released."""

    def __init__(self, region: Region, native: Any) -> None:
        self._native = native
        self.view: memoryview = region.view(native.offset, native.length)

    def release(self) -> None:
        """Ends the message: its room is free for the sender."""
        let_go(self.view)
        self._native.release()

    def __enter__(self) -> memoryview:
        return self.view

    def __exit__(self, kind: Any, *_: Any) -> None:
        let_go(self.view)
        if kind is None:
            self._native.release()
        else:
            self._native.give_back()


class Room:
    """Room for a message, which is written in place: write to `view`, and then `commit`."""

    def __init__(self, region: Region, native: Any) -> None:
        self._native = native
        self.view: memoryview = region.view(native.offset, native.length)

    def commit(self, size: Optional[int] = None) -> None:
        """Sends the first `size` bytes, or all."""
        let_go(self.view)
        if not self._native.commit(self._native.length if size is None else size):
            raise ValueError("the message was sent or given back before")

    def __enter__(self) -> Room:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        let_go(self.view)
        if kind is None:
            self._native.commit(self._native.length)
        else:
            self._native.give_back()


class MessageRing(Part):
    """Messages of any length that fits, from one process to one other.

    A process takes its half when it first uses it: the one that sends, the one that receives.
    """

    def __init__(self, capacity: int = 65536, *, places: int = PLACES) -> None:
        self._open_in(alone(Layout(places).message_ring(ALONE, capacity)), ALONE)

    @classmethod
    def _of(cls, region: Region, name: str) -> MessageRing:
        ring = cls.__new__(cls)
        ring._open_in(region, name)
        return ring

    def _open_in(self, region: Region, name: str) -> None:
        self._placed(region, name)
        self._native = _ringway.MessageRing(region._native, name)
        region._parts[(name, type(self))] = self

    def send_bytes(self, message: Any, timeout: Optional[float] = None) -> None:
        """Sends bytes, and waits for room. Raises `queue.Full` if there is none in time."""
        self._native.send(message if type(message) is bytes else bytes(message), timeout)

    def recv_bytes(self, timeout: Optional[float] = None) -> bytes:
        """Receives the oldest message, and waits for one. Raises `queue.Empty` if there is none in
        time, and `EOFError` at the end."""
        return self._native.recv(timeout)

    def send(self, obj: Any, timeout: Optional[float] = None) -> None:
        """Sends an object, pickled."""
        self._native.send(dumps(obj), timeout)

    def recv(self, timeout: Optional[float] = None) -> Any:
        """Receives an object that was sent pickled, by a process that is trusted."""
        return loads(self._native.recv(timeout))

    def reserve(self, size: int, timeout: Optional[float] = None) -> Room:
        """Room for a message of at most `size` bytes, to be written in place, without a copy."""
        return Room(self._region, self._native.reserve(size, timeout))

    def peek(self, timeout: Optional[float] = None) -> Message:
        """The oldest message in place, without a copy. As a context manager it lends the bytes::

            with ring.peek() as view:
                total = numpy.frombuffer(view).sum()
        """
        return Message(self._region, self._native.peek(timeout))

    def poll(self, timeout: Optional[float] = 0.0) -> bool:
        """Whether there is a message, or the end, in time."""
        return self._native.poll(timeout)

    @property
    def capacity(self) -> int:
        """How many bytes it holds, with 4 to 11 for each message beside its own."""
        return _find(self._region._native, self._name).capacity

    def close(self) -> None:
        """Ends this process's halves: the other side learns of it."""
        self._native.close_sender()
        self._native.close_receiver()

    def ready_fd(self) -> Any:
        """A descriptor that is readable when there is a message, once; then call its `rearm`."""
        return self._native.ready_fd()


#: How many bytes a pipe holds in each direction, unless its maker says another number.
PIPE = 1 << 18


#: How long a receiver sleeps before it looks whether anybody has the other end, in seconds.
_LOOK = 0.1


class Connection:
    """An end of a pipe, with the methods of `multiprocessing.connection.Connection`.

    The other end gets `EOFError` once no process has this end any more, as with `multiprocessing`; and
    once the process that used it closes it or dies. One process at a time uses an end.
    """

    def __init__(
        self, receives: Optional[MessageRing], sends: Optional[MessageRing], life: socket.socket
    ) -> None:
        self._receives, self._sends = receives, sends
        # No bytes pass here. The kernel tells when nobody has the other end of it.
        self._life = life
        self._is_closed = False
        #: Whether this object, and not another of the same end, took a half.
        self._has_read = self._has_written = False
        self._ready: Any = None
        self._events: Any = None
        self._process = os.getpid()

    def __reduce__(self) -> Tuple[Any, ...]:
        self._check()
        return _arrive, (self._receives, self._sends, reduction.DupFd(self._life.fileno()))

    def _is_alone(self) -> bool:
        """Whether no process has the other end."""
        poll = select.poll()
        poll.register(self._life, select.POLLRDHUP)
        return bool(poll.poll(0))

    def _await(self, ring: MessageRing, timeout: Optional[float]) -> bool:
        """Waits for a message or the end; whether it came in time."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _LOOK if end is None else min(_LOOK, end - time.monotonic())
            if ring._native.poll(left):
                return True
            if self._is_alone():
                # What was sent before the other end went is there by now.
                return True
            if end is not None and time.monotonic() >= end:
                return False

    def _take(self, ring: MessageRing, timeout: Optional[float]) -> bytes:
        """The oldest message."""
        try:
            message: bytes = ring._native.recv(0.0)
        except Empty:
            if not self._await(ring, timeout):
                raise
            try:
                message = ring._native.recv(0.0)
            except Empty:
                raise EOFError("no process has the other end") from None
        self._rearm()
        return message

    def _give(self, ring: MessageRing, message: bytes, timeout: Optional[float]) -> None:
        """Sends a message; waits for room."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _LOOK if end is None else min(_LOOK, end - time.monotonic())
            try:
                return ring._native.send(message, left)
            except Full:
                if self._is_alone():
                    raise BrokenPipeError("no process has the other end") from None
                if end is not None and time.monotonic() >= end:
                    raise

    def __repr__(self) -> str:
        return f"<ringway.Connection {'closed' if self._is_closed else 'open'}>"

    def _check(self) -> None:
        if self._is_closed:
            raise OSError("handle is closed")

    def _reading(self) -> MessageRing:
        self._check()
        if self._receives is None:
            raise OSError("connection is write-only")
        self._has_read = True
        return self._receives

    def _writing(self) -> MessageRing:
        self._check()
        if self._sends is None:
            raise OSError("connection is read-only")
        self._has_written = True
        return self._sends

    @property
    def closed(self) -> bool:
        """Whether this end is closed."""
        return self._is_closed

    @property
    def readable(self) -> bool:
        """Whether this end receives."""
        return self._receives is not None

    @property
    def writable(self) -> bool:
        """Whether this end sends."""
        return self._sends is not None

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to receive or no process has the other
        end, for `select` and `multiprocessing.connection.wait`."""
        ring = self._reading()
        if self._ready is None or self._process != os.getpid():
            self._ready, self._process = ring.ready_fd(), os.getpid()
            self._events = select.epoll()
            self._events.register(self._ready.fileno(), select.EPOLLIN)
            self._events.register(self._life, select.EPOLLRDHUP)
        # It may have been sent a moment ago, and the thread behind the descriptor does not know yet.
        self._ready.rearm()
        fd: int = self._events.fileno()
        return fd

    def _rearm(self) -> None:
        if self._ready is not None and self._process == os.getpid():
            self._ready.rearm()

    def close(self) -> None:
        """Ends what this process does with this end."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._sends is not None and self._has_written:
            self._sends._native.end_sender()
        if self._receives is not None and self._has_read:
            self._receives._native.end_receiver()
        if self._events is not None:
            self._events.close()
        self._ready = self._events = None
        self._life.close()

    def send(self, obj: Any, timeout: Optional[float] = None) -> None:
        """Sends an object, pickled. Raises `queue.Full` if there is no room in time."""
        self._give(self._writing(), dumps(obj), timeout)

    def recv(self, timeout: Optional[float] = None) -> Any:
        """Receives an object. Raises `EOFError` when the other end is closed and all was received, and
        `queue.Empty` if nothing came in time."""
        return loads(self._take(self._reading(), timeout))

    def send_bytes(self, buf: Any, offset: int = 0, size: Optional[int] = None) -> None:
        """Sends bytes of a buffer as one message."""
        ring = self._writing()
        if type(buf) is not bytes or offset or size is not None:
            view = memoryview(buf)
            if view.itemsize > 1:
                view = view.cast("B")
            if offset < 0:
                raise ValueError("offset is negative")
            if len(view) < offset:
                raise ValueError("buffer length < offset")
            if size is None:
                size = len(view) - offset
            elif size < 0:
                raise ValueError("size is negative")
            elif offset + size > len(view):
                raise ValueError("buffer length < offset + size")
            buf = bytes(view[offset : offset + size])
        self._give(ring, buf, None)

    def recv_bytes(self, maxlength: Optional[int] = None) -> bytes:
        """Receives a message as bytes. Raises `OSError` if it is longer than `maxlength`, which ends
        the connection."""
        if maxlength is not None and maxlength < 0:
            raise ValueError("negative maxlength")
        message = self._take(self._reading(), None)
        if maxlength is not None and len(message) > maxlength:
            self.close()
            raise OSError("bad message length")
        return message

    def recv_bytes_into(self, buf: Any, offset: int = 0) -> int:
        """Receives a message into a buffer; returns its length."""
        from multiprocessing import BufferTooShort

        ring = self._reading()
        view = memoryview(buf)
        size = view.nbytes
        if offset < 0:
            raise ValueError("negative offset")
        if offset > size:
            raise ValueError("offset too large")
        message = self._take(ring, None)
        if size < offset + len(message):
            raise BufferTooShort(message)
        view.cast("B")[offset : offset + len(message)] = message
        return len(message)

    def poll(self, timeout: Optional[float] = 0.0) -> bool:
        """Whether there is something to receive, in time."""
        ring = self._reading()
        ready: bool = ring._native.poll(0.0) or self._await(ring, timeout)
        if not ready:
            self._rearm()
        return ready

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def Pipe(duplex: bool = True, *, size: int = PIPE, places: int = PLACES) -> Tuple[Connection, Connection]:
    """Two connected ends, as `multiprocessing.Pipe` makes them. Each direction holds `size` bytes.

    If `duplex` is false, the first end receives and the second sends.
    """
    layout = Layout(places).message_ring("there", size)
    if duplex:
        layout.message_ring("back", size)
    region = alone(layout)
    there = region.message_ring("there")
    back = region.message_ring("back") if duplex else None
    one, other = socket.socketpair()
    return Connection(there, back, one), Connection(back, there, other)


def _arrive(receives: Optional[MessageRing], sends: Optional[MessageRing], life: Any) -> Connection:
    """An end in the process to which it travelled."""
    return Connection(receives, sends, socket.socket(fileno=life.detach()))
