"""What the gate costs: the raw suite over landed events, against the same rules as bare SQL.

`python -m benchmarks.gate [--events N] [--rounds N]` makes a live file in a temporary directory and prints
JSON: medians over the rounds of wall and processor seconds, and the ratio of processor seconds. Bare SQL is
one statement for all predicates of a table and one for each query, nothing written down; the gate also writes
its results. The ways take turns. The import of Great Expectations is given by itself, for it is paid once a
process.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from expectations.gate import check
from expectations.rendering import Circumstances, Prepared, literal, prepare
from expectations.scope import narrow, table_columns
from expectations.suites import load_catalogue
from gridrates.settings import Settings
from warehouse.live import open_live

EVENTS = Path(__file__).with_name("gate_events.sql")


def measured(work: Callable[[], object]) -> dict[str, float]:
    """Wall and processor seconds of a piece of work."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - processor}


def fill(connection: duckdb.DuckDBPyConnection, events: int) -> None:
    """Land `events` events."""
    for number, statement in enumerate(duckdb.extract_statements(EVENTS.read_text(encoding="utf-8"))):
        connection.execute(statement, {"events": events} if number == 0 else None)
    connection.execute("CHECKPOINT")


def bare(connection: duckdb.DuckDBPyConnection) -> None:
    """The rules of the raw suite, counted by DuckDB alone."""
    now = datetime.now(UTC)
    catalogue = load_catalogue()
    with connection.cursor() as cursor:
        around = Circumstances("live", table_columns(cursor), catalogue.parameters, now.date(), now)
        suites = catalogue.of("raw")
        narrow(cursor, suites, around, dates=None, after_batch=None)
        for suite in suites:
            rules = prepare(suite, around)
            predicates = ", ".join(f"count(*) FILTER (WHERE {_predicate(p)})" for p in rules if not p.query)
            cursor.execute(f"SELECT {predicates} FROM {suite.table}").fetchall()
            for query in (p.query for p in rules if p.query):
                cursor.execute(f"SELECT count(*) FROM ({query})").fetchall()


def _predicate(prepared: Prepared) -> str:
    """A rule's predicate; of Great Expectations' own, that of a closed list."""
    if prepared.where is not None:
        return prepared.where
    assert prepared.kwargs is not None
    words = ", ".join(literal(word) for word in prepared.kwargs["value_set"])
    return f"{prepared.kwargs['column']} NOT IN ({words})"


def gate(connection: duckdb.DuckDBPyConnection) -> None:
    """The gate over the same events, as if none had passed yet."""
    connection.execute("DELETE FROM ops_quality_mark")
    check(connection, suite="raw", run_id="benchmark")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    started = time.perf_counter()
    import great_expectations

    imported = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as home, open_live(Settings(home=Path(home)), command="bench") as live:
        fill(live, given.events)
        rounds = [(measured(lambda: bare(live)), measured(lambda: gate(live))) for _ in range(given.rounds)]
    print(json.dumps(_summary(given, rounds, imported, great_expectations.__version__), indent=2))


def _summary(given: argparse.Namespace, rounds: list[Any], imported: float, version: str) -> dict[str, Any]:
    def median(way: int, of: str) -> float:
        return float(round(statistics.median(both[way][of] for both in rounds), 3))

    return {
        "events": given.events,
        "rounds": given.rounds,
        "bare_seconds": {of: median(0, of) for of in ("wall", "cpu")},
        "gate_seconds": {of: median(1, of) for of in ("wall", "cpu")},
        "cpu_ratio": round(statistics.median(g["cpu"] / b["cpu"] for b, g in rounds), 2),
        "import_seconds": round(imported, 1),
        "versions": {"duckdb": duckdb.__version__, "great_expectations": version},
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }


if __name__ == "__main__":
    main()
