"""Who reports what, where and when; and how it is written down."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime
from typing import Any

from contracts.events import Declined, Filed, Handled, Reported, Visited
from producers.simulator.clock import offset_text
from tests.simulating import lives, simulation, stream, street, verbs

MANY = {"self_disposed": 2000}


def reports(cases: dict[str, int] | None = None, **changes: Any) -> list[tuple[datetime, Reported]]:
    """The reports of one stream."""
    whole = {name: changes.pop(name) for name in ("hours", "bursts", "months", "weekdays") if name in changes}
    if "hours" in whole:
        changes["hours"] = "given"
    streams = {"main": stream(cases=cases or MANY, **changes)}
    found = lives(simulation(streams=streams, **whole).batches())
    return [(e.time, d) for life in found.values() for e, d in life if isinstance(d, Reported)]


def test_cases_lie_on_the_map_as_it_was_drawn_that_day() -> None:
    before = Counter(d.grid_code for at, d in reports() if at.date() < date(2026, 1, 16))
    after = Counter(d.grid_code for at, d in reports() if at.date() >= date(2026, 1, 16))
    assert set(before) == {"B1", "B3"}
    assert set(after) == {"B1", "B2"}


def test_cases_lie_on_the_levels_in_proportion() -> None:
    levels = Counter(d.grid_code == "S" for _, d in reports(levels={"street": 1, "block": 3}))
    assert 0.2 < levels[True] / 2000 < 0.3


def test_categories_and_channels_are_mixed_in_proportion() -> None:
    found = reports(categories={"sys/0101": 3, "sys/0102": 1}, channels={"patrol": 4, "hotline": 1})
    kinds = Counter(d.category_code for _, d in found)
    assert 0.71 < kinds["0101"] / 2000 < 0.79
    assert kinds.total() == kinds["0101"] + kinds["0102"] == 2000
    assert 0.76 < Counter(d.channel for _, d in found)["patrol"] / 2000 < 0.84


def test_hours_weigh_the_day() -> None:
    hours = Counter(at.hour for at, _ in reports(hours={"given": [0] * 9 + [3, 1] + [0] * 13}))
    assert set(hours) == {9, 10}
    assert 0.7 < hours[9] / 2000 < 0.8


def test_weekdays_and_months_weigh_the_days() -> None:
    found = Counter(at.weekday() for at, _ in reports(weekdays=[1, 1, 1, 1, 1, 0.5, 0]))
    assert found[6] == 0
    assert 0.4 < (found[5] / 5) / (found[0] / 4) < 0.6  # five Saturdays, four Mondays in January 2026


def test_a_burst_brings_more_cases_and_more_of_some() -> None:
    rain = {"days": {"from": "2026-01-10", "to": "2026-01-11"}, "factor": 4, "categories": {"sys/0102": 9}}
    found = reports(bursts=[rain])
    wet = [d.category_code for at, d in found if at.date() in (date(2026, 1, 10), date(2026, 1, 11))]
    dry = [d.category_code for at, d in found if at.date() in (date(2026, 1, 17), date(2026, 1, 18))]
    assert len(wet) > 3 * len(dry)
    assert wet.count("0102") / len(wet) > 0.8
    assert 0.3 < dry.count("0102") / len(dry) < 0.7


def test_reports_can_be_of_another_time_than_the_scenario() -> None:
    days = {at.date() for at, _ in reports(reported={"from": "2025-11-03", "to": "2025-11-04"})}
    assert days == {date(2025, 11, 3), date(2025, 11, 4)}


def test_people_and_households_are_keyed_hashes_of_a_population() -> None:
    found = [d for _, d in reports(reporters=30, households=50)]
    assert len({d.reporter_hash for d in found}) == 30
    assert len({d.household_hash for d in found}) == 50
    assert {(d.reporter_hash, d.household_hash) for _, d in reports()} == {(None, None)}


def test_tags_assets_and_places_are_given_where_the_stream_has_them() -> None:
    found = [d for _, d in reports(tags=["小区微治办"], tagged=0.25, assets=["R1", "R2"], places=["P1"])]
    tagged = Counter(tuple(d.tags or ()) for d in found)
    assert set(tagged) == {(), ("小区微治办",)}
    assert 0.2 < tagged["小区微治办",] / 2000 < 0.3
    assert {d.asset_id for d in found} == {"R1", "R2"}
    assert {d.place_id for d in found} == {"P1"}


def test_grid_workers_have_numbers_and_the_public_has_none() -> None:
    for _, data in reports():
        assert (data.operator_id is None) == (data.channel == "hotline") == data.is_public_report
        assert data.operator_role in (None, "grid_worker")


def test_everyone_who_decides_is_named_by_number_only() -> None:
    run = simulation(
        staff={"duty_chief": 2, "unit_officer": 3}, streams={"main": stream(cases={"routed": 300})}
    )
    chiefs, officers = set[str | None](), set[str | None]()
    for life in lives(run.batches()).values():
        for _, data in life[1:]:
            assert data.operator_id and data.operator_role
            if isinstance(data, Filed):
                chiefs.add(data.operator_id)
            elif isinstance(data, Handled):
                officers.add(data.operator_id)
                assert data.operator_id.startswith(f"{data.unit_code}-")
    assert chiefs == {"C001", "C002"}
    assert {o.split("-")[1] for o in officers if o} == {"01", "02", "03"}


def test_filing_names_the_condition_and_everything_the_case_is_known_by() -> None:
    filed = [d for life in lives(simulation().batches()).values() for _, d in life if isinstance(d, Filed)]
    assert {(d.category_code, d.condition_no) for d in filed} == {("0101", 1), ("0101", 2), ("0102", None)}
    assert all(d.grid_code and d.category_system == "sys" for d in filed)


def test_merged_cases_say_so_and_others_decline_for_another_reason() -> None:
    found = lives(
        simulation(streams={"main": stream(cases={"routed": 30, "merged": 20, "declined": 20})}).batches()
    )
    reasons = Counter(
        (d.merged_into is not None, "并入" in (d.reason or ""))
        for life in found.values()
        for _, d in life
        if isinstance(d, Declined)
    )
    assert reasons == {(True, True): 20, (False, False): 20}


def test_times_carry_the_offset_of_the_street_whatever_the_season() -> None:
    here = street(time_zone="America/New_York", calendar={"country": "US"})
    run = simulation(here, starts_on="2026-03-01", ends_on="2026-03-31", streams={"main": stream(cases=MANY)})
    offsets: dict[str, set[str]] = {}
    for batch in run.batches():
        for (_, value), at in zip(batch.records, batch.rows["at"].tolist(), strict=True):
            text = json.loads(value)["time"]
            assert datetime.fromisoformat(text).timestamp() == at
            offsets.setdefault(text[-6:], set()).add(text[:10])
    assert set(offsets) == {"-05:00", "-04:00"}
    assert max(offsets["-05:00"]) <= "2026-03-09"
    assert min(offsets["-04:00"]) >= "2026-03-09"


def test_offsets_are_written_with_their_sign() -> None:
    assert [offset_text(s) for s in (0, 28_800, -12_600)] == ["+00:00", "+08:00", "-03:30"]


def test_the_public_is_called_back_and_patrols_are_not_unless_all_are() -> None:
    def visited(**changes: Any) -> set[str | None]:
        found = lives(simulation(streams={"main": stream(cases={"routed": 200}, **changes)}).batches())
        return {life[0][1].channel for life in found.values() if "visited" in verbs(life)}  # type: ignore[attr-defined]

    assert visited() == {"hotline"}
    assert visited(visits={"of_all": True}) == {"hotline", "patrol"}
    assert not any(
        isinstance(d, Visited)
        for life in lives(simulation(streams={"main": stream(visits={"share": 0})}).batches()).values()
        for _, d in life
    )
