"""A small town: nine weeks of cases in a live file, landed and derived, without a fault anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from contracts.events import ACTIVITY_TYPE, PROJECT_TYPE
from expectations.gate import GateResult, check
from gridrates.profile import Profile
from tests.derived import bring_up_to_date, profile
from tests.events import Row, event, insert_events
from warehouse.migrate import migrate

TRANSFORMS = Path(__file__).parents[3] / "transforms"
ADDITIONS = Path(__file__).parent / "town.yaml"
FIRST = date(2025, 10, 20)
DAYS = 64
CASES_A_DAY = 4
LAST = FIRST + timedelta(days=DAYS - 1)
AS_OF_DATE = LAST + timedelta(days=1)
AS_OF = datetime(AS_OF_DATE.year, AS_OF_DATE.month, AS_OF_DATE.day, 4, tzinfo=UTC)
MIDDLE = FIRST + timedelta(days=40)

PROFILE_PARTS: dict[str, Any] = {
    "grids": [
        {"grid_code": "S", "level": "street"},
        {"grid_code": "G1", "parent_code": "S", "level": "grid"},
        {"grid_code": "G2", "parent_code": "S", "level": "grid"},
        {"tree": "place", "grid_code": "P1", "level": "key_place"},
    ],
    "units": [{"unit_code": "U1"}, {"unit_code": "U2"}],
    "categories": [{"category_system": "2013", "category_code": code} for code in ("0101", "0102")],
    "limits": [{"amount": 4, "unit": "hour"}],
    "work_types": {"grid_case": {}, "dispute": {}},
    "channels": {"patrol": {}, "hotline": {"is_public": True}},
    "score_lists": {
        "joint_inspection": {"zh": "红黄黑榜", "en": "Red, yellow and black", "levels": ["grid"]}
    },
}
PROFILE = profile(**PROFILE_PARTS)

LEDGER = """
INSERT INTO raw_landing_batch BY NAME
SELECT
  batch_id, kafka_topic, kafka_partition,
  min(kafka_offset) AS from_offset, max(kafka_offset) + 1 AS to_offset,
  count(*) AS read_count, count(*) AS landed_count, 0 AS duplicate_count, 0 AS rejected_count,
  0 AS conflict_count, 0 AS byte_count, 0 AS fetch_seconds, 0 AS parse_seconds, 0 AS write_seconds,
  min(landed_at) AS started_at, max(landed_at) AS committed_at, '0' AS program_version
FROM raw_event
WHERE batch_id NOT IN (SELECT batch_id FROM raw_landing_batch)
GROUP BY ALL;
DELETE FROM raw_landing_offset;
INSERT INTO raw_landing_offset BY NAME
SELECT kafka_topic, kafka_partition, max(to_offset) AS next_offset, now() AS updated_at
FROM raw_landing_batch
GROUP BY ALL;
"""


def case_events(case: str, start: datetime, number: int) -> Iterator[Row]:
    """One case's way from report to visit, within two hours."""
    said = {
        "grid_code": ("G1", "G2")[number % 2],
        "category_system": "2013",
        "category_code": ("0101", "0102")[number % 2],
        "channel": ("patrol", "hotline")[number % 2],
        "work_type": ("grid_case", "dispute")[number % 3 == 0],
        "description": "门前有暴露垃圾，请尽快清理",
    }
    unit = ("U1", "U2")[number % 2]
    steps: tuple[tuple[str, dict[str, str]], ...] = (
        ("reported", said),
        ("filed", {}),
        ("dispatched", {"unit_code": unit}),
        ("signed", {}),
        ("handled", {}),
        ("closed", {}),
        ("visited", {"satisfaction": "satisfied"}),
    )
    for place, (verb, data) in enumerate(steps):
        yield event(case, verb, start + timedelta(minutes=15 * place), "Asia/Shanghai", **data)


def town_events() -> Iterator[Row]:
    """Every day a few cases, all closed on the day; every week an inspection; one lift retrofit."""
    for day in range(DAYS):
        start = datetime(2025, 10, 20, 9) + timedelta(days=day)
        for number in range(CASES_A_DAY):
            yield from case_events(f"C{day:03d}-{number}", start + timedelta(minutes=5 * number), number)
        if day % 7 == 0:
            yield event(
                f"A{day:03d}",
                ACTIVITY_TYPE,
                start,
                "Asia/Shanghai",
                activity_kind="joint_inspection",
                grid_code="G1",
                started_at=start,
                ended_at=start + timedelta(hours=2),
                problem_count=2,
                corrected_count=2,
                matter_raised_count=1,
                matter_settled_count=1,
                score=92,
                case_ids=[f"C{day:03d}-0"],
            )
    for month, stage in enumerate(("signed", "under_construction")):
        yield event(
            "P1",
            PROJECT_TYPE,
            datetime(2025, 11 + month, 1, 9),
            "Asia/Shanghai",
            project_kind="lift_retrofit",
            stage=stage,
            grid_code="G1",
        )


def build(path: Path) -> None:
    """Make the town's live file."""
    with open_town(path) as connection:
        migrate(connection)
        insert_events(connection, town_events())
        connection.execute(
            "UPDATE raw_event SET payload = CAST(to_json({id: event_id, words: description}) AS VARCHAR)"
        )
        connection.execute(LEDGER)
        derive(connection)


@contextmanager
def open_town(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The live file, open."""
    with duckdb.connect(str(path), config={"threads": 2}) as connection:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        yield connection


def derive(connection: duckdb.DuckDBPyConnection, chosen: Profile = PROFILE) -> None:
    """Fold what has landed and compute what became stale."""
    bring_up_to_date(connection, chosen, AS_OF)


def judge(connection: duckdb.DuckDBPyConnection, suite: str, **options: object) -> GateResult:
    """A check of the whole town as of the morning after its last day."""
    given: dict[str, object] = {
        "run_id": "run-1",
        "declarations": TRANSFORMS,
        "as_of_date": AS_OF_DATE,
        "additions": ADDITIONS,
    }
    return check(connection, suite=suite, **given | options)  # type: ignore[arg-type]


def failed(result: GateResult) -> set[str]:
    """The names of the rules that failed."""
    return {rule.name for rule in result.failures}
