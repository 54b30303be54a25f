"""Make the rates of every stale business date again, check them, publish them.

Runs when landing touched cases, and at 02:00 in the profile's zone: a date also becomes stale because time
passes and something falls due. One run takes all dates there are; what a dead run left, the next finds.

* `transform` checks what was landed (a broken ledger stops the run), folds touched cases and makes the rates
  of the dates they count on. None: the rest is skipped.
* `check_marts`: the gate on what would be published. A date that fails is held back, the others go on.
* `publish` switches to the next generation. It emits one partition event a published date (asset
  `daily_rates`), for what wants a run a date, and one event with all of them (asset `publication`), for what
  takes them together, as `hand_on_rates` does.
* `hold_backs` fails, when all is done, if dates were held back: someone has to look.

By hand, whether stale or not: `{"dates": ["2026-05-01", "2026-05-02"]}` as the run's configuration.

**If it fails:** *held back*: the message names the dates; the rules are in `quality_results`, the rows in
`quality_quarantine`, and the figures published before stay. *A calendar year is missing*: nothing of those
dates was published; update the calendar. Step by step: `docs/runbooks/held-back.md`,
`docs/runbooks/calendar.md`, `docs/runbooks/task-failed.md`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable, Param, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.defaults import DEFAULTS, POOL, stage
from gridrates.schedule import time_zone

STALE_DATES = Asset("stale_dates")
DAILY_RATES, PUBLICATION = Asset("daily_rates"), Asset("publication")

with DAG(
    "daily_rates",
    schedule=AssetOrTimeSchedule(
        assets=[STALE_DATES], timetable=CronTriggerTimetable("0 2 * * *", timezone=time_zone())
    ),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS | {"pool": POOL, "retries": 2},
    params={"dates": Param([], type="array", items={"type": "string", "format": "date"})},
    tags=["gridrates", "rates"],
    description="Stale dates → checked and published rates",
    doc_md=__doc__,
):

    @task
    def transform(*, params: dict[str, Any]) -> list[str]:
        """Check and fold what was landed; rates of the dates asked for by hand, else of all stale ones."""
        if not (computed := stage("transform", params["dates"])):
            raise AirflowSkipException("no date is stale")
        return list(computed)

    @task
    def check_marts(dates: list[str]) -> list[str]:
        """The gate; the dates that passed."""
        return list(stage("check_marts", dates))

    @task(outlets=[DAILY_RATES, PUBLICATION])
    def publish(dates: list[str], *, outlet_events: Any) -> list[str]:
        """Switch to the next generation; one partition event a date."""
        published: list[str] = stage("publish", dates)
        if not published:
            raise AirflowSkipException("no date passed the gate; the figures published before stay")
        outlet_events[DAILY_RATES].add_partitions(published)
        outlet_events[PUBLICATION].extra = {"dates": published}
        return published

    @task(pool="default_pool", trigger_rule="none_failed_min_one_success")
    def hold_backs(computed: list[str] | None, passed: list[str] | None) -> None:
        """Fail when dates were held back."""
        if held := sorted(set(computed or []) - set(passed or [])):
            raise AirflowFailException(f"held back by the gate, not published anew: {', '.join(held)}")

    computed = transform()
    passed = check_marts(computed)
    publish(passed) >> hold_backs(computed, passed)
