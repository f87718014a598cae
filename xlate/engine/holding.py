"""Set a recommended clock on the card here, and take it back in the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xlate.engine.session import Session
from xlate.errors import RefusedError
from xlate.hardware import control
from xlate.hardware.legal_points import legal_clocks
from xlate.models.response.choice import WATCH_S
from xlate.values.recommendation import Recommendation

__all__ = ["hold_clock"]

#: between two looks at a card that follows
_LOOK_S = 60


def hold_clock(
    session: Session,
    answer: Recommendation,
    clocks_file: Path | None = None,
    index: int = 0,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Hold the clock until interrupted; fall back when a watched card does not follow.

    Parameters
    ----------
    session : Session
    answer : Recommendation
        For the GPU here.
    clocks_file : Path, optional
        Dump of the supported clocks.
    index : int
        Of the card.
    say : callable
        Called with what is done.

    Raises
    ------
    RefusedError
        If the answer is not sure enough, nobody may set a clock here, or the card
        does not follow.
    KeyboardInterrupt
        When the user ends it; the clock is taken back.
    """
    gpu = session.catalogue.gpu(answer.gpu)
    if answer.action not in ("apply", "apply-monitored"):
        raise RefusedError(
            f"the answer is {100 * answer.confidence:.0f} % sure: {answer.reasons[-1]}",
            f"to set it all the same: {answer.set_command}",
        )
    nvml = control.load_nvml()
    handle = control.device_of(nvml, gpu, session.catalogue, index)
    legal = legal_clocks(gpu, clocks_file, session.catalogue)
    with control.applied(nvml, handle, gpu, answer.sm_mhz, legal):
        say(f"{answer.sm_mhz:g} MHz set; Ctrl-C takes it back")
        if answer.action == "apply-monitored":
            followed, said = control.watch(nvml, handle, answer.sm_mhz, WATCH_S)
            say(said)
            if not followed:
                raise RefusedError(
                    f"{said}; the clock was taken back", "see its power and heat limits"
                )
        while True:
            control.watch(nvml, handle, answer.sm_mhz, _LOOK_S)
