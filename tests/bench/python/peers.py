"""Python's multiprocessing as a peer: Pipe and Queue, each message numbered and checked.

usage: peers.py trip|rate pipe|queue SIZE, prints nanoseconds for a round trip, or messages a second.
"""

import multiprocessing
import os
import statistics
import sys
import time

PASSES, SECONDS = 5, 0.02


def numbered(n, size):
    return n.to_bytes(8, "little") + bytes(size - 8)


def ends(kind):
    """One direction: a function that sends, and one that receives."""
    if kind == "pipe":
        receiver, sender = multiprocessing.Pipe(duplex=False)
        return sender.send, receiver.recv
    queue = multiprocessing.Queue(64)
    return queue.put, queue.get


def other(measure, recv, send, counts):
    while (count := counts.recv()) > 0:
        for n in range(count):
            message = recv()
            assert int.from_bytes(message[:8], "little") == n, "out of order"
            if measure == "trip":
                send(message)
        if measure == "rate":
            send(b"done")


def main(measure, kind, size):
    there_send, there_recv = ends(kind)
    back_send, back_recv = ends(kind)
    told, tell = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=other, args=(measure, there_recv, back_send, told), daemon=True)
    process.start()
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(process.pid, cpus[-1:])
    os.sched_setaffinity(0, cpus[:1])

    def once(count):
        tell.send(count)
        begun = time.perf_counter()
        for n in range(count):
            there_send(numbered(n, size))
            if measure == "trip":
                back_recv()
        if measure == "rate":
            back_recv()
        return (time.perf_counter() - begun) / count

    count = max(8, int(SECONDS / once(32)))
    seconds = statistics.median(once(count) for _ in range(PASSES))
    print(seconds * 1e9 if measure == "trip" else 1 / seconds)
    tell.send(0)
    process.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
