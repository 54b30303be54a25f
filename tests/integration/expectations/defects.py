"""For every rule of a shipped suite, SQL that plants what it exists for, and how that is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb

from tests.integration.expectations.town import LAST, MIDDLE

IDENTITY = "11010519491231002X"
DAY = f"DATE '{MIDDLE}'"
CASE = "case_id = 'C040-1'"
ROW = f"business_date = {DAY} AND work_type = 'grid_case'"
BOTH = f"business_date = {DAY} AND work_type IN ('all', 'grid_case')"
BUSY = f"DATE '{MIDDLE + timedelta(days=20)}'"
LAST_WEEK = tuple(LAST - timedelta(days=day) for day in range(7))


@dataclass(frozen=True)
class Defect:
    """SQL that plants what `rule` must find; `also` are rules that cannot help seeing it too.

    The rows of the rule's table and of `others` are put back to mend it; `mend` does what that cannot. A
    check of it takes `dates` and values of parameters of its own.
    """

    rule: str
    plant: str
    also: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    mend: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    dates: Sequence[date] | None = None

    @property
    def tables(self) -> set[str]:
        return {self.rule.partition(".")[0], *self.others}


@contextmanager
def planted(connection: duckdb.DuckDBPyConnection, defect: Defect) -> Iterator[None]:
    """The defect while the block runs; mended afterwards."""
    views = {name for (name,) in connection.execute("SELECT view_name FROM duckdb_views()").fetchall()}
    tables = sorted(defect.tables - views)
    for table in tables:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE saved_{table} AS FROM {table}")
    try:
        connection.execute(defect.plant)
        yield
    finally:
        if defect.mend.strip("; "):
            connection.execute(defect.mend)
        else:
            for table in tables:
                connection.execute(f"DELETE FROM {table}; INSERT INTO {table} BY NAME FROM saved_{table}")


FIRST_EVENT = "event_id = (SELECT min(event_id) FROM raw_event)"
# A ledger that knows of two refused records behind the landed ones.
TWO_REFUSED = """
UPDATE raw_landing_batch SET to_offset = to_offset + 2, read_count = read_count + 2, rejected_count = 2;
UPDATE raw_landing_offset SET next_offset = next_offset + 2;
"""
LEDGER = ("raw_landing_batch", "raw_landing_offset")


def refused(reject_id: int, offset: str, reason: str = "not_json") -> str:
    """SQL that adds a refused record at an offset of the only batch."""
    return f"""
    INSERT INTO raw_rejected_event BY NAME
    SELECT
      {reject_id} AS reject_id, '{reason}' AS reason_code, 'cut' AS reason_text,
      kafka_topic, kafka_partition, {offset} AS kafka_offset, batch_id, now() AS rejected_at, 'open' AS status
    FROM raw_landing_batch;
    """


RAW = [
    Defect(
        "raw_event.columns_as_contract",
        "ALTER TABLE raw_event ALTER household_count TYPE VARCHAR",
        mend="ALTER TABLE raw_event ALTER household_count TYPE BIGINT",
    ),
    Defect(
        "raw_event.event_unique",
        f"""
        INSERT INTO raw_event
        SELECT * REPLACE ((SELECT max(kafka_offset) + 1 FROM raw_event) AS kafka_offset)
        FROM raw_event WHERE {FIRST_EVENT};
        UPDATE raw_landing_batch
        SET to_offset = to_offset + 1, read_count = read_count + 1, landed_count = landed_count + 1;
        UPDATE raw_landing_offset SET next_offset = next_offset + 1;
        """,
        others=LEDGER,
    ),
    Defect(
        "raw_event.position_unique",
        f"UPDATE raw_event SET kafka_offset = (SELECT max(kafka_offset) FROM raw_event) WHERE {FIRST_EVENT}",
    ),
    Defect("raw_event.event_in_ledger", f"UPDATE raw_event SET kafka_offset = 5 WHERE {FIRST_EVENT}"),
    Defect(
        "raw_event.event_type_known",
        f"UPDATE raw_event SET event_type = 'gridrates.case.forgotten.v1' WHERE {FIRST_EVENT}",
    ),
    Defect("raw_event.words_known", f"UPDATE raw_event SET outcome = 'perhaps' WHERE {FIRST_EVENT}"),
    Defect(
        "raw_event.required_there",
        """
        UPDATE raw_event SET unit_code = NULL
        WHERE subject_id = 'C040-1' AND event_type = 'gridrates.case.dispatched.v1'
        """,
    ),
    Defect(
        "raw_event.not_from_the_future",
        f"UPDATE raw_event SET occurred_at = landed_at + INTERVAL 2 HOUR WHERE {FIRST_EVENT}",
    ),
    Defect(
        "raw_event.not_from_long_ago",
        f"UPDATE raw_event SET occurred_at = TIMESTAMPTZ '1999-12-31 00:00:00+00' WHERE {FIRST_EVENT}",
    ),
    Defect(
        "raw_event.fresh",
        "UPDATE raw_event SET occurred_at = occurred_at - INTERVAL 5000 DAY",
        parameters={"freshness_hours": 24 * 5000},
    ),
    Defect(
        "raw_event.no_personal_data",
        f"""UPDATE raw_event SET payload = '{{"phone":"13812345678"}}' WHERE {FIRST_EVENT}""",
    ),
    Defect(
        "raw_landing_batch.batch_unique",
        "INSERT INTO raw_landing_batch SELECT * FROM raw_landing_batch",
        also=("raw_landing_batch.offsets_contiguous",),
    ),
    Defect("raw_landing_batch.counts_add_up", "UPDATE raw_landing_batch SET read_count = read_count + 1"),
    Defect(
        "raw_landing_batch.landed_are_there",
        "UPDATE raw_landing_batch SET landed_count = landed_count - 1, duplicate_count = 1",
    ),
    Defect(
        "raw_landing_batch.rejected_are_there",
        "UPDATE raw_landing_batch SET read_count = read_count + 1, rejected_count = 1",
    ),
    Defect(
        "raw_landing_batch.offsets_contiguous",
        """
        INSERT INTO raw_landing_batch
        SELECT * REPLACE (
          2 AS batch_id, to_offset + 7 AS from_offset, to_offset + 9 AS to_offset, 2 AS read_count,
          0 AS landed_count, 2 AS duplicate_count
        ) FROM raw_landing_batch;
        UPDATE raw_landing_offset SET next_offset = next_offset + 9;
        """,
        others=LEDGER,
    ),
    Defect(
        "raw_landing_batch.ends_at_offset",
        "UPDATE raw_landing_offset SET next_offset = next_offset - 1",
        others=LEDGER,
    ),
    Defect(
        "raw_landing_batch.runs_forward",
        "UPDATE raw_landing_batch SET committed_at = started_at - INTERVAL 1 MINUTE",
    ),
    Defect(
        "raw_landing_batch.few_rejected",
        TWO_REFUSED + refused(1, "to_offset - 2") + refused(2, "to_offset - 1"),
        others=(*LEDGER, "raw_rejected_event"),
        parameters={"rejected_share": 0.001},
    ),
    Defect(
        "raw_rejected_event.reject_unique",
        TWO_REFUSED + refused(1, "to_offset - 2") + refused(1, "to_offset - 1"),
        others=LEDGER,
    ),
    Defect(
        "raw_rejected_event.position_unique",
        TWO_REFUSED + refused(1, "to_offset - 1") + refused(2, "to_offset - 1"),
        others=LEDGER,
    ),
    Defect(
        "raw_rejected_event.reject_in_ledger",
        TWO_REFUSED + refused(1, "to_offset - 1") + refused(2, "to_offset + 5"),
        others=LEDGER,
    ),
    Defect(
        "raw_rejected_event.landed_or_refused",
        TWO_REFUSED + refused(1, "to_offset - 1") + refused(2, "from_offset"),
        others=LEDGER,
    ),
    Defect(
        "raw_rejected_event.reason_given",
        TWO_REFUSED + refused(1, "to_offset - 2") + refused(2, "to_offset - 1", reason=" "),
        others=LEDGER,
    ),
]

CORE = [
    Defect("core_case.state_known", f"UPDATE core_case SET state = 'lost' WHERE {CASE}"),
    Defect(
        "core_case.times_in_order",
        f"UPDATE core_case SET dispatched_at = filed_at - INTERVAL 1 HOUR WHERE {CASE}",
    ),
    Defect(
        "core_case.due_in_order",
        f"UPDATE core_case SET due_at = deadline_at + INTERVAL 1 HOUR WHERE {CASE}",
    ),
    Defect(
        "core_case.on_time_only_when_finished",
        f"UPDATE core_case SET finished_at = NULL, due_at = deadline_at WHERE {CASE}",
    ),
    Defect(
        "core_case.late_is_not_on_time",
        f"""
        UPDATE core_case
        SET deadline_at = finished_at - INTERVAL 1 HOUR, due_at = finished_at - INTERVAL 1 HOUR WHERE {CASE}
        """,
    ),
    Defect("core_case.counts_not_negative", f"UPDATE core_case SET return_count = -1 WHERE {CASE}"),
    *(
        Defect(f"{table}.calendar_known", f"UPDATE {table} SET is_beyond_calendar = TRUE WHERE {CASE}")
        for table in ("core_case", "core_dispatch_task")
    ),
    Defect(
        "core_check.calendar_known",
        f"""
        INSERT INTO core_check BY NAME
        SELECT
          case_id, 'K1' AS check_id, filed_at AS issued_at, {DAY} AS checked_on, TRUE AS is_beyond_calendar
        FROM core_case WHERE {CASE}
        """,
    ),
    Defect(
        "core_case.few_contradictions",
        "UPDATE core_case SET anomalies = ['clock_backwards'] WHERE case_id LIKE '%-0'",
    ),
    Defect("core_case.grid_known", f"UPDATE core_case SET grid_path_id = 'unassigned' WHERE {CASE}"),
    Defect("core_case.unit_known", f"UPDATE core_case SET unit_code = 'U9' WHERE {CASE}"),
    Defect("core_case.category_known", f"UPDATE core_case SET category_system = '2007' WHERE {CASE}"),
    Defect("core_case.channel_known", f"UPDATE core_case SET channel = 'pigeon' WHERE {CASE}"),
    Defect("core_case.merged_into_known", f"UPDATE core_case SET merged_into = 'C999' WHERE {CASE}"),
    Defect("core_case.work_type_known", f"UPDATE core_case SET work_type = 'river' WHERE {CASE}"),
    Defect(
        "core_case.categories_steady",
        f"UPDATE core_case SET category_code = '0102' WHERE reported_on > DATE '{LAST}' - 7",
        dates=LAST_WEEK,
    ),
    Defect(
        "core_case.channels_steady",
        f"UPDATE core_case SET channel = 'patrol' WHERE reported_on > DATE '{LAST}' - 7",
        dates=LAST_WEEK,
    ),
    Defect(
        "core_case_event.no_personal_data",
        """
        UPDATE raw_event SET reason = '请联系 zhang@example.cn'
        WHERE subject_id = 'C040-1' AND event_type = 'gridrates.case.filed.v1'
        """,
        others=("raw_event",),
    ),
    Defect("core_dispatch_task.of_a_case", f"UPDATE core_dispatch_task SET case_id = 'C999' WHERE {CASE}"),
    Defect(
        "core_dispatch_task.due_in_order",
        f"UPDATE core_dispatch_task SET sign_due_at = dispatched_at WHERE {CASE}",
    ),
    Defect(
        "core_dispatch_task.on_time_only_when_signed",
        f"""
        UPDATE core_dispatch_task
        SET signed_at = NULL, sign_due_at = NULL, is_signed_on_time = TRUE WHERE {CASE}
        """,
    ),
    Defect(
        "core_dispatch_task.signed_after_dispatch",
        f"UPDATE core_dispatch_task SET dispatched_at = signed_at + INTERVAL 1 HOUR WHERE {CASE}",
    ),
    Defect(
        "core_dispatch_task.signed_before_handling",
        f"UPDATE core_dispatch_task SET handled_at = signed_at - INTERVAL 1 HOUR WHERE {CASE}",
    ),
    Defect("core_dispatch_task.unit_known", f"UPDATE core_dispatch_task SET unit_code = 'U9' WHERE {CASE}"),
    Defect("core_visit.of_a_case", f"UPDATE core_visit SET case_id = 'C999' WHERE {CASE}"),
    Defect("core_visit.points_are_a_share", f"UPDATE core_visit SET satisfaction_points = 1.2 WHERE {CASE}"),
    Defect("core_visit.rating_only_when_valid", f"UPDATE core_visit SET is_valid_visit = FALSE WHERE {CASE}"),
    *(
        Defect(
            f"core_activity.{rule}",
            f"UPDATE raw_event SET {change} WHERE subject_id = 'A007'",
            others=("raw_event",),
        )
        for rule, change in (
            ("corrected_within_found", "corrected_count = 3"),
            ("settled_within_raised", "matter_settled_count = 2"),
            ("ends_after_begin", "ended_at = started_at - INTERVAL 1 HOUR"),
            ("grid_known", "grid_code = 'G9'"),
            ("opened_cases_known", "case_ids = ['C999']"),
            ("place_known", "activity_kind = 'place_inspection', place_id = 'P9'"),
        )
    ),
    Defect(
        "core_project.one_kind",
        "UPDATE raw_event SET project_kind = 'water_tank' WHERE subject_id = 'P1' AND stage = 'signed'",
        others=("raw_event",),
    ),
    Defect(
        "core_project.grid_known",
        "UPDATE raw_event SET grid_code = 'G9' WHERE subject_id = 'P1'",
        others=("raw_event",),
    ),
]

DAILY = ("out_daily_rates", "out_unit_daily_rates", "out_category_daily_rates", "out_channel_daily_rates")


def everywhere(sql: str) -> str:
    """The same in the daily rates by grid, by unit, by category and by channel."""
    return "; ".join(sql.format(table=table) for table in DAILY)


MARTS = [
    Defect(
        "out_activity_ranking.listed_by_its_thresholds",
        """
        ALTER VIEW out_activity_ranking RENAME TO listed;
        CREATE VIEW out_activity_ranking AS SELECT * REPLACE ('black' AS list_colour) FROM listed
        """,
        mend="DROP VIEW out_activity_ranking; ALTER VIEW listed RENAME TO out_activity_ranking",
    ),
    Defect(
        "out_daily_rates.total_there",
        f"DELETE FROM out_daily_rates WHERE level = 'total' AND business_date = {DAY}",
        also=(
            *(f"out_daily_rates.total_is_sum_of_{parts}" for parts in ("units", "categories", "channels")),
            "out_daily_rates.node_within_total",
            "out_period_rates.days_add_up",
        ),
    ),
    Defect(
        "out_daily_rates.all_is_sum_of_work_types",
        f"""
        UPDATE out_daily_rates SET handled_count = handled_count - 1
        WHERE {ROW} AND level = 'grid' AND code = 'G1'
        """,
        also=("out_period_rates.days_add_up",),
    ),
    *(
        Defect(
            f"out_daily_rates.total_is_sum_of_{parts}",
            f"UPDATE {table} SET handled_count = handled_count + 1 WHERE {ROW}",
            others=(table,),
        )
        for parts, table in zip(("units", "categories", "channels"), DAILY[1:], strict=True)
    ),
    Defect(
        "out_daily_rates.children_within_parent",
        f"UPDATE out_daily_rates SET handled_count = handled_count - 1 WHERE {BOTH} AND level = 'street'",
        also=("out_period_rates.days_add_up",),
    ),
    Defect(
        "out_daily_rates.node_within_total",
        f"UPDATE out_daily_rates SET handled_count = handled_count + 9 WHERE {BOTH} AND code IN ('S', 'G1')",
        also=("out_period_rates.days_add_up",),
    ),
    Defect(
        "out_daily_rates.volume_like_weekday",
        everywhere(
            "UPDATE {table} SET reported_count = 10 * reported_count, self_disposed_share = 0 "
            f"WHERE business_date = {BUSY}"
        ),
        also=("out_period_rates.days_add_up",),
        others=DAILY,
    ),
    Defect(
        "out_daily_rates.fresh",
        everywhere(f"DELETE FROM {{table}} WHERE business_date > {BUSY} - 3"),
        also=("out_period_rates.days_add_up",),
        others=DAILY,
    ),
    Defect(
        "out_period_rates.days_add_up",
        """
        UPDATE out_period_rates SET handled_count = handled_count + 1
        WHERE period_type = 'week' AND level = 'total' AND work_type = 'all'
        """,
    ),
    Defect(
        "out_period_rates.span_known",
        """
        UPDATE out_period_rates SET period_end = period_start - 1
        WHERE period_type = 'week' AND level = 'unit'
        """,
    ),
]

OF_SUITE = {"raw": RAW, "core": CORE, "marts": MARTS}

# Rules that every declared table has. The defect is planted in the first row of each table at once.
OF_EVERY_TABLE = {
    "columns_as_declared": (
        "ALTER TABLE {table} ADD COLUMN extra INTEGER",
        "ALTER TABLE {table} DROP COLUMN extra",
    ),
    "key_unique": ("INSERT INTO {table} SELECT * FROM {table} WHERE {row}", ""),
    "key_not_null": ("UPDATE {table} SET {key} = NULL WHERE {row}", ""),
    "no_personal_data": (f"UPDATE {{table}} SET {{text}} = '见 {IDENTITY}' WHERE {{row}}", ""),
    "not_in_the_future": ("UPDATE {table} SET business_date = DATE '2030-01-01' WHERE {row}", ""),
    "counts_not_negative": ("UPDATE {table} SET extended_count = -1 WHERE {row}", ""),
    "parts_within_whole": ("UPDATE {table} SET closed_count = 0, closed_on_time_count = 1 WHERE {row}", ""),
    "rate_is_a_share": ("UPDATE {table} SET closure_rate = 1.5 WHERE {row}", ""),
    "no_rate_without_denominator": ("UPDATE {table} SET closure_rate = NULL WHERE {row}", ""),
    "rate_matches_counts": ("UPDATE {table} SET closure_on_time_rate = 0.123 WHERE {row}", ""),
}
# Those that do not need the indicator family.
OF_ANY_DECLARED = {"columns_as_declared", "key_unique", "key_not_null", "no_personal_data"}
# What a defect of every table is seen by beside its own rule, as the same defect under another name.
SEEN_BY = {"rate_is_a_share": {"rate_matches_counts"}}
