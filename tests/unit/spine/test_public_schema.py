"""The public tables stay what they were: recorded, complete, and only added to."""

from __future__ import annotations

import copy
import json

import pytest

from gridrates.public_schema import RECORD, Schema, breaches, current_schema

# Types that every client has: no 128-bit numbers, which sums give, and no nested ones but lists of words.
PLAIN = {"BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP WITH TIME ZONE", "VARCHAR[]"}
SMALL: Schema = {
    "major": 1,
    "tables": {
        "cases": {"zh": "案件", "grain": ["case_id"], "columns": {"case_id": "VARCHAR 案件编号"}},
        "units": {"zh": "单位", "grain": ["unit_code"], "columns": {"unit_code": "VARCHAR 单位编码"}},
    },
}


@pytest.fixture(scope="module")
def current() -> Schema:
    return current_schema()


def changed(path: str, value: object) -> Schema:
    """SMALL with the entry at `path` replaced, or removed when the value is None."""
    schema = copy.deepcopy(SMALL)
    *way, last = path.split("/")
    place = schema
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return schema


def test_nothing_recorded_is_gone_or_changed(current) -> None:
    assert breaches(json.loads(RECORD.read_text(encoding="utf-8")), current) == []


def test_every_addition_is_recorded(current) -> None:
    assert json.loads(RECORD.read_text(encoding="utf-8")) == current, "run `make generate`"


def test_every_type_is_one_that_all_clients_have(current) -> None:
    for name, table in current["tables"].items():
        for column, described in table["columns"].items():
            kind = described.rpartition(" ")[0]
            assert kind in PLAIN or (name, column) == ("publication", "row_counts"), (
                f"{name}.{column}: {kind}"
            )


def test_names_say_what_kind_of_value_a_column_holds(current) -> None:
    suffixes = {
        "_at": {"TIMESTAMP WITH TIME ZONE"},
        "_on": {"DATE"},
        "_date": {"DATE"},
        "_count": {"BIGINT"},
        "_rate": {"DOUBLE"},
        "_code": {"VARCHAR"},
    }
    for name, table in current["tables"].items():
        for column, described in table["columns"].items():
            kind = described.rpartition(" ")[0]
            if column.startswith(("is_", "has_")):
                assert kind == "BOOLEAN", f"{name}.{column}: {kind}"
            for suffix, kinds in suffixes.items():
                if column.endswith(suffix):
                    assert kind in kinds, f"{name}.{column}: {kind}"


def test_every_grain_is_made_of_columns(current) -> None:
    for name, table in current["tables"].items():
        assert table["grain"], name
        assert set(table["grain"]) <= set(table["columns"]), name


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tables/new", {"zh": "新", "grain": ["a"], "columns": {"a": "DATE 日期"}}),
        ("tables/cases/columns/state", "VARCHAR 状态"),
    ],
)
def test_an_addition_is_no_breach(path: str, value: object) -> None:
    assert breaches(SMALL, changed(path, value)) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("tables/units", None, "the table units is gone"),
        ("tables/units/columns/unit_code", None, "units.unit_code is gone"),
        (
            "tables/units/columns/unit_code",
            "BIGINT 单位编码",
            "units.unit_code was VARCHAR 单位编码, is BIGINT 单位编码",
        ),
        (
            "tables/cases/columns/case_id",
            "VARCHAR 编号",
            "cases.case_id was VARCHAR 案件编号, is VARCHAR 编号",
        ),
        ("tables/cases/zh", "案卷", "cases: its zh was 案件, is 案卷"),
        ("tables/cases/grain", ["a"], "cases: its grain was ['case_id'], is ['a']"),
    ],
)
def test_taking_away_or_changing_is_a_breach(path: str, value: object, said: str) -> None:
    assert breaches(SMALL, changed(path, value)) == [said]


def test_another_major_version_may_change_everything() -> None:
    assert breaches(SMALL, {"major": 2, "tables": {}}) == []
