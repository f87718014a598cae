"""One session resolves what is meant; requests are values; results say themselves."""

from __future__ import annotations

import dataclasses
import math
import pickle
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import pytest

from tests.soak.kinds import catalogues
from tests.support.narrowing import as_type, present
from xlate import engine
from xlate.cli import app
from xlate.data.corpus import Corpus
from xlate.engine import calls, session
from xlate.engine.pair import Pair
from xlate.engine.session import Session
from xlate.errors import (
    AlignmentError,
    CatalogError,
    CorpusError,
    ProfileError,
    UnknownNameError,
)
from xlate.evaluation import sweep_study
from xlate.evaluation.figures import Row
from xlate.evaluation.sweep_figures import ClockRow
from xlate.hardware.catalogue import Catalogue, catalogue
from xlate.sweeps.gpu_sweeps import Sweeps
from xlate.values import clock_requests, requests
from xlate.values.answers import Answers
from xlate.values.clock_requests import (
    ClockComparisonRequest,
    ImportanceRequest,
    LabelRequest,
)
from xlate.values.profile import Profile
from xlate.values.requests import CompareRequest, TranslateRequest
from xlate.values.tables import Rows
from xlate.values.translation import Failure

A = TypeVar("A")
B = TypeVar("B")

ASKED = [
    getattr(module, name)
    for module in (requests, clock_requests)
    for name in module.__all__
]
#: what a plain call takes by its place, or whose value is another request's
BY_PLACE = {
    "profiles", "profile", "anchor", "target", "axis", "sizes", "frame", "data",
    "shots", "recordings", "sweeps", "gpu",
}  # fmt: skip
#: options of a plain call -> the request whose fields they are
OPTIONS = {
    "TranslateOptions": "TranslateRequest", "TableOptions": "TableRequest",
    "CombineOptions": "CombineRequest", "StudyOptions": "Study",
    "CompareOptions": "CompareRequest", "FitOptions": "FitRequest",
    "ShotsOptions": "ShotsRequest", "AnatomyOptions": "AnatomyRequest",
    "ClockOptions": "ClockAim", "PredictFreqOptions": "PredictFreqRequest",
    "RecordingsOptions": "RecordingsRequest", "LabelOptions": "LabelRequest",
    "ClockComparisonOptions": "ClockComparisonRequest",
    "ImportanceOptions": "ImportanceRequest", "FitClocksOptions": "FitClocksRequest",
}  # fmt: skip


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with a GPU, and a machine with it, that do not ship."""
    (tmp_path / "gpus").mkdir()
    (tmp_path / "gpus/RTX6090.toml").write_text(catalogues.gpu())
    (tmp_path / "box").mkdir()
    (tmp_path / "box/instance.toml").write_text(catalogues.instance())
    return tmp_path


@pytest.fixture
def profile(example: Path) -> Profile:
    (read,) = engine.read_profiles([example])
    return as_type(Profile, read)


def test_the_catalogue_is_resolved_once_for_all_parts_of_an_answer(
    monkeypatch: pytest.MonkeyPatch, profile: Profile
) -> None:
    asked = []

    def counted(extra: tuple[Any, ...] = ()) -> Catalogue:
        asked.append(tuple(extra))
        return catalogue(extra)

    for place in ("engine.session", "trust.domain", "engine.facts", "engine.assembly"):
        monkeypatch.setattr(f"xlate.{place}.catalogue", counted, raising=False)
    one = Session()
    one.translate(TranslateRequest([profile], "g4dn.xlarge", "H100-PCIe"))
    one.translate(TranslateRequest([profile], "g3s.xlarge", "p3.2xlarge"))
    assert asked == [()]


def test_a_session_knows_the_machines_of_its_folders_alone(own: Path) -> None:
    assert present(Session([own]).catalogue.instance("box.4090").gpu).name == "RTX6090"
    with pytest.raises(UnknownNameError, match=r"box\.4090"):
        Session().pair("g3s", "box.4090")


def test_a_session_crosses_processes(own: Path) -> None:
    there = pickle.loads(pickle.dumps(Session([own])))
    assert there.anchors_dirs == (own,)
    assert there.pair("g3s", "box.4090").target.name == "box.4090"


def test_a_corpus_is_loaded_once_and_a_file_of_ones_own_each_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded = []

    def load(name: str) -> object:
        loaded.append(name)
        return object()

    monkeypatch.setattr("xlate.data.corpus.load", load)
    own_file = tmp_path / "mine.csv"
    own_file.write_text("a\n1\n")
    one = Session()
    assert one.corpus("simulated") is one.corpus("simulated")
    assert one.corpus(str(own_file)) is not one.corpus(str(own_file))
    assert loaded == ["simulated", str(own_file), str(own_file)]


def test_parts_of_a_large_table_are_done_where_the_session_says(
    monkeypatch: pytest.MonkeyPatch, profile: Profile
) -> None:
    from xlate import parallel
    from xlate.engine import fallback

    worked = []

    class Seen(parallel.Serial):
        def map(self, function: Callable[[A], B], items: Iterable[A]) -> list[B]:
            listed = list(items)
            worked.append(len(listed))
            return super().map(function, listed)

    monkeypatch.setattr(fallback, "CHUNK_ROWS", 2)
    one, request = Session(), TranslateRequest([profile] * 5, "g3s", "p3")
    plain = one.translate(request).document()
    one.parallel = Seen()
    assert one.translate(request).document() == plain
    assert worked == [3]


def test_a_pair_says_what_data_sheets_do() -> None:
    gpus = catalogue()
    pair = Pair(gpus.instance("g3s.xlarge"), gpus.instance("p3.2xlarge"))
    back = Pair(pair.target, pair.anchor)
    assert pair.clock_ratio == pytest.approx(1 / back.clock_ratio)
    there, home = pair.prior(), back.prior()
    assert there
    assert home == pytest.approx({k: -v for k, v in there.items()})


def test_the_anchor_may_be_one_of_the_machines_compared() -> None:
    gpus = catalogue()
    pair = Pair(gpus.instance("p3.2xlarge"), gpus.instance("p3.2xlarge"))
    assert pair.is_one_machine
    assert pair.clock_ratio == 1
    assert all(
        math.isclose(v, 0, abs_tol=1e-12) for v in present(pair.prior()).values()
    )
    with pytest.raises(AlignmentError, match=r"both p3\.2xlarge"):
        Session().pair("p3", "p3.2xlarge")


def test_a_machine_without_a_gpu_is_no_side_of_a_pair() -> None:
    gpus = catalogue()
    bare = next(i for i in gpus.instances.values() if i.gpu is None)
    with pytest.raises(CatalogError, match="no GPU"):
        Pair(bare, gpus.instance("p3.2xlarge"))


@pytest.mark.parametrize("kind", ASKED, ids=lambda k: k.__name__)
def test_a_request_is_frozen_and_takes_at_most_five_by_place(kind: type[Any]) -> None:
    fields = dataclasses.fields(kind)
    assert sum(not f.kw_only for f in fields) <= 5
    needed = [
        f.name
        for f in fields
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    made = kind(**dict.fromkeys(needed, "x"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, fields[0].name, "y")


@pytest.mark.parametrize("options", OPTIONS)
def test_options_of_a_plain_call_are_the_fields_of_its_request(options: str) -> None:
    kind = next(k for k in ASKED if k.__name__ == OPTIONS[options])
    named = set(getattr(calls, options).__annotations__) - {"anchors_dirs"}
    fields = {f.name for f in dataclasses.fields(kind)}
    assert named <= fields
    assert fields - named <= BY_PLACE


def test_a_plain_call_answers_as_a_session_does(profile: Profile) -> None:
    request = TranslateRequest([profile], "g3s", "p3", level=0.8)
    (asked,) = Session().translate(request).document()
    (called,) = engine.translate([profile], "g3s", "p3", level=0.8)
    assert called.document() == asked
    assert called.to_json() == asked
    assert asked["step_time_s"]["level"] == 0.8


def test_answers_keep_the_order_and_raise_the_first_failure(profile: Profile) -> None:
    lost = Failure("lost.csv", ProfileError("lost.csv is empty", "another file"))
    answers = Session().translate(TranslateRequest([lost, profile], "g3s", "p3"))
    assert [type(a).__name__ for a in answers] == ["Failure", "Translation"]
    assert answers.failures == [lost]
    assert len(answers.good) == 1
    said = answers.document()
    assert said[0]["file"] == "lost.csv"
    assert said[1]["target"] == "p3.2xlarge"
    with pytest.raises(ProfileError, match="is empty"):
        answers.sound()
    assert Answers(tuple(answers.good)).sound() == answers.good


def test_rows_document_themselves() -> None:
    row = Row("T4", "L4", "ratio", "mine", "model", None, "step_mape", 5.0, 12)
    (said,) = Rows((row,)).document()
    assert said["translator"] == "ratio"
    assert said["held_out"] is None


def test_importance_is_of_the_catalogue_that_was_named(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked of what ships alone, and refused a GPU that the user described."""
    clocks = list(range(900, 1600, 100))
    sweeps = pl.DataFrame(
        {
            "gpu": "RTX6090", "workload": "job", "sm_mhz": [float(c) for c in clocks],
            "time_s": [1500.0 / c for c in clocks], "power_w": [c / 5.0 for c in clocks],
        }
    )  # fmt: skip
    file = tmp_path / "sweeps.csv"
    sweeps.write_csv(file)
    seen = []

    def importance(one: Sweeps, *_: object, **__: object) -> list[ClockRow]:
        seen.append(one.gpu.name)
        return []

    monkeypatch.setattr(sweep_study, "importance", importance)
    one = Session([own])
    one.importance(ImportanceRequest([str(file)], view="smi"))
    assert seen == ["RTX6090"]
    assert {x.gpu for x in one.label_sweeps(LabelRequest([str(file)]))} == {"RTX6090"}


def test_the_command_line_asks_one_session(
    monkeypatch: pytest.MonkeyPatch, own: Path
) -> None:
    """Both use cases of a command, and each folder that was named."""
    from typer.testing import CliRunner

    asked = []

    def compared(
        self: Session,
        request: ClockComparisonRequest | ImportanceRequest,
        **_: object,
    ) -> Rows[ClockRow]:
        asked.append((self, request))
        return Rows(())

    monkeypatch.setattr(session.Session, "compare_clocks", compared)
    monkeypatch.setattr(session.Session, "importance", compared)
    line = ["clocks", "compare", "--importance", "--anchors-dir", str(own), "--json"]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    (first, _), (second, request) = asked
    assert first is second
    assert first.anchors_dirs == (own,)
    assert isinstance(request, ImportanceRequest)


def test_a_command_takes_the_defaults_of_its_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from typer.testing import CliRunner

    asked = []

    def compared(_: Session, request: CompareRequest, **__: object) -> Rows[Row]:
        asked.append(request)
        return Rows(())

    monkeypatch.setattr(session.Session, "compare", compared)
    CliRunner().invoke(app, ["compare", "--anchor", "g3s", "--target", "p3", "--json"])
    (request,) = asked
    plain = CompareRequest("g3s", "p3")
    assert dataclasses.asdict(request) == dataclasses.asdict(plain)


def test_a_corpus_without_operations_is_not_learned_from(
    simulated: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    metered = replace(simulated, ops=simulated.ops.clear())
    one = Session()
    monkeypatch.setattr(Session, "corpora", lambda *_, **__: [metered, simulated])
    assert one.pair_and_corpus("g3s.xlarge", "p3.2xlarge")[1] is simulated
    with pytest.raises(CorpusError, match="holds no operations"):
        one.pair_and_corpus("g3s.xlarge", "p3.2xlarge", metered)
