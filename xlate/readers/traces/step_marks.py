"""Steps of a trace that no profiler marked: annotations, serving iterations, graph launches.

A trace of PyTorch's profiler has steps where ``prof.step()`` was called. In other
traces these marks are tried, in this order: iterations of a serving engine
(vLLM, SGLang, xDiT, ATOM, TensorRT-LLM name them by what they do), annotations that
are named like steps and contain the GPU's work, the optimizer's step, launches of CUDA
graphs that repeat. A mark that is not clearly a step is not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xlate.errors import ProfileError
from xlate.readers.traces.period import period_of
from xlate.readers.traces.steps import Step, Work, start_to_start
from xlate.values.reason import Reason

__all__ = ["Marked", "Marks", "by_name", "serving_kind", "steps_by_marks"]

Floats = NDArray[np.float64]

#: share of the GPU's time between the first and the last mark that steps must hold
_HOLD = 0.95
#: share of all GPU time that they must hold, for marks that the user did not name
_REACH = 0.8
#: annotations of one name that end later than the next begins, by this share, overlap
_OVERLAP = 0.01
#: times that a pattern of graph launches must repeat
_REPEATS = 3
#: names listed in an error
_LISTED = 12

#: names of a serving engine's iterations, with the requests in prefill and in decode
_SERVING = (
    # vLLM: execute_context_2(14721)_generation_0(0)
    re.compile(
        r"execute(?:_model)?[_ ](?:\d+_)?context_(?P<prefill>\d+)\(.*?\)[_ ]generation_(?P<decode>\d+)\("
    ),
    # earlier vLLM: new requests are in prefill, cached ones in decode
    re.compile(r"execute_new_(?P<prefill>\d+)_cached_(?P<decode>\d+)"),
    # TensorRT-LLM
    re.compile(
        r"(?:\[Executor\] )?_forward_step \d+: (?P<prefill>\d+) ctx \w+, (?P<decode>\d+) gen"
    ),
)
#: SGLang: step[DECODE bs=64]; ATOM: prefill[bs=2 tok=14721 ctx=[7803, 6918]]
_SERVING_WORD = re.compile(
    r"(?:step\[(?P<sglang>[A-Z_]+)\b|(?P<atom>prefill|decode)\[)"
)
_WORDS = {
    "EXTEND": "prefill", "PREFILL": "prefill", "DECODE": "decode", "MIXED": "mixed",
    "TARGET_VERIFY": "decode", "DRAFT_EXTEND": "decode", "prefill": "prefill", "decode": "decode",
}  # fmt: skip
#: an annotation that is named like a step: "iteration 3", "train_step", "Step#12", "batch_7"
_STEP_LIKE = re.compile(
    r"(?:^|[^a-z])(?:(?:train(?:ing)?|eval(?:uation)?|val(?:idation)?|test|inference|infer"
    r"|model|denois(?:e|ing)|diffusion|global|bench(?:mark)?|timed?|measured?)[ _-]?)?"
    r"(?:steps?|iter(?:ation)?s?)(?:[^a-z]|$)"
    r"|^(?:mini)?[ _-]?batch[ _#:-]*\d+$|^execute_diffusion"
    r"|^(?:model[ _]?)?(?:forward|inference|predict)(?:[ _]?pass)?$",
    re.IGNORECASE,
)
#: these are named like steps, but are parts of one
_NO_STEP = re.compile(
    r"optimi[sz]er|scheduler|zero_grad|dataloader|prefetch|\bema\b|logging|warm[ _-]?up|ProfilerStep",
    re.IGNORECASE,
)
_OPTIMIZER = "Optimizer.step#"


@dataclass(frozen=True, eq=False)
class Marks:
    """Spans of the host that may begin a step, all of one process.

    Attributes
    ----------
    start, length : ndarray of shape (n,)
        µs, in order of ``start``.
    name : tuple of str
        As recorded.
    thread : ndarray of int, shape (n,)
    """

    start: Floats
    length: Floats
    name: tuple[str, ...]
    thread: NDArray[np.int64]

    def rows(self, indices: Sequence[int] | NDArray[np.int64]) -> Marks:
        """Some of them."""
        rows = np.asarray(indices, dtype=np.int64)
        names = tuple(self.name[k] for k in rows)
        return Marks(self.start[rows], self.length[rows], names, self.thread[rows])

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True)
class Marked:
    """Steps by some mark, and a note on which mark."""

    steps: tuple[Step, ...]
    note: str


def serving_kind(name: str) -> str | None:
    """What a serving engine's iteration does: prefill, decode, mixed; None for others.

    Examples
    --------
    >>> from xlate.readers.traces.step_marks import serving_kind
    >>> serving_kind("execute_context_0(0)_generation_64(64)")
    'decode'
    """
    for pattern in _SERVING:
        match = pattern.match(name)
        if match:
            prefill, decode = int(match["prefill"]) > 0, int(match["decode"]) > 0
            if prefill and decode:
                return "mixed"
            return "prefill" if prefill else "decode" if decode else None
    match = _SERVING_WORD.match(name)
    return _WORDS.get(match["sglang"] or match["atom"]) if match else None


def steps_by_marks(annotations: Marks, graphs: Marks, work: Work) -> Marked | None:
    """Steps by the marks in a file; None where no mark is clearly a step.

    Parameters
    ----------
    annotations : Marks
        Ranges that the program named.
    graphs : Marks
        Launches of CUDA graphs.
    work : Work
        What one GPU did.
    """
    return (
        _serving(annotations, work, None)
        or _step_like(annotations, work)
        or _optimizer(annotations, work)
        or _graph_launches(graphs, work)
    )


def by_name(
    annotations: Marks, graphs: Marks, work: Work, name: str, steps: Sequence[Step] = ()
) -> Marked:
    """Steps that begin with each annotation of a name.

    Parameters
    ----------
    name : str
        A complete name, one without its number, or a kind of serving iteration.
    steps : sequence of Step, optional
        Those that the profiler marked: ``ProfilerStep``.

    Raises
    ------
    ProfileError
        If no mark has this name; the message lists the marks of the file.
    """
    bare = name.strip()
    asked = Reason(f"steps begin with each {bare!r}, as --step-mark asks", informs=True)
    if steps and re.fullmatch(r"ProfilerStep(?:#\d*)?", bare):
        return Marked(tuple(start_to_start(steps)[0]), asked)
    kinds = set(_WORDS.values())
    for marks in (annotations, graphs):
        rows = [k for k, n in enumerate(marks.name) if n == bare]
        # of "iteration 3" there is one; the others are meant too
        rows = (
            rows
            if len(rows) > 1
            else [k for k, n in enumerate(marks.name) if _family(n) == _family(bare)]
        )
        rows = rows or [
            k
            for k, n in enumerate(marks.name)
            if n.startswith(bare) and not n[len(bare) :][:1].isalpha()
        ]
        if rows:
            outermost = _outermost(marks.rows(rows))
            return Marked(tuple(_steps(outermost, work)), asked)
    if bare in kinds:
        served = _serving(annotations, work, bare)
        if served is not None:
            return served
    raise ProfileError(
        f"no annotation is named {bare!r}; {_listed(annotations, graphs, len(steps))}",
        "give one of these, or --trace-steps N"
        if len(annotations) or len(graphs) or steps
        else "say how many steps it holds: --trace-steps N",
        code="profile.steps",
    )


def _family(name: str) -> str:
    """A name without its numbers: ``iteration 3`` and ``iteration 4`` are one mark."""
    return re.sub(r"\d+", "#", name)


def _listed(annotations: Marks, graphs: Marks, steps: int) -> str:
    times = {"ProfilerStep": steps} if steps else {}
    for n in (*annotations.name, *graphs.name):
        times[_family(n)] = times.get(_family(n), 0) + 1
    if not times:
        return "the file marks nothing by which it could be cut"
    # what the profiler marked comes first
    most = sorted(times.items(), key=lambda m: (m[0] != "ProfilerStep", -m[1]))
    named = ", ".join(f"{n} ({k})" for n, k in most[:_LISTED])
    more = f" and {len(most) - _LISTED} others" if len(most) > _LISTED else ""
    return f"there are {named}{more}"


def _outermost(marks: Marks) -> Marks:
    """The marks that do not lie in another one."""
    rows: list[int] = []
    end = -np.inf
    for k in range(len(marks)):
        stop = marks.start[k] + marks.length[k]
        if marks.start[k] >= end or stop > end:
            rows.append(k)
            end = stop
    return marks.rows(rows)


def _steps(marks: Marks, work: Work, *, straight: bool = False) -> list[Step]:
    """Steps as long as the marks where these hold the GPU's work; else start to start.

    The last of those from start to start goes on until the recording ends.
    """
    length = marks.length
    if straight or len(marks) < 2 or _held(marks, work) < _HOLD or _overlap(marks):
        end = max(float(work.asked.max()), float(marks.start[-1] + marks.length[-1]))
        stop = np.append(marks.start[1:], np.nextafter(end, np.inf))
        length = stop - marks.start
    return [
        Step(k, float(s), float(n), marks.name[k])
        for k, (s, n) in enumerate(zip(marks.start, length, strict=True))
    ]


def _overlap(marks: Marks) -> bool:
    over = marks.start[:-1] + marks.length[:-1] * (1 - _OVERLAP) > marks.start[1:]
    return bool(over.any())


def _held(marks: Marks, work: Work) -> float:
    """Share of GPU time launched within the marks, from the first mark's start on."""
    took = work.end - work.start
    mark_of = np.searchsorted(marks.start, work.asked, side="right") - 1
    after = mark_of >= 0
    stop = np.maximum.accumulate(marks.start + marks.length)
    inside = after & (work.asked <= stop[np.maximum(mark_of, 0)])
    total = float(took[after].sum())
    return float(took[inside].sum()) / total if total > 0 else 0.0


def _reach(marks: Marks, work: Work) -> float:
    """Share of all GPU time that was launched from the first mark to the end of the last."""
    took = work.end - work.start
    stop = float((marks.start + marks.length).max())
    inside = (work.asked >= marks.start[0]) & (work.asked <= stop)
    total = float(took.sum())
    return float(took[inside].sum()) / total if total > 0 else 0.0


def _serving(annotations: Marks, work: Work, wanted: str | None) -> Marked | None:
    kinds = [serving_kind(n) for n in annotations.name]
    rows = [k for k, kind in enumerate(kinds) if kind]
    if not rows:
        return None
    marks = _outermost(annotations.rows(rows))
    # scheduling and sampling, between the annotations, are part of an iteration
    steps = _steps(marks, work, straight=True)
    counts: dict[str, int] = {}
    ran = _ran(steps, work)
    for step, runs in zip(steps, ran, strict=True):
        if runs:
            kind = str(serving_kind(step.label))
            counts[kind] = counts.get(kind, 0) + 1
    if not counts or (wanted is not None and wanted not in counts):
        return None
    taken = wanted or max(counts, key=lambda kind: counts[kind])
    of_kind = tuple(s for s in steps if serving_kind(s.label) == taken)
    parts = ", ".join(f"{n} of {kind}" for kind, n in sorted(counts.items()))
    note = f"iterations of a serving engine: {parts}; one of {taken} was taken"
    if len(counts) > 1 and wanted is None:
        others = " or ".join(sorted(set(counts) - {taken}))
        note += f" (--step-mark {others} takes another)"
    return Marked(of_kind, Reason(note, informs=True))


def _ran(steps: Sequence[Step], work: Work) -> list[bool]:
    """Whether anything was launched on the GPU in each step."""
    asked = np.sort(work.asked)
    begin = np.searchsorted(asked, [s.start for s in steps])
    stop = np.searchsorted(asked, [s.start + s.length for s in steps])
    return [bool(b < e) for b, e in zip(begin, stop, strict=True)]


def _step_like(annotations: Marks, work: Work) -> Marked | None:
    """Ranges named like steps that follow one another and hold the GPU's work."""
    families: dict[tuple[str, int], list[int]] = {}
    for k, name in enumerate(annotations.name):
        if _STEP_LIKE.search(name) and not _NO_STEP.search(name):
            key = (_family(name), int(annotations.thread[k]))
            families.setdefault(key, []).append(k)
    best: tuple[float, int, str, Marks] | None = None
    for (family, _), rows in families.items():
        marks = annotations.rows(rows)
        if len(marks) < 2 or _overlap(marks) or _reach(marks, work) < _REACH:
            continue
        held = _held(marks, work)
        # of the marks that hold all work, take the outermost: the fewest
        if held >= _HOLD and (best is None or len(marks) < best[1]):
            best = (held, len(marks), family, marks)
    if best is None:
        return None
    _, n, family, marks = best
    note = f"no ProfilerStep: the {n} ranges named {family!r} were taken for steps"
    return Marked(tuple(_steps(marks, work)), Reason(note, informs=True))


def _optimizer(annotations: Marks, work: Work) -> Marked | None:
    """From one step of the optimizer to the next."""
    names = [n for n in annotations.name if n.startswith(_OPTIMIZER)]
    # of several optimizers, try the one with the fewest steps first
    for name in sorted(set(names), key=lambda n: (names.count(n), n)):
        rows = [k for k, n in enumerate(annotations.name) if n == name]
        marks = _outermost(annotations.rows(rows))
        if len(marks) < 3:
            continue
        period = period_of(marks.start, work)
        if period is None:
            continue
        steps = [
            Step(k, float(a), float(b - a), f"{name} {k}")
            for k, (a, b) in enumerate(pairwise(marks.start[::period].tolist()))
        ]
        note = f"no ProfilerStep: steps go from one {name!r} to the next, {len(steps)} of them"
        if period > 1:
            note = (
                f"no ProfilerStep: the GPU's work repeats after every {period} of the "
                f"{len(marks)} {name!r}: {period} of them were taken for one step"
            )
        return Marked(tuple(steps), Reason(note, informs=True))
    return None


def _graph_launches(graphs: Marks, work: Work) -> Marked | None:
    """From one launch of a pattern of CUDA graphs that repeats to the next."""
    if len(graphs) < _REPEATS + 1 or len(set(graphs.thread.tolist())) > 1:
        return None
    asked = np.sort(work.asked)
    at = np.searchsorted(asked, graphs.start)
    behind = np.searchsorted(asked, graphs.start, side="right")
    # kernels of each graph, and those launched before the next
    own, between = (behind - at)[:-1], at[1:] - behind[:-1]
    kernel_counts = list(zip(own.tolist(), between.tolist(), strict=True))
    if not own.all():
        return None
    period = _period(kernel_counts)
    if period is None or _reach(graphs, work) < _REACH:
        return None
    starts = graphs.start[::period]
    steps = [
        Step(k, float(a), float(b - a), f"{graphs.name[0]} {k}")
        for k, (a, b) in enumerate(pairwise(starts.tolist()))
    ]
    each = f"every {period} launches" if period > 1 else "each launch"
    note = f"no ProfilerStep: {each} of a CUDA graph ({graphs.name[0]}) begin a step"
    if period == 1:
        note = note.replace("begin a", "begins a")
    return Marked(tuple(steps), Reason(note, informs=True))


def _period(sequence: Sequence[object]) -> int | None:
    """Length of the pattern that a sequence repeats often enough; None where none does."""
    for period in range(1, len(sequence) // _REPEATS + 1):
        if all(
            sequence[k] == sequence[k - period] for k in range(period, len(sequence))
        ):
            return period
    return None
