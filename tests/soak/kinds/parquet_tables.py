"""Tables of profiles as parquet: valid forms, wrong types, and changed bytes."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, doubted, refused, same_step
from tests.soak.lab import Lab
from tests.soak.made import (
    ANCHOR,
    BATCH,
    MODEL,
    OPTIMIZER,
    PAIR,
    base_answer,
    base_ops,
    base_step_us,
    flipped,
)

_VALID = "valid variants must be accepted, with the same answer"
_FLIPS = "a parquet file with one byte changed ends in a panic of the decoder in 1 of 100 cases"
_TYPES = "untrusted parquet is read where it cannot take the process down"
ASK = (*PAIR, "--json")


def frame(rows: int = 1, **more: Any) -> pl.DataFrame:
    """The base profile as a table of equal rows."""
    one = {"model": MODEL, "dataset": "128px", "batch_size": BATCH, "optimizer": OPTIMIZER,
           "instance": ANCHOR, "step_time_us": base_step_us(), **base_ops(), **more}  # fmt: skip
    return pl.DataFrame({k: [v] * rows for k, v in one.items() if v is not ...})


def written(table: pl.DataFrame, **how: Any) -> bytes:
    """The bytes of a parquet file."""
    out = io.BytesIO()
    table.write_parquet(out, **how)
    return out.getvalue()


def _same(raw: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("translate", lab.write("a.parquet", raw), *ASK)
        yield from accepted(run)
        if run.exit == 0:
            yield from same_step(run, base_answer(lab), 1e-3)

    return judge


def _no(raw: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        yield from refused(
            lab.xlate("translate", lab.write("a.parquet", raw), *ASK), codes=(1,)
        )

    return judge


def _doubt(raw: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        yield from doubted(lab.xlate("translate", lab.write("a.parquet", raw), *ASK))

    return judge


def _many(n: int) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        # repeated measurements differ: rows that are equal in every column are refused
        times = pl.Series(
            "step_time_us", [base_step_us() * (1 + i * 1e-6) for i in range(n)]
        )
        raw = written(frame(n).with_columns(times))
        run = lab.xlate("translate", lab.write("a.parquet", raw), *ASK)
        yield from accepted(run)
        if len(answers(run)) != n:
            yield f"{len(answers(run))} answers to {n} rows"

    return judge


def _damaged(raw: bytes, seed: int, lot: int = 8) -> Callable[[Lab], Iterator[str]]:
    """Several changed files, each through a command that reads it; few start a process."""

    def judge(lab: Lab) -> Iterator[str]:
        for k in range(lot):
            lab.write("a.parquet", flipped(raw, 1000 * seed + k))
            lab.xlate("profile", "check", "a.parquet")
        yield from ()

    return judge


def _footer(raw: bytes, seed: int, lot: int = 8) -> Callable[[Lab], Iterator[str]]:
    """Changes in the footer, where sizes stand: the decoder may ask for any memory."""

    def judge(lab: Lab) -> Iterator[str]:
        size = int.from_bytes(raw[-8:-4], "little")
        chance = random.Random(seed)
        for _ in range(lot):
            changed = bytearray(raw)
            for _ in range(chance.randint(1, 3)):
                changed[len(raw) - 8 - 1 - chance.randrange(size)] = chance.choice(
                    (0, 127, 128, 255, chance.randrange(256))
                )
            lab.xlate("profile", "check", lab.write("a.parquet", bytes(changed)))
        yield from ()

    return judge


def _folder_goes_on(lab: Lab) -> Iterator[str]:
    raw = written(frame())
    lab.write("in/a.parquet", raw)
    lab.write(
        "in/b.parquet", raw[: len(raw) // 2] + b"\xff" * 40 + raw[len(raw) // 2 + 40 :]
    )
    shared = _shared("panic_0.parquet")
    if shared is not None:
        lab.write("in/c.parquet", shared.read_bytes())
    lab.write("in/z.parquet", raw)
    run = lab.xlate("translate", "in", *ASK)
    good = [
        a for a in answers(run) if Path(a["file"]).name in ("a.parquet", "z.parquet")
    ]
    if run.exit != 1 or len(good) != 2:
        yield f"of two good files and damaged ones: exit {run.exit}, {len(good)} answers to the good"


def _shared(name: str) -> Path | None:
    """A file of the cases that other people's checks found, where the machine has them."""
    raw = os.environ.get("XLATE_DATA_HOME")
    path = Path(raw).parent / "cases/parquet" / name if raw else None
    return path if path is not None and path.is_file() else None


def _panic(name: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        path = _shared(name)
        if path is None:
            return
        for args in (("profile", "check"), ("profile", "show")):
            run = lab.xlate(*args, lab.write(name, path.read_bytes()), process=True)
            yield from refused(run, codes=(1,))

    return judge


def _bomb(lab: Lab) -> Iterator[str]:
    """A small file that unpacks to a great deal."""
    n = 3_000_000
    table = pl.DataFrame(
        {
            "Device_Conv2D": pl.repeat(1.0, n, eager=True),
            "instance": pl.repeat(ANCHOR, n, eager=True),
        }
    )
    lab.xlate(
        "profile", "check", lab.write("a.parquet", written(table, compression="zstd"))
    )
    yield from ()


def cases() -> Cases:
    """About 100, and some 400 changed files in them."""
    collected = Cases("parquet_tables")
    base = frame()
    for how in ("uncompressed", "snappy", "gzip", "lz4", "zstd", "brotli"):
        collected.add(f"valid-{how}", _VALID, _same(written(base, compression=how)))
    ops = list(base_ops())
    good = {
        "no-statistics": written(base, statistics=False),
        "float32": written(base.with_columns(pl.col(ops).cast(pl.Float32))),
        "int64": written(base.with_columns(pl.col(ops).round().cast(pl.Int64))),
        "nulls": written(base.with_columns(pl.lit(None, pl.Float64).alias("Device_Softplus"))),
        "null-typed": written(base.with_columns(pl.lit(None).alias("Device_Softplus"))),
        "categorical": written(base.with_columns(pl.col("model").cast(pl.Categorical))),
        "columns-reversed": written(base.select(reversed(base.columns))),
        "batch-int8": written(base.with_columns(pl.col("batch_size").cast(pl.Int8))),
        "batch-float": written(base.with_columns(pl.col("batch_size").cast(pl.Float64))),
        "extra-column": written(base.with_columns(pl.lit("x").alias("remark"))),
        "decimal": written(base.with_columns(pl.col("Device_Conv2D").round(2).cast(pl.Decimal(18, 2)))),
    }  # fmt: skip
    for name, raw in good.items():
        collected.add(f"valid-{name}", _VALID, _same(raw))
    bad = {
        "texts": written(base.with_columns(pl.col("Device_Conv2D").cast(pl.String))),
        "bool": written(base.with_columns(pl.lit(True).alias("Device_Conv2D"))),
        "list": written(base.with_columns(pl.lit([[1.0]]).first().alias("Device_Conv2D"))),
        "struct": written(base.with_columns(pl.struct(a=pl.lit(1.0)).alias("Device_Conv2D"))),
        "date": written(base.with_columns(pl.lit("2026-01-01").str.to_date().alias("Device_Conv2D"))),
        "duration": written(base.with_columns(pl.duration(seconds=1).alias("Device_Conv2D"))),
        "binary": written(base.with_columns(pl.lit(b"12").alias("Device_Conv2D"))),
        "nan": written(base.with_columns(pl.lit(float("nan")).alias("Device_Conv2D"))),
        "inf": written(base.with_columns(pl.lit(float("inf")).alias("Device_Conv2D"))),
        "negative": written(base.with_columns(pl.lit(-1.0).alias("Device_Conv2D"))),
        "step-text": written(base.with_columns(pl.lit("130024").alias("step_time_us"))),
        "step-nan": written(base.with_columns(pl.lit(float("nan")).alias("step_time_us"))),
        "step-negative": written(base.with_columns(pl.lit(-5.0).alias("step_time_us"))),
        "batch-text": written(base.with_columns(pl.lit("many").alias("batch_size"))),
        "batch-zero": written(base.with_columns(pl.lit(0).alias("batch_size"))),
        "batch-negative": written(base.with_columns(pl.lit(-32).alias("batch_size"))),
        "batch-half": written(base.with_columns(pl.lit(31.5).alias("batch_size"))),
        "batch-nan": written(base.with_columns(pl.lit(float("nan")).alias("batch_size"))),
        "no-op": written(base.select("model", "batch_size")),
        "no-row": written(base.clear()),
        "no-column": b"PAR1" + b"\0" * 20 + b"PAR1",
        "magic-only": b"PAR1",
        "magic-twice": b"PAR1PAR1",
        "length-huge": b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1",
        "length-negative": b"PAR1" + b"\xff\xff\xff\xff" + b"PAR1",
        "all-null": written(base.with_columns(pl.lit(None, pl.Float64).alias(c) for c in ops)),
        "encrypted-magic": b"PARE" + written(base)[4:-4] + b"PARE",
    }  # fmt: skip
    for name, raw in bad.items():
        collected.add(f"wrong-{name}", _TYPES, _no(raw))
    odd: tuple[tuple[str, str, Any], ...] = (
        ("step-in-s", "step_time_us", base_step_us() / 1e6),
        ("step-in-ms", "step_time_us", base_step_us() / 1e3),
        ("step-zero", "step_time_us", 0.0),
        ("batch-huge", "batch_size", 10**15),
        ("instance-other", "instance", "g4dn.xlarge"),
    )
    for name, column, value in odd:
        collected.add(
            f"odd-{name}",
            "unit mistakes noticed; a value that is not checked where it enters",
            _doubt(written(frame(**{column: value}))),
        )
    texts = {
        k: str(v)
        for k, v in {
            "model": 3.5,
            "dataset": 128,
            "optimizer": True,
            "instance": 7,
        }.items()
    }
    for name in texts:
        collected.add(
            f"type-{name}",
            _TYPES,
            _doubt_free(written(base.with_columns(pl.lit(7).alias(name)))),
        )
    raw = written(base)
    for share in (0.1, 0.3, 0.5, 0.9, 0.999):
        collected.add(f"cut-at-{share:g}", _TYPES, _no(raw[: int(len(raw) * share)]))
    large = written(frame(60), compression="uncompressed")
    for seed in range(20):
        collected.add(
            f"flips-{seed}", _FLIPS, _damaged(raw if seed % 2 else large, seed)
        )
    for seed in range(20):
        collected.add(
            f"footer-{seed}", _FLIPS, _footer(raw if seed % 2 else large, seed)
        )
    for k in range(3):
        collected.add(f"panic-{k}", _FLIPS, _panic(f"panic_{k}.parquet"))
    collected.add("folder-goes-on", "a folder of many files goes on", _folder_goes_on)
    collected.add("unpacks-to-much", "within bounds of memory and time", _bomb)
    for n in (2, 500):
        collected.add(f"rows-{n}", _VALID, _many(n))
    return collected


def _doubt_free(raw: bytes) -> Callable[[Lab], Iterator[str]]:
    """Any answer or refusal, but no traceback."""

    def judge(lab: Lab) -> Iterator[str]:
        lab.xlate("translate", lab.write("a.parquet", raw), *ASK)
        yield from ()

    return judge
