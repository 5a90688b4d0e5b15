"""Queues: any number of processes put and get."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections import deque
from queue import Empty, Full
from typing import Any, Deque, Dict, List, Optional

from . import _ringway
from ._codec import BYTES, Slots, decode, dumps, encode
from ._region import ALONE, PLACES, Layout, Part, Region, _find, alone, item_size, let_go

#: How many messages a queue holds, unless its maker says another number.
CAPACITY = 1024


class _Watch:
    """Waits of one event loop's tasks for a part that has something to take."""

    def __init__(self, ready: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.ready, self.loop = ready, loop
        self.waiters: List["asyncio.Future[None]"] = []

    def _wake(self) -> None:
        self.loop.remove_reader(self.ready.fileno())
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def arm(self) -> "asyncio.Future[None]":
        """What is done when the part may have something. Look at the part once more after this."""
        waiter = self.loop.create_future()
        if not self.waiters:
            self.ready.rearm()
            self.loop.add_reader(self.ready.fileno(), self._wake)
        self.waiters.append(waiter)
        return waiter

    def disarm(self, waiter: "asyncio.Future[None]") -> None:
        """Takes a waiter back."""
        if waiter in self.waiters:
            self.waiters.remove(waiter)
            if not self.waiters:
                self.loop.remove_reader(self.ready.fileno())


class Claim:
    """A message that a process works on.

    It stays in the queue until it is completed: if the process dies, another gets the message. As a
    context manager it is completed at the end, and given back after an exception.
    """

    def __init__(self, queue: "Queue", native: Any) -> None:
        self._queue, self._native = queue, native
        self._view: Optional[memoryview] = None

    @property
    def attempts(self) -> int:
        """How many times the message was claimed, with this one."""
        return self._native.attempts

    @property
    def view(self) -> memoryview:
        """The message's bytes in place, without a copy, until the claim is over."""
        if self._view is None:
            if self._queue._slots.items is None:
                _, length = self._native.header()
                offset = self._native.offset + _ringway.HEADER
            else:
                offset, length = self._native.offset, self._native.size()
            self._view = self._queue._region.view(offset, length)
        return self._view

    @property
    def value(self) -> Any:
        """The message."""
        if self._queue._slots.items is not None:
            return self._queue._slots.unpack(bytes(self.view))
        tag, _ = self._native.header()
        return decode(bytes(self.view) if tag == BYTES else self.view, tag)

    def _end(self) -> None:
        view, self._view = self._view, None
        if view is not None:
            let_go(view)

    def complete(self) -> None:
        """Ends the claim: the message was delivered."""
        self._end()
        if not self._native.complete():
            raise ValueError("the claim is over: it was completed or given back")

    def give_back(self) -> None:
        """Ends the claim: another process gets the message."""
        self._end()
        self._native.give_back()

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self._end()
        if kind is None:
            self._native.complete()
        else:
            self._native.give_back()


class Loan:
    """Room for a message, which is written in place: write to `view`, and then `commit`.

    As a context manager it sends all of it at the end, unless it was committed, and nothing after an
    exception.
    """

    def __init__(self, region: Region, native: Any, header: int, room: int) -> None:
        self._native, self._header = native, header
        self.view: memoryview = region.view(native.offset + header, room)
        self._is_over = False

    def _end(self) -> int:
        self._is_over = True
        size = len(self.view)
        let_go(self.view)
        return size

    def commit(self, size: Optional[int] = None) -> None:
        """Sends the first `size` bytes, or all."""
        if self._is_over:
            raise ValueError("the loan is over: it was sent or given back")
        room = self._end()
        if self._header:
            self._native.commit(room if size is None else size, BYTES)
        else:
            self._native.commit_item()

    def give_back(self) -> None:
        """Sends nothing."""
        if not self._is_over:
            self._end()
            self._native.give_back()

    def __enter__(self) -> "Loan":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if self._is_over:
            return
        if kind is None:
            self.commit()
        else:
            self.give_back()


class Queue(Part):
    """A queue between processes, with the methods of `multiprocessing.Queue`.

    It holds at most `maxsize` messages (0: %d) of at most `size` bytes each. `bytes` travel as they
    are, and other objects pickled. There is no thread behind it: `put` has put when it returns. A
    process that is killed, at any moment, loses no message of another and blocks nobody.

    With `format`, the items are those of a `struct` format, as a Rust or C program has them.
    """

    def __init__(
        self,
        maxsize: int = 0,
        *,
        size: Optional[int] = None,
        format: Optional[str] = None,
        max_attempts: int = 0,
        places: int = PLACES,
    ) -> None:
        layout = Layout(places)._add("queue", ALONE, maxsize if maxsize > 0 else CAPACITY, item_size(size, format))
        self._open_in(alone(layout), ALONE, format)
        if max_attempts:
            self.max_attempts = max_attempts

    @classmethod
    def _of(cls, region: Region, name: str, format: Optional[str] = None) -> "Queue":
        queue = cls.__new__(cls)
        queue._open_in(region, name, format)
        return queue

    def _open_in(self, region: Region, name: str, format: Optional[str]) -> None:
        self._placed(region, name, format=format)
        self._native = _ringway.Queue(region._native, name)
        self._slots = Slots(_find(region._native, name).item_size, format)
        self._watches: "weakref.WeakKeyDictionary[Any, _Watch]" = weakref.WeakKeyDictionary()
        #: The process that closed it for itself.
        self._closed_in = 0
        region._parts[(name, type(self))] = self

    def _check(self) -> None:
        if self._closed_in == os.getpid():
            raise ValueError(f"{self!r} is closed")

    def put(self, obj: Any, block: bool = True, timeout: Optional[float] = None) -> None:
        """Puts an object, and waits for room.

        Raises `queue.Full` if there is none in time, `MessageTooLarge` if there can be none, and
        `ValueError` if the queue is closed.
        """
        if self._closed_in:
            self._check()
        wait = timeout if block else 0.0
        if self._slots.items is not None:
            self._native.put_item(self._slots.pack(obj), wait)
        elif type(obj) is bytes:
            self._native.put(obj, BYTES, wait)
        else:
            self._native.put(dumps(obj), 1, wait)

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Any:
        """Gets the oldest message, and waits for one.

        Raises `queue.Empty` if there is none in time, and `ValueError` if this process closed the queue,
        or if it is empty and was ended.
        """
        if self._closed_in:
            self._check()
        wait = timeout if block else 0.0
        if self._slots.items is not None:
            return self._slots.unpack(self._native.get_item(wait))
        message, tag = self._native.get(wait)
        return message if tag == BYTES else decode(message, tag)

    def put_nowait(self, obj: Any) -> None:
        """Puts an object if there is room; otherwise raises `queue.Full`."""
        self.put(obj, False)

    def get_nowait(self) -> Any:
        """Gets the oldest message if there is one; otherwise raises `queue.Empty`."""
        return self.get(False)

    def claim(self, block: bool = True, timeout: Optional[float] = None) -> Claim:
        """Claims the oldest message, and waits for one. It leaves the queue once it is completed::

            with queue.claim() as job:
                work(job.value)

        If this process dies meanwhile, another gets the message.
        """
        if self._closed_in:
            self._check()
        return Claim(self, self._native.claim(timeout if block else 0.0))

    def reserve(self, block: bool = True, timeout: Optional[float] = None) -> Loan:
        """Room for a message of bytes, to be written in place, without a copy."""
        if self._closed_in:
            self._check()
        native = self._native.reserve(timeout if block else 0.0)
        header = 0 if self._slots.items is not None else _ringway.HEADER
        return Loan(self._region, native, header, native.room - header)

    def qsize(self) -> int:
        """How many messages there are, at some moment of the call."""
        return self._native.qsize()

    def empty(self) -> bool:
        """Whether there is no message, at some moment of the call."""
        return self._native.qsize() == 0

    def full(self) -> bool:
        """Whether there is no room, at some moment of the call."""
        return self._native.unfinished >= self._native.capacity

    @property
    def maxsize(self) -> int:
        """How many messages it holds."""
        return self._native.capacity

    @property
    def size(self) -> int:
        """The room for a message, in bytes."""
        return self._slots.size - (0 if self._slots.items is not None else _ringway.HEADER)

    @property
    def max_attempts(self) -> int:
        """How often a message may be claimed before the queue gives it up; 0: as often as it takes."""
        return self._native.max_attempts

    @max_attempts.setter
    def max_attempts(self, attempts: int) -> None:
        self._native.set_max_attempts(attempts)

    @property
    def given_up(self) -> int:
        """How many messages the queue has given up."""
        return self._native.refused

    def close(self) -> None:
        """Ends what this process does with the queue. `end` ends it for all."""
        self._closed_in = os.getpid()

    def end(self) -> None:
        """Ends the queue for all processes: nobody puts any more, and what is there can be got."""
        self._native.close()

    @property
    def is_ended(self) -> bool:
        """Whether somebody has called `end`."""
        return self._native.is_closed

    def join_thread(self) -> None:
        """Does nothing: there is no thread."""

    def cancel_join_thread(self) -> None:
        """Does nothing: there is no thread."""

    # For event loops.

    def ready_fd(self) -> Any:
        """A descriptor that is readable when there is something to get, once; then call its `rearm`."""
        return self._native.ready_fd()

    async def _later(self, look: Any) -> Any:
        """What `look` returns once it does not raise `Empty`."""
        try:
            return look()
        except Empty:
            pass
        loop = asyncio.get_running_loop()
        watch = self._watches.get(loop)
        if watch is None or watch.loop is not loop:
            watch = self._watches[loop] = _Watch(self._native.ready_fd(), loop)
        while True:
            waiter = watch.arm()
            try:
                try:
                    return look()
                except Empty:
                    await waiter
            finally:
                watch.disarm(waiter)

    async def aget(self) -> Any:
        """`get` for a task. A task that is cancelled has got nothing."""
        return await self._later(self.get_nowait)

    async def aclaim(self) -> Claim:
        """`claim` for a task. A task that is cancelled has claimed nothing."""
        return await self._later(lambda: self.claim(False))

    async def aput(self, obj: Any) -> None:
        """`put` for a task. While the queue is full, it looks again every now and then."""
        pause = 0.001
        while True:
            try:
                return self.put_nowait(obj)
            except Full:
                await asyncio.sleep(pause)
                pause = min(2 * pause, 0.05)


if Queue.__doc__ is not None:
    Queue.__doc__ = Queue.__doc__ % CAPACITY


class JoinableQueue(Queue):
    """A `Queue` that can be waited for until each message was worked on.

    `get` claims a message, and `task_done` completes the one that this process claimed first. If the
    process dies between the two, another gets the message.
    """

    def _open_in(self, region: Region, name: str, format: Optional[str]) -> None:
        super()._open_in(region, name, format)
        self._claims: Deque[Any] = deque()
        self._process = os.getpid()

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Any:
        """Gets the oldest message, which stays unfinished until `task_done`."""
        if self._process != os.getpid():
            # A copy of the process: the claims are the parent's.
            self._claims, self._process = deque(), os.getpid()
        if self._closed_in:
            self._check()
        claim = Claim(self, self._native.claim(timeout if block else 0.0))
        value = claim.value
        claim._end()
        self._claims.append(claim._native)
        return value

    def task_done(self) -> None:
        """Completes the message that this process got first. Raises `ValueError` if there is none."""
        if self._process == os.getpid():
            while self._claims:
                if self._claims.popleft().complete():
                    return
        raise ValueError("task_done() called too many times")

    def join(self, timeout: Optional[float] = None) -> bool:
        """Waits until every message is completed; whether that happened in time."""
        return self._native.join(timeout)


class SimpleQueue(Part):
    """A queue with the methods of `multiprocessing.SimpleQueue`."""

    def __init__(self, *, size: Optional[int] = None, capacity: int = CAPACITY, places: int = PLACES) -> None:
        layout = Layout(places)._add("queue", ALONE, capacity, item_size(size, None))
        self._open_in(alone(layout), ALONE)

    @classmethod
    def _of(cls, region: Region, name: str) -> "SimpleQueue":
        queue = cls.__new__(cls)
        queue._open_in(region, name)
        return queue

    def _open_in(self, region: Region, name: str) -> None:
        self._placed(region, name)
        self._native = _ringway.Queue(region._native, name)
        #: The process that closed it for itself.
        self._closed_in = 0
        region._parts[(name, type(self))] = self

    def _check(self) -> None:
        if self._closed_in == os.getpid():
            raise OSError(f"{self!r} is closed")

    def put(self, obj: Any, timeout: Optional[float] = None) -> None:
        """Puts an object, and waits for room. Raises `queue.Full` if there is none in time."""
        if self._closed_in:
            self._check()
        message, tag = encode(obj)
        self._native.put(message, tag, timeout)

    def get(self, timeout: Optional[float] = None) -> Any:
        """Gets the oldest message, and waits for one. Raises `queue.Empty` if there is none in time."""
        if self._closed_in:
            self._check()
        message, tag = self._native.get(timeout)
        return decode(message, tag)

    def empty(self) -> bool:
        """Whether there is no message, at some moment of the call."""
        if self._closed_in:
            self._check()
        return self._native.qsize() == 0

    def close(self) -> None:
        """Ends what this process does with the queue."""
        self._closed_in = os.getpid()
