"""Codes of errors: every one that is raised is documented, and nothing else is."""

from __future__ import annotations

import ast
from ast import Name
from collections.abc import Iterator
from pathlib import Path

import pytest

import xlate
from xlate import errors
from xlate.cli.error_codes import CODES, UNKNOWN_KINDS, exit_code_of, table
from xlate.errors import UnknownNameError, XlateError

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "xlate"
CLASSES = {n for n in errors.__all__ if n.endswith("Error")} | {"SettingsError"}


def raised() -> Iterator[tuple[str, str, str | Name | None, str | None]]:
    """(place, class, literal code or None, kind of name or None) of every error made."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id not in CLASSES:
                continue
            code = next((k.value for k in node.keywords if k.arg == "code"), None)
            kind = None
            if node.func.id == "UnknownNameError" and code is None and node.args:
                kind = getattr(node.args[0], "value", None)
            yield (
                f"{path.name}:{node.lineno}",
                node.func.id,
                getattr(code, "value", None),
                kind if isinstance(kind, str) else None,
            )


def test_every_code_that_is_raised_is_documented() -> None:
    places = list(raised())
    assert places
    for place, _, code, kind in places:
        if isinstance(code, str):
            assert code in CODES, place
        if kind is not None:
            assert kind in UNKNOWN_KINDS, place


def test_every_class_has_a_code() -> None:
    def below(kind: type[XlateError]) -> list[type[XlateError]]:
        return [kind, *(x for k in kind.__subclasses__() for x in below(k))]

    assert [k for k in below(XlateError) if k.code not in CODES] == []


def test_no_code_is_documented_that_nothing_raises() -> None:
    literal = {code for _, _, code, _ in raised() if isinstance(code, str)}
    by_class = {getattr(errors, n).code for n in CLASSES if hasattr(errors, n)}
    by_kind = {f"unknown.{k.lower().replace(' ', '-')}" for k in UNKNOWN_KINDS}
    system = {"usage.invalid", "system.failed", "memory.exhausted", "interrupted"}
    assert set(CODES) == literal | by_class | by_kind | system | {"settings.invalid"}


def test_errors_of_a_reader_are_distinguished(tmp_path: Path) -> None:
    """Where a program acts differently, the code differs."""
    seen = {}
    for name, content in {
        "profile.unreadable": None,
        "profile.empty": b"",
        "profile.not-a-profile": b"hello\n",
        "profile.damaged": b'{"ops": {"Device_Conv2D": 1.0',
        "profile.bad-value": b'{"ops": {"Device_Conv2D": -1.0}}',
        "profile.no-gpu-work": b'{"ops": {"Device_Conv2D": 0.0}}',
    }.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(XlateError) as caught:
            xlate.read_profile(path)
        seen[name] = caught.value.code
    assert seen == {name: name for name in seen}


def test_unknown_names_say_what_of() -> None:
    from xlate.hardware.catalogue import catalogue

    with pytest.raises(UnknownNameError) as caught:
        catalogue().instance("p33.2xlarge")
    assert caught.value.code == "unknown.instance"
    with pytest.raises(UnknownNameError) as caught:
        catalogue().gpu("T5")
    assert caught.value.code == "unknown.gpu"


def test_exit_codes_are_those_of_the_classes() -> None:
    for kind in (errors.ProfileError, errors.BundleError, errors.RefusedError):
        assert exit_code_of(kind.code) == kind.exit_code
    assert exit_code_of("gpu.refused") == errors.RefusedError.exit_code


def test_the_documentation_is_made_from_the_table() -> None:
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    assert page == table(), "python -m xlate.cli.error_codes docs/errors.md"


@pytest.mark.parametrize(
    ("hint", "python"),
    [
        ("say how many: --trace-steps N", "say how many: trace_steps=N"),
        ("--sure 0.9 takes it", "sure=0.9 takes it"),
        (
            "name the anchor it ran on, or --force",
            "name the anchor it ran on, or force=True",
        ),
        ("--force answers", "force=True answers"),
        # commands, and options of other programs, stay as they are
        ("xlate fit --anchor a --target b", "xlate fit --anchor a --target b"),
        (
            "see: xlate fit --anchor a; or --force",
            "see: xlate fit --anchor a; or force=True",
        ),
        ("nsys stats --format csv --report x", "nsys stats --format csv --report x"),
        (
            "rocprofv3 --output-format csv -- PROGRAM",
            "rocprofv3 --output-format csv -- PROGRAM",
        ),
        ("record with --query-gpu=timestamp", "record with --query-gpu=timestamp"),
    ],
)
def test_hints_are_in_the_words_of_the_face(hint: str, python: str) -> None:
    error = XlateError("what", hint)
    assert error.hint_for("cli") == hint
    assert error.hint_for("python") == python
    assert str(error) == f"what\n  try: {python}"
    assert error.text("cli") == f"what\n  try: {hint}"


def test_a_failure_of_a_command_has_both_codes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import json
    import sys

    from xlate.cli import app, failures, output

    monkeypatch.setattr(sys, "argv", ["xlate", "anchors", "show", "T5", "--json"])
    monkeypatch.setattr(output, "document_printed", lambda: False)
    with pytest.raises(SystemExit) as left:
        failures.run(app)
    said = json.loads(capsys.readouterr().out)
    assert left.value.code == said["code"] == 1
    assert said["error_code"].startswith("unknown.")
