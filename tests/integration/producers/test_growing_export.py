"""A growing export, imported again and again, gives the cases of a first import of its last version."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gridrates.profile import load_profile
from gridrates.settings import Settings
from producers.csv_export import memory
from producers.csv_export.memory import Changes, Memory
from producers.csv_export.sending import Sent, send_exports
from tests.exporting import mapping_of, write_csv
from transforms.runner import Runner
from warehouse.landing import land
from warehouse.live import open_live

HEADER = [
    "工单编号",
    "上报时间",
    "派单时间",
    "办结时间",
    "截止时间",
    "承办单位",
    "网格",
    "回访时间",
    "满意度",
]
MAPPING: dict[str, Any] = {
    "source": "growing",
    "id": "工单编号",
    "time_zone": "Asia/Shanghai",
    "events": {
        "reported": {"at": "上报时间", "grid_code": "网格"},
        "filed": {"at": "上报时间", "deadline_at": "截止时间"},
        "dispatched": {"at": "派单时间", "when": {"派单时间": "present"}, "unit_code": "承办单位"},
        "closed": {"at": "办结时间", "when": {"办结时间": "present"}},
        "visited": {"at": "回访时间", "when": {"回访时间": "present"}, "satisfaction": "满意度"},
    },
}
AS_OF = datetime.fromisoformat("2024-12-31T12:00:00+08:00")


def row(number: int, **cells: str) -> list[str]:
    opened = datetime(2024, 5, 1, 8) + timedelta(minutes=7 * number)
    whole = {
        "id": f"案-{number}",
        "opened": f"{opened}",
        "sent": f"{opened + timedelta(hours=1)}",
        "closed": "",
        "due": f"{opened + timedelta(days=3)}",
        "unit": "城管",
        "grid": "g1",
        "visited": "",
        "satisfaction": "",
    }
    assert set(cells) <= set(whole)
    return list((whole | cells).values())


# Three versions of ten rows: what each is for, and its cells in the first, second and third; None is no row.
STORIES: dict[str, tuple[dict[str, str] | None, dict[str, str] | None, dict[str, str] | None]] = {
    "never changes": ({}, {}, {}),
    "is added": (None, {}, {}),
    "is added last, closed": (None, None, {"closed": "2024-05-03 10:00:00"}),
    "is closed": ({}, {"closed": "2024-05-02 10:00:00"}, {"closed": "2024-05-02 10:00:00"}),
    "is closed later than was said": (
        {"closed": "2024-05-02 10:00:00"},
        {},
        {"closed": "2024-05-04 10:00:00"},
    ),
    "is closed earlier than was said": (
        {"closed": "2024-05-09 10:00:00"},
        {"closed": "2024-05-02 10:00:00"},
        {"closed": "2024-05-02 10:00:00"},
    ),
    "has its closing taken back": ({}, {"closed": "2024-05-02 10:00:00"}, {}),
    "has its closing taken back, and it was right": (
        {"closed": "2024-05-02 10:00:00"},
        {},
        {"closed": "2024-05-02 10:00:00"},
    ),
    "goes to another unit": ({}, {"unit": "环卫"}, {"unit": "交警"}),
    "goes to another unit and back": ({}, {"unit": "环卫"}, {}),
    "was opened later": ({}, {}, {"opened": "2024-05-01 12:00:00"}),
    "lies in another grid, has another limit": (
        {},
        {"grid": "g2"},
        {"grid": "g2", "due": "2024-05-20 08:00:00"},
    ),
    "is rated otherwise": (
        {"closed": "2024-05-02 10:00:00", "visited": "2024-05-03 10:00:00", "satisfaction": "satisfied"},
        {"closed": "2024-05-02 10:00:00", "visited": "2024-05-03 10:00:00", "satisfaction": "dissatisfied"},
        {"closed": "2024-05-02 10:00:00"},
    ),
}
VERSIONS = [
    [row(n, **cells) for n, told in enumerate(STORIES.values()) if (cells := told[version]) is not None]
    for version in range(3)
]


@pytest.fixture(autouse=True)
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows at a time that every comparison goes by several slices."""
    monkeypatch.setattr(memory, "SLICE_ROWS", 20)


@pytest.fixture
def street(kafka_settings: Settings) -> Settings:
    return kafka_settings.model_copy(update={"profile": "demo-street"})


def send(settings: Settings, tmp_path: Path, rows: list[list[str]], **options: Any) -> Sent:
    mapping = mapping_of(options.pop("mapping", MAPPING))
    path = write_csv(tmp_path / f"export-{random.randrange(10**9)}.csv", [HEADER, *rows])
    sent = send_exports(settings, [path], mapping, **{"kind": "growing"} | options)
    assert sent.failure is None and not sent.refused and sent.summary.rejected == 0
    assert sent.acknowledged == sent.summary.event_count
    return sent


def figures(settings: Settings) -> Iterator[list[tuple[Any, ...]]]:
    """Land what is on the topic; then cases, tasks and counts."""
    with open_live(settings, command="test") as connection:
        land(connection, settings)
        assert connection.execute("SELECT count(*) FROM raw_rejected_event").fetchall() == [(0,)]
        Runner(connection, load_profile("demo-street"), AS_OF).fold()
        # A task is named by the event that dispatched it: sent again after it was taken back, by another.
        for table in ("core_case", "core_dispatch_task", "core_visit", "core_daily_cohort"):
            named = [(row[0],) for row in connection.execute(f"DESCRIBE {table}").fetchall()]
            columns = ", ".join(name for (name,) in named if name not in ("task_id", "event_id"))
            yield connection.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()


def other(settings: Settings, name: str) -> Settings:
    """Another topic and another home on the same broker."""
    return settings.model_copy(update={"topic": f"{settings.topic}-{name}", "home": settings.home / name})


@pytest.fixture
def fresh(street: Settings, tmp_path: Path) -> list[list[tuple[Any, ...]]]:
    """The figures of the third version, imported alone into an empty warehouse."""
    settings = other(street, "fresh")
    send(settings, tmp_path, VERSIONS[2])
    return list(figures(settings))


def test_three_versions_give_the_cases_of_the_third(
    street: Settings, tmp_path: Path, fresh: list[list[tuple[Any, ...]]]
) -> None:
    first = send(street, tmp_path, VERSIONS[0])
    assert first.summary.unchanged == 0
    assert send(street, tmp_path, VERSIONS[0]).acknowledged == 0
    list(figures(street))
    second = send(street, tmp_path, VERSIONS[1])
    assert 0 < second.acknowledged < first.acknowledged
    list(figures(street))
    send(street, tmp_path, random.Random(1).sample(VERSIONS[2], len(VERSIONS[2])))
    assert list(figures(street)) == fresh
    again = send(street, tmp_path, VERSIONS[2])
    assert (again.acknowledged, again.summary.unchanged) == (0, len(VERSIONS[2]))
    with open_live(street, command="test") as connection:
        (told,) = connection.execute(
            "SELECT count(*) FROM raw_event WHERE event_type LIKE '%closed%'"
        ).fetchall()
    assert told[0] > sum(bool(r[3]) for r in VERSIONS[2])


def test_what_is_sent_is_what_changed(street: Settings, tmp_path: Path) -> None:
    rows = [row(n) for n in range(100, 200)]
    send(street, tmp_path, rows)
    rows[3] = row(103, closed="2024-06-01 08:00:00")
    rows[4] = row(104, unit="环卫")
    sent = send(street, tmp_path, [*rows, row(200)])
    assert +sent.summary.events == {
        "gridrates.case.reported.v1": 1,
        "gridrates.case.filed.v1": 1,
        "gridrates.case.dispatched.v1": 2,
        "gridrates.case.closed.v1": 1,
        "gridrates.event.retracted.v1": 1,
    }


def test_rows_that_are_gone_are_told_and_nothing_is_sent_about_them(street: Settings, tmp_path: Path) -> None:
    send(street, tmp_path, VERSIONS[0])
    sent = send(street, tmp_path, VERSIONS[0][2:])
    assert sent.acknowledged == 0
    assert sent.summary.changes is not None and sent.summary.changes.vanished == 2
    assert send(street, tmp_path, VERSIONS[0]).acknowledged == 0


@pytest.mark.full
def test_a_lost_memory_sends_everything_again_and_changes_nothing(
    street: Settings, tmp_path: Path, fresh: list[list[tuple[Any, ...]]]
) -> None:
    for version in VERSIONS:
        send(street, tmp_path, version)
    for file in (street.home_dir / "imports").iterdir():
        file.unlink()
    sent = send(street, tmp_path, VERSIONS[2])
    assert sent.summary.unchanged == 0 and sent.acknowledged > 0
    assert list(figures(street)) == fresh


@pytest.mark.full
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_an_import_that_was_cut_short_is_made_up_for(
    street: Settings,
    tmp_path: Path,
    fresh: list[list[tuple[Any, ...]]],
    cut: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Everything was sent, and the memory did not move; then the next version comes."""
    for number, version in enumerate(VERSIONS):
        with monkeypatch.context() as patch:
            if number == cut:
                patch.setattr(Memory, "keep", lambda _: None)
            send(street, tmp_path, version)
    send(street, tmp_path, VERSIONS[2])
    assert list(figures(street)) == fresh


@pytest.mark.full
def test_another_topic_and_all_are_sent_everything(street: Settings, tmp_path: Path) -> None:
    first = send(street, tmp_path, VERSIONS[0])
    elsewhere = other(street, "elsewhere").model_copy(update={"home": street.home})
    assert send(elsewhere, tmp_path, VERSIONS[0]).acknowledged == first.acknowledged
    assert send(street, tmp_path, VERSIONS[0]).acknowledged == 0
    assert send(street, tmp_path, VERSIONS[0], send_all=True).acknowledged == first.acknowledged


@pytest.mark.full
def test_rows_that_share_a_case_are_added_to_unless_the_mapping_names_them(
    street: Settings, tmp_path: Path
) -> None:
    rows = [row(1), row(1, sent="2024-05-02 08:00:00", unit="环卫")]
    changed = [row(1), row(1, sent="2024-05-02 08:00:00", unit="交警")]
    send(street, tmp_path, rows)
    sent = send(street, tmp_path, changed)
    assert sent.summary.changes is not None
    assert (sent.summary.changes.retracted, sent.summary.changes.uncorrected) == (0, 1)

    named = MAPPING | {"row": {"template": "{工单编号}/{派单时间}"}}
    elsewhere = other(street, "named")
    send(elsewhere, tmp_path, rows, mapping=named)
    sent = send(elsewhere, tmp_path, changed, mapping=named)
    assert sent.summary.changes == Changes(retracted=1, vanished=0, uncorrected=0)
    assert sent.acknowledged == 2


@pytest.mark.full
def test_a_changed_mapping_sends_what_it_changes(street: Settings, tmp_path: Path) -> None:
    send(street, tmp_path, VERSIONS[0])
    more = MAPPING | {"events": MAPPING["events"] | {"supervised": "派单时间"}}
    sent = send(street, tmp_path, VERSIONS[0], mapping=more)
    assert +sent.summary.events == {"gridrates.case.supervised.v1": len(VERSIONS[0])}
