"""Clock models on disk: what their manifests may say, and for which target they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.documents import Json
from xlate import engine
from xlate.engine.fit_sweeps import _measured
from xlate.engine.session import Session
from xlate.errors import BundleError
from xlate.store import clock_bundle as clock_bundles
from xlate.store.clock_bundle import ClockBundle, ClockManifest
from xlate.values.profile import Profile

PAIR = ("g3s.xlarge", "p3.2xlarge")


@pytest.fixture
def made() -> ClockBundle:
    """A clock model without views: enough to be stored, found and refused."""
    manifest = ClockManifest(
        format=1,
        versions={"xlate": "0"},
        target="p3.2xlarge",
        gpu="V100-SXM2-16GB",
        source_gpu="V100-SXM2-16GB",
        spread=1.0,
        taught_by=(),
        corpus="mine",
        corpus_sha256="",
        simulated=False,
        licence="",
        handoff=None,
        handoff_limit_w=None,
        model="parametric",
        views=(),
        seed=0,
        applications=(),
        card=(),
        files={},
    )
    return ClockBundle(manifest, {}, None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": True}, "no manifest"),
        ({"spread": "wide"}, "spread is no finite number"),
        ({"spread": -1.0}, "spread is -1"),
        ({"spread": float("nan")}, "NaN is not a number"),
        ({"views": "smi"}, "views is no list"),
        ({"views": ["smi"]}, "other views"),
        ({"applications": None}, "applications is no list"),
        ({"handoff_limit_w": -300}, "handoff_limit_w is -300"),
        ({"handoff_limit_w": "300 W"}, "handoff_limit_w is no finite number or null"),
        ({"seed": 1.5}, "seed is no whole number"),
        ({"card": [{}]}, "card row 0"),
        ({"files": ["model.zip"]}, "files is no object"),
        ({"files": {}}, "manifest lists"),
        ({"files": {"model.zip": "0" * 64}}, "changed or cut off"),
    ],
)
def test_a_manifest_with_wrong_facts_is_refused(
    made: ClockBundle, tmp_path: Path, change: Json, says: str
) -> None:
    folder = clock_bundles.save(made, tmp_path / "a")
    assert clock_bundles.load(folder).manifest.corpus == "mine"
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BundleError, match=says):
        clock_bundles.load(folder)


@pytest.mark.parametrize("change", [{"target": "g5.xlarge"}, {"gpu": "A10G"}])
def test_a_clock_model_of_another_target_is_not_used(
    made: ClockBundle, empty_home: Path, change: Json
) -> None:
    profile = Profile({"Device_Conv2D": 9e4, "Device_IDLE": 1e4}, step_time_us=5e4)
    own = replace(made, manifest=replace(made.manifest, **change))
    with pytest.raises(BundleError, match="it was not used"):
        engine.predict_freq([profile], *PAIR, clock_bundle=own)
    clock_bundles.save(own, clock_bundles.folder_of("p3.2xlarge"))
    with pytest.raises(BundleError, match="it was not used"):
        engine.predict_freq([profile], *PAIR)


def test_what_is_no_clock_model_is_not_used(
    made: ClockBundle, empty_home: Path
) -> None:
    profile = Profile({"Device_Conv2D": 9e4, "Device_IDLE": 1e4}, step_time_us=5e4)
    with pytest.raises(BundleError, match="not a clock model"):
        engine.predict_freq([profile], *PAIR, clock_bundle=cast(Any, made.manifest))
    with pytest.raises(BundleError, match="not a translator"):
        engine.translate([profile], *PAIR, bundle=cast(Any, made))


def test_a_predecessor_is_kept(made: ClockBundle, empty_home: Path) -> None:
    assert not _measured(Session(), "p3.2xlarge")
    clock_bundles.keep(made)
    assert _measured(Session(), "p3.2xlarge")
    simulated = replace(made, manifest=replace(made.manifest, simulated=True))
    clock_bundles.keep(simulated)
    assert not _measured(Session(), "p3.2xlarge")
    assert not clock_bundles.find_version("p3.2xlarge", 1).manifest.simulated
    assert [p.name for p, _ in clock_bundles.manifests()] == ["p3.2xlarge"]
