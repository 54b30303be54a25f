"""A street of two grids whose events come in two parts, so that there is something to lose in between."""

from __future__ import annotations

import uuid
from pathlib import Path

from deploy import local_kafka
from gridrates.published_client import open_published
from gridrates.settings import Settings
from tests.events import Row
from tests.integration.cli.commandline import CommandLine
from tests.published_street import events, make_settings

DAY = "2026-05-02"
# The rates of the day, of what was published first and of all there is.
FIRST = {"sign_rate": "3/3", "closure_rate": "2/4", "satisfaction_rate": "1/2"}
WHOLE = {"sign_rate": "3/3", "closure_rate": "3/4", "satisfaction_rate": "2/3"}


def is_late(made: Row) -> bool:
    """Whether an event is sent only after the first publication: how the case E1 ends."""
    return made["subject"] == "E1" and made["type"].split(".")[2] in ("closed", "visited")


BEFORE = [made for made in events() if not is_late(made)]
WAITING = [made for made in events() if is_late(made)]


def street_of(folder: Path, broker: local_kafka.Broker) -> CommandLine:
    """The command line of a street of its own: profile, home and topic."""
    topic = f"case-events-{uuid.uuid4().hex[:12]}"
    settings = make_settings(
        folder, kafka_bootstrap_servers=broker.bootstrap_servers, topic=topic, kafka_timeout_seconds=5
    )
    return CommandLine(folder, settings)


def rates(settings: Settings, day: str = DAY) -> dict[str, str]:
    """A day's rates of the whole street, as they are published."""
    with open_published(settings) as published:
        row = published.execute(
            "SELECT sign_done_count, sign_due_count, closure_done_count, closure_due_count, "
            "satisfaction_points_sum, satisfaction_due_count FROM daily_rates "
            "WHERE business_date = $day AND level = 'total' AND work_type = 'all'",
            {"day": day},
        ).fetchone()
    assert row is not None
    parts = [f"{done:.0f}/{due:.0f}" for done, due in zip(row[::2], row[1::2], strict=True)]
    return dict(zip(FIRST, parts, strict=True))
