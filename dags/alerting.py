"""What tasks call when they fail for good and when they succeed: tell people, and tell them that it is over.

Runs in the task's process. One alert a task stays open until that task succeeds. Where a service is away the
alert is about the service: all tasks that want it share one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

# Task → the page that tells what to do; `task-failed` for all others.
RUNBOOKS = {"daily_rates.hold_backs": "held-back", "rates_due.published": "stale-rates"}
KAFKA, LATE = "kafka", "rates_due.published"
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def failed(context: dict[str, Any]) -> None:
    """Tell that a task failed and will not be tried again."""
    from gridrates.alerts import Alert, fire
    from gridrates.errors import GridratesError, ServiceUnavailable
    from gridrates.settings import load_settings

    ti, error = context["ti"], context.get("exception")
    name = f"{ti.dag_id}.{ti.task_id}"
    what = error.message if isinstance(error, GridratesError) else str(error or "it did not say why")
    is_away = isinstance(error, ServiceUnavailable)
    alert = Alert(
        key=KAFKA if is_away else name,
        what=f"{name} failed: {what}",
        dates=tuple(sorted(set(_DATE.findall(what)))),
        remedy=getattr(error, "remedy", "") or "Read the log, mend what it says, then clear the task.",
        runbook="kafka-away" if is_away else RUNBOOKS.get(name, "task-failed"),
        link=str(getattr(ti, "log_url", "")),
    )
    fire(load_settings(), alert)


def succeeded(context: dict[str, Any]) -> None:
    """Tell that what was wrong with a task is over, if somebody was told that it is wrong.

    Called when a task succeeds, and when it finds nothing to do.
    """
    from gridrates.alerts import open_alerts, resolve
    from gridrates.settings import load_settings

    settings, name = load_settings(), f"{context['ti'].dag_id}.{context['ti'].task_id}"
    is_open = open_alerts(settings).__contains__
    resolve(settings, name)
    if name == "land_case_events.land":
        resolve(settings, KAFKA)
    if name == "daily_rates.publish" and is_open(LATE) and _yesterday_is_published():
        resolve(settings, LATE)


def _yesterday_is_published() -> bool:
    from gridrates.pipeline import is_published
    from gridrates.schedule import time_zone, yesterday
    from gridrates.settings import load_settings

    return is_published(load_settings(), yesterday(datetime.now(UTC), time_zone()))
