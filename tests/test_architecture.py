"""The rooms and their order, laziness, and the one pickle."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "xlate"

#: rooms in the order data goes through them; imports run from later to earlier
ORDER = [
    ["errors"],
    ["files", "parallel", "logs", "error_codes"],
    ["settings"],
    [
        "schema",
        "clockgrid",
        "frozen",
        "bounds",
        "paths",
        "opnames",
        "kernel_precision",
        "time_faults",
        "ensemble",
        "reason",
    ],
    ["profile", "precision_mix"],
    ["hardware"],
    ["catalog", "card"],
    ["readers"],
    ["corpus", "telemetry"],
    ["align", "sources", "simulate"],
    ["columns", "quality", "metrics", "conformal", "splits", "roofs"],
    ["translators"],
    ["clocks"],
    ["heldout", "scaling", "zeroshot"],
    ["store", "evaluate"],
    ["trust", "answer"],
    ["advice"],
    ["values"],
    ["engine"],
    ["report"],
    ["api"],
    ["cli"],
    ["__main__", "__init__"],
]
FLOOR = {room: i for i, rooms in enumerate(ORDER) for room in rooms}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Rooms of xlate that a module imports, anywhere in it, typing apart."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] + [f"{node.module}.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "xlate" and len(parts) > 1 and parts[1] in FLOOR:
                found.add(parts[1])
    return found


def test_every_module_has_a_floor():
    assert {room(p) for p in modules()} == set(FLOOR)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    mine = room(path)
    wrong = {o for o in imports(path) if o != mine and FLOOR[o] >= FLOOR[mine]}
    assert not wrong, f"{path.name} on floor {FLOOR[mine]} imports {wrong}"


def test_pickle_is_imported_in_one_place_only():
    users = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [a.name.split(".")[0] for a in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module.split(".")[0]]
            if {"pickle", "cloudpickle", "dill", "shelve", "marshal"} & set(names):
                users.append(path.name)
    assert users == ["frame_pickle.py"]


def test_no_one_reads_pickles_through_pandas_or_joblib():
    for path in modules():
        text = path.read_text(encoding="utf-8")
        assert "read_pickle" not in text, path
        assert "joblib.load" not in text, path


@pytest.mark.parametrize(
    "statement", ["import xlate", "from xlate.cli import main, app"]
)
def test_importing_loads_nothing_heavy(statement):
    heavy = ("sklearn", "scipy", "pandas", "polars", "numpy", "skops", "rich.table")
    code = f"{statement}; import sys; print([m for m in {heavy!r} if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_modules_stay_short():
    long = {
        p.name: n for p in modules() if (n := len(p.read_text().splitlines())) > 420
    }
    assert not long


def test_leaving_pandas_out_is_undone():
    code = (
        "import sys; from xlate.cli.start import pandas_left_out\n"
        "with pandas_left_out():\n"
        "    import sklearn\n"
        "assert 'pandas' not in sys.modules\n"
        "import pandas\n"
        "with pandas_left_out():\n"
        "    assert sys.modules['pandas'] is pandas\n"
        "from xlate.sources import frame_pickle"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
