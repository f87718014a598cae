"""datasets list, show, check, import, pull, build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlate.cli import completion, output
from xlate.cli.commands import corpus_folder
from xlate.cli.inputs import session_of
from xlate.cli.options import Json
from xlate.cli.progress import progress_bar

if TYPE_CHECKING:
    from xlate.engine.datasets import StoredDataset

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Corpora: list, look at, fetch."
)

#: instances beside each other that 80 columns hold
_WIDEST_MATRIX = 5

Name = Annotated[str, typer.Argument(help="Corpus.", autocompletion=completion.corpora)]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Corpora xlate knows, and which are on this machine."""
    from xlate.engine.datasets import list_datasets

    corpora = list_datasets()
    if as_json:
        output.document(corpora.document())
        return
    output.table(
        "",
        ["name", "here", "licence", "title"],
        [[c.name, "yes" if downloaded else "no", c.licence, c.title] for c, downloaded in corpora.items],
    )  # fmt: skip


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """A corpus: its origin, counts and known defects."""
    from xlate.engine.datasets import show_dataset

    corpus = show_dataset(session_of(None), name)
    if as_json:
        output.document(corpus.document())
        return
    card, counts = corpus.card, corpus.counts
    facts = [
        ["title", card.title],
        ["licence", card.licence],
        ["origin", card.origin + (f" @ {card.commit[:12]}" if card.commit else "")],
    ]
    if counts is None:
        facts.append(["here", "no"])
    else:
        if counts["runs"]:
            facts += [
                ["runs", str(counts["runs"])],
                ["instances", ", ".join(counts["instances"])],
                ["models", ", ".join(counts["models"])],
                ["operations", str(counts["operations"])],
                ["runs with telemetry", str(counts["telemetry"])],
            ]
        facts += [
            [f"swept on {gpu}", f"{n['workloads']} workloads, {n['rows']} rows"]
            for gpu, n in counts["sweeps"].items()
        ]
        facts.append(["sha256", str(counts["sha256"])[:16] + "…"])
    output.table(name, ["what", "value"], facts)
    output.bullets(card.defects)


@app.command()
def check(name: Name, as_json: Json = False) -> None:
    """The quality of a corpus: coverage, repeats, outliers, zeros, window."""
    from xlate.data import quality

    report = quality.check(session_of(None).corpus(name))
    if as_json:
        output.document(report.to_json())
    else:
        output.table(
            f"{report.corpus}: findings", ["check", "found", "detail"], report.findings
        )
        if not report.instances:
            raise typer.Exit(1 if report.broken else 0)
        output.table(
            "coverage: workloads on each instance",
            ["instance", "workloads", "lacking, by model"],
            report.coverage,
        )
        if len(report.instances) <= _WIDEST_MATRIX:
            output.table(
                "runs by model and instance",
                ["model", *report.instances],
                report.matrix,
            )
        output.table(
            "by instance",
            ["instance", "repeats", "repeat CV %", "window / step", "idle share %"],
            report.by_instance,
        )
    if report.broken:
        raise typer.Exit(1)


@app.command("import")
def import_(
    name: Name,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Folder with a copy of the origin. Default: $XLATE_DATA_HOME/NAME.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Import a corpus from a folder."""
    from xlate.data.sources import import_corpus
    from xlate.engine.datasets import StoredDataset

    with progress_bar(f"importing {name}", as_json):
        folder = import_corpus(name, source)
    _written(StoredDataset(name, folder), as_json)


@app.command()
def pull(
    name: Name,
    mirror: Annotated[
        str | None,
        typer.Option(help="Fetch from this address instead.", show_default=False),
    ] = None,
    unverified: Annotated[
        bool,
        typer.Option(
            "--unverified", help="Take files whose checksum no card knows; it is shown."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch a corpus from its origin; size and checksum of every file are checked."""
    from xlate.data.sources import pull_corpus
    from xlate.engine.datasets import StoredDataset

    with progress_bar(f"pulling {name}", as_json) as progress:
        folder = pull_corpus(name, mirror, output.talk, unverified, progress)
    _written(StoredDataset(name, folder), as_json)


@app.command()
def build(
    name: Name,
    seed: Annotated[int, typer.Option(help="Seed of the noise.", min=0)] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder, a new or empty one. Default: the data home.",
            show_default=False,
            callback=corpus_folder,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Build a simulated corpus."""
    from xlate.engine.datasets import build_dataset

    _written(build_dataset(name, seed, out), as_json)


def _written(stored: StoredDataset, as_json: bool) -> None:
    if as_json:
        output.document(stored.document())
    else:
        output.line(str(stored.folder))
