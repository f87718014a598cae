"""Every ``--json`` document keeps the keys of its kept sample, with the same types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import COMMANDS as EVERY
from tests.samples.commands import COMMANDS, ROOT, Command, documents, sample_file
from tests.samples.paths import broken_promises, different_values, paths
from tests.support.documents import Json

pytestmark = pytest.mark.slow

#: commands whose document needs what a test machine has not, each with where it is held
_ELSEWHERE = {"datasets pull": "data/test_pull.py", "datasets build": "cli/test_cli.py"}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """The documents that the commands print today, by name."""
    home = tmp_path_factory.mktemp("samples")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLATE_HOME", str(home))
        patch.delenv("XLATE_DATA_HOME", raising=False)
        patch.chdir(ROOT)
        return {c.name: document for c, document in documents(home)}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_every_key_of_the_sample_is_there(command: Command, printed: Json) -> None:
    kept = json.loads(sample_file(command).read_text(encoding="utf-8"))
    broken = broken_promises(kept, printed[command.name])
    assert not broken, "keys are promised; new documents: python -m tests.samples"


def test_every_command_has_a_sample() -> None:
    lines = [" ".join(c.line.split()) + " " for c in COMMANDS]
    without = {
        name
        for name in map(" ".join, EVERY)
        if not any(line.startswith(name + " ") for line in lines)
    }
    assert without == set(_ELSEWHERE)
    tests = Path(__file__).parent
    for command, file in _ELSEWHERE.items():
        assert command.split()[1] in (tests / file).read_text(encoding="utf-8")


def test_no_sample_is_left_over() -> None:
    files = {p.name for p in Path(sample_file(COMMANDS[0])).parent.glob("*.json")}
    assert files == {sample_file(c).name for c in COMMANDS}


@pytest.mark.parametrize(
    ("kept", "now", "said"),
    [
        ({"a": 1}, {"a": 2.5, "b": 1}, []),
        ({"a": 1}, {"b": 1}, [".a: is missing"]),
        ({"a": 1}, {"a": "1"}, [".a: is text, was number"]),
        ({"a": 1}, {"a": None}, [".a: is null, was number"]),
        ({"a": True}, {"a": 1}, [".a: is number, was boolean"]),
        ([{"a": 1}, {"a": None}], [{"a": None}], []),
        ([{"a": 1}], [{"a": 1}, {}], ["[].a: only some objects have it"]),
        ([{"a": 1}, {}], [{"a": 1}], []),
        ([{"a": [{"b": 1}]}], [{"a": []}], ["[].a[].b: is missing"]),
        ({"notes": ["x"]}, {"notes": []}, []),
        ({"a": {"b": 1}}, {"a": [1]}, [".a: is list, was object", ".a.b: is missing"]),
    ],
)
def test_a_broken_promise_is_named(
    kept: list[Json] | Json, now: list[Json] | Json, said: list[str]
) -> None:
    assert broken_promises(kept, now) == said


def test_values_are_compared_to_a_millionth() -> None:
    kept = {"x": [1.0, 2.0], "who": "a", "fitted_at": "yesterday"}
    now = {"x": [1.0 + 1e-9, 2.0 + 1e-5], "who": "a", "fitted_at": "today"}
    assert list(different_values(kept, now)) == [".x[1]: is 2.00001, was 2.0"]
    assert list(different_values({"a": 1}, {})) == [".a: is missing"]
    assert list(different_values([1], [1, 2])) == [": has 2 elements, had 1"]


def test_paths_say_what_is_optional() -> None:
    assert paths([{"a": 1}, {"a": "x", "b": []}]) == {
        ".": {"list"}, "[]": {"object"}, "[].a": {"number", "text"},
        "[]?.b": {"list"},
    }  # fmt: skip
