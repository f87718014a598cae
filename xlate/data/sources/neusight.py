"""NeuSight's op profiles of transformers on eleven GPUs, to ``runs`` and ``ops``.

A csv lists the nodes of a traced model (``torch.fx``) with times in
milliseconds; of the transformer layers, which are all equal, it holds one. The
json beside it holds the number of layers and the time of the complete model.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from xlate import op_names
from xlate.data import schema
from xlate.data.card import Card
from xlate.data.sources.files import located
from xlate.errors import CorpusError
from xlate.files import check_regular, read_bytes

__all__ = ["GPUS", "read"]

#: folder -> GPU in the catalogue
GPUS = {
    "AMD_Instinct_MI100": "MI100",
    "AMD_Instinct_MI210": "MI210",
    "AMD_Instinct_MI250": "MI250-GCD",
    "NVIDIA_A100-PCIE-40GB": "A100-PCIe-40GB",
    "NVIDIA_A100_80GB_PCIe": "A100-PCIe-80GB",
    "NVIDIA_H100_80GB_HBM3": "H100-SXM5-80GB",
    "NVIDIA_L4": "L4",
    "Tesla_P100-PCIE-16GB": "P100-PCIe-16GB",
    "Tesla_P4": "P4",
    "Tesla_T4": "T4",
    "Tesla_V100-PCIE-32GB": "V100-PCIe-32GB",
}
_MODELS = {
    "bert_large": "BERT-large",
    "gpt2_large": "GPT-2-large",
    "gpt3_xl": "GPT-3-XL",
    "gpt3_27": "GPT-3-2.7B",
}
_FILE = re.compile(
    r"(?P<model>[a-z0-9]+_[a-z0-9]+)-(?P<mode>inf|train)-(?P<tokens>\d+)-(?P<batch>\d+)$"
)
_MODES = {"inf": "inference", "train": "training"}
_TIMES = ("fw_latency", "bw_latency", "acc_latency")
_NEEDED = ("op", "target", "meta", "input_shapes", "output_shape", *_TIMES)
#: the one of the equal layers that the csv holds
_LAYER = re.compile(r"\b(?:layer|h)\.0\b")
_FUNCTION = re.compile(r"(?:function|method|class) '?([\w.]+)")
#: last part of a module's name -> aten operation
_MODULES = (
    (re.compile(r"embeddings?$|^w[tp]e$"), "embedding"),
    (re.compile(r"layernorm$|^ln_"), "layer_norm"),
    (re.compile(r"drop"), "dropout"),
    (re.compile(r"^activation$"), "tanh"),
    (re.compile(r"dense|query|key|value|decoder|classifier|seq_relationship"), "linear"),
)  # fmt: skip
#: traced operation -> the operations under which PyTorch's profiler counts its
#: kernels, forward and backward
_ATEN: Mapping[str, tuple[str, str]] = {
    "linear": ("addmm", "mm"),
    "addmm": ("addmm", "mm"),
    "lm_head": ("mm", "mm"),
    "matmul": ("bmm", "bmm"),
    "softmax": ("_softmax", "_softmax_backward_data"),
    "layer_norm": ("native_layer_norm", "native_layer_norm_backward"),
    "dropout": ("native_dropout", "native_dropout_backward"),
    "embedding": ("embedding", "embedding_dense_backward"),
    "contiguous": ("copy_", "copy_"),
    "truediv": ("div", "div"),
    "gelu": ("gelu", "gelu_backward"),
    "tanh": ("tanh", "tanh_backward"),
    **{n: (n, n) for n in ("add", "sub", "mul", "pow", "where", "eq")},
}
#: nodes that only inspect a tensor, or make a scalar: they run no large kernel
_LOOKS = frozenset(
    {"size", "view", "permute", "transpose", "split", "dim", "to", "type", "unsqueeze",
     "expand", "getitem", "getattr", "eq", "finfo", "full", "arange", "ones"}
)  # fmt: skip
_NOTHING = frozenset({"placeholder", "output", "get_attr"})


def read(card: Card, folder: Path) -> dict[str, pl.DataFrame]:
    """Read the files of the corpus.

    Parameters
    ----------
    card : Card
        Names the files.
    folder : Path
        Holds them, in one folder for each GPU.

    Returns
    -------
    dict of str to polars.DataFrame
        Canonical ``runs`` (end-to-end time as step time), ``calls`` with the shapes of
        their tensors, and ``ops``, which are the sums of these: forward,
        backward and the accumulation of gradients (``aten::add_``) of every
        operation, under the names that PyTorch's profiler gives them, a layer's as
        often as there are layers. Nodes that launch nothing are host time.

    Raises
    ------
    CorpusError
        If a file is missing or is not what it should be.
    """
    runs: list[dict[str, Any]] = []
    calls: list[pl.DataFrame] = []
    for file in card.files:
        if not file.path.endswith(".json"):
            continue
        # names repeat from folder to folder, so the folders must match too
        place = Path(*Path(file.path).parts[-3:])
        expected = folder / place
        path = expected if expected.is_file() else located(card, folder, file.path)
        facts = _facts(path)
        run_id = len(runs)
        step_time_us = facts["e2e_latency"] * 1e3
        runs.append(
            {"run_id": run_id, **_run(path, place), "step_time_us": step_time_us}
        )
        of_run = _calls(path.with_suffix(".csv"), int(facts["num_layer"]))
        calls.append(of_run.with_columns(pl.lit(run_id).alias("run_id")))
    every = pl.concat(calls)
    alike = ["run_id", "op", "input_shapes", "output_shape"]
    return {
        "runs": pl.DataFrame(runs),
        "ops": every.group_by("run_id", "op", maintain_order=True).agg(
            pl.col("time_us").sum()
        ),
        "calls": every.group_by(alike, maintain_order=True).agg(
            pl.col("count", "time_us").sum()
        ),
    }


def _run(path: Path, place: Path) -> dict[str, Any]:
    """Columns of a run that the names of its file and folder show."""
    named = _FILE.fullmatch(path.stem)
    gpu = GPUS.get(place.parts[-2])
    if named is None or gpu is None or named["model"] not in _MODELS:
        raise CorpusError(f"{path} is of no model or GPU that is known here")
    return {
        "instance": gpu,
        "model": _MODELS[named["model"]],
        "dataset": f"{named['tokens']}tok",
        "batch_size": int(named["batch"]),
        "optimizer": "none",
        "mode": _MODES[named["mode"]],
        "precision": "fp32",
        "framework": "pytorch",
        "repeat": 1,
    }


def _facts(path: Path) -> Mapping[str, float]:
    try:
        facts = json.loads(read_bytes(path))
        numbers = {k: float(facts[k]) for k in ("num_layer", "e2e_latency")}
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise CorpusError(
            f"{path} is not what it should be: {e}",
            "copy it again",
            code="corpus.damaged",
        ) from e
    if not all(math.isfinite(v) and v > 0 for v in numbers.values()):
        raise CorpusError(
            f"{path}: layers and times are above 0",
            "copy it again",
            code="corpus.bad-value",
        )
    return numbers


def _calls(path: Path, layers: int) -> pl.DataFrame:
    """A row for each node and pass: column, shapes, count, µs over all layers."""
    records: list[tuple[str, str, str, int, float]] = []
    try:
        check_regular(path)
        with path.open(newline="", encoding="utf-8") as f:
            rows = csv.DictReader(f)
            missing = [c for c in _NEEDED if c not in (rows.fieldnames or ())]
            if missing:
                raise CorpusError(
                    f"{path} lacks {', '.join(missing)}",
                    "copy it again",
                    code="corpus.missing-part",
                )
            for row in rows:
                op = _operation(path, row)
                if op is None:
                    continue
                alike = _LAYER.search(f"{row['meta']} {row['target']}")
                count = layers if alike else 1
                side = "Host" if op in _LOOKS else "Device"
                names = (*_ATEN.get(op, (op, f"{op}_backward")), "add_")
                shapes = row["input_shapes"], row["output_shape"]
                for name, key in zip(names, _TIMES, strict=True):
                    column = op_names.column(side, op_names.ATEN + name)
                    value = float(row[key]) * 1e3 * count
                    if value > 0:
                        records.append((column, *shapes, count, value))
    except (OSError, ValueError, csv.Error) as e:
        raise CorpusError(
            f"{path} cannot be read: {e}", "copy it again", code="corpus.damaged"
        ) from e
    return pl.DataFrame(
        records,
        orient="row",
        schema={k: v for k, v in schema.CALLS.items() if k != "run_id"},
    )


def _operation(path: Path, row: Mapping[str, str]) -> str | None:
    """Aten operation of a node, without ``aten::``; None for nodes without work."""
    if row["op"] in _NOTHING:
        return None
    if row["op"] == "call_method":
        return row["target"]
    if row["op"] == "call_module":
        leaf = row["target"].rpartition(".")[2].lower()
        for pattern, op in _MODULES:
            if pattern.search(leaf):
                return op
        return leaf
    match = _FUNCTION.search(row["target"])
    if match is None:
        raise CorpusError(
            f"{path}: {row['target']!r} is not a function", "copy it again"
        )
    op = match[1].rpartition(".")[2]
    # arithmetic on sizes, on the host
    return "size" if row["output_shape"] == "(1,)" else op
