"""The best clock from a recording on the target alone: of a file, or of the card here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.support.documents import document_of
from tests.support.narrowing import all_as, as_type, present
from xlate import engine
from xlate.cli import app
from xlate.engine.explanation import what_to_do
from xlate.errors import ProfileError, RefusedError
from xlate.models.response.base import Training
from xlate.models.response.calibrated import CalibratedResponse
from xlate.objectives import Edp
from xlate.store.clock_bundle import FORMAT, ClockBundle, ClockManifest
from xlate.sweeps.features import VIEWS
from xlate.sweeps.probe import of_trace, read_telemetry
from xlate.telemetry.live import device_here, sample
from xlate.values.profile import Estimate
from xlate.values.recommendation import Recommendation
from xlate.values.translation import Failure

TARGET, GPU, HIGHEST, LIMIT = "p3.2xlarge", "V100-SXM2-16GB", 1530, 300
SMI = "timestamp, name, power.draw [W], clocks.sm [MHz], utilization.gpu [%], utilization.memory [%]\n"
V100 = "Tesla V100-SXM2-16GB"


def training(view: str, n: int = 24) -> Training:
    """Jobs whose time grows with what memory does not bind, and whose power falls."""
    rng = np.random.default_rng(1)
    shares = np.linspace(0.4, 1, 25)
    memory, power = rng.uniform(0.1, 0.9, n), rng.uniform(0.4, 0.9, n)
    columns = {
        "power_share": power, "busy": np.full(n, 0.98), "memory": memory,
        "dram": memory, "sm": np.full(n, 0.9), "pipes": 1 - memory,
    }  # fmt: skip
    growth = (1 - memory)[:, None] * (1 / shares - 1)
    left = 0.2 + 0.8 * shares**2 + 0.01 * rng.normal(size=(n, 1)) * (1 - shares)
    return Training(
        np.column_stack([columns[c] for c in VIEWS[view]]),
        VIEWS[view],
        np.log1p(growth),
        np.log(left),
        shares,
        np.array([f"job{i}" for i in range(n)]),
        Edp(),
        None,
    )


@pytest.fixture(scope="module")
def bundle() -> ClockBundle:
    models = {
        v: CalibratedResponse(0, "response-linear").fit(training(v)) for v in VIEWS
    }
    manifest = ClockManifest(
        FORMAT,
        {},
        TARGET,
        GPU,
        GPU,
        1.0,
        (),
        "made here",
        "",
        False,
        "none",
        None,
        None,
        "response-calibrated",
        tuple(VIEWS),
        0,
        tuple(f"job{i}" for i in range(24)),
        (),
        {},
    )
    return ClockBundle(manifest, models, None)


#: answers the text of a recording
Ask = Callable[..., Recommendation]
#: runs a command in this process
Run = Callable[..., Result]


@pytest.fixture
def ask(bundle: ClockBundle, tmp_path: Path) -> Ask:
    def of_text(text: str, **options: Any) -> Recommendation:
        path = tmp_path / "run.csv"
        path.write_text(text)
        (recommendation,) = engine.clocks_of_recordings(
            [read_telemetry(path)], TARGET, clock_bundle=bundle, **options
        )
        if isinstance(recommendation, Failure):
            raise recommendation.error
        return recommendation

    return of_text


def smi(
    n: int = 60,
    name: str = V100,
    watts: float = 200.0,
    mhz: int = HIGHEST,
    busy: int = 98,
    memory: float = 50,
) -> str:
    return SMI + "".join(
        f"2026/05/01 12:00:{k / 10:06.3f}, {name}, {watts + k % 3:.1f} W, {mhz} MHz, {busy} %, {memory} %\n"
        for k in range(n)
    )


def dmon(n: int = 60, watts: int = 200, dram: float = 0.5) -> str:
    head = "#Entity  GRACT  SMACT  DRAMA  FP32A  POWER  SMCLK\nID\n"
    return head + f"GPU 0  0.98  0.9  {dram}  0.5  {watts}  {HIGHEST}\n" * n


def test_power_is_measured_and_nothing_else_is_said(ask: Ask) -> None:
    answer = ask(smi())
    assert answer.power_at_default_w.value == pytest.approx(201)
    assert (
        present(answer.power_at_default_w.low)
        < 201
        < present(answer.power_at_default_w.high)
    )
    assert 500 < answer.sm_mhz < HIGHEST
    assert answer.anchor is None
    assert answer.verdict.level == "ok"
    assert [r.part for r in answer.facts.rests_on] == ["power", "response to the clock"]
    document = document_of(answer)
    for unknown in ("step_time_s", "energy_j", "usd_per_1000_steps"):
        assert document[unknown] is None
    meter = document["telemetry"]
    assert (meter["of"], meter["used"], meter["samples"]) == ("target", True, 60)
    assert meter["interval_s"] == pytest.approx(0.1)
    assert document["verdict"]["domain"] == "in_domain"


def test_a_step_time_makes_seconds_joules_and_dollars(ask: Ask) -> None:
    answer = ask(smi(), step_time_s=0.1)
    assert present(answer.step_time_s).value == pytest.approx(
        0.1 * answer.time_ratio.value
    )
    assert present(answer.energy_j).value == pytest.approx(
        present(answer.step_time_s).value * answer.power_w.value, rel=1e-6
    )
    assert present(answer.usd_per_1000_steps).value > 0
    assert answer.sm_mhz == ask(smi()).sm_mhz


def test_a_job_that_memory_binds_takes_a_lower_clock(ask: Ask) -> None:
    makers: tuple[Callable[[float], str], ...] = (
        lambda m: smi(memory=100 * m),
        lambda m: dmon(dram=m),
    )
    for make in makers:
        low, high = (ask(make(m)) for m in (0.8, 0.2))
        assert low.sm_mhz < high.sm_mhz
        assert low.time_ratio.value < 1.35


def test_dcgm_answers_from_its_activities_and_utilisation_alone_says_so(
    ask: Ask,
) -> None:
    said = " ".join(ask(smi()).verdict.reasons)
    assert "utilisations alone: DCGM's activities" in said
    said = " ".join(ask(dmon()).verdict.reasons)
    assert "utilisations alone" not in said
    assert f"nothing in the recording says that it is of a {GPU}" in said


@pytest.mark.parametrize(
    "name",
    ["Tesla T4", "NVIDIA A100-SXM4-40GB", "AMD Instinct MI300X", "NVIDIA Unheard 9000"],
)
def test_a_recording_of_another_gpu_is_refused_unless_forced(
    ask: Ask, name: str
) -> None:
    with pytest.raises(
        ProfileError, match=rf"another GPU than the {GPU}.*\n.*force=True"
    ):
        ask(smi(name=name))
    forced = ask(smi(name=name), force=True)
    assert forced.verdict.level == "refuse"
    assert forced.facts.domain == "out_of_domain"
    assert "forced: the recording is of a" in forced.verdict.reasons[0]
    assert forced.action == "collect"
    assert HIGHEST in forced.probes
    assert forced.confidence <= 0.3 < ask(smi()).confidence


def test_a_name_that_is_no_gpus_and_another_vendors_tool(
    ask: Ask,
) -> None:
    answer = ask(smi(name="NVIDIA Graphics Device"))
    assert answer.verdict.level == "widen"
    assert "which is no GPU's name" in " ".join(answer.verdict.reasons)
    amd = "timestamp,gpu,gfx_activity,umc_activity,socket_power,gfx_0_clk\n"
    amd += "".join(f"17895155{k},0,95,40,200,1530\n" for k in range(10, 40))
    with pytest.raises(ProfileError, match="of an AMD GPU, another GPU than"):
        ask(amd)
    with pytest.raises(ProfileError, match="MIG"):
        ask(smi(name=f"{V100} MIG 1g.5gb"))


def test_what_another_gpu_shows_without_a_name_is_refused(
    ask: Ask,
) -> None:
    bare = smi(mhz=1980).replace(f", {V100}", ", [N/A]")
    with pytest.raises(
        ProfileError, match="60 of 60 samples cannot be: core clock of 1980"
    ):
        ask(bare)
    with pytest.raises(
        ProfileError, match="power of 700, which is over twice the power limit"
    ):
        ask(dmon(watts=700))
    with pytest.raises(ProfileError, match="drew 5 W, on a GPU that may draw 300 W"):
        ask(dmon(watts=5))


def paused(every: int, busy: int, watts: int = 60) -> str:
    """A recording in which each n-th sample shows a card that waits."""
    lines = smi().splitlines(keepends=True)
    for k in range(1, len(lines)):
        if k % every == 0:
            lines[k] = re.sub(r"98 %, 50 %", f"{busy} %, 0 %", lines[k])
            lines[k] = re.sub(r"20\d\.0 W", f"{watts}.0 W", lines[k])
    return "".join(lines)


def test_pauses_of_a_job_count_as_waiting_and_what_is_around_it_does_not(
    ask: Ask,
) -> None:
    with_zeros, with_ones = (ask(paused(2, busy)) for busy in (0, 1))
    assert with_zeros.power_at_default_w.value == with_ones.power_at_default_w.value
    assert 125 < with_zeros.power_at_default_w.value < 135
    assert with_zeros.sm_mhz == pytest.approx(with_ones.sm_mhz, abs=30)
    said = " ".join(with_zeros.verdict.reasons)
    assert "idle in 29 of the 59 samples from the first to the last at work" in said
    assert with_zeros.verdict.level == "widen"
    # a short pause is said, and doubts nothing
    short = ask(paused(20, 0))
    assert present(short.telemetry).at_work == 57
    assert "idle in 2 of the 59 samples" in " ".join(short.verdict.reasons)
    # before and after the job: left out
    clean = ask(smi())
    around = (
        SMI
        + "".join(
            f"2026/05/01 11:5{k}:00.000, {V100}, 40.0 W, 135 MHz, {k % 3} %, 0 %\n"
            for k in range(10)
        )
        + smi().removeprefix(SMI)
    )
    assert ask(around).power_at_default_w == clean.power_at_default_w


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            smi(busy=2, memory=1, watts=57),
            "idle in every sample, 2.0 % busy on average",
        ),
        (smi(busy=0, memory=0, watts=46, mhz=210), "idle in every sample"),
        (
            dmon(30)
            .replace("0.98  0.9 ", "0  0 ", 29)
            .replace("ID\n", "ID\n" + dmon(1).splitlines()[-1] + "\n"),
            "idle in 29 of the 31 samples",
        ),
        (dmon().replace("0.98  0.9 ", "0.02  0.001 "), "idle in every sample"),
    ],
)
def test_a_card_that_hardly_works_is_no_recording_of_a_job(
    ask: Ask, text: str, said: str
) -> None:
    with pytest.raises(ProfileError, match=said):
        ask(text)


def test_the_chosen_clock_lies_in_the_range_of_the_best(ask: Ask) -> None:
    for memory in (5, 20, 45, 70):
        for busy in ("[N/A]", "98"):
            text = smi(memory=memory, watts=230).replace(
                "98 %", f"{busy} %" if busy == "98" else busy
            )
            answer = ask(text)
            low, high = answer.best_mhz_range
            assert low <= answer.sm_mhz <= high


def test_dram_activity_stands_in_for_memory_utilisation(
    bundle: ClockBundle, tmp_path: Path
) -> None:
    alone = replace(
        bundle,
        manifest=replace(bundle.manifest, views=("smi",)),
        responses={"smi": bundle.responses["smi"]},
    )
    path = tmp_path / "run.txt"
    clocks = []
    for dram in (0.15, 0.85):
        path.write_text(dmon(dram=dram))
        (answer,) = all_as(
            Recommendation,
            engine.clocks_of_recordings(
                [read_telemetry(path)], TARGET, clock_bundle=alone
            ),
        )
        said = " ".join([*answer.verdict.reasons, *answer.reasons])
        assert f"DRAM activity is taken for it, {100 * dram:.0f} %" in said
        assert "taken for that of the swept jobs" not in said
        clocks.append(answer.sm_mhz)
    assert clocks[0] > clocks[1]


def test_the_advice_counts_the_clocks_that_are_named(ask: Ask) -> None:
    words = {2: "two", 3: "three", 4: "four", 5: "five"}
    counts = set()
    for memory in (5, 30, 60, 90):
        answer = ask(smi(memory=memory, watts=230, mhz=1400))
        if answer.action == "sweep":
            counts.add(len(answer.probes))
            assert (
                f"sweep the {words[len(answer.probes)]} clocks named"
                in answer.reasons[-1]
            )
    assert [what_to_do(0.5, "sweep", clocks=n).count(words[n]) for n in words] == [
        1
    ] * 4


@pytest.mark.parametrize(
    ("text", "level", "said"),
    [
        (
            smi(mhz=1380),
            "widen",
            "at 1380 MHz, the highest clock is 1530 MHz: record it with the clock reset",
        ),
        (smi(mhz=900), "refuse", "at 900 MHz, the highest clock is 1530 MHz"),
        (smi(mhz=1400, watts=295), "widen", "at 296 W the card lowers it by itself"),
        (
            smi().replace("clocks.sm", "clocks.video"),
            "widen",
            "does not say at which clock",
        ),
        (smi(6), "widen", "6 samples of the GPU at work"),
        (
            smi(12) + smi(200, busy=0).removeprefix(SMI).replace("12:00", "12:01"),
            "widen",
            "worked in 12 of 212 samples",
        ),
        (
            smi().replace("200.0 W", "9000 W"),
            "widen",
            "20 of 60 samples were left out: power of 9000",
        ),
        (
            re.sub(r"12:00:[0-9.]+", "12:00:00.000", smi()),
            "widen",
            "all 60 samples have one and the same time stamp",
        ),
        (smi(memory=5, watts=290), "widen", "beyond what was swept"),
        (
            smi().replace("utilization.memory", "utilization.encoder"),
            "widen",
            "memory utilisation is not in the recording",
        ),
    ],
)
def test_what_is_wrong_with_a_recording_is_doubted(
    ask: Ask, text: str, level: str, said: str
) -> None:
    answer = ask(text)
    assert answer.verdict.level == level
    assert said in " ".join(answer.verdict.reasons)
    assert (
        document_of(answer)["verdict"]["domain"]
        == {"widen": "uncertain", "refuse": "out_of_domain"}[level]
    )


def test_what_is_not_recorded_is_said_and_widens(ask: Ask) -> None:
    def width(answer: Recommendation) -> float:
        low, high = answer.best_mhz_range
        return high - low

    complete, lacking = (
        ask(smi()),
        ask(smi().replace("utilization.memory", "utilization.encoder")),
    )
    said = " ".join(lacking.reasons)
    assert "memory activity is not recorded" in said
    assert "binds (" not in said
    assert width(lacking) > width(complete)
    assert lacking.confidence < complete.confidence
    (reason,) = [r for r in lacking.verdict.reasons if r.startswith("memory")]
    assert "not in the recording: taken for that of the swept jobs" in reason
    no_busy = ask(smi().replace("utilization.gpu", "utilization.encoder"))
    assert "intervals for less too" in " ".join(no_busy.verdict.reasons)


def test_beyond_the_swept_jobs_the_answer_is_less_sure_the_farther(
    bundle: ClockBundle, tmp_path: Path
) -> None:
    """Terms of a feature beyond its span must not carry every draw to one clock."""
    model = CalibratedResponse(0, "response-blend").fit(training("smi"))
    narrow = ClockBundle(replace(bundle.manifest, views=("smi",)), {"smi": model}, None)
    model.span_[1][2] = 0.5  # as of jobs that used memory half of the time at most
    confidences = []
    for memory in (45, 60, 75, 100):
        path = tmp_path / f"{memory}.csv"
        path.write_text(smi(memory=memory))
        confidences += all_as(
            Recommendation,
            engine.clocks_of_recordings(
                [read_telemetry(path)], TARGET, clock_bundle=narrow
            ),
        )
    sure = [a.confidence for a in confidences]
    assert sure == sorted(sure, reverse=True)
    assert sure[-1] < 0.7
    assert confidences[-1].sm_mhz == pytest.approx(confidences[1].sm_mhz, abs=8)
    assert confidences[-1].best_mhz_range[0] <= confidences[1].best_mhz_range[0]
    assert "taken at its edge, less sure" in " ".join(confidences[-1].verdict.reasons)


def test_power_scaled_from_a_low_clock_stays_within_the_limit(
    ask: Ask,
) -> None:
    answer = ask(smi(watts=240, mhz=700))
    assert answer.power_at_default_w.value == pytest.approx(300)
    assert max(p.power_w for p in answer.curve) == pytest.approx(300)
    assert present(answer.power_w.high) <= 300 + 1e-6
    # at the limit a higher clock is no quicker: a card at its limit lowers it by itself
    at_limit = [p.time_ratio for p in answer.curve if p.power_w > 299.9]
    assert len(at_limit) > 3
    assert at_limit == pytest.approx([1.0] * len(at_limit))
    (reason,) = [r for r in answer.reasons if "its limit of 300 W" in r]
    assert "would reach" in reason
    assert answer.verdict.level == "refuse"
    cool = ask(smi(watts=60, mhz=1000))
    assert not [r for r in cool.reasons if "would reach" in r]


def test_a_throttled_recording_starts_from_the_clock_it_was_at(
    ask: Ask,
) -> None:
    """At its limit the card goes no faster than recorded, whatever clock is asked for."""
    answer = ask(smi(watts=298, mhz=1230))
    at = {p.sm_mhz: p for p in answer.curve}
    above = [p for f, p in at.items() if f >= 1230]
    assert [p.time_ratio for p in above] == [1.0] * len(above)
    assert {round(p.power_w, 6) for p in above} == {299.0}
    assert answer.sm_mhz <= 1230
    # below, as a job responds that is slowed down from there
    low = min(at, key=lambda f: abs(f - 0.8 * 1230))
    by_clock = {p.sm_mhz: p for p in ask(smi(watts=298)).curve}
    near = min(by_clock, key=lambda f: abs(f - 1230))
    expected = by_clock[low].time_ratio / by_clock[near].time_ratio
    assert at[low].time_ratio == pytest.approx(expected, rel=0.02)
    assert any("start from there" in r for r in answer.verdict.reasons)


def test_a_recording_at_a_lower_clock_is_power_at_that_clock(
    ask: Ask,
) -> None:
    answer = ask(smi(watts=150, mhz=1380))
    at = min(answer.curve, key=lambda p: abs(p.sm_mhz - 1380))
    assert at.power_w == pytest.approx(151, rel=0.01)
    assert answer.power_at_default_w.value > 155
    assert answer.verdict.level != "ok"


def test_without_a_step_time_the_change_of_rent_is_said(
    ask: Ask,
) -> None:
    answer = ask(smi())
    more = 100 * (answer.time_ratio.value - 1)
    (said,) = (r for r in answer.reasons if r.startswith("rent:"))
    assert f"costs {more:.1f} % more" in said
    assert "--step-time" in said
    assert not any("rent:" in r for r in ask(smi(), step_time_s=0.1).reasons)


def test_simulated_sweeps_alone_make_no_sure_answer(
    bundle: ClockBundle, tmp_path: Path
) -> None:
    path = tmp_path / "run.csv"
    path.write_text(smi(memory=30))
    recording = read_telemetry(path)

    def ask(corpus: str) -> Recommendation:
        manifest = replace(bundle.manifest, corpus=corpus)
        fitted = replace(bundle, manifest=manifest)
        (recommendation,) = engine.clocks_of_recordings(
            [recording], TARGET, clock_bundle=fitted
        )
        return as_type(Recommendation, recommendation)

    measured, simulated = ask("made here"), ask("simulated (simulated)")
    assert measured.confidence > 0.6 >= simulated.confidence
    assert simulated.action not in ("apply", "apply-monitored")
    assert any("is not known" in r and "simulated" in r for r in simulated.reasons)


def with_memory(mib: int) -> str:
    head, *rows = smi().splitlines()
    return "\n".join([f"{head}, memory.used [MiB]", *(f"{r}, {mib} MiB" for r in rows)])


@pytest.mark.parametrize(
    ("text", "level", "said"),
    [
        (smi(watts=330), "widen", "mean power of 331 W is over the limit of 300 W"),
        (
            with_memory(40000),
            "refuse",
            "39.1 GiB of memory are in use, more than the 15.8 GiB",
        ),
        (
            smi(busy=40, memory=80),
            "widen",
            "memory utilisation is above GPU utilisation throughout",
        ),
    ],
)
def test_readings_that_a_card_hardly_shows_are_doubted(
    ask: Ask, text: str, level: str, said: str
) -> None:
    answer = ask(text)
    assert answer.verdict.level == level
    assert said in " ".join(answer.verdict.reasons)
    assert answer.action != "apply"


def test_readings_that_a_card_shows_are_not_doubted(ask: Ask) -> None:
    assert ask(with_memory(15000)).verdict.level == "ok"
    with pytest.raises(
        ProfileError, match=r"drew 37[0-9.]+ W, on a GPU that may draw 300"
    ):
        ask(smi(watts=375))


def test_a_noisy_recording_has_wider_power(ask: Ask) -> None:
    def width(e: Estimate) -> float:
        return (present(e.high) - present(e.low)) / e.value

    rng = np.random.default_rng(0)
    noisy = SMI + "".join(
        f"2026/05/01 12:00:{k / 10:06.3f}, {V100}, {w:.1f} W, {HIGHEST} MHz, 98 %, 50 %\n"
        for k, w in enumerate(rng.uniform(100, 290, 60))
    )
    assert width(ask(noisy).power_at_default_w) > 3 * width(
        ask(smi()).power_at_default_w
    )


def test_probes_at_other_clocks_bend_the_curve(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"sm_mhz": 1072, "time_s": 5.95, "power_w": 120}))
    from xlate.sweeps.probe import read_probe

    answer = ask(smi(), probes=[read_probe(path)])
    at = min(answer.curve, key=lambda p: abs(p.sm_mhz - 1072))
    assert at.time_ratio == pytest.approx(5.95 / 5.9, rel=0.01)
    with pytest.raises(ProfileError, match="no time stamps, to hold"):
        ask(dmon(), probes=[read_probe(path)])


# ---- the command


@pytest.fixture
def run(bundle: ClockBundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setattr("xlate.store.clock_bundle.find", lambda *a: bundle)
    monkeypatch.chdir(tmp_path)

    def call(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return call


def test_the_command_recognises_a_recording_by_its_content(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "run.txt").write_text(smi())
    ask = ("predict-freq", "run.txt", "--target", TARGET)
    (answer,) = json.loads(run(*ask, "--json").stdout)
    said = run(*ask).stdout
    assert "recording: ok" in said
    assert "--step-time says how long one step takes" in said
    assert "memory          the recorded job ran there" in said
    (timed,) = json.loads(run(*ask, "--step-time", "100", "--json").stdout)
    assert timed["step_time_s"]["value"] == pytest.approx(
        0.1 * answer["time_ratio"]["value"]
    )
    (curve,) = [
        json.loads(
            run("clocks", "curve", "run.txt", "--target", TARGET, "--json").stdout
        )
    ]
    assert curve["sm_mhz"] == answer["sm_mhz"]


def test_a_csv_without_a_header_is_answered_with_fields(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "bare.csv").write_text(smi().removeprefix(SMI))
    ask = ("predict-freq", "bare.csv", "--target", TARGET)
    said = run(*ask, code=1)
    assert "has no header" in said.output + said.stderr
    fields = "timestamp,name,power.draw,clocks.sm,utilization.gpu,utilization.memory"
    assert "recording: ok" in run(*ask, "--fields", fields).stdout
    for wrong in ("timestamp,,power.draw", "power.draw,power.draw"):
        run(*ask, "--fields", wrong, code=2)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--anchor", "g4dn.xlarge"), "is telemetry, no profile"),
        (("--batch-size", "32"), "--batch-size says something of a profile"),
        (("--format", "json"), "--format says something of a profile"),
        (("--telemetry", "run.txt"), "--telemetry is of the anchor"),
        (("--interval-ms", "50"), "--interval-ms says how often"),
        (("other.json",), "other.json is not"),
        (("run2.txt", "--step-time", "9"), "of one recording, 2 were given"),
        (("--live", "60"), "--live samples the card here in place of"),
    ],
)
def test_options_that_go_with_no_recording_are_refused(
    run: Run, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    for name in ("run.txt", "run2.txt"):
        (tmp_path / name).write_text(smi())
    (tmp_path / "other.json").write_text("{}")
    result = CliRunner().invoke(app, ["predict-freq", "run.txt", "--target", TARGET, *more])  # fmt: skip
    assert result.exit_code in (1, 2)
    text = " ".join((result.output + str(result.exception)).replace("│", " ").split())
    assert said in text


def test_several_recordings_in_one_call(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(smi())
    (tmp_path / "b.csv").write_text(smi(name="Tesla T4"))
    result = run("predict-freq", "a.csv", "b.csv", "--target", TARGET, "--json", code=1)
    assert [("sm_mhz" in a, "error" in a) for a in json.loads(result.stdout)] == [
        (True, False),
        (False, True),
    ]
    run("predict-freq", "--target", TARGET, code=2)


# ---- the card here, replayed


#: what the replayed card gives; the rest it does not support
NVML = {
    "nvmlShutdown": "shutdown",
    "nvmlDeviceGetCount": "count",
    "nvmlDeviceGetHandleByIndex": "handle",
    "nvmlDeviceGetName": "card",
    "nvmlDeviceGetPowerUsage": "power",
    "nvmlDeviceGetUtilizationRates": "use",
    "nvmlDeviceGetClockInfo": "mhz",
    "nvmlDeviceGetEnforcedPowerLimit": "limit",
}


class Replay:
    """NVML's functions, answering from a list of samples; settings cannot be called."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(
        self,
        samples: list[tuple[int, int, int]],
        names: tuple[str, ...] = (V100,),
        lost_at: int | None = None,
    ) -> None:
        self.samples, self.names, self.lost_at = samples, names, lost_at
        self.now, self.read = 1e9, 0
        self.asked: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("nvmlDeviceGet") and name != "nvmlShutdown":
            raise AttributeError(f"{name} is no reading")
        self.asked.add(name)
        return getattr(self, NVML.get(name, "unsupported"))

    def unsupported(self, *_: int) -> None:
        raise RuntimeError("Not Supported")

    def shutdown(self) -> None:
        pass

    def count(self) -> int:
        return len(self.names)

    def handle(self, i: int) -> int:
        return i

    def card(self, handle: int) -> bytes:
        return self.names[handle].encode()

    def power(self, handle: int) -> int:
        if self.lost_at == self.read:
            raise RuntimeError("GPU is lost")
        self.read += 1
        return 1000 * self.samples[min(self.read, len(self.samples)) - 1][0]

    def use(self, handle: int) -> SimpleNamespace:
        _, busy, memory = self.samples[min(self.read, len(self.samples)) - 1]
        return SimpleNamespace(gpu=busy, memory=memory)

    def mhz(self, handle: int, which: int) -> int:
        return HIGHEST if which == self.NVML_CLOCK_SM else 877

    def limit(self, handle: int) -> int:
        return LIMIT * 1000

    def sleep(self, seconds: float) -> None:
        self.now += seconds + 0.0007

    def clock(self) -> float:
        return self.now


JOB = [(200 + k % 3, 98, 50) for k in range(600)]


@pytest.mark.parametrize("interval_s", [0.01, 0.1, 1.0])
def test_a_replayed_card_answers_as_its_recording_does(
    ask: Ask, bundle: ClockBundle, interval_s: float
) -> None:
    nvml = Replay(JOB)
    trace = sample(
        nvml, 60 * interval_s, interval_s, sleep=nvml.sleep, clock=nvml.clock
    )
    assert trace.samples.height == pytest.approx(60, abs=2)
    assert trace.interval_s == pytest.approx(interval_s, rel=0.05)
    (live,) = all_as(
        Recommendation,
        engine.clocks_of_recordings([of_trace(trace)], TARGET, clock_bundle=bundle),
    )
    recorded = ask(smi(trace.samples.height))
    assert live.sm_mhz == recorded.sm_mhz
    assert live.power_at_default_w.value == pytest.approx(
        recorded.power_at_default_w.value, rel=1e-3
    )
    assert live.verdict == recorded.verdict
    # nothing but readings was called
    assert all(n.startswith("nvmlDeviceGet") for n in nvml.asked)


def test_live_says_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = ("predict-freq", "--target", TARGET, "--live", "2")
    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)
    result = CliRunner().invoke(app, list(ask))
    assert "--live needs NVML, and nvidia-ml-py is not installed" in str(
        result.exception
    )
    assert "sampling the card" not in result.output
    broken = SimpleNamespace(
        nvmlInit=lambda: (_ for _ in ()).throw(RuntimeError("Driver Not Loaded"))
    )
    monkeypatch.setitem(__import__("sys").modules, "pynvml", broken)
    result = CliRunner().invoke(app, list(ask))
    assert "NVML finds none: Driver Not Loaded" in str(result.exception)
    with pytest.raises(
        RefusedError, match=r"several GPUs here: 0 \(Tesla V100.*1 \(Tesla T4\)"
    ):
        device_here(Replay(JOB, (V100, "Tesla T4")))
    assert device_here(Replay(JOB, (V100, "Tesla T4")), 1) == (1, "Tesla T4")
    with pytest.raises(RefusedError, match="no GPU 2 here"):
        device_here(Replay(JOB), 2)
    with pytest.raises(RefusedError, match="counts no GPU"):
        device_here(Replay(JOB, ()))
    lost = Replay(JOB, lost_at=3)
    with pytest.raises(RefusedError, match="the GPU was lost"):
        sample(lost, 6, 0.1, sleep=lost.sleep, clock=lost.clock)
    idle = Replay([(50, 0, 0)] * 9)
    with pytest.raises(ProfileError, match="idle in every sample"):
        of_trace(sample(idle, 6, 0.1, sleep=idle.sleep, clock=idle.clock))
    for seconds, interval in ((60, 0.001), (60, 5), (0.05, 0.1)):
        with pytest.raises(ProfileError):
            sample(idle, seconds, interval)


def test_live_through_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Replay(JOB)
    monkeypatch.setattr("xlate.hardware.control.load_nvml", lambda option: nvml)
    clock = SimpleNamespace(sleep=nvml.sleep, time=nvml.clock)
    monkeypatch.setattr("xlate.telemetry.live.time", clock)
    ask = ("predict-freq", "--target", TARGET, "--live", "10", "--json")
    (answer,) = json.loads(run(*ask).stdout)
    assert answer["file"] == f"the {V100} here"
    assert answer["telemetry"]["samples"] == pytest.approx(100, abs=2)
    nvml.read = 0
    (fast,) = json.loads(run(*ask, "--interval-ms", "50").stdout)
    assert fast["telemetry"]["samples"] == pytest.approx(200, abs=4)
