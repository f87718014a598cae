"""Options with values that cannot be, repeated, unknown, contradictory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, doubted, refused
from tests.soak.lab import Lab
from tests.soak.made import KEY, PAIR, base_answer, given_all, stats_csv

_ENTERS = "a value that is not checked where it enters"
_ACTS = "every option acts, or it is refused"


def _no(*args: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        lab.write("a.csv", stats_csv())
        yield from refused(lab.xlate(*args))

    return judge


def _doubt(*args: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        lab.write("a.csv", stats_csv())
        yield from doubted(lab.xlate(*args))

    return judge


def _strict(lab: Lab) -> Iterator[str]:
    lab.write("a.csv", stats_csv())
    run = lab.xlate(
        "translate", "a.csv", *PAIR, *KEY, "--step-time", "20", "--strict", "--json"
    )
    yield from refused(run, codes=(3,))


def _wider(lab: Lab) -> Iterator[str]:
    """A higher level, a wider interval, around the same value."""
    lab.write("a.csv", stats_csv())
    widths = []
    for level in ("0.2", "0.5", "0.8", "0.9", "0.95"):
        run = lab.xlate("translate", "a.csv", *given_all(), "--level", level)
        yield from accepted(run)
        for a in answers(run):
            step = a["step_time_s"]
            widths.append(step["high"] / step["low"] if step["low"] else float("inf"))
    if widths != sorted(widths):
        yield f"high over low {', '.join(f'{w:.3f}' for w in widths)} as the level rises"


def _place(lab: Lab) -> Iterator[str]:
    """Options before and behind the file are the same."""
    lab.write("a.csv", stats_csv())
    run = lab.xlate("translate", *given_all(), "a.csv")
    if (
        run.exit == 0
        and answers(run)[0]["step_time_s"]
        != answers(base_answer(lab))[0]["step_time_s"]
    ):
        yield "another answer with the options in front"


def _json_error(*args: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        lab.write("a.csv", stats_csv())
        run = lab.xlate(*args, "--json")
        yield from refused(run)
        if run.document is None:
            yield "--json, and the error is no JSON document"

    return judge


def cases() -> Cases:
    """About 150."""
    collected = Cases("command_options")
    ask = ("translate", "a.csv", *PAIR)
    numbers = {
        "--step-time": ("inf", "nan", "-1", "-inf", "0", "1e400", "", "abc", "12ms", "1,5", "٣"),
        "--batch-size": ("0", "-1", "1.5", "nan", "inf", "", "abc", "1e3", "9" * 400),
        "--input-size": ("0", "-1", "1.5", "nan", "", "abc", "128x128", "9" * 400),
        "--level": ("0", "1", "-0.5", "1.5", "90", "nan", "inf", "", "90%", "abc"),
    }  # fmt: skip
    for option, values in numbers.items():
        for i, value in enumerate(values):
            if (option, value) == ("--step-time", "٣"):
                continue
            collected.add(
                f"translate{option}-{i}", _ENTERS, _no(*ask, option, value, "--json")
            )
    for option, value in (
        ("--batch-size", "99999999999999999999999"),
        ("--input-size", "100000000"),
        ("--batch-size", "1000000000"),
        ("--step-time", "1e12"),
        ("--step-time", "1e-9"),
    ):
        collected.add(
            f"translate{option}-odd-{value[:8]}",
            "sizes of 1e8 px and batches of 1e23 are ok",
            _doubt(*ask, option, value, "--json"),
        )
    for option, value in (
        ("--target", "g4dn.xlarge"),
        ("--anchor", "g4dn.xlarge"),
        ("--batch-size", "64"),
        ("--step-time", "140"),
        ("--model", "VGG16"),
        ("--level", "0.5"),
        ("--format", "json"),
        ("--input-size", "64"),
        ("--optimizer", "Adam"),
    ):
        collected.add(
            f"twice{option}",
            "--target a --target b: the last wins silently",
            _no(
                *ask,
                *KEY,
                "--step-time",
                "130",
                "--level",
                "0.9",
                "--format",
                "tensorflow_stats",
                option,
                value,
                "--json",
            ),
        )
    for i, args in enumerate(
        (
            ("translate", "", *PAIR),
            ("translate", " ", *PAIR),
            ("translate", *PAIR),
            ("translate", "nowhere.csv", *PAIR),
            ("translate", "a.csv"),
            ("translate", "a.csv", "--anchor", "p2.xlarge"),
            ("translate", "a.csv", "--target", "p3.2xlarge"),
            (*ask, "--unknown"),
            (*ask, "--jsn"),
            (*ask, "--format", "xml"),
            (*ask, "--format", ""),
            (*ask, "--format", "parquet"),
            (*ask, "--scale", ""),
            (*ask, "--scale", "batch-size"),
            (*ask, "--scale", "batch-size="),
            (*ask, "--scale", "depth=3"),
            (*ask, "--batch-size", "32", "--scale", "batch-size=0"),
            (*ask, "--batch-size", "32", "--scale", "batch-size=-4"),
            (*ask, "--batch-size", "32", "--scale", "batch-size=256..16"),
            (*ask, "--batch-size", "32", "--scale", "batch-size=nan"),
            (*ask, "--batch-size", "32", "--scale", "batch-size=16..999999999999"),
            (*ask, "--batch-size", "32", "--scale", "batch-size=16,,32"),
            (*ask, "--scale", "batch-size=16..32", "--profile", "p2.xlarge=a.csv"),
            (*ask, "--anchors-dir", "nowhere"),
            (*ask, "--out", ""),
            (*ask, "--profile", "p2.xlarge=a.csv"),
            ("translate", "--profile", "a.csv", "--target", "p3.2xlarge"),
            ("translate", "--profile", "=a.csv", "--target", "p3.2xlarge"),
            ("translate", "--profile", "p2.xlarge=", "--target", "p3.2xlarge"),
            ("translate", "--profile", "p2.xlarge=nowhere", "--target", "p3.2xlarge"),
            ("translate", "--profile", "p2.xlarge=.", "--target", "p3.2xlarge"),
            (
                "translate",
                "--profile",
                "p2.xlarge=a.csv",
                "--profile",
                "p2.xlarge=a.csv",
                "--target",
                "p3.2xlarge",
            ),
            ("translate", "--profile", "p3.2xlarge=a.csv", "--target", "p3.2xlarge"),
            ("translate", "a.csv", "--anchor", "p3.2xlarge", "--target", "p3.2xlarge"),
            ("translate", "a.csv", "--anchor", "c5.4xlarge", "--target", "p3.2xlarge"),
            ("translate", "a.csv", "--anchor", "p2.xlarge", "--target", "c5.4xlarge"),
            ("profile", "show", ""),
            ("profile", "check", "nowhere"),
            ("profile", "show", "a" * 300),
            ("profile", "show", "a.csv", "--format", "xml"),
            ("profile", "record", "--framework", "caffe"),
            ("anchors", "show", ""),
            ("anchors", "show", "nowhere"),
            ("models", "show", ""),
            ("models", "show", "nowhere"),
            ("models", "show", "../../etc"),
            ("models", "show", "/dev/zero"),
            ("datasets", "show", "nowhere"),
            ("datasets", "show", ""),
            ("datasets", "show", "../simulated"),
            ("datasets", "check", "nowhere"),
            ("datasets", "import", "nowhere"),
            ("datasets", "import", "profet", "--from", "nowhere"),
            ("datasets", "import", "profet", "--from", "a.csv"),
            ("datasets", "pull", "nowhere"),
            ("datasets", "pull", "profet", "--mirror", "ftp://x"),
            ("datasets", "pull", "profet", "--mirror", "http://127.0.0.1:9/x"),
            ("datasets", "pull", "profet", "--mirror", ""),
            ("compare",),
            ("compare", "--anchor", "p2.xlarge"),
            ("compare", "--all-pairs", "--anchor", "p2.xlarge"),
            ("compare", *PAIR, "--data", "nowhere"),
            ("compare", *PAIR, "--data", "simulated", "--translators", "bogus"),
            ("compare", *PAIR, "--data", "simulated", "--translators", ""),
            ("compare", *PAIR, "--data", "simulated", "--translators", "ratio,,"),
            (
                "compare",
                *PAIR,
                "--data",
                "simulated",
                "--split",
                "bogus",
                "--translators",
                "ratio",
            ),
            (
                "compare",
                *PAIR,
                "--data",
                "simulated",
                "--columns",
                "-3",
                "--translators",
                "ratio",
            ),
            (
                "compare",
                *PAIR,
                "--data",
                "simulated",
                "--columns",
                "0",
                "--translators",
                "ratio",
            ),
            (
                "compare",
                *PAIR,
                "--data",
                "simulated",
                "--repeats",
                "bogus",
                "--translators",
                "ratio",
            ),
            ("fit", *PAIR, "--data", "nowhere"),
            ("fit", *PAIR, "--data", "simulated", "--translator", "bogus"),
            ("fit", *PAIR, "--seed", "-1"),
            ("fit", *PAIR, "--jobs", "0"),
            ("fit", *PAIR, "--shots", "nowhere.parquet"),
            ("fit", *PAIR, "--shots", "a.csv", "--split", "family"),
            ("fit", *PAIR, "--shots", "a.csv", "--columns", "5"),
            ("fit", *PAIR, "--shots", "a.csv", "--repeats", "cross"),
            ("fit", "--anchor", "p2.xlarge", "--target", "p2.xlarge"),
            ("report", *PAIR, "--data", "simulated", "--out", "a.pdf"),
            ("report", *PAIR, "--data", "simulated", "--out", "no/where/a.html"),
            ("report", *PAIR, "--data", "simulated", "--out", ""),
            ("clocks", "fit"),
            ("clocks", "fit", "--target", "p3.2xlarge", "--gpu", "V100"),
            ("clocks", "fit", "--target", "nowhere"),
            (
                "clocks",
                "fit",
                "--target",
                "p3.2xlarge",
                "--model",
                "bogus",
                "--sweeps",
                "simulated",
            ),
            ("clocks", "fit", "--target", "p3.2xlarge", "--sweeps", "nowhere"),
            ("clocks", "fit", "--target", "p3.2xlarge", "--sweeps", ""),
            ("clocks", "fit", "--target", "Orin-NX", "--sweeps", "simulated"),
            ("clocks", "label", "--sweeps", "simulated", "--gpu", "nowhere"),
            ("clocks", "label", "--sweeps", "simulated", "--rent", "nan"),
            ("clocks", "label", "--sweeps", "simulated", "--rent", "inf"),
            ("clocks", "label", "--sweeps", "simulated", "--rent", "-1"),
            ("clocks", "label", "--sweeps", "simulated", "--max-slowdown", "-5%"),
            ("clocks", "label", "--sweeps", "simulated", "--max-slowdown", "nan"),
            ("clocks", "label", "--sweeps", "simulated", "--max-slowdown", "fast"),
            ("clocks", "label", "--sweeps", "simulated", "--max-slowdown", ""),
            ("clocks", "compare", "--sweeps", "simulated", "--models", "bogus"),
            (
                "clocks",
                "compare",
                "--sweeps",
                "simulated",
                "--view",
                "bogus",
                "--models",
                "max-clock",
            ),
            (
                "clocks",
                "compare",
                "--sweeps",
                "simulated",
                "--split",
                "bogus",
                "--models",
                "max-clock",
            ),
            (
                "clocks",
                "compare",
                "--sweeps",
                "simulated",
                "--probe",
                "bogus",
                "--models",
                "max-clock",
            ),
            ("sweep", "read", ""),
            ("sweep", "read", "nowhere"),
            ("sweep", "read", "a.csv"),
            ("bogus",),
            ("clocks", "bogus"),
            ("anchors", "check", "--anchors-dir", "nowhere"),
        )
    ):
        collected.add(
            f"wrong-{i}-{'-'.join(args)[:40].replace('/', '_').replace(' ', '')}",
            _ENTERS,
            _no(*args),
        )
    clock = ("predict-freq", "a.csv", *PAIR, *KEY)
    for i, more in enumerate(
        (
            ("--objective", "bogus"),
            ("--objective", ""),
            ("--max-slowdown", "-5%"),
            ("--max-slowdown", "nan"),
            ("--max-slowdown", "inf"),
            ("--max-slowdown", "5 percent"),
            ("--max-slowdown", ""),
            ("--confidence", "2"),
            ("--confidence", "nan"),
            ("--confidence", "-0.1"),
            ("--probe", "bogus"),
            ("--probe-file", "nowhere"),
            ("--probe-file", ""),
            ("--telemetry", "nowhere"),
            ("--clocks-file", "nowhere"),
            ("--gpu-index", "-1"),
            ("--gpu-index", "99999999999"),
            ("--apply",),
            ("--step-time", "nan"),
            ("--step-time", "inf"),
            ("--step-time", "0"),
            ("--seed", "-1"),
            ("--format", "bogus"),
            ("--yes",),
            ("--gpu-index", "3"),
        )
    ):
        collected.add(
            f"clock-{i}-{'-'.join(more)[:30]}", _ENTERS, _no(*clock, *more), "clocks"
        )
    collected.add("strict", "exit with 3 unless the verdict is ok", _strict)
    collected.add("level-widens", "no silent wrong", _wider)
    collected.add("options-in-front", _ACTS, _place)
    for i, args in enumerate(
        (
            ("translate", "nowhere", *PAIR),
            ("translate", "a.csv", "--anchor", "x", "--target", "p3.2xlarge"),
            ("anchors", "show", "nowhere"),
            ("models", "show", "nowhere"),
            ("profile", "show", "nowhere"),
            ("datasets", "show", "nowhere"),
        )
    ):
        collected.add(
            f"json-error-{i}", "--json also for early errors", _json_error(*args)
        )
    return collected
