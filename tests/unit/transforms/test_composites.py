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


def test_names_of_a_profile_may_hold_a_quote_wherever_they_stand() -> None:
    chosen = profile(
        default_work_type="l'aide",
        categories=[{"category_system": "o's", "category_code": "1"}],
        satisfaction_points={"c'est bon": 1.0},
        satisfaction_strict=["c'est bon"],
        composites={"Mayor's": OWN | {"work_type": "l'aide", "grades": {"it's good": 0}, "parts": [PART]}},
        score_lists={"waste": {"zh": "榜", "en": "Mayor's list", "levels": ["ward"]}},
    )
    made = [
        event("A", "filed", "2026-05-01 09:00"),
        event("A", "dispatched", "2026-05-01 10:00", unit_code="U'1"),
        event("A", "closed", "2026-05-01 11:00"),
    ]
    (rank,) = rows(derive(made, chosen), "FROM out_ranking WHERE period_type = 'month'")
    assert (rank["composite"], rank["work_type"], rank["grade"]) == ("Mayor's", "l'aide", "it's good")


def test_without_words_for_satisfaction_only_scores_give_points() -> None:
    made = [event("A", "visited", "2026-05-01 09:00", satisfaction_score=80)]
    (visit,) = rows(derive(made, profile(satisfaction_points={}, satisfaction_strict=[])), "FROM core_visit")
    assert (visit["satisfaction_points"], visit["is_satisfied"]) == (0.8, True)


def test_a_composite_of_nobody_is_refused() -> None:
    with pytest.raises(ValidationError, match="levels"):
        profile(composites={"own": OWN | {"levels": [], "parts": [PART]}})
