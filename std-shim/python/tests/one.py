"""Runs one module of tests in this process: one.py MODULE RESULT [TEST…]. Writes what came of it to RESULT."""

import faulthandler
import json
import multiprocessing
import os
import signal
import sys
import unittest


#: How long a test may take, in seconds, before it counts as one that hangs.
LIMIT = int(os.environ.get("LIMIT") or (1800 if os.environ.get("LONG") else 120))


def late(*_):
    for child in multiprocessing.active_children():
        child.kill()
    raise TimeoutError(f"the test hangs: it is not over after {LIMIT} s")


class Result(unittest.TextTestResult):
    """Counts the tests of CPython that are of the table apart."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = self.of_table = 0

    def startTest(self, test):
        super().startTest(test)
        signal.signal(signal.SIGALRM, late)
        signal.alarm(LIMIT)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        method = getattr(test, getattr(test, "_testMethodName", ""), None)
        if getattr(method, "is_of_table", False):
            self.of_table += 1
        else:
            self.passed += 1


def every(tests):
    """The tests of a suite, one by one."""
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from every(test)
        else:
            yield test


def main():
    module, path, *names = sys.argv[1:]
    # Whoever starts it in the background may have it ignore this, and Python leaves that as it is.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.dump_traceback_later(10 * LIMIT, exit=True)
    loader = unittest.defaultTestLoader
    tests = loader.loadTestsFromNames([f"{module}.{name}" for name in names] or [module])
    shard, shards = map(int, os.environ.get("SHARD", "0/1").split("/"))
    if not module.startswith("test_cpython"):
        # Those share out their classes.
        tests = unittest.TestSuite(list(every(tests))[shard::shards])
    runner = unittest.TextTestRunner(resultclass=Result, verbosity=2, stream=sys.stderr)
    result = runner.run(tests)
    evidence = getattr(sys.modules.get(module), "EVIDENCE", [])
    with open(path, "w") as file:
        json.dump(
            {
                "run": result.testsRun,
                "passed": result.passed,
                "of_table": result.of_table,
                "skipped": len(result.skipped),
                "failed": [str(test) for test, _ in result.failures + result.errors]
                + [str(test) for test in result.unexpectedSuccesses],
                "evidence": evidence,
            },
            file,
        )
    faulthandler.cancel_dump_traceback_later()
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
