"""Words that are not used, in names, docstrings, messages, help and Markdown."""

from __future__ import annotations

import pytest

from tests.plain_words import ROOT, Use, allowed, files, uses


@pytest.fixture(scope="module")
def held() -> dict[str, list[Use]]:
    """Uses of listed words, by file."""
    return {f: uses(f, (ROOT / f).read_text(encoding="utf-8")) for f in files()}


def test_no_file_holds_a_listed_word(held: dict[str, list[Use]]) -> None:
    may = allowed()
    wrong = [
        u for f, seen in held.items() for u in seen if u.word not in may.get(f, ())
    ]
    assert not wrong, "\n" + "\n".join(map(str, wrong))


def test_the_list_of_exceptions_only_shrinks(held: dict[str, list[Use]]) -> None:
    """An exception that is not needed any more is taken out of the list."""
    left = [
        f"{file}: {word}"
        for file, words in allowed().items()
        for word in sorted(words - {u.word for u in held.get(file, [])})
    ]
    assert not left, (
        "python -m tests.plain_words --renew takes these out:\n" + "\n".join(left)
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"""A level of 90 is none: it lies between 0 and 1."""', ["is none"]),
        ("x is None\n", []),
        ("# none of these is none of ours", []),
        ("def heard_from(x): ...", ["heard"]),
        ("# unheard\n", []),
        ("# Whose telemetry\n# teaches a GPU", ["teach"]),
        ("# errors, and what errs", ["errs"]),
        ("out, err = 1, 2", []),
        ("# by the way\n# so the way on", ["the way"]),
        ("found = 1\nprint(found)", ["name found"]),
        ("def f(whole): return whole", ["name whole"]),
        ("# it was found", []),
        ("# a weight, a winter, an other", []),
    ],
)
def test_words_are_found_and_others_are_not(text: str, words: list[str]) -> None:
    assert [u.word for u in uses("some.py", text)] == words


def test_a_failure_says_where_and_what_instead() -> None:
    (use,) = uses("docs/page.md", "one\nfrom whence it came\n")
    assert str(use) == "docs/page.md:2: whence -> provenance; where it comes from"
