"""What a city decided where cities differ, in words that stand beside the figures.

Reads `conventions.yaml`. Guarantees that every switch a profile has there is told, in both languages.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from gridrates.profile import Profile
from gridrates.yaml_files import read_yaml

FILE = Path(__file__).with_name("conventions.yaml")


class Convention(NamedTuple):
    """A switch of the profile, how it is set, and what that means."""

    position: int
    switch: str
    choice: str
    is_default: bool
    zh: str
    en: str


def conventions(profile: Profile) -> list[Convention]:
    """Everything the profile decided, in the order of the file; when a business day begins comes last."""
    told = [
        Convention(
            position,
            switch,
            choice,
            choice == next(iter(choices)),
            choices[choice]["zh"],
            choices[choice]["en"],
        )
        for position, (switch, choices) in enumerate(declared().items(), start=1)
        for choice in [str(getattr(profile, switch))]
    ]
    return [*told, *_of_days(profile, len(told))]


@cache
def declared() -> dict[str, dict[str, dict[str, Any]]]:
    """The texts of every choice of every switch."""
    return dict(read_yaml(FILE))


def _of_days(profile: Profile, before: int) -> list[Convention]:
    day, first = profile.business_day, profile.assessment_month_starts_on
    named = {"start": ("开始", "begins"), "end": ("结束", "ends")}[day.named_after]
    return [
        Convention(
            before + 1,
            "business_day",
            f"{day.starts_at:%H:%M} {day.named_after}",
            day.shift_minutes == 0,
            f"业务日自{day.starts_at:%H:%M}起，以其{named[0]}之日为名",
            f"a business day starts at {day.starts_at:%H:%M} and is named after the day it {named[1]} on",
        ),
        Convention(
            before + 2,
            "assessment_month_starts_on",
            str(first),
            first == 1,
            f"考核月自{first}日起",
            f"an assessment month starts on day {first}",
        ),
    ]
