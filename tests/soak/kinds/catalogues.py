"""A catalogue folder of the user: each field of a GPU and an instance broken in every way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, refused
from tests.soak.lab import Lab
from tests.soak.made import KEY, stats_csv

_CHECKED = (
    "check types, ranges, units and completeness at load, all faults of a file at once"
)
_OWN = "an own GPU takes one documented file"
MARK = 'standing = "V", source = "data sheet"'


def fact(key: str, value: str) -> str:
    return f"{key} = {{ value = {value}, {MARK} }}\n"


#: numbers of a made-up GPU, those of an RTX 4090
FACTS = {
    "sm_count": "128", "cuda_cores": "16384", "base_mhz": "2235", "max_mhz": "2520", "process_nm": "5",
    "schedulers_per_sm": "4", "bandwidth_gb_per_s": "1008", "fp32_tflop_per_s": "82.6", "memory_gib": "24",
    "tdp_w": "450", "power_limit_min_w": "150", "power_limit_max_w": "600",
}  # fmt: skip
CLOCKS = '\n[[clocks]]\nmemory_mhz = 10501\nrule = "list"\nlist_mhz = [210, 1200, 2235, 2520]\ncount = 4\nstanding = "V"\nsource = "data sheet"\n'


def gpu(
    facts: dict[str, str] | None = None,
    head: str = "",
    clocks: str = CLOCKS,
    name: str = '"RTX6090"',
) -> str:
    """A GPU's file."""
    given_facts = FACTS if facts is None else facts
    return (
        f'name = {name}\narchitecture = "Ada"\naliases = ["RTX 6090"]\n'
        + fact("set_clock", '"locked"')
        + fact("energy_counter", "true")
        + fact("dcgm_profiling", "false")
        + head
        + "\n[facts]\n"
        + "".join(fact(k, v) for k, v in given_facts.items())
        + clocks
    )


PRICE = {
    "usd_per_h": "0.7",
    "region": '"here"',
    "date": '"2026-09-24"',
    "kind": '"on-demand"',
    "standing": '"V"',
    "source": '"own"',
}


def instance(
    price: dict[str, str] | None = None,
    name: str = '"box.4090"',
    gpu_name: str = '"RTX6090"',
    count: str = "1",
) -> str:
    """An instance's file."""
    rows = "".join(
        f"{k} = {v}\n" for k, v in (PRICE if price is None else price).items()
    )
    return (
        f'name = {name}\nprovider = "own"\naliases = ["box"]\ngpu = {gpu_name}\n'
        + fact("gpu_count", count)
        + f"\n[[prices]]\n{rows}"
    )


def _laid(
    lab: Lab, gpu_text: str, instance_text: str, folder: str = "box.4090"
) -> None:
    lab.write("own/gpus/RTX6090.toml", gpu_text)
    lab.write(f"own/{folder}/instance.toml", instance_text)


def _no(
    gpu_text: str,
    instance_text: str,
    names: str | None = None,
    folder: str = "box.4090",
) -> Callable[[Lab], Iterator[str]]:
    """Refused by the check, naming the field, and by a command that would use it."""

    def judge(lab: Lab) -> Iterator[str]:
        _laid(lab, gpu_text, instance_text, folder)
        yield from refused(
            lab.xlate("anchors", "check", "--anchors-dir", "own"), names, (1,)
        )
        run = lab.xlate(
            "translate",
            lab.write("a.csv", stats_csv()),
            "--anchor",
            "p2.xlarge",
            "--target",
            "box.4090",
            *KEY,
            "--anchors-dir",
            "own",
            "--json",
        )
        yield from refused(run, None, (1,))

    return judge


def _yes(gpu_text: str, instance_text: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        _laid(lab, gpu_text, instance_text)
        yield from accepted(lab.xlate("anchors", "check", "--anchors-dir", "own"))
        run = lab.xlate(
            "translate",
            lab.write("a.csv", stats_csv()),
            "--anchor",
            "p2.xlarge",
            "--target",
            "box.4090",
            *KEY,
            "--anchors-dir",
            "own",
            "--json",
        )
        yield from accepted(run)

    return judge


def _all_at_once(lab: Lab) -> Iterator[str]:
    _laid(
        lab,
        gpu({**FACTS, "bandwidth_gb_per_s": "-1008", "memory_gib": '"much"'}),
        instance(),
    )
    run = lab.xlate("anchors", "check", "--anchors-dir", "own")
    yield from refused(
        run, "bandwidth_gb_per_s.*memory_gib|memory_gib.*bandwidth_gb_per_s", (1,)
    )


def _redefined(name: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        _laid(lab, gpu(), instance(name=f'"{name}"'), folder=name)
        run = lab.xlate("anchors", "check", "--anchors-dir", "own")
        if run.exit == 0 and not re.search(
            f"{name}.*(shipped|already|redefine|replac|overrid)",
            run.said,
            re.DOTALL | re.IGNORECASE,
        ):
            yield f"a folder redefines {name}, and nothing is said"

    return judge


def _template(lab: Lab) -> Iterator[str]:
    """``anchors new`` writes a file with every field; it is not usable until filled."""
    run = lab.xlate("anchors", "new", "RTX6090")
    yield from accepted(run)
    written = list(lab.dir.rglob("*.toml"))
    text = "".join(p.read_text() for p in written) + run.out
    for field in ("bandwidth_gb_per_s", "fp32_tflop_per_s", "memory_gib"):
        if run.exit == 0 and field not in text:
            yield f"the template lacks {field}"


def _dear(lab: Lab) -> Iterator[str]:
    """The rent of an own instance with four GPUs is that of the whole."""
    _laid(lab, gpu(), instance({**PRICE, "usd_per_h": "8"}, count="4"))
    run = lab.xlate(
        "translate",
        lab.write("a.csv", stats_csv()),
        "--anchor",
        "p2.xlarge",
        "--target",
        "box.4090",
        *KEY,
        "--anchors-dir",
        "own",
        "--json",
    )
    yield from accepted(run)
    for a in answers(run):
        least = 8 / 3.6 * a["step_time_s"]["value"]
        if (
            not a["usd_per_1000_steps"]
            or a["usd_per_1000_steps"]["value"] < 0.99 * least
        ):
            yield f"a rent of {a['usd_per_1000_steps']} where the instance costs {least:.4f}"


def _shape(name: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        if name == "missing":
            folder = "nowhere"
        elif name == "file":
            folder = lab.write("own", "x")
        elif name == "empty-name":
            folder = ""
        else:
            folder = "own"
            texts: dict[str, str | bytes] = {
                "not-toml": "a = = 3",
                "empty": "",
                "binary": "\0\1",
                "not-utf8": b"name = '\xff'",
                "list": "[[gpus]]",
                "deep": "a=" + "[" * 5000,
            }
            lab.write("own/gpus/x.toml", texts[name])
        yield from refused(lab.xlate("anchors", "check", "--anchors-dir", folder))

    return judge


def cases() -> Cases:
    """About 150."""
    collected = Cases("catalogues")
    good = instance()
    collected.add("valid", _OWN, _yes(gpu(), good))
    collected.add(
        "valid-without-price", _OWN, _yes(gpu(), good.partition("\n[[prices]]")[0])
    )
    collected.add("valid-two-gpus", _OWN, _yes(gpu(), instance(count="2")))
    collected.add(
        "valid-crlf",
        _OWN,
        _yes(gpu().replace("\n", "\r\n"), good.replace("\n", "\r\n")),
    )
    collected.add(
        "valid-gpu-alone", _OWN, _yes(gpu(), good.replace("box.4090", "box.4090"))
    )
    numbers = ("-5", "nan", "inf", '"5"', '"fast"', "true", "0", "[1]", "1e308")
    for key in FACTS:
        for i, value in enumerate(numbers):
            if value == "0" and key == "power_limit_min_w":
                continue
            collected.add(
                f"gpu-{key}-{i}", _CHECKED, _no(gpu({**FACTS, key: value}), good, key)
            )
    for i, value in enumerate((*numbers, '"$0.70"')):
        if value != "0":  # what one owns may cost nothing
            collected.add(
                f"price-usd_per_h-{i}",
                _CHECKED,
                _no(gpu(), instance({**PRICE, "usd_per_h": value}), "usd_per_h"),
            )
    for i, value in enumerate(
        ('"yesterday"', '"2026-13-45"', "5", '""', '"24.09.2026"')
    ):
        collected.add(
            f"price-date-{i}",
            _CHECKED,
            _no(gpu(), instance({**PRICE, "date": value}), "date"),
        )
    for key in ("usd_per_h", "region", "date", "standing", "source"):
        collected.add(
            f"price-without-{key}",
            _CHECKED,
            _no(gpu(), instance({k: v for k, v in PRICE.items() if k != key})),
        )
    for i, value in enumerate(("0", "-1", "1.5", "nan", "inf", '"8"', "true", "1e9")):
        collected.add(
            f"gpu_count-{i}", _CHECKED, _no(gpu(), instance(count=value), "gpu_count")
        )
    for i, value in enumerate(("5", "[]", '""', '"a/b"', '"../up"', "true", '" "')):
        collected.add(f"instance-name-{i}", _CHECKED, _no(gpu(), instance(name=value)))
        collected.add(
            f"gpu-name-{i}", _CHECKED, _no(gpu(name=value), instance(gpu_name=value))
        )
    collected.add(
        "gpu-unknown", _CHECKED, _no(gpu(), instance(gpu_name='"RTX6095"'), "RTX6095")
    )
    collected.add("gpu-a-list", _CHECKED, _no(gpu(), instance(gpu_name='["RTX6090"]')))
    for i, text in enumerate(('aliases = "box"', "aliases = [5]", "aliases = 3")):
        collected.add(
            f"aliases-{i}",
            _CHECKED,
            _no(gpu(), re.sub(r"aliases = .*", text, good), "aliases"),
        )
    collected.add(
        "alias-of-another", _CHECKED, _no(gpu(), good.replace('"box"', '"p3"'), "p3")
    )
    for i, (old, new) in enumerate(
        (
            ('"list"', '"volta"'),
            ('"list"', '"guess"'),
            ("count = 4", "count = 5"),
            ("210,", '"210",'),
            ("210,", "-210,"),
            ("210,", "nan,"),
            ("210, 1200, 2235, 2520", ""),
            ("2520]", "2520000]"),
            ("10501", "-1"),
            ("10501", '"x"'),
            ('"V"', '"W"'),
            ('"data sheet"', '""'),
        )
    ):
        collected.add(
            f"clocks-{i}", _CHECKED, _no(gpu(clocks=CLOCKS.replace(old, new, 1)), good)
        )
    for lost in ("bandwidth_gb_per_s", "fp32_tflop_per_s", "memory_gib"):
        # without these nothing can be translated to it
        collected.add(
            f"gpu-without-{lost}",
            _CHECKED,
            _no_answer(gpu({k: v for k, v in FACTS.items() if k != lost}), good, lost),
        )
    collected.add(
        "fact-without-source",
        _CHECKED,
        _no(gpu().replace(', source = "data sheet" }', " }", 1), good),
    )
    collected.add(
        "fact-bare",
        _CHECKED,
        _no(gpu().replace("[facts]\n", "[facts]\nl2_mib = 72\n"), good, "l2_mib"),
    )
    for i, value in enumerate(('"fast"', "5", "true", '""')):
        collected.add(
            f"set_clock-{i}",
            _CHECKED,
            _no(gpu().replace('"locked"', value, 1), good, "set_clock"),
        )
    collected.add(
        "field-misspelt",
        _CHECKED,
        _no(gpu({**FACTS, "bandwith_gb_per_s": "1008"}), good, "bandwith"),
    )
    collected.add("all-faults-at-once", _CHECKED, _all_at_once)
    for name in ("p5.48xlarge", "p3.2xlarge", "p2.xlarge"):
        collected.add(
            f"redefines-{name}",
            "a folder that redefines p5.48xlarge passes anchors check",
            _redefined(name),
        )
    collected.add("template", "xlate anchors new NAME writes a template", _template)
    collected.add("rent-of-four", "what must be paid is the whole instance", _dear)
    for name in (
        "missing",
        "file",
        "empty-name",
        "not-toml",
        "empty",
        "binary",
        "not-utf8",
        "list",
        "deep",
    ):
        collected.add(f"folder-{name}", _CHECKED, _shape(name))
    return collected


def _no_answer(
    gpu_text: str, instance_text: str, names: str
) -> Callable[[Lab], Iterator[str]]:
    """The fact may be unknown, but then there is no "ok" to an answer that needs it."""

    def judge(lab: Lab) -> Iterator[str]:
        _laid(lab, gpu_text, instance_text)
        run = lab.xlate(
            "translate",
            lab.write("a.csv", stats_csv()),
            "--anchor",
            "p2.xlarge",
            "--target",
            "box.4090",
            *KEY,
            "--anchors-dir",
            "own",
            "--json",
        )
        if run.exit == 0 and names != "memory_gib":
            for a in answers(run):
                if a["verdict"]["level"] == "ok":
                    yield f"ok without {names}"
        if (
            run.exit == 0
            and names == "memory_gib"
            and any((a.get("memory") or {}).get("fits") == "yes" for a in answers(run))
        ):
            yield "fits, though nobody knows how much there is"

    return judge
