"""Where errors lie: the numbers, the tables, the page and the picture."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from xlate import engine
from xlate.cli import app
from xlate.data.corpus import Corpus
from xlate.engine.error_breakdown import Anatomy
from xlate.engine.session import Session
from xlate.report.error_breakdown import anatomy_tables, heat

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("given_weight")]


@pytest.fixture(scope="module")
def anatomy(simulated: Corpus) -> Anatomy:
    return engine.anatomy("g3s", "p3", "simulated", curve=False)


def test_it_agrees_with_the_comparison(anatomy: Anatomy) -> None:
    rows = engine.compare("g3s", "p3", "simulated", translators=("physics",))
    (mape,) = [
        r.value
        for r in rows
        if (r.translator, r.held_out, r.metric) == ("physics", None, "step_mape")
    ]
    assert anatomy.mape == pytest.approx(mape)
    (covered,) = [
        r.value
        for r in rows
        if (r.translator, r.held_out, r.metric) == ("physics", None, "coverage_90")
    ]
    assert dict(anatomy.coverage)[0.9] == pytest.approx(covered)


def test_shares_of_error_add_up(anatomy: Anatomy) -> None:
    assert sum(o.share for o in anatomy.ops) == pytest.approx(1)
    assert sum(o.of_time for o in anatomy.ops) <= 1 + 1e-9
    assert [o.share for o in anatomy.ops] == sorted(
        (o.share for o in anatomy.ops), reverse=True
    )
    assert all(o.worst_model in set(anatomy.models.tolist()) for o in anatomy.ops)


def test_the_heat_map_holds_every_job(anatomy: Anatomy) -> None:
    models, columns, cells = heat(anatomy)
    assert cells.shape == (len(models), len(columns))
    assert set(models) == set(anatomy.models.tolist())
    # every model with a known size has a cell
    jobs = {
        m for m, s in zip(anatomy.models, anatomy.sizes, strict=True) if np.isfinite(s)
    }
    for m in jobs:
        assert np.isfinite(cells[models.index(m)]).any()


def test_coverage_grows_with_the_level(anatomy: Anatomy) -> None:
    levels, covered = zip(*anatomy.coverage, strict=True)
    assert list(levels) == sorted(levels)
    assert list(covered) == sorted(covered)


@pytest.fixture(scope="module")
def anatomy_with_curve(simulated: Corpus) -> Anatomy:
    """With the learning curve, which takes a few times as long."""
    return engine.anatomy("g3s", "p3", "simulated")


def test_errors_grow_when_fewer_models_are_fitted(anatomy_with_curve: Anatomy) -> None:
    anatomy = anatomy_with_curve
    counts, errors = zip(*anatomy.curve, strict=True)
    assert counts[0] == 3
    assert counts[-1] == len(set(anatomy.models.tolist())) - 1
    assert errors[0] > errors[-1]
    assert errors[-1] == pytest.approx(anatomy.mape, rel=1e-6)


def test_tables_are_filled(anatomy: Anatomy) -> None:
    tables = anatomy_tables(anatomy)
    assert len(tables) >= 3
    for title, head, rows in tables:
        assert title
        assert rows
        assert all(len(r) == len(head) for r in rows)


def test_page_and_picture(
    tmp_path: Path, anatomy_with_curve: Anatomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "anatomy", lambda *a, **k: anatomy_with_curve)
    page, picture = tmp_path / "r.html", tmp_path / "r.png"
    pair = ["--anchor", "g3s", "--target", "p3", "--data", "simulated"]
    done = CliRunner().invoke(app, ["report", *pair, "--out", str(page)])
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    # self-contained: nothing is fetched
    assert not re.search(r"(src|href)=[\"'](?!data:)", text)
    assert "data:image/png;base64," in text
    assert text.count("<table>") >= 4
    done = CliRunner().invoke(app, ["report", *pair, "--out", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    done = CliRunner().invoke(app, ["report", *pair, "--out", str(tmp_path / "r.gif")])
    assert done.exit_code != 0


def test_compare_explains_itself(simulated: Corpus) -> None:
    pair = ["compare", "--anchor", "g3s", "--target", "p3", "--data", "simulated"]
    done = CliRunner().invoke(app, [*pair, "--translators", "physics", "--explain"])
    assert done.exit_code == 0, done.output
    assert "operations that cost most" in done.stdout
    assert "which path binds" in done.stdout
    done = CliRunner().invoke(app, [*pair, "--explain", "--json"])
    assert done.exit_code == 2
