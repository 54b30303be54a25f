"""Local time by plain arithmetic is what the zone's history says, at any instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.derived import AS_OF, live, profile, rows
from tests.events import event, insert_events
from transforms.calendar import steady_offset
from transforms.models import load_models
from transforms.runner import Runner

# Steady since 1991, since 2016, all the time; never; and three quarters of an hour off.
ZONES = ["Asia/Shanghai", "Europe/Istanbul", "Asia/Tokyo", "America/New_York", "Asia/Kathmandu"]
# Summers and winters, the hours around midnight, as far as the contract lets times go.
MOMENTS = [
    datetime(year, month, 15, hour, 59, 59, tzinfo=UTC)
    for year in (1970, 1975, 1987, 1991, 2011, 2016, 2026, 2099, 2198)
    for month in (1, 7, 9)
    for hour in (3, 14, 15, 16, 20, 22)
]


@pytest.mark.parametrize("zone", ZONES)
def test_a_business_date_is_that_of_the_zone(zone: str) -> None:
    made = [
        event(f"c{number}", "reported", moment.replace(tzinfo=None).isoformat(" "), "UTC")
        for number, moment in enumerate(MOMENTS)
    ]
    connection = live()
    insert_events(connection, made)
    Runner(connection, profile(time_zone=zone), AS_OF).fold()
    found = rows(connection, "SELECT case_id, reported_on FROM core_case")
    expected = {f"c{n}": moment.astimezone(ZoneInfo(zone)).date() for n, moment in enumerate(MOMENTS)}
    assert {row["case_id"]: row["reported_on"] for row in found} == expected


def test_a_zone_is_steady_from_the_last_change_on() -> None:
    shanghai = steady_offset("Asia/Shanghai")
    assert shanghai is not None
    assert shanghai.micros == timedelta(hours=8) // timedelta(microseconds=1)
    # Summer time was given up in 1991, on the fifteenth of September.
    assert date(1991, 9, 15) <= shanghai.since.date() <= date(1991, 9, 22)
    assert steady_offset("America/New_York") is None
    assert steady_offset("Africa/Casablanca") is None, "changes are planned for decades"


def test_a_zone_whose_clocks_change_is_looked_up() -> None:
    def fold(zone: str) -> str:
        models = load_models(profile(time_zone=zone), as_of=MOMENTS[0], as_of_date=date(2026, 1, 1))
        return next(model.sql for model in models if model.name == "core_case")

    assert "make_timestamp(" in fold("Asia/Shanghai")
    assert "make_timestamp(" not in fold("America/New_York")
