"""Translations printed for people: one, many, at several sizes, from several anchors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlate.cli import output

if TYPE_CHECKING:
    from xlate.engine import Sizes, Together, Translation
    from xlate.values.profile import Estimate, WorkloadKey
    from xlate.values.rent import Rent
    from xlate.values.translation import Facts

__all__ = [
    "names_text",
    "precision_line",
    "print_sized",
    "print_together",
    "print_translations",
    "rent_text",
]

#: operations shown by themselves
_MOST_OPS = 10
#: files that are named one by one
_FEW_NAMES = 3
#: units of a table of times, with their microseconds
_UNITS = (("s", 1e6), ("ms", 1e3), ("µs", 1.0))
#: where a profile lies, as far as the model is concerned
_DOMAIN_WORDS = {
    "in_domain": "in domain",
    "uncertain": "uncertain",
    "out_of_domain": "out of domain",
}


def print_translations(answers: Sequence[Translation]) -> None:
    """A table of one answer, or a row for each of many; then verdict and advice."""
    if len(answers) == 1:
        _print_one(answers[0])
    else:
        _print_many(answers)
    _print_verdict(answers)


def print_sized(sizes: Sizes) -> None:
    """One profile at several sizes, on the anchor and on the target."""
    axis, answers = sizes.axis, sizes.translations
    first = answers[0]
    unit, size = _unit(max(a.step_time_s.value for a in answers))

    def cell(seconds: float | None) -> str:
        return "–" if seconds is None else f"{seconds * 1e6 / size:.4g}"

    output.table(
        f"{Path(first.file).name} at other sizes, {_headlines(answers)}; times in {unit}",
        [axis, "here", "there", "from", "to", "$/1000", "fits", "bound by", "verdict"],
        [
            [
                f"{f.size}{' *' if f.measured else ''}{' OOM?' if f.too_large_for else ''}",
                cell(f.anchor_step_time_s.value),
                cell(f.translation.step_time_s.value),
                cell(f.translation.step_time_s.low),
                cell(f.translation.step_time_s.high),
                _usd(f.translation.usd_per_1000_steps),
                _fits(f.translation),
                f.translation.binds or "–",
                f.translation.verdict.level,
            ]
            for f in sizes
        ],
    )
    output.paragraph(_money_line(first))
    output.paragraph(f"precision: {first.facts.precision_text}")
    if any(f.measured for f in sizes):
        output.line("* the size that was profiled")
    if any(f.too_large_for for f in sizes):
        output.line("OOM? may be out of memory here or there, see the reasons")
    _print_verdict(answers, [f"{axis} {f.size}" for f in sizes])


def print_together(answer: Together) -> None:
    """The answer of each anchor, and the combined one."""
    output.table(
        f"one workload from {len(answer.parts)} anchors → {answer.combined.target}",
        ["anchor", "here", "there", "from", "to", "weight", "fits", "verdict"],
        [
            [
                p.anchor,
                output.time_text(p.anchor_step_time_s)
                + (" ~" if p.facts.step_from == "window" else ""),
                output.time_text(p.step_time_s.value),
                _bound(p.step_time_s.low),
                _bound(p.step_time_s.high),
                f"{w:.2f}",
                _fits(p),
                p.verdict.level,
            ]
            for p, w in zip(answer.parts, answer.weights, strict=True)
        ],
    )
    if any(p.facts.step_from == "window" for p in answer.parts):
        output.line("~ the step here was estimated from the window")
    output.line()
    print_translations([answer.combined])


def rent_text(rent: Rent) -> str:
    """Price of an instance, with what it is the price of."""
    many = rent.gpus_in_instance
    return (
        f"$ {rent.usd_per_h_instance:g} an hour for {many} GPU{'s' if many > 1 else ''}, "
        f"{rent.kind}, {rent.region}, {rent.date}"
    )


def names_text(names: Sequence[str]) -> str:
    """Names of a few files, or how many there are."""
    return ", ".join(names) if len(names) <= _FEW_NAMES else f"{len(names)} profiles"


def precision_line(facts: Sequence[Facts]) -> str:
    """In which precisions some profiles compute, with how many each."""
    said = [f.precision or "not known" for f in facts]
    counts = {p: said.count(p) for p in dict.fromkeys(said)}
    listed = ", ".join(f"{p} ({n} of {len(facts)})" if len(counts) > 1 else p for p, n in counts.items())  # fmt: skip
    return f"precision: {listed}"


def _headline(t: Translation) -> str:
    """Pair, and the layer that answered."""
    return f"{t.anchor} → {t.target} by {_layer(t)}, fitted on {t.fitted_on}"


def _headlines(answers: Sequence[Translation]) -> str:
    """The pair, and all layers and corpora that answered."""
    first = answers[0]
    layers = ", ".join(dict.fromkeys(_layer(a) for a in answers))
    fitted = "; ".join(dict.fromkeys(a.fitted_on for a in answers))
    return f"{first.anchor} → {first.target} by {layers}, fitted on {fitted}"


def _unit(seconds: float) -> tuple[str, float]:
    """Unit for a column of times, and its microseconds."""
    return next(u for u in _UNITS if seconds * 1e6 >= u[1] or u is _UNITS[-1])


def _layer(t: Translation) -> str:
    """The layer that answered; the translator's name too where it was it."""
    return f"{t.translator} (fitted)" if t.layer == "fitted" else t.layer


def _print_one(t: Translation) -> None:
    guessed = " (estimated from the window)" if t.facts.step_from == "window" else ""
    # several anchors have a step each, which the table of parts shows
    several = " + " in t.anchor
    output.table(
        _headline(t),
        ["what", "value"],
        [
            ["profile", Path(t.file).name],
            ["workload", _workload_text(t.workload)],
            *(
                []
                if several
                else [[f"step on {t.anchor}", output.time_text(t.anchor_step_time_s) + guessed]]
            ),
            [f"step on {t.target}", output.time_text(t.step_time_s.value)],
            *(
                _interval_row(t.step_time_s, output.time_text)
                or _no_interval_row(t.verdict.reasons)
            ),
            *([] if several else [["speedup", f"{t.anchor_step_time_s / t.step_time_s.value:.2f}"]]),
            *([["bound by", t.binds]] if t.binds else []),
            *_rent_rows(t),
            ["memory", "not known" if t.memory is None else t.memory.text],
            ["precision", t.facts.precision_text],
            ["answered by", _layer(t)],
            [
                f"error on {'GPUs' if t.translator == 'zero-shot' else 'networks'} left out",
                "–" if t.held_out_mape is None else f"{t.held_out_mape:.1f} % (mean, step time)",
            ],
        ],
    )  # fmt: skip
    if t.ops_per_step:
        _print_ops(t)


def _rent_rows(t: Translation) -> list[list[object]]:
    """Dollars of the whole instance, and the share of the GPUs used beside it."""
    rent, usd, share = t.rent, t.usd_per_1000_steps, t.usd_per_1000_steps_gpu_share
    if rent is None or usd is None or share is None:
        return [["$ per 1000 steps", f"not known: {t.facts.no_rent or 'no price'}"]]
    rows: list[list[object]] = [
        ["rent", rent_text(rent)],
        ["$ per 1000 steps, instance", _usd(usd)],
    ]
    if rent.gpus_in_instance > rent.gpus_used:
        label = f"  share of {rent.gpus_used} of {rent.gpus_in_instance} GPUs"
        rows.append([label, f"{_usd(share)} (only where the others work too)"])
    return rows


def _print_ops(t: Translation) -> None:
    """Parts of a step: busy operations, longest first, adding up to the step."""
    from xlate.values.translation import OpRow

    *busy, rest = t.ops_per_step
    shown, left = busy[:_MOST_OPS], busy[_MOST_OPS:]
    unit, size = _unit(max(t.step_time_s.value, t.anchor_step_time_s))

    def cell(us: float | None) -> str:
        return "–" if us is None else f"{us / size:.3f}"

    def row(name: str, r: OpRow) -> list[object]:
        ratio = "–" if r.ratio is None or r.roof is None else f"{r.ratio:.2f}"
        low, high = cell(r.low_us), cell(r.high_us)
        return [name, cell(r.anchor_us), cell(r.target_us), low, high, ratio, r.roof or "–"]  # fmt: skip

    rows = [row(r.operation.removeprefix("Device_"), r) for r in shown]
    if left:
        times = [r.anchor_us for r in left if r.anchor_us is not None]
        more = OpRow(
            "",
            sum(times) if len(times) == len(left) else None,
            sum(r.target_us for r in left),
            low_us=None,
            high_us=None,
            roof=None,
        )
        rows.append(row(f"{len(left)} other operations", more))
    rows.append(row(rest.operation, rest))
    e = t.step_time_s
    total = OpRow(
        "",
        t.anchor_step_time_s * 1e6,
        e.value * 1e6,
        low_us=None if e.low is None else e.low * 1e6,
        high_us=None if e.high is None else e.high * 1e6,
        roof=t.binds or "step",
    )
    rows.append([*row("one step", total)[:-1], t.binds or "–"])
    output.table(
        f"where a step goes, {unit}: here {t.anchor}, there {t.target}",
        ["operation", "here", "there", "from", "to", "ratio", "bound by"],
        rows,
        names=0,
    )
    output.paragraph(
        f"{t.per_step_text}. From, to: intervals of the larger operations. Bound by: "
        "the roof that limits an operation there, and the longer path of the step."
    )


def _print_many(answers: Sequence[Translation]) -> None:
    first = answers[0]
    unit, size = _unit(max(a.step_time_s.value for a in answers))

    def cell(seconds: float | None) -> str:
        return "–" if seconds is None else f"{seconds * 1e6 / size:.4g}"

    output.table(
        f"{_headlines(answers)}; times in {unit}",
        ["there", "from", "to", "here", "speedup", "$/1000", "fits", "verdict", "profile"],
        [
            [
                cell(a.step_time_s.value),
                cell(a.step_time_s.low),
                cell(a.step_time_s.high),
                cell(a.anchor_step_time_s)
                + (" ~" if a.facts.step_from == "window" else ""),
                f"{a.anchor_step_time_s / a.step_time_s.value:.2f}",
                _usd(a.usd_per_1000_steps),
                _fits(a),
                a.verdict.level,
                Path(a.file).name,
            ]
            for a in answers
        ],
        names=8,
    )  # fmt: skip
    output.paragraph(_money_line(first))
    output.paragraph(precision_line([a.facts for a in answers]))
    if any(a.facts.step_from == "window" for a in answers):
        output.line("~ the step here was estimated from the window")


def _money_line(t: Translation) -> str:
    """What the dollars of a table are of."""
    rent = t.rent
    if rent is None:
        return f"$/1000: not known: {t.facts.no_rent or 'no price'}"
    said = f"$/1000: steps on the whole {t.target}: {rent_text(rent)}"
    if rent.gpus_in_instance > rent.gpus_used:
        said += f"; the share of {rent.gpus_used} GPU is {rent.share:.3g} of it"
    return said


def _print_verdict(
    answers: Sequence[Translation], names: Sequence[str] | None = None
) -> None:
    """Verdict, each reason once, and what to do about it."""
    if len(answers) == 1:
        level = answers[0].verdict.level
        domain = _DOMAIN_WORDS.get(answers[0].facts.domain or "")
        output.line(f"verdict: {level}" + (f" (profile {domain})" if domain else ""))
    else:
        levels = [a.verdict.level for a in answers]
        counts = (f"{levels.count(w)} {w}" for w in dict.fromkeys(levels))
        output.line(f"verdicts: {', '.join(counts)}")
    reasons: dict[str, list[int]] = {}
    for k, a in enumerate(answers):
        for reason in a.verdict.reasons:
            reasons.setdefault(reason, []).append(k)
    said = []
    for reason, where in reasons.items():
        if len(where) < len(answers):
            reason = f"{_where(answers, where, names)}: {reason}"
        said.append(reason)
    output.bullets(said)
    advice = list(dict.fromkeys(w for a in answers for w in a.facts.what_to_do))
    if advice:
        output.line("what to do:")
        output.bullets(advice)
    output.line("rests on:")
    output.bullets(_grounds(answers, names))


def _where(
    answers: Sequence[Translation], at: Sequence[int], names: Sequence[str] | None
) -> str:
    """Which of several answers something is said of."""
    if names is not None:
        return ", ".join(names[k] for k in at)
    return names_text([Path(answers[k].file).name for k in at])


def _grounds(
    answers: Sequence[Translation], names: Sequence[str] | None
) -> Iterator[str]:
    """A line for each part of the answers: what most of them rest on, then the others."""
    parts: dict[str, dict[str, list[int]]] = {}
    for k, a in enumerate(answers):
        for r in a.facts.rests_on:
            at = parts.setdefault(r.part, {}).setdefault(
                r.text.removeprefix(f"{r.part}: "), []
            )
            # an answer of several anchors may have one part from each of them
            at += [] if k in at else [k]
    for part, sources in parts.items():
        first, *others = sorted(sources, key=lambda text: -len(sources[text]))
        for text in others:
            every = len(sources[text]) == len(answers)
            first += f"; {text if every else f'{_where(answers, sources[text], names)}: {text}'}"
        yield f"{part}: {first}"


def _workload_text(key: WorkloadKey) -> str:
    """Model, data, batch and optimizer, in one line."""
    parts = [
        key.model,
        key.dataset,
        key.batch_size and f"batch {key.batch_size}",
        key.optimizer,
    ]
    return ", ".join(str(k) for k in parts if k) or "–"


def _fits(t: Translation) -> str:
    return "?" if t.memory is None or t.memory.fits is None else t.memory.fits


def _usd(e: Estimate | None) -> str:
    if e is None:
        return "–"
    return output.figure(e.value, digits=4)


def _bound(seconds: float | None) -> str:
    return "–" if seconds is None else output.time_text(seconds)


def _no_interval_row(reasons: Sequence[str]) -> list[list[object]]:
    """A row with the reason why there is no interval at the level, if there is one."""
    texts = [r for r in reasons if str(r).startswith("no interval: ")]
    return [["  interval", f"none: {str(r).removeprefix('no interval: ')}"] for r in texts[:1]]  # fmt: skip


def _interval_row(e: Estimate, text: Callable[[float], str]) -> list[list[object]]:
    """A row for the interval of a value, where there is one."""
    if e.low is None or e.high is None or e.level is None:
        return []
    return [[f"  {e.level:.0%} interval", f"{text(e.low)} to {text(e.high)}"]]
