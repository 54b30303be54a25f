"""Whatever a scenario asks for: quotas are met, events are valid, and come in the order of sending."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.events import InvalidEvent, parse
from producers.simulator import Tally
from tests.simulating import lives, simulation, stream, verbs

SHARES = st.sampled_from([0.0, 0.1, 0.5, 1.0])
START = date(2026, 1, 1)
DAYS = st.integers(0, 30).map(lambda n: START + timedelta(days=n))
STEPS = ("accept", "verify", "file", "dispatch", "sign", "handle", "check", "close", "visit")
TURNS = (
    "returned",
    "reworked",
    "extended",
    "suspended",
    "supervised",
    "exempted",
    "reopened",
    "closed_specially",
)
BOUNDED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def spans(draw: st.DrawFn) -> dict[str, str]:
    first, last = sorted([draw(DAYS), draw(DAYS)])
    return {"from": str(first), "to": str(last)}


@st.composite
def streams(draw: st.DrawFn) -> dict[str, Any]:
    """Any stream the small street can have."""
    names = ("routed", "open", "voided", "self_disposed", "declined", "invalid")
    cases = {name: draw(st.integers(0, 25)) for name in names}
    cases["merged"] = draw(st.integers(0, cases["routed"] + cases["self_disposed"]))
    return stream(
        cases=cases,
        reported=draw(st.none() | spans()),
        closes=draw(st.none() | spans()),
        finishes=draw(st.booleans()),
        channels=draw(st.sampled_from([{"patrol": 1}, {"hotline": 1}, {"patrol": 1, "hotline": 3}])),
        categories=draw(st.sampled_from([{"sys": 1}, {"sys/0102": 1}, {"sys/01": 2, "sys/0101": 5}])),
        units=draw(st.sampled_from([{"U1": 1}, {"U1": 1, "U2": 2}])),
        levels=draw(st.sampled_from([{"block": 1}, {"street": 1, "block": 2}])),
        without=draw(st.lists(st.sampled_from(["accept", "verify", "check", "visit"]), unique=True)),
        late={name: draw(SHARES) for name in STEPS},
        turns={name: draw(SHARES) for name in TURNS},
        visits={"share": draw(SHARES), "of_all": draw(st.booleans())},
        mediated=draw(st.none() | SHARES),
        deadline_days=draw(st.none() | st.sampled_from([0.5, 3.0])),
        minutes=draw(st.sampled_from([{}, {"sign": 8}, {"accept": 1, "close": 600}])),
        reporters=draw(st.sampled_from([0, 1, 9])),
        tags=draw(st.sampled_from([[], ["一", "二"]])),
    )


@BOUNDED
@given(streams(), st.integers(0, 2**31), st.sampled_from([0.3, 1.0, 2.7]))
def test_quotas_are_met_by_valid_events_in_the_order_of_sending(
    one: dict[str, Any], seed: int, scale: float
) -> None:
    run = simulation(streams={"main": one}, seed=seed, scale=scale)
    tally, sent = Tally(run), []
    batches = list(run.batches())
    for batch in batches:
        tally.add(batch)
        sent += batch.rows["sent"].tolist()
    assert all(a <= b for a, b in pairwise(sent))
    expected = {life: round(count * scale) for life, count in one["cases"].items()}
    assert tally.summary().cases.get("main", {}) == {life: count for life, count in expected.items() if count}
    found = lives(batches)
    assert len(found) == sum(expected.values())
    for life in found.values():
        assert verbs(life)[0] == "reported"
        assert len({event.id for event, _ in life}) == len(life)
    if one["finishes"]:
        assert sum("closed" in verbs(life) for life in found.values()) == expected["routed"]


@BOUNDED
@given(
    streams(),
    st.integers(0, 40),
    st.dictionaries(
        st.sampled_from(["truncated", "missing_id", "bad_time", "id_conflict", "not_utf8"]), st.integers(0, 9)
    ),
    SHARES,
    DAYS,
)
def test_faults_are_exact_and_a_cut_stream_is_the_beginning_of_the_whole(
    one: dict[str, Any], duplicates: int, malformed: dict[str, int], late: float, until: date
) -> None:
    one["cases"]["routed"] += 1  # something to double and to spoil
    faults = {"duplicates": duplicates, "malformed": malformed, "late_share": late, "skewed_share": late}
    whole = [r for b in simulation(streams={"main": one}, faults=faults).batches() for r in b.records]
    part = [r for b in simulation(streams={"main": one}, faults=faults).batches(until) for r in b.records]
    assert part == whole[: len(part)]
    contents: dict[tuple[str, str], Counter[bytes]] = {}
    refused = 0
    for _, value in whole:
        try:
            event = parse(value)
        except InvalidEvent:
            refused += 1
        else:
            contents.setdefault((event.source, event.id), Counter())[value] += 1
    # Of an id's contents, the first is the event and the others are conflicts; the rest came twice.
    conflicting = sum(n for same in contents.values() for n in list(same.values())[1:])
    assert refused == sum(count for fault, count in malformed.items() if fault != "id_conflict")
    assert conflicting == malformed.get("id_conflict", 0)
    assert len(whole) == len(contents) + duplicates + refused + conflicting


@BOUNDED
@given(
    st.integers(0, 60),
    st.integers(0, 90),
    st.floats(0, 1),
    spans(),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_activities_come_to_their_totals(
    count: int, found: int, settled: float, held: dict[str, str], working_days_only: bool, seed: int
) -> None:
    if count == 0:
        found = 0
    days = [
        START + timedelta(days=n)
        for n in range(31)
        if held["from"] <= str(START + timedelta(days=n)) <= held["to"]
    ]
    if working_days_only and all(day.weekday() > 4 or day.day in (1, 2) for day in days):
        working_days_only = False  # no day left to meet on
    totals = {"problem_count": found, "corrected_count": int(found * settled)}
    spec = {
        "count": count,
        "totals": totals,
        "held": held,
        "working_days_only": working_days_only,
        "levels": {"block": 1},
    }
    run = simulation(streams={}, activities={"walk": spec}, seed=seed)
    seen = [data for life in lives(run.batches()).values() for _, data in life]
    assert len(seen) == count
    assert sum(data.problem_count or 0 for data in seen) == found  # type: ignore[attr-defined]
    assert sum(data.corrected_count or 0 for data in seen) == totals["corrected_count"]  # type: ignore[attr-defined]
