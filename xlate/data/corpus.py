"""Corpora on disk: canonical tables, and the card that names their source.

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
from xlate.data.local_corpora import cards, home, installed, preferred
from xlate.data.user_table import checked_table
from xlate.errors import CorpusError, StorageError, UnknownNameError
from xlate.files import open_regular
from xlate.readers.tables.frames import RUN_COLUMNS, check_repeated
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
        Source of the data.
    runs, ops : polars.DataFrame
        Canonical tables (:mod:`xlate.data.schema`); empty where the corpus has none.
    calls, telemetry, sweeps : polars.DataFrame or None
        The same; None where the corpus has no such table.
    sha256 : str
        Checksum of the canonical tables; a bundle's manifest holds it.

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
        """Name for printed tables, which marks simulated data."""
        plain = not self.card.simulated or "simulated" in self.name
        return self.name if plain else f"{self.name} (simulated)"

    @property
    def instances(self) -> list[str]:
        """Instances that have runs, sorted."""
        return sorted(self.runs["instance"].unique().to_list())

    @cached_property
    def wide(self) -> pl.DataFrame:
        """``runs`` with a column for each operation (µs, 0 where it did not run)."""
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
    """Whether a name is that of a table file of the user, not of a corpus."""
    if name.endswith((".csv", ".parquet", ".csv.gz")):
        return True
    try:
        return Path(name).is_file()
    except OSError:  # too long for the name of a file
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
    """A corpus from a wide table of the user, kept in memory.

    Parameters
    ----------
    frame : polars.DataFrame
        A row for each run: ``instance``, ``model``, ``step_time_us`` and a column for
        each operation (µs over the window). Other columns of ``runs`` are filled
        with one value where they are absent.
    name : str
        Shown as the name of the corpus.
    where : str
        Named in errors.

    Raises
    ------
    CorpusError
        If a required column is missing, has a row without a value, or a run is
        repeated.
    ProfileError
        If a time is not finite or negative, a size is impossible, or the step times and
        the operations are in different units.
    """
    frame = checked_table(frame, where)
    columns = [c for c in frame.columns if op_names.is_op_column(c)]
    runs = schema.conform(frame, "runs")
    check_unique(runs, name)
    # a repeat with all times equal to the last digit is a copied row
    apart = [c for c in frame.columns if c in RUN_COLUMNS or op_names.is_op_column(c)]
    check_repeated(frame.select(apart), where)
    ops = frame.unpivot(
        on=columns, index="run_id", variable_name="op", value_name="time_us"
    ).filter(pl.col("time_us") != 0)
    digest = hashlib.sha256(
        frame.select("run_id", *sorted(columns)).hash_rows(0).to_numpy().tobytes()
    )
    card = Card(
        name=name,
        title="a table given by the user",
        simulated=False,
        licence="the user's own",
        origin="",
        commit="",
        url="",
    )
    return Corpus(card, runs, schema.conform(ops, "ops"), sha256=digest.hexdigest())


def load(name: str) -> Corpus:
    """Read a corpus that is on this machine, or a user's table by its path.

    Raises
    ------
    UnknownNameError
        If no corpus has that name.
    CorpusError
        If it was not imported yet, or its tables do not agree with its card.
    """
    all_cards = cards()
    folder = installed(name)
    if folder is None and name not in all_cards and is_table(name):
        _LOG.info("corpus of the table %s", name)
        return from_file(Path(name))
    if folder is None:
        if name not in all_cards:
            raise UnknownNameError(
                "corpus", name, all_cards, "see: xlate datasets list"
            )
        pull = all(f.sha256 for f in all_cards[name].files)
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
    tables, digest = _stored_tables(name, folder)
    if not tables:
        raise CorpusError(
            f"{folder} has no table", f"import {name} again", code="corpus.missing-part"
        )
    _LOG.info("corpus %s, from %s", name, folder)
    for absent in {"runs", "ops"} - set(tables):
        tables[absent] = pl.DataFrame(schema=schema.TABLES[absent])
    return Corpus(card, **tables, sha256=digest)


def _stored_tables(name: str, folder: Path) -> tuple[dict[str, pl.DataFrame], str]:
    """Tables of a corpus that its card lists, each checked, and their checksum."""
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
        checksum = sha256_of(path)
        if checksum != stored[table].get("sha256"):
            raise CorpusError(
                f"{path} is not the file its card describes (sha256 {checksum[:12]}…)",
                f"import {name} again",
                code="corpus.damaged",
            )
        digest.update(checksum.encode())
        tables[table] = schema.conform(pl.read_parquet(path), table)
    return tables, digest.hexdigest()


def save(
    card: Card, tables: Mapping[str, pl.DataFrame], folder: Path | None = None
) -> Path:
    """Write canonical tables and their card, completely or not at all.

    Rows are sorted, so the same input gives the same bytes.

    Parameters
    ----------
    card : Card
        Written beside the tables.
    tables : mapping of str to polars.DataFrame
        Tables of the corpus.
    folder : Path, optional
        Default: the corpus's folder in the data home.

    Returns
    -------
    Path
        The folder that was written.

    Raises
    ------
    CorpusError
        If a run is repeated.
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
                # polars raises this for a full disk, not an OSError
                raise StorageError(
                    f"cannot write {target}: {e}",
                    "free some space, or write to another disk",
                    code="storage.unwritable",
                ) from e
            entries[name] = {"rows": table.height, "sha256": sha256_of(path)}
        (scratch / CARD).write_text(card_toml(card, entries), encoding="utf-8")
    return target


def check_unique(runs: pl.DataFrame, name: str) -> None:
    """Raise CorpusError naming the first repeated workload key."""
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


def find(anchor: str, target: str, name: str | None = None) -> Corpus:
    """The corpus with the runs of a pair.

    Parameters
    ----------
    anchor, target : str
        Canonical instance names.
    name : str, optional
        Name of the corpus. By default measured corpora on this machine are tried
        before simulated ones.

    Raises
    ------
    CorpusError
        If no corpus on this machine has runs on both.
    """
    if name is not None:
        return load(name)
    tried = [
        f"{absent} (not on this machine)"
        for absent in cards()
        if installed(absent) is None
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
    """Hexadecimal sha256 of a file."""
    with open_regular(path) as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
