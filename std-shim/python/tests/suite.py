"""CPython's own tests of `multiprocessing`, of this interpreter's installed test suite, run against this package.

`install` puts their classes into a module, with our parts in the place of the standard ones. NOT_RUN names what cannot
pass, and why. Those are run all the same: a test of the table that passes is a failure, and so is one that does not
exist.
"""

import functools
import multiprocessing as standard
import os
import signal
import sys
import unittest

import test._test_multiprocessing as theirs
from ringway import multiprocessing as ours

# The classes, as their file names them.
CLASSES = """
_TestQueue _TestLock _TestSemaphore _TestCondition _TestEvent _TestBarrier _TestValue _TestArray _TestConnection _TestPoll
_TestPicklingConnections _TestSharedCTypes TestWait TestIgnoreEINTR TestSimpleQueue
""".split()
# Those that use our parts to test something else, in the long form.
MORE = "_TestProcess _TestSubclassingProcess _TestFinalize TestInitializers".split()

# What our parts take the place of.
PARTS = """
Queue JoinableQueue Lock RLock Semaphore BoundedSemaphore Condition Event Barrier Value Array
""".split()

SOCKET = "sends descriptors through the connection itself, which is no socket here: parts and regions travel by pickling"
SHARED = "sends from several processes through one end in turns: an end belongs to the process that uses it"
FEEDER = "is about the thread that fills a pipe from a buffer: there is none here, and `put` itself raises"

# (class, test): why it cannot pass; with a version, where it may be missing before that one.
NOT_RUN = {
    ("_TestConnection", "test_fd_transfer"): SOCKET,
    ("_TestConnection", "test_large_fd_transfer"): SOCKET,
    ("_TestConnection", "test_missing_fd_transfer"): SOCKET,
    ("_TestBarrier", "test_thousand"): SHARED,
    ("_TestProcess", "test_recursion"): SHARED,
    ("_TestQueue", "test_queue_feeder_donot_stop_onexc"): FEEDER,
    ("_TestQueue", "test_closed_queue_empty_exceptions"): (
        "wants `empty` of a closed queue to raise if something was put before: here it answers in both cases",
        (3, 13),
    ),
    ("TestSimpleQueue", "test_closed"): "reads private attributes: there are no two connections inside",
}


# (class, test): for which start method it may pass or not, depending on who is faster, and why. Those are left out.
UNSTEADY = {
    ("TestIgnoreEINTR", "test_ignore"): (
        "forkserver",
        "wants a child to live until its 16 MiB are received: here they fit, it ends, and the fork server reaps it",
    ),
}

#: (class, test): it asserts how long something takes, which a busy machine does not promise. It has three tries.
TIMED = [("TestWait", "test_wait_integer")]


def pipe(duplex=True):
    """A pipe for the messages of 16 MiB that some tests send: the size is stated at creation."""
    return ours.Pipe(duplex, size=1 << 26)


class _Ours:
    """Our `multiprocessing` with larger pipes, as their tests see it."""

    Pipe = staticmethod(pipe)

    def __getattr__(self, name):
        return getattr(ours, name)


class _Adapted:
    """What reads private attributes of the standard parts, for ours."""

    def check_invariant(self, cond):
        if self.TYPE == "processes":
            self.assertEqual(cond._native.waiting, 0)


theirs.multiprocessing = _Ours()
theirs.Value = ours.Value
# How long they sleep until others have surely done something.
theirs.DELTA = 0.4
for part in PARTS:
    setattr(theirs.ProcessesMixin, part, staticmethod(getattr(ours, part)))
theirs.ProcessesMixin.Pipe = staticmethod(pipe)


def fails(test, why):
    """The test, which passes if it fails: it is of the table."""

    @functools.wraps(test)
    def run(self):
        def late(*_):
            raise TimeoutError("it hangs")

        before = signal.signal(signal.SIGALRM, late)
        left = signal.alarm(10)
        try:
            test(self)
        except unittest.SkipTest:
            raise
        except Exception:
            for child in standard.active_children():
                child.kill()
        else:
            self.fail(f"it passes: take it out of the table, where it stands because it {why}")
        finally:
            signal.signal(signal.SIGALRM, before)
            signal.alarm(left)

    run.is_of_table = True
    return run


def in_three_tries(test):
    """The test, which passes if it passes once."""

    @functools.wraps(test)
    def run(self):
        for left in (2, 1, 0):
            try:
                return test(self)
            except AssertionError:
                if not left:
                    raise

    return run


def expected_to_fail(base, name, table=NOT_RUN):
    """Puts what the table says of a class into a class that is made from it."""
    body = {}
    for (owner, test), why in table.items():
        if owner != name:
            continue
        why, since = why if isinstance(why, tuple) else (why, (3, 9))
        if not hasattr(base, test):
            if sys.version_info < since:
                continue
            raise LookupError(f"the table names {owner}.{test}, and there is no such test: take it out")
        body[test] = fails(getattr(base, test), why)
    return body


def install(module, method):
    """Puts the tests into a module, for one start method."""
    missing = [owner for owner, _ in NOT_RUN if owner not in CLASSES + MORE]
    if missing:
        raise LookupError(f"the table names classes that are not run: {missing}")
    classes = CLASSES + MORE if os.environ.get("LONG") else CLASSES
    shard, shards = map(int, os.environ.get("SHARD", "0/1").split("/"))
    for name in classes[shard::shards]:
        base = getattr(theirs, name)
        body = {"__module__": module["__name__"], **expected_to_fail(base, name)}
        for owner, test in TIMED:
            if owner == name:
                body[test] = in_three_tries(getattr(base, test))
        for (owner, test), (where, why) in UNSTEADY.items():
            if (owner, where) == (name, method):
                body[test] = unittest.skip(why)(getattr(base, test))
        if issubclass(base, theirs.BaseTestCase):
            made = type(name.strip("_"), (_Adapted, base, theirs.ProcessesMixin, unittest.TestCase), body)
        else:
            made = type(name, (base,), body)
        # Children find the class by this name.
        module[made.__name__] = made
    prepared = {"__name__": module["__name__"]}
    theirs.install_tests_in_module_dict(prepared, method)
    module["setUpModule"], module["tearDownModule"] = prepared["setUpModule"], prepared["tearDownModule"]
