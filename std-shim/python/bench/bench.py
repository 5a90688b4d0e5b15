"""Measures `ringway` beside `multiprocessing`, in one run.

Each measurement is a fresh process, with the processes that it starts. Starts of all are interleaved, so
that what else the machine does meets all alike, and the figure of each is the median of its starts.
Every message that arrives is checked.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time

FORK = multiprocessing.get_context("fork")
MEGABYTE = 1 << 20
#: How long a pass takes, in seconds, and how many passes a start makes: with one process, and with more.
ALONE, TOGETHER = (0.004, 51), (0.1, 3)
#: How many messages a queue holds: ours by default, and as many for the standard one.
CAPACITY = 1024


class Channel:
    """One direction between two processes: `send` and `recv`."""

    def __init__(self, kind):
        import ringway

        standard = FORK
        if kind == "ringway.Queue":
            queue = ringway.Queue(CAPACITY, size=64)
            self.send, self.recv = queue.put, queue.get
        elif kind == "ringway.SimpleQueue":
            queue = ringway.SimpleQueue(capacity=CAPACITY, size=64)
            self.send, self.recv = queue.put, queue.get
        elif kind == "ringway.Ring":
            ring = ringway.Ring(CAPACITY, size=64)
            self.send, self.recv = ring.put, ring.get
        elif kind == "ringway.Pipe":
            receiver, sender = ringway.Pipe(duplex=False)
            self.send, self.recv = sender.send, receiver.recv
        elif kind == "ringway.Pipe, bytes":
            receiver, sender = ringway.Pipe(duplex=False)
            self.send, self.recv = sender.send_bytes, receiver.recv_bytes
        elif kind == "multiprocessing.Queue":
            queue = standard.Queue(CAPACITY)
            self.send, self.recv = queue.put, queue.get
        elif kind == "multiprocessing.SimpleQueue":
            queue = standard.SimpleQueue()
            self.send, self.recv = queue.put, queue.get
        elif kind == "multiprocessing.Pipe":
            receiver, sender = standard.Pipe(duplex=False)
            self.send, self.recv = sender.send, receiver.recv
        elif kind == "multiprocessing.Pipe, bytes":
            receiver, sender = standard.Pipe(duplex=False)
            self.send, self.recv = sender.send_bytes, receiver.recv_bytes
        else:
            raise ValueError(kind)


class InPlace:
    """1 MiB in a `MessageRing`: the first and the last bytes are written and read where they lie."""

    def __init__(self, kind):
        import ringway

        self.ring = ringway.MessageRing(4 * MEGABYTE)

    def send(self, message):
        with self.ring.reserve(MEGABYTE) as room:
            room.view[:8] = room.view[-8:] = message

    def recv(self):
        with self.ring.peek() as view:
            assert view[:8] == view[-8:] and len(view) == MEGABYTE
            return bytes(view[:8])


def timed(pass_of, length):
    """Seconds for one of what `pass_of(count)` does `count` times: the median of some passes."""
    seconds, passes = length
    count = 16
    while True:
        begun = time.perf_counter()
        pass_of(count)
        took = time.perf_counter() - begun
        if took > seconds / 3:
            break
        count *= 2
    count = max(16, int(count * seconds / took))
    found = []
    for _ in range(passes):
        begun = time.perf_counter()
        pass_of(count)
        found.append((time.perf_counter() - begun) / count)
    return statistics.median(found)


def between_processes(there, back, pad, is_trip):
    """One way, `there`; or there and back, each message checked."""
    orders, give = FORK.Pipe(duplex=False)
    told, tell = FORK.Pipe(duplex=False)

    def other():
        while (count := orders.recv()) > 0:
            send, recv = back.send, there.recv
            for n in range(count):
                message = recv()
                assert int.from_bytes(message[:8], "little") == n, "out of order"
                if is_trip:
                    send(message)
            if not is_trip:
                tell.send(True)

    process = FORK.Process(target=other, daemon=True)
    process.start()

    def pass_of(count):
        send, recv = there.send, back.recv
        give.send(count)
        for n in range(count):
            send(n.to_bytes(8, "little") + pad)
            if is_trip:
                recv()
        if not is_trip:
            told.recv()

    seconds = timed(pass_of, TOGETHER)
    give.send(0)
    process.join()
    return seconds


def messages(kind, is_trip):
    return between_processes(Channel(kind), Channel(kind), bytes(56), is_trip)


def large(kind, is_trip):
    if kind == "ringway.MessageRing":
        return between_processes(InPlace(kind), InPlace(kind), b"", is_trip)
    return between_processes(Channel(kind), Channel(kind), bytes(MEGABYTE - 8), is_trip)


def lock(kind, with_statement):
    import ringway

    package, name = kind.split(".")
    lock = getattr(ringway if package == "ringway" else FORK, name)()

    def with_it(count):
        for _ in range(count):
            with lock:
                pass

    def calls(count):
        acquire, release = lock.acquire, lock.release
        for _ in range(count):
            acquire()
            release()

    return timed(with_it if with_statement else calls, ALONE)


def value(kind, workers):
    """Increments of a value under its lock, by this many processes."""
    import ringway

    is_ours = kind.startswith("ringway")
    total = ringway.Value("q", 0) if is_ours else FORK.Value("q", 0)

    def increment(count):
        if kind == "ringway.Value.add":
            for _ in range(count):
                total.add(1)
            return
        for _ in range(count):
            with total.get_lock():
                total.value += 1

    def worker(orders, done):
        while (count := orders.recv()) > 0:
            increment(count)
            done.send(True)

    pipes = [(FORK.Pipe(), FORK.Pipe()) for _ in range(workers)]
    processes = [
        FORK.Process(target=worker, args=(orders[0], done[0]), daemon=True) for orders, done in pipes
    ]
    for process in processes:
        process.start()

    def pass_of(count):
        before = total.value
        each = max(1, count // workers)
        for orders, _ in pipes:
            orders[1].send(each)
        for _, done in pipes:
            done[1].recv()
        assert total.value - before == each * workers, "increments were lost"

    seconds = timed(pass_of, TOGETHER)
    for orders, _ in pipes:
        orders[1].send(0)
    for process in processes:
        process.join()
    return seconds


THEIRS = ["multiprocessing.Queue", "multiprocessing.SimpleQueue", "multiprocessing.Pipe"]
OURS = ["ringway.Queue", "ringway.SimpleQueue", "ringway.Pipe", "ringway.Ring"]
BYTES = ["multiprocessing.Pipe, bytes", "ringway.Pipe, bytes"]
LARGE = ["ringway.MessageRing", *THEIRS, "multiprocessing.Pipe, bytes"]
LOCKS = ["ringway.Lock", "multiprocessing.Lock", "ringway.RLock", "multiprocessing.RLock"]
VALUES = ["ringway.Value", "ringway.Value.add", "multiprocessing.Value"]

#: What is measured: title, what measures it, and the entrants.
FIGURES = {
    "rate": ("put and get of 64 bytes, one way", lambda kind: messages(kind, False), OURS + THEIRS + BYTES),
    "trip": ("put and get of 64 bytes, there and back", lambda kind: messages(kind, True), OURS + THEIRS + BYTES),
    "large": ("1 MiB, one way", lambda kind: large(kind, False), LARGE),
    "large-trip": ("1 MiB, there and back", lambda kind: large(kind, True), LARGE),
    "lock": ("acquire() and release() of a free lock", lambda kind: lock(kind, False), LOCKS),
    "with": ("`with` a free lock", lambda kind: lock(kind, True), LOCKS),
    "value": ("increment of a Value by 4 processes", lambda kind: value(kind, 4), VALUES),
    "value-1": ("increment of a Value by 1 process", lambda kind: value(kind, 1), VALUES),
}

#: What is wanted: figure, ours, theirs, and how many times as fast ours should be.
BARS = [
    ("rate", "ringway.Queue", "multiprocessing.Queue", 5.0),
    ("rate", "ringway.Queue", "multiprocessing.SimpleQueue", 1.5),
    ("rate", "ringway.Queue", "multiprocessing.Pipe", 1.5),
    ("rate", "ringway.SimpleQueue", "multiprocessing.SimpleQueue", 1.5),
    ("rate", "ringway.Pipe", "multiprocessing.Pipe", 1.5),
    ("rate", "ringway.Pipe, bytes", "multiprocessing.Pipe, bytes", 1.5),
    ("rate", "ringway.Ring", "multiprocessing.Pipe", None),
    ("trip", "ringway.Queue", "multiprocessing.Queue", 5.0),
    ("trip", "ringway.Queue", "multiprocessing.SimpleQueue", 1.5),
    ("trip", "ringway.Queue", "multiprocessing.Pipe", 1.5),
    ("trip", "ringway.SimpleQueue", "multiprocessing.SimpleQueue", 1.5),
    ("trip", "ringway.Pipe", "multiprocessing.Pipe", 1.5),
    ("trip", "ringway.Pipe, bytes", "multiprocessing.Pipe, bytes", 1.5),
    ("trip", "ringway.Ring", "multiprocessing.Pipe", None),
    ("large", "ringway.MessageRing", "multiprocessing.Queue", 50.0),
    ("large-trip", "ringway.MessageRing", "multiprocessing.Queue", 50.0),
    ("lock", "ringway.Lock", "multiprocessing.Lock", 1.0),
    ("lock", "ringway.RLock", "multiprocessing.RLock", 1.0),
    ("with", "ringway.Lock", "multiprocessing.Lock", 1.0),
    ("with", "ringway.RLock", "multiprocessing.RLock", 1.0),
    ("value", "ringway.Value", "multiprocessing.Value", 5.0),
    ("value", "ringway.Value.add", "multiprocessing.Value", 5.0),
    ("value-1", "ringway.Value", "multiprocessing.Value", None),
    ("value-1", "ringway.Value.add", "multiprocessing.Value", None),
]


def start(figure, kind, options):
    """One start: nanoseconds for one message, lock or increment."""
    run = subprocess.run([sys.executable, __file__, *options, "--start", figure, kind], stdout=subprocess.PIPE, check=True)
    return float(run.stdout)


def measure(figures, starts, options):
    """The starts of each entrant, interleaved, by figure and entrant."""
    found = {figure: {kind: [] for kind in FIGURES[figure][2]} for figure in figures}
    for number in range(starts):
        for figure in figures:
            for kind, all_starts in found[figure].items():
                if sys.stderr.isatty():
                    print(f"\r{number + 1} of {starts}: {figure}, {kind}\x1b[K", end="", file=sys.stderr, flush=True)
                all_starts.append(start(figure, kind, options))
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return {figure: {kind: statistics.median(all_) for kind, all_ in kinds.items()} for figure, kinds in found.items()}


def amount(nanoseconds):
    for unit, size in ("ns", 1), ("µs", 1e3), ("ms", 1e6):
        if nanoseconds < 1000 * size:
            break
    return f"{nanoseconds / size:#.3g}".rstrip(".") + f" {unit}"


def rows(found):
    """The rows of the table: what, ours, theirs, how many times as fast, what is wanted, and whether it is met."""
    for figure, ours, theirs, bar in BARS:
        if figure in found:
            mine, other = found[figure][ours], found[figure][theirs]
            ratio = other / mine
            wanted = "" if bar is None else f"≥ {bar:g} ×"
            met = "" if bar is None else "met" if ratio >= bar else "missed"
            yield (
                FIGURES[figure][0],
                f"{ours}: {amount(mine)}",
                f"{theirs}: {amount(other)}",
                f"{ratio:.3g} ×" if ratio < 100 else f"{ratio:.0f} ×",
                wanted,
                met,
            )


def main():
    parser = argparse.ArgumentParser(prog="std-shim/python/bench/run", description=__doc__)
    parser.add_argument("--starts", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--only", help=f"which figures, separated by commas, of: {', '.join(FIGURES)}")
    parser.add_argument("--json", help="the file to write the figures to, in nanoseconds")
    parser.add_argument("--plot", help="the file to write the plot to, as SVG")
    parser.add_argument("--quick", action="store_true", help="one short pass a start: it shows that all of this works")
    parser.add_argument("--start", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.quick:
        global ALONE, TOGETHER
        ALONE = TOGETHER = (0.001, 1)
    if asked.start:
        figure, kind = asked.start
        print(FIGURES[figure][1](kind) * 1e9)
        return
    figures = asked.only.split(",") if asked.only else list(FIGURES)
    found = measure(figures, asked.starts, ["--quick"] if asked.quick else [])
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, {asked.starts} starts, medians\n")
    header = ("", "ringway", "multiprocessing", "times as fast", "wanted", "")
    table = list(rows(found))
    for row in header, ("---",) * len(header), *table:
        print("|", " | ".join(row), "|")
    missed = sum(row[-1] == "missed" for row in table)
    print(f"\nevidence: python: speed: {sum(row[-1] == 'met' for row in table)} bars met, {missed} missed")
    if asked.json:
        with open(asked.json, "w") as file:
            json.dump(found, file, indent=1)
    if asked.plot:
        import plot

        with open(asked.plot, "w") as file:
            file.write(plot.drawn(found))


if __name__ == "__main__":
    main()
