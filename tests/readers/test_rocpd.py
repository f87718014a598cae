"""AMD's rocpd: databases made by the schema of rocprofv3."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from xlate import readers
from xlate.errors import ProfileError
from xlate.readers.step_choice import StepChoice

ID = "_0000aaaa_bbbb_cccc"
_TABLES = {
    "string": "id INTEGER, guid TEXT, string TEXT",
    "info_agent": "id INTEGER, type TEXT, absolute_index INT, name TEXT, model_name TEXT, product_name TEXT",
    "info_kernel_symbol": "id INTEGER, kernel_name TEXT, display_name TEXT",
    "event": "id INTEGER, category_id INT, stack_id INT, correlation_id INT, extdata TEXT",
    "region": "id INTEGER, pid INT, tid INT, start BIGINT, end BIGINT, name_id INT, event_id INT",
    "kernel_dispatch": "id INTEGER, pid INT, tid INT, agent_id INT, kernel_id INT, start BIGINT, end BIGINT, event_id INT",
    "memory_copy": "id INTEGER, pid INT, start BIGINT, end BIGINT, name_id INT, dst_agent_id INT, src_agent_id INT, event_id INT",
}  # fmt: skip


def database(
    path: Path,
    *,
    suffix: str = ID,
    marks: bool = True,
    agents: int = 1,
    name: str = "AMD Instinct MI300X",
) -> Path:
    """Four steps of 1 ms with a product of 400 µs and a sum of 100 µs on each GPU."""
    db = sqlite3.connect(path)
    for table, columns in _TABLES.items():
        db.execute(f"CREATE TABLE rocpd_{table}{suffix} ({columns})")
        db.execute(
            f"CREATE VIEW IF NOT EXISTS rocpd_{table} AS SELECT * FROM rocpd_{table}{suffix}"
        )

    def put(table: str, *values: int | str) -> None:
        marks_ = ",".join("?" * len(values))
        db.execute(f"INSERT INTO rocpd_{table}{suffix} VALUES ({marks_})", values)

    texts = ["MARKER_CORE_RANGE_API", "HIP_RUNTIME_API_EXT", "KERNEL_DISPATCH", "hipLaunchKernel", "MEMORY_COPY_HOST_TO_DEVICE", "roctxRangePushA"]  # fmt: skip
    for i, text in enumerate(texts, 1):
        put("string", i, "g", text)
    put("info_agent", 1, "CPU", 0, "AMD EPYC", "", "AMD EPYC")
    for k in range(agents):
        put("info_agent", 2 + k, "GPU", 1 + k, "gfx942", "", name)
    put("info_kernel_symbol", 1, "Cijk_Ailk.kd", "Cijk_Ailk_Bljk_SB_MT128x128x16.kd")
    put("info_kernel_symbol", 2, "add", "void add_kernel<float>(float*)")
    event = 0
    for step in range(4):
        at = 1_000_000 * step
        if marks:
            event += 1
            put("event", event, 1, 0, 0, f'{{"message": "step {step}"}}')
            put("region", event, 1, 1, at, at + 1_000_000, 6, event)
        for k in range(agents):
            for symbol, begin, took in ((1, 10_000, 400_000), (2, 450_000, 100_000)):
                event += 2
                stack = 100 + event
                put("event", event - 1, 2, stack, 0, "{}")
                put(
                    "region",
                    event - 1,
                    1,
                    1,
                    at + begin - 5000,
                    at + begin - 1000,
                    4,
                    event - 1,
                )
                put("event", event, 3, stack, 0, "{}")
                put(
                    "kernel_dispatch",
                    event,
                    1,
                    1,
                    2 + k,
                    symbol,
                    at + begin,
                    at + begin + took,
                    event,
                )
        event += 1
        put("event", event, 3, 0, 0, "{}")
        put("memory_copy", event, 1, at + 700_000, at + 750_000, 5, 2, 1, event)
    db.commit()
    db.close()
    return path


STEP = {"Device_Cijk_Ailk_Bljk_SB_MT128x128x16": 400, "Device_add_kernel": 100, "Device_Memcpy HtoD": 50, "Device_IDLE": 450}  # fmt: skip


@pytest.mark.parametrize("suffix", [ID, ""])
def test_kernels_copies_and_steps_are_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "a_results.db"
    if suffix:
        database(path, suffix=suffix)
    else:  # a database whose tables bear no id
        database(path, suffix="")
    (p,) = readers.read(path)
    assert p.device == "AMD Instinct MI300X"
    assert p.step_time_us == pytest.approx(1000)
    assert dict(p.ops) == pytest.approx(STEP)
    assert readers.expand([tmp_path]) == [path]


def test_every_gpu_has_a_profile(tmp_path: Path) -> None:
    one, two = readers.read(database(tmp_path / "a.db", agents=2))
    assert one.busy_us == pytest.approx(550)
    assert two.busy_us == pytest.approx(500)


def test_without_marks_the_whole_is_one_step_or_as_many_as_asked(
    tmp_path: Path,
) -> None:
    path = database(tmp_path / "a.db", marks=False)
    (p,) = readers.read(path)
    assert p.step_time_us is None
    assert p.busy_us == pytest.approx(4 * 550)
    (p,) = readers.read(path, steps=StepChoice(count=4))
    assert p.busy_us == pytest.approx(550)


def test_a_gpu_without_a_name_is_amds(tmp_path: Path) -> None:
    (p,) = readers.read(database(tmp_path / "a.db", name="gfx942"))
    assert p.device == "AMD GPU"


def test_what_it_lacks_is_said(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db")
    db = sqlite3.connect(path)
    db.execute(f"DELETE FROM rocpd_kernel_dispatch{ID}")
    db.execute(f"DELETE FROM rocpd_memory_copy{ID}")
    db.commit()
    with pytest.raises(ProfileError, match="holds no kernel dispatch"):
        readers.read(path)
    db.execute("DROP VIEW rocpd_kernel_dispatch")
    db.execute(f"DROP TABLE rocpd_kernel_dispatch{ID}")
    db.execute(f"CREATE TABLE rocpd_kernel_dispatch{ID} (id INT, start_id INT)")
    db.commit()
    db.close()
    with pytest.raises(ProfileError, match="of a version of rocpd"):
        readers.read(path)
