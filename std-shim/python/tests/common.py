"""What the tests share: a look for leaks after each, children of every start method, and names."""

import gc
import multiprocessing
import os
import threading
import time
import unittest
from multiprocessing import resource_sharer, resource_tracker

try:
    # It starts threads, which are no test's leak.
    import numpy  # noqa: F401
except ImportError:
    pass

METHODS = ["fork", "spawn", "forkserver"]
LONG = bool(os.environ.get("LONG"))
#: A deadline of what is expected to come, in seconds.
SOON = 60.0


def name():
    """The name of a region that no other test has."""
    name.count += 1
    return f"ringway-python-{os.getpid()}-{name.count}"


name.count = 0


def held():
    """What this process has: descriptors, mapped regions, threads, children, and files of its names."""
    gc.collect()
    descriptors = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            descriptors.append(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError:
            # The listing's own.
            pass
    with open("/proc/self/maps") as maps:
        mapped = sum("ringway" in line and "_ringway" not in line for line in maps)
    return {
        "descriptors": sorted(descriptors),
        "mappings": mapped,
        "threads": sorted(os.listdir("/proc/self/task")),
        "children": multiprocessing.active_children(),
        "files": sorted(file for file in os.listdir("/dev/shm") if f"ringway-python-{os.getpid()}-" in file),
    }


def prepare():
    """Starts what the standard module starts once and keeps."""
    for method in METHODS:
        child = multiprocessing.get_context(method).Process(target=int)
        child.start()
        child.join()
        child.close()
    resource_tracker.ensure_running()


class Case(unittest.TestCase):
    """A test that leaves nothing behind."""

    is_prepared = False
    #: Whether what a test leaves behind is a failure.
    is_looked_at = True

    def setUp(self):
        if not Case.is_prepared:
            prepare()
            Case.is_prepared = True
        before = held()
        self.addCleanup(self.look, before)

    def look(self, before):
        if not self.is_looked_at:
            return
        end = time.monotonic() + 10
        resource_sharer.stop()
        while True:
            now = held()
            if now == before:
                return
            if time.monotonic() > end:
                for what in now:
                    self.assertEqual(now[what], before[what], f"{what} are left")
            time.sleep(0.05)

    def child(self, method, target, *args):
        """A child, which is killed at the end if it still runs."""
        child = multiprocessing.get_context(method).Process(target=target, args=args)
        child.start()

        def end():
            child.kill()
            child.join()
            child.close()

        self.addCleanup(end)
        return child

    def joined(self, child, code=0):
        child.join(SOON)
        self.assertEqual(child.exitcode, code)

    def run_in(self, method, target, *args):
        """Runs a function in a child, and waits for it."""
        self.joined(self.child(method, target, *args))

    def thread(self, target, *args):
        """A thread, which is joined at the end."""
        thread = threading.Thread(target=target, args=args)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def eventually(self, look):
        """Waits until it is true."""
        end = time.monotonic() + SOON
        while not look():
            self.assertLess(time.monotonic(), end, "it does not come true")
            time.sleep(0.005)
