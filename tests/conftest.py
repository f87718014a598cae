"""Shared fixtures: a separate data home for every session, corpora, one bundle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from xlate import engine
from xlate.data import corpus as corpora
from xlate.data.corpus import Corpus
from xlate.engine.fit_pair import FitResult
from xlate.engine.fit_sweeps import ClockFit

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "datasets/examples/g3s.xlarge-128dataset-ResNet18-SGD-64-simulated.csv"
FAST = ("ratio", "tree")
_GIVEN = "xlate.models.translate.physics.FEWEST_MODELS", 10**6

#: fixtures that read the public corpora, and such that fit models for seconds
_OF_DATA = {"profet_raw", "profet", "swept", "ttu_raw"}
_FITTED = {"fitted", "clocked", "profet", "swept"}


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are not named by what they are: archives hold the time of day in theirs.

    Two workers that started in different seconds would name a test differently, and
    the run would end before a test ran.
    """
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark tests that need such a fixture; ``make quick`` leaves both marks out."""
    for item in items:
        needed = set(getattr(item, "fixturenames", ()))
        if needed & _OF_DATA:
            item.add_marker(pytest.mark.data)
        if needed & _FITTED:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _marked_as_what_it_used(request: pytest.FixtureRequest) -> Iterator[None]:
    """A fixture asked for by ``getfixturevalue`` is not seen above: mark the test itself."""
    yield
    used = set(request.fixturenames)
    for fixtures, mark in ((_OF_DATA, "data"), (_FITTED, "slow")):
        if used & fixtures:
            assert request.node.get_closest_marker(mark), f"mark it: pytest.mark.{mark}"


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data home that no test shares with the user."""
    folder = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    patch.setenv("XLATE_HOME", str(folder))
    # nor settings, of the user or of a folder above this one
    patch.setenv("XLATE_CONFIG", os.devnull)
    patch.setenv("NO_COLOR", "1")
    patch.setenv("COLUMNS", "100")
    for name in ("ANCHORS", "LEVEL", "OBJECTIVE", "REGION", "CURRENCY", "PARALLEL"):
        patch.delenv(f"XLATE_{name}", raising=False)
    patch.delenv("XLATE_ELECTRICITY_USD_PER_KWH", raising=False)
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def given_weight() -> Iterator[None]:
    """Fits that take the forest's weight as given: three fits fewer for each fold.

    For tests of what is made of answers; that the weight is chosen well is tested
    where the translator is.
    """
    patch = pytest.MonkeyPatch()
    patch.setattr(*_GIVEN)
    yield
    patch.undo()


@pytest.fixture
def given_weight_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for one test."""
    monkeypatch.setattr(*_GIVEN)


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh data home for one test."""
    folder = tmp_path / "own-home"
    monkeypatch.setenv("XLATE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def simulated() -> Corpus:
    return corpora.load("simulated")


@pytest.fixture(scope="session")
def fitted(home: Path) -> FitResult:
    """The default translator fitted on the simulated corpus, saved in ``home``."""
    return engine.fit(
        "g3s.xlarge", "p3.2xlarge", "simulated", translators=FAST, replace=True
    )


@pytest.fixture(scope="session")
def clocked(fitted: FitResult) -> ClockFit:
    """Translator and clock model of p3.2xlarge, both on the simulated corpus."""
    return engine.fit_clocks("p3.2xlarge", sweeps=["simulated"])


@pytest.fixture
def example() -> Path:
    return EXAMPLE


@pytest.fixture(scope="session")
def profet_raw() -> Path:
    """Folder of PROFET's pickles, where the machine has them."""
    raw = os.environ.get("XLATE_DATA_HOME")
    folder = Path(raw) / "profet" if raw else None
    if folder is None or not folder.is_dir():
        pytest.skip("XLATE_DATA_HOME/profet is not here")
    return folder


@pytest.fixture(scope="session")
def profet(home: Path, profet_raw: Path) -> Corpus:
    from xlate.data.sources import import_corpus

    import_corpus("profet", profet_raw)
    return corpora.load("profet")


@pytest.fixture(scope="session")
def swept(home: Path) -> dict[str, Corpus]:
    """Measured sweeps and telemetry, imported where the machine has them."""
    raw = os.environ.get("XLATE_DATA_HOME")
    names = ("ttu-dvfs", "hkbu-dvfs", "cloud-hw-trainpred")
    if not raw or not all((Path(raw) / n).is_dir() for n in names):
        pytest.skip(f"XLATE_DATA_HOME has not all of {', '.join(names)}")
    from xlate.data.sources import import_corpus

    for name in names:
        import_corpus(name)
    return {name: corpora.load(name) for name in names}
