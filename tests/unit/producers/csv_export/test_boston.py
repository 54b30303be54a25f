"""The Boston export by its profile, against what its own columns say."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.events import validate
from gridrates.profile import folder_of, load_profile
from producers.mapping import load_mapping
from tests.exporting import Imported, import_files

ZONE = ZoneInfo("America/New_York")
CASES, CLOSED, ON_TIME = 58_251, 54_570, 46_340


@pytest.fixture(scope="module")
def rows(boston_csv: Path) -> dict[str, dict[str, str]]:
    with gzip.open(boston_csv, "rt", encoding="utf-8", newline="") as file:
        return {row["case_enquiry_id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def imported(boston_csv: Path) -> Imported:
    profile = load_profile("boston-311")
    mapping = load_mapping(folder_of("boston-311") / "mapping.yaml", time_zone=profile.time_zone)
    return import_files(boston_csv, mapping)


def by_case(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {event["subject"]: event for event in events}
    assert len(found) == len(events)
    return found


def test_every_row_gives_its_events_and_none_is_rejected(imported: Imported) -> None:
    assert imported.summary.rows == imported.summary.mapped == CASES
    assert not imported.rejects
    assert imported.summary.events == {
        "gridrates.case.reported.v1": CASES,
        "gridrates.case.filed.v1": CASES,
        "gridrates.case.closed.v1": CLOSED,
    }


def test_every_event_is_valid_by_the_contract_and_has_an_id_of_its_own(imported: Imported) -> None:
    for event in imported.events:
        validate(event)
    assert len({event["id"] for event in imported.events}) == len(imported.events) == 171_072


def test_importing_again_gives_the_same_events(boston_csv: Path, imported: Imported) -> None:
    profile = load_profile("boston-311")
    mapping = load_mapping(folder_of("boston-311") / "mapping.yaml", time_zone=profile.time_zone)
    assert import_files(boston_csv, mapping).events == imported.events


def test_on_time_agrees_with_the_city_for_every_closed_case_with_a_flag(
    imported: Imported, rows: dict[str, dict[str, str]]
) -> None:
    filed, closed = by_case(imported.of("filed")), by_case(imported.of("closed"))
    flags: Counter[tuple[str, bool]] = Counter()
    for case_id, event in closed.items():
        deadline = filed[case_id]["data"].get("deadline_at")
        closed_at = datetime.fromisoformat(event["time"])
        is_on_time = deadline is None or closed_at <= datetime.fromisoformat(deadline)
        flags[rows[case_id]["ontime"], is_on_time] += 1
    assert flags["ONTIME", True] == ON_TIME
    assert flags["ONTIME", False] == flags["OVERDUE", True] == 0
    assert set(flags) == {("ONTIME", True), ("OVERDUE", False), ("", False)}
    assert sum(flags.values()) == CLOSED


def test_the_instants_read_on_a_clock_in_boston_are_the_cells_of_the_export(
    imported: Imported, rows: dict[str, dict[str, str]]
) -> None:
    def wall(text: str) -> str:
        return datetime.fromisoformat(text).astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")

    for event in imported.of("filed"):
        row = rows[event["subject"]]
        assert wall(event["time"]) == row["open_dt"]
        deadline = event["data"].get("deadline_at")
        assert (wall(deadline) if deadline else "") == row["target_dt"]
    for event in imported.of("closed"):
        assert wall(event["time"]) == rows[event["subject"]]["closed_dt"]


def test_the_repeated_hour_of_november_is_in_the_export_and_read_as_its_first_pass(
    imported: Imported,
) -> None:
    hour = [event for event in imported.of("filed") if event["time"].startswith("2011-11-06T05:")]
    assert [event["time"][11:] for event in hour] == ["05:09:48Z", "05:13:20Z", "05:54:07Z"]
    assert not [event for event in imported.of("filed") if event["time"].startswith("2011-11-06T06:")]


def test_blank_neighbourhoods_and_wards_are_left_out(
    imported: Imported, rows: dict[str, dict[str, str]]
) -> None:
    for event in imported.of("reported"):
        row = rows[event["subject"]]
        assert event["data"].get("grid_code", "") == row["neighborhood"].strip()
        number = "".join(character for character in row["ward"] if character.isdigit())
        assert event["data"].get("tags", []) == ([f"ward-{int(number):02}"] if number else [])


def test_every_code_is_in_the_registers_of_the_profile(imported: Imported) -> None:
    profile = load_profile("boston-311")
    registers: dict[str, set[str]] = {
        "grid_code": {grid.grid_code for grid in profile.grids},
        "unit_code": {unit.unit_code for unit in profile.units},
        "category_code": {category.category_code for category in profile.categories},
        "channel": set(profile.channels),
        "work_type": set(profile.work_types),
    }
    for name, register in registers.items():
        said = {value for value in imported.datum(name) if value is not None}
        assert said
        assert said <= register, name


def test_the_profile_judges_as_the_city_does() -> None:
    profile = load_profile("boston-311")
    assert profile.on_time_basis == "closing"
    assert profile.without_limit == "on_time"
    assert profile.time_zone == "America/New_York"
    assert profile.calendar.country == "US"
    assert not profile.limits
    parents = {grid.parent_code for grid in profile.grids}
    assert parents == {None, "Boston"}
    categories = {category.category_code for category in profile.categories}
    assert {c.parent_code for c in profile.categories} - {None} <= categories
