"""What the models declare is what they make, and they stay within what other engines can run."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb
import pytest
import sqlglot

from gridrates.profile import SHIPPED, load_profile
from tests.derived import bring_up_to_date, live, profile
from transforms.composites import library
from transforms.documents import PAGE, page
from transforms.indicators import load_indicators
from transforms.models import declared_models, load_models
from transforms.runner import Runner

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def empty() -> duckdb.DuckDBPyConnection:
    """Everything made from no event at all, for a profile that uses every composite that ships."""
    connection, chosen = live(), profile(composites=dict.fromkeys(library()))
    bring_up_to_date(connection, chosen)
    for model in load_models(chosen, as_of=AS_OF, as_of_date=AS_OF.date()):
        if model.table.replace_by == "passing":
            connection.execute(f"CREATE TEMP VIEW {model.name} AS {model.sql}")
    return connection


@pytest.mark.parametrize("model", declared_models(), ids=lambda model: model.name)
def test_columns_and_types_are_those_declared(empty: duckdb.DuckDBPyConnection, model) -> None:  # type: ignore[no-untyped-def]
    made = {name: kind for name, kind, *_ in empty.execute(f"DESCRIBE {model.name}").fetchall()}
    declared = {
        name: c.type.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE") for name, c in model.columns.items()
    }
    assert made == declared


def test_a_passing_model_leaves_no_table_behind_not_even_that_of_an_older_version() -> None:
    connection = live()
    connection.execute("CREATE TABLE core_case_fold AS SELECT 1 AS case_id")
    bring_up_to_date(connection, profile())
    left = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    passing = {model.name for model in declared_models() if model.table.replace_by == "passing"}
    assert "core_case_fold" in passing
    assert not passing & left


@pytest.mark.parametrize("model", declared_models(), ids=lambda model: model.name)
def test_names_tell_layer_and_kind(model) -> None:  # type: ignore[no-untyped-def]
    suffixes = {"_at": "TIMESTAMPTZ", "_on": "DATE", "_date": "DATE", "_count": "BIGINT", "_rate": "DOUBLE"}
    assert model.name.startswith(("core_", "out_"))
    for name, column in model.columns.items():
        for suffix, kind in suffixes.items():
            assert not name.endswith(suffix) or column.type == kind, name
        assert (column.type == "BOOLEAN") == name.startswith(("is_", "has_")), name
        assert column.zh and column.en


@pytest.mark.parametrize("name", sorted(path.parent.name for path in SHIPPED.glob("*/profile.yaml")))
def test_every_shipped_profile_can_be_computed(name: str) -> None:
    connection = live()
    runner = Runner(connection, load_profile(name), AS_OF)
    runner.fold()
    assert runner.compute([date(2026, 5, 1)]).dates == (date(2026, 5, 1),)


def test_models_are_ordered_behind_what_they_read() -> None:
    seen: set[str] = set()
    for model in load_models(profile(), as_of=AS_OF, as_of_date=date(2026, 6, 1)):
        assert model.needs & {m.name for m in declared_models()} <= seen
        seen.add(model.name)


def test_every_model_can_be_written_for_spark() -> None:
    chosen = profile(composites=dict.fromkeys(library()))
    for model in load_models(chosen, as_of=AS_OF, as_of_date=date(2026, 6, 1)):
        (text,) = sqlglot.transpile(
            model.sql, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE
        )
        sqlglot.parse_one(text, read="spark")
        assert "ASOF" not in text.upper(), model.name


def test_every_indicator_is_a_column_of_every_mart_and_is_explained() -> None:
    family = load_indicators()
    marts = [model for model in declared_models() if model.table.family]
    assert len(marts) >= 5
    for model in marts:
        assert family.indicators.keys() | family.measures.keys() <= model.columns.keys(), model.name
    assert all(rate.source and rate.zh and rate.en for rate in family.indicators.values())
    assert {m.cohort for m in family.measures.values()} == set(family.cohorts), "a cohort that nothing counts"


def test_the_page_of_indicators_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m transforms.documents`"
