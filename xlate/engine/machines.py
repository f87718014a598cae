"""The catalogue, looked at: machines listed, shown, checked, and a new one begun."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xlate.engine.session import Session
from xlate.errors import CatalogError
from xlate.hardware.catalogue import Catalogue, Gpu, Instance, read_all
from xlate.hardware.features import lacking_of
from xlate.hardware.merging import Merged
from xlate.hardware.naming import name_fault
from xlate.hardware.prices import price_of
from xlate.hardware.quantities import GPU_FACTS
from xlate.hardware.template import template, write_new
from xlate.hardware.values import Fact

__all__ = [
    "CatalogueCheck",
    "Machine",
    "MachineList",
    "NewMachine",
    "check_machines",
    "list_machines",
    "new_machine",
    "show_machine",
]


@dataclass(frozen=True, eq=False)
class MachineList:
    """Instances and GPUs that the catalogue knows."""

    catalogue: Catalogue

    @property
    def instances(self) -> list[Instance]:
        """In the order of the catalogue."""
        return list(self.catalogue.instances.values())

    @cached_property
    def other_gpus(self) -> list[str]:
        """GPUs that no instance holds."""
        held = {i.gpu.name for i in self.instances if i.gpu}
        return sorted(set(self.catalogue.gpus) - held)

    def document(self) -> dict[str, Any]:
        """The promised document of ``anchors list --json``."""
        return {
            "instances": [_row(i) for i in self.instances],
            "other_gpus": self.other_gpus,
        }


def _row(instance: Instance) -> dict[str, Any]:
    gpu, price = instance.gpu, price_of(instance)
    return {
        "name": instance.name,
        "gpu": None if gpu is None else gpu.name,
        "gpu_count": instance.gpu_count,
        "usd_per_h": None if price is None else price.usd_per_h,
        "price_date": None if price is None else price.date,
        "aliases": list(instance.aliases),
    }


@dataclass(frozen=True, eq=False)
class Machine:
    """What is known of an instance and its GPU."""

    instance: Instance

    @property
    def gpu(self) -> Gpu | None:
        """Its GPU."""
        return self.instance.gpu

    @property
    def facts(self) -> dict[str, Fact]:
        """Figures of the instance, then of its GPU, in the order of their explanations."""
        gpu = self.gpu
        gpu_facts = {} if gpu is None else gpu.facts
        return {
            **self.instance.facts,
            **{k: gpu_facts[k] for k in GPU_FACTS if k in gpu_facts},
        }

    def document(self) -> dict[str, Any]:
        """The promised document of ``anchors show --json``."""
        instance, gpu = self.instance, self.gpu
        return {
            "name": instance.name,
            "provider": instance.provider,
            "aliases": list(instance.aliases),
            "gpu": None if gpu is None else gpu.name,
            "gpu_count": instance.gpu_count,
            "architecture": None if gpu is None else gpu.architecture,
            "chip": None if gpu is None else gpu.chip,
            "prices": [asdict(p) for p in instance.prices],
            "facts": {k: asdict(f) for k, f in self.facts.items()},
            "clocks": [] if gpu is None else [asdict(c) for c in gpu.clocks],
        }


@dataclass(frozen=True, eq=False)
class CatalogueCheck:
    """Every file of the catalogue read, with what is wrong in them."""

    merged: Merged

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.merged.faults

    @property
    def figures(self) -> int:
        """Figures with source and standing."""
        return sum(
            len(g.facts) + len(g.clocks) for g in self.merged.gpus.values()
        ) + sum(len(i.facts) + len(i.prices) for i in self.merged.instances.values())

    def document(self) -> dict[str, Any]:
        """The promised document of ``anchors check --json``."""
        merged, added = self.merged, self.merged.added()
        every: list[tuple[str, Gpu | Instance]] = [
            *(("gpu", g) for g in merged.gpus.values()),
            *(("instance", i) for i in merged.instances.values()),
        ]
        return {
            "ok": self.ok,
            "instances": len(merged.instances),
            "gpus": len(merged.gpus),
            "figures": self.figures,
            "faults": [asdict(f) for f in merged.faults],
            "lacking": [
                {
                    "name": x.name,
                    "kind": kind,
                    "added": any(x is a for a in added),
                    "features": lacking_of(x),
                }
                for kind, x in every
            ],
        }


@dataclass(frozen=True)
class NewMachine:
    """A file to fill in.

    Attributes
    ----------
    file : Path
    gpu : str or None
        The GPU it describes, or that the instance holds.
    instance : str or None
        None where it describes a GPU alone.
    """

    file: Path
    gpu: str | None
    instance: str | None

    def document(self) -> dict[str, Any]:
        """The promised document of ``anchors new --json``."""
        return {"file": str(self.file), "gpu": self.gpu, "instance": self.instance}


def list_machines(session: Session) -> MachineList:
    """Every instance and GPU of the session's catalogue."""
    return MachineList(session.catalogue)


def show_machine(session: Session, name: str) -> Machine:
    """An instance, or a GPU, by name or alias.

    Raises
    ------
    UnknownNameError
        If the catalogue does not know it.
    """
    return Machine(session.catalogue.instance(name))


def check_machines(session: Session) -> CatalogueCheck:
    """Read every file of the catalogue, the wrong ones too."""
    return CatalogueCheck(read_all(session.anchors_dirs))


def new_machine(
    session: Session,
    name: str,
    out: Path,
    *,
    gpu: str | None = None,
    gpu_only: bool = False,
) -> NewMachine:
    """Write a file to fill in, for a GPU and the machine with it.

    Parameters
    ----------
    session : Session
    name : str
        Of the GPU, or of the instance where ``gpu`` is given.
    out : Path
        Folder to write ``NAME.toml`` into, or a file ending in ``.toml``.
    gpu : str, optional
        GPU of the catalogue that the instance holds.
    gpu_only : bool
        Describe a GPU without an instance.

    Raises
    ------
    CatalogError
        If the name cannot be one, or is in the catalogue already.
    StorageError
        If the file cannot be written.
    """
    wrong = name_fault(name)
    if wrong is not None:
        raise CatalogError(f"the name {name!r} {wrong}", "for instance RTX6090")
    owner = session.catalogue.owner_of(name)
    if owner is not None:
        raise CatalogError(
            f"{name!r} is in the catalogue already: it is {owner}",
            "another name; for an instance with that GPU: "
            f"xlate anchors new NAME --gpu {owner}",
        )
    holds = None if gpu is None else session.catalogue.gpu(gpu).name
    own_gpu = name if holds is None else None
    instance = None if gpu_only else name
    path = write_new(out, name, template(own_gpu, instance, holds))
    return NewMachine(path, holds or own_gpu, instance)
