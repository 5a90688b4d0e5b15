"""Regions: names, modes, descriptors, parts by their names, observers."""

import ctypes
import os
import signal
import struct

import ringway
from common import Case, METHODS, name
from ringway import Layout, Region


def layout():
    return (
        Layout(8)
        .queue("jobs", 4, size=64)
        .queue("numbers", 4, format="Q")
        .ring("ring", 4, size=64)
        .byte_ring("bytes", 256)
        .message_ring("messages", 256)
        .broadcast("news", 4, size=64)
        .latest("level", format="d")
        .lock("lock")
        .rw_lock("rw", 4)
        .semaphore("semaphore", 3)
        .bounded_semaphore("bounded", 2)
        .event("event")
        .condition("condition")
        .barrier("barrier", 2)
        .value("total", "q")
        .array("array", "i", 5)
        .raw_array("raw", "d", 3)
    )


def opened(region):
    """Every part of the layout."""
    lock = region.lock("lock")
    return [
        region.queue("jobs"),
        region.queue("numbers", format="Q"),
        region.ring("ring"),
        region.byte_ring("bytes"),
        region.message_ring("messages"),
        region.broadcast("news"),
        region.latest("level", format="d"),
        lock,
        region.rw_lock("rw"),
        region.semaphore("semaphore"),
        region.bounded_semaphore("bounded"),
        region.event("event"),
        region.condition("condition", lock),
        region.barrier("barrier"),
        region.value("total", "q"),
        region.array("array", "i"),
    ]


def answer(jobs, attempt):
    with jobs.claim() as job:
        queue, text = job.value
        assert (text, job.attempts) == ("a job", attempt)
        queue.put(attempt)
        if attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)


class Names(Case):
    def test_create_then_open(self):
        it = name()
        made = Region.create(it, layout())
        self.assertEqual(made.name, it)
        self.assertIn(it, "".join(os.listdir("/dev/shm")))
        again = Region.open(it)
        self.assertIs(again, made, "one attachment for each process")
        again.queue("jobs").put("x")
        self.assertEqual(made.queue("jobs").get(), "x")

    def test_create_twice(self):
        it = name()
        made = Region.create(it, layout())
        with self.assertRaises(FileExistsError):
            Region.create(it, layout())
        self.assertEqual(made.name, it)

    def test_open_what_is_not_there(self):
        with self.assertRaises(FileNotFoundError):
            Region.open(name())

    def test_open_or_create(self):
        it = name()
        made = Region.open_or_create(it, layout())
        self.assertEqual(made.semaphore("semaphore").get_value(), 3)
        self.assertIs(Region.open_or_create(it, layout()), made)
        self.assertEqual(made.semaphore("semaphore").get_value(), 3, "permits are given once")

    def test_permits_after_a_crash(self):
        it = name()
        child = self.child("spawn", open_and_die, it)
        child.join()
        made = Region.open_or_create(it, layout())
        self.assertEqual(made.semaphore("semaphore").get_value(), 3)
        self.run_in("spawn", open_again, it)
        self.assertEqual(made.semaphore("semaphore").get_value(), 3)

    def test_a_message_with_a_part_is_received_again(self):
        for method in METHODS:
            it, jobs = name(), ringway.Queue()
            region = Region.create(it, layout(), mode=0o660)
            jobs.put((region.queue("jobs"), "a job"))
            self.joined(self.child(method, answer, jobs, 1), -signal.SIGKILL)
            self.joined(self.child(method, answer, jobs, 2))
            self.assertEqual([region.queue("jobs").get_nowait() for _ in range(2)], [1, 2])
            self.assertEqual(jobs.qsize(), 0)

    def test_a_message_with_a_part_that_is_gone(self):
        it, jobs = name(), ringway.Queue()
        region = Region.create(it, layout())
        jobs.put(region.queue("jobs"))
        del region
        for made in [None, Region.create(it, layout())]:
            with self.assertRaises(FileNotFoundError), jobs.claim() as job:
                print(job.value)
        del made

    def test_another_layout(self):
        it = name()
        made = Region.open_or_create(it, layout())
        with self.assertRaises(ValueError):
            Region.open_or_create(it, Layout(8).queue("others", 4, size=64))
        self.assertIn("jobs", made)

    def test_mode(self):
        it = name()
        made = Region.create(it, layout(), mode=0o660)
        with self.assertRaises(PermissionError):
            Region.open(it)
        self.assertIs(Region.open(it, mode=0o660), made)

    def test_uneven_mode(self):
        with self.assertRaises(ValueError):
            Region.create(name(), layout(), mode=0o640)

    def test_a_name_that_cannot_be(self):
        for it in ["", "a/b", "x" * 300, "a\0b"]:
            with self.assertRaises((ValueError, OSError), msg=repr(it)):
                Region.create(it, layout())

    def test_the_name_goes_with_the_last(self):
        it = name()
        made = Region.create(it, layout())
        del made
        with self.assertRaises(FileNotFoundError):
            Region.open(it)

    def test_open_in_children(self):
        it = name()
        made = Region.create(it, layout())
        for method in METHODS:
            self.run_in(method, open_and_put, it, method)
            self.assertEqual(made.queue("jobs").get(), method)


def open_and_die(it):
    region = Region.open_or_create(it, layout())
    region.semaphore("semaphore").acquire()
    os.kill(os.getpid(), signal.SIGKILL)


def open_again(it):
    region = Region.open_or_create(it, layout())
    assert region.semaphore("semaphore").get_value() == 3


def open_and_put(it, obj):
    Region.open(it).queue("jobs").put(obj)


class Descriptors(Case):
    def test_from_fd(self):
        region = Region.anonymous(layout())
        self.assertIsNone(region.name)
        fd = os.dup(region.fileno())
        try:
            self.assertIs(Region.from_fd(fd), region)
        finally:
            os.close(fd)

    def test_no_region(self):
        for fd in [-1, 999]:
            with self.assertRaises((ValueError, OSError)):
                Region.from_fd(fd)
        with open("/dev/null") as file:
            with self.assertRaises((ValueError, OSError)):
                Region.from_fd(file.fileno())
        with open("/proc/self/exe", "rb") as file:
            with self.assertRaises((ValueError, OSError)):
                Region.from_fd(file.fileno())

    def test_no_file_in_shm(self):
        before = set(os.listdir("/dev/shm"))
        region = Region.anonymous(layout())
        mine = [file for file in set(os.listdir("/dev/shm")) - before if str(os.getpid()) in file]
        self.assertEqual(mine, [])
        self.assertGreater(region.size, 0)


class Parts(Case):
    def test_directory(self):
        region = Region.anonymous(layout())
        self.assertEqual(list(region), [part.name for part in region.parts()])
        self.assertEqual(len(region.parts()), 17)
        self.assertIn("jobs", region)
        self.assertNotIn("others", region)
        part = region.part("raw")
        self.assertEqual((part.kind, part.capacity, part.item_size), ("raw value", 3, 8))
        self.assertLessEqual(part.offset + part.size, region.size)

    def test_no_such_part(self):
        region = Region.anonymous(layout())
        for get in [region.part, region.queue, region.lock, region.ring, region.byte_ring, region.event]:
            with self.assertRaises((KeyError, ValueError)):
                get("others")
        with self.assertRaisesRegex(KeyError, "jobs"):
            region.part("others")

    def test_another_kind(self):
        region = Region.anonymous(layout())
        for get in [
            region.queue, region.ring, region.byte_ring, region.message_ring, region.broadcast, region.latest,
            region.lock, region.rlock, region.rw_lock, region.semaphore, region.bounded_semaphore, region.barrier,
        ]:  # fmt: skip
            with self.assertRaises(ValueError, msg=get.__name__):
                get("event")
        with self.assertRaises(ValueError):
            region.event("lock")
        with self.assertRaises(ValueError):
            region.value("total", "d")
        with self.assertRaises(ValueError):
            region.value("array", "i")
        with self.assertRaises(ValueError):
            region.array("total", "q")
        with self.assertRaises(ValueError):
            region.raw_array("jobs", "d")

    def test_another_format(self):
        region = Region.anonymous(layout())
        with self.assertRaises(ValueError):
            region.queue("numbers", format="I")
        with self.assertRaises(struct.error):
            region.queue("numbers", format="nonsense")

    def test_each_is_one_object(self):
        region = Region.anonymous(layout())
        for first, second in zip(opened(region), opened(region)):
            self.assertIs(first, second)
            self.assertIs(first.region, region)
            self.assertIn(first.name, repr(first))

    def test_raw_array(self):
        region = Region.anonymous(layout())
        raw = region.raw_array("raw", "d")
        raw[1] = 2.5
        self.assertEqual(list(region.raw_array("raw", "d")), [0, 2.5, 0])
        self.assertIsInstance(raw, ctypes.Array)

    def test_view(self):
        region = Region.anonymous(layout())
        part = region.part("raw")
        region.raw_array("raw", "d")[0] = 1.0
        view = region.view(part.offset, part.size)
        self.assertEqual(struct.unpack_from("d", view)[0], 1.0)
        # The memory outlives the region's object.
        del region
        self.assertEqual(struct.unpack_from("d", view)[0], 1.0)


class Layouts(Case):
    def test_what_cannot_be(self):
        for make in [
            lambda: Layout(0),
            lambda: Layout(1 << 16),
            lambda: Layout().queue("x", -1),
            lambda: Layout().queue("x", 0),
            lambda: Layout().queue("x", 1, size=-1),
            lambda: Layout().queue("x", 1 << 60),
            lambda: Layout().queue("x" * 300, 1),
            lambda: Layout().lock("x").lock("x"),
            lambda: Layout().semaphore("x", -1),
            lambda: Layout().barrier("x", 0),
            lambda: Layout().value("x", "Z"),
            lambda: Layout().byte_ring("x", 0),
        ]:
            with self.assertRaises(ValueError):
                make()

    def test_size(self):
        self.assertGreater(layout().size, Layout(8).lock("lock").size)

    def test_too_large_for_the_machine(self):
        with self.assertRaises((OSError, ValueError, MemoryError)):
            Region.anonymous(Layout(4).byte_ring("x", 1 << 46))

    def test_places(self):
        it = name()
        made = Region.create(it, Layout(1).queue("jobs", 4, size=64))
        child = self.child("spawn", Region.open, it)
        child.join()
        self.assertNotEqual(child.exitcode, 0, "there is no place left")
        self.assertEqual(len(made.participants()), 1)


class Participants(Case):
    def test_who_is_there(self):
        region = Region.anonymous(layout())
        self.assertEqual(region.participants(), {region.participant: os.getpid()})
        self.assertEqual(region.reap(), 0)

    def test_one_that_died_is_reaped(self):
        region = Region.anonymous(layout())
        ready = ringway.Event()
        child = self.child("spawn", hold, region, ready)
        self.assertTrue(ready.wait(60))
        self.assertIn(child.pid, region.participants().values())
        child.kill()
        child.join()
        region.reap()
        self.assertNotIn(child.pid, region.participants().values())


def hold(region, ready):
    region.lock("lock").acquire()
    ready.set()
    ringway.Event().wait()


class Observers(Case):
    def test_observe(self):
        it = name()
        made = Region.create(it, layout())
        level, news = made.latest("level", format="d"), made.broadcast("news")
        seen = Region.observe(it)
        self.assertEqual([part.name for part in seen.parts()], list(made))
        observed, heard = seen.latest("level", format="d"), seen.broadcast("news")
        self.assertIsNone(observed.load())
        with self.assertRaises(ringway.Empty):
            heard.try_recv()
        level.store(1.5)
        level.store(2.5)
        self.assertEqual(observed.load(), 2.5)
        self.assertEqual(observed.load(), 2.5)
        news.send({"a": 1})
        self.assertEqual(heard.try_recv(), {"a": 1})
        for number in range(9):
            news.send(number)
        with self.assertRaises(ringway.Lagged):
            heard.try_recv()
        with self.assertRaises(KeyError):
            seen.latest("others")
        with self.assertRaises((KeyError, ValueError)):
            seen.latest("jobs")

    def test_it_takes_no_place(self):
        it = name()
        made = Region.create(it, layout())
        seen = Region.observe(it)
        self.assertEqual(len(made.participants()), 1)
        del seen

    def test_from_fd(self):
        region = Region.anonymous(layout())
        self.assertEqual(len(ringway.Observer.from_fd(region.fileno()).parts()), 17)

    def test_none_is_there(self):
        with self.assertRaises(FileNotFoundError):
            Region.observe(name())
