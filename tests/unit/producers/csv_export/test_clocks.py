"""Wall clocks become instants by the documented rule, whatever the format and the zone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from producers.csv_export.mapper import Mapper
from producers.csv_export.plan import Check, make_plan
from tests.exporting import map_rows, mapping_of

ZONES = (
    "Asia/Shanghai",  # summer time from 1986 to 1991
    "America/New_York",
    "Europe/London",  # on British Standard Time until 1971
    "Australia/Lord_Howe",  # half an hour
    "Africa/Casablanca",  # clocks forward in Ramadan
    "Pacific/Apia",  # a day left out in 2011
    "America/St_Johns",  # changes one minute after midnight
    "Asia/Kathmandu",
    "UTC",
)
# Both sides know the rules up to here; beyond, their tables may be of different years.
FIRST, LAST = datetime(1971, 1, 2), datetime(2025, 12, 31)


@cache
def mapper_of(text: str) -> Mapper:
    return Mapper(make_plan(mapping_of(text)))


def instants(zone: str, *steps: str | None, formats: Sequence[str] = ()) -> list[str]:
    """The times of the events of one row; each step is a cell, None leaves its event out."""
    verbs = ("reported", "filed", "dispatched", "signed", "handled", "closed")[: len(steps)]
    events: dict[str, Any] = {
        verb: {"at": f"t{place}", "when": {f"t{place}": "present"}} for place, verb in enumerate(verbs)
    }
    if "dispatched" in events:
        events["dispatched"]["unit_code"] = {"constant": "u"}
    content = {"source": "s", "id": "id", "time_zone": zone, "events": events}
    if formats:
        content["time_formats"] = list(formats)
    mapper = mapper_of(json.dumps(content))
    row = ["1", *(step or "" for step in steps)]
    # The columns in the order the mapping names them: a dispatch names no column but its time.
    (outcome,) = map_rows(mapper, [row])
    assert not isinstance(outcome, Check), outcome
    return [json.loads(event)["time"] for event in outcome[1] if event is not None]


def instant(zone: str, cell: str, *formats: str) -> str:
    return instants(zone, cell, formats=formats)[0]


def unreadable(cell: str, *formats: str) -> str:
    with pytest.raises(AssertionError) as error:
        instant("UTC", cell, *formats)
    return str(error.value)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(ZONES), st.datetimes(FIRST, LAST))
@example("America/New_York", datetime(2011, 11, 6, 1, 30))
@example("America/New_York", datetime(2012, 3, 11, 2, 30))
@example("Asia/Shanghai", datetime(1989, 9, 17, 1, 30))
@example("Asia/Shanghai", datetime(1986, 5, 4, 2, 30))
@example("Australia/Lord_Howe", datetime(2024, 4, 7, 1, 45))
@example("Pacific/Apia", datetime(2011, 12, 30, 12, 0))
@example("America/St_Johns", datetime(2006, 10, 28, 23, 30))
def test_one_clock_is_read_as_python_reads_it(zone: str, wall: datetime) -> None:
    # fold=0: of a repeated time the first pass; in a gap the offset before it, which moves forward.
    expected = wall.replace(tzinfo=ZoneInfo(zone), fold=0)
    assert utc(instant(zone, wall.isoformat(" "))) == expected.astimezone(UTC)


@pytest.mark.parametrize("zone", ZONES)
def test_every_minute_around_every_change_of_a_clock(zone: str) -> None:
    info = ZoneInfo(zone)
    hours = (datetime(y, 1, 1) + timedelta(hours=h) for y in (1989, 2011, 2024) for h in range(366 * 24))
    changes = [
        at
        for at in hours
        if info.utcoffset(at) != info.utcoffset(at + timedelta(hours=1))
        or info.utcoffset(at) != info.utcoffset(at.replace(fold=1))
    ]
    walls = [at + timedelta(minutes=m) for at in changes for m in range(-200, 200, 10)]
    if not walls:
        assert zone in ("UTC", "Asia/Kathmandu")
        return
    mapper = mapper_of(json.dumps({"source": "s", "id": "i", "time_zone": zone, "events": {"filed": "t"}}))
    got = map_rows(mapper, [["1", wall.isoformat(" ")] for wall in walls])
    for wall, outcome in zip(walls, got, strict=True):
        assert not isinstance(outcome, Check)
        expected = wall.replace(tzinfo=info).astimezone(UTC)
        assert utc(json.loads(outcome[1][0] or b"")["time"]) == expected, wall


class TestStepsInTheRepeatedHour:
    """Clocks in New York went back from 02:00 to 01:00 on 6 November 2011."""

    ZONE = "America/New_York"

    def steps(self, *clocks: str | None) -> list[str]:
        cells = [None if clock is None else f"2011-11-06 {clock}:00" for clock in clocks]
        return [time[11:16] for time in instants(self.ZONE, *cells)]

    def test_the_first_pass_where_nothing_speaks_against_it(self) -> None:
        assert self.steps("01:30") == ["05:30"]
        assert self.steps("00:50", "01:30", "01:40") == ["04:50", "05:30", "05:40"]
        assert self.steps("01:30", "02:10") == ["05:30", "07:10"]

    def test_the_second_pass_where_only_it_keeps_the_order_of_the_steps(self) -> None:
        assert self.steps("01:40", "01:20") == ["05:40", "06:20"]
        assert self.steps("01:40", "01:20", "01:10") == ["05:40", "06:20", "05:10"]
        assert self.steps("01:40", None, "01:20") == ["05:40", "06:20"]

    def test_once_in_the_second_pass_later_steps_stay_there(self) -> None:
        assert self.steps("01:40", "01:20", "01:30") == ["05:40", "06:20", "06:30"]
        assert self.steps("01:40", "01:20", "01:20") == ["05:40", "06:20", "06:20"]

    def test_a_step_before_the_hour_is_wrong_in_either_pass_and_stays_in_the_first(self) -> None:
        assert self.steps("02:30", "01:20") == ["07:30", "05:20"]

    def test_equal_clocks_are_equal_instants(self) -> None:
        assert self.steps("01:30", "01:30") == ["05:30", "05:30"]

    def test_an_offset_leaves_nothing_to_choose(self) -> None:
        cells = "2011-11-06T01:40:00-04:00", "2011-11-06T01:20:00-04:00"
        assert [time[11:16] for time in instants(self.ZONE, *cells)] == ["05:40", "05:20"]

    def test_a_deadline_is_no_step(self) -> None:
        content = {
            "source": "s",
            "id": "id",
            "time_zone": self.ZONE,
            "events": {"filed": {"at": "t", "deadline_at": "d"}},
        }
        mapper = mapper_of(json.dumps(content))
        (outcome,) = map_rows(mapper, [["1", "2011-11-06 01:40:00", "2011-11-06 01:20:00"]])
        assert not isinstance(outcome, Check)
        event = json.loads(outcome[1][0] or b"")
        assert event["time"] == "2011-11-06T05:40:00Z"
        assert event["data"]["deadline_at"] == "2011-11-06T05:20:00Z"


@settings(deadline=None)
@given(st.lists(st.integers(0, 4 * 3600), min_size=2, max_size=6))
def test_the_order_of_steps_survives_wherever_their_clocks_allow_it(elapsed: list[int]) -> None:
    """True times in order, written down without their offset, come back in order."""
    zone = ZoneInfo("America/New_York")
    start = datetime(2011, 11, 6, 4, 0, tzinfo=UTC)
    true = [start + timedelta(seconds=seconds) for seconds in sorted(elapsed)]
    walls = [moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") for moment in true]
    read = [utc(text) for text in instants("America/New_York", *walls)]
    assert read == sorted(read)
    again = [moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") for moment in read]
    assert again == walls


class TestFormats:
    @pytest.mark.parametrize(
        "cell",
        [
            "2024-05-01 08:05:00",
            "2024-05-01T08:05:00",
            "2024-05-01 08:05:00.000",
            "2024-5-1 8:05:00",
            "2024-05-01 08:05",
            "2024/05/01 08:05:00",
            "2024/5/1 8:05",
            "2024年5月1日 8:05",
            "2024年05月01日 08:05:00",
            "2024年5月1日 8时5分",
            "2024年5月1日 8时5分0秒",
            "2024年5月1日8:05",
            "2024年05月01日08:05:00",
            "2024年5月1日8时5分",
            "2024年5月1日8时5分0秒",
            "2024-05-01T08:05",
            "2024-05-01 08:05:00.0000000",
            "2024-05-01T00:05Z",
            "2024-05-01T08:05+08:00",
            "2024-05-01 00:05:00+00",
            "2024-05-01 08:05+08",
            "2024-05-01 00:05:00 UTC",
            "2024-05-01 00:05 GMT",
            "2024-05-01T00:05:00Z",
            "2024-05-01t00:05:00z",
            "2024-05-01T08:05:00+08:00",
            "2024-05-01 08:05:00 +0800",
            "2024-04-30 20:05:00-04:00",
            " 2024-05-01 08:05:00\u3000",
        ],
    )
    def test_the_usual_ones_need_no_mention(self, cell: str) -> None:
        assert instant("Asia/Shanghai", cell) == "2024-05-01T00:05:00Z"

    def test_a_date_is_its_midnight(self) -> None:
        for cell in ("2024-05-01", "2024/5/1", "2024年5月1日"):
            assert instant("Asia/Shanghai", cell) == "2024-04-30T16:00:00Z"

    def test_day_and_month_in_either_order_only_when_told(self) -> None:
        assert "fits none of its formats" in unreadable("03/04/2024")
        assert instant("UTC", "03/04/2024", "%d/%m/%Y") == "2024-04-03T00:00:00Z"
        assert instant("UTC", "03/04/2024", "%m/%d/%Y") == "2024-03-04T00:00:00Z"
        assert instant("UTC", "13/04/2024", "%m/%d/%Y", "%d/%m/%Y") == "2024-04-13T00:00:00Z"

    def test_formats_of_a_column_win_over_those_of_the_mapping(self) -> None:
        content = {
            "source": "s",
            "id": "i",
            "time_formats": ["%Y"],
            "events": {
                "filed": {"at": {"column": "t", "formats": ["%d.%m.%Y"], "time_zone": "Asia/Shanghai"}}
            },
        }
        (outcome,) = map_rows(mapper_of(json.dumps(content)), [["1", "02.05.2024"]])
        assert not isinstance(outcome, Check)
        assert json.loads(outcome[1][0] or b"")["time"] == "2024-05-01T16:00:00Z"

    def test_american_clocks(self) -> None:
        assert instant("UTC", "05/01/2024 12:05:00 AM", "%m/%d/%Y %I:%M:%S %p") == "2024-05-01T00:05:00Z"
        assert instant("UTC", "05/01/2024 12:05:00 PM", "%m/%d/%Y %I:%M:%S %p") == "2024-05-01T12:05:00Z"

    def test_halves_of_the_day_in_chinese(self) -> None:
        for cell in ("2024/5/1 下午 12:05:00", "2024/5/1 PM 12:05:00"):
            assert instant("UTC", cell, "%Y/%m/%d %p %I:%M:%S") == "2024-05-01T12:05:00Z"
        assert instant("UTC", "2024-05-01 上午12:05", "%Y-%m-%d %p%I:%M") == "2024-05-01T00:05:00Z"

    def test_decimals_of_a_second_beyond_the_sixth_are_dropped(self) -> None:
        assert instant("UTC", "2024-05-01 08:05:00.1234567") == "2024-05-01T08:05:00.123456Z"

    @pytest.mark.parametrize(
        ("cell", "name", "time"),
        [
            ("1714550700", "epoch", "2024-05-01T08:05:00Z"),
            ("1714550700.25", "epoch", "2024-05-01T08:05:00.25Z"),
            ("1714550700250", "epoch_ms", "2024-05-01T08:05:00.25Z"),
        ],
    )
    def test_seconds_since_1970_are_instants_whatever_the_zone(self, cell: str, name: str, time: str) -> None:
        assert instant("America/New_York", cell, name) == time
        assert instant("America/New_York", cell, "%Y-%m-%d", name) == time
        assert "fits none of its formats" in unreadable("soon", name)
        assert "fits none of its formats" in unreadable("-1", name)

    def test_an_offset_can_be_the_only_way_that_times_are_written(self) -> None:
        assert instant("Asia/Shanghai", "2024-05-01T00:05:00Z", "iso8601") == "2024-05-01T00:05:00Z"
        assert "fits none of its formats" in unreadable("2024-05-01 00:05:00", "iso8601")

    def test_the_name_of_a_zone_stands_in_the_format_as_it_is_written(self) -> None:
        cell, name = "2024-01-05 08:05:00 EST", "%Y-%m-%d %H:%M:%S EST"
        assert instant("America/New_York", cell, name) == "2024-01-05T13:05:00Z"

    @pytest.mark.parametrize(
        ("cell", "time"),
        [
            ("45413", "2024-05-01T00:00:00Z"),
            ("45413.5", "2024-05-01T12:00:00Z"),
            ("45413.336805555555", "2024-05-01T08:05:00Z"),
            ("25569", "1970-01-01T00:00:00Z"),
            ("45413.99999999", "2024-05-02T00:00:00Z"),
        ],
    )
    def test_day_numbers_of_a_spreadsheet(self, cell: str, time: str) -> None:
        assert instant("UTC", cell, "excel") == time

    @pytest.mark.parametrize(
        "cell",
        [
            "2024-02-30",
            "2023-02-29 08:00:00",
            "2024-05-01 24:00:00",
            "2024-05-01 08:60:00",
            "2024-13-01",
            "0000-00-00",
            "昨天",
            "45413",
            "2024-05-01 08:05:00 x",
            "2024-05-01T08:05:00+25:00",
            "infinity",
            "epoch",
            "now",
            "today",
        ],
    )
    def test_what_is_no_time_is_no_guess(self, cell: str) -> None:
        assert "fits none of its formats" in unreadable(cell)

    @pytest.mark.parametrize(
        "cell", ["0001-01-01", "1969-12-31 23:59:59", "2200-01-01", "9999-12-31 23:59:59"]
    )
    def test_a_time_that_no_case_can_have_is_refused(self, cell: str) -> None:
        assert "does not lie between 1970 and 2199" in unreadable(cell)

    def test_the_bounds_hold_after_the_zone(self) -> None:
        assert instant("Asia/Shanghai", "1970-01-01 08:00:00") == "1970-01-01T00:00:00Z"
        assert instant("Asia/Shanghai", "2200-01-01 07:59:59.999999") == "2199-12-31T23:59:59.999999Z"
        with pytest.raises(AssertionError, match="does not lie between"):
            instant("Asia/Shanghai", "1970-01-01 07:59:59")
