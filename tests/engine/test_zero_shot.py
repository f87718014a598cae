"""GPUs never profiled: zero-shot and few-shot, on data whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.typing import NDArray

import xlate
from tests.support.narrowing import all_as, present
from tests.support.runs_made import OPS, frame
from xlate import engine
from xlate.data import corpus as corpora
from xlate.data.corpus import Corpus
from xlate.engine.zero_shot import shipped
from xlate.errors import BundleError, CorpusError
from xlate.hardware.catalogue import catalogue
from xlate.models.translate import default_for, make
from xlate.models.translate.base import STEP
from xlate.models.zero_shot.left_out import leave_gpus_out
from xlate.models.zero_shot.roofs import DEFAULT_ROOFS, log_ratios
from xlate.models.zero_shot.translator import ZeroShot, sum_is_step
from xlate.values.profile import Profile
from xlate.values.translation import Translation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return corpora.from_frame(frame(), "made")


def test_a_gpu_left_out_is_found_where_the_roofs_hold(corpus: Corpus) -> None:
    parts = leave_gpus_out([corpus], catalogue())
    assert parts
    for part in parts:
        np.testing.assert_allclose(part.step_hat, part.step, rtol=0.1)
        assert part.anchor != part.target


def test_no_run_of_the_gpu_left_out_is_looked_at(corpus: Corpus) -> None:
    slowed = frame().with_columns(
        pl.when(pl.col("instance") == "L4")
        .then(7 * pl.col(c))
        .otherwise(pl.col(c))
        .alias(c)
        for c in (*OPS, STEP)
    )
    plain, odd = (
        ZeroShot.fit([c], catalogue(), without="L4")
        for c in (corpus, corpora.from_frame(slowed, "made"))
    )
    assert plain.to_dict() == odd.to_dict()
    assert "L4" not in plain.own


def test_what_is_written_is_read_again(corpus: Corpus) -> None:
    gpus = catalogue()
    fitted = ZeroShot.fit([corpus], gpus)
    fitted = fitted.calibrated(leave_gpus_out([corpus], gpus), gpus)
    again = ZeroShot.from_dict(fitted.to_dict())
    assert again.to_dict() == fitted.to_dict()
    assert present(fitted.step_mape) < 10
    with pytest.raises(KeyError):
        ZeroShot.from_dict({})


def test_both_measurements_of_a_step_are_used_where_they_are_two() -> None:
    assert sum_is_step(np.array([90.0, 200.0]), np.array([100.0, 100.0])).tolist() == [
        True,
        False,
    ]
    model = shipped()
    gpus = [catalogue().gpu(g) for g in ("T4", "H100-SXM5-80GB")]
    times = np.array([[6e4, 2e4, 1e4]])
    _, near = model.predict(times, OPS, np.array([1e5]), *gpus)
    _, far = model.predict(times, OPS, np.array([1e6]), *gpus)
    # a step of ten times its operations is only scaled
    assert far[0] / near[0] == pytest.approx(10 / np.sqrt(0.9), rel=1e-6)


def test_what_ships_knows_what_was_measured() -> None:
    model = shipped()
    assert {"T4", "K80", "H100-SXM5-80GB", "MI100"} <= set(model.own)
    assert model.corpora == ("neusight", "profet")
    assert 5 < present(model.step_mape) < 20
    assert 1.1 < present(model.scores).factor(0.9) < 2


def test_an_invalid_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("xlate.engine.zero_shot.paths.shipped", lambda _: tmp_path)
    shipped.cache_clear()
    try:
        with pytest.raises(BundleError, match="install xlate again"):
            shipped()
    finally:
        monkeypatch.undo()
        shipped.cache_clear()


def _sides(
    data: pl.DataFrame, anchor: str = "T4", target: str = "A100-PCIe-40GB"
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    columns = [*OPS, STEP]
    x, y = (
        data.filter(pl.col("instance") == g).select(columns).to_numpy()
        for g in (anchor, target)
    )
    return columns, x, y


def test_data_sheets_answer_and_measurements_correct_them() -> None:
    prior = log_ratios(
        DEFAULT_ROOFS, *(catalogue().gpu(g) for g in ("T4", "A100-PCIe-40GB"))
    )
    columns, X, Y = _sides(frame(models=6, off=0.4))
    models = np.array([f"m{k}" for k in range(6)])
    errors = []
    for k in (1, 2, 5):
        fitted = make("roofline", columns, prior=prior).fit(X[:k], Y[:k], models[:k])
        errors.append(float(np.abs(fitted.predict(X[5:])[:, -1] / Y[5:, -1] - 1).max()))
    without_correction = np.abs(
        X[5:, 0] * np.exp(prior["compute"]) / Y[5:, 0] - 1
    ).max()
    assert without_correction > errors[0] > errors[2]
    assert errors[2] < 0.04


def test_an_operation_never_seen_takes_its_nature() -> None:
    prior = {"compute": np.log(0.2), "memory": np.log(0.5)}
    columns = [*OPS, "Device_aten::conv2d", STEP]
    X = np.array([[100.0, 50.0, 20.0, 0.0, 170.0]])
    Y = np.array([[20.0, 25.0, 10.0, 0.0, 55.0]])
    fitted = make("roofline", columns, prior=prior).fit(X, Y)
    asked = np.array([[0.0, 50.0, 0.0, 100.0, 150.0]])
    hat = fitted.predict(asked)[0]
    assert hat[3] == pytest.approx(20, rel=0.02)
    assert hat[1] == pytest.approx(25, rel=0.02)
    assert hat[-1] == pytest.approx(45, rel=0.05)


def test_a_sum_far_from_the_step_is_not_used() -> None:
    columns, X, Y = _sides(frame(models=5))
    fitted = make("roofline", columns, prior={}).fit(X, Y, np.arange(5))
    odd = X[:1].copy()
    odd[:, :-1] *= 3.0
    # operations of three steps, the step as it was
    np.testing.assert_allclose(fitted.predict(odd)[0, -1], Y[0, -1], rtol=0.02)


def test_few_models_are_served_by_data_sheets() -> None:
    assert default_for(2) == "roofline"
    assert default_for(12) == "physics"


def test_few_shots_adapt_a_pair(
    empty_home: Path, tmp_path: Path, corpus: Corpus
) -> None:
    path = tmp_path / "runs.parquet"
    shots = frame(gpus=("T4", "H100-SXM5-80GB"), models=2, off=0.3)
    shots.write_parquet(path)
    done = engine.fit_shots("T4", "H100-SXM5-80GB", path)
    assert done.path is not None
    assert done.bundle.manifest.corpus == "runs and zero-shot"
    assert any("fewer than 6 models" in n for n in done.notes)
    row = shots.filter((pl.col("instance") == "T4") & (pl.col("model") == "m1")).row(
        0, named=True
    )
    profile = Profile({c: row[c] for c in OPS}, step_time_us=row[STEP])
    (t,) = all_as(Translation, engine.translate([profile], "T4", "H100-SXM5-80GB"))
    assert t.layer == "fitted"
    true = shots.filter((pl.col("instance") != "T4") & (pl.col("model") == "m1"))[STEP][
        0
    ]
    assert t.step_time_s.value * 1e6 == pytest.approx(true, rel=0.25)
    assert (
        present(t.step_time_s.low)
        < present(t.step_time_s.value)
        < present(t.step_time_s.high)
    )


def test_shots_from_python(empty_home: Path) -> None:
    rows = frame(gpus=("T4", "L4"), models=2)
    done = xlate.fit("T4", "L4", shots=rows, save=False)
    pandas = pd.DataFrame(rows.to_dict(as_series=False))
    again = xlate.fit("T4", "L4", shots=pandas, save=False)
    assert (
        done.bundle.manifest.translator
        == again.bundle.manifest.translator
        == "roofline"
    )


def test_many_shots_speak_for_their_own_errors(empty_home: Path) -> None:
    data = corpora.from_frame(frame(gpus=("T4", "L4"), models=7), "many")
    done = engine.fit_shots("T4", "L4", data, save=False)
    assert done.rows
    assert present(done.bundle.manifest.error("step_mape")) < 10


def test_shots_that_will_not_do_are_named(empty_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    path.write_text("no parquet")
    with pytest.raises(CorpusError, match="parquet lacks instance"):
        engine.fit_shots("T4", "L4", path)
    frame(gpus=("L4",)).write_parquet(path)
    with pytest.raises(CorpusError, match="has no run on A100-PCIe-40GB"):
        engine.fit_shots("T4", "A100-PCIe-40GB", path)
    with pytest.raises(CorpusError, match="no run on T4 in runs"):
        engine.fit_shots("T4", "L4", path)


def test_a_name_is_settled_by_the_corpus(empty_home: Path) -> None:
    rows = xlate.compare(
        "V100", "H100", corpora.from_frame(frame(), "made"), translators=("ratio",)
    )
    assert set(rows["anchor"]) == {"V100-PCIe-32GB"}
    assert set(rows["target"]) == {"H100-SXM5-80GB"}
    # an instance stands for its GPU where that is what was measured
    rows = xlate.compare(
        "g4dn", "p5", corpora.from_frame(frame(), "made"), translators=("ratio",)
    )
    assert set(rows["split"]) >= {"leave-one-model-out"}
