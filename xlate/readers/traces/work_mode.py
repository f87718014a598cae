"""Training or inference, read from the names of the work that ran.

A backward pass, a gradient or an optimizer runs in training only. A network's work
(convolutions, matrix products, attention) without any of it is inference. Nothing is
known of other work, nor of kernels whose names are not in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from xlate import op_names
from xlate.values.profile import MODE_NOT_KNOWN
from xlate.values.reason import Reason

__all__ = ["NOT_KNOWN", "mode_note", "mode_of", "trains", "work_mode"]

#: the mode of a workload where the file does not show it
NOT_KNOWN = MODE_NOT_KNOWN
#: a gradient of the data alone (dgrad) is not listed: transposed convolutions run it in
#: inference
_TRAINS = re.compile(
    r"[Bb]ackward|[Bb]ackprop|[Bb]prop|bgrad|wgrad|dq_?dk_?dv|(?:fmha|sdpa|flash|attn|attention)\w*dgrad"
    r"|(?:^|[\W_])bwd|bwd(?:[\W_]|$)|Bwd|_bw_|bn_bw"
    r"|grad_?(?:input|weight|bias|kernel|scale|clip|norm|out)|[a-z]Grad(?:\b|Kernel|V\d|Input)"
    r"|_grad\b|[Oo]ptimi[sz]er|multi_?tensor_?apply|GradientDescent|AccumulateGrad"
    r"|[Rr][Mm][Ss][Pp]rop|[Aa]da[Gg]rad|[Aa]da[Dd]elta|[Aa]dafactor|[Mm]omentum"
    r"|(?:^|[\W_]|[Ff]used|[Aa]pply)(?:[Aa]dam[Ww]?|[Ss][Gg][Dd]|LAMB|[Ll]amb)"
    r"(?:$|[\W_]|Functor|Math|Capturable|Kernel)"
)
_DATA_GRADIENT = re.compile("dgrad", re.IGNORECASE)
_NETWORK = frozenset({"conv", "depthwise", "matmul", "attention", "rnn", "norm"})


def trains(name: str) -> bool:
    """Whether only training runs a kernel, an operation or a layer of this name.

    Examples
    --------
    >>> from xlate.readers.traces.work_mode import trains
    >>> trains("flash_bwd_dq_dk_dv_loop_kernel"), trains("ampere_sgemm_64x64_nn")
    (True, False)
    """
    return _TRAINS.search(name) is not None


def work_mode(names: Iterable[str]) -> str:
    """``"training"``, ``"inference"`` or :data:`NOT_KNOWN`, from names as printed.

    Parameters
    ----------
    names : iterable of str
        Kernels with their template arguments, operations or layers.

    Examples
    --------
    >>> from xlate.readers.traces.work_mode import work_mode
    >>> work_mode(["ampere_sgemm_64x64_nn", "multi_tensor_apply_kernel<AdamFunctor>"])
    'training'
    >>> work_mode(["ampere_sgemm_64x64_nn"]), work_mode(["vecAdd"])
    ('inference', 'unknown')
    """
    network = data_gradient = False
    for name in names:
        if trains(name):
            return "training"
        data_gradient = data_gradient or bool(_DATA_GRADIENT.search(name))
        network = (
            network or op_names.family(op_names.column("device", name)) in _NETWORK
        )
    return "inference" if network and not data_gradient else NOT_KNOWN


def mode_of(
    host: Iterable[str], kernels: Iterable[str], *, by_operations: bool
) -> tuple[str, list[str]]:
    """Mode of a step, and notes on it, from the host's events and the kernels.

    Parameters
    ----------
    host : iterable of str
        Operations, calls and annotations of the host.
    kernels : iterable of str
        Kernels that no operation launched, as of CUDA graphs.
    by_operations : bool
        Whether operations launched most kernels: then their names show the mode.
    """
    kernels = list(kernels)
    if any(map(trains, host)):
        return "training", []
    mode = work_mode(kernels)
    if by_operations and mode != "training":
        return "inference", []
    note = mode_note(mode)
    return mode, [] if note is None else [Reason(note, informs=True)]


def mode_note(mode: str) -> str | None:
    """The note on a mode read from names; None where the names show it directly."""
    if mode == "inference":
        return "no kernel of a backward pass or an optimizer: taken for inference"
    if mode == NOT_KNOWN:
        return "nothing in it shows whether it trained or inferred"
    return None
