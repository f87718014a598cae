"""Models by kind and state: equal to the bit, and other types are refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.stored import again_of, read_back, unpacked
from tests.support.documents import Json
from tests.support.narrowing import as_type
from xlate.errors import BundleError
from xlate.models.forests import round_leaves
from xlate.models.response import CLOCK_MODELS, Training, make_clock_model
from xlate.models.response.base import ResponseModel
from xlate.models.state import Stateful
from xlate.models.translate import TRANSLATORS
from xlate.models.translate.two_path import TwoPath
from xlate.stats.conformal import Scores
from xlate.store.archive import written
from xlate.store.codec import Encoded, encode
from xlate.store.estimators import dumped, loaded
from xlate.store.kinds import PARTS, class_of, kind_of
from xlate.values.frozen import FrozenMap


@pytest.fixture(scope="module")
def sweeps() -> Training:
    """Made responses of eight applications to the clock."""
    rng = np.random.default_rng(3)
    shares = np.linspace(0.4, 1, 7)
    names = ("power_share", "busy", "memory")
    X = rng.uniform(0.2, 0.9, (16, len(names)))
    growth = X[:, [1]] * (1 - X[:, [2]] / 2) * (1 / shares - 1)
    power = np.log(0.3 + 0.7 * shares**2) * X[:, [0]]
    groups = np.repeat([f"app{k}" for k in range(8)], 2)
    return Training(X, names, np.log1p(growth), power, shares, groups)


@pytest.mark.parametrize("name", [n for n in CLOCK_MODELS if n.startswith("response-")])
def test_a_clock_model_answers_to_the_bit(name: str, sweeps: Training) -> None:
    model = make_clock_model(name)
    model.fit(sweeps)
    again = again_of(model)
    for ours, decoded in zip(
        as_type(ResponseModel, model).curves(sweeps.X),
        again.curves(sweeps.X),
        strict=True,
    ):
        assert np.array_equal(ours, decoded)
    confidence = model.confidence(sweeps.X), again.confidence(sweeps.X)
    assert np.array_equal(*confidence, equal_nan=True)
    assert getattr(again, "cautious", None) == getattr(model, "cautious", None)


@pytest.mark.parametrize(
    "kind",
    [
        *(f"translator/{n}" for n in TRANSLATORS),
        *(f"clock-model/{n}" for n in CLOCK_MODELS if n != "response-cautious"),
        *(f"part/{n}" for n in PARTS if n != "scores"),
    ],
)
def test_every_class_says_the_kind_it_is_registered_under(kind: str) -> None:
    cls = class_of(kind)
    assert cls is not None
    assert issubclass(cls, Stateful)
    assert f"{cls.family}/{cls.kind}" == kind


def test_a_kind_that_is_two_names_of_one_class() -> None:
    assert isinstance(CLOCK_MODELS["response-cautious"], partial)
    assert class_of("clock-model/response-cautious") is class_of(
        "clock-model/response-calibrated"
    )


def test_plain_values_come_back_as_they_were() -> None:
    values = {
        "list": [1, 2.5, "text", None, True, -0.0],
        "tuple": (1, (2.0, "x")),
        "beyond": [float("inf"), -float("inf")],
        "numpy": [np.float64(1.5), np.int64(3), np.bool_(True), np.float32(0.1)],
        "empty": [np.zeros(0), np.zeros((0, 3)), np.zeros(0, dtype=str)],
        "texts": np.array(["a", "bcd"]),
        "order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "frozen": FrozenMap({"a": 1}),
    }
    again = again_of(values)
    assert list(again) == sorted(values)
    assert again["list"] == values["list"]
    assert again["tuple"] == values["tuple"]
    assert again["beyond"] == values["beyond"]
    assert [type(v) for v in again["numpy"]] == [type(v) for v in values["numpy"]]
    assert again["numpy"] == values["numpy"]
    for ours, decoded in zip(again["empty"], values["empty"], strict=True):
        assert (ours.shape, ours.dtype) == (decoded.shape, decoded.dtype)
    assert again["texts"].tolist() == ["a", "bcd"]
    assert again["order"].flags.f_contiguous
    assert again["frozen"] == {"a": 1}
    assert np.isnan(again_of([float("nan")])[0])


def test_a_frozen_dataclass_is_kept_by_its_fields() -> None:
    scores = Scores(np.array([0.1, 0.2]), np.array(["a", "b"]))
    scores.factor(0.5)
    assert kind_of(scores) == "part/scores"
    assert again_of(scores).factor(0.5) == scores.factor(0.5)


def test_equal_arrays_are_written_once_and_read_apart() -> None:
    one = np.arange(5.0)
    assert len(encode([one, one.copy()]).arrays) == 1
    first, second = again_of([one, one.copy()])
    first[0] = 9
    assert second[0] == 0


@pytest.mark.parametrize(
    "value",
    [object(), {1: "a"}, np.array([object()]), np.array(["2026-01-01"], dtype="M8[D]")],
)
def test_what_no_bundle_holds_is_not_written(value: Any) -> None:
    with pytest.raises(TypeError, match="bundle holds"):
        encode(value)


def test_an_attribute_that_would_be_lost_is_named() -> None:
    paths = TwoPath.unfitted()
    vars(paths)["colour"] = "red"
    with pytest.raises(TypeError, match="colour"):
        encode(paths)


def test_a_cache_is_not_kept() -> None:
    paths = TwoPath.unfitted()
    vars(paths)["_cache"] = object()
    assert not hasattr(again_of(paths), "_cache")


def test_leaves_rounded_once_are_kept_in_half_the_space() -> None:
    from sklearn.ensemble import ExtraTreesRegressor

    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    forest = ExtraTreesRegressor(3, random_state=0).fit(X, X[:, 0])
    values = [a.dtype for a in encode(forest).arrays if a.ndim == 2]
    assert values == [np.float64]
    round_leaves({"a": [forest]})
    values = [a.dtype for a in encode(forest).arrays if a.ndim == 2]
    assert values == [np.float32]
    assert np.array_equal(again_of(forest).predict(X), forest.predict(X))


def tree_of(**other: Any) -> Encoded:
    return Encoded({"kind": "part/two-path", "state": {"theta_": {"array": 0}} | other})


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"kind": "part/nothing", "state": {}}, "no kind of model"),
        ({"kind": "xlate.models.scaling.Scaler", "state": {}}, "no kind of model"),
        ({"kind": "os/system", "state": {}}, "no kind of model"),
        ({"kind": ["part/two-path"], "state": {}}, "stands in place of"),
        ({"kind": "part/scaler", "state": {}}, "lacks ops"),
        ({"kind": "part/two-path", "state": {"predict": 1}}, "has no 'predict'"),
        ({"kind": "part/two-path", "state": {"__class__": 1}}, "has no '__class__'"),
        ({"kind": "part/two-path", "state": [1]}, "stands in place of"),
        ({"array": 0}, "IndexError"),
        ({"array": -1}, "no place"),
        ({"array": True}, "no place"),
        ({"scalar": 0}, "IndexError"),
        ({"estimator": 0}, "KeyError"),
        ({"float": "1e5"}, "KeyError"),
        ({"forest": {"of": "ExtraTreesRegressor"}}, "lacks a field"),
        ({"spell": 1}, "no known form"),
        ({"tuple": 3, "map": {}}, "no known form"),
        ({}, "no known form"),
    ],
)
def test_a_tree_of_another_form_is_refused(
    tree: Json, says: str, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=says):
        read_back(written(Encoded(tree)), tmp_path)


def test_values_nested_too_deep_are_refused(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(70):
        deep = [deep]
    with pytest.raises(BundleError, match="too deep"):
        read_back(written(Encoded(deep)), tmp_path)


@pytest.mark.slow
def test_an_array_is_not_repeated_without_limit(tmp_path: Path) -> None:
    many = Encoded([{"array": 0}] * 200, [np.zeros(2**20)])
    with pytest.raises(BundleError, match="take over"):
        read_back(written(many), tmp_path)


def zipped(
    files: Iterable[tuple[str, str | bytes]],
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as out:
        for name, content in files:
            out.writestr(name, content)
    return buffer.getvalue()


def made(
    table: int | list[list[str | list[float]]], blob: bytes, model: float | str = "x"
) -> bytes:
    tree = json.dumps({"arrays": table, "model": model})
    return zipped([("arrays.bin", blob), ("model.json", tree)])


@pytest.mark.parametrize(
    ("table", "blob", "says"),
    [
        ([["|O", [1], "C"]], b"\0" * 8, "an array of"),
        ([["|V8", [1], "C"]], b"\0" * 8, "an array of"),
        ([[">f8", [1], "C"]], b"\0" * 8, "an array of"),
        ([["<f8", [1], "K"]], b"\0" * 8, "in the order"),
        ([["<f8", [-1], "C"]], b"", "of the shape"),
        ([["<f8", [1.0], "C"]], b"\0" * 8, "of the shape"),
        ([["<f8", [2], "C"]], b"\0" * 8, "longer"),
        ([["<f8", [2**62, 2**62], "C"]], b"\0" * 8, "longer"),
        ([["<f8", [1], "C"]], b"\0" * 16, "shorter"),
        ([["|b1", [1], "C"]], b"\x02", "truth values"),
        ([["<U1", [1], "C"]], b"\xff\xff\xff\xff", "texts"),
        ([["<f8"]], b"\0" * 8, "ValueError"),
        (5, b"", "TypeError"),
    ],
)
def test_arrays_that_are_not_what_the_table_says_are_refused(
    table: int | list[list[str | list[float]]], blob: bytes, says: str, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=says):
        read_back(made(table, blob), tmp_path)


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        (b"", "BadZipFile"),
        (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "BadZipFile"),
        (zipped([("model.json", "{}")]), "other files"),
        (
            zipped([("arrays.bin", b""), ("model.json", "{}"), ("x.pkl", b"")]),
            "other files",
        ),
        (zipped([("../arrays.bin", b""), ("model.json", "{}")]), "other files"),
        (zipped([("model.json", "{}"), ("arrays.bin", b"")]), "other files"),
        (zipped([("arrays.bin", b""), ("model.json", "{}")]), "another form"),
        (zipped([("arrays.bin", b""), ("model.json", "[" * 10**5)]), "not JSON"),
        (made([], b"", float("nan")), "not a number"),
        (
            zipped([("arrays.bin", b"\0" * 2**20), ("model.json", " " * (33 * 2**20))]),
            "too large",
        ),
    ],
)
def test_an_archive_of_other_files_is_refused(
    archive: bytes, says: str, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=says):
        read_back(archive, tmp_path)


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlate.store.archive.MOST_BYTES", 10_000)
    with pytest.raises(BundleError, match="unpacks to over"):
        read_back(made([], b"\0" * 20_000), tmp_path)


def test_the_same_models_give_the_same_bytes() -> None:
    from sklearn.linear_model import LinearRegression

    def fitted() -> Json:
        X = np.random.default_rng(0).uniform(1, 2, (20, 3))
        return {"b": LinearRegression().fit(X, X[:, 0]), "a": TwoPath.unfitted()}

    one, two = (written(encode(fitted())) for _ in range(2))
    assert one == two
    assert not any(b"xlate." in t for t in unpacked(one))


def test_estimators_hold_listed_types_only() -> None:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression

    X = np.arange(12.0).reshape(6, 2)
    good = dumped(LinearRegression().fit(X, X[:, 0]))
    assert np.array_equal(
        loaded(good).predict(X), LinearRegression().fit(X, X[:, 0]).predict(X)
    )
    # skops would trust it: it is one of scikit-learn's
    with pytest.raises(TypeError, match="PCA"):
        dumped(PCA(1).fit(X))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"__class__": "system", "__module__": "os"}, r"os\.system"),
        ({"__class__": "Scaler", "__module__": "xlate.models.scaling"}, "xlate"),
        ({"__loader__": "FunctionNode"}, "FunctionNode"),
        ({"__loader__": "MethodNode"}, "MethodNode"),
    ],
)
def test_an_estimator_of_another_type_is_refused(
    change: dict[str, str], says: str
) -> None:
    from sklearn.linear_model import LinearRegression

    X = np.arange(12.0).reshape(6, 2)
    archive = dumped(LinearRegression().fit(X, X[:, 0]))
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        files = {n: file.read(n) for n in file.namelist()}
    schema = json.loads(files["schema.json"])
    files["schema.json"] = json.dumps(schema | change).encode()
    with pytest.raises(ValueError, match=says):
        loaded(zipped(files.items(), zipfile.ZIP_STORED))
    with pytest.raises(ValueError, match="packed in another way"):
        loaded(zipped(files.items()))
