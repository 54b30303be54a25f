"""A profile's composites are taken from the library or declared, and refused when they do not add up."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gridrates.errors import InputError
from tests.derived import profile
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
