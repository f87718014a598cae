"""What CI runs: the floors of pyproject.toml, and the tests that the quick loop leaves out."""

from __future__ import annotations

import re
import runpy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.narrowing import present

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def floors() -> Callable[..., Any]:
    """The function that reads lowest versions."""
    read: Callable[..., Any] = runpy.run_path(str(ROOT / ".ci/floors.py"))["floors"]
    return read


def test_every_dependency_has_a_floor_that_is_tried(floors: Callable[..., Any]) -> None:
    project = tomllib.loads(PYPROJECT)["project"]
    lines = [
        *project["dependencies"],
        *(d for extra in project["optional-dependencies"].values() for d in extra),
    ]
    tried = floors(PYPROJECT)
    for line in lines:
        name, _, version = line.partition(">=")
        assert tried.get(name, "not run") in (version, "not run"), line
    assert set(tried) >= {d.partition(">=")[0] for d in project["dependencies"]}


@pytest.mark.parametrize(
    ("dependencies", "said"),
    [
        ('["numpy"]', "'numpy' must be NAME>=VERSION"),
        ('["numpy==1.26"]', "must be NAME>=VERSION"),
        ('["numpy>=1.26,<2"]', "must be NAME>=VERSION"),
        ('["numpy>=1.26", "numpy>=2"]', "numpy has two floors, 1.26 and 2"),
    ],
)
def test_a_dependency_without_one_floor_is_named(
    floors: Callable[..., Any], dependencies: str, said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        floors(f"[project]\ndependencies = {dependencies}")


def test_the_quick_loop_and_the_oldest_versions_leave_out_the_same() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    marks = present(re.search(r"^QUICK := (.*)$", makefile, re.M)).group(1)
    oldest = (ROOT / ".ci/oldest").read_text(encoding="utf-8")
    assert f'-m "{marks}"' in oldest
    registered = tomllib.loads(PYPROJECT)["tool"]["pytest"]["ini_options"]["markers"]
    assert set(re.findall(r"not (\w+)", marks)) == {
        m.partition(":")[0] for m in registered
    }


def test_durations_stay_in_the_output_of_ci() -> None:
    run = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "make test" in run
    assert ".ci/oldest" in run
    for file in ("Makefile", ".ci/oldest"):
        assert "--durations=25" in (ROOT / file).read_text(encoding="utf-8")
