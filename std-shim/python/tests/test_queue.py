"""Queues: every method and error, claims, messages in place, items as other programs have them."""

import struct
import time

import ringway
from common import METHODS, SOON, Case
from ringway import Empty, Full, JoinableQueue, Layout, MessageTooLarge, Queue, Region, SimpleQueue


class Messages(Case):
    def test_what_travels(self):
        queue = Queue(4)
        for obj in [b"", b"x", b"\0" * 100, "text", 1, 1.5, None, [1, {"a": (2,)}], {1, 2}, bytearray(b"x"), Ellipsis, len]:
            queue.put(obj)
            got = queue.get()
            self.assertEqual(got, obj)
            self.assertIs(type(got), type(obj))

    def test_order_and_counts(self):
        queue = Queue(3)
        self.assertEqual((queue.maxsize, queue.qsize(), queue.empty(), queue.full()), (3, 0, True, False))
        for number in range(3):
            queue.put(number)
        self.assertEqual((queue.qsize(), queue.empty(), queue.full()), (3, False, True))
        self.assertEqual([queue.get() for _ in range(3)], [0, 1, 2])
        self.assertTrue(queue.empty())

    def test_full_and_empty(self):
        queue = Queue(1)
        for get in [lambda: queue.get(False), lambda: queue.get(True, 0.01), queue.get_nowait, lambda: queue.get(timeout=-1)]:
            with self.assertRaises(Empty):
                get()
        queue.put(1)
        for put in [
            lambda: queue.put(2, False),
            lambda: queue.put(2, True, 0.01),
            lambda: queue.put_nowait(2),
            lambda: queue.put(2, timeout=-1),
        ]:
            with self.assertRaises(Full):
                put()
        self.assertEqual(queue.get(), 1)

    def test_too_large(self):
        queue = Queue(1, size=100)
        self.assertEqual(queue.size, 104)
        queue.put(b"x" * queue.size)
        self.assertEqual(len(queue.get()), queue.size)
        with self.assertRaises(MessageTooLarge) as caught:
            queue.put(b"x" * (queue.size + 1))
        self.assertEqual(caught.exception.args[1], queue.size)
        self.assertIn("104 bytes", str(caught.exception))
        self.assertIsInstance(caught.exception, ValueError)
        with self.assertRaises(MessageTooLarge):
            queue.put("x" * 200)
        # The slot went back.
        queue.put(b"y")
        self.assertEqual(queue.get(), b"y")

    def test_a_timeout_that_cannot_be(self):
        queue = Queue(1)
        with self.assertRaises(ValueError):
            queue.get(timeout=float("nan"))
        with self.assertRaises(TypeError):
            queue.get(timeout="x")

    def test_what_cannot_be_pickled(self):
        queue = Queue(1)
        with self.assertRaises(Exception):
            queue.put(lambda: 1)
        queue.put(1)
        self.assertEqual(queue.get(), 1)

    def test_a_pickle_that_cannot_be_read(self):
        queue = Queue(2)
        queue.put(Unreadable())
        queue.put(2)
        with self.assertRaises(ZeroDivisionError):
            queue.get()
        self.assertEqual(queue.get(), 2)

    def test_standard_connections_and_sockets(self):
        import multiprocessing
        import socket

        queue = Queue(1)
        here, there = multiprocessing.Pipe()
        one, other = socket.socketpair()
        with here, there, one, other:
            queue.put((there, other))
            connection, sock = queue.get()
            with connection, sock:
                here.send("x")
                self.assertEqual(connection.recv(), "x")
                one.sendall(b"y")
                self.assertEqual(sock.recv(1), b"y")
                self.assertNotEqual(connection.fileno(), there.fileno())

    def test_closed_in_one_process(self):
        queue = Queue(4)
        queue.put(1)
        queue.close()
        queue.close()
        queue.join_thread()
        queue.cancel_join_thread()
        for use in [lambda: queue.put(1), queue.get, queue.get_nowait, queue.claim, queue.reserve]:
            with self.assertRaisesRegex(ValueError, "is closed"):
                use()
        # Others have it still.
        for method in METHODS[:1]:
            self.run_in(method, get_one, queue)

    def test_ended_for_all(self):
        queue = Queue(4)
        queue.put(1)
        self.assertFalse(queue.is_ended)
        self.run_in("spawn", end, queue)
        self.assertTrue(queue.is_ended)
        with self.assertRaises(ValueError):
            queue.put(2)
        self.assertEqual(queue.get(), 1)
        for get in [queue.get, queue.get_nowait, lambda: queue.get(timeout=0.01)]:
            with self.assertRaises(ValueError):
                get()

    def test_the_end_wakes(self):
        queue = Queue(1)
        child = self.child("fork", wait_for_the_end, queue)
        time.sleep(0.1)
        queue.end()
        self.joined(child)


class Unreadable:
    def __reduce__(self):
        return divide, ()


def divide():
    return 1 // 0


def get_one(queue):
    assert queue.get() == 1


def end(queue):
    queue.end()


def wait_for_the_end(queue):
    try:
        queue.get()
    except ValueError:
        return
    raise AssertionError("it got something")


class Claims(Case):
    def test_complete(self):
        queue = Queue(1)
        queue.put({"a": 1})
        claim = queue.claim()
        self.assertEqual((claim.value, claim.attempts), ({"a": 1}, 1))
        self.assertEqual((queue.qsize(), queue.full()), (0, True), "claimed, and not gone")
        with self.assertRaises(Empty):
            queue.get(False)
        with self.assertRaises(Full):
            queue.put(2, False)
        claim.complete()
        queue.put(2)
        with self.assertRaises(ValueError):
            claim.complete()
        with self.assertRaises(ValueError):
            claim.value
        self.assertEqual(queue.get(), 2)

    def test_give_back(self):
        queue = Queue(2)
        queue.put(1)
        queue.put(2)
        claim = queue.claim()
        claim.give_back()
        claim.give_back()
        self.assertEqual(queue.get(), 2, "it is the last now")
        again = queue.claim()
        self.assertEqual((again.value, again.attempts), (1, 2))
        again.complete()

    def test_with(self):
        queue = Queue(2)
        queue.put(1)
        with self.assertRaises(ZeroDivisionError):
            with queue.claim() as job:
                1 // (job.value - 1)
        with queue.claim() as job:
            self.assertEqual((job.value, job.attempts), (1, 2))
        self.assertTrue(queue.empty())
        with self.assertRaises(Empty):
            queue.claim(False)
        with self.assertRaises(Empty):
            queue.claim(timeout=0.01)

    def test_dropped(self):
        queue = Queue(1)
        queue.put(1)
        claim = queue.claim()
        del claim
        self.assertEqual(queue.get(), 1)

    def test_in_place(self):
        queue = Queue(2, size=1 << 20)
        queue.put(b"x" * 1000)
        with queue.claim() as job:
            view = job.view
            self.assertEqual((len(view), view[0], bytes(view)), (1000, 120, b"x" * 1000))
            self.assertIs(job.view, view)
        with self.assertRaises(ValueError):
            view[0]

    def test_attempts_end(self):
        queue = Queue(2, max_attempts=2)
        self.assertEqual(queue.max_attempts, 2)
        queue.put(1)
        for attempt in [1, 2]:
            claim = queue.claim()
            self.assertEqual(claim.attempts, attempt)
            claim.give_back()
        with self.assertRaises(Empty):
            queue.claim(False)
        self.assertEqual(queue.given_up, 1)
        queue.max_attempts = 0
        self.assertEqual(queue.max_attempts, 0)

    def test_the_dead_give_back(self):
        queue, ready = Queue(2), ringway.Event()
        queue.put("job")
        for method in METHODS:
            ready.clear()
            child = self.child(method, claim_and_wait, queue, ready)
            self.assertTrue(ready.wait(SOON))
            child.kill()
            child.join()
            with queue.claim(timeout=SOON) as job:
                self.assertEqual(job.value, "job")
                self.assertGreaterEqual(job.attempts, 2)
            queue.put("job")
        self.assertEqual(queue.get(), "job")


def claim_and_wait(queue, ready):
    claim = queue.claim()
    ready.set()
    time.sleep(SOON)
    claim.complete()


class InPlace(Case):
    def test_reserve(self):
        queue = Queue(2, size=64)
        loan = queue.reserve()
        self.assertEqual(len(loan.view), 64)
        loan.view[:5] = b"hello"
        loan.commit(5)
        self.assertEqual(queue.get(), b"hello")
        with self.assertRaises(ValueError):
            loan.commit()
        with self.assertRaises(ValueError):
            loan.view[0] = 1

    def test_with(self):
        queue = Queue(1, size=8)
        with queue.reserve() as loan:
            loan.view[:] = b"12345678"
        self.assertEqual(queue.get(), b"12345678")
        with queue.reserve() as loan:
            loan.commit(0)
        self.assertEqual(queue.get(), b"")
        with self.assertRaises(ZeroDivisionError):
            with queue.reserve() as loan:
                1 // 0
        self.assertTrue(queue.empty())
        queue.put(b"x")
        with self.assertRaises(Full):
            queue.reserve(False)
        with self.assertRaises(Full):
            queue.reserve(timeout=0.01)

    def test_more_than_there_is_room_for(self):
        queue = Queue(1, size=8)
        for size in [9, 1 << 70]:
            loan = queue.reserve()
            with self.assertRaises((MessageTooLarge, OverflowError)):
                loan.commit(size)
            del loan
            queue.put(b"x")
            self.assertEqual(queue.get(), b"x")

    def test_give_back(self):
        queue = Queue(1)
        loan = queue.reserve()
        loan.give_back()
        loan.give_back()
        queue.put(1)
        self.assertEqual(queue.get(), 1)

    def test_aligned(self):
        queue = Queue(4, size=24)
        for _ in range(8):
            with queue.reserve() as loan:
                numbers = loan.view.cast("d")
                numbers[:] = memoryview(struct.pack("ddd", 1, 2, 3)).cast("d")
                del numbers
            with queue.claim() as job:
                self.assertEqual(list(job.view.cast("d")), [1, 2, 3])

    def test_an_array_lies_over_it(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        queue = Queue(2, size=80)
        with queue.reserve() as loan:
            numpy.frombuffer(loan.view)[:] = numpy.arange(10.0)
        with queue.claim() as job:
            self.assertEqual(numpy.frombuffer(job.view).sum(), 45)


class Items(Case):
    def region(self):
        return Region.anonymous(
            Layout(4).queue("numbers", 4, format="Q").queue("records", 4, format="=IHd").queue("words", 4, format="3s")
        )

    def test_as_struct_has_them(self):
        region = self.region()
        numbers = region.queue("numbers", format="Q")
        numbers.put(1 << 63)
        self.assertEqual(numbers.get(), 1 << 63)
        records = region.queue("records", format="=IHd")
        records.put((1, 2, 3.5))
        self.assertEqual(records.get(), (1, 2, 3.5))
        words = region.queue("words", format="3s")
        words.put(b"abc")
        with words.claim() as job:
            self.assertEqual((job.value, bytes(job.view)), (b"abc", b"abc"))
        for wrong in [-1, "x", 1 << 64]:
            with self.assertRaises((struct.error, TypeError)):
                numbers.put(wrong)
        self.assertTrue(numbers.empty())

    def test_in_place(self):
        numbers = self.region().queue("numbers", format="Q")
        with numbers.reserve() as loan:
            self.assertEqual(len(loan.view), 8)
            loan.view[:] = struct.pack("Q", 7)
        self.assertEqual(numbers.get(), 7)

    def test_not_of_this_package(self):
        region = self.region()
        numbers = region.queue("numbers", format="Q")
        numbers.put(1 << 60)
        self.assertEqual(numbers.size, 8)

    def test_alone(self):
        queue = Queue(2, format="Q")
        queue.put(5)
        self.assertEqual(queue.get(), 5)


class Joinable(Case):
    def test_task_done(self):
        queue = JoinableQueue(4)
        queue.put(1)
        queue.put(2)
        self.assertFalse(queue.join(0.01))
        self.assertEqual(queue.get(), 1)
        queue.task_done()
        self.assertFalse(queue.join(0))
        self.assertEqual(queue.get(), 2)
        queue.task_done()
        self.assertTrue(queue.join())
        with self.assertRaises(ValueError):
            queue.task_done()

    def test_a_child_works(self):
        queue = JoinableQueue(4)
        for method in METHODS:
            child = self.child(method, work_on, queue, 3)
            for number in range(3):
                queue.put(number)
            self.assertTrue(queue.join(SOON))
            self.joined(child)

    def test_the_dead_have_done_nothing(self):
        queue, ready = JoinableQueue(4), ringway.Event()
        queue.put("job")
        child = self.child("fork", get_and_wait, queue, ready)
        self.assertTrue(ready.wait(SOON))
        self.assertFalse(queue.join(0.05))
        child.kill()
        child.join()
        self.assertEqual(queue.get(timeout=SOON), "job")
        queue.task_done()
        self.assertTrue(queue.join(SOON))

    def test_a_fork_has_done_nothing(self):
        queue = JoinableQueue(4)
        queue.put(1)
        self.assertEqual(queue.get(), 1)
        self.run_in("fork", has_no_task, queue)
        self.assertFalse(queue.join(0))
        queue.task_done()
        self.assertTrue(queue.join(0.1))


def has_no_task(queue):
    try:
        queue.task_done()
    except ValueError:
        return
    raise AssertionError("the parent's task was done")


def work_on(queue, count):
    for _ in range(count):
        queue.get()
        queue.task_done()


def get_and_wait(queue, ready):
    queue.get()
    ready.set()
    time.sleep(SOON)


class Simple(Case):
    def test_methods(self):
        queue = SimpleQueue()
        self.assertTrue(queue.empty())
        for obj in [b"x", {"a": 1}]:
            queue.put(obj)
            self.assertFalse(queue.empty())
            self.assertEqual(queue.get(), obj)
        queue.close()
        queue.close()
        for use in [queue.get, queue.empty, lambda: queue.put(1)]:
            with self.assertRaisesRegex(OSError, "is closed"):
                use()

    def test_timeouts(self):
        queue = SimpleQueue(capacity=1)
        with self.assertRaises(Empty):
            queue.get(timeout=0.01)
        queue.put(1)
        with self.assertRaises(Full):
            queue.put(2, timeout=0.01)
        self.assertEqual(queue.get(timeout=1), 1)


class Many(Case):
    """Several processes put, and several get: each message comes once."""

    def test_each_message_once(self):
        queue, results = Queue(8, size=64), Queue(64, size=64)
        for method in ["fork", "spawn"]:
            makers = [self.child(method, make, queue, number, 100) for number in range(3)]
            takers = [self.child(method, take, queue, results) for _ in range(3)]
            got = []
            for _ in range(300):
                got.append(results.get(timeout=SOON))
            for child in makers:
                self.joined(child)
            for _ in takers:
                queue.put(None)
            for child in takers:
                self.joined(child)
            self.assertEqual(sorted(got), [(a, b) for a in range(3) for b in range(100)])


def make(queue, number, count):
    for message in range(count):
        queue.put((number, message))


def take(queue, results):
    while True:
        message = queue.get()
        if message is None:
            return
        results.put(message)
