"""Corpora on disk: canonical tables, the card that says where they are from.

A corpus is a folder with ``runs.parquet`` and ``ops.parquet``, ``calls.parquet``,
``telemetry.parquet``, ``sweeps.parquet`` (those it has) and ``dataset.toml``
with their counts and sha256. Simulated data ships with xlate; public corpora are
imported into the user's data home.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from xlate import op_names
from xlate.data import schema
from xlate.data.card import CARD, Card, card_toml, load_toml, read_card
from xlate.errors import CorpusError, StorageError, UnknownNameError
from xlate.files import open_regular
from xlate.readers.tables.frames import RUN_COLUMNS, check_frame, check_repeated
from xlate.readers.tables.runs import check_runs
from xlate.readers.tables.table import read_table
from xlate.settings import paths
from xlate.settings.logs import logger

__all__ = [
    "FILES",
    "Corpus",
    "cards",
    "find",
    "from_file",
    "from_frame",
    "home",
    "installed",
    "is_table",
    "load",
    "preferred",
    "save",
    "sha256_of",
]

_LOG = logger(__name__)
#: names of the files that a corpus's folder holds
FILES = (CARD, *(f"{t}.parquet" for t in schema.TABLES))


@dataclass(frozen=True)
class Corpus:
    """Runs with their op vectors.

    Attributes
    ----------
    card : Card
        Where the data is from.
    runs, ops : polars.DataFrame
        Canonical tables (:mod:`xlate.data.schema`); empty where the corpus has none.
    calls, telemetry, sweeps : polars.DataFrame or None
        The same, where there are any.
    sha256 : str
        Checksum over the canonical tables; goes into a bundle's manifest.

    Examples
    --------
    >>> from xlate.data import corpus
    >>> simulated = corpus.load("simulated")
    >>> simulated.card.simulated, "p3.2xlarge" in simulated.instances
    (True, True)
    """

    card: Card
    runs: pl.DataFrame
    ops: pl.DataFrame
    calls: pl.DataFrame | None = None
    telemetry: pl.DataFrame | None = None
    sweeps: pl.DataFrame | None = None
    sha256: str = ""

    @property
    def name(self) -> str:
        """Name of the corpus."""
        return self.card.name

    @property
    def label(self) -> str:
        """Name for tables; says so when the data is simulated."""
        plain = not self.card.simulated or "simulated" in self.name
        return self.name if plain else f"{self.name} (simulated)"

    @property
    def instances(self) -> list[str]:
        """Instances that have runs, sorted."""
        return sorted(self.runs["instance"].unique().to_list())

    @cached_property
    def wide(self) -> pl.DataFrame:
        """``runs`` with one column an operation (µs, 0 where it did not run)."""
        vectors = self.ops.pivot(
            on="op", index="run_id", values="time_us", aggregate_function="sum"
        )
        columns = sorted(c for c in vectors.columns if c != "run_id")
        return self.runs.join(vectors, on="run_id", how="left").select(
            *self.runs.columns, *(pl.col(c).fill_null(0.0) for c in columns)
        )

    def runs_on(self, instance: str) -> pl.DataFrame:
        """Wide rows of one instance.

        Raises
        ------
        CorpusError
            If the corpus has no run there.
        """
        rows = self.wide.filter(pl.col("instance") == instance)
        if rows.is_empty():
            raise CorpusError(
                f"corpus {self.name} has no run on {instance}",
                f"it has {', '.join(self.instances)}",
                code="corpus.no-runs",
            )
        return rows


def is_table(name: str) -> bool:
    """Whether what is named is a table of the user's rather than a corpus."""
    if name.endswith((".csv", ".parquet", ".csv.gz")):
        return True
    try:
        return Path(name).is_file()
    except OSError:  # longer than any file's name
        return False


def from_file(path: Path) -> Corpus:
    """A corpus from a user's table in a parquet or csv file.

    Parameters
    ----------
    path : Path
        Columns as in :func:`from_frame`, file as in :mod:`xlate.readers.tables.table`.

    Raises
    ------
    CorpusError, ProfileError
        If the file cannot be read as a table, and as :func:`from_frame`.
    """
    name = path.name.partition(".")[0] or path.name
    return from_frame(read_table(path), name, str(path))


def from_frame(
    frame: pl.DataFrame, name: str = "frame", where: str = "the table"
) -> Corpus:
    """A corpus from a user's own wide table, kept in memory.

    Parameters
    ----------
    frame : polars.DataFrame
        One row a run: ``instance``, ``model``, ``step_time_us`` and one column
        an operation (µs over the window). Other columns of ``runs`` are filled
        with a single value where they are absent.
    name : str
        Shown as the corpus fitted on.
    where : str
        Named in errors.

    Raises
    ------
    CorpusError
        If a needed column is missing, has a row without a value, or one run stands
        twice.
    ProfileError
        If a time is not finite or negative, a size cannot be, or the step times and
        the operations are in different units.
    """
    missing = [
        c for c in ("instance", "model", "step_time_us") if c not in frame.columns
    ]
    if missing:
        raise CorpusError(
            f"{where} lacks {', '.join(missing)}",
            "one row a run, see xlate.fit",
            code="corpus.missing-part",
        )
    frame = check_frame(frame, where)
    for needed in ("instance", "model"):
        absent = frame[needed].is_null().arg_true()
        if len(absent):
            raise CorpusError(
                f"{where}: column {needed}, row {absent[0]} is empty",
                "every run has an instance and a model",
                code="corpus.bad-value",
            )
    check_runs(frame, where)
    columns = [c for c in frame.columns if op_names.is_op_column(c)]
    filled = {
        "dataset": "unknown", "batch_size": 0, "optimizer": "unknown",
        "mode": "training", "precision": "fp32", "framework": "tensorflow", "repeat": 1,
    }  # fmt: skip
    frame = frame.with_columns(
        *(pl.col(c).fill_null(v) for c, v in filled.items() if c in frame.columns)
    ).with_columns(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("run_id"),
        *(pl.lit(v).alias(c) for c, v in filled.items() if c not in frame.columns),
    )
    runs = schema.conform(frame, "runs")
    check_unique(runs, name)
    # a repeat whose every time is the same to the last digit is a copied row
    apart = [c for c in frame.columns if c in RUN_COLUMNS or op_names.is_op_column(c)]
    check_repeated(frame.select(apart), where)
    ops = frame.unpivot(
        on=columns, index="run_id", variable_name="op", value_name="time_us"
    ).filter(pl.col("time_us") != 0)
    digest = hashlib.sha256(
        frame.select("run_id", *sorted(columns)).hash_rows(0).to_numpy().tobytes()
    )
    card = Card(name, "a table given by the user", False, "the user's own", "", "", "")
    return Corpus(card, runs, schema.conform(ops, "ops"), sha256=digest.hexdigest())


def home() -> Path:
    """Folder of imported corpora."""
    return paths.data_home() / "corpora"


def cards() -> dict[str, Card]:
    """Cards of all corpora xlate knows, shipped beside the code."""
    folder = paths.shipped("datasets")
    return {p.parent.name: read_card(p) for p in sorted(folder.glob(f"*/{CARD}"))}


def installed(name: str) -> Path | None:
    """Folder with the tables of a corpus, or None where it is not on this machine."""
    if name in ("", ".", "..") or Path(name).name != name:
        # a name is no path: what lies elsewhere was never imported
        return None
    for folder in (home() / name, paths.shipped("datasets") / name):
        if any((folder / f"{t}.parquet").is_file() for t in schema.TABLES):
            return folder
    return None


def load(name: str) -> Corpus:
    """Read a corpus that is on this machine, or a user's table by its path.

    Raises
    ------
    UnknownNameError
        If no corpus has that name.
    CorpusError
        If it was not imported yet, or its tables are not what its card says.
    """
    known = cards()
    folder = installed(name)
    if folder is None and name not in known and is_table(name):
        _LOG.info("corpus of the table %s", name)
        return from_file(Path(name))
    if folder is None:
        if name not in known:
            raise UnknownNameError("corpus", name, known, "see: xlate datasets list")
        pull = all(f.sha256 for f in known[name].files)
        raise CorpusError(
            f"corpus {name} is not on this machine",
            (f"xlate datasets pull {name}, or: " if pull else "")
            + f"xlate datasets import {name} --from DIR",
            code="corpus.not-here",
        )
    card = read_card(folder / CARD)
    if card.name != name:
        raise CorpusError(
            f"{folder} holds corpus {card.name}, not {name}; it was not used",
            f"--data {card.name}, or import {name} again",
            code="corpus.damaged",
        )
    stored = load_toml(folder / CARD).get("tables", {})
    tables: dict[str, pl.DataFrame] = {}
    digest = hashlib.sha256()
    for table in schema.TABLES:
        path = folder / f"{table}.parquet"
        if table not in stored:
            continue
        if not path.is_file():
            raise CorpusError(
                f"{path} is missing", f"import {name} again", code="corpus.damaged"
            )
        found = sha256_of(path)
        if found != stored[table].get("sha256"):
            raise CorpusError(
                f"{path} is not the file its card describes (sha256 {found[:12]}…)",
                f"import {name} again",
                code="corpus.damaged",
            )
        digest.update(found.encode())
        tables[table] = schema.conform(pl.read_parquet(path), table)
    if not tables:
        raise CorpusError(
            f"{folder} has no table", f"import {name} again", code="corpus.missing-part"
        )
    _LOG.info("corpus %s, from %s", name, folder)
    for absent in {"runs", "ops"} - set(tables):
        tables[absent] = pl.DataFrame(schema=schema.TABLES[absent])
    return Corpus(card, **tables, sha256=digest.hexdigest())


def save(
    card: Card, tables: Mapping[str, pl.DataFrame], folder: Path | None = None
) -> Path:
    """Write canonical tables and their card; whole or not at all.

    Rows are sorted, so the same input gives the same bytes.

    Parameters
    ----------
    card : Card
        Copied beside the tables.
    tables : mapping of str to polars.DataFrame
        Those the corpus has.
    folder : Path, optional
        Default: the corpus's folder in the data home.

    Returns
    -------
    Path
        The folder written.

    Raises
    ------
    CorpusError
        If one run stands twice in the runs.
    StorageError
        If the folder cannot be written.
    """
    if "runs" in tables:
        check_unique(schema.conform(tables["runs"], "runs"), card.name)
    target = folder if folder is not None else home() / card.name
    with paths.atomic_folder(target) as scratch:
        entries = {}
        for name in schema.TABLES:
            if name not in tables:
                continue
            table = schema.ordered(schema.conform(tables[name], name), name)
            path = scratch / f"{name}.parquet"
            try:
                table.write_parquet(path, compression="zstd", compression_level=9)
            except pl.exceptions.PolarsError as e:
                # what polars says of a full disk, which is no OSError
                raise StorageError(
                    f"cannot write {target}: {e}",
                    "free some space, or write to another disk",
                    code="storage.unwritable",
                ) from e
            entries[name] = {"rows": table.height, "sha256": sha256_of(path)}
        (scratch / CARD).write_text(card_toml(card, entries), encoding="utf-8")
    return target


def check_unique(runs: pl.DataFrame, name: str) -> None:
    """Raise CorpusError naming the first workload key that stands twice."""
    key = ["instance", *schema.KEY, "repeat"]
    doubled = runs.group_by(key).len().filter(pl.col("len") > 1).sort(key)
    if not doubled.is_empty():
        first = ", ".join(f"{k}={doubled[k][0]}" for k in key)
        raise CorpusError(
            f"corpus {name}: {doubled.height} workload keys stand more than once, "
            f"first: {first}",
            "give every run of one workload its own repeat number",
            code="corpus.repeated",
        )


def preferred() -> list[Card]:
    """Cards of the corpora on this machine, measured ones before simulated."""
    here = [c for c in cards().values() if installed(c.name) is not None]
    return sorted(here, key=lambda c: (c.simulated, c.name))


def find(anchor: str, target: str, name: str | None = None) -> Corpus:
    """The corpus to learn a pair from.

    Parameters
    ----------
    anchor, target : str
        Canonical instance names.
    name : str, optional
        Corpus asked for. When not given, measured corpora on this machine come
        before simulated ones.

    Raises
    ------
    CorpusError
        If no corpus on this machine has runs on both.
    """
    if name is not None:
        return load(name)
    tried = [
        f"{known} (not on this machine)"
        for known in cards()
        if installed(known) is None
    ]
    for card in preferred():
        corpus = load(card.name)
        if {anchor, target} <= set(corpus.instances):
            return corpus
        tried.append(f"{card.name} (has {', '.join(corpus.instances)})")
    raise CorpusError(
        f"no corpus here has runs on both {anchor} and {target}; "
        f"looked at {'; '.join(tried)}",
        "xlate datasets list shows what can be pulled or imported",
        code="corpus.no-runs",
    )


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with open_regular(path) as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
