"""The best clock for profiles: translate, hand on, respond, choose, explain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xlate.advice import CurvePoint, Recommendation
from xlate.answer import Failure, RestsOn, Translation
from xlate.catalog import Gpu, Instance, catalogue
from xlate.clocks import recommend
from xlate.clocks.features import PROBES
from xlate.clocks.handoff import PREDICTED, JobRow
from xlate.clocks.label import check_slowdown
from xlate.clocks.legal import LegalClocks, commands, legal_clocks, snap
from xlate.clocks.objective import make_objective
from xlate.clocks.probe import Probe, view_of
from xlate.clocks.recommend import Draws
from xlate.engine.clock_costs import StepCosts, times
from xlate.engine.measurements import (
    check_device,
    check_probes,
    check_sure,
    metered_shares,
)
from xlate.engine.naming import with_anchor
from xlate.engine.translating import translate
from xlate.engine.wording import (
    SURE_BOUND,
    clock_parts,
    what_binds,
    what_changed,
    what_costs,
    what_power_lacks,
    what_to_do,
    why_unmetered,
)
from xlate.errors import ProfileError, XlateError
from xlate.profile import Estimate, Profile
from xlate.store import clock_bundle as clock_bundles
from xlate.store.bundle import Bundle
from xlate.store.clock_bundle import ClockBundle

__all__ = ["predict_freq"]


def predict_freq(
    profiles: Sequence[Profile | Failure],
    anchor: str | None,
    target: str,
    *,
    objective: str = "edp",
    max_slowdown: float | None = None,
    sure: float | None = None,
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
    sure : float, optional
        Probability with which the bound must hold, 0.9 for instance; by default the
        expected curve keeps it.
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
    check_sure(sure, bound)
    legal = legal_clocks(gpu, clocks_file, known)
    if not 0 <= confidence <= 1:
        raise XlateError(f"confidence must be between 0 and 1, got {confidence:g}")
    check_probes(probe, probes, legal, gpu.limit_w)
    for one_probe in probes:
        check_device(one_probe, gpu, known, "probe")
    make_objective(objective, 1.0)  # an unknown name is said before the work
    fitted = clock_bundle
    if fitted is None:
        fitted = clock_bundles.find(instance.name, gpu.name)
    clock_bundles.check_target(fitted, instance.name, gpu.name)
    anchor, profiles, taken = with_anchor(profiles, anchor, anchors_dirs)
    own = known.instance(anchor).require_gpu()
    check_device(telemetry, own, known, "telemetry")
    metered = metered_shares(telemetry, own)
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
            found.metered, found.demanded = metered, sure
            said = found.answer(list(probes), confidence)
            # the last reason is what to do
            answers.append(replace(said, reasons=(*taken, *said.reasons)))
        except XlateError as e:
            answers.append(Failure(one.file, e))
    return answers


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
        self.demanded: float | None = None
        self.costs = StepCosts(translated.step_time_s, translated.rent)

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

    def _row(self) -> JobRow:
        """What of the job the hand-off looks at."""
        one = self.translated
        return JobRow.of(
            one.ops or {},
            one.step_time_s.value * 1e6,
            one.workload.dataset,
            one.workload.batch_size,
            self.metered,
        )

    def _handed_on(self) -> tuple[Probe, list[Probe]]:
        """The job at the target's highest clock, predicted, and under each error."""
        one, manifest, row = self.translated, self.fitted.manifest, self._row()
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
        aim = make_objective(
            self.objective_name, self.costs.usd_per_h, first.power_w,
            self.costs.usd_per_kwh,
        )  # fmt: skip
        k, sure, span = recommend.answer(draws, aim, self.bound, self.demanded)
        holds = (
            None
            if self.bound is None
            else recommend.bound_probability(draws, k, self.bound)
        )
        at = recommend.point(draws, k, aim)
        edp = recommend.point(draws, k, make_objective("edp")).objective_ratio
        set_command, reset_command = commands(self.gpu, at.sm_mhz, self.legal)
        action = self._action(sure, holds)
        rests_on = self._rests_on(not drawn, len(further))
        score = aim.log_score(draws.mean_time, draws.mean_power)
        near = [j for j in (k - 1, k + 1) if 0 <= j < len(score)]
        return Recommendation(
            file=self.translated.file,
            anchor=self.translated.anchor,
            target=self.instance.name,
            gpu=self.gpu.name,
            model=manifest.model,
            fitted_on=manifest.corpus,
            simulated=any(r.simulated for r in rests_on),
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
            usd_per_1000_steps=self.costs.estimate(at.time_ratio, at.power_w),
            usd_per_1000_steps_gpu_share=self.costs.estimate(
                at.time_ratio, at.power_w, share=True
            ),
            default_usd_per_1000_steps=self.costs.usd(1.0, draws.mean_power_w),
            choices=self.costs.choices(draws, k),
            bound_probability=holds,
            workload=self.translated.workload,
            verdict=self.translated.verdict,
            facts=replace(self.translated.facts, rests_on=rests_on),
            confidence=sure,
            action=action,
            reasons=tuple(
                self._reasons(draws, k, first, not drawn, sure, holds, action)
            ),
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
        return times(self.translated.step_time_s, rate)

    def _action(self, sure: float, holds: float | None) -> str:
        """What to do; work that cannot run, or that nobody knows, is not applied.

        Nor is a clock whose bound may be broken: one that was stated to hold in 60 to
        80 % held in 47 % (experiments/results/clocks-bound.csv).
        """
        action = recommend.action_of(sure)
        memory = self.translated.memory
        if memory is not None and memory.fits == "no":
            return "collect"
        trusted = self.translated.facts.domain != "out_of_domain"
        trusted = trusted and (holds is None or holds > SURE_BOUND)
        return action if trusted or action == "collect" else "sweep"

    def _rests_on(self, measured: bool, probes: int) -> tuple[RestsOn, ...]:
        """Each part of the answer with its origin."""
        return (
            *self.translated.facts.rests_on,
            *clock_parts(
                self.fitted.manifest, self.instance.name, measured, probes,
                self._row_kind() == "metered",
            ),
        )  # fmt: skip

    def _row_kind(self) -> str | None:
        """Which process of the hand-off answers; None without a hand-off."""
        handoff = self.fitted.handoff
        return None if handoff is None else handoff.kind_of(self._row())

    def _reasons(
        self, draws: Draws, k: int, first: Probe, measured: bool, sure: float,
        holds: float | None, action: str,
    ) -> list[str]:  # fmt: skip
        """Why this clock, and how far to trust it, in words."""
        said = what_binds(first, self.gpu)
        said += what_costs(self.costs, draws, k, self.objective_name)
        if not measured and self.translated.ops is None:
            said.append("the translator gives no op vector: power is a rough guess")
        elif not measured:
            said += what_power_lacks(self.translated.workload)
        if self.metered and (measured or self._row_kind() != "metered"):
            said += why_unmetered(self.translated.workload, measured)
        if k in (0, len(draws.sm_mhz) - 1):
            edge = "lowest clock that sweeps cover" if k == 0 else "highest clock"
            said.append(f"the best lies at the edge: the {edge}")
        return [*said, what_to_do(sure, action, self.objective_name, self.bound, holds)]

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
