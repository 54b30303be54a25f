"""Writing down what a check found, and what follows from it.

Writes `ops_quality_result`, `ops_quality_hold`, `ops_quality_quarantine` and `ops_quality_mark`; the caller
holds the transaction. Guarantees that a second check of the same run replaces what the first one wrote, and
that holds and quarantine show what is wrong now: what is judged again is forgotten first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import duckdb

from expectations.rendering import own_sql
from expectations.validation import Judgement
from expectations.verdict import RuleResult

# Rows of one rule kept in quarantine; the result tells how many there were.
QUARANTINE_ROWS = 10_000
# A pass may run every few minutes: results of rules that held are kept for so long, failures for ever.
PASSED_DAYS = 30


@dataclass(frozen=True)
class Record:
    """Where one check of one suite writes. `is_scoped`: it was limited to the dates of `checked_date`."""

    cursor: duckdb.DuckDBPyConnection
    suite: str
    run_id: str
    at: datetime
    as_of_date: date
    is_scoped: bool

    def write(self, judgements: Sequence[Judgement], tables: Sequence[str]) -> tuple[RuleResult, ...]:
        """Everything that was judged; the rules' results with what they hold back."""
        self._forget(tables)
        results = tuple(self._judged(j) for j in judgements)
        if results:
            self._run("insert_result", results=[self._row(result) for result in results])
        return results

    def mark_passed(self) -> None:
        """Remember that every batch there is has passed."""
        self._run("forget_mark", suite=self.suite, run_id=self.run_id)
        self._run("insert_mark", suite=self.suite, run_id=self.run_id, marked_at=self.at)

    def _forget(self, tables: Sequence[str]) -> None:
        everything = not self.is_scoped
        self._run(
            "forget_results",
            run_id=self.run_id,
            suite=self.suite,
            checked_at=self.at,
            keep_days=PASSED_DAYS,
        )
        self._run("forget_holds", suite=self.suite, everything=everything)
        self._run("forget_quarantine", tables=list(tables), everything=everything)

    def _judged(self, judgement: Judgement) -> RuleResult:
        prepared, rule = judgement.prepared, judgement.prepared.rule
        holds = self._holds(judgement) if rule.severity == "critical" and not judgement.is_passed else {}
        dates = sorted(d for d in holds if d is not None)
        return RuleResult(
            table=prepared.table,
            rule=rule.name,
            severity=rule.severity,
            zh=rule.zh,
            en=rule.en,
            remedy=rule.remedy,
            is_passed=judgement.is_passed,
            observed_value=judgement.observed_value,
            failing_count=judgement.failing_count,
            held_back=tuple(d for d in dates if not holds[d]),
            released=tuple(d for d in dates if holds[d]),
            holds_all=None in holds and not holds[None],
        )

    def _holds(self, judgement: Judgement) -> dict[date | None, bool]:
        """The dates a failure spoils (None: all of them), and whether an override lets them pass."""
        name = (judgement.prepared.table, judgement.prepared.rule.name)
        released = {}
        for day, count in self._wrong_rows(judgement).items():
            released[day] = count <= self._overrides.get((*name, day), -1)
            self._run(
                "insert_hold",
                suite=self.suite,
                table_name=name[0],
                rule=name[1],
                business_date=day,
                failing_count=count,
                remedy=judgement.prepared.rule.remedy,
                run_id=self.run_id,
                held_at=self.at,
                is_released=released[day],
            )
        return released

    def _wrong_rows(self, judgement: Judgement) -> dict[date | None, int]:
        """Wrong rows by business date, put into quarantine by the SQL that failed them."""
        if judgement.rows_query is None:
            return {None: judgement.failing_count or 1}
        prepared = judgement.prepared
        try:
            self.cursor.execute(
                own_sql(
                    "wrong_rows",
                    rows_query=judgement.rows_query,
                    key=prepared.key,
                    dates=prepared.dates,
                    span=prepared.span,
                    as_of_date=self.as_of_date,
                    is_scoped=self.is_scoped,
                )
            )
        except duckdb.BinderException as error:
            raise prepared.broken(error) from error
        self._run(
            "insert_quarantine",
            run_id=self.run_id,
            table_name=prepared.table,
            rule=prepared.rule.name,
            remedy=prepared.rule.remedy,
            most=QUARANTINE_ROWS,
        )
        counts = self.cursor.execute("SELECT business_date, count(*) FROM wrong_row GROUP BY ALL").fetchall()
        return dict(counts)

    @cached_property
    def _overrides(self) -> dict[tuple[str, str, date | None], int]:
        rows = self.cursor.execute(own_sql("select_overrides")).fetchall()
        return {(table, rule, day): count for table, rule, day, count in rows}

    def _row(self, result: RuleResult) -> dict[str, object]:
        return {
            "run_id": self.run_id,
            "checked_at": self.at,
            "suite": self.suite,
            "table_name": result.table,
            "rule": result.rule,
            "severity": result.severity,
            "is_passed": result.is_passed,
            "observed_value": result.observed_value,
            "failing_count": result.failing_count,
            "detail": result.consequence,
            "meaning_zh": result.zh,
            "meaning_en": result.en,
        }

    def _run(self, name: str, **values: object) -> None:
        self.cursor.execute(own_sql(name), values)
