"""Great Expectations at work: prepared rules in, one judgement each out, and the Data Docs.

Reads through the caller's cursor; writes below the Data Docs folder when there is one. Imports Great
Expectations inside its functions, for that takes seconds.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from expectations.rendering import Prepared

if TYPE_CHECKING:
    from great_expectations.core import (
        ExpectationSuite,
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
    from great_expectations.expectations.expectation import Expectation

SITE = "docs"
RESULTS = "results"
# The whole of a table, as the cursor sees it.
BATCH = "checked"


@dataclass(frozen=True)
class Judgement:
    """What Great Expectations found of one rule.

    `rows_query` finds the wrong rows, as the rule says or, for its own expectations, Great Expectations;
    None where what is wrong is no row. `failing_count` is None where nothing can be counted.
    """

    prepared: Prepared
    is_passed: bool
    observed_value: str | None
    failing_count: int | None
    rows_query: str | None


@dataclass(frozen=True)
class DataDocs:
    """Where the Data Docs are built, and of how many runs each table's results are kept."""

    folder: Path
    keep_runs: int = 10

    @property
    def index(self) -> Path:
        """The page to begin with."""
        return self.folder / SITE / "index.html"


class Validation:
    """One run of Great Expectations over the tables as `cursor` sees them."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, *, run_name: str, at: datetime, docs: DataDocs | None = None
    ) -> None:
        from great_expectations.core import RunIdentifier

        self.cursor = cursor
        self.docs = docs
        self.context = _context(docs)
        self.run = RunIdentifier(run_name=re.sub(r"[^\w.-]", "-", run_name), run_time=at)
        self.pages: list[Any] = []

    def judge(self, rules: Sequence[Prepared]) -> list[Judgement]:
        """Judge every rule, table by table. Raises InputError naming the rule that does not work."""
        by_table = {
            table: {p.rule.name: p for p in own} for table, own in groupby(rules, key=lambda p: p.table)
        }
        source = _source(self.context, self.cursor, by_table)
        judgements: list[Judgement] = []
        for table, prepared in by_table.items():
            batch = source.get_asset(table).get_batch_definition(BATCH)
            results = self._validate(table, batch, prepared)
            judgements += [_judgement(self.cursor, prepared, found) for found in results.results]
        return judgements

    def _validate(
        self, table: str, batch: BatchDefinition[Any], rules: Mapping[str, Prepared]
    ) -> ExpectationSuiteValidationResult:
        """The rules of a table over the table as the cursor sees it."""
        import great_expectations as gx

        expectations = [_expectation(prepared) for prepared in rules.values()]
        suite = gx.ExpectationSuite(table, expectations=expectations)
        form = _form(rules.values())
        if self.docs:
            return self._keep(suite, batch, form)
        # Storing suites and results that nobody reads again takes longer than judging.
        return batch.get_batch().validate(suite, result_format=form)

    def _keep(
        self, suite: ExpectationSuite, batch: BatchDefinition[Any], form: dict[str, Any]
    ) -> ExpectationSuiteValidationResult:
        """Validate, and store the result for the Data Docs."""
        import great_expectations as gx
        from great_expectations.data_context.types.resource_identifiers import (
            ExpectationSuiteIdentifier,
            ValidationResultIdentifier,
        )

        validation = self.context.validation_definitions.add(
            gx.ValidationDefinition(name=suite.name, data=batch, suite=self.context.suites.add(suite))
        )
        results = validation.run(run_id=self.run, result_format=form)
        self.pages.append(
            ValidationResultIdentifier(
                ExpectationSuiteIdentifier(suite.name), self.run, str(results.batch_id)
            )
        )
        return results

    def build_docs(self) -> None:
        """Write the pages of this run, forget those of runs too old, write the index."""
        if self.docs:
            _prune(self.docs)
            self.context.build_data_docs(site_names=[SITE], resource_identifiers=self.pages)


def _context(docs: DataDocs | None) -> EphemeralDataContext:
    """A context that keeps nothing, except results and pages where Data Docs are wanted."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    if docs:
        stores.stores["validation_results_store"]["store_backend"] = _files(docs.folder / RESULTS)
        stores.data_docs_sites = {
            SITE: {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "store_backend": _files(docs.folder / SITE),
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "site_section_builders": {"expectations": "none", "profiling": "none"},
            }
        }
    config = DataContextConfig(
        store_backend_defaults=stores,
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _files(folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    return {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}


def _source(
    context: EphemeralDataContext, cursor: duckdb.DuckDBPyConnection, tables: Iterable[str]
) -> SQLDatasource:
    """The tables, all named at once: a context writes its whole configuration for each that is added."""
    from expectations import dialect

    assets = [
        {"name": table, "type": "table", "table_name": table, "batch_definitions": [{"name": BATCH}]}
        for table in tables
    ]
    options = dialect.engine_options(cursor)
    # The stub of add_sql does not know `kwargs`, which are create_engine's.
    return context.data_sources.add_sql(  # type: ignore[call-arg]
        "warehouse", connection_string=dialect.URL, kwargs=options, assets=assets
    )


def _form(rules: Iterable[Prepared]) -> dict[str, Any]:
    """Counts, and the query that names wrong rows; no example values: they may be what must not be shown."""
    names = {column: None for p in rules if p.expect for column in (*p.key, *p.dates)}
    form: dict[str, Any] = {"result_format": "BASIC", "partial_unexpected_count": 0}
    if names:
        form |= {"unexpected_index_column_names": list(names), "return_unexpected_index_query": True}
    return form


def _expectation(prepared: Prepared) -> Expectation:
    """A rule in Great Expectations' words. Raises InputError when it knows no such expectation."""
    from great_expectations.exceptions.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from expectations.rows import ExpectNoRows, ExpectNoRowsWhere, as_query

    rule = prepared.rule
    said: dict[str, Any] = {
        "severity": rule.severity,
        "description": f"{rule.zh} {rule.en}",
        "meta": {"rule": rule.name},
    }
    if prepared.where is not None:
        return ExpectNoRowsWhere(where=prepared.where, **said)
    if prepared.query is not None:
        return ExpectNoRows(query=as_query(prepared.query), **said)
    try:
        kwargs = dict(prepared.kwargs or {})
        return ExpectationConfiguration(type=str(prepared.expect), kwargs=kwargs, **said).to_domain_obj()
    except (GreatExpectationsError, ValueError, TypeError) as error:
        raise prepared.broken(error) from error


def _judgement(
    cursor: duckdb.DuckDBPyConnection, rules: Mapping[str, Prepared], found: ExpectationValidationResult
) -> Judgement:
    assert found.expectation_config is not None and found.expectation_config.meta is not None
    prepared = rules[found.expectation_config.meta["rule"]]
    if message := _exception(found.exception_info):
        _refuse_broken(cursor, rules.values())
        raise prepared.broken(message)
    result = found.result
    observed = result.get("observed_value", result.get("unexpected_count"))
    query = result.get("unexpected_index_query")
    return Judgement(
        prepared=prepared,
        is_passed=bool(found.success),
        observed_value=None if observed is None else json.dumps(observed, ensure_ascii=False, default=str),
        failing_count=_count(prepared, result),
        rows_query=prepared.rows_query or (query.rstrip("; \n") if query else None),
    )


def _count(prepared: Prepared, result: Mapping[str, Any]) -> int | None:
    count = result.get("unexpected_count") if prepared.expect else result.get("observed_value")
    return None if count is None else int(count)


def _exception(info: Mapping[str, Any]) -> str | None:
    """What Great Expectations stumbled over; it says so flat, or once for each metric."""
    for said in (info, *info.values()):
        if isinstance(said, Mapping) and said.get("raised_exception"):
            return str(said.get("exception_message"))
    return None


def _refuse_broken(cursor: duckdb.DuckDBPyConnection, rules: Iterable[Prepared]) -> None:
    """Find the rule that cannot be bound: one such rule fails all that are counted in its statement."""
    for prepared in rules:
        if prepared.rows_query:
            try:
                cursor.execute(f"EXPLAIN SELECT count(*) FROM ({prepared.rows_query})")
            except duckdb.Error as error:
                raise prepared.broken(error) from error


def _prune(docs: DataDocs) -> None:
    """Forget the results of older runs, `<table>/<run>/<time>/`; their pages go when the index is built."""
    for table in (docs.folder / RESULTS).iterdir():
        runs = sorted(table.glob("*/*"), key=lambda path: path.name, reverse=True)
        for old in runs[docs.keep_runs :]:
            shutil.rmtree(old)
            if not any(old.parent.iterdir()):
                old.parent.rmdir()
