"""The suites as data: what is shipped is whole, and a mistake names its file and rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml

from expectations.suites import FOLDER, SUITES, Family, load_catalogue
from gridrates.errors import InputError

ROOT = Path(__file__).parents[3]
TRANSFORMS = ROOT / "transforms"
RULE = {"name": "known", "severity": "warning", "zh": "已知", "en": "Known", "remedy": "Add it."}


def additions(folder: Path, **content: Any) -> Path:
    path = folder / "expectations.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    return path


def declarations(folder: Path, table: str = "out_daily_rates", **declared: Any) -> Path:
    """A transforms folder with one table, and a family of one measure over another."""
    (folder / "models" / table).mkdir(parents=True)
    said = {
        "zh": "表",
        "en": "Table",
        "grain": ["business_date"],
        "replace_by": "all",
        "public_name": "t",
    } | declared
    (folder / "models" / table / "table.yaml").write_text(yaml.safe_dump(said))
    family = {
        "cohorts": {},
        "measures": {
            "done_count": {"cohort": "closure", "count": "done"},
            "due_count": {"cohort": "closure", "count": "due"},
            "points_sum": {"cohort": "closure", "count": "points"},
        },
        "indicators": {
            "rate": {"numerator": "done_count", "denominator": "due_count"},
            "factor": {"numerator": "points_sum", "denominator": "due_count", "share": False},
        },
    }
    (folder / "indicators.yaml").write_text(yaml.safe_dump(family))
    return folder


def names(catalogue: Any, table: str) -> list[str]:
    return [rule.name for rule, _ in catalogue.tables[table].rules]


def test_every_shipped_suite_is_of_a_table_there_is() -> None:
    """A suite of a table that was renamed would be left out without a word."""
    suites = {path.stem for path in FOLDER.glob("*.yaml")} - {"declared", "family"}
    raw = {"raw_event", "raw_rejected_event", "raw_landing_batch"}
    assert suites - raw <= {path.parent.name for path in TRANSFORMS.glob("models/*/table.yaml")}
    assert {t.table for t in load_catalogue(declarations=TRANSFORMS).tables.values()} >= suites


def test_every_published_table_that_is_no_view_has_the_rules_of_its_declaration() -> None:
    catalogue = load_catalogue(declarations=TRANSFORMS)
    for path in TRANSFORMS.glob("models/*/table.yaml"):
        declared = yaml.safe_load(path.read_text())
        if declared.get("public_name") and declared["replace_by"] != "view":
            assert {"columns_as_declared", "key_unique", "key_not_null"} <= set(
                names(catalogue, path.parent.name)
            )


@pytest.mark.parametrize("suite", SUITES)
def test_every_shipped_rule_says_what_it_means_and_how_to_mend_it(suite: str) -> None:
    for table in load_catalogue(declarations=TRANSFORMS).of(suite):
        for rule, path in table.rules:
            assert any("\u4e00" <= character <= "\u9fff" for character in rule.zh), (path, rule.name)
            assert rule.en[0].isupper() and not rule.en.endswith("."), (path, rule.name)
            assert len(rule.remedy) > 20, (path, rule.name)


def test_every_sql_file_is_read_by_a_rule() -> None:
    texts = "".join(path.read_text() for path in FOLDER.glob("*.yaml"))
    assert {path.name for path in FOLDER.glob("*.sql") if f"sql: {path.name}" not in texts} == set()


def test_predicates_without_templates_are_sql() -> None:
    for path in FOLDER.glob("*.yaml"):
        for rule in yaml.safe_load(path.read_text())["rules"]:
            if "where" in rule and "{" not in rule["where"]:
                assert sqlglot.parse_one(f"SELECT {rule['where']}", read="duckdb")


def test_a_table_gets_the_rules_of_its_declaration_and_of_its_family(tmp_path: Path) -> None:
    catalogue = load_catalogue(
        declarations=declarations(tmp_path, family=True, columns={"business_date": {"type": "DATE"}})
    )
    table = catalogue.tables["out_daily_rates"]
    assert table.suite == "marts"
    assert table.columns == {
        "business_date": "DATE",
        "done_count": "BIGINT",
        "due_count": "BIGINT",
        "points_sum": "DOUBLE",
        "rate": "DOUBLE",
        "factor": "DOUBLE",
    }
    assert {"key_unique", "rate_is_a_share", "total_there"} <= set(names(catalogue, "out_daily_rates"))


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"replace_by": "view"}, []),
        ({"public_name": None}, None),
        ({}, ["columns_as_declared", "key_unique", "key_not_null", "no_personal_data"]),
    ],
    ids=["a view", "not published", "published"],
)
def test_which_tables_get_the_rules_of_their_declaration(
    tmp_path: Path, declared: dict[str, Any], expected: list[str] | None
) -> None:
    catalogue = load_catalogue(declarations=declarations(tmp_path, "out_other", **declared))
    found = names(catalogue, "out_other") if "out_other" in catalogue.tables else None
    assert found == expected


def test_without_declarations_there_is_the_raw_layer_only() -> None:
    assert {t.suite for t in load_catalogue().tables.values()} == {"raw"}


def test_a_family_tells_parts_from_wholes_and_shares_from_other_ratios() -> None:
    family = Family(
        {
            "due": {"cohort": "a", "count": "due"},
            "done": {"cohort": "a", "count": "done"},
            "quick": {"cohort": "a", "count": "on_time"},
            "sum": {"cohort": "a", "count": "points"},
            "right": {"cohort": "b", "count": "due"},
        },
        {
            "rate": {"numerator": "right", "denominator": "due"},
            "factor": {"numerator": "sum", "denominator": "due", "share": False},
        },
    )
    assert list(family.shares) == ["rate"]
    assert family.parts == [("right", "due"), ("done", "due"), ("quick", "done"), ("quick", "due")]


def test_a_profile_adds_rules_and_changes_parameters(tmp_path: Path) -> None:
    path = additions(
        tmp_path,
        parameters={"freshness_hours": None},
        tables={"raw_event": [RULE | {"where": "grid_code IS NULL"}]},
    )
    catalogue = load_catalogue(additions=path)
    assert names(catalogue, "raw_event")[-1] == "known"
    assert catalogue.tables["raw_event"].rules[-1][1] == path
    assert catalogue.parameters["freshness_hours"] is None
    assert catalogue.parameters["earliest_year"] == 2000


def test_a_profile_without_additions_changes_nothing(tmp_path: Path) -> None:
    assert load_catalogue(additions=tmp_path / "expectations.yaml") == load_catalogue()


def test_additions_to_derived_tables_are_no_mistake_where_only_the_raw_layer_is_judged(
    tmp_path: Path,
) -> None:
    path = additions(tmp_path, tables={"core_case": [RULE | {"where": "TRUE"}]})
    assert load_catalogue(additions=path).tables.keys() == load_catalogue().tables.keys()
    assert names(load_catalogue(declarations=TRANSFORMS, additions=path), "core_case")[-1] == "known"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"tables": {"raw_evnt": [RULE | {"where": "TRUE"}]}}, "no table raw_evnt"),
        ({"parameters": {"freshness": 3}}, "no parameter freshness"),
        ({"tables": {"raw_event": [RULE]}}, "exactly one of where, sql and expect"),
        ({"tables": {"raw_event": [RULE | {"where": "TRUE", "sql": "SELECT 1"}]}}, "exactly one of"),
        (
            {"tables": {"raw_event": [RULE | {"where": "TRUE", "kwargs": {"a": 1}}]}},
            "kwargs belong to expect",
        ),
        ({"tables": {"raw_event": [RULE | {"where": "TRUE", "severity": "grave"}]}}, "severity"),
        ({"tables": {"raw_event": [RULE | {"where": "TRUE", "name": "No Blanks"}]}}, "name"),
        ({"tables": {"raw_event": [RULE | {"where": "TRUE", "name": "fresh"}]}}, "has a rule fresh already"),
        ({"tables": {"raw_event": [RULE | {"where": "TRUE", "colour": "red"}]}}, "colour"),
        ({"rules": []}, "rules"),
        (
            {"tables": {"raw_event": [{k: v for k, v in RULE.items() if k != "remedy"} | {"where": "TRUE"}]}},
            "remedy",
        ),
        ({"tables": {"raw_event": [RULE | {"expect": "unexpected_rows_expectation"}]}}, "expect"),
    ],
)
def test_a_mistake_names_the_file(tmp_path: Path, content: dict[str, Any], says: str) -> None:
    path = additions(tmp_path, **content)
    with pytest.raises(InputError) as caught:
        load_catalogue(additions=path)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


def test_there_are_three_suites() -> None:
    with pytest.raises(InputError, match=r"no suite 'mart'.*raw, core, marts"):
        load_catalogue().of("mart")
