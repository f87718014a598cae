"""The best clock from a recording of the job on the target itself, no profile.

The job ran once, at the highest clock, while a meter looked on: power there is measured,
and its activities are what the clock models look at. What cannot be known from the
recording is doubted: whose it is, at which clock it was, whether jobs like it were swept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xlate.engine.clock_case import Case, MeteredJob, Question
from xlate.engine.facts import rent_of
from xlate.engine.measurements import check_device, check_power, probe_doubts
from xlate.engine.recording_trust import (
    Doubt,
    identity_doubts,
    meter_facts,
    reading_doubts,
    sample_doubts,
    verdict_of,
)
from xlate.engine.session import Session
from xlate.engine.tune import checked_probes, question
from xlate.errors import ProfileError, XlateError
from xlate.hardware.catalogue import Catalogue, Instance
from xlate.sweeps.features import matrix
from xlate.sweeps.probe import Probe, means_of, view_of
from xlate.sweeps.reference import reference_of
from xlate.values.answers import Answers
from xlate.values.clock_requests import RecordingsRequest
from xlate.values.profile import Estimate, Verdict, WorkloadKey
from xlate.values.recommendation import Recommendation
from xlate.values.translation import DOMAINS, Facts, Failure

__all__ = ["answer_recording", "clocks_of_recordings"]

#: further below the highest clock than this the reference is lost, and the answer with it
_FAR = 0.85
#: parts of a recording that are drawn, and how many it is cut into
_DRAWN, _BLOCKS = 40, 12
#: how far beyond the swept jobs a feature may lie, of their range
_BEYOND = 0.1
#: utilisation -> activity that is taken for it where DCGM did not record it
_STANDS_IN = {"gpu_utilization": "engine_active", "memory_utilization": "dram_active"}
#: feature -> in words
_FEATURES = {
    "power_share": "power over the limit", "busy": "GPU utilisation",
    "memory": "memory utilisation", "dram": "DRAM activity", "sm": "SM activity",
    "pipes": "activity of the pipes",
}  # fmt: skip


def clocks_of_recordings(
    session: Session, request: RecordingsRequest
) -> Answers[Recommendation]:
    """The best clock on the target for each recording of a job made on it.

    Raises
    ------
    XlateError
        For unknown names, a target without GPU or settable clock, a model that is
        missing, probes that do not fit. What is wrong with a recording becomes a failure.
    """
    asked = question(session, request.target, request)
    answers: list[Recommendation | Failure] = []
    for one in request.recordings:
        if isinstance(one, Failure):
            answers.append(one)
            continue
        file = "" if one.trace is None else one.trace.source
        try:
            answers.append(answer_recording(session, one, file, asked, request))
        except XlateError as e:
            answers.append(Failure(file, e))
    return Answers(tuple(answers))


def answer_recording(
    session: Session,
    recording: Probe,
    file: str,
    asked: Question,
    request: RecordingsRequest,
) -> Recommendation:
    """The best clock for one recording.

    Parameters
    ----------
    session : Session
        Its catalogue says what a name of a GPU means.
    recording : Probe
        Of the job on the target.
    file : str
        What the answer calls it.
    asked : Question
        Target, objective and model.
    request : RecordingsRequest
        Its probes, step time and ``force`` count.

    Raises
    ------
    XlateError
        If it is of another GPU, or a probe does not fit.
    """
    catalogue, step_time_s = session.catalogue, request.step_time_s
    first, doubts = _checked(recording, asked, catalogue, request.force)
    seen_mhz = first.sm_mhz
    first = replace(_with_utilisations(first), sm_mhz=asked.legal.sm_mhz[-1])
    further = _further(first, request, asked, catalogue)
    doubts += probe_doubts([first, *further])
    doubts += _model_doubts(first, asked)
    verdict = verdict_of([*doubts, *_memory_doubts(recording, asked)])
    job = MeteredJob(
        file,
        WorkloadKey(),
        verdict,
        _facts(recording, asked.instance, verdict, catalogue),
        None if step_time_s is None else Estimate(step_time_s),
    )
    case = Case(job, asked)
    case.reference = reference_of(
        seen_mhz, first.power_w, asked.legal.sm_mhz[-1], asked.gpu.limit_w
    )
    case.meter = meter_facts(replace(first, sm_mhz=seen_mhz), "target", True)
    drawn = [replace(p, sm_mhz=first.sm_mhz) for p in _drawn(first, asked.seed)]
    return case.of_recording(first, drawn, further)


def _checked(
    recording: Probe, asked: Question, catalogue: Catalogue, force: bool
) -> tuple[Probe, list[Doubt]]:
    """A recording without what the target cannot have shown, and each doubt with its level.

    Raises
    ------
    ProfileError
        If it is of another GPU, or of none that draws so much or so little.
    """
    gpu, doubts = asked.gpu, []
    try:
        check_device(recording, gpu, catalogue, "recording")
        recording = recording.within(gpu)
        check_power("the recording", recording.power_w, gpu.limit_w)
    except ProfileError as e:
        if not force:
            raise ProfileError(
                e.what, f"{e.hint}; --force answers all the same" if e.hint else None
            ) from e
        doubts.append(("refuse", f"forced: {e.what}"))
    doubts += identity_doubts(recording, gpu, catalogue)
    return recording, [
        *doubts,
        *sample_doubts(recording),
        *reading_doubts(recording, gpu),
        *_clock_doubts(recording, asked),
    ]


def _with_utilisations(recording: Probe) -> Probe:
    """A recording of DCGM without fields 203 and 204: its activities stand in for them.

    The engine is active when the GPU is used. DRAM activity is near memory utilisation:
    in the sweeps of ttu-dvfs that have both, they correlate with 0.95 and differ by 8
    points on average; the mean of the jobs swept differs by 29.
    """
    metrics = dict(recording.metrics)
    for utilisation, activity in _STANDS_IN.items():
        if utilisation not in metrics and activity in metrics:
            metrics[utilisation] = 100 * metrics[activity]
    return replace(recording, metrics=metrics)


def _clock_doubts(recording: Probe, asked: Question) -> list[Doubt]:
    """The recording was not at the highest clock, to which everything is relative."""
    highest = asked.legal.sm_mhz[-1]
    if not recording.sm_mhz:
        return [
            (
                "widen",
                f"the recording does not say at which clock it was: taken for the highest, {highest:g} MHz",
            )
        ]
    share, limit = recording.sm_mhz / highest, asked.gpu.limit_w
    reference = reference_of(recording.sm_mhz, recording.power_w, highest, limit)
    if reference is None:
        return []
    said = (
        f"the recording is at {recording.sm_mhz:.0f} MHz, the highest clock is "
        f"{highest:g} MHz"
    )
    if reference.throttled:
        return [
            (
                "widen",
                f"{said}: at {recording.power_w:.0f} W the card lowers it by itself, so higher ones change nothing: time and power start from there",
            )
        ]
    said += (
        ": record it with the clock reset (nvidia-smi -rgc, or -rac); until then power "
        "at the highest is taken from how the jobs swept respond"
    )
    return [("widen" if share >= _FAR else "refuse", said)]


def _model_doubts(first: Probe, asked: Question) -> list[Doubt]:
    """What the clock model does not know: the GPU, utilisation alone, a job unlike all."""
    manifest = asked.fitted.manifest
    doubts = []
    if manifest.extrapolated:
        doubts.append(
            (
                "widen",
                f"{manifest.gpu} was never swept: it answers as {manifest.source_gpu} did",
            )
        )
    if "simulated" in manifest.corpus:
        doubts.append(
            ("widen", "the response to the clock was learnt from simulated sweeps")
        )
    view = view_of(first)
    if view == "smi" and "dcgm" in manifest.views:
        doubts.append(
            (
                "ok",
                "utilisations alone: DCGM's activities (dcgmi dmon -e 155,203,204,1002,1005) make it surer",
            )
        )
    if view not in manifest.views:
        view = "smi"
    if "gpu_utilization" not in first.metrics:
        doubts.append(
            (
                "widen",
                "GPU utilisation is not in the recording: taken for busy all the time, intervals for less too",
            )
        )
    model = asked.fitted.responses[view]
    span = getattr(model, "span_", None)
    if span is None:
        return doubts
    row = matrix([[first]], asked.gpu, view)[0]
    columns = zip(model.names_, row, model.fill_, *span, strict=True)
    for name, value, fill, low, high in columns:
        if not low <= high:
            continue  # no swept job had it
        reach = _BEYOND * (high - low)
        if not np.isfinite(value):
            doubts.append(
                (
                    "widen",
                    f"{_FEATURES.get(name, name)} is not in the recording: taken for that of the swept jobs, {100 * fill:.0f} % (intervals: {100 * low:.0f} to {100 * high:.0f} %)",
                )
            )
        elif not low - reach <= value <= high + reach:
            doubts.append(
                (
                    "widen",
                    f"{_FEATURES.get(name, name)} of {100 * value:.0f} % is beyond what was swept ({100 * low:.0f} to {100 * high:.0f} %): taken at its edge, less sure",
                )
            )
    return doubts


def _memory_doubts(recording: Probe, asked: Question) -> list[Doubt]:
    """Memory utilisation was not recorded, and the sweeps have no DRAM activity."""
    dram = recording.metrics.get("dram_active")
    if "memory_utilization" in recording.metrics or dram is None:
        return []
    if "dcgm" in asked.fitted.manifest.views:
        return []
    return [
        (
            "widen",
            f"memory utilisation, which the jobs swept have, is not in the recording: DRAM activity is taken for it, {100 * dram:.0f} %",
        )
    ]


def _further(
    first: Probe, request: RecordingsRequest, asked: Question, catalogue: Catalogue
) -> list[Probe]:
    """Probes at other clocks; one of them may stand beside the recording only with its time."""
    probes = request.probes
    if not probes:
        if request.probe != "max-only":
            checked_probes(request, asked, catalogue)  # says which are missing
        return []
    if first.time_s is None:
        raise ProfileError(
            "the recording has no time stamps, to hold the times of the probes against",
            "record timestamp too, or leave --probe-file out",
        )
    checked_probes(replace(request, probes=[first, *probes]), asked, catalogue)
    return [p.within(asked.gpu) for p in probes]


def _drawn(first: Probe, seed: int) -> list[Probe]:
    """Means of parts of the recording, drawn with replacement (moving blocks).

    Neighbouring samples are alike, so blocks of them are drawn, not samples
    (Künsch, 1989): how far the means of another run of that length may be off.
    """
    trace = first.trace
    if trace is None or trace.run.height < _BLOCKS:
        return []
    work = trace.run
    size = -(-work.height // _BLOCKS)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DRAWN):
        starts = rng.integers(0, work.height - size + 1, _BLOCKS)
        rows = (starts[:, None] + np.arange(size)).ravel()
        # times of rows that were drawn say nothing
        part = replace(trace, samples=work[rows].drop("TIME", strict=False))
        means = means_of(part)
        drawn.append(
            replace(
                first, power_w=means.power_w, metrics=_with_utilisations(means).metrics
            )
        )
    return drawn


def _facts(
    recording: Probe, instance: Instance, verdict: Verdict, catalogue: Catalogue
) -> Facts:
    rent, no_rent = rent_of(instance, catalogue)
    return Facts(
        recorded_gpu=recording.device,
        rent=rent,
        no_rent=no_rent,
        domain=DOMAINS[verdict.level],
    )
