"""A profile's composites are taken from the library or declared, and refused when they do not add up."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gridrates.errors import InputError
from tests.derived import derive, profile, rows
from tests.events import event
from transforms.composites import chosen_composites, library

PART = {"indicator": "closure_rate", "weight": 100}
OWN = {"zh": "甲", "en": "A", "levels": ["unit"]}


def test_one_that_ships_is_taken_by_its_name() -> None:
    chosen = chosen_composites(profile(composites={"huairou": None}))
    assert [part.weight for part in chosen["huairou"].parts] == [10, 40, 50]


def test_all_that_ship_name_indicators_there_are() -> None:
    assert chosen_composites(profile(composites=dict.fromkeys(library()))).keys() == library().keys()


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no composite 'hairou'.*huairou"):
        chosen_composites(profile(composites={"hairou": None}))


def test_an_unknown_indicator_is_named() -> None:
    wrong = OWN | {"parts": [PART | {"indicator": "closing_rate"}]}
    with pytest.raises(InputError, match="closing_rate"):
        chosen_composites(profile(composites={"own": wrong}))


def test_weights_sum_to_a_hundred() -> None:
    with pytest.raises(ValidationError, match="sum to 90, not to 100"):
        profile(composites={"own": OWN | {"parts": [PART | {"weight": 90}]}})


def test_people_are_ranked_by_what_they_did() -> None:
    """The limit of dispatching is 15 minutes: D1 keeps it, D2 keeps it once in two."""
    appraisal = {"zh": "考核", "en": "Appraisal", "levels": ["operator"], "tie_breaker": "dispatch_due_count"}
    own = profile(
        composites={"staff": appraisal | {"parts": [PART | {"indicator": "dispatch_on_time_rate"}]}},
        desk_limits={"dispatch": {"amount": 15, "unit": "minute"}},
    )
    told = [
        step
        for case, operator, minute in (("C1", "D1", "05"), ("C2", "D2", "05"), ("C3", "D2", "45"))
        for step in (
            event(case, "filed", "2026-05-04T09:00:00", "Asia/Shanghai"),
            event(
                case,
                "dispatched",
                f"2026-05-04T09:{minute}:00",
                "Asia/Shanghai",
                unit_code="U1",
                operator_id=operator,
            ),
        )
    ]
    found = rows(derive(told, own), "FROM out_ranking WHERE period_type = 'month' ORDER BY rank_no")
    ranked = [(row["code"], row["score"], row["rank_no"]) for row in found]
    assert ranked == [("D1", 100.0, 1), ("D2", 50.0, 2)]
