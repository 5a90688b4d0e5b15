"""Rings of items, bytes and messages; broadcasts and newest values; pipes."""

import select
import struct
import time
from multiprocessing.connection import wait

import ringway
from common import METHODS, SOON, Case
from ringway import (
    Broadcast, ByteRing, Empty, Full, Lagged, Latest, MessageRing, MessageTooLarge, Pipe, Ring, Taken,
)  # fmt: skip


class Rings(Case):
    def test_put_and_get(self):
        ring = Ring(2, size=64)
        self.assertEqual((ring.capacity, ring.qsize()), (2, 0))
        for obj in [b"x", {"a": 1}]:
            ring.put(obj)
        self.assertEqual(ring.qsize(), 2)
        for put in [lambda: ring.put(1, False), lambda: ring.put(1, timeout=0.01)]:
            with self.assertRaises(Full):
                put()
        self.assertEqual([ring.get(), ring.get()], [b"x", {"a": 1}])
        for get in [lambda: ring.get(False), lambda: ring.get(timeout=0.01)]:
            with self.assertRaises(Empty):
                get()
        with self.assertRaises(MessageTooLarge):
            ring.put(b"x" * 65)

    def test_format(self):
        ring = Ring(4, format="=Id")
        ring.put((1, 2.5))
        self.assertEqual(ring.get(), (1, 2.5))

    def test_one_process_has_a_half(self):
        ring = Ring(4, size=64)
        ring.put(1)
        for method in METHODS:
            self.run_in(method, cannot_put, ring)
        self.assertEqual(ring.get(), 1)

    def test_across(self):
        for method in METHODS:
            ring = Ring(4, size=64)
            child = self.child(method, put_some, ring, 100)
            self.assertEqual([ring.get(timeout=SOON) for _ in range(100)], list(range(100)))
            with self.assertRaises(EOFError):
                ring.get(timeout=SOON)
            with self.assertRaises(EOFError):
                ring.get(False)
            self.joined(child)

    def test_the_reader_goes(self):
        ring = Ring(1, size=64)
        ring.put(1)
        child = self.child("fork", get_and_close, ring)
        self.joined(child)
        with self.assertRaises(BrokenPipeError):
            while True:
                ring.put(2, timeout=SOON)

    def test_close(self):
        ring = Ring(1, size=64)
        ring.put(1)
        ring.close()
        with self.assertRaises(ValueError):
            ring.put(2)


def cannot_put(ring):
    try:
        ring.put(2)
    except Taken:
        return
    raise AssertionError("two processes put")


def put_some(ring, count):
    for number in range(count):
        ring.put(number)
    ring.close()


def get_and_close(ring):
    assert ring.get() == 1
    ring.close()


class Streams(Case):
    def test_write_and_read(self):
        ring = ByteRing(16)
        self.assertEqual(ring.capacity, 16)
        self.assertEqual(ring.write(b"hello"), 5)
        self.assertEqual(ring.qsize(), 5)
        self.assertEqual(ring.read(2), b"he")
        self.assertEqual(ring.read(), b"llo")
        self.assertIsNone(ring.read(timeout=0))
        self.assertIsNone(ring.read(timeout=0.01))
        self.assertEqual(ring.read(0), b"")
        self.assertEqual(ring.write(b""), 0)
        self.assertEqual(ring.write(bytearray(b"ab")), 2)
        self.assertEqual(ring.write(memoryview(b"cd")), 2)
        self.assertEqual(ring.read(), b"abcd")

    def test_no_room(self):
        ring = ByteRing(16)
        self.assertEqual(ring.write(b"x" * 40, timeout=0.01), 16)
        self.assertEqual(ring.write(b"x", timeout=0), 0)
        self.assertEqual(ring.read(), b"x" * 16)

    def test_across(self):
        for method in METHODS:
            ring = ByteRing(64)
            data = bytes(range(256)) * 40
            child = self.child(method, write_all, ring, data)
            got = b""
            while True:
                part = ring.read(timeout=SOON)
                self.assertIsNotNone(part)
                if not part:
                    break
                got += part
            self.assertEqual(got, data)
            self.joined(child)

    def test_the_reader_goes(self):
        ring = ByteRing(16)
        self.run_in("fork", read_and_close, ring)
        with self.assertRaises(BrokenPipeError):
            ring.write(b"x" * 100, timeout=SOON)


def write_all(ring, data):
    assert ring.write(data) == len(data)
    ring.close()


def read_and_close(ring):
    assert ring.read(timeout=0) is None
    ring.close()


class MessageRings(Case):
    def test_send_and_receive(self):
        ring = MessageRing(256)
        self.assertGreaterEqual(ring.capacity, 256)
        ring.send_bytes(b"hello")
        ring.send({"a": 1})
        ring.send_bytes(bytearray(b"x"))
        self.assertTrue(ring.poll())
        self.assertEqual(ring.recv_bytes(), b"hello")
        self.assertEqual(ring.recv(), {"a": 1})
        self.assertEqual(ring.recv_bytes(), b"x")
        self.assertFalse(ring.poll())
        self.assertFalse(ring.poll(0.01))
        for get in [lambda: ring.recv_bytes(0), lambda: ring.recv_bytes(0.01), lambda: ring.recv(0.01), lambda: ring.peek(0)]:
            with self.assertRaises(Empty):
                get()

    def test_too_large(self):
        ring = MessageRing(256)
        with self.assertRaises(MessageTooLarge) as caught:
            ring.send_bytes(b"x" * 300)
        room = caught.exception.args[1]
        ring.send_bytes(b"x" * room)
        self.assertEqual(len(ring.recv_bytes()), room)
        with self.assertRaises(MessageTooLarge):
            ring.send_bytes(b"x" * (room + 1))
        with self.assertRaises(MessageTooLarge):
            ring.reserve(room + 1)

    def test_full(self):
        ring = MessageRing(64)
        with self.assertRaises(Full):
            for _ in range(100):
                ring.send_bytes(b"x" * 10, timeout=0.01)
        with self.assertRaises(Full):
            ring.reserve(20, timeout=0.01)
        with self.assertRaises(Full):
            ring.reserve(20, timeout=0)

    def test_reserve(self):
        ring = MessageRing(256)
        room = ring.reserve(10)
        room.view[:] = b"0123456789"
        room.commit(4)
        self.assertEqual(ring.recv_bytes(), b"0123")
        with self.assertRaises(ValueError):
            room.commit()
        with ring.reserve(3) as room:
            room.view[:] = b"abc"
        self.assertEqual(ring.recv_bytes(), b"abc")
        with self.assertRaises(ZeroDivisionError):
            with ring.reserve(3) as room:
                1 // 0
        self.assertFalse(ring.poll())
        with ring.reserve(3) as room:
            with self.assertRaises(MessageTooLarge):
                room.commit(4)

    def test_while_it_is_reserved(self):
        ring = MessageRing(256)
        room = ring.reserve(3)
        with self.assertRaises(ValueError):
            ring.send_bytes(b"x")
        with self.assertRaises(ValueError):
            ring.close()
        del room
        ring.send_bytes(b"x")
        message = ring.peek()
        with self.assertRaises(ValueError):
            ring.recv_bytes()
        message.release()
        self.assertFalse(ring.poll())

    def test_peek(self):
        ring = MessageRing(256)
        ring.send_bytes(struct.pack("3d", 1, 2, 3))
        with self.assertRaises(ZeroDivisionError):
            with ring.peek() as view:
                1 // 0
        with ring.peek() as view:
            self.assertEqual(struct.unpack("3d", view), (1, 2, 3))
        with self.assertRaises(ValueError):
            view[0]
        self.assertFalse(ring.poll())

    def test_an_array_lies_over_it(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        ring = MessageRing(4096)
        with ring.reserve(800) as room:
            numpy.frombuffer(room.view)[:] = numpy.arange(100.0)
        with ring.peek() as view:
            self.assertEqual(numpy.frombuffer(view).sum(), 4950)

    def test_across(self):
        for method in METHODS:
            ring = MessageRing(128)
            child = self.child(method, send_some, ring)
            for number in range(50):
                self.assertEqual(ring.recv_bytes(SOON), b"x" * number)
            with self.assertRaises(EOFError):
                ring.recv_bytes(SOON)
            self.assertTrue(ring.poll())
            self.joined(child)

    def test_the_sender_dies(self):
        ring = MessageRing(128)
        child = self.child("fork", send_and_wait, ring)
        self.assertEqual(ring.recv_bytes(SOON), b"x")
        child.kill()
        with self.assertRaises(EOFError):
            ring.recv_bytes(SOON)


def send_some(ring):
    for number in range(50):
        ring.send_bytes(b"x" * number)
    ring.close()


def send_and_wait(ring):
    ring.send_bytes(b"x")
    time.sleep(SOON)


class Broadcasts(Case):
    def test_each_reader_gets_all(self):
        news = Broadcast(4, size=64)
        readers = [news.reader(), news.reader()]
        for number in range(4):
            news.send({"n": number})
        self.assertEqual((news.capacity, news.sent), (4, 4))
        for reader in readers:
            self.assertEqual([reader.recv()["n"] for _ in range(4)], [0, 1, 2, 3])
            for timeout in [0, 0.01]:
                with self.assertRaises(Empty):
                    reader.recv(timeout)
        news.close()
        for timeout in [0, 0.01, None]:
            with self.assertRaises(EOFError):
                readers[0].recv(timeout)
        self.assertEqual(list(readers[1]), [])

    def test_lagged(self):
        news = Broadcast(2, format="Q")
        reader = news.reader()
        for number in range(10):
            news.send(number)
        with self.assertRaises(Lagged) as caught:
            reader.recv()
        self.assertEqual(caught.exception.args[1] + len([reader.recv(0) for _ in range(10 - caught.exception.args[1])]), 10)
        self.assertEqual(reader.skip_to_newest(), 0)
        with self.assertRaises(MessageTooLarge):
            Broadcast(2, size=8).send(b"x" * 100)

    def test_skip(self):
        news = Broadcast(8, format="Q")
        reader = news.reader()
        for number in range(5):
            news.send(number)
        self.assertEqual(reader.skip_to_newest(), 4)
        self.assertEqual(reader.recv(), 4)

    def test_across(self):
        for method in METHODS:
            news = Broadcast(256, size=64)
            reader = news.reader()
            child = self.child(method, broadcast_some, news)
            self.assertEqual([reader.recv(SOON) for _ in range(100)], list(range(100)))
            with self.assertRaises(EOFError):
                reader.recv(SOON)
            self.joined(child)

    def test_one_writer(self):
        news = Broadcast(4, size=64)
        news.send(1)
        self.run_in("fork", cannot_send, news)
        self.assertEqual(news.sent, 1)

    def test_a_reader_in_a_copy(self):
        news = Broadcast(4, size=64)
        news.send(1)
        self.run_in("fork", reads_anew, news, news.reader())


def broadcast_some(news):
    for number in range(100):
        news.send(number)
    news.close()


def cannot_send(news):
    try:
        news.send(2)
    except Taken:
        return
    raise AssertionError("two processes send")


def reads_anew(news, reader):
    try:
        reader.recv(0)
    except ValueError:
        assert news.reader().recv(0) == 1
        return
    raise AssertionError("a copy used its parent's reader")


class Levels(Case):
    def test_store_and_load(self):
        level = Latest(format="d")
        self.assertIsNone(level.load())
        level.store(1.5)
        level.store(2.5)
        self.assertEqual((level.load(), level.load()), (2.5, 2.5))
        self.assertEqual(level.wait(), 2.5)
        with self.assertRaises(Empty):
            level.wait(0.01)
        level.close()
        with self.assertRaises(EOFError):
            level.wait(SOON)
        self.assertEqual(level.load(), 2.5)

    def test_objects(self):
        level = Latest(size=64)
        level.store({"a": 1})
        self.assertEqual(level.load(), {"a": 1})
        with self.assertRaises(MessageTooLarge):
            level.store(b"x" * 65)

    def test_across(self):
        for method in METHODS:
            level = Latest(format="Q")
            child = self.child(method, count_up, level)
            last = 0
            while last < 100:
                now = level.wait(SOON)
                self.assertGreater(now, last)
                last = now
            self.joined(child)


def count_up(level):
    for number in range(1, 101):
        level.store(number)


class Pipes(Case):
    def test_both_directions(self):
        here, there = Pipe()
        here.send({"a": 1})
        self.assertEqual(there.recv(), {"a": 1})
        there.send_bytes(b"x")
        self.assertTrue(here.poll())
        self.assertEqual(here.recv_bytes(), b"x")
        self.assertFalse(here.poll(0.01))
        self.assertIn("open", repr(here))
        with here, there:
            pass
        self.assertTrue(here.closed and there.closed)
        here.close()
        with self.assertRaises(OSError):
            here.recv()

    def test_one_direction(self):
        reader, writer = Pipe(False)
        with reader, writer:
            self.assertEqual((reader.readable, reader.writable, writer.readable, writer.writable), (True, False, False, True))
            for use in [lambda: reader.send(1), writer.recv, writer.poll, writer.fileno]:
                with self.assertRaises(OSError):
                    use()

    def test_bytes_into(self):
        import multiprocessing

        here, there = Pipe()
        with here, there:
            buffer = bytearray(8)
            here.send_bytes(b"abc")
            self.assertEqual(there.recv_bytes_into(buffer, 2), 3)
            self.assertEqual(buffer, b"\0\0abc\0\0\0")
            here.send_bytes(b"x" * 9)
            with self.assertRaises(multiprocessing.BufferTooShort) as caught:
                there.recv_bytes_into(buffer)
            self.assertEqual(caught.exception.args[0], b"x" * 9)
            here.send_bytes(b"x" * 9)
            with self.assertRaises(OSError):
                there.recv_bytes(8)
            self.assertTrue(there.closed)

    def test_too_large(self):
        here, there = Pipe(size=1024)
        with here, there:
            with self.assertRaises(MessageTooLarge):
                here.send_bytes(b"x" * 2000)

    def test_an_end_nobody_used(self):
        here, there = Pipe()
        there.close()
        with self.assertRaises(EOFError):
            here.recv()
        here.close()

    def test_a_child_dies_before_it_uses_its_end(self):
        for method in METHODS:
            here, there = Pipe()
            child = self.child(method, time.sleep, 0)
            using = self.child(method, sleep_with, there)
            there.close()
            using.kill()
            with self.assertRaises(EOFError):
                here.recv()
            here.close()
            self.joined(child)

    def test_across(self):
        for method in METHODS:
            here, there = Pipe()
            child = self.child(method, echo, there)
            there.close()
            for obj in [1, b"x", {"a": 1}]:
                here.send(obj)
                self.assertEqual(here.recv(), obj)
            here.send(None)
            with self.assertRaises(EOFError):
                here.recv()
            here.close()
            self.joined(child)

    def test_a_child_is_killed(self):
        here, there = Pipe()
        child = self.child("fork", echo, there)
        there.close()
        here.send(1)
        self.assertEqual(here.recv(), 1)
        child.kill()
        with self.assertRaises(EOFError):
            here.recv()
        with self.assertRaises(BrokenPipeError):
            for _ in range(1000):
                here.send_bytes(b"x" * 1000)
        here.close()

    def test_through_a_pipe(self):
        outer, other = Pipe()
        here, there = Pipe()
        outer.send(there)
        there.close()
        moved = other.recv()
        here.send("x")
        self.assertEqual(moved.recv(), "x")
        for end in [outer, other, here, moved]:
            end.close()

    def test_wait_for_many(self):
        pipes = [Pipe(False) for _ in range(3)]
        readers = [reader for reader, _ in pipes]
        self.assertEqual(wait(readers, 0), [])
        pipes[1][1].send(1)
        self.assertEqual(wait(readers, SOON), [readers[1]])
        self.assertEqual(wait(readers, 0), [readers[1]], "it stays so until it is received")
        pipes[2][1].send(2)
        self.assertEqual(wait(readers, 0), readers[1:])
        self.assertEqual(readers[1].recv(), 1)
        self.assertEqual(wait(readers, 0), [readers[2]])
        self.assertEqual(select.select(readers, [], [], 0)[0], [readers[2]])
        pipes[0][1].close()
        self.assertEqual(readers[2].recv(), 2)
        self.assertEqual(wait(readers, SOON), [readers[0]], "the end")
        with self.assertRaises(EOFError):
            readers[0].recv()
        for reader, writer in pipes:
            reader.close()
            writer.close()


def echo(end):
    for obj in iter(end.recv, None):
        end.send(obj)
    end.close()


def sleep_with(end):
    time.sleep(SOON)


class Descriptors(Case):
    """What is readable when there is something to take."""

    def test_each(self):
        queue, ring, stream, messages = ringway.Queue(4), Ring(4, size=64), ByteRing(64), MessageRing(256)
        for part, put, get in [
            (queue, queue.put, queue.get),
            (ring, ring.put, ring.get),
            (stream, stream.write, stream.read),
            (messages, messages.send_bytes, messages.recv_bytes),
        ]:
            ready = part.ready_fd()
            self.assertEqual(select.select([ready], [], [], 0)[0], [])
            put(b"x")
            self.assertEqual(select.select([ready], [], [], SOON)[0], [ready])
            self.assertEqual(get(), b"x")
            ready.rearm()
            self.assertEqual(select.select([ready], [], [], 0)[0], [])
            put(b"y")
            ready.rearm()
            self.assertEqual(select.select([ready], [], [], 0)[0], [ready], "at once")

    def test_in_a_copy(self):
        queue = ringway.Queue(4)
        self.run_in("fork", makes_it_anew, queue, queue.ready_fd())


def makes_it_anew(queue, ready):
    try:
        ready.fileno()
    except ValueError:
        queue.put(1)
        assert select.select([queue.ready_fd()], [], [], SOON)[0]
        return
    raise AssertionError("a copy used its parent's descriptor")
