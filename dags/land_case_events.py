"""Land what is on the topic.

Runs when the topic has something that is not landed yet (watched by `TopicLagTrigger`), and every
`land_every_minutes` (15) whatever the watcher says: a watcher can die without anyone noticing.

* `land` writes the events, the rejects and the offsets in one transaction a batch. It drains to the end
  offsets it sees at its start. It may be repeated at any time: what is landed is never landed twice.
* Its success wakes `daily_rates`. It only wakes: which dates are stale is known to the warehouse. When
  nothing was new the task is *skipped*, and wakes nobody.

**If it fails:** *Kafka does not answer*: look at `gridrates dev status` or at the broker; the next run takes
everything up. *The warehouse is being written*: another writer holds it, whose process is named; the retries
usually get through. *A gap in the log*: read the message before anything else; events may have been deleted
from the topic before they were landed. Step by step: `docs/runbooks/kafka-away.md`, `docs/runbooks/lag.md`,
`docs/runbooks/task-failed.md`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.defaults import DEFAULTS, POOL, stage
from gridrates.schedule import fallback, time_zone
from gridrates.triggers import TopicLagTrigger

CASE_TOPIC = Asset("case_events", watchers=[AssetWatcher(name="topic_lag", trigger=TopicLagTrigger())])
STALE_DATES = Asset("stale_dates")

with DAG(
    "land_case_events",
    schedule=AssetOrTimeSchedule(
        assets=[CASE_TOPIC], timetable=CronTriggerTimetable(fallback(), timezone=time_zone())
    ),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["gridrates", "landing"],
    description="Kafka → warehouse, when events arrive",
    doc_md=__doc__,
):

    @task(pool=POOL, priority_weight=100, outlets=[STALE_DATES])
    def land(*, ti: Any) -> None:
        """Land, and wake `daily_rates` if anything new is in the warehouse."""
        # A first try that died may have landed, and only not lived to say so.
        if not stage("land").landed and ti.try_number == 1:
            raise AirflowSkipException("nothing new was landed")

    land()
