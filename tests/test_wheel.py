"""The built wheel, used from another directory, without the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent

#: runs the program with some words
Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, as an installer would lay it out."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as z:
        z.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def installed(unpacked: Path, tmp_path: Path) -> Program:
    env = {
        **os.environ,
        "PYTHONPATH": str(unpacked),
        "XLATE_HOME": str(tmp_path / "home"),
    }

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "xlate", *args],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_is_the_wheel_that_runs(unpacked: Path, tmp_path: Path) -> None:
    out = subprocess.run(
        [sys.executable, "-c", "import xlate; print(xlate.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.startswith(str(unpacked))


def test_it_carries_its_data(unpacked: Path) -> None:
    data = unpacked / "xlate" / "_data"
    assert (data / "anchors" / "p3.2xlarge" / "instance.toml").is_file()
    assert (data / "datasets" / "simulated" / "ops.parquet").is_file()
    assert (data / "datasets" / "profet" / "dataset.toml").is_file()
    assert (unpacked / "xlate" / "py.typed").is_file()
    assert (unpacked / "xlate" / "op_names.toml").is_file()
    assert sum(p.stat().st_size for p in unpacked.rglob("*")) < 16_000_000


def test_the_main_job_runs_from_it(installed: Program, unpacked: Path) -> None:
    done = installed("anchors", "check")
    assert done.stdout.startswith("ok:"), done.stderr
    pair = ["--anchor", "g3s.xlarge", "--target", "p3.2xlarge"]
    fit = [
        sys.executable,
        "-c",
        "import xlate; xlate.fit('g3s', 'p3', 'simulated', translators=('ratio',))",
    ]
    subprocess.run(fit, env={**os.environ, "PYTHONPATH": str(unpacked)}, check=True)
    done = installed("datasets", "list", "--json")
    assert {d["name"] for d in json.loads(done.stdout)} >= {
        "profet", "simulated", "ttu-dvfs", "hkbu-dvfs", "zeus", "cloud-hw-trainpred"
    }  # fmt: skip
    example = next((unpacked / "xlate" / "_data" / "datasets" / "examples").iterdir())
    home = os.environ["XLATE_HOME"]
    done = subprocess.run(
        [sys.executable, "-m", "xlate", "translate", str(example), *pair, "--json"],
        env={**os.environ, "PYTHONPATH": str(unpacked), "XLATE_HOME": home},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)[0]["translator"] == "physics"
