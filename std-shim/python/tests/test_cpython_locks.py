"""CPython's own tests of locks among threads, run against ours."""

import ringway
from suite import expected_to_fail
from test import lock_tests

TEXT = "wants `threading`'s text of a lock: ours names the region"
ARGUMENTS = "is about arguments that `threading` refuses, or names otherwise: ours are `multiprocessing`'s"
PRIVATE = "calls a private method of `threading`'s"
ERRORS = "wants `threading`'s exception: ours is `multiprocessing`'s"

NOT_RUN = {
    ("LockTests", "test_repr"): TEXT,
    ("LockTests", "test_locked_repr"): TEXT,
    ("LockTests", "test_timeout"): ARGUMENTS,
    ("LockTests", "test_state_after_timeout"): ARGUMENTS,
    ("LockTests", "test_at_fork_reinit"): PRIVATE,
    ("RLockTests", "test_repr"): TEXT,
    ("RLockTests", "test_locked_repr"): TEXT,
    ("RLockTests", "test_timeout"): ARGUMENTS,
    ("RLockTests", "test_recursion_count"): (PRIVATE, (3, 11)),
    ("EventTests", "test_repr"): (TEXT, (3, 11)),
    ("EventTests", "test_at_fork_reinit"): PRIVATE,
    ("ConditionTests", "test_unacquired_wait"): ERRORS,
    ("ConditionTests", "test_unacquired_notify"): ERRORS,
    ("SemaphoreTests", "test_repr"): (TEXT, (3, 11)),
    ("SemaphoreTests", "test_acquire_timeout"): ARGUMENTS,
    ("BoundedSemaphoreTests", "test_repr"): (TEXT, (3, 11)),
    ("BoundedSemaphoreTests", "test_acquire_timeout"): ARGUMENTS,
    ("BarrierTests", "test_repr"): (TEXT, (3, 11)),
}

KINDS = {
    "LockTests": {"locktype": ringway.Lock},
    "RLockTests": {"locktype": ringway.RLock},
    "EventTests": {"eventtype": ringway.Event},
    "ConditionTests": {"condtype": ringway.Condition},
    "SemaphoreTests": {"semtype": ringway.Semaphore},
    "BoundedSemaphoreTests": {"semtype": ringway.BoundedSemaphore},
    "BarrierTests": {"barriertype": ringway.Barrier},
}

for name, parts in KINDS.items():
    base = getattr(lock_tests, name)
    body = {part: staticmethod(made) for part, made in parts.items()}
    body.update(__module__=__name__, **expected_to_fail(base, name, NOT_RUN))
    globals()[name] = type(name, (base,), body)
del base, body
