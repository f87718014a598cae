"""The files in examples/ are those the script there makes, and each is read."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from examples import make
from tests.support.commands import run
from tests.support.narrowing import present
from xlate import readers
from xlate.sweeps.sweep_folder import read_sweep
from xlate.telemetry import read_trace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make.main(folder)
    return folder


def names() -> list[str]:
    return [
        str(p.relative_to(make.FOLDER))
        for p in sorted(make.FOLDER.rglob("*"))
        if p.is_file()
        and (p.suffix != ".py" or p.name == "train.py")
        and "__pycache__" not in p.parts
    ]


@pytest.mark.parametrize("name", names())
def test_the_file_is_what_the_script_makes(name: str, made: Path) -> None:
    ours, remade = make.FOLDER / name, made / name
    if name.endswith(".gz"):
        # other versions of zlib pack the same text otherwise
        assert gzip.decompress(ours.read_bytes()) == gzip.decompress(
            remade.read_bytes()
        )
    elif name.endswith(".parquet"):
        assert_frame_equal(pl.read_parquet(ours), pl.read_parquet(remade))
    else:
        assert ours.read_bytes() == remade.read_bytes()


def test_nothing_is_made_that_is_not_there(made: Path) -> None:
    files = {str(p.relative_to(made)) for p in made.rglob("*") if p.is_file()}
    assert files == set(names())


def test_the_trace_is_one_as_pytorch_exports_it() -> None:
    (profile,) = readers.read(make.FOLDER / "trace.json.gz")
    assert profile.device == "Tesla T4"
    assert profile.workload.framework == "pytorch"
    assert present(profile.memory_bytes) > 1 << 30
    assert profile.step_time_us == pytest.approx(206e3, rel=0.1)
    assert 0.005 < 1 - profile.busy_us / profile.window_us < 0.05
    shares = {k: v / profile.busy_us for k, v in profile.ops.items()}
    assert shares["Device_aten::convolution_backward"] > 0.3
    assert not [
        k for k in shares if "autograd::engine" in k and k.startswith("Device_")
    ]


@pytest.mark.parametrize(
    "name", ["my_stats.csv", "my_stats_g4dn.csv", "my_runs.parquet"]
)
def test_profiles_are_read(name: str) -> None:
    profiles = readers.read(make.FOLDER / name)
    assert profiles
    assert all(p.busy_us > 0 for p in profiles)


def test_recordings_are_read() -> None:
    sweep = read_sweep(make.FOLDER / "recorded_runs")
    assert sweep.table.height == 5
    assert sweep.table["followed"].all()
    for name in ("telemetry_g4dn.csv", "probe_1530.csv"):
        assert present(read_trace(make.FOLDER / name).mean("POWER")) > 50


def test_the_script_is_recognised_as_pytorch() -> None:
    out, _ = run("profile", "record", "--", "python", make.FOLDER / "train.py")
    assert "torch.profiler" in out


def test_the_clocks_are_those_of_the_card() -> None:
    from xlate.hardware.catalogue import catalogue
    from xlate.hardware.legal_points import legal_clocks

    gpu = catalogue().gpu("V100-SXM2-16GB")
    asked = legal_clocks(gpu, Path(make.FOLDER / "supported_clocks.txt"))
    assert set(asked.sm_mhz) == set(legal_clocks(gpu, None).sm_mhz)
