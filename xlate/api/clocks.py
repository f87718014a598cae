"""The best clock of a target: fit a model of it, ask it, read what meters recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlate import engine
from xlate.api.profiles import as_profiles, without_failures
from xlate.models.response import DEFAULT_CLOCK_MODEL
from xlate.sweeps import probe as probe_files
from xlate.values.profile import Profile
from xlate.values.tabular import Results

if TYPE_CHECKING:
    from xlate.engine import ClockFit, Recommendation
    from xlate.store.bundle import Bundle
    from xlate.store.clock_bundle import ClockBundle
    from xlate.sweeps.probe import Probe

__all__ = ["fit_clocks", "predict_freq", "read_probe", "read_telemetry"]


def fit_clocks(
    target: str | None = None,
    *,
    gpu: str | None = None,
    sweeps: Sequence[str] | None = None,
    model: str = DEFAULT_CLOCK_MODEL,
    seed: int = 0,
    save: bool = True,
    replace: bool = False,
    anchors_dirs: Iterable[Path] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> ClockFit:
    """Fit a model of the best core clock of an instance or a GPU, and save it.

    Parameters
    ----------
    target : str, optional
        Instance, by name or alias; profiles can then be answered on it.
    gpu : str, optional
        GPU alone, in place of ``target``; recordings of a job on it can be answered.
    sweeps : sequence of str, optional
        Corpora with clock sweeps, or paths of tables. By default the measured ones on
        this machine whose licence allows it, else the simulated one.
    model : str
        Key of :data:`xlate.models.response.CLOCK_MODELS`.
    seed : int
        For models that draw random numbers.
    save : bool
        Whether to write the clock model to the data home.
    replace : bool
        Let a fit on simulated sweeps take the place of one on measured sweeps.
    anchors_dirs : iterable of Path
        Folders with more instances and GPUs.
    progress : callable, optional
        Called with parts done, parts in all, and what is being done.

    Returns
    -------
    ClockFit
        ``bundle`` (for :func:`predict_freq`), ``path``, ``rows`` (accuracy card:
        shares, not %), ``notes``.

    Raises
    ------
    UnknownNameError, CatalogError
        For an unknown name, or a target without a GPU whose clock can be set.
    CorpusError
        If there are no sweeps.
    StorageError
        If the clock model cannot be written.

    Examples
    --------
    >>> import xlate
    >>> done = xlate.fit_clocks(
    ...     gpu="T4", sweeps=["simulated"], model="response-linear", save=False
    ... )
    >>> done.bundle.manifest.model
    'response-linear'
    """
    return engine.fit_clocks(
        target,
        gpu=gpu,
        sweeps=sweeps,
        model=model,
        seed=seed,
        save=save,
        replace=replace,
        anchors_dirs=anchors_dirs,
        progress=progress,
    )


def predict_freq(
    profiles: Profile | str | Path | Iterable[Profile | str | Path],
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
) -> Results[Recommendation]:
    """The best core clock on the target for each profile.

    The clock is the one with the least expected objective over draws of the errors of
    the power model and of the response to the clock.

    Parameters
    ----------
    profiles : path, Profile, or iterable of these
        Taken on the anchor.
    anchor : str or None
        Instance, by name or alias; None where the profile says which GPU it ran on
        and one instance has it.
    target : str
        Instance, by name or alias.
    objective : str
        What is minimised: ``edp`` (energy × time), ``ed2p`` (energy × time²),
        ``energy`` or ``cost``.
    max_slowdown : float, optional
        Bound on the time against the fastest clock: 0.05 is 5 %.
    sure : float, optional
        Probability with which the bound must hold, between 0 and 1. By default the
        expected curve keeps it.
    probe : {"max-only", "tri-point"}
        ``tri-point`` demands probes at about 0.7 and 0.5 of the highest clock.
    probes : sequence of Probe
        Runs of the job on the target (:func:`read_probe`).
    telemetry : Probe, optional
        What a meter recorded of the job on the anchor (:func:`read_telemetry`).
    confidence : float
        Between 0 and 1; below it, the answer names clocks to probe.
    clocks_file : Path, optional
        Output of ``nvidia-smi -q -d SUPPORTED_CLOCKS`` on the target.
    bundle : Bundle, optional
        As :func:`xlate.translate`.
    clock_bundle : ClockBundle, optional
        By default that of the target, or of its GPU, in the data home.
    force : bool
        Answer though a file says that it ran on another GPU.
    anchors_dirs : iterable of Path
        Folders with more instances and GPUs.
    seed : int
        Of the draws.

    Returns
    -------
    Results of Recommendation
        One a profile: clocks in MHz, power in W, ratios against the highest clock.

    Raises
    ------
    ProfileError
        For the first file that is not a profile, or a probe that does not fit.
    UnknownNameError, CatalogError
        For unknown names, or a target without a GPU whose clock can be set.
    BundleError
        If there is no clock model of the target yet.
    XlateError
        For a bound or a probability that cannot be.

    Examples
    --------
    >>> import xlate
    >>> clocks = xlate.fit_clocks(
    ...     "p3.2xlarge", sweeps=["simulated"], model="response-linear", save=False
    ... )
    >>> (answer,) = xlate.predict_freq(
    ...     "examples/my_stats.csv", "g3s.xlarge", "p3.2xlarge",
    ...     clock_bundle=clocks.bundle,
    ... )
    >>> answer.sm_mhz <= answer.default_sm_mhz
    True
    """
    answers = engine.predict_freq(
        as_profiles(profiles),
        anchor,
        target,
        objective=objective,
        max_slowdown=max_slowdown,
        sure=sure,
        probe=probe,
        probes=probes,
        telemetry=telemetry,
        confidence=confidence,
        clocks_file=clocks_file,
        bundle=bundle,
        clock_bundle=clock_bundle,
        force=force,
        anchors_dirs=anchors_dirs,
        seed=seed,
    )
    return Results(without_failures(answers))


def read_probe(
    path: str | Path, gpu_index: int | None = None, fields: Sequence[str] | None = None
) -> Probe:
    """Read a run of the job at one clock of the target.

    Parameters
    ----------
    path : str or Path
        A recording of ``nvidia-smi`` or DCGM with time stamps, or JSON
        ``{"sm_mhz": …, "time_s": …, "power_w": …}``.
    gpu_index : int, optional
        Which GPU's rows, where the recording holds several.
    fields : sequence of str, optional
        Columns of an ``nvidia-smi`` csv without a header.

    Returns
    -------
    Probe
        Clock in MHz, mean power in W, time in seconds.

    Raises
    ------
    ProfileError
        If it is neither, or lacks clock, time or power.

    Examples
    --------
    >>> import xlate
    >>> xlate.read_probe("examples/probe_1080.json").sm_mhz
    1080.0
    """
    return probe_files.read_probe(Path(path), gpu_index, fields)


def read_telemetry(
    path: str | Path, gpu_index: int | None = None, fields: Sequence[str] | None = None
) -> Probe:
    """Read what a meter recorded of the job on the anchor.

    Parameters
    ----------
    path : str or Path
        A recording of ``nvidia-smi`` or DCGM.
    gpu_index : int, optional
        Which GPU's rows, where the recording holds several.
    fields : sequence of str, optional
        Columns of an ``nvidia-smi`` csv without a header.

    Returns
    -------
    Probe
        Means over the samples with the GPU at work: clock in MHz (0 where not
        recorded), power in W.

    Raises
    ------
    ProfileError
        If it is not a recording, holds no power, or fewer than two samples at work.

    Examples
    --------
    >>> import xlate
    >>> xlate.read_telemetry("examples/telemetry_g4dn.csv").power_w > 50
    True
    """
    return probe_files.read_telemetry(Path(path), gpu_index, fields)
