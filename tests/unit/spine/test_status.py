"""Status: when each of the five lines is green, yellow or red, and what it says then."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gridrates import pipeline, statefile, status
from gridrates.cli import app
from gridrates.errors import ServiceUnavailable
from gridrates.pipeline import open_pass
from gridrates.settings import Settings
from gridrates.status import Lag, Level, Line, collect
from tests.published_street import NOW, make_published, make_settings

GREEN, YELLOW, RED = Level.GREEN, Level.YELLOW, Level.RED
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_published(tmp_path_factory.mktemp("street"))


@pytest.fixture
def street(original: Settings, tmp_path: Path) -> Settings:
    """A copy that the test may change."""
    shutil.copytree(original.home, tmp_path / "home", symlinks=True)
    return original.model_copy(update={"home": tmp_path / "home"})


def lag(records: int = 100, behind: int = 0) -> Callable[[Settings], Lag]:
    return lambda settings: Lag(records, behind)


def away(settings: Settings) -> Lag:
    raise ServiceUnavailable("Kafka does not answer.", remedy="Start it.")


def landed(settings: Settings, ago: timedelta, **entry: object) -> None:
    ended_at = (datetime.now(UTC) - ago).isoformat()
    statefile.write(settings, "land", {"state": "succeeded", "ended_at": ended_at, **entry})


def line(settings: Settings, name: str, **options: object) -> Line:
    options.setdefault("probe", lag())
    return next(line for line in collect(settings, **options) if line.name == name)


def change(settings: Settings, *statements: str) -> None:
    """Change the live file and publish it again."""
    with open_pass(settings, "test", now=NOW) as this:
        for statement in statements:
            this.connection.execute(statement)
        this.publish()


def test_all_is_well(street) -> None:
    landed(street, MINUTE)
    lines = collect(street, probe=lag())
    assert [each.name for each in lines] == ["landing", "freshness", "rejects", "checks", "disk"]
    assert {each.level for each in lines} == {GREEN}
    assert not any(each.remedy for each in lines)


def test_a_new_home_is_not_broken(tmp_path) -> None:
    levels = {each.name: each.level for each in collect(make_settings(tmp_path), probe=lag(0))}
    assert levels == {
        "landing": GREEN, "freshness": YELLOW, "rejects": GREEN, "checks": GREEN, "disk": GREEN,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("behind", "ago", "level"),
    [
        (0, 300 * HOUR, GREEN),
        (5, MINUTE, GREEN),
        (5, 11 * MINUTE, YELLOW),
        (5, 2 * HOUR, RED),
    ],
)
def test_waiting_records_are_alarming_when_nothing_lands_them(street, behind, ago, level) -> None:
    landed(street, ago)
    found = line(street, "landing", probe=lag(1000, behind))
    assert found.level == level
    assert f"{behind} of 1,000 records wait" in found.text
    assert bool(found.remedy) == (level != GREEN)


def test_records_that_were_never_landed(tmp_path) -> None:
    found = line(make_settings(tmp_path), "landing", probe=lag(10, 10))
    assert (found.level, found.text) == (YELLOW, "10 of 10 records wait; nothing has been landed yet")


def test_a_broker_that_is_away(street) -> None:
    landed(street, 5 * MINUTE)
    found = line(street, "landing", probe=away)
    assert (found.level, found.remedy) == (RED, "Start it.")
    assert found.text == "Kafka does not answer. last landing 5 min ago"


def test_a_try_that_failed_is_no_landing(street, monkeypatch) -> None:
    landed(street, 3 * HOUR)
    monkeypatch.setattr(pipeline, "land_batches", lambda _, settings, **__: away(settings))
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            pipeline.land(street)
    found = line(street, "landing", now=datetime.now(UTC) + 5 * MINUTE)
    assert found.level == RED
    assert "last landing 3 h ago; the try 5 min ago failed: Kafka does not answer. Start it." in found.text


def test_a_topic_that_is_gone(street) -> None:
    landed(street, 5 * MINUTE)
    found = line(street, "landing", probe=lambda _: Lag(0, 0, has_topic=False))
    assert (found.level, found.text) == (
        RED,
        "Kafka has no topic 'case-events' any more; last landing 5 min ago",
    )


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("land", "landing"),
        ("fold", "freshness"),
        ("compute", "freshness"),
        ("publish", "freshness"),
        ("check_raw", "checks"),
        ("check_marts", "checks"),
    ],
)
def test_a_stage_that_failed_last_is_red_and_says_why(street, stage: str, name: str) -> None:
    statefile.write(street, stage, {"state": "failed", "detail": "WarehouseError: no such luck"})
    found = line(street, name)
    assert found.level == RED
    assert "no such luck" in found.text
    statefile.write(street, stage, {"state": "succeeded"})
    assert line(street, name).level == GREEN


@pytest.mark.parametrize(("hours", "level"), [(1, GREEN), (25, GREEN), (27, YELLOW), (51, YELLOW), (53, RED)])
def test_a_published_file_grows_stale(street, hours: int, level: Level) -> None:
    found = line(street, "freshness", now=datetime.now(UTC) + hours * HOUR)
    assert found.level == level
    assert found.details["generation"] == 1
    assert found.details["last_date"] == date(2026, 5, 2)
    assert "generation 1 published" in found.text


def test_how_fresh_is_a_setting(street) -> None:
    patient = street.model_copy(update={"fresh_within_hours": 1000.0})
    assert line(patient, "freshness", now=datetime.now(UTC) + 500 * HOUR).level == GREEN


def test_open_rejects_by_reason(street) -> None:
    reject = (
        "INSERT INTO raw_rejected_event BY NAME SELECT range AS reject_id, {!r} AS reason_code, "
        "'x' AS reason_text, 't' AS kafka_topic, 0 AS kafka_partition, {} + range AS kafka_offset, "
        "1 AS batch_id, now() AS rejected_at, {!r} AS status FROM range({})"
    )
    change(
        street,
        reject.format("not_json", 0, "open", 3),
        reject.format("id_conflict", 10, "open", 1),
        reject.format("no_id", 20, "replayed", 5),
    )
    found = line(street, "rejects")
    assert (found.level, found.text) == (YELLOW, "4 open: 3 not_json, 1 id_conflict")
    assert found.details == {"open": {"not_json": 3, "id_conflict": 1}}


RESULT = (
    "INSERT INTO ops_quality_result BY NAME SELECT 'r' AS run_id, TIMESTAMPTZ '2026-05-0{}' AS checked_at, "
    "'marts' AS suite, 'out_daily_rates' AS table_name, {!r} AS rule, {!r} AS severity, {} AS is_passed"
)


def test_checks_that_hold(street) -> None:
    change(
        street, RESULT.format(1, "in_range", "critical", True), RESULT.format(1, "volume", "warning", True)
    )
    assert (line(street, "checks").level, line(street, "checks").text) == (GREEN, "2 rules checked, all hold")


def test_only_the_last_verdict_of_a_rule_counts(street) -> None:
    change(street, RESULT.format(1, "volume", "warning", False), RESULT.format(2, "volume", "warning", True))
    assert line(street, "checks").level == GREEN


def test_checks_that_fail(street) -> None:
    change(
        street, RESULT.format(1, "in_range", "critical", True), RESULT.format(1, "volume", "warning", False)
    )
    found = line(street, "checks")
    assert (found.level, found.text) == (YELLOW, "2 rules checked, 1 warning failed")


def test_dates_held_back(street) -> None:
    change(street, "UPDATE ops_business_date SET state = 'held_back', reason = 'out_daily_rates.in_range'")
    found = line(street, "checks")
    assert found.level == YELLOW
    assert "dates held back: 2026-05-01, 2026-05-02" in found.text
    assert found.details["held_back"]["2026-05-01"] == "out_daily_rates.in_range"


@pytest.mark.parametrize(("free", "level"), [(0.5, GREEN), (0.09, YELLOW), (0.01, RED)])
def test_room_on_the_disk(street, monkeypatch, free: float, level: Level) -> None:
    usage = Usage(10**12, int((1 - free) * 10**12), int(free * 10**12))
    monkeypatch.setattr(status.shutil, "disk_usage", lambda path: usage)
    found = line(street, "disk")
    assert found.level == level
    assert f"({free:.0%})" in found.text
    assert found.details["live_bytes"] > 10_000 < found.details["published_bytes"]


def test_is_never_held_up_by_a_writer(street) -> None:
    with open_pass(street, "a long run", now=NOW):
        assert line(street, "freshness").level == GREEN


# On the command line


def run(settings: Settings, *arguments: str) -> tuple[int, str]:
    options = ["--home", str(settings.home), "--profile", settings.profile, "status"]
    result = CliRunner().invoke(app, [*options, *arguments])
    return result.exit_code, result.stdout


def test_five_lines_then_what_to_do(street, monkeypatch) -> None:
    monkeypatch.setattr(status, "read_lag", away)
    code, said = run(street)
    assert code == 20
    lines = said.splitlines()
    assert [each.split()[1] for each in lines[:5]] == ["landing", "freshness", "rejects", "checks", "disk"]
    assert lines[0].startswith("● landing   落地 red    Kafka does not answer.")
    assert lines[5:] == ["  landing: Start it."]


@pytest.mark.parametrize(
    ("probe", "code", "level"), [(lag(), 0, "green"), (lag(9, 9), 10, "yellow"), (away, 20, "red")]
)
def test_the_exit_code_follows_the_worst_line(street, monkeypatch, probe, code: int, level: str) -> None:
    monkeypatch.setattr(status, "read_lag", probe)
    found, said = run(street, "--json")
    answer = json.loads(said)
    assert (found, answer["level"]) == (code, level)
    assert [each["name"] for each in answer["lines"]] == ["landing", "freshness", "rejects", "checks", "disk"]
    assert answer["lines"][1]["details"]["generation"] == 1


def test_without_any_broker_it_says_how_to_start_one(street) -> None:
    code, said = run(street)
    assert code == 20
    assert "gridrates dev up" in said


def test_a_published_file_that_is_gone_is_not_one_that_never_was(street: Settings) -> None:
    landed(street, MINUTE)
    statefile.write(street, "publish", {"state": "succeeded", "ended_at": "2026-05-03T01:00:00+00:00"})
    assert "gone" not in line(street, "freshness").text
    shutil.rmtree(street.published_dir)
    gone = line(street, "freshness")
    assert (gone.level, gone.remedy) == (RED, "Run `gridrates run`: it publishes everything anew.")
    assert "published on 2026-05-03 01:00 UTC is gone" in gone.text
    # What was refused stands in the published file: without it nobody knows.
    assert line(street, "rejects").text == "unknown until something is published"
