"""Every part travels to children of every start method, by our own queue, and through forks."""

import os
import threading
import warnings
import sys
import unittest

import ringway
from common import METHODS, SOON, Case
from ringway import Region
from ringway import multiprocessing as mp
from test_region import layout, opened


def every_part():
    """A part of each kind, made alone, and what a child does with it."""
    return [
        (ringway.Queue(4), ["put", 1]),
        (ringway.Queue(4, format="Q"), ["put", 1]),
        (ringway.JoinableQueue(4), ["put", 1]),
        (ringway.SimpleQueue(), ["put", 1]),
        (ringway.Ring(4, size=64), ["put", 1]),
        (ringway.ByteRing(64), ["write", b"x"]),
        (ringway.MessageRing(256), ["send", 1]),
        (ringway.Broadcast(4, size=64), ["send", 1]),
        (ringway.Latest(size=64), ["store", 1]),
        (ringway.Lock(), ["__enter__"]),
        (ringway.RLock(), ["__enter__"]),
        (ringway.Semaphore(3), ["acquire"]),
        (ringway.BoundedSemaphore(3), ["acquire"]),
        (ringway.Event(), ["set"]),
        (ringway.Condition(), ["acquire"]),
        (ringway.Condition(ringway.Lock()), ["acquire"]),
        (ringway.Barrier(1), ["wait"]),
        (ringway.RwLock(), ["acquire_to_repair"]),
        (ringway.Value("q", 5), ["acquire"]),
        (ringway.Array("d", 3), ["__setitem__", 1, 2.5]),
    ]


def use(part, call, done):
    getattr(part, call[0])(*call[1:])
    done.put(type(part).__name__)


def use_all(parts, done):
    for part in parts:
        assert part.region.participant
    done.put([type(part).__name__ for part in parts])


class Arguments(Case):
    def test_each_part_alone(self):
        for method in METHODS:
            parts, done = every_part(), ringway.Queue(64)
            calls = [(part, call) for part, call in parts]
            self.run_in(method, use_each, calls, done)
            self.assertEqual(done.get(timeout=SOON), [type(part).__name__ for part, _ in parts])
            queue, ring, level = parts[0][0], parts[4][0], parts[8][0]
            self.assertEqual((queue.get(), ring.get(), level.load()), (1, 1, 1))
            self.assertTrue(parts[13][0].is_set())
            self.assertEqual(list(parts[19][0]), [0, 2.5, 0])

    def test_all_parts_of_a_region(self):
        region = Region.anonymous(layout())
        parts, done = opened(region), ringway.Queue(4)
        for method in METHODS:
            self.run_in(method, use_all, parts, done)
            self.assertEqual(done.get(timeout=SOON), [type(part).__name__ for part in parts])

    def test_twice_is_one_object(self):
        lock, done = ringway.Lock(), ringway.Queue(4)
        for method in METHODS:
            self.run_in(method, are_one, [lock, lock], lock, done)
            self.assertTrue(done.get(timeout=SOON))

    def test_through_our_queue(self):
        queue = ringway.Queue(64, size=1 << 14)
        for method in METHODS:
            for part, call in every_part():
                back = ringway.Queue(4)
                queue.put((part, call, back))
                self.run_in(method, use_one_of, queue)
                self.assertEqual(back.get(timeout=SOON), type(part).__name__)
            break

    def test_through_our_queue_in_one_process(self):
        queue = ringway.Queue(4)
        for part, _ in every_part():
            queue.put(part)
            self.assertIs(queue.get(), part)

    def test_through_our_queue_to_a_running_child(self):
        for method in METHODS:
            queue, back = ringway.Queue(4), ringway.Queue(4)
            child = self.child(method, answers, queue, back)
            there = ringway.Queue(4)
            queue.put(there)
            there.put("x")
            self.assertEqual(back.get(timeout=SOON), "x")
            queue.put(None)
            self.joined(child)

    def test_our_contexts(self):
        for method in METHODS:
            context = mp.get_context(method)
            queue, lock, number = context.Queue(), context.Lock(), context.Value("i", 1)
            child = context.Process(target=uses_three, args=(queue, lock, number))
            child.start()
            self.assertEqual(queue.get(timeout=SOON), 1)
            child.join()
            child.close()
            self.assertEqual(number.value, 2)
            self.assertIs(type(queue), ringway.Queue)


    def test_pools_of_the_standard_library(self):
        from concurrent.futures import ProcessPoolExecutor

        # Its threads and descriptors end when it likes.
        self.is_looked_at = False
        for method in METHODS:
            with ProcessPoolExecutor(2, mp_context=mp.get_context(method)) as pool:
                self.assertEqual(list(pool.map(abs, range(-3, 0))), [3, 2, 1])
            with mp.get_context(method).Pool(2) as pool:
                self.assertEqual(pool.map(abs, range(-3, 0)), [3, 2, 1])
                pool.close()
                pool.join()


def use_each(calls, done):
    for part, call in calls:
        getattr(part, call[0])(*call[1:])
    done.put([type(part).__name__ for part, _ in calls])


def use_one_of(queue):
    part, call, back = queue.get()
    use(part, call, back)


def are_one(locks, lock, done):
    done.put(locks[0] is locks[1] and locks[0] is lock)


def answers(queue, back):
    for there in iter(queue.get, None):
        back.put(there.get(timeout=SOON))


def uses_three(queue, lock, number):
    with lock:
        queue.put(number.value)
        number.value += 1


def forked(run, *args):
    """Runs a function in a plain fork; its exit status."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            run(*args)
            status = 0
        except BaseException as error:
            print(f"in the copy: {error!r}", file=sys.stderr)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Forks(Case):
    """What a copy of the process has of its parent's."""

    def test_a_held_lock(self):
        for lock, unheld in [(ringway.Lock(), ValueError), (ringway.RLock(), RuntimeError)]:
            with lock:
                self.assertEqual(forked(does_not_hold, lock, unheld), 0)
                self.assertTrue(lock.locked(), "the end of the copy gives nothing back")
                self.assertTrue(lock._is_owned())
            self.assertEqual(forked(holds, lock), 0)

    def test_a_held_lock_waits_for_the_parent(self):
        lock, got = ringway.Lock(), ringway.Event()
        lock.acquire()
        child = self.child("fork", acquire_then_set, lock, got)
        self.assertFalse(got.wait(0.1))
        lock.release()
        self.assertTrue(got.wait(SOON))
        self.joined(child)

    def test_a_taken_half(self):
        ring, stream, messages = ringway.Ring(4, size=64), ringway.ByteRing(64), ringway.MessageRing(256)
        ring.put(1)
        stream.write(b"x")
        messages.send(1)
        for part, put in [(ring, "put"), (stream, "write"), (messages, "send_bytes")]:
            self.assertEqual(forked(is_taken, part, put), 0)
        self.assertEqual((ring.get(), stream.read(), messages.recv()), (1, b"x", 1))
        for put, get in [(ring.put, ring.get), (stream.write, stream.read), (messages.send_bytes, messages.recv_bytes)]:
            put(b"y")
            self.assertEqual(get(), b"y")

    def test_claims(self):
        queue = ringway.Queue(4)
        queue.put(1)
        claim = queue.claim()
        self.assertEqual(forked(has_no_claim, claim, queue), 0)
        self.assertEqual(claim.value, 1)
        claim.complete()
        self.assertTrue(queue.empty())

    def test_a_loan(self):
        queue, ring = ringway.Queue(1), ringway.MessageRing(256)
        with queue.reserve() as loan, ring.reserve(3) as room:
            self.assertEqual(forked(has_no_loan, loan, room), 0)
            loan.view[:3] = b"abc"
            loan.commit(3)
            room.view[:] = b"abc"
        self.assertEqual((queue.get(), ring.recv_bytes()), (b"abc", b"abc"))

    def test_sides_of_a_lock(self):
        lock = ringway.RwLock()
        with lock.read:
            self.assertEqual(forked(does_not_hold_sides, lock), 0)
            self.assertFalse(lock.write.acquire(False))
        with lock.write:
            self.assertEqual(forked(does_not_hold_sides, lock), 0)
            self.assertFalse(lock.read.acquire(False))

    def test_permits(self):
        semaphore = ringway.BoundedSemaphore(1)
        with semaphore:
            self.assertEqual(forked(has_no_permit, semaphore), 0)
            self.assertEqual(semaphore.get_value(), 0)

    def test_nested(self):
        queue = ringway.Queue(16)
        self.assertEqual(forked(fork_again, queue, 4), 0)
        self.assertEqual([queue.get(False) for _ in range(5)], [0, 1, 2, 3, 4])

    def test_the_parent_goes_on(self):
        queue = ringway.Queue(4)
        region = queue.region
        me = region.participant
        self.assertEqual(forked(is_another, region, me), 0)
        self.assertEqual(region.participant, me)

    def test_the_memory_is_the_same(self):
        number, array = ringway.Value("q", 1), ringway.Array("d", 3)
        view = number.get_obj()
        self.assertEqual(forked(change, number, array), 0)
        self.assertEqual((number.value, view.value, list(array)), (2, 2, [1, 2, 3]))

    def test_places_come_back(self):
        queue = ringway.Queue(4, places=3)
        for number in range(8):
            self.assertEqual(forked(queue.put, number), 0)
            self.assertEqual(queue.get(False), number)

    def test_no_place_is_left(self):
        queue = ringway.Queue(4, places=1)
        self.assertEqual(forked(has_no_place, queue), 0)
        queue.put(1)


def does_not_hold(lock, unheld):
    assert not lock._is_owned()
    try:
        lock.release()
    except unheld:
        assert not lock.acquire(False)
        return
    raise AssertionError("it gave back what its parent has")


def holds(lock):
    with lock:
        assert lock._is_owned()


def acquire_then_set(lock, got):
    with lock:
        got.set()


def is_taken(part, put):
    try:
        getattr(part, put)(b"z")
    except ringway.Taken:
        return
    raise AssertionError("it has its parent's half")


def has_no_claim(claim, queue):
    for call in [claim.complete, lambda: claim.value]:
        try:
            call()
        except ValueError:
            continue
        raise AssertionError("it has its parent's claim")
    claim.give_back()
    try:
        queue.get(False)
    except ringway.Empty:
        return
    raise AssertionError("it gave its parent's claim back")


def has_no_loan(loan, room):
    for it in [loan, room]:
        try:
            it.commit()
        except ValueError:
            continue
        raise AssertionError("it has its parent's loan")


def does_not_hold_sides(lock):
    for side in [lock.read, lock.write]:
        try:
            side.release()
        except RuntimeError:
            continue
        raise AssertionError("it gave back what its parent has")


def has_no_permit(semaphore):
    try:
        semaphore.release()
    except ValueError:
        assert not semaphore.acquire(False)
        return
    raise AssertionError("it gave back what its parent has")


def fork_again(queue, left):
    queue.put(4 - left)
    if left:
        assert forked(fork_again, queue, left - 1) == 0


def is_another(region, parent):
    assert region.participant != parent
    assert len(region.participants()) == 2


def change(number, array):
    number.value += 1
    array[:] = [1, 2, 3]


def has_no_place(queue):
    try:
        queue.put(1)
    except OSError:
        return
    raise AssertionError("there was a place")


class Warned(Case):
    """A fork in a program with threads."""

    def fork(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
        return [warning for warning in caught if issubclass(warning.category, DeprecationWarning)]

    def test_with_threads(self):
        queue = ringway.Queue(4)
        go = threading.Event()
        thread = self.thread(go.wait)
        try:
            self.assertEqual(len(self.fork()), 1)
        finally:
            go.set()
            thread.join()
        if sys.version_info < (3, 12):
            # Later, Python itself warns, also of the thread with which these tests watch for hangs.
            self.assertEqual(self.fork(), [])
        queue.put(1)

    @unittest.skipIf(sys.version_info >= (3, 12), "Python itself warns")
    def test_without_regions(self):
        go = threading.Event()
        thread = self.thread(go.wait)
        try:
            self.assertEqual(self.fork(), [])
        finally:
            go.set()
            thread.join()

    def test_a_lock_that_a_thread_holds(self):
        """The copy has no such thread, and does not hold the lock; it is not stuck for ever either."""
        lock, held, go = ringway.Lock(), threading.Event(), threading.Event()

        def hold():
            with lock:
                held.set()
                go.wait()

        thread = self.thread(hold)
        held.wait()
        got = ringway.Event()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = self.child("fork", acquire_then_set, lock, got)
        self.assertFalse(got.wait(0.05))
        go.set()
        thread.join()
        self.assertTrue(got.wait(SOON))
        self.joined(child)
