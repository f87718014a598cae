"""Bundles: the same bytes each time, and nothing strange gets in."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from xlate import engine
from xlate.errors import BundleError, StorageError
from xlate.store import bundle as bundles
from xlate.store.canonical import canonical
from xlate.store.trees import check_trees
from xlate.translators import TRANSLATORS


@pytest.fixture
def copy(fitted, tmp_path):
    """A bundle to spoil."""
    return shutil.copytree(fitted.path, tmp_path / "bundle")


def reseal(folder):
    """Make the manifest agree with a changed model, as an attacker would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["model.skops"] = hashlib.sha256(
        (folder / "model.skops").read_bytes()
    ).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_loaded_bundle_answers_as_the_fitted_one(fitted):
    loaded = bundles.load(fitted.path)
    assert loaded.manifest == bundles.read_manifest(fitted.path)
    X = np.random.default_rng(0).uniform(0, 1e4, (5, len(loaded.plan.names) + 1))
    assert np.array_equal(
        loaded.model["translator"].predict(X),
        fitted.bundle.model["translator"].predict(X),
    )


def test_fitting_again_gives_the_same_bytes(fitted, empty_home):
    again = engine.fit(
        "g3s.xlarge", "p3.2xlarge", "simulated", translators=("ratio", "tree")
    )
    for name in ("manifest.json", "model.skops"):
        assert (again.path / name).read_bytes() == (fitted.path / name).read_bytes()


def test_the_manifest_says_what_it_was_fitted_on(fitted):
    m = bundles.load(fitted.path).manifest
    assert m.simulated
    assert m.corpus == "simulated"
    assert len(m.models) == 15
    assert m.error("step_mape") is not None
    assert m.error("step_mape", "noise floor") is not None
    assert m.error("step_mape", "nobody") is None


@pytest.mark.parametrize("name", TRANSLATORS)
def test_every_translator_can_be_saved_and_loaded(name, fitted, tmp_path):
    from xlate.translators import make
    from xlate.translators.window import StepFromWindow

    rng = np.random.default_rng(0)
    columns = ["Device_Conv2D", "Device_Relu", "Device_IDLE", "step_time_us"]
    X = rng.uniform(1e3, 1e4, (30, 4))
    model = {
        "translator": make(name, columns).fit(X, X / 2),
        "window": StepFromWindow(columns[:-1]).fit(X[:, :-1], X[:, -1]),
    }
    manifest = replace(fitted.bundle.manifest, groups={c: [c] for c in columns[:-1]})
    folder = bundles.save(manifest, model, tmp_path / "b")
    loaded = bundles.load(folder)
    assert np.array_equal(
        loaded.model["translator"].predict(X),
        model["translator"].predict(X),
        equal_nan=True,
    )


def test_a_changed_model_is_refused(copy):
    path = copy / "model.skops"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(BundleError, match="changed or cut off"):
        bundles.load(copy)


def test_a_truncated_model_is_refused(copy):
    path = copy / "model.skops"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BundleError, match="changed or cut off"):
        bundles.load(copy)
    reseal(copy)
    with pytest.raises(BundleError, match="no skops archive"):
        bundles.load(copy)


def test_a_foreign_type_is_refused_by_name(copy):
    import skops.io as sio

    (copy / "model.skops").write_bytes(
        sio.dumps({"translator": hashlib.sha256, "window": 1})
    )
    reseal(copy)
    with pytest.raises(BundleError, match=r"no translator needs.*sha256"):
        bundles.load(copy)


def test_something_else_entirely_is_refused(copy):
    import skops.io as sio

    (copy / "model.skops").write_bytes(sio.dumps({"translator": [1], "window": [2]}))
    reseal(copy)
    with pytest.raises(BundleError, match=r"holds a list"):
        bundles.load(copy)
    (copy / "model.skops").write_bytes(sio.dumps([1]))
    reseal(copy)
    with pytest.raises(BundleError, match="other than a translator"):
        bundles.load(copy)


def poison(folder, change):
    """Rewrite the nodes of the first tree in an archive."""
    path = folder / "model.skops"
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        done = False
        for name in old.namelist():
            raw = old.read(name)
            if not done and name.endswith(".npy"):
                array = np.load(io.BytesIO(raw))
                if array.dtype.names and "left_child" in array.dtype.names:
                    change(array)
                    buffer = io.BytesIO()
                    np.save(buffer, array)
                    raw, done = buffer.getvalue(), True
            new.writestr(name, raw)
    assert done
    path.write_bytes(out.getvalue())
    reseal(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left_child", 10**6),
        ("right_child", 10**6),
        ("left_child", 0),
        ("left_child", -7),
        ("feature", 10**5),
        ("feature", -3),
    ],
)
def test_a_tree_that_points_outside_itself_is_refused(copy, field, value):
    def change(nodes):
        nodes[field][0] = value

    poison(copy, change)
    with pytest.raises(BundleError, match=r"outside its own range|cannot be built"):
        bundles.load(copy)


def test_all_trees_of_a_forest_are_checked(fitted):
    assert check_trees(fitted.bundle.model["translator"], "x") == 120


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m | {"format": 99}, r"written by xlate .*reads up to 1"),
        (lambda m: {k: v for k, v in m.items() if k != "anchor"}, "lacks anchor"),
        (lambda m: m | {"colour": 1}, "unknown colour"),
        (lambda m: m | {"models": "all"}, "models is no list"),
        (lambda m: m | {"files": {}}, "manifest lists"),
        (lambda m: [m], "no manifest"),
    ],
)
def test_bad_manifests(copy, change, says):
    path = copy / "manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(BundleError, match=says):
        bundles.load(copy)


def test_broken_and_missing_files(copy, tmp_path, empty_home):
    (copy / "manifest.json").write_text("{")
    with pytest.raises(BundleError, match="not JSON"):
        bundles.load(copy)
    with pytest.raises(BundleError, match="cannot be read"):
        bundles.load(tmp_path / "nowhere")
    with pytest.raises(BundleError, match="xlate fit --anchor a --target b"):
        bundles.find("a", "b")
    assert bundles.manifests() == []


def test_a_missing_model_is_named(copy):
    (copy / "model.skops").unlink()
    with pytest.raises(BundleError, match=r"model\.skops cannot be read"):
        bundles.load(copy)


def test_a_model_of_another_version_is_refused(fitted, tmp_path):
    """One that loads, but lacks what today's code asks for."""
    import copy as copier

    old = copier.copy(fitted.bundle.model["translator"])
    del old.largest_share_
    model = {**fitted.bundle.model, "translator": old}
    folder = bundles.save(fitted.bundle.manifest, model, tmp_path / "old")
    with pytest.raises(
        BundleError, match=r"does not answer in this one.*largest_share_"
    ):
        bundles.load(folder)


def test_a_manifest_with_other_columns_is_refused(copy):
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["groups"].popitem()
    path.write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="does not answer"):
        bundles.load(copy)


def test_canonical_archives_do_not_depend_on_addresses():
    import skops.io as sio

    from xlate.translators import make

    X = np.random.default_rng(0).uniform(1, 2, (20, 3))
    one, two = (canonical(sio.dumps(make("forest").fit(X, X))) for _ in range(2))
    assert one == two
    trusted = ["sklearn.tree._tree.Tree", "xlate.translators.levels.ForestTranslator"]
    assert np.array_equal(
        sio.loads(one, trusted=trusted).predict(X), make("forest").fit(X, X).predict(X)
    )


def test_a_fit_that_cannot_be_saved_leaves_the_old_bundle(fitted, monkeypatch):
    before = (fitted.path / "model.skops").read_bytes()

    def stop(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", stop)
    with pytest.raises(StorageError, match="No space left"):
        bundles.save(fitted.bundle.manifest, fitted.bundle.model, fitted.path)
    assert (fitted.path / "model.skops").read_bytes() == before
    assert [p.name for p in fitted.path.parent.iterdir()] == ["to-p3.2xlarge"]
