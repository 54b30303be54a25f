"""The gate: judge the tables of a suite, hold back what fails, write down why.

Reads the suite's tables through a cursor of its own: what has been committed, limited to what changed.
Writes, in one transaction, `ops_quality_result` (every rule), `ops_quality_hold` (the business dates a
critical failure holds back, or everything), `ops_quality_quarantine` (the rows, found by the SQL that failed
them) and `ops_quality_mark` (the batches that passed). Guarantees that failing data raises nothing: the
result says what may be published.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from expectations.record import Record
from expectations.rendering import Circumstances, Prepared, own_sql, parse, parse_own_sql, prepare
from expectations.scope import narrow, table_columns
from expectations.suites import Catalogue, Rule, TableSuite, load_catalogue
from expectations.validation import DataDocs, Judgement, Validation
from expectations.verdict import GateResult, RuleResult, gate_result

__all__ = ["DataDocs", "GateResult", "RuleResult", "check", "warm_up"]


def check(
    connection: duckdb.DuckDBPyConnection,
    *,
    suite: str,
    run_id: str,
    dates: Sequence[date] | None = None,
    declarations: Path | None = None,
    additions: Path | None = None,
    as_of_date: date | None = None,
    docs: DataDocs | None = None,
) -> GateResult:
    """Judge the tables of `suite`: raw, core or marts.

    Core and marts are limited to rows that count on `dates` (None: all), raw to batches that have not passed
    before this run. `declarations` is the folder where transforms declare the derived tables and the
    indicator family (raw needs none), `additions` a profile's `expectations.yaml` (may be absent),
    `as_of_date` the current business date (default: today, UTC). Raises InputError, naming the file, when a
    rule itself is wrong.
    """
    seconds: dict[str, float] = {}
    catalogue = load_catalogue(declarations=declarations, additions=additions)
    suites = catalogue.of(suite)
    with _timed(seconds, "start"):
        import great_expectations  # noqa: F401 - it takes seconds, which are not those of the judging
    with closing(connection.cursor()) as cursor:
        around = _circumstances(cursor, catalogue, as_of_date)
        there = [s for s in suites if s.table in around.columns]
        after_batch = _after_batch(cursor, suite, run_id)
        scoped = narrow(cursor, there, around, dates=dates, after_batch=after_batch)
        around = replace(around, scoped=scoped)
        rules = [prepared for s in there for prepared in prepare(s, around)]
        with _timed(seconds, "judge"):
            validation = Validation(cursor, run_name=f"{suite}-{run_id}", at=around.checked_at, docs=docs)
            judgements = validation.judge(rules)
        judgements += [_absent(s) for s in suites if s not in there]
        with _timed(seconds, "record"), _transaction(cursor):
            record = Record(cursor, suite, run_id, around.checked_at, around.as_of_date, dates is not None)
            found = gate_result(suite, run_id, record.write(judgements, [s.table for s in suites]), seconds)
            if found.passed and suite == "raw":
                record.mark_passed()
        with _timed(seconds, "docs"):
            validation.build_docs()
    return found


def warm_up(*, declarations: Path, additions: Path) -> None:
    """Read and parse the rules, kept for checks of this process and its children.

    Raises InputError naming the file that is wrong.
    """
    parse_own_sql()
    for table in load_catalogue(declarations=declarations, additions=additions).tables.values():
        for rule, origin in table.rules:
            parse(rule, origin)


def _circumstances(
    cursor: duckdb.DuckDBPyConnection, catalogue: Catalogue, as_of_date: date | None
) -> Circumstances:
    at = datetime.now(UTC)
    (catalog,) = cursor.execute("SELECT current_database()").fetchall()[0]
    return Circumstances(
        catalog=catalog,
        columns=table_columns(cursor),
        parameters=catalogue.parameters,
        as_of_date=as_of_date or at.date(),
        checked_at=at,
    )


def _after_batch(cursor: duckdb.DuckDBPyConnection, suite: str, run_id: str) -> int | None:
    """The last batch that passed before this run; None when none has."""
    row = cursor.execute(own_sql("select_mark"), {"suite": suite, "run_id": run_id}).fetchone()
    return row[0] if row else None


def _absent(suite: TableSuite) -> Judgement:
    """What there is to say of a table that is not in the file."""
    rule = Rule(
        name="table_exists",
        severity="critical",
        zh="数据表存在",
        en="The table exists",
        remedy="Run `gridrates transform --full`.",
        sql=suite.table,
    )
    return Judgement(Prepared(suite.table, rule, Path(__file__), (), ()), False, None, None, None)


@contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    cursor.begin()
    try:
        yield
    except BaseException:
        cursor.rollback()
        raise
    cursor.commit()


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[step] = time.perf_counter() - started
