"""Publishing: what a generation holds, how it takes over, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from gridrates.errors import InputError, ResourceError, WarehouseError
from gridrates.published_client import open_published, published_path, read_manifest
from gridrates.settings import Settings
from tests.publishing import (
    CASES,
    DATES,
    FIRST,
    RATES,
    TABLES,
    make_settings,
    open_street,
    publish_street,
    set_version,
)
from warehouse.lock import writer_lock
from warehouse.published_tables import Column, PublicTable, own_tables


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path)


@pytest.fixture
def live(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_street(settings) as connection:
        yield connection


def read(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with open_published(settings) as connection:
        return connection.execute(query).fetchall()


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


# What a generation holds


def test_holds_the_rows_of_the_live_tables_in_the_order_of_their_grain(live, settings) -> None:
    publication = publish_street(live, settings)
    assert publication.rows["cases"] == 100
    assert read(settings, "SELECT case_id, closed_at FROM cases") == (
        live.execute("SELECT case_id, closed_at FROM core_case ORDER BY case_id").fetchall()
    )
    assert read(settings, "SELECT business_date, code, closure_rate FROM daily_rates") == (
        live.execute("SELECT business_date, code, closure_rate FROM out_daily_rates ORDER BY 1, 2").fetchall()
    )


def test_gives_the_columns_in_the_order_of_their_description(live, settings) -> None:
    publish_street(live, settings)
    assert [row[0] for row in read(settings, "DESCRIBE cases")] == list(CASES.columns)


def test_comments_on_every_table_view_and_column(live, settings) -> None:
    publish_street(live, settings)
    mute = """
      SELECT table_name FROM duckdb_tables() WHERE comment IS NULL
      UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL
      UNION ALL SELECT table_name || '.' || column_name FROM duckdb_columns()
      WHERE NOT internal AND comment IS NULL
    """
    assert read(settings, mute) == []
    assert read(settings, "SELECT comment FROM duckdb_tables() WHERE table_name = 'cases'") == [
        ("One row a case; it's small.",)
    ]


def test_has_a_chinese_view_of_every_table(live, settings) -> None:
    publish_street(live, settings)
    assert read(settings, 'SELECT "业务日期", "结案率" FROM zh."每日四率"') == read(
        settings, "SELECT business_date, closure_rate FROM daily_rates"
    )
    tables = [row[0] for row in read(settings, "SELECT count(*) FROM duckdb_tables()")]
    views = [row[0] for row in read(settings, "SELECT count(*) FROM duckdb_views() WHERE schema_name = 'zh'")]
    assert tables == views == [5]


def test_chinese_views_work_under_any_name_of_the_file(live, settings, tmp_path) -> None:
    publication = publish_street(live, settings)
    copy = tmp_path / "for-the-office.duckdb"
    copy.write_bytes(publication.path.read_bytes())
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{copy}' AS anything (READ_ONLY)")
        assert connection.execute('SELECT count(*) FROM anything.zh."案件"').fetchall() == [(100,)]


def test_says_when_and_from_what_it_was_made(live, settings) -> None:
    publish_street(live, settings)
    columns = "generation, run_id, profile, time_zone, first_date, last_date, date_count, held_back_count"
    assert read(settings, f"SELECT {columns}, row_counts FROM publication") == [
        (
            1,
            "run-1",
            "test-street",
            "Asia/Shanghai",
            DATES[0],
            DATES[-1],
            30,
            0,
            {"cases": 100, "daily_rates": 120},
        )
    ]


def test_the_dictionary_describes_every_column_there_is(live, settings) -> None:
    publish_street(live, settings)
    described = read(settings, "SELECT table_name, column_name, data_type FROM data_dictionary ORDER BY ALL")
    existing = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main'"
    assert described == read(settings, f"{existing} AND NOT internal ORDER BY ALL")
    definition = "SELECT table_zh, column_zh, meaning, unit, formula, source FROM data_dictionary"
    assert read(settings, f"{definition} WHERE column_name = 'closure_rate'") == [
        ("每日四率", "结案率", "Closed of due.", "ratio", "closed / due", "own definition")
    ]


def test_descriptions_of_own_tables_match_their_queries(live, settings) -> None:
    publish_street(live, settings)
    for table in own_tables().values():
        assert [row[0] for row in read(settings, f"DESCRIBE {table.name}")] == list(table.columns)
        assert read(settings, f"SELECT count(*) FROM {table.name}")[0][0] > 0


def test_without_any_date_is_published_too(live, settings) -> None:
    publish_street(live, settings, covered=[])
    assert read(settings, "SELECT first_date, last_date, date_count FROM publication") == [(None, None, 0)]
    assert read_manifest(settings)["dates"] == {
        "first": None, "last": None, "count": 0, "missing": [], "held_back": {},
    }  # fmt: skip


def test_writes_the_same_tables_as_parquet(live, settings) -> None:
    publish_street(live, settings)
    folder = settings.published_dir / "current"
    assert {path.stem for path in folder.glob("*.parquet")} == {t.name for t in TABLES} | set(own_tables())
    for table in TABLES:
        rows = duckdb.connect().execute(f"FROM '{folder / table.name}.parquet'").fetchall()
        assert rows == read(settings, f"FROM {table.name}")


def test_the_manifest_counts_and_checks_every_file(live, settings) -> None:
    publish_street(live, settings, covered=DATES[:5] + DATES[7:])
    manifest = read_manifest(settings)
    assert manifest["generation"] == 1
    assert manifest["dates"]["missing"] == ["2026-05-06", "2026-05-07"]
    assert manifest["tables"]["daily_rates"]["rows"] == 120
    assert manifest["tables"]["daily_rates"]["columns"]["business_date"] == "DATE"
    files = [manifest["database"], *(table["parquet"] for table in manifest["tables"].values())]
    assert len(files) == 6
    for file in files:
        content = (settings.published_dir / "current" / file["file"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_can_be_read_by_other_peoples_older_duckdb(live, settings) -> None:
    publication = publish_street(live, settings)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{publication.path}' AS file (READ_ONLY)")
        tags = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'file'"
        ).fetchone()
    assert tags == ({"storage_version": "v1.0.0+"},)


# How a generation takes over


def test_generations_grow_by_one_and_the_link_follows(live, settings) -> None:
    for generation in (1, 2, 3):
        publication = publish_street(live, settings)
        assert publication.generation == generation
        assert settings.current_path.resolve() == publication.path.resolve()
        assert read_manifest(settings)["generation"] == generation
        assert (settings.published_dir / f"gridrates-{generation:06d}.duckdb").samefile(publication.path)


def test_links_are_relative_so_that_the_folder_can_be_moved(live, settings, tmp_path) -> None:
    publish_street(live, settings)
    moved = tmp_path / "elsewhere"
    settings.published_dir.rename(moved)
    with duckdb.connect(str(moved / "current.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM cases").fetchall() == [(100,)]
    assert json.loads((moved / "manifest.json").read_text())["generation"] == 1


def test_every_file_of_a_generation_is_read_only(live, settings) -> None:
    folder = publish_street(live, settings).path.parent
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o444}


def empties_in(settings: Settings) -> set[str]:
    return {path.name for path in settings.published_dir.glob(".empty-*.duckdb")}


def test_leaves_nothing_but_generations_links_and_the_empty_file(live, settings) -> None:
    publish_street(live, settings)
    links = {"current", "current.duckdb", "manifest.json"}
    assert len(empties_in(settings)) == 1
    assert names_in(settings.published_dir) - empties_in(settings) == links | {
        ".publish.lock", "gridrates-000001", "gridrates-000001.duckdb",
    }  # fmt: skip


def test_the_empty_file_is_kept_until_a_table_a_column_or_a_comment_changes(live, settings) -> None:
    publish_street(live, settings)
    first = empties_in(settings)
    publish_street(live, settings)
    assert empties_in(settings) == first
    publish_street(live, settings, (replace(CASES, comment="One row a case, said better."), RATES))
    second = empties_in(settings)
    assert len(second) == 1
    assert second != first
    assert read(settings, "SELECT comment FROM duckdb_tables() WHERE table_name = 'cases'") == [
        ("One row a case, said better.",)
    ]
    live.execute("ALTER TABLE core_case ALTER version TYPE SMALLINT")
    publish_street(live, settings)
    assert empties_in(settings).isdisjoint(first | second)
    assert read(settings, "SELECT any_value(typeof(version)), count(*) FROM cases") == [("SMALLINT", 100)]


def test_nothing_changed_publishes_the_same_rows(live, settings) -> None:
    publish_street(live, settings)
    before = {table.name: read(settings, f"FROM {table.name}") for table in TABLES}
    publish_street(live, settings)
    assert {table.name: read(settings, f"FROM {table.name}") for table in TABLES} == before


def test_the_live_file_remembers_every_generation(live, settings) -> None:
    publish_street(live, settings, held_back={FIRST: ["too low"]})
    publication = publish_street(live, settings)
    columns = "generation, run_id, first_date, date_count, held_back_count, row_count, byte_count"
    assert live.execute(f"SELECT {columns} FROM ops_publication ORDER BY 1").fetchall()[0][:5] == (
        1, "run-1", FIRST + timedelta(days=1), 29, 1,
    )  # fmt: skip
    assert live.execute(f"SELECT {columns} FROM ops_publication ORDER BY 1").fetchall()[1] == (
        2, "run-1", FIRST, 30, 0, sum(publication.rows.values()), publication.byte_count,
    )  # fmt: skip


def test_a_number_is_never_given_twice_though_the_folder_was_deleted(live, settings) -> None:
    publish_street(live, settings)
    settings.published_dir.rename(settings.home_dir / "lost")
    assert publish_street(live, settings).generation == 2


def test_a_number_is_never_given_twice_though_the_live_file_was_replaced(live, settings) -> None:
    publish_street(live, settings)
    live.execute("DELETE FROM ops_publication")
    assert publish_street(live, settings).generation == 2


def test_the_live_connection_is_left_as_it_was(live, settings) -> None:
    before = live.execute("SELECT current_database(), current_schema()").fetchall()
    publish_street(live, settings)
    assert live.execute("SELECT current_database(), current_schema()").fetchall() == before
    names = live.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
    assert names == [("live",)]


def test_sees_the_live_file_at_one_moment(live, settings) -> None:
    """A change committed after the first table was written is in none of them."""
    slow = replace(RATES, name="slow", zh_name="慢", sql="SELECT * FROM out_daily_rates WHERE touch() = 0")

    def touch() -> int:
        with live.cursor() as cursor:
            cursor.execute("INSERT INTO core_case SELECT 9, 'late', now()")
        return 0

    live.create_function("touch", touch, [], "BIGINT", side_effects=True)
    again = replace(CASES, name="cases_again", zh_name="案件二")
    rows = publish_street(live, settings, [CASES, slow, again]).rows
    assert rows["cases"] == rows["cases_again"] == 100
    assert live.execute("SELECT count(*) FROM core_case").fetchone()[0] > 100


# Held-back dates


def test_a_held_back_date_keeps_its_rows_and_says_so(live, settings) -> None:
    publish_street(live, settings)
    set_version(live, 1)
    publish_street(live, settings, held_back={DATES[15]: ["rates in [0, 1]", "children sum to parents"]})
    stale = f"SELECT DISTINCT version FROM daily_rates WHERE business_date = '{DATES[15]}'"
    assert read(settings, stale) == [(0,)]
    assert read(settings, "SELECT count(*) FILTER (version = 1), count(*) FROM daily_rates") == [(116, 120)]
    assert read(settings, "FROM published_dates WHERE is_stale") == [
        (DATES[15], True, 1, "rates in [0, 1]; children sum to parents")
    ]
    assert read(settings, "SELECT date_count, held_back_count FROM publication") == [(29, 1)]
    assert list(read_manifest(settings)["dates"]["held_back"]) == [str(DATES[15])]
    assert read_manifest(settings)["dates"]["missing"] == []


def test_rows_kept_for_a_held_back_date_stand_in_order(live, settings) -> None:
    publish_street(live, settings)
    publish_street(live, settings, held_back={DATES[3]: ["x"]})
    assert read(settings, "SELECT business_date, code FROM daily_rates") == read(
        settings, "SELECT business_date, code FROM daily_rates ORDER BY 1, 2"
    )


def test_a_held_back_date_keeps_its_generation_through_many(live, settings) -> None:
    publish_street(live, settings)
    for _ in range(3):
        publish_street(live, settings, held_back={FIRST: ["x"]})
    kept = "SELECT generation FROM published_dates WHERE business_date = "
    assert read(settings, f"{kept} '{FIRST}'") == [(1,)]
    assert read(settings, f"{kept} '{DATES[1]}'") == [(4,)]


def test_a_held_back_date_that_was_never_published_is_absent(live, settings) -> None:
    publish_street(live, settings, held_back={FIRST: ["x"]})
    assert read(settings, f"SELECT count(*) FROM daily_rates WHERE business_date = '{FIRST}'") == [(0,)]
    assert read(settings, "SELECT generation FROM published_dates WHERE is_stale") == [(None,)]


def test_a_held_back_date_is_released_with_the_next_good_figures(live, settings) -> None:
    publish_street(live, settings)
    set_version(live, 1)
    publish_street(live, settings, held_back={FIRST: ["x"]})
    publish_street(live, settings)
    assert read(settings, "SELECT DISTINCT version FROM daily_rates") == [(1,)]
    assert read(settings, "SELECT count(*) FROM published_dates WHERE is_stale") == [(0,)]


def test_a_column_newer_than_what_was_published_is_empty_for_a_held_back_date(live, settings) -> None:
    publish_street(live, settings)
    live.execute("ALTER TABLE out_daily_rates ADD COLUMN rework_rate DOUBLE DEFAULT 0.5")
    wider = replace(RATES, columns={**RATES.columns, "rework_rate": Column("Reworked.", "返工率")})
    publish_street(live, settings, [CASES, wider], held_back={FIRST: ["x"]})
    query = f"SELECT count(rework_rate), count(*) FROM daily_rates WHERE business_date = '{FIRST}'"
    assert read(settings, query) == [(0, 4)]
    assert read(settings, "SELECT DISTINCT rework_rate FROM daily_rates ORDER BY 1") == [(0.5,), (None,)]


def test_a_table_that_was_not_published_before_has_no_rows_of_a_held_back_date(live, settings) -> None:
    publish_street(live, settings, [CASES])
    publish_street(live, settings, held_back={FIRST: ["x"]})
    assert read(settings, "SELECT count(*) FROM daily_rates") == [(116,)]


def test_rows_without_a_date_are_published_although_dates_are_held_back(live, settings) -> None:
    live.execute("INSERT INTO out_daily_rates VALUES (NULL, 'total', 0.5, 0)")
    publish_street(live, settings, held_back={FIRST: ["x"]})
    assert read(settings, "SELECT count(*) FROM daily_rates WHERE business_date IS NULL") == [(1,)]


# Old generations


@pytest.mark.parametrize("keep", [2, 4])
def test_only_the_newest_generations_are_kept(tmp_path, keep: int) -> None:
    settings = make_settings(tmp_path, keep_generations=keep)
    with open_street(settings) as live:
        for _ in range(6):
            publish_street(live, settings)
    kept = {f"gridrates-{g:06d}" for g in range(7 - keep, 7)}
    found = {name for name in names_in(settings.published_dir) if name.startswith("gridrates-")}
    assert found == kept | {f"{name}.duckdb" for name in kept}


def test_what_dead_publications_left_is_removed(live, settings) -> None:
    publish_street(live, settings)
    left = settings.published_dir / ".building-0123"
    left.mkdir()
    (left / "gridrates.duckdb").write_bytes(b"half")
    (settings.published_dir / ".building-4567").symlink_to("gridrates-000009")
    publish_street(live, settings)
    assert not [name for name in names_in(settings.published_dir) if name.startswith(".building")]


def test_a_generation_that_was_named_but_never_switched_to_is_removed(live, settings) -> None:
    publish_street(live, settings)
    orphan = settings.published_dir / "gridrates-000002"
    orphan.mkdir()
    assert publish_street(live, settings).generation == 3
    assert not orphan.exists()
    assert (settings.published_dir / "gridrates-000001").exists()


def test_foreign_files_in_the_folder_are_left_alone(live, settings) -> None:
    settings.published_dir.mkdir(parents=True)
    for name in ("notes.txt", "gridrates-000001.xlsx", "gridrates-backup.duckdb"):
        (settings.published_dir / name).write_text("mine")
    for _ in range(7):
        publish_street(live, settings)
    assert {"notes.txt", "gridrates-000001.xlsx", "gridrates-backup.duckdb"} <= names_in(
        settings.published_dir
    )


# What is refused


def assert_unharmed(settings: Settings, generation: int = 1) -> None:
    assert read(settings, "SELECT generation FROM publication") == [(generation,)]
    assert not [name for name in names_in(settings.published_dir) if name.startswith(".building")]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (replace(RATES, sql="SELECT *, 1 AS extra FROM out_daily_rates"), "described nowhere: extra"),
        (replace(RATES, sql="SELECT code FROM out_daily_rates"), "missing from its query: business_date"),
        (
            replace(RATES, columns={n: Column("c", "同名") for n in RATES.columns}),
            "share a Chinese name: 同名",
        ),
        (replace(RATES, name="cases"), "are called cases"),
        (replace(RATES, zh_name="数据字典"), "are called 数据字典"),
    ],
)
def test_a_table_that_does_not_match_its_description_is_refused(
    live, settings, table: PublicTable, said: str
) -> None:
    publish_street(live, settings)
    with pytest.raises(InputError, match=said):
        publish_street(live, settings, [CASES, table])
    assert_unharmed(settings)
    assert publish_street(live, settings).generation == 2


def test_a_query_that_fails_leaves_the_generation_before_in_force(live, settings) -> None:
    publish_street(live, settings)
    broken = replace(RATES, sql="SELECT *, error('broken') AS x FROM out_daily_rates")
    broken = replace(broken, columns={**RATES.columns, "x": Column("x", "甲")})
    with pytest.raises(duckdb.Error, match="broken"):
        publish_street(live, settings, [CASES, broken])
    assert_unharmed(settings)
    assert publish_street(live, settings).generation == 2


def test_a_second_publication_at_the_same_time_is_refused(live, settings) -> None:
    publish_street(live, settings)
    lock = settings.published_dir / ".publish.lock"
    with (
        writer_lock(lock, command="gridrates publish", timeout_seconds=0),
        pytest.raises(WarehouseError, match="gridrates publish"),
    ):
        publish_street(live, settings)
    assert_unharmed(settings)


def test_an_interrupted_publication_leaves_nothing_behind(live, settings) -> None:
    publish_street(live, settings)

    def interrupt(step: str) -> None:
        if step == "publish_built":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish_street(live, settings, reached=interrupt)
    assert_unharmed(settings)
    assert publish_street(live, settings).generation == 2


def test_a_file_in_the_place_of_the_folder_is_an_error_with_a_remedy(live, settings) -> None:
    settings.published_dir.write_text("not a folder")
    with pytest.raises(ResourceError, match="cannot be written") as raised:
        publish_street(live, settings)
    assert raised.value.remedy


def test_nothing_published_is_an_error_with_a_remedy(settings) -> None:
    with pytest.raises(WarehouseError, match="Nothing has been published") as raised:
        published_path(settings)
    assert "gridrates run" in raised.value.remedy
    assert read_manifest(settings) is None
