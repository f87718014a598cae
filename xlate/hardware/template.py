"""A catalogue file to fill in, with every field that a feature needs explained."""

from __future__ import annotations

import textwrap
from pathlib import Path

from xlate.errors import StorageError
from xlate.hardware.features import FIT_NEEDS, GPU_FEATURES, ZERO_SHOT_FACTS
from xlate.hardware.quantities import GPU_FACTS, PRICE_KINDS, UNKNOWN, USD_PER_H

__all__ = ["template", "write_new"]

_HEAD = """\
# {title}
#
# Replace each "?" by what you know; what you leave as "?" counts as not known,
# and the features that need it say so. Every figure carries where it is from:
#   standing  D read from a device (nvidia-smi), V vendor's document,
#             C computed from these, I inferred, U general knowledge
#   source    which dump, document or page
# Then: xlate anchors check --anchors-dir THIS_FILE
"""
_FACT = '{name} = {{ value = "?", standing = "?", source = "?" }}'


_CLOCK_FACTS = (
    "set_clock", "power_limit_min_w", "power_limit_max_w", "default_application_mhz",
)  # fmt: skip
_SHOWN_FACTS = (
    "fp16_tflop_per_s", "fp32_matrix_tflop_per_s", "base_mhz", "energy_counter",
    "dcgm_profiling",
)  # fmt: skip


def template(gpu: str | None, instance: str | None, holds: str | None = None) -> str:
    """Text of a file.

    Parameters
    ----------
    gpu : str or None
        Name of a GPU to describe; None where it is in the catalogue.
    instance : str or None
        Name of an instance to describe; None for a file with only a GPU.
    holds : str or None
        GPU of the instance, where it is in the catalogue.
    """
    named = [n for n in (gpu, instance) if n is not None]
    title = (
        "A GPU and a machine with it"
        if len(named) > 1
        else "A GPU"
        if gpu
        else "A machine"
    )
    lines = [_HEAD.format(title=f"{title}: {named[0]}")]
    if gpu is not None:
        lines += _gpu_lines(gpu)
    if instance is not None:
        lines += _instance_lines(instance, holds or str(gpu))
    return "\n".join(lines) + "\n"


def write_new(out: Path, name: str, text: str) -> Path:
    """Write a file that does not exist yet.

    Parameters
    ----------
    out : Path
        A folder, made where it is missing, or a file ending in ``.toml``.
    name : str
        Name of the file in the folder.
    text : str

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    StorageError
        If the path exists, or cannot be written.
    """
    path = out if out.suffix == ".toml" and not out.is_dir() else out / f"{name}.toml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise _unwritable(path, e) from e
    try:
        # "x" follows no link and never replaces a file; xlate.files would replace it,
        # but a file that a person filled in must be kept
        file = path.open("x", encoding="utf-8")
    except FileExistsError as e:
        raise StorageError(
            f"{path} is there already",
            "another --out, or edit it",
            code="storage.in-the-way",
        ) from e
    except OSError as e:
        raise _unwritable(path, e) from e
    try:
        with file:
            file.write(text)
    except OSError as e:
        path.unlink(missing_ok=True)  # an incomplete template must not remain
        raise _unwritable(path, e) from e
    return path


def _unwritable(path: Path, e: OSError) -> StorageError:
    return StorageError(
        f"cannot write {path}: {e.strerror or e}",
        "--out names a folder you can write",
        code="storage.unwritable",
    )


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 78)]


def _about(name: str) -> list[str]:
    quantity = GPU_FACTS[name]
    unit = "" if not quantity.unit else f", {quantity.unit}"
    span = (
        f" ({quantity.low:g} to {quantity.high:g})"
        if quantity.kind in ("number", "count")
        else ""
    )
    return _comment(f"{quantity.about}{unit}{span}")


def _fact_lines(names: tuple[str, ...]) -> list[str]:
    return [line for n in names for line in (*_about(n), _FACT.format(name=n))]


def _gpu_lines(name: str) -> list[str]:
    about = {f.name: f.about for f in GPU_FEATURES}
    return [
        "[gpu]",
        f'name = "{name}"',
        "# generation: Turing, Ampere, Ada, CDNA3, …",
        'architecture = "?"',
        *_comment(f"for the origin check: {about['origin check']}"),
        '# for instance ["NVIDIA GeForce RTX 6090", "RTX 6090"]',
        'aliases = ["?"]',
        "",
        "[gpu.facts]",
        *_comment(f"--- for zero-shot: {about['zero-shot']}; it needs all of them"),
        *_comment(FIT_NEEDS),
        *_fact_lines(ZERO_SHOT_FACTS),
        "",
        *_comment(f"--- for memory fit: {about['memory fit']}"),
        "# nvidia-smi prints MiB, and 1 GiB is 1024 MiB",
        *_fact_lines(("memory_gib",)),
        "",
        *_comment(f"--- for clocks: {about['clocks']}; with [[gpu.clocks]] below"),
        *_fact_lines(_CLOCK_FACTS),
        "",
        "# --- not needed today, and shown by xlate anchors show",
        *_fact_lines(_SHOWN_FACTS),
        "",
        *_comment(
            "--- for clocks: those that nvidia-smi -q -d SUPPORTED_CLOCKS lists at the "
            'highest memory clock. rule is the grid: "step15" (Turing and newer: '
            'multiples of 15), "volta", "pascal", or "list", with list_mhz = [...] in '
            "place of min_mhz and max_mhz"
        ),
        "[[gpu.clocks]]",
        f'memory_mhz = "{UNKNOWN}"',
        f'rule = "{UNKNOWN}"',
        f'min_mhz = "{UNKNOWN}"',
        f'max_mhz = "{UNKNOWN}"',
        f'standing = "{UNKNOWN}"',
        f'source = "{UNKNOWN}"',
        "",
    ]


def _instance_lines(name: str, gpu: str) -> list[str]:
    return [
        "[instance]",
        f'name = "{name}"',
        "# who rents it out; own for your own machine",
        'provider = "own"',
        "aliases = []",
        f'gpu = "{gpu}"',
        "# --- for money: how many GPUs one instance has; 1 where the line is left out",
        'gpu_count = { value = "?", standing = "?", source = "?" }',
        "",
        *_comment(
            f"--- for money: {USD_PER_H.about}, in $ per hour. For your own machine: "
            "what an hour of it costs you (purchase over its hours, space, …) without "
            "the electricity of its GPUs, which is added for each clock"
        ),
        "[[instance.prices]]",
        f'usd_per_h = "{UNKNOWN}"',
        "# where, for instance us-east-1, or home",
        f'region = "{UNKNOWN}"',
        "# the day you read it, as 2026-09-24",
        f'date = "{UNKNOWN}"',
        f"# {', '.join(PRICE_KINDS)}",
        'kind = "on-demand"',
        f'standing = "{UNKNOWN}"',
        f'source = "{UNKNOWN}"',
    ]
