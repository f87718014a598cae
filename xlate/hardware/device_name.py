"""The parts of a device name: vendor, model, variant, board, memory, and share.

Drivers, profilers and people write the name of one GPU in many forms:
``NVIDIA A100-SXM4-40GB``, ``A100 PCIe 40 GB``, ``GRID V100D-16Q``, ``gfx942``. A name is
split into the parts that distinguish GPUs, so that a name that is not in the catalogue can
still be compared with a GPU.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

__all__ = ["DeviceName", "parse_device"]

#: words that show the vendor
_VENDOR = {
    "nvidia": "nvidia", "tesla": "nvidia", "quadro": "nvidia", "geforce": "nvidia",
    "titan": "nvidia", "grid": "nvidia", "jetson": "nvidia", "tegra": "nvidia",
    "amd": "amd", "ati": "amd", "radeon": "amd", "instinct": "amd", "firepro": "amd",
    "intel": "intel", "arc": "intel", "iris": "intel", "uhd": "intel", "gaudi": "habana",
    "habana": "habana", "google": "google", "tpu": "google", "apple": "apple",
    "adreno": "qualcomm", "qualcomm": "qualcomm", "mali": "arm", "powervr": "imagination",
    "ascend": "huawei", "huawei": "huawei", "moore": "moore threads", "mtt": "moore threads",
    "biren": "biren", "iluvatar": "iluvatar", "hygon": "hygon", "matrox": "matrox",
    "trainium": "aws", "inferentia": "aws", "graphcore": "graphcore", "cerebras": "cerebras",
}  # fmt: skip
#: beginnings of a model that show the vendor where no word does
_VENDOR_OF_MODEL = (
    (re.compile(r"gfx\d|mi\d{2,3}[ax]?$|rx\d{3,4}"), "amd"),
    (re.compile(r"rtx|gtx|titan|[gbh]{1,2}\d{3}$|[aphtvkml]\d{1,3}[gsm]?$|sm\d\d"), "nvidia"),
)  # fmt: skip
#: words for a GPU with another chip, clock or number of units
_VARIANTS = {
    "ti": "ti", "super": "super", "xt": "xt", "xtx": "xtx", "gre": "gre", "d": "d",
    "s": "s", "m": "laptop", "mobile": "laptop", "laptop": "laptop", "notebook": "laptop",
    "maxq": "max-q", "embedded": "embedded", "ultra": "ultra", "oem": "oem",
}  # fmt: skip
#: words for the form factor; a name may leave it out
_FORMS = {
    "pcie": "pcie", "pci": "pcie", "nvl": "nvl", "dgxs": "dgxs", "fhhl": "fhhl",
    "server": "server", "workstation": "workstation", "ws": "workstation", "active": "active",
    "sff": "sff", "cnx": "cnx",
}  # fmt: skip
_FORM = re.compile(r"sxm\d?|pg\d{3}")
_GENERATIONS = {
    "kepler", "maxwell", "pascal", "volta", "turing", "ampere", "ada", "hopper", "blackwell",
    "rdna1", "rdna2", "rdna3", "rdna4", "cdna1", "cdna2", "cdna3", "cdna4",
}  # fmt: skip
#: words that do not distinguish GPUs
_FILLING = {
    "gpu", "gpus", "graphics", "card", "device", "with", "design", "edition", "generation",
    "accelerator", "series", "inc", "corporation", "oam", "vf", "collectors", "core",
    "tensor", "lc", "ls", "superchip", "grace", "lovelace", "hgx", "dgx", "of", "the", "module",
    "developer", "kit", "data", "center", "controller", "compatible", "vga", "cuda", "hip",
    "rocm", "gcd", "ac", "spx", "nps1", "nps4", "display", "unknown", "none", "na", "n", "a", "xla",
    "gddr5", "gddr5x", "gddr6", "gddr6x", "gddr7", "hbm2", "hbm2e", "hbm3", "hbm3e",
}  # fmt: skip
_MEMORY = re.compile(r"(\d{1,3})(?:gb?|gib)")
_WATTS = re.compile(r"\d{2,4}w")
#: identifier of one card, as nvidia-smi -L prints it: GPU-06c7b23d-6a59-...
_IDENTIFIER = re.compile(r"(?:gpu|mig)-[0-9a-f]{4,}(?:-[0-9a-f]+)*(?:/.*)?")
#: index of a GPU: GPU 0, cuda:1
_INDEX = re.compile(r"\d{1,2}")
#: a model's number and the variant that some write without a space: 3080Ti
_JOINED = re.compile(r"((?:rtx|gtx|rx)?\d{3,4})(ti|super|xtx|xt|gre|d|s|m)")
#: a product line before the model, without a space: TeslaP100
_PREFIXED = re.compile(r"(nvidia|tesla|quadro|geforce|instinct|radeon)(?=[a-z]{0,3}\d)")
#: profiles of a GPU that is shared: MIG 1g.5gb, V100D-16Q, compute partitions of AMD
_MIG = re.compile(r"(\d)c?g\.\d+gb")
_VGPU = re.compile(r"\d{1,3}[abcqv]")
_PARTITIONS = {"cpx", "dpx", "qpx", "tpx"}
#: letters that a virtual GPU adds to its card's model: V100D, A100DX
_VIRTUAL = re.compile(r"((?:rtx)?[a-z]\d{1,4})(?:dx|d|x|l|s)?")
_WORD = re.compile(r"[a-z0-9]+(?:\.[a-z0-9]+)*")
_SPACED = re.compile(r"\b(max)[- ]?(q)\b|\b(\d{1,3}) (gb|gib)\b|\b([cr]dna) (\d)\b")
_MARKS = re.compile(r"\((?:r|tm)\)|[®™]|\bwith max-?q design\b")
_BRACKETS = re.compile(r"\[([^\]]*[a-z0-9][^\]]*)\]")
_LINE = re.compile(r"(?:rtx|gtx|rx)(?=[a-z]?\d|pro\d|titan)")
#: a slice of all seven parts is the complete GPU
_ALL_MIG_PARTS = 7


@dataclass(frozen=True)
class DeviceName:
    """The parts of a name.

    Attributes
    ----------
    vendors : frozenset of str
        Empty where no part shows it.
    model : str
        ``a100``, ``3060``, ``titanx``, ``gfx942``; empty where the name has none.
    variants : frozenset of str
        Words for another GPU of the model: ``ti``, ``laptop``.
    forms : frozenset of str
        Form factors: ``sxm4``, ``pcie``.
    memory_gb : int or None
        Memory in the name.
    generation : str or None
        ``ada`` and so on, where the name holds it.
    share : str or None
        Profile of a shared GPU, ``1g.5gb``; None for a complete one.
    """

    vendors: frozenset[str] = frozenset()
    model: str = ""
    variants: frozenset[str] = frozenset()
    forms: frozenset[str] = frozenset()
    memory_gb: int | None = None
    generation: str | None = None
    share: str | None = None

    @property
    def names_a_gpu(self) -> bool:
        """Whether the name holds more than a vendor, so that it can confirm a GPU."""
        return bool(self.model or self.forms or self.memory_gb or self.share)


@lru_cache(maxsize=4096)
def parse_device(text: str) -> tuple[DeviceName, ...]:
    """The parts of a name; several values where it lists several names with ``/``.

    Examples
    --------
    >>> from xlate.hardware.device_name import parse_device
    >>> (name,) = parse_device("NVIDIA GeForce RTX 3060 Ti")
    >>> name.model, sorted(name.variants)
    ('3060', ['ti'])
    >>> parse_device("NVIDIA A100-SXM4-40GB MIG 1g.5gb")[0].share
    '1g.5gb'
    """
    lower = text.lower()
    if _IDENTIFIER.fullmatch(lower.strip()):
        return (DeviceName(),)
    # "GA100 [A100 PCIe 40GB]", as lspci prints it: the product is in brackets
    if inside := _BRACKETS.search(lower):
        lower = f"{lower.split()[0]} {inside[1]}"
    parts = [p for p in lower.split("/") if _WORD.search(p)]
    names = [_parse(p) for p in parts] or [DeviceName()]
    vendors = frozenset[str]().union(*(n.vendors for n in names))
    return tuple(n if n.vendors else replace(n, vendors=vendors) for n in names)


def _parse(text: str) -> DeviceName:
    # features of the target follow: gfx90a:sramecc+:xnack-
    text = text.split(":")[0] if text.lstrip().startswith("gfx") else text
    maxq = " maxq " if re.search(r"max-?q", text) else " "
    text = _MARKS.sub(" ", text) + maxq
    text = _SPACED.sub(lambda m: "".join(g for g in m.groups() if g), text.replace("_", " "))  # fmt: skip
    words: list[str] = []
    for word in _WORD.findall(text):
        if line := _PREFIXED.match(word):
            words.append(line[1])
            word = word[line.end() :]
        joined = _JOINED.fullmatch(word)
        words += joined.groups() if joined else (word,)
    vendors, model, variants, forms = set[str](), list[str](), set[str](), set[str]()
    memory: int | None = None
    generation = share = None
    for k, word in enumerate(words):
        if word in _VENDOR:
            vendors.add(_VENDOR[word])
            if word in ("titan", "tpu", "gaudi", "ascend", "arc"):
                model.append(word)
        elif m := _MIG.fullmatch(word):
            share = word if int(m[1]) < _ALL_MIG_PARTS else share
        elif word == "mig":
            share = share or "mig"
        elif word in _PARTITIONS:
            share = word
        elif model and _VGPU.fullmatch(word) and k == len(words) - 1:
            share = "".join(words[k - 1 : k + 1]) if words[k - 1].isdigit() else word
        elif m := _MEMORY.fullmatch(word):
            memory = int(m[1])
        elif word in _GENERATIONS:
            generation = word
        elif word in _FORMS or _FORM.fullmatch(word):
            forms.add(_FORMS.get(word, word))
        elif word in _FILLING or _WATTS.fullmatch(word) or _INDEX.fullmatch(word):
            continue
        elif model and word in _VARIANTS:
            variants.add(_VARIANTS[word])
        elif word == "x" and model[-1:] != ["titan"]:
            continue
        elif forms and word.isdigit() and any(f.startswith("pg") for f in forms):
            continue  # the number of a board: PG509-200
        else:
            model.append(word)
    if "mig" in words and share == "mig" and any(_MIG.fullmatch(w) for w in words):
        share = None  # a complete GPU
    if share is not None and "mig" not in words and share not in _PARTITIONS:
        model = _physical_model(model)
    model_name = _LINE.sub("", "".join(model), count=1)
    if not vendors:
        of_model = (v for p, v in _VENDOR_OF_MODEL if p.match("".join(model)))
        vendors = set(filter(None, [next(of_model, None)]))
    if "quadro" in words and model_name.isdigit():
        generation = generation or "turing"  # later ones are not called Quadro
    return DeviceName(
        vendors=frozenset(vendors), model=model_name, variants=frozenset(variants),
        forms=frozenset(forms), memory_gb=memory, generation=generation, share=share,
    )  # fmt: skip


def _physical_model(words: list[str]) -> list[str]:
    """Model of the card under a virtual GPU: without its letters, ``V100D`` as ``V100``."""
    words = [w for w in words if not w.isdigit() or len(w) > 1]
    if words and (m := _VIRTUAL.fullmatch(words[-1])):
        words[-1] = m[1]
    return words
