"""Select donor GPUs whose sweeps and telemetry are used when a GPU has none."""

from __future__ import annotations

from collections.abc import Sequence

from xlate.data import corpus as corpora
from xlate.data.corpus import Corpus
from xlate.engine.session import Session
from xlate.errors import AlignmentError
from xlate.hardware.catalogue import Catalogue, Gpu, Instance
from xlate.hardware.similarity import distance
from xlate.models.power import AnchorJobs, PowerModel, joined, metered_jobs
from xlate.sweeps.gpu_sweeps import Sweeps

__all__ = ["handoff_for", "nearest_others", "relative"]

#: corpora of op vectors and of telemetry that share jobs
HANDOFF_CORPORA = ("profet", "cloud-hw-trainpred")
#: factor on the errors of a borrowed response: it covers four of five pairs of
#: sweeps at hand (experiments/results/clocks-spread.csv). Two corpora of one
#: card are as far apart as two architectures, so that a similar GPU gets no smaller one
SPREAD = 2.2
#: donor GPUs whose sweeps are used beside the source's own
_MOST_OTHERS = 2
#: instances whose telemetry shows what an anchor's looks like
_MOST_ANCHORS = 3


def relative(gpu: Gpu, sweeps: Sequence[Sweeps]) -> tuple[Sweeps, float]:
    """The GPU's own sweeps, else those of the nearest architecture and board limit."""
    own = [s for s in sweeps if s.gpu.name == gpu.name]
    if own:
        return max(own, key=lambda s: len(s.curves)), 1.0

    nearest = min(sweeps, key=lambda s: distance(gpu, s.gpu))
    return nearest, SPREAD


def nearest_others(source: Sweeps, sweeps: Sequence[Sweeps]) -> list[Sweeps]:
    """Sweeps of donor GPUs, used beside the source's own, a few at most."""
    others = [s for s in sweeps if s.gpu.name != source.gpu.name]
    return sorted(others, key=lambda s: distance(source.gpu, s.gpu))[:_MOST_OTHERS]


def handoff_for(
    session: Session, instance: Instance, measured: bool, seed: int
) -> tuple[PowerModel | None, str | None, float | None]:
    """A power model for the instance, else the one fitted on the most jobs.

    Parameters
    ----------
    measured : bool
        Whether the sweeps are measured. Simulated ones go with the simulated
        corpus, which has both sides in itself; it also serves where the
        measured ones are not on this machine.

    Returns
    -------
    handoff : PowerModel or None
    origin : str or None
        Instance and corpora it was fitted on; says so where they are simulated.
    limit_w : float or None
        Power limit of that instance's GPU.
    """
    are_installed = all(corpora.installed(n) is not None for n in HANDOFF_CORPORA)
    names = HANDOFF_CORPORA if are_installed and measured else ("simulated",) * 2
    catalogue = session.catalogue
    vectors, metered = (session.corpus(n) for n in names)
    tried: dict[str, int] = {}
    shared = set(vectors.instances) & set(metered.instances)
    for name in sorted(shared, key=lambda n: (n != instance.name, n)):
        try:
            jobs = joined(vectors, metered, name)
        except AlignmentError:
            continue
        if name == instance.name:
            tried = {name: jobs.height}
            break
        tried[name] = jobs.height
    if not tried:
        return None, None, None
    best = max(tried, key=lambda n: (tried[n], n))
    card = catalogue.instance(best).require_gpu()
    limit = card.limit_w
    if limit is None:
        return None, None, None
    label = " and ".join(dict.fromkeys((vectors.label, metered.label)))
    jobs = joined(vectors, metered, best)
    anchors = _telemetry_elsewhere(metered, best, catalogue)
    return PowerModel(limit, seed).fit(jobs, anchors), f"{best} ({label})", limit


def _telemetry_elsewhere(
    metered: Corpus, apart: str, catalogue: Catalogue
) -> list[AnchorJobs]:
    """Telemetry of the same jobs on other instances."""
    anchors = []
    for name in metered.instances:
        if name == apart:
            continue
        card = catalogue.instance(name).require_gpu()
        limit = card.limit_w
        meter = metered_jobs(metered, name)
        if limit is not None and meter is not None:
            anchors.append(AnchorJobs(meter, limit, card.name))
    return anchors[:_MOST_ANCHORS]
