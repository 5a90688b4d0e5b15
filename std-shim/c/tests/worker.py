"""The worker in Python of the test between three languages: tests/peers/src/languages.rs says what it does."""

import sys

from ringway import OwnerDied, Region, Taken

END = 2**64 - 1
REPAIR = 1 << 32
TOLD = 1 << 32
LATE = 60.0


def look(level, newest):
    """The newest level, which is whole, and not older than the one before."""
    number, copy = level.load() or (newest, newest)
    assert number == copy and number >= newest, (number, copy, newest)
    return number


def main(name, hold):
    region = Region.open(name)
    jobs, done = region.queue("jobs", format="Q"), region.queue("done", format="QQ")
    level, total = region.latest("level", format="QQ"), region.value("total", "q")
    lock, is_writer, newest = total.get_lock(), False, 0
    print("ready", flush=True)
    number = 0
    while True:
        number += 1
        with jobs.claim(timeout=LATE) as claim:
            job = claim.value
            if job == END:
                return
            told = 0
            try:
                assert lock.acquire(timeout=LATE)
            except OwnerDied:
                assert lock.acquire_to_repair(timeout=LATE)
                told = TOLD
                if total.value < 0:
                    total.value = ~total.value + REPAIR
            before = total.value
            assert before >= 0, "somebody died in the middle, and nobody told"
            total.value = ~before
            if number == hold:
                print("held", flush=True)
                sys.stdin.read()
                sys.exit(9)
            total.value = before + 1
            if is_writer or number % 16 == 1:
                # Under the lock, nobody else stores one meanwhile.
                newest = look(level, newest)
                try:
                    level.store((newest + 1, newest + 1))
                    is_writer = True
                except Taken:
                    pass
            lock.release()
            newest = look(level, newest)
            done.put((job, claim.attempts | told), timeout=LATE)


main(sys.argv[1], int(sys.argv[2]))
