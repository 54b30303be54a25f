"""The live file: lock, migrations, profile, and what it says when it cannot be opened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from gridrates.errors import ResourceError, WarehouseError
from gridrates.settings import Settings
from warehouse.live import lock_path, open_live
from warehouse.lock import holder_of, writer_lock
from warehouse.migrate import Migration, migrate, shipped

HOLD = """
import sys, time
from gridrates.settings import Settings
from warehouse.live import open_live
with open_live(Settings(home=sys.argv[1]), command="gridrates land") as connection:
    connection.execute("CREATE TABLE half_done (i INT)")
    print("holding", flush=True)
    time.sleep(60)
"""


def other(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update=changes)


def attempt(settings: Settings) -> None:
    with open_live(settings, command="attempt"):
        pass


@pytest.fixture
def holder(settings: Settings):
    """Another process that holds the warehouse."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.home)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        yield process
        process.kill()


def test_creates_the_file_at_the_last_migration(settings: Settings) -> None:
    with open_live(settings, command="test") as connection:
        numbers = connection.execute("SELECT number FROM ops_migration ORDER BY number").fetchall()
    assert [number for (number,) in numbers] == [migration.number for migration in shipped()]
    assert settings.warehouse_path.exists()


def test_opens_again_and_keeps_what_was_written(settings: Settings) -> None:
    with open_live(settings, command="test") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with open_live(settings, command="test") as connection:
        assert connection.execute("FROM kept").fetchall() == [(42,)]
        assert connection.execute("SELECT count(*) FROM ops_warehouse").fetchall() == [(1,)]


def test_works_in_utc_in_every_cursor(settings: Settings) -> None:
    with open_live(settings, command="test") as connection:
        text = "SELECT CAST(TIMESTAMPTZ '2026-05-01 08:00:00+08' AS VARCHAR)"
        assert connection.execute(text).fetchall() == [("2026-05-01 00:00:00+00",)]
        assert connection.cursor().execute(text).fetchall() == [("2026-05-01 00:00:00+00",)]


def test_honours_the_settings_and_installs_nothing(settings: Settings) -> None:
    with open_live(other(settings, duckdb_threads=3, duckdb_memory_limit="512MB"), command="t") as connection:
        rows = connection.execute("SELECT name, value FROM duckdb_settings()").fetchall()
    now = dict(rows)
    assert now["threads"] == "3"
    assert now["memory_limit"] == "488.2 MiB"
    assert now["temp_directory"] == str(settings.warehouse_path.with_name("spill"))
    assert now["autoinstall_known_extensions"] == "false"


def test_stores_payloads_with_zstd(settings: Settings) -> None:
    """The storage version must be one that knows zstd; an older one ignores the wish silently."""
    with open_live(settings, command="test") as connection:
        connection.execute("CREATE TABLE p (payload VARCHAR USING COMPRESSION zstd)")
        connection.execute("INSERT INTO p SELECT repeat('grid ', 20) || range FROM range(200000)")
        connection.execute("CHECKPOINT")
        kinds = connection.execute(
            "SELECT DISTINCT compression FROM pragma_storage_info('p') WHERE segment_type = 'VARCHAR'"
        ).fetchall()
    assert kinds == [("ZSTD",)]


def test_names_the_writer_that_holds_it(settings: Settings, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(WarehouseError) as caught:
        attempt(settings)
    assert f"process {holder.pid} on {os.uname().nodename}" in caught.value.message
    assert "running `gridrates land`" in caught.value.message
    assert "GRIDRATES_LOCK_TIMEOUT_SECONDS" in caught.value.remedy


def test_waits_for_the_writer_to_finish(settings: Settings, holder: subprocess.Popen[str]) -> None:
    killer = subprocess.Popen(["/bin/sh", "-c", f"sleep 0.5; kill -9 {holder.pid}"])
    with open_live(other(settings, lock_timeout_seconds=20), command="patient") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert killer.wait() == 0


def test_takes_over_from_a_killed_writer(settings: Settings, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert f"process {holder.pid}" in holder_of(lock_path(settings)), "the dead one's name is still there"
    with open_live(settings, command="heir") as connection:
        assert connection.execute("SELECT count(*) FROM half_done").fetchone() == (0,)
        assert json.loads(lock_path(settings).read_text())["command"] == "heir"


def test_refuses_itself_a_second_time(settings: Settings) -> None:
    with open_live(settings, command="first"), pytest.raises(WarehouseError, match="running `first`"):
        attempt(settings)


def test_releases_the_lock_after_a_failure(settings: Settings) -> None:
    with pytest.raises(RuntimeError, match="on purpose"), open_live(settings, command="fails"):
        raise RuntimeError("on purpose")
    with open_live(settings, command="next"):
        holder = json.loads(lock_path(settings).read_text())
    assert datetime.fromisoformat(holder["since"]).tzinfo is not None
    assert lock_path(settings).read_text() == ""


def test_a_child_that_inherits_the_lock_file_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "live.lock"
    with writer_lock(path, command="parent", timeout_seconds=0) as file:
        heir = os.dup(file.fileno())
    try:
        with writer_lock(path, command="next", timeout_seconds=0):
            pass
    finally:
        os.close(heir)


def test_says_so_when_nobody_signed_the_lock(tmp_path: Path) -> None:
    (tmp_path / "live.lock").write_text("{}")
    assert holder_of(tmp_path / "live.lock") == "a process that has not said who it is"
    assert holder_of(tmp_path / "absent.lock") == "a process that has not said who it is"


def test_refuses_another_profile(settings: Settings) -> None:
    with open_live(other(settings, profile="boston-311"), command="test"):
        pass
    with pytest.raises(WarehouseError, match=r"holds the profile 'boston-311'.*'demo-street'"):
        attempt(settings)


def test_a_profile_given_as_a_path_is_known_by_its_folder(settings: Settings) -> None:
    with open_live(other(settings, profile="some/where/boston-311/"), command="test"):
        pass
    with open_live(other(settings, profile="boston-311"), command="test") as connection:
        assert connection.execute("SELECT profile FROM ops_warehouse").fetchone() == ("boston-311",)


def test_refuses_a_file_of_a_newer_program(settings: Settings) -> None:
    with open_live(settings, command="test") as connection:
        connection.execute("INSERT INTO ops_migration VALUES (9001, 'from_the_future', now(), '9.9')")
    with pytest.raises(WarehouseError, match=r"gridrates 9\.9 \(migration 9001\)"):
        attempt(settings)


def test_a_failed_migration_leaves_nothing(settings: Settings) -> None:
    steps = (
        Migration(9001, "good", "CREATE TABLE good (i INT)"),
        Migration(9002, "bad", "CREATE TABLE half (i INT); SELECT no_such_column"),
    )
    with open_live(settings, command="test") as connection:
        with pytest.raises(duckdb.BinderException):
            migrate(connection, (*shipped(), *steps))
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        assert "good" in tables
        assert "half" not in tables
        mended = Migration(9002, "bad", "CREATE TABLE half (i INT)")
        assert migrate(connection, (*shipped(), steps[0], mended)) == [9002]


def test_migrations_are_numbered_without_gap_or_double(tmp_path: Path) -> None:
    assert [migration.number for migration in shipped()] == list(range(1, len(shipped()) + 1))
    for name in ("0001_one.sql", "0001_another.sql"):
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(ValueError, match="share a number"):
        shipped(tmp_path)


def test_says_where_it_cannot_write(settings: Settings) -> None:
    settings.home.parent.mkdir(parents=True, exist_ok=True)
    settings.home.write_text("a file is in the way")
    with pytest.raises(ResourceError, match="cannot be written"):
        attempt(settings)


def test_says_that_the_file_is_no_warehouse(settings: Settings) -> None:
    settings.warehouse_path.parent.mkdir(parents=True)
    settings.warehouse_path.write_text("these are not the bytes you are looking for" * 500)
    with pytest.raises(WarehouseError, match="not a sound warehouse file"):
        attempt(settings)


def test_says_that_a_reader_has_the_live_file_open(settings: Settings) -> None:
    with open_live(settings, command="test"):
        pass
    reading = (
        f"import duckdb; c = duckdb.connect({str(settings.warehouse_path)!r}, read_only=True); "
        "print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", reading], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        with pytest.raises(WarehouseError, match=f"open in another program .*{reader.pid}"):
            attempt(settings)
        reader.communicate("\n")
