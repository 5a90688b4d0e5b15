"""Queues, locks, pipes and shared values between processes, which survive `kill -9`.

The names and the methods are those of `multiprocessing`. Each part is made alone (`Queue(64)`), and
travels to other processes as an argument; or many are laid out in one `Region`, which has a name or
travels as one. `from ringway import multiprocessing as mp` is the standard module with these parts.
"""

from queue import Empty, Full
from threading import BrokenBarrierError

from ._locks import Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, RwLock, Semaphore
from ._news import Broadcast, Latest, Reader
from ._queues import Claim, JoinableQueue, Loan, Queue, SimpleQueue
from ._region import Layout, Observer, PartInfo, Region
from ._ringway import Lagged, MessageTooLarge, OwnerDied, Taken
from ._rings import ByteRing, Connection, Message, MessageRing, Pipe, Ring, Room
from ._values import Array, Value

__all__ = [
    "Array",
    "Barrier",
    "BoundedSemaphore",
    "Broadcast",
    "BrokenBarrierError",
    "ByteRing",
    "Claim",
    "Condition",
    "Connection",
    "Empty",
    "Event",
    "Full",
    "JoinableQueue",
    "Lagged",
    "Latest",
    "Layout",
    "Loan",
    "Lock",
    "Message",
    "MessageRing",
    "MessageTooLarge",
    "Observer",
    "OwnerDied",
    "PartInfo",
    "Pipe",
    "Queue",
    "RLock",
    "Reader",
    "Region",
    "Ring",
    "Room",
    "RwLock",
    "Semaphore",
    "SimpleQueue",
    "Taken",
    "Value",
]
