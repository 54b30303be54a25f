"""Cohorts are declared once, and what they count follows from the declaration."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.derived import derive, profile, rows
from tests.events import event
from transforms.indicators import IndicatorFamily, load_indicators


def test_what_was_never_filed_has_no_date_where_the_filing_date_counts() -> None:
    """Dispatched without being filed: counted as dispatched, and due on no date."""
    made = [
        event("A", verb, f"2026-05-04 {hour}:00", "Asia/Shanghai", unit_code="u1")
        for verb, hour in (("dispatched", "08"), ("handled", "10"), ("closed", "12"))
    ]
    connection = derive(made, profile(cohort_basis="created", limits=[{"amount": 24, "unit": "hour"}]))
    found = rows(connection, "FROM out_unit_daily_rates WHERE work_type = 'all'")
    counted = [
        (row["dispatched_count"], row["handling_due_count"], row["closure_due_count"]) for row in found
    ]
    assert counted == [(1, 0, 0)]


@pytest.mark.parametrize(("cohort", "count"), [("filed", "on_time"), ("closure", "points")])
def test_a_measure_of_what_its_cohort_does_not_keep_is_refused(cohort: str, count: str) -> None:
    family: dict[str, Any] = load_indicators().model_dump()
    family["measures"]["odd_count"] = {"cohort": cohort, "count": count, "zh": "怪", "en": "odd"}
    with pytest.raises(ValidationError, match=f"odd_count: the cohort {cohort} has no {count}"):
        IndicatorFamily.model_validate(family)
