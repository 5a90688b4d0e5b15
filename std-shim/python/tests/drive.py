"""Runs modules of tests, some at a time, each in a process of its own: drive.py [MODULE…]. Prints what came of them."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
#: How many modules run at a time: most of them sleep most of the time.
AT_A_TIME = int(os.environ.get("AT_A_TIME", "6"))
#: In how many processes each module of CPython's tests runs.
SHARDS = 3


def run(job, folder, results):
    """Runs a job: a module, with the part of it that is run, if it is run in parts."""
    module, _, shard = job.partition(" ")
    name = job.translate({ord(" "): "-", ord("/"): "-"})
    path, log = folder / f"{name}.json", folder / f"{name}.log"
    env = dict(os.environ, SHARD=shard or "0/1")
    with open(log, "w") as out:
        command = [sys.executable, "-X", "faulthandler", HERE / "one.py", module, path]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=env)
    result = json.loads(path.read_text()) if path.exists() else {"failed": ["it ended without a result"]}
    results[job] = dict(result, log=log.read_text() if result["failed"] else "")


def main():
    version = "{}.{}.{}".format(*sys.version_info)
    cpython = importable("test._test_multiprocessing")
    modules = sys.argv[1:] or sorted(path.stem for path in HERE.glob("test_*.py"))
    jobs = []
    for module in modules:
        if module == "test_kill" and os.environ.get("LONG"):
            jobs += [f"{module} {number}/6" for number in range(6)]
        elif not module.startswith("test_cpython"):
            jobs.append(module)
        elif cpython:
            parts = [f" {number}/{SHARDS}" for number in range(SHARDS)]
            jobs += [module + part for part in ([""] if module == "test_cpython_locks" else parts)]
    # The longest first.
    first = ["test_kill", "test_cpython_spawn", "test_cpython_forkserver", "test_cpython_fork"]
    jobs.sort(key=lambda job: (first + [job.split()[0]]).index(job.split()[0]))
    results, waiting = {}, list(jobs)
    with tempfile.TemporaryDirectory(prefix="ringway-python-") as folder:
        folder = pathlib.Path(folder)

        def work():
            while True:
                try:
                    job = waiting.pop(0)
                except IndexError:
                    return
                run(job, folder, results)

        workers = [threading.Thread(target=work) for _ in range(AT_A_TIME)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    for job in jobs:
        if results[job]["failed"]:
            print(f"-- Python {version}, {job}:\n{results[job]['log']}")
    failed = [f"{job}: {test}" for job in jobs for test in results[job]["failed"]]
    theirs = [results[job] for job in jobs if job.startswith("test_cpython")]
    ours = [results[job] for job in jobs if not job.startswith("test_cpython")]

    def total(of, what):
        return sum(result.get(what, 0) for result in of)

    for test in failed:
        print(f"Python {version}: FAILED: {test}")
    all_of_them = theirs + ours
    print(f"Python {version}: {total(all_of_them, 'passed')} tests passed, {len(failed)} failed")
    if failed:
        return 1
    if theirs:
        print(
            f"evidence: python: {version}, CPython's own tests: {total(theirs, 'passed')} passed, "
            f"{total(theirs, 'of_table')} cannot, each with its reason, {total(theirs, 'skipped')} left out"
        )
    elif not cpython:
        print(f"evidence: python: {version}, CPython's own tests: NOT run, this Python came without them")
    if ours:
        left_out = total(ours, "skipped")
        print(
            f"evidence: python: {version}, the package's tests: {total(ours, 'passed')} passed"
            + (f", {left_out} left out" if left_out else "")
        )
    lines = [line for result in all_of_them for line in result.get("evidence", [])]
    kills = [line for line in lines if line.startswith("SIGKILL") and "multiprocessing" not in line]
    if kills:
        killed, sent = (sum(int(number) for number in re.findall(what, "\n".join(kills))) for what in (r"(\d+) kills", r"0 of (\d+)"))
        print(
            f"evidence: python: {version}, SIGKILL at random moments, {len(kills)} structures: {killed} kills, 0 hangs, "
            f"0 of {sent} committed messages lost"
        )
    for line in lines:
        # One Python shows each structure.
        if line not in kills and "multiprocessing" not in line or os.environ.get("DETAILS"):
            print(f"evidence: python: {version}, {line}")
    return 0


def importable(module):
    return subprocess.run([sys.executable, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
