"""What a case may ask of an outcome; each gives one sentence for what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from tests.soak.lab import Outcome

__all__ = ["accepted", "answers", "doubted", "levels", "refused", "same_step", "says"]


def answers(run: Outcome) -> list[dict[str, Any]]:
    """The answers in a document of translate or predict-freq; none where it failed."""
    document = run.document
    if isinstance(document, dict):
        document = [document.get("combined", document)]
    if not isinstance(document, list):
        return []
    document = [a.get("translation", a) for a in document if isinstance(a, dict)]
    return [a for a in document if isinstance(a, dict) and "step_time_s" in a]


def levels(run: Outcome) -> list[str]:
    """Verdicts of the answers."""
    return [a["verdict"]["level"] for a in answers(run) if a.get("verdict")]


def _tail(run: Outcome) -> str:
    lines = (run.err or run.out).strip().splitlines() or ["nothing was said"]
    return " ".join(lines[:2])[:200]


def accepted(run: Outcome) -> Iterator[str]:
    """The command worked."""
    if run.exit != 0 and not run.crash:
        yield f"a good input was refused: {_tail(run)}"


def refused(
    run: Outcome, says: str | None = None, codes: tuple[int, ...] = (1, 2, 3)
) -> Iterator[str]:
    """The command said no; ``says`` is a pattern that its message must match."""
    if run.crash:
        return
    if run.exit not in codes:
        yield f"a wrong input was taken (exit {run.exit}, verdicts {levels(run) or 'unknown'})"
    elif says and not re.search(says, run.said, re.IGNORECASE | re.DOTALL):
        yield f"the message does not say {says!r}: {_tail(run)}"


def doubted(run: Outcome, says: str | None = None) -> Iterator[str]:
    """The command said no, or answered with a verdict that is not ok, and why."""
    if run.crash:
        return
    given = levels(run)
    if run.exit == 0 and (not given or "ok" in given):
        yield f"a doubtful input was answered with {given or 'no verdict'}, without a doubt"
    elif says and not re.search(says, run.said, re.IGNORECASE | re.DOTALL):
        yield f"the doubt does not say {says!r}: {_tail(run)}"


def says(run: Outcome, pattern: str) -> Iterator[str]:
    """Some text is in the output, in either stream."""
    if not run.crash and not re.search(pattern, run.said, re.IGNORECASE | re.DOTALL):
        yield f"{pattern!r} is not said: {_tail(run)}"


def same_step(run: Outcome, other: Outcome, rel: float = 1e-6) -> Iterator[str]:
    """Two commands answer with the same step time, interval and verdict."""
    answered, others = answers(run), answers(other)
    if run.crash or other.crash:
        return
    if len(answered) != len(others) or not answered:
        yield f"{len(answered)} answers where {len(others)} are right: {_tail(run)}"
        return
    for a, b in zip(answered, others, strict=True):
        for end in ("value", "low", "high"):
            x, y = a["step_time_s"][end], b["step_time_s"][end]
            if (x is None) != (y is None) or (
                x is not None and not math.isclose(x, y, rel_tol=rel)
            ):
                yield f"step {end} {x} where the same input gives {y}"
                break
        if a["verdict"]["level"] != b["verdict"]["level"]:
            yield f"verdict {a['verdict']['level']} where the same input gives {b['verdict']['level']}"
