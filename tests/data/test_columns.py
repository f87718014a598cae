from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlate import op_names
from xlate.data.columns import clusters, edit_distance, plan, shares
from xlate.errors import UnknownNameError

COLUMNS = [
    "Device_Relu",
    "Device_ReluGrad",
    "Device_Conv2D",
    "Device_Odd",
    "Host_Send",
    "Device_IDLE",
    "Host_IDLE",
]
TIMES = np.array([[5.0, 4, 100, 7, 1, 50, 60], [6.0, 5, 90, 0, 2, 40, 70]])


@pytest.mark.parametrize("kind", ["all", "1", "2", "50", "clusters"])
def test_nothing_is_lost_under_any_plan(kind: str) -> None:
    p = plan(kind, COLUMNS, TIMES)
    assert np.allclose(p.apply(TIMES, COLUMNS).sum(axis=1), TIMES.sum(axis=1))


@pytest.mark.parametrize("kind", ["all", "2", "clusters"])
def test_unknown_operations_are_counted_as_other(kind: str) -> None:
    p = plan(kind, COLUMNS, TIMES)
    out = p.apply(np.array([[3.0, 2.0]]), ["Device_Brand_new", "Host_New"])
    assert out[0, p.names.index("Device_OTHER")] == 3.0
    assert out[0, p.names.index("Host_OTHER")] == 2.0


def test_top_k_keeps_the_largest_by_name() -> None:
    p = plan("2", COLUMNS, TIMES)
    assert {"Device_Conv2D", "Device_Relu"} < set(p.names)
    assert "Device_ReluGrad" not in p.names


def test_more_than_there_are_is_said() -> None:
    assert "90 columns asked for, 5 exist" in (plan("90", COLUMNS, TIMES).note or "")


def test_all_has_a_place_for_the_whole_vocabulary() -> None:
    assert set(op_names.vocabulary()) <= set(plan("all", COLUMNS, TIMES).names)


def test_idle_keeps_its_own_column() -> None:
    for kind in ("all", "1", "clusters"):
        assert {"Device_IDLE", "Host_IDLE"} <= set(plan(kind, COLUMNS, TIMES).names)


@pytest.mark.parametrize("kind", ["0", "-3", "some"])
def test_unknown_plan(kind: str) -> None:
    with pytest.raises(UnknownNameError, match="column plan"):
        plan(kind, COLUMNS, TIMES)


@pytest.mark.parametrize("kind", ["all", "2", "clusters"])
def test_expand_undoes_apply_when_nothing_changes(kind: str) -> None:
    p = plan(kind, COLUMNS, TIMES)
    names, out = p.expand(TIMES, COLUMNS, p.apply(TIMES, COLUMNS))
    order = [names.index(c) for c in COLUMNS]
    assert np.allclose(out[:, order], TIMES)


def test_expand_names_what_only_the_target_runs() -> None:
    p = plan("all", COLUMNS, TIMES)
    planned = p.apply(TIMES, COLUMNS)
    planned[:, p.names.index("Device_Softmax")] = 9.0
    names, out = p.expand(TIMES, COLUMNS, planned)
    assert out[:, names.index("Device_Softmax")].tolist() == [9.0, 9.0]


def test_names_with_the_same_words_are_grouped() -> None:
    groups = clusters(
        [
            "Device_Conv2D",
            "Device__FusedConv2D",
            "Device_Relu",
            "Device_Relu6",
            "Device_FusedBatchNormGradV3",
            "Host_Relu",
        ]
    )
    assert any({"Device_Relu", "Device_Relu6"} <= set(g) for g in groups)
    assert ("Device_FusedBatchNormGradV3",) in groups
    assert ("Host_Relu",) in groups


@given(st.text("ab", max_size=6), st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_edit_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


def test_families() -> None:
    assert op_names.family("Device_DepthwiseConv2dNative") == "depthwise"
    assert op_names.family("Device_IDLE") == "idle"
    assert op_names.family("Host_Send") == "host"
    assert op_names.family("Device_Odd") == "other"
    assert set(map(op_names.family, op_names.vocabulary())) <= set(op_names.FAMILIES)


def test_shares_and_scale_hold_the_whole_vector() -> None:
    work, log_scale = shares(np.vstack([TIMES, np.zeros(len(COLUMNS))]))
    assert np.allclose(work[:2] * np.exp(log_scale[:2, None]), TIMES)
    assert work.sum(axis=1).tolist() == pytest.approx([1, 1, 0])
    assert np.isfinite(log_scale).all()
