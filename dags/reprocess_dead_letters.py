"""Mend dead letters and send those that are good now to the topic again. By hand only.

Choose which: `ids`, a `reason` such as `bad_time`, or `everything`. `encoding` says how their bytes are to be
read, `mend` is an expression in DuckDB's SQL over `payload` (and key, reason_code, source …) that gives the
new payload. With `dry_run` nothing is sent, and the result says what would be.

What is sent lands like any other event, and the dates it counts on are computed anew by themselves. An event
carries its id: sent twice it is landed once.

**If it fails:** the message says what is wrong with the choice or the expression. What was sent before is
noted and is not sent again. Step by step: `docs/runbooks/rejects.md`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from dags.defaults import DEFAULTS, POOL, maintain

with DAG(
    "reprocess_dead_letters",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS | {"pool": POOL},
    params={
        "ids": Param([], type="array", items={"type": "integer"}),
        "reason": Param(None, type=["null", "string"]),
        "everything": Param(False, type="boolean"),
        "mend": Param("payload", type="string"),
        "encoding": Param("utf-8", type="string"),
        "note": Param(None, type=["null", "string"]),
        "dry_run": Param(True, type="boolean"),
    },
    tags=["gridrates", "upkeep"],
    description="Refused records, mended and sent again",
    doc_md=__doc__,
):

    @task
    def reprocess(*, params: dict[str, Any]) -> dict[str, int]:
        """Send what is good now; how many were sent and how many stay open."""
        return dict(maintain("reprocess", **params))

    reprocess()
