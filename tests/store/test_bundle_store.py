"""One store for every kind of bundle: saved, found, versioned; old formats refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.stored import names_no_module, rewritten
from tests.support.documents import Json
from tests.support.narrowing import present
from xlate.data.corpus import Corpus
from xlate.engine.fit_pair import FitResult
from xlate.engine.fit_sweeps import ClockFit
from xlate.errors import BundleError
from xlate.models.power import feature_rows, joined
from xlate.settings import paths
from xlate.store import bundle as bundles
from xlate.store import clock_bundle as clock_bundles
from xlate.store.bundle import Bundle
from xlate.store.bundle_store import BundleStore
from xlate.store.clock_bundle import ClockBundle
from xlate.store.codec import encode
from xlate.store.part_bundle import (
    POWER_MODELS,
    SCALERS,
    PartBundle,
    power_model_of,
    scalers_of,
)

SHIPPED = sorted(paths.shipped("anchors").glob("*/to-*"))


#: a store, a bundle for it, and the names that it is kept under
Kept = tuple[BundleStore[Any, Any], Bundle | ClockBundle | PartBundle, tuple[str, ...]]


KINDS = ["translator", "clocks", "scaler", "power"]


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS])
def kept(
    request: pytest.FixtureRequest,
) -> Kept:
    """A store, a bundle for it, and what that is of."""
    if request.param == "translator":
        fitted = request.getfixturevalue("fitted")
        return bundles.STORE, fitted.bundle, ("g3s.xlarge", "p3.2xlarge")
    if request.param == "scaler":
        bundle = scalers_of(request.getfixturevalue("fitted").bundle)
        return SCALERS, bundle, ("g3s.xlarge",)
    clocked = request.getfixturevalue("clocked").bundle
    if request.param == "clocks":
        return clock_bundles.STORE, clocked, ("p3.2xlarge",)
    return POWER_MODELS, power_model_of(clocked), ("p3.2xlarge",)


def answers(
    bundle: Bundle | ClockBundle | PartBundle, simulated: Corpus
) -> list[NDArray[np.float64]]:
    """Numbers that a bundle's models give."""
    if isinstance(bundle, bundles.Bundle):
        X = np.random.default_rng(0).uniform(0, 1e4, (5, len(bundle.plan.names) + 1))
        return [bundle.model["translator"].predict(X), bundle.model["ratio"].predict(X)]
    if isinstance(bundle, PartBundle) and bundle.manifest.kind == "scaler":
        scaler = bundle.models["batch-size"]
        ops = np.linspace(1e2, 1e4, len(scaler.ops))
        scaled = scaler.predict(ops, 5e4, 16.0, 60.0)
        return [scaled.ops, np.array([scaled.step, scaler.factor(2, 0.9)])]
    power = (
        bundle.handoff
        if isinstance(bundle, clock_bundles.ClockBundle)
        else bundle.models["power"]
    )
    rows = feature_rows(joined(simulated, simulated, "p3.2xlarge").gather_every(9))
    outputs = [power.predict(rows), power.draws(rows[0])]
    if isinstance(bundle, clock_bundles.ClockBundle):
        X = np.random.default_rng(0).uniform(0.1, 0.9, (5, 3))
        outputs += [*bundle.responses["smi"].curves(X)]
    return outputs


def test_every_kind_is_kept_found_and_versioned(
    kept: Kept,
    simulated: Corpus,
    empty_home: Path,
    tmp_path: Path,
) -> None:
    store, bundle, names = kept
    first = store.keep(bundle)
    assert store.slot(*names) == first
    loaded = store.find(*names)
    for ours, fitted_output in zip(
        answers(loaded, simulated), answers(bundle, simulated), strict=True
    ):
        assert np.array_equal(ours, fitted_output)
    # the same fit, the same bytes; and no module is named in them
    other = store.save(bundle, tmp_path / "again")
    for file in ("manifest.json", "model.zip"):
        assert (other / file).read_bytes() == (first / file).read_bytes()
    assert names_no_module(first)

    second = store.keep(bundle, in_place=False)
    assert second.name == f"{first.name}@2"
    assert [*store.versions(*names)] == [1, 2]
    assert store.find(*names, number=2).path == second
    store.use(*names, number=2)
    assert [*store.versions(*names)] == [1, 2]
    rows = [r for r in store.list() if not r.ships]
    assert [(r.kind, r.version, r.active) for r in rows] == [
        (store.kind.name, 2, True),
        (store.kind.name, 1, False),
    ]
    assert all(r.refused is None and r.manifest is not None for r in rows)
    assert [m for p, m in store.manifests() if p == first]
    store.remove(*names, number=1)
    store.retire(*names)
    assert [*store.versions(*names)] == [2]
    store.remove(*names, number=2)
    assert not store.versions(*names)
    for ask in (store.remove, lambda *n: store.find(*n, number=7)):
        with pytest.raises(BundleError, match="xlate models list"):
            ask(*names)


def test_a_bundle_of_another_kind_is_refused(
    kept: Kept,
    empty_home: Path,
    tmp_path: Path,
) -> None:
    store, bundle, _ = kept
    folder = store.save(bundle, tmp_path / "b")
    stores = (bundles.STORE, clock_bundles.STORE, SCALERS, POWER_MODELS)
    others = [other for other in stores if other is not store]
    assert len(others) == 3
    for other in others:
        with pytest.raises(BundleError, match=f"of kind {store.kind.name}, not"):
            other.load(folder)


def test_models_of_another_kind_are_refused(
    kept: Kept,
    empty_home: Path,
    tmp_path: Path,
) -> None:
    store, bundle, _ = kept
    folder = store.save(bundle, tmp_path / "b")
    rewritten(folder, encode({"power": [1.0]}))
    with pytest.raises(
        BundleError, match=r"holds something other than|holds an object of type list"
    ):
        store.load(folder)


def test_a_part_of_another_instance_is_not_used(
    fitted: FitResult, empty_home: Path
) -> None:
    path = SCALERS.keep(scalers_of(fitted.bundle))
    shutil.copytree(path, path.with_name("p2.xlarge"))
    with pytest.raises(BundleError, match=r"is for g3s\.xlarge, not for p2\.xlarge"):
        SCALERS.find("p2.xlarge")
    with pytest.raises(BundleError, match="--anchor T4 "):
        SCALERS.find("T4")
    listed = {r.path.name: r.refused for r in SCALERS.list()}
    assert listed == {"g3s.xlarge": None, "p2.xlarge": "it is of scalers/g3s.xlarge"}


def test_a_clock_model_without_a_power_model_keeps_no_power_bundle(
    clocked: ClockFit,
) -> None:
    with pytest.raises(BundleError, match="no power model"):
        power_model_of(replace(clocked.bundle, handoff=None))


def test_a_clock_model_of_another_kind_than_its_manifest_says(
    clocked: ClockFit, tmp_path: Path
) -> None:
    m = clocked.bundle.manifest
    lies = replace(clocked.bundle, manifest=replace(m, model="response-linear"))
    folder = clock_bundles.save(lies, tmp_path / "a")
    with pytest.raises(
        BundleError, match="says that the clock model is 'response-linear'"
    ):
        clock_bundles.load(folder)


def old_bundle(folder: Path, raw: Json) -> None:
    """A bundle as xlate 0.1 wrote it, as far as its format can be seen."""
    folder.mkdir(parents=True)
    model = b"PK\x03\x04 an archive of classes by their place"
    (folder / "model.skops").write_bytes(model)
    raw = raw | {"files": {"model.skops": hashlib.sha256(model).hexdigest()}}
    del raw["kind"]
    (folder / "manifest.json").write_text(json.dumps(raw))


def test_an_old_translator_is_refused_with_the_command_that_fits_it(
    empty_home: Path,
) -> None:
    raw = json.loads((SHIPPED[0] / "manifest.json").read_text())
    pair = raw["anchor"], raw["target"]
    old_bundle(bundles.folder_of(*pair), raw | {"format": 3})
    with pytest.raises(
        BundleError, match=r"format 3, written by xlate .*reads format 4"
    ) as e:
        bundles.find(*pair)
    assert e.value.hint == f"fit again: xlate fit --anchor {pair[0]} --target {pair[1]}"
    (row,) = [r for r in bundles.STORE.list() if not r.ships]
    assert "format 3" in present(row.refused)


def test_an_old_clock_model_is_refused_with_the_command_that_fits_it(
    clocked: ClockFit, empty_home: Path
) -> None:
    raw = json.loads((present(clocked.path) / "manifest.json").read_text())
    old_bundle(clock_bundles.folder_of("p3.2xlarge"), raw | {"format": 1})
    with pytest.raises(BundleError, match="format 1, written by xlate") as e:
        clock_bundles.find("p3.2xlarge")
    assert e.value.hint == "xlate clocks fit --target p3.2xlarge"


def test_a_fit_takes_the_place_of_an_old_bundle(
    fitted: FitResult, empty_home: Path
) -> None:
    raw = json.loads((SHIPPED[0] / "manifest.json").read_text())
    pair = "g3s.xlarge", "p3.2xlarge"
    old_bundle(
        bundles.folder_of(*pair),
        raw | {"format": 3, "anchor": pair[0], "target": pair[1]},
    )
    bundles.STORE.keep(fitted.bundle)
    assert bundles.find(*pair).manifest.simulated
    assert [*bundles.STORE.versions(*pair)] == [1, 2]
    with pytest.raises(BundleError, match="format 3"):
        bundles.STORE.use(*pair, number=1)


def test_a_command_in_a_message_holds_no_word_of_a_file(
    empty_home: Path, tmp_path: Path
) -> None:
    raw = json.loads((SHIPPED[0] / "manifest.json").read_text())
    old_bundle(tmp_path / "b", raw | {"format": 3, "target": "p3; rm -rf ~"})
    with pytest.raises(BundleError) as e:
        bundles.load(tmp_path / "b")
    assert "rm -rf" not in present(e.value.hint)


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_no_bundle_that_ships_names_a_module(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {"manifest.json", "model.zip"}
    assert names_no_module(folder)
