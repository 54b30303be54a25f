"""The stream as a whole: the same bytes again, in the order of sending, exact in number, faults and all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import pytest

from contracts.events import InvalidEvent, parse
from producers.simulator import Batch, Scenario, Simulation, Tally
from producers.simulator.scenario import moved
from tests.simulating import lives, scenario, simulation, stream, street, verbs

FAULTS = {
    "truncated": (4, "not JSON"),
    "not_utf8": (3, "not UTF-8"),
    "not_an_object": (2, "not a JSON object"),
    "missing_id": (5, "id: Field required"),
    "bad_time": (3, "time: not an RFC 3339 time"),
    "unknown_type": (2, "type: unknown event type"),
    "schema_violation": (6, "longitude: Input should be less than"),
}
LARGE = {"main": stream(cases={"routed": 2700, "self_disposed": 900})}


@pytest.fixture
def in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """`LARGE` is made in several stretches of days."""
    monkeypatch.setattr("producers.simulator.simulation.STRETCH_CASES", 1500)


def records(batches: Iterator[Batch]) -> list[tuple[bytes, bytes]]:
    return [record for batch in batches for record in batch.records]


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert records(simulation(seed=4).batches()) == records(simulation(seed=4).batches())


def test_another_seed_gives_another_course_of_events() -> None:
    assert records(simulation(seed=4).batches()) != records(simulation(seed=5).batches())


def test_the_scenario_names_the_usual_seed() -> None:
    assert records(simulation(seed=9).batches()) == records(Simulation(street(), scenario(seed=9)).batches())


@pytest.mark.usefixtures("in_stretches")
def test_a_stream_cut_short_is_the_beginning_of_the_whole() -> None:
    faults = {"duplicates": 60, "late_share": 0.1, "malformed": {"truncated": 20}}
    whole = records(simulation(streams=LARGE, faults=faults).batches())
    part = records(simulation(streams=LARGE, faults=faults).batches(until=date(2026, 1, 17)))
    assert 0 < len(part) < len(whole)
    assert part == whole[: len(part)]


def test_nothing_is_sent_after_the_day_it_was_cut_at() -> None:
    last = [batch.rows["sent"][-1] for batch in simulation().batches(until=date(2026, 1, 17))][-1]
    end = datetime.fromisoformat("2026-01-18T00:00:00+08:00").timestamp()
    assert end - 86_400 < last < end


def test_a_further_stream_does_not_disturb_the_others() -> None:
    alone = records(simulation().batches())
    beside = records(simulation(streams={"main": stream(), "more": stream(work_type="dispute")}).batches())
    assert set(alone) < set(beside)


@pytest.mark.usefixtures("in_stretches")
def test_events_come_in_the_order_of_sending_after_they_happened() -> None:
    sent = [s for b in simulation(streams=LARGE).batches() for s in b.rows["sent"].tolist()]
    assert all(a <= b for a, b in pairwise(sent))
    assert all((b.rows["sent"] > b.rows["at"]).all() for b in simulation(streams=LARGE).batches())


@pytest.mark.usefixtures("in_stretches")
def test_every_event_keeps_the_contract_and_has_an_id_of_its_own() -> None:
    made = records(simulation(streams=LARGE).batches())
    events = [parse(value) for _, value in made]
    assert len({(event.source, event.id) for event in events}) == len(events) > 25_000
    assert [key for key, _ in made] == [event.subject.encode() for event in events]


@pytest.mark.parametrize("scale", [0.5, 1.0, 7.0])
def test_cases_are_exact_in_number_at_any_scale(scale: float) -> None:
    found = lives(simulation(scale=scale).batches())
    assert len(found) == 80 * scale
    assert sum("self_disposed" in verbs(life) for life in found.values()) == 20 * scale
    assert sum("filed" in verbs(life) for life in found.values()) == 60 * scale


def test_case_numbers_run_through_the_day_over_all_streams() -> None:
    streams = {"main": stream(), "more": stream(cases={"declined": 40})}
    numbers: dict[str, list[int]] = {}
    for subject in lives(simulation(streams=streams).batches()):
        assert subject[0] == "E"
        numbers.setdefault(subject[5:13], []).append(int(subject[13:]))
    assert all(sorted(n) == list(range(1, len(n) + 1)) for n in numbers.values())


# Faults on the way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
def test_a_malformed_record_is_refused_for_what_is_wrong_with_it(fault: str) -> None:
    count, message = FAULTS[fault]
    refused = []
    for _, value in records(simulation(faults={"malformed": {fault: count}}).batches()):
        try:
            parse(value)
        except InvalidEvent as error:
            refused.append(str(error))
    assert len(refused) == count
    assert all(message in text for text in refused)


def test_no_malformed_record_breaks_a_line() -> None:
    faults = {"malformed": {fault: count for fault, (count, _) in FAULTS.items()}}
    assert not any(b"\n" in value for _, value in records(simulation(faults=faults).batches()))


def test_a_duplicate_is_the_same_bytes_once_more() -> None:
    made = records(simulation(faults={"duplicates": 30}).batches())
    again = Counter(made)
    assert len(made) - len(again) == 30
    assert set(again) == set(records(simulation().batches()))


def test_a_conflict_follows_the_event_whose_id_it_takes() -> None:
    seen: dict[tuple[str, str], bytes] = {}
    conflicts = 0
    for _, value in records(simulation(faults={"malformed": {"id_conflict": 12}}).batches()):
        event = parse(value)
        conflicts += seen.setdefault((event.source, event.id), value) != value
    assert conflicts == 12


def test_faults_leave_the_good_events_alone() -> None:
    faults = {"duplicates": 30, "malformed": {fault: count for fault, (count, _) in FAULTS.items()}}
    assert set(records(simulation().batches())) < set(records(simulation(faults=faults).batches()))


def test_late_uploads_are_sent_days_after_they_happened_but_before_the_end() -> None:
    batches = list(simulation(faults={"late_share": 0.3, "late_days": 5}).batches())
    waits = [w for b in batches for w in (b.rows["sent"] - b.rows["at"]).tolist()]
    late = [w for w in waits if w > 3600]
    assert 0.2 < len(late) / len(waits) < 0.4
    assert max(late) <= 5 * 86_400
    punctual = list(simulation().batches())
    assert sorted(v for _, v in records(iter(batches))) == sorted(v for _, v in records(iter(punctual)))


def test_a_slow_clock_sets_back_what_a_unit_reports_and_nothing_else() -> None:
    right = {
        e.id: (e, verb)
        for life in lives(simulation().batches()).values()
        for (e, _), verb in zip(life, verbs(life), strict=True)
    }
    set_back = Counter[str]()
    for life in lives(simulation(faults={"skewed_share": 1.0, "skewed_minutes": 20}).batches()).values():
        for event, _ in life:
            true, verb = right[event.id]
            minutes = (true.time - event.time).total_seconds() / 60
            assert 0 <= minutes <= 21
            set_back[verb] += minutes > 0
    assert set(+set_back) == {"signed", "handled"}


# The summary ---------------------------------------------------------------------------------------------


def test_the_summary_counts_what_was_sent() -> None:
    faults: dict[str, Any] = {
        "duplicates": 11,
        "malformed": {"truncated": 4, "id_conflict": 2},
        "late_share": 0.2,
    }
    run = simulation(faults=faults)
    tally = Tally(run)
    made = []
    for batch in run.batches():
        made.extend(batch.records)
        tally.add(batch)
    summary = tally.summary()
    assert summary.records == len(made) == summary.events + 11 + 6
    assert (summary.duplicates, summary.malformed) == (11, {"truncated": 4, "id_conflict": 2})
    assert summary.cases == {"main": {"routed": 60, "self_disposed": 20}}
    assert summary.by_type == Counter(
        event.type for life in lives(simulation().batches()).values() for event, _ in life
    )
    assert sum(summary.by_type.values()) == summary.events
    assert 0 < summary.late < summary.events
    assert (summary.profile, summary.seed) == ("tiny", 1)


def test_the_summary_of_a_part_counts_the_part() -> None:
    run = simulation()
    tally = Tally(run)
    batch = next(run.batches())
    tally.add(batch.part(0, 10))
    tally.add(batch.part(10, 10))
    assert tally.records == 10 == tally.summary().events
    assert tally.last_sent == batch.rows["sent"][9]


def test_before_anything_is_sent_there_is_nothing_to_sum_up() -> None:
    summary = Tally(simulation()).summary()
    assert (summary.records, summary.first_sent, summary.last_sent) == (0, None, None)


def test_a_moved_scenario_is_the_same_at_another_time() -> None:
    later: Scenario = moved(
        scenario(streams={"main": stream(reported={"from": "2026-01-03", "to": "2026-01-05"})}),
        date(2026, 3, 1),
    )
    assert (later.starts_on, later.ends_on) == (date(2026, 3, 1), date(2026, 3, 31))
    first = json.loads(next(Simulation(street(), later).batches()).records[0][1])
    assert first["time"].startswith("2026-03-03")
