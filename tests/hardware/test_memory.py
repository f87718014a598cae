"""Whether work fits: need, have, the reserve between them, and what the verdict says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import xlate
from tests.support.documents import document_of
from tests.support.narrowing import as_type, present
from xlate import engine
from xlate.cli import app
from xlate.errors import XlateError
from xlate.hardware.catalogue import catalogue
from xlate.hardware.memory import memory_fit
from xlate.values.memory_need import GIB
from xlate.values.profile import Profile
from xlate.values.profile_document import to_json

CATALOGUE = catalogue()
V100 = CATALOGUE.gpu("V100-SXM2-16GB")
ORDER = ("yes", "unsure", "no")


@pytest.mark.parametrize(
    ("gpu", "need_gib", "fits"),
    [
        ("V100-SXM2-16GB", 5, "yes"),
        ("V100-SXM2-16GB", 13, "yes"),
        # 15 GiB and a context of 0.3 to 1 GiB, in 15.78
        ("V100-SXM2-16GB", 15, "unsure"),
        ("V100-SXM2-16GB", 15.6, "no"),
        ("V100-SXM2-16GB", 30, "no"),
        ("T4", 30, "no"),
        ("A100-SXM4-40GB", 30, "yes"),
        # a data sheet's 40 GiB may be 36.8
        ("A100-SXM4-40GB", 34, "unsure"),
        ("H100-SXM5-80GB", 30, "yes"),
    ],
)
def test_need_against_have(gpu: str, need_gib: float, fits: str) -> None:
    fit = memory_fit(CATALOGUE.gpu(gpu), need_gib * GIB)
    assert fit.fits == fits
    assert (fit.reason is None) == (fits == "yes")


@given(st.floats(0.01, 200), st.floats(0.01, 200))
def test_who_needs_more_fits_no_better(a: float, b: float) -> None:
    low, high = sorted((a, b))
    fits = [memory_fit(V100, n * GIB).fits for n in (low, high)]
    assert ORDER.index(fits[0]) <= ORDER.index(fits[1])


def test_an_upper_bound_does_not_prove_that_it_does_not_fit() -> None:
    assert memory_fit(V100, 30 * GIB, 3 * GIB).fits == "unsure"
    assert memory_fit(V100, 30 * GIB, 20 * GIB).fits == "no"


def test_what_is_not_known_is_not_guessed() -> None:
    assert memory_fit(V100, None).fits is None
    bare = replace(V100, facts={})
    assert memory_fit(bare, GIB).document() == {
        "need_bytes": GIB,
        "have_bytes": None,
        "fits": None,
    }


def profile_of(example: Path, gib: int | None, faster: float = 1.0) -> Profile:
    profile = xlate.read_profile(example)
    return replace(
        profile,
        step_time_us=faster * 1.05e5,
        instance=None,
        ops={c: faster * v for c, v in profile.ops.items()},
        memory_bytes=None if gib is None else gib * GIB,
    )


@pytest.mark.parametrize("target", ["p3.2xlarge", "g4dn.xlarge", "T4", "g6.xlarge"])
def test_thirty_gib_do_not_fit_a_small_card(
    empty_home: Path, example: Path, target: str
) -> None:
    (t,) = xlate.translate(profile_of(example, 30), "p4d.24xlarge", target)
    assert present(t.memory).fits == "no"
    assert t.verdict.level == "refuse"
    assert "does not fit: needs 30.0 GiB" in t.verdict.reasons[0]
    assert document_of(t)["memory"]["need_bytes"] == 30 * GIB
    assert any("more memory" in w for w in t.facts.what_to_do)


def test_fit_is_said_in_every_answer(empty_home: Path, example: Path) -> None:
    for gib, fits in ((None, None), (3, "yes"), (15, "unsure")):
        (t,) = xlate.translate(profile_of(example, gib), "p4d.24xlarge", "p3.2xlarge")
        assert present(t.memory).fits == fits
        assert set(document_of(t)["memory"]) == {"need_bytes", "have_bytes", "fits"}
        assert (t.verdict.level == "ok") <= (fits != "unsure")


def test_a_profile_cannot_have_used_more_than_its_anchor_has(
    empty_home: Path, example: Path
) -> None:
    (t,) = xlate.translate(profile_of(example, 30), "g3s.xlarge", "p5.48xlarge")
    assert present(t.memory).fits == "yes"
    assert t.verdict.level != "ok"
    assert "more memory than its anchor has" in t.verdict.reasons[0]


def test_people_see_it_and_strict_refuses_it(
    empty_home: Path, example: Path, tmp_path: Path
) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(to_json(profile_of(example, 30))))
    command = ["translate", str(path), "--anchor", "p4d.24xlarge", "--target", "p3.2xlarge"]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert "does not fit: needs 30.0 GiB" in " ".join(done.stdout.split())
    done = CliRunner().invoke(app, [*command, "--strict"])
    assert as_type(XlateError, done.exception).exit_code == 3
    done = CliRunner().invoke(app, [*command[:1], str(path), *command[1:]])
    assert "no" in done.stdout.split()


def test_sizes_and_two_anchors_say_it_too(empty_home: Path, example: Path) -> None:
    profile = profile_of(example, 6)
    own, large = engine.scale(profile, "g3s", "p3", "batch-size", [64, 256])
    assert present(own.translation.memory).fits == "yes"
    # all of it, or only a part, may grow: 24 GiB is the most
    assert present(large.translation.memory).fits == "unsure"
    assert document_of(large.translation)["memory"]["need_bytes"] == 24 * GIB
    assert large.translation.verdict.level != "ok"
    (small,) = engine.scale(profile_of(example, 30), "g3s", "p3", "batch-size", [16])
    assert present(small.translation.memory).fits == "unsure"
    both = engine.translate_together(
        {"g3s": profile_of(example, 3), "g4dn": profile_of(example, 30, 0.7)}, "p3"
    )
    assert present(both.combined.memory).fits == "no"
    assert both.combined.verdict.level == "refuse"
