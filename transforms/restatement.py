"""What was published, when, and how it changed since.

Reads `out_daily_rates` and the causes that folding noted; writes `out_daily_rates_version` (every row ever
published, with the time from which and until which it stood) and `out_restatement` (each figure of a final
date that changed after publication). Guarantees that a version is never altered, only ended, so that what
was known at any moment can be read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb

from transforms.models import Model, declared_models

RATES, VERSIONS = "out_daily_rates", "out_daily_rates_version"
STEPS = Path(__file__).parent / "steps"


def release(
    connection: duckdb.DuckDBPyConnection, dates: Sequence[date], *, as_of_date: date, now: datetime
) -> int:
    """Make the computed rows of `dates` the versions in force; returns how many figures were restated.

    A date is final when it is over (before `as_of_date`); figures of the running date change without being
    restated. In the caller's transaction.
    """
    model = next(m for m in declared_models() if m.name == RATES)
    _make_room(connection, model)
    if not dates:
        return 0
    connection.execute(_text("release_dates", model), {"dates": list(dates)})
    connection.execute(_text("release_changes", model))
    restated = connection.execute(_text("insert_restatements", model), {"now": now}).fetchone()
    connection.execute(_text("end_versions", model), {"now": now})
    connection.execute(_text("begin_versions", model), {"now": now, "as_of_date": as_of_date})
    connection.execute(_text("finish_versions", model), {"as_of_date": as_of_date})
    connection.execute(_text("forget_causes", model))
    return int(restated[0]) if restated else 0


def _make_room(connection: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Create the table of versions, or add the columns of indicators that are newer than it."""
    connection.execute(_text("versions_table", model))
    for name, column in model.columns.items():
        connection.execute(f"ALTER TABLE {VERSIONS} ADD COLUMN IF NOT EXISTS {name} {column.type}")


def _text(name: str, model: Model) -> str:
    """A step's SQL, with the model's columns in the places that are marked for them."""
    grain = model.table.grain
    figures = [column for column in model.columns if column not in grain]
    places = {
        "grain": grain,
        "names": [f"'{c}'" for c in figures],
        "old figures": [f"old.{c}" for c in figures],
        "new figures": [f"new.{c}" for c in figures],
        "old as doubles": [f"CAST(old.{c} AS DOUBLE)" for c in figures],
        "new as doubles": [f"CAST(new.{c} AS DOUBLE)" for c in figures],
    }
    text = (STEPS / f"{name}.sql").read_text(encoding="utf-8")
    for place, columns in places.items():
        text = text.replace(f"/*{place}*/", ", ".join(columns))
    for place, table in (("same grain", "old"), ("same grain new", "new")):
        text = text.replace(f"/*{place}*/", " AND ".join(f"{table}.{c} = change.{c}" for c in grain))
    return text
