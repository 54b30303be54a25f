"""Upkeep: payloads archived by month and never twice; the file compacted whole or not at all; pruning."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from gridrates import maintenance
from gridrates.cli import app
from gridrates.errors import ResourceError, WarehouseError
from gridrates.pipeline import open_pass
from gridrates.settings import Settings
from tests.published_street import NOW as MAY
from tests.published_street import make_published
from warehouse import archive, compaction
from warehouse.live import open_live

NOW = datetime(2026, 5, 3, 4, 0, tzinfo=UTC)
EVENT = (
    "INSERT INTO raw_event BY NAME SELECT 'e{month}-' || range AS event_id, 's' AS source, "
    "'filed' AS event_type, 'c' AS subject_id, now() AS occurred_at, range AS id_hash, "
    "range AS payload_hash, "
    "'{{\"n\": ' || range || ', \"text\": \"' || repeat('x', {size}) || '\"}}' AS payload, "
    "'t' AS kafka_topic, (range % 3)::INTEGER AS kafka_partition, range // 3 AS kafka_offset, "
    "{batch} AS batch_id, TIMESTAMPTZ '2026-{month}-15 12:00:00+00' AS landed_at FROM range({count})"
)


def land(settings: Settings, month: str, count: int = 300, *, batch: int = 1, size: int = 10) -> None:
    with open_live(settings, command="test") as connection:
        connection.execute(EVENT.format(month=month, count=count, batch=batch, size=size))


def live(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with open_live(settings, command="test") as connection:
        return connection.execute(sql).fetchall()


def archived(settings: Settings, month: str) -> list[tuple[Any, ...]]:
    file = archive.archive_folder(settings) / f"{month}.parquet"
    columns = "kafka_partition, kafka_offset, batch_id, payload"
    return duckdb.sql(f"SELECT {columns} FROM '{file}' ORDER BY ALL").fetchall()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", archive_payload_months=2)


# Archiving


def test_months_that_are_over_for_long_move_to_a_file_each(settings: Settings) -> None:
    for batch, month in enumerate(("01", "02", "03"), start=1):
        land(settings, month, batch=batch)
    before = live(
        settings,
        "SELECT kafka_partition, kafka_offset, batch_id, payload FROM raw_event ",
    )
    assert maintenance.archive(settings, now=NOW) == {"2026-01": 300, "2026-02": 300}
    kept = live(
        settings, "SELECT month(landed_at), count(*), count(payload) FROM raw_event GROUP BY 1 ORDER BY 1"
    )
    assert kept == [(1, 300, 0), (2, 300, 0), (3, 300, 300)]
    assert archived(settings, "2026-01") == [row for row in sorted(before) if row[2] == 1]
    assert not (archive.archive_folder(settings) / "2026-03.parquet").exists()


def test_without_the_setting_nothing_moves(settings: Settings) -> None:
    land(settings, "01")
    assert maintenance.archive(settings.model_copy(update={"archive_payload_months": None}), now=NOW) == {}
    assert live(settings, "SELECT count(payload) FROM raw_event") == [(300,)]


@pytest.mark.parametrize(
    ("months", "moment", "first"),
    [
        (2, datetime(2026, 5, 3, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
        (5, datetime(2026, 5, 31, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)),
        (12, datetime(2026, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)),
    ],
)
def test_which_months_are_over_for_long(months: int, moment: datetime, first: datetime) -> None:
    assert archive._months_before(moment, months) == first


def test_again_nothing_is_left_to_do(settings: Settings) -> None:
    land(settings, "01")
    maintenance.archive(settings, now=NOW)
    before = archived(settings, "2026-01")
    assert maintenance.archive(settings, now=NOW) == {}
    assert archived(settings, "2026-01") == before


def test_a_death_between_file_and_table_loses_and_doubles_nothing(settings: Settings) -> None:
    """The file is there, the table still has the bytes: as if the update had not been committed."""
    land(settings, "01")
    all_of_them = live(settings, "SELECT kafka_partition, kafka_offset, batch_id, payload FROM raw_event")
    with open_live(settings, command="test") as connection:
        connection.begin()
        archive.archive_payloads(connection, settings, now=NOW)
        connection.rollback()
    assert live(settings, "SELECT count(payload) FROM raw_event") == [(300,)]
    assert maintenance.archive(settings, now=NOW) == {"2026-01": 300}
    assert archived(settings, "2026-01") == sorted(all_of_them)


def test_what_turns_up_later_joins_the_file_of_its_month(settings: Settings) -> None:
    land(settings, "01", 100, batch=1)
    maintenance.archive(settings, now=NOW)
    land(settings, "01", 50, batch=2)
    assert maintenance.archive(settings, now=NOW) == {"2026-01": 50}
    assert len(archived(settings, "2026-01")) == 150


def test_a_file_that_lost_something_keeps_the_bytes_in_the_table(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(settings, "01")
    whole = archive.statement
    half = {"archive_rows": lambda text: f"SELECT * FROM ({text}) LIMIT 299"}
    monkeypatch.setattr(archive, "statement", lambda name: half.get(name, lambda text: text)(whole(name)))
    with pytest.raises(WarehouseError, match="1 of the payloads"):
        maintenance.archive(settings, now=NOW)
    assert live(settings, "SELECT count(payload) FROM raw_event") == [(300,)]


@pytest.mark.full
def test_figures_are_the_same_without_payloads(tmp_path: Path) -> None:
    street = make_published(tmp_path, archive_payload_months=1)
    with open_pass(street, "test", now=MAY) as this:
        before = this.connection.execute("FROM out_daily_rates ORDER BY ALL").fetchall()
        this.connection.execute("UPDATE raw_event SET payload = '{}', landed_at = TIMESTAMPTZ '2026-01-05'")
    assert sum(maintenance.archive(street, now=NOW).values()) > 0
    with open_pass(street, "test", now=MAY) as this:
        this.fold(full=True)
        this.compute(this.due_dates() or this.all_dates())
        assert this.connection.execute("FROM out_daily_rates ORDER BY ALL").fetchall() == before


# Compacting


def gappy(settings: Settings) -> None:
    """A file most of which is empty. DuckDB gives free blocks at the end of a file back: others lie there."""
    land(settings, "01", 40_000)
    with open_live(settings, command="test") as connection:
        random = "uuid()::VARCHAR || uuid()::VARCHAR || uuid()::VARCHAR"
        connection.execute(f"UPDATE raw_event SET payload = {random} || {random}")
        connection.execute("CHECKPOINT")
        connection.execute(f"CREATE TABLE last AS SELECT {random} AS text FROM range(20000)")
        connection.execute("CHECKPOINT")
        connection.execute("UPDATE raw_event SET payload = NULL WHERE kafka_offset > 10")
        connection.execute("CHECKPOINT")


def everything(settings: Settings) -> dict[str, Any]:
    with open_live(settings, command="test") as connection:
        tables = connection.execute(
            "SELECT table_name, sql, comment FROM duckdb_tables() ORDER BY ALL"
        ).fetchall()
        rows = {name: connection.execute(f"FROM {name}").fetchall() for name, *_ in tables}
        return {"tables": tables, "rows": rows}


def test_a_file_with_gaps_is_written_anew_and_holds_the_same(settings: Settings) -> None:
    gappy(settings)
    before = everything(settings)
    done = maintenance.compact(settings)
    assert done.is_done
    assert done.free_share > 0.3
    assert done.bytes_after == settings.warehouse_path.stat().st_size < done.bytes_before / 2
    assert everything(settings) == before
    assert not maintenance.compact(settings).is_done, "now there are no gaps"
    land(settings, "02")
    assert live(settings, "SELECT count(*) FROM raw_event WHERE event_id LIKE 'e02%'") == [(300,)]


def test_a_file_without_gaps_is_left_alone_unless_forced(settings: Settings) -> None:
    land(settings, "01")
    inode = settings.warehouse_path.stat().st_ino
    assert not maintenance.compact(settings).is_done
    assert settings.warehouse_path.stat().st_ino == inode
    assert maintenance.compact(settings, force=True).is_done
    assert settings.warehouse_path.stat().st_ino != inode


def test_a_home_without_a_file_is_fine(settings: Settings) -> None:
    assert not maintenance.compact(settings, force=True).is_done


def test_pages_of_the_profile_survive(tmp_path: Path) -> None:
    street = make_published(tmp_path)
    before = everything(street)
    maintenance.compact(street, force=True)
    assert everything(street) == before
    with open_pass(street, "test", now=MAY) as this:
        assert this.publish().generation == 2


def test_nobody_writes_meanwhile(settings: Settings) -> None:
    with open_live(settings, command="a long landing"), pytest.raises(WarehouseError, match="a long landing"):
        maintenance.compact(settings, force=True)


def test_without_room_the_file_stays(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    land(settings, "01")
    usage = compaction.shutil._ntuple_diskusage(10**9, 10**9, 1000)
    monkeypatch.setattr(compaction.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ResourceError, match="GB are free"):
        maintenance.compact(settings, force=True)
    assert live(settings, "SELECT count(*) FROM raw_event") == [(300,)]


def test_a_copy_that_differs_is_not_taken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    land(settings, "01")
    counts = compaction._counts

    def wrong(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, int]:
        return counts(connection, name) | ({"raw_event": 0} if name == "compacted" else {})

    monkeypatch.setattr(compaction, "_counts", wrong)
    with pytest.raises(WarehouseError, match="differs"):
        maintenance.compact(settings, force=True)
    assert live(settings, "SELECT count(*) FROM raw_event") == [(300,)]


@pytest.mark.full
@pytest.mark.parametrize("place", ["_copy", "_switch"])
def test_killed_in_the_middle_the_old_file_is_there_and_the_next_try_works(
    settings: Settings, place: str
) -> None:
    gappy(settings)
    before = everything(settings)
    die = (
        "import os, signal, sys\n"
        "from warehouse import compaction\n"
        "from gridrates.settings import Settings\n"
        f"whole = compaction.{place}\n"
        "def dying(*arguments):\n"
        f"    {place == '_copy'} and whole(*arguments)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"compaction.{place} = dying\n"
        "compaction.compact(Settings(home=sys.argv[1]), force=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", die, str(settings.home)], env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    assert everything(settings) == before
    assert maintenance.compact(settings).is_done
    assert everything(settings) == before
    assert sorted(path.name for path in settings.warehouse_path.parent.glob("live.*")) == [
        "live.duckdb",
        "live.lock",
    ]


# Pruning, and the command


def test_old_generations_go_without_a_publication(tmp_path: Path) -> None:
    street = make_published(tmp_path)
    for _ in range(3):
        with open_pass(street, "test", now=MAY) as this:
            this.publish()
    assert maintenance.prune(street) == []
    few = street.model_copy(update={"keep_generations": 2})
    (few.published_dir / ".building-dead").mkdir()
    assert maintenance.prune(few) == [1, 2]
    assert maintenance.prune(few) == []
    assert not (few.published_dir / ".building-dead").exists()
    assert few.current_path.resolve().parent.name == "gridrates-000004"


def test_nothing_was_ever_published(settings: Settings) -> None:
    assert maintenance.prune(settings) == []


def test_the_command_does_all_of_it_and_again_nothing(settings: Settings) -> None:
    gappy(settings)
    variables = {"GRIDRATES_ARCHIVE_PAYLOAD_MONTHS": "1"}
    words = ["--home", str(settings.home), "maintain", "--json"]
    first = CliRunner().invoke(app, words, env=variables)
    assert first.exit_code == 0, first.output
    answer = json.loads(first.stdout)
    assert set(answer["archived"]) == {"2026-01"} and answer["compaction"]["is_done"]
    again = json.loads(CliRunner().invoke(app, words, env=variables).stdout)
    assert (again["archived"], again["pruned"], again["compaction"]["is_done"]) == ({}, [], False)
    plain = CliRunner().invoke(app, [*words[:-1], "--compact"], env=variables)
    assert "live file" in plain.stdout and "→" in plain.stdout
