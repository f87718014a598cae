"""What every answer gives beside its numbers, and how it is printed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import xlate
from tests.support import profiles_made as made
from tests.support.documents import document_of
from tests.support.narrowing import as_type, present
from xlate import engine
from xlate.cli import app
from xlate.errors import ProfileError, XlateError
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.translation import Translation

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

PAIR = ("--anchor", "g3s.xlarge", "--target", "p3.2xlarge")
PRECISION = ("anchor", "target", "how_known", "shares", "assumed", "interval_scale")
SHARED = {
    "prediction_id", "bundle", "recorded_gpu", "mode", "precision", "memory", "rent",
    "verdict", "rests_on",
}  # fmt: skip


def asked(*args: object, code: int = 0) -> Result:
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.json"
    path.write_bytes(made.trace(made.steps(length=400_000)))
    return path


def translated(
    example: Path,
    target: str = "p3.2xlarge",
    **changes: Any,
) -> Translation:
    (profile,) = engine.read_profiles([example], step_time_us=1.05e5)
    changed = replace(as_type(Profile, profile), **changes)
    (answer,) = engine.translate([changed], "g3s.xlarge", target)
    return as_type(Translation, answer)


def test_every_answer_carries_the_shared_keys(empty_home: Path, example: Path) -> None:
    fitted, sheets = (
        document_of(translated(example, t)) for t in ("p3.2xlarge", "p5.48xlarge")
    )
    for document in (fitted, sheets):
        assert set(document) >= SHARED
        assert document["prediction_id"] is None
        assert document["verdict"]["domain"] in (
            "in_domain",
            "uncertain",
            "out_of_domain",
        )
        # the file does not say its precision
        assert document["precision"] == dict.fromkeys(PRECISION)
        assert document["mode"] == "training"
    assert fitted["bundle"]["name"] == "g3s.xlarge/to-p3.2xlarge"
    assert len(fitted["bundle"]["version"]) == 12
    assert sheets["bundle"] is None


def test_what_a_profile_does_not_say_is_reported_as_unknown(
    empty_home: Path, example: Path
) -> None:
    half = WorkloadKey("ResNet18", precision="fp16", mode="inference")
    t = document_of(translated(example, workload=half, device="Tesla M60"))
    assert t["precision"] == {
        "anchor": "fp16", "target": "fp16", "how_known": "the profile says so",
        "shares": None, "assumed": "fp32", "interval_scale": t["precision"]["interval_scale"],
    }  # fmt: skip
    # the M60 has no tensor cores, and the V100 may use its own
    assert t["precision"]["interval_scale"]["low"] < 0.9
    assert t["mode"] == "inference"
    assert t["recorded_gpu"] == "Tesla M60"
    plain = translated(example, ops={"Device_Conv2D": 2e5, "Device_Relu": 5e3})
    assert plain.facts.mode is None


def test_each_part_says_what_it_rests_on(empty_home: Path, example: Path) -> None:
    (guessed,) = xlate.translate(example, "g3s.xlarge", "p3.2xlarge")
    parts = {r["part"]: r for r in document_of(guessed)["rests_on"]}
    step = parts["step time on the anchor"]
    assert step["from"] == "estimated from the profile window"
    assert step["corpus"] == "profet"
    assert step["simulated"] is False
    assert document_of(guessed)["step_from"] == "window"
    assert parts["translation"]["corpus"] == "profet"
    given = translated(example)
    assert given.facts.step_from == "given"
    assert given.facts.rests_on[0].source == "given with the profile"
    (sheets,) = xlate.translate(example, "g3s.xlarge", "p4d.24xlarge")
    assert sheets.facts.rests_on[0].source == "half of the profile window"
    assert "two steps" in present(sheets.facts.rests_on[0].note)
    (far,) = xlate.scale(
        replace(xlate.read_profile(example), step_time_us=1.05e5),
        "g3s",
        "p3",
        "batch-size=128",
    )
    assert far.translation.facts.rests_on[0].source.startswith(
        "scaled from batch-size 64"
    )


@pytest.mark.parametrize("target", ["p3.2xlarge", "p5.48xlarge", "g4dn.xlarge"])
def test_operations_add_up_to_the_step(
    empty_home: Path, example: Path, target: str
) -> None:
    t = translated(example, target)
    rows = t.ops_per_step
    assert sum(r.target_us for r in rows) == pytest.approx(t.step_time_s.value * 1e6)
    assert sum(present(r.anchor_us) for r in rows) == pytest.approx(1.05e5)
    busy = [r.target_us for r in rows[:-1]]
    assert busy == sorted(busy, reverse=True)
    assert rows[-1].operation == "idle and the rest"
    assert all("IDLE" not in r.operation for r in rows)
    roofs = {r.operation: r.roof for r in rows}
    assert roofs["Device_Conv2D"] == "compute"
    assert roofs["Device_Relu"] == "memory"
    # a ratio of one step is that of the window
    conv = next(r for r in rows if r.operation == "Device_Conv2D")
    window = present(t.ops)["Device_Conv2D"] / present(t.anchor_ops)["Device_Conv2D"]
    assert conv.ratio == pytest.approx(window, rel=1e-6)
    assert document_of(t)["ops_per_step"][0]["ratio"] == rows[0].ratio


def test_operations_longer_than_the_step_are_cut_and_said(
    empty_home: Path, example: Path
) -> None:
    t = translated(example)
    short = replace(t, step_time_s=replace(t.step_time_s, value=1e-3))
    assert sum(r.target_us for r in short.ops_per_step) == pytest.approx(1e3)
    assert "cut in proportion" in short.per_step_text


@pytest.mark.parametrize("columns", ["80", "200"])
@pytest.mark.parametrize("target", ["p3.2xlarge", "p5.48xlarge", "H100-SXM5"])
def test_the_answer_fits_the_terminal(
    empty_home: Path,
    example: Path,
    trace: Path,
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
    target: str,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for command in (
        (example, "--anchor", "g3s.xlarge"),
        (example, example, "--anchor", "g3s.xlarge"),
        (trace, "--anchor", "g4dn.xlarge"),
    ):
        out = asked("translate", *command, "--target", target).stdout
        assert max(map(len, out.splitlines())) <= int(columns), out


def test_the_verdict_is_explained_once(empty_home: Path, example: Path) -> None:
    done = asked("translate", example, *PAIR)
    for reason in xlate.translate(example, "g3s.xlarge", "p3.2xlarge")[
        0
    ].verdict.reasons:
        assert " ".join(done.stdout.split()).count(reason) == 1
    assert "what to do:" in done.stdout
    assert "--step-time" in done.stdout
    assert "note:" not in done.stderr
    assert "by physics (fitted)" in done.stdout.splitlines()[0]
    sheets = asked("translate", example, *PAIR[:3], "p5.48xlarge").stdout
    assert "by zero-shot" in sheets.splitlines()[0]


def test_scale_keeps_every_option(
    empty_home: Path, example: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sizes.json"
    command = ["translate", example, *PAIR, "--step-time", 105, "--batch-size", 64, "--scale", "batch-size=32..128"]  # fmt: skip
    asked(*command, "--out", out)
    written = json.loads(out.read_text())
    assert [w["workload"]["batch_size"] for w in written] == [32, 64, 128]
    assert asked("profile", "show", out).exit_code == 0
    done = CliRunner().invoke(app, [str(c) for c in [*command, "--strict"]])
    assert as_type(XlateError, done.exception).exit_code == 3


def test_scale_knows_the_gpus_of_further_folders(
    empty_home: Path, example: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "machines" / "gpus"
    folder.mkdir(parents=True)
    shipped = Path(xlate.__file__).parent.parent / "anchors/gpus/M60.toml"
    text = re.sub(r"^aliases = .*$", "aliases = []", shipped.read_text(), flags=re.M)
    (folder / "Mine.toml").write_text(text.replace('name = "M60"', 'name = "Mine"'))
    profile = replace(xlate.read_profile(example), step_time_us=1.05e5, device="Mine")
    size = (profile, "g3s", "p3", "batch-size=128")
    # another GPU is another one, whether the catalogue knows it or not
    with pytest.raises(ProfileError, match="ran on a Mine") as unknown:
        xlate.scale(*size)
    assert "the catalogue does not know it" in present(unknown.value.hint)
    with pytest.raises(ProfileError, match="ran on a Mine") as refused:
        xlate.scale(*size, anchors_dirs=[tmp_path / "machines"])
    assert "--anchor Mine" in present(refused.value.hint)
    forced = xlate.scale(*size, force=True)[0].translation
    assert forced.verdict.level != "ok"
    assert any("(forced)" in r for r in forced.verdict.reasons)


def test_two_anchors_keep_every_option(
    empty_home: Path, example: Path, tmp_path: Path
) -> None:
    out = tmp_path / "both.json"
    files = {"g3s.xlarge": "my_stats.csv", "g4dn.xlarge": "my_stats_g4dn.csv"}
    given = [w for a, f in files.items() for w in ("--profile", f"{a}={EXAMPLES / f}")]
    asked("translate", *given, "--target", "p3.2xlarge", "--out", out)
    (written,) = json.loads(out.read_text())
    assert written["instance"] == "p3.2xlarge"
    for refused in (["--step-time", 3], ["--scale", "batch-size=32"]):
        asked("translate", *given, "--target", "p3.2xlarge", *refused, code=2)


def test_what_out_writes_keeps_framework_and_memory(
    empty_home: Path, trace: Path, tmp_path: Path
) -> None:
    out = tmp_path / "t.json"
    asked(
        "translate",
        trace,
        "--anchor",
        "g4dn.xlarge",
        "--target",
        "p5.48xlarge",
        "--out",
        out,
    )
    (written,) = json.loads(out.read_text())
    assert written["workload"]["framework"] == "pytorch"


def test_what_sizes_rest_on_is_listed_once_a_part(
    empty_home: Path, example: Path
) -> None:
    command = ["translate", example, *PAIR, "--step-time", 105, "--batch-size", 64, "--scale", "batch-size=32..128"]  # fmt: skip
    said = " ".join(asked(*command).output.partition("rests on:")[2].split())
    assert said.count("step time on the anchor:") == 1
    assert "scaled from batch-size 64" in said
    assert "; batch-size 64: given" in said
