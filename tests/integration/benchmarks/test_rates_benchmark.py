"""The benchmark of the rates does what it says, at a size that says nothing of speed."""

from __future__ import annotations

import pytest

from benchmarks import rates

pytestmark = pytest.mark.full


def test_a_rebuild_and_a_late_batch_are_measured_and_told() -> None:
    found = rates.measure(2_000)
    assert found["events"] > 2_000
    assert set(found["seconds"]) == {"bare_parse", "rebuild", "late_batch"}
    assert found["rebuild_to_bare_parse"]["wall"] > 1
    assert "out_period_rates" in found["dearest_models"]
    *_, row = rates.as_markdown([found], load=0.1).splitlines()
    assert row.startswith(f"| {found['events']:,} | 2,000 | ")
