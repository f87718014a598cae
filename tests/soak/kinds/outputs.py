"""What ``--out`` and its like write to, and what stdout is."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator

from tests.soak.case import Cases
from tests.soak.checks import accepted, refused
from tests.soak.lab import Lab
from tests.soak.made import given_all, stats_csv

_KEPT = "--out replaces whatever stands there; write through links, keep modes, refuse what is not a regular file"
_SWEEP = ("clocks", "label", "--sweeps", "simulated", "--gpu", "V100-SXM2-16GB")
COMMANDS: dict[str, Callable[[Lab], tuple[str, ...]]] = {
    "translate": lambda lab: (
        "translate",
        lab.write("a.csv", stats_csv()),
        *given_all(),
        "--out",
    ),
    "label": lambda lab: (*_SWEEP, "--out"),
}


def _kept(lab: Lab, command: str, name: str) -> Iterator[str]:
    """The thing at ``name`` is refused and left as it was."""
    before = os.lstat(lab.dir / name)
    run = lab.xlate(*COMMANDS[command](lab), name)
    yield from refused(run)
    after = os.lstat(lab.dir / name)
    if (stat.S_IFMT(before.st_mode), before.st_ino) != (
        stat.S_IFMT(after.st_mode),
        after.st_ino,
    ):
        yield "what stood there was replaced"


def _fifo(command: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        os.mkfifo(lab.dir / "out")
        yield from _kept(lab, command, "out")

    return judge


def _device(command: str) -> Callable[[Lab], Iterator[str]]:
    """A node like /dev/full, made here: a defect must not break the machine's own."""

    def judge(lab: Lab) -> Iterator[str]:
        try:
            os.mknod(lab.dir / "out", stat.S_IFCHR | 0o666, os.makedev(1, 7))
        except PermissionError:
            return
        yield from _kept(lab, command, "out")

    return judge


def _folder(command: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        (lab.dir / "out").mkdir()
        yield from _kept(lab, command, "out")

    return judge


def _link(command: str, mode: int) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        (lab.dir / "real").write_text("old")
        (lab.dir / "real").chmod(mode)
        (lab.dir / "out").symlink_to("real")
        run = lab.xlate(*COMMANDS[command](lab), "out")
        yield from accepted(run)
        if run.exit == 0:
            if not (lab.dir / "out").is_symlink():
                yield "the link was replaced"
            if (lab.dir / "real").read_text() == "old":
                yield "the file behind the link was left"
            if stat.S_IMODE((lab.dir / "real").stat().st_mode) != mode:
                yield "the mode of the file behind the link changed"

    return judge


def _mode(command: str, mode: int) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        (lab.dir / "out").write_text("old")
        (lab.dir / "out").chmod(mode)
        run = lab.xlate(*COMMANDS[command](lab), "out")
        yield from accepted(run)
        now = stat.S_IMODE((lab.dir / "out").stat().st_mode)
        if run.exit == 0 and now != mode:
            yield f"mode {mode:o} became {now:o}"
        if run.exit == 0:
            json.loads((lab.dir / "out").read_text())

    return judge


def _hard_link(lab: Lab) -> Iterator[str]:
    (lab.dir / "real").write_text("old")
    os.link(lab.dir / "real", lab.dir / "out")
    run = lab.xlate(*COMMANDS["translate"](lab), "out")
    yield from accepted(run)


def _to(name: str, command: str) -> Callable[[Lab], Iterator[str]]:
    """A name that cannot be written."""

    def judge(lab: Lab) -> Iterator[str]:
        lab.write("plain", "x")
        (lab.dir / "loop").symlink_to("loop")
        yield from refused(lab.xlate(*COMMANDS[command](lab), name))
        left = [
            p.name
            for p in lab.dir.iterdir()
            if ".tmp" in p.name or p.name.startswith(".xlate")
        ]
        if left:
            yield f"{left[0]} is left"

    return judge


def _is_input(lab: Lab) -> Iterator[str]:
    """The output is the profile itself: it is not lost."""
    lab.write("a.csv", stats_csv())
    run = lab.xlate("translate", "a.csv", *given_all(), "--out", "a.csv")
    if run.exit == 0 and (lab.dir / "a.csv").read_text() != stats_csv():
        yield "the profile was overwritten by its translation"


def _full(*args: str) -> Callable[[Lab], Iterator[str]]:
    """stdout is a full disk: an error, not a traceback, and no exit 0."""

    def judge(lab: Lab) -> Iterator[str]:
        lab.write("a.csv", stats_csv())
        run = lab.xlate(*args, stdout="/dev/full")
        if run.exit == 0:
            yield "exit 0, and nothing could be written"

    return judge


def _coded(coding: str, *args: str) -> Callable[[Lab], Iterator[str]]:
    """stdout that is not UTF-8."""

    def judge(lab: Lab) -> Iterator[str]:
        lab.write("a.csv", stats_csv())
        run = lab.xlate(
            *args,
            process=True,
            env={"PYTHONUTF8": "0", "PYTHONIOENCODING": coding, "LC_ALL": "C"},
        )
        yield from accepted(run)

    return judge


def cases() -> Cases:
    """About 65."""
    collected = Cases("outputs")
    for command in COMMANDS:
        collected.add(f"{command}-fifo", _KEPT, _fifo(command))
        collected.add(f"{command}-device", _KEPT, _device(command), "root")
        collected.add(f"{command}-folder", _KEPT, _folder(command))
        for mode in (0o600, 0o644, 0o640):
            collected.add(f"{command}-link-{mode:o}", _KEPT, _link(command, mode))
            collected.add(f"{command}-mode-{mode:o}", _KEPT, _mode(command, mode))
        for i, name in enumerate(
            (
                "no/where/out.json",
                "plain/out.json",
                "loop",
                "a" * 300,
                "a" * 5000,
                "",
                "/",
                ".",
                "..",
                "/proc/out",
                "/sys/out",
            )
        ):
            collected.add(f"{command}-to-{i}", _KEPT, _to(name, command))
    collected.add("hard-link", _KEPT, _hard_link)
    collected.add("output-is-input", _KEPT, _is_input)
    shown: dict[str, tuple[str, ...]] = {
        "translate": ("translate", "a.csv", *given_all()), "translate-text": ("translate", "a.csv", *given_all()[:-1]),
        "anchors": ("anchors", "list"), "models": ("models", "list"), "show": ("profile", "show", "a.csv"), "help": ("--help",),
        "version": ("--version",), "check": ("profile", "check", "a.csv"), "datasets": ("datasets", "list", "--json"),
    }  # fmt: skip
    for name, args in shown.items():
        collected.add(f"stdout-full-{name}", "stdout full is a traceback", _full(*args))
        for coding in ("ascii", "latin-1"):
            collected.add(
                f"stdout-{coding}-{name}",
                "stdout not UTF-8 is a traceback",
                _coded(coding, *args),
            )
    return collected
