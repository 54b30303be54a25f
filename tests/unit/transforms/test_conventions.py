"""What a city decided is told in full: every switch, every choice, both languages."""

from __future__ import annotations

from datetime import time
from typing import Literal, get_args, get_origin

import pytest

from gridrates.profile import SHIPPED, BusinessDay, Profile, load_profile
from tests.derived import profile
from transforms.conventions import conventions, declared

SWITCHES = {
    name: get_args(field.annotation)
    for name, field in Profile.model_fields.items()
    if get_origin(field.annotation) is Literal
}


def test_every_switch_of_a_profile_and_each_of_its_choices_is_declared() -> None:
    assert {name: tuple(choices) for name, choices in declared().items()} == SWITCHES
    assert all(text["zh"] and text["en"] for choices in declared().values() for text in choices.values())


def test_a_silent_profile_is_all_defaults() -> None:
    assert [each.switch for each in conventions(profile()) if not each.is_default] == []


@pytest.mark.parametrize(("switch", "choice"), [(s, c[1]) for s, c in SWITCHES.items()])
def test_what_is_chosen_is_told(switch: str, choice: str) -> None:
    (told,) = [each for each in conventions(profile(**{switch: choice})) if not each.is_default]
    assert (told.switch, told.choice) == (switch, choice)
    assert told.zh == declared()[switch][choice]["zh"]


def test_days_that_begin_at_noon_and_months_that_begin_on_the_nineteenth_are_told() -> None:
    chosen = profile(
        business_day=BusinessDay(starts_at=time(12), named_after="end"), assessment_month_starts_on=19
    )
    told = {each.switch: each.en for each in conventions(chosen) if not each.is_default}
    assert told == {
        "business_day": "a business day starts at 12:00 and is named after the day it ends on",
        "assessment_month_starts_on": "an assessment month starts on day 19",
    }


@pytest.mark.parametrize("name", [path.parent.name for path in SHIPPED.glob("*/profile.yaml")])
def test_positions_are_an_order(name: str) -> None:
    positions = [each.position for each in conventions(load_profile(name))]
    assert positions == list(range(1, len(positions) + 1))
