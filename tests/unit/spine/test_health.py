"""Health: what is measured, where it turns yellow and red, what is kept of it, and how it is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gridrates import health, pipeline
from gridrates.alerts import open_alerts
from gridrates.cli import app
from gridrates.errors import ServiceUnavailable
from gridrates.health import Finding, checks, judge, measure, record, spoken
from gridrates.lag import PartitionLag
from gridrates.pipeline import open_pass
from gridrates.published_client import open_published
from gridrates.settings import Settings
from gridrates.status import Level
from tests.published_street import NOW, make_published, make_settings

ROOT = Path(__file__).parents[3]
GREEN, YELLOW, RED = Level.GREEN, Level.YELLOW, Level.RED
NEVER = object()


def kafka(*lags: PartitionLag) -> Callable[[Settings], Sequence[PartitionLag]]:
    return lambda settings: lags


def away(settings: Settings) -> Sequence[PartitionLag]:
    raise ServiceUnavailable("Kafka does not answer.", remedy="Start it.")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_published(tmp_path_factory.mktemp("street"))


@pytest.fixture
def street(original: Settings, tmp_path: Path) -> Settings:
    """A copy that the test may change."""
    shutil.copytree(original.home, tmp_path / "home", symlinks=True)
    return original.model_copy(update={"home": tmp_path / "home"})


def measured(settings: Settings, *statements: str, now: datetime = NOW, probe=None) -> dict[str, Finding]:
    """What is found after some changes of the live file, by key."""
    with open_pass(settings, "test", now=now) as this:
        for statement in statements:
            this.connection.execute(statement)
        return {
            each.key: each for each in measure(settings, this.connection, now=now, probe=probe or kafka())
        }


def test_every_check_leads_to_a_page_that_tells_what_to_do() -> None:
    for check in checks().values():
        assert (ROOT / "docs" / "runbooks" / f"{check.runbook}.md").exists(), check.runbook
        assert check.zh and check.remedy.endswith("."), check.name


def test_every_statement_belongs_to_a_check() -> None:
    files = {path.stem.removeprefix("health_") for path in health.SQL.glob("health_*.sql")}
    assert files <= set(checks())
    elsewhere = {"lag", "unlanded_age", "kafka", "file_bytes", "disk_free_share"}
    assert set(checks()) - files == elsewhere


def test_limits_are_settings(street: Settings) -> None:
    for check in checks().values():
        assert check.limit is None or check.limit in Settings.model_fields, check.name


def test_a_street_that_is_well(street: Settings) -> None:
    found = measured(street, probe=kafka(PartitionLag(0, 0, 10, 10)))
    beyond = {key for key, each in found.items() if each.level}
    # The days of the example are over; the calendar really ends in less than its limit, or does not.
    assert beyond <= {"calendar_days_left/calendar"}
    assert {"lag/0", "kafka/broker", "table_age/publication", "table_age/daily_rates"} <= set(found)


@pytest.mark.parametrize(
    ("behind", "minutes", "lag", "age"),
    [
        (0, None, GREEN, GREEN),
        (100_000, 29, GREEN, GREEN),
        (100_001, 31, YELLOW, YELLOW),
        (500_001, 61, RED, RED),
    ],
)
def test_lag_and_age_of_a_partition(
    street: Settings, behind: int, minutes: int | None, lag: Level, age: Level
) -> None:
    oldest = None if minutes is None else NOW - timedelta(minutes=minutes)
    found = measured(street, probe=kafka(PartitionLag(3, 0, 10 + behind, 10, oldest)))
    assert (found["lag/3"].level, found["lag/3"].value) == (lag, behind)
    assert found["unlanded_age/3"].level == age


def test_a_broker_that_is_away_is_a_finding_and_the_rest_is_measured(street: Settings) -> None:
    found = measured(street, probe=away)
    assert (found["kafka/broker"].level, found["kafka/broker"].text) == (RED, "Kafka does not answer")
    assert "file_bytes/live" in found
    assert not any(key.startswith("lag/") for key in found)


@pytest.mark.parametrize(("hours", "level"), [(30, GREEN), (44, YELLOW), (80, RED)])
def test_a_published_table_grows_old_after_its_newest_date_is_over(
    street: Settings, hours: int, level: Level
) -> None:
    """2 May ends at midnight in Shanghai, nine hours before NOW; 26 hours later it is late."""
    found = measured(street, now=NOW + timedelta(hours=hours - 9 - 8))
    assert found["table_age/daily_rates"].value == pytest.approx((hours - 8) * 3600)
    assert found["table_age/daily_rates"].level == level


REJECT = (
    "INSERT INTO raw_rejected_event BY NAME SELECT range AS reject_id, {!r} AS reason_code, "
    "'x' AS reason_text, {} AS source, 't' AS kafka_topic, 0 AS kafka_partition, range AS kafka_offset, "
    "1 AS batch_id, "
    "TIMESTAMPTZ '2026-05-03 00:00:00+08' AS rejected_at, {!r} AS status FROM range({})"
)
LEDGER = (
    "INSERT INTO raw_landing_batch BY NAME SELECT 9 AS batch_id, 't' AS kafka_topic, 0 AS kafka_partition, "
    "0 AS from_offset, 1 AS to_offset, 1000 AS read_count, 0 AS landed_count, 0 AS duplicate_count, "
    "{} AS rejected_count, 0 AS conflict_count, 0 AS byte_count, 0 AS fetch_seconds, 0 AS parse_seconds, "
    "0 AS write_seconds, now() AS started_at, TIMESTAMPTZ '{}' AS committed_at, '0' AS program_version"
)
HOLD = (
    "INSERT INTO ops_quality_hold BY NAME SELECT 'raw' AS suite, 't' AS table_name, 'r' AS rule, "
    "{} AS business_date, 1 AS failing_count, 'm' AS remedy, 'x' AS run_id, now() AS held_at, "
    "{} AS is_released"
)
RUN = (
    "INSERT INTO ops_pipeline_run BY NAME SELECT 'r' AS run_id, 'land' AS stage, "
    "TIMESTAMPTZ '2026-05-03' + to_minutes({0}) AS started_at, "
    "TIMESTAMPTZ '2026-05-03' + to_minutes({0}) + to_seconds({1}) AS ended_at, "
    "{2!r} AS state, '0' AS program_version"
)
RESTATED = (
    "INSERT INTO out_restatement BY NAME SELECT DATE '2026-01-01' + range::INTEGER AS business_date, "
    "'l' AS level, 'c' AS code, 'w' AS work_type, 'i' AS indicator, now() AS published_at, "
    "TIMESTAMPTZ '2026-05-03' AS restated_at, 1 AS late_event_count, [] AS case_ids FROM range({})"
)
TODAY = "2026-05-02 20:00:00+08"


@pytest.mark.parametrize(
    ("statement", "key", "value", "level"),
    [
        (REJECT.format("not_json", "'crm'", "open", 3), "open_rejects/crm", 3, YELLOW),
        (REJECT.format("not_json", "NULL", "open", 1), "open_rejects/unknown", 1, YELLOW),
        (REJECT.format("not_json", "'crm'", "replayed", 3), "open_rejects/crm", NEVER, GREEN),
        (REJECT.format("id_conflict", "'crm'", "replayed", 10), "conflicts/crm", 10, GREEN),
        (REJECT.format("id_conflict", "'crm'", "replayed", 11), "conflicts/crm", 11, YELLOW),
        (LEDGER.format(10, TODAY), "rejected_share/t", 0.01, GREEN),
        (LEDGER.format(11, TODAY), "rejected_share/t", 0.011, YELLOW),
        (LEDGER.format(101, TODAY), "rejected_share/t", 0.101, RED),
        (LEDGER.format(900, "2026-05-01 08:00:00+08"), "rejected_share/t", NEVER, GREEN),
        (HOLD.format("NULL", "false"), "gate_closed/raw", 1, RED),
        (HOLD.format("NULL", "true"), "gate_closed/raw", NEVER, GREEN),
        (HOLD.format("DATE '2026-05-01'", "false"), "gate_closed/raw", NEVER, GREEN),
        ("UPDATE ops_business_date SET state = 'held_back'", "held_back_dates/all", 2, YELLOW),
        (RESTATED.format(60), "restated_dates/all", 60, GREEN),
        (RESTATED.format(61), "restated_dates/all", 61, YELLOW),
        (RESTATED.format(601), "restated_dates/all", 601, RED),
        (RUN.format(1, 1, "failed"), "failed_stages/land", 1, RED),
    ],
)
def test_what_is_wrong_is_found(
    street: Settings, statement: str, key: str, value: object, level: Level
) -> None:
    found = measured(street, statement).get(key)
    if value is NEVER:
        assert found is None
    else:
        assert found is not None
        assert (found.value, found.level) == (pytest.approx(value), level)
        assert bool(found.remedy) == (level != GREEN)


def test_a_stage_that_failed_and_ran_again_is_well(street: Settings) -> None:
    found = measured(street, RUN.format(1, 1, "failed"), RUN.format(2, 1, "succeeded"))
    assert "failed_stages/land" not in found


@pytest.mark.parametrize(
    ("before", "last", "level"),
    [(6, 18, GREEN), (6, 20, YELLOW), (6, 80, RED), (0.1, 9, None), (6, 12, GREEN)],
)
def test_a_stage_that_takes_longer_than_usual(
    street: Settings, before: float, last: float, level: Level | None
) -> None:
    usual = [RUN.format(minute, before, "succeeded") for minute in range(8)]
    found = measured(street, *usual, RUN.format(9, last, "succeeded")).get("stage_slowness/land")
    assert (found and found.level) == level


def test_what_is_usual_needs_some_runs(street: Settings) -> None:
    few = [RUN.format(minute, 1, "succeeded") for minute in range(4)]
    assert "stage_slowness/land" not in measured(street, *few, RUN.format(9, 100, "succeeded"))


@pytest.mark.parametrize(("hours", "level"), [(1, GREEN), (27, YELLOW), (53, RED)])
def test_a_stale_date_that_nobody_publishes(street: Settings, hours: int, level: Level) -> None:
    since = f"TIMESTAMPTZ '{NOW}' - INTERVAL {hours} HOUR"
    found = measured(street, f"UPDATE ops_business_date SET state = 'stale', marked_at = {since}")
    (waiting,) = [each for key, each in found.items() if key.startswith("stale_dates_age/")]
    assert waiting.level == level
    assert waiting.subject.startswith("2026-05-0")


@pytest.mark.parametrize("level", Level)
def test_a_live_file_that_is_large(street: Settings, level: Level) -> None:
    size = street.warehouse_path.stat().st_size / 1e9
    limit = {GREEN: 2 * size, YELLOW: size / 1.5, RED: size / 3}[level]
    found = measured(street.model_copy(update={"health_file_gb": limit}))
    assert found["file_bytes/live"].level == level


def test_growth_is_measured_against_yesterday(street: Settings) -> None:
    yesterday = NOW - timedelta(days=1)
    with open_pass(street, "test", now=NOW) as this:
        record(this.connection, judge(street, "file_bytes", [("live", 1000.0)]), now=yesterday)
    found = measured(street)["file_growth/live"]
    assert found.value == pytest.approx(found_size(street) - 1000, rel=0.2)
    assert found.level == GREEN


def found_size(settings: Settings) -> int:
    return settings.warehouse_path.stat().st_size


def test_a_calendar_that_ends(street: Settings) -> None:
    for days, level in ((60, GREEN), (59, YELLOW), (14, RED)):
        ends = f"DELETE FROM core_calendar WHERE calendar_date > DATE '2026-05-03' + {days}"
        assert measured(street, ends)["calendar_days_left/calendar"].level == level


def test_room_on_the_disk(street: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, level in ((50, GREEN), (9, YELLOW), (2, RED)):
        usage = shutil._ntuple_diskusage(100, 100 - free, free)
        monkeypatch.setattr(health.shutil, "disk_usage", lambda path, usage=usage: usage)
        assert measured(street)["disk_free_share/home"].level == level


def test_a_new_home_can_be_measured(tmp_path: Path) -> None:
    found = measured(make_settings(tmp_path))
    assert {each.level for each in found.values()} == {GREEN}
    assert "table_age/publication" not in found


def test_figures_are_spoken_in_units_of_people() -> None:
    assert [spoken(1800, "seconds"), spoken(7200, "seconds")] == ["30 min", "2.0 h"]
    assert [spoken(0.0123, "share"), spoken(2e9, "bytes")] == ["1.2%", "2.00 GB"]
    assert [spoken(None, "events"), spoken(1234, "events")] == ["unknown", "1,234 events"]
    assert [spoken(0, "dates"), spoken(1, "dates")] == ["0 dates", "1 date"]


# What is kept


def test_findings_are_kept_published_and_noted(street: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_probe", kafka(PartitionLag(0, 0, 200_000, 0)))
    findings = pipeline.check_health(street, now=NOW)
    with open_pass(street, "test", now=NOW) as this:
        this.publish()
    with open_published(street) as connection:
        rows = connection.execute("SELECT check_name, subject, value, level FROM pipeline_health").fetchall()
    assert {(each.check, each.subject, each.value, each.level.name.lower()) for each in findings} == set(rows)
    assert ("lag", "0", 200_000.0, "yellow") in rows


def test_what_is_old_is_forgotten(street: Settings) -> None:
    old, new = NOW - timedelta(days=93), NOW
    with open_pass(street, "test", now=NOW) as this:
        for moment in (old, new):
            record(this.connection, judge(street, "lag", [("0", 1.0)]), now=moment)
        kept = this.connection.execute("SELECT checked_at FROM ops_pipeline_health").fetchall()
    assert kept == [(NOW.astimezone(UTC),)]


# What is told


def told(settings: Settings, *findings: tuple[str, str, float]) -> set[str]:
    """The alerts that are open after some findings: (check, subject, value)."""
    health.tell(
        settings, [each for name, *value in findings for each in judge(settings, name, [tuple(value)])]
    )
    return set(open_alerts(settings))


def test_one_alert_a_check_whatever_its_subjects(settings: Settings) -> None:
    assert told(settings, ("lag", "0", 1e6), ("lag", "1", 2e6), ("lag", "2", 0)) == {"health/lag"}
    what = open_alerts(settings)["health/lag"]["what"]
    assert "lag/0 is 1,000,000 records" in what and "lag/1" in what and "lag/2" not in what
    assert told(settings, ("lag", "0", 0)) == set()


def test_many_subjects_do_not_make_a_long_message(settings: Settings) -> None:
    told(settings, *(("open_rejects", f"source-{n}", 1.0) for n in range(50)))
    what = open_alerts(settings)["health/open_rejects"]["what"]
    assert what.endswith("; and 45 more")


def test_a_finding_that_is_gone_is_over(settings: Settings) -> None:
    """A source without open rejects has no row at all."""
    assert told(settings, ("open_rejects", "crm", 3)) == {"health/open_rejects"}
    assert told(settings) == set()


def test_while_kafka_is_away_what_follows_from_it_is_not_told(settings: Settings) -> None:
    told(settings, ("lag", "0", 1e6))
    away = told(settings, ("kafka", "broker", 1), ("failed_stages", "land", 1))
    assert away == {"kafka", "health/lag"}, "and what cannot be measured is not over"
    assert told(settings, ("kafka", "broker", 0), ("failed_stages", "land", 1)) == {"health/failed_stages"}
    other = told(settings, ("kafka", "broker", 1), ("failed_stages", "publish", 1))
    assert other == {"kafka", "health/failed_stages"}


# On the command line


def run(settings: Settings, *arguments: str) -> tuple[int, str]:
    options = ["--home", str(settings.home), "--profile", settings.profile]
    result = CliRunner().invoke(app, [*options, *arguments])
    return result.exit_code, result.stdout


def test_the_command_tells_every_figure_and_what_to_do(
    street: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_probe", away)
    code, said = run(street, "health")
    assert code == 20
    assert "kafka/broker" in said and "docs/runbooks/kafka-away.md" in said
    code, said = run(street, "health", "--json")
    answer = json.loads(said)
    assert (code, answer["level"]) == (20, "red")
    assert {each["check"] for each in answer["findings"]} >= {"kafka", "file_bytes"}


def test_status_shows_what_was_measured_last(street: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_probe", kafka(PartitionLag(0, 0, 200_000, 0)))
    run(street, "health")
    _, said = run(street, "status")
    assert "lag/0 is 200,000 records (limit 100,000 records)" in said
    assert len(said.splitlines()[0].split()) > 3, "the five lines come first"
    _, said = run(street, "status", "--json")
    assert any(each["check"] == "lag" for each in json.loads(said)["health"]["findings"])
