"""Measure the pipeline itself every half hour, tell people what is beyond its limit, and fail on a breach.

* `measure` holds lag, freshness, rejects, the gate, restatements, durations, sizes, the calendar and the disk
  to their limits (settings `health_…`). The figures are kept and published as `pipeline_health`; what is
  beyond its limit is told once, and once more when it is over.
* `verdict` fails when a figure is red, so that it shows where people look.

It works without Kafka: that a broker is away is one of the findings.

**If it fails:** *verdict*: the message names each figure; `docs/runbooks/health.md` leads to the page of
each. *measure*: the warehouse could not be opened, or is damaged: `docs/runbooks/task-failed.md`.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowFailException

from dags.defaults import DEFAULTS, POOL, stage
from gridrates.schedule import time_zone

with DAG(
    "pipeline_health",
    schedule=CronTriggerTimetable("*/30 * * * *", timezone=time_zone()),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["gridrates", "watch"],
    description="Is the pipeline well?",
    doc_md=__doc__,
):

    @task(pool=POOL)
    def measure() -> list[str]:
        """Measure and tell; what is red."""
        return [finding.text for finding in stage("watch_health") if finding.is_red]

    # `measure` has told already.
    @task(on_failure_callback=None)
    def verdict(red: list[str]) -> None:
        """Fail when something is red."""
        if red:
            raise AirflowFailException("; ".join(red))

    verdict(measure())
