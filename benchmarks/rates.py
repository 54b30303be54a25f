"""What the rates cost: a full rebuild, and the restatement of one late batch, against bare parsing.

`python -m benchmarks.rates [--cases N …]` makes, for each size, a live file in a temporary directory with a
year of made-up events of the demo street and prints JSON: seconds of one statement that only parses the
same JSON into typed columns and writes them, of the rebuild of everything from the landed events, and of the
restatement of a thousand late events on sixty dates; their ratios; the peak of resident memory. Each size has
a process of its own. `--write` also puts the figures into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.memory import peak_megabytes
from benchmarks.pages import DOCS, write_between
from gridrates.profile import load_profile
from gridrates.settings import Settings
from transforms.runner import Runner
from warehouse.live import open_live

HERE = Path(__file__).parent
AS_OF = datetime(2027, 1, 15, 4, tzinfo=UTC)


def statement(name: str) -> str:
    """The text of one of this benchmark's SQL files."""
    return (HERE / f"rates_{name}.sql").read_text(encoding="utf-8")


def make_events(connection: duckdb.DuckDBPyConnection, cases: int) -> int:
    """Fill the table `wire` with the events of so many cases; return how many events."""
    profile = load_profile("demo-street")
    chance, events = duckdb.extract_statements(statement("events"))
    connection.execute(chance)
    connection.execute(
        events,
        {
            "cases": cases,
            "grids": [grid.grid_code for grid in profile.grids if grid.level == "building_group"],
            "units": [unit.unit_code for unit in profile.units],
            "categories": [limit.category_code for limit in profile.limits if limit.condition_no == 1],
            "category_system": profile.categories[0].category_system,
        },
    )
    row = connection.execute("SELECT count(*) FROM wire").fetchone()
    assert row is not None
    return int(row[0])


def measure(cases: int) -> dict[str, Any]:
    """One size: what each stage takes, in seconds, and the peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), profile="demo-street", duckdb_memory_limit="3GB")
        with open_live(settings, command="benchmark") as connection:
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET enable_progress_bar = false")
            events = make_events(connection, cases)
            seconds = {"bare_parse": timed(lambda: connection.execute(statement("parse")))}
            connection.execute(statement("landed"))
            connection.execute("DROP TABLE wire")
            connection.execute("DROP TABLE parsed")
            runner = Runner(connection, load_profile("demo-street"), AS_OF)
            by_model: dict[str, float] = {}
            seconds["rebuild"] = timed(lambda: by_model.update(bring_up_to_date(runner)))
            connection.execute(statement("late"), {"cases": cases, "batch": 1_000_000})
            late_by_model: dict[str, float] = {}
            seconds["late_batch"] = timed(lambda: late_by_model.update(bring_up_to_date(runner)))
    return {
        "cases": cases,
        "events": events,
        "seconds": {stage: {k: round(v, 2) for k, v in took.items()} for stage, took in seconds.items()},
        "rebuild_to_bare_parse": ratio(seconds["rebuild"], seconds["bare_parse"]),
        "rebuild_to_late_batch": ratio(seconds["rebuild"], seconds["late_batch"]),
        "peak_mib": peak_megabytes(),
        "dearest_models": dearest(by_model),
        "dearest_models_of_late_batch": dearest(late_by_model),
    }


def bring_up_to_date(runner: Runner) -> dict[str, float]:
    """Fold and compute whatever is due; seconds by model."""
    folded = runner.fold()
    computed = runner.compute(runner.stale_dates())
    return folded.seconds | computed.seconds


def ratio(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """How many times as long one took as the other, by either clock."""
    return {clock: round(one[clock] / other[clock], 2) for clock in one}


def dearest(by_model: dict[str, float]) -> dict[str, float]:
    """The six models that take longest."""
    ranked = sorted(by_model.items(), key=lambda item: -item[1])
    return {name: round(seconds, 2) for name, seconds in ranked[:6]}


def timed(work: Any) -> dict[str, float]:
    """Wall and processor seconds of a piece of work."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - processor}


def as_markdown(found: list[dict[str, Any]], load: float) -> str:
    """The sizes as a table. Seconds of the clock, and of the processors in brackets."""
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d} with DuckDB {duckdb.__version__} on {os.cpu_count()} cores; "
        f"load {load:.2f} before the run. Seconds of the clock, and of the processors in brackets.",
        "",
        "| events | cases | bare parse | full rebuild | × bare | late batch | rebuild ÷ late | peak MB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for size in found:
        took = size["seconds"]
        cells = [
            f"{size['events']:,}",
            f"{size['cases']:,}",
            _both(took["bare_parse"]),
            _both(took["rebuild"]),
            _both(size["rebuild_to_bare_parse"]),
            _both(took["late_batch"]),
            _both(size["rebuild_to_late_batch"]),
            f"{size['peak_mib']:,}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _both(took: dict[str, float]) -> str:
    return f"{took['wall']:.1f} ({took['cpu']:.1f})"


def main() -> None:
    """Measure each size in a process of its own and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, nargs="+", default=[120_000, 1_200_000])
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    spawn = multiprocessing.get_context("spawn")
    found = []
    for cases in asked.cases:
        with spawn.Pool(1) as pool:
            found.append(pool.apply(measure, (cases,)))
    print(json.dumps({"machine": platform.machine(), "duckdb": duckdb.__version__, "sizes": found}, indent=2))
    if asked.write:
        write_between(DOCS / "benchmarks.md", "rates", as_markdown(found, load))


if __name__ == "__main__":
    main()
