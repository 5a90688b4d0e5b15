"""Values and arrays that processes change under a lock, in place."""

from __future__ import annotations

import ctypes
from typing import Any, Dict, Iterator

from . import _ringway
from ._region import ALONE, PLACES, Layout, Part, Region, alone

#: The `ctypes` type for each type code.
TYPES: Dict[str, Any] = {
    "b": ctypes.c_int8,
    "B": ctypes.c_uint8,
    "c": ctypes.c_char,
    "?": ctypes.c_bool,
    "h": ctypes.c_int16,
    "H": ctypes.c_uint16,
    "i": ctypes.c_int32,
    "I": ctypes.c_uint32,
    "l": ctypes.c_int64,
    "L": ctypes.c_uint64,
    "q": ctypes.c_int64,
    "Q": ctypes.c_uint64,
    "f": ctypes.c_float,
    "d": ctypes.c_double,
}


def type_code(code_or_type: Any) -> str:
    """The type code of what `multiprocessing.Value` takes: a code, or a simple `ctypes` type."""
    code = code_or_type if isinstance(code_or_type, str) else getattr(code_or_type, "_type_", None)
    if isinstance(code, str) and code in TYPES:
        return code
    raise TypeError(f"{code_or_type!r} is no type code, nor a simple ctypes type: take one of {' '.join(TYPES)}")


class _LockOf(_ringway.Lock):
    """The lock of a value or an array."""


class _Locked(Part):
    """What a value and an array have: memory in place, and its lock."""

    _is_array = False

    def _open_in(self, region: Region, name: str, code: str, ctype: Any, ignore_death: bool, lock: Any) -> None:
        self._placed(region, name, code=code, ignore_death=ignore_death)
        offset = region._native.value_offset(name, code, self._is_array)
        self._lock = lock
        self._obj = ctype.from_buffer(region._mapped(), offset)
        self.acquire = self._lock.acquire
        self.release = self._lock.release
        region._parts[(name, type(self))] = self

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(self, *raised: Any) -> None:
        return self._lock.__exit__(*raised)

    def get_lock(self) -> Any:
        """The lock: an `RLock`, which `acquire_to_repair` takes after the death of a holder."""
        return self._lock

    def get_obj(self) -> Any:
        """The `ctypes` object in shared memory. Use it while you hold the lock."""
        return self._obj


class Value(_ringway.Value, _Locked):
    """A number in shared memory, with its lock, as `multiprocessing.Value` makes it::

        with total.get_lock():
            total.value += 1

    A Rust program opens it as a `Value<T>`.
    """

    def __new__(cls, code: Any, value: Any = None, *, ignore_death: bool = False, places: int = PLACES) -> Value:
        code = type_code(code)
        part = cls._of(alone(Layout(places).value(ALONE, code)), ALONE, code, ignore_death)
        if value is not None:
            part._obj.value = value
        return part

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    @classmethod
    def _of(cls, region: Region, name: str, code: str, ignore_death: bool = False) -> Value:
        lock = _LockOf(region._native, name, type_code(code), False, True, ignore_death)
        part = _ringway.Value.__new__(cls, lock)
        part._open_in(region, name, code, TYPES[code], ignore_death, lock)
        return part


class Array(_Locked):
    """Numbers in shared memory, with their lock, as `multiprocessing.Array` makes them.

    A Rust program opens it as an `array::<T>`.
    """

    _is_array = True

    def __init__(
        self, code: Any, size_or_initializer: Any, *, ignore_death: bool = False, places: int = PLACES
    ) -> None:
        code = type_code(code)
        initial = None if isinstance(size_or_initializer, int) else list(size_or_initializer)
        length = size_or_initializer if initial is None else len(initial)
        if length < 0:
            raise ValueError("an array has a length that is not negative")
        region = alone(Layout(places).array(ALONE, code, max(length, 1)))
        lock = _LockOf(region._native, ALONE, code, True, True, ignore_death)
        self._open_in(region, ALONE, code, TYPES[code] * length, ignore_death, lock)
        self._how["length"] = length
        if initial is not None:
            self._obj[:] = bytes(initial) if code == "c" and initial and isinstance(initial[0], int) else initial

    @classmethod
    def _of(
        cls, region: Region, name: str, code: str, ignore_death: bool = False, length: Any = None
    ) -> Array:
        array = cls.__new__(cls)
        kind = TYPES[type_code(code)]
        if length is None:
            length = region.part(name).item_size // ctypes.sizeof(kind)
        lock = _LockOf(region._native, name, code, True, True, ignore_death)
        array._open_in(region, name, code, kind * length, ignore_death, lock)
        array._how["length"] = length
        return array

    def __len__(self) -> int:
        return len(self._obj)

    def __getitem__(self, index: Any) -> Any:
        with self._lock:
            return self._obj[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        with self._lock:
            self._obj[index] = value

    def __getslice__(self, start: int, stop: int) -> Any:
        return self[start:stop]

    def __setslice__(self, start: int, stop: int, values: Any) -> None:
        self[start:stop] = values

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    @property
    def value(self) -> bytes:
        """The bytes up to the first zero, for an array of the code "c"."""
        with self._lock:
            return self._obj.value

    @value.setter
    def value(self, value: bytes) -> None:
        with self._lock:
            self._obj.value = value

    @property
    def raw(self) -> bytes:
        """All bytes, for an array of the code "c"."""
        with self._lock:
            return self._obj.raw

    @raw.setter
    def raw(self, value: bytes) -> None:
        with self._lock:
            self._obj.raw = value


def raw_array(region: Region, name: str, code: str) -> Any:
    """The `ctypes` array of a part without a lock."""
    kind = TYPES[type_code(code)]
    part = region.part(name)
    if part.kind != "raw value" or part.item_size != ctypes.sizeof(kind):
        raise ValueError(f"the part {name!r} is a {part.kind} of items of {part.item_size} bytes, and no raw array of {code!r}")
    return (kind * part.capacity).from_buffer(region._mapped(), part.offset)
