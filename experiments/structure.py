"""The rooms of the package and the imports between them, counted.

A room is a package or a module directly below ``xlate``. An arrow goes from a
room to another of which it imports something, anywhere in its code; imports for
typing alone do not count. ``python -m experiments.structure`` prints the rooms from
the lowest to the highest, the number of arrows and the circles;
``python -m experiments.structure --revision REV`` counts an earlier commit, and
``--write`` keeps both in ``results/structure.json``.

``--path`` follows one vector instead: the modules that :func:`xlate.translate`
enters, how often it turns back into one that it left, and how many it imports.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from graphlib import CycleError, TopologicalSorter
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
        Modules of ours that are loaded once the answer is there.
    """

    modules: tuple[str, ...]
    returns: int
    imported: int


def vector_path(profile: Path, anchor: str, target: str) -> VectorPath:
    """Follow one translation with :func:`sys.setprofile`.

    A call counts when one of its arguments is the vector in any form: a profile, a
    list of these, operations by name, or an array of times. The path turns back
    when such a call enters a module that another module had been entered after.
    """
    import numpy as np

    import xlate
    from xlate.values.frozen import FrozenMap
    from xlate.values.profile import Profile

    def is_vector(value: object) -> bool:
        if isinstance(value, list | tuple) and value:
            return isinstance(value[0], Profile)
        if isinstance(value, np.ndarray):
            return value.dtype.kind == "f" and value.size > 1
        if isinstance(value, dict):
            return bool(value) and all(isinstance(v, float) for v in value.values())
        return isinstance(value, Profile | FrozenMap)

    xlate.translate(profile, anchor, target)  # loads what is loaded once
    entered: list[str] = []

    def on_call(frame: FrameType, event: str, _: object) -> None:
        name = str(frame.f_globals.get("__name__", ""))
        if event != "call" or not name.startswith("xlate."):
            return
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
    imported = sum(m == "xlate" or m.startswith("xlate.") for m in sys.modules)
    return VectorPath(modules, len(entered) - len(modules), imported)


def _at_revision(revision: str) -> Iterator[Path]:
    """The package as a commit had it, unpacked for as long as it is looked at."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", revision, "xlate"],
        check=True,
        capture_output=True,
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder) / "xlate"


def _figures(structure: Structure) -> dict[str, object]:
    return {
        "rooms": len(structure.rooms),
        "arrows": len(structure.arrows),
        "circle": list(structure.circle),
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
        print(json.dumps({**asdict(path), "through": len(path.modules)}, indent=1))
        return
    now = structure_of(ROOT / "xlate")
    print("rooms, lowest first:", ", ".join(now.rooms))
    figures = {"now": _figures(now)}
    for package in _at_revision(asked.revision):
        figures["before"] = {"revision": asked.revision} | _figures(
            structure_of(package)
        )
    print(json.dumps(figures, indent=1))
    if asked.write:
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
