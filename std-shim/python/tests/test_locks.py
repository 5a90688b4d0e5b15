"""Locks of every kind: their methods and errors, and what the death of a holder does."""

import contextlib
import gc
import inspect
import sys
import time
import weakref

import ringway
from common import METHODS, SOON, Case
from ringway import (
    Array, Barrier, BoundedSemaphore, BrokenBarrierError, Condition, Event, Layout, Lock, OwnerDied, Region, RLock, RwLock,
    Semaphore, Value,
)  # fmt: skip


class Locks(Case):
    def test_methods(self):
        for lock, unheld in [(Lock(), ValueError), (RLock(), RuntimeError)]:
            self.assertFalse(lock.locked())
            self.assertIs(lock.acquire(), True)
            self.assertTrue(lock.locked())
            lock.release()
            with lock as taken:
                self.assertIs(taken, True)
                self.assertTrue(lock.locked())
            self.assertFalse(lock.locked())
            with self.assertRaises(unheld):
                lock.release()
            with self.assertRaises(ZeroDivisionError):
                with lock:
                    1 // 0
            self.assertIs(lock.acquire(False), True)
            lock.release()

    def test_short_forms(self):
        for make in [Lock, RLock]:
            lock = make()
            self.assertEqual(str(inspect.signature(lock.acquire)), "(block=True, timeout=None)")
            self.assertEqual(str(inspect.signature(make.acquire)), "(self, /, block=True, timeout=None)")
            self.assertIn("Takes the lock", lock.acquire.__doc__)
            for wrong in [
                lambda: lock.acquire(True, None, None), lambda: lock.acquire(blocked=True), lambda: lock.acquire("now"),
                lambda: lock.acquire(True, block=True), lambda: lock.release(1), lambda: lock.__enter__(1),
                lambda: lock.__exit__(1, 2, 3, 4), lambda: lock.__exit__(kind=1), lambda: make.acquire(5),
                lambda: make.release(Event()), lambda: make.__enter__(5), lambda: make.__exit__(),
            ]:  # fmt: skip
                self.assertRaises(TypeError, wrong)
            self.assertFalse(lock.locked())
            for take, give in [
                (lambda: lock.acquire(block=True, timeout=5), lock.release), (lambda: lock.acquire(True), lock.__exit__),
                (lambda: make.acquire(lock), lambda: make.release(lock)),
                (lambda: make.__enter__(lock), lambda: make.__exit__(lock, None, None, None)),
                (lock.__enter__, lambda: lock.__exit__(None, None)),
            ]:  # fmt: skip
                self.assertIs(take(), True)
                self.assertTrue(lock.locked())
                self.assertIsNone(give())
                self.assertFalse(lock.locked())
            with contextlib.ExitStack() as stack:
                self.assertIs(stack.enter_context(lock), True)
                self.assertTrue(lock.locked())
            self.assertFalse(lock.locked())

    def test_short_forms_keep_nothing(self):
        lock, held, other = RLock(), Lock(), object()
        held.acquire()

        def use():
            with lock:
                lock.acquire(True, timeout=1)
                lock.release()
            held.acquire(False)
            for wrong in [lambda: lock.acquire(other), lambda: lock.release(other), lock.release]:
                self.assertRaises((TypeError, RuntimeError), wrong)

        def counts():
            gc.collect()
            return [sys.getrefcount(one) for one in (lock, held, other, lock.__enter__, lock.__exit__)]

        use()
        before = counts()
        for _ in range(200):
            use()
        self.assertEqual(counts(), before)
        alive = weakref.ref(lock)
        del lock, use
        self.assertIsNone(alive())

    def test_timeouts(self):
        lock = Lock()
        lock.acquire()
        started = time.monotonic()
        for block, timeout in [(False, None), (False, 60), (True, 0), (True, -1), (True, 0.01)]:
            self.assertIs(lock.acquire(block, timeout), False)
        self.assertIs(lock.acquire(block=False), False)
        self.assertIs(lock.acquire(timeout=0.01), False)
        self.assertLess(time.monotonic() - started, SOON)

    def test_again(self):
        lock = RLock()
        for _ in range(3):
            self.assertTrue(lock.acquire())
        others = []
        self.thread(lambda: others.append(lock.acquire(False))).join()
        self.assertEqual(others, [False])
        for _ in range(3):
            lock.release()
        with self.assertRaises(RuntimeError):
            lock.release()
        self.thread(lambda: others.append(lock.acquire(False) and lock.release())).join()
        self.assertEqual(others, [False, None])

    def test_between_processes(self):
        for make in [Lock, RLock]:
            for method in METHODS:
                lock, total = make(), Value("q", 0)
                children = [self.child(method, add_under, lock, total, 50) for _ in range(3)]
                for child in children:
                    self.joined(child)
                self.assertEqual(total.value, 150)


def add_under(lock, total, count):
    obj = total.get_obj()
    for _ in range(count):
        with lock:
            now = obj.value
            time.sleep(0)
            obj.value = now + 1


class Deaths(Case):
    """A process is killed while it holds something."""

    def killed_with(self, method, *parts):
        """Kills a child that has acquired the first of the parts."""
        ready = Event()
        child = self.child(method, acquire_and_wait, ready, *parts)
        self.assertTrue(ready.wait(SOON))
        child.kill()
        child.join()

    def test_it_is_told_once(self):
        for method in METHODS:
            for lock in [Lock(), RLock()]:
                self.killed_with(method, lock)
                with self.assertRaises(OwnerDied):
                    lock.acquire(timeout=SOON)
                self.assertFalse(lock.locked())
                with self.assertRaises(OwnerDied):
                    lock.acquire(timeout=SOON)
                self.assertTrue(lock.acquire_to_repair(timeout=SOON))
                lock.release()
                self.assertTrue(lock.acquire(timeout=SOON))
                lock.release()

    def test_it_wakes_those_that_wait(self):
        lock = Lock()
        ready = Event()
        child = self.child("fork", acquire_and_wait, ready, lock)
        self.assertTrue(ready.wait(SOON))
        waiter = self.child("fork", learns_of_a_death, lock)
        time.sleep(0.1)
        child.kill()
        self.joined(waiter)

    def test_nobody_is_told(self):
        for lock in [Lock(ignore_death=True), RLock(ignore_death=True)]:
            self.killed_with("fork", lock)
            self.assertTrue(lock.acquire(timeout=SOON))
            lock.release()

    def test_repair_of_what_is_whole(self):
        lock = Lock()
        self.assertTrue(lock.acquire_to_repair())
        self.assertFalse(lock.acquire_to_repair(False))
        lock.release()

    def test_writer(self):
        lock = RwLock()
        self.killed_with("fork", lock.write, lock)
        with self.assertRaises(OwnerDied):
            lock.read.acquire(timeout=SOON)
        with self.assertRaises(OwnerDied):
            lock.write.acquire(timeout=SOON)
        self.assertTrue(lock.acquire_to_repair(timeout=SOON))
        lock.write.release()
        with lock.read, lock.read:
            pass
        with lock.write:
            pass

    def test_reader(self):
        lock = RwLock()
        self.killed_with("fork", lock.read, lock)
        self.assertTrue(lock.write.acquire(timeout=SOON))
        lock.write.release()

    def test_permits_come_back(self):
        for method in METHODS:
            semaphore = BoundedSemaphore(2)
            self.killed_with(method, semaphore)
            self.assertTrue(semaphore.acquire(timeout=SOON))
            self.assertTrue(semaphore.acquire(timeout=SOON))
            self.assertFalse(semaphore.acquire(False))
            semaphore.release(2)

    def test_permits_stay_away(self):
        semaphore = Semaphore(2)
        self.killed_with("fork", semaphore)
        self.assertTrue(semaphore.acquire(False))
        self.assertFalse(semaphore.acquire(timeout=0.01))
        semaphore.release()

    def test_the_barrier_breaks(self):
        barrier = Barrier(3)
        child = self.child("fork", barrier.wait)
        self.eventually(lambda: barrier.n_waiting == 1)
        child.kill()
        child.join()
        with self.assertRaises(BrokenBarrierError):
            barrier.wait(SOON)
        self.assertTrue(barrier.broken)
        barrier.reset()
        self.assertFalse(barrier.broken)
        children = [self.child("fork", barrier.wait) for _ in range(2)]
        barrier.wait(SOON)
        for child in children:
            self.joined(child)

    def test_a_waiter_of_a_condition(self):
        condition = Condition()
        child = self.child("fork", wait_once, condition)
        self.eventually(lambda: condition._native.waiting == 1)
        child.kill()
        child.join()
        waiter = self.child("fork", wait_once, condition)
        self.eventually(lambda: condition._native.waiting == 2)
        with condition:
            condition.notify(2)
        self.joined(waiter)

    def test_the_lock_of_a_condition(self):
        condition = Condition(Lock())
        self.killed_with("fork", condition)
        with self.assertRaises(OwnerDied):
            condition.acquire()

    def test_the_lock_of_a_value(self):
        for part in [Value("q", 1), Array("q", 3)]:
            self.killed_with("fork", part)
            with self.assertRaises(OwnerDied):
                part.acquire()
            lock = part.get_lock()
            self.assertTrue(lock.acquire_to_repair())
            lock.release()
            with part:
                pass


def acquire_and_wait(ready, part, *_):
    part.acquire()
    ready.set()
    time.sleep(SOON)


def learns_of_a_death(lock):
    try:
        lock.acquire()
    except OwnerDied:
        return
    raise AssertionError("it was not told")


def wait_once(condition):
    with condition:
        condition.wait()


class RwLocks(Case):
    def test_readers_and_writers(self):
        lock = RwLock(2)
        with lock.read, lock.read:
            self.assertFalse(lock.write.acquire(False))
            self.assertFalse(lock.write.acquire(timeout=0.01))
        with lock.write as taken:
            self.assertTrue(taken)
            self.assertFalse(lock.read.acquire(False))
            self.run_in("fork", finds_it_taken, lock)
        for side in [lock.read, lock.write]:
            with self.assertRaises(RuntimeError):
                side.release()

    def test_between_processes(self):
        for method in METHODS:
            lock = RwLock()
            with lock.read:
                self.run_in(method, reads_and_cannot_write, lock)
            with lock.write:
                self.run_in(method, finds_it_taken, lock)

    def test_too_many_readers(self):
        lock = RwLock(1)
        with lock.read:
            self.assertFalse(lock.read.acquire(False))


def finds_it_taken(lock):
    assert not lock.read.acquire(False)
    assert not lock.write.acquire(timeout=0.01)


def reads_and_cannot_write(lock):
    with lock.read:
        assert not lock.write.acquire(False)


class Semaphores(Case):
    def test_methods(self):
        for semaphore in [Semaphore(2), BoundedSemaphore(2)]:
            self.assertEqual(semaphore.get_value(), 2)
            with semaphore, semaphore:
                self.assertEqual(semaphore.get_value(), 0)
                self.assertFalse(semaphore.acquire(False))
                self.assertFalse(semaphore.acquire(timeout=0.01))
            self.assertEqual(semaphore.get_value(), 2)
            for count in [0, -1]:
                with self.assertRaises(ValueError):
                    semaphore.release(count)
        semaphore = Semaphore(0)
        semaphore.release(3)
        self.assertEqual(semaphore.get_value(), 3)
        semaphore = Semaphore()
        self.assertEqual(semaphore.get_value(), 1)
        with self.assertRaises(ValueError):
            Semaphore(-1)
        with self.assertRaises(ValueError):
            BoundedSemaphore(-1)

    def test_the_permits_are_there_at_once(self):
        # What is here when a creator is killed right after it made the region.
        native = ringway._ringway
        region = native.Region.anonymous(Layout().semaphore("places", 3)._native)
        self.assertEqual(native.Semaphore(region, "places").get_value(), 3)
        self.assertEqual(ringway.PartInfo(*region.parts()[0]).capacity, 3)
        with self.assertRaises(ValueError):
            Layout().semaphore("places", 1 << 31)

    def test_one_too_many(self):
        semaphore = BoundedSemaphore(1)
        with self.assertRaises(ValueError):
            semaphore.release()
        with semaphore:
            # Another process has not acquired it.
            self.run_in("fork", cannot_release, semaphore)
            self.assertEqual(semaphore.get_value(), 0)

    def test_another_releases(self):
        for method in METHODS:
            semaphore = Semaphore(0)
            child = self.child(method, semaphore.release)
            self.assertTrue(semaphore.acquire(timeout=SOON))
            self.joined(child)


def cannot_release(semaphore):
    try:
        semaphore.release()
    except ValueError:
        return
    raise AssertionError("it gave back what its parent has")


class Events(Case):
    def test_methods(self):
        event = Event()
        self.assertFalse(event.is_set())
        for timeout in [0, -1, 0.01]:
            self.assertIs(event.wait(timeout), False)
        event.set()
        for timeout in [0, None, 1]:
            self.assertIs(event.wait(timeout), True)
        self.assertIn("set", repr(event))
        event.clear()
        self.assertFalse(event.is_set())

    def test_between_processes(self):
        for method in METHODS:
            event = Event()
            children = [self.child(method, wait_for, event) for _ in range(3)]
            event.set()
            for child in children:
                self.joined(child)


def wait_for(event):
    assert event.wait(SOON)


class Conditions(Case):
    def test_methods(self):
        for condition in [Condition(), Condition(Lock()), Condition(RLock())]:
            with self.assertRaises(AssertionError):
                condition.wait()
            with self.assertRaises(AssertionError):
                condition.notify()
            with self.assertRaises(AssertionError):
                condition.notify_all()
            with condition:
                for timeout in [0, -1, 0.01]:
                    self.assertIs(condition.wait(timeout), False)
                condition.notify()
                condition.notify_all()
                self.assertIs(condition.wait(0), False, "a notification before is for others")
                self.assertIs(condition.wait_for(lambda: False, 0.01), False)
                self.assertEqual(condition.wait_for(lambda: 7), 7)
            self.assertTrue(condition.acquire(False))
            condition.release()

    def waiting(self, condition, count):
        """Threads and children that wait; how many were let go."""
        gone = Semaphore(0)
        for number in range(count):
            if number % 2:
                self.child("fork", wait_then_tell, condition, gone)
            else:
                self.thread(wait_then_tell, condition, gone)
        self.eventually(lambda: condition._native.waiting == count)
        return gone

    def test_notify_counts(self):
        condition = Condition()
        gone = self.waiting(condition, 6)
        for count, total in [(1, 1), (2, 3), (3, 6)]:
            with condition:
                condition.notify(count)
            self.eventually(lambda: gone.get_value() == total)
            time.sleep(0.05)
            self.assertEqual((gone.get_value(), condition._native.waiting), (total, 6 - total))

    def test_notify_all(self):
        condition = Condition(Lock())
        gone = self.waiting(condition, 6)
        with condition:
            condition.notify_all()
        self.eventually(lambda: gone.get_value() == 6)

    def test_never_without_a_notification(self):
        condition, stop = Condition(), Event()
        woken = Value("q", 0)
        children = [self.child("fork", count_wakes, condition, stop, woken) for _ in range(3)]
        given = 0
        end = time.monotonic() + 1
        while time.monotonic() < end:
            with condition:
                count = min(condition._native.waiting, 2)
                condition.notify(2)
                given += count
        stop.set()
        for child in children:
            self.joined(child)
        self.assertLessEqual(woken.value, given)
        self.assertGreater(woken.value, 0)

    def test_a_lock_taken_twice(self):
        condition = Condition()
        self.thread(notify_later, condition)
        with condition, condition:
            self.assertTrue(condition.wait(SOON))
            self.assertTrue(condition.acquire())
            condition.release()

    def test_parts_of_a_region(self):
        region = Region.anonymous(Layout(8).lock("lock").condition("condition"))
        condition = region.condition("condition", region.lock("lock"))
        self.assertIs(region.condition("condition", region.lock("lock")), condition)
        for method in METHODS:
            child = self.child(method, notify_later, condition)
            with condition:
                self.assertTrue(condition.wait(SOON))
            self.joined(child)


def wait_then_tell(condition, gone):
    with condition:
        if condition.wait(SOON):
            gone.release()


def count_wakes(condition, stop, woken):
    count = 0
    while not stop.is_set():
        with condition:
            count += condition.wait(0.01)
    with woken:
        woken.get_obj().value += count


def notify_later(condition):
    while True:
        with condition:
            if condition._native.waiting:
                return condition.notify()
        time.sleep(0.001)


class Barriers(Case):
    def test_alone(self):
        barrier = Barrier(1)
        self.assertEqual((barrier.parties, barrier.n_waiting, barrier.broken), (1, 0, False))
        self.assertEqual([barrier.wait(), barrier.wait()], [0, 0])

    def test_numbers(self):
        numbers = ringway.Queue(16, format="q")
        for method in METHODS:
            barrier = Barrier(4)
            children = [self.child(method, meet, barrier, numbers) for _ in range(4)]
            self.assertEqual(sorted(numbers.get(timeout=SOON) for _ in range(4)), [0, 1, 2, 3])
            for child in children:
                self.joined(child)

    def test_action(self):
        calls = Value("q", 0)
        barrier = Barrier(3, Add(calls))
        for _ in range(2):
            children = [self.child("fork", barrier.wait) for _ in range(2)]
            barrier.wait(SOON)
            for child in children:
                self.joined(child)
        self.assertEqual(calls.value, 2)

    def test_action_raises(self):
        barrier = Barrier(2, divide)
        outcomes = []

        def meet():
            try:
                barrier.wait(SOON)
            except Exception as error:
                outcomes.append(type(error))

        threads = [self.thread(meet), self.thread(meet)]
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(outcomes, key=str), sorted([ZeroDivisionError, BrokenBarrierError], key=str))
        self.assertTrue(barrier.broken)

    def test_timeout(self):
        barrier = Barrier(2, timeout=0.01)
        with self.assertRaises(BrokenBarrierError):
            barrier.wait()
        self.assertTrue(barrier.broken)
        with self.assertRaises(BrokenBarrierError):
            barrier.wait(SOON)
        barrier.reset()
        self.assertFalse(barrier.broken)

    def test_abort(self):
        barrier = Barrier(2)
        child = self.child("fork", is_broken, barrier)
        self.eventually(lambda: barrier.n_waiting == 1)
        barrier.abort()
        self.joined(child)

    def test_reset(self):
        barrier = Barrier(2)
        child = self.child("fork", is_broken, barrier)
        self.eventually(lambda: barrier.n_waiting == 1)
        barrier.reset()
        self.joined(child)
        self.assertFalse(barrier.broken)


class Add:
    def __init__(self, value):
        self.value = value

    def __call__(self):
        with self.value:
            self.value.get_obj().value += 1


def divide():
    1 // 0


def meet(barrier, numbers):
    numbers.put(barrier.wait(SOON))


def is_broken(barrier):
    try:
        barrier.wait(SOON)
    except BrokenBarrierError:
        return
    raise AssertionError("it was passed")


class Values(Case):
    def test_value(self):
        for code, value in [
            ("b", -3), ("B", 200), ("h", -300), ("H", 60000), ("i", -7), ("I", 7), ("l", -1 << 40), ("L", 1 << 63),
            ("q", -1 << 62), ("Q", 1 << 63), ("f", 0.5), ("d", 0.1), ("c", b"x"), ("?", True),
        ]:  # fmt: skip
            number = Value(code, value)
            self.assertEqual(number.value, value)
            self.assertEqual(Value(code).value, b"\0" if code == "c" else 0)
        with self.assertRaises(TypeError):
            Value("Z", 1)
        with self.assertRaises(TypeError):
            Value("i", "x")

    def test_ctypes(self):
        import ctypes

        for kind in [ctypes.c_int, ctypes.c_double, ctypes.c_longlong, ctypes.c_bool, ctypes.c_size_t, ctypes.c_ubyte]:
            number = Value(kind, 1)
            self.assertEqual(number.value, 1)
            self.assertIsInstance(Array(kind, 2)[0], (int, float))
        with self.assertRaises(TypeError):
            Value(ctypes.c_char_p)

    def test_overflow_is_as_in_ctypes(self):
        number = Value("b", 300)
        self.assertEqual(number.value, 300 - 256)

    def test_lock(self):
        number = Value("q", 1)
        with number, number.get_lock():
            number.value += 1
            number.get_obj().value += 1
        self.assertEqual(number.value, 3)
        self.assertTrue(number.acquire())
        number.release()

    def test_increments(self):
        for method in METHODS:
            number = Value("q", 0)
            children = [self.child(method, increment, number, 200) for _ in range(4)]
            for child in children:
                self.joined(child)
            self.assertEqual(number.value, 800)

    def test_array(self):
        array = Array("i", [1, 2, 3, 4])
        self.assertEqual((len(array), list(array), array[1:3], array[-1], array[::2]), (4, [1, 2, 3, 4], [2, 3], 4, [1, 3]))
        array[0] = 9
        array[1:3] = [7, 8]
        self.assertEqual(array[:], [9, 7, 8, 4])
        array[:] = range(4)
        self.assertEqual(list(array), [0, 1, 2, 3])
        for wrong in [4, -5]:
            with self.assertRaises(IndexError):
                array[wrong]
        with self.assertRaises(ValueError):
            array[:] = [1]
        self.assertEqual(list(Array("d", 3)), [0, 0, 0])
        self.assertEqual(len(Array("d", 0)), 0)
        with self.assertRaises(ValueError):
            Array("d", -1)

    def test_characters(self):
        text = Array("c", 8)
        text.value = b"hello"
        self.assertEqual((text.value, text.raw), (b"hello", b"hello\0\0\0"))
        text.raw = b"12345678"
        self.assertEqual(text[:3], b"123")
        self.assertEqual(Array("c", b"abc").value, b"abc")
        with self.assertRaises(ValueError):
            text.value = b"x" * 9

    def test_across(self):
        for method in METHODS:
            array = Array("d", 3)
            self.run_in(method, fill, array)
            self.assertEqual(list(array), [1.5, 2.5, 3.5])

    def test_numpy(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        array = Array("d", 3)
        numpy.frombuffer(array.get_obj())[:] = 2
        self.assertEqual(list(array), [2, 2, 2])


def increment(number, count):
    for _ in range(count):
        with number.get_lock():
            number.value += 1


def fill(array):
    assert len(array) == 3
    array[:] = [1.5, 2.5, 3.5]
