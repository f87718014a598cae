"""The best clock for profiles: translate, hand on, respond, choose, explain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xlate.advice import CurvePoint, Recommendation
from xlate.answer import Failure, Translation
from xlate.catalog import Gpu, Instance, catalogue
from xlate.clocks import recommend
from xlate.clocks.features import PROBES, probe_shares
from xlate.clocks.handoff import PREDICTED, JobRow
from xlate.clocks.label import check_slowdown
from xlate.clocks.legal import LegalClocks, commands, legal_clocks, snap
from xlate.clocks.objective import USD_PER_KWH, make_objective
from xlate.clocks.probe import Probe, view_of
from xlate.clocks.recommend import Draws
from xlate.engine.naming import with_anchor
from xlate.engine.translating import translate
from xlate.engine.wording import what_binds, what_changed, what_to_do, whence
from xlate.errors import ProfileError, UnknownNameError, XlateError
from xlate.profile import Estimate, Profile
from xlate.store import clock_bundle as clock_bundles
from xlate.store.bundle import Bundle
from xlate.store.clock_bundle import ClockBundle

__all__ = ["predict_freq"]

#: a probe this near the highest clock stands for it
_HIGHEST = 0.97


def predict_freq(
    profiles: Sequence[Profile | Failure],
    anchor: str | None,
    target: str,
    *,
    objective: str = "edp",
    max_slowdown: float | None = None,
    probe: str = "max-only",
    probes: Sequence[Probe] = (),
    telemetry: Probe | None = None,
    confidence: float = 0.7,
    clocks_file: Path | None = None,
    bundle: Bundle | None = None,
    clock_bundle: ClockBundle | None = None,
    force: bool = False,
    anchors_dirs: Iterable[Path] = (),
    seed: int = 0,
) -> list[Recommendation | Failure]:
    """The best clock on the target for each profile taken on the anchor.

    Parameters
    ----------
    profiles : sequence of Profile or Failure
        Failures are handed through.
    anchor : str or None
        Instance, by name or alias; None where the files say which GPU they ran on
        and one instance has it.
    target : str
        Instance, by name or alias.
    objective : str
        Key of :data:`xlate.clocks.objective.OBJECTIVES`.
    max_slowdown : float, optional
        Against the fastest clock; 0.05 is 5 %.
    probe : {"max-only", "tri-point"}
        ``tri-point`` demands probes at about 0.7 and 0.5 of the highest clock.
    probes : sequence of Probe
        Runs of the job on the target itself.
    telemetry : Probe, optional
        What a meter saw of the job on the *anchor*; narrows the guess of power.
    confidence : float
        Below it the answer names two clocks to probe.
    force : bool
        Answer though a file says that it ran on another GPU.
    clocks_file : Path, optional
        Dump of the target's supported clocks.

    Raises
    ------
    XlateError
        For unknown names, a target without GPU or settable clock, a bound that
        is none, a bundle that is missing, probes that do not fit.
    """
    known = catalogue(anchors_dirs)
    instance = known.instance(target)
    gpu = instance.require_gpu()
    bound = check_slowdown(max_slowdown)
    legal = legal_clocks(gpu, clocks_file, known)
    if not 0 <= confidence <= 1:
        raise XlateError(f"a confidence of {confidence:g} is none", "from 0 to 1")
    _check_probe(probe, probes, legal)
    make_objective(objective, 1.0)  # an unknown name is said before the work
    fitted = clock_bundle or clock_bundles.find(instance.name)
    anchor, profiles, taken = with_anchor(profiles, anchor, anchors_dirs)
    metered = _metered(telemetry, known.instance(anchor).require_gpu())
    answers: list[Recommendation | Failure] = []
    translated = translate(
        profiles, anchor, target, bundle=bundle, force=force, anchors_dirs=anchors_dirs
    )
    for one in translated:
        if isinstance(one, Failure):
            answers.append(one)
            continue
        try:
            found = _Case(one, instance, gpu, fitted, legal, objective, bound, seed)
            found.metered = metered
            said = found.answer(list(probes), confidence)
            # the last reason is what to do
            answers.append(replace(said, reasons=(*taken, *said.reasons)))
        except XlateError as e:
            answers.append(Failure(one.file, e))
    return answers


def _metered(telemetry: Probe | None, gpu: Gpu) -> tuple[float, float, float] | None:
    """Anchor telemetry as the hand-off wants it: shares from 0 to 1.

    Raises
    ------
    ProfileError
        If it lacks a utilisation, or nobody knows the anchor's power limit.
    """
    if telemetry is None:
        return None
    limit = gpu.limit_w
    busy = telemetry.metrics.get("gpu_utilization")
    memory = telemetry.metrics.get("memory_utilization")
    if limit is None or busy is None or memory is None:
        lacking = (
            f"a power limit for {gpu.name} in the catalogue"
            if limit is None
            else "GPU and memory utilisation in the telemetry"
        )
        raise ProfileError(
            f"the anchor's telemetry cannot be used without {lacking}",
            "record power.draw, utilization.gpu and utilization.memory, or leave "
            "--telemetry out",
        )
    return telemetry.power_w / limit, busy / 100, memory / 100


def _check_probe(kind: str, probes: Sequence[Probe], legal: LegalClocks) -> None:
    """A tri-point probe has its three points, and probes stand for the highest clock."""
    if kind not in PROBES:
        raise UnknownNameError("probe", kind, PROBES)
    highest = legal.sm_mhz[-1]
    wanted = [snap(s * highest, legal.sm_mhz) for s in (1.0, *probe_shares(kind))]
    if kind != "max-only" and len(probes) < len(wanted):
        listed = ", ".join(f"{f:g}" for f in wanted)
        raise ProfileError(
            f"--probe {kind} needs runs at {listed} MHz, {len(probes)} given",
            "run the job there once each and give --probe-file for every one",
        )
    if probes and max(p.sm_mhz for p in probes) < _HIGHEST * highest:
        raise ProfileError(
            f"no probe ran at the highest clock, {highest:g} MHz",
            "everything is relative to it: probe it too",
        )
    for one in probes:
        if one.sm_mhz > 1.02 * highest:
            raise ProfileError(
                f"a probe ran at {one.sm_mhz:g} MHz, the target stops at {highest:g}",
                "it is of another GPU; name that one as --target",
            )


class _Case:
    """One profile on its way to a recommendation."""

    def __init__(
        self, translated: Translation, instance: Instance, gpu: Gpu,
        fitted: ClockBundle, legal: LegalClocks, objective: str,
        bound: float | None, seed: int,
    ) -> None:  # fmt: skip
        self.translated, self.instance, self.gpu = translated, instance, gpu
        self.fitted, self.legal, self.bound = fitted, legal, bound
        self.objective_name, self.seed = objective, seed
        self.metered: tuple[float, float, float] | None = None
        price = instance.price
        self.rent = (
            None if price is None else price.usd_per_h / max(instance.gpu_count, 1)
        )

    def answer(self, probes: list[Probe], wanted: float) -> Recommendation:
        """The recommendation, without probes and then with them."""
        if self.fitted.handoff is None and not probes:
            raise ProfileError(
                f"{self.translated.file}: power on {self.instance.name} is not known: "
                "no corpus with op vectors and telemetry was here at the fit",
                "import profet and cloud-hw-trainpred and fit again, or give "
                "--probe-file",
            )
        before = None
        if self.fitted.handoff is not None:
            first, drawn = self._handed_on()
            before = self._recommend(first, drawn, (), wanted)
        if not probes:
            assert before is not None
            return before
        highest = max(probes, key=lambda p: p.sm_mhz)
        further = [p for p in probes if p is not highest]
        after = self._recommend(highest, [], further, wanted)
        if before is None:
            return after
        return replace(after, changed=what_changed(before, after))

    def _handed_on(self) -> tuple[Probe, list[Probe]]:
        """The job at the target's highest clock, predicted, and under each error."""
        one, manifest = self.translated, self.fitted.manifest
        row = JobRow.of(
            one.ops or {},
            one.step_time_s.value * 1e6,
            one.workload.dataset,
            one.workload.batch_size,
            self.metered,
        )
        limit = self.gpu.limit_w
        scale = (limit or 1.0) / (manifest.handoff_limit_w or limit or 1.0)

        def made(values: np.ndarray) -> Probe:
            found = dict(zip(PREDICTED, map(float, values), strict=True))
            power = found.pop("power_w") * scale
            return Probe(self.legal.sm_mhz[-1], power, one.step_time_s.value, found)

        handoff = self.fitted.handoff
        return made(handoff.predict([row])[0]), [made(v) for v in handoff.draws(row)]

    def _recommend(
        self,
        first: Probe,
        drawn: Sequence[Probe],
        further: Sequence[Probe],
        wanted: float,
    ) -> Recommendation:
        fitted, manifest = self.fitted, self.fitted.manifest
        view = view_of(first) if view_of(first) in manifest.views else "smi"
        draws = recommend.draw(
            fitted.responses[view], first, drawn, self.gpu, view, self.legal.sm_mhz,
            spread=manifest.spread, further=further, seed=self.seed,
        )  # fmt: skip
        aim = make_objective(self.objective_name, self.rent, first.power_w)
        k, sure, span = recommend.answer(draws, aim, self.bound)
        at = recommend.point(draws, k, aim)
        edp = recommend.point(draws, k, make_objective("edp")).objective_ratio
        set_command, reset_command = commands(self.gpu, at.sm_mhz, self.legal)
        action = recommend.action_of(sure)
        score = aim.log_score(draws.mean_time, draws.mean_power)
        near = [j for j in (k - 1, k + 1) if 0 <= j < len(score)]
        return Recommendation(
            file=self.translated.file,
            anchor=self.translated.anchor,
            target=self.instance.name,
            gpu=self.gpu.name,
            model=manifest.model,
            fitted_on=manifest.corpus,
            simulated=manifest.simulated or self.translated.simulated,
            extrapolated=manifest.extrapolated,
            objective=aim.name,
            max_slowdown=self.bound,
            sm_mhz=at.sm_mhz,
            best_mhz_range=span,
            default_sm_mhz=float(draws.sm_mhz[-1]),
            fastest_sm_mhz=float(draws.sm_mhz[draws.mean_time.argmin()]),
            time_ratio=at.time_ratio,
            power_w=at.power_w,
            energy_ratio=at.energy_ratio,
            edp_ratio=edp,
            objective_ratio=at.objective_ratio,
            power_at_default_w=recommend.estimate(draws.mean_power_w, draws.power_w),
            step_time_s=self._over_step(at.time_ratio),
            energy_j=self._over_step(at.watts_over_time),
            usd_per_1000_steps=self._dollars(at.time_ratio, at.power_w),
            default_usd_per_1000_steps=self._cost(1.0, draws.mean_power_w),
            confidence=sure,
            action=action,
            reasons=tuple(self._reasons(draws, k, first, not drawn, sure, action)),
            probes=self._next(draws, k, sure, wanted, action, further, not drawn),
            neighbours=tuple(
                (float(draws.sm_mhz[j]), float(np.expm1(score[j] - score[k])))
                for j in near
            ),
            set_command=set_command,
            reset_command=reset_command,
            curve=_curve(draws),
        )

    def _over_step(self, rate: Estimate) -> Estimate:
        """Something per second at the highest clock, over a step there.

        Probes time whatever the user timed; the profile's step is translated.
        """
        base = self.translated.step_time_s.value
        low, high = rate.low or rate.value, rate.high or rate.value
        return Estimate(base * rate.value, base * low, base * high, rate.level)

    def _cost(self, time_ratio: float, power_w: float) -> float | None:
        if self.rent is None:
            return None
        hours = self.translated.step_time_s.value * time_ratio * 1000 / 3600
        return hours * (self.rent + USD_PER_KWH * power_w / 1000)

    def _dollars(self, time: Estimate, power: Estimate) -> Estimate | None:
        value = self._cost(time.value, power.value)
        low = self._cost(time.low or time.value, power.low or power.value)
        high = self._cost(time.high or time.value, power.high or power.value)
        if value is None:
            return None
        return Estimate(value, low, high, time.level)

    def _reasons(
        self, draws: Draws, k: int, first: Probe, measured: bool, sure: float,
        action: str,
    ) -> list[str]:  # fmt: skip
        """Why this clock, and how far to trust it, in words."""
        said = what_binds(first, self.gpu)
        at_k = self._cost(
            float(draws.mean_time[k]), float(draws.mean_power[k] * draws.mean_power_w)
        )
        at_max = self._cost(1.0, draws.mean_power_w)
        if at_k is not None and at_max is not None and at_k > at_max:
            said.append(
                f"on rented hardware this clock costs {100 * (at_k / at_max - 1):.1f} % "
                "more dollars than the highest: rent outweighs electricity"
            )
        workload = self.translated.workload
        if not measured and self.translated.ops is None:
            said.append("the translator gives no op vector: power is a rough guess")
        elif not measured and (workload.batch_size is None or workload.dataset is None):
            said.append(
                "power rests on the op vector alone: say --batch-size and --input-size "
                "to make it surer"
            )
        said += whence(self.fitted.manifest, self.instance.name, measured)
        if k in (0, len(draws.sm_mhz) - 1):
            edge = "lowest clock that sweeps cover" if k == 0 else "highest clock"
            said.append(f"the best lies at the edge: the {edge}")
        return [*said, what_to_do(sure, action)]

    def _next(
        self, draws: Draws, k: int, sure: float, wanted: float, action: str,
        further: Sequence[Probe], measured: bool,
    ) -> tuple[float, ...]:  # fmt: skip
        """Clocks to measure next."""
        highest = float(draws.sm_mhz[-1])
        if action == "sweep":
            return tuple(recommend.neighbours(draws, k))
        if sure < wanted or action == "collect":
            clocks = tuple(float(f) for f in draws.sm_mhz)
            wishes = {snap(s * highest, clocks) for s in PROBES["tri-point"]}
            done = {p.sm_mhz for p in further}
            left = sorted(f for f in wishes if all(abs(f - d) > 20 for d in done))
            return tuple(left) if measured else (*left, highest)
        return ()


def _curve(draws: Draws) -> tuple[CurvePoint, ...]:
    energy = draws.mean_time * draws.mean_power
    columns = (
        draws.sm_mhz,
        draws.mean_time,
        draws.mean_power * draws.mean_power_w,
        energy,
        energy * draws.mean_time,
    )
    return tuple(CurvePoint(*map(float, row)) for row in zip(*columns, strict=True))
