"""Land what is on the topic.

Runs when the topic has something that is not landed yet (watched by `TopicLagTrigger`), and every 15 minutes
whatever the watcher says: a watcher can die without anyone noticing.

* `land` writes the events, the rejects and the offsets in one transaction a batch. It drains to the end
  offsets it sees at its start. It may be repeated at any time: what is landed is never landed twice.
* `announce` wakes `daily_rates` when cases were touched. It only wakes: which dates are stale is known to the
  warehouse.

**If it fails:** *Kafka does not answer*: look at `gridrates dev status` or at the broker; the next run takes
everything up. *The warehouse is being written*: another writer holds it, whose process is named; the retries
usually get through. *A gap in the log*: read the message before anything else; events may have been deleted
from the topic before they were landed.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.defaults import DEFAULTS, POOL
from gridrates.schedule import time_zone
from gridrates.triggers import TopicLagTrigger

CASE_TOPIC = Asset("case_events", watchers=[AssetWatcher(name="topic_lag", trigger=TopicLagTrigger())])
STALE_DATES = Asset("stale_dates")

with DAG(
    "land_case_events",
    schedule=AssetOrTimeSchedule(
        assets=[CASE_TOPIC], timetable=CronTriggerTimetable("*/15 * * * *", timezone=time_zone())
    ),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["gridrates", "landing"],
    description="Kafka → warehouse, when events arrive",
    doc_md=__doc__,
):

    @task(pool=POOL, priority_weight=100)
    def land() -> bool:
        """Land; whether cases were touched."""
        from gridrates import pipeline
        from gridrates.settings import load_settings

        return bool(pipeline.land(load_settings()).stale)

    @task(outlets=[STALE_DATES], retries=0)
    def announce(stale: bool, *, outlet_events: Any) -> None:
        """Wake `daily_rates`."""
        if not stale:
            raise AirflowSkipException("no case was touched")
        outlet_events[STALE_DATES].extra = {"stale": True}

    announce(land())
