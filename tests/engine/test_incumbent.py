"""A fit replaces the bundle in use only where it is shown not to be worse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import xlate
from tests.support.narrowing import all_as, present
from tests.support.runs_made import OPS, frame, noisy
from xlate import engine
from xlate.data import corpus as corpora
from xlate.data.corpus import Corpus
from xlate.engine.session import Session
from xlate.engine.succession import Incumbent, incumbent_of
from xlate.errors import BundleError
from xlate.models.translate.base import STEP
from xlate.store import bundle as bundles
from xlate.values.profile import Profile
from xlate.values.translation import Translation

pytestmark = pytest.mark.slow

PAIR = ("T4", "L4")


def simulated_of(data: pl.DataFrame) -> Corpus:
    corpus = corpora.from_frame(data, "made")
    return replace(corpus, card=replace(corpus.card, simulated=True))


def answer(data: pl.DataFrame | None = None) -> tuple[str, str]:
    row = frame(gpus=PAIR).row(0, named=True)
    profile = Profile({c: row[c] for c in OPS}, step_time_us=row[STEP])
    (translation,) = all_as(Translation, engine.translate([profile], *PAIR))
    return translation.fitted_on, translation.layer


def test_runs_that_correct_data_sheets_answer(empty_home: Path) -> None:
    done = xlate.fit(*PAIR, shots=frame(gpus=PAIR, models=3, off=0.4))
    s = done.succession
    assert s is not None
    assert s.in_place
    assert present(s.before).what == "zero-shot"
    assert present(s.after_mape) < present(s.before_mape)
    assert answer()[1] == "fitted"


def test_runs_that_disturb_data_sheets_are_kept_beside(empty_home: Path) -> None:
    before = answer()
    done = xlate.fit(*PAIR, shots=noisy(0.3))
    s = done.succession
    assert s is not None
    assert not s.in_place
    assert present(s.after_mape) > present(s.before_mape)
    assert answer() == before
    assert present(done.path).name == "to-L4@1"
    assert bundles.load(present(done.path)).manifest.n_pairs == 3
    again = xlate.fit(*PAIR, shots=noisy(0.3), replace=True)
    assert present(again.succession).in_place
    assert answer()[1] == "fitted"


def test_one_model_shows_nothing(empty_home: Path) -> None:
    done = xlate.fit(*PAIR, shots=frame(gpus=PAIR, models=1, off=0.4))
    assert not present(done.succession).in_place
    assert "nothing shows" in present(done.succession).reason
    assert present(done.succession).before_mape is None


def test_simulated_runs_never_replace_measurements(empty_home: Path) -> None:
    data = simulated_of(frame(gpus=PAIR, models=7))
    done = engine.fit(*PAIR, data, translators=())
    assert not present(done.succession).in_place
    assert "simulated" in present(done.succession).reason
    assert answer()[1] == "zero-shot"
    assert present(
        engine.fit(*PAIR, data, translators=(), replace=True).succession
    ).in_place
    assert answer()[0] == "made (simulated)"
    # measured ones are compared with it, on the measured runs
    done = xlate.fit(*PAIR, frame(gpus=PAIR, models=7, off=0.4), translators=())
    assert present(done.succession).in_place
    assert present(present(done.succession).before).simulated
    assert present(present(done.succession).before_mape) > present(
        present(done.succession).after_mape
    )


def test_a_worse_fit_leaves_a_better_bundle(empty_home: Path) -> None:
    good = frame(gpus=PAIR, models=8, off=0.4)
    first = xlate.fit(*PAIR, good, translators=())
    assert present(first.succession).in_place
    few = good.filter(pl.col("model").is_in(["m0", "m1"]))
    spoilt = few.with_columns(
        pl.when((pl.col("instance") == "L4") & (pl.col("model") == "m0"))
        .then(pl.col(c) * 1.6)
        .otherwise(pl.col(c))
        .alias(c)
        for c in (*OPS, STEP)
    )
    done = xlate.fit(*PAIR, shots=spoilt)
    assert not present(done.succession).in_place
    # the bundle was fitted on both models: what its card says of them left out counts, and of
    # the one whose runs are others now, how it answers on these
    card = present(first.bundle.manifest.error_on("m1"))[0]
    off = 100 * (1 - 1 / 1.6)
    assert present(done.succession).before_mape == pytest.approx(
        (card + off) / 2, rel=0.01
    )
    assert answer()[0] == "frame"


def test_a_bundle_fitted_on_wrong_runs_does_not_say_that_it_is_right(
    empty_home: Path,
) -> None:
    good = frame(gpus=PAIR, models=4, off=0.4)
    wrong = good.with_columns(
        pl.when(pl.col("instance") == "L4")
        .then(3 * pl.col(c))
        .otherwise(pl.col(c))
        .alias(c)
        for c in (*OPS, STEP)
    )
    xlate.fit(*PAIR, wrong, translators=(), replace=True)
    s = xlate.fit(*PAIR, good, translators=()).succession
    assert s is not None
    assert present(s.before_mape) > 150
    assert s.in_place


def test_models_that_a_bundle_never_saw_are_asked(empty_home: Path) -> None:
    good = frame(gpus=PAIR, models=8, off=0.4)
    xlate.fit(*PAIR, good, translators=())
    other = good.with_columns("x" + pl.col("model"))
    s = xlate.fit(*PAIR, other, translators=()).succession
    # it was fitted on the same runs under other names, and so it is right
    assert s is not None
    assert s.n == 8
    assert present(s.before_mape) < 3


def test_a_leaky_card_says_nothing(empty_home: Path) -> None:
    good = frame(gpus=PAIR, models=8, off=0.4)
    many = pl.concat([good.with_columns(batch_size=b) for b in (1, 2)])
    xlate.fit(*PAIR, many, translators=(), split="random", replace=True)
    s = xlate.fit(*PAIR, many, translators=()).succession
    assert s is not None
    assert s.before_mape is None
    assert not s.in_place


def _incumbent(anchor: str, target: str) -> tuple[Incumbent | None, str | None]:
    session = Session()
    return incumbent_of(session, session.pair(anchor, target))


def test_a_refused_bundle_is_not_the_incumbent(empty_home: Path) -> None:
    first = xlate.fit(*PAIR, shots=frame(gpus=PAIR, models=3, off=0.4))
    (present(first.path) / "model.zip").write_bytes(b"no")
    with pytest.raises(BundleError):
        answer()
    done = xlate.fit(*PAIR, shots=noisy(0.3))
    assert not present(done.succession).in_place
    assert any("refused" in n for n in done.notes)
    # a bundle that cannot answer is not preferred to zero-shot
    assert answer()[1] == "zero-shot"


def test_the_incumbent_is_the_bundle_then_what_ships_then_data_sheets(
    empty_home: Path,
) -> None:
    incumbent, refused = _incumbent("g3s", "p3")
    assert incumbent is not None
    assert (incumbent.what, refused) == ("the bundle that ships with xlate", None)
    assert incumbent.fitted_on == "profet"
    incumbent, _ = _incumbent("T4", "L4")
    assert present(incumbent).what == "zero-shot"
    incumbent, _ = _incumbent("g3s", "Max-1550")
    assert incumbent is None


def test_few_runs_do_not_replace_what_ships(empty_home: Path, profet: Corpus) -> None:
    ops = [c for c in profet.wide.columns if c.startswith(("Device_", "Host_"))]
    few = profet.wide.filter(
        pl.col("instance").is_in(["g3s.xlarge", "p3.2xlarge"])
        & pl.col("model").is_in(["ResNet18", "VGG13"])
    ).select(
        "instance", "model", "dataset", "batch_size", "optimizer", "repeat", STEP, *ops
    )
    done = xlate.fit("g3s", "p3", shots=few)
    s = done.succession
    assert s is not None
    assert present(s.before).what == "the bundle that ships with xlate"
    assert present(s.before_mape) < present(s.after_mape)
    assert not s.in_place
    assert bundles.find("g3s.xlarge", "p3.2xlarge").manifest.translator == "physics"


def test_options_of_shots_act(empty_home: Path) -> None:
    data = frame(gpus=PAIR, models=4)
    m = xlate.fit(*PAIR, shots=data, save=False, columns="families").bundle.manifest
    assert m.columns == "families"
    assert not set(m.groups) & set(OPS)
    # a repeat is another measurement, not the same row again
    twice = pl.concat(
        [data.with_columns(pl.col(OPS) * (1 + r / 100), repeat=r) for r in (1, 2)]
    )
    m = xlate.fit(*PAIR, shots=twice, save=False, repeats="cross").bundle.manifest
    assert (m.policy, m.n_pairs) == ("cross", 16)
    m = xlate.fit(
        *PAIR,
        shots=data.with_columns(batch_size=8),
        save=False,
        split="model+dataset+batch",
    ).bundle.manifest
    assert m.split == "grouped by model+dataset+batch"
    with pytest.raises(xlate.XlateError, match="shots fit roofline"):
        xlate.fit(*PAIR, shots=data, translator="physics")
