"""What the gate costs: the raw suite over landed events, against the same rules as SQL.

`python -m benchmarks.gate [--events N] [--rounds N]` makes a live file in a temporary directory and prints
JSON: medians over the rounds of wall and processor seconds, and the gate's processor seconds over those of
each other way. Bare SQL is the rules as they are, one statement for all predicates of a table and one for
each query. One pass is what somebody would write by hand: the events read once, whatever is asked of them,
and the few rows of the ledger left out. Neither writes anything down; the gate also writes its results. The
ways take turns. What the gate costs once a process (the import of Great Expectations) and once a check (the
raw suite over no event at all) is given by itself, as is the most memory the process held during each way
(Linux).
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
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from expectations.gate import check
from expectations.rendering import Circumstances, Prepared, literal, prepare
from expectations.scope import narrow, table_columns
from expectations.suites import load_catalogue
from gridrates.settings import Settings
from warehouse.live import open_live

EVENTS = Path(__file__).with_name("gate_events.sql")
ONE_PASS = Path(__file__).with_name("gate_one_pass.sql")


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
    with connection.cursor() as cursor:
        for table, rules in prepared_rules(cursor).items():
            predicates = ", ".join(f"count(*) FILTER (WHERE {_predicate(p)})" for p in rules if not p.query)
            cursor.execute(f"SELECT {predicates} FROM {table}").fetchall()
            for query in (p.query for p in rules if p.query):
                cursor.execute(f"SELECT count(*) FROM ({query})").fetchall()


def one_pass(connection: duckdb.DuckDBPyConnection) -> None:
    """The same of the events, by a statement that reads them once."""
    with connection.cursor() as cursor:
        rules = prepared_rules(cursor)["raw_event"]
        predicates = [_predicate(p) for p in rules if not p.query]
        text = jinja2.Template(ONE_PASS.read_text(encoding="utf-8")).render(predicates=predicates)
        found = cursor.execute(text).fetchall()[0]
    assert not any(found[1:5]), f"the events made for this are not clean: {found}"


def prepared_rules(cursor: duckdb.DuckDBPyConnection) -> dict[str, list[Prepared]]:
    """The rules of the raw suite by table, over everything that landed."""
    now = datetime.now(UTC)
    catalogue = load_catalogue()
    around = Circumstances("live", table_columns(cursor), catalogue.parameters, now.date(), now)
    suites = catalogue.of("raw")
    narrow(cursor, suites, around, dates=None, after_batch=None)
    return {suite.table: prepare(suite, around) for suite in suites}


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


def peak_mb(work: Callable[[], object]) -> int | None:
    """The most memory the process held while it worked, in MB; None where Linux does not tell."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forget what it held before
    except OSError:
        return None
    work()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    imported = measured(lambda: import_module("great_expectations"))
    with tempfile.TemporaryDirectory() as home, open_live(Settings(home=Path(home)), command="bench") as live:
        gate(live)  # imports what is left
        fixed = measured(lambda: gate(live))
        fill(live, given.events)
        ways = {"bare": bare, "one_pass": one_pass, "gate": gate}
        rounds = [
            {name: measured(partial(way, live)) for name, way in ways.items()} for _ in range(given.rounds)
        ]
        peaks = {name: peak_mb(partial(way, live)) for name, way in ways.items()}
    print(
        json.dumps(_summary(given, rounds, peaks) | {"import": imported, "check_of_nothing": fixed}, indent=2)
    )


def _summary(given: argparse.Namespace, rounds: list[Any], peaks: dict[str, int | None]) -> dict[str, Any]:
    def median(way: str, of: str) -> float:
        return float(round(statistics.median(each[way][of] for each in rounds), 3))

    def ratio(way: str) -> float:
        return float(round(statistics.median(each["gate"]["cpu"] / each[way]["cpu"] for each in rounds), 2))

    return {
        "events": given.events,
        "rounds": given.rounds,
        "seconds": {way: {of: median(way, of) for of in ("wall", "cpu")} for way in peaks},
        "gate_over": {way: ratio(way) for way in peaks if way != "gate"},
        "peak_mb": peaks,
        "versions": {"duckdb": duckdb.__version__, "great_expectations": version("great_expectations")},
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }


if __name__ == "__main__":
    main()
