"""The rooms of the package and the imports between them, counted.

A room is a package or a module directly below ``xlate``. An arrow goes from a
room to another of which it imports something, anywhere in its code; imports for
typing alone do not count. ``python -m experiments.structure`` prints the rooms from
the lowest to the highest, the number of arrows and the circles;
``python -m experiments.structure --revision REV`` counts an earlier commit, and
``--write`` keeps both in ``results/structure.json``.

``--path`` follows one vector instead: the modules that :func:`xlate.translate`
enters with it, how often it turns back into one that it left, and how many it imports.
Beside this it counts every call into a module of ours, whatever it is given. Both
commits are counted by this script, each with its own package.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

__all__ = ["Structure", "VectorPath", "imported_modules", "structure_of", "vector_path"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results" / "structure.json"
#: the commit before the rooms were moved
BEFORE = "42e134d"


@dataclass(frozen=True)
class Structure:
    """Rooms and arrows of one checkout.

    Attributes
    ----------
    rooms : tuple of str
        Lowest first where there is no circle, else by name.
    arrows : tuple of (str, str)
        Importing room and imported room, sorted.
    circle : tuple of str
        Rooms of one circle of imports; empty where there is none.
    """

    rooms: tuple[str, ...]
    arrows: tuple[tuple[str, str], ...]
    circle: tuple[str, ...]


def imported_modules(path: Path) -> set[str]:
    """Dotted names below ``xlate`` that a module imports, typing apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    imported: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        else:
            continue
        imported |= {n.removeprefix("xlate.") for n in names if n.startswith("xlate.")}
    return imported


def structure_of(package: Path) -> Structure:
    """Rooms and arrows of the package in a folder."""
    rooms = {
        p.stem
        for p in package.iterdir()
        if (p.suffix == ".py" and p.stem != "__init__") or (p / "__init__.py").is_file()
    }
    arrows: set[tuple[str, str]] = set()
    for path in package.rglob("*.py"):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        for name in imported_modules(path):
            other = name.split(".")[0]
            if other in rooms and other != room and room != "__init__":
                arrows.add((room, other))
    sorter = TopologicalSorter({r: set[str]() for r in sorted(rooms)})
    for room, other in sorted(arrows):
        sorter.add(room, other)
    try:
        order, circle = tuple(sorter.static_order()), ()
    except CycleError as e:
        order, circle = tuple(sorted(rooms)), tuple(e.args[1])
    return Structure(order, tuple(sorted(arrows)), circle)


@dataclass(frozen=True)
class VectorPath:
    """The modules of ours that one translation runs through.

    Attributes
    ----------
    modules : tuple of str
        In the order in which they are first entered.
    returns : int
        How often it enters a module that it left before, for another.
    imported : int
        Modules of ours that are loaded once the answer is there, packages among them.
    imported_lines : int
        Lines of these.
    any_call_modules, any_call_returns : int
        The same where every call counts, whatever it is given: those of catalogue,
        bundle and answer are among them.
    """

    modules: tuple[str, ...]
    returns: int
    imported: int
    imported_lines: int
    any_call_modules: int
    any_call_returns: int

    def document(self) -> dict[str, object]:
        """Every figure, and how many modules there are."""
        return {**asdict(self), "through": len(self.modules)}


def vector_path(profile: Path, anchor: str, target: str) -> VectorPath:
    """Follow one translation with :func:`sys.setprofile`.

    A call counts when one of its arguments is the vector in any form: a profile, a
    list of these, :class:`~xlate.values.vectors.Vectors`, operations by name, or an
    array of several numbers (of features and probabilities too, so that more counts
    rather than less). The path turns back when such a call enters a module that another
    module had been entered after.
    """
    import xlate

    is_vector = _vector_test(xlate.read_profile(profile))
    xlate.translate(profile, anchor, target)  # loads what is loaded once
    entered: list[str] = []
    called: list[str] = []

    def on_call(frame: FrameType, event: str, _: object) -> None:
        name = str(frame.f_globals.get("__name__", ""))
        if event != "call" or not name.startswith("xlate."):
            return
        if not called or called[-1] != name:
            called.append(name)
        if frame.f_code.co_name == "__init__":  # what it makes is no value yet
            return
        arguments = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        holds = any(is_vector(frame.f_locals.get(a)) for a in arguments)
        if holds and (not entered or entered[-1] != name):
            entered.append(name)

    sys.setprofile(on_call)
    try:
        xlate.translate(profile, anchor, target)
    finally:
        sys.setprofile(None)
    modules = tuple(dict.fromkeys(entered))
    loaded = [m for n, m in sys.modules.items() if f"{n}.".startswith("xlate.")]
    lines = [len(Path(str(m.__file__)).read_text("utf-8").splitlines()) for m in loaded]
    return VectorPath(
        modules,
        len(entered) - len(modules),
        len(loaded),
        sum(lines),
        len(set(called)),
        len(called) - len(set(called)),
    )


def _vector_test(profile: object) -> Callable[[object], bool]:
    """What tells a vector, by a profile: its own types, wherever a commit has them."""
    import numpy as np

    kinds: list[type] = [type(profile), type(getattr(profile, "ops", None))]
    if find_spec("xlate.values") and find_spec("xlate.values.vectors"):
        kinds.append(import_module("xlate.values.vectors").Vectors)

    def is_vector(value: object) -> bool:
        if isinstance(value, tuple(kinds)):
            return True
        if isinstance(value, list | tuple) and value:
            return isinstance(value[0], type(profile))
        if isinstance(value, np.ndarray):
            return bool(value.dtype.kind == "f" and value.size > 1)
        if isinstance(value, dict):
            return bool(value) and all(isinstance(v, float) for v in value.values())
        return False

    return is_vector


def _path_in(checkout: Path) -> dict[str, object]:
    """The path of the example in a checkout, counted in a separate process."""
    counted = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), "--path"],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    ).stdout
    return dict(json.loads(counted))


def _at_revision(revision: str) -> Iterator[Path]:
    """A commit's package and data, unpacked while they are counted."""
    parts = ["xlate", "anchors", "datasets"]
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", revision, *parts],
        check=True,
        capture_output=True,
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder)


def _figures(checkout: Path) -> dict[str, object]:
    structure = structure_of(checkout / "xlate")
    return {
        "rooms": len(structure.rooms),
        "arrows": len(structure.arrows),
        "circle": list(structure.circle),
        "path": _path_in(checkout),
    }


def main() -> None:
    """Count, print, and keep the figures where asked to."""
    parser = argparse.ArgumentParser(prog="experiments.structure", description=__doc__)
    parser.add_argument("--revision", default=BEFORE, help="commit to compare with")
    parser.add_argument("--path", action="store_true", help="follow one vector")
    parser.add_argument("--write", action="store_true", help="keep the figures")
    asked = parser.parse_args()
    if asked.path:
        path = vector_path(ROOT / "examples/my_stats.csv", "g3s.xlarge", "p3.2xlarge")
        print(json.dumps(path.document(), indent=1))
        return
    print("rooms, lowest first:", ", ".join(structure_of(ROOT / "xlate").rooms))
    figures = {"now": _figures(ROOT)}
    for checkout in _at_revision(asked.revision):
        figures["before"] = {"revision": asked.revision} | _figures(checkout)
    print(json.dumps(figures, indent=1))
    if asked.write:
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
