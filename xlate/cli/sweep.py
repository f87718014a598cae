"""sweep read: recorded runs to one row a clock."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlate.cli import output
from xlate.cli.commands import check_apart, output_file
from xlate.cli.inputs import field_names, session_of
from xlate.cli.options import AnchorsDir, Fields, Json

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Recorded clock sweeps."
)


# with one command only, typer would drop its name
@app.callback()
def _root() -> None:
    pass


@app.command("read")
def read(
    *,
    folder: Annotated[Path, typer.Argument(help="Folder of recorded runs.")],
    gpu_index: Annotated[
        int | None,
        typer.Option(help="Which GPU, where files hold several.", show_default=False),
    ] = None,
    fields: Fields = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "--csv",
            help="Write the rows to this file: JSON if it ends in .json, else csv.",
            show_default=False,
            callback=output_file,
        ),
    ] = None,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Aggregate a folder of recorded runs to one row a clock."""
    from xlate.engine.recorded_sweeps import read_recorded_sweep

    session = session_of(anchors_dir)
    check_apart(out, [folder])
    sweep = read_recorded_sweep(session, folder, gpu_index, field_names(fields))
    aggregated = sweep.contents
    if out is not None:
        if out.suffix.lower() == ".json":
            output.write_text(out, aggregated.table.write_json())
        else:
            output.write_cells(
                aggregated.table.columns, aggregated.table.iter_rows(), out
            )
        output.talk(f"wrote {aggregated.table.height} rows to {out}")
    if as_json:
        output.document(sweep.document())
        return
    output.table(
        str(folder),
        ["workload", "MHz", "seen", "runs", "power W", "CV %", "time s", "energy J", "from"],
        [
            [
                r["workload"], f"{r['sm_mhz']:g}",
                output.figure(r["observed_mhz"], digits=0), r["runs"],
                output.figure(r["power_w"], digits=1),
                output.figure(None if r["power_cv"] is None else 100 * r["power_cv"], digits=2),
                output.figure(r["time_s"]), output.figure(r["energy_j"], digits=0),
                r["energy_from"],
            ]
            for r in aggregated.table.iter_rows(named=True)
        ],
    )  # fmt: skip
    for note in aggregated.notes:
        output.talk(f"note: {note}")
