"""Every option of every command acts, or is refused: proved by running with and without it.

A command or option that is new fails here until somebody enters an experiment for it in
``EXPERIMENTS``, so that no option can be added that is ignored without a message. Quick commands
run; of those that fit for minutes (``SPIED``) it is looked at what reaches the use case.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer.main

from tests.engine.test_recordings import JOB, Replay
from tests.soak.kinds.catalogues import gpu, instance
from tests.soak.kinds.clock_dumps import dump
from tests.soak.kinds.telemetry_files import HEAD, smi
from tests.soak.lab import Lab, Outcome
from tests.soak.made import (
    ANCHOR,
    TARGET,
    base_step_us,
    dumps,
    run_of,
    stats_csv,
    xlate_json,
)
from tests.soak.runner import prepare
from tests.support import profiles_made as pm

pytestmark = pytest.mark.soak

PAIR = ("--anchor", ANCHOR, "--target", TARGET)
#: use cases that take long: calls to them are recorded, not run
SPIED = (
    "fit",
    "fit_shots",
    "compare",
    "compare_all",
    "anatomy",
    "fit_clocks",
    "compare_clocks",
)


@dataclass(frozen=True)
class Experiment:
    """A command line without the option, and what to add.

    ``writes``: the file it must write, where it is accepted.
    """

    base: tuple[str, ...]
    add: tuple[str, ...]
    writes: str | None = None
    #: what the option takes the place of, where it cannot stand beside it
    without: tuple[str, ...] = field(default=())
    #: what the run without the option wrote, taken away before the one with it
    undo: tuple[str, ...] = field(default=())


def leaves() -> Iterator[tuple[str, Any]]:
    """Every command with its path: ``clocks fit``."""
    from xlate.cli import app

    def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        if hasattr(command, "commands"):
            for name, sub in command.commands.items():
                yield from walk(sub, f"{path} {name}".strip())
        else:
            yield path, command

    yield from walk(typer.main.get_command(app), "")


def options() -> list[tuple[str, str]]:
    """(command, leading name) of every option but --help."""
    every_option = []
    for path, command in leaves():
        for p in command.params:
            if p.param_type_name == "option" and "--help" not in p.opts:
                every_option += [(path, p.opts[0])]
                every_option += (
                    [(path, p.secondary_opts[0])] if p.secondary_opts else []
                )
    return every_option


_T = ("translate", "a.csv", *PAIR)
_KEYED = (*_T, "--network", "ResNet34", "--batch-size", "32", "--input-size", "128")
_STEP = ("--step-time", f"{base_step_us() / 1e3}")
_P = ("predict-freq", "a.csv", *PAIR)
_PROBES = ("--probe-file", "p.json", "--probe-file", "low.json")
_C = ("clocks", "curve", "a.csv", *PAIR)
_OWN = ("translate", "a.csv", "--anchor", ANCHOR, "--target", "box.4090")
_COMPARE = ("compare", *PAIR, "--data", "simulated")
_FIT = ("fit", *PAIR, "--data", "simulated")
_SHOTS = (*_FIT, "--shots", "s.parquet")
_REPORT = ("report", *PAIR, "--data", "simulated", "--out", "r.html")
_CFIT = ("clocks", "fit", "--target", TARGET, "--sweeps", "simulated")
_CCOMPARE = ("clocks", "compare", "--sweeps", "simulated", "--gpu", "V100-SXM2-16GB")
_LABEL = ("clocks", "label", "--sweeps", "simulated", "--gpu", "V100-SXM2-16GB")
_ANCHORS = ("--anchors-dir", "own")
_KEY = {
    "--network": "VGG16", "--batch-size": "64", "--input-size": "224", "--optimizer": "Adam",
}  # fmt: skip
_FIELDS = "timestamp,name,clocks.sm,clocks.mem,power.draw,utilization.gpu,utilization.memory,temperature.gpu"
_FITTED = {
    "--split": "family", "--columns": "families", "--repeats": "cross", "--seed": "7", "--jobs": "1",
}  # fmt: skip


def _experiments() -> dict[tuple[str, str], Experiment]:
    e: dict[tuple[str, str], Experiment] = {}

    def put(
        command: str, option: str, base: Sequence[str], *value: str, **how: Any
    ) -> None:
        e[command, option] = Experiment(tuple(base), (option, *value), **how)

    base: tuple[str, ...]
    for command, base in (
        ("translate", _T),
        ("predict-freq", _P),
        ("clocks curve", _C),
    ):
        for option, value in _KEY.items():
            put(command, option, (*base, "--json"), value)
        put(
            command, "--anchor", ("translate", "b.json", "--target", TARGET), ANCHOR
        ) if command == "translate" else put(
            command, "--anchor", [*base], "g4dn.xlarge", without=("--anchor",)
        )
        put(command, "--target", base, "g4dn.xlarge", without=("--target",))
        put(command, "--step-time", (*base, "--json"), f"{1.02 * base_step_us() / 1e3}")
        put(
            command,
            "--anchors-dir",
            ("clocks", "curve", "a.csv", "--anchor", ANCHOR, "--target", "box.4090")
            if command == "clocks curve"
            else (command, *_OWN[1:]),
            *_ANCHORS[1:],
        )
        put(command, "--json", base)
        put(command, "--region", base, "eu-west-1")
        put(command, "--format", base, "json")
        put(command, "--force", (*command.split(), "t4.json", *PAIR))
    for command in ("translate", "predict-freq", "clocks curve"):
        traced = (*command.split(), "ranges.json", *PAIR, "--force")
        put(command, "--trace-steps", traced, "8")
        put(command, "--step-mark", traced, "range")
    put("translate", "--profile", ("translate", "--target", TARGET), f"{ANCHOR}=a.csv")
    put("translate", "--out", _T, "out.json", writes="out.json")
    put("translate", "--scale", (*_KEYED, *_STEP), "batch-size=16,32")
    put("translate", "--level", _T, "0.5")
    own = (*_OWN, "--anchors-dir", "own", "--json")
    put("translate", "--electricity", own, "9")
    put("translate", "--strict", (*_T, "--step-time", "20"))
    for command, base in (("predict-freq", _P), ("clocks curve", _C)):
        for option, value in (
            ("--objective", "energy"),
            ("--max-slowdown", "1%"),
            ("--probe", "tri-point"),
            ("--probe-file", "p.json"),
            ("--telemetry", "t.csv"),
            ("--clocks-file", "clocks.txt"),
            ("--seed", "7"),
        ):
            put(command, option, base, value)
        put(command, "--sure", (*base, "--max-slowdown", "5%"), "0.99")
        put(command, "--gpu-index", (*base, "--telemetry", "two.csv"), "1")
        bare = (*command.split(), "bare.csv", "--target", TARGET)
        put(command, "--fields", bare, _FIELDS)
    put("predict-freq", "--live", ("predict-freq", "--target", TARGET), "1")
    live = ("predict-freq", "--target", TARGET, "--live", "1", "--json")
    put("predict-freq", "--interval-ms", live, "500")
    # a seed moves draws, which only probabilities and intervals show
    put("clocks curve", "--seed", (*_C, "--json", "--max-slowdown", "5%"), "7")
    # answers of simulated sweeps alone always name clocks to measure: here two were
    put("predict-freq", "--confidence", (*_P, *_PROBES), "1")
    put("predict-freq", "--explain", _P)
    put("predict-freq", "--apply", _P)
    put("predict-freq", "--yes", (*_P, "--apply"))
    put("clocks curve", "--out", _C, "curve.csv", writes="curve.csv")
    for command, base in (("fit", _FIT), ("compare", _COMPARE), ("report", _REPORT)):
        for option, value in _FITTED.items():
            put(command, option, base, value)
        put(command, "--anchor", base, "g4dn.xlarge", without=("--anchor",))
        put(command, "--target", base, "g4dn.xlarge", without=("--target",))
        put(command, "--data", base, "profet", without=("--data",))
        put(command, "--anchors-dir", base, *_ANCHORS[1:])
        put(command, "--json", base)
        put(command, "--parallel", base, "nowhere")
    put("fit", "--translator", _FIT, "ratio")
    put("fit", "--shots", _FIT, "s.parquet")
    put("fit", "--replace", _FIT)
    put("compare", "--translators", _COMPARE, "ratio")
    put("compare", "--all-pairs", ("compare", "--data", "simulated"))
    put("compare", "--explain", _COMPARE)
    put("compare", "--out", _COMPARE, "/dev/full")
    put("report", "--out", _REPORT, "/dev/full", without=("--out",))
    for option, value in (
        ("--target", "g4dn.xlarge"),
        ("--sweeps", "ttu-dvfs"),
        ("--clock-model", "response-linear"),
        ("--seed", "7"),
        ("--anchors-dir", "own"),
    ):
        put("clocks fit", option, _CFIT, value, without=(option,))
    put(
        "clocks fit",
        "--gpu",
        ("clocks", "fit", "--sweeps", "simulated"),
        "V100-SXM2-16GB",
    )
    put("clocks fit", "--json", _CFIT)
    put("clocks fit", "--replace", _CFIT)
    values: tuple[str, ...]
    for option, values in (
        ("--sweeps", ("ttu-dvfs",)),
        ("--gpu", ("T4",)),
        ("--split", ("gpu",)),
        ("--clock-models", ("max-clock",)),
        ("--view", ("smi",)),
        ("--probe", ("tri-point",)),
        ("--max-slowdown", ("1%",)),
        ("--importance", ()),
        ("--no-pool", ()),
        ("--seed", ("7",)),
        ("--anchors-dir", ("own",)),
        ("--out", ("/dev/full",)),
        ("--json", ()),
    ):
        put("clocks compare", option, _CCOMPARE, *values, without=(option,))
    put("clocks compare", "--pool", (*_CCOMPARE, "--no-pool"), without=("--no-pool",))
    for option, values in (
        ("--sweeps", ("nowhere",)),
        ("--gpu", ("T4",)),
        ("--max-slowdown", ("5%",)),
        ("--rent", ("3",)),
        ("--json", ()),
    ):
        put("clocks label", option, _LABEL, *values, without=(option,))
    put("clocks label", "--out", _LABEL, "labels.json", writes="labels.json")
    put(
        "clocks label",
        "--anchors-dir",
        ("clocks", "label", "--sweeps", "simulated", "--gpu", "RTX6090"),
        "own",
    )
    put("sweep read", "--gpu-index", ("sweep", "read", "pairs"), "1")
    put("sweep read", "--fields", ("sweep", "read", "bare-runs"), _FIELDS)
    put("sweep read", "--out", ("sweep", "read", "runs"), "out.csv", writes="out.csv")
    put("sweep read", "--json", ("sweep", "read", "runs"))
    put("sweep read", "--anchors-dir", ("sweep", "read", "own-runs", "--json"), "own")
    for command in ("profile show", "profile check"):
        put(command, "--format", (*command.split(), "a.csv"), "json")
        put(command, "--json", (*command.split(), "a.csv"))
        put(command, "--trace-steps", (*command.split(), "ranges.json"), "8")
        put(command, "--step-mark", (*command.split(), "ranges.json"), "range")
    put("profile record", "--framework", ("profile", "record"), "tensorflow")
    put("profile record", "--json", ("profile", "record"))
    for command in (
        "datasets list",
        "datasets show simulated",
        "datasets check simulated",
        "anchors list",
        "anchors show T4",
        "anchors check",
        "models list",
        f"models show clocks/{TARGET}",
    ):
        words = command.split()
        put(" ".join(words[:2]), "--json", words)
    for command in ("anchors list", "anchors show box.4090", "anchors check"):
        put(" ".join(command.split()[:2]), "--anchors-dir", command.split(), "own")
    put(
        "anchors new",
        "--out",
        ("anchors", "new", "OWN"),
        "there",
        writes="there/OWN.toml",
    )
    new = ("anchors", "new", "OWN")
    put("anchors new", "--gpu", (*new, "--json"), "T4", undo=("OWN.toml",))
    put("anchors new", "--gpu-only", (*new, "--json"), undo=("OWN.toml",))
    put("anchors new", "--json", new, undo=("OWN.toml",))
    put(
        "anchors new",
        "--anchors-dir",
        ("anchors", "new", "RTX6090"),
        "own",
        undo=("RTX6090.toml",),
    )
    for option, value in (
        ("--level", "0.8"),
        ("--objective", "energy"),
        ("--region", "eu-west-1"),
        ("--electricity", "0.3"),
        ("--parallel", "serial"),
    ):
        put("config show", option, ("config", "show"), value)
    put("config show", "--json", ("config", "show"))
    put("config path", "--json", ("config", "path"))
    put("models use", "--json", ("models", "use", f"clocks/{TARGET}@7"))
    put("models remove", "--json", ("models", "remove", f"clocks/{TARGET}@7", "--yes"))
    put("models remove", "--yes", ("models", "remove", f"clocks/{TARGET}@7"))
    put("datasets import", "--from", ("datasets", "import", "zeus"), "own")
    put("datasets import", "--json", ("datasets", "import", "cloud-hw-trainpred"))
    put(
        "datasets pull",
        "--mirror",
        ("datasets", "pull", "profet", "--mirror", "http://127.0.0.1:9/a"),
        "http://127.0.0.1:8/b",
        without=("--mirror",),
    )
    for command, first in {c: x.base for (c, _), x in reversed(e.items())}.items():
        if command != "profile record":  # whose words are those of the program it runs
            put(command, "--verbose", first)
    put("models use", "--verbose", ("models", "use", f"clocks/{TARGET}@7"))
    put(
        "models remove",
        "--verbose",
        ("models", "remove", f"clocks/{TARGET}@7", "--yes"),
    )
    put("anchors new", "--verbose", ("anchors", "new", "OWN"), undo=("OWN.toml",))
    # the spy ends these where they begin, after what the log says first
    put("datasets build", "--verbose", ("datasets", "build", "nothing"))
    return e


EXPERIMENTS = _experiments()
#: (command, option): why it cannot be tried here; each is tried elsewhere
ELSEWHERE = {
    ("datasets pull", "--json"): "needs a server: tests/test_sources.py",
    (
        "datasets pull",
        "--unverified",
    ): "the checksum of every file is known: tests/test_sources.py has a card without",
    (
        "predict-freq",
        "--electricity",
    ): "needs a clock model of an own machine: tests/test_settings.py",
    (
        "clocks curve",
        "--electricity",
    ): "needs a clock model of an own machine: tests/test_settings.py",
    (
        "datasets build",
        "--seed",
    ): "takes long: tests/test_cli.py, tests/test_simulate.py",
    (
        "datasets build",
        "--out",
    ): "takes long: tests/test_cli.py, tests/test_simulate.py",
    (
        "datasets build",
        "--json",
    ): "takes long: tests/test_cli.py, tests/test_simulate.py",
}

#: modes of a command that have dropped options; each option of the command acts in it or is refused
MODES: dict[str, tuple[str, tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "scale": ("translate", (*_KEYED, *_STEP, "--scale", "batch-size=16,32,64"), {
        "--strict": (), "--out": ("out.json",), "--anchors-dir": ("none",), "--level": ("0.5",), "--step-time": (f"{1.05 * base_step_us() / 1e3}",),
        "--format": ("json",), "--optimizer": ("Adam",), "--json": (), "--profile": (f"{ANCHOR}=a.csv",),
        "--trace-steps": ("8",), "--step-mark": ("range",),
    }),
    "together": ("translate", ("translate", "--profile", f"{ANCHOR}=a.csv", "--profile", "g4dn.xlarge=g4.json", "--target", TARGET), {
        "--strict": (), "--out": ("out.json",), "--anchors-dir": ("none",), "--level": ("0.5",), "--step-time": ("100",), "--format": ("parquet",),
        "--trace-steps": ("8",), "--step-mark": ("range",), "--scale": ("batch-size=16,32",), "--anchor": (ANCHOR,), "--json": (), "--network": ("VGG16",), "--batch-size": ("64",), "--input-size": ("64",), "--optimizer": ("Adam",),
    }),
    "shots": ("fit", _SHOTS, {
        "--split": ("family",), "--columns": ("families",), "--repeats": ("cross",), "--jobs": ("1",), "--seed": ("7",), "--translator": ("ratio",), "--anchors-dir": ("own",),
    }),
    "all-pairs": ("compare", ("compare", "--all-pairs", "--data", "simulated", "--translators", "ratio"), {
        "--split": ("family",), "--columns": ("families",), "--repeats": ("cross",), "--jobs": ("1",), "--seed": ("7",), "--anchors-dir": ("own",), "--explain": (), "--anchor": (ANCHOR,), "--target": (TARGET,),
    }),
    "many": ("predict-freq", ("predict-freq", "a.csv", "b.json", *PAIR), {
        "--explain": (), "--step-time": ("100",), "--telemetry": ("t.csv",), "--probe-file": ("p.json",), "--objective": ("energy",), "--max-slowdown": ("5%",), "--clocks-file": ("clocks.txt",), "--apply": ("--yes",),
    }),
}  # fmt: skip


@pytest.fixture(scope="module")
def clock_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home with a clock model, for predict-freq; ``SOAK_HOME`` may name a made one."""
    made = os.environ.get("SOAK_HOME")
    home = Path(made) if made else tmp_path_factory.mktemp("options") / "home"
    home.mkdir(exist_ok=True)
    wrong = prepare(home)
    assert wrong is None, wrong
    return home


@pytest.fixture
def lab(tmp_path: Path, clock_home: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A folder with one of each input, and use cases that only record."""
    made = Lab(tmp_path, clock_home, limit_s=60)
    made.write("a.csv", stats_csv())
    made.write("b.json", dumps(xlate_json()))
    made.write("t4.json", dumps(xlate_json(device="Tesla T4")))
    ops, step = run_of("g4dn.xlarge")
    made.write(
        "g4.json", dumps(xlate_json(instance="g4dn.xlarge", ops=ops, step_time_us=step))
    )
    made.write("ranges.json", pm.trace(pm.steps(length=10_000, name="range {}")))
    made.write("p.json", dumps({"sm_mhz": 1530, "time_s": 1.0, "power_w": 150}))
    made.write("low.json", dumps({"sm_mhz": 1500, "time_s": 1.02, "power_w": 130}))
    made.write("t.csv", smi(watts="80 W", busy="70 %"))
    index = (
        "timestamp, index, name, clocks.sm [MHz], power.draw [W], utilization.gpu [%]\n"
    )
    rows = "".join(
        f"2026/01/01 00:00:{s:02d}.000, {g}, Tesla K80, 875 MHz, {80 + 40 * g} W, {60 + 30 * g} %\n"
        for s in range(20)
        for g in (0, 1)
    )
    made.write("two.csv", index + rows)
    job = "results_V100_app_job_1"
    for mhz in (1000, 1200):
        made.write(
            f"runs/{job}/run_1_1_freq_{mhz}_profile.csv",
            smi(name="Tesla V100", mhz=f"{mhz} MHz"),
        )
        made.write(
            f"own-runs/results_RTX6090_app_job_1/run_1_1_freq_{mhz}_profile.csv",
            smi(name="NVIDIA GeForce RTX 6090", mhz=f"{mhz} MHz"),
        )
        made.write(
            f"pairs/{job}/run_1_1_freq_{mhz}_profile.csv",
            index + rows.replace("875", str(mhz)).replace("K80", "V100"),
        )
    bare = smi(name="Tesla V100-SXM2-16GB", mhz="1530 MHz").removeprefix(HEAD)
    made.write("bare.csv", bare)
    made.write(f"bare-runs/{job}/run_1_1_freq_1530_profile.csv", bare)
    made.write("clocks.txt", dump((1530, 1200, 900)))
    made.write("own/gpus/RTX6090.toml", gpu())
    made.write("own/box/instance.toml", instance())
    made.write("s.parquet", b"PAR1")
    (tmp_path / "none").mkdir()
    from xlate.engine.session import Session
    from xlate.hardware import control

    load = control.load_nvml
    monkeypatch.setattr(
        control,
        "load_nvml",
        lambda o="--apply": Replay(JOB) if o == "--live" else load(o),
    )
    for name in SPIED:
        monkeypatch.setattr(Session, name, _spy(name))
    return made


class RecordedError(Exception):
    """Ends a command where its use case would begin."""


def _spy(name: str) -> Callable[..., NoReturn]:
    def record(*args: Any, **kwargs: Any) -> NoReturn:
        session, request = args
        calls = {k: v for k, v in kwargs.items() if not callable(v)}
        raise RecordedError(f"{name} {session.anchors_dirs} {request!r} {calls}")

    return record


def _without(args: tuple[str, ...], options: tuple[str, ...]) -> tuple[str, ...]:
    """A command line less some options, each with its value if it has one."""
    left = list(args)
    for option in options:
        if option in left:
            k = left.index(option)
            takes = k + 1 < len(left) and not left[k + 1].startswith("--")
            del left[k : k + 1 + takes]
    return tuple(left)


def _seen(run: Outcome) -> tuple[Any, ...]:
    """What a user would see of a run."""
    crash = run.crash if run.crash and "Recorded" in run.crash else None
    return run.exit, run.out, run.err, crash


#: options that change how what comes after the use case is shown or written: the spy ends the
#: command before that, so they are tried by what the command says of a path that cannot be
_AFTER_THE_SPY = {"--json", "--explain", "--importance"}


def _two_versions(lab: Lab) -> None:
    """A data home of this experiment alone, with a second version of the clock model."""
    made = lab.dir / "versions"
    shutil.rmtree(made, ignore_errors=True)
    slot = made / "models/clocks" / TARGET
    for name in (slot.name, f"{slot.name}@7"):
        shutil.copytree(lab.given_home / "models/clocks" / TARGET, slot.with_name(name))
    lab.home = made


def _try(
    lab: Lab,
    base: tuple[str, ...],
    add: tuple[str, ...],
    without: tuple[str, ...],
    writes: str | None,
    undo: tuple[str, ...] = (),
) -> None:
    stored = base[0] == "models" and base[1] in ("use", "remove")
    if stored:
        _two_versions(lab)
    plain = lab.xlate(*base)
    for name in undo:
        (lab.dir / name).unlink()
    if stored:
        _two_versions(lab)
    given = lab.xlate(*_without(base, without), *add)
    # a crash of ours is a defect, one by the spy is the end of the experiment
    for run in (plain, given):
        assert run.crash is None or "Recorded" in run.crash, run.crash
    if writes is not None and given.exit == 0:
        assert (lab.dir / writes).is_file(), f"{add[0]} wrote nothing"
        return
    assert _seen(plain) != _seen(given), (
        f"{' '.join(add)} changes nothing, and is not refused: xlate {' '.join(given.args)}"
    )


def test_every_option_has_an_experiment() -> None:
    there = set(options())
    tried = set(EXPERIMENTS) | set(ELSEWHERE)
    lost = sorted(f"xlate {c} {o}" for c, o in there - tried if o not in ("--version",))
    assert not lost, "no experiment shows that these act: " + ", ".join(lost)


def test_no_command_of_an_experiment_is_gone() -> None:
    there = {path for path, _ in leaves()}
    assert {c for c, _ in [*EXPERIMENTS, *ELSEWHERE]} <= there
    assert {c for c, _, _ in MODES.values()} <= there


@pytest.mark.parametrize(
    ("command", "option"), sorted(EXPERIMENTS), ids=lambda v: v.replace(" ", "_")
)
def test_an_option_acts_or_is_refused(lab: Lab, command: str, option: str) -> None:
    tried = EXPERIMENTS[command, option]
    if (command, option) not in set(options()):
        run = lab.xlate(*_without(tried.base, tried.without), *tried.add)
        assert run.exit == 2, run.said
        assert option in run.err
        return
    if tried.base[:2] == ("datasets", "import") and "XLATE_DATA_HOME" not in os.environ:
        pytest.skip("needs the public corpora: XLATE_DATA_HOME")
    spied = command.split()[0] in ("fit", "compare", "report") or command in (
        "clocks fit",
        "clocks compare",
    )
    if spied and option in _AFTER_THE_SPY:
        pytest.skip(
            "acts behind the use case: tests/test_cli.py and tests/test_cli_clocks.py run it"
        )
    _try(lab, tried.base, tried.add, tried.without, tried.writes, tried.undo)


@pytest.mark.parametrize(
    ("mode", "option"), [(m, o) for m, (_, _, more) in MODES.items() for o in more]
)
def test_an_option_acts_in_every_mode_of_its_command(
    lab: Lab, mode: str, option: str
) -> None:
    command, base, more = MODES[mode]
    assert (command, option) in set(options())
    value = more[option]
    if (mode, option) in (("scale", "--anchors-dir"), ("together", "--anchors-dir")):
        # a target that only the folder knows
        base = tuple("box.4090" if w == TARGET else w for w in base)
        value = ("own",)
    if (mode, option) == ("scale", "--optimizer"):
        # it is a part of the key, which JSON shows
        base = (*base, "--json")
    if option == "--strict":
        base = (
            (*_without(base, ("--step-time",)), "--step-time", "20")
            if mode == "scale"
            else base
        )
        if mode == "together":
            lab.write("a.csv", stats_csv({"Device_Strange": 9e6, "Device_IDLE": 1e6}))
    writes = value[0] if option == "--out" else None
    _try(lab, base, (option, *value), (), writes)


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("translate", ("a.csv", *PAIR)),
        ("predict-freq", ("a.csv", *PAIR)),
        ("clocks curve", ("a.csv", *PAIR)),
        ("anchors list", ()),
        ("models list", ()),
        ("datasets list", ()),
        ("profile show", ("a.csv",)),
    ],
)
def test_an_unknown_option_is_a_usage_error(
    lab: Lab, command: str, args: tuple[str, ...]
) -> None:
    run = lab.xlate(*command.split(), *args, "--no-such-option")
    assert run.exit == 2
    assert "--no-such-option" in run.err


def test_the_spies_are_of_use_cases_that_exist() -> None:
    from xlate import engine

    assert all(hasattr(engine, n) for n in SPIED)
