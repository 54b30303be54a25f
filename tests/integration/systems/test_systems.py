"""Every system of docs/systems.md: what was sent, what comes out of the published file, and that it is equal.

The expected figures are those the streets published, the quotas of the scenarios, or counts made here from
the events themselves; none is taken from the pipeline. The table of the page is what a run told; with
`WRITE_SYSTEMS=1` a run writes its rows there anew.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import cache
from statistics import mean
from typing import Any

import pytest

from gridrates.profile import SHIPPED, load_profile
from tests.integration.systems.page import Figure, Outcome, Section, rows_of_page, sections, write_rows
from tests.integration.systems.streets import Carrier, Row, Street, carriers, events

pytestmark = pytest.mark.full

SECTIONS = sections()
GetStreet = Callable[[str], Street]
BAND_VERBS = ("reported", "accepted", "filed", "dispatched", "signed", "handled", "closed")
INDEXED = ["self_disposed_share", "closure_rate", "satisfaction_rate"]
OUTCOMES: dict[int, Outcome] = {}


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


def steps_of(name: str, work_type: str, step: str) -> int:
    """How many cases of a work type took a step, as often as each did."""
    return sum(n for c, n in carriers(name).items() if (c.type, c.kind) == (f"case.{step}", work_type))


def by_operator(name: str) -> dict[str, int]:
    """Dispatches by who did them, of work that counts in the total."""
    return dict(
        Counter(
            event["data"]["operator_id"]
            for event in events(name, "case.dispatched")
            if event["subject"] not in enforcement(name)
        )
    )


@cache
def enforcement(name: str) -> set[str]:
    """The cases that no total counts."""
    return {event["subject"] for event in reports(name) if event["data"]["work_type"] == "enforcement"}


def waste_list(name: str) -> dict[str, int]:
    """Building groups by list, from the scores sent and the thresholds of the profile."""
    lists = load_profile(name).score_lists["waste_inspection"]
    scores = defaultdict(list)
    for event in events(name, "activity.recorded"):
        if event["data"]["activity_kind"] == "waste_inspection":
            scores[event["data"]["grid_code"]].append(event["data"]["score"])
    return dict(
        Counter(
            "black" if mean(own) < lists.black_below else "red" if mean(own) >= lists.red_from else "yellow"
            for own in scores.values()
        )
    )


def within_bands(name: str) -> dict[tuple[int, str], tuple[int, int]]:
    """By year of the report and band: routed calls that came so far, those of them within the band."""
    year = {e["subject"]: int(e["time"][:4]) for e in reports(name) if e["data"]["work_type"] == "non_police"}
    first: dict[tuple[str, str], datetime] = {}
    for event in events(name, *(f"case.{verb}" for verb in BAND_VERBS)):
        key = event["subject"], event["type"].split(".")[2]
        if event["subject"] in year:
            at = datetime.fromisoformat(event["time"])
            first[key] = min(at, first.get(key, at))
    routed = {case for case, verb in first if verb == "filed"} - {
        event["subject"] for event in events(name, "case.voided")
    }
    bands = load_profile(name).response_bands["non_police"]
    found: dict[tuple[int, str], Counter[bool]] = defaultdict(Counter)
    for case in routed:
        for band in bands:
            if (case, band.until) in first:
                took = (first[case, band.until] - first[case, band.since]).total_seconds()
                found[year[case], band.en][took <= band.seconds] += 1
    return {key: (counts.total(), counts[True]) for key, counts in found.items()}


def rounds(name: str) -> dict[tuple[str, str, date], tuple[int, int, int, int]]:
    """Patrols and visits by kind, grid and day: how many, people, households, persons."""
    found: dict[tuple[str, str, date], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for event in events(name, "activity.recorded"):
        data = event["data"]
        if data["activity_kind"] in ("patrol", "visit"):
            day = date.fromisoformat(data["started_at"][:10])
            counts = found[data["activity_kind"], data["grid_code"], day]
            for place, field in enumerate(("participant_count", "household_count", "person_count"), 1):
                counts[place] += data.get(field, 0)
            counts[0] += 1
    return {key: (n, people, homes, persons) for key, (n, people, homes, persons) in found.items()}


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
        if event["subject"] in enforcement(name):
            continue
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


def drawn_above(name: str, level: str) -> Callable[[str, str], str | None]:
    """A function that gives the node of a level above a node of the main tree, as drawn on a day."""
    drawn = defaultdict(list)
    for grid in load_profile(name).grids:
        if grid.tree == "grid":
            drawn[grid.grid_code].append(grid)

    def above(code: str, day: str) -> str | None:
        at: str | None = code
        while at is not None:
            (node,) = [g for g in drawn[at] if str(g.valid_from or "") <= day < str(g.valid_to or "9999")]
            if node.level == level:
                return at
            at = node.parent_code
        return None

    return above


def by_micro_grid(name: str) -> dict[tuple[str, date], int]:
    """Reports by micro-grid and month; the micro-grid is the one drawn when the case was filed."""
    filed = {event["subject"]: event["time"][:10] for event in events(name, "case.filed")}
    above = drawn_above(name, "micro_grid")
    found: Counter[tuple[str, date]] = Counter()
    for event in reports(name):
        day = event["time"][:10]
        code = above(event["data"]["grid_code"], filed.get(event["subject"], day))
        if code and event["subject"] not in enforcement(name):
            found[code, date.fromisoformat(day).replace(day=1)] += 1
    return dict(found)


# The figures of each section's query beside what is expected of them ------------------------------------

Figures = Iterator[Figure]


def named(names: str, row: Sequence[Any], expected: Sequence[Any]) -> Figures:
    """Some figures with their names, which commas part."""
    for figure in zip(names.split(", "), row, expected, strict=True):
        yield Figure(*figure)


def figures_1(rows: list[Row], got: Street) -> Figures:
    name = got.name
    came_in = {code: reported for _, code, reported, *_ in rows if reported}
    expected = reported_on_the_last_day(name)
    yield Figure("reported on the last day", came_in.pop("total"), expected.pop("total"))
    yield Figure("by community", came_in, expected)
    yield Figure("open in the street", rows[-1][5], still_open(name))
    yield Figure("in its communities", sum(row[5] for row in rows[:-1]), still_open(name))


def figures_2(rows: list[Row], got: Street) -> Figures:
    expected = {"baiguan": (38, 40, 460, 150, 141, 44), "demo-street": (24, 24, 156, 61, 58, 0)}[got.name]
    yield from named("inspected, due, inspections, problems, corrected, cases opened", rows[0], expected)


def figures_3(rows: list[Row], got: Street) -> Figures:
    expected = settled_in_the_grid(got.name)
    settled = {row[0]: row[3] for row in rows}
    reported = {row[0]: row[4] for row in rows}
    yield Figure("settled in the grid", settled, {code: own for code, (own, _) in expected.items()})
    yield Figure("of reported", reported, {code: both for code, (_, both) in expected.items()})
    index = {row[0]: row[1] for row in rows}
    weighed = {row[0]: weighed_index(got.name, row[5:]) for row in rows}
    yield Figure("best index", max(index.values()), round(max(weighed.values()), 2))
    assert index == pytest.approx(weighed, abs=0.00501)
    places = [(row[1], row[4]) for row in rows]
    assert [row[2] for row in rows] == [1 + sum(other > own for other in places) for own in places]


def weighed_index(name: str, values: Sequence[float | None]) -> float:
    """The grid index of three shares, by the profile's weights; what has no value weighs nothing."""
    index = load_profile(name).composites["grid_index"]
    assert index is not None
    assert [part.indicator for part in index.parts] == INDEXED
    weighed = [
        (part.weight, value) for part, value in zip(index.parts, values, strict=True) if value is not None
    ]
    return sum(weight * 100 * value for weight, value in weighed) / sum(weight for weight, _ in weighed)


def figures_4(rows: list[Row], got: Street) -> Figures:
    received = sum(event["data"]["channel"] == "community_app" for event in reports(got.name))
    merged = sum("merged_into" in event["data"] for event in events(got.name, "case.declined"))
    assert (received, merged) == (375, 75) or got.name != "baiguan"
    expected = received, merged, received - merged, 0
    yield from named("reports, repeats, matters, repeats in rates", rows[0], expected)


def figures_5(rows: list[Row], got: Street) -> Figures:
    items, forces, filed = {"baiguan": (96, 8, 240), "demo-street": (17, 4, 44)}[got.name]
    closed = steps_of(got.name, "enforcement", "closed")
    beside = sum(event["subject"] not in enforcement(got.name) for event in events(got.name, "case.filed"))
    expected = items, forces, filed, closed, beside, beside
    yield from named("items, forces, filed, closed, filed in the total, filed beside", rows[0], expected)


def figures_6(rows: list[Row], got: Street) -> Figures:
    tagged = [
        (tag, event["type"].split(".")[1])
        for event in events(got.name, "case.reported", "activity.recorded")
        for tag in event["data"].get("tags", ())
    ]
    cases, activities = ({tag for tag, thing in tagged if thing == kind} for kind in ("case", "activity"))
    yield Figure("tags", [row[0] for row in rows], sorted(cases | activities))
    for place, kind, label in ((1, "case", "cases by tag"), (2, "activity", "activities by tag")):
        counted = Counter(tag for tag, thing in tagged if thing == kind)
        yield Figure(label, {row[0]: row[place] for row in rows if row[place]}, dict(counted))
    assert {row[0] for row in rows if row[3] is not None} == cases
    if got.name == "baiyang":
        yield Figure("整治行动", {row[0]: row[2] for row in rows}["整治行动"], 612)


def figures_7(rows: list[Row], got: Street) -> Figures:
    stages = {"dapuqiao": (5, 11, 49), "demo-street": (2, 4, 9)}[got.name]
    assert [stage for stage, *_ in rows] == ["signed", "under_construction", "finished"]
    yield from named("waiting, under construction, finished", [count for _, count, _ in rows], stages)
    yield Figure("signed in all", rows[0][2], sum(stages))


def figures_8(rows: list[Row], got: Street) -> Figures:
    levels = ["street", "grid", "community", "micro_grid", "building_group"]
    assert [level for level, *_ in rows] == levels
    names = "street, grids, communities, micro-grids, building groups"
    yield from named(names, [nodes for _, nodes, _ in rows], (1, 4, 18, 86, 440))
    yield Figure("micro-grids of the last day", rows[3][2], 85)
    monthly = got.ask(
        "SELECT code, period_start, reported_count FROM period_rates WHERE level = 'micro_grid' "
        "AND period_type = 'month' AND work_type = 'all' AND reported_count > 0"
    )
    found = {(code, month): reported for code, month, reported in monthly}
    yield Figure("reported by micro-grid and month", found, by_micro_grid(got.name))


def figures_9(rows: list[Row], got: Street) -> Figures:
    channels = Counter(event["data"]["channel"] for event in reports(got.name))
    yield Figure("by channel", {channel: count for channel, count, _ in rows}, dict(channels))
    yield Figure("columns with people", max(hashes for *_, hashes in rows), 0)
    assert any(event["data"].get("household_hash") for event in reports(got.name))


def figures_10(rows: list[Row], got: Street) -> Figures:
    ((start, reported, routed, self_disposed, due, closure_rate),) = rows
    if got.name == "wenyan":
        yield Figure("from", start, date(2022, 1, 1))
        found, published = (reported, routed, self_disposed, due, closure_rate), (4234, 1059, 3175, 1059, 1.0)
        yield from named("collected, routed, self-disposed, due, closure rate", found, published)
        assert f"{routed / reported:.2%}" == "25.01%"
    else:
        quotas = [steps_of(got.name, "grid_case", step) for step in ("reported", "filed", "self_disposed")]
        yield from named("collected, routed, self-disposed", (reported, routed, self_disposed), quotas)
        assert 0.9 <= closure_rate <= 0.99


def figures_11(rows: list[Row], got: Street) -> Figures:
    expected = {"wenyan": (134, 197, 197, 3), "demo-street": (67, 98, 95, 2)}[got.name]
    yield from named("inspections, problems, corrected, penalties", rows[-1][:4], expected)
    *_, filed, closed, is_share = rows[-1]
    if got.name == "wenyan":
        yield from named("filed, closed", (filed, closed), (21, 50))
    assert closed > filed
    yield Figure("rate is a share", is_share, True)


def figures_12(rows: list[Row], got: Street) -> Figures:
    yield Figure("dispatched by person", {row[0]: row[1] for row in rows}, by_operator(got.name))
    assert all(0.9 < on_time <= 1 and 0.8 < accurate <= 1 for *_, on_time, accurate in rows)


def figures_13(rows: list[Row], got: Street) -> Figures:
    expected = waste_list(got.name)
    assert [colour for colour, *_ in rows] == ["red", "yellow", "black"]
    for colour, groups, *_ in rows:
        yield Figure(colour, groups, expected[colour])
    lists = load_profile(got.name).score_lists["waste_inspection"]
    wanted = lists.red_from, lists.yellow_below, lists.black_below
    yield from named("red from, yellow below, black below", rows[0][3:], wanted)


def figures_14(rows: list[Row], got: Street) -> Figures:
    ((requests, solved, closure_rate, satisfaction, visits),) = rows
    expected = {"baiyang": (224, 206), "demo-street": (45, 60)}[got.name]
    yield from named("requests, visits", (requests, visits), expected)
    yield Figure("solved", solved, len(of_work_type(got.name, "enterprise_request", "case.closed")))
    yield Figure("closure rate", closure_rate, 1.0)
    assert solved == requests or got.name != "baiyang"
    assert 0.5 < satisfaction < 1


def figures_15(rows: list[Row], got: Street) -> Figures:
    for _, signed, dispatched, closed, satisfied, *_ in rows:
        assert min(signed, dispatched, closed, satisfied) > 0.85
    expected = within_bands(got.name)
    came = {(row[0].year, row[5]): row[6] for row in rows}
    within = {(row[0].year, row[5]): row[7] for row in rows}
    yield Figure("came so far, by year and band", came, {key: both for key, (both, _) in expected.items()})
    yield Figure("within the band", within, {key: own for key, (_, own) in expected.items()})


def figures_16(rows: list[Row], got: Street) -> Figures:
    if got.name == "baiyang":
        before, now = rows
        assert (before[0], now[0]) == (date(2022, 1, 1), date(2023, 1, 1))
        found = before[2], now[2], now[3]
        yield from named("valid in 2022, valid in 2023, change in percent", found, (26_316, 25_000, -5.0))
    else:
        yield from named("from, reported, valid, change", rows[0], (date(2026, 1, 1), 135, 121, None))


def figures_17(rows: list[Row], got: Street) -> Figures:
    found = {(code, start): reported for code, start, reported, _ in rows}
    expected = {key: n for key, n in areas_of_halves(got.name).items() if key[1] in {row[1] for row in rows}}
    yield Figure("reported by area and half year", found, expected)
    yield Figure("areas", len({code for code, *_ in rows}), 3)
    assert all(reported < total for *_, reported, total in rows)


def figures_18(rows: list[Row], got: Street) -> Figures:
    expected = {"baiyang": (269, 25, 351, 328, 0), "demo-street": (48, 6, 66, 58, 30)}[got.name]
    yield from named("meetings, points, raised, settled, became cases", rows[0], expected)


def figures_19(rows: list[Row], got: Street) -> Figures:
    expected = by_river(got.name)
    yield Figure("problems by river", {r[0]: r[1] for r in rows}, {r[0]: r[1] for r in expected})
    yield Figure("routed", {r[0]: r[2] for r in rows}, {r[0]: r[2] for r in expected})
    if got.name == "baiyang":
        yield Figure("rivers", len(rows), 8)
        yield Figure("problems", sum(row[1] for row in rows), 612)
        yield Figure("closed share", {row[4] for row in rows}, {1.0})


def figures_20(rows: list[Row], got: Street) -> Figures:
    ((mediated, success, answered, satisfied, coverage),) = rows
    handled = of_work_type(got.name, "dispute", "case.handled")
    results = Counter(event["data"]["mediation"] for event in handled.values())
    yield Figure("mediated", mediated, 89 if got.name == "baiyang" else results.total())
    yield Figure("succeeded", round(success * mediated), results["succeeded"])
    assert success == pytest.approx(results["succeeded"] / results.total())
    assert 0 < answered < mediated
    assert 0.7 < satisfied <= 1
    assert 0.5 < coverage < 0.9


def figures_21(rows: list[Row], got: Street) -> Figures:
    patrols, visits = {"baiyang": (25_802, (22_656, 9144)), "demo-street": (4300, (3780, 1520))}[got.name]
    yield Figure("people on patrol", sum(row[4] for row in rows if row[0] == "patrol"), patrols)
    found = [sum(row[place] for row in rows if row[0] == "visit") for place in (5, 6)]
    yield from named("households, persons visited", found, visits)
    counted = {(kind, grid, day): activities for kind, grid, day, activities, *_ in rows}
    expected = rounds(got.name)
    yield Figure("by kind, grid and day", counted, {key: counts[0] for key, counts in expected.items()})
    assert {tuple(row[:3]): tuple(row[3:]) for row in rows} == expected


def figures_22(rows: list[Row], got: Street) -> Figures:
    ((reported, self_disposed, due, closure_rate, satisfied, coverage),) = rows
    expected = {"wanli": (1826, 640), "demo-street": (100, 40)}[got.name]
    yield from named("reported, repaired on the spot", (reported, self_disposed), expected)
    closed = len(of_work_type(got.name, "small_repair", "case.closed"))
    yield Figure("closed of the others", round(closure_rate * due), closed)
    assert 0.8 < satisfied < 1
    assert 0.5 < coverage < 0.75


FIGURES: dict[int, Callable[[list[Row], Street], Figures]] = {
    int(name.removeprefix("figures_")): figures
    for name, figures in globals().items()
    if name.startswith("figures_") and callable(figures)
}

# Which of a street's events carry each system ------------------------------------------------------------


def is_case(carrier: Carrier) -> bool:
    return carrier.is_of_a_case


def of_kinds(*kinds: str) -> Callable[[Carrier], bool]:
    """Events of activities and projects of these kinds, and of cases of these work types."""
    return lambda carrier: carrier.kind in kinds


def by_channels(*channels: str) -> Callable[[Carrier], bool]:
    """Events of cases that came by these channels."""
    return lambda carrier: carrier.channel in channels


CARRIED: dict[int, Callable[[Carrier], bool]] = {
    1: is_case,
    2: of_kinds("place_inspection"),
    3: is_case,
    4: by_channels("community_app"),
    5: of_kinds("enforcement"),
    6: lambda carrier: carrier.is_tagged,
    7: of_kinds("lift_retrofit"),
    8: is_case,
    9: by_channels("home_station", "community_cloud"),
    10: of_kinds("grid_case"),
    11: of_kinds("joint_inspection", "enforcement"),
    12: lambda carrier: carrier.type == "case.dispatched",
    13: of_kinds("waste_inspection"),
    14: of_kinds("enterprise_request", "enterprise_visit"),
    15: of_kinds("non_police"),
    16: lambda carrier: (carrier.type, carrier.kind) == ("case.reported", "non_police"),
    17: is_case,
    18: of_kinds("deliberation"),
    19: of_kinds("river"),
    20: of_kinds("dispute"),
    21: of_kinds("patrol", "visit"),
    22: of_kinds("small_repair"),
}


def sent(number: int, name: str) -> int:
    """How many of a street's events carry a system."""
    return sum(count for carrier, count in carriers(name).items() if CARRIED[number](carrier))


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
    figures = tuple(FIGURES[section.number](got.ask(section.query), got))
    outcome = Outcome(section.number, section.title, name, sent(section.number, name), figures)
    record_property("system", (section.number, name, outcome.line))
    if name == section.street:
        OUTCOMES[section.number] = outcome
    assert [(each.name, each.out) for each in figures] == [(each.name, each.expected) for each in figures]
    assert outcome.sent > 0


# The page itself -----------------------------------------------------------------------------------------


def test_the_page_tells_what_came_out() -> None:
    """Of those systems that were run before this test; the others stand on the page as they did."""
    if not OUTCOMES:
        pytest.skip("no system was run at its own street")
    lines = {number: outcome.line for number, outcome in OUTCOMES.items()}
    if os.environ.get("WRITE_SYSTEMS"):
        write_rows(lines)
    assert lines.items() <= rows_of_page().items()


def test_every_system_has_its_figures_and_carriers() -> None:
    assert list(SECTIONS) == sorted(FIGURES) == sorted(CARRIED) == list(range(1, 23))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("section", SECTIONS.values(), ids=lambda section: section.number)
def test_the_tables_and_columns_a_section_names_are_published(street: GetStreet, section: Section) -> None:
    got = street("demo-street")
    known = {
        word for row in got.ask("SELECT table_name, column_name FROM data_dictionary") for word in row
    } | {level for (level,) in got.ask("SELECT DISTINCT level FROM grids")}
    assert section.shown_by
    assert set(section.shown_by) <= known
