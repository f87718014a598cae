"""What is true of every answer to every command."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.soak.lab import ROOT, Outcome

__all__ = ["complaints", "price_usd_per_h", "shipped_instances"]

_EXITS = {0, 1, 2, 3}
_ESCAPES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")
_WARNING = re.compile(r"^.*\b\w*Warning: .*$", re.MULTILINE)


def complaints(run: Outcome) -> Iterator[str]:
    """What is wrong with an outcome, by the contracts that hold for all commands."""
    if run.crash:
        yield f"crashed: {run.crash[:200]}"
        return
    if run.exit not in _EXITS:
        yield f"exit code {run.exit}"
    if "Traceback (most recent call last)" in run.err or "panicked at" in run.err:
        yield "a traceback on stderr: " + run.err.strip().splitlines()[-1][:160]
    elif warning := _WARNING.search(run.err):
        yield f"a warning of Python's on stderr: {warning.group(0)[:160]}"
    if run.exit == 1 and not run.said.strip():
        yield "exit 1 without a word"
    if warning := _ESCAPES.search(run.out.replace("\r\n", "\n")):
        yield f"control character {warning.group(0)!r} on stdout"
    if warning := _ESCAPES.search(run.err.replace("\r", "")):
        yield f"control character {warning.group(0)!r} on stderr"
    if "--json" in run.args and run.exit == 0:
        yield from _one_document(run.out)
    if run.document is not None:
        yield from _figures(run.document)
        yield from _answers(run)


def _one_document(text: str) -> Iterator[str]:
    def constant(name: str) -> None:
        raise ValueError(f"{name} stands in it")

    try:
        json.loads(text, parse_constant=constant)
    except ValueError as e:
        yield f"stdout is not one JSON document: {e}"


def _walk(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
        for k, v in value.items():
            yield from _walk(v, f"{path}.{k}" if path else str(k))
    elif isinstance(value, list):
        for i, v in enumerate(value):
            yield from _walk(v, f"{path}[{i}]")


def _figures(document: Any) -> Iterator[str]:
    """Intervals contain their value; nothing that is a size or a rent is negative."""
    for path, d in _walk(document):
        if {"value", "low", "high"} <= d.keys():
            v, low, high = d["value"], d["low"], d["high"]
            if low is not None and high is not None and v is not None:
                slack = 1e-9 * max(abs(low), abs(high))
                if not low - slack <= v <= high + slack:
                    yield f"{path}: {v:g} is not within {low:g} to {high:g}"
            if v is not None and v < 0:
                yield f"{path}: {v:g} is negative"
        for key in ("usd_per_h", "usd_per_h_instance", "usd_per_1000_steps"):
            x = d.get(key)
            if isinstance(x, int | float) and x < 0:
                yield f"{path}.{key} is {x:g}"
        need, have, fits = d.get("need_bytes"), d.get("have_bytes"), d.get("fits")
        if need and have and need > have and fits == "yes":
            yield f"{path}: need {need:g} of {have:g} bytes, and fits is yes"
        if need is None and fits in ("yes", "no"):
            yield f"{path}: fits is {fits} where the need is not known"


def _answers(run: Outcome) -> Iterator[str]:
    for path, d in _walk(run.document):
        step = d.get("step_time_s")
        if not isinstance(step, dict) or "value" not in step or "target" not in d:
            continue
        if step["value"] is None or not 1e-7 < step["value"] < 1e5:
            yield f"{path}: a step of {step['value']} s"
            continue
        verdict = d.get("verdict")
        if verdict is not None:
            if verdict.get("level") not in ("ok", "widen", "refuse"):
                yield f"{path}: verdict {verdict.get('level')!r}"
            elif verdict["level"] != "ok" and not verdict.get("reasons"):
                yield f"{path}: verdict {verdict['level']} without a reason"
        for op, us in (d.get("ops") or {}).items():
            if us is None or not 0 <= us < 1e12:
                yield f"{path}: {op} takes {us} µs"
        for op, (low, high) in (d.get("op_intervals") or {}).items():
            if not low <= high:
                yield f"{path}: {op} from {low} to {high}"
        if "verdict" in d:
            yield from _rent(path, d, step["value"], "--anchors-dir" in run.args)
        if "energy_j" in d and "power_w" in d:
            energy = d["power_w"]["value"] * step["value"]
            if not math.isclose(energy, d["energy_j"]["value"], rel_tol=0.05):
                yield f"{path}: energy {d['energy_j']['value']:g} J is not power × step {energy:g}"


def _rent(path: str, d: dict[str, Any], step_s: float, own: bool) -> Iterator[str]:
    """What must be paid is the whole instance."""
    price = None if own else price_usd_per_h(d["target"])
    usd = d.get("usd_per_1000_steps")
    if price is None or not usd or usd.get("value") is None:
        return
    least = price / 3.6 * step_s
    if usd["value"] < 0.99 * least:
        yield (
            f"{path}: $ {usd['value']:.4f} a 1000 steps on {d['target']}, whose instance costs "
            f"$ {least:.4f} for that time"
        )


@lru_cache(maxsize=1)
def shipped_instances() -> dict[str, dict[str, Any]]:
    """Instances that ship, as their files say; read without xlate."""
    instances = {}
    for path in sorted(Path(ROOT / "anchors").glob("*/instance.toml")):
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        instances[raw["name"]] = raw
    return instances


def price_usd_per_h(instance: str) -> float | None:
    """Newest price of a shipped instance in $ per hour, or None."""
    prices = shipped_instances().get(instance, {}).get("prices", ())
    return max(prices, key=lambda p: p["date"])["usd_per_h"] if prices else None
