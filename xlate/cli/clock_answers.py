"""Recommended clocks printed for people: one answer, or a row for each of many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlate.cli import output
from xlate.cli.answers import names_text, precision_line, rent_text

if TYPE_CHECKING:
    from xlate.values.profile import Estimate
    from xlate.values.recommendation import Recommendation
    from xlate.values.rent import Rent

__all__ = ["OBJECTIVE_NAMES", "print_grounds", "print_recommendation", "print_recommendations"]  # fmt: skip

_NO_STEP = "not known: --step-time says how long one step takes"
#: objectives as people write them
OBJECTIVE_NAMES = {"edp": "EDP", "ed2p": "ED²P", "energy": "energy", "cost": "dollars"}


def print_recommendation(a: Recommendation, explain: bool) -> None:
    """One answer: the clock, what it does, what each choice costs, and the grounds."""
    output.table(
        f"{a.target} ({a.gpu}): best clock by {a.objective}{_bound(a)}",
        ["what", "value"],
        _rows(a),
    )
    output.line("in brackets: 90 % intervals; max: the highest clock")
    _print_choices(a)
    changed = [f"with the probes {a.changed}"] if a.changed else []
    output.bullets([*a.reasons, *changed])
    if explain:
        _print_curve(a, f"{a.model}, fitted on {a.fitted_on}")
    print_grounds(a)


def _print_curve(a: Recommendation, title: str) -> None:
    """The expected response at some of the legal clocks."""
    step = max(1, len(a.curve) // 16)
    shown = sorted({*range(0, len(a.curve), step), len(a.curve) - 1})
    output.table(
        f"\n{title}: ratios over the highest clock",
        ["MHz", "time", "power W", "energy", "EDP"],
        [
            [
                f"{p.sm_mhz:g}", f"{p.time_ratio:.3f}", f"{p.power_w:.1f}",
                f"{p.energy_ratio:.3f}", f"{p.edp_ratio:.3f}",
            ]
            for p in (a.curve[i] for i in shown)
        ],
    )  # fmt: skip


def print_recommendations(answers: Sequence[Recommendation], explain: bool) -> None:
    """A row for each profile, the reasons once, and what they rest on."""
    first = answers[0]
    bounded = first.max_slowdown is not None
    output.table(
        f"{first.target} ({first.gpu}): best clocks by {first.objective}{_bound(first)}",
        [
            "MHz", "T/max", "W", "E/max", "$/1000", "fits", "sure",
            *(["bound"] if bounded else []), "action", "profile",
        ],
        [
            [
                f"{a.sm_mhz:g}", f"{a.time_ratio.value:.3f}", f"{a.power_w.value:.0f}",
                f"{a.energy_ratio.value:.3f}",
                output.figure(None if a.usd_per_1000_steps is None else a.usd_per_1000_steps.value, digits=4),
                (None if a.memory is None else a.memory.fits) or "?",
                f"{a.confidence:.2f}",
                *([output.figure(a.bound_probability, digits=2)] if bounded else []),
                a.action, Path(a.file).name,
            ]
            for a in answers
        ],
        names=9 if bounded else 8,
    )  # fmt: skip
    output.paragraph(
        f"T, E/max: time and energy over the highest clock; action: by {OBJECTIVE_NAMES[first.objective]}"
        + ("; bound: probability that it holds" if bounded else "")
    )
    output.paragraph(_money(first))
    output.paragraph(precision_line([a.facts for a in answers]))
    output.bullets(_reasons(answers))
    output.bullets(
        f"{Path(a.file).name}: measure next at {', '.join(f'{f:g}' for f in a.probes)} MHz"
        for a in answers
        if a.probes
    )
    if explain:
        for a in answers:
            _print_curve(a, f"{Path(a.file).name}: {a.model}, fitted on {a.fitted_on}")
    print_grounds(first)
    more = [r.text for a in answers[1:] for r in a.facts.rests_on]
    shown = {r.text for r in first.facts.rests_on}
    output.bullets(dict.fromkeys(t for t in more if t not in shown))


def _reasons(answers: Sequence[Recommendation]) -> list[str]:
    """Each reason once; with the profiles' names if it does not apply to all."""
    files: dict[str, list[str]] = {}
    for a in answers:
        for reason in a.reasons[:-1]:
            files.setdefault(reason, []).append(Path(a.file).name)
    return [
        r if len(f) == len(answers) else f"{names_text(f)}: {r}"
        for r, f in files.items()
    ]


def print_grounds(a: Recommendation) -> None:
    """Verdict on the translation beneath, and what each part rests on."""
    what = "translation" if _of_profile(a) else "recording"
    output.line(f"{what}: {a.verdict.level}")
    output.bullets(a.verdict.reasons)
    output.line("rests on:")
    output.bullets(r.text for r in a.facts.rests_on)


def _of_profile(a: Recommendation) -> bool:
    """Whether it answers to a profile, and not to a recording on the target."""
    return a.telemetry is None or a.telemetry.of != "target"


def _step(a: Recommendation, window: str) -> str:
    if a.step_time_s is None:
        return _NO_STEP
    return _between(a.step_time_s, ".4g", 1e3) + f" ms{window}"


def _bound(a: Recommendation) -> str:
    if a.max_slowdown is None:
        return ""
    return f", slowdown up to {100 * a.max_slowdown:g} %"


def _rows(a: Recommendation) -> list[list[object]]:
    low, high = a.best_mhz_range
    window = (
        " (step estimated from the window)" if a.facts.step_from == "window" else ""
    )
    what = "profile" if _of_profile(a) else "recording"
    rows: list[list[object]] = [
        [what, Path(a.file).name],
        ["model", f"{a.model}, fitted on {a.fitted_on}"],
        ["clock", f"{a.sm_mhz:g} MHz of {a.default_sm_mhz:g}"],
        ["best lies in", f"{low:g} to {high:g} MHz"],
        ["step time", _step(a, window)],
        ["time / max", _between(a.time_ratio, ".3f")],
        ["power", _between(a.power_w, ".0f") + f" W, {a.power_at_default_w.value:.0f} at max"],
        ["energy", _NO_STEP if a.energy_j is None else _between(a.energy_j, ".3g") + " J a step"],
        ["energy / max", _between(a.energy_ratio, ".3f")],
        ["EDP / max", _between(a.edp_ratio, ".3f")],
    ]  # fmt: skip
    rows += _money_rows(a)
    memory = "not known" if a.memory is None else a.memory.text
    rows.append(["memory", memory if _of_profile(a) else "the recorded job ran there"])
    if _of_profile(a):
        rows.append(["precision", a.facts.precision_text])
    rows.append(
        [
            "gap next door",
            ", ".join(f"{100 * g:+.2f} % at {f:g}" for f, g in a.neighbours),
        ]
    )
    if a.bound_probability is not None and a.max_slowdown is not None:
        rows.append(
            [
                "bound holds",
                f"with a probability of {100 * a.bound_probability:.0f} %: time / max up "
                f"to {1 + a.max_slowdown:g}",
            ]
        )
    rows += [
        ["confidence", f"{100 * a.confidence:.0f} %"],
        ["action", f"{a.action} — by {OBJECTIVE_NAMES[a.objective]}"],
    ]
    if a.probes:
        rows.append(["measure next", ", ".join(f"{f:g}" for f in a.probes) + " MHz"])
    if not _of_profile(a) and a.verdict.level == "refuse":
        return [*rows, ["set", "nothing: the recording is not trusted"]]
    return [*rows, ["set", a.set_command], ["reset", a.reset_command]]


def _money_rows(a: Recommendation) -> list[list[object]]:
    rent, usd, share = a.rent, a.usd_per_1000_steps, a.usd_per_1000_steps_gpu_share
    if rent is not None and a.step_time_s is None:
        return [["$ / 1000 steps", _NO_STEP], ["rent", f"{rent_text(rent)}"]]
    if rent is None or usd is None or share is None:
        return [["$ / 1000 steps", f"not known: {a.facts.no_rent or 'no price'}"]]
    at_max = output.figure(a.default_usd_per_1000_steps, digits=5)
    rows: list[list[object]] = [
        ["rent", f"{rent_text(rent)}; {_electricity(rent)}"],
        ["$ / 1000 steps", _between(usd, ".5f") + f", {at_max} at max"],
    ]
    if rent.gpus_in_instance > rent.gpus_used:
        label = f"  {rent.gpus_used} of {rent.gpus_in_instance} GPUs"
        rows.append([label, f"{_between(share, '.5f')} (their share of it)"])
    return rows


def _money(a: Recommendation) -> str:
    if a.rent is None:
        return f"$/1000: not known: {a.facts.no_rent or 'no price'}"
    return f"$/1000: steps on the whole {a.target}: {rent_text(a.rent)}, {_electricity(a.rent)}"


def _electricity(rent: Rent) -> str:
    """Whether electricity is in the dollars of a clock because it is in the rent."""
    if not rent.usd_per_kwh:
        return "electricity is in the rent"
    return f"with the GPU's electricity at $ {rent.usd_per_kwh:g} a kWh"


def _print_choices(a: Recommendation) -> None:
    """What this clock, the highest and the cheapest one cost, side by side."""
    if a.step_time_s is None:
        return
    by_clock: dict[float, list[str]] = {}
    for c in a.choices:
        by_clock.setdefault(c.sm_mhz, []).append(c.name.removesuffix(" clock"))
    chosen = {c.sm_mhz: c for c in a.choices}
    if len(chosen) < 2:
        return
    output.table(
        "\nwhat each clock costs, expected",
        ["clock", "MHz", "ms a step", "J a step", "$ / 1000 steps"],
        [
            [
                ", ".join(by_clock[f]), f"{f:g}", f"{(c.step_time_s or 0) * 1e3:.4g}",
                f"{c.energy_j or 0:.3g}", output.figure(c.usd_per_1000_steps, digits=5),
            ]
            for f, c in chosen.items()
        ],
    )  # fmt: skip


def _between(e: Estimate, form: str, factor: float = 1.0) -> str:
    middle = format(e.value * factor, form)
    if e.low is None or e.high is None:
        return middle
    return f"{middle}  ({e.low * factor:{form}} to {e.high * factor:{form}})"
