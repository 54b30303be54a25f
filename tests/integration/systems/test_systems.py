"""Every system of docs/systems.md: what was sent, what comes out of the published file, and that it is equal.

The expected figures are those the streets published, the quotas of the scenarios, or counts made here from
the events themselves; none is taken from the pipeline.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from functools import cache
from statistics import mean
from typing import Any

import pytest

from expectations.suites import load_catalogue
from gridrates.profile import SHIPPED, load_profile
from tests.integration.systems.page import Section, sections
from tests.integration.systems.streets import Row, Street, events
from transforms.models import ROOM

pytestmark = pytest.mark.full

SECTIONS = sections()
GetStreet = Callable[[str], Street]


def marked(name: str) -> pytest.MarkDecorator:
    """Large streets take longer than other tests may."""
    return pytest.mark.timeout(1800 if name == "baiyang" else 900)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.parent.name, marks=marked(path.parent.name))
        for path in SHIPPED.glob("*/scenario.yaml")
    ],
)
def test_all_that_was_sent_is_landed_doubled_or_refused(street: GetStreet, name: str) -> None:
    got = street(name)
    landing = got.passed.landing
    assert landing is not None
    assert (landing.read, landing.landed) == (got.sent.records, got.sent.events)
    assert (landing.duplicates, landing.rejected) == (got.sent.duplicates, sum(got.sent.malformed.values()))
    assert not got.passed.held_back
    conflicts = got.ask("SELECT count(*) FROM rejected_events WHERE reason_code = 'id_conflict'")
    assert conflicts == [(got.sent.malformed.get("id_conflict", 0),)]
    cases = got.ask("SELECT count(*) FROM cases")
    assert cases == [(got.sent.by_type["gridrates.case.reported.v1"],)]


# What is expected of each section's query --------------------------------------------------------------


@cache
def reports(name: str) -> list[dict[str, Any]]:
    return list(events(name, "case.reported"))


@cache
def communities(name: str) -> dict[str, str]:
    """The community of each node; codes begin with their community's."""
    return {g.grid_code: g.grid_code[:12] for g in load_profile(name).grids if g.tree == "grid"}


def reported_on_the_last_day(name: str) -> dict[str, int]:
    """Cases reported on the last day with reports, by community and in all."""
    by_day = defaultdict(list)
    for event in reports(name):
        if event["data"]["work_type"] != "enforcement":
            by_day[event["time"][:10]].append(communities(name)[event["data"]["grid_code"]])
    last = by_day[max(event["time"][:10] for event in reports(name))]
    return dict(Counter(last)) | {"total": len(last)}


def still_open(name: str) -> int:
    """Cases that have come to no end: one that a visit re-opened ends when it is closed once more."""
    ends = [f"case.{verb}" for verb in ("declined", "self_disposed", "voided", "closed")]
    endings = Counter(event["subject"] for event in events(name, *ends))
    reopened = Counter(e["subject"] for e in events(name, "case.visited") if e["data"].get("is_reopened"))
    return sum(
        endings[event["subject"]] <= reopened[event["subject"]]
        for event in reports(name)
        if event["data"]["work_type"] != "enforcement"
    )


def settled_in_the_grid(name: str) -> dict[str, tuple[int, int]]:
    """By community: cases settled in the grid, cases reported."""
    settled = {event["subject"] for event in events(name, "case.self_disposed")}
    found: dict[str, Counter[bool]] = defaultdict(Counter)
    for event in reports(name):
        if event["data"]["work_type"] != "enforcement" and event["data"]["grid_code"][9:12] != "000":
            found[communities(name)[event["data"]["grid_code"]]][event["subject"] in settled] += 1
    return {code: (counts[True], counts.total()) for code, counts in found.items()}


def dispatches(name: str) -> dict[str, int]:
    return dict(Counter(event["data"]["operator_id"] for event in events(name, "case.dispatched")))


def waste_list(name: str) -> dict[str, int]:
    """Building groups by list, from the scores sent."""
    scores = defaultdict(list)
    for event in events(name, "activity.recorded"):
        if event["data"]["activity_kind"] == "waste_inspection":
            scores[event["data"]["grid_code"]].append(event["data"]["score"])
    return dict(
        Counter(
            "red" if mean(own) >= 85 else "yellow" if mean(own) >= 75 else "black" for own in scores.values()
        )
    )


def by_river(name: str) -> list[Row]:
    """River, problems, those routed: dispatched and not void."""
    routed = {event["subject"] for event in events(name, "case.filed")}
    found: dict[str, Counter[bool]] = defaultdict(Counter)
    for event in reports(name):
        if event["data"]["work_type"] == "river":
            found[event["data"]["asset_id"]][event["subject"] in routed] += 1
    return [(river, counts.total(), counts[True]) for river, counts in sorted(found.items())]


def areas_of_halves(name: str) -> dict[tuple[str, date], int]:
    """Reports by enforcement area and half year; the area is the one drawn when the case was filed."""
    filed = {event["subject"]: event["time"][:10] for event in events(name, "case.filed")}
    rows = [g for g in load_profile(name).grids if g.tree == "enforcement" and g.level == "community"]
    found: Counter[tuple[str, date]] = Counter()
    for event in reports(name):
        drawn_on = filed.get(event["subject"], event["time"][:10])
        code = communities(name)[event["data"]["grid_code"]]
        (area,) = {
            str(g.parent_code)
            for g in rows
            if g.grid_code == code and str(g.valid_from or "0001") <= drawn_on < str(g.valid_to or "9999")
        }
        day = date.fromisoformat(event["time"][:10])
        found[area, date(day.year, 1 if day.month < 7 else 7, 1)] += 1
    return dict(found)


def of_work_type(name: str, work_type: str, step: str) -> dict[str, dict[str, Any]]:
    """The last event of a step of each case of a work type."""
    wanted = {event["subject"] for event in reports(name) if event["data"]["work_type"] == work_type}
    steps = sorted(events(name, step), key=lambda event: str(event["time"]))
    return {event["subject"]: event for event in steps if event["subject"] in wanted}


def check_1(rows: list[Row], name: str) -> None:
    assert {code: reported for _, code, reported, *_ in rows if reported} == reported_on_the_last_day(name)
    assert rows[-1][5] == sum(row[5] for row in rows[:-1]) == still_open(name)


def check_2(rows: list[Row], name: str) -> None:
    assert rows == {"baiguan": [(38, 40, 460, 150, 141, 44)], "demo-street": [(24, 24, 156, 61, 58, 0)]}[name]


def check_3(rows: list[Row], name: str) -> None:
    expected = settled_in_the_grid(name)
    assert {code: (settled, reported) for code, settled, reported, *_ in rows if code in expected} == expected
    assert all(share == settled / reported for _, settled, reported, share, _ in rows)


def check_4(rows: list[Row], name: str) -> None:
    received = sum(event["data"]["channel"] == "community_app" for event in reports(name))
    merged = sum("merged_into" in event["data"] for event in events(name, "case.declined"))
    assert rows == [(received, merged, received - merged, 0)]
    assert (received, merged) == (375, 75) or name != "baiguan"


def check_5(rows: list[Row], name: str) -> None:
    ((items, forces, filed, filed_in_total, filed_beside),) = rows
    assert (items, forces, filed) == {"baiguan": (96, 8, 240), "demo-street": (17, 4, 44)}[name]
    assert filed_in_total == filed_beside > 0


def check_6(rows: list[Row], name: str) -> None:
    tags = Counter(
        (tag, event["type"].split(".")[1])
        for event in events(name, "case.reported", "activity.recorded")
        for tag in event["data"].get("tags", ())
    )
    assert rows == [(tag, tags[tag, "case"], tags[tag, "activity"]) for tag in sorted({t for t, _ in tags})]
    if name == "baiyang":
        assert tags["整治行动", "activity"] == 612


def check_7(rows: list[Row], name: str) -> None:
    stages = {"dapuqiao": (5, 11, 49), "demo-street": (2, 4, 9)}[name]
    names = ("signed", "under_construction", "finished")
    assert rows == [(stage, count, sum(stages)) for stage, count in zip(names, stages, strict=True)]


def check_8(rows: list[Row], name: str) -> None:
    assert rows == [
        ("street", 1, 1),
        ("grid", 4, 4),
        ("community", 18, 18),
        ("micro_grid", 86, 85),
        ("building_group", 440, 440),
    ]


def check_9(rows: list[Row], name: str) -> None:
    assert {channel: count for channel, count, _ in rows} == Counter(
        e["data"]["channel"] for e in reports(name)
    )
    assert any(e["data"].get("household_hash") for e in reports(name))
    assert {hashes for *_, hashes in rows} == {0}


def check_10(rows: list[Row], name: str) -> None:
    ((start, reported, routed, self_disposed, due, closure_rate),) = rows
    if name == "wenyan":
        assert (start, reported, routed, self_disposed) == (date(2022, 1, 1), 4234, 1059, 3175)
        assert (due, closure_rate) == (1059, 1.0)
        assert f"{routed / reported:.2%}" == "25.01%"
    else:
        assert 0.9 <= closure_rate <= 0.99


def check_11(rows: list[Row], name: str) -> None:
    *found, filed, closed, is_share = rows[-1]
    assert tuple(found) == {"wenyan": (134, 197, 197, 3), "demo-street": (67, 98, 95, 2)}[name]
    assert is_share
    assert closed > filed
    if name == "wenyan":
        assert (filed, closed) == (21, 50)


def check_12(rows: list[Row], name: str) -> None:
    assert {operator: count for operator, count, _ in rows} == dispatches(name)
    assert all(0.9 < share <= 1 for *_, share in rows)


def check_13(rows: list[Row], name: str) -> None:
    assert dict(rows) == waste_list(name)
    assert [colour for colour, _ in rows] == ["red", "yellow", "black"]


def check_14(rows: list[Row], name: str) -> None:
    ((requests, solved, closure_rate, satisfaction, visits),) = rows
    assert (requests, visits) == {"baiyang": (224, 206), "demo-street": (45, 60)}[name]
    assert solved == len(of_work_type(name, "enterprise_request", "case.closed"))
    assert solved == requests or name != "baiyang"
    assert closure_rate == 1
    assert 0.5 < satisfaction < 1


def check_15(rows: list[Row], name: str) -> None:
    for _, signed, dispatched, closed, satisfied, _, minute, eight, hour, day in rows:
        assert min(signed, dispatched, closed, satisfied) > 0.85
        assert 0.9 < minute <= 1
        assert 0.9 < eight <= 1
        assert 0.3 < hour < day < 1
    assert len(rows) == (2 if name == "baiyang" else 1)


def check_16(rows: list[Row], name: str) -> None:
    if name == "baiyang":
        before, now = rows
        assert (before[0], before[2], now[0], now[2]) == (date(2022, 1, 1), 26_316, date(2023, 1, 1), 25_000)
        assert now[3] == -5.0
    else:
        assert rows == [(date(2026, 1, 1), 135, 121, None)]


def check_17(rows: list[Row], name: str) -> None:
    if name == "baiyang":
        assert {(code, start): reported for code, start, reported, _ in rows} == areas_of_halves(name)
    assert {len({code for code, begin, *_ in rows if begin == start}) for _, start, *_ in rows} == {3}
    assert all(reported < total for *_, reported, total in rows)


def check_18(rows: list[Row], name: str) -> None:
    assert rows == {"baiyang": [(269, 25, 351, 328, 0)], "demo-street": [(48, 6, 66, 58, 30)]}[name]


def check_19(rows: list[Row], name: str) -> None:
    assert [row[:3] for row in rows] == by_river(name)
    if name == "baiyang":
        assert len(rows) == 8
        assert sum(problems for _, problems, *_ in rows) == 612
        assert all(routed == closed for *_, routed, closed in rows)


def check_20(rows: list[Row], name: str) -> None:
    ((mediated, success, answered, satisfied, coverage),) = rows
    handled = of_work_type(name, "dispute", "case.handled")
    results = Counter(event["data"]["mediation"] for event in handled.values())
    assert mediated == (89 if name == "baiyang" else results.total())
    assert success == pytest.approx(results["succeeded"] / results.total())
    assert 0 < answered < mediated
    assert 0.7 < satisfied <= 1
    assert 0.5 < coverage < 0.9


def check_21(rows: list[Row], name: str) -> None:
    expected = {
        "baiyang": [("patrol", 8600, 25_802, None, None), ("visit", 5200, None, 22_656, 9144)],
        "demo-street": [("patrol", 1440, 4300, None, None), ("visit", 900, None, 3780, 1520)],
    }
    assert rows == expected[name]


def check_22(rows: list[Row], name: str) -> None:
    ((reported, self_disposed, due, closure_rate, satisfied, coverage),) = rows
    assert (reported, self_disposed) == {"wanli": (1826, 640), "demo-street": (100, 40)}[name]
    assert closure_rate * due == pytest.approx(len(of_work_type(name, "small_repair", "case.closed")))
    assert 0.8 < satisfied < 1
    assert 0.5 < coverage < 0.75


CHECKS: dict[int, Callable[[list[Row], str], None]] = {
    int(name.removeprefix("check_")): check
    for name, check in globals().items()
    if name.startswith("check_") and callable(check)
}


@pytest.mark.parametrize(
    ("section", "name"),
    [
        pytest.param(section, name, marks=marked(name), id=f"{section.number}-{name}")
        for section in SECTIONS.values()
        for name in dict.fromkeys(("demo-street", section.street))
    ],
)
def test_what_comes_out_is_what_was_sent(
    street: GetStreet, section: Section, name: str, record_property: Callable[[str, object], None]
) -> None:
    got = street(name)
    figures = got.ask(section.query)
    told = [["—" if value is None else str(value) for value in row] for row in figures]
    record_property("system", (section.number, section.title, name, got.sent.events, told))
    CHECKS[section.number](figures, name)


# The page itself -----------------------------------------------------------------------------------------


def test_every_system_has_a_section_and_a_check() -> None:
    assert list(SECTIONS) == sorted(CHECKS) == list(range(1, 23))


def test_every_street_is_the_place_of_some_system() -> None:
    shipped = {path.parent.name for path in SHIPPED.glob("*/scenario.yaml")}
    assert {section.street for section in SECTIONS.values()} == shipped - {"demo-street"}


@pytest.mark.parametrize("section", SECTIONS.values(), ids=lambda section: section.number)
def test_the_gate_has_the_rules_a_section_names(section: Section) -> None:
    catalogue = load_catalogue(declarations=ROOM)
    rules = {f"{table}.{rule.name}" for table, suite in catalogue.tables.items() for rule, _ in suite.rules}
    assert section.rules
    assert set(section.rules) <= rules


@pytest.mark.timeout(600)
@pytest.mark.parametrize("section", SECTIONS.values(), ids=lambda section: section.number)
def test_the_tables_and_columns_a_section_names_are_published(street: GetStreet, section: Section) -> None:
    got = street("demo-street")
    known = {
        word for row in got.ask("SELECT table_name, column_name FROM data_dictionary") for word in row
    } | {level for (level,) in got.ask("SELECT DISTINCT level FROM grids")}
    assert section.shown_by
    assert set(section.shown_by) <= known
