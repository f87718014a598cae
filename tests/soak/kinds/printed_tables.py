"""PyTorch's ``key_averages()``, printed or as csv."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, doubted, refused
from tests.soak.lab import Lab
from tests.soak.made import flipped
from tests.support import profiles_made as pm

_VALID = "valid variants must be accepted"
_DAMAGED = "no traceback, no hang, no silent wrong"
_FOOTER = "cases/traces: check the sum against the footer"
# a GPU by name has no price, so that a wrong rent (kind money) does not hide what else is wrong
ASK = ("--anchor", "g4dn.xlarge", "--target", "H100-SXM5-80GB", "--json")


def _made(content: bytes, right: Any) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("profile", "show", lab.write("a.txt", content), "--json")
        yield from refused(run, codes=(1,)) if isinstance(right, str) else accepted(run)
        lab.xlate("translate", "a.txt", *ASK, "--step-time", "1")

    return judge


def _quiet(content: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        lab.xlate("translate", lab.write("a.txt", content), *ASK, "--step-time", "1")
        yield from ()

    return judge


def _footer(total: str) -> Callable[[Lab], Iterator[str]]:
    """The footer says another device time than the rows."""

    def judge(lab: Lab) -> Iterator[str]:
        text = pm.table(pm.ROWS, total=total)
        run = lab.xlate("profile", "show", lab.write("a.txt", text))
        if (
            run.exit == 0
            and "total" not in run.err
            and "missing" not in run.err
            and "footer" not in run.err
        ):
            yield f"the rows sum to 1.5 ms, the footer says {total}, and nothing is said of it"

    return judge


def _unrecognized(lab: Lab) -> Iterator[str]:
    rows = [*pm.ROWS, ("Unrecognized", 5.0, 90_000.0)]
    text = pm.table(rows, total="1.500ms")
    run = lab.xlate("profile", "show", lab.write("a.txt", text), "--json")
    if (
        run.exit == 0
        and run.document
        and run.document[0]["ops"].get("Device_Unrecognized", 0) > 0
    ):
        yield "Unrecognized counts as device work, far over the footer's sum"


def _wrong_step(ms: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate(
            "translate",
            lab.write("a.txt", pm.table(pm.ROWS, step=0)),
            *ASK,
            "--step-time",
            ms,
        )
        yield from doubted(run)
        if run.exit == 0 and answers(run)[0]["step_time_s"]["value"] < 1e-6:
            yield f"a step of {answers(run)[0]['step_time_s']['value']} s"

    return judge


def cases() -> Cases:
    """About 50."""
    collected = Cases("printed_tables")
    for name, (content, right) in pm.KEY_AVERAGES.items():
        collected.add(f"made-{name}", _VALID, _made(content, right))
    for total in ("8.204ms", "150.000us", "3.000s"):
        collected.add(f"footer-{total}", _FOOTER, _footer(total))
    collected.add("unrecognized", _FOOTER, _unrecognized)
    for ms in ("1e-4", "1e-3", "1000", "1e6"):
        collected.add(f"step-time-{ms}", "unit mistakes noticed", _wrong_step(ms))
    for i, cell in enumerate(
        ("nan", "inf", "1e400", "-5", "", "12 parsecs", "0x1F", "1,200", "9" * 400)
    ):
        collected.add(
            f"csv-time-{i}",
            _DAMAGED,
            _quiet((pm.CSV + pm._BODY).replace("1200", cell).encode()),
        )
        collected.add(
            f"csv-count-{i}",
            _DAMAGED,
            _quiet((pm.CSV + pm._BODY).replace("addmm,3", f"addmm,{cell}").encode()),
        )
    text = pm.table(pm.ROWS)
    for seed in range(10):
        collected.add(f"flip-{seed}", _DAMAGED, _quiet(flipped(text, seed)))
    return collected
