"""`docs/python.md` and the package's README, word for word: each program on them is run, and prints what they
say. So does the example of a pool."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[1]
PAGE, README = ROOT / "docs" / "python.md", PACKAGE / "README.md"
#: What a user of the pool meets beside results.
POOL = """\
import os, pickle, signal, time
from pool import Pool

def fail(number): raise ZeroDivisionError(number)

def die(): os.kill(os.getpid(), signal.SIGKILL)

def late(number):
    time.sleep(0.01 * number)
    return number

if __name__ == "__main__":
    with Pool(3) as pool:
        for function, given in [(fail, (3,)), (die, ()), (bytes, (10_000,))]:
            print(type(pool.submit(function, *given).exception()).__name__)
        for wrong in [lambda: pool.submit(len, bytes(10_000)), lambda: pool.submit(lambda: 1)]:
            try:
                wrong()
            except Exception as error:
                print(isinstance(error, (ValueError, AttributeError, pickle.PickleError)))
        answers = [pool.submit(late, number % 3) for number in range(100)]
        for number in range(6):
            time.sleep(0.05)
            try:
                os.kill(pool.workers[number % 3].pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        print([answer.result() for answer in answers] == [number % 3 for number in range(100)])
        pool.shutdown(cancel_futures=True)
    try:
        pool.submit(late, 1)
    except RuntimeError:
        print("over", [worker.is_alive() for worker in pool.workers])
"""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
#: A deadline for a program, with what it builds, in seconds.
SOON = 900

#: What `tests/run` of the package does, in other words: it builds the wheel, and installs it.
INSTALLATION = """\
cd std-shim/python
pip install maturin
maturin build --release
pip install target/wheels/ringway-*.whl
"""


def blocks(page):
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def programs():
    """The programs of the pages, each with what it prints."""
    found = []
    for language, text in blocks(PAGE) + blocks(README):
        if language == "python":
            found.append([text, None])
        elif language == "text":
            assert found and found[-1][1] is None, f"which program prints this? {text}"
            found[-1][1] = text
        else:
            assert language == "sh", language
    return found


def with_numpy():
    """A folder for PYTHONPATH that has numpy, if this interpreter does not."""
    if importlib.util.find_spec("numpy"):
        return []
    version = "{0}.{1}".format(*sys.version_info)
    folder = PACKAGE / "target" / f"numpy-{version}"
    if not (folder / "numpy").is_dir():
        if os.environ.get("RINGWAY_NO_INSTALL"):
            raise AssertionError(f"missing: numpy for Python {version}")
        folder.parent.mkdir(exist_ok=True)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        with tempfile.TemporaryDirectory(dir=folder.parent) as place:
            command = [*pip, "install", "--only-binary", ":all:", "--root-user-action", "ignore", "--target", f"{place}/it", "numpy"]
            subprocess.run(command, check=True, timeout=SOON)
            os.rename(f"{place}/it", folder)
    return [str(folder)]


def environment(path=()):
    """That of a program. cargo builds in the folder of the repository."""
    environment = dict(os.environ)
    environment.pop("CARGO_TARGET_DIR", None)
    paths = [*path, *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(str(pathlib.Path(it).absolute()) for it in paths)
    return environment


def run(program, arguments=(), path=()):
    """What a program prints, which is a file, as `spawn` needs it."""
    command = [sys.executable, str(program), *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SOON
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stderr.decode()}"
    return done.stdout.decode()


def setUpModule():
    """What takes long, and is no test."""
    build = ["cargo", "build", "-q", "-p", "ringway", "--example", "python"]
    subprocess.run(build, cwd=ROOT, env=environment(), check=True, timeout=SOON)
    with_numpy()


class Page(unittest.TestCase):
    def check(self, number):
        text, said = programs()[number]
        self.assertIsNotNone(said, f"the page does not say what this prints:\n{text}")
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "program.py")
            file.write_text(text, encoding="utf-8")
            self.assertEqual(run(file, path=with_numpy() if "import numpy" in text else ()), said, text)

    def test_there_are_programs(self):
        self.assertGreaterEqual(len(programs()), 10)

    def test_the_first_program_has_15_lines(self):
        text, _ = programs()[0]
        self.assertLessEqual(len([line for line in text.splitlines() if line]), 15)

    def test_the_package_is_installed_as_the_page_says(self):
        shell = [text for language, text in blocks(PAGE) if language == "sh"]
        self.assertEqual(shell, [INSTALLATION])

    def test_the_pool_survives_a_worker(self):
        self.assertEqual(run(PACKAGE / "examples" / "pool.py"), "100 squares, although a worker was killed\n")

    def test_the_pool_tells_what_happens(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "program.py"
            program.write_text(POOL)
            said = run(program, path=[PACKAGE / "examples"]).splitlines()
        self.assertEqual(said, [
            "ZeroDivisionError", "RuntimeError", "MessageTooLarge", "True", "True", "True", "over [False, False, False]",
        ])  # fmt: skip

    def test_the_pool_is_as_short_as_the_page_says(self):
        lines = (PACKAGE / "examples" / "pool.py").read_text().splitlines()
        lines = lines[: lines.index("def square(number):")]
        self.assertEqual(len("\n".join(lines).strip().splitlines()), 60)
        self.assertIn("an example of 60 lines", PAGE.read_text(encoding="utf-8"))

    def test_the_benchmark_measures_all_it_names(self):
        with tempfile.TemporaryDirectory() as folder:
            json, plot = f"{folder}/figures.json", f"{folder}/plot.svg"
            said = run(PACKAGE / "bench" / "bench.py", ["--quick", "--starts", "1", "--json", json, "--plot", plot])
            figures = pathlib.Path(json).read_text()
            drawn = ElementTree.parse(plot).getroot()
        rows = [line for line in said.splitlines() if line.startswith("| ")][2:]
        self.assertEqual(len(rows), 24)
        self.assertEqual(len(drawn.findall("{*}rect")), 1 + len(rows))
        self.assertIn("ringway.MessageRing", figures)


for number in range(len(programs())):
    setattr(Page, f"test_program_{number + 1}", lambda self, number=number: self.check(number))

if __name__ == "__main__":
    unittest.main()
