"""What answers a pair today, and whether a new fit takes its place.

A fit replaces an answer only where it is shown to be better, on work that neither
has seen:

* The new fit's errors are those of its folds, with whole models left out.
* What answers today is asked about the same runs where it never saw their model.
* A bundle was fitted on models that stand among the runs: asked about these it would
  recite them. Its card says what it answered when each was left out, and that counts.
  A card measured with rows left out at random says nothing of that kind.
* Zero-shot learnt the rates of some GPUs from some models. Where both meet, what it
  answered with that GPU left out counts.
* A bundle from simulated runs never saw a measurement, whatever its models are called:
  it is asked about all measured runs.

Runs of which one side is not known are left out of the comparison; where none is left,
nothing shows that the new fit is better. An answer that rests on measurements never
gives way to one that rests on simulated runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.data.corpus import Corpus
from xlate.data.pairing import STEP, Aligned
from xlate.engine.pair import Pair
from xlate.engine.session import Session
from xlate.engine.translate_profiles import translate
from xlate.engine.zero_shot import ZERO_SHOT, by_catalogue, in_catalogue, shipped
from xlate.errors import BundleError, XlateError
from xlate.evaluation.held_out import HeldOut, with_step_times
from xlate.stats.splits import split_label
from xlate.store.bundle import Bundle
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.requests import TranslateRequest
from xlate.values.translation import Translation
from xlate.values.vectors import Vectors

__all__ = [
    "WHOLE_MODELS",
    "Contender",
    "Incumbent",
    "Succession",
    "incumbent_of",
    "succession",
]

Floats = NDArray[np.float64]

#: splits that leave whole models out
WHOLE_MODELS = ("model", "family")
#: errors this near to each other are the same: a network fitted again on another
#: processor is as far off itself
_SAME = 1.01


@dataclass(frozen=True)
class Incumbent:
    """What answers a pair without a new fit.

    Attributes
    ----------
    what : str
        ``"your bundle"``, ``"the bundle that ships with xlate"`` or ``"zero-shot"``.
    translator, fitted_on : str
    simulated : bool
        Whether it rests on simulated runs.
    bundle : Bundle or None
        None for zero-shot.

    Examples
    --------
    >>> from xlate import Incumbent
    >>> Incumbent("zero-shot", "roofline", "data sheets", simulated=False).bundle is None
    True
    """

    what: str
    translator: str
    fitted_on: str
    simulated: bool
    bundle: Bundle | None = None


@dataclass(frozen=True)
class Succession:
    """Whether a fit takes the place of what answered before, and why.

    Attributes
    ----------
    in_place : bool
    reason : str
    before : Incumbent or None
        None where nothing answered.
    before_mape, after_mape : float or None
        Error of the step time (%) on the same runs; None where nothing can be said.
    n : int
        Runs compared on.
    notes : tuple of str

    Examples
    --------
    >>> from xlate import Succession
    >>> Succession(in_place=True, reason="nothing answered this pair before").n
    0
    """

    in_place: bool
    reason: str
    before: Incumbent | None = None
    before_mape: float | None = None
    after_mape: float | None = None
    n: int = 0
    own_refused: bool = False
    notes: tuple[str, ...] = ()

    @property
    def figures(self) -> str | None:
        """Both errors in a sentence, or None where there are none."""
        if self.before is None or self.before_mape is None or self.after_mape is None:
            return None
        b = self.before
        name = (
            b.what if b.bundle is None else f"{b.what} ({b.translator}, {b.fitted_on})"
        )
        return (
            f"step time on {self.n} held-out runs: {self.before_mape:.1f} % off by {name}, "
            f"{self.after_mape:.1f} % by this fit"
        )


@dataclass(frozen=True, eq=False)
class Contender:
    """A new fit, and what shows how good it is.

    Attributes
    ----------
    corpus : Corpus
        Of the runs on the target.
    aligned : Aligned
        Pairs that it was fitted on.
    held : HeldOut or None
        Its answers with whole models left out; None where there are too few.
    translator : str
        Of the fit.
    simulated : bool
        Whether it rests on simulated runs.
    """

    corpus: Corpus
    aligned: Aligned
    held: HeldOut | None
    translator: str
    simulated: bool


def incumbent_of(session: Session, pair: Pair) -> tuple[Incumbent | None, str | None]:
    """What would answer the pair now, and why the user's own bundle does not.

    A bundle of the user's own that is refused answers nothing, so that the next
    one counts: the shipped one, else zero-shot.
    """
    refused = None
    for folder, own in session.bundles.candidates(*pair.names):
        try:
            bundle = session.bundles.load(folder)
            session.bundles.check(bundle, *pair.names)
        except BundleError as e:
            refused = e.what if own else refused
            continue
        m = bundle.manifest
        what = "your bundle" if own else "the bundle that ships with xlate"
        return Incumbent(what, m.translator, m.corpus, m.simulated, bundle), refused
    if not in_catalogue(pair):
        return None, refused
    corpora = ", ".join(shipped().corpora)
    return Incumbent(ZERO_SHOT, ZERO_SHOT, corpora, False), refused


def succession(
    session: Session, pair: Pair, new: Contender, *, replace: bool
) -> Succession:
    """Whether a fit takes the place of what answers now.

    Parameters
    ----------
    session : Session
    pair : Pair
    new : Contender
        The fit.
    replace : bool
        Put it in place whatever the comparison says.
    """
    before, refused = incumbent_of(session, pair)
    notes = () if refused is None else (f"your bundle is refused: {refused}",)
    if before is None:
        return Succession(True, "nothing else answers this pair", notes=notes)
    was = after = None
    n = 0
    if new.held is not None and (before.simulated or not new.simulated):
        was, after, n = _compared(session, pair, before, new, new.held)
    in_place, reason = _decided(before, was, after, new.simulated, replace)
    return Succession(
        in_place,
        reason,
        before,
        was,
        after,
        n=n,
        own_refused=refused is not None,
        notes=notes,
    )


def _decided(
    before: Incumbent,
    was: float | None,
    after: float | None,
    simulated: bool,
    replace: bool,
) -> tuple[bool, str]:
    if replace:
        return True, "it was asked for by --replace"
    if simulated and not before.simulated:
        return False, (
            f"it rests on simulated runs, and {before.what} rests on measurements"
        )
    if was is None or after is None:
        if before.simulated and not simulated:
            return True, f"it rests on measurements, and {before.what} does not"
        return False, (
            f"nothing shows that it is better than {before.what}: no model can be left "
            "out that says how wrong both are"
        )
    if after <= was * _SAME:
        return True, f"it is not worse than {before.what} on held-out models"
    return False, f"it is worse than {before.what} on held-out models"


def _compared(
    session: Session, pair: Pair, before: Incumbent, new: Contender, held: HeldOut
) -> tuple[float | None, float | None, int]:
    """Errors (%) of both on the runs on which both are known."""
    step, hat = (np.full(len(held.models), np.nan) for _ in range(2))
    for fold in held.of(new.translator):
        step[fold.rows], hat[fold.rows] = fold.step, fold.step_hat
    errors = 100 * np.abs(hat / step - 1)
    runs = _Runs(_profiles(new.aligned), step, held.models)
    if before.bundle is None:
        old = _of_data_sheets(runs, pair, new.corpus)
    else:
        # simulated runs share names with measured ones, and nothing else
        apart = before.simulated and not new.simulated
        seen = _seen(before.bundle, held.models, new.corpus) & (not apart)
        old = _of_bundle(session, pair, before.bundle, runs, seen)
    both = np.isfinite(old) & np.isfinite(errors)
    if not both.any():
        return None, None, 0
    return float(old[both].mean()), float(errors[both].mean()), int(both.sum())


@dataclass(frozen=True, eq=False)
class _Runs:
    """The anchor's side of pairs, with the target's step times (µs) and the models."""

    profiles: list[Profile]
    step: Floats
    models: NDArray[np.str_]


def _profiles(aligned: Aligned) -> list[Profile]:
    """The anchor's side of every pair with step times, as a user would hand it in."""
    measured = with_step_times(aligned)
    times = aligned.anchor_matrix()[measured]
    steps = aligned.anchor_matrix((STEP,))[measured, 0]
    keys = aligned.keys.filter(measured.tolist())
    profiles = []
    for row, key in enumerate(keys.iter_rows(named=True)):
        ops = {
            c: float(v)
            for c, v in zip(aligned.columns, times[row], strict=True)
            if v > 0
        }
        # a corpus writes 0 and "unknown" where a size or a name is not known
        work = WorkloadKey(
            **{
                f: key[f]
                for f in WorkloadKey.__dataclass_fields__
                if key.get(f) not in (None, 0, "unknown")
            }
        )
        profiles.append(Profile(ops, work, step_time_us=float(steps[row])))
    return profiles


def _of_data_sheets(runs: _Runs, pair: Pair, corpus: Corpus) -> Floats:
    """Zero-shot's errors (%), those on the GPU left out where it may have seen the runs.

    A network of the same name in a corpus it never saw is another run.
    """
    zero_shot = shipped()
    errors = np.full(len(runs.step), np.nan)
    gpu = pair.target.require_gpu().name
    left_out = zero_shot.step_mape
    if zero_shot.scores is not None and (zero_shot.scores.groups == gpu).any():
        # scores are logs of predicted over measured, without sign
        logs = zero_shot.scores.scores[zero_shot.scores.groups == gpu]
        left_out = float(100 * np.sinh(np.minimum(logs, 10)).mean())
    for k, profile in enumerate(runs.profiles):
        if (
            corpus.label in zero_shot.corpora
            and gpu in zero_shot.own
            and runs.models[k] in zero_shot.models
        ):
            errors[k] = np.nan if left_out is None else left_out
            continue
        answer = by_catalogue(profile, Vectors.of([profile]), pair)
        errors[k] = 100 * abs(float(answer.step[0]) / runs.step[k] - 1)
    return errors


def _seen(
    bundle: Bundle, models: NDArray[np.str_], corpus: Corpus
) -> NDArray[np.bool_]:
    """Which runs the bundle may have been fitted on: the same table, or its networks."""
    m = bundle.manifest
    if m.corpus_sha256 == corpus.sha256:
        return np.ones(len(models), dtype=bool)
    return np.isin(models, m.models) & (corpus.label in m.corpus)


def _of_bundle(
    session: Session, pair: Pair, bundle: Bundle, runs: _Runs, seen: NDArray[np.bool_]
) -> Floats:
    """A bundle's errors (%): as it answers, by its card where it saw the model.

    By the larger of both there, so that a bundle fitted on runs that were wrong does not
    say of itself that it is right.
    """
    errors = np.full(len(runs.step), np.nan)
    asked = TranslateRequest(runs.profiles, *pair.names, bundle=bundle)
    try:
        answers = translate(session, asked).items
    except XlateError:
        answers = ()  # it cannot answer about them, which no figure can say
    for k, answer in enumerate(answers):
        if isinstance(answer, Translation):
            errors[k] = 100 * abs(answer.step_time_s.value * 1e6 / runs.step[k] - 1)
    m = bundle.manifest
    by_model = m.split in {split_label(s) for s in WHOLE_MODELS}
    for model in np.unique(runs.models[seen]):
        rows = runs.models == model
        card = m.error_on(str(model)) if by_model else None
        if card is None:
            errors[rows] = np.nan
        elif not np.nanmean(errors[rows]) > card[0]:
            # it learnt from these runs: it looks better on them than it is. Where it is
            # worse than it says, they are not what it learnt from
            errors[rows] = card[0]
    return errors
