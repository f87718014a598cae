"""Telemetry of the anchor and probes on the target, for predict-freq; folders of sweeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.soak.case import Cases
from tests.soak.checks import accepted, refused
from tests.soak.lab import Lab
from tests.soak.made import KEY, PAIR, dumps, flipped, stats_csv

_PROBE = "a value that is not checked where it enters"
_OTHER = "cases/traces: telemetry of another GPU, or of an idle one, is none of the job"
_VALID = "valid variants must be accepted"
HEAD = "timestamp, name, clocks.sm [MHz], clocks.mem [MHz], power.draw [W], utilization.gpu [%], utilization.memory [%], temperature.gpu\n"


def smi(
    n: int = 30,
    *,
    name: str = "Tesla K80",
    mhz: str = "875 MHz",
    watts: str = "120.5 W",
    busy: str = "95 %",
    head: str = HEAD,
    each: bool = False,
) -> str:
    """What a loop of nvidia-smi writes."""
    rows = [
        f"2026/01/01 00:00:{i:02d}.000, {name}, {mhz}, 2505 MHz, {watts}, {busy}, 40 %, 60\n"
        for i in range(n)
    ]
    return (head + head.join(rows)) if each else head + "".join(rows)


def ask(lab: Lab, *more: str) -> Any:
    return lab.xlate(
        "predict-freq", lab.write("a.csv", stats_csv()), *PAIR, *KEY, "--json", *more
    )


def _telemetry(
    content: bytes | str, right: bool | None, pattern: str | None = None
) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = ask(lab, "--telemetry", lab.write("t.csv", content))
        if right:
            yield from accepted(run)
        elif right is False and run.exit == 0:
            # not used is right too, where that is said
            if not any(
                w in run.said
                for w in (
                    "not used",
                    "left out",
                    "idle",
                    "another GPU",
                    "does not count",
                )
            ):
                yield "telemetry that is none of the job is used without a word"
        elif right is False:
            yield from refused(run, pattern, (1,))

    return judge


_V100: dict[str, Any] = {
    "name": "Tesla V100-SXM2-16GB",
    "mhz": "1530 MHz",
    "watts": "200 W",
}
_DMON = "# gpu   pwr gtemp    sm   mem  mclk  pclk\n# Idx     W     C     %     %   MHz   MHz\n"
_DCGM = "#Entity  SMACT  DRAMA  POWER  SMCLK\nID\n"
_AMD = "timestamp,gpu,gfx_activity,umc_activity,socket_power,gfx_0_clk\n"
#: recordings given in place of a profile: whether there is an answer, None for either
_RECORDINGS: dict[str, tuple[str | bytes, bool | None]] = {
    "smi": (smi(**_V100), True),
    "dmon": (_DMON + "    0   200    60    98    40   877  1530\n" * 30, True),
    "dcgm": (_DCGM + "GPU 0  0.9  0.4  200  1530\n" * 30, True),
    "other-gpu": (smi(**_V100 | {"name": "Tesla T4"}), False),
    "amd": (_AMD + "1789515524,0,95,40,200,1530\n" * 30, None),
    "idle": (smi(**_V100 | {"busy": "0 %"}), False),
    "one-sample": (smi(1, **_V100), False),
    "low-clock": (smi(**_V100 | {"mhz": "700 MHz"}), None),
    "nan": (smi(**_V100 | {"watts": "nan W"}), False),
    "too-much": (smi(**_V100 | {"watts": "900 W"}), False),
    "too-fast": (smi(**_V100 | {"mhz": "2400 MHz"}), False),
    "no-header": (smi(**_V100).removeprefix(HEAD), False),
    "cut": (smi(**_V100)[:-700], None),
    "dmon-cut": (_DMON + "    0   200    60    98", False),
    "dcgm-blank": (_DCGM + "GPU 0  0.9  0.4  9223372036854775794  1530\n" * 30, False),
    "rocm-half-json": ('{"card0": {"GPU use (%)": "98", "Average', False),
    "amd-json-deep": ("[" * 4000 + '{"gpu": 0, "socket_power": 9}', False),
    "dmon-header-alone": (_DMON, False),
    "dates": (smi(**_V100).replace("2026/01/01", "2026/13/41"), False),
}


def _alone(content: bytes | str, right: bool | None) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate(
            "predict-freq",
            lab.write("r.txt", content),
            "--target",
            "p3.2xlarge",
            "--json",
        )
        if right:
            yield from accepted(run)
        elif right is False:
            yield from refused(run, None, (1, 2))
        for d in run.document or ():
            if run.exit == 0 and isinstance(d, dict) and d.get("telemetry") is None:
                yield "an answer from a recording that says nothing of it"

    return judge


def _probe(value: Any, right: bool | None) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = ask(
            lab,
            "--probe-file",
            lab.write("p.json", value if isinstance(value, str) else dumps(value)),
        )
        if right is False:
            yield from refused(run, None, (1, 2))
        elif right:
            yield from accepted(run)

    return judge


def _two_probes(lab: Lab) -> Iterator[str]:
    """Two runs at one clock that contradict one another by a factor of ten."""
    a = lab.write("p.json", dumps({"sm_mhz": 1530, "time_s": 1.0, "power_w": 200}))
    b = lab.write("q.json", dumps({"sm_mhz": 1530, "time_s": 10.0, "power_w": 50}))
    run = ask(lab, "--probe-file", a, "--probe-file", b)
    if run.exit == 0 and not any(
        w in run.said
        for w in ("contradict", "disagree", "differ", "twice", "same clock")
    ):
        yield "two probes at one clock, ten times apart, and nothing is said"


def _faster_when_slower(lab: Lab) -> Iterator[str]:
    """A probe at a low clock that took less time than one at the highest."""
    a = lab.write("p.json", dumps({"sm_mhz": 1530, "time_s": 1.0, "power_w": 200}))
    b = lab.write("q.json", dumps({"sm_mhz": 765, "time_s": 0.2, "power_w": 260}))
    run = ask(lab, "--probe-file", a, "--probe-file", b)
    for d in run.document or ():
        if (
            run.exit == 0
            and isinstance(d, dict)
            and d.get("action") == "apply"
            and d.get("confidence", 0) > 0.9
        ):
            yield f"sure by {d['confidence']:.0%} of probes that cannot be"


def _sweep(content: str, right: bool) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        for mhz in (1000, 1200):
            lab.write(
                f"runs/V100-dvfs-app-{mhz}-1.csv", content.replace("875", str(mhz))
            )
        run = lab.xlate("sweep", "read", "runs", "--json")
        if not right:
            yield from refused(run, None, (1,))

    return judge


def cases() -> Cases:
    """About 95."""
    collected = Cases("telemetry_files")
    good = smi()
    for name, text in {
        "plain": good,
        "crlf": good.replace("\n", "\r\n"),
        "bom": "\ufeff" + good,
        "repeated-header": smi(each=True),
        "no-units": good.replace(" MHz", "").replace(" W", "").replace(" %", ""),
        "some-missing": good.replace("120.5 W", "[N/A]", 3),
        "no-last-newline": good.rstrip(),
    }.items():
        collected.add(f"valid-{name}", _VALID, _telemetry(text, True), "clocks")
    for name in ("Tesla V100-SXM2-16GB", "Quadro P2000", "NVIDIA GeForce RTX 4090"):
        collected.add(
            f"of-{name.replace(' ', '-')}",
            _OTHER,
            _telemetry(smi(name=name), False),
            "clocks",
        )
    for name, text in {
        "idle": smi(watts="26.1 W", busy="0 %"),
        "one-sample": smi(1, watts="4.61 W", busy="0 %"),
        "header-only": HEAD,
        "empty": "",
        "binary": "\0\1\2",
        "watts-negative": smi(watts="-5 W"),
        "watts-nan": smi(watts="nan W"),
        "watts-inf": smi(watts="inf W"),
        "watts-huge": smi(watts="120500 W"),
        "watts-text": smi(watts="much"),
        "watts-absent": smi(watts="[N/A]"),
        "busy-300": smi(busy="300 %"),
        "busy-negative": smi(busy="-3 %"),
        "no-power": good.replace("power.draw", "fan.speed"),
        "short-row": good
        + "2026/01/01 00:00:59.000, Tesla K80, 8\n2026/01/01 00:00:59.500, Tesla K80, 875 MHz, 2505 MHz\n",
    }.items():
        right = None if name == "short-row" else False
        collected.add(
            f"wrong-{name}",
            _OTHER if name in ("idle", "one-sample") else _PROBE,
            _telemetry(text, right),
            "clocks",
        )
    for name, (recorded, right) in _RECORDINGS.items():
        collected.add(
            f"alone-{name}",
            "clocks from a meter alone",
            _alone(recorded, right),
            "clocks",
        )
    for seed in range(8):
        collected.add(
            f"flip-{seed}",
            "no traceback",
            _telemetry(flipped(good.encode(), seed), None),
            "clocks",
        )
    base = {"sm_mhz": 1530, "time_s": 1.0, "power_w": 200}
    collected.add("probe-valid", _VALID, _probe(base, True), "clocks")
    collected.add(
        "probe-with-metrics",
        _VALID,
        _probe({**base, "gpu_utilization": 90}, None),
        "clocks",
    )
    for key in base:
        for i, value in enumerate(
            (0, -1, float("nan"), float("inf"), "x", None, [1], True, 10**400)
        ):
            collected.add(
                f"probe-{key}-{i}",
                _PROBE,
                _probe({**base, key: value}, False),
                "clocks",
            )
        collected.add(
            f"probe-without-{key}",
            _PROBE,
            _probe({k: v for k, v in base.items() if k != key}, False),
            "clocks",
        )
    for i, odd in enumerate(
        (
            {**base, "sm_mhz": 5000},
            {**base, "sm_mhz": 1.53},
            {**base, "sm_mhz": 1530e6},
            {**base, "power_w": 2000},
            {**base, "power_w": 200_000},
            {**base, "power_w": 0.2},
            {**base, "colour": 3},
            {**base, "sm_mhz": 10},
        )
    ):
        collected.add(
            f"probe-odd-{i}", "unit mistakes noticed", _probe(odd, False), "clocks"
        )
    for i, text in enumerate(
        (
            "",
            "{",
            "[]",
            "[1]",
            "null",
            "3",
            "{}",
            '{"a":' * 5000,
            dumps(base) + "x",
            dumps([base]),
        )
    ):
        collected.add(
            f"probe-text-{i}",
            "no traceback",
            _probe(text, None if i == 9 else False),
            "clocks",
        )
    collected.add("probes-contradict", "no silent wrong", _two_probes, "clocks")
    collected.add("probes-impossible", "no silent wrong", _faster_when_slower, "clocks")
    for i, text in enumerate(
        (
            good,
            good.replace("120.5 W", "[N/A]"),
            "",
            HEAD,
            smi(watts="-5 W"),
            smi(watts="nan W"),
            "\0\1",
        )
    ):
        collected.add(f"sweep-{i}", "no traceback", _sweep(text, i == 0))
    return collected
