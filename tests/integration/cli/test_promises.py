"""The first promises, kept by the real command line on the demo street's own events.

The simulator says what it sent: so many events, so many of them twice, so many spoilt and how. What is
landed must add up to that, whatever happens to the processes meanwhile.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gridrates.settings import Settings
from tests.integration.cli.commandline import CommandLine
from tests.unit.docs.pages import README, README_ZH, Page

# Boundaries of the landing, at different batches: what the first ones wrote is there when the next one dies.
DEATHS = (
    "after_fetch:1",
    "after_parse:2",
    "before_rejects:1",
    "before_commit:2",
    "after_commit:1",
    "before_group_commit:1",
)
REASONS = {
    "truncated": "not_json",
    "not_utf8": "not_utf8",
    "not_an_object": "not_object",
    "missing_id": "missing_attribute",
    "bad_time": "bad_time",
    "unknown_type": "unknown_type",
    "schema_violation": "schema_violation",
    "id_conflict": "id_conflict",
}


@pytest.fixture
def gridrates(kafka_settings: Settings, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, kafka_settings)


@pytest.fixture
def sent(gridrates: CommandLine) -> dict[str, Any]:
    """What the simulator says it sent."""
    return gridrates("produce", "simulate", "--json").worked().content


def count(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as live:
        return live.execute(sql).fetchall()


def landed(settings: Settings) -> dict[str, int]:
    """What is in the tables, beside what the ledger says of duplicates."""
    ((events, ids),) = count(settings, "SELECT count(*), count(DISTINCT (source, event_id)) FROM raw_event")
    ((rejected,),) = count(settings, "SELECT count(*) FROM raw_rejected_event")
    ((duplicates,),) = count(settings, "SELECT sum(duplicate_count) FROM raw_landing_batch")
    assert events == ids
    return {"events": events, "duplicates": duplicates, "rejected": rejected}


@pytest.mark.full
def test_killed_at_any_boundary_and_run_again_nothing_is_lost_or_doubled(
    gridrates: CommandLine, sent: dict[str, Any]
) -> None:
    for death in DEATHS:
        ended = gridrates("land", GRIDRATES_CRASH_AT=death, GRIDRATES_LAND_BATCH_EVENTS="2500")
        assert ended.code == -signal.SIGKILL, f"{death} was not reached: {ended.err}"
    gridrates("land").worked()
    assert landed(gridrates.settings) == {
        "events": sent["events"],
        "duplicates": sent["duplicates"],
        "rejected": sum(sent["malformed"].values()),
    }
    assert gridrates("land", "--json").worked().content["read"] == 0


def test_what_was_spoilt_on_purpose_is_refused_with_its_reason(
    gridrates: CommandLine, sent: dict[str, Any]
) -> None:
    landing = gridrates("land", "--json").worked().content
    assert landing["read"] == sent["records"]
    assert landing["landed"] == sent["events"]
    refused = "SELECT reason_code, count(*) FROM raw_rejected_event GROUP BY ALL"
    expected = {REASONS[kind]: number for kind, number in sent["malformed"].items()}
    assert dict(count(gridrates.settings, refused)) == expected
    # Each keeps its bytes and its place, and says what is wrong.
    bare = (
        "SELECT * FROM raw_rejected_event WHERE payload IS NULL OR kafka_offset IS NULL OR reason_text = ''"
    )
    assert count(gridrates.settings, bare) == []


@pytest.mark.full
def test_the_readmes_show_what_rates_really_prints(gridrates: CommandLine, sent: dict[str, Any]) -> None:
    assert f"{sent['records']:,}" in Page(README).text
    assert f"{sent['records']:,}" in Page(README_ZH).text
    gridrates("run").worked()
    printed = gridrates("rates", COLUMNS="80").worked().out
    lines = [line.rstrip() for line in printed.splitlines()]
    for readme in (README, README_ZH):
        (excerpt,) = [fence.text for fence in Page(readme).fences if "每日四率 Daily" in fence.text]
        missing = [line for line in excerpt.splitlines() if line.rstrip() not in lines]
        assert missing == [], f"{readme.name} shows what is not printed"
