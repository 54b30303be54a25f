"""The two expectations of our own: no row meets a predicate, and a query finds no row.

Import it inside functions only: it brings Great Expectations, which takes seconds. All predicates on one
table are counted in one statement, together with Great Expectations' own column expectations; a query is one
statement that counts. Neither fetches a row: which rows they are is asked by the gate, with the same SQL.
"""

# ruff: noqa: ARG002 - the parameters are those Great Expectations passes

from __future__ import annotations

import re
from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

# SQLAlchemy reads `:word` in a text as a parameter, unless the colon is escaped.
PARAMETER_LIKE = re.compile(r"(?<![:\w\\]):(?=\w)(?!:)")


def as_text(sql: str) -> str:
    """SQL that `sqlalchemy.text` hands to DuckDB as it is here."""
    return PARAMETER_LIKE.sub(r"\\:", sql)


def as_query(sql: str) -> str:
    """SQL that survives Great Expectations' own substitution (`{batch}`) and `sqlalchemy.text`."""
    return as_text(sql.replace("{", "{{").replace("}", "}}"))


class RowsWhereCount(TableMetricProvider):
    """How many rows of the batch meet a predicate."""

    metric_name = "rows_where.count"
    value_keys = ("where",)

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        where = sa.text(f"({as_text(metric_value_kwargs['where'])})")
        return sa.func.count().filter(where), metric_domain_kwargs, {}


class _NoneFound:
    """Judges by a count: zero passes."""

    metric_dependencies: ClassVar[tuple[str, ...]]

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        count = metrics[self.metric_dependencies[0]]
        return {"success": count == 0, "result": {"observed_value": count}}


class ExpectNoRows(_NoneFound, BatchExpectation):
    """A query that finds what is wrong finds nothing. `query` has gone through `as_query`."""

    query: str
    metric_dependencies = ("query.row_count",)
    success_keys = ("query",)


class ExpectNoRowsWhere(_NoneFound, BatchExpectation):
    """No row of the table meets a predicate that only wrong rows meet."""

    where: str
    metric_dependencies = ("rows_where.count",)
    success_keys = ("where",)
