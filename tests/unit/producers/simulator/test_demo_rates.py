"""The demo street's rates are those of a street: recomputed here case by case, with rules of our own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest

from contracts.events import (
    Closed,
    Dispatched,
    Extended,
    Filed,
    Handled,
    Reported,
    Returned,
    Signed,
    Suspended,
    Visited,
    Voided,
    parse,
)
from gridrates.profile import Limit, load_profile
from producers.simulator import Simulation, load_scenario, scenario_path
from producers.simulator.clock import is_working
from tests.simulating import Life

PROFILE = load_profile("demo-street")
T = TypeVar("T")
ZONE = ZoneInfo(PROFILE.time_zone)
END = datetime(2026, 7, 1, tzinfo=ZONE)


@cache
def worked(day: object) -> bool:
    return is_working(day, "CN")  # type: ignore[arg-type]


def after(start: datetime, limit: Limit) -> datetime:
    """The deadline of a limit, found by walking from session to session."""
    plain = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
    if limit.unit in plain:
        return start + limit.amount * plain[limit.unit]
    left = timedelta(hours=limit.amount * (8 if limit.unit == "working_day" else 1))
    day = start.astimezone(ZONE).date()
    while True:
        for session in PROFILE.calendar.sessions if worked(day) else ():
            begins, ends = (datetime.combine(day, t, ZONE) for t in (session.starts, session.ends))
            if day.month in session.months and ends > start:
                room = ends - max(begins, start)
                if room >= left:
                    return max(begins, start) + left
                left -= room
        day += timedelta(days=1)


def limit_of(report: Reported, filed: Filed) -> Limit:
    """The limit of the category and condition, else of the work type, else of all."""

    def first(**wanted: object) -> Limit | None:
        return next((x for x in PROFILE.limits if all(getattr(x, k) == v for k, v in wanted.items())), None)

    found = (
        first(
            category_system=filed.category_system,
            category_code=filed.category_code,
            condition_no=filed.condition_no,
        )
        or first(category_code=None, work_type=report.work_type)
        or first(category_code=None, work_type=None)
    )
    assert found is not None
    return found


@dataclass(frozen=True)
class Judged:
    """A filed case as an assessor sees it."""

    work_type: str
    is_due: bool
    is_closed: bool
    is_on_time: bool


def of_type(life: Life, kind: type[T]) -> list[tuple[datetime, T]]:
    return [(event.time, data) for event, data in life if isinstance(data, kind)]


def judge(life: Life) -> Judged | None:
    """Due when handled or when its deadline passed; none of what is void, paused or without its report."""
    reported, filed = of_type(life, Reported), of_type(life, Filed)
    if not reported or not filed or of_type(life, Voided) or of_type(life, Suspended):
        return None
    deadline = filed[0][1].deadline_at or after(filed[0][0], limit_of(reported[0][1], filed[0][1]))
    deadline = max([deadline, *(data.deadline_at for _, data in of_type(life, Extended))])
    handled, closed = of_type(life, Handled), of_type(life, Closed)
    on_time = bool(handled) and handled[-1][0] <= deadline
    is_due = bool(handled) or deadline < END
    return Judged(str(reported[0][1].work_type), is_due, bool(closed), on_time and bool(closed))


@pytest.fixture(scope="module")
def cases() -> list[Life]:
    run = Simulation(PROFILE, load_scenario(scenario_path("demo-street")))
    found: dict[str, Life] = {}
    seen = set()
    for batch in run.batches():
        for _, value in batch.records:
            try:
                event = parse(value)
            except ValueError:
                continue
            if (event.source, event.id) not in seen:
                seen.add((event.source, event.id))
                found.setdefault(event.subject, []).append((event, event.data))  # type: ignore[arg-type]
    return [sorted(life, key=lambda one: (one[0].time, one[0].sequence or 0)) for life in found.values()]


@pytest.fixture(scope="module")
def judged(cases: list[Life]) -> list[Judged]:
    found = [judge(life) for life in cases]
    return [one for one in found if one and one.is_due and one.work_type != "enforcement"]


def share(of: Iterable[bool]) -> float:
    counts = Counter(of)
    return counts[True] / counts.total()


def test_nearly_all_that_is_due_is_closed(judged: list[Judged]) -> None:
    assert len(judged) > 900
    assert 0.9 <= share(one.is_closed for one in judged) <= 0.99


def test_most_of_what_is_due_is_closed_on_time(judged: list[Judged]) -> None:
    assert 0.8 <= share(one.is_on_time for one in judged) <= 0.95


@pytest.mark.parametrize("work_type", sorted(set(PROFILE.work_types) - {"enforcement"}))
def test_every_work_type_has_some_that_are_late_or_open_and_most_that_are_not(
    judged: list[Judged], work_type: str
) -> None:
    of_type = [one for one in judged if one.work_type == work_type]
    assert len(of_type) > 20
    assert 0.75 <= share(one.is_on_time for one in of_type) < 1


def test_most_tasks_are_signed_for_in_time(cases: list[Life]) -> None:
    signed = []
    limit = PROFILE.desk_limits["sign"]
    for life in cases:
        times = {data.task_id: at for at, data in of_type(life, Signed)}
        returned = {data.task_id for _, data in of_type(life, Returned)}
        for at, task in of_type(life, Dispatched):
            due = task.sign_deadline_at or after(at, Limit(amount=limit.amount, unit=limit.unit))
            signing = times.get(task.task_id)
            if signing or task.task_id in returned or due < END:
                signed.append(signing is not None and signing <= due)
    assert len(signed) > 1000
    assert 0.95 <= share(signed) <= 0.99


def test_most_who_answer_are_satisfied_and_not_all_answer(cases: list[Life]) -> None:
    visits = [data for life in cases for _, data in of_type(life, Visited)]
    answered = [data.satisfaction for data in visits if data.outcome == "valid"]
    happy = {"very_satisfied", "satisfied", "basically_satisfied"}
    assert 0.85 <= share(word in happy for word in answered) <= 0.97
    assert 0.5 < len(answered) / len(visits) < 0.8


def test_steps_are_taken_by_day(cases: list[Life]) -> None:
    """Units work in their sessions, whatever around-the-clock limits make them do at night."""
    hours = [at.hour for life in cases for at, _ in of_type(life, Signed)]
    assert share(8 <= hour < 19 for hour in hours) > 0.85
