"""Bundles: the same bytes each time, and changed or unknown content is refused."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

import xlate
from tests.stored import again_of, names_no_module, reseal, rewritten
from tests.support.documents import Json
from tests.support.narrowing import present
from xlate import engine
from xlate.engine.fit_pair import FitResult
from xlate.errors import BundleError, StorageError
from xlate.models.translate import TRANSLATORS
from xlate.store import bundle as bundles
from xlate.store.archive import open_archive
from xlate.store.bundle import Bundle
from xlate.store.cache import LoadedFolders
from xlate.store.codec import encode
from xlate.store.forests import check_trees
from xlate.values.profile import Profile


@pytest.fixture
def copy(fitted: FitResult, tmp_path: Path) -> Path:
    """A bundle to spoil."""
    return shutil.copytree(present(fitted.path), tmp_path / "bundle")


def test_a_loaded_bundle_answers_as_the_fitted_one(fitted: FitResult) -> None:
    loaded = bundles.load(present(fitted.path))
    assert loaded.manifest == bundles.read_manifest(present(fitted.path))
    X = np.random.default_rng(0).uniform(0, 1e4, (5, len(loaded.plan.names) + 1))
    for part in ("translator", "ratio"):
        ours, fitted_part = loaded.model[part], fitted.bundle.model[part]
        assert np.array_equal(ours.predict(X), fitted_part.predict(X)), part


def test_fitting_again_gives_the_same_bytes(
    fitted: FitResult, empty_home: Path
) -> None:
    again = engine.fit(
        "g3s.xlarge", "p3.2xlarge", "simulated", translators=("ratio", "tree")
    )
    # measured ones ship, so that it lies beside them
    assert present(again.path).name == "to-p3.2xlarge@1"
    for name in ("manifest.json", "model.zip"):
        assert (present(again.path) / name).read_bytes() == (
            present(fitted.path) / name
        ).read_bytes()


def test_the_manifest_says_what_it_was_fitted_on(fitted: FitResult) -> None:
    m = bundles.load(present(fitted.path)).manifest
    assert m.simulated
    assert m.corpus == "simulated"
    assert len(m.models) == 15
    assert m.error("step_mape") is not None
    assert m.error("step_mape", "noise floor") is not None
    assert m.error("step_mape", "nobody") is None


@pytest.mark.parametrize("name", TRANSLATORS)
def test_every_translator_can_be_saved_and_loaded(
    name: str, fitted: FitResult, tmp_path: Path
) -> None:
    from xlate.models.translate import make
    from xlate.models.translate.window import StepFromWindow

    rng = np.random.default_rng(0)
    columns = ["Device_Conv2D", "Device_Relu", "Device_IDLE", "step_time_us"]
    X = rng.uniform(1e3, 1e4, (30, 4))
    model: Json = {
        "translator": make(name, columns).fit(X, X / 2),
        "window": StepFromWindow(columns[:-1]).fit(X[:, :-1], X[:, -1]),
        "ratio": make("ratio", columns).fit(X, X / 2),
    }
    model |= {k: v for k, v in fitted.bundle.model.items() if k not in model}
    groups = {c: [c] for c in columns[:-1]}
    manifest = replace(fitted.bundle.manifest, groups=groups, translator=name)
    folder = bundles.save(manifest, model, tmp_path / "b")
    loaded = bundles.load(folder)
    for part in ("translator", "ratio"):
        ours, fitted_part = loaded.model[part], model[part]
        assert np.array_equal(
            ours.predict(X), fitted_part.predict(X), equal_nan=True
        ), part
    ours, fitted_part = loaded.model["window"], model["window"]
    assert np.array_equal(ours.predict(X[:, :-1]), fitted_part.predict(X[:, :-1]))
    assert names_no_module(folder)


def test_a_changed_model_is_refused(copy: Path) -> None:
    path = copy / "model.zip"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(BundleError, match="changed or cut off"):
        bundles.load(copy)


def test_a_truncated_model_is_refused(copy: Path) -> None:
    path = copy / "model.zip"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BundleError, match="changed or cut off"):
        bundles.load(copy)
    reseal(copy)
    with pytest.raises(BundleError, match="damaged or was made elsewhere"):
        bundles.load(copy)


def model_in(folder: Path) -> Json:
    """The models of a bundle, unchecked."""
    digest = bundles.read_manifest(folder).files["model.zip"]
    models: Json = open_archive(folder / "model.zip", digest, "fit")
    return models


def replaced(folder: Path, model: list[int] | dict[str, list[int]]) -> None:
    """A bundle whose models are others, sealed as an attacker would."""
    rewritten(folder, encode(model))


def test_something_else_entirely_is_refused(copy: Path) -> None:
    parts = ("translator", "window", "ratio", "calibration", "domain", "scaling")
    replaced(copy, {p: [1] for p in parts})
    with pytest.raises(BundleError, match=r"holds an object of type list"):
        bundles.load(copy)
    replaced(copy, [1])
    with pytest.raises(BundleError, match="other than a translator"):
        bundles.load(copy)


def poison(folder: Path, field: str, value: float) -> None:
    """Rewrite an array of the first forest in an archive."""
    encoded = encode(model_in(folder))
    forest = encoded.tree["map"]["translator"]["state"]["pooled_"]["state"]["forests_"][
        0
    ]["forest"]
    array = encoded.arrays[forest[field]["array"]].copy()
    array[np.flatnonzero(array)[0]] = value
    encoded.arrays[forest[field]["array"]] = array
    rewritten(folder, encoded)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 60_000),
        ("steps", 0),
        ("features", 60_000),
        ("node_counts", 10**6),
        ("node_counts", -3),
        ("values", np.nan),
    ],
)
def test_a_tree_that_points_outside_itself_is_refused(
    copy: Path, field: str, value: float
) -> None:
    poison(copy, field, value)
    with pytest.raises(BundleError, match=r"outside its own range|cannot be built"):
        bundles.load(copy)


def test_a_packed_forest_answers_to_the_bit() -> None:
    from sklearn.ensemble import ExtraTreesRegressor

    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(200, 4)), rng.normal(size=(200, 3))
    forest = ExtraTreesRegressor(5, random_state=0).fit(X, Y)
    again = again_of({"a": [forest]})["a"][0]
    assert np.array_equal(again.predict(X), forest.predict(X))
    assert check_trees(again, "x") == 5


def row(**other: str | float) -> Json:
    """A row of an accuracy card, with some of it changed."""
    sound = {
        "translator": "physics", "held_out": None, "metric": "step_mape", "value": 6.0,
        "n": 10,
    }  # fmt: skip
    return sound | other


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m | {"format": 99}, r"written by xlate .*reads up to 4"),
        (lambda m: {k: v for k, v in m.items() if k != "anchor"}, "lacks anchor"),
        (lambda m: m | {"colour": 1}, "unknown colour"),
        (lambda m: m | {"models": "all"}, "models is no list"),
        (lambda m: m | {"files": {}}, "manifest lists"),
        (lambda m: [m], "no manifest"),
        (lambda m: m | {"format": True}, "no manifest"),
        (lambda m: m | {"format": 99, "versions": "new"}, "newer version"),
        (lambda m: m | {"n_pairs": -3}, "n_pairs is -3"),
        (lambda m: m | {"n_pairs": "many"}, "n_pairs is no whole number"),
        (lambda m: m | {"n_pairs": 2.5}, "n_pairs is no whole number"),
        (lambda m: m | {"n_pairs": True}, "n_pairs is no whole number"),
        (lambda m: m | {"n_pairs": 10**30}, "n_pairs is 1000"),
        (lambda m: m | {"seed": -1}, "seed is -1"),
        (lambda m: m | {"simulated": "no"}, "simulated is no true or false"),
        (lambda m: m | {"corpus": None}, "corpus is no text"),
        (lambda m: m | {"corpus_sha256": "abc"}, "corpus_sha256 is 'abc'"),
        (lambda m: m | {"models": [1, 2]}, "models is no list of text"),
        (lambda m: m | {"groups": {"a": "b"}}, "groups is no object"),
        (lambda m: m | {"groups": {}}, "column of nothing"),
        (lambda m: m | {"versions": {"xlate": 1}}, "versions is no object"),
        (lambda m: m | {"busy_range_us": [1.0]}, "busy_range_us is no list"),
        (lambda m: m | {"busy_range_us": [5.0, 1.0]}, "busy_range_us is"),
        (lambda m: m | {"busy_range_us": [float("nan"), 1.0]}, "NaN is not a number"),
        (lambda m: m | {"busy_range_us": [0, 10**400]}, "busy_range_us is no list"),
        (lambda m: m | {"files": {"model.zip": 5}}, "files is no object"),
        (lambda m: m | {"files": {"model.zip": "zz"}}, "sha256 of model.zip"),
        (lambda m: m | {"card": ["good"]}, "card is no list"),
        (lambda m: m | {"card": [{"metric": "step_mape"}]}, "card row 0"),
        (lambda m: m | {"card": [row(value="6 %")]}, "card row 0"),
        (lambda m: m | {"card": [row(value=-6.0)]}, "card row 0"),
        (lambda m: m | {"card": [row(n=-1)]}, "card row 0"),
        (lambda m: m | {"card": [row(held_out=3)]}, "card row 0"),
    ],
)
def test_bad_manifests(copy: Path, change: Callable[[Json], object], says: str) -> None:
    path = copy / "manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(BundleError, match=says):
        bundles.load(copy)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"format": 2, "format": 2}', "given twice"),
        ('{"format": ' + "9" * 5000 + "}", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("\xff", "no|not"),
        ("", "not JSON"),
    ],
)
def test_texts_that_are_no_manifest(copy: Path, text: str, says: str) -> None:
    (copy / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BundleError, match=says):
        bundles.load(copy)


@pytest.mark.parametrize("cut", range(0, 4000, 397))
def test_a_manifest_that_breaks_off_is_refused(copy: Path, cut: int) -> None:
    path = copy / "manifest.json"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BundleError):
        bundles.load(copy)


def test_a_manifest_that_is_no_file_is_not_waited_for(copy: Path) -> None:
    path = copy / "manifest.json"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BundleError, match="not a regular file"):
        bundles.load(copy)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(BundleError, match="not a regular file"):
        bundles.load(copy)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"translator": "oracle"}, "translator is 'oracle', the model holds a"),
        ({"translator": "roofline"}, "translator is 'roofline', the model holds a"),
        ({"columns": "families"}, "its groups are of another"),
        ({"columns": "some"}, "its groups are of another"),
        ({"operations": []}, "no operation of training"),
        ({"operations": ["Device_XConv2D"]}, "no operation of training"),
    ],
)
def test_a_manifest_of_another_fit_is_refused(
    copy: Path, change: Json, says: str
) -> None:
    path = copy / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BundleError, match=says):
        bundles.load(copy)


@pytest.mark.parametrize("lost", ["missing", "loop"])
def test_a_fit_without_its_manifest_is_not_passed_over(
    empty_home: Path, lost: str
) -> None:
    own = bundles.folder_of("p2.xlarge", "p3.2xlarge")
    shutil.copytree(bundles.shipped_folder("p2.xlarge", "p3.2xlarge"), own)
    (own / "manifest.json").unlink()
    if lost == "loop":
        (own / "manifest.json").symlink_to("manifest.json")
    with pytest.raises(BundleError, match=r"manifest\.json"):
        bundles.find("p2.xlarge", "p3.2xlarge")


def test_a_bundle_of_another_pair_is_not_used(empty_home: Path, tmp_path: Path) -> None:
    """Copied into the pair's folder, or handed over in Python."""
    profile = Profile({"Device_Conv2D": 9e4, "Device_IDLE": 1e4}, step_time_us=5e4)
    other = bundles.shipped_folder("p2.xlarge", "p3.2xlarge")
    own = bundles.folder_of("g3s.xlarge", "p3.2xlarge")
    shutil.copytree(other, own)
    for ask in (
        lambda: xlate.translate(profile, "g3s", "p3"),
        lambda: xlate.translate(pl.DataFrame([dict(profile.ops)]), "g3s", "p3"),
        lambda: xlate.scale(profile, "g3s", "p3", "batch-size=16,32"),
        lambda: bundles.find("g3s.xlarge", "p3.2xlarge"),
    ):
        with pytest.raises(BundleError, match=r"from p2\.xlarge to p3\.2xlarge, not"):
            ask()
    shutil.rmtree(own)
    given = bundles.load(other)
    assert xlate.translate(profile, "p2", "p3", bundle=given)
    frames: list[Any] = [profile, pl.DataFrame([dict(profile.ops)])]
    for frame in frames:
        with pytest.raises(BundleError, match="not from g3s"):
            xlate.translate(frame, "g3s", "p3", bundle=given)
        with pytest.raises(
            BundleError, match="an object of type str, not a translator"
        ):
            xlate.translate(frame, "g3s", "p3", bundle=cast(Any, "mine"))


def test_a_bundle_is_loaded_once_and_again_when_it_changes(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []

    def load(folder: Path) -> Bundle:
        loads.append(folder)
        return bundles.load(folder)

    cache = LoadedFolders(load, ("manifest.json", "model.zip"))
    folder = bundles.folder_of("g3s.xlarge", "p3.2xlarge")
    shipped = bundles.shipped_folder("g3s.xlarge", "p3.2xlarge")
    shutil.copytree(shipped, folder)
    time.sleep(0.3)
    first = cache.get(folder)
    assert cache.get(folder) is first
    assert len(loads) == 1
    # the same size, and the old time of writing put back: it is still noticed
    path = folder / "model.zip"
    about, raw = path.stat(), bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(bytes(raw))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(BundleError, match="changed or cut off"):
        cache.get(folder)
    shutil.rmtree(folder)
    shutil.copytree(shipped, folder)
    assert cache.get(folder) is not first
    with pytest.raises(TypeError):
        cast(Json, cache.get(folder).model)["translator"] = None


def test_few_bundles_are_kept_in_memory(tmp_path: Path) -> None:
    loads = []

    def name_of(folder: Path) -> str:
        loads.append(folder)
        return folder.name

    cache = LoadedFolders(name_of, ("a",), most=2)
    for name in "xyz":
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    time.sleep(0.3)
    for name in "xyzzx":
        assert cache.get(tmp_path / name) == name
    assert [p.name for p in loads] == ["x", "y", "z", "x"]


def test_threads_share_what_is_loaded(empty_home: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        loaded = list(
            pool.map(lambda _: bundles.find("g3s.xlarge", "p2.xlarge"), range(12))
        )
    assert len({id(b) for b in loaded}) == 1
    assert bundles.find("g3s.xlarge", "p2.xlarge") is loaded[0]


def test_broken_and_missing_files(copy: Path, tmp_path: Path, empty_home: Path) -> None:
    (copy / "manifest.json").write_text("{")
    with pytest.raises(BundleError, match="not JSON"):
        bundles.load(copy)
    with pytest.raises(BundleError, match="cannot be read"):
        bundles.load(tmp_path / "nowhere")
    with pytest.raises(BundleError, match="xlate fit --anchor a --target b"):
        bundles.find("a", "b")
    # only what ships with xlate is left
    assert {p.parent.parent.name for p, _ in bundles.manifests()} == {"anchors"}


def test_a_missing_model_is_named(copy: Path) -> None:
    (copy / "model.zip").unlink()
    with pytest.raises(BundleError, match=r"model\.zip cannot be read"):
        bundles.load(copy)


def test_a_model_of_another_version_is_refused(
    fitted: FitResult, tmp_path: Path
) -> None:
    """One that loads, but lacks what today's code asks for."""
    import copy as copier

    old = copier.copy(fitted.bundle.model["translator"])
    del old.paths_
    model = {**fitted.bundle.model, "translator": old}
    folder = bundles.save(fitted.bundle.manifest, model, tmp_path / "old")
    with pytest.raises(BundleError, match=r"does not answer in this one.*paths_"):
        bundles.load(folder)


def test_a_manifest_with_other_columns_is_refused(copy: Path) -> None:
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["groups"].popitem()
    path.write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="does not answer"):
        bundles.load(copy)


def test_a_fit_that_cannot_be_saved_leaves_the_old_bundle(
    fitted: FitResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (present(fitted.path) / "model.zip").read_bytes()

    def stop(*args: Path | bytes, **kwargs: str | int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", stop)
    with pytest.raises(StorageError, match="No space left"):
        bundles.save(fitted.bundle.manifest, fitted.bundle.model, present(fitted.path))
    assert (present(fitted.path) / "model.zip").read_bytes() == before
    assert [p.name for p in present(fitted.path).parent.iterdir()] == ["to-p3.2xlarge"]
