"""Hand on what was published: reports for people, figures for other systems.

Runs after every publication, with the dates that it published. Reads the published file only, so it waits
for no writer and none waits for it.

* `reports` writes the page, the workbook and the text of each date and of its month, and those of the nodes
  below for the last whole day, to `reports/` below the home. Of many dates only the newest
  `reports_per_publication`.
* `rates_topic` sends the rows of `daily_rates` of these dates to the topic `rates_topic`.

By hand: `{"dates": ["2026-05-01", "2026-05-02"]}` as the run's configuration.

**If it fails:** the rates are published all the same. *Kafka does not answer*: look at the broker; the
retries usually get through. *No room on the disk*: make some. Then clear the task. Step by step:
`docs/runbooks/task-failed.md`, `docs/runbooks/kafka-away.md`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, Param, task

from dags.defaults import DEFAULTS, hand_on

PUBLICATION = Asset("publication")

with DAG(
    "hand_on_rates",
    schedule=[PUBLICATION],
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    params={"dates": Param([], type="array", items={"type": "string", "format": "date"})},
    tags=["gridrates", "rates"],
    description="Published rates → reports, and the topic of rates",
    doc_md=__doc__,
):

    @task
    def dates(*, params: dict[str, Any], triggering_asset_events: Any) -> list[str]:
        """The dates asked for by hand, else those of the publications since the last run."""
        published = [
            day for each in triggering_asset_events[PUBLICATION] for day in each.extra.get("dates", ())
        ]
        return sorted({*params["dates"], *published})

    @task
    def reports(days: list[str]) -> list[str]:
        """Write what people look at."""
        return list(hand_on("write_reports", days))

    @task
    def rates_topic(days: list[str]) -> int:
        """Send what other systems take."""
        return int(hand_on("send_rates", days))

    days = dates()
    reports(days)
    rates_topic(days)
