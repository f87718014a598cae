from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from xlate.data import corpus as corpora
from xlate.data import quality
from xlate.data.corpus import Corpus
from xlate.errors import CorpusError
from xlate.settings.paths import shipped


@pytest.fixture
def copied(empty_home: Path) -> Path:
    """A corpus in the user's data home, to spoil."""
    return shutil.copytree(
        shipped("datasets") / "simulated", empty_home / "corpora" / "simulated"
    )


def test_the_copy_of_the_user_is_preferred_to_the_shipped_one(copied: Path) -> None:
    assert corpora.installed("simulated") == copied


def test_a_changed_table_is_refused(copied: Path) -> None:
    path = copied / "runs.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(CorpusError, match=r"runs\.parquet is not the file its card"):
        corpora.load("simulated")


def test_a_missing_table_is_refused(copied: Path) -> None:
    (copied / "ops.parquet").unlink()
    with pytest.raises(CorpusError, match=r"ops\.parquet is missing"):
        corpora.load("simulated")


def test_a_broken_card_is_named(copied: Path) -> None:
    (copied / "dataset.toml").write_text("name = ")
    with pytest.raises(CorpusError, match=r"dataset\.toml"):
        corpora.load("simulated")
    (copied / "dataset.toml").write_text('name = "simulated"')
    with pytest.raises(CorpusError, match="lacks title"):
        corpora.load("simulated")


def test_a_table_of_another_shape_is_refused(simulated: Corpus, tmp_path: Path) -> None:
    tables = {"runs": simulated.runs.drop("model"), "ops": simulated.ops}
    with pytest.raises(CorpusError, match="runs lacks model"):
        corpora.save(simulated.card, tables, tmp_path / "x")
    tables = {
        "runs": simulated.runs.with_columns(pl.lit("many").alias("batch_size")),
        "ops": simulated.ops,
    }
    with pytest.raises(CorpusError, match="wrong type"):
        corpora.save(simulated.card, tables, tmp_path / "x")


def test_wide_holds_every_operation_and_zero_where_it_did_not_run(
    simulated: Corpus,
) -> None:
    wide = simulated.wide
    assert wide.height == simulated.runs.height
    columns = [c for c in wide.columns if c.startswith(("Device_", "Host_"))]
    assert wide.select(pl.sum_horizontal(columns).sum()).item() == pytest.approx(
        simulated.ops["time_us"].sum()
    )
    assert wide.select(columns).null_count().sum_horizontal().item() == 0


def test_quality_of_a_sound_corpus(simulated: Corpus) -> None:
    report = quality.check(simulated)
    assert not report.broken
    counts = {c: n for c, n, _ in report.findings}
    assert counts["duplicate runs"] == 0
    assert counts["operations in one model only"] > 0
    assert len(report.by_instance) == len(report.instances) == len(report.coverage)
    document = report.to_json()
    assert document["ok"]
    assert len(document["workloads"]) == 162
    runs = [sum(w["runs"].values()) for w in document["workloads"]]
    assert sum(runs) == simulated.runs.height
    assert min(min(w["runs"].values()) for w in document["workloads"]) == 0


def spoiled(simulated: Corpus, **tables: Any) -> Corpus:
    from dataclasses import replace

    return replace(simulated, **tables)


@pytest.mark.parametrize(
    "what", ["negative", "nan", "double", "without-run", "empty", "step"]
)
def test_quality_finds_what_is_wrong(simulated: Corpus, what: str) -> None:
    runs, ops = simulated.runs, simulated.ops
    if what in ("negative", "nan"):
        bad = -1.0 if what == "negative" else float("nan")
        ops = ops.with_columns(
            pl.when(pl.int_range(pl.len()) == 3)
            .then(bad)
            .otherwise("time_us")
            .alias("time_us")
        )
    if what == "double":
        runs = pl.concat([runs, runs[:1]])
    if what == "without-run":
        ops = pl.concat(
            [ops, ops[:1].with_columns(pl.lit(10**6).cast(pl.UInt32).alias("run_id"))]
        )
    if what == "empty":
        ops = ops.filter(pl.col("run_id") != 0)
    if what == "step":
        runs = runs.with_columns(pl.lit(0.0).alias("step_time_us"))
    report = quality.check(spoiled(simulated, runs=runs, ops=ops))
    assert report.broken
    named = {
        "negative": "negative or non-finite op times",
        "nan": "negative or non-finite op times",
        "double": "duplicate runs",
        "without-run": "operations without a run",
        "empty": "runs without operations",
        "step": "impossible step times",
    }
    assert {c: n for c, n, _ in report.findings}[named[what]] > 0


def test_quality_of_the_real_corpus_is_what_the_design_measured(profet: Corpus) -> None:
    report = quality.check(profet)
    assert not report.broken
    by = {row[0]: row[1:] for row in report.by_instance}
    # repeats, CV %, window / step, idle share % (facts 1 and 2 of the design)
    assert by["g3s.xlarge"] == [
        9,
        pytest.approx(0.5, abs=0.2),
        pytest.approx(2.03, abs=0.02),
        pytest.approx(4.8, abs=0.3),
    ]
    assert by["p3.2xlarge"] == [
        9,
        pytest.approx(2.5, abs=0.4),
        pytest.approx(2.23, abs=0.05),
        pytest.approx(22, abs=1),
    ]
    assert {c: n for c, n, _ in report.findings}[
        "operations without a known family"
    ] == 0
