"""Numbers in shared memory: they convert as those of `ctypes` do, and increments are not lost."""

import ctypes
import os
import random

import ringway
from common import METHODS, Case

INTEGERS, FLOATS = "bBhHiIlLqQ", "fd"
TYPES = {
    "b": ctypes.c_int8, "B": ctypes.c_uint8, "h": ctypes.c_int16, "H": ctypes.c_uint16, "i": ctypes.c_int32,
    "I": ctypes.c_uint32, "l": ctypes.c_int64, "L": ctypes.c_uint64, "q": ctypes.c_int64, "Q": ctypes.c_uint64,
    "f": ctypes.c_float, "d": ctypes.c_double, "c": ctypes.c_char, "?": ctypes.c_bool,
}  # fmt: skip


class Values(Case):
    def both(self, code, change):
        """What a change of the value leads to: the new value, or the kind of the exception."""
        found = []
        for number in [ringway.Value(code), TYPES[code]()]:
            try:
                change(number)
            except Exception as error:
                found.append(type(error))
            else:
                found.append((number.value, type(number.value)))
        self.assertEqual(found[0], found[1], code)

    def test_numbers_are_those_of_ctypes(self):
        chosen = random.Random(1)
        edges = [sign * (1 << bits) + near for sign in (-1, 1) for bits in (7, 8, 15, 16, 31, 32, 63, 64, 70) for near in (-1, 0, 1)]
        some = [0, 1, -1, True, 1.5, -0.0, float("inf"), "1", b"1", None, [], *edges]
        some += [chosen.randrange(-(1 << 65), 1 << 65) for _ in range(50)]
        for code in INTEGERS + FLOATS + "?":
            for new in some:
                self.both(code, lambda number: setattr(number, "value", new))

    def test_bytes_are_those_of_ctypes(self):
        for new in [b"x", b"\xff", bytearray(b"y"), 0, 255, 256, -1, b"", b"xy", "x", None, 1.0]:
            self.both("c", lambda number: setattr(number, "value", new))

    def test_add_wraps_around_as_ctypes_does(self):
        for code in INTEGERS + FLOATS:
            for first, amount in [(1, 2), (100, -101), (250, 10), (1 << 31, 1 << 31), ((1 << 63) - 1, 1), (0, 1 << 64)]:
                ours, theirs = ringway.Value(code, first), TYPES[code](first)
                sum = ours.add(amount)
                theirs.value += TYPES[code](amount).value
                self.assertEqual((sum, ours.value), (theirs.value, theirs.value), (code, first, amount))
        for code, amount in [("c", 1), ("?", 1), ("i", 1.5), ("i", "1"), ("d", None)]:
            with self.assertRaises(TypeError):
                ringway.Value(code).add(amount)

    def test_get_obj_is_the_same_number(self):
        for code in INTEGERS + FLOATS:
            number = ringway.Value(code, 5)
            number.get_obj().value += 1
            self.assertEqual(number.value, 6)
            number.value = 7
            self.assertEqual(number.get_obj().value, 7)

    def test_no_increment_is_lost(self):
        for method in METHODS:
            total = ringway.Value("q", 0)
            children = [self.child(method, increment, total, 500) for _ in range(4)]
            for child in children:
                self.joined(child)
            self.assertEqual(total.value, 4 * 500 * 3)

    def test_a_holder_of_the_lock_reads_and_writes(self):
        number = ringway.Value("i", 1)
        with number.get_lock(), number:
            number.value += 1
            self.assertEqual((number.value, number.add(3)), (2, 5))
        self.assertFalse(number.get_lock().locked())

    def test_the_death_of_a_holder_is_told(self):
        for method in METHODS:
            for use in [lambda it: it.value, lambda it: setattr(it, "value", 1), lambda it: it.add(1)]:
                number = ringway.Value("i", 1)
                self.joined(self.child(method, die_with, number), 3)
                with self.assertRaises(ringway.OwnerDied):
                    use(number)
                self.assertTrue(number.get_lock().acquire_to_repair())
                number.get_lock().release()
                self.assertEqual(number.value, 1)


def increment(total, count):
    for _ in range(count):
        with total.get_lock():
            total.value += 1
        total.add(2)


def die_with(number):
    number.get_lock().acquire()
    os._exit(3)
