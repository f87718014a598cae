"""The lowest versions that pyproject.toml allows, as constraints of pip.

``python .ci/floors.py`` prints one line for each dependency, of xlate and of its tests:
``polars==1.24``. Tools that only look at the code (ruff, mypy) are left out, since an
old one says nothing about the versions that xlate runs with.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
#: what looks at the code without running it
LOOK_ONLY = {"ruff", "mypy", "pandas-stubs"}


def floors(text: str) -> dict[str, str]:
    """Name and lowest version of each dependency.

    Raises
    ------
    ValueError
        If one has no lowest version.
    """
    project = tomllib.loads(text)["project"]
    extras = project.get("optional-dependencies", {}).values()
    lowest: dict[str, str] = {}
    for line in [*project["dependencies"], *(d for extra in extras for d in extra)]:
        match = re.fullmatch(r"([\w.-]+)\s*>=\s*([\w.]+)", line)
        if match is None:
            raise ValueError(f"{line!r} must be NAME>=VERSION")
        name, version = match.groups()
        if lowest.setdefault(name, version) != version:
            raise ValueError(f"{name} has two floors, {lowest[name]} and {version}")
    return {n: v for n, v in lowest.items() if n not in LOOK_ONLY}


if __name__ == "__main__":
    lines = (f"{n}=={v}\n" for n, v in floors(PYPROJECT.read_text("utf-8")).items())
    sys.stdout.write("".join(lines))
