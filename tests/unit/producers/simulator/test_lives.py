"""What becomes of cases: legal courses, times that run forwards, limits kept as often as was asked."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from contracts.events import (
    Checked,
    Closed,
    Declined,
    Dispatched,
    Extended,
    Filed,
    Handled,
    Reported,
    Returned,
    Suspended,
    Verified,
    Visited,
)
from tests.simulating import Life, lives, simulation, stream, verbs

# What may follow what in the life of a case, supervision and appeals apart.
NEXT = {
    "": {"reported"},
    "reported": {"accepted", "declined", "self_disposed"},
    "accepted": {"verified", "filed", "declined"},
    "verified": {"filed", "declined"},
    "filed": {"dispatched"},
    "dispatched": {"signed", "returned"},
    "signed": {"handled", "returned", "extended", "suspended", "voided"},
    "returned": {"dispatched"},
    "extended": {"handled"},
    "suspended": {"resumed"},
    "resumed": {"handled"},
    "handled": {"checked", "closed"},
    "checked": {"handled", "closed"},
    "closed": {"visited"},
    "visited": {"dispatched"},
}
ASIDE = {"supervised", "exempted"}
END = datetime(2026, 1, 31, 16, tzinfo=UTC)
EVERY_TURN = {
    "returned": 0.3,
    "reworked": 0.3,
    "extended": 0.3,
    "suspended": 0.3,
    "supervised": 0.3,
    "exempted": 1.0,
    "reopened": 1.0,
}
UNHAPPY = {"satisfaction": {"dissatisfied": 1}}


def run(cases: dict[str, int] | None = None, **changes: Any) -> dict[str, Life]:
    """The lives of one stream's cases."""
    return lives(simulation(streams={"main": stream(cases=cases or {"routed": 400}, **changes)}).batches())


def with_verb(found: dict[str, Life], verb: str) -> list[Life]:
    return [life for life in found.values() if verb in verbs(life)]


def of_type(life: Life, kind: Any) -> list[Any]:
    return [data for _, data in life if isinstance(data, kind)]


def test_no_case_takes_a_course_that_does_not_exist() -> None:
    found = run(
        {
            "routed": 600,
            "open": 30,
            "voided": 30,
            "self_disposed": 30,
            "declined": 60,
            "invalid": 20,
            "merged": 20,
        },
        turns=EVERY_TURN,
        visits=UNHAPPY,
        reported={"from": "2026-01-01", "to": "2026-01-12"},
    )
    steps = Counter(
        pair
        for life in found.values()
        for pair in pairwise(["", *(v for v in verbs(life) if v not in ASIDE)])
    )
    illegal = {pair for pair in steps if pair[1] not in NEXT.get(pair[0], set())}
    assert not illegal
    # Every turn was taken by somebody: nothing above passed for want of cases.
    assert {pair for a, bs in NEXT.items() for b in bs if (pair := (a, b)) not in steps} <= {
        ("handled", "closed")
    }


def test_nothing_happens_after_the_end_and_all_happens_in_order() -> None:
    for life in run(turns=EVERY_TURN).values():
        assert life[0][0].type.endswith("reported.v1")
        assert all(event.time < END for event, _ in life)
        assert [event.sequence for event, _ in life] == list(range(1, len(life) + 1))


def test_an_open_case_is_with_its_unit_to_the_end() -> None:
    found = run({"open": 50}, turns={"returned": 0.0}, reported={"from": "2026-01-01", "to": "2026-01-10"})
    assert all(verbs(life)[-1] == "signed" for life in found.values())


def test_a_voided_case_says_why() -> None:
    found = run({"voided": 40}, reported={"from": "2026-01-01", "to": "2026-01-20"})
    assert all(verbs(life)[-1] == "voided" and life[-1][1].reason for life in found.values())


def test_a_merged_case_names_an_earlier_case_that_looks_the_same() -> None:
    found = run({"self_disposed": 40, "merged": 40})
    reports = {subject: of_type(life, Reported)[0] for subject, life in found.items()}
    merged = [(subject, d.merged_into) for subject, life in found.items() for d in of_type(life, Declined)]
    assert len(merged) == 40
    for subject, original in merged:
        assert verbs(found[original]) == ["reported", "self_disposed"]
        for field in ("category_code", "category_system", "grid_code"):
            assert getattr(reports[subject], field) == getattr(reports[original], field)
    earlier = [found[original][0][0].time < found[subject][0][0].time for subject, original in merged]
    assert all(earlier[1:])  # the first of all may be reported before what it repeats


def test_only_what_the_public_reports_is_verified() -> None:
    found = run({"routed": 100, "declined": 100})
    for life in found.values():
        report = of_type(life, Reported)[0]
        assert report.is_public_report == (report.channel == "hotline")
        assert "verified" not in verbs(life) or report.is_public_report
        assert ("verified" in verbs(life)) == report.is_public_report or "filed" not in verbs(life)
    assert {d.outcome for life in with_verb(found, "declined") for d in of_type(life, Verified)} == {
        "refuted"
    }
    assert {d.outcome for life in with_verb(found, "filed") for d in of_type(life, Verified)} == {"confirmed"}


def test_invalid_cases_are_told_from_valid_ones() -> None:
    found = run({"routed": 30, "invalid": 20})
    flags = Counter(
        (of_type(life, Reported)[0].is_valid, "declined" in verbs(life)) for life in found.values()
    )
    assert flags == {(True, False): 30, (False, True): 20}
    assert {of_type(life, Reported)[0].is_valid for life in run().values()} == {None}


def test_a_returned_task_is_dispatched_anew_as_another_task() -> None:
    found = run(turns={"returned": 1.0}, reported={"from": "2026-01-01", "to": "2026-01-20"})
    for life in found.values():
        first, second = of_type(life, Dispatched)[:2]
        returned = of_type(life, Returned)[0]
        assert returned.task_id == first.task_id != second.task_id
        assert (returned.unit_code, second.unit_code) == (first.unit_code, "U1")
    assert {of_type(life, Dispatched)[0].unit_code for life in found.values()} == {"U1", "U2"}


def test_signing_and_handling_belong_to_the_task_dispatched_last() -> None:
    for life in run(turns=EVERY_TURN, visits=UNHAPPY).values():
        task = None
        for _, data in life:
            if isinstance(data, Dispatched):
                task = data.task_id
            elif getattr(data, "task_id", None) is not None:
                assert data.task_id == task  # type: ignore[attr-defined]


def test_failed_checks_lead_to_more_work_by_the_same_unit() -> None:
    found = run(turns={"reworked": 1.0}, reported={"from": "2026-01-01", "to": "2026-01-12"})
    for life in with_verb(found, "closed"):
        assert [d.outcome for d in of_type(life, Checked)][:2] == ["failed", "passed"]
        first, second = of_type(life, Handled)[:2]
        assert first.unit_code == second.unit_code


def test_who_is_not_satisfied_may_have_the_case_reopened_once() -> None:
    found = run(
        turns={"returned": 0.0, "reopened": 1.0},
        visits={"share": 1.0, "of_all": True, "outcomes": {"valid": 1}} | UNHAPPY,
        reported={"from": "2026-01-01", "to": "2026-01-06"},
    )
    twice = [life for life in found.values() if verbs(life).count("visited") == 2]
    assert len(twice) > 300
    for life in twice:
        assert [d.is_reopened for d in of_type(life, Visited)] == [True, None]
        assert verbs(life).count("closed") == verbs(life).count("dispatched") == 2


def test_visits_without_an_answer_rate_nothing() -> None:
    found = run(visits={"share": 1.0, "outcomes": {"valid": 1, "no_answer": 1}})
    visits = [d for life in found.values() for d in of_type(life, Visited)]
    assert {d.outcome for d in visits} == {"valid", "no_answer"}
    for visit in visits:
        answered = visit.outcome == "valid"
        assert (visit.satisfaction is not None) == (visit.resolution is not None) == answered
        assert (visit.is_contacted is not None) == answered


def test_steps_can_be_left_out() -> None:
    found = run(without=("accept", "verify", "check", "visit"))
    assert set(Counter(v for life in found.values() for v in verbs(life))) <= {
        "reported", "filed", "dispatched", "signed", "returned", "extended", "suspended", "resumed",
        "supervised", "handled", "closed", "exempted",
    }  # fmt: skip


def test_mediation_is_told_when_handled() -> None:
    found = run(mediated=0.5)
    results = Counter(d.mediation for life in found.values() for d in of_type(life, Handled))
    assert set(results) == {"succeeded", "failed"}
    assert 0.4 < results["succeeded"] / results.total() < 0.6
    assert {d.mediation for life in run().values() for d in of_type(life, Handled)} == {None}


# Time ----------------------------------------------------------------------------------------------------

CONTINUOUS = {"categories": {"sys/0101": 1}, "without": ("accept", "verify", "check")}
NEVER = dict.fromkeys(("returned", "reworked", "extended", "suspended", "supervised"), 0.0)


def hours_to_handle(found: dict[str, Life]) -> list[float]:
    """From filing to handling, of the cases under the condition of two hours around the clock."""
    hours = []
    for life in with_verb(found, "handled"):
        at = {type(data): event.time for event, data in life}
        if of_type(life, Filed)[0].condition_no == 1:
            hours.append((at[Handled] - at[Filed]) / timedelta(hours=1))
    return hours


@pytest.mark.parametrize("late", [0.0, 0.2, 1.0])
def test_as_many_are_late_as_the_scenario_says(late: float) -> None:
    punctual = {"dispatch": 0.0, "sign": 0.0, "handle": late}
    streams = {
        "main": stream(cases={"routed": 1500}, turns=NEVER, late=punctual, minutes={"sign": 5}, **CONTINUOUS)
    }
    hours = hours_to_handle(lives(simulation(streams=streams, unit_spread=0.0).batches()))
    share = sum(h > 2 for h in hours) / len(hours)
    # No more than nine in ten are ever late; a slow start can make a few more so.
    assert min(late, 0.9) - 0.06 < share < min(late, 0.9) + 0.1


def test_units_differ_in_punctuality_by_the_spread_given() -> None:
    def late_by_unit(spread: float) -> dict[str, float]:
        streams = {
            "main": stream(
                cases={"routed": 3000},
                turns=NEVER,
                units={"U1": 1, "U2": 1},
                late={"handle": 0.3},
                **CONTINUOUS,
            )
        }
        late, total = Counter[str](), Counter[str]()
        for life in lives(simulation(streams=streams, unit_spread=spread).batches()).values():
            if of_type(life, Handled) and of_type(life, Filed)[0].condition_no == 1:
                unit = of_type(life, Handled)[0].unit_code
                total[unit] += 1
                late[unit] += hours_to_handle({"": life})[0] > 2
        return {unit: late[unit] / total[unit] for unit in total}

    alike, different = late_by_unit(0.0), late_by_unit(1.0)
    assert abs(alike["U1"] - alike["U2"]) < 0.06
    assert abs(different["U1"] - different["U2"]) > 0.1


def test_every_case_is_closed_in_time_where_the_stream_finishes() -> None:
    assert not all("closed" in verbs(life) for life in run().values())
    for life in run(finishes=True).values():
        assert "closed" in verbs(life)
        times = [event.time for event, _ in life]
        assert times == sorted(times)
        assert times[-1] < END


def test_closing_can_be_spread_over_a_span_of_its_own() -> None:
    found = run(
        {"routed": 60},
        reported={"from": "2025-12-01", "to": "2025-12-20"},
        closes={"from": "2026-01-05", "to": "2026-01-20"},
    )
    handled = [e.time for life in found.values() for e, d in life if isinstance(d, Handled)]
    filed = [e.time for life in found.values() for e, d in life if isinstance(d, Filed)]
    assert len(filed) == 60
    assert max(filed) < datetime(2026, 1, 1, tzinfo=UTC)
    assert min(handled) >= datetime(2026, 1, 4, 16, tzinfo=UTC)


def test_an_extension_adds_a_limit_to_the_one_that_runs() -> None:
    found = run(turns=NEVER | {"extended": 1.0}, **CONTINUOUS)
    checked = 0
    for life in with_verb(found, "extended"):
        if of_type(life, Filed)[0].condition_no == 1:
            filed = next(e.time for e, d in life if isinstance(d, Filed))
            assert of_type(life, Extended)[0].deadline_at == filed + timedelta(hours=4)
            checked += 1
    assert checked > 100


def test_a_pause_ends_when_it_was_said_to() -> None:
    found = run(turns=NEVER | {"suspended": 1.0}, reported={"from": "2026-01-01", "to": "2026-01-05"})
    resumed = with_verb(found, "resumed")
    assert len(resumed) > 50
    for life in resumed:
        times = {verb: event.time for verb, (event, _) in zip(verbs(life), life, strict=True)}
        assert of_type(life, Suspended)[0].resume_at == times["resumed"]


def test_explicit_deadlines_come_with_the_events() -> None:
    found = run(deadline_days=2, minutes={"sign": 8})
    for life in with_verb(found, "dispatched"):
        filed, dispatched = (
            next((e.time, d) for e, d in life if isinstance(d, k)) for k in (Filed, Dispatched)
        )
        assert filed[1].deadline_at > filed[0]
        assert dispatched[1].sign_deadline_at == dispatched[0] + timedelta(minutes=8)
    plain = [d for life in run().values() for _, d in life]
    assert {getattr(d, "deadline_at", None) for d in plain if not isinstance(d, Extended)} == {None}
    assert {d.sign_deadline_at for d in plain if isinstance(d, Dispatched)} == {None}


def test_a_few_are_closed_in_another_way() -> None:
    found = run(turns={"closed_specially": 0.5})
    kinds = Counter(d.closure_kind for life in found.values() for d in of_type(life, Closed))
    assert set(kinds) == {"normal", "forced", "special"}
    assert 0.4 < kinds["normal"] / kinds.total() < 0.6


def test_some_are_supervised_and_those_late_may_be_exempted() -> None:
    found = run(cases={"routed": 1000}, turns={"supervised": 0.2, "exempted": 0.5}, late={"handle": 0.4})
    assert 0.15 < len(with_verb(found, "supervised")) / len(found) < 0.25
    assert 0.14 < len(with_verb(found, "exempted")) / len(found) < 0.26
    for life in with_verb(found, "exempted"):
        told = verbs(life)
        assert told.index("exempted") > told.index("closed")
        (filed,) = [event.time for event, _ in life if event.type.endswith(".filed.v1")]
        (handled, *_) = [event.time for event, _ in life if event.type.endswith(".handled.v1")]
        assert handled - filed > timedelta(hours=2)
