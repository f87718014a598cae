"""TensorBoard's tensorflow_stats table as csv: valid variants, damage, units, step times."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterator

from tests.soak.case import Cases
from tests.soak.checks import accepted, doubted, levels, refused, same_step, says
from tests.soak.lab import Lab, Outcome
from tests.soak.made import (
    HEADER,
    KEY,
    PAIR,
    base_answer,
    base_ops,
    base_step_us,
    flipped,
    given_all,
    rows_of,
    stats_csv,
    table,
)

_VALID = "valid variants must be accepted, with the same answer"
_DAMAGED = "no traceback, no hang, no silent wrong"
_UNITS = "unit mistakes noticed"
_WINDOW = "--step-time 50 on a window of 617 ms: learn the band of window over step, and say so outside it"


def _variants() -> dict[str, tuple[str, bytes]]:
    """Name -> (file name, content); each is the base profile."""
    text, rows = stats_csv(), rows_of(base_ops())
    shuffled = random.Random(0).sample(rows, len(rows))
    order = [3, 0, 5, 2, 1, 6, 4]
    halves = [
        [*r[:5], f"{float(r[5]) / 2:.6f}", f"{float(r[6]) / 2:.6f}"] for r in rows
    ]
    twice = [[*h[:3], h[3] + s, *h[4:]] for h in halves for s in ("_a", "_b")]
    plain = text.encode()
    return {
        "plain": ("a.csv", plain),
        "crlf": ("a.csv", text.replace("\n", "\r\n").encode()),
        "bom": ("a.csv", b"\xef\xbb\xbf" + plain),
        "bom-crlf": ("a.csv", b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()),
        "quoted": ("a.csv", table(rows, quoting=1).encode()),
        "no-last-newline": ("a.csv", plain.rstrip()),
        "blank-lines": ("a.csv", text.replace("\n", "\n\n").encode()),
        "blank-end": ("a.csv", plain + b"\n\n\n"),
        "shuffled-rows": ("a.csv", table(shuffled).encode()),
        "columns-moved": ("a.csv", table([[r[i] for i in order] for r in rows], [HEADER[i] for i in order]).encode()),
        "extra-column": ("a.csv", table([[*r, "x"] for r in rows], [*HEADER, "Remark"]).encode()),
        "fewer-columns": ("a.csv", table([[r[1], r[2], r[3], r[5]] for r in rows], [HEADER[i] for i in (1, 2, 3, 5)]).encode()),
        "spaces-in-header": ("a.csv", table(rows, [f" {h} " for h in HEADER]).encode()),
        "spaces-in-cells": ("a.csv", table([[f" {c} " for c in r] for r in rows]).encode()),
        "lower-header": ("a.csv", table(rows, [h.lower() for h in HEADER]).encode()),
        "lower-side": ("a.csv", table([[r[0], r[1].lower(), *r[2:]] for r in rows]).encode()),
        "upper-side": ("a.csv", table([[r[0], r[1].upper(), *r[2:]] for r in rows]).encode()),
        "scientific": ("a.csv", table([[*r[:5], f"{float(r[5]):.9e}", r[6]] for r in rows]).encode()),
        "split-rows": ("a.csv", table(twice).encode()),
        "zero-row": ("a.csv", table([*rows, ["99", "Device", "Softmax", "net/s", "2", "0", "0"]]).encode()),
        "comma-in-name": ("a.csv", table([[*r[:3], r[3] + ", second", *r[4:]] for r in rows]).encode()),
        "newline-in-name": ("a.csv", table([[*r[:3], r[3] + "\nsecond", *r[4:]] for r in rows]).encode()),
        "unicode-name": ("a.csv", table([[*r[:3], r[3] + "/큐브ß", *r[4:]] for r in rows]).encode()),
        "gz": ("a.csv.gz", gzip.compress(plain)),
        "gz-without-ending": ("a.csv", gzip.compress(plain)),
        "no-ending": ("profile", plain),
        "json-ending": ("a.json", plain),
        "capital-ending": ("A.CSV", plain),
        "spaced-name": ("my profile (1).csv", plain),
        "unicode-file": ("프로필.csv", plain),
    }  # fmt: skip


def _valid(name: str, content: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("translate", lab.write(name, content), *given_all())
        yield from accepted(run)
        if run.exit == 0:
            yield from same_step(run, base_answer(lab))

    return judge


def _wrong_cells() -> Iterator[tuple[str, str]]:
    """A table in which one cell, or one heading, cannot be true."""
    rows = rows_of(base_ops())
    for value in (
        "nan",
        "inf",
        "-inf",
        "-1",
        "-60105.93",
        "",
        "1,5",
        "1.234.567",
        "abc",
        "1e400",
        "0x10",
        "12 us",
        "None",
        "true",
        "--",
    ):
        broken = [[*r[:5], value, r[6]] if i == 3 else r for i, r in enumerate(rows)]
        yield f"time-{value or 'empty'}", table(broken)
    for value in ("", "GPU", "device0", "Hosts", "1", "Device,Device"):
        broken = [[r[0], value, *r[2:]] if i == 3 else r for i, r in enumerate(rows)]
        yield f"side-{value or 'empty'}", table(broken)
    for lost in ("Host/device", "Type", "Total time (us)"):
        k = HEADER.index(lost)
        yield (
            f"without-{lost.split()[0].replace('/', '-')}",
            table([r[:k] + r[k + 1 :] for r in rows], HEADER[:k] + HEADER[k + 1 :]),
        )
    for unit in ("ms", "ns", "s"):
        yield (
            f"heading-in-{unit}",
            table(rows, [h.replace("(us)", f"({unit})") for h in HEADER]),
        )
    yield (
        "type-empty",
        table([[r[0], r[1], "", *r[3:]] if i == 3 else r for i, r in enumerate(rows)]),
    )
    yield "short-row", table([r[:4] if i == 3 else r for i, r in enumerate(rows)])
    yield (
        "long-row",
        table([[*r, "1", "2"] if i == 3 else r for i, r in enumerate(rows)]),
    )
    yield "header-only", table([])
    yield "rows-only", "\n".join(stats_csv().splitlines()[1:])
    yield "host-only", table([r for r in rows if r[1] == "Host"])
    yield "idle-only", table([r for r in rows if r[2] == "IDLE"])
    yield "all-zero", table([[*r[:5], "0", "0"] for r in rows])
    yield "decimal-commas", table([[c.replace(".", ",") for c in r] for r in rows])
    yield (
        "decimal-commas-semicolons",
        table([[c.replace(".", ",") for c in r] for r in rows], delimiter=";"),
    )
    yield (
        "column-twice",
        table(
            [[*r, f"{2 * float(r[5]):.3f}"] for r in rows], [*HEADER, "Total time (us)"]
        ),
    )
    yield (
        "html",
        "<html><body><table><tr><td>Host/device</td></tr></table></body></html>",
    )
    yield "empty", ""
    yield "newlines", "\n" * 50
    yield "zeros", "\0" * 4096
    yield "quote-open", stats_csv().replace("net/", '"net/', 1)
    yield "field-of-1e5", stats_csv().replace("net/", "n" * 100_000, 1)


def _no(text: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("translate", lab.write("a.csv", text), *given_all())
        yield from refused(run, codes=(1,))

    return judge


def _utf16(lab: Lab) -> Iterator[str]:
    run = lab.xlate(
        "translate", lab.write("a.csv", stats_csv().encode("utf-16")), *given_all()
    )
    if run.exit == 0:
        yield from same_step(run, base_answer(lab))


def _scaled(
    factor: float, step: bool, pattern: str | None
) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        ops = {k: v * factor for k, v in base_ops().items()}
        args = given_all() if step else (*PAIR, *KEY, "--json")
        run = lab.xlate(
            "translate",
            lab.write(
                "a.csv",
                table(
                    [
                        [*r[:5], f"{ops[f'{r[1]}_{r[2]}']:.9f}", r[6]]
                        for r in rows_of(ops)
                    ]
                ),
            ),
            *args,
        )
        yield from doubted(run, pattern)

    return judge


def _step_time(
    windows: float, command: str = "translate"
) -> Callable[[Lab], Iterator[str]]:
    """A step time such that the window is ``windows`` steps long; about two is right."""

    def judge(lab: Lab) -> Iterator[str]:
        step = base_step_us() * 2.03 / windows
        run = lab.xlate(command, lab.write("a.csv", stats_csv()), *given_all(step))
        if 1.95 <= windows <= 2.3:
            yield from accepted(run)
            if levels(run) not in ([], ["ok"]):
                yield "a right step time is doubted"
        elif command == "translate":
            yield from doubted(run, r"step|window")
        else:
            yield from _named_if_answered(run)

    return judge


def _named_if_answered(run: Outcome) -> Iterator[str]:
    """predict-freq has no verdict in all versions: it refuses, or names the step time."""
    if run.exit == 0:
        yield from says(run, r"window|step time|--step-time")


def _twice(lab: Lab) -> Iterator[str]:
    rows = rows_of(base_ops())
    run = lab.xlate(
        "translate", lab.write("a.csv", table([*rows, *rows])), *given_all()
    )
    if run.exit == 0:
        yield from doubted(run, r"twice|duplicate|repeat|more than once")


def _one_row_twice(lab: Lab) -> Iterator[str]:
    rows = rows_of(base_ops())
    run = lab.xlate(
        "translate", lab.write("a.csv", table([*rows, rows[1]])), *given_all()
    )
    yield from says(run, r"twice|duplicate|more than once|repeated")


def _cut(share: float) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        text = stats_csv()
        end = int(len(text) * share)
        run = lab.xlate("translate", lab.write("a.csv", text[:end]), *given_all())
        lost = sum(len(r) for r in text[end:].splitlines()) > 60
        if lost and run.exit == 0 and share < 0.5:
            yield from doubted(run)

    return judge


def _flip(seed: int) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        raw = flipped(stats_csv().encode(), seed)
        lab.xlate("profile", "check", lab.write("a.csv", raw))
        lab.xlate("translate", "a.csv", *given_all())
        yield from ()

    return judge


def _many_rows(n: int) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        rows = rows_of(base_ops())
        share = max(1, n // len(rows))
        many = [
            [*r[:3], f"{r[3]}_{k}", r[4], f"{float(r[5]) / share:.9f}", f"{float(r[6]) / share:.9f}"]
            for r in rows for k in range(share)
        ]  # fmt: skip
        run = lab.xlate("translate", lab.write("a.csv", table(many)), *given_all())
        yield from accepted(run)
        yield from same_step(run, base_answer(lab), 1e-4)

    return judge


def _many_kinds(n: int) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        rows = rows_of(base_ops())
        strange = [
            [str(i), "Device", f"Own{i}", f"net/own{i}", "2", "0.5", "0.25"]
            for i in range(n)
        ]
        lab.xlate(
            "translate", lab.write("a.csv", table([*rows, *strange])), *given_all()
        )
        yield from ()

    return judge


def cases() -> Cases:
    """About 140."""
    collected = Cases("stats_csv")
    for name, (file, content) in _variants().items():
        collected.add(f"valid-{name}", _VALID, _valid(file, content))
    for name, text in _wrong_cells():
        collected.add(f"wrong-{name}", _DAMAGED, _no(text))
    collected.add("valid-or-refused-utf16", _VALID, _utf16)
    for factor, unit in ((1e-6, "s"), (1e-3, "ms"), (1e3, "ns")):
        collected.add(
            f"times-in-{unit}-step-known", _UNITS, _scaled(factor, True, r"second|unit")
        )
        collected.add(f"times-in-{unit}", _UNITS, _scaled(factor, False, None))
    for windows in (
        0.05,
        0.2,
        0.5,
        0.8,
        1.0,
        1.2,
        2.0,
        2.03,
        2.2,
        5,
        6.2,
        8,
        12.3,
        20,
        39,
        45,
        100,
        1000,
        1e6,
    ):
        collected.add(f"window-over-step-{windows:g}", _WINDOW, _step_time(windows))
    for windows in (0.5, 1.0, 6.2, 12.3, 20):
        collected.add(
            f"clock-window-over-step-{windows:g}",
            _WINDOW,
            _step_time(windows, "predict-freq"),
            "clocks",
        )
    collected.add("every-row-twice", "duplicate rows … are ok", _twice)
    collected.add("one-row-twice", "duplicate rows … are ok", _one_row_twice)
    for share in (0.02, 0.1, 0.2, 0.3, 0.4, 0.45, 0.6, 0.8, 0.95, 0.99):
        collected.add(f"cut-at-{share:g}", _DAMAGED, _cut(share))
    for seed in range(20):
        collected.add(f"flip-{seed}", _DAMAGED, _flip(seed))
    for n in (1000, 10_000):
        collected.add(
            f"rows-{n}",
            "readers linear in rows (10,000 operations < 1 s)",
            _many_rows(n),
        )
        collected.add(
            f"kinds-{n}", "readers linear in rows; no hang over 10 s", _many_kinds(n)
        )
    return collected
