"""datasets list, show, check, import, pull, build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlate.cli import completion, output
from xlate.cli.commands import corpus_folder
from xlate.cli.options import Json
from xlate.cli.progress import progress_bar

if TYPE_CHECKING:
    from xlate.corpus import Corpus

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
    from xlate import corpus

    rows = [
        {
            "name": c.name,
            "title": c.title,
            "licence": c.licence,
            "simulated": c.simulated,
            "installed": corpus.installed(c.name) is not None,
        }
        for c in corpus.cards().values()
    ]
    if as_json:
        output.document(rows)
        return
    output.table(
        "",
        ["name", "here", "licence", "title"],
        [
            [r["name"], "yes" if r["installed"] else "no", r["licence"], r["title"]]
            for r in rows
        ],
    )


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """A corpus: its origin, counts and known defects."""
    from xlate import corpus
    from xlate.errors import UnknownNameError

    cards = corpus.cards()
    if name not in cards:
        raise UnknownNameError("corpus", name, cards, "see: xlate datasets list")
    card = cards[name]
    loaded = corpus.load(name) if corpus.installed(name) else None
    counts = None
    if loaded is not None:
        counts = {
            "runs": loaded.runs.height,
            "instances": loaded.instances,
            "models": sorted(loaded.runs["model"].unique().to_list()),
            "operations": loaded.ops["op"].n_unique(),
            "telemetry": 0 if loaded.telemetry is None else loaded.telemetry.height,
            "sweeps": _sweep_counts(loaded),
            "sha256": loaded.sha256,
        }
    if as_json:
        output.document(
            {
                "name": card.name,
                "title": card.title,
                "simulated": card.simulated,
                "licence": card.licence,
                "origin": card.origin,
                "commit": card.commit,
                "defects": list(card.defects),
                "counts": counts,
            }
        )
        return
    facts = [
        ["title", card.title],
        ["licence", card.licence],
        ["origin", card.origin + (f" @ {card.commit[:12]}" if card.commit else "")],
    ]
    if counts is None or loaded is None:
        facts.append(["here", "no"])
    else:
        if counts["runs"]:
            facts += [
                ["runs", str(counts["runs"])],
                ["instances", ", ".join(counts["instances"])],  # type: ignore[arg-type]
                ["models", ", ".join(counts["models"])],  # type: ignore[arg-type]
                ["operations", str(counts["operations"])],
                ["runs with telemetry", str(counts["telemetry"])],
            ]
        facts += [
            [f"swept on {gpu}", f"{n['workloads']} workloads, {n['rows']} rows"]
            for gpu, n in _sweep_counts(loaded).items()
        ]
        facts.append(["sha256", str(counts["sha256"])[:16] + "…"])
    output.table(name, ["what", "value"], facts)
    output.bullets(card.defects)


def _sweep_counts(loaded: Corpus) -> dict[str, dict[str, int]]:
    """Workloads and rows of each GPU in the sweeps."""
    if loaded.sweeps is None:
        return {}
    groups = loaded.sweeps.group_by("gpu", maintain_order=True)
    return {
        str(gpu): {"workloads": part["workload"].n_unique(), "rows": part.height}
        for (gpu,), part in groups
    }


@app.command()
def check(name: Name, as_json: Json = False) -> None:
    """The quality of a corpus: coverage, repeats, outliers, zeros, window."""
    from xlate import corpus, quality

    report = quality.check(corpus.load(name))
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
    from xlate.sources import import_corpus

    with progress_bar(f"importing {name}", as_json):
        folder = import_corpus(name, source)
    _written(name, folder, as_json)


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
    from xlate.sources import pull_corpus

    with progress_bar(f"pulling {name}", as_json) as progress:
        folder = pull_corpus(name, mirror, output.talk, unverified, progress)
    _written(name, folder, as_json)


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
    from xlate import corpus
    from xlate.errors import CorpusError, UnknownNameError

    cards = corpus.cards()
    if name not in cards:
        raise UnknownNameError("corpus", name, cards, "see: xlate datasets list")
    if not cards[name].simulated:
        raise CorpusError(
            f"corpus {name} was measured, it cannot be built",
            f"xlate datasets pull {name}",
        )
    from xlate.simulate import build as simulate

    _written(name, corpus.save(cards[name], simulate(seed), out), as_json)


def _written(name: str, folder: Path, as_json: bool) -> None:
    if as_json:
        output.document({"name": name, "folder": str(folder)})
    else:
        output.line(str(folder))
