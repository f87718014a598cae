"""The pages of docs/: their examples run, their links exist, and the reference is that of the program."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from examples import cli_reference
from tests.cli.test_cli import COMMANDS
from tests.small_corpus import save_small_corpus

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A data home with a small corpus, in the folder of the clone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLATE_HOME", str(tmp_path_factory.mktemp("docs")))
        patch.chdir(ROOT)
        save_small_corpus()
        yield


@pytest.mark.parametrize("name", ["tour.md", "intervals.md"])
def test_examples_of_a_page_run(name: str, small_home: None) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    assert test.examples
    said: list[str] = []
    runner = doctest.DocTestRunner()
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


def test_every_page_with_examples_is_run() -> None:
    with_examples = {p.name for p in PAGES if ">>> " in p.read_text(encoding="utf-8")}
    assert with_examples == {"tour.md", "intervals.md"}


@pytest.mark.skipif(
    tuple(map(int, metadata.version("typer").split(".")[:2])) < (0, 29),
    reason="typer words the types of options otherwise before 0.29",
)
def test_the_reference_is_what_the_program_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    written = cli_reference.PAGE.read_text(encoding="utf-8")
    assert written == cli_reference.page(), "renew it: python -m examples.cli_reference"


def test_every_command_is_in_the_reference() -> None:
    text = cli_reference.PAGE.read_text(encoding="utf-8")
    for command in COMMANDS:
        assert re.search(rf"^##+ xlate {' '.join(command)}$", text, re.M), command


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_pages_that_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [t for t in targets if not (page.parent / t).exists()] == []


def test_a_term_is_explained_once() -> None:
    rows = re.findall(
        r"^\| ([a-zA-Z][^|]*?) \|",
        (ROOT / "docs/glossary.md").read_text(encoding="utf-8"),
        re.M,
    )
    terms = [t.strip() for row in rows if row != "word" for t in row.split(",")]
    assert len(terms) == len(set(terms)) > 40


def test_terms_of_the_field_are_in_the_glossary() -> None:
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    for term in (
        "donor GPU",
        "prior",
        "shrinkage",
        "fallback",
        "held-out",
        "blend weight",
        "provenance",
        "out-of-distribution score",
        "operating point",
        "in domain",
        "uncertain",
        "out of domain",
    ):
        assert f"{term}" in text, term
