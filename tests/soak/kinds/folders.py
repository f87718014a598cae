"""Folders, FIFOs, links, devices and several profiles in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, doubted, refused
from tests.soak.lab import Lab
from tests.soak.made import (
    KEY,
    PAIR,
    base_ops,
    dumps,
    given_all,
    run_of,
    stats_csv,
    xlate_json,
)

_FIFO = "a FIFO as profile waits for ever"
_HANG = "no traceback, no hang over 10 s"
COMMANDS = (("translate", *PAIR), ("profile", "show"), ("profile", "check"))


def _reads(make: Callable[[Lab], None]) -> Callable[[Lab], Iterator[str]]:
    """``x`` cannot be read as a profile by any command."""

    def judge(lab: Lab) -> Iterator[str]:
        make(lab)
        for command in COMMANDS:
            yield from refused(lab.xlate(*command, "x"))

    return judge


def _option(option: str, make: Callable[[Lab], None]) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        make(lab)
        yield from refused(
            lab.xlate(
                "predict-freq",
                lab.write("a.csv", stats_csv()),
                *PAIR,
                *KEY,
                option,
                "x",
            )
        )

    return judge


def _fifo(lab: Lab) -> None:
    os.mkfifo(lab.dir / "x")


def _folder_of(*names: str) -> Callable[[Lab], None]:
    def make(lab: Lab) -> None:
        (lab.dir / "x").mkdir()
        for n in names:
            lab.write(f"x/{n}", "")

    return make


def _folder_with_fifo(lab: Lab) -> Iterator[str]:
    lab.write("in/a.csv", stats_csv())
    os.mkfifo(lab.dir / "in/b.csv")
    run = lab.xlate("translate", "in", *PAIR, *KEY, "--json")
    if len(answers(run)) != 1:
        yield f"{len(answers(run))} answers to the one good file"


def _many(n: int) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        for i in range(n):
            lab.write(f"in/{i}.csv", stats_csv())
        run = lab.xlate("translate", "in", *PAIR, *KEY, "--json")
        yield from accepted(run)
        if len(answers(run)) != n:
            yield f"{len(answers(run))} answers to {n} files"

    return judge


def _pair(other: dict[str, object], right: bool) -> Callable[[Lab], Iterator[str]]:
    """Two profiles given as of one workload."""

    def judge(lab: Lab) -> Iterator[str]:
        ops, step = run_of("g4dn.xlarge")
        lab.write("a.json", dumps(xlate_json()))
        lab.write(
            "b.json",
            dumps(
                xlate_json(other, instance="g4dn.xlarge", ops=ops, step_time_us=step)
            ),
        )
        run = lab.xlate(
            "translate",
            "--profile",
            "p2.xlarge=a.json",
            "--profile",
            "g4dn.xlarge=b.json",
            "--target",
            "p3.2xlarge",
            "--json",
        )
        if right:
            yield from accepted(run)
        else:
            yield from doubted(run)

    return judge


def _together(a: str, b: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        lab.write("a.json", dumps(xlate_json()))
        lab.write("two.json", dumps([xlate_json(), xlate_json()]))
        lab.write("in/a.json", dumps(xlate_json()))
        lab.write("in/b.json", dumps(xlate_json()))
        lab.write("no.json", "{}")
        yield from refused(
            lab.xlate(
                "translate",
                "--profile",
                a,
                "--profile",
                b,
                "--target",
                "p3.2xlarge",
                "--json",
            )
        )

    return judge


def _same_file_twice(lab: Lab) -> Iterator[str]:
    lab.write("a.csv", stats_csv())
    run = lab.xlate("translate", "a.csv", "a.csv", *PAIR, *KEY, "--json")
    yield from accepted(run)
    if len(answers(run)) not in (1, 2):
        yield f"{len(answers(run))} answers to one file given twice"


def _one_step_for_many(lab: Lab) -> Iterator[str]:
    lab.write("a.csv", stats_csv())
    lab.write("b.csv", stats_csv())
    yield from refused(
        lab.xlate("translate", "a.csv", "b.csv", *given_all()), codes=(1, 2)
    )


def cases() -> Cases:
    """About 45."""
    collected = Cases("folders")
    things: dict[str, Callable[[Lab], None]] = {
        "fifo": _fifo, "link-to-zero": lambda lab: (lab.dir / "x").symlink_to("/dev/zero"), "link-to-null": lambda lab: (lab.dir / "x").symlink_to("/dev/null"),
        "link-loop": lambda lab: (lab.dir / "x").symlink_to("x"), "link-broken": lambda lab: (lab.dir / "x").symlink_to("nowhere"), "empty-folder": _folder_of(), "folder-of-empty": _folder_of("a.csv", "b.json"),
        "link-to-random": lambda lab: (lab.dir / "x").symlink_to("/dev/urandom"), "sparse": lambda lab: os.truncate(lab.dir / lab.write("x", ""), 10**11), "sparse-parquet": lambda lab: os.truncate(lab.dir / lab.write("x", b"PAR1"), 10**10),
    }  # fmt: skip
    for name, make in things.items():
        collected.add(name, _FIFO if name == "fifo" else _HANG, _reads(make))
        if "folder" not in name:
            for option in ("--telemetry", "--probe-file", "--clocks-file"):
                collected.add(
                    f"{name}{option}",
                    _FIFO if name == "fifo" else _HANG,
                    _option(option, make),
                )
    collected.add("folder-with-fifo", _FIFO, _folder_with_fifo)
    collected.add("files-50", "many files go in one call", _many(50))
    averaged = "two profiles of different mode, precision or framework are averaged"
    collected.add("together", "valid variants must be accepted", _pair({}, True))
    for key, value in (
        ("mode", "inference"),
        ("precision", "fp16"),
        ("framework", "pytorch"),
        ("model", "VGG16"),
        ("batch_size", 64),
        ("dataset", "224px"),
        ("optimizer", "Adam"),
    ):
        collected.add(f"together-other-{key}", averaged, _pair({key: value}, False))
    for i, (a, b) in enumerate(
        (
            ("p2.xlarge=in", "g4dn.xlarge=a.json"),
            ("p2.xlarge=two.json", "g4dn.xlarge=a.json"),
            ("p2.xlarge=a.json", "g4dn.xlarge=no.json"),
            ("p2.xlarge=a.json", "p2=a.json"),
            ("p2.xlarge=a.json", "K80=a.json"),
            ("p2.xlarge=a.json", "nowhere=a.json"),
        )
    ):
        collected.add(
            f"together-wrong-{i}",
            "--profile A=FOLDER, or a file with two GPUs, is a traceback",
            _together(a, b),
        )
    collected.add("same-file-twice", "no silent wrong", _same_file_twice)
    collected.add(
        "one-step-for-many", "every option acts, or it is refused", _one_step_for_many
    )
    collected.add(
        "idle-known",
        "no silent wrong",
        lambda lab: doubted(
            lab.xlate(
                "translate",
                lab.write(
                    "a.json", dumps(xlate_json(ops={**base_ops(), "Device_IDLE": 9e9}))
                ),
                *PAIR,
                "--json",
            )
        ),
    )
    return collected
