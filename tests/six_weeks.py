"""Six weeks of the demo street, published three times; built once a run.

First without some of its events, then with them (which restates the dates they touch), then with one date
held back, one record refused and one rule broken: so that every table has something to tell.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import duckdb
from typer.testing import CliRunner

from contracts.events import validate
from gridrates.cli import app
from gridrates.pipeline import Pass, open_pass
from gridrates.settings import Settings
from tests.events import Row, event, insert_events
from tests.shared import shared

ROOT = Path(__file__).parents[1]
NOW = datetime.fromisoformat("2026-02-10T20:00:00+08:00")
COMPOSITE = """
composites:
  both:
    zh: 结案与满意
    en: Closure and satisfaction
    levels: [grid]
    parts:
      - {indicator: closure_rate, weight: 60}
      - {indicator: satisfaction_rate, weight: 40}
"""


def make_profile(folder: Path) -> Path:
    """The demo street, with a composite score of the test's own."""
    profile = folder / "demo-street"
    shutil.copytree(ROOT / "profiles" / "demo-street", profile)
    text = (profile / "profile.yaml").read_text(encoding="utf-8")
    kept = re.sub(r"^composites:.*\n(?:[ #].*\n)*", "", text, flags=re.M)
    (profile / "profile.yaml").write_text(kept + COMPOSITE, encoding="utf-8")
    return profile


def simulated(profile: Path, file: Path) -> Iterator[Row]:
    """The good events of the first six weeks, each once."""
    arguments = [
        "--profile",
        str(profile),
        "produce",
        "simulate",
        "--until",
        "2026-02-10",
        "--out",
        str(file),
    ]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    seen = set()
    for line in file.read_bytes().splitlines():
        try:
            made = json.loads(line)
            validate(made)
        except ValueError:
            continue
        if made["id"] not in seen:
            seen.add(made["id"])
            yield made


def publish(this: Pass) -> None:
    this.fold()
    this.compute(this.due_dates())
    this.publish()


@dataclass(frozen=True)
class SixWeeks:
    """The published street and what happened in it."""

    settings: Settings
    events: list[Row]


@cache
def six_weeks() -> SixWeeks:
    """The street. Read it, and change nothing in it."""
    folder = shared("six-weeks", _build)
    return SixWeeks(_settings(folder), json.loads((folder / "happened.json").read_text("utf-8")))


def _settings(folder: Path) -> Settings:
    return Settings(home=folder / "home", profile=str(folder / "demo-street"))


def _build(folder: Path) -> None:
    profile = make_profile(folder)
    events = [*simulated(profile, folder / "events.jsonl"), *repeated()]
    (folder / "happened.json").write_text(json.dumps(events), encoding="utf-8")
    late = [made for made in events if made["type"].endswith(".closed.v1")][::20]
    with open_pass(_settings(folder), "test", now=NOW) as this:
        insert_events(this.connection, [made for made in events if made not in late], batch_id=1)
        publish(this)
        insert_events(this.connection, late, batch_id=2)
        publish(this)
        spoil(this.connection)
        this.publish()


def repeated() -> Iterator[Row]:
    """Three cases of one kind at one place within thirty days."""
    again = {"category_code": "0110", "category_system": "event-2013-local", "grid_code": "310199001001"}
    for day in ("2026-01-05", "2026-01-12", "2026-01-19"):
        yield event(f"AGAIN-{day}", "filed", f"{day} 09:00", "Asia/Shanghai", **again)


def spoil(connection: duckdb.DuckDBPyConnection) -> None:
    """Hold one date back, refuse one record, break one rule."""
    connection.execute(
        "UPDATE ops_business_date SET state = 'held_back', reason = 'out_daily_rates.in_range' "
        "WHERE business_date = DATE '2026-01-20'"
    )
    connection.execute(
        "INSERT INTO raw_rejected_event BY NAME SELECT 1 AS reject_id, 'not_json' AS reason_code, "
        "'cut' AS reason_text, 't' AS kafka_topic, 0 AS kafka_partition, 0 AS kafka_offset, 1 AS batch_id, "
        "now() AS rejected_at"
    )
    connection.execute(
        "INSERT INTO ops_quality_result BY NAME SELECT 'r' AS run_id, now() AS checked_at, 'marts' AS suite, "
        "'out_daily_rates' AS table_name, rule, severity, false AS is_passed, meaning_zh, meaning_en "
        "FROM (VALUES ('volume', 'warning', '上报量与往周同日相近', 'As many reports as usual'), "
        "('in_range', 'critical', '比率在 0 与 1 之间', 'Every rate lies between 0 and 1')) "
        "AS broken (rule, severity, meaning_zh, meaning_en)"
    )
