"""Terminal escapes and formulas in names; long and strange file names."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from tests.soak.case import Cases
from tests.soak.checks import accepted
from tests.soak.kinds.catalogues import PRICE, gpu, instance
from tests.soak.lab import Lab
from tests.soak.made import PAIR, base_ops, dumps, given_all, stats_csv, xlate_json
from tests.support import profiles_made as pm

_ESCAPES = (
    "terminal escapes in operation, model, GPU, file and corpus names are printed raw"
)
_EVIL = {
    "colour": "\x1b[31mred",
    "title": "\x1b]0;owned\x07",
    "c1": "\x9b31m",
    "bell": "a\x07b",
    "back": "a\x08b",
    "return": "safe\rEVIL",
    "bidi": "a\u202eb",
    "delete": "a\x7fb",
}


def _commands(lab: Lab, path: str, *more: str) -> None:
    """truths.py looks for control characters in whatever comes back."""
    for command in (
        ("profile", "show", path),
        ("profile", "check", path),
        ("profile", "show", path, "--json"),
        ("translate", path, *PAIR, *more),
        ("translate", path, *PAIR, "--json", *more),
    ):
        lab.xlate(*command)


def _operation(text: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        ops = {**base_ops(), f"Device_{text}": 9e4}
        _commands(lab, lab.write("a.json", dumps(xlate_json(ops=ops))))
        yield from ()

    return judge


def _field(key: str, text: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        field: dict[str, Any] = {key: text}
        of_profile = key in ("device", "instance")
        value = xlate_json(**field) if of_profile else xlate_json(field)
        _commands(lab, lab.write("a.json", dumps(value)), "--force")
        yield from ()

    return judge


def _file(name: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        _commands(lab, lab.write(name, stats_csv()))
        yield from ()

    return judge


def _kernel(text: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        events = [
            {**e, "name": e["name"].replace("aten::add", f"aten::add{text}")}
            for e in pm.steps()
        ]
        lab.xlate(
            "profile",
            "show",
            lab.write("a.json", pm.trace(events, device=f"Tesla T4{text}")),
        )
        yield from ()

    return judge


def _option(option: str, text: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        lab.xlate(
            "translate",
            lab.write("a.csv", stats_csv()),
            *(
                w
                for w in PAIR
                if option not in PAIR or w not in (option, PAIR[PAIR.index(option) + 1])
            ),
            option,
            text,
        )
        yield from ()

    return judge


def _own_gpu(text: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        quoted = "".join(
            f"\\u{ord(c):04x}" if not 32 <= ord(c) < 127 else c for c in text
        )
        lab.write(
            "own/gpus/RTX6090.toml",
            gpu()
            .replace('"RTX 6090"', f'"RTX 6090{quoted}"')
            .replace("data sheet", f"data {quoted}"),
        )
        lab.write("own/box/instance.toml", instance({**PRICE, "region": f'"{quoted}"'}))
        for args in (("list",), ("show", "box.4090"), ("check",)):
            lab.xlate("anchors", *args, "--anchors-dir", "own")
        yield from ()

    return judge


def _formula(start: str) -> Callable[[Lab], Iterator[str]]:
    """csv cells that begin with = + - @ do not go out as formulas."""

    def judge(lab: Lab) -> Iterator[str]:
        name = f"{start}cmd|'calc'!A1"
        head = "timestamp, clocks.sm [MHz], power.draw [W], utilization.gpu [%]\n"
        body = "".join(
            f"2026/01/01 00:00:{s:02d}.000, 1000 MHz, 150 W, 90 %\n" for s in range(20)
        )
        lab.write(f"runs/V100-dvfs-{name}-1000-1.csv", head + body)
        lab.write(f"runs/{name}-1000-1.csv", head + body)
        run = lab.xlate("sweep", "read", "runs", "--csv", "out.csv")
        if run.exit == 0 and (lab.dir / "out.csv").is_file():
            rows = csv.reader(io.StringIO((lab.dir / "out.csv").read_text()))
            for cell in (c for row in rows for c in row):
                if cell[:1] in ("=", "@", "+") or (
                    cell[:1] == "-" and not cell[1:2].isdigit()
                ):
                    yield f"the cell {cell[:30]!r} goes out as it is"

    return judge


def _long(length: int) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        for args in (
            ("translate", "a" * length, *PAIR),
            ("profile", "show", "a" * length),
            ("anchors", "check", "--anchors-dir", "a" * length),
            ("sweep", "read", "a" * length),
            ("models", "show", "a" * length),
        ):
            run = lab.xlate(*args)
            if run.exit == 0:
                yield f"{args[0]} takes a name of {length}"

    return judge


def _dashes(lab: Lab) -> Iterator[str]:
    run = lab.xlate("translate", *given_all(), "--", lab.write("-a.csv", stats_csv()))
    yield from accepted(run)


def cases() -> Cases:
    """About 80."""
    collected = Cases("names")
    for name, text in _EVIL.items():
        collected.add(f"operation-{name}", _ESCAPES, _operation(text))
        collected.add(f"kernel-{name}", _ESCAPES, _kernel(text))
        collected.add(f"file-{name}", _ESCAPES, _file(f"a{text}.csv".replace("/", "")))
        for key in ("model", "device", "instance", "optimizer"):
            if name in ("colour", "c1", "return"):
                collected.add(f"{key}-{name}", _ESCAPES, _field(key, text))
        for option in ("--model", "--target", "--anchor", "--format"):
            if name in ("colour", "bidi"):
                collected.add(f"option{option}-{name}", _ESCAPES, _option(option, text))
        collected.add(f"own-gpu-{name}", _ESCAPES, _own_gpu(text))
    for start, name in (("=", "equals"), ("+", "plus"), ("-", "minus"), ("@", "at")):
        collected.add(
            f"formula-{name}",
            "csv cells that begin with = + - @ go out as formulas",
            _formula(start),
        )
    for length in (256, 5000):
        collected.add(
            f"long-{length}", "a file name over 255 characters", _long(length)
        )
    collected.add("leading-dash", "valid variants must be accepted", _dashes)
    return collected
