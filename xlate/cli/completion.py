"""Names that a shell completes: instances, GPUs, corpora, translators, objectives.

Nothing is loaded until a shell asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from xlate.hardware.catalogue import Catalogue

__all__ = ["clock_models", "corpora", "gpus", "instances", "objectives", "translators"]


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [n for n in names if n.lower().startswith(incomplete.lower())]


def instances(ctx: typer.Context, incomplete: str) -> list[str]:
    """Instances and GPUs of the catalogue; either may be named."""
    catalogue = _catalogue(ctx)
    return _starting([*catalogue.instances, *catalogue.gpus], incomplete)


def gpus(ctx: typer.Context, incomplete: str) -> list[str]:
    """GPUs of the catalogue."""
    return _starting(_catalogue(ctx).gpus, incomplete)


def _catalogue(ctx: typer.Context) -> Catalogue:
    """The catalogue with the folders that stand in the line; else what ships.

    A shell cannot show what is wrong with a folder: the command itself says it.
    """
    from xlate.errors import CatalogError
    from xlate.hardware.catalogue import Catalogue, catalogue
    from xlate.settings.paths import shipped

    try:
        return catalogue(tuple(ctx.params.get("anchors_dir") or ()))
    except CatalogError:
        return Catalogue([shipped("anchors")])


def corpora(incomplete: str) -> list[str]:
    """Corpora that xlate knows."""
    from xlate.data.corpus import cards

    return _starting(cards(), incomplete)


def translators(incomplete: str) -> list[str]:
    """Translators; behind the last comma where several are named."""
    from xlate.models.translate import COMPARED

    return _last_of_list(COMPARED, incomplete)


def clock_models(incomplete: str) -> list[str]:
    """Clock models; behind the last comma where several are named."""
    from xlate.models.response import CLOCK_MODELS

    return _last_of_list(CLOCK_MODELS, incomplete)


def objectives(incomplete: str) -> list[str]:
    """What a clock can be chosen for."""
    from xlate.objectives import OBJECTIVES

    return _starting(OBJECTIVES, incomplete)


def _last_of_list(names: Iterable[str], incomplete: str) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{n}" for n in _starting(names, last)]
