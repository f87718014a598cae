"""The bundles that ship: complete, small, calibrated, and made again to the byte."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from experiments.arithmetic import PINNED
from experiments.ship import CANNOT_COMPARE, MOST_BYTES
from tests.support.narrowing import present
from xlate.data.corpus import Corpus
from xlate.settings import paths
from xlate.store import bundle as bundles
from xlate.store.manifest import Manifest

SHIPPED = [
    m for p, m in bundles.manifests() if p.is_relative_to(paths.shipped("anchors"))
]


def test_all_twelve_are_there_and_small() -> None:
    assert len(SHIPPED) == 12
    folders = [bundles.shipped_folder(m.anchor, m.target) for m in SHIPPED]
    total = sum(f.stat().st_size for d in folders for f in d.iterdir())
    assert total < MOST_BYTES


@pytest.mark.parametrize("manifest", SHIPPED, ids=lambda m: f"{m.anchor}-{m.target}")
def test_each_loads_and_says_what_it_rests_on(manifest: Manifest) -> None:
    bundle = bundles.load(bundles.shipped_folder(manifest.anchor, manifest.target))
    assert manifest.corpus == "profet"
    assert manifest.licence == "MIT"
    assert not manifest.simulated
    # the card: this translator, the baseline and the floor, on networks left out
    assert present(manifest.error("step_mape")) < present(
        manifest.error("step_mape", "ratio")
    )
    assert present(manifest.error("step_mape", "noise floor")) < present(
        manifest.error("step_mape")
    )
    assert 0.86 <= present(manifest.error("coverage_90")) <= 0.96
    assert set(bundle.model["scaling"]) == {"batch-size", "input-size"}


def test_one_is_made_again_to_the_byte(profet: Corpus) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "experiments.ship",
            "--check",
            "g3s.xlarge",
            "p3.2xlarge",
        ],
        env={**os.environ, **PINNED},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == CANNOT_COMPARE:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
