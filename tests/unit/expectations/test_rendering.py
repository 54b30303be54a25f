"""Rules filled in: what they may name, when they are off, and what a mistake says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.events import DATA_TYPES
from expectations.rendering import Circumstances, Prepared, ident, literal, own_sql, prepare
from expectations.suites import FOLDER, Family, Rule, TableSuite
from gridrates.errors import InputError

SAID: dict[str, Any] = {"name": "r", "severity": "critical", "zh": "规则", "en": "Rule", "remedy": "Mend it."}
COLUMNS = {
    "case_id": "VARCHAR",
    "reporter_hash": "VARCHAR",
    "reason": "VARCHAR",
    "place": "VARCHAR",
    "reported_on": "DATE",
    "due_on": "DATE",
    "valid_from": "DATE",
    "tags": "VARCHAR[]",
}


def around(columns: dict[str, str] = COLUMNS, scoped: bool = False, **parameters: Any) -> Circumstances:
    return Circumstances(
        catalog="live",
        columns={"core_case": columns},
        parameters=parameters,
        as_of_date=date(2026, 5, 1),
        checked_at=datetime(2026, 5, 1, 12, tzinfo=UTC),
        scoped=frozenset({"core_case"} if scoped else ()),
    )


def one(
    given: Circumstances | None = None, origin: Path = FOLDER / "core_case.yaml", **rule: Any
) -> Prepared | None:
    """One rule of core_case, filled in; None where it is off."""
    suite = TableSuite("core_case", ("case_id",), None, ((Rule.model_validate(SAID | rule), origin),))
    found = prepare(suite, given or around())
    return found[0] if found else None


def where(template: str, given: Circumstances | None = None, **rule: Any) -> str | None:
    prepared = one(given, where=template, **rule)
    return prepared.where if prepared else None


def test_a_predicate_and_the_query_for_its_rows_are_one_text() -> None:
    prepared = one(where="place = 'x'")
    assert prepared is not None
    assert prepared.rows_query == "SELECT * FROM \"core_case\" WHERE place = 'x'"


def test_a_query_is_its_own_query_for_rows() -> None:
    prepared = one(sql="SELECT * FROM {{ everything(table) }};\n")
    assert prepared is not None
    assert prepared.query == prepared.rows_query == 'SELECT * FROM "live"."main"."core_case"'


def test_an_expectation_of_great_expectations_tells_rows_itself() -> None:
    prepared = one(
        expect="expect_column_values_to_be_in_set", kwargs={"value_set": "{{ contract.event_types }}"}
    )
    assert prepared is not None
    assert prepared.rows_query is None
    assert prepared.kwargs == {"value_set": list(DATA_TYPES)}


def test_particulars_keep_their_type() -> None:
    assert where("{{ columns_of | length }}", **{"with": {"columns_of": "{{ key }}"}}) == "1"
    assert where("{{ exactly }}", **{"with": {"exactly": False}}) == "False"


def test_text_is_every_column_of_words_but_names_and_hashes() -> None:
    assert where("f({{ words }})") == 'f(concat_ws(\' \', "reason", "place"))'


def test_a_payload_stands_for_the_columns_beside_it() -> None:
    columns = {"event_id": "VARCHAR", "payload": "VARCHAR", "reason": "VARCHAR"}
    assert where("{{ words }}", around(columns)) == "coalesce(payload, concat_ws(' ', \"reason\"))"


@pytest.mark.parametrize(
    ("template", "given"),
    [
        ("f({{ words }})", around({"case_id": "VARCHAR", "n": "BIGINT"})),
        ("{{ day }} > 1", around()),
        ("x > {{ hours }}", around(hours=None)),
        ("{% for code in measures %}{{ code }}{% endfor %}", around()),
    ],
    ids=["no text", "no business date", "a parameter set to null", "no family"],
)
def test_a_rule_that_names_what_is_not_there_is_off(template: str, given: Circumstances) -> None:
    assert one(given, where=template) is None


def test_a_parameter_switches_a_rule_with_a_file_off() -> None:
    assert one(around(freshness_hours=None), sql="stale_events.sql") is None
    assert one(around(freshness_hours=3), sql="stale_events.sql") is not None


def test_dates_are_the_columns_that_say_when_a_row_counts() -> None:
    prepared = one(where="TRUE")
    assert prepared is not None
    assert prepared.dates == ("reported_on", "due_on")


@pytest.mark.parametrize("dates", [(), ("due_on",)])
def test_a_rule_may_say_its_own_dates(dates: tuple[str, ...]) -> None:
    prepared = one(where="TRUE", dates=dates)
    assert prepared is not None
    assert prepared.dates == dates


def test_a_rule_may_say_its_own_key() -> None:
    prepared = one(where="TRUE", key=("place",))
    assert prepared is not None
    assert prepared.key == ("place",)


@pytest.mark.parametrize("scoped", [False, True])
def test_duplicates_are_also_looked_for_outside_what_is_checked(scoped: bool) -> None:
    prepared = one(around(scoped=scoped), sql="duplicates.sql", **{"with": {"unique": "{{ key }}"}})
    assert prepared is not None
    assert ('"live"."main"."core_case"' in str(prepared.query)) is scoped


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"where": "{{ nowhere }}"}, "'nowhere' is undefined"),
        ({"where": "{{ words"}, "unexpected end of template"),
        ({"sql": "missing.sql"}, "missing.sql"),
        ({"expect": "expect_x", "kwargs": {"a": ["{{ nowhere }}"]}}, "'nowhere' is undefined"),
    ],
)
def test_a_template_that_cannot_be_filled_in_names_rule_and_file(rule: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        one(**rule)
    assert "the rule r of core_case does not work" in str(caught.value)
    assert str(FOLDER / "core_case.yaml") in str(caught.value)
    assert says in str(caught.value)


def test_a_profile_keeps_its_sql_beside_its_additions(tmp_path: Path) -> None:
    (tmp_path / "own.sql").write_text("SELECT 1 -- own")
    prepared = one(origin=tmp_path / "expectations.yaml", sql="own.sql")
    assert prepared is not None
    assert prepared.query == "SELECT 1 -- own"


def test_names_and_texts_are_quoted() -> None:
    assert ident('a"b') == '"a""b"'
    assert literal("it's") == "'it''s'"


def test_own_statements_are_filled_in() -> None:
    assert '"live".t' in own_sql(
        "scoped_by_batches", table="t", after_batch=7, everything=lambda t: f'"live".{t}'
    )


def test_a_family_comes_with_its_parts() -> None:
    family = Family({"a": {"cohort": "c", "count": "done"}, "b": {"cohort": "c", "count": "due"}}, {})
    rule = Rule.model_validate(
        SAID | {"where": "{% for part, whole in parts %}{{ part }} > {{ whole }}{% endfor %}"}
    )
    suite = TableSuite("core_case", ("case_id",), None, ((rule, FOLDER / "x.yaml"),), family=family)
    assert prepare(suite, around())[0].where == "a > b"
