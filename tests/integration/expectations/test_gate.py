"""The gate: what is held back, what goes, what is written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from expectations import record
from expectations.gate import GateResult, check
from gridrates.errors import GateError, InputError
from tests.derived import profile, rows
from tests.events import Row, event, insert_events
from tests.integration.expectations.town import (
    FIRST,
    LAST,
    LEDGER,
    MIDDLE,
    PROFILE_PARTS,
    case_events,
    derive,
    failed,
    judge,
    open_town,
)
from warehouse.migrate import migrate

DAY = f"DATE '{MIDDLE}'"
POISON = f"UPDATE out_daily_rates SET closure_rate = 1.5 WHERE business_date = {DAY} AND level = 'total'"
CURE = f"UPDATE out_daily_rates SET closure_rate = 1 WHERE business_date = {DAY} AND level = 'total'"
SHARE = "out_daily_rates.rate_is_a_share"
MATCH = "out_daily_rates.rate_matches_counts"
UNKNOWN = "raw_landing_batch.counts_add_up"
MONTH = [MIDDLE + timedelta(days=day) for day in range(-15, 15)]
RULE = {"name": "own", "severity": "critical", "zh": "自定规则", "en": "Own rule", "remedy": "Mend it."}


def additions(folder: Path, table: str, **rule: Any) -> Path:
    """A profile's expectations.yaml with one rule."""
    path = folder / "expectations.yaml"
    path.write_text(yaml.safe_dump({"tables": {table: [RULE | rule]}}, allow_unicode=True))
    return path


def table(connection: duckdb.DuckDBPyConnection, name: str, *columns: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {', '.join(columns)} FROM {name} ORDER BY ALL").fetchall()


def held(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return table(
        connection, "ops_quality_hold", "table_name || '.' || rule", "business_date", "failing_count"
    )


# What is held back


def test_a_poisoned_date_among_thirty_is_held_back_alone(town: duckdb.DuckDBPyConnection) -> None:
    town.execute(POISON)
    result = judge(town, "marts", dates=MONTH)
    assert result.passed
    assert result.held_back == {MIDDLE: [SHARE, MATCH]}


def test_a_date_is_released_once_its_data_is_right(town: duckdb.DuckDBPyConnection) -> None:
    town.execute(POISON)
    judge(town, "marts", dates=MONTH)
    town.execute(CURE)
    result = judge(town, "marts", dates=[MIDDLE], run_id="run-2")
    assert result.held_back == {}
    assert held(town) == []
    assert table(town, "ops_quality_quarantine", "*") == []


def test_a_date_that_is_not_checked_stays_held(town: duckdb.DuckDBPyConnection) -> None:
    town.execute(POISON)
    judge(town, "marts", dates=MONTH)
    town.execute(CURE)
    judge(town, "marts", dates=[MIDDLE + timedelta(days=1)], run_id="run-2")
    assert {day for _, day, _ in held(town)} == {MIDDLE}


def test_a_check_of_everything_forgets_every_hold(town: duckdb.DuckDBPyConnection) -> None:
    town.execute(POISON)
    judge(town, "marts", dates=MONTH)
    town.execute(CURE)
    judge(town, "marts", run_id="run-2")
    assert held(town) == []


def test_a_wrong_case_holds_back_every_date_it_counts_on(town: duckdb.DuckDBPyConnection) -> None:
    town.execute(f"UPDATE core_case SET state = 'lost', closed_on = {DAY} + 2 WHERE case_id = 'C040-1'")
    assert set(judge(town, "core").held_back) == {MIDDLE, MIDDLE + timedelta(days=2)}
    assert set(judge(town, "core", dates=MONTH[:16]).held_back) == {MIDDLE}


def test_a_failure_without_a_date_holds_everything_back(town: duckdb.DuckDBPyConnection) -> None:
    town.execute("UPDATE raw_landing_batch SET read_count = read_count + 1")
    result = judge(town, "raw")
    assert not result.passed
    assert result.held_back == {}
    assert held(town) == [(UNKNOWN, None, 1)]


def test_a_warning_tells_and_holds_nothing_back(town: duckdb.DuckDBPyConnection) -> None:
    town.execute("UPDATE core_case SET unit_code = 'U9' WHERE case_id = 'C040-1'")
    result = judge(town, "core")
    assert (result.passed, result.held_back) == (True, {})
    assert [(r.name, r.severity, r.failing_count) for r in result.failures] == [
        ("core_case.unit_known", "warning", 1)
    ]
    assert held(town) == table(town, "ops_quality_quarantine", "*") == []


def test_a_leak_in_a_text_holds_back_the_dates_of_its_case(town: duckdb.DuckDBPyConnection) -> None:
    """An event's text is published with its case: the correcting event must come first."""
    leak = "UPDATE raw_event SET reason = '王13812345678' WHERE subject_id = 'C040-1'"
    town.execute(f"{leak} AND event_type LIKE '%.filed.v1'")
    result = judge(town, "core", dates=MONTH)
    assert result.held_back == {MIDDLE: ["core_case_event.no_personal_data"]}
    keys = [row for (row,) in table(town, "ops_quality_quarantine", "row_key")]
    assert len(keys) == 1
    assert '"kinds":"mobile number"' in keys[0]
    assert "13812345678" not in keys[0]


def test_no_dates_check_no_rows_that_have_dates(town: duckdb.DuckDBPyConnection) -> None:
    town.execute(POISON)
    assert judge(town, "marts", dates=[]).held_back == {}


def test_a_table_that_is_not_there_holds_everything_back(town: duckdb.DuckDBPyConnection) -> None:
    town.execute("DROP TABLE out_open_cases")
    result = judge(town, "marts")
    assert not result.passed
    assert "out_open_cases.table_exists" in failed(result)


# What is raised


def test_failing_data_raises_only_when_asked(town: duckdb.DuckDBPyConnection) -> None:
    town.execute(POISON)
    result = judge(town, "marts")
    with pytest.raises(GateError) as caught:
        result.raise_for_failure()
    assert f"{SHARE} (Every rate that is a share lies between 0 and 1) holds back {MIDDLE}" in str(
        caught.value
    )
    assert caught.value.exit_code == 5
    judge(town, "core").raise_for_failure()


def test_many_dates_are_told_briefly(town: duckdb.DuckDBPyConnection) -> None:
    town.execute("UPDATE out_daily_rates SET closure_rate = 1.5 WHERE level = 'total'")
    with pytest.raises(GateError, match="2025-10-24 and 59 more dates"):
        judge(town, "marts").raise_for_failure()


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"where": "colour = 'red'"}, "colour"),
        ({"where": "state = "}, "syntax error"),
        ({"sql": "SELECT * FROM core_casse"}, "core_casse"),
        ({"sql": "SELECT count(*) AS n FROM core_case HAVING count(*) > 0"}, "case_id"),
        ({"where": "TRUE", "key": ["colour"]}, "colour"),
        ({"expect": "expect_column_values_to_be_red", "kwargs": {"column": "state"}}, "not found"),
        ({"expect": "expect_column_values_to_be_in_set", "kwargs": {"colum": "state"}}, "colum"),
        (
            {"expect": "expect_column_values_to_match_regex", "kwargs": {"column": "state", "regex": "a"}},
            "Regex",
        ),
        ({"expect": "expect_column_values_to_not_be_null", "kwargs": {"column": "colour"}}, "colour"),
    ],
)
def test_a_rule_that_does_not_work_is_named_with_its_file(
    town: duckdb.DuckDBPyConnection, tmp_path: Path, rule: dict[str, Any], says: str
) -> None:
    """One broken predicate fails the statement that counts all of its table: only it may be blamed."""
    path = additions(tmp_path, "core_case", **rule)
    with pytest.raises(InputError) as caught:
        judge(town, "core", additions=path)
    assert str(caught.value).startswith(f"{path}: the rule own of core_case does not work")
    assert says in str(caught.value)
    assert table(town, "ops_quality_result", "*") == []


# What a profile adds


@pytest.mark.parametrize(
    "rule",
    [
        {"where": "case_id = 'C040-1'"},
        {"sql": "SELECT * FROM core_case WHERE case_id = 'C040-1'"},
        {"sql": "own.sql"},
        {
            "expect": "expect_column_values_to_not_be_in_set",
            "kwargs": {"column": "case_id", "value_set": ["C040-1"]},
        },
    ],
    ids=["a predicate", "a query", "a file", "one of Great Expectations' own"],
)
def test_a_critical_rule_of_a_profile_holds_back_and_names_its_rows(
    town: duckdb.DuckDBPyConnection, tmp_path: Path, rule: dict[str, Any]
) -> None:
    tricky = "-- with braces {} and a:colon\nFROM core_case WHERE 'a:b' <> '{x}' AND case_id = 'C040-1'"
    (tmp_path / "own.sql").write_text(tricky)
    result = judge(town, "core", additions=additions(tmp_path, "core_case", **rule))
    assert result.held_back == {MIDDLE: ["core_case.own"]}
    quarantined = table(
        town, "ops_quality_quarantine", "table_name", "rule", "row_key", "business_date", "remedy"
    )
    assert quarantined == [("core_case", "own", '{"case_id":"C040-1"}', MIDDLE, "Mend it.")]


def test_an_expectation_about_no_row_holds_everything_back(
    town: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = additions(
        tmp_path, "core_case", expect="expect_table_row_count_to_be_between", kwargs={"min_value": 10_000}
    )
    result = judge(town, "core", additions=path)
    assert not result.passed
    (own,) = [r for r in result.results if r.rule == "own"]
    assert (own.observed_value, own.failing_count, own.holds_all) == ("256", None, True)


# What is written down


def test_every_rule_of_every_check_is_a_row(town: duckdb.DuckDBPyConnection) -> None:
    town.execute(POISON)
    result = judge(town, "marts")
    judge(town, "core")
    found = rows(town, "SELECT * FROM ops_quality_result WHERE suite = 'marts'")
    assert len(found) == len(result.results)
    share = next(row for row in found if f"{row['table_name']}.{row['rule']}" == SHARE)
    share.pop("checked_at")
    assert share == {
        "run_id": "run-1",
        "suite": "marts",
        "table_name": "out_daily_rates",
        "rule": "rate_is_a_share",
        "severity": "critical",
        "is_passed": False,
        "observed_value": "3",
        "failing_count": 3,
        "detail": f"holds back {MIDDLE}",
        "meaning_zh": "比率在 0 与 1 之间",
        "meaning_en": "Every rate that is a share lies between 0 and 1",
    }


def test_quarantine_names_the_rows_and_says_how_to_mend_them(town: duckdb.DuckDBPyConnection) -> None:
    town.execute(POISON)
    judge(town, "marts")
    found = rows(town, "SELECT * FROM ops_quality_quarantine WHERE rule = 'rate_is_a_share' ORDER BY row_key")
    assert [row["row_key"] for row in found] == [
        f'{{"business_date":"{MIDDLE}","level":"total","code":"total","work_type":"{kind}"}}'
        for kind in ("all", "dispute", "grid_case")
    ]
    assert {(row["run_id"], row["business_date"]) for row in found} == {("run-1", MIDDLE)}
    assert all("a model is wrong" in row["remedy"] for row in found)


@pytest.mark.full
def test_the_same_run_checked_twice_leaves_what_one_check_leaves(town: duckdb.DuckDBPyConnection) -> None:
    town.execute(POISON)
    town.execute("UPDATE raw_landing_batch SET read_count = read_count + 1")

    def written() -> list[list[tuple[Any, ...]]]:
        for suite in ("raw", "core", "marts"):
            judge(town, suite)
        return [
            table(town, "ops_quality_result", "* EXCLUDE (checked_at)"),
            table(town, "ops_quality_hold", "* EXCLUDE (held_at)"),
            table(town, "ops_quality_quarantine", "*"),
            table(town, "ops_quality_mark", "* EXCLUDE (marked_at)"),
        ]

    assert written() == written()


def test_results_of_other_runs_stay(town: duckdb.DuckDBPyConnection) -> None:
    judge(town, "core")
    judge(town, "core", run_id="run-2")
    counts = town.execute(
        "SELECT run_id, count(*) FROM ops_quality_result GROUP BY run_id ORDER BY run_id"
    ).fetchall()
    assert [run for run, _ in counts] == ["run-1", "run-2"]
    assert len({count for _, count in counts}) == 1


def test_what_passed_long_ago_is_forgotten_and_failures_are_not(town: duckdb.DuckDBPyConnection) -> None:
    town.execute("UPDATE core_case SET unit_code = 'U9' WHERE case_id = 'C040-1'")
    judge(town, "core")
    judge(town, "raw")
    town.execute("UPDATE ops_quality_result SET checked_at = checked_at - INTERVAL 31 DAY")
    judge(town, "core", run_id="run-2")
    old = town.execute(
        "SELECT DISTINCT suite, is_passed FROM ops_quality_result WHERE run_id = 'run-1' ORDER BY ALL"
    )
    assert old.fetchall() == [("core", False), ("raw", True)]


def test_quarantine_is_bounded_and_the_count_is_not(
    town: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "QUARANTINE_ROWS", 5)
    town.execute("UPDATE core_case SET state = 'lost'")
    result = judge(town, "core")
    (state,) = [r for r in result.results if r.rule == "state_known"]
    assert state.failing_count == 256
    assert len(state.held_back) == 64
    assert len(table(town, "ops_quality_quarantine", "*")) == 5


def test_what_is_not_committed_is_not_judged_and_stays_open(town: duckdb.DuckDBPyConnection) -> None:
    town.begin()
    town.execute(POISON)
    assert judge(town, "core").passed
    town.rollback()
    assert judge(town, "marts").held_back == {}


# What changed


def grow(town: duckdb.DuckDBPyConnection, batch_id: int, number: int) -> None:
    """Land one more case, in a batch behind the others."""
    (offset,) = town.execute("SELECT max(next_offset) FROM raw_landing_offset").fetchall()[0]
    insert_events(town, case_events(f"N-{number}", datetime(2025, 12, 20, 9), number), batch_id=batch_id)
    town.execute(
        "UPDATE raw_event SET kafka_offset = kafka_offset % 1000000 + ? WHERE batch_id = ?",
        [offset, batch_id],
    )
    town.execute(LEDGER)


def test_batches_that_passed_are_not_judged_again(town: duckdb.DuckDBPyConnection) -> None:
    assert judge(town, "raw").passed
    town.execute("UPDATE raw_event SET outcome = 'perhaps' WHERE subject_id = 'C000-0'")
    grow(town, 2, 1)
    assert judge(town, "raw", run_id="run-2").passed
    town.execute("UPDATE raw_event SET outcome = 'perhaps' WHERE batch_id = 2")
    grow(town, 3, 2)
    assert judge(town, "raw", run_id="run-3").passed


def test_batches_that_did_not_pass_are_judged_until_they_do(town: duckdb.DuckDBPyConnection) -> None:
    judge(town, "raw")
    grow(town, 2, 1)
    town.execute(
        "UPDATE raw_event SET outcome = 'perhaps' WHERE batch_id = 2 AND event_type LIKE '%.filed.v1'"
    )
    assert failed(judge(town, "raw", run_id="run-2")) == {"raw_event.words_known"}
    grow(town, 3, 2)
    assert failed(judge(town, "raw", run_id="run-3")) == {"raw_event.words_known"}
    town.execute("UPDATE raw_event SET outcome = NULL WHERE batch_id = 2 AND event_type LIKE '%.filed.v1'")
    assert failed(judge(town, "raw", run_id="run-4")) == set()


def test_an_event_that_landed_before_and_comes_again_is_seen(town: duckdb.DuckDBPyConnection) -> None:
    """Limited to what is new, a duplicate of what is old must not slip through."""
    judge(town, "raw")
    grow(town, 2, 1)
    town.execute(
        "UPDATE raw_event SET event_id = (SELECT min(event_id) FROM raw_event WHERE batch_id = 1) "
        "WHERE batch_id = 2 AND event_type LIKE '%.filed.v1'"
    )
    assert failed(judge(town, "raw", run_id="run-2")) == {"raw_event.event_unique"}


def test_a_gap_before_the_new_batches_is_seen(town: duckdb.DuckDBPyConnection) -> None:
    judge(town, "raw")
    grow(town, 2, 1)
    town.execute("UPDATE raw_landing_batch SET from_offset = from_offset + 1 WHERE batch_id = 2")
    found = failed(judge(town, "raw", run_id="run-2"))
    assert found >= {"raw_landing_batch.offsets_contiguous"}


ACCEPTED = """
INSERT INTO raw_accepted_loss BY NAME
SELECT
  kafka_topic, kafka_partition, 'log_cut' AS reason_code, 'cut' AS reason_text,
  from_offset + $start AS from_offset, from_offset + $end AS to_offset, now() AS accepted_at,
  'Li' AS accepted_by, '0' AS program_version
FROM raw_landing_batch
WHERE batch_id = 2
"""


@pytest.mark.parametrize(("second", "is_seen"), [(1, False), (2, True)], ids=["in a row", "apart"])
def test_accepted_losses_let_pass_what_they_fill(
    town: duckdb.DuckDBPyConnection, second: int, is_seen: bool
) -> None:
    judge(town, "raw")
    grow(town, 2, 1)
    for start, end in ((0, 1), (second, 3)):
        town.execute(ACCEPTED, {"start": start, "end": end})
    town.execute("UPDATE raw_landing_batch SET from_offset = from_offset + 3 WHERE batch_id = 2")
    found = failed(judge(town, "raw", run_id="run-2"))
    assert ("raw_landing_batch.offsets_contiguous" in found) == is_seen


def test_figures_that_follow_late_events_pass(town: duckdb.DuckDBPyConnection) -> None:
    grow(town, 2, 1)
    derive(town)
    for suite in ("core", "marts"):
        assert failed(judge(town, suite, dates=[date(2025, 12, 20)])) == set()


def test_a_date_goes_by_itself_after_the_correcting_event(town: duckdb.DuckDBPyConnection) -> None:
    """A limit that ends in a year whose working days nobody knows yet, and the extension that mends it."""
    limit = {"work_type": "enforcement", "amount": 300, "unit": "working_day"}
    chosen = profile(**PROFILE_PARTS | {"limits": [*PROFILE_PARTS["limits"], limit]})

    def after(batch_id: int, *events: Row) -> GateResult:
        insert_events(town, events, batch_id=batch_id)
        derive(town, chosen)
        return judge(town, "core", dates=MONTH, run_id=f"run-{batch_id}")

    said = {"grid_code": "G1", "unit_code": "U1", "work_type": "enforcement"}
    filed = [
        event("E1", verb, f"2025-11-29 1{n}:00", "Asia/Shanghai", **said)
        for n, verb in enumerate(("reported", "filed"))
    ]
    assert after(2, *filed).held_back == {MIDDLE: ["core_case.calendar_known"]}
    (row,) = table(town, "ops_quality_quarantine", "row_key", "business_date")
    assert row == ('{"case_id":"E1","missing_year":2027}', MIDDLE)
    extended = event(
        "E1", "extended", "2025-12-01 09:00", "Asia/Shanghai", deadline_at="2026-03-01T18:00:00+08:00"
    )
    assert after(3, extended).held_back == {}
    assert table(town, "ops_quality_quarantine", "*") == held(town) == []


def test_a_file_without_events_passes(tmp_path: Path) -> None:
    with open_town(tmp_path / "live.duckdb") as empty:
        migrate(empty)
        derive(empty)
        for suite in ("raw", "core", "marts"):
            assert failed(judge(empty, suite)) == set()


# The limits of a check


@pytest.mark.parametrize(
    "dates", [[FIRST, LAST], *(pytest.param(dates, marks=pytest.mark.full) for dates in ([FIRST], MONTH))]
)
def test_a_limited_check_sees_what_a_whole_one_sees_on_its_dates(
    town: duckdb.DuckDBPyConnection, dates: Sequence[date]
) -> None:
    town.execute("UPDATE out_unit_daily_rates SET filed_count = filed_count + 1 WHERE unit_code = 'U1'")
    whole = judge(town, "marts").held_back
    assert judge(town, "marts", dates=dates).held_back == {d: whole[d] for d in sorted(dates)}


def test_there_is_no_other_suite(town: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(InputError, match="no suite 'all'"):
        check(town, suite="all", run_id="run-1")


def test_the_raw_suite_needs_no_declarations(town: duckdb.DuckDBPyConnection) -> None:
    assert check(town, suite="raw", run_id="run-1").passed
