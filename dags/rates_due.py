"""Tell when yesterday's rates are not published by 06:00 in the profile's zone.

Looks at the published file only, as analysts do. It is a DAG of its own because a run of `daily_rates` that
was never started cannot miss a deadline.

**If it fails:** look at the last runs of `daily_rates` (held back? failed?) and of `land_case_events` (is
Kafka there?), mend that, and start `daily_rates` by hand; then clear this run. Step by step:
`docs/runbooks/stale-rates.md`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowFailException

from dags.defaults import DEFAULTS, stage
from gridrates.schedule import time_zone, yesterday

with DAG(
    "rates_due",
    schedule=CronTriggerTimetable("0 6 * * *", timezone=time_zone()),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["gridrates", "watch"],
    description="Are yesterday's rates published?",
    doc_md=__doc__,
):

    @task
    def published(*, dag_run: Any) -> str:
        """Yesterday's date, when it is published."""
        day = yesterday(dag_run.run_after, time_zone())
        if not stage("is_published", day):
            raise AirflowFailException(f"the rates of {day} are not published")
        return day

    published()
