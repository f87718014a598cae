"""Text as a shell of Windows writes it: UTF-16 with its mark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import profiles_made as made
from xlate import readers, telemetry
from xlate.errors import ProfileError

TEXTS = {
    "table": made.KEY_AVERAGES["table"][0],
    "averages-csv": made.KEY_AVERAGES["csv"][0],
    "nsys": made.NSYS_CSV["with-steps"][0],
    "flat": b"Device_Relu,Device_Conv2D,step_time_us\n1500,20000,30000\n",
}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_printed_profile_in_utf_16_is_read(
    name: str, encoding: str, tmp_path: Path
) -> None:
    plain, wide = tmp_path / "plain.txt", tmp_path / "wide.txt"
    plain.write_bytes(TEXTS[name])
    wide.write_bytes(("\ufeff" + TEXTS[name].decode()).encode(encoding))
    assert readers.read(wide)[0].ops == readers.read(plain)[0].ops


def test_a_meter_in_utf_16_is_read(tmp_path: Path) -> None:
    rows = "".join(
        f"2024/01/02 10:00:{i:02d}.100, Tesla T4, 6{i % 10}.10 W, 98 %\n"
        for i in range(20)
    )
    path = tmp_path / "a.csv"
    text = "timestamp, name, power.draw [W], utilization.gpu [%]\n" + rows
    path.write_bytes(text.encode("utf-16"))
    assert telemetry.is_telemetry(path)
    trace = telemetry.read_trace(path)
    assert trace.device == "Tesla T4"
    assert len(trace.samples) == 20


def test_a_trace_in_utf_16_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(made.KINETO["plain"][0].decode().encode("utf-16"))
    with pytest.raises(ProfileError, match="text in UTF-16"):
        readers.read(path)
