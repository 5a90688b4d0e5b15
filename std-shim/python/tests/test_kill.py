"""Processes are killed by SIGKILL at random moments: nobody hangs, and no committed message is lost.

For each structure, workers run and are killed and replaced, one at a time. At the end those that are left go on to the end
as if nothing had been. LONG=1 kills a thousand workers of each structure. The same script over `multiprocessing` runs
beside, and what comes of it is shown.
"""

import multiprocessing
import os
import random
import signal
import struct
import time

import ringway
from common import LONG, SOON, Case
from ringway import Empty, OwnerDied

KILLS = 1000 if LONG else 25
#: Of what takes longer.
FEWER = 1000 if LONG else 12
EVIDENCE = []
CONTEXT = multiprocessing.get_context("fork")


def until_killed(run, ready, args):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    # Nothing outlives the test.
    signal.alarm(600)
    ready.release()
    run(*args)


class Kills(Case):
    def start(self, run, *args):
        child = CONTEXT.Process(target=until_killed, args=(run, self.ready, args))
        child.start()
        return child

    def setUp(self):
        super().setUp()
        self.ready = multiprocessing.Semaphore(0)
        self.random = random.Random(1)

    def kill_some(self, run, *args, kills=KILLS, check=lambda: None):
        """Starts workers one after another, and kills each at a random moment of its work."""
        for _ in range(kills):
            child = self.start(run, *args)
            self.ready.acquire()
            time.sleep(self.random.random() ** 3 * 0.02)
            child.kill()
            child.join()
            child.close()
            check()

    def told(self, what, kills=KILLS, more="0 hangs"):
        EVIDENCE.append(f"SIGKILL, {what}: {kills} kills, {more}")

    # Queues.

    def test_producers(self):
        """What `put` had put is there; each message is whole."""
        queue, done = ringway.Queue(64, size=64), ringway.Array("q", KILLS + 1)
        got = {}
        # Nobody else reads: the workers' messages must not fill it.
        reader = self.thread(self.drain, queue, got)
        for number in range(KILLS):
            self.kill_some(put_numbers, queue, done.get_obj(), number, kills=1)
        queue.put(None)
        reader.join(SOON)
        self.assertFalse(reader.is_alive())
        lost = 0
        for number in range(KILLS):
            messages = got.get(number, [])
            self.assertEqual(messages, list(range(len(messages))), "in order, and each once")
            lost += max(0, done[number] - len(messages))
        self.assertEqual(lost, 0)
        self.told("Queue, producers", more=f"0 hangs, 0 of {sum(done)} committed messages lost")

    @staticmethod
    def drain(queue, got):
        for number, message in iter(lambda: queue.get(timeout=SOON), None):
            got.setdefault(number, []).append(message)

    def test_consumers(self):
        """What a killed consumer had claimed and not completed goes to another."""
        queue, results = ringway.Queue(64, size=64), ringway.Queue(1024, size=64)
        total = KILLS * 4
        feeder = self.thread(lambda: [queue.put(number) for number in range(total)])
        self.kill_some(claim_and_tell, queue, results)
        child = self.start(claim_and_tell, queue, results)
        self.ready.acquire()
        seen = set()
        while len(seen) < total:
            seen.add(results.get(timeout=SOON))
        child.kill()
        child.join()
        feeder.join()
        self.assertEqual(seen, set(range(total)))
        self.told("Queue, consumers with claims", more=f"0 hangs, 0 of {total} messages lost")

    def test_consumers_that_get(self):
        """The issue that names this package: after the kill of a consumer in `get`, others get all further messages."""
        queue = ringway.Queue(256, size=64)
        self.kill_some(get_for_ever, queue)
        for number in range(100):
            queue.put(number)
        self.assertEqual([queue.get(timeout=SOON) for _ in range(100)], list(range(100)))
        self.told("Queue, consumers in get", more="0 hangs, 100 of 100 further messages delivered")

    def test_the_standard_parts(self):
        """The same over `multiprocessing`: shown, and not asserted."""
        # What the standard module leaves behind is its own.
        self.is_looked_at = False

        def queue_works(queue):
            queue.put(1)
            return queue.get(timeout=0.5) == 1

        def lock_works(lock):
            if lock.acquire(timeout=0.5):
                lock.release()
                return True
            return False

        for what, make, run, works in [
            ("Queue, consumers in get", multiprocessing.Queue, get_for_ever, queue_works),
            ("Lock", multiprocessing.Lock, hold_for_ever, lock_works),
            ("RLock", multiprocessing.RLock, hold_for_ever, lock_works),
            ("BoundedSemaphore", multiprocessing.BoundedSemaphore, hold_for_ever, lock_works),
            ("Condition", multiprocessing.Condition, condition_for_ever, lock_works),
            ("Value and its lock", lambda: multiprocessing.Value("q"), increment_for_ever, lambda it: lock_works(it.get_lock())),
        ]:
            part, kills = make(), 0
            while kills < KILLS:
                self.kill_some(run, part, kills=1)
                kills += 1
                try:
                    if not works(part):
                        break
                except Empty:
                    break
            else:
                EVIDENCE.append(f"SIGKILL, multiprocessing beside it, {what}: {kills} kills, no hang")
                continue
            EVIDENCE.append(f"SIGKILL, multiprocessing beside it, {what}: a hang after {kills} kills")
            if hasattr(part, "join_thread"):
                part.close()
                part.join_thread()

    def test_joinable(self):
        queue = ringway.JoinableQueue(KILLS * 2, size=64)
        for number in range(KILLS * 2):
            queue.put(number)
        self.kill_some(get_and_done, queue)
        child = self.start(get_and_done, queue)
        self.ready.acquire()
        self.assertTrue(queue.join(SOON))
        child.kill()
        child.join()
        self.told("JoinableQueue", more="0 hangs, every task done")

    # Rings.

    def test_rings(self):
        for what, make, write, read in [
            ("Ring", lambda: ringway.Ring(16, size=64), write_ring, lambda ring, limit: ring.get(timeout=limit)),
            ("MessageRing", lambda: ringway.MessageRing(1024), write_messages, lambda ring, limit: ring.recv(limit)),
            ("Broadcast", lambda: ringway.Broadcast(4096, size=64), write_broadcast, None),
        ]:
            with self.subTest(what):
                kills = KILLS if what == "Ring" else FEWER
                committed = 0
                for _ in range(kills):
                    ring, done = make(), ringway.Value("q", 0)
                    reader = ring.reader() if read is None else None
                    get = read if read is not None else lambda _, limit, reader=reader: reader.recv(limit)
                    child = self.start(write, ring, done.get_obj())
                    self.ready.acquire()
                    # A writer that is killed before its first message was never there.
                    got = [get(ring, SOON)]
                    end = time.monotonic() + self.random.random() ** 3 * 0.02
                    try:
                        try:
                            while time.monotonic() < end:
                                got.append(get(ring, 0.01))
                        except Empty:
                            # A broadcast has sent as many as it keeps.
                            pass
                        child.kill()
                        while True:
                            got.append(get(ring, SOON))
                    except EOFError:
                        pass
                    child.join()
                    child.close()
                    self.assertEqual(got, list(range(len(got))))
                    self.assertGreaterEqual(len(got), done.get_obj().value)
                    committed += len(got)
                self.told(f"{what}, writers", kills, f"0 hangs, 0 of {committed} committed messages lost")

    def test_bytes(self):
        kills, total = FEWER, 0
        for _ in range(kills):
            ring, done = ringway.ByteRing(256), ringway.Value("q", 0)
            child = self.start(write_bytes, ring, done.get_obj())
            self.ready.acquire()
            got = ring.read(timeout=SOON)
            end = time.monotonic() + self.random.random() ** 3 * 0.02
            while time.monotonic() < end:
                got += ring.read(timeout=SOON)
            child.kill()
            while True:
                part = ring.read(timeout=SOON)
                if not part:
                    break
                got += part
            child.join()
            child.close()
            count = len(got) // 8
            self.assertEqual(got[: count * 8], struct.pack(f"{count}q", *range(count)))
            self.assertGreaterEqual(count, done.get_obj().value)
            total += count
        self.told("ByteRing, writers", kills, f"0 hangs, 0 of {total} committed records lost")

    def test_readers_of_rings(self):
        """The writer learns that its reader was killed."""
        kills = FEWER
        for _ in range(kills):
            ring = ringway.Ring(16, size=64)
            child = self.start(read_ring, ring)
            self.ready.acquire()
            end = time.monotonic() + self.random.random() ** 3 * 0.02
            ring.put(0)
            try:
                while time.monotonic() < end:
                    ring.put(0, timeout=SOON)
                child.kill()
                child.join()
                # A reader that was killed before it took its half was never there.
                while True:
                    ring.put(0, timeout=0.5)
            except (BrokenPipeError, ringway.Full):
                pass
            child.join()
            child.close()
        self.told("Ring, readers", kills)

    def test_pipes(self):
        kills = FEWER
        for _ in range(kills):
            here, there = ringway.Pipe()
            child = self.start(echo, there)
            there.close()
            self.ready.acquire()
            end = time.monotonic() + self.random.random() ** 3 * 0.02
            count = 0
            try:
                while True:
                    if child and time.monotonic() >= end:
                        child.kill()
                        child.join()
                        child.close()
                        child = None
                    here.send(count)
                    self.assertEqual(here.recv(), count)
                    count += 1
            except (EOFError, BrokenPipeError):
                pass
            here.close()
        self.told("Pipe, the other end", kills)

    def test_latest(self):
        level, last = ringway.Latest(format="qq"), 0
        for _ in range(KILLS):
            self.kill_some(store_for_ever, level, last, kills=1)
            loaded = level.load()
            if loaded is not None:
                self.assertEqual(loaded[0], -loaded[1], "whole")
                self.assertGreaterEqual(loaded[0], last)
                last = loaded[0]
        self.assertGreater(last, 0)
        self.told("Latest, writers", more="0 hangs, 0 torn values")

    # Locks.

    def test_locks(self):
        for lock in [ringway.Lock(), ringway.RLock()]:
            died = 0
            pair = ringway.Array("q", 2)

            def check():
                nonlocal died
                try:
                    lock.acquire(timeout=SOON)
                except OwnerDied:
                    died += 1
                    self.assertTrue(lock.acquire_to_repair(timeout=SOON))
                    pair.get_obj()[1] = pair.get_obj()[0]
                self.assertEqual(pair.get_obj()[0], pair.get_obj()[1])
                lock.release()

            self.kill_some(lock_for_ever, lock, pair.get_obj(), check=check)
            self.told(type(lock).__name__, more=f"0 hangs, {died} deaths of a holder told")

    def test_rw_lock(self):
        lock = ringway.RwLock()

        def check():
            try:
                taken = lock.write.acquire(timeout=SOON)
            except OwnerDied:
                taken = lock.acquire_to_repair(timeout=SOON)
            self.assertTrue(taken)
            lock.write.release()

        self.kill_some(rw_for_ever, lock, check=check)
        self.told("RwLock, readers and writers")

    def test_bounded_semaphore(self):
        semaphore = ringway.BoundedSemaphore(2)

        def check():
            self.assertTrue(semaphore.acquire(timeout=SOON))
            self.assertTrue(semaphore.acquire(timeout=SOON))
            semaphore.release(2)

        self.kill_some(semaphore_for_ever, semaphore, check=check)
        self.told("BoundedSemaphore", more="0 hangs, every permit came back")

    def test_semaphore_and_event(self):
        semaphore, event = ringway.Semaphore(0), ringway.Event()

        def check():
            semaphore.release()
            self.assertTrue(semaphore.acquire(timeout=SOON))

        self.kill_some(wait_for_ever, semaphore, event, check=check)
        event.set()
        self.run_in("fork", event.wait)
        self.told("Semaphore and Event, those that wait")

    def test_condition(self):
        condition = ringway.Condition(ringway.RLock(ignore_death=True))

        def check():
            self.assertTrue(condition.acquire(timeout=SOON))
            condition.notify_all()
            condition.release()

        self.kill_some(condition_for_ever, condition, check=check)
        waiter = self.start(wait_once, condition)
        self.ready.acquire()
        end = time.monotonic() + SOON
        while waiter.is_alive() and time.monotonic() < end:
            check()
            time.sleep(0.001)
        self.assertEqual(waiter.exitcode, 0)
        waiter.join()
        self.told("Condition, those that wait and notify")

    def test_barrier(self):
        barrier = ringway.Barrier(2)

        def check():
            barrier.reset()
            other = self.start(barrier.wait, SOON)
            self.ready.acquire()
            barrier.wait(SOON)
            other.join()
            self.assertEqual(other.exitcode, 0)
            other.close()

        self.kill_some(meet_for_ever, barrier, kills=FEWER, check=check)
        self.told("Barrier", FEWER)

    def test_value(self):
        number = ringway.Value("q", 0, ignore_death=True)

        def check():
            self.assertTrue(number.get_lock().acquire(timeout=SOON))
            number.get_lock().release()

        self.kill_some(increment_for_ever, number, check=check)
        self.assertGreater(number.value, 0)
        self.told("Value and its lock")

    # Regions.

    def test_attachments(self):
        """Places of the killed come back."""
        queue = ringway.Queue(16, size=64, places=4)
        self.kill_some(attach_for_ever, queue)
        queue.region.reap()
        self.assertEqual(len(queue.region.participants()), 1)
        self.told("Region with four places, processes that attach", more="0 hangs, every place came back")

    def test_everything_at_once(self):
        """Four workers with the same parts; one of them is killed again and again."""
        queue, results = ringway.Queue(32, size=64), ringway.Queue(1024, size=64)
        lock, total = ringway.Lock(ignore_death=True), KILLS * 8
        feeder = self.thread(lambda: [queue.put(number) for number in range(total)])
        workers = [self.start(claim_under_lock, queue, results, lock) for _ in range(4)]
        for _ in workers:
            self.ready.acquire()
        seen = set()
        for _ in range(KILLS):
            time.sleep(self.random.random() ** 3 * 0.02)
            number = self.random.randrange(4)
            workers[number].kill()
            workers[number].join()
            workers[number].close()
            workers[number] = self.start(claim_under_lock, queue, results, lock)
            try:
                while True:
                    seen.add(results.get(False))
            except Empty:
                pass
        while len(seen) < total:
            seen.add(results.get(timeout=SOON))
        for worker in workers:
            worker.kill()
            worker.join()
            worker.close()
        feeder.join()
        self.assertEqual(seen, set(range(total)))
        self.told("four workers with one Queue and one Lock", more=f"0 hangs, 0 of {total} messages lost")


def put_numbers(queue, done, number):
    for message in range(1 << 30):
        queue.put((number, message))
        done[number] = message + 1


def claim_and_tell(queue, results):
    while True:
        with queue.claim() as job:
            results.put(job.value)


def claim_under_lock(queue, results, lock):
    while True:
        with queue.claim() as job, lock:
            results.put(job.value)


def get_for_ever(queue):
    while True:
        queue.get()


def hold_for_ever(lock):
    while True:
        with lock:
            pass


def get_and_done(queue):
    while True:
        queue.get()
        queue.task_done()


def write_ring(ring, done):
    for message in range(1 << 30):
        ring.put(message)
        done.value = message + 1


def write_messages(ring, done):
    for message in range(1 << 30):
        ring.send(message)
        done.value = message + 1


def write_broadcast(ring, done):
    for message in range(4000):
        ring.send(message)
        done.value = message + 1
    time.sleep(SOON)


def write_bytes(ring, done):
    for message in range(1 << 30):
        ring.write(struct.pack("q", message))
        done.value = message + 1


def read_ring(ring):
    while True:
        ring.get()


def echo(end):
    while True:
        end.send(end.recv())


def store_for_ever(level, last):
    while True:
        last += 1
        level.store((last, -last))


def lock_for_ever(lock, pair):
    while True:
        with lock:
            pair[0] += 1
            pair[1] += 1


def rw_for_ever(lock):
    while True:
        with lock.read:
            pass
        with lock.write:
            pass


def semaphore_for_ever(semaphore):
    while True:
        with semaphore:
            pass


def wait_for_ever(semaphore, event):
    if os.getpid() % 2:
        event.wait()
    while True:
        semaphore.acquire(timeout=0.001)


def condition_for_ever(condition):
    while True:
        with condition:
            condition.notify()
            condition.wait(0.0005)


def wait_once(condition):
    with condition:
        condition.wait()


def meet_for_ever(barrier):
    while True:
        try:
            barrier.wait(0.001)
        except ringway.BrokenBarrierError:
            barrier.reset()


def increment_for_ever(number):
    while True:
        number.value += 1


def attach_for_ever(queue):
    while True:
        queue.put(1)
        queue.get()
