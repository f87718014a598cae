"""The public surface: listed, typed without Any, explained, with examples that run."""

from __future__ import annotations

import doctest
import inspect
import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

import xlate
from tests.small_corpus import save_small_corpus

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = [n for n in xlate.__all__ if inspect.isfunction(getattr(xlate, n))]
CLASSES = [n for n in xlate.__all__ if inspect.isclass(getattr(xlate, n))]
#: what a subclass that adds nothing but its name is explained by
_ERRORS = [n for n in CLASSES if issubclass(getattr(xlate, n), Exception)]
_SECTION = re.compile(r"^ *(\w[\w ]*)\n *-{3,}$", re.M)


@pytest.fixture(scope="module", autouse=True)
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A data home with a small corpus, and a clone's folder to name files in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLATE_HOME", str(tmp_path_factory.mktemp("surface")))
        patch.chdir(ROOT)
        save_small_corpus()
        yield


def sections(name: str) -> set[str]:
    return set(_SECTION.findall(inspect.getdoc(getattr(xlate, name)) or ""))


def test_every_public_name_is_a_function_or_a_class() -> None:
    assert FUNCTIONS
    assert CLASSES
    assert set(FUNCTIONS) | set(CLASSES) == set(xlate.__all__) == set(dir(xlate))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_explained(name: str) -> None:
    function = getattr(xlate, name)
    document = inspect.getdoc(function)
    assert {"Parameters", "Returns", "Raises", "Examples"} <= sections(name)
    assert document is not None
    start = document.index("Parameters\n")
    listed = document[start : document.index("Returns\n")]
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"^(.*\b)?{parameter}\b.*( : |$)", listed, re.M), parameter


@pytest.mark.parametrize("name", [n for n in CLASSES if n not in _ERRORS])
def test_a_class_is_explained(name: str) -> None:
    """What it holds, in which unit, and an example."""
    assert {"Attributes", "Parameters"} & sections(name)
    assert "Examples" in sections(name)


def example_of(name: str) -> object:
    """A name whose example is run; fits of clock models are not in ``make quick``."""
    fits = "fit_clocks(" in (inspect.getdoc(getattr(xlate, name)) or "")
    return pytest.param(name, marks=[pytest.mark.slow] if fits else [])


@pytest.mark.parametrize(
    "name", [example_of(n) for n in xlate.__all__ if n not in _ERRORS]
)
def test_examples_run(name: str) -> None:
    thing = getattr(xlate, name)
    (test, *_) = doctest.DocTestFinder(recurse=False).find(thing, name, globs={})
    assert test.examples
    assert not any(doctest.SKIP in e.options for e in test.examples)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


def test_the_guided_tour_runs() -> None:
    said: list[str] = []
    test = doctest.DocTestParser().get_doctest(xlate.__doc__, {}, "xlate", None, 0)
    assert test.examples
    runner = doctest.DocTestRunner()
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


def annotations_of(name: str) -> dict[str, str]:
    """Annotations as written: of a function, or of a class's fields and methods."""
    thing = getattr(xlate, name)
    written = dict(inspect.get_annotations(thing))
    if inspect.isclass(thing):
        for key, member in vars(thing).items():
            member = member.fget if isinstance(member, property) else member
            if inspect.isfunction(member) and not key.startswith("_"):
                for parameter, text in inspect.get_annotations(member).items():
                    written[f"{key}({parameter})"] = text
    return {k: str(v) for k, v in written.items() if not k.startswith("_")}


#: parts of a fitted model, and rows of its card as they are in its JSON
_OF_MANY_TYPES = {
    ("Bundle", "model"), ("Manifest", "card"), ("Manifest", "from_raw(raw)"),
    ("ClockBundle", "responses"), ("ClockBundle", "handoff"), ("ClockManifest", "card"),
}  # fmt: skip


@pytest.mark.parametrize("name", xlate.__all__)
def test_no_any_is_in_it(name: str) -> None:
    loose = {
        k: v
        for k, v in annotations_of(name).items()
        if re.search(r"\bAny\b", v) and (name, k) not in _OF_MANY_TYPES
    }
    assert not loose


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_parameter_collects_others(name: str) -> None:
    kinds = {
        p.kind for p in inspect.signature(getattr(xlate, name)).parameters.values()
    }
    assert not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_types_of_a_function_are_public_too(name: str) -> None:
    """A class of ours in a signature can be imported from xlate."""
    function = getattr(xlate, name)
    text = " ".join(inspect.get_annotations(function).values()) + " "
    for overload in typing.get_overloads(function):
        text += " " + " ".join(inspect.get_annotations(overload).values())
    ours = set(re.findall(r"\b[A-Z]\w+", text)) - {
        "Any", "Path", "Iterable", "Sequence", "Mapping", "Callable", "DataFrame", "None",
    }  # fmt: skip
    assert ours <= set(xlate.__all__), ours - set(xlate.__all__)
