"""The rooms and their order, lazy imports, and the one place that uses pickle."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.structure import structure_of

PACKAGE = Path(__file__).resolve().parent.parent / "xlate"

#: rooms in the order data goes through them; imports run from later to earlier
ORDER = [
    ["errors", "op_names"],
    ["files", "parallel", "stats"],
    ["settings", "values"],
    ["hardware"],
    ["objectives", "telemetry", "readers"],
    ["data"],
    ["sweeps"],
    ["models"],
    ["evaluation", "store"],
    ["trust"],
    ["engine"],
    ["report"],
    ["api"],
    ["cli"],
    ["__main__", "__init__"],
]
FLOOR = {room: i for i, rooms in enumerate(ORDER) for room in rooms}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Rooms of xlate that a module imports, anywhere in it, typing apart."""
    rooms = set()
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
                rooms.add(parts[1])
    return rooms


def test_every_module_has_a_floor() -> None:
    assert {room(p) for p in modules()} == set(FLOOR)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    own_room = room(path)
    wrong = {o for o in imports(path) if o != own_room and FLOOR[o] >= FLOOR[own_room]}
    assert not wrong, f"{path.name} on floor {FLOOR[own_room]} imports {wrong}"


def test_the_house_has_few_rooms_and_few_arrows() -> None:
    """Counted by the script that also counts how it was before."""
    structure = structure_of(PACKAGE)
    assert not structure.circle
    assert len(structure.rooms) <= 23  # with the two ways in, api and __main__
    assert len(structure.arrows) < 110


def test_a_vector_passes_few_modules_from_the_file_to_the_answer() -> None:
    """Counted with ``sys.setprofile`` by the script that also counts how it was before."""
    command = [sys.executable, "-m", "experiments.structure", "--path"]
    out = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    path = json.loads(out.stdout)
    assert path["through"] == len(path["modules"]) <= 20
    assert path["returns"] <= 10
    # 192 before the rooms were moved: what one translation of a csv needs
    assert path["imported"] <= 100


def test_pickle_is_imported_in_one_place_only() -> None:
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


def test_no_one_reads_pickles_through_pandas_or_joblib() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in modules()}
    assert texts
    for path, text in texts.items():
        assert "read_pickle" not in text, path
        assert "joblib.load" not in text, path


@pytest.mark.parametrize(
    "statement", ["import xlate", "from xlate.cli import main, app"]
)
def test_importing_loads_nothing_heavy(statement: str) -> None:
    heavy = ("sklearn", "scipy", "pandas", "polars", "numpy", "skops", "rich.table")
    code = f"{statement}; import sys; print([m for m in {heavy!r} if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_a_translation_of_a_csv_loads_neither_polars_nor_other_use_cases() -> None:
    code = (
        "import sys, xlate\n"
        "xlate.translate('examples/my_stats.csv', 'g3s.xlarge', 'p3.2xlarge')\n"
        "other = ('polars', 'xlate.evaluation', 'xlate.report', 'xlate.telemetry',"
        " 'xlate.sweeps', 'xlate.data.corpus', 'xlate.models.response',"
        " 'xlate.models.zero_shot', 'xlate.readers.traces', 'xlate.parallel')\n"
        "print([m for m in other if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    assert out.stdout.strip() == "[]"


def test_modules_stay_short() -> None:
    long = {
        p.name: n for p in modules() if (n := len(p.read_text().splitlines())) > 400
    }
    assert not long


@pytest.mark.slow
def test_leaving_pandas_out_is_undone() -> None:
    code = (
        "import sys; from xlate.cli.start import pandas_left_out\n"
        "with pandas_left_out():\n"
        "    import sklearn\n"
        "assert 'pandas' not in sys.modules\n"
        "import pandas\n"
        "with pandas_left_out():\n"
        "    assert sys.modules['pandas'] is pandas\n"
        "from xlate.data.sources import frame_pickle"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def functions(
    *rooms: str,
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """(place, function) of every function in some rooms."""
    for path in modules():
        if room(path) in rooms:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{path.relative_to(PACKAGE)}: {node.name}", node


#: rooms in which every function is short, and no call has many arguments by place
SHORT = (
    "api", "data", "engine", "errors", "evaluation", "files", "hardware", "models", "op_names", "readers",
    "report", "settings", "stats", "store", "sweeps", "telemetry", "trust", "values",
)  # fmt: skip


def length(place: str, f: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function; of a public shortcut, those beside its docstring.

    A shortcut names every option of a use case, and its docstring describes each.
    """
    lines = (f.end_lineno or f.lineno) - f.lineno + 1
    if not place.startswith("api") or ast.get_docstring(f) is None:
        return lines
    text = f.body[0]
    return lines - ((text.end_lineno or text.lineno) - text.lineno + 1)


def test_functions_stay_short() -> None:
    long = {place: n for place, f in functions(*SHORT) if (n := length(place, f)) > 60}
    assert not long


def test_no_call_has_more_than_five_arguments_by_place() -> None:
    long = {
        f"{path.relative_to(PACKAGE)}:{call.lineno}: {ast.unparse(call.func)}"
        for path in modules()
        if room(path) in SHORT
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and len(call.args) > 5
    }
    assert not long


#: rooms whose functions take requests, or keywords alone
FACES = ("api", "cli", "engine", "report", "values")


def test_no_function_takes_more_than_five_by_their_place() -> None:
    long = set()
    for place, f in functions(*FACES):
        by_place = [a.arg for a in (*f.args.posonlyargs, *f.args.args)]
        long |= (
            {place}
            if len([a for a in by_place if a not in ("self", "cls")]) > 5
            else set()
        )
    assert not long


def test_no_function_but_a_command_has_eleven_parameters() -> None:
    """A command has one an option; a public shortcut names each field of a request."""
    commands = {inspect.unwrap(f).__code__ for f in _commands()}
    named = {(Path(c.co_filename).name, c.co_name) for c in commands}
    assert named
    for place, f in functions(*FACES):
        file, name = place.split(": ")
        if (Path(file).name, name) in named:
            continue
        every = [*f.args.posonlyargs, *f.args.args]
        # a public function names each option, so that editors and type checkers know it
        every += [] if file.startswith("api/") else f.args.kwonlyargs
        assert len(every) < 11, place


def _commands() -> list[Callable[..., Any]]:
    """What is behind every command of the program."""
    import typer

    from xlate.cli import app

    def walk(command: Any) -> Iterator[Callable[..., Any]]:
        for sub in getattr(command, "commands", {}).values():
            yield from walk(sub)
        if command.callback is not None:
            yield inspect.unwrap(command.callback)

    return list(walk(typer.main.get_command(app)))


def test_only_a_session_says_which_folders_are_meant() -> None:
    """Its maker names them: the plain calls, and the public functions."""
    named = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        if "anchors_dirs" in path.read_text(encoding="utf-8")
    }
    makers = {"engine/calls.py", "engine/session.py", "engine/machines.py"}
    assert {n for n in named if not n.startswith("api")} == makers


#: what a face does not load: it is asked of the session, or of the room that has it
NOT_IN_CLI = {
    "json", "csv", "matplotlib", "polars", "pandas", "numpy", "pynvml", "tomllib",
    "xlate.hardware.control", "xlate.telemetry.live", "xlate.sweeps.probe", "xlate.hardware.catalogue",
    "xlate.telemetry", "xlate.readers.json_profile", "xlate.data.corpus",
}  # fmt: skip
#: the one sink, which turns a document into text
SINK = "output.py"
#: they name what a shell completes, and the files that a folder of a corpus may hold
NAMES_ONLY = {
    ("completion.py", "xlate.hardware.catalogue"), ("completion.py", "xlate.data.corpus"),
    ("commands.py", "xlate.data.corpus"), ("stored.py", "xlate.hardware.catalogue"),
}  # fmt: skip


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "cli").glob("*.py")), ids=lambda p: p.name
)
def test_the_command_line_is_options_and_printing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    loaded = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            loaded |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            loaded |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    wrong = {m for m in loaded if m in NOT_IN_CLI or m.partition(".")[0] in NOT_IN_CLI}
    wrong -= {m for file, m in NAMES_ONLY if file == path.name}
    assert not wrong or path.name == SINK, f"{path.name} loads {wrong}"
    called = {
        ast.unparse(node.func).rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    for reading in ("read_text", "read_bytes", "open_regular", "dumps", "loads"):
        assert reading not in called or path.name == SINK, reading


def test_a_document_is_printed_as_a_result_gives_it() -> None:
    """No face builds one: each hands on what a value's ``document()`` says."""
    printed = [
        ast.unparse(*node.args)
        for path in sorted((PACKAGE / "cli").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "output.document"
    ]
    assert printed
    endings = (".document()", ".curve_document()", ".to_json()")
    assert [value for value in printed if not value.endswith(endings)] == []
