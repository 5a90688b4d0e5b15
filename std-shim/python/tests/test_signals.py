"""Signals and threads: Ctrl-C ends every wait, handlers run while a wait goes on, and threads run meanwhile."""

import asyncio
import os
import signal
import threading
import time

import ringway
from common import SOON, Case


class _Ready:
    """A wait of each kind: what waits, and what ends it."""

    def __init__(self):
        self.queue = ringway.Queue(1)
        self.full = ringway.Queue(1)
        self.full.put(0)
        self.joinable = ringway.JoinableQueue(1)
        self.joinable.put(0)
        self.simple = ringway.SimpleQueue()
        self.ring, self.full_ring = ringway.Ring(1, size=64), ringway.Ring(1, size=64)
        self.full_ring.put(0)
        self.stream, self.full_stream = ringway.ByteRing(16), ringway.ByteRing(16)
        self.full_stream.write(b"x" * 16)
        self.messages, self.full_messages = ringway.MessageRing(64), ringway.MessageRing(64)
        self.fill()
        self.reader = ringway.Broadcast(4, size=64)
        self.level = ringway.Latest(size=64)
        self.lock, self.rlock, self.rw = ringway.Lock(), ringway.RLock(), ringway.RwLock()
        self.semaphore, self.bounded = ringway.Semaphore(0), ringway.BoundedSemaphore(1)
        self.event, self.condition, self.barrier = ringway.Event(), ringway.Condition(), ringway.Barrier(2)
        self.number = ringway.Value("q", 0)
        self.here, self.there = ringway.Pipe()

    def close(self):
        self.here.close()
        self.there.close()

    def waits(self):
        """Each wait, with what makes it come to an end afterwards, to show that nothing was lost."""
        news, level = self.reader.reader(), self.level
        return {
            "get": (self.queue.get, lambda: self.queue.put(1)),
            "claim": (self.queue.claim, lambda: self.queue.put(1)),
            "put": (lambda: self.full.put(1), self.full.get),
            "reserve": (self.full.reserve, self.full.get),
            "join": (self.joinable.join, lambda: (self.joinable.get(), self.joinable.task_done())),
            "simple get": (self.simple.get, lambda: self.simple.put(1)),
            "ring get": (self.ring.get, lambda: self.ring.put(1)),
            "ring put": (lambda: self.full_ring.put(1), self.full_ring.get),
            "read": (self.stream.read, lambda: self.stream.write(b"x")),
            "write": (lambda: self.full_stream.write(b"y"), lambda: self.full_stream.read(1)),
            "recv_bytes": (self.messages.recv_bytes, lambda: self.messages.send_bytes(b"x")),
            "peek": (lambda: self.messages.peek().release(), lambda: self.messages.send_bytes(b"x")),
            "poll": (lambda: self.messages.poll(None), lambda: self.messages.send_bytes(b"x")),
            "send_bytes": (lambda: self.full_messages.send_bytes(b"y" * 8), self.empty),
            "reserve in place": (lambda: self.full_messages.reserve(8).commit(), self.empty),
            "broadcast": (news.recv, lambda: self.reader.send(1)),
            "latest": (level.wait, lambda: level.store(1)),
            "lock": (self.lock.acquire, self.lock.release),
            "with lock": (self.lock.__enter__, self.lock.release),
            "read side": (self.rw.read.acquire, self.rw.write.release),
            "semaphore": (self.semaphore.acquire, self.semaphore.release),
            "bounded semaphore": (self.bounded.acquire, self.bounded.release),
            "event": (self.event.wait, self.event.set),
            "condition": (self.condition_wait, self.condition_notify),
            "connection": (self.here.recv, lambda: self.there.send(1)),
            "connection poll": (lambda: self.here.poll(None), lambda: self.there.send(1)),
        }

    def fill(self):
        try:
            while True:
                self.full_messages.send_bytes(b"x" * 8, 0)
        except ringway.Full:
            pass

    def empty(self):
        while self.full_messages.poll():
            self.full_messages.recv_bytes()

    def condition_wait(self):
        with self.condition:
            self.condition.wait()

    def condition_notify(self):
        def notify():
            while True:
                with self.condition:
                    if self.condition._native.waiting:
                        return self.condition.notify()
                time.sleep(0.001)

        thread = threading.Thread(target=notify)
        thread.start()
        self.notifier = thread

    def prepare(self, what):
        if what in ("lock", "with lock"):
            self.lock.acquire()
        elif what == "read side":
            self.rw.write.acquire()
        elif what == "bounded semaphore":
            self.bounded.acquire()
        elif what == "reserve in place":
            self.fill()


class Interrupts(Case):
    """SIGINT to this process while its first thread waits."""

    def interrupted(self, wait, after=0.05, signal_number=signal.SIGINT):
        """Interrupts a wait; how long it went on after the signal, and what it raised."""
        sent, over = [], threading.Event()

        def send():
            if not over.wait(after):
                sent.append(time.monotonic())
                os.kill(os.getpid(), signal_number)

        thread = threading.Thread(target=send)
        raised = None
        try:
            # On a loaded machine, the signal may come before this returns.
            thread.start()
            wait()
        except BaseException as error:
            raised = error
        ended = time.monotonic()
        over.set()
        thread.join()
        self.assertTrue(sent, f"it did not wait: {raised!r}")
        return ended - sent[0], raised

    def test_every_wait_ends(self):
        ready = _Ready()
        longest = 0.0
        waits = ready.waits()
        for what, (wait, let) in waits.items():
            with self.subTest(what):
                ready.prepare(what)
                took, raised = self.interrupted(wait)
                self.assertIsInstance(raised, KeyboardInterrupt)
                longest = max(longest, took)
                # Nothing is lost: the same wait comes to its end now.
                let()
                result = wait()
                if what == "claim":
                    result.complete()
                elif what == "reserve":
                    result.give_back()
                elif what in ("lock", "with lock"):
                    ready.lock.release()
                elif what == "read side":
                    ready.rw.read.release()
                elif what == "bounded semaphore":
                    ready.bounded.release()
                elif what == "condition":
                    ready.notifier.join()
                elif what == "poll":
                    ready.messages.recv_bytes()
                elif what == "connection poll":
                    ready.here.recv()
                elif what == "put":
                    self.assertEqual(ready.full.get(), 1)
                    ready.full.put(0)
        ready.close()
        EVIDENCE.append(f"Ctrl-C: {len(waits)} kinds of waits, each ended by KeyboardInterrupt, nothing lost")
        self.assertLess(longest, SOON)

    def test_barrier(self):
        barrier = ringway.Barrier(2)
        _, raised = self.interrupted(barrier.wait)
        self.assertIsInstance(raised, KeyboardInterrupt)

    def test_with_a_timeout(self):
        queue = ringway.Queue(1)
        _, raised = self.interrupted(lambda: queue.get(timeout=SOON))
        self.assertIsInstance(raised, KeyboardInterrupt)

    def test_a_handler_that_does_not_raise(self):
        calls = []
        before = signal.signal(signal.SIGUSR1, lambda *_: calls.append(threading.get_ident()))
        try:
            ready = _Ready()
            for what in ["get", "ring get", "read", "recv_bytes", "lock", "event", "semaphore", "condition", "connection"]:
                wait, let = ready.waits()[what]
                ready.prepare(what)
                calls.clear()

                def later():
                    for _ in range(3):
                        time.sleep(0.02)
                        os.kill(os.getpid(), signal.SIGUSR1)
                    # The handlers run while the wait goes on.
                    end = time.monotonic() + SOON
                    while not calls and time.monotonic() < end:
                        time.sleep(0.001)
                    if what != "lock":
                        let()
                    else:
                        ready.lock.release()

                with self.subTest(what):
                    thread = self.thread(later)
                    wait()
                    thread.join()
                    self.assertTrue(calls)
                    self.assertEqual(set(calls), {threading.get_ident()})
                    if what == "condition":
                        ready.notifier.join()
            ready.close()
        finally:
            signal.signal(signal.SIGUSR1, before)

    def test_a_timeout_is_kept_under_signals(self):
        before = signal.signal(signal.SIGUSR1, lambda *_: None)
        stop = threading.Event()

        def shower():
            while not stop.wait(0.005):
                os.kill(os.getpid(), signal.SIGUSR1)

        thread = self.thread(shower)
        try:
            started = time.monotonic()
            with self.assertRaises(ringway.Empty):
                ringway.Queue(1).get(timeout=0.3)
            self.assertGreaterEqual(time.monotonic() - started, 0.3)
        finally:
            stop.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)

    def test_claims_under_interrupts(self):
        """A reader that is interrupted all the time gets every message: what it does not complete goes back.

        What `get` returned is lost if a handler raises before the caller has it, as with every function of Python.
        """
        queue = ringway.Queue(8, size=64)
        count = 200
        child = self.child("fork", put_slowly, queue, count)
        stop = threading.Event()

        def shower():
            while not stop.wait(0.003):
                os.kill(os.getpid(), signal.SIGUSR2)

        class Now(Exception):
            pass

        def handler(*_):
            raise Now

        before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        got, interrupts = [], 0
        thread = self.thread(shower)
        try:
            while len(got) < count:
                try:
                    signal.signal(signal.SIGUSR2, handler)
                    try:
                        claim = queue.claim(timeout=SOON)
                    finally:
                        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
                except Now:
                    interrupts += 1
                    continue
                got.append(claim.value)
                claim.complete()
        finally:
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            stop.set()
            thread.join()
            signal.signal(signal.SIGUSR2, before)
        self.assertEqual(sorted(got), list(range(count)))
        self.assertGreater(interrupts, 0)
        self.joined(child)


def put_slowly(queue, count):
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    for number in range(count):
        queue.put(number)
        time.sleep(0.001)


class Threads(Case):
    def test_other_threads_run_while_one_waits(self):
        ready = _Ready()
        for what, (wait, let) in ready.waits().items():
            if what in ("claim", "peek", "poll", "connection poll", "with lock", "reserve", "reserve in place"):
                continue
            with self.subTest(what):
                ready.prepare(what)
                if what == "bounded semaphore":
                    continue
                thread = threading.Thread(target=wait)
                thread.start()
                # This thread goes on, and ends the other's wait.
                time.sleep(0.01)
                let()
                thread.join(SOON)
                self.assertFalse(thread.is_alive())
                if what == "condition":
                    ready.notifier.join()
        ready.close()

    def test_many_on_one_queue(self):
        queue, got = ringway.Queue(4, size=64), []

        def take():
            for message in iter(queue.get, None):
                got.append(message)

        takers = [self.thread(take) for _ in range(4)]
        makers = [self.thread(lambda: [queue.put(number) for number in range(200)]) for _ in range(4)]
        for thread in makers:
            thread.join()
        for _ in takers:
            queue.put(None)
        for thread in takers:
            thread.join()
        self.assertEqual(sorted(got), sorted(list(range(200)) * 4))

    def test_many_with_one_lock(self):
        for lock in [ringway.Lock(), ringway.RLock(), ringway.Semaphore(1), ringway.BoundedSemaphore(1), ringway.Condition()]:
            count = [0]

            def work():
                for _ in range(100):
                    with lock:
                        now = count[0]
                        time.sleep(0)
                        count[0] = now + 1

            threads = [self.thread(work) for _ in range(4)]
            for thread in threads:
                thread.join()
            self.assertEqual(count[0], 400)

    def test_two_threads_with_one_half(self):
        ring = ringway.Ring(4, size=64)
        started = threading.Event()

        def take():
            started.set()
            ring.get(timeout=SOON)

        thread = self.thread(take)
        started.wait()
        self.eventually(lambda: self.refused(ring))
        ring.put(1)
        thread.join()

    @staticmethod
    def refused(ring):
        try:
            ring.get(timeout=0)
        except ValueError:
            return True
        except ringway.Empty:
            return False


class Loops(Case):
    """asyncio."""

    def test_get(self):
        queue = ringway.Queue(4)

        async def main():
            queue.put(1)
            self.assertEqual(await queue.aget(), 1)
            waiting = asyncio.ensure_future(queue.aget())
            await asyncio.sleep(0.02)
            self.assertFalse(waiting.done())
            queue.put(2)
            self.assertEqual(await asyncio.wait_for(waiting, SOON), 2)

        asyncio.run(main())
        del main

    def test_from_a_child(self):
        queue, back = ringway.Queue(4, size=64), ringway.Queue(4, size=64)
        child = self.child("spawn", echo, queue, back)

        async def main():
            for number in range(50):
                await queue.aput(number)
                self.assertEqual(await asyncio.wait_for(back.aget(), SOON), number)
            await queue.aput(None)

        asyncio.run(main())
        self.joined(child)

    def test_claim(self):
        queue = ringway.Queue(4)

        async def main():
            waiting = asyncio.ensure_future(queue.aclaim())
            await asyncio.sleep(0)
            queue.put("job")
            with await asyncio.wait_for(waiting, SOON) as job:
                self.assertEqual(job.value, "job")

        asyncio.run(main())
        self.assertTrue(queue.empty())

    def test_put_waits(self):
        queue = ringway.Queue(1)

        async def main():
            await queue.aput(1)
            waiting = asyncio.ensure_future(queue.aput(2))
            await asyncio.sleep(0.02)
            self.assertFalse(waiting.done())
            self.assertEqual(await queue.aget(), 1)
            await asyncio.wait_for(waiting, SOON)
            self.assertEqual(await queue.aget(), 2)

        asyncio.run(main())

    def test_cancelled(self):
        queue = ringway.Queue(4)

        async def main():
            for _ in range(20):
                waiting = asyncio.ensure_future(queue.aget())
                await asyncio.sleep(0)
                waiting.cancel()
                queue.put(1)
                try:
                    got = await waiting
                except asyncio.CancelledError:
                    got = await asyncio.wait_for(queue.aget(), SOON)
                self.assertEqual(got, 1)
                self.assertTrue(queue.empty())
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(queue.aget(), 0.01)

        asyncio.run(main())

    def test_many_tasks(self):
        queue = ringway.Queue(4, size=64)
        child = self.child("fork", put_some, queue, 300)

        async def main():
            got = await asyncio.wait_for(asyncio.gather(*[queue.aget() for _ in range(300)]), SOON)
            self.assertEqual(sorted(got), list(range(300)))

        asyncio.run(main())
        self.joined(child)

    def test_two_loops_in_threads(self):
        queue, got = ringway.Queue(4, size=64), []

        async def take():
            while True:
                message = await queue.aget()
                if message is None:
                    return
                got.append(message)

        threads = [self.thread(lambda: asyncio.run(take())) for _ in range(2)]
        for number in range(200):
            queue.put(number)
        for _ in threads:
            queue.put(None)
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(got), list(range(200)))

    def test_loops_one_after_another(self):
        queue = ringway.Queue(4)
        for number in range(5):

            async def main():
                waiting = asyncio.ensure_future(queue.aget())
                await asyncio.sleep(0.01)
                queue.put(number)
                self.assertEqual(await asyncio.wait_for(waiting, SOON), number)

            asyncio.run(main())

    def test_the_end(self):
        queue = ringway.Queue(4)

        async def main():
            waiting = asyncio.ensure_future(queue.aget())
            await asyncio.sleep(0.01)
            queue.end()
            with self.assertRaises(ValueError):
                await asyncio.wait_for(waiting, SOON)

        asyncio.run(main())


def echo(queue, back):
    for message in iter(queue.get, None):
        back.put(message)


def put_some(queue, count):
    for number in range(count):
        queue.put(number)


EVIDENCE = []
