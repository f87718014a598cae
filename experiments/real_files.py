"""How many real files are read right: ``python -m experiments.real_files [FOLDER …]``.

Each file is read by xlate and by :mod:`experiments.file_judge`, which shares no code
with xlate's readers. A row says whether both agree: the step within 3 % of one of the file's
steps, the busy time within 5 % of the union of its GPU intervals there, the GPU by its
name. What the judge cannot tell is ``not judged``, never right. Folders that hold
``cases.json`` say in words what is right; its figures are compared too.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments.file_judge import judged
from experiments.trace_judge import Candidate, Side, Truth
from xlate import readers, telemetry
from xlate.cli import output
from xlate.errors import XlateError
from xlate.values.profile import Profile

__all__ = ["FileRow", "compared", "folders_here", "measure", "share", "wilson"]

RESULT = Path(__file__).resolve().parent / "results" / "real_files.csv"
#: largest relative errors that are right
STEP, BUSY, POWER = 0.03, 0.05, 0.05
#: files beside the profiles that are not profiles
_NO_PROFILE = ("README.md", "cases.json")
_ENDINGS = (".json", ".csv", ".txt", ".xml", ".sqlite", ".gz", ".pb", ".log", ".db")
_RIGHT = ("right", "refused rightly")
_WRONG = ("wrong", "refused wrongly")


@dataclass(frozen=True)
class FileRow:
    """One file: what both readings say of it.

    Attributes
    ----------
    verdict : str
        ``right``, ``wrong``, ``refused rightly``, ``refused wrongly``, ``not judged``.
    step_error, busy_error : float or None
        Relative, against the judge's candidate that fits best.
    gpu : str
        ``right``, ``wrong``, or ``not named`` where the file names none.
    taken : str
        What the judge calls the step that xlate took.
    cases : str
        ``agrees`` or ``disagrees`` with the figures of ``cases.json``.
    """

    folder: str
    file: str
    format: str
    gpu_work: bool
    verdict: str
    step_error: float | None = None
    busy_error: float | None = None
    gpu: str = ""
    taken: str = ""
    why: str = ""
    cases: str = ""


def compared(path: Path, case: str = "") -> FileRow:
    """Read a file twice and compare.

    Parameters
    ----------
    path : Path
    case : str
        What is right, in the words of ``cases.json``.
    """
    truth = judged(path)
    row = _meter(path, truth) if "nvidia-smi" in truth.format else _profile(path, truth)
    if case:
        return _against_case(path, row, case)
    return row


def _row(path: Path, truth: Truth, verdict: str, **more: Any) -> FileRow:
    return FileRow(
        path.parent.name, path.name, truth.format, bool(truth.sides), verdict, **more
    )


def _profile(path: Path, truth: Truth) -> FileRow:
    try:
        profiles = readers.read(path)
    except XlateError as e:
        said = str(e).replace(str(path), path.name).splitlines()[0]
        if truth.unknown:
            return _row(
                path, truth, "not judged", why=f"{truth.unknown}; refused: {said}"
            )
        verdict = "refused rightly" if truth.refuse else "refused wrongly"
        return _row(path, truth, verdict, why=said)
    if truth.unknown:
        return _row(path, truth, "not judged", why=truth.unknown)
    if truth.refuse:
        # the host's side alone may be read
        busy = max(p.busy_us for p in profiles)
        return _row(path, truth, "wrong" if busy else "right", why=truth.refuse)
    if len(profiles) < len(truth.sides):
        why = f"{len(profiles)} profiles of {len(truth.sides)} GPUs"
        return _row(path, truth, "wrong", why=why)
    rows = [_side(path, truth, p) for p in profiles]
    return next((r for r in rows if r.verdict != "right"), rows[0])


def _side(path: Path, truth: Truth, profile: Profile) -> FileRow:
    """One profile against the side of its GPU."""
    number = re.search(r"\[GPU (\d+)\]", profile.source)
    sides = [s for s in truth.sides if number is None or str(s.number) == number[1]]
    candidates = [(s, c) for s in sides for c in s.candidates]
    if not candidates:
        return _row(path, truth, "wrong", why="a GPU that has no step here")
    side, best = min(candidates, key=lambda pair: _distance(profile, pair[1]))
    step, busy = _errors(profile, best)
    gpu = _gpu(side, profile.device)
    why = ""
    right = gpu != "wrong" and (step is None or step <= STEP) and busy <= BUSY
    if (
        right
        and side.candidates[0].label == "the footer"
        and best.label != "the footer"
    ):
        # rows that a limit cut off: right where it is said
        footer = _errors(profile, side.candidates[0])[1]
        right = footer <= BUSY or any("missing" in n for n in profile.notes)
        why = (
            "the table's rows do not sum to its footer, which is said"
            if right
            else "rows are missing, which is not said"
        )
    return _row(
        path,
        truth,
        "right" if right else "wrong",
        step_error=step,
        busy_error=busy,
        gpu=gpu,
        taken=best.label,
        why=why,
    )


def _errors(profile: Profile, candidate: Candidate) -> tuple[float | None, float]:
    step = None
    if candidate.step_us and profile.step_time_us:
        step = abs(profile.step_time_us / candidate.step_us - 1)
    elif candidate.step_us and not profile.step_time_us:
        step = None if candidate.label == "the whole recording" else math.inf
    busy = abs(profile.busy_us - candidate.busy_us) / max(candidate.busy_us, 1e-9)
    return step, busy


def _distance(profile: Profile, candidate: Candidate) -> float:
    step, busy = _errors(profile, candidate)
    return max((step or 0.0) / STEP, busy / BUSY)


def _gpu(side: Side, device: str | None) -> str:
    if not side.names:
        return "not named"
    return "right" if device in side.names else "wrong"


def _meter(path: Path, truth: Truth) -> FileRow:
    """A meter's recording: its mean power and its GPU."""
    try:
        trace = telemetry.read_trace(path)
    except XlateError as e:
        verdict = "refused rightly" if truth.refuse else "refused wrongly"
        said = str(e).replace(str(path), path.name).splitlines()[0]
        return _row(path, truth, verdict, why=said)
    if truth.refuse or truth.power_w is None:
        return _row(path, truth, "wrong", why=truth.refuse)
    power_w = trace.samples["POWER"].mean()
    off = abs(float(str(power_w)) / truth.power_w - 1) if power_w else math.inf
    gpu = _gpu(truth.sides[0], trace.device)
    verdict = "right" if off <= POWER and gpu != "wrong" else "wrong"
    return _row(
        path, truth, verdict, busy_error=off, gpu=gpu, taken="mean power", why=""
    )


def _against_case(path: Path, row: FileRow, case: str) -> FileRow:
    """Compare with the figures that stand in a case's words; nothing where it has none."""
    step = re.search(r"(?:\bstep |start-to-start \()([\d.]+) ?(ms|us|µs)", case)
    busy = re.search(r"\bbusy ([\d.]+) ?(ms|us|µs)", case) or re.search(
        r"\b([\d.]+) (ms) of [\d.]+ ms", case
    )
    gpu = re.search(r"GPU = ([^;]+);", case)
    if not (step or busy or gpu):
        return row
    try:
        profiles = readers.read(path)
    except XlateError:
        return FileRow(**{**asdict(row), "cases": "disagrees"})

    def near(measured: float | None, said: re.Match[str], most: float) -> bool:
        value = float(said[1]) * (1e3 if said[2] == "ms" else 1.0)
        return measured is not None and abs(measured / value - 1) <= most

    agrees = any(
        (step is None or near(p.step_time_us, step, STEP))
        and (busy is None or near(p.busy_us, busy, BUSY))
        and (gpu is None or p.device == gpu[1].strip())
        for p in profiles
    )
    return FileRow(**{**asdict(row), "cases": "agrees" if agrees else "disagrees"})


def wilson(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    Examples
    --------
    >>> [round(end, 2) for end in wilson(9, 10)]
    [0.6, 0.98]
    """
    if n == 0:
        return 0.0, 1.0
    p = right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def share(rows: Iterable[FileRow]) -> tuple[int, int]:
    """Files read or refused rightly, and files judged."""
    judged_rows = [r for r in rows if r.verdict in (*_RIGHT, *_WRONG)]
    return sum(r.verdict in _RIGHT for r in judged_rows), len(judged_rows)


def folders_here() -> list[Path]:
    """Folders of real files that are in the project, or beside it."""
    root = Path(__file__).resolve().parents[1]
    data = Path(os.environ.get("XLATE_DATA_HOME", root / "datasets"))
    beside = [
        data.parent / "cases" / "traces",
        root.parent / "shared" / "cases" / "traces",
    ]
    folders = [next((p for p in beside if p.is_dir()), beside[0])]
    folders += sorted(p for p in (root / "tests" / "data").iterdir() if p.is_dir())
    return [p for p in folders if p.is_dir()]


def measure(folders: Sequence[Path]) -> list[FileRow]:
    """Compare every file of some folders, and show what came out."""
    rows = []
    for folder in folders:
        cases = folder / "cases.json"
        said = json.loads(cases.read_text(encoding="utf-8")) if cases.is_file() else []
        right = {c["file"]: c["what_would_be_right"] for c in said}
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.name in _NO_PROFILE:
                continue
            if path.name.lower().endswith(_ENDINGS):
                rows.append(compared(path, right.get(path.name, "")))
    output.table(
        f"{len(rows)} real files, read twice",
        ["file", "format", "verdict", "step error", "busy error", "GPU", "taken", "cases.json"],
        [[r.file, r.format, r.verdict, _percent(r.step_error), _percent(r.busy_error),
          r.gpu, r.taken, r.cases] for r in rows],
    )  # fmt: skip
    output.table(
        "read right, of those that the judge can tell",
        ["format", "right", "judged", "share", "95 % interval", "not judged"],
        [_summary(name, of) for name, of in _groups(rows).items()],
    )
    return rows


def _groups(rows: Sequence[FileRow]) -> dict[str, list[FileRow]]:
    groups = {
        "kineto with GPU work": [r for r in rows if r.format == "kineto" and r.gpu_work]
    }
    for name in sorted({r.format for r in rows}):
        groups[name] = [r for r in rows if r.format == name]
    return groups | {"all formats": list(rows)}


def _summary(name: str, rows: Sequence[FileRow]) -> list[Any]:
    right, n = share(rows)
    low, high = wilson(right, n)
    part = f"{right / n:.2f}" if n else "–"
    return [name, right, n, part, f"{low:.2f} to {high:.2f}", len(rows) - n]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"


def save(rows: Sequence[FileRow], path: Path = RESULT) -> None:
    """Write the table."""
    with path.open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            cells = asdict(row)
            for name in ("step_error", "busy_error"):
                if cells[name] is not None:
                    cells[name] = f"{cells[name]:.4g}"
            writer.writerow(cells)


def main() -> None:
    """Measure the folders named; without one those here, whose results are kept."""
    named = [Path(a) for a in sys.argv[1:]]
    rows = measure(named or folders_here())
    if not named:
        save(rows)
    wrong = [r for r in rows if r.verdict in _WRONG or r.cases == "disagrees"]
    for row in wrong:
        output.talk(f"{row.file}: {row.verdict} {row.why}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
