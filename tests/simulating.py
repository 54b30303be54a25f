"""A very small street to simulate, and ways to read what comes out of a simulation."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from contracts.events import Data, Event, validate
from gridrates.profile import Category, Grid, Limit, Name, Profile, Unit
from producers.simulator import Batch, Scenario, Simulation

Life = list[tuple[Event, Data]]


def street(**changes: Any) -> Profile:
    """One street with two blocks; the second block is drawn from 16 January on, when a third goes."""
    parts: dict[str, Any] = {
        "name": "tiny",
        "name_zh": "小街",
        "name_en": "Tiny",
        "time_zone": "Asia/Shanghai",
        "work_types": {
            "grid_case": Name(zh="网格案件", en="Grid case"),
            "dispute": Name(zh="纠纷", en="Dispute"),
        },
        "channels": {
            "patrol": Name(zh="巡查", en="Patrol"),
            "hotline": Name(zh="热线", en="Hotline", is_public=True),
        },
        "grids": (
            Grid(grid_code="S", level="street", name_zh="小街"),
            Grid(grid_code="B1", parent_code="S", level="block", name_zh="一坊"),
            Grid(
                grid_code="B2", parent_code="S", level="block", name_zh="二坊", valid_from=date(2026, 1, 16)
            ),
            Grid(grid_code="B3", parent_code="S", level="block", name_zh="三坊", valid_to=date(2026, 1, 16)),
        ),
        "units": (Unit(unit_code="U1"), Unit(unit_code="U2")),
        "categories": (
            Category(category_system="sys", category_code="01", name_zh="大类"),
            Category(category_system="sys", category_code="0101", parent_code="01", name_zh="暴露垃圾"),
            Category(category_system="sys", category_code="0102", parent_code="01", name_zh="道路积水"),
        ),
        "limits": (
            Limit(category_system="sys", category_code="0101", condition_no=1, amount=2, unit="hour"),
            Limit(category_system="sys", category_code="0101", condition_no=2, amount=4, unit="working_hour"),
            Limit(amount=3, unit="working_day"),
        ),
    }
    return Profile(**(parts | changes))


def stream(**changes: Any) -> dict[str, Any]:
    """A stream of 60 routed cases and 20 settled on the spot."""
    return {
        "work_type": "grid_case",
        "cases": {"routed": 60, "self_disposed": 20},
        "categories": {"sys": 1},
        "units": {"U1": 1},
        "levels": {"block": 1},
        "channels": {"patrol": 1, "hotline": 1},
    } | changes


def scenario(**changes: Any) -> Scenario:
    """January 2026 on the small street."""
    parts: dict[str, Any] = {
        "starts_on": "2026-01-01",
        "ends_on": "2026-01-31",
        "case_letters": {"sys": "E"},
        "streams": {"main": stream()},
    }
    return Scenario.model_validate(parts | changes)


def simulation(
    profile: Profile | None = None, *, seed: int | None = None, scale: float = 1.0, **changes: Any
) -> Simulation:
    """A run on the small street, its scenario changed as given."""
    return Simulation(profile or street(), scenario(**changes), seed=seed, scale=scale)


def lives(batches: Iterable[Batch]) -> dict[str, Life]:
    """The valid events by subject, each subject's in the order in which they happened."""
    found: dict[str, Life] = defaultdict(list)
    for batch in batches:
        for _, value in batch.records:
            event, data = validate(json.loads(value))
            found[event.subject].append((event, data))
    return {k: sorted(v, key=lambda one: (one[0].time, one[0].sequence or 0)) for k, v in found.items()}


def verbs(life: Life) -> list[str]:
    """The verbs of a case, in order."""
    return [event.type.split(".")[2] for event, _ in life]
