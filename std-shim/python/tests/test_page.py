"""`docs/python.md`, word for word: each program on it is run, and prints what the page says. So does the
example of a pool."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[1]
PAGE = ROOT / "docs" / "python.md"
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


def programs():
    """The programs of the page, each with what it prints."""
    found = []
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
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
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        with tempfile.TemporaryDirectory(dir=folder.parent) as place:
            command = [*pip, "install", "--only-binary", ":all:", "--target", f"{place}/it", "numpy"]
            subprocess.run(command, check=True, timeout=SOON)
            os.rename(f"{place}/it", folder)
    return [str(folder)]


def run(program, path=()):
    """What a program prints, which is a file, as `spawn` needs it."""
    environment = dict(os.environ)
    # cargo builds the example in the folder of the repository.
    environment.pop("CARGO_TARGET_DIR", None)
    paths = [*path, *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(str(pathlib.Path(it).absolute()) for it in paths)
    command = [sys.executable, str(program)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SOON
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stderr.decode()}"
    return done.stdout.decode()


class Page(unittest.TestCase):
    def test_programs_print_what_the_page_says(self):
        all_programs = programs()
        self.assertGreaterEqual(len(all_programs), 8)
        for number, (text, said) in enumerate(all_programs):
            title = f"program {number + 1} of the page"
            with self.subTest(title), tempfile.TemporaryDirectory() as folder:
                self.assertIsNotNone(said, f"the page does not say what this prints:\n{text}")
                file = pathlib.Path(folder, "program.py")
                file.write_text(text, encoding="utf-8")
                self.assertEqual(run(file, with_numpy() if "import numpy" in text else ()), said, text)

    def test_the_first_program_has_15_lines(self):
        text, _ = programs()[0]
        self.assertLessEqual(len([line for line in text.splitlines() if line]), 15)

    def test_the_package_is_installed_as_the_page_says(self):
        shell = [text for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if language == "sh"]
        self.assertEqual(shell, [INSTALLATION])

    def test_the_pool_survives_a_worker(self):
        self.assertEqual(run(PACKAGE / "examples" / "pool.py"), "100 squares, although a worker was killed\n")


if __name__ == "__main__":
    unittest.main()
