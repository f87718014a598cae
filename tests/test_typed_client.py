"""A user's typed code, checked against the installed wheel: py.typed does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(__file__).resolve().parent / "fixtures"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a fresh environment with the wheel in it, and nothing of the clone."""
    folder = tmp_path_factory.mktemp("typed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(list(map(str, build)), cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    # what xlate needs is taken from here; xlate itself is not, it stands first
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    pip += ["--disable-pip-version-check", "--target", str(site), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    (site / "dependencies.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    return python


def checked(python: Path, file: str, folder: Path) -> str:
    """What mypy --strict says of a file of tests/fixtures, in a folder of nothing else."""
    client = folder / file
    client.write_text((DATA / file).read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python),
         "--cache-dir", str(python.parents[2] / "cache"), "--config-file", "/dev/null", file],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.mark.slow
def test_it_is_the_wheel_that_is_checked(installed: Path, tmp_path: Path) -> None:
    code = "import xlate; print(xlate.__file__)"
    done = subprocess.run(
        [str(installed), "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).is_relative_to(installed.parents[1])


@pytest.mark.slow
def test_a_typed_client_is_clean(installed: Path, tmp_path: Path) -> None:
    said = checked(installed, "typed_client.py", tmp_path)
    assert said.startswith("Success"), said


@pytest.mark.slow
def test_mistakes_are_found_each_in_its_line(installed: Path, tmp_path: Path) -> None:
    said = checked(installed, "wrongly_typed_client.py", tmp_path)
    errors = dict(re.findall(r":(\d+): error: .*\[([a-z-]+)\]$", said, re.M))
    text = (DATA / "wrongly_typed_client.py").read_text(encoding="utf-8")
    expected = {
        str(number): line.rpartition("# ")[2]
        for number, line in enumerate(text.splitlines(), 1)
        if "  # " in line
    }
    assert errors == expected, said
