"""One process that imports xlate once and judges cases by their id."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.soak.case import Case
from tests.soak.lab import FIT_LIMIT_S, LIMIT_S, Lab
from tests.soak.truths import complaints

__all__ = ["judge", "main"]


def judge(case: Case, home: Path, process: bool = False) -> dict[str, Any]:
    """Run a case; ``wrong`` lists what is wrong, ``command`` reproduces it."""
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    limit = FIT_LIMIT_S if "slow" in case.needs else LIMIT_S
    lab = Lab(folder, home, process, limit)
    wrong: list[str] = []
    try:
        wrong += case.judge(lab)
    # a defect of the case itself, or of xlate called from Python
    except Exception as e:  # noqa: BLE001
        wrong.append(f"{type(e).__module__}.{type(e).__name__}: {str(e)[:200]}")
    except BaseException as e:  # noqa: BLE001 - a panic of a library is no Exception
        wrong.append(
            f"ended by {type(e).__module__}.{type(e).__name__}: {str(e)[:200]}"
        )
    for run in lab.ran:
        wrong += complaints(run)
    waits: tuple[str, ...] = ()
    if "later" in case.needs:
        waits = tuple(wrong)
        wrong = [] if waits else ["it passes: it waits for nothing, take `later` away"]
    command = lab.command
    shutil.rmtree(folder, ignore_errors=True)
    return {
        "id": case.id,
        "wrong": list(dict.fromkeys(wrong)),
        "waits": list(dict.fromkeys(waits)),
        "command": command,
        "commands": len(lab.ran),
    }


def main() -> None:
    """Ids on stdin, one JSON line for each on what stdout was; home is the argument."""
    from tests.soak.kinds import every_case

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    home = Path(sys.argv[1])
    cases = {c.id: c for c in every_case()}
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        name, _, how = line.strip().partition("\t")
        answers.write(json.dumps(judge(cases[name], home, how == "process")) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
