"""Every shipped rule fails for the defect it exists for, and passes again when that is mended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from expectations.scope import table_columns
from expectations.suites import SUITES, Catalogue, TableSuite, load_catalogue
from tests.integration.expectations.defects import (
    OF_ANY_DECLARED,
    OF_EVERY_TABLE,
    OF_SUITE,
    SEEN_BY,
    Defect,
    planted,
)
from tests.integration.expectations.town import ADDITIONS, LAST, MIDDLE, TRANSFORMS, failed, judge, open_town

COMMON = {"declared", "family"}


@pytest.fixture(scope="module")
def mended(town_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """One town for all defects: each test mends what it broke, or the next one sees it."""
    copy = tmp_path_factory.mktemp("mended") / "live.duckdb"
    shutil.copy(town_file, copy)
    with open_town(copy) as connection:
        yield connection


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(declarations=TRANSFORMS, additions=ADDITIONS)


def with_parameters(defect: Defect, folder: Path) -> Path:
    """The town's additions with the parameters of the defect."""
    own = folder / "expectations.yaml"
    parameters = yaml.safe_load(ADDITIONS.read_text())["parameters"] | defect.parameters
    own.write_text(yaml.safe_dump({"parameters": parameters}))
    return own


@pytest.mark.parametrize(
    ("suite", "defect"),
    [pytest.param(suite, defect, id=defect.rule) for suite, own in OF_SUITE.items() for defect in own],
)
def test_a_rule_fails_for_its_defect_alone(
    mended: duckdb.DuckDBPyConnection, tmp_path: Path, suite: str, defect: Defect
) -> None:
    with planted(mended, defect):
        result = judge(mended, suite, additions=with_parameters(defect, tmp_path), dates=defect.dates)
    assert failed(result) == {defect.rule, *defect.also}


@pytest.fixture(scope="module")
def switched_on(mended: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Of each suite, the rules that apply in the town."""
    return {suite: {r.name for r in judge(mended, suite).results} for suite in SUITES}


def carriers(
    connection: duckdb.DuckDBPyConnection, tables: tuple[TableSuite, ...], rule: str, on: set[str]
) -> list[TableSuite]:
    """The tables that have a common rule, switched on, and rows."""
    return [
        table
        for table in tables
        if f"{table.table}.{rule}" in on
        and any(own.name == rule and path.stem in COMMON for own, path in table.rules)
        and connection.execute(f"SELECT 1 FROM {table.table} LIMIT 1").fetchone()
    ]


def everywhere(connection: duckdb.DuckDBPyConnection, rule: str, tables: list[TableSuite]) -> Defect:
    """The defect of a common rule, planted in a row of each of the tables."""
    columns = table_columns(connection)
    plant, mend = OF_EVERY_TABLE[rule]
    filled = []
    for suite in tables:
        texts = [c for c, kind in columns[suite.table].items() if kind == "VARCHAR" and not c.endswith("_id")]
        counted = "closure_due_count > 0" if suite.family else "TRUE"
        row = f"rowid = (SELECT min(rowid) FROM {suite.table} WHERE {counted})"
        filled.append(
            {"table": suite.table, "key": suite.key[-1], "text": texts[-1] if texts else "", "row": row}
        )
    return Defect(
        f"{tables[0].table}.{rule}",
        "; ".join(plant.format(**values) for values in filled),
        others=tuple(suite.table for suite in tables),
        mend="; ".join(mend.format(**values) for values in filled),
    )


@pytest.mark.parametrize(
    ("suite", "rule"),
    [("core", rule) for rule in OF_EVERY_TABLE if rule in OF_ANY_DECLARED]
    + [("marts", rule) for rule in OF_EVERY_TABLE],
)
def test_a_common_rule_fails_in_every_table_with_its_defect(
    mended: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    switched_on: dict[str, set[str]],
    suite: str,
    rule: str,
) -> None:
    tables = carriers(mended, catalogue.of(suite), rule, switched_on[suite])
    assert len(tables) >= 3
    with planted(mended, everywhere(mended, rule, tables)):
        found = failed(judge(mended, suite))
    common = {name for name in found if name.partition(".")[2] in OF_EVERY_TABLE}
    seen = {rule, *SEEN_BY.get(rule, ())}
    assert common == {f"{table.table}.{name}" for table in tables for name in seen}


@pytest.mark.parametrize("suite", SUITES)
def test_every_rule_passes_when_its_defect_is_mended(mended: duckdb.DuckDBPyConnection, suite: str) -> None:
    assert failed(judge(mended, suite)) == set()


@pytest.mark.parametrize("suite", SUITES)
def test_a_town_without_a_fault_passes_whole_and_limited(town: duckdb.DuckDBPyConnection, suite: str) -> None:
    for dates in (None, [MIDDLE, LAST]):
        result = judge(town, suite, dates=dates)
        assert (result.passed, result.held_back, failed(result)) == (True, {}, set())


def test_every_rule_has_a_defect(catalogue: Catalogue) -> None:
    """A rule without a test here may be one that cannot fail."""
    rules = {f"{table.table}.{rule.name}" for table in catalogue.tables.values() for rule, _ in table.rules}
    shown = {defect.rule for own in OF_SUITE.values() for defect in own}
    rest = {rule for rule in rules - shown if rule.partition(".")[2] not in OF_EVERY_TABLE}
    assert rest == set()
    assert shown <= rules
