"""Keep the house from filling up, at 03:30 in the profile's zone.

* `archive` moves the original bytes of events of long ago to a Parquet file a month
  (`archive_payload_months`; when absent, it does nothing).
* `prune` removes published generations beyond `keep_generations`.
* `compact` writes the live file anew when more than `compact_free_share` of it is empty; by hand with
  `{"compact": true}` whatever the share.

Each may be repeated at any time and leaves what was there when it dies in the middle.

**If it fails:** *the disk is full*, or there is no room for the copy: `docs/runbooks/disk.md`. Anything else:
`docs/runbooks/task-failed.md`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, task

from dags.defaults import DEFAULTS, POOL, maintain
from gridrates.schedule import time_zone

with DAG(
    "maintenance",
    schedule=CronTriggerTimetable("30 3 * * *", timezone=time_zone()),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS | {"pool": POOL},
    params={"compact": Param(False, type="boolean")},
    tags=["gridrates", "upkeep"],
    description="Archive, prune, compact",
    doc_md=__doc__,
):

    @task
    def archive() -> dict[str, int]:
        """Payloads of long ago to Parquet; month and events."""
        return dict(maintain("archive"))

    @task
    def prune() -> list[int]:
        """Remove old generations; their numbers."""
        return list(maintain("prune"))

    @task
    def compact(*, params: dict[str, Any]) -> bool:
        """Compact the live file when that is due; whether it was."""
        return bool(maintain("compact", force=params["compact"]).is_done)

    archive() >> prune() >> compact()
