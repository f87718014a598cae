"""fit, compare, report and models on corpora and bundles of the user."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.support.commands import run
from tests.support.runs_made import OPS, frame, noisy
from xlate.data import corpus as corpora
from xlate.models.translate.base import STEP
from xlate.store import bundle as bundles
from xlate.store.part_bundle import SCALERS, scalers_of

pytestmark = pytest.mark.slow

PAIR = ("--anchor", "T4", "--target", "L4")


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two files of runs: one that corrects data sheets, one that disturbs them."""
    good, bad = tmp_path / "good.parquet", tmp_path / "bad.parquet"
    frame(gpus=("T4", "L4"), models=3, off=0.4).write_parquet(good)
    noisy(0.3).write_parquet(bad)
    return good, bad


def test_versions_are_listed_used_and_removed(
    empty_home: Path, runs: tuple[Path, Path]
) -> None:
    good, bad = runs
    _, err = run("fit", *PAIR, "--shots", good)
    assert "answers from now on" in err
    assert "next: xlate translate" in err
    _, err = run("fit", *PAIR, "--shots", bad)
    assert "it was not put in place" in err
    assert "your bundle answers as before" in err
    assert "xlate models use T4/to-L4@2" in err
    assert "next:" not in err
    out, _ = run("models", "list", "--json")
    own_models = [m for m in json.loads(out) if not m["shipped"]]
    assert [(m["version"], m["active"]) for m in own_models] == [(1, True), (2, False)]
    assert own_models[0]["step_mape"] < own_models[1]["step_mape"]
    out, _ = run("models", "list")
    assert "T4/to-L4@2" in out
    out, _ = run("models", "show", "T4/to-L4@2")
    assert "bad and zero-shot" in out
    out, _ = run("models", "use", "T4/to-L4@2", "--json")
    assert json.loads(out)["version"] == 2
    assert bundles.find("T4", "L4").manifest.corpus == "bad and zero-shot"
    _, err = run("models", "remove", "T4/to-L4", code=2)
    assert "--yes" in err
    _, err = run("models", "remove", "T4/to-L4", "--yes")
    assert "zero-shot answers now" in err
    run("models", "use", "T4/to-L4@1")
    assert bundles.find("T4", "L4").manifest.corpus == "good and zero-shot"
    out, err = run("models", "use", "T4/to-L4@shipped", "--json")
    assert json.loads(out)["kept"] == 1
    assert "zero-shot answers now" in err
    assert not bundles.exists("T4", "L4")
    run("models", "use", "T4/to-L4@1")
    assert bundles.find("T4", "L4").manifest.corpus == "good and zero-shot"
    _, err = run("models", "remove", "g3s/to-p3", "--yes", code=1)
    assert "ships with xlate" in err
    _, err = run("models", "remove", "T4/to-L4@7", "--yes", code=1)
    assert "no bundle T4/to-L4@7" in err
    for name in ("T4/to-L4@x", "T4/to-L4@0", "T4/to-L4@-1", "@1", "T4@1"):
        _, err = run("models", "use", name, code=1)
        assert "no bundle" in err


def test_fit_says_before_and_after_in_json(
    empty_home: Path, runs: tuple[Path, Path]
) -> None:
    good, bad = runs
    out, _ = run("fit", *PAIR, "--shots", good, "--json")
    document = json.loads(out)
    assert document["in_place"] is True
    assert document["before"]["answers"] == "zero-shot"
    assert document["after"]["step_mape"] < document["before"]["step_mape"]
    assert (document["version"], document["compared_on"]) == (1, 3)
    out, _ = run("fit", *PAIR, "--shots", bad, "--json", "--replace")
    document = json.loads(out)
    assert document["in_place"] is True
    assert "--replace" in document["reason"]


def test_a_bundle_without_card_is_shown(empty_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.parquet"
    frame(gpus=("T4", "L4"), models=1).write_parquet(path)
    run("fit", *PAIR, "--shots", path, "--replace")
    out, err = run("models", "show", "T4/to-L4")
    assert "one and zero-shot" in out
    assert "no accuracy card" in err


def test_a_refused_bundle_does_not_hide_the_others(
    empty_home: Path, runs: tuple[Path, Path]
) -> None:
    run("fit", *PAIR, "--shots", runs[0])
    folder = bundles.folder_of("T4", "L4")
    shutil.copytree(folder, bundles.folder_of("T4", "P4"))
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text()[:100])
    out, err = run("models", "list")
    assert "g3s.xlarge/to-p3.2xlarge" in out
    assert "T4/to-L4@1 is refused" in err
    assert "T4/to-P4@1 is refused: it is of T4/to-L4" in err
    run("models", "remove", "T4/to-L4", "--yes")


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--split", "modle", "unknown split"),
        ("--columns", "many", "columns|column"),
        ("--repeats", "mean", "mean"),
        ("--jobs", "0", "jobs"),
        ("--seed", "-1", "seed"),
    ],
)
def test_options_of_shots_are_not_ignored(
    empty_home: Path, runs: tuple[Path, Path], option: str, value: str, says: str
) -> None:
    import re

    code = 2 if option in ("--jobs", "--seed") else 1
    _, err = run("fit", *PAIR, "--shots", runs[0], option, value, code=code)
    assert re.search(says, err)


@pytest.fixture
def keyed_by_gpu(empty_home: Path) -> tuple[str, str, str, str, str, str]:
    """A corpus whose runs name GPUs, as NeuSight's do."""
    made = corpora.from_frame(frame(models=7), "made")
    corpora.save(made.card, {"runs": made.runs, "ops": made.ops})
    return ("--anchor", "g4dn.xlarge", "--target", "V100-PCIe-32GB", "--data", "made")


@pytest.mark.usefixtures("given_weight_once")
def test_corpora_keyed_by_gpus_do_everywhere(
    keyed_by_gpu: tuple[str, str, str, str, str, str], tmp_path: Path
) -> None:
    asked = keyed_by_gpu
    out, _ = run("compare", *asked, "--translators", "ratio", "--explain")
    assert "T4 → V100-PCIe-32GB, leave-one-model-out, 7 pairs of made" in out
    assert "most in" in out
    out, _ = run(
        "compare",
        "--anchor",
        "T4",
        "--target",
        "V100",
        "--data",
        "made",
        "--translators",
        "ratio",
    )
    assert "T4 → V100-PCIe-32GB" in out
    out, _ = run("compare", "--all-pairs", "--data", "made", "--translators", "ratio")
    assert "T4 → L4" in out
    pytest.importorskip("matplotlib")
    run("report", *asked, "--out", tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size > 1000


def test_pairs_without_common_work_are_named_and_the_rest_compared(
    empty_home: Path,
) -> None:
    data = frame(gpus=("T4", "L4", "P4"), models=4)
    apart = data.with_columns(
        pl.when(pl.col("instance") == "P4")
        .then("x" + pl.col("model"))
        .otherwise("model")
        .alias("model")
    )
    made = corpora.from_frame(apart, "made")
    corpora.save(made.card, {"runs": made.runs, "ops": made.ops})
    out, err = run("compare", "--all-pairs", "--data", "made", "--translators", "ratio")
    assert "T4 → L4" in out
    assert "4 of 6 pairs were left out" in err


def test_a_folder_with_another_corpus_is_not_used(empty_home: Path) -> None:
    made = corpora.from_frame(frame(models=3), "made")
    corpora.save(made.card, {"runs": made.runs, "ops": made.ops})
    shutil.copytree(corpora.home() / "made", corpora.home() / "profet")
    _, err = run("compare", *PAIR, "--data", "profet", code=1)
    assert "holds corpus made, not profet" in err
    for name in ("../corpora/made", "made/", "."):
        _, err = run("compare", *PAIR, "--data", name, code=1)
        assert "unknown corpus" in err


def test_two_fits_of_one_pair_at_once(
    empty_home: Path, runs: tuple[Path, Path]
) -> None:
    command = [sys.executable, "-m", "xlate", "fit", *PAIR, "--replace", "--shots"]
    both = [subprocess.Popen([*command, str(p)], stderr=subprocess.PIPE) for p in runs]
    for process in both:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    slot = bundles.folder_of("T4", "L4")
    names = sorted(p.name for p in slot.parent.iterdir())
    assert names in (["to-L4", "to-L4@1"], ["to-L4", "to-L4@2"])
    corpora_of_versions = {
        bundles.load(p).manifest.corpus for p in slot.parent.iterdir()
    }
    assert corpora_of_versions == {"good and zero-shot", "bad and zero-shot"}


def test_shots_in_seconds_are_not_saved(empty_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    data = frame(gpus=("T4", "L4"), models=3)
    data.with_columns(pl.col(c) / 1e6 for c in (*OPS, STEP)).write_parquet(path)
    _, err = run("fit", *PAIR, "--shots", path, code=1)
    assert "look like seconds" in err
    assert not bundles.home().exists()


def test_scalers_kept_by_themselves_are_listed_shown_used_and_removed(
    empty_home: Path,
) -> None:
    scalers = scalers_of(bundles.find("p2.xlarge", "p3.2xlarge"))
    SCALERS.keep(scalers)
    SCALERS.keep(scalers, in_place=False)
    rows = json.loads(run("models", "list", "--json")[0])
    own = [r for r in rows if not r["shipped"]]
    assert [(r["kind"], r["name"], r["version"], r["active"]) for r in own] == [
        ("scaler", "scalers/p2.xlarge", 1, True),
        ("scaler", "scalers/p2.xlarge", 2, False),
    ]
    assert {r["instance"] for r in own} == {"p2.xlarge"}
    assert "scalers/p2.xlarge@2" in run("models", "list")[0]
    assert "batch-size, input-size" in run("models", "show", "scalers/p2")[0]
    shown = json.loads(run("models", "show", "scalers/p2@2", "--json")[0])
    assert shown["kind"] == "scaler"
    assert json.loads(run("models", "use", "scalers/p2@2", "--json")[0])["version"] == 2
    _, err = run("models", "remove", "scalers/p2@2", "--yes")
    assert "no scaler of p2.xlarge answers now" in err
    _, err = run("models", "show", "power/p2", code=1)
    assert "no power-model of p2.xlarge was kept by itself" in err
