"""The facts of every answer: bundle, precision, memory, rent, sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from xlate.values.memory_need import MemoryFit
from xlate.values.precision_mix import NOT_KNOWN, PrecisionMix
from xlate.values.rent import Rent

__all__ = ["BundleId", "Facts", "RestsOn"]


@dataclass(frozen=True)
class BundleId:
    """The bundle that answered: its name, and the checksum of its model as version.

    Attributes
    ----------
    name : str
        ``ANCHOR/to-TARGET``.
    version : str or None
        First digits of the checksum.

    Examples
    --------
    >>> from xlate import BundleId
    >>> BundleId("g3s.xlarge/to-p3.2xlarge", "0123abcd").name
    'g3s.xlarge/to-p3.2xlarge'
    """

    name: str
    version: str | None


@dataclass(frozen=True)
class RestsOn:
    """The source of one part of an answer.

    Attributes
    ----------
    part : str
        ``step time on the anchor``, ``translation``, ``power`` or ``response to the
        clock``.
    source : str
        The source of the part.
    corpus : str or None
        The corpus of the source; None where it has no corpus.
    simulated : bool
        Whether that corpus is simulated.
    note : str or None
        What limits the part.

    Examples
    --------
    >>> from xlate import RestsOn
    >>> RestsOn("translation", "physics", "profet").text
    'translation: physics, profet'
    """

    part: str
    source: str
    corpus: str | None = None
    simulated: bool = False
    note: str | None = None

    def document(self) -> dict[str, object]:
        """The promised document."""
        return {
            "part": self.part,
            "from": self.source,
            "corpus": self.corpus,
            "simulated": self.simulated,
            "note": self.note,
        }

    @property
    def text(self) -> str:
        """One line for people."""
        corpus = f", {self.corpus}" if self.corpus else ""
        named = "simulated" in (self.corpus or "")
        simulated = " (simulated)" if self.simulated and not named else ""
        note = f"; {self.note}" if self.note else ""
        return f"{self.part}: {self.source}{corpus}{simulated}{note}"


@dataclass(frozen=True)
class Facts:
    """Facts that every answer to a profile holds.

    Attributes
    ----------
    bundle : BundleId or None
        None where data sheets answered.
    recorded_gpu : str or None
        GPU, as the file names it.
    anchor_gpu, target_gpu : str or None
        Entries of the catalogue that the answer was computed with.
    mode : str or None
        Mode of the profile; None where it is not known.
    precision, precision_target : str or None
        Number format that represents the run on the anchor and on the target; None
        where it is not known.
    precision_known : str or None
        Source of the precision.
    precision_shares : mapping of str to float
        Kernel time on the anchor by precision, largest first; empty where not recorded.
    precision_assumed : str or None
        Number format that the answer holds for: fp32 where data sheets answer, that of
        the training where a bundle does; None where it is not known.
    precision_interval_scale : (float, float) or None
        Factors on the lower and the upper bound of the step time, in case the run
        computes in another format than the assumed one; None where nothing changes.
    memory : MemoryFit or None
        Memory that is needed, and memory of the target.
    rent : Rent or None
        Rent of the target; None without a price, and then ``no_rent`` says why.
    domain : str
        ``in_domain``, ``uncertain`` or ``out_of_domain``.
    step_from : str
        ``given``, or ``window`` where the anchor's step time was estimated.
    rests_on : tuple of RestsOn
    what_to_do : tuple of str
        What would make the answer more certain, or what to do instead.

    Examples
    --------
    >>> import xlate
    >>> (answer,) = xlate.translate("examples/my_stats.csv", "g3s.xlarge", "p3.2xlarge")
    >>> answer.facts.target_gpu, answer.facts.bundle.name
    ('V100-SXM2-16GB', 'g3s.xlarge/to-p3.2xlarge')
    """

    bundle: BundleId | None = None
    recorded_gpu: str | None = None
    anchor_gpu: str | None = None
    target_gpu: str | None = None
    mode: str | None = None
    precision: str | None = None
    precision_known: str | None = None
    precision_target: str | None = None
    precision_shares: Mapping[str, float] = field(default_factory=dict)
    precision_assumed: str | None = None
    precision_interval_scale: tuple[float, float] | None = None
    memory: MemoryFit | None = None
    rent: Rent | None = None
    no_rent: str | None = None
    domain: str | None = None
    step_from: str = "given"
    rests_on: tuple[RestsOn, ...] = ()
    what_to_do: tuple[str, ...] = ()

    @property
    def precision_text(self) -> str:
        """Precision on the anchor, and on the target; what the answer assumes of it."""
        if self.precision_shares:
            text = PrecisionMix(self.precision_shares).text + " of kernel time"
        elif self.precision is None:
            return NOT_KNOWN
        else:
            text = f"{self.precision}, {self.precision_known}"
        if self.precision is None:
            return text
        there, assumed = self.precision_target or NOT_KNOWN, self.precision_assumed
        if assumed in (None, there):
            return text if there == self.precision else f"{text}; there {there}"
        if assumed == self.precision:
            return f"{text}; there assumed {assumed}; may run in {there}"
        return f"{text}; there {there}, answered at the rates of {assumed}"

    def document(self) -> dict[str, object]:
        """Keys that every answer to a profile has."""
        nothing = {"need_bytes": None, "have_bytes": None, "fits": None}
        return {
            # no history is kept yet
            "prediction_id": None,
            "bundle": None if self.bundle is None else asdict(self.bundle),
            "recorded_gpu": self.recorded_gpu,
            "anchor_gpu": self.anchor_gpu,
            "target_gpu": self.target_gpu,
            "mode": self.mode,
            "precision": {
                "anchor": self.precision,
                "target": self.precision_target,
                "how_known": self.precision_known,
                "shares": dict(self.precision_shares) or None,
                "assumed": self.precision_assumed,
                "interval_scale": None
                if self.precision_interval_scale is None
                else dict(
                    zip(("low", "high"), self.precision_interval_scale, strict=True)
                ),
            },
            "memory": nothing if self.memory is None else self.memory.document(),
            "rent": None if self.rent is None else self.rent.document(),
            "no_rent": self.no_rent,
            "step_from": self.step_from,
            "rests_on": [r.document() for r in self.rests_on],
            "what_to_do": list(self.what_to_do),
        }
