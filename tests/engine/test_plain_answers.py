"""What answers and refusals say plainly: --strict, several files, precision, other kinds of GPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support import profiles_made as made
from tests.support.narrowing import present
from xlate import readers
from xlate.cli import app
from xlate.engine.pair import Pair
from xlate.engine.zero_shot import extrapolated
from xlate.errors import RefusedError
from xlate.hardware.catalogue import catalogue
from xlate.values.profile_document import to_json

FLAT = {"Device_Conv2D": 20000.0, "Device_Relu": 1500.0}


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(w) for w in words])


def test_a_precision_that_is_not_known_is_null(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(FLAT))
    (profile,) = readers.read(path)
    assert to_json(profile)["workload"]["precision"] is None
    # and what was written is read as what it was
    path.write_text(json.dumps(to_json(profile)))
    assert readers.read(path)[0].workload == profile.workload
    path.write_bytes(made.trace(made.steps()))
    (profile,) = readers.read(path)
    assert to_json(profile)["workload"]["precision"] == profile.workload.precision


@pytest.mark.parametrize(
    ("anchor", "target", "says"),
    [
        ("g4dn.xlarge", "RX7900-XTX", "no GPU of RDNA3"),
        ("g4dn.xlarge", "Orin-AGX", "no mobile or embedded GPU"),
        ("RTX3080-Laptop", "p3.2xlarge", "no mobile or embedded GPU"),
        ("g4dn.xlarge", "RTX5090", "no GPU of Blackwell"),
        ("g4dn.xlarge", "p5.48xlarge", None),
        ("p3.2xlarge", "L40S", None),
    ],
)
def test_an_interval_from_other_sorts_of_gpu_is_called_extrapolated(
    anchor: str, target: str, says: str | None
) -> None:
    gpus = catalogue()
    said = extrapolated(Pair(gpus.instance(anchor), gpus.instance(target)), gpus)
    assert (said is None) == (says is None)
    if says is not None:
        assert said is not None
        assert says in said
        assert "extrapolated" in said


def test_the_answer_to_such_a_gpu_says_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(made.trace(made.steps(length=10_000)))
    result = run(
        "translate", path, "--anchor", "g4dn.xlarge", "--target", "RX7900-XTX", "--json"
    )
    (answer,) = json.loads(result.stdout)
    assert sum("extrapolated" in r for r in answer["verdict"]["reasons"]) == 1


def test_strict_points_at_the_answer_that_it_printed(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(made.trace(made.steps(length=10_000)))
    result = run(
        "translate",
        path,
        "--anchor",
        "g4dn.xlarge",
        "--target",
        "p5.48xlarge",
        "--strict",
        "--json",
    )
    assert isinstance(result.exception, RefusedError)
    assert json.loads(result.stdout)
    assert "to see the answer" not in present(result.exception.hint)
    assert "above" in present(result.exception.hint)


def test_each_of_several_profiles_that_is_wrong_is_named(tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text('{"traceEvents": [')
    result = run(
        "translate",
        "--target",
        "p5.48xlarge",
        "--profile",
        f"g4dn.xlarge={tmp_path / 'one.json'}",
        "--profile",
        f"p3.2xlarge={tmp_path / 'two.json'}",
    )
    assert "one.json" in str(result.exception)
    assert "two.json" in str(result.exception)
    # of GPUs that neither was recorded on
    for name, device in (
        ("one.json", "Tesla V100-SXM2-16GB"),
        ("two.json", "Tesla K80"),
    ):
        (tmp_path / name).write_bytes(
            made.trace(made.steps(length=10_000), device=device)
        )
    result = run(
        "translate",
        "--target",
        "p5.48xlarge",
        "--profile",
        f"g4dn.xlarge={tmp_path / 'one.json'}",
        "--profile",
        f"p3.2xlarge={tmp_path / 'two.json'}",
    )
    assert "one.json" in str(result.exception)
    assert "two.json" in str(result.exception)


@pytest.mark.parametrize("name", ["kernels", "database"])
def test_a_file_without_steps_names_the_option(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    if name == "database":
        made.nsys(path, steps=0)
    else:
        path.write_bytes(made.NSYS_CSV["kernels"][0])
    result = run("translate", path, "--anchor", "g4dn.xlarge", "--target", "p3.2xlarge")
    assert result.exit_code == 1
    assert "--step-time MS" in result.stderr
