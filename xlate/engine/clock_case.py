"""One job on its way to a recommendation: hand on, respond, choose, explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xlate.engine.chosen_clock import ChosenClock, ClockStart
from xlate.engine.clock_costs import StepCosts, times
from xlate.engine.clock_question import MeteredJob, Question
from xlate.engine.explanation import (
    NOTHING_TO_MEASURE,
    OTHER_TIME,
    SURE_BOUND,
    clock_parts,
    what_binds,
    what_changed,
    what_costs,
    what_does_not_fit,
    what_power_lacks,
    what_rent_does,
    what_telemetry_says,
    what_to_do,
    why_unmetered,
)
from xlate.errors import ProfileError
from xlate.hardware.legal_points import commands, snap
from xlate.models.anchor_power import AnchorMeans, Strangeness
from xlate.models.power import PREDICTED, PowerFeatures
from xlate.models.response import choice
from xlate.models.response.draws import Draws, draw
from xlate.objectives import make_objective
from xlate.sweeps.features import PROBES
from xlate.sweeps.probe import Probe, view_of
from xlate.sweeps.reference import Reference, reference_of
from xlate.values.profile import Estimate
from xlate.values.recommendation import MeterFacts, Recommendation
from xlate.values.translation import RestsOn, Translation

__all__ = ["Case", "MeteredJob", "Question"]

#: telemetry of another time than the profile may be of another job: no measurement says
#: how often, so it is treated as telemetry half as far again as any learned from
_OTHER_TIME = 0.5


class Case:
    """One profile, or recording, on its way to a recommendation."""

    def __init__(self, job: Translation | MeteredJob, asked: Question) -> None:
        self.job, self.asked = job, asked
        self.instance, self.gpu = asked.instance, asked.gpu
        self.fitted, self.legal, self.bound = asked.fitted, asked.legal, asked.bound
        self.metered: AnchorMeans | None = None
        self.meter: MeterFacts | None = None
        #: whether the anchor's telemetry is of another time than the profile
        self.of_another_time = False
        self.reference: Reference | None = None
        self.costs = StepCosts(job.step_time_s, job.rent)

    def of_recording(
        self, first: Probe, drawn: Sequence[Probe], probes: Sequence[Probe]
    ) -> Recommendation:
        """The recommendation from a recording at the highest clock alone.

        Parameters
        ----------
        first : Probe
            Its means.
        drawn : sequence of Probe
            The same from parts of it: how far its means may be off.
        probes : sequence of Probe
            Runs at further clocks.
        """
        return self._recommend(ClockStart(first, drawn, probes, True))

    def answer(self, probes: list[Probe]) -> Recommendation:
        """The recommendation, without probes and then with them."""
        if self.fitted.handoff is None and not probes:
            raise ProfileError(
                f"{self.job.file}: power on {self.instance.name} is not known: "
                "no corpus with op vectors and telemetry was here at the fit",
                "import profet and cloud-hw-trainpred and fit again, or give "
                "--probe-file",
            )
        before = None
        if self.fitted.handoff is not None:
            first, drawn = self._handed_on()
            before = self._recommend(ClockStart(first, drawn, (), False))
        if not probes:
            assert before is not None
            return before
        highest = max(probes, key=lambda p: p.sm_mhz)
        further = [p for p in probes if p is not highest]
        self.reference = reference_of(
            highest.sm_mhz, highest.power_w, self.legal.sm_mhz[-1], self.gpu.limit_w
        )
        after = self._recommend(ClockStart(highest, [], further, True))
        if before is None:
            return after
        return replace(after, changed=what_changed(before, after))

    def _row(self) -> PowerFeatures:
        """What of the job the power model uses."""
        one, step_us = self.job, self._step().value * 1e6
        metered = None
        if self.metered is not None and isinstance(one, Translation):
            limit = self.gpu.limit_w or self.fitted.manifest.handoff_limit_w
            anchor_us = one.anchor_step_time_s * 1e6
            if limit and anchor_us > 0 and step_us > 0:
                metered = self.metered.beside(anchor_us, step_us, limit)
        return PowerFeatures.of(
            one.ops or {},
            step_us,
            one.workload.dataset,
            one.workload.batch_size,
            metered,
        )

    def _step(self) -> Estimate:
        """Step time at the highest clock; a translation always has one."""
        assert self.job.step_time_s is not None
        return self.job.step_time_s

    def _handed_on(self) -> tuple[Probe, list[Probe]]:
        """The job at the target's highest clock, predicted, and under each error."""
        manifest, row, step = self.fitted.manifest, self._row(), self._step()
        limit = self.gpu.limit_w
        scale = (limit or 1.0) / (manifest.handoff_limit_w or limit or 1.0)

        def made(values: np.ndarray) -> Probe:
            metrics = dict(zip(PREDICTED, map(float, values), strict=True))
            power = metrics.pop("power_w") * scale
            return Probe(self.legal.sm_mhz[-1], power, step.value, metrics)

        handoff = self.fitted.handoff
        drawn = handoff.draws(row, self._apart)
        return made(handoff.predict([row])[0]), [made(v) for v in drawn]

    def _choose(self, start: ClockStart) -> ChosenClock:
        """The clock that minimises what is asked for, how sure it is, and what to do."""
        manifest, first, further = self.fitted.manifest, start.first, start.further
        view = view_of(first) if view_of(first) in manifest.views else "smi"
        draws = draw(
            self.fitted.responses[view],
            first,
            start.drawn,
            self.gpu,
            view,
            legal=self.legal.sm_mhz,
            spread=manifest.spread,
            further=further,
            seed=self.asked.seed,
            reference=self.reference if start.measured else None,
        )
        aim = make_objective(
            self.asked.objective,
            self.costs.usd_per_h,
            first.power_w,
            self.costs.usd_per_kwh,
        )
        k, sure, span = choice.answer(draws, aim, self.bound, self.asked.sure)
        strange = None if start.measured else self._strangeness()
        sure /= 1 + (0.0 if strange is None else strange.beyond)
        if self._simulated_alone(further):
            sure = min(sure, choice.FAIRLY)
        if strange is not None:
            sure /= 1 + self._apart
        if self._refused:
            sure = min(sure, choice.HARDLY)
        holds = None
        if self.bound is not None:
            holds = choice.bound_probability(draws, k, self.bound)
        action = self._action(sure, holds, strange)
        return ChosenClock(
            draws, aim, k, sure=sure, span=span, holds=holds, action=action
        )

    def _recommend(self, start: ClockStart) -> Recommendation:
        chosen, manifest = self._choose(start), self.fitted.manifest
        draws, k, aim = chosen.draws, chosen.k, chosen.aim
        at = choice.point(draws, k, aim)
        set_command, reset_command = commands(self.gpu, at.sm_mhz, self.legal)
        probes = self._next(start, chosen)
        rests_on = self._rests_on(start.measured, len(start.further))
        return Recommendation(
            file=self.job.file,
            anchor=self.job.anchor,
            target=self.instance.name,
            gpu=self.gpu.name,
            model=manifest.model,
            fitted_on=manifest.corpus,
            simulated=any(r.simulated for r in rests_on),
            extrapolated=manifest.extrapolated,
            objective=aim.name,
            max_slowdown=self.bound,
            sm_mhz=at.sm_mhz,
            best_mhz_range=chosen.span,
            default_sm_mhz=float(draws.sm_mhz[-1]),
            fastest_sm_mhz=float(draws.sm_mhz[draws.mean_time.argmin()]),
            time_ratio=at.time_ratio,
            power_w=at.power_w,
            energy_ratio=at.energy_ratio,
            edp_ratio=choice.point(draws, k, make_objective("edp")).objective_ratio,
            objective_ratio=at.objective_ratio,
            power_at_default_w=choice.estimate(draws.mean_power_w, draws.power_w),
            step_time_s=self._over_step(at.time_ratio),
            energy_j=self._over_step(at.watts_over_time),
            usd_per_1000_steps=self.costs.estimate(at.time_ratio, at.power_w),
            usd_per_1000_steps_gpu_share=self.costs.estimate(
                at.time_ratio, at.power_w, share=True
            ),
            default_usd_per_1000_steps=self.costs.usd(1.0, draws.mean_power_w),
            choices=self.costs.choices(draws, k),
            bound_probability=chosen.holds,
            workload=self.job.workload,
            verdict=self.job.verdict,
            facts=replace(self.job.facts, rests_on=rests_on),
            confidence=chosen.sure,
            action=chosen.action,
            reasons=(
                *self._reasons(start, draws, k),
                self._advice(chosen, len(probes)),
            ),
            probes=probes,
            neighbours=chosen.neighbours,
            set_command=set_command,
            reset_command=reset_command,
            curve=chosen.curve,
            telemetry=self.meter,
        )

    def _simulated_alone(self, further: Sequence[Probe]) -> bool:
        """Whether no measured run says how the job responds to the clock."""
        return "simulated" in self.fitted.manifest.corpus and not further

    @property
    def _apart(self) -> float:
        """Least distance at which the anchor's telemetry is taken from that learned from."""
        return _OTHER_TIME if self.of_another_time else 0.0

    @property
    def _refused(self) -> bool:
        """Whether it is of a recording that is answered all the same, and not trusted."""
        return isinstance(self.job, MeteredJob) and self.job.verdict.level == "refuse"

    @property
    def _fits(self) -> bool:
        """Whether the job can run on the target, as far as its memory says."""
        return self.job.memory is None or self.job.memory.fits != "no"

    def _over_step(self, rate: Estimate) -> Estimate | None:
        """Something per second at the highest clock, over a step there.

        Probes time whatever the user timed; the profile's step is translated.
        """
        step = self.job.step_time_s
        return None if step is None else times(step, rate)

    def _action(
        self, sure: float, holds: float | None, strange: Strangeness | None = None
    ) -> str:
        """What to do; work that cannot run, or that nobody knows, is not applied.

        Nor is a clock whose bound may be broken: one that was stated to hold in 60 to
        80 % held in 47 % (experiments/results/clocks-bound.csv).
        """
        action = choice.action_of(sure)
        if not self._fits:
            return "collect"
        # telemetry unlike any that was learned from: one run on the target says more
        if strange is not None and strange.beyond:
            return "collect"
        # of doubted recordings that were sure, half to two thirds were right
        # (experiments/results/clocks-meter.csv)
        if isinstance(self.job, MeteredJob) and self.job.verdict.level != "ok":
            action = "apply-monitored" if action == "apply" else action
        trusted = self.job.facts.domain != "out_of_domain"
        trusted = trusted and (holds is None or holds > SURE_BOUND)
        return action if trusted or action == "collect" else "sweep"

    def _rests_on(self, measured: bool, probes: int) -> tuple[RestsOn, ...]:
        """Each part of the answer with its origin."""
        by_probe = measured and not isinstance(self.job, MeteredJob)
        power, response = clock_parts(
            self.fitted.manifest,
            self.instance.name,
            by_probe,
            probes,
            by_probe or (not measured and self._row_kind() == "metered"),
        )
        if measured and not by_probe:
            power = RestsOn("power", f"measured by the recording {self.job.file}")
        return (*self.job.facts.rests_on, power, response)

    @property
    def by_telemetry(self) -> bool:
        """Whether power rests on telemetry of the anchor too."""
        return self._row_kind() == "metered"

    def _row_kind(self) -> str | None:
        """Which process of the power model answers; None without a power model."""
        handoff = self.fitted.handoff
        return None if handoff is None else handoff.kind_of(self._row())

    def _strangeness(self) -> Strangeness | None:
        """How unlike what was learned from the anchor's telemetry is, where it is used."""
        handoff = self.fitted.handoff
        if handoff is None or not self.by_telemetry:
            return None
        strangeness: Strangeness | None = handoff.strangeness(self._row())
        return strangeness

    def _reasons(self, start: ClockStart, draws: Draws, k: int) -> list[str]:
        """Why this clock, and how far to trust it, in words."""
        measured = start.measured
        tenth = float(np.interp(0.9 * draws.sm_mhz[-1], draws.sm_mhz, draws.mean_time))
        said = [] if self._fits else what_does_not_fit(self.job.memory)
        said += what_binds(start.first, self.gpu, tenth - 1)
        if draws.limited_mhz is not None and self.gpu.limit_w:
            said.append(
                f"from {draws.limited_mhz:g} MHz up the board would reach its limit of "
                f"{self.gpu.limit_w:g} W and lower the clock by itself: time and power "
                "are taken to stay as they are there"
            )
        said += what_rent_does(self.costs, float(draws.mean_time[k]))
        if self._simulated_alone(start.further):
            said.append(
                "how sure the answer is of a real card is not known: the response to the "
                "clock was learned from simulated sweeps alone, so it is taken for no "
                f"more than {100 * choice.FAIRLY:.0f} % sure"
            )
        if self._refused:
            said.append(
                "the recording is not trusted (below: why), so the answer is taken for no "
                f"more than {100 * choice.HARDLY:.0f} % sure, and no clock is to be set by it"
            )
        said += what_costs(self.costs, draws, k, self.asked.objective)
        if not measured and self.job.ops is None:
            said.append("the translator gives no op vector: power is a rough guess")
        elif not measured:
            said += what_power_lacks(self.job.workload)
            strange = self._strangeness()
            said += what_telemetry_says(strange, self.metered, self.gpu)
            if strange is not None and self.of_another_time:
                said.append(OTHER_TIME)
        if self.metered and (measured or self._row_kind() != "metered"):
            said += why_unmetered(self.job.workload, measured)
        if k in (0, len(draws.sm_mhz) - 1):
            edge = "lowest clock that sweeps cover" if k == 0 else "highest clock"
            said.append(f"the best lies at the edge: the {edge}")
        return said

    def _advice(self, chosen: ChosenClock, clocks: int) -> str:
        """What to do with the answer, that of the clocks named to measure next."""
        if not self._fits:
            return NOTHING_TO_MEASURE
        return what_to_do(
            chosen.sure,
            chosen.action,
            self.asked.objective,
            bound=self.bound,
            holds=chosen.holds,
            clocks=clocks,
        )

    def _next(self, start: ClockStart, chosen: ChosenClock) -> tuple[float, ...]:
        """Clocks to measure next."""
        draws, action = chosen.draws, chosen.action
        highest = float(draws.sm_mhz[-1])
        if not self._fits:
            return ()
        if action == "sweep":
            return tuple(choice.neighbours(draws, chosen.k))
        if chosen.sure < self.asked.confidence or action == "collect":
            clocks = tuple(float(f) for f in draws.sm_mhz)
            wishes = {snap(s * highest, clocks) for s in PROBES["tri-point"]}
            done = {p.sm_mhz for p in start.further}
            left = sorted(f for f in wishes if all(abs(f - d) > 20 for d in done))
            # a recording that is not trusted shows nothing of the highest clock either
            by_highest = start.measured and not self._refused
            return tuple(left) if by_highest else (*left, highest)
        return ()
