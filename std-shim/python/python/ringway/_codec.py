"""Objects as bytes, and back."""

from __future__ import annotations

import copyreg
import io
import pickle
import struct
from collections import ChainMap
from multiprocessing.reduction import ForkingPickler
from typing import Any, Optional, Tuple

from . import _ringway

#: The tags of messages: bytes as they are, and a pickled object.
BYTES, PICKLE = 0, 1

HEADER = struct.Struct("=II")
assert HEADER.size == _ringway.HEADER

loads = pickle.loads
_PROTOCOL = pickle.HIGHEST_PROTOCOL


#: Types that nobody registers a way of pickling for, and that contain nothing.
_PLAIN = frozenset((int, str, float, bool, bytes, bytearray, type(None)))


class _Pickler(pickle.Pickler):
    """Pickles what `multiprocessing` can send: descriptors, sockets and connections, too."""

    # `ForkingPickler` makes a table for each object; this one is made once.
    _registered: Any = copyreg.dispatch_table
    dispatch_table = ChainMap(ForkingPickler._extra_reducers, _registered)  # type: ignore[attr-defined]


def dumps(obj: Any) -> bytes:
    """An object as bytes, as `multiprocessing` does it."""
    if type(obj) in _PLAIN:
        return pickle.dumps(obj, _PROTOCOL)
    buffer = io.BytesIO()
    _Pickler(buffer, _PROTOCOL).dump(obj)
    return buffer.getvalue()


def encode(obj: Any) -> Tuple[bytes, int]:
    """An object as bytes, with their tag."""
    if type(obj) is bytes:
        return obj, BYTES
    return dumps(obj), PICKLE


def decode(message: Any, tag: int) -> Any:
    """The object that the bytes mean. What a trusted process pickled is unpickled."""
    if tag == BYTES:
        return message
    if tag == PICKLE:
        return loads(message)
    raise ValueError(f"the message has the tag {tag}, which this version does not know")


class Slots:
    """Objects in slots of one size: with a header, or as items of a `struct` format."""

    def __init__(self, size: int, format: Optional[str]) -> None:
        self.size = size
        self.items = None if format is None else struct.Struct(format)
        if self.items is not None and self.items.size != size:
            raise ValueError(f"the items have {size} bytes each, and the format {format!r} has {self.items.size}")
        self.is_single = self.items is not None and len(self.items.unpack(bytes(size))) == 1

    def pack(self, obj: Any) -> bytes:
        """A whole slot."""
        if self.items is not None:
            return self.items.pack(obj) if self.is_single else self.items.pack(*obj)
        message, tag = encode(obj)
        room = self.size - HEADER.size
        if len(message) > room:
            raise _ringway.MessageTooLarge(
                f"the message is too large: there is room for {room} bytes, and it has {len(message)}; "
                "state a larger size when you create the part",
                room,
            )
        return (HEADER.pack(len(message), tag) + message).ljust(self.size, b"\0")

    def unpack(self, slot: bytes) -> Any:
        """The object in a slot."""
        if self.items is not None:
            values = self.items.unpack(slot)
            return values[0] if self.is_single else values
        length, tag = HEADER.unpack_from(slot)
        if length > len(slot) - HEADER.size:
            raise ValueError("the item is no message of this package: open the part with `format`")
        return decode(slot[HEADER.size : HEADER.size + length], tag)
