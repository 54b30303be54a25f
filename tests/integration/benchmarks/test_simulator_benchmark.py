"""The simulator's benchmark runs, and its memory does not grow with the length of the run."""

from __future__ import annotations

import pytest

from benchmarks.simulator import measure_apart

pytestmark = pytest.mark.full


@pytest.mark.timeout(300)
def test_three_months_take_little_more_memory_than_one() -> None:
    month, quarter = (measure_apart("demo-street", 80_000, days) for days in (31, 90))
    assert quarter.records > 2.5 * month.records > 50_000
    assert quarter.peak_megabytes < month.peak_megabytes + 60
    assert min(month.per_second, quarter.per_second) > 0
